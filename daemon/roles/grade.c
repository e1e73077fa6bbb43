/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One submission at a time: claim, run a worker, score, commit. The verdict, what it costs, the posts and the end of
 * the job commit in one transaction, which also claims the next job, so that a busy queue costs one sync of the disk a
 * submission. A worker is always started ahead; it waits for its job while this process waits for one.
 *
 * A kill before the commit leaves nothing behind but a lease, which our successor frees. A kill after it leaves the
 * next job claimed: the same. The attempt number keeps a process that was thought dead from committing.
 */
#include <string.h>

#include "daemon/roles/basis.h"
#include "daemon/roles/role.h"

static const gint64 lease_margin_us = 60 * CLOCK_SECOND_US;
static const gint64 first_wait_us = CLOCK_SECOND_US, longest_wait_us = 300 * CLOCK_SECOND_US;
static const gint64 idle_us = 2 * CLOCK_SECOND_US;

typedef struct {
    Role *role;
    WorkerZygote *zygote;  /* workers are forked from it; NULL: none */
    Worker *worker;        /* started ahead; NULL: none */
    char *image_digest;    /* of this machine, computed once */
    GHashTable *snapshots; /* digests whose snapshot is known to be there */
} Grading;

/* ---- the worker ----------------------------------------------------------------------------------------------------
 */

/* A zygote that has died is replaced. */
static Worker *start_worker(Grading *grading, GError **error)
{
    Worker *worker = grading->zygote ? worker_start_from(grading->zygote, NULL) : NULL;
    if (worker)
        return worker;
    g_clear_pointer(&grading->zygote, worker_zygote_free);
    grading->zygote = worker_zygote_start(error);
    return grading->zygote ? worker_start_from(grading->zygote, error) : NULL;
}

/* The next worker's start overlaps with this one's run; if it fails, the next job tries again. */
static WorkerReport *run_with(Grading *grading, Worker *worker, const WorkerJob *job, GError **error)
{
    if (!worker_send(worker, job, error))
        return NULL;
    if (!grading->worker)
        grading->worker = start_worker(grading, NULL);
    return worker_receive(worker, grading->role->config->job_timeout_us / 1000, error);
}

/* A worker that was started long ahead may have died idle: that is no try of this job, so it gets a fresh one at once.
 */
static WorkerReport *run_job(Grading *grading, const GradeJob *claim, const WorkerJob *job, gint64 lease_us,
                             GError **error)
{
    g_autoptr(GError) first_error = NULL;
    gint64 start_us = clock_monotonic_us();
    g_autoptr(Worker) ahead = g_steal_pointer(&grading->worker);
    if (ahead) {
        WorkerReport *report = run_with(grading, ahead, job, &first_error);
        bool took_long = clock_monotonic_us() - start_us > grading->role->config->job_timeout_us / 2;
        if (report || took_long || first_error->code != RUBRIC_ERROR_TEMPORARY) {
            if (!report)
                g_propagate_error(error, g_steal_pointer(&first_error));
            return report;
        }
    }
    g_autoptr(Worker) fresh = grading->worker ? g_steal_pointer(&grading->worker) : start_worker(grading, error);
    if (!fresh || !store_job_renew(grading->role->store, claim, lease_us, error))
        return NULL;
    return run_with(grading, fresh, job, error);
}

/* ---- the outcome
 * ----------------------------------------------------------------------------------------------------------- */

/* Our failure, as a verdict that fails nobody: every machine item is in error, and a TA gets the reason. */
static Verdict *verdict_of_failure(const Rubric *rubric, const GError *why)
{
    Finding *finding =
        finding_new("submission", "submission", "rubricd", FINDING_ERROR,
                    "it could not be checked because of a fault of ours; a TA was told, and it costs nothing");
    finding->suspicion = text_truncate(why->message, 1000);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_ptr_array_add(findings, finding);
    return verdict_score(rubric, findings);
}

/* A verdict, unless it failed in a way that another try may mend: then NULL and *error. */
static Verdict *make_verdict(const Grading *grading, const GradeJob *claim, const Submission *submission,
                             const Basis *basis, WorkerReport *report, GError *failure, GError **error)
{
    bool is_last_try = claim->n_failures + 1 >= grading->role->config->max_attempts;
    if (!report && !is_last_try && failure->code != RUBRIC_ERROR_INVALID) {
        g_propagate_error(error, g_error_copy(failure));
        return NULL;
    }
    g_autoptr(Verdict) verdict =
        report ? verdict_score(basis->rubric, report->findings) : verdict_of_failure(basis->rubric, failure);
    if (report && verdict->n_error > 0 && !is_last_try) {
        error_set(error, RUBRIC_ERROR_TEMPORARY, "%u items could not be checked", verdict->n_error);
        return NULL;
    }
    verdict->assignment = g_strdup(submission->assignment);
    verdict->content_digest = g_strdup(submission->content_digest);
    verdict->image_digest = g_strdup(report ? report->image_digest : grading->image_digest);
    return g_steal_pointer(&verdict);
}

/* A student may ask to grade again: what a TA has decided meanwhile is not undone by that. */
static bool commit(const Grading *grading, const GradeJob *claim, Verdict *verdict, gint64 lease_us,
                   GradeJob **ret_next, GError **error)
{
    const Role *role = grading->role;
    if (!store_begin(role->store, error))
        return false;
    g_autoptr(GradeJob) next = NULL;
    bool is_again = strcmp(claim->why, "regrade") == 0;
    const char *origin = is_again ? "regrade" : "grade";
    bool done = store_job_complete(role->store, claim, error) &&
                (!is_again || outcome_keep_decisions(role->store, claim->submission_id, verdict, error)) &&
                outcome_commit(role->store, role->config, role->watch.course, role->watch.policy, claim->submission_id,
                               verdict, origin, error) &&
                store_job_claim(role->store, role->worker, lease_us, &next, error);
    if (!store_end(role->store, done, error))
        return false;
    *ret_next = g_steal_pointer(&next);
    return true;
}

static void log_graded(const GradeJob *claim, const Verdict *verdict, const WorkerReport *report, gint64 span_us)
{
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, claim->submission_id);
    g_autofree char *points = points_format(verdict->points_milli);
    g_autofree char *review = g_strdup_printf("%u", verdict->n_review);
    g_autofree char *errors = g_strdup_printf("%u", verdict->n_error);
    g_autofree char *span_ms = g_strdup_printf("%" G_GINT64_FORMAT, span_us / 1000);
    g_autofree char *box_ms = g_strdup_printf("%" G_GINT64_FORMAT, report ? report->box_us / 1000 : 0);
    log_event(LOG_INFO, "submission_graded", "submission", id, "assignment", verdict->assignment, "points", points,
              "review", review, "errors", errors, "ms", span_ms, "box_ms", box_ms, NULL);
}

/* Grades what was claimed. false and *error: it could not be done, and the job waits for another try or is lost to us.
 */
static bool grade(Grading *grading, const GradeJob *claim, gint64 lease_us, GradeJob **ret_next, GError **error)
{
    gint64 start_us = clock_monotonic_us();
    const Role *role = grading->role;
    g_autoptr(Submission) submission = store_submission_get(role->store, claim->submission_id, error);
    if (!submission)
        return false;
    BasisContext context = {
        .store = role->store,
        .config = role->config,
        .course = role->watch.course,
        .image_digest = grading->image_digest,
        .snapshots = grading->snapshots,
    };
    g_auto(Basis) basis = {0};
    if (!basis_find(&context, submission, claim->rubric_digest, &basis, error))
        return false;
    /* An owner whom our copy of the course does not know may be in the roster that another role has read already. */
    g_autoptr(WorkerJob) job = basis_job(&context, submission, &basis, error);
    if (!job)
        return false;
    g_autoptr(GError) failure = NULL;
    g_autoptr(WorkerReport) report = run_job(grading, claim, job, lease_us, &failure);
    g_autoptr(Verdict) verdict = make_verdict(grading, claim, submission, &basis, report, failure, error);
    if (!verdict || !commit(grading, claim, verdict, lease_us, ret_next, error))
        return false;
    log_graded(claim, verdict, report, clock_monotonic_us() - start_us);
    wake_send(role->config->state_folder, "post");
    if (role->config->web)
        wake_send(role->config->state_folder, "web");
    return true;
}

/* ---- the loop
 * -------------------------------------------------------------------------------------------------------------- */

/* Back into the queue; false: the store fails too. A lost lease is no failure, somebody else has the job. */
static bool put_back(const Grading *grading, const GradeJob *claim, GError *why, GError **error)
{
    const Role *role = grading->role;
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, claim->submission_id);
    log_event(LOG_WARNING, "grading_failed", "submission", id, "error", why->message, NULL);
    if (g_error_matches(why, RUBRIC_ERROR, RUBRIC_ERROR_DENIED))
        return true;
    gint64 retry_at_us = clock_now_us() + backoff_us(claim->n_failures, first_wait_us, longest_wait_us);
    if (claim->n_failures + 1 == role->config->max_attempts) {
        FlagRow flag = {
            .submission_id = claim->submission_id,
            .kind = (char *)"error",
            .message =
                (char *)"it cannot be graded, through no fault of the student; it is tried again every few minutes",
            .evidence = why->message,
        };
        if (!store_flag_raise(role->store, &flag, NULL, error))
            return false;
    }
    g_autoptr(GError) retry_error = NULL;
    if (store_job_retry(role->store, claim, retry_at_us, why->message, &retry_error) ||
        g_error_matches(retry_error, RUBRIC_ERROR, RUBRIC_ERROR_DENIED))
        return true;
    g_propagate_error(error, g_steal_pointer(&retry_error));
    return false;
}

/* One job, or a rest when there is none. *claim is replaced by the next one. */
static bool turn(Grading *grading, GradeJob **claim, gint64 lease_us, GError **error)
{
    Role *role = grading->role;
    role_refresh_course(role);
    if (!*claim && !store_job_claim(role->store, role->worker, lease_us, claim, error))
        return false;
    if (!*claim) {
        if (!grading->worker)
            grading->worker = start_worker(grading, NULL);
        role_sleep(role, clock_monotonic_us() + idle_us);
        return true;
    }
    g_autoptr(GradeJob) current = g_steal_pointer(claim);
    g_autoptr(GError) failure = NULL;
    return grade(grading, current, lease_us, claim, &failure) || put_back(grading, current, failure, error);
}

int grade_loop(Role *role)
{
    g_autoptr(GError) error = NULL;
    Grading grading = {
        .role = role,
        .image_digest = worker_image_digest(NULL),
        .snapshots = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };
    gint64 lease_us = MAX(role->config->lease_us, role->config->job_timeout_us + lease_margin_us);
    GradeJob *claim = NULL;
    while (turn(&grading, &claim, lease_us, &error))
        continue;
    log_event(LOG_ERR, "grade_failed", "error", error->message, NULL);
    grade_job_free(claim);
    g_clear_pointer(&grading.worker, worker_free);
    g_clear_pointer(&grading.zygote, worker_zygote_free);
    g_hash_table_unref(grading.snapshots);
    g_free(grading.image_digest);
    return 1;
}
