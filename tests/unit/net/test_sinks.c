/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/answering.h"
#include "tests/unit/run_suite.h"

static char *folder, *secret_path;
static Submission submission = {.id = 7, .assignment = (char *)"m1", .owner = (char *)"t1"};
static Effect effect;
static gint64 retry_at_us;
static char *external_id;
static GError *failure;

static void setup(void)
{
    folder = g_dir_make_tmp("rubric-sinks-XXXXXX", NULL);
    fixture_write(folder, "secret", "0123456789abcdef\n");
    secret_path = g_build_filename(folder, "secret", NULL);
    effect = (Effect){.idempotency_key = "7:1:hook",
                      .json = "{\"a\":1}",
                      .gradescope = "{}",
                      .markdown = "# x\n",
                      .submission = &submission,
                      .verdict_number = 1};
    external_id = NULL;
    failure = NULL;
}

static void teardown(void)
{
    answering_stop();
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(secret_path);
    g_free(external_id);
    g_clear_error(&failure);
}

static PostOutcome post(const char *url, unsigned max_tries)
{
    Sink *sink = NULL;
    ck_assert_good((sink = sink_webhook_new("hook", url, secret_path, max_tries, 3000, error)) != NULL);
    PostOutcome outcome = sink_post(sink, &effect, &retry_at_us, &external_id, &failure);
    sink_free(sink);
    return outcome;
}

static PostOutcome post_answered(const char *answer)
{
    g_autofree char *url = answering_start(folder, answer, "/hook");
    return post(url, 5);
}

START_TEST(a_post_carries_its_key_and_a_signature_over_the_body)
{
    ck_assert_int_eq(post_answered("HTTP/1.1 204 No Content\r\n\r\n"), POST_DONE);
    g_autofree char *request = NULL;
    answering_read(folder, &request);
    ck_assert_has(request, "POST /hook HTTP/1.1");
    ck_assert_has(request, "Idempotency-Key: 7:1:hook\r\n");
    ck_assert_has(request, "Content-Type: application/json\r\n");
    g_autofree char *digest =
        g_compute_hmac_for_string(G_CHECKSUM_SHA256, (const guchar *)"0123456789abcdef", 16, effect.json, -1);
    g_autofree char *header = g_strdup_printf("X-Rubricd-Signature-256: sha256=%s\r\n", digest);
    ck_assert_has(request, header);
    ck_assert_str_eq(external_id, "http 204");
}
END_TEST

START_TEST(a_server_error_is_tried_again_later)
{
    gint64 now_us = clock_now_us();
    ck_assert_int_eq(post_answered("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"), POST_RETRY);
    ck_assert_int_gt(retry_at_us, now_us);
    ck_assert_int_le(retry_at_us, clock_now_us() + 2 * CLOCK_SECOND_US);
    ck_assert_has(failure->message, "answered 503: busy");
}
END_TEST

START_TEST(retry_after_is_obeyed_but_not_for_ever)
{
    gint64 now_us = clock_now_us();
    ck_assert_int_eq(post_answered("HTTP/1.1 429 Slow\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n"), POST_RETRY);
    ck_assert_int_ge(retry_at_us, now_us + 100 * CLOCK_SECOND_US);
    ck_assert_int_lt(retry_at_us, now_us + 110 * CLOCK_SECOND_US);
}
END_TEST

START_TEST(a_retry_after_of_a_year_means_a_day)
{
    gint64 now_us = clock_now_us();
    ck_assert_int_eq(post_answered("HTTP/1.1 429 Slow\r\nRetry-After: 31536000\r\nContent-Length: 0\r\n\r\n"),
                     POST_RETRY);
    ck_assert_int_le(retry_at_us, now_us + CLOCK_DAY_US + 10 * CLOCK_SECOND_US);
}
END_TEST

START_TEST(a_refusal_is_final)
{
    ck_assert_int_eq(post_answered("HTTP/1.1 400 Bad\r\nContent-Length: 5\r\n\r\n\033[31m"), POST_GIVE_UP);
    ck_assert_has(failure->message, "refused with 400");
    ck_assert_lacks(failure->message, "\033");
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
    ck_assert_int_eq(post_answered("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
                     POST_GIVE_UP);
}
END_TEST

START_TEST(a_dropped_connection_may_pass)
{
    ck_assert_int_eq(post_answered(NULL), POST_RETRY);
}
END_TEST

START_TEST(the_last_try_gives_up)
{
    g_autofree char *url = answering_start(folder, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "/hook");
    effect.tries = 4;
    ck_assert_int_eq(post(url, 5), POST_GIVE_UP);
    ck_assert_has(failure->message, "given up after 5 tries");
}
END_TEST

START_TEST(a_short_or_missing_secret_is_refused)
{
    fixture_write(folder, "short", "abc\n");
    g_autofree char *path = g_build_filename(folder, "short", NULL);
    ck_assert_fails(sink_webhook_new("hook", "http://127.0.0.1/", path, 5, 1000, error) != NULL, RUBRIC_ERROR_INVALID);
    ck_assert_fails(sink_webhook_new("hook", "http://127.0.0.1/", "/nonexistent", 5, 1000, error) != NULL,
                    RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(result_files_appear_and_appear_again_the_same)
{
    Sink *sink = sink_folder_new("files", folder);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(sink_post(sink, &effect, &retry_at_us, &external_id, &failure), POST_DONE);
        g_clear_pointer(&external_id, g_free);
    }
    g_autofree char *path = g_build_filename(folder, "m1", "t1", "7", "result.json", NULL);
    g_autofree char *text = NULL;
    ck_assert_good(g_file_get_contents(path, &text, NULL, error));
    ck_assert_str_eq(text, effect.json);
    sink_free(sink);
}
END_TEST

START_TEST(results_go_beside_a_submission_that_came_from_a_folder)
{
    Submission with_place = submission;
    with_place.location = g_build_filename(folder, "hw1", "t1.zip", NULL);
    effect.submission = &with_place;
    Sink *sink = sink_folder_new("files", NULL);
    ck_assert_int_eq(sink_post(sink, &effect, &retry_at_us, &external_id, &failure), POST_DONE);
    g_autofree char *path = g_build_filename(folder, "hw1", ".t1.result", "7", "result.md", NULL);
    ck_assert_int_eq(access(path, F_OK), 0);
    with_place.location[0] = 'x';
    ck_assert_int_eq(sink_post(sink, &effect, &retry_at_us, &external_id, &failure), POST_GIVE_UP);
    g_free(with_place.location);
    sink_free(sink);
}
END_TEST

START_TEST(a_name_that_climbs_out_is_never_a_folder)
{
    Submission evil = submission;
    evil.owner = (char *)"../../etc";
    effect.submission = &evil;
    Sink *sink = sink_folder_new("files", folder);
    ck_assert_int_eq(sink_post(sink, &effect, &retry_at_us, &external_id, &failure), POST_GIVE_UP);
    sink_free(sink);
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_tried_again)
{
    fixture_write(folder, "m1", "a file where a folder should be");
    Sink *sink = sink_folder_new("files", folder);
    ck_assert_int_eq(sink_post(sink, &effect, &retry_at_us, &external_id, &failure), POST_RETRY);
    sink_free(sink);
}
END_TEST

START_TEST(waits_double_up_to_a_bound)
{
    for (gint64 n = 0; n < 100; n++) {
        gint64 wait_us = backoff_us(n, 1000, 60000);
        gint64 whole_us = n < 6 ? 1000 << n : 60000;
        ck_assert_int_ge(wait_us, whole_us / 2);
        ck_assert_int_le(wait_us, whole_us);
    }
}
END_TEST

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    unsetenv("http_proxy");
    Suite *suite = suite_create("sinks");
    TCase *tests = tcase_create("posts");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_post_carries_its_key_and_a_signature_over_the_body);
    tcase_add_test(tests, a_server_error_is_tried_again_later);
    tcase_add_test(tests, retry_after_is_obeyed_but_not_for_ever);
    tcase_add_test(tests, a_retry_after_of_a_year_means_a_day);
    tcase_add_test(tests, a_refusal_is_final);
    tcase_add_test(tests, a_redirect_is_not_followed);
    tcase_add_test(tests, a_dropped_connection_may_pass);
    tcase_add_test(tests, the_last_try_gives_up);
    tcase_add_test(tests, a_short_or_missing_secret_is_refused);
    tcase_add_test(tests, result_files_appear_and_appear_again_the_same);
    tcase_add_test(tests, results_go_beside_a_submission_that_came_from_a_folder);
    tcase_add_test(tests, a_name_that_climbs_out_is_never_a_folder);
    tcase_add_test(tests, a_place_that_cannot_be_written_is_tried_again);
    tcase_add_test(tests, waits_double_up_to_a_bound);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
