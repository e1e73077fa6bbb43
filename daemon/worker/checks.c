/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/checks.h"
#include "daemon/worker/mounts.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

typedef struct {
    const WorkerJob *job;
    const Rubric *rubric;
    BoxClient *boxes;
    int cancel_fd;
    WorkerReport *report;
    GHashTable *states; /* const Item* -> ItemState */
} Checks;

typedef enum { ITEM_STATE_FINE, ITEM_STATE_FAILED, ITEM_STATE_UNKNOWN } ItemState;

static void complete(const GraderContext *context, const Check *check, BoxSpec *spec)
{
    const Checks *checks = context->boxes_data;
    box_limits_fill(&spec->limits, &check->limits);
    if (!spec->workspace)
        spec->workspace = context->workspace;
    spec->accept_missing |= checks->job->accept_missing;
}

static int run_box(GraderContext *context, const Check *check, BoxSpec *spec, BoxResult *ret_result)
{
    Checks *checks = context->boxes_data;
    complete(context, check, spec);
    gint64 start_us = clock_monotonic_us();
    int status = box_run(checks->boxes, spec, checks->cancel_fd, ret_result);
    checks->report->box_us += clock_monotonic_us() - start_us;
    checks->report->n_boxes++;
    return status;
}

static int start_box(GraderContext *context, const Check *check, BoxSpec *spec, BoxBeside **ret)
{
    Checks *checks = context->boxes_data;
    complete(context, check, spec);
    checks->report->n_boxes++;
    return box_beside_start(checks->boxes, spec, ret);
}

static int open_network(GraderContext *context, bool has_listener, BoxSharedNetwork **ret)
{
    const Checks *checks = context->boxes_data;
    return box_network_open(checks->boxes, has_listener, ret);
}

/* The first need that stands in the way, or NULL. Needs that were not run (hidden ones, in a public run) do not. */
static const Item *blocking_need(const Checks *checks, const Item *item, ItemState *ret_state)
{
    for (guint i = 0; i < item->needs->len; i++) {
        const Item *need = g_ptr_array_index(item->needs, i);
        *ret_state = (ItemState)GPOINTER_TO_INT(g_hash_table_lookup(checks->states, need));
        if (*ret_state != ITEM_STATE_FINE)
            return need;
    }
    return NULL;
}

static void add_finding(Checks *checks, Finding *finding)
{
    g_ptr_array_add(checks->report->findings, finding);
}

static void skip_item(Checks *checks, const Item *item, const Item *need, ItemState state)
{
    const char *what = state == ITEM_STATE_FAILED ? "did not pass" : "could not be checked";
    g_autofree char *name = item_name_within(item, need, need->title);
    for (guint i = 0; i < item->checks->len; i++) {
        const Check *check = g_ptr_array_index(item->checks, i);
        add_finding(checks, finding_new(item->id, check->name, check->type->name, FINDING_SKIPPED,
                                        "not checked, because %s %s, which this needs", name, what));
    }
    g_hash_table_insert(checks->states, (gpointer)item, GINT_TO_POINTER(state));
}

static void judge_item(Checks *checks, const Item *item, GraderContext *context)
{
    bool has_failed = false, has_error = false;
    for (guint i = 0; i < item->checks->len; i++) {
        Finding *finding = graders_judge(item, g_ptr_array_index(item->checks, i), context);
        has_failed |= finding->outcome == FINDING_FAIL;
        has_error |= finding->outcome == FINDING_ERROR;
        add_finding(checks, finding);
    }
    /* What a TA judges is not failed by a check: that is evidence only. */
    ItemState state = has_failed && item->judge != JUDGE_TA ? ITEM_STATE_FAILED
                      : has_error                           ? ITEM_STATE_UNKNOWN
                                                            : ITEM_STATE_FINE;
    g_hash_table_insert(checks->states, (gpointer)item, GINT_TO_POINTER(state));
}

static bool is_cancelled(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN | POLLRDHUP};
    return fd >= 0 && poll(&waiting, 1, 0) > 0;
}

static bool run_all(Checks *checks, GraderContext *context, GError **error)
{
    for (guint i = 0; i < checks->rubric->order->len; i++) {
        const Item *item = g_ptr_array_index(checks->rubric->order, i);
        if (checks->job->public_only && item->visible != VISIBLE_ALWAYS)
            continue;
        if (is_cancelled(checks->cancel_fd))
            return error_set(error, RUBRIC_ERROR_TEMPORARY, "nobody waits for this job any more");
        ItemState state = ITEM_STATE_FINE;
        const Item *need = blocking_need(checks, item, &state);
        if (need)
            skip_item(checks, item, need, state);
        else
            judge_item(checks, item, context);
    }
    return true;
}

static Member *members_of(const WorkerJob *job)
{
    Member *members = g_new0(Member, job->members->len + 1);
    for (guint i = 0; i < job->members->len; i++) {
        const WorkerMember *member = g_ptr_array_index(job->members, i);
        members[i] = (Member){member->id, member->name, member->github, (const char *const *)member->emails};
    }
    return members;
}

bool checks_run(const WorkerJob *job, const Rubric *rubric, const Confinement *confinement, BoxClient *boxes,
                const Outside *outside, WorkerReport *report, GError **error)
{
    g_autoptr(GHashTable) states = g_hash_table_new(NULL, NULL);
    g_autofree Member *members = members_of(job);
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(job->zone_name);
    bool is_git = job->content_kind == CONTENT_GIT;
    /* The images of the rubric stand behind it. */
    g_autofree char *host_digest = g_strndup(report->image_digest, strcspn(report->image_digest, " "));
    GData *kept = NULL;
    g_datalist_init(&kept);
    Checks checks = {job, rubric, boxes, outside->cancel_fd, report, states};
    GraderContext context = {
        .workspace = confinement->workspace,
        .workspace_fd = confinement->workspace_fd,
        .course_folder = job->course_folder,
        .images_folder = job->images_folder,
        .git_folder = is_git ? job->content_path : NULL,
        .git_commit = is_git ? job->git_commit : NULL,
        .git_refs = is_git ? (const char *const *)job->git_refs : NULL,
        .received_us = job->received_us,
        .deadline_us = job->deadline_us,
        .assignment_title = job->assignment_title,
        .max_milli = rubric->max_milli,
        .previous = job->previous,
        .members = members,
        .n_members = job->members->len,
        .placeholders = job->placeholders,
        .zone = zone,
        .scratch_folder = confinement->mount_point,
        .kept = &kept,
        .run_box = run_box,
        .open_network = open_network,
        .start_box = start_box,
        .boxes_data = &checks,
        .host_digest = host_digest,
        .box_uid = box_uid(boxes),
        .mounts = &worker_mounts,
        .proxy_fd = outside->proxy_fd,
    };
    bool is_done = run_all(&checks, &context, error);
    g_datalist_clear(&kept);
    return is_done;
}
