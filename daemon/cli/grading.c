/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/grading.h"

#include "daemon/cli/cli.h"

#include <string.h>

static const char *first_owner(const Course *course, OwnerKind kind, GError **error)
{
    const GPtrArray *owners = kind == OWNER_TEAM ? course->teams : course->people;
    for (guint i = 0; i < owners->len; i++) {
        if (kind == OWNER_TEAM)
            return ((const Team *)g_ptr_array_index(owners, i))->id;
        const Person *person = g_ptr_array_index(owners, i);
        if (person->status == STATUS_STUDENT)
            return person->id;
    }
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "the course's roster has no %s to grade for", owner_kind_name(kind));
    return NULL;
}

const char *grading_find_owner(const Course *course, const Assignment *assignment, const char *wanted, GError **error)
{
    if (!wanted)
        return first_owner(course, assignment->owner_kind, error);
    if (assignment->owner_kind == OWNER_TEAM) {
        const Team *team = course_team(course, wanted);
        if (team)
            return team->id;
    } else {
        const Person *person = course_find_person(course, wanted);
        if (person)
            return person->id;
    }
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "the course has no %s \"%s\", and \"%s\" is for a %s",
              owner_kind_name(assignment->owner_kind), wanted, assignment->id, owner_kind_name(assignment->owner_kind));
    return NULL;
}

WorkerJob *grading_job(const Course *course, const Assignment *assignment, const char *owner, gint64 received_us,
                       const LocalSubmission *submission, const Rubric **ret_rubric, GError **error)
{
    const Rubric *rubric = course_rubric(course, assignment, received_us);
    if (!rubric) {
        error_set(error, RUBRIC_ERROR_INVALID, "the assignment \"%s\" has no rubric", assignment->id);
        return NULL;
    }
    WorkerJob *job = worker_job_for(course, assignment, owner, rubric, error);
    if (!job)
        return NULL;
    local_submission_fill(submission, job);
    job->received_us = received_us;
    job->accept_missing = GRADING_ACCEPT_MISSING;
    job->images_folder = cli_images_folder();
    *ret_rubric = rubric;
    return job;
}

static void leave_out_hidden(Verdict *verdict)
{
    for (guint i = verdict->items->len; i-- > 0;) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (item->visible != VISIBLE_ALWAYS)
            g_ptr_array_remove_index(verdict->items, i);
    }
    verdict_sum(verdict);
}

/* The report's findings, and a pass for each check of an item that was not run because it is hidden: it must not block
 * the others. */
static GPtrArray *findings_to_score(const Rubric *rubric, const WorkerReport *report, bool public_only)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    for (guint i = 0; public_only && i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        for (guint j = 0; item->visible != VISIBLE_ALWAYS && j < item->checks->len; j++) {
            const Check *check = g_ptr_array_index(item->checks, j);
            g_ptr_array_add(findings,
                            finding_new(item->id, check->name, check->type->name, FINDING_PASS, "not run here"));
        }
    }
    for (guint i = 0; i < report->findings->len; i++) {
        g_autoptr(cJSON) copy = finding_to_json(g_ptr_array_index(report->findings, i));
        Finding *finding = finding_from_json(copy, NULL);
        if (finding)
            g_ptr_array_add(findings, finding);
    }
    return findings;
}

Verdict *grading_verdict(const WorkerJob *job, const Rubric *rubric, const LocalSubmission *submission,
                         const WorkerReport *report)
{
    g_autoptr(GPtrArray) findings = findings_to_score(rubric, report, job->public_only);
    Verdict *verdict = verdict_score(rubric, findings);
    g_free(verdict->assignment);
    verdict->assignment = g_strdup(job->assignment);
    g_free(verdict->image_digest);
    verdict->image_digest = g_strdup(report->image_digest);
    g_free(verdict->content_digest);
    verdict->content_digest = g_strdup(submission->digest);
    if (job->public_only)
        leave_out_hidden(verdict);
    return verdict;
}
