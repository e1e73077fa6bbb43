/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

void request_row_free(RequestRow *row)
{
    if (!row)
        return;
    g_free(row->account);
    g_free(row->assignment);
    g_free(row->kind);
    g_free(row->text);
    g_free(row->who);
    g_free(row->state);
    g_free(row->decided_by);
    g_free(row->reason);
    g_free(row);
}

bool store_request_insert(Store *store, const RequestRow *row, gint64 *ret_id, GError **error)
{
    return sql_insert(store, ret_id, error,
                      "INSERT INTO request (account, assignment, kind, text, who, asked_us, state)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open') RETURNING id",
                      SQL_TEXT(row->account), SQL_TEXT(row->assignment), SQL_TEXT(row->kind), SQL_TEXT(row->text),
                      SQL_TEXT(row->who), SQL_INT(clock_now_us()));
}

#define REQUEST_COLUMNS "id, account, assignment, kind, text, who, asked_us, state, decided_by, reason, decided_us"

static gpointer read_request(SqlRows *rows)
{
    RequestRow *row = g_new0(RequestRow, 1);
    *row = (RequestRow){.id = sql_int(rows, 0),
                        .account = sql_text(rows, 1),
                        .assignment = sql_text(rows, 2),
                        .kind = sql_text(rows, 3),
                        .text = sql_text(rows, 4),
                        .who = sql_text(rows, 5),
                        .asked_us = sql_int(rows, 6),
                        .state = sql_text(rows, 7),
                        .decided_by = sql_text(rows, 8),
                        .reason = sql_text(rows, 9),
                        .decided_us = sql_int(rows, 10)};
    return row;
}

RequestRow *store_request_get(Store *store, gint64 id, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " REQUEST_COLUMNS " FROM request WHERE id = ?1", SQL_INT(id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return NULL;
    if (has_row)
        return read_request(rows);
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no request %" G_GINT64_FORMAT "; `rubric requests` lists them",
              id);
    return NULL;
}

GPtrArray *store_request_list(Store *store, bool all, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " REQUEST_COLUMNS " FROM request WHERE ?1 = 1 OR state = 'open' ORDER BY id",
                  SQL_INT(all));
    return sql_collect(store, rows, read_request, (GDestroyNotify)request_row_free, error);
}

bool store_request_decide(Store *store, gint64 id, bool is_granted, const char *who, const char *reason, GError **error)
{
    if (!sql_run(store, error,
                 "UPDATE request SET state = ?2, decided_by = ?3, reason = ?4, decided_us = ?5"
                 " WHERE id = ?1 AND state = 'open'",
                 SQL_INT(id), SQL_TEXT(is_granted ? "granted" : "denied"), SQL_TEXT(who), SQL_TEXT(reason),
                 SQL_INT(clock_now_us())))
        return false;
    if (sql_n_changed(store) == 1)
        return true;
    g_autoptr(RequestRow) row = store_request_get(store, id, error);
    return row && error_set(error, RUBRIC_ERROR_DENIED, "request %" G_GINT64_FORMAT " is already decided: %s by %s", id,
                            row->state, row->decided_by ? row->decided_by : "nobody");
}
