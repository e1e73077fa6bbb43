/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/web/request.h"
#include "tests/unit/run_suite.h"

static void add(WebHeaders *headers, const char *name, const char *value)
{
    web_headers_add(headers, name, strlen(name), value, strlen(value));
}

static unsigned check(const WebHeaders *headers, gint64 max_bytes)
{
    const WebTarget target = web_target_parse("POST", "/github/webhook");
    gint64 length = -1;
    const char *why = NULL;
    unsigned status = web_head_check(&target, headers, max_bytes, &length, &why);
    ck_assert(status == 0 || why);
    return status;
}

START_TEST(paths_have_one_spelling_and_methods_one_meaning)
{
    ck_assert_int_eq(web_target_parse("GET", "/healthz").endpoint, WEB_HEALTH);
    ck_assert_int_eq(web_target_parse("POST", "/github/webhook").endpoint, WEB_GITHUB_WEBHOOK);
    ck_assert_uint_eq(web_target_parse("POST", "/healthz").status, 405);
    ck_assert_str_eq(web_target_parse("GET", "/github/webhook").allowed, "POST");
    static const char *const strange[] = {"",
                                          "/",
                                          "//healthz",
                                          "/healthz/",
                                          "/%68ealthz",
                                          "/healthz%00",
                                          "/../healthz",
                                          "/./healthz",
                                          "/healthz/../healthz",
                                          "/HEALTHZ",
                                          "healthz",
                                          "*"};
    for (gsize i = 0; i < G_N_ELEMENTS(strange); i++)
        ck_assert_uint_eq(web_target_parse("GET", strange[i]).status, 404);
}
END_TEST

START_TEST(gradescope_paths_name_an_assignment_and_a_number)
{
    const WebTarget submit = web_target_parse("POST", "/api/v1/gradescope/m1/submissions");
    ck_assert_int_eq(submit.endpoint, WEB_GRADESCOPE_SUBMIT);
    ck_assert_str_eq(submit.assignment, "m1");
    const WebTarget result = web_target_parse("GET", "/api/v1/gradescope/m1/submissions/123");
    ck_assert_int_eq(result.endpoint, WEB_GRADESCOPE_RESULT);
    ck_assert_str_eq(result.number, "123");
    ck_assert_str_eq(web_target_parse("GET", "/api/v1/gradescope/m1/submissions").allowed, "POST");
    ck_assert_uint_eq(web_target_parse("DELETE", "/api/v1/gradescope/m1/submissions/123").status, 405);
    static const char *const strange[] = {"/api/v1/gradescope/",
                                          "/api/v1/gradescope//submissions",
                                          "/api/v1/gradescope/m1",
                                          "/api/v1/gradescope/m1/submissionsx",
                                          "/api/v1/gradescope/m1/submissions/",
                                          "/api/v1/gradescope/m1/submissions/1x",
                                          "/api/v1/gradescope/m1/submissions/1/2",
                                          "/api/v1/gradescope/m%31/submissions",
                                          "/api/v1/gradescope/m1/submissions/123456789012345678901"};
    for (gsize i = 0; i < G_N_ELEMENTS(strange); i++)
        ck_assert_uint_eq(web_target_parse("GET", strange[i]).status, 404);
}
END_TEST

START_TEST(a_key_is_known_by_its_hash)
{
    g_autofree char *hash = web_key_hash("Bearer abc");
    ck_assert_str_eq(hash, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static const char *const none[] = {NULL, "", "Bearer ", "Bearer a b", "Basic abc", "abc"};
    for (gsize i = 0; i < G_N_ELEMENTS(none); i++)
        ck_assert_ptr_null(web_key_hash(none[i]));
}
END_TEST

START_TEST(a_wait_is_a_number_of_seconds)
{
    gint64 seconds = -1;
    ck_assert(web_wait_seconds(NULL, &seconds) && seconds == 0);
    ck_assert(web_wait_seconds("25", &seconds) && seconds == 25);
    ck_assert(web_wait_seconds("9999999", &seconds) && seconds == 60);
    ck_assert(!web_wait_seconds("-1", &seconds) && !web_wait_seconds("", &seconds) &&
              !web_wait_seconds("1s", &seconds));
}
END_TEST

START_TEST(a_length_is_needed_once_and_is_digits)
{
    static const struct {
        const char *length;
        unsigned status;
    } cases[] = {{"0", 0},
                 {"5", 0},
                 {"10", 0},
                 {"11", 413},
                 {"+5", 400},
                 {"-1", 400},
                 {"5 ", 400},
                 {"0x5", 400},
                 {"", 400},
                 {"5, 5", 400},
                 {"99999999999999999999999", 400}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        WebHeaders headers = {0};
        add(&headers, "Host", "h");
        add(&headers, "content-length", cases[i].length);
        ck_assert_msg(check(&headers, 10) == cases[i].status, "\"%s\"", cases[i].length);
    }
    WebHeaders none = {0};
    add(&none, "Host", "h");
    ck_assert_uint_eq(check(&none, 10), 411);
    WebHeaders doubled = {0};
    add(&doubled, "Host", "h");
    add(&doubled, "Content-Length", "5");
    add(&doubled, "CONTENT-LENGTH", "5");
    ck_assert_uint_eq(check(&doubled, 10), 400);
}
END_TEST

START_TEST(what_smuggles_requests_is_refused)
{
    WebHeaders both = {0};
    add(&both, "Host", "h");
    add(&both, "Content-Length", "5");
    add(&both, "Transfer-Encoding", "chunked");
    ck_assert_uint_eq(check(&both, 10), 400);
    WebHeaders chunked = {0};
    add(&chunked, "Host", "h");
    add(&chunked, "Transfer-Encoding", "chunked");
    ck_assert_uint_eq(check(&chunked, 10), 411);
    WebHeaders nameless = {0};
    add(&nameless, "Host", "h");
    add(&nameless, "Content-Length ", "5");
    ck_assert_uint_eq(check(&nameless, 10), 400);
    WebHeaders split = {0};
    add(&split, "Host", "h\r\nContent-Length: 5");
    add(&split, "Content-Length", "5");
    ck_assert_uint_eq(check(&split, 10), 400);
    WebHeaders hostless = {0};
    add(&hostless, "Content-Length", "5");
    ck_assert_uint_eq(check(&hostless, 10), 400);
    WebHeaders many = {0};
    add(&many, "Host", "h");
    add(&many, "Content-Length", "5");
    for (int i = 0; i < 100; i++)
        add(&many, "X-Other", "x");
    ck_assert_uint_eq(check(&many, 10), 400);
}
END_TEST

/* The vector of GitHub's documentation, "Validating webhook deliveries". */
START_TEST(the_signature_is_githubs)
{
    static const char secret[] = "It's a Secret to Everybody", body[] = "Hello, World!";
    static const char good[] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    ck_assert(web_signature_holds(good, secret, strlen(secret), body, strlen(body)));
    ck_assert(!web_signature_holds(good, secret, strlen(secret) - 1, body, strlen(body)));
    ck_assert(!web_signature_holds(good, secret, strlen(secret), body, strlen(body) - 1));
    ck_assert(!web_signature_holds(NULL, secret, strlen(secret), body, strlen(body)));
    ck_assert(!web_signature_holds(good + 7, secret, strlen(secret), body, strlen(body)));
    ck_assert(!web_signature_holds("sha256=", secret, strlen(secret), body, strlen(body)));
    for (gsize i = 0; i < strlen(good); i++) {
        g_autofree char *changed = g_strdup(good);
        changed[i] = changed[i] == '0' ? '1' : '0';
        ck_assert(!web_signature_holds(changed, secret, strlen(secret), body, strlen(body)));
    }
}
END_TEST

START_TEST(types_and_names_are_told_exactly)
{
    ck_assert(web_type_is_json("application/json"));
    ck_assert(web_type_is_json("Application/JSON; charset=utf-8"));
    ck_assert(!web_type_is_json("application/jsonp"));
    ck_assert(!web_type_is_json("application/x-www-form-urlencoded"));
    ck_assert(!web_type_is_json(NULL));
    ck_assert(web_text_is_plain("72d3162e-cc78-11e3-81ab-4c9367dc0958", 64));
    ck_assert(!web_text_is_plain("a b", 64));
    ck_assert(!web_text_is_plain("", 64));
    ck_assert(!web_text_is_plain("abc", 2));
    ck_assert(!web_text_is_plain(NULL, 2));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tcase = tcase_create("request");
    tcase_add_test(tcase, paths_have_one_spelling_and_methods_one_meaning);
    tcase_add_test(tcase, gradescope_paths_name_an_assignment_and_a_number);
    tcase_add_test(tcase, a_key_is_known_by_its_hash);
    tcase_add_test(tcase, a_wait_is_a_number_of_seconds);
    tcase_add_test(tcase, a_length_is_needed_once_and_is_digits);
    tcase_add_test(tcase, what_smuggles_requests_is_refused);
    tcase_add_test(tcase, the_signature_is_githubs);
    tcase_add_test(tcase, types_and_names_are_told_exactly);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
