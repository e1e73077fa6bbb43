/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announcements: that a submission waits, is being graded, or will not be (a newer one took its place, or it cannot be
 * taken). They are effects like results are (store_outbox.c), but nobody waits for them: a row is made when it is
 * claimed, and one that fails is not tried again.
 */
#include "daemon/store/sqlite.h"

const char *announcement_name(Announcement announcement)
{
    static const char *const names[] = {[ANNOUNCE_NOTHING] = "",
                                        [ANNOUNCE_QUEUED] = "queued",
                                        [ANNOUNCE_RUNNING] = "running",
                                        [ANNOUNCE_OVER] = "over",
                                        [ANNOUNCE_REFUSED] = "refused"};
    return names[announcement];
}

static const gint64 looked_back_us = 7 * CLOCK_DAY_US;

/* Nothing else of this submission is under way to the sink, and this was not announced before. */
#define IS_FREE(submission, stage)                                                                                     \
    " AND NOT EXISTS (SELECT 1 FROM outbox AS other WHERE other.submission_id = " submission                           \
    "  AND other.sink = ?1 AND (other.state = 'claimed'"                                                               \
    "   OR other.idempotency_key = " submission " || ':0:' || ?1 || ':" stage "'))"

/* *ret_submission_id stays 0 if there is none. */
static bool find_running(Store *store, const char *sink, gint64 before_us, gint64 *ret_submission_id, GError **error)
{
    return sql_get_int(store, ret_submission_id, error,
                       "SELECT job.submission_id FROM job JOIN submission ON submission.id = job.submission_id"
                       " WHERE job.state = 'claimed' AND job.claimed_us <= ?2"
                       " AND submission.state = 'fetched'" IS_FREE("job.submission_id", "running") " LIMIT 1",
                       SQL_TEXT(sink), SQL_INT(before_us));
}

static bool find_queued(Store *store, const char *sink, gint64 before_us, gint64 *ret_submission_id, GError **error)
{
    return sql_get_int(
        store, ret_submission_id, error,
        "SELECT job.submission_id FROM job JOIN submission ON submission.id = job.submission_id"
        " WHERE job.state = 'queued' AND job.queued_us <= ?2"
        " AND submission.state = 'fetched'" IS_FREE(
            "job.submission_id", "queued") " ORDER BY job.lane, job.due_us, job.turn, job.received_us, job.id LIMIT 1",
        SQL_TEXT(sink), SQL_INT(before_us));
}

/* Only where something was announced that would stand there for ever. */
static bool find_over(Store *store, const char *sink, gint64 *ret_submission_id, GError **error)
{
    return sql_get_int(store, ret_submission_id, error,
                       "SELECT announced.submission_id FROM outbox AS announced"
                       " JOIN submission ON submission.id = announced.submission_id"
                       " WHERE announced.verdict_id IS NULL AND announced.queued_us > ?2 AND announced.sink = ?1"
                       " AND announced.external_id IS NOT NULL"
                       " AND submission.state = 'replaced'" IS_FREE("announced.submission_id", "over") " LIMIT 1",
                       SQL_TEXT(sink), SQL_INT(clock_now_us() - looked_back_us));
}

/* A source refused it, and the reason is all that its owner will get. */
static bool find_refused(Store *store, const char *sink, gint64 *ret_submission_id, GError **error)
{
    return sql_get_int(store, ret_submission_id, error,
                       "SELECT submission.id FROM submission WHERE submission.state = 'refused'"
                       " AND submission.seen_us > ?2" IS_FREE("submission.id", "refused") " LIMIT 1",
                       SQL_TEXT(sink), SQL_INT(clock_now_us() - looked_back_us));
}

static bool find(Store *store, const char *sink, gint64 after_us, gint64 *ret_submission_id, Announcement *ret_what,
                 GError **error)
{
    gint64 before_us = clock_now_us() - after_us;
    *ret_submission_id = 0;
    *ret_what = ANNOUNCE_RUNNING;
    if (!find_running(store, sink, before_us, ret_submission_id, error))
        return false;
    if (*ret_submission_id > 0)
        return true;
    *ret_what = ANNOUNCE_QUEUED;
    if (!find_queued(store, sink, before_us, ret_submission_id, error))
        return false;
    if (*ret_submission_id > 0)
        return true;
    *ret_what = ANNOUNCE_OVER;
    if (!find_over(store, sink, ret_submission_id, error))
        return false;
    if (*ret_submission_id > 0)
        return true;
    *ret_what = ANNOUNCE_REFUSED;
    return find_refused(store, sink, ret_submission_id, error);
}

static bool claim(Store *store, const char *worker, gint64 lease_us, const char *sink, gint64 after_us, OutboxRow **ret,
                  GError **error)
{
    gint64 submission_id, now_us = clock_now_us();
    Announcement what;
    if (!find(store, sink, after_us, &submission_id, &what, error))
        return false;
    if (submission_id == 0)
        return true;
    g_autofree char *key =
        g_strdup_printf("%" G_GINT64_FORMAT ":0:%s:%s", submission_id, sink, announcement_name(what));
    if (!sql_run(store, error,
                 "INSERT INTO outbox (submission_id, sink, idempotency_key, state, attempt, worker, lease_until_us,"
                 " queued_us) VALUES (?1, ?2, ?3, 'claimed', 1, ?4, ?5, ?6)",
                 SQL_INT(submission_id), SQL_TEXT(sink), SQL_TEXT(key), SQL_TEXT(worker), SQL_INT(now_us + lease_us),
                 SQL_INT(now_us)))
        return false;
    return store_outbox_get(store, key, ret, error);
}

bool store_outbox_announce(Store *store, const char *worker, gint64 lease_us, const char *sink, gint64 after_us,
                           OutboxRow **ret, GError **error)
{
    bool is_own;
    g_autoptr(OutboxRow) row = NULL;
    *ret = NULL;
    if (!store_scope_begin(store, &is_own, error) ||
        !store_scope_end(store, is_own, claim(store, worker, lease_us, sink, after_us, &row, error), error))
        return false;
    *ret = g_steal_pointer(&row);
    return true;
}

Announcement outbox_row_announces(const OutboxRow *row)
{
    for (Announcement what = ANNOUNCE_QUEUED; what <= ANNOUNCE_REFUSED; what++) {
        g_autofree char *end = g_strconcat(":", announcement_name(what), NULL);
        if (row->verdict_id == 0 && g_str_has_suffix(row->idempotency_key, end))
            return what;
    }
    return ANNOUNCE_NOTHING;
}

bool store_outbox_end(Store *store, const OutboxRow *row, gint64 hold_until_us, const char *last_error, GError **error)
{
    const gint64 max_tries = 3;
    bool is_held = hold_until_us > 0 && row->tries + 1 < max_tries;
    return sql_run(store, error,
                   "UPDATE outbox SET state = iif(?3, 'claimed', 'replaced'), lease_until_us = ?4, tries = tries + 1,"
                   " last_error = ?5, done_us = ?6 WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(row->id), SQL_INT(row->attempt), SQL_INT(is_held), SQL_INT(hold_until_us),
                   SQL_TEXT(last_error), SQL_INT(clock_now_us())) &&
           outbox_require_held(store, row, error);
}
