/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, and the counts that they are made of. */
#include "daemon/store/sqlite.h"

static const gint64 kept_us = 90 * CLOCK_DAY_US;

void notice_row_free(NoticeRow *row)
{
    if (!row)
        return;
    g_free(row->sink);
    g_free(row->text);
    g_free(row->trouble);
    g_free(row->state);
    g_free(row->last_error);
    g_free(row);
}

void flag_tally_free(FlagTally *tally)
{
    g_free(tally->assignment);
    g_free(tally->kind);
    g_free(tally);
}

void post_tally_free(PostTally *tally)
{
    g_free(tally->sink);
    g_free(tally);
}

static bool insert(Store *store, const NoticeRow *row, bool *ret_is_new, GError **error)
{
    gint64 now_us = clock_now_us();
    if (!sql_run(store, error,
                 "INSERT INTO notice (sink, span, text, flag_id, trouble, state, not_before_us, made_us)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, 'queued', ?6, ?6) ON CONFLICT DO NOTHING",
                 SQL_TEXT(row->sink), SQL_INT(row->span), SQL_TEXT(row->text), SQL_INT(row->flag_id),
                 SQL_TEXT(row->trouble), SQL_INT(now_us)))
        return false;
    *ret_is_new = sql_n_changed(store) == 1;
    return sql_run(store, error,
                   "DELETE FROM notice WHERE sink = ?1 AND state <> 'queued' AND made_us < ?2 AND id <>"
                   " coalesce((SELECT max(id) FROM notice WHERE sink = ?1 AND state = 'done'), 0)",
                   SQL_TEXT(row->sink), SQL_INT(now_us - kept_us));
}

bool store_notice_insert(Store *store, const NoticeRow *row, bool *ret_is_new, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, insert(store, row, ret_is_new, error), error);
}

#define NOTICE_COLUMNS                                                                                                 \
    "id, sink, span, text, flag_id, trouble, state, tries, not_before_us, made_us, done_us, last_error"

static NoticeRow *read_notice(SqlRows *rows)
{
    NoticeRow *row = g_new0(NoticeRow, 1);
    *row = (NoticeRow){
        .id = sql_int(rows, 0),
        .sink = sql_text(rows, 1),
        .span = sql_int(rows, 2),
        .text = sql_text(rows, 3),
        .flag_id = sql_int(rows, 4),
        .trouble = sql_text(rows, 5),
        .state = sql_text(rows, 6),
        .tries = sql_int(rows, 7),
        .not_before_us = sql_int(rows, 8),
        .made_us = sql_int(rows, 9),
        .done_us = sql_int(rows, 10),
        .last_error = sql_text(rows, 11),
    };
    return row;
}

static bool read_one(Store *store, SqlRows *rows, NoticeRow **ret, GError **error)
{
    bool has_row;
    *ret = NULL;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret = has_row ? read_notice(rows) : NULL;
    return true;
}

bool store_notice_queued(Store *store, const char *sink, NoticeRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(
        store, error, "SELECT " NOTICE_COLUMNS " FROM notice WHERE sink = ?1 AND state = 'queued'", SQL_TEXT(sink));
    return read_one(store, rows, ret, error);
}

bool store_notice_last_done(Store *store, const char *sink, NoticeRow **ret, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error,
                                        "SELECT " NOTICE_COLUMNS " FROM notice WHERE sink = ?1 AND state = 'done'"
                                        " ORDER BY id DESC LIMIT 1",
                                        SQL_TEXT(sink));
    return read_one(store, rows, ret, error);
}

static bool require_queued(Store *store, gint64 id, GError **error)
{
    return sql_n_changed(store) == 1 ||
           error_set(error, RUBRIC_ERROR_DENIED, "digest %" G_GINT64_FORMAT " is not queued any more", id);
}

bool store_notice_finish(Store *store, gint64 id, bool is_given_up, const char *last_error, GError **error)
{
    return sql_run(store, error,
                   "UPDATE notice SET state = ?2, tries = tries + 1, last_error = ?3, done_us = ?4"
                   " WHERE id = ?1 AND state = 'queued'",
                   SQL_INT(id), SQL_TEXT(is_given_up ? "given_up" : "done"), SQL_TEXT(last_error),
                   SQL_INT(clock_now_us())) &&
           require_queued(store, id, error);
}

bool store_notice_retry(Store *store, gint64 id, gint64 not_before_us, const char *last_error, GError **error)
{
    return sql_run(store, error,
                   "UPDATE notice SET tries = tries + 1, not_before_us = ?2, last_error = ?3"
                   " WHERE id = ?1 AND state = 'queued'",
                   SQL_INT(id), SQL_INT(not_before_us), SQL_TEXT(last_error)) &&
           require_queued(store, id, error);
}

/* ---- counts ----------------------------------------------------------------------------------------------------- */

static gpointer read_flag_tally(SqlRows *rows)
{
    FlagTally *tally = g_new0(FlagTally, 1);
    *tally = (FlagTally){.assignment = sql_text(rows, 0),
                         .kind = sql_text(rows, 1),
                         .n_open = sql_int(rows, 2),
                         .n_new = sql_int(rows, 3)};
    return tally;
}

GPtrArray *store_flag_tally(Store *store, gint64 after_id, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error,
                  "SELECT nullif(submission.assignment, '') AS place, flag.kind, count(*), sum(flag.id > ?1) FROM flag"
                  " LEFT JOIN submission ON submission.id = flag.submission_id WHERE flag.state = 'open' GROUP BY 1, 2"
                  " ORDER BY place IS NULL, place, flag.kind",
                  SQL_INT(after_id));
    return sql_collect(store, rows, read_flag_tally, (GDestroyNotify)flag_tally_free, error);
}

bool store_flag_newest(Store *store, gint64 *ret_id, GError **error)
{
    *ret_id = 0; /* where there is no flag */
    return sql_get_int(store, ret_id, error, "SELECT max(id) FROM flag");
}

static gpointer read_post_tally(SqlRows *rows)
{
    PostTally *tally = g_new0(PostTally, 1);
    *tally = (PostTally){.sink = sql_text(rows, 0), .n_waiting = sql_int(rows, 1)};
    return tally;
}

GPtrArray *store_outbox_failing(Store *store, gint64 min_tries, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error,
                                        "SELECT sink, count(*) FROM outbox WHERE state = 'queued' AND tries >= ?1"
                                        " GROUP BY sink ORDER BY sink",
                                        SQL_INT(min_tries));
    return sql_collect(store, rows, read_post_tally, (GDestroyNotify)post_tally_free, error);
}

bool store_job_failing(Store *store, gint64 *ret_n, GError **error)
{
    return sql_get_int(store, ret_n, error, "SELECT count(*) FROM job WHERE state = 'queued' AND failures > 0");
}
