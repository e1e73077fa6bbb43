/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/basis.h"

#include <string.h>

#include "graders/graders.h"

void basis_clear(Basis *basis)
{
    g_clear_pointer(&basis->own, rubric_free);
    g_clear_pointer(&basis->folder, g_free);
    basis->rubric = NULL;
}

static const Rubric *rubric_by_digest(const Course *course, const char *digest)
{
    for (guint i = 0; i < course->rubrics->len; i++) {
        const Rubric *rubric = g_ptr_array_index(course->rubrics, i);
        if (strcmp(rubric->digest, digest) == 0)
            return rubric;
    }
    return NULL;
}

/* A version that the course's files no longer hold: from the snapshot that its first verdict made. */
static bool load_snapshot(const BasisContext *context, const char *digest, Basis *ret, GError **error)
{
    g_autofree char *path = NULL;
    g_autofree char *snapshot = NULL;
    if (!store_rubric_find(context->store, digest, &path, &snapshot, error))
        return false;
    if (!path || !snapshot)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND,
                         "the rubric version %s is neither in the course nor among the snapshots", digest);
    g_autofree char *folder = g_build_filename(context->config->state_folder, snapshot, NULL);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    Rubric *rubric = rubric_load(folder, path, graders_all(), context->course->zone, diagnostics);
    if (!rubric) {
        g_autofree char *text = diagnostics_format(diagnostics);
        return error_set(error, RUBRIC_ERROR_INVALID, "the snapshot \"%s\" does not load: %s", folder, text);
    }
    *ret = (Basis){.rubric = rubric, .own = rubric, .folder = g_steal_pointer(&folder)};
    return true;
}

/* Verdicts must be repeatable, so grading uses a copy that nobody edits. */
static bool make_snapshot(const BasisContext *context, const Assignment *assignment, const Rubric *rubric,
                          char **ret_folder, GError **error)
{
    const char *colon = strchr(rubric->digest, ':');
    g_autofree char *relative = g_build_filename("rubrics", colon ? colon + 1 : rubric->digest, NULL);
    g_autofree char *folder = g_build_filename(context->config->state_folder, relative, NULL);
    bool is_known = context->snapshots && g_hash_table_contains(context->snapshots, rubric->digest);
    if (!is_known) {
        if (!config_make_state_folder(context->config, error) ||
            !rubric_snapshot(rubric, context->course->folder, folder, error) ||
            !store_rubric_note(context->store, rubric->digest, assignment->id, rubric->path, relative, error))
            return false;
        if (context->snapshots)
            g_hash_table_add(context->snapshots, g_strdup(rubric->digest));
    }
    *ret_folder = g_steal_pointer(&folder);
    return true;
}

static const Assignment *find_assignment(const BasisContext *context, const Submission *submission, GError **error)
{
    const Assignment *assignment = course_assignment(context->course, submission->assignment);
    if (!assignment)
        error_set(error, RUBRIC_ERROR_NOT_FOUND, "course.yaml has no assignment \"%s\" any more",
                  submission->assignment);
    return assignment;
}

bool basis_find(const BasisContext *context, const Submission *submission, const char *digest, Basis *ret,
                GError **error)
{
    const Assignment *assignment = find_assignment(context, submission, error);
    if (!assignment)
        return false;
    const Rubric *rubric = digest ? rubric_by_digest(context->course, digest)
                                  : course_rubric(context->course, assignment, submission->received_us);
    if (!rubric && digest)
        return load_snapshot(context, digest, ret, error);
    if (!rubric)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "the assignment \"%s\" has no rubric", assignment->id);
    Basis basis = {.rubric = rubric};
    if (!make_snapshot(context, assignment, rubric, &basis.folder, error))
        return false;
    *ret = basis;
    return true;
}

/* ---- what was handed in before --------------------------------------------------------------------------------------
 */

static bool runs_autograder(const Rubric *rubric)
{
    for (guint i = 0; i < rubric->order->len; i++) {
        const Item *item = g_ptr_array_index(rubric->order, i);
        for (guint j = 0; j < item->checks->len; j++) {
            if (strcmp(((const Check *)g_ptr_array_index(item->checks, j))->type->name, "gradescope") == 0)
                return true;
        }
    }
    return false;
}

/* Adds the runs of autograders that a finding tells of. */
static void add_runs(const Finding *finding, bool with_results, cJSON *runs)
{
    const cJSON *run;
    cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(finding->figures, "runs"))
    {
        if (cJSON_GetObjectItemCaseSensitive(runs, run->string))
            continue;
        cJSON *copy = json_add(runs, run->string, cJSON_Duplicate(run, true));
        if (!with_results)
            cJSON_DeleteItemFromObjectCaseSensitive(copy, "results");
    }
}

static cJSON *describe(const Submission *submission, const Verdict *verdict, bool is_newest)
{
    cJSON *entry = cJSON_CreateObject();
    json_add_int64(entry, "received_us", submission->received_us);
    json_add_bool(entry, "is_error", verdict->n_error > 0);
    cJSON *runs = json_add(entry, "runs", cJSON_CreateObject());
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        for (guint j = 0; j < item->findings->len; j++)
            add_runs(g_ptr_array_index(item->findings, j), is_newest, runs);
    }
    return entry;
}

/* *ret_verdict NULL: it was not graded. */
static bool read_verdict(const BasisContext *context, gint64 submission, Verdict **ret_verdict, GError **error)
{
    g_autoptr(VerdictRow) row = NULL;
    if (!store_verdict_latest(context->store, submission, &row, error))
        return false;
    g_autoptr(cJSON) json = row ? json_parse(row->json, strlen(row->json), error) : NULL;
    *ret_verdict = json ? verdict_from_json(json, error) : NULL;
    return !row || *ret_verdict;
}

static bool came_before(const Submission *other, const Submission *submission)
{
    return other->received_us < submission->received_us ||
           (other->received_us == submission->received_us && other->id < submission->id);
}

/* Of the owner, for this assignment, before this one: what GraderContext.previous says. */
static bool list_previous(const BasisContext *context, const Submission *submission, cJSON **ret, GError **error)
{
    const guint max_looked_at = 200;
    const int max_previous = 100;
    g_autoptr(GPtrArray) all =
        store_submission_list(context->store, submission->assignment, submission->owner, max_looked_at, error);
    g_autoptr(cJSON) list = cJSON_CreateArray();
    for (guint i = 0; all && i < all->len && cJSON_GetArraySize(list) < max_previous; i++) {
        const Submission *other = g_ptr_array_index(all, i);
        g_autoptr(Verdict) verdict = NULL;
        if (!came_before(other, submission))
            continue;
        if (!read_verdict(context, other->id, &verdict, error))
            return false;
        if (verdict)
            cJSON_InsertItemInArray(list, 0, describe(other, verdict, cJSON_GetArraySize(list) == 0));
    }
    *ret = all ? g_steal_pointer(&list) : NULL;
    return all != NULL;
}

WorkerJob *basis_job(const BasisContext *context, const Submission *submission, const Basis *basis, GError **error)
{
    const Assignment *assignment = find_assignment(context, submission, error);
    WorkerJob *job =
        assignment ? worker_job_for(context->course, assignment, submission->owner, basis->rubric, error) : NULL;
    if (!job)
        return NULL;
    bool is_git = g_strcmp0(submission->content_kind, "git") == 0;
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, submission->id);
    g_autofree char *received = clock_format_utc(submission->received_us);
    placeholders_set(job->placeholders, "submission.id", id);
    placeholders_set(job->placeholders, "submission.received", received);
    placeholders_set(job->placeholders, "submission.commit", is_git ? submission->revision : "");
    if (runs_autograder(basis->rubric) && !list_previous(context, submission, &job->previous, error)) {
        worker_job_free(job);
        return NULL;
    }
    job->content_kind = is_git ? CONTENT_GIT : CONTENT_ARCHIVE;
    job->content_path = g_build_filename(context->config->state_folder, submission->content_path, NULL);
    job->git_commit = is_git ? g_strdup(submission->revision) : NULL;
    job->git_refs = is_git && submission->git_refs ? g_strsplit(submission->git_refs, "\n", -1) : NULL;
    job->received_us = submission->received_us;
    job->image_digest = g_strdup(context->image_digest);
    job->images_folder = config_images_folder(context->config);
    job->accept_missing = context->config->accept_missing;
    g_free(job->course_folder);
    job->course_folder = g_strdup(basis->folder);
    g_free(job->rubric_path);
    job->rubric_path = g_strdup(basis->rubric->path);
    return job;
}
