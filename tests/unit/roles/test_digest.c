/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/role.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Config *config;
static const NoticeConfig *staff, *ops;

static const char settings[] = "course: course\nstate: state\n"
                               "sources:\n  - git: {name: git}\n"
                               "sinks:\n"
                               "  - slack: {name: staff, url_file: u}\n"
                               "  - slack: {name: ops, url_file: u, about: [trouble]}\n";

static void setup(void)
{
    fixture_open(&f, "");
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autofree char *path = g_build_filename(f.folder, "rubricd.yaml", NULL);
    config = config_parse(path, settings, strlen(settings), diagnostics);
    ck_assert_ptr_nonnull(config);
    staff = g_ptr_array_index(config->notices, 0);
    ops = g_ptr_array_index(config->notices, 1);
    g_autofree char *run = g_build_filename(f.state, "run", NULL);
    ck_assert_good(file_make_folder(run, 0700, error));
}

static void teardown(void)
{
    config_free(config);
    fixture_close(&f);
}

/* The text, which may be NULL; as if it had arrived when `arrives`. */
static char *digest(const NoticeConfig *notice, bool arrives)
{
    static gint64 span;
    g_auto(Digest) made = {0};
    ck_assert_good(digest_make(f.store, config, f.course, notice, &made, error));
    if (!arrives || !made.text)
        return g_steal_pointer(&made.text);
    const NoticeRow row = {
        .sink = notice->name, .span = ++span, .text = made.text, .flag_id = made.flag_id, .trouble = made.trouble};
    bool is_new = false;
    g_autoptr(NoticeRow) queued = NULL;
    ck_assert_good(store_notice_insert(f.store, &row, &is_new, error));
    ck_assert_good(store_notice_queued(f.store, notice->name, &queued, error));
    ck_assert_good(store_notice_finish(f.store, queued->id, false, NULL, error));
    return g_steal_pointer(&made.text);
}

static gint64 hand_in(const char *assignment, const char *owner)
{
    const Submission submission = {.assignment = (char *)assignment,
                                   .owner_kind = (char *)"person",
                                   .owner = (char *)owner,
                                   .source = (char *)"inbox",
                                   .external_id = (char *)owner,
                                   .revision = (char *)"1",
                                   .state = SUBMISSION_REFUSED};
    gint64 id = 0;
    bool is_new = false;
    ck_assert_good(store_submission_insert(f.store, &submission, &id, &is_new, error));
    return id;
}

static void raise_flag(gint64 submission_id, const char *item, const char *kind)
{
    const FlagRow flag = {.submission_id = submission_id,
                          .item = (char *)item,
                          .kind = (char *)kind,
                          .message = (char *)"the hidden item answer of alice",
                          .evidence = (char *)"alice has 3 points"};
    ck_assert_good(store_flag_raise(f.store, &flag, NULL, error));
}

static void note_source(const char *said, gint64 n_failures)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "error", said);
    json_add_int64(json, "n_failures", n_failures);
    note_write(config, "source-git", json);
}

START_TEST(without_news_there_is_no_digest)
{
    ck_assert_ptr_null(digest(staff, false));
    note_source("one failed look is none", 2);
    ck_assert_ptr_null(digest(staff, false));
}
END_TEST

START_TEST(flags_are_counted_and_not_told)
{
    gint64 id = hand_in("hw1", "alice");
    raise_flag(id, "answer", "review");
    raise_flag(id, "other", "review");
    raise_flag(0, NULL, "course");
    g_autofree char *text = digest(staff, true);
    ck_assert_has(text, "rubricd, c, ");
    ck_assert_has(text, "3 flags open, 3 new\nhw1: review 2 (2 new)\nthe course: course 1 (1 new)\n");
    static const char *const never[] = {"alice", "answer", "points", "hidden"};
    for (gsize i = 0; i < G_N_ELEMENTS(never); i++)
        ck_assert_lacks(text, never[i]);
    ck_assert_ptr_null(digest(staff, false));
    ck_assert_ptr_null(digest(ops, false)); /* trouble only */
    raise_flag(id, NULL, "late");
    g_autofree char *next = digest(staff, false);
    ck_assert_has(next, "4 flags open, 1 new\nhw1: late 1 (1 new), review 2\nthe course: course 1\n");
}
END_TEST

START_TEST(trouble_is_told_when_it_begins_and_when_it_ends)
{
    note_source("no answer from \"https://git.example\" <!channel> @here & \x1b[31m", 3);
    g_autofree char *begins = digest(ops, true);
    ck_assert_has(begins, "Trouble: source \"git\" fails: no answer from \"https:\u200b//git.example\" "
                          "&lt;!channel&gt; @\u200bhere &amp; \\x1b[31m\n");
    note_source("another text of the same trouble", 9);
    ck_assert_ptr_null(digest(ops, false));
    note_source(NULL, 0);
    g_autofree char *ends = digest(ops, true);
    ck_assert_has(ends, "Well again: source \"git\"\n");
    ck_assert_ptr_null(digest(ops, false));
}
END_TEST

static void note_ends(guint n, gint64 at_us)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    cJSON *list = json_add(json, "ended_us", cJSON_CreateArray());
    for (guint i = 0; i < n; i++)
        cJSON_AddItemToArray(list, cJSON_CreateNumber((double)at_us));
    note_write(config, "role-grade", json);
}

START_TEST(a_role_that_dies_again_and_again_is_trouble)
{
    note_ends(2, clock_now_us());
    ck_assert_ptr_null(digest(ops, false));
    note_ends(5, clock_now_us() - CLOCK_DAY_US);
    ck_assert_ptr_null(digest(ops, false));
    note_ends(5, clock_now_us());
    g_autofree char *text = digest(ops, false);
    ck_assert_has(text, "Trouble: role grade ended 5 times");
}
END_TEST

START_TEST(a_limit_of_github_is_trouble_until_it_is_over)
{
    g_autofree char *state =
        g_strdup_printf("{\"rest_limit\":5000,\"rest_remaining\":12,\"rest_reset_us\":%" G_GINT64_FORMAT "}",
                        clock_now_us() + CLOCK_HOUR_US);
    ck_assert_good(store_cursor_set(f.store, "github:budget", "state", state, error));
    g_autofree char *text = digest(ops, true);
    ck_assert_has(text, "Trouble: GitHub's limit: 12 of 5000 requests are left until ");
    ck_assert_good(store_cursor_set(f.store, "github:budget", "state", "{}", error));
    g_autofree char *over = digest(ops, false);
    ck_assert_has(over, "Well again: GitHub's limit\n");
}
END_TEST

START_TEST(a_digest_stays_short)
{
    for (int i = 0; i < 300; i++) {
        g_autofree char *owner = g_strdup_printf("owner%d", i);
        g_autofree char *kind = g_strdup_printf("kind-%d-with-a-name-of-some-length", i);
        raise_flag(hand_in("hw1", owner), NULL, kind);
    }
    g_autofree char *text = digest(staff, false);
    ck_assert_uint_le(strlen(text), 3503);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("digest");
    TCase *tests = tcase_create("digest");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, without_news_there_is_no_digest);
    tcase_add_test(tests, flags_are_counted_and_not_told);
    tcase_add_test(tests, trouble_is_told_when_it_begins_and_when_it_ends);
    tcase_add_test(tests, a_role_that_dies_again_and_again_is_trouble);
    tcase_add_test(tests, a_limit_of_github_is_trouble_until_it_is_over);
    tcase_add_test(tests, a_digest_stays_short);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
