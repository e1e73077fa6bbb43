/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"
#include "tests/unit/store/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

static int run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

static char *in_folder(const char *name)
{
    return g_build_filename(fixture_folder, name, NULL);
}

START_TEST(what_was_committed_is_there_after_reopening)
{
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    store_close(store);
    ck_assert_good((store = store_open(fixture_path, error)) != NULL);
    ck_assert_int_eq(fixture_state(id), SUBMISSION_FETCHED);
}
END_TEST

START_TEST(what_was_not_committed_is_not)
{
    ck_assert_good(store_begin(store, error));
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    store_close(store); /* as good as a kill */
    ck_assert_good((store = store_open(fixture_path, error)) != NULL);
    ck_assert_fails(store_submission_get(store, id, error), RUBRIC_ERROR_NOT_FOUND);
    store_rollback(store); /* none is open: fine */
}
END_TEST

START_TEST(the_file_is_not_for_everybody)
{
    struct stat info;
    ck_assert_int_eq(stat(fixture_path, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0007, 0);
}
END_TEST

START_TEST(a_newer_store_is_refused)
{
    ck_assert_int_eq(run_sql(fixture_path, "PRAGMA user_version = 9999"), SQLITE_OK);
    ck_assert_fails(store_open(fixture_path, error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(store_open_readonly(fixture_path, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(file_systems_that_machines_share_are_known_by_their_numbers)
{
    static const guint32 shared[] = {0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x65735546, 0x0bd00bd0};
    static const guint32 own[] = {0xef53, 0x01021994, 0x58465342, 0x9123683e, 0x794c7630, 0x2fc12fc1};
    for (gsize i = 0; i < G_N_ELEMENTS(shared); i++)
        ck_assert_ptr_nonnull(store_shared_file_system(shared[i]));
    for (gsize i = 0; i < G_N_ELEMENTS(own); i++) /* ext4, tmpfs, XFS, Btrfs, overlay, ZFS */
        ck_assert_ptr_null(store_shared_file_system(own[i]));
}
END_TEST

START_TEST(an_older_store_is_not_migrated_by_looking)
{
    g_autofree char *path = in_folder("old.db");
    ck_assert_int_eq(run_sql(path, "PRAGMA application_id = 1920295538; PRAGMA user_version = 0; CREATE TABLE t (a)"),
                     SQLITE_OK);
    ck_assert_fails(store_open_readonly(path, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(foreign_files_are_left_alone)
{
    g_autofree char *other = in_folder("browser.db");
    g_autofree char *text = in_folder("notes.txt");
    ck_assert_int_eq(run_sql(other, "CREATE TABLE bookmarks (url)"), SQLITE_OK);
    ck_assert_fails(store_open(other, error), RUBRIC_ERROR_INVALID);
    ck_assert_int_eq(run_sql(other, "SELECT * FROM bookmarks"), SQLITE_OK);
    g_autofree char *content = g_strnfill(5000, 'x');
    ck_assert_good(file_write_atomic(text, content, strlen(content), 0600, error));
    ck_assert_fails(store_open(text, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(a_missing_folder_or_file_is_said_so)
{
    g_autofree char *path = in_folder("no/such/store.db");
    ck_assert_fails(store_open(path, error), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_fails(store_open_readonly(path, error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
    g_autofree char *link = in_folder("link.db");
    ck_assert_int_eq(symlink(fixture_path, link), 0);
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(store_open(link, &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(a_reader_sees_commits_and_cannot_write)
{
    g_autoptr(Store) reader = NULL;
    ck_assert_good((reader = store_open_readonly(fixture_path, error)) != NULL);
    ck_assert_good(store_begin(store, error));
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    ck_assert_fails(store_submission_get(reader, id, error), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_good(store_commit(store, error));
    g_autoptr(Submission) seen = store_submission_get(reader, id, NULL);
    ck_assert_ptr_nonnull(seen);
    ck_assert_fails(store_cursor_set(reader, "s", "k", "{}", error), RUBRIC_ERROR_DENIED);
}
END_TEST

START_TEST(a_lock_that_is_held_too_long_is_temporary)
{
    g_autoptr(Store) other = NULL;
    ck_assert_good((other = store_open(fixture_path, error)) != NULL);
    other->busy_timeout_us = 20000;
    ck_assert_good(store_begin(store, error));
    ck_assert_fails(store_begin(other, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert_fails(store_cursor_set(other, "s", "k", "{}", error), RUBRIC_ERROR_TEMPORARY);
    store_rollback(store);
    ck_assert_good(store_cursor_set(other, "s", "k", "{}", error));
}
END_TEST

START_TEST(small_tables_and_counts_work)
{
    g_autofree char *none = NULL;
    ck_assert_good(store_cursor_get(store, "inbox", "k", &none, error));
    ck_assert_ptr_null(none);
    ck_assert_good(store_cursor_set(store, "inbox", "k", "{\"a\":1}", error));
    ck_assert_good(store_cursor_set(store, "inbox", "k", "{\"a\":2}", error));
    g_autofree char *json = NULL;
    ck_assert_good(store_cursor_get(store, "inbox", "k", &json, error));
    ck_assert_str_eq(json, "{\"a\":2}");

    g_autofree char *path = NULL, *snapshot = NULL, *unknown = NULL, *unknown_too = NULL;
    ck_assert_good(store_rubric_note(store, "sha256:1", "m1", "rubrics/m1.yaml", "rubrics/1", error));
    ck_assert_good(store_rubric_note(store, "sha256:1", "m1", "other", "other", error));
    ck_assert_good(store_rubric_find(store, "sha256:1", &path, &snapshot, error));
    ck_assert_str_eq(path, "rubrics/m1.yaml");
    ck_assert_str_eq(snapshot, "rubrics/1");
    ck_assert_good(store_rubric_find(store, "sha256:2", &unknown, &unknown_too, error));
    ck_assert(!unknown && !unknown_too);

    gint64 id = fixture_submission("m1", "t1", 77, "a");
    ck_assert_good(store_job_enqueue(store, id, G_MAXINT64, "new", NULL, NULL, error));
    StoreCounts counts;
    ck_assert_good(store_counts(store, &counts, error));
    ck_assert_int_eq(counts.n_by_state[SUBMISSION_FETCHED], 1);
    ck_assert_int_eq(counts.n_queued, 1);
    ck_assert_int_eq(counts.oldest_queued_us, 77);
    ck_assert_int_eq(counts.n_flags_open + counts.n_outbox_waiting + counts.n_outbox_given_up + counts.n_claimed, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("open");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, what_was_committed_is_there_after_reopening);
    tcase_add_test(tcase, what_was_not_committed_is_not);
    tcase_add_test(tcase, the_file_is_not_for_everybody);
    tcase_add_test(tcase, a_newer_store_is_refused);
    tcase_add_test(tcase, file_systems_that_machines_share_are_known_by_their_numbers);
    tcase_add_test(tcase, an_older_store_is_not_migrated_by_looking);
    tcase_add_test(tcase, foreign_files_are_left_alone);
    tcase_add_test(tcase, a_missing_folder_or_file_is_said_so);
    tcase_add_test(tcase, a_link_is_not_followed);
    tcase_add_test(tcase, a_reader_sees_commits_and_cannot_write);
    tcase_add_test(tcase, a_lock_that_is_held_too_long_is_temporary);
    tcase_add_test(tcase, small_tables_and_counts_work);
    return fixture_main(tcase, "store open");
}
