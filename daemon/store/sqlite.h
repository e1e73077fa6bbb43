/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to daemon/store/: statements, values and errors, so that each table's file is SQL and little else.
 *
 *     g_autoptr(SqlRows) rows = sql_query(store, error, "SELECT a FROM t WHERE b = ?1", SQL_INT(b));
 *     while (sql_next(store, rows, &has_row, error) && has_row) ...
 *
 * SQL texts are literals: prepared once per Store and kept by their address. Values given are borrowed until the rows
 * are finished; a statement that is not finished would keep its snapshot, so SqlRows are always g_autoptr.
 */
#pragma once

#include <sqlite3.h>

#include "daemon/store/store.h"

struct Store {
    sqlite3 *db;
    char *path;
    GHashTable *statements; /* literal's address -> sqlite3_stmt */
    bool in_transaction;
    gint64 busy_timeout_us;
    gint64 busy_until_us; /* monotonic; when the wait that goes on now gives up */
    guint32 jitter;
};

/* migrations/NNNN_*.sql, embedded at build; user_version counts those applied. */
extern const char *const store_migrations[];
extern const int store_n_migrations;

typedef struct {
    bool is_text;
    gint64 number;
    const char *text;
} SqlValue;
#define SQL_INT(value)  ((SqlValue){.number = (value)})
#define SQL_TEXT(value) ((SqlValue){.is_text = true, .text = (value)}) /* NULL binds NULL */

typedef struct sqlite3_stmt SqlRows;
void sql_finish(SqlRows *rows);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SqlRows, sql_finish)

SqlRows *sql_query_values(Store *store, GError **error, const char *sql, const SqlValue *values, gsize n_values);
#define sql_query(store, error, sql, ...)                                                                              \
    sql_query_values(store, error, sql, (const SqlValue[]){__VA_ARGS__},                                               \
                     sizeof((SqlValue[]){__VA_ARGS__}) / sizeof(SqlValue))

/* One row further. false: error. `rows` may be NULL when sql_query failed: false, the error stays. */
bool sql_next(Store *store, SqlRows *rows, bool *ret_has_row, GError **error);

/* All rows, each as `read` makes it of the row that is met (an element that `free_element` frees). NULL: error; `rows`
 * may be NULL as in sql_next. */
GPtrArray *sql_collect(Store *store, SqlRows *rows, gpointer (*read)(SqlRows *rows), GDestroyNotify free_element,
                       GError **error);

/* Runs to the end, ignoring rows. */
bool sql_run_values(Store *store, GError **error, const char *sql, const SqlValue *values, gsize n_values);
#define sql_run(store, error, sql, ...)                                                                                \
    sql_run_values(store, error, sql, (const SqlValue[]){__VA_ARGS__},                                                 \
                   sizeof((SqlValue[]){__VA_ARGS__}) / sizeof(SqlValue))

/* An INSERT of one row that ends in RETURNING id, to its end. `ret_id` may be NULL. */
bool sql_insert_values(Store *store, gint64 *ret_id, GError **error, const char *sql, const SqlValue *values,
                       gsize n_values);
#define sql_insert(store, ret_id, error, sql, ...)                                                                     \
    sql_insert_values(store, ret_id, error, sql, (const SqlValue[]){__VA_ARGS__},                                      \
                      sizeof((SqlValue[]){__VA_ARGS__}) / sizeof(SqlValue))

/* First column of the first row; *ret stays untouched when there is no row or the column is NULL. */
bool sql_get_int_values(Store *store, gint64 *ret, GError **error, const char *sql, const SqlValue *values,
                        gsize n_values);
#define sql_get_int(store, ret, error, sql, ...)                                                                       \
    sql_get_int_values(store, ret, error, sql, (const SqlValue[]){__VA_ARGS__},                                        \
                       sizeof((SqlValue[]){__VA_ARGS__}) / sizeof(SqlValue))

gint64 sql_int(SqlRows *rows, int column);
char *sql_text(SqlRows *rows, int column); /* a copy, NULL for NULL */
gint64 sql_n_changed(Store *store);

/* Sets *error from the connection's state, "doing: message". Always false. */
bool sql_error_set(Store *store, GError **error, const char *doing);

/* ---- of the outbox ---- */

/* DENIED unless the last statement changed the one row that was claimed. */
bool outbox_require_held(Store *store, const OutboxRow *row, GError **error);
/* NOT_FOUND: there is none with this key. */
bool store_outbox_get(Store *store, const char *idempotency_key, OutboxRow **ret, GError **error);

/* The name of a file system (statfs's f_type) that machines may share, or whose locks another program answers; NULL: it
 * is this machine's own. */
const char *store_shared_file_system(guint32 magic);
