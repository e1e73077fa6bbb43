/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

static const gint64 max_waiting = 10000;

void delivery_row_free(DeliveryRow *row)
{
    if (!row)
        return;
    g_free(row->source);
    g_free(row->guid);
    g_free(row->event);
    g_free(row->action);
    g_free(row->repository);
    g_free(row->body);
    g_free(row->state);
    g_free(row->note);
    g_free(row);
}

bool store_delivery_insert(Store *store, const DeliveryRow *row, bool *ret_is_new, GError **error)
{
    gint64 n_waiting = 0;
    if (!sql_get_int(store, &n_waiting, error, "SELECT count(*) FROM delivery WHERE source = ?1 AND state = 'new'",
                     SQL_TEXT(row->source)))
        return false;
    if (n_waiting >= max_waiting)
        return error_set(error, RUBRIC_ERROR_LIMIT, "%" G_GINT64_FORMAT " deliveries of \"%s\" wait already", n_waiting,
                         row->source);
    if (!sql_run(store, error,
                 "INSERT INTO delivery (source, guid, event, action, repository, body, received_us, state)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'new') ON CONFLICT (source, guid) DO NOTHING",
                 SQL_TEXT(row->source), SQL_TEXT(row->guid), SQL_TEXT(row->event), SQL_TEXT(row->action),
                 SQL_TEXT(row->repository), SQL_TEXT(row->body), SQL_INT(row->received_us)))
        return false;
    *ret_is_new = sql_n_changed(store) == 1;
    return true;
}

static gpointer read_delivery(SqlRows *rows)
{
    DeliveryRow *row = g_new0(DeliveryRow, 1);
    *row = (DeliveryRow){.id = sql_int(rows, 0),
                         .source = sql_text(rows, 1),
                         .guid = sql_text(rows, 2),
                         .event = sql_text(rows, 3),
                         .action = sql_text(rows, 4),
                         .repository = sql_text(rows, 5),
                         .body = sql_text(rows, 6),
                         .received_us = sql_int(rows, 7),
                         .state = sql_text(rows, 8),
                         .note = sql_text(rows, 9)};
    return row;
}

GPtrArray *store_delivery_list_new(Store *store, const char *source, guint limit, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error,
                                        "SELECT id, source, guid, event, action, repository, body, received_us, state,"
                                        " note FROM delivery WHERE source = ?1 AND state = 'new' ORDER BY id LIMIT ?2",
                                        SQL_TEXT(source), SQL_INT(limit));
    return sql_collect(store, rows, read_delivery, (GDestroyNotify)delivery_row_free, error);
}

bool store_delivery_finish(Store *store, gint64 id, bool is_ignored, const char *note, GError **error)
{
    if (!sql_run(store, error, "UPDATE delivery SET state = ?2, note = ?3 WHERE id = ?1 AND state = 'new'", SQL_INT(id),
                 SQL_TEXT(is_ignored ? "ignored" : "done"), SQL_TEXT(note)))
        return false;
    return sql_n_changed(store) == 1 ||
           error_set(error, RUBRIC_ERROR_DENIED, "delivery %" G_GINT64_FORMAT " does not wait any more", id);
}

bool store_delivery_prune(Store *store, gint64 before_us, GError **error)
{
    return sql_run(store, error, "DELETE FROM delivery WHERE state <> 'new' AND received_us < ?1", SQL_INT(before_us));
}

bool store_delivery_is_known(Store *store, const char *source, const char *guid, bool *ret_is, GError **error)
{
    gint64 n = 0;
    if (!sql_get_int(store, &n, error, "SELECT count(*) FROM delivery WHERE source = ?1 AND guid = ?2",
                     SQL_TEXT(source), SQL_TEXT(guid)))
        return false;
    *ret_is = n > 0;
    return true;
}
