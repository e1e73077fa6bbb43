/* SPDX-License-Identifier: Apache-2.0 */
/* Tampering goes around the store: a connection of our own drops the triggers first, as an attacker with the file
 * would. */
#include "tests/unit/tokens/fixture.h"

#include <sqlite3.h>

static char *folder;
static char *path;
static Store *store;

static void append(const char *account, gint64 amount_milli, gint64 corrects_seq, const char *reason)
{
    LedgerRow row = {.booked_us = 1663800000000000,
                     .account = (char *)account,
                     .amount_milli = amount_milli,
                     .kind = (char *)(amount_milli > 0 ? "pool" : "charge"),
                     .assignment = (char *)(amount_milli > 0 ? NULL : "h1"),
                     .submission_id = amount_milli > 0 ? 0 : 12,
                     .corrects_seq = corrects_seq,
                     .reason = (char *)reason};
    ck_assert_good(ledger_append(store, &row, error));
}

static void setup(void)
{
    folder = g_dir_make_tmp("rubric-ledger-XXXXXX", NULL);
    path = g_build_filename(folder, "store.db", NULL);
    ck_assert_good((store = store_open(path, error)) != NULL);
    append("person:ann", 7000, 0, "The course gives 7 tokens to start with.");
    append("team:blue", 7000, 0, "The course gives 7 tokens to start with.");
    append("person:ann", -1000, 0, "5 h late: 1 of your 7 tokens, 6 left.");
    append("team:blue", -2000, 0, "2 days late");
    append("person:ann", 1000, 3, "Corrected");
}

static void teardown(void)
{
    store_close(store);
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(path);
}

static int tamper(const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

#define DROP_TRIGGERS "DROP TRIGGER ledger_no_update; DROP TRIGGER ledger_no_delete; DROP TRIGGER ledger_in_order;"

static void ck_assert_detected(const char *sql, const char *message)
{
    g_autofree char *all = g_strconcat(DROP_TRIGGERS, sql, NULL);
    ck_assert_int_eq(tamper(all), SQLITE_OK);
    g_autoptr(GError) error = NULL;
    ck_assert(!ledger_verify(store, NULL, NULL, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    ck_assert_msg(strstr(error->message, message) != NULL, "\"%s\" is not in \"%s\"", message, error->message);
}

START_TEST(an_empty_ledger_is_good)
{
    g_autofree char *other = g_build_filename(folder, "other.db", NULL);
    g_autoptr(Store) empty = store_open(other, NULL);
    gint64 n_lines = -1;
    g_autofree char *head = NULL;
    ck_assert_good(ledger_verify(empty, &n_lines, &head, error));
    ck_assert_int_eq(n_lines, 0);
    ck_assert_uint_eq(strspn(head, "0"), 64);
}
END_TEST

START_TEST(a_good_ledger_gives_its_length_and_head)
{
    gint64 n_lines;
    g_autofree char *head = NULL;
    ck_assert_good(ledger_verify(store, &n_lines, &head, error));
    ck_assert_int_eq(n_lines, 5);
    g_autoptr(LedgerRow) last = NULL;
    ck_assert_good(store_ledger_last(store, &last, error));
    ck_assert_str_eq(head, last->hash);
}
END_TEST

START_TEST(the_canonical_bytes_are_those_of_the_documentation)
{
    LedgerRow row = {.seq = 3,
                     .booked_us = 1663800000000000,
                     .account = (char *)"person:ann",
                     .amount_milli = -1000,
                     .kind = (char *)"charge",
                     .assignment = (char *)"h1",
                     .submission_id = 12,
                     .reason = (char *)"5 h late: 1 of your 7 tokens, 6 left.",
                     .previous_hash = (char *)"00ff"};
    GString *bytes = ledger_canonical(&row);
    ck_assert_str_eq(bytes->str,
                     "rubricd-ledger 1\nprevious 4:00ff\nseq 3\nbooked_us 1663800000000000\naccount 10:person:ann\n"
                     "amount_milli -1000\nkind 6:charge\nassignment 2:h1\nsubmission 12\ncorrects 0\n"
                     "reason 37:5 h late: 1 of your 7 tokens, 6 left.\n");
    g_string_free(bytes, TRUE);
    row.assignment = NULL;
    bytes = ledger_canonical(&row);
    ck_assert_ptr_nonnull(strstr(bytes->str, "\nassignment -\n"));
    g_string_free(bytes, TRUE);
}
END_TEST

START_TEST(the_hash_is_the_one_of_the_documentations_example)
{
    g_autofree char *other = g_build_filename(folder, "other.db", NULL);
    g_autoptr(Store) empty = store_open(other, NULL);
    LedgerRow row = {.booked_us = 1663800000000000,
                     .account = (char *)"person:ann",
                     .amount_milli = -1000,
                     .kind = (char *)"charge",
                     .assignment = (char *)"h1",
                     .submission_id = 12,
                     .reason = (char *)"5 h late: 1 of your 7 tokens, 6 left."};
    ck_assert_good(ledger_append(empty, &row, error));
    g_autoptr(LedgerRow) line = NULL;
    ck_assert_good(store_ledger_last(empty, &line, error));
    ck_assert_str_eq(line->hash, "bcf17cce4de16614e77b18eb7040a4aae0ea70de63c97efc5dccfd71624184e8");
}
END_TEST

START_TEST(texts_cannot_imitate_other_fields)
{
    LedgerRow a = {
        .previous_hash = (char *)"", .account = (char *)"x\namount_milli 5", .kind = (char *)"", .reason = (char *)""};
    LedgerRow b = {.previous_hash = (char *)"",
                   .account = (char *)"x",
                   .amount_milli = 5,
                   .kind = (char *)"",
                   .reason = (char *)""};
    GString *left = ledger_canonical(&a), *right = ledger_canonical(&b);
    ck_assert(!g_string_equal(left, right));
    g_string_free(left, TRUE);
    g_string_free(right, TRUE);
}
END_TEST

START_TEST(the_store_itself_refuses_to_change_the_ledger)
{
    ck_assert_int_eq(tamper("UPDATE ledger SET amount_milli = 9000 WHERE seq = 1"), SQLITE_CONSTRAINT);
    ck_assert_int_eq(tamper("DELETE FROM ledger WHERE seq = 5"), SQLITE_CONSTRAINT);
    ck_assert_int_eq(tamper("INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 5"), SQLITE_CONSTRAINT);
    ck_assert_int_eq(
        tamper("INSERT INTO ledger SELECT 7, booked_us, account, amount_milli, kind, assignment, submission_id,"
               " corrects_seq, reason, hash, hash FROM ledger WHERE seq = 5"),
        SQLITE_CONSTRAINT);
    gint64 n_lines;
    ck_assert_good(ledger_verify(store, &n_lines, NULL, error));
}
END_TEST

START_TEST(every_edited_field_is_detected)
{
    const char *const edits[] = {"booked_us = booked_us + 1",
                                 "account = 'person:ben'",
                                 "amount_milli = -2000",
                                 "kind = 'refund'",
                                 "assignment = 'h2'",
                                 "assignment = NULL",
                                 "submission_id = 13",
                                 "corrects_seq = 1",
                                 "reason = reason || ' '",
                                 "hash = upper(hash)",
                                 "previous_hash = upper(previous_hash)"};
    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autofree char *sql =
            g_strdup_printf("%sUPDATE ledger SET %s WHERE seq = 3", i == 0 ? DROP_TRIGGERS : "", edits[i]);
        ck_assert_int_eq(tamper("CREATE TABLE IF NOT EXISTS kept AS SELECT * FROM ledger"), SQLITE_OK);
        ck_assert_int_eq(tamper(sql), SQLITE_OK);
        g_autoptr(GError) error = NULL;
        ck_assert_msg(!ledger_verify(store, NULL, NULL, &error), "not detected: %s", edits[i]);
        ck_assert_ptr_nonnull(strstr(error->message, "ledger line 3"));
        ck_assert_int_eq(tamper("DELETE FROM ledger; INSERT INTO ledger SELECT * FROM kept"), SQLITE_OK);
    }
}
END_TEST

/* Every single byte of every text of every line, and each digit's worth of the numbers. */
START_TEST(every_single_changed_byte_is_detected)
{
    static const char *const texts[] = {"account", "kind", "assignment", "reason", "previous_hash", "hash"};
    static const char *const numbers[] = {"booked_us", "amount_milli", "submission_id", "corrects_seq"};
    unsigned n_changes = 0;
    ck_assert_int_eq(tamper(DROP_TRIGGERS "CREATE TABLE kept AS SELECT * FROM ledger"), SQLITE_OK);
    g_autoptr(GPtrArray) lines = store_ledger_list(store, NULL, 0, 0, NULL);
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    for (guint seq = 1; seq <= lines->len; seq++) {
        const LedgerRow *line = g_ptr_array_index(lines, seq - 1);
        const char *const values[] = {line->account, line->kind,          line->assignment,
                                      line->reason,  line->previous_hash, line->hash};
        for (gsize column = 0; column < G_N_ELEMENTS(texts) + G_N_ELEMENTS(numbers); column++) {
            bool is_text = column < G_N_ELEMENTS(texts);
            gsize n = is_text ? (values[column] ? strlen(values[column]) : 0) : 15;
            gint64 power = 1;
            for (gsize at = 0; at < n; at++, power *= 10, n_changes++) {
                g_autofree char *sql =
                    is_text ? g_strdup_printf("UPDATE ledger SET %s = substr(%s, 1, %zu) || '~' || substr(%s, %zu)"
                                              " WHERE seq = %u",
                                              texts[column], texts[column], at, texts[column], at + 2, seq)
                            : g_strdup_printf("UPDATE ledger SET %s = %s + %" G_GINT64_FORMAT " WHERE seq = %u",
                                              numbers[column - G_N_ELEMENTS(texts)],
                                              numbers[column - G_N_ELEMENTS(texts)], power, seq);
                ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
                ck_assert_msg(!ledger_verify(store, NULL, NULL, NULL), "not detected: %s", sql);
                ck_assert_int_eq(
                    sqlite3_exec(db, "DELETE FROM ledger; INSERT INTO ledger SELECT * FROM kept", NULL, NULL, NULL),
                    SQLITE_OK);
            }
        }
    }
    sqlite3_close(db);
    printf("%u single changes, every one detected\n", n_changes);
    ck_assert_good(ledger_verify(store, NULL, NULL, error));
}
END_TEST

START_TEST(a_deleted_line_is_detected)
{
    ck_assert_detected("DELETE FROM ledger WHERE seq = 3", "line 3 is missing");
}
END_TEST

START_TEST(a_deleted_line_is_detected_even_if_the_rest_moves_up)
{
    ck_assert_detected("DELETE FROM ledger WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = 4;"
                       " UPDATE ledger SET seq = 4 WHERE seq = 5",
                       "line 3 does not follow");
}
END_TEST

START_TEST(exchanged_lines_are_detected)
{
    ck_assert_detected("UPDATE ledger SET seq = 99 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = 4;"
                       " UPDATE ledger SET seq = 4 WHERE seq = 99",
                       "line 3 does not follow");
}
END_TEST

START_TEST(an_inserted_line_is_detected_wherever_it_stands)
{
    ck_assert_detected(
        "INSERT INTO ledger SELECT 6, booked_us, account, 5000, kind, assignment, submission_id, 0, reason,"
        " hash, hash FROM ledger WHERE seq = 5",
        "line 6");
    ck_assert_int_eq(tamper("UPDATE ledger SET seq = 0 WHERE seq = 6"), SQLITE_OK);
    ck_assert(!ledger_verify(store, NULL, NULL, NULL));
    ck_assert_int_eq(tamper("UPDATE ledger SET seq = -3 WHERE seq = 0"), SQLITE_OK);
    ck_assert(!ledger_verify(store, NULL, NULL, NULL));
}
END_TEST

START_TEST(a_well_chained_line_below_zero_is_detected)
{
    append("person:ann", -8000, 0, "forged by our own code");
    g_autoptr(GError) error = NULL;
    ck_assert(!ledger_verify(store, NULL, NULL, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "line 6 leaves its account below zero"));
}
END_TEST

START_TEST(where_the_policy_allows_debts_an_account_may_go_as_far_and_no_further)
{
    const gint64 lowest_milli = -1000;
    append("person:ann", -9000, 0, "two more than there were");
    ck_assert_good(ledger_verify_down_to(store, -2000, NULL, NULL, error));
    ck_assert(!ledger_verify_down_to(store, lowest_milli, NULL, NULL, NULL));
}
END_TEST

START_TEST(a_correction_of_somebody_elses_line_is_detected)
{
    append("person:ann", -1000, 2, "corrects team blue's line");
    g_autoptr(GError) error = NULL;
    ck_assert(!ledger_verify(store, NULL, NULL, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "line 6 corrects"));
}
END_TEST

START_TEST(a_long_ledger_is_walked_page_by_page)
{
    ck_assert_good(store_begin(store, error));
    for (int i = 0; i < 2500; i++)
        append("person:ann", i % 2 ? -1000 : 1000, 0, "line");
    ck_assert_good(store_commit(store, error));
    gint64 n_lines;
    ck_assert_good(ledger_verify(store, &n_lines, NULL, error));
    ck_assert_int_eq(n_lines, 2505);
    ck_assert_detected("UPDATE ledger SET reason = 'x' WHERE seq = 2222", "line 2222 was changed");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("ledger");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_empty_ledger_is_good);
    tcase_add_test(tcase, a_good_ledger_gives_its_length_and_head);
    tcase_add_test(tcase, the_canonical_bytes_are_those_of_the_documentation);
    tcase_add_test(tcase, the_hash_is_the_one_of_the_documentations_example);
    tcase_add_test(tcase, texts_cannot_imitate_other_fields);
    tcase_add_test(tcase, the_store_itself_refuses_to_change_the_ledger);
    tcase_add_test(tcase, every_edited_field_is_detected);
    tcase_add_test(tcase, every_single_changed_byte_is_detected);
    tcase_add_test(tcase, a_deleted_line_is_detected);
    tcase_add_test(tcase, a_deleted_line_is_detected_even_if_the_rest_moves_up);
    tcase_add_test(tcase, exchanged_lines_are_detected);
    tcase_add_test(tcase, an_inserted_line_is_detected_wherever_it_stands);
    tcase_add_test(tcase, a_well_chained_line_below_zero_is_detected);
    tcase_add_test(tcase, where_the_policy_allows_debts_an_account_may_go_as_far_and_no_further);
    tcase_add_test(tcase, a_correction_of_somebody_elses_line_is_detected);
    tcase_add_test(tcase, a_long_ledger_is_walked_page_by_page);
    return fixture_main(tcase, "ledger");
}
