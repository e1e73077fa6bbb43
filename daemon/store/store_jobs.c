/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue of grading. Its order is fixed when a job is queued, so that a claim is one statement that takes the first
 * row of an index, however long the queue is.
 *
 *   lane    0: received on time; 1: received late; 2: regraded. Somebody who waits for a first answer goes before a
 * batch of regrading, and who was on time before who was late. An on-time job keeps its lane when the deadline passes
 * while it waits: the crowd of the last minute must not fall behind next week's assignment. due_us  lane 0: the
 * deadline, so that what is due next comes first. Lanes 1 and 2: 0. turn    round-robin between owners by start-time
 * fair queueing: an owner's jobs take consecutive turns, and a turn never lies before the turn that is being served. An
 * owner's fifty pushes so stand behind everybody's first one, and a busy past costs an owner at most one turn.
 *   received_us, id: oldest first.
 *
 * A lease that ran out is served before the queue: its submission has waited longest.
 */
#include "daemon/store/sqlite.h"

#include <string.h>

enum { LANE_ON_TIME = 0, LANE_LATE = 1, LANE_REGRADE = 2 };

void grade_job_free(GradeJob *job)
{
    if (!job)
        return;
    g_free(job->why);
    g_free(job->rubric_digest);
    g_free(job);
}

/* ---- queueing --------------------------------------------------------------------------------------------------- */

typedef struct {
    gint64 lane, due_us, turn;
} Place;

static bool find_turn(Store *store, const Submission *submission, Place *place, GError **error)
{
    gint64 served = 0, own = -1;
    if (!sql_get_int(store, &served, error,
                     "SELECT max(turn) FROM job WHERE lane = ?1 AND due_us = ?2 AND state IN ('claimed', 'done')",
                     SQL_INT(place->lane), SQL_INT(place->due_us)) ||
        !sql_get_int(store, &own, error,
                     "SELECT max(turn) FROM job WHERE lane = ?1 AND due_us = ?2 AND owner_kind = ?3 AND owner = ?4",
                     SQL_INT(place->lane), SQL_INT(place->due_us), SQL_TEXT(submission->owner_kind),
                     SQL_TEXT(submission->owner)))
        return false;
    place->turn = MAX(served, own + 1);
    return true;
}

static bool choose_place(Store *store, const Submission *submission, gint64 deadline_us, const char *why,
                         Place *ret_place, GError **error)
{
    Place place = {.lane = LANE_ON_TIME, .due_us = deadline_us};
    if (strcmp(why, "regrade") == 0)
        place = (Place){.lane = LANE_REGRADE};
    else if (submission->received_us > deadline_us)
        place = (Place){.lane = LANE_LATE};
    if (!find_turn(store, submission, &place, error))
        return false;
    *ret_place = place;
    return true;
}

/* The queued on-time job of the same owner and assignment that was received before this one; *ret_job_id 0: none. */
static bool find_older(Store *store, const Submission *submission, const Place *place, gint64 *ret_job_id,
                       gint64 *ret_submission_id, gint64 *ret_turn, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(
        store, error,
        "SELECT job.id, job.submission_id, job.turn FROM job JOIN submission ON submission.id = job.submission_id"
        " WHERE job.state = 'queued' AND job.lane = ?1 AND job.due_us = ?2 AND job.owner_kind = ?3 AND job.owner = ?4"
        " AND job.assignment = ?5 AND submission.state IN ('received', 'fetched')"
        " AND (job.received_us, job.submission_id) < (?6, ?7) ORDER BY job.turn LIMIT 1",
        SQL_INT(place->lane), SQL_INT(place->due_us), SQL_TEXT(submission->owner_kind), SQL_TEXT(submission->owner),
        SQL_TEXT(submission->assignment), SQL_INT(submission->received_us), SQL_INT(submission->id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (has_row) {
        *ret_job_id = sql_int(rows, 0);
        *ret_submission_id = sql_int(rows, 1);
        *ret_turn = sql_int(rows, 2);
    }
    return true;
}

/* The newer one takes over the older one's place: pushing again neither loses the place nor gains one. */
static bool replace_older(Store *store, const Submission *submission, Place *place, gint64 *ret_replaced,
                          GError **error)
{
    gint64 job_id = 0, older_id = 0, turn = 0;
    if (place->lane != LANE_ON_TIME)
        return true;
    if (!find_older(store, submission, place, &job_id, &older_id, &turn, error))
        return false;
    if (job_id == 0)
        return true;
    g_autofree char *remark = g_strdup_printf("replaced by submission %" G_GINT64_FORMAT
                                              ", which came before the deadline and before this one was graded",
                                              submission->id);
    if (!sql_run(store, error, "UPDATE job SET state = 'replaced', done_us = ?2 WHERE id = ?1", SQL_INT(job_id),
                 SQL_INT(clock_now_us())) ||
        !store_submission_move(store, older_id, SUBMISSION_REPLACED, remark, error))
        return false;
    place->turn = turn;
    *ret_replaced = older_id;
    return true;
}

static bool insert_job(Store *store, const Submission *submission, const Place *place, const char *why,
                       const char *rubric_digest, GError **error)
{
    return sql_run(
        store, error,
        "INSERT INTO job (submission_id, assignment, owner_kind, owner, received_us, lane, due_us, turn, why,"
        " rubric_digest, state, queued_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'queued', ?11)"
        " ON CONFLICT (submission_id) WHERE state = 'queued'"
        " DO UPDATE SET why = excluded.why, rubric_digest = excluded.rubric_digest, not_before_us = 0",
        SQL_INT(submission->id), SQL_TEXT(submission->assignment), SQL_TEXT(submission->owner_kind),
        SQL_TEXT(submission->owner), SQL_INT(submission->received_us), SQL_INT(place->lane), SQL_INT(place->due_us),
        SQL_INT(place->turn), SQL_TEXT(why), SQL_TEXT(rubric_digest), SQL_INT(clock_now_us()));
}

static bool enqueue(Store *store, gint64 submission_id, gint64 deadline_us, const char *why, const char *rubric_digest,
                    gint64 *ret_replaced, GError **error)
{
    g_autoptr(Submission) submission = store_submission_get(store, submission_id, error);
    Place place;
    gint64 replaced = 0;
    if (!submission || !choose_place(store, submission, deadline_us, why, &place, error) ||
        !replace_older(store, submission, &place, &replaced, error) ||
        !insert_job(store, submission, &place, why, rubric_digest, error))
        return false;
    if (ret_replaced)
        *ret_replaced = replaced;
    return true;
}

bool store_job_enqueue(Store *store, gint64 submission_id, gint64 deadline_us, const char *why,
                       const char *rubric_digest, gint64 *ret_replaced, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own,
                           enqueue(store, submission_id, deadline_us, why, rubric_digest, ret_replaced, error), error);
}

/* ---- claims ----------------------------------------------------------------------------------------------------- */

bool store_job_claim(Store *store, const char *worker, gint64 lease_us, GradeJob **ret_job, GError **error)
{
    gint64 now_us = clock_now_us();
    /* A submission that is being graded is not graded a second time beside it: its regrading waits. */
    g_autoptr(SqlRows) rows = sql_query(
        store, error,
        "UPDATE job SET state = 'claimed', attempt = attempt + 1, worker = ?1, lease_until_us = ?2, claimed_us = ?3"
        " WHERE id = coalesce("
        "  (SELECT id FROM job WHERE state = 'claimed' AND lease_until_us <= ?3 ORDER BY lease_until_us LIMIT 1),"
        "  (SELECT id FROM job AS next WHERE state = 'queued' AND not_before_us <= ?3"
        "   AND NOT EXISTS (SELECT 1 FROM job WHERE state = 'claimed' AND submission_id = next.submission_id)"
        "   ORDER BY lane, due_us, turn, received_us, id LIMIT 1))"
        " RETURNING id, submission_id, attempt, lease_until_us, why, rubric_digest, failures",
        SQL_TEXT(worker), SQL_INT(now_us + lease_us), SQL_INT(now_us));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (!has_row) {
        *ret_job = NULL;
        return true;
    }
    g_autoptr(GradeJob) job = g_new0(GradeJob, 1);
    *job = (GradeJob){.id = sql_int(rows, 0),
                      .submission_id = sql_int(rows, 1),
                      .attempt = sql_int(rows, 2),
                      .lease_until_us = sql_int(rows, 3),
                      .why = sql_text(rows, 4),
                      .rubric_digest = sql_text(rows, 5),
                      .n_failures = sql_int(rows, 6)};
    /* The statement commits when it ends, and a commit can fail. */
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret_job = g_steal_pointer(&job);
    return true;
}

static bool require_held(Store *store, const GradeJob *job, GError **error)
{
    return sql_n_changed(store) == 1 ||
           error_set(error, RUBRIC_ERROR_DENIED,
                     "job %" G_GINT64_FORMAT " of submission %" G_GINT64_FORMAT
                     " is no longer ours: attempt %" G_GINT64_FORMAT " was taken over when its lease ran out",
                     job->id, job->submission_id, job->attempt);
}

bool store_job_renew(Store *store, const GradeJob *job, gint64 lease_us, GError **error)
{
    return sql_run(store, error,
                   "UPDATE job SET lease_until_us = ?3 WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(job->id), SQL_INT(job->attempt), SQL_INT(clock_now_us() + lease_us)) &&
           require_held(store, job, error);
}

bool store_job_complete(Store *store, const GradeJob *job, GError **error)
{
    return sql_run(store, error,
                   "UPDATE job SET state = 'done', done_us = ?3, last_error = NULL"
                   " WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(job->id), SQL_INT(job->attempt), SQL_INT(clock_now_us())) &&
           require_held(store, job, error);
}

/* A second job of the submission that was queued meanwhile takes this one's place: the newer wish is the one that
 * counts. */
bool store_job_retry(Store *store, const GradeJob *job, gint64 retry_at_us, const char *last_error, GError **error)
{
    return sql_run(store, error,
                   "UPDATE job SET state = iif(EXISTS (SELECT 1 FROM job AS other WHERE other.submission_id = "
                   "job.submission_id"
                   " AND other.state = 'queued'), 'replaced', 'queued'), not_before_us = ?3, last_error = ?4,"
                   " failures = failures + 1"
                   " WHERE id = ?1 AND attempt = ?2 AND state = 'claimed'",
                   SQL_INT(job->id), SQL_INT(job->attempt), SQL_INT(retry_at_us), SQL_TEXT(last_error)) &&
           require_held(store, job, error);
}

bool store_claims_release(Store *store, const char *worker, GError **error)
{
    /* What a killed process had sent may still be on its way: looked for at once, it would be made a second time. */
    const gint64 settled_us = clock_now_us() + 3 * CLOCK_SECOND_US;
    return sql_run(store, error, "UPDATE job SET lease_until_us = 0 WHERE state = 'claimed' AND worker = ?1",
                   SQL_TEXT(worker)) &&
           sql_run(store, error,
                   "UPDATE outbox SET lease_until_us = min(lease_until_us, ?2) WHERE state = 'claimed' AND worker = ?1",
                   SQL_TEXT(worker), SQL_INT(settled_us));
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

bool store_job_counts(Store *store, gint64 *ret_queued, gint64 *ret_claimed, GError **error)
{
    return sql_get_int(store, ret_queued, error, "SELECT count(*) FROM job WHERE state = 'queued'") &&
           sql_get_int(store, ret_claimed, error,
                       "SELECT count(*) FROM job WHERE state = 'claimed' AND lease_until_us > ?1",
                       SQL_INT(clock_now_us()));
}

bool store_job_position(Store *store, gint64 submission_id, gint64 *ret_position, GError **error)
{
    *ret_position = -1;
    return sql_get_int(store, ret_position, error,
                       "SELECT (SELECT count(*) FROM job AS ahead WHERE ahead.state = 'queued'"
                       "  AND (ahead.lane, ahead.due_us, ahead.turn, ahead.received_us, ahead.id)"
                       "    < (mine.lane, mine.due_us, mine.turn, mine.received_us, mine.id))"
                       " FROM job AS mine WHERE mine.submission_id = ?1 AND mine.state = 'queued'",
                       SQL_INT(submission_id));
}
