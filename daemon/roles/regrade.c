/* SPDX-License-Identifier: Apache-2.0 */
/* Grading again what was graded: nothing is written until somebody says so, and what a TA has decided stays decided. */
#include <string.h>

#include "daemon/roles/basis.h"

/* A TA judged a sentence; while it reads the same, so does the judgement. */
static void carry_over(Verdict *verdict, const Verdict *before)
{
    for (guint i = 0; before && i < verdict->items->len; i++) {
        VerdictItem *item = g_ptr_array_index(verdict->items, i);
        for (guint j = 0; j < before->items->len; j++) {
            const VerdictItem *old = g_ptr_array_index(before->items, j);
            if (!old->decided_by || strcmp(old->id, item->id) != 0 || g_strcmp0(old->passes, item->passes) != 0)
                continue;
            item->outcome = old->outcome;
            g_free(item->reason);
            item->reason = g_strdup(old->reason);
            g_free(item->decided_by);
            item->decided_by = g_strdup(old->decided_by);
        }
    }
    verdict_sum(verdict);
}

Verdict *outcome_regrade(Store *store, const Config *config, const Course *course, const Submission *submission,
                         const Verdict *before, const char *image_digest, GError **error)
{
    BasisContext context = {.store = store, .config = config, .course = course, .image_digest = image_digest};
    g_auto(Basis) basis = {0};
    if (!basis_find(&context, submission, NULL, &basis, error))
        return NULL;
    g_autoptr(WorkerJob) job = basis_job(&context, submission, &basis, error);
    g_autoptr(Worker) worker = job ? worker_start(error) : NULL;
    g_autoptr(WorkerReport) report = worker ? worker_run(worker, job, config->job_timeout_us / 1000, error) : NULL;
    if (!report)
        return NULL;
    Verdict *verdict = verdict_score(basis.rubric, report->findings);
    verdict->assignment = g_strdup(submission->assignment);
    verdict->content_digest = g_strdup(submission->content_digest);
    verdict->image_digest = g_strdup(report->image_digest);
    carry_over(verdict, before);
    return verdict;
}

bool outcome_keep_decisions(Store *store, gint64 submission_id, Verdict *verdict, GError **error)
{
    g_autoptr(VerdictRow) latest = NULL;
    if (!store_verdict_latest(store, submission_id, &latest, error))
        return false;
    if (!latest)
        return true;
    g_autoptr(cJSON) json = json_parse(latest->json, strlen(latest->json), error);
    g_autoptr(Verdict) before = json ? verdict_from_json(json, error) : NULL;
    if (before)
        carry_over(verdict, before);
    return before != NULL;
}

static bool apply(Store *store, const Config *config, const Course *course, const Policy *policy, gint64 submission_id,
                  gint64 before_number, const Verdict *verdict, GError **error)
{
    g_autoptr(VerdictRow) latest = NULL;
    if (!store_verdict_latest(store, submission_id, &latest, error))
        return false;
    if ((latest ? latest->number : 0) != before_number)
        return error_set(error, RUBRIC_ERROR_DENIED,
                         "submission %" G_GINT64_FORMAT " got another verdict meanwhile; regrade it again",
                         submission_id);
    return outcome_commit(store, config, course, policy, submission_id, verdict, "regrade", error);
}

bool outcome_regrade_apply(Store *store, const Config *config, const Course *course, const Policy *policy,
                           gint64 submission_id, gint64 before_number, const Verdict *verdict, GError **error)
{
    return store_begin(store, error) &&
           store_end(store, apply(store, config, course, policy, submission_id, before_number, verdict, error), error);
}
