/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of programs that hand in and read: found by the hash of what they show. */
#include "daemon/store/sqlite.h"

void key_row_free(KeyRow *row)
{
    if (!row)
        return;
    g_free(row->assignment);
    g_free(row->note);
    g_free(row->made_by);
    g_free(row->revoked_by);
    g_free(row);
}

bool store_key_insert(Store *store, const KeyRow *row, const char *hash, gint64 *ret_id, GError **error)
{
    bool is_own = false;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    bool ok = sql_run(store, error,
                      "INSERT INTO api_key (assignment, hash, note, max_bytes, made_us, made_by)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                      SQL_TEXT(row->assignment), SQL_TEXT(hash), SQL_TEXT(row->note), SQL_INT(row->max_bytes),
                      SQL_INT(clock_now_us()), SQL_TEXT(row->made_by)) &&
              sql_get_int(store, ret_id, error, "SELECT id FROM api_key WHERE hash = ?1", SQL_TEXT(hash));
    return store_scope_end(store, is_own, ok, error);
}

#define COLUMNS "id, assignment, note, max_bytes, made_us, made_by, used_us, revoked_us, revoked_by"

static gpointer read_key(SqlRows *rows)
{
    KeyRow *row = g_new0(KeyRow, 1);
    *row = (KeyRow){.id = sql_int(rows, 0),
                    .assignment = sql_text(rows, 1),
                    .note = sql_text(rows, 2),
                    .max_bytes = sql_int(rows, 3),
                    .made_us = sql_int(rows, 4),
                    .made_by = sql_text(rows, 5),
                    .used_us = sql_int(rows, 6),
                    .revoked_us = sql_int(rows, 7),
                    .revoked_by = sql_text(rows, 8)};
    return row;
}

bool store_key_find(Store *store, const char *hash, KeyRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " COLUMNS " FROM api_key WHERE hash = ?1 AND revoked_us = 0", SQL_TEXT(hash));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret = has_row ? read_key(rows) : NULL;
    return true;
}

GPtrArray *store_key_list(Store *store, const char *assignment, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " COLUMNS " FROM api_key WHERE ?1 IS NULL OR assignment = ?1 ORDER BY id",
                  SQL_TEXT(assignment));
    return sql_collect(store, rows, read_key, (GDestroyNotify)key_row_free, error);
}

bool store_key_note_use(Store *store, gint64 id, GError **error)
{
    return sql_run(store, error, "UPDATE api_key SET used_us = ?2 WHERE id = ?1", SQL_INT(id), SQL_INT(clock_now_us()));
}

bool store_key_revoke(Store *store, gint64 id, const char *who, GError **error)
{
    if (!sql_run(store, error, "UPDATE api_key SET revoked_us = ?2, revoked_by = ?3 WHERE id = ?1 AND revoked_us = 0",
                 SQL_INT(id), SQL_INT(clock_now_us()), SQL_TEXT(who)))
        return false;
    return sql_n_changed(store) == 1 ||
           error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no key %" G_GINT64_FORMAT " in force", id);
}
