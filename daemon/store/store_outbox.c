/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Effects on the outside, one row each. A row is written in the transaction of its verdict and posted later, perhaps
 * several times (a poster may die after the effect and before the commit): the idempotency key makes that harmless.
 *
 * Effects of one submission on one sink happen in order: a queued older one is dropped as soon as there is a newer one
 * (of a newer verdict, or of the same one under a changed decision), and a newer one waits while an older one is under
 * way.
 *
 * What an owner's newer submission to the assignment has overtaken is marked superseded: it goes out after all others,
 * and a sink whose writes are few may put it off.
 */
#include "daemon/store/sqlite.h"

void outbox_row_free(OutboxRow *row)
{
    if (!row)
        return;
    g_free(row->sink);
    g_free(row->idempotency_key);
    g_free(row->external_id);
    g_free(row->state);
    g_free(row->last_error);
    g_free(row);
}

#define SAME_WORK                                                                                                      \
    "other.assignment = mine.assignment AND other.owner_kind = mine.owner_kind AND other.owner = mine.owner"           \
    " AND other.source = mine.source"

/* This effect, if a newer submission has a result already; and what waits of older ones. */
static bool mark_superseded(Store *store, gint64 submission_id, const char *sink, const char *idempotency_key,
                            GError **error)
{
    return sql_run(store, error,
                   "UPDATE outbox SET is_superseded = 1 WHERE idempotency_key = ?2 AND EXISTS"
                   " (SELECT 1 FROM submission AS mine JOIN submission AS other ON " SAME_WORK
                   "  AND (other.received_us, other.id) > (mine.received_us, mine.id)"
                   "  JOIN verdict ON verdict.submission_id = other.id WHERE mine.id = ?1)",
                   SQL_INT(submission_id), SQL_TEXT(idempotency_key)) &&
           sql_run(store, error,
                   "UPDATE outbox SET is_superseded = 1 WHERE sink = ?2 AND state IN ('queued', 'claimed')"
                   " AND verdict_id IS NOT NULL AND submission_id IN"
                   " (SELECT other.id FROM submission AS mine JOIN submission AS other ON " SAME_WORK
                   "  AND (other.received_us, other.id) < (mine.received_us, mine.id) WHERE mine.id = ?1)",
                   SQL_INT(submission_id), SQL_TEXT(sink));
}

static bool insert_effect(Store *store, gint64 submission_id, gint64 verdict_id, const char *sink,
                          const char *idempotency_key, GError **error)
{
    gint64 now_us = clock_now_us();
    if (!sql_run(
            store, error,
            "INSERT INTO outbox (submission_id, verdict_id, sink, idempotency_key, state, not_before_us, queued_us)"
            " VALUES (?1, ?2, ?3, ?4, 'queued', ?5, ?5) ON CONFLICT (idempotency_key) DO NOTHING",
            SQL_INT(submission_id), SQL_INT(verdict_id), SQL_TEXT(sink), SQL_TEXT(idempotency_key), SQL_INT(now_us)))
        return false;
    if (sql_n_changed(store) == 0)
        return true;
    return mark_superseded(store, submission_id, sink, idempotency_key, error) &&
           sql_run(store, error,
                   "UPDATE outbox SET state = 'replaced', done_us = ?4"
                   " WHERE submission_id = ?1 AND sink = ?2 AND verdict_id <= ?3 AND state = 'queued'"
                   " AND idempotency_key <> ?5",
                   SQL_INT(submission_id), SQL_TEXT(sink), SQL_INT(verdict_id), SQL_INT(now_us),
                   SQL_TEXT(idempotency_key));
}

bool store_outbox_insert(Store *store, gint64 submission_id, gint64 verdict_id, const char *sink,
                         const char *idempotency_key, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, insert_effect(store, submission_id, verdict_id, sink, idempotency_key, error),
                           error);
}

#define OUTBOX_COLUMNS                                                                                                 \
    "id, submission_id, verdict_id, sink, idempotency_key, external_id, state, attempt, lease_until_us, "              \
    "not_before_us,"                                                                                                   \
    " queued_us, done_us, tries, last_error, is_superseded"

static gpointer read_row(SqlRows *rows)
{
    OutboxRow *row = g_new0(OutboxRow, 1);
    *row = (OutboxRow){
        .id = sql_int(rows, 0),
        .submission_id = sql_int(rows, 1),
        .verdict_id = sql_int(rows, 2),
        .sink = sql_text(rows, 3),
        .idempotency_key = sql_text(rows, 4),
        .external_id = sql_text(rows, 5),
        .state = sql_text(rows, 6),
        .attempt = sql_int(rows, 7),
        .lease_until_us = sql_int(rows, 8),
        .not_before_us = sql_int(rows, 9),
        .queued_us = sql_int(rows, 10),
        .done_us = sql_int(rows, 11),
        .tries = sql_int(rows, 12),
        .last_error = sql_text(rows, 13),
        .is_superseded = sql_int(rows, 14) != 0,
    };
    return row;
}

bool store_outbox_claim(Store *store, const char *worker, gint64 lease_us, OutboxRow **ret, GError **error)
{
    gint64 now_us = clock_now_us();
    g_autoptr(SqlRows) rows = sql_query(
        store, error,
        "UPDATE outbox SET state = 'claimed', attempt = attempt + 1, worker = ?1, lease_until_us = ?2"
        " WHERE id = coalesce("
        "  (SELECT id FROM outbox WHERE state = 'claimed' AND lease_until_us <= ?3 ORDER BY lease_until_us LIMIT 1),"
        "  (SELECT id FROM outbox AS next WHERE state = 'queued' AND not_before_us <= ?3"
        "   AND NOT EXISTS (SELECT 1 FROM outbox AS older WHERE older.submission_id = next.submission_id"
        "    AND older.sink = next.sink AND older.id < next.id AND older.state = 'claimed')"
        "   ORDER BY is_superseded, not_before_us, id LIMIT 1))"
        " RETURNING " OUTBOX_COLUMNS,
        SQL_TEXT(worker), SQL_INT(now_us + lease_us), SQL_INT(now_us));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    g_autoptr(OutboxRow) row = has_row ? read_row(rows) : NULL;
    if (has_row && !sql_next(store, rows, &has_row, error))
        return false;
    *ret = g_steal_pointer(&row);
    return true;
}

bool outbox_require_held(Store *store, const OutboxRow *row, GError **error)
{
    return sql_n_changed(store) == 1 ||
           error_set(error, RUBRIC_ERROR_DENIED,
                     "post %" G_GINT64_FORMAT " to \"%s\" is no longer ours: attempt %" G_GINT64_FORMAT
                     " was taken over when its lease ran out",
                     row->id, row->sink, row->attempt);
}

/* Moves the submission to POSTED when nothing of its newest verdict waits any more. */
static bool move_if_posted(Store *store, gint64 submission_id, GError **error)
{
    gint64 is_posted = 0;
    if (!sql_get_int(store, &is_posted, error,
                     "SELECT submission.state IN ('graded', 'decided') AND NOT EXISTS"
                     " (SELECT 1 FROM outbox WHERE outbox.submission_id = ?1 AND outbox.state IN ('queued', 'claimed')"
                     "  AND outbox.verdict_id = (SELECT max(id) FROM verdict WHERE verdict.submission_id = ?1))"
                     " FROM submission WHERE submission.id = ?1",
                     SQL_INT(submission_id)))
        return false;
    return !is_posted || store_submission_move(store, submission_id, SUBMISSION_POSTED, NULL, error);
}

static bool complete(Store *store, const OutboxRow *row, const char *external_id, GError **error)
{
    return sql_run(store, error,
                   "UPDATE outbox SET state = 'done', tries = tries + 1, external_id = coalesce(?3, external_id),"
                   " last_error = NULL, done_us = ?4 WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(row->id), SQL_INT(row->attempt), SQL_TEXT(external_id), SQL_INT(clock_now_us())) &&
           outbox_require_held(store, row, error) && move_if_posted(store, row->submission_id, error);
}

bool store_outbox_complete(Store *store, const OutboxRow *row, const char *external_id, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, complete(store, row, external_id, error), error);
}

/* What a newer effect has overtaken is not tried again. */
bool store_outbox_retry(Store *store, const OutboxRow *row, gint64 not_before_us, const char *last_error,
                        GError **error)
{
    return sql_run(store, error,
                   "UPDATE outbox SET state = iif(EXISTS (SELECT 1 FROM outbox AS newer WHERE newer.submission_id ="
                   "  outbox.submission_id AND newer.sink = outbox.sink AND newer.id > outbox.id),"
                   " 'replaced', 'queued'), tries = tries + 1, not_before_us = ?3, last_error = ?4"
                   " WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(row->id), SQL_INT(row->attempt), SQL_INT(not_before_us), SQL_TEXT(last_error)) &&
           outbox_require_held(store, row, error);
}

static bool give_up(Store *store, const OutboxRow *row, const char *last_error, GError **error)
{
    if (!sql_run(store, error,
                 "UPDATE outbox SET state = 'given_up', tries = tries + 1, last_error = ?3, done_us = ?4"
                 " WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                 SQL_INT(row->id), SQL_INT(row->attempt), SQL_TEXT(last_error), SQL_INT(clock_now_us())) ||
        !outbox_require_held(store, row, error))
        return false;
    g_autofree char *message = g_strdup_printf("the result could not be posted to \"%s\" after %" G_GINT64_FORMAT
                                               " tries; the student has not seen it there",
                                               row->sink, row->tries + 1);
    FlagRow flag = {.submission_id = row->submission_id,
                    .item = row->sink,
                    .kind = (char *)"post",
                    .message = message,
                    .evidence = (char *)last_error};
    return store_flag_raise(store, &flag, NULL, error) && move_if_posted(store, row->submission_id, error);
}

bool store_outbox_give_up(Store *store, const OutboxRow *row, const char *last_error, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, give_up(store, row, last_error, error), error);
}

bool store_outbox_get(Store *store, const char *idempotency_key, OutboxRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(
        store, error, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE idempotency_key = ?1", SQL_TEXT(idempotency_key));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (!has_row)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no effect \"%s\"", idempotency_key);
    *ret = read_row(rows);
    return true;
}

GPtrArray *store_outbox_list(Store *store, gint64 submission_id, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE ?1 = 0 OR submission_id = ?1 ORDER BY id",
                  SQL_INT(submission_id));
    return sql_collect(store, rows, read_row, (GDestroyNotify)outbox_row_free, error);
}

/* A lease that runs out is as due as a queued row. */
bool store_outbox_next_due(Store *store, gint64 *ret_at_us, GError **error)
{
    *ret_at_us = G_MAXINT64;
    gint64 lease_us = G_MAXINT64;
    if (!sql_get_int(
            store, ret_at_us, error,
            "SELECT min(due_us) FROM (SELECT min(not_before_us) AS due_us FROM outbox"
            "  WHERE state = 'queued' AND is_superseded = 0"
            " UNION ALL SELECT min(not_before_us) FROM outbox WHERE state = 'queued' AND is_superseded = 1)") ||
        !sql_get_int(store, &lease_us, error, "SELECT min(lease_until_us) FROM outbox WHERE state = 'claimed'"))
        return false;
    *ret_at_us = MIN(*ret_at_us, lease_us);
    return true;
}
