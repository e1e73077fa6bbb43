/* SPDX-License-Identifier: Apache-2.0 */
/* The two append-only books of tokens: what happened (event), and what it cost (ledger). */
#include "daemon/store/sqlite.h"

/* ---- events ----------------------------------------------------------------------------------------------------- */

void event_row_free(EventRow *row)
{
    if (!row)
        return;
    g_free(row->account);
    g_free(row->kind);
    g_free(row->assignment);
    g_free(row->data);
    g_free(row->who);
    g_free(row->why);
    g_free(row);
}

bool store_event_append(Store *store, const EventRow *row, const char *unique_key, GError **error)
{
    return sql_run(
        store, error,
        "INSERT INTO event (at_us, booked_us, account, kind, assignment, submission_id, data, who, why, unique_key)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (unique_key) DO NOTHING",
        SQL_INT(row->at_us), SQL_INT(row->booked_us ? row->booked_us : clock_now_us()), SQL_TEXT(row->account),
        SQL_TEXT(row->kind), SQL_TEXT(row->assignment), SQL_INT(row->submission_id),
        SQL_TEXT(row->data ? row->data : "{}"), SQL_TEXT(row->who), SQL_TEXT(row->why), SQL_TEXT(unique_key));
}

static gpointer read_event(SqlRows *rows)
{
    EventRow *row = g_new0(EventRow, 1);
    *row = (EventRow){
        .id = sql_int(rows, 0),
        .at_us = sql_int(rows, 1),
        .booked_us = sql_int(rows, 2),
        .account = sql_text(rows, 3),
        .kind = sql_text(rows, 4),
        .assignment = sql_text(rows, 5),
        .submission_id = sql_int(rows, 6),
        .data = sql_text(rows, 7),
        .who = sql_text(rows, 8),
        .why = sql_text(rows, 9),
    };
    return row;
}

GPtrArray *store_event_list(Store *store, const char *account, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error,
                  "SELECT id, at_us, booked_us, account, kind, assignment, submission_id, data, who, why FROM event"
                  " WHERE account = ?1 ORDER BY at_us, id",
                  SQL_TEXT(account));
    return sql_collect(store, rows, read_event, (GDestroyNotify)event_row_free, error);
}

/* ---- ledger ----------------------------------------------------------------------------------------------------- */

void ledger_row_free(LedgerRow *row)
{
    if (!row)
        return;
    g_free(row->account);
    g_free(row->kind);
    g_free(row->assignment);
    g_free(row->reason);
    g_free(row->previous_hash);
    g_free(row->hash);
    g_free(row);
}

bool store_ledger_insert(Store *store, const LedgerRow *row, GError **error)
{
    return sql_run(
        store, error,
        "INSERT INTO ledger (seq, booked_us, account, amount_milli, kind, assignment, submission_id, corrects_seq,"
        " reason, previous_hash, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        SQL_INT(row->seq), SQL_INT(row->booked_us), SQL_TEXT(row->account), SQL_INT(row->amount_milli),
        SQL_TEXT(row->kind), SQL_TEXT(row->assignment), SQL_INT(row->submission_id), SQL_INT(row->corrects_seq),
        SQL_TEXT(row->reason), SQL_TEXT(row->previous_hash), SQL_TEXT(row->hash));
}

#define LEDGER_COLUMNS                                                                                                 \
    "seq, booked_us, account, amount_milli, kind, assignment, submission_id, corrects_seq, reason, previous_hash, "    \
    "hash"

static gpointer read_line(SqlRows *rows)
{
    LedgerRow *row = g_new0(LedgerRow, 1);
    *row = (LedgerRow){
        .seq = sql_int(rows, 0),
        .booked_us = sql_int(rows, 1),
        .account = sql_text(rows, 2),
        .amount_milli = sql_int(rows, 3),
        .kind = sql_text(rows, 4),
        .assignment = sql_text(rows, 5),
        .submission_id = sql_int(rows, 6),
        .corrects_seq = sql_int(rows, 7),
        .reason = sql_text(rows, 8),
        .previous_hash = sql_text(rows, 9),
        .hash = sql_text(rows, 10),
    };
    return row;
}

bool store_ledger_last(Store *store, LedgerRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " LEDGER_COLUMNS " FROM ledger ORDER BY seq DESC LIMIT 1");
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret = has_row ? read_line(rows) : NULL;
    return true;
}

GPtrArray *store_ledger_list(Store *store, const char *account, gint64 after_seq, guint limit, GError **error)
{
    const SqlValue filters[] = {SQL_TEXT(account), SQL_INT(after_seq), SQL_INT(limit ? (gint64)limit : -1)};
    const char *sql =
        account ? "SELECT " LEDGER_COLUMNS " FROM ledger WHERE account = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
                : "SELECT " LEDGER_COLUMNS " FROM ledger WHERE ?1 IS NULL AND seq > ?2 ORDER BY seq LIMIT ?3";
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, filters, G_N_ELEMENTS(filters));
    return sql_collect(store, rows, read_line, (GDestroyNotify)ledger_row_free, error);
}

bool store_ledger_balance(Store *store, const char *account, gint64 *ret_milli, GError **error)
{
    *ret_milli = 0;
    return sql_get_int(store, ret_milli, error, "SELECT sum(amount_milli) FROM ledger WHERE account = ?1",
                       SQL_TEXT(account));
}

static gpointer read_first_text(SqlRows *rows)
{
    return sql_text(rows, 0);
}

GPtrArray *store_event_accounts(Store *store, GError **error)
{
    const SqlValue none[] = {SQL_INT(0)};
    g_autoptr(SqlRows) rows =
        sql_query_values(store, error, "SELECT DISTINCT account FROM event ORDER BY account", none, 0);
    return sql_collect(store, rows, read_first_text, g_free, error);
}
