/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signed heads of the ledger, and what does not fit them any more. */
#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/unit/tokens/fixture.h"

static char *folder, *db_path, *key_path, *public_path, *heads;
static Store *store;

static void append(gint64 amount_milli)
{
    LedgerRow row = {.booked_us = 1663800000000000,
                     .account = (char *)"person:ann",
                     .amount_milli = amount_milli,
                     .kind = (char *)"grant",
                     .reason = (char *)"a line"};
    ck_assert_good(store_begin(store, error) && ledger_append(store, &row, error) && store_commit(store, error));
}

static void setup(void)
{
    folder = g_dir_make_tmp("rubric-sign-XXXXXX", NULL);
    db_path = g_build_filename(folder, "store.db", NULL);
    key_path = g_build_filename(folder, "ledger.key", NULL);
    public_path = g_strconcat(key_path, ".pub", NULL);
    heads = g_build_filename(folder, "heads", NULL);
    store = store_open(db_path, NULL);
    ck_assert_ptr_nonnull(store);
    ck_assert_good(ledger_make_key(key_path, error));
}

static void teardown(void)
{
    store_close(store);
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(db_path);
    g_free(key_path);
    g_free(public_path);
    g_free(heads);
}

static char *export_head(void)
{
    char *path = NULL;
    ck_assert_good(ledger_export_head(store, "fall", heads, key_path, &path, error));
    return path;
}

static void check_refused(const char *public, const char *message)
{
    g_autoptr(GError) error = NULL;
    guint n;
    ck_assert(!ledger_verify_heads(store, heads, public, &n, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    ck_assert_msg(strstr(error->message, message) != NULL, "\"%s\" is not in \"%s\"", message, error->message);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

START_TEST(a_key_is_its_owners_alone_and_never_overwritten)
{
    struct stat status;
    g_autoptr(GError) error = NULL;
    ck_assert_int_eq(stat(key_path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(stat(public_path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0644);
    ck_assert(!ledger_make_key(key_path, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_DENIED));
}
END_TEST

START_TEST(a_head_stays_good_while_the_ledger_grows)
{
    guint n = 0;
    append(7000);
    g_autofree char *first = export_head();
    append(-1000);
    g_autofree char *second = export_head();
    append(-1000);
    ck_assert_str_ne(first, second);
    ck_assert_good(ledger_verify_heads(store, heads, public_path, &n, error));
    ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(an_empty_ledger_has_a_head_too)
{
    const gsize max_bytes = 4096;
    guint n = 0;
    g_autofree char *path = export_head();
    g_autofree char *text = NULL;
    ck_assert_good(file_read(path, max_bytes, &text, NULL, error));
    ck_assert_ptr_nonnull(strstr(text, "\nlines 0\nhead 0000"));
    append(7000);
    ck_assert_good(ledger_verify_heads(store, heads, public_path, &n, error));
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(the_same_head_is_written_once)
{
    const gsize max_bytes = 4096;
    append(7000);
    g_autofree char *path = export_head();
    g_autofree char *before = NULL, *after = NULL;
    ck_assert_good(file_read(path, max_bytes, &before, NULL, error));
    g_autofree char *again = export_head();
    ck_assert_good(file_read(again, max_bytes, &after, NULL, error));
    if (strcmp(path, again) == 0) /* else midnight was between them */
        ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(a_cut_or_rewritten_ledger_does_not_fit_its_heads)
{
    append(7000);
    append(-1000);
    g_autofree char *path = export_head();
    run_sql("DROP TRIGGER ledger_no_delete; DELETE FROM ledger WHERE seq = 2");
    check_refused(public_path, "the end of the ledger was cut off");
    append(-2000); /* by the book, but not what was signed */
    ck_assert_good(ledger_verify(store, NULL, NULL, error));
    check_refused(public_path, "gives another hash of line 2: the ledger was rewritten");
    check_refused(NULL, "gives another hash of line 2: the ledger was rewritten");
}
END_TEST

START_TEST(a_changed_head_or_a_foreign_key_is_seen)
{
    g_autofree char *other = g_build_filename(folder, "other.key", NULL);
    g_autofree char *other_public = g_strconcat(other, ".pub", NULL);
    append(7000);
    g_autofree char *path = export_head();
    ck_assert_good(ledger_make_key(other, error));
    check_refused(other_public, "was not signed with the key of");
    const char *forged = "rubricd-ledger-head 1\ncourse fall\nlines 0\nhead 00\nexported 2026\n";
    ck_assert_good(file_write_atomic(path, forged, strlen(forged), 0644, error));
    check_refused(public_path, "was not signed with the key of");
    check_refused(NULL, "gives another hash of line 0");
    const char *broken = "lines some\nhead 00\n";
    ck_assert_good(file_write_atomic(path, broken, strlen(broken), 0644, error));
    check_refused(NULL, "is no head of a ledger");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("sign");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_key_is_its_owners_alone_and_never_overwritten);
    tcase_add_test(tcase, a_head_stays_good_while_the_ledger_grows);
    tcase_add_test(tcase, an_empty_ledger_has_a_head_too);
    tcase_add_test(tcase, the_same_head_is_written_once);
    tcase_add_test(tcase, a_cut_or_rewritten_ledger_does_not_fit_its_heads);
    tcase_add_test(tcase, a_changed_head_or_a_foreign_key_is_seen);
    return fixture_main(tcase, "sign");
}
