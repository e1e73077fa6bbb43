/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

#include <string.h>

void flag_row_free(FlagRow *row)
{
    if (!row)
        return;
    g_free(row->item);
    g_free(row->kind);
    g_free(row->message);
    g_free(row->evidence);
    g_free(row->state);
    g_free(row->decided_by);
    g_free(row->reason);
    g_free(row);
}

bool store_flag_raise(Store *store, const FlagRow *row, gint64 *ret_id, GError **error)
{
    return sql_insert(store, ret_id, error,
                      "INSERT INTO flag (submission_id, item, kind, message, evidence, state, raised_us)"
                      " VALUES (nullif(?1, 0), ?2, ?3, ?4, ?5, 'open', ?6)"
                      " ON CONFLICT (coalesce(submission_id, 0), item, kind) WHERE state = 'open'"
                      " DO UPDATE SET message = excluded.message, evidence = excluded.evidence RETURNING id",
                      SQL_INT(row->submission_id), SQL_TEXT(row->item ? row->item : ""), SQL_TEXT(row->kind),
                      SQL_TEXT(row->message), SQL_TEXT(row->evidence), SQL_INT(clock_now_us()));
}

#define FLAG_COLUMNS                                                                                                   \
    "flag.id, flag.submission_id, flag.item, flag.kind, flag.message, flag.evidence, flag.state, flag.decided_by,"     \
    " flag.reason, flag.raised_us, flag.decided_us"

static gpointer read_flag(SqlRows *rows)
{
    FlagRow *row = g_new0(FlagRow, 1);
    *row = (FlagRow){
        .id = sql_int(rows, 0),
        .submission_id = sql_int(rows, 1),
        .item = sql_text(rows, 2),
        .kind = sql_text(rows, 3),
        .message = sql_text(rows, 4),
        .evidence = sql_text(rows, 5),
        .state = sql_text(rows, 6),
        .decided_by = sql_text(rows, 7),
        .reason = sql_text(rows, 8),
        .raised_us = sql_int(rows, 9),
        .decided_us = sql_int(rows, 10),
    };
    if (row->item[0] == '\0')
        g_clear_pointer(&row->item, g_free);
    return row;
}

FlagRow *store_flag_get(Store *store, gint64 id, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error, "SELECT " FLAG_COLUMNS " FROM flag WHERE id = ?1", SQL_INT(id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return NULL;
    if (!has_row) {
        error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no flag %" G_GINT64_FORMAT "; `rubric flags` lists them",
                  id);
        return NULL;
    }
    return read_flag(rows);
}

GPtrArray *store_flag_list(Store *store, const char *assignment, bool all, GError **error)
{
    const SqlValue filters[] = {SQL_TEXT(assignment)};
    const char *sql =
        all ? "SELECT " FLAG_COLUMNS " FROM flag LEFT JOIN submission ON submission.id = flag.submission_id"
              " WHERE ?1 IS NULL OR submission.assignment = ?1 ORDER BY flag.id"
            : "SELECT " FLAG_COLUMNS " FROM flag LEFT JOIN submission ON submission.id = flag.submission_id"
              " WHERE flag.state = 'open' AND (?1 IS NULL OR submission.assignment = ?1) ORDER BY flag.id";
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, filters, G_N_ELEMENTS(filters));
    return sql_collect(store, rows, read_flag, (GDestroyNotify)flag_row_free, error);
}

static bool decide(Store *store, gint64 id, const char *state, const char *who, const char *reason, GError **error)
{
    if (!sql_run(store, error,
                 "UPDATE flag SET state = ?2, decided_by = ?3, reason = ?4, decided_us = ?5 WHERE id = ?1 AND state = "
                 "'open'",
                 SQL_INT(id), SQL_TEXT(state), SQL_TEXT(who), SQL_TEXT(reason), SQL_INT(clock_now_us())))
        return false;
    if (sql_n_changed(store) == 1)
        return true;
    g_autoptr(FlagRow) flag = store_flag_get(store, id, error);
    if (!flag)
        return false;
    return error_set(error, RUBRIC_ERROR_DENIED, "flag %" G_GINT64_FORMAT " is already decided: %s%s%s", id,
                     flag->state, flag->decided_by ? ", by " : "", flag->decided_by ? flag->decided_by : "");
}

bool store_flag_decide(Store *store, gint64 id, const char *state, const char *who, const char *reason, GError **error)
{
    g_assert(strcmp(state, "pass") == 0 || strcmp(state, "fail") == 0 || strcmp(state, "closed") == 0);
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, decide(store, id, state, who, reason, error), error);
}

bool store_flag_close(Store *store, gint64 submission_id, const char *kind, const char *reason, GError **error)
{
    return sql_run(store, error,
                   "UPDATE flag SET state = 'closed', reason = ?3, decided_us = ?4"
                   " WHERE submission_id = ?1 AND state = 'open' AND (?2 IS NULL OR kind = ?2)",
                   SQL_INT(submission_id), SQL_TEXT(kind), SQL_TEXT(reason), SQL_INT(clock_now_us()));
}

bool store_flag_close_own(Store *store, const char *kind, const char *item, const char *reason, GError **error)
{
    return sql_run(store, error,
                   "UPDATE flag SET state = 'closed', decided_by = 'rubricd', reason = ?3, decided_us = ?4"
                   " WHERE coalesce(submission_id, 0) = 0 AND state = 'open' AND kind = ?1"
                   " AND (?2 IS NULL OR item = ?2)",
                   SQL_TEXT(kind), SQL_TEXT(item), SQL_TEXT(reason), SQL_INT(clock_now_us()));
}
