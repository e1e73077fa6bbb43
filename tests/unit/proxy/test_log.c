/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

static const char log_text[] =
    "GET api.example.org:80: let through to 192.0.2.1; 90 bytes sent, 1200 received in 0.1 s\n"
    "refused: the request's head is larger than 8 KiB\n"
    "CONNECT [2001:db8::1]:443: refused: not one of the check's hosts\n"
    "CONNECT other.example.org:443: refused: not one of the check's hosts\n"
    "GET api.example.org:81: 192.0.2.1 does not answer\n"
    "GET inner.example.org:80: refused: the name leads to 10.0.0.1, which is not public\n";

START_TEST(the_first_host_that_was_not_named_is_told)
{
    g_autofree char *host = proxy_log_refused(log_text);
    ck_assert_str_eq(host, "[2001:db8::1]:443");
}
END_TEST

START_TEST(the_first_named_host_that_could_not_be_reached_is_told)
{
    g_autofree char *line = proxy_log_unreached(log_text);
    ck_assert_str_eq(line, "api.example.org:81: 192.0.2.1 does not answer");
    g_autofree char *private_one = proxy_log_unreached(strrchr(strstr(log_text, "GET inner"), 'G'));
    ck_assert_str_eq(private_one, "inner.example.org:80: refused: the name leads to 10.0.0.1, which is not public");
}
END_TEST

START_TEST(a_log_of_other_lines_tells_of_no_host)
{
    static const char *const others[] = {"",
                                         "\n\n",
                                         "refused: more than 200 connections; these were closed at once\n",
                                         "a connection was cut off: the box ended while its host was looked up\n",
                                         "GET a.example.org:80: let through to 192.0.2.1; cut",
                                         "GET a.example.org:80"};
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        ck_assert_msg(proxy_log_refused(others[i]) == NULL, "%s", others[i]);
        g_autofree char *unreached = proxy_log_unreached(others[i]);
        ck_assert_msg(unreached == NULL, "%s: %s", others[i], unreached);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("log");
    tcase_add_test(tests, the_first_host_that_was_not_named_is_told);
    tcase_add_test(tests, the_first_named_host_that_could_not_be_reached_is_told);
    tcase_add_test(tests, a_log_of_other_lines_tells_of_no_host);
    Suite *suite = suite_create("proxy/log");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
