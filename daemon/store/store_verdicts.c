/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

#include <string.h>

void verdict_row_free(VerdictRow *row)
{
    if (!row)
        return;
    g_free(row->origin);
    g_free(row->rubric_digest);
    g_free(row->json);
    g_free(row);
}

/* Number and row come from one statement, so that two writers cannot get the same number. */
bool store_verdict_insert(Store *store, const VerdictRow *row, gint64 *ret_id, GError **error)
{
    return sql_insert(
        store, ret_id, error,
        "INSERT INTO verdict (submission_id, number, origin, rubric_digest, made_us, points_milli, bonus_milli, "
        "max_milli,"
        " n_review, n_error, json)"
        " SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM verdict WHERE "
        "submission_id = ?1"
        " RETURNING id",
        SQL_INT(row->submission_id), SQL_TEXT(row->origin), SQL_TEXT(row->rubric_digest),
        SQL_INT(row->made_us ? row->made_us : clock_now_us()), SQL_INT(row->points_milli), SQL_INT(row->bonus_milli),
        SQL_INT(row->max_milli), SQL_INT(row->n_review), SQL_INT(row->n_error), SQL_TEXT(row->json));
}

#define VERDICT_COLUMNS                                                                                                \
    "id, submission_id, number, origin, rubric_digest, made_us, points_milli, bonus_milli, max_milli, n_review, "      \
    "n_error, json"

static VerdictRow *read_verdict(SqlRows *rows)
{
    VerdictRow *row = g_new0(VerdictRow, 1);
    *row = (VerdictRow){
        .id = sql_int(rows, 0),
        .submission_id = sql_int(rows, 1),
        .number = sql_int(rows, 2),
        .origin = sql_text(rows, 3),
        .rubric_digest = sql_text(rows, 4),
        .made_us = sql_int(rows, 5),
        .points_milli = sql_int(rows, 6),
        .bonus_milli = sql_int(rows, 7),
        .max_milli = sql_int(rows, 8),
        .n_review = sql_int(rows, 9),
        .n_error = sql_int(rows, 10),
        .json = sql_text(rows, 11),
    };
    return row;
}

bool store_verdict_latest(Store *store, gint64 submission_id, VerdictRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(
        store, error, "SELECT " VERDICT_COLUMNS " FROM verdict WHERE submission_id = ?1 ORDER BY number DESC LIMIT 1",
        SQL_INT(submission_id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret = has_row ? read_verdict(rows) : NULL;
    return true;
}

VerdictRow *store_verdict_get(Store *store, gint64 id, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " VERDICT_COLUMNS " FROM verdict WHERE id = ?1", SQL_INT(id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return NULL;
    if (!has_row) {
        error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no verdict %" G_GINT64_FORMAT, id);
        return NULL;
    }
    return read_verdict(rows);
}

static bool insert_decision(Store *store, gint64 submission_id, const char *json, bool *ret_changed, GError **error)
{
    g_autofree char *latest = NULL;
    if (!store_decision_latest(store, submission_id, &latest, error))
        return false;
    bool changed = g_strcmp0(latest, json) != 0;
    if (changed && !sql_run(store, error, "INSERT INTO decision (submission_id, made_us, json) VALUES (?1, ?2, ?3)",
                            SQL_INT(submission_id), SQL_INT(clock_now_us()), SQL_TEXT(json)))
        return false;
    if (ret_changed)
        *ret_changed = changed;
    return true;
}

bool store_decision_insert(Store *store, gint64 submission_id, const char *json, bool *ret_changed, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, insert_decision(store, submission_id, json, ret_changed, error), error);
}

bool store_decision_latest(Store *store, gint64 submission_id, char **ret_json, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT json FROM decision WHERE submission_id = ?1 ORDER BY id DESC LIMIT 1",
                  SQL_INT(submission_id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret_json = has_row ? sql_text(rows, 0) : NULL;
    return true;
}
