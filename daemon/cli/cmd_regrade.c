/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric regrade`: what the rubric as it reads now would change; `--apply` makes it so. */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

typedef struct {
    char *config, *assignment, *owner;
    gboolean apply, as_json;
} Options;

typedef struct {
    CliDaemon daemon;
    const Options *options;
    char *image_digest;
    cJSON *json; /* array of changes */
    guint n_graded, n_changed, n_skipped, n_failed;
} Regrading;

static const VerdictItem *find_item(const Verdict *verdict, const char *id)
{
    for (guint i = 0; verdict && i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    return NULL;
}

static void note_item(const Regrading *regrading, cJSON *items, const char *id, const VerdictItem *before,
                      const VerdictItem *after)
{
    const char *old = before ? item_outcome_name(before->outcome) : "none";
    const char *new = after ? item_outcome_name(after->outcome) : "removed";
    g_autofree char *old_points = points_format(before && before->outcome == ITEM_PASS ? before->points_milli : 0);
    g_autofree char *new_points = points_format(after && after->outcome == ITEM_PASS ? after->points_milli : 0);
    if (regrading->options->as_json) {
        cJSON *json = cJSON_CreateObject();
        json_add_string(json, "item", id);
        json_add_string(json, "before", old);
        json_add_string(json, "after", new);
        json_add_string(json, "reason", after ? after->reason : NULL);
        cJSON_AddItemToArray(items, json);
        return;
    }
    g_autofree char *reason = text_escape_terminal(after && after->reason ? after->reason : "", 160);
    printf("  %-28s %-7s -> %-7s %7s -> %-7s %s\n", id, old, new, old_points, new_points, reason);
}

static bool items_differ(const VerdictItem *before, const VerdictItem *after)
{
    if (!before || !after)
        return before != after;
    return before->outcome != after->outcome || before->points_milli != after->points_milli;
}

static bool verdicts_differ(const Verdict *before, const Verdict *after)
{
    for (guint i = 0; i < after->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(after->items, i);
        if (items_differ(find_item(before, item->id), item))
            return true;
    }
    for (guint i = 0; before && i < before->items->len; i++) {
        if (!find_item(after, ((const VerdictItem *)g_ptr_array_index(before->items, i))->id))
            return true;
    }
    return false;
}

static void print_changes(Regrading *regrading, const Submission *submission, const Verdict *before,
                          const Verdict *after)
{
    g_autofree char *old_points = points_format(before ? before->points_milli : 0);
    g_autofree char *new_points = points_format(after->points_milli);
    cJSON *items = NULL;
    if (regrading->options->as_json) {
        cJSON *json = cJSON_CreateObject();
        json_add_int64(json, "submission", submission->id);
        json_add_string(json, "owner", submission->owner);
        json_add_int64(json, "points_milli_before", before ? before->points_milli : 0);
        json_add_int64(json, "points_milli_after", after->points_milli);
        items = json_add(json, "items", cJSON_CreateArray());
        cJSON_AddItemToArray(regrading->json, json);
    } else {
        printf("submission %" G_GINT64_FORMAT " of %s: %s -> %s points\n", submission->id, submission->owner,
               before ? old_points : "no verdict", new_points);
    }
    for (guint i = 0; i < after->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(after->items, i);
        const VerdictItem *old = find_item(before, item->id);
        if (items_differ(old, item))
            note_item(regrading, items, item->id, old, item);
    }
    for (guint i = 0; before && i < before->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(before->items, i);
        if (!find_item(after, item->id))
            note_item(regrading, items, item->id, item, NULL);
    }
}

static bool read_before(const CliDaemon *daemon, gint64 submission_id, gint64 *ret_number, Verdict **ret,
                        GError **error)
{
    g_autoptr(VerdictRow) row = NULL;
    *ret = NULL;
    *ret_number = 0;
    if (!store_verdict_latest(daemon->store, submission_id, &row, error))
        return false;
    if (!row)
        return true;
    g_autoptr(cJSON) json = json_parse(row->json, strlen(row->json), error);
    *ret = json ? verdict_from_json(json, error) : NULL;
    *ret_number = row->number;
    return *ret != NULL;
}

static bool regrade_one(Regrading *regrading, const Submission *submission, GError **error)
{
    CliDaemon *daemon = &regrading->daemon;
    g_autoptr(Verdict) before = NULL;
    gint64 number = 0;
    if (!read_before(daemon, submission->id, &number, &before, error))
        return false;
    g_autoptr(Verdict) after = outcome_regrade(daemon->store, daemon->config, daemon->course, submission, before,
                                               regrading->image_digest, error);
    if (!after)
        return false;
    if (after->n_error > 0)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "%u items could not be checked, so the verdict stays as it is",
                         after->n_error);
    regrading->n_graded++;
    if (!verdicts_differ(before, after))
        return true;
    regrading->n_changed++;
    print_changes(regrading, submission, before, after);
    return !regrading->options->apply || outcome_regrade_apply(daemon->store, daemon->config, daemon->course,
                                                               daemon->policy, submission->id, number, after, error);
}

/* What waits to be graded gets the new text anyway; what was replaced or refused has no verdict to change. */
static bool is_to_be_regraded(const Regrading *regrading, const Submission *submission)
{
    gint64 position = -1;
    if (submission->state == SUBMISSION_REPLACED || submission->state == SUBMISSION_REFUSED ||
        submission->state == SUBMISSION_RECEIVED)
        return false;
    return store_job_position(regrading->daemon.store, submission->id, &position, NULL) && position < 0;
}

static void finish(const Regrading *regrading)
{
    if (regrading->options->as_json) {
        g_autofree char *text = json_print_pretty(regrading->json);
        puts(text);
        return;
    }
    printf("%u graded again, %u %s", regrading->n_graded, regrading->n_changed,
           regrading->options->apply ? "changed" : "would change");
    if (regrading->n_skipped > 0)
        printf(", %u left out (waiting, replaced or refused)", regrading->n_skipped);
    if (regrading->n_failed > 0)
        printf(", %u FAILED", regrading->n_failed);
    puts(!regrading->options->apply && regrading->n_changed > 0 ? "; --apply makes it so" : "");
}

static int regrade_all(Regrading *regrading)
{
    const Options *options = regrading->options;
    GError *error = NULL;
    if (!cli_find_assignment(regrading->daemon.course, options->assignment, &error))
        return cli_fail_error(&cmd_regrade, error);
    g_autoptr(GPtrArray) submissions =
        store_submission_list(regrading->daemon.store, options->assignment, options->owner, 0, &error);
    if (!submissions)
        return cli_fail_error(&cmd_regrade, error);
    for (guint i = submissions->len; i > 0; i--) {
        const Submission *submission = g_ptr_array_index(submissions, i - 1);
        if (!is_to_be_regraded(regrading, submission)) {
            regrading->n_skipped++;
            continue;
        }
        g_autoptr(GError) failure = NULL;
        if (regrade_one(regrading, submission, &failure))
            continue;
        regrading->n_failed++;
        cli_fail(&cmd_regrade, EXIT_OURS, "submission %" G_GINT64_FORMAT ": %s", submission->id, failure->message);
    }
    finish(regrading);
    if (options->apply && regrading->n_changed > 0)
        wake_send(regrading->daemon.config->state_folder, "post");
    return regrading->n_failed > 0 ? EXIT_OURS : EXIT_DONE;
}

static int run_with(const Options *options)
{
    Regrading regrading = {.options = options};
    int status;
    if (!cli_daemon_open(&cmd_regrade, options->config, &regrading.daemon, &status))
        return status;
    regrading.image_digest = worker_image_digest(NULL);
    regrading.json = cJSON_CreateArray();
    status = regrade_all(&regrading);
    cJSON_Delete(regrading.json);
    g_free(regrading.image_digest);
    cli_daemon_clear(&regrading.daemon);
    return status;
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config, "the daemon's configuration", "FILE"},
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "whose submissions are graded again", "ID"},
        {"owner", 'o', 0, G_OPTION_ARG_STRING, &options.owner, "only of this person or team", "ID"},
        {"apply", 0, 0, G_OPTION_ARG_NONE, &options.apply, "make new verdicts of the changes, and post them", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.as_json, "print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    int status = EXIT_USAGE;
    if (cli_parse(&cmd_regrade, entries, &argc, &argv)) {
        if (argc > 1)
            cli_fail(&cmd_regrade, EXIT_USAGE, "\"%s\" is one argument too many", argv[1]);
        else if (!options.assignment)
            cli_fail(&cmd_regrade, EXIT_USAGE, "-a ASSIGNMENT is missing");
        else
            status = run_with(&options);
    }
    g_free(options.config);
    g_free(options.assignment);
    g_free(options.owner);
    return status;
}

const Command cmd_regrade = {"regrade", "-a ASSIGNMENT",
                             "what the rubric as it reads now would change; --apply makes it so", run};
