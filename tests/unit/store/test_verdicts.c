/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, decisions, events: the append-only tables, and the ledger's raw rows. */
#include "tests/unit/store/fixture.h"

#include <sqlite3.h>

static int run_sql(const char *sql)
{
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
    int code = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    return code;
}

START_TEST(verdicts_are_numbered_and_the_newest_counts)
{
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    VerdictRow *none = NULL;
    ck_assert_good(store_verdict_latest(store, id, &none, error));
    ck_assert_ptr_null(none);
    fixture_verdict(id, "{\"n\":1}");
    gint64 second = fixture_verdict(id, "{\"n\":2}");
    g_autoptr(VerdictRow) latest = NULL;
    ck_assert_good(store_verdict_latest(store, id, &latest, error));
    ck_assert_int_eq(latest->id, second);
    ck_assert_int_eq(latest->number, 2);
    ck_assert_int_eq(latest->points_milli, 85000);
    ck_assert_int_gt(latest->made_us, 0);
    g_autoptr(VerdictRow) got = store_verdict_get(store, second, NULL);
    ck_assert_str_eq(got->json, "{\"n\":2}");
    ck_assert_str_eq(got->origin, "grade");
    ck_assert_fails(store_verdict_get(store, 77, error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_verdict_of_nothing_is_our_bug)
{
    VerdictRow row = {.submission_id = 99, .origin = (char *)"grade", .json = (char *)"{}"};
    ck_assert_fails(store_verdict_insert(store, &row, NULL, error), RUBRIC_ERROR_BUG);
}
END_TEST

START_TEST(a_decision_is_written_only_when_it_changes)
{
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    g_autofree char *none = NULL;
    ck_assert_good(store_decision_latest(store, id, &none, error));
    ck_assert_ptr_null(none);
    bool changed = false;
    ck_assert_good(store_decision_insert(store, id, "{\"a\":1}", &changed, error));
    ck_assert(changed);
    ck_assert_good(store_decision_insert(store, id, "{\"a\":1}", &changed, error));
    ck_assert(!changed);
    ck_assert_good(store_decision_insert(store, id, "{\"a\":2}", NULL, error));
    ck_assert_good(store_decision_insert(store, id, "{\"a\":1}", &changed, error));
    ck_assert(changed);
    g_autofree char *json = NULL;
    ck_assert_good(store_decision_latest(store, id, &json, error));
    ck_assert_str_eq(json, "{\"a\":1}");
}
END_TEST

START_TEST(append_only_tables_refuse_update_delete_and_replace)
{
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    fixture_verdict(id, "{}");
    ck_assert_good(store_decision_insert(store, id, "{}", NULL, error));
    EventRow event = {.at_us = 1, .account = (char *)"team:t1", .kind = (char *)"released"};
    ck_assert_good(store_event_append(store, &event, NULL, error));
    const char *const tables[] = {"verdict", "decision", "event"};
    for (gsize i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_autofree char *update = g_strconcat("UPDATE ", tables[i], " SET id = 9", NULL);
        g_autofree char *delete = g_strconcat("DELETE FROM ", tables[i], NULL);
        g_autofree char *replace =
            g_strconcat("INSERT OR REPLACE INTO ", tables[i], " SELECT * FROM ", tables[i], " WHERE id = 1", NULL);
        ck_assert_int_eq(run_sql(update), SQLITE_CONSTRAINT);
        ck_assert_int_eq(run_sql(delete), SQLITE_CONSTRAINT);
        ck_assert_int_eq(run_sql(replace), SQLITE_CONSTRAINT);
    }
}
END_TEST

START_TEST(events_come_in_order_of_their_own_time_and_once_a_key)
{
    EventRow late = {.at_us = 20,
                     .account = (char *)"team:t1",
                     .kind = (char *)"granted",
                     .data = (char *)"{\"amount_milli\":1000}",
                     .who = (char *)"prof",
                     .why = (char *)"because"};
    EventRow early = {.at_us = 10, .account = (char *)"team:t1", .kind = (char *)"submitted", .submission_id = 3};
    EventRow other = {.at_us = 15, .account = (char *)"team:t2", .kind = (char *)"submitted", .submission_id = 4};
    ck_assert_good(store_event_append(store, &late, NULL, error));
    ck_assert_good(store_event_append(store, &late, NULL, error));
    ck_assert_good(store_event_append(store, &early, "submitted:3", error));
    ck_assert_good(store_event_append(store, &early, "submitted:3", error));
    ck_assert_good(store_event_append(store, &other, "submitted:4", error));
    g_autoptr(GPtrArray) list = store_event_list(store, "team:t1", NULL);
    ck_assert_uint_eq(list->len, 3);
    const EventRow *first = g_ptr_array_index(list, 0), *last = g_ptr_array_index(list, 2);
    ck_assert_str_eq(first->kind, "submitted");
    ck_assert_str_eq(first->data, "{}");
    ck_assert_int_gt(first->booked_us, 0);
    ck_assert_str_eq(last->who, "prof");
    ck_assert_str_eq(last->why, "because");
}
END_TEST

START_TEST(a_ledger_line_must_follow_the_last_one)
{
    g_autofree char *zeros = g_strnfill(64, '0');
    g_autofree char *ones = g_strnfill(64, '1');
    LedgerRow row = {.seq = 2,
                     .account = (char *)"team:t1",
                     .amount_milli = 7000,
                     .kind = (char *)"pool",
                     .reason = (char *)"r",
                     .previous_hash = zeros,
                     .hash = ones};
    ck_assert_fails(store_ledger_insert(store, &row, error), RUBRIC_ERROR_BUG);
    row.seq = 1;
    ck_assert_good(store_ledger_insert(store, &row, error));
    row.seq = 2;
    ck_assert_fails(store_ledger_insert(store, &row, error), RUBRIC_ERROR_BUG);
    row.previous_hash = ones;
    row.amount_milli = -2000;
    ck_assert_good(store_ledger_insert(store, &row, error));
    gint64 balance;
    ck_assert_good(store_ledger_balance(store, "team:t1", &balance, error));
    ck_assert_int_eq(balance, 5000);
    ck_assert_good(store_ledger_balance(store, "team:t2", &balance, error));
    ck_assert_int_eq(balance, 0);
    g_autoptr(GPtrArray) lines = store_ledger_list(store, "team:t1", 1, 5, NULL);
    ck_assert_uint_eq(lines->len, 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("books");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, verdicts_are_numbered_and_the_newest_counts);
    tcase_add_test(tcase, a_verdict_of_nothing_is_our_bug);
    tcase_add_test(tcase, a_decision_is_written_only_when_it_changes);
    tcase_add_test(tcase, append_only_tables_refuse_update_delete_and_replace);
    tcase_add_test(tcase, events_come_in_order_of_their_own_time_and_once_a_key);
    tcase_add_test(tcase, a_ledger_line_must_follow_the_last_one);
    return fixture_main(tcase, "store books");
}
