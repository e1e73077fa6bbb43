/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

static RubricError error_code(int sqlite_code)
{
    switch (sqlite_code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RUBRIC_ERROR_TEMPORARY;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return RUBRIC_ERROR_DENIED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return RUBRIC_ERROR_INVALID;
    case SQLITE_TOOBIG:
        return RUBRIC_ERROR_LIMIT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR:
        return RUBRIC_ERROR_BUG;
    default:
        return RUBRIC_ERROR_SYSTEM;
    }
}

bool sql_error_set(Store *store, GError **error, const char *doing)
{
    int code = sqlite3_extended_errcode(store->db);
    const char *hint = "";
    if ((code & 0xff) == SQLITE_BUSY)
        hint = "; another process has held the store for 10 s, try again";
    return error_set(error, error_code(code), "store \"%s\": %s: %s%s", store->path, doing, sqlite3_errmsg(store->db),
                     hint);
}

static sqlite3_stmt *find_statement(Store *store, const char *sql, GError **error)
{
    sqlite3_stmt *statement = g_hash_table_lookup(store->statements, sql);
    if (statement)
        return statement;
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        sql_error_set(store, error, "preparing a statement");
        return NULL;
    }
    g_hash_table_insert(store->statements, (gpointer)sql, statement);
    return statement;
}

static int bind_value(sqlite3_stmt *statement, int position, const SqlValue *value)
{
    if (!value->is_text)
        return sqlite3_bind_int64(statement, position, value->number);
    return value->text ? sqlite3_bind_text(statement, position, value->text, -1, SQLITE_STATIC)
                       : sqlite3_bind_null(statement, position);
}

SqlRows *sql_query_values(Store *store, GError **error, const char *sql, const SqlValue *values, gsize n_values)
{
    sqlite3_stmt *statement = find_statement(store, sql, error);
    if (!statement)
        return NULL;
    /* The same literal twice at once would be our mistake, not a peer's. */
    g_assert(!sqlite3_stmt_busy(statement));
    g_assert((gsize)sqlite3_bind_parameter_count(statement) == n_values);
    for (gsize i = 0; i < n_values; i++) {
        if (bind_value(statement, (int)i + 1, &values[i]) != SQLITE_OK) {
            sql_error_set(store, error, "binding a value");
            sql_finish(statement);
            return NULL;
        }
    }
    return statement;
}

void sql_finish(SqlRows *rows)
{
    if (!rows)
        return;
    sqlite3_reset(rows);
    sqlite3_clear_bindings(rows);
}

bool sql_next(Store *store, SqlRows *rows, bool *ret_has_row, GError **error)
{
    if (!rows)
        return false;
    int code = sqlite3_step(rows);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return sql_error_set(store, error, "running a statement");
    *ret_has_row = code == SQLITE_ROW;
    return true;
}

GPtrArray *sql_collect(Store *store, SqlRows *rows, gpointer (*read)(SqlRows *rows), GDestroyNotify free_element,
                       GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_element);
    for (;;) {
        bool has_row;
        if (!sql_next(store, rows, &has_row, error))
            return NULL;
        if (!has_row)
            return g_steal_pointer(&list);
        g_ptr_array_add(list, read(rows));
    }
}

bool sql_run_values(Store *store, GError **error, const char *sql, const SqlValue *values, gsize n_values)
{
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, values, n_values);
    bool has_row = true;
    while (has_row) {
        if (!sql_next(store, rows, &has_row, error))
            return false;
    }
    return true;
}

bool sql_insert_values(Store *store, gint64 *ret_id, GError **error, const char *sql, const SqlValue *values,
                       gsize n_values)
{
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, values, n_values);
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    gint64 id = sql_int(rows, 0);
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (ret_id)
        *ret_id = id;
    return true;
}

bool sql_get_int_values(Store *store, gint64 *ret, GError **error, const char *sql, const SqlValue *values,
                        gsize n_values)
{
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, values, n_values);
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (has_row && sqlite3_column_type(rows, 0) != SQLITE_NULL)
        *ret = sql_int(rows, 0);
    return true;
}

gint64 sql_int(SqlRows *rows, int column)
{
    return sqlite3_column_int64(rows, column);
}

/* No text of ours has a zero byte. One that somebody else wrote becomes visible, so that nothing hides behind it. */
char *sql_text(SqlRows *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    if (!text)
        return NULL;
    gsize length = (gsize)sqlite3_column_bytes(rows, column);
    char *copy = g_strndup(text, length);
    if (strlen(text) == length)
        return copy;
    memcpy(copy, text, length);
    for (gsize i = 0; i < length; i++)
        copy[i] = copy[i] ? copy[i] : '?';
    return copy;
}

gint64 sql_n_changed(Store *store)
{
    return sqlite3_changes64(store->db);
}
