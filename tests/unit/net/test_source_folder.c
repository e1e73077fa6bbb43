/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Source *source;

static void setup(void)
{
    fixture_open(&f, "");
    source = source_folder_new("inbox", f.inbox, CLOCK_SECOND_US);
}

static void teardown(void)
{
    source_free(source);
    fixture_close(&f);
}

static guint look(void)
{
    guint n_new = 0;
    ck_assert_good(source_poll(source, &f.context, &n_new, error));
    return n_new;
}

/* One look sees it, the next one finds it at rest. */
static guint look_until_rested(void)
{
    look();
    return look();
}

static const Submission *only(GPtrArray *list)
{
    ck_assert_uint_eq(list->len, 1);
    return g_ptr_array_index(list, 0);
}

static char *file_of(const char *path)
{
    return g_build_filename(f.inbox, path, NULL);
}

START_TEST(a_file_is_taken_when_it_has_rested_and_only_once)
{
    look();
    fixture_write(f.inbox, "hw1/alice.zip", "PK");
    gint64 before_us = clock_now_us();
    ck_assert_uint_eq(look(), 0);
    ck_assert_uint_eq(source->n_pending, 1);
    f.context.rest_us = CLOCK_HOUR_US;
    ck_assert_uint_eq(look(), 0); /* not old enough yet */
    f.context.rest_us = 1;
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
    ck_assert_uint_eq(source->n_pending, 0);

    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    const Submission *submission = only(list);
    ck_assert_str_eq(submission->owner, "alice");
    ck_assert_int_eq(submission->state, SUBMISSION_FETCHED);
    ck_assert_int_le(submission->received_us, before_us); /* the look before it appeared */
    ck_assert_str_eq(submission->external_id, "hw1/alice.zip");
    ck_assert_int_eq(fixture_queued(&f), 1);
    ck_assert_uint_eq(fixture_flags(&f, "late"), 0);
    g_autofree char *blob = g_build_filename(f.state, submission->content_path, NULL);
    g_autofree char *text = NULL;
    ck_assert_good(g_file_get_contents(blob, &text, NULL, error));
    ck_assert_str_eq(text, "PK");
}
END_TEST

START_TEST(a_file_that_grows_waits_and_its_receipt_moves_with_it)
{
    look();
    fixture_write(f.inbox, "hw1/alice.zip", "P");
    gint64 half_us = clock_now_us();
    look();
    gint64 before_us = clock_now_us();
    fixture_write(f.inbox, "hw1/alice.zip", "PKPK");
    ck_assert_uint_eq(look(), 0);
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    /* Complete after the look that saw the half, so received at that look. */
    ck_assert_int_le(only(list)->received_us, before_us);
    ck_assert_int_ge(only(list)->received_us, half_us);
}
END_TEST

START_TEST(a_changed_file_is_a_new_revision_and_the_same_bytes_are_not)
{
    fixture_write(f.inbox, "hw1/alice.zip", "one");
    ck_assert_uint_eq(look_until_rested(), 1);
    fixture_write(f.inbox, "hw1/alice.zip", "two");
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autofree char *path = file_of("hw1/alice.zip");
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_uint_eq(look_until_rested(), 0);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
}
END_TEST

START_TEST(a_restarted_daemon_takes_nothing_twice_and_keeps_the_time_of_the_last_look)
{
    fixture_write(f.inbox, "hw1/alice.zip", "one");
    ck_assert_uint_eq(look_until_rested(), 1);
    look();
    gint64 down_us = clock_now_us();
    source_free(source);
    fixture_write(f.inbox, "hw1/bob.zip", "two");
    source = source_folder_new("inbox", f.inbox, CLOCK_SECOND_US);
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
    const Submission *bob = g_ptr_array_index(list, 1);
    ck_assert_str_eq(bob->owner, "bob");
    ck_assert_int_le(bob->received_us, down_us);
}
END_TEST

START_TEST(what_lay_there_at_the_first_look_after_the_deadline_is_flagged)
{
    fixture_write(f.inbox, "old/alice.zip", "one");
    fixture_write(f.inbox, "hw1/alice.zip", "one");
    ck_assert_uint_eq(look_until_rested(), 2);
    ck_assert_uint_eq(fixture_flags(&f, "late"), 1);
}
END_TEST

START_TEST(a_crash_before_the_first_taking_does_not_forget_that_it_was_the_first_look)
{
    fixture_write(f.inbox, "old/alice.zip", "one");
    look();
    source_free(source);
    source = source_folder_new("inbox", f.inbox, CLOCK_SECOND_US);
    ck_assert_uint_eq(look_until_rested(), 1);
    ck_assert_uint_eq(fixture_flags(&f, "late"), 1);
}
END_TEST

START_TEST(a_folder_is_packed_and_a_change_deep_in_it_is_noticed)
{
    fixture_write(f.inbox, "m1/t1/src/a.c", "int a;");
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_str_eq(only(list)->owner, "t1");
    ck_assert_str_eq(only(list)->owner_kind, "team");
    ck_assert_str_eq(only(list)->content_kind, "archive");
}
END_TEST

START_TEST(a_person_hands_in_for_the_team)
{
    fixture_write(f.inbox, "m1/carol.tar.gz", "x");
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_str_eq(only(list)->owner, "t2");
}
END_TEST

START_TEST(unknown_owners_assignments_and_kinds_are_kept_and_flagged_once)
{
    fixture_write(f.inbox, "hw1/nobody.zip", "a");
    fixture_write(f.inbox, "hw9/alice.zip", "b");
    fixture_write(f.inbox, "hw1/alice.docx", "c");
    fixture_write(f.inbox, "stray.zip", "d");
    fixture_write(f.inbox, "README.txt", "not a submission");
    fixture_write(f.inbox, "hw1/.hidden.zip", "e");
    fixture_write(f.inbox, "hw1/alice.zip.part", "f");
    ck_assert_uint_eq(look_until_rested(), 4);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 4);
    look();
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 4);
    for (guint i = 0; i < list->len; i++)
        ck_assert_int_eq(((const Submission *)g_ptr_array_index(list, i))->state, SUBMISSION_REFUSED);
    ck_assert_int_eq(fixture_queued(&f), 0);
}
END_TEST

START_TEST(a_mended_roster_lets_a_refused_one_in_with_its_old_receipt)
{
    look();
    gint64 before_us = clock_now_us();
    fixture_write(f.inbox, "hw1/dave.zip", "a");
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autofree char *roster = g_strconcat(fixture_roster, "dave,Dave D,dave@example.edu,t2,010\n", NULL);
    fixture_write(f.course_folder, "roster.csv", roster);
    fixture_load_course(&f);
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
    const Submission *taken = g_ptr_array_index(list, 1);
    ck_assert_str_eq(taken->owner, "dave");
    ck_assert_int_eq(taken->state, SUBMISSION_FETCHED);
    ck_assert_int_le(taken->received_us, before_us);
}
END_TEST

START_TEST(an_assignment_without_a_rubric_is_taken_and_flagged_not_queued)
{
    fixture_write(f.inbox, "none/alice.zip", "a");
    ck_assert_uint_eq(look_until_rested(), 1);
    ck_assert_uint_eq(fixture_flags(&f, "rubric"), 1);
    ck_assert_int_eq(fixture_queued(&f), 0);
}
END_TEST

START_TEST(links_are_not_followed)
{
    g_autofree char *link_path = file_of("hw1/alice.zip");
    g_autofree char *folder = file_of("hw1");
    ck_assert_good(file_make_folder(folder, 0755, error));
    ck_assert_int_eq(symlink("/etc/passwd", link_path), 0);
    g_autofree char *assignment = file_of("old");
    ck_assert_int_eq(symlink("/etc", assignment), 0);
    ck_assert_uint_eq(look_until_rested(), 0);
    ck_assert_uint_eq(source->n_pending, 0);
}
END_TEST

START_TEST(a_missing_folder_is_an_error_of_the_look_and_mends_itself)
{
    guint n_new = 0;
    file_remove_tree(f.inbox, NULL);
    ck_assert_fails(source_poll(source, &f.context, &n_new, error), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_good(file_make_folder(f.inbox, 0755, error));
    ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(more_than_a_batch_is_taken_in_one_look)
{
    GString *roster = g_string_new("id,name,email\n");
    for (int i = 0; i < 230; i++) {
        g_string_append_printf(roster, "p%03d,P %d,p%03d@example.edu\n", i, i, i);
        g_autofree char *path = g_strdup_printf("hw1/p%03d.zip", i);
        fixture_write(f.inbox, path, path);
    }
    fixture_write(f.course_folder, "roster.csv", roster->str);
    g_string_free(roster, TRUE);
    fixture_load_course(&f);
    ck_assert_uint_eq(look_until_rested(), 230);
    ck_assert_int_eq(fixture_queued(&f), 230);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_folder");
    TCase *tests = tcase_create("looks");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_file_is_taken_when_it_has_rested_and_only_once);
    tcase_add_test(tests, a_file_that_grows_waits_and_its_receipt_moves_with_it);
    tcase_add_test(tests, a_changed_file_is_a_new_revision_and_the_same_bytes_are_not);
    tcase_add_test(tests, a_restarted_daemon_takes_nothing_twice_and_keeps_the_time_of_the_last_look);
    tcase_add_test(tests, what_lay_there_at_the_first_look_after_the_deadline_is_flagged);
    tcase_add_test(tests, a_crash_before_the_first_taking_does_not_forget_that_it_was_the_first_look);
    tcase_add_test(tests, a_folder_is_packed_and_a_change_deep_in_it_is_noticed);
    tcase_add_test(tests, a_person_hands_in_for_the_team);
    tcase_add_test(tests, unknown_owners_assignments_and_kinds_are_kept_and_flagged_once);
    tcase_add_test(tests, a_mended_roster_lets_a_refused_one_in_with_its_old_receipt);
    tcase_add_test(tests, an_assignment_without_a_rubric_is_taken_and_flagged_not_queued);
    tcase_add_test(tests, links_are_not_followed);
    tcase_add_test(tests, a_missing_folder_is_an_error_of_the_look_and_mends_itself);
    tcase_add_test(tests, more_than_a_batch_is_taken_in_one_look);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
