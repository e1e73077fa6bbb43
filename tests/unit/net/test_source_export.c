/* SPDX-License-Identifier: Apache-2.0 */
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include "daemon/net/source.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Source *source;

static const char metadata[] = "submission_1:\n"
                               "  :submitters:\n"
                               "  - {':name': Alice, ':email': ALICE@example.edu}\n"
                               "  :created_at: 2019-12-31 10:00:00 Z\n"
                               "submission_2:\n"
                               "  :submitters:\n"
                               "  - {':name': Eve, ':email': eve@elsewhere.example}\n"
                               "  :created_at: 2019-12-31 11:00:00 Z\n"
                               "submission_3.pdf:\n"
                               "  :submitters:\n"
                               "  - {':sid': '008'}\n"
                               "  :created_at: 2019-12-31 12:00:00 Z\n"
                               "submission_4:\n"
                               "  :submitters:\n"
                               "  - {':sid': '009'}\n"
                               "  :created_at: 2019-12-31 13:00:00 Z\n";

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

static guint look_until_rested(void)
{
    guint n_new = 0;
    ck_assert_good(source_poll(source, &f.context, &n_new, error));
    ck_assert_good(source_poll(source, &f.context, &n_new, error));
    return n_new;
}

/* submission_4 is named but not there. */
static void write_export_folder(const char *folder)
{
    g_autofree char *root = g_build_filename(f.inbox, folder, NULL);
    fixture_write(root, "submission_metadata.yml", metadata);
    fixture_write(root, "submission_1/answer.txt", "42");
    fixture_write(root, "submission_2/answer.txt", "43");
    fixture_write(root, "submission_3.pdf", "%PDF");
}

static void add_entry(struct archive *zip, const char *name, mode_t type, const char *text)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, type == AE_IFREG ? (la_int64_t)strlen(text) : 0);
    if (type == AE_IFLNK)
        archive_entry_set_symlink(entry, text);
    ck_assert_int_eq(archive_write_header(zip, entry), ARCHIVE_OK);
    if (type == AE_IFREG)
        archive_write_data(zip, text, strlen(text));
    archive_entry_free(entry);
}

static void write_export_zip(const char *path, const char *top)
{
    g_autofree char *full = g_build_filename(f.inbox, path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    ck_assert_good(file_make_folder(parent, 0755, error));
    struct archive *zip = archive_write_new();
    archive_write_set_format_zip(zip);
    ck_assert_int_eq(archive_write_open_filename(zip, full), ARCHIVE_OK);
    static const struct {
        const char *name;
        mode_t type;
        const char *text;
    } entries[] = {
        {"submission_metadata.yml", AE_IFREG, metadata}, {"__MACOSX/submission_1/._answer.txt", AE_IFREG, "x"},
        {"submission_1/answer.txt", AE_IFREG, "42"},     {"submission_1/passwd", AE_IFLNK, "/etc/passwd"},
        {"submission_1/../../../evil", AE_IFREG, "x"},   {"submission_1/answer.txt", AE_IFREG, "twice"},
        {"submission_2/answer.txt", AE_IFREG, "43"},     {"submission_3.pdf", AE_IFREG, "%PDF"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_autofree char *name = g_strdup_printf("%s%s%s", top ? top : "", top ? "/" : "", entries[i].name);
        add_entry(zip, name, entries[i].type, entries[i].text);
    }
    archive_write_close(zip);
    archive_write_free(zip);
}

static void check_taken(void)
{
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 4);
    guint n_refused = 0;
    for (guint i = 0; i < list->len; i++) {
        const Submission *submission = g_ptr_array_index(list, i);
        ck_assert_str_eq(submission->assignment, "hw1");
        n_refused += submission->state == SUBMISSION_REFUSED;
        if (strcmp(submission->owner, "alice") == 0) {
            g_autofree char *received = clock_format_utc(submission->received_us);
            ck_assert_str_eq(received, "2019-12-31T10:00:00.000000Z");
            ck_assert_str_eq(submission->external_id, "hw1:submission_1");
        }
    }
    ck_assert_uint_eq(n_refused, 2); /* an unknown owner, and files that are missing */
    ck_assert_int_eq(fixture_queued(&f), 2);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 2);
}

START_TEST(an_export_folder_is_taken_and_its_assignment_told_by_its_name)
{
    write_export_folder("assignment_77_export");
    ck_assert_uint_eq(look_until_rested(), 4);
    check_taken();
}
END_TEST

START_TEST(an_export_folder_in_the_assignments_folder_needs_no_id)
{
    write_export_folder("hw1/whatever");
    ck_assert_uint_eq(look_until_rested(), 4);
    check_taken();
}
END_TEST

START_TEST(the_same_export_under_another_name_is_nothing_new)
{
    write_export_folder("assignment_77_export");
    ck_assert_uint_eq(look_until_rested(), 4);
    write_export_folder("hw1/again");
    ck_assert_uint_eq(look_until_rested(), 0);
}
END_TEST

START_TEST(what_came_another_way_and_packed_otherwise_is_nothing_new)
{
    write_export_folder("assignment_77_export");
    g_autofree char *answer = g_build_filename(f.inbox, "assignment_77_export/submission_1/answer.txt", NULL);
    ck_assert_uint_eq(look_until_rested(), 4);
    ck_assert_good(g_file_set_contents(answer, "other bytes", -1, error));
    write_export_folder("hw1/again");
    fixture_write(f.inbox, "hw1/again/submission_1/more.txt", "more");
    ck_assert_uint_eq(look_until_rested(), 0);
    check_taken();
}
END_TEST

START_TEST(files_that_an_earlier_export_lacked_are_taken_from_a_later_one)
{
    write_export_folder("assignment_77_export");
    ck_assert_uint_eq(look_until_rested(), 4);
    write_export_folder("hw1/again");
    fixture_write(f.inbox, "hw1/again/submission_4/answer.txt", "44");
    ck_assert_uint_eq(look_until_rested(), 1);
    ck_assert_int_eq(fixture_queued(&f), 3);
}
END_TEST

START_TEST(an_export_zip_is_taken_and_what_climbs_out_is_left_out)
{
    write_export_zip("export.zip", "assignment_77_export");
    ck_assert_uint_eq(look_until_rested(), 4);
    check_taken();
    ck_assert_uint_eq(fixture_flags(&f, "suspicious"), 1);
    g_autofree char *evil = g_build_filename(f.folder, "evil", NULL);
    ck_assert(access(evil, F_OK) < 0);
    g_autofree char *left = g_build_filename(f.state, "blobs", "new", NULL);
    g_autoptr(GDir) folder = g_dir_open(left, 0, NULL);
    ck_assert(!folder || g_dir_read_name(folder) == NULL);
}
END_TEST

START_TEST(an_export_zip_without_a_top_folder_in_the_assignments_folder)
{
    write_export_zip("hw1/download.zip", NULL);
    ck_assert_uint_eq(look_until_rested(), 4);
    check_taken();
}
END_TEST

START_TEST(a_students_own_zip_with_forged_metadata_stays_theirs)
{
    write_export_zip("hw1/alice.zip", NULL);
    ck_assert_uint_eq(look_until_rested(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 0))->owner, "alice");
}
END_TEST

START_TEST(an_export_of_no_known_assignment_is_kept_refused)
{
    write_export_folder("assignment_99_export");
    ck_assert_uint_eq(look_until_rested(), 4);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    for (guint i = 0; i < list->len; i++)
        ck_assert_int_eq(((const Submission *)g_ptr_array_index(list, i))->state, SUBMISSION_REFUSED);
}
END_TEST

START_TEST(a_broken_metadata_file_is_told_to_a_ta)
{
    fixture_write(f.inbox, "assignment_77_export/submission_metadata.yml", "- no map\n");
    ck_assert_uint_eq(look_until_rested(), 0);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 1);
}
END_TEST

START_TEST(a_team_milestone_goes_to_the_team_of_its_submitters)
{
    g_autofree char *root = g_build_filename(f.inbox, "m1/export", NULL);
    fixture_write(
        root, "submission_metadata.yml",
        "submission_1:\n  :submitters:\n  - {':email': alice@example.edu}\n  - {':email': bob@example.edu}\n"
        "  - {':email': stranger@example.edu}\n  :created_at: 2019-12-31 10:00:00 Z\n"
        "submission_2:\n  :submitters:\n  - {':email': alice@example.edu}\n  - {':email': carol@example.edu}\n"
        "  :created_at: 2019-12-31 10:00:00 Z\n");
    fixture_write(root, "submission_1/a", "1");
    fixture_write(root, "submission_2/a", "2");
    ck_assert_uint_eq(look_until_rested(), 2);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    guint n_team = 0;
    for (guint i = 0; i < list->len; i++)
        n_team += strcmp(((const Submission *)g_ptr_array_index(list, i))->owner, "t1") == 0;
    ck_assert_uint_eq(n_team, 1);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 2); /* a doubt about one, two teams in the other */
    ck_assert_int_eq(fixture_queued(&f), 1);
}
END_TEST

static guint import(const char *path, const char *assignment)
{
    g_autofree char *full = g_build_filename(f.inbox, path, NULL);
    const Assignment *asked = assignment ? course_assignment(f.course, assignment) : NULL;
    guint n_new = 0;
    ck_assert_good(gradescope_import(&f.context, asked, full, &n_new, error));
    return n_new;
}

START_TEST(an_import_by_hand_is_told_by_name_or_by_word_and_twice_changes_nothing)
{
    write_export_zip("assignment_77_export.zip", NULL);
    ck_assert_uint_eq(import("assignment_77_export.zip", NULL), 4);
    check_taken();
    ck_assert_uint_eq(import("assignment_77_export.zip", "hw1"), 0);
    write_export_folder("anything");
    ck_assert_uint_eq(import("anything", "hw1"), 0);
    check_taken();
}
END_TEST

START_TEST(an_import_that_does_not_fit_is_refused_as_a_whole)
{
    static const struct {
        const char *path, *assignment;
        RubricError code;
    } cases[] = {
        {"anything", NULL, RUBRIC_ERROR_NOT_FOUND},                /* whose it is cannot be told */
        {"assignment_77_export", "m1", RUBRIC_ERROR_INVALID},      /* it is hw1's */
        {"assignment_99_export", "hw1", RUBRIC_ERROR_INVALID},     /* hw1 is 77 there */
        {"assignment_77_export.zip", "hw1", RUBRIC_ERROR_INVALID}, /* what is within says 99 */
        {"assignment_77_export.zip", NULL, RUBRIC_ERROR_INVALID},  /* the same */
        {"nowhere", "hw1", RUBRIC_ERROR_NOT_FOUND},                /* no such file */
        {"anything/submission_1", "hw1", RUBRIC_ERROR_NOT_FOUND}   /* no export */
    };
    write_export_folder("anything");
    write_export_folder("assignment_77_export");
    write_export_folder("assignment_99_export");
    write_export_zip("assignment_77_export.zip", "assignment_99_export");
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *full = g_build_filename(f.inbox, cases[i].path, NULL);
        const Assignment *asked = cases[i].assignment ? course_assignment(f.course, cases[i].assignment) : NULL;
        guint n_new = 0;
        ck_assert_fails(gradescope_import(&f.context, asked, full, &n_new, error), cases[i].code);
    }
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 0);
}
END_TEST

START_TEST(earlier_submissions_come_where_their_files_are_and_oldest_first)
{
    g_autofree char *root = g_build_filename(f.inbox, "export", NULL);
    fixture_write(root, "submission_metadata.yml",
                  "submission_9:\n"
                  "  :submitters:\n  - {':email': alice@example.edu}\n"
                  "  :created_at: 2019-12-31 12:00:00 Z\n"
                  "  :history:\n"
                  "  - {':id': 7, ':created_at': 2019-12-31 10:00:00 Z}\n"
                  "  - {':id': 8, ':created_at': 2019-12-31 11:00:00 Z}\n");
    fixture_write(root, "submission_9/answer.txt", "3");
    fixture_write(root, "submission_7/answer.txt", "1");
    ck_assert_uint_eq(import("export", "hw1"), 2);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 0))->external_id, "hw1:submission_7");
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 1))->external_id, "hw1:submission_9");
    ck_assert_uint_eq(import("export", "hw1"), 0);
    fixture_write(root, "submission_8/answer.txt", "2");
    ck_assert_uint_eq(import("export", "hw1"), 1);
}
END_TEST

START_TEST(a_mended_roster_settles_the_flag_of_what_was_refused)
{
    write_export_folder("export");
    ck_assert_uint_eq(import("export", "hw1"), 4);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 2);
    g_autofree char *roster = g_strconcat(fixture_roster, "eve,Eve E,eve@elsewhere.example,t2,010\n", NULL);
    fixture_write(f.course_folder, "roster.csv", roster);
    fixture_load_course(&f);
    ck_assert_uint_eq(import("export", "hw1"), 1);
    ck_assert_uint_eq(fixture_flags(&f, "owner"), 1); /* files that are missing */
    ck_assert_uint_eq(import("export", "hw1"), 0);
}
END_TEST

START_TEST(a_start_sweeps_what_is_nobodys_and_leaves_what_is_worked_on)
{
    g_autofree char *mine = NULL, *dead = NULL;
    int mine_fd = -1, dead_fd = -1;
    ck_assert_good((mine_fd = blob_temporary_folder(f.state, "export", &mine, error)) >= 0);
    ck_assert_good((dead_fd = blob_temporary(f.state, &dead, error)) >= 0);
    close(dead_fd);
    ck_assert_good(blob_sweep(f.state, error));
    ck_assert_int_eq(access(mine, F_OK), 0);
    ck_assert_int_lt(access(dead, F_OK), 0);
    close(mine_fd);
    ck_assert_good(blob_sweep(f.state, error));
    ck_assert_int_lt(access(mine, F_OK), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_export");
    TCase *tests = tcase_create("exports");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_export_folder_is_taken_and_its_assignment_told_by_its_name);
    tcase_add_test(tests, an_export_folder_in_the_assignments_folder_needs_no_id);
    tcase_add_test(tests, the_same_export_under_another_name_is_nothing_new);
    tcase_add_test(tests, what_came_another_way_and_packed_otherwise_is_nothing_new);
    tcase_add_test(tests, files_that_an_earlier_export_lacked_are_taken_from_a_later_one);
    tcase_add_test(tests, an_export_zip_is_taken_and_what_climbs_out_is_left_out);
    tcase_add_test(tests, an_export_zip_without_a_top_folder_in_the_assignments_folder);
    tcase_add_test(tests, a_students_own_zip_with_forged_metadata_stays_theirs);
    tcase_add_test(tests, an_export_of_no_known_assignment_is_kept_refused);
    tcase_add_test(tests, a_broken_metadata_file_is_told_to_a_ta);
    tcase_add_test(tests, a_team_milestone_goes_to_the_team_of_its_submitters);
    tcase_add_test(tests, an_import_by_hand_is_told_by_name_or_by_word_and_twice_changes_nothing);
    tcase_add_test(tests, an_import_that_does_not_fit_is_refused_as_a_whole);
    tcase_add_test(tests, earlier_submissions_come_where_their_files_are_and_oldest_first);
    tcase_add_test(tests, a_mended_roster_settles_the_flag_of_what_was_refused);
    tcase_add_test(tests, a_start_sweeps_what_is_nobodys_and_leaves_what_is_worked_on);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
