/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/answering.h"
#include "tests/unit/run_suite.h"

static const char path[] = "/services/T0/B0/the-secret-part";
static char *folder, *url_file;
static gint64 retry_at_us;
static GError *failure;

static void setup(void)
{
    folder = g_dir_make_tmp("rubric-slack-XXXXXX", NULL);
    url_file = g_build_filename(folder, "url", NULL);
    failure = NULL;
}

static void teardown(void)
{
    answering_stop();
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(url_file);
    g_clear_error(&failure);
}

static void write_url(const char *url, mode_t mode)
{
    ck_assert_good(g_file_set_contents(url_file, url, -1, error));
    ck_assert_int_eq(chmod(url_file, mode), 0);
}

static void start_server(const char *answer)
{
    g_autofree char *url = answering_start(folder, answer, path);
    g_autofree char *line = g_strconcat(url, "\n", NULL);
    write_url(line, 0600);
}

static PostOutcome send_text(const char *text, gint64 tries)
{
    g_autoptr(Slack) slack = NULL;
    ck_assert_good((slack = slack_new("staff", url_file, 2000, error)) != NULL);
    PostOutcome outcome = slack_send(slack, text, tries, &retry_at_us, &failure);
    if (failure)
        ck_assert_lacks(failure->message, "the-secret-part");
    return outcome;
}

START_TEST(a_message_is_one_post_of_json_with_all_formatting_off)
{
    start_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    ck_assert_int_eq(send_text("a \"b\"\n&lt;c&gt;", 0), POST_DONE);
    ck_assert_ptr_null(failure);
    g_autofree char *request = NULL;
    answering_read(folder, &request);
    ck_assert_has(request, "POST /services/T0/B0/the-secret-part HTTP/1.1\r\n");
    ck_assert_has(request, "Content-Type: application/json; charset=utf-8\r\n");
    const char *body = strstr(request, "\r\n\r\n") + 4;
    g_autoptr(cJSON) json = json_parse(body, strlen(body), NULL);
    ck_assert_str_eq(json_string_or(json, "text", ""), "a \"b\"\n&lt;c&gt;");
    ck_assert_str_eq(json_string_or(json, "parse", ""), "none");
    ck_assert(!json_bool_or(json, "link_names", true) && !json_bool_or(json, "mrkdwn", true));
    ck_assert(!json_bool_or(json, "unfurl_links", true) && !json_bool_or(json, "unfurl_media", true));
}
END_TEST

START_TEST(slower_is_obeyed_though_it_has_no_body)
{
    gint64 now_us = clock_now_us();
    start_server("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n");
    ck_assert_int_eq(send_text("x", 50), POST_RETRY); /* however often it was tried */
    ck_assert_int_ge(retry_at_us, now_us + 100 * CLOCK_SECOND_US);
    ck_assert_has(failure->message, "the webhook of \"staff\" asks to wait (429)");
}
END_TEST

START_TEST(slower_without_a_time_waits_a_minute_and_a_year_is_a_day)
{
    gint64 now_us = clock_now_us();
    start_server("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n");
    ck_assert_int_eq(send_text("x", 0), POST_RETRY);
    ck_assert_int_ge(retry_at_us, now_us + 60 * CLOCK_SECOND_US);
    g_clear_error(&failure);
    answering_stop();
    start_server("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n");
    ck_assert_int_eq(send_text("x", 0), POST_RETRY);
    ck_assert_int_le(retry_at_us, clock_now_us() + CLOCK_DAY_US);
}
END_TEST

static const struct {
    const char *answer; /* NULL: the connection ends without one */
    PostOutcome outcome;
    const char *said;
} answers[] = {
    {"HTTP/1.1 204 No Content\r\n\r\n", POST_DONE, NULL},
    {"HTTP/1.1 500 Oops\r\nContent-Length: 12\r\n\r\nrollup_error", POST_RETRY, "answered 500 (rollup_error)"},
    {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", POST_RETRY, "answered 503"},
    {"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", POST_RETRY, "answered 408"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nno_service", POST_GIVE_UP, "refused with 404 (no_service)"},
    {"HTTP/1.1 410 Gone\r\nContent-Length: 19\r\n\r\nchannel_is_archived", POST_GIVE_UP, "410 (channel_is_archived)"},
    {"HTTP/1.1 403 No\r\nContent-Length: 17\r\n\r\naction_prohibited", POST_GIVE_UP, "403 (action_prohibited)"},
    {"HTTP/1.1 400 Bad\r\nContent-Length: 15\r\n\r\ninvalid_payload", POST_GIVE_UP, "400 (invalid_payload)"},
    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", POST_GIVE_UP, "302"},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 43\r\n\r\nno /services/T0/B0/the-secret-part was found", POST_GIVE_UP,
     "404 (no word of Slack's)"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", POST_RETRY, "no answer"},
    {NULL, POST_RETRY, "no answer"},
};

START_TEST(each_answer_has_its_end)
{
    start_server(answers[_i].answer);
    ck_assert_int_eq(send_text("x", 0), answers[_i].outcome);
    ck_assert_int_eq(failure != NULL, answers[_i].said != NULL);
    if (answers[_i].said)
        ck_assert_has(failure->message, answers[_i].said);
    g_autofree char *requests = NULL;
    answering_read(folder, &requests);
    ck_assert_ptr_null(strstr(strstr(requests, "POST ") + 1, "POST ")); /* one try is one request */
}
END_TEST

START_TEST(silence_ends_by_the_time_limit)
{
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(silent, 1), 0); /* takes connections, says nothing */
    ck_assert_int_eq(getsockname(silent, (struct sockaddr *)&address, &length), 0);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%d%s", ntohs(address.sin_port), path);
    write_url(url, 0600);
    ck_assert_int_eq(send_text("x", 0), POST_RETRY);
    close(silent);
}
END_TEST

static const struct {
    const char *url;
    mode_t mode;
    RubricError code;
} bad_files[] = {
    {"https://hooks.slack.com/services/a/b/c", 0644, RUBRIC_ERROR_DENIED},
    {"http://hooks.slack.example/services/a/b/c", 0600, RUBRIC_ERROR_INVALID},
    {"ftp://127.0.0.1/services/a/b/c", 0600, RUBRIC_ERROR_INVALID},
    {"https://h/one\nhttps://h/two", 0600, RUBRIC_ERROR_INVALID},
    {"", 0600, RUBRIC_ERROR_INVALID},
};

START_TEST(a_file_that_is_open_or_holds_no_such_url_is_refused)
{
    write_url(bad_files[_i].url, bad_files[_i].mode);
    Slack *slack = NULL;
    ck_assert_fails((slack = slack_new("staff", url_file, 2000, error)) != NULL, bad_files[_i].code);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slack");
    TCase *tests = tcase_create("webhook");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_message_is_one_post_of_json_with_all_formatting_off);
    tcase_add_test(tests, slower_is_obeyed_though_it_has_no_body);
    tcase_add_test(tests, slower_without_a_time_waits_a_minute_and_a_year_is_a_day);
    tcase_add_loop_test(tests, each_answer_has_its_end, 0, G_N_ELEMENTS(answers));
    tcase_add_test(tests, silence_ends_by_the_time_limit);
    tcase_add_loop_test(tests, a_file_that_is_open_or_holds_no_such_url_is_refused, 0, G_N_ELEMENTS(bad_files));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
