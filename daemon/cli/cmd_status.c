/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric status`: what waits, what is done, where it stands. */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/status_github.h"

typedef struct {
    const Assignment *assignment;
    gint64 n_by_state[SUBMISSION_REFUSED + 1];
    gint64 n_flags;
} Line;

static cJSON *read_source_note(const Config *config, const SourceConfig *source)
{
    g_autofree char *name = g_strdup_printf("source-%s", source->name);
    return note_read(config, name);
}

static Line *find_line(GArray *lines, const char *assignment)
{
    for (guint i = 0; i < lines->len; i++) {
        Line *line = &g_array_index(lines, Line, i);
        if (strcmp(line->assignment->id, assignment) == 0)
            return line;
    }
    return NULL;
}

static bool count_flags(const CliDaemon *daemon, GArray *lines, GError **error)
{
    for (guint i = 0; i < lines->len; i++) {
        Line *line = &g_array_index(lines, Line, i);
        g_autoptr(GPtrArray) flags = store_flag_list(daemon->store, line->assignment->id, false, error);
        if (!flags)
            return false;
        line->n_flags = flags->len;
    }
    return true;
}

/* A line for each assignment of the course, in order of their deadlines. */
static GArray *collect_lines(const CliDaemon *daemon, GError **error)
{
    g_autoptr(GArray) lines = g_array_new(false, true, sizeof(Line));
    for (guint i = 0; i < daemon->course->assignments->len; i++) {
        Line line = {.assignment = g_ptr_array_index(daemon->course->assignments, i)};
        g_array_append_val(lines, line);
    }
    g_autoptr(GPtrArray) submissions = store_submission_list(daemon->store, NULL, NULL, 0, error);
    if (!submissions || !count_flags(daemon, lines, error))
        return NULL;
    for (guint i = 0; i < submissions->len; i++) {
        const Submission *submission = g_ptr_array_index(submissions, i);
        Line *line = find_line(lines, submission->assignment);
        if (line)
            line->n_by_state[submission->state]++;
    }
    return g_steal_pointer(&lines);
}

static gint64 line_total(const Line *line)
{
    gint64 sum = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(line->n_by_state); i++)
        sum += line->n_by_state[i];
    return sum;
}

static const Assignment *next_due(const Course *course)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->deadline_us > clock_now_us())
            return assignment;
    }
    return NULL;
}

/* ---- JSON
 * --------------------------------------------------------------------------------------------------------------- */

static cJSON *line_to_json(const Line *line)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "assignment", line->assignment->id);
    json_add_int64(json, "deadline_us", line->assignment->deadline_us);
    json_add_int64(json, "flags_open", line->n_flags);
    for (int state = SUBMISSION_RECEIVED; state <= SUBMISSION_REFUSED; state++)
        json_add_int64(json, submission_state_name(state), line->n_by_state[state]);
    return json;
}

static void print_json(const CliDaemon *daemon, const StoreCounts *counts, const GArray *lines,
                       const GithubBudget *github)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_int64(json, "now_us", clock_now_us());
    json_add_int64(json, "queued", counts->n_queued);
    json_add_int64(json, "grading", counts->n_claimed);
    json_add_int64(json, "oldest_queued_us", counts->oldest_queued_us);
    json_add_int64(json, "posts_waiting", counts->n_outbox_waiting);
    json_add_int64(json, "posts_superseded", counts->n_outbox_superseded);
    json_add_int64(json, "posts_given_up", counts->n_outbox_given_up);
    json_add_int64(json, "flags_open", counts->n_flags_open);
    cJSON *states = json_add(json, "submissions", cJSON_CreateObject());
    for (int state = SUBMISSION_RECEIVED; state <= SUBMISSION_REFUSED; state++)
        json_add_int64(states, submission_state_name(state), counts->n_by_state[state]);
    cJSON *assignments = json_add(json, "assignments", cJSON_CreateArray());
    for (guint i = 0; i < lines->len; i++)
        cJSON_AddItemToArray(assignments, line_to_json(&g_array_index(lines, Line, i)));
    cJSON *sources = json_add(json, "sources", cJSON_CreateArray());
    for (guint i = 0; i < daemon->config->sources->len; i++) {
        cJSON *note = read_source_note(daemon->config, g_ptr_array_index(daemon->config->sources, i));
        if (note)
            cJSON_AddItemToArray(sources, note);
    }
    if (github->credential)
        json_add(json, "github", status_github_json(github));
    g_autofree char *text = json_print_pretty(json);
    puts(text);
}

/* ---- text
 * --------------------------------------------------------------------------------------------------------------- */

static void print_queue(const CliDaemon *daemon, const StoreCounts *counts)
{
    printf("queue      %" G_GINT64_FORMAT " wait, %" G_GINT64_FORMAT " are being graded", counts->n_queued,
           counts->n_claimed);
    if (counts->oldest_queued_us > 0) {
        g_autofree char *age = clock_format_span(clock_now_us() - counts->oldest_queued_us);
        printf(", the oldest was received %s ago", age);
    }
    printf("\nposts      %" G_GINT64_FORMAT " wait", counts->n_outbox_waiting);
    if (counts->n_outbox_superseded > 0)
        printf(" (%" G_GINT64_FORMAT " of them overtaken by a newer submission)", counts->n_outbox_superseded);
    printf(", %" G_GINT64_FORMAT " given up\n", counts->n_outbox_given_up);
    printf("flags      %" G_GINT64_FORMAT " open%s\n", counts->n_flags_open,
           counts->n_flags_open > 0 ? " (`rubric flags` lists them)" : "");
    const Assignment *due = next_due(daemon->course);
    if (due) {
        g_autofree char *when = clock_format_local(due->deadline_us, daemon->course->zone);
        g_autofree char *left = clock_format_span(due->deadline_us - clock_now_us());
        printf("next due   %s, %s (in %s)\n", due->id, when, left);
    }
}

static void print_source(const CliDaemon *daemon, const SourceConfig *source)
{
    g_autoptr(cJSON) note = read_source_note(daemon->config, source);
    printf("source     %s (%s): ", source->name, source->kind);
    if (!note) {
        puts("not looked at yet");
        return;
    }
    gint64 pending = json_int64_or(note, "n_pending", 0);
    g_autofree char *age = clock_format_span(clock_now_us() - json_int64_or(note, "looked_us", 0));
    printf("looked %s ago", age);
    if (pending > 0)
        printf(", %" G_GINT64_FORMAT " not complete yet", pending);
    const char *error = json_string_or(note, "error", NULL);
    if (error) {
        const gsize max_bytes = 300;
        g_autofree char *shown = text_escape_terminal(error, max_bytes);
        printf(", FAILED: %s", shown);
    }
    puts("");
    if (json_int64_or(note, "pace_us", 0) > 0)
        status_github_print_pace(json_int64_or(note, "pace_us", 0), source->interval_us);
}

static void print_lines(const GArray *lines)
{
    printf("\n%-12s %8s %8s %8s %8s %8s %8s %8s\n", "assignment", "waiting", "graded", "decided", "posted", "replaced",
           "refused", "flags");
    for (guint i = 0; i < lines->len; i++) {
        const Line *line = &g_array_index(lines, Line, i);
        if (line_total(line) == 0)
            continue;
        gint64 waiting = line->n_by_state[SUBMISSION_RECEIVED] + line->n_by_state[SUBMISSION_FETCHED];
        printf("%-12s %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT
               " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT " %8" G_GINT64_FORMAT "\n",
               line->assignment->id, waiting, line->n_by_state[SUBMISSION_GRADED], line->n_by_state[SUBMISSION_DECIDED],
               line->n_by_state[SUBMISSION_POSTED], line->n_by_state[SUBMISSION_REPLACED],
               line->n_by_state[SUBMISSION_REFUSED], line->n_flags);
    }
}

static int show(const Command *command, const CliDaemon *daemon, bool as_json)
{
    GError *error = NULL;
    StoreCounts counts = {0};
    if (!store_counts(daemon->store, &counts, &error))
        return cli_fail_error(command, error);
    g_autoptr(GArray) lines = collect_lines(daemon, &error);
    if (!lines)
        return cli_fail_error(command, error);
    g_auto(GithubBudget) github = {0};
    if (daemon->config->github && !github_budget_read(daemon->store, &github, &error))
        return cli_fail_error(command, error);
    github_budget_roll(&github, clock_now_us());
    if (as_json) {
        print_json(daemon, &counts, lines, &github);
        return EXIT_DONE;
    }
    print_queue(daemon, &counts);
    for (guint i = 0; i < daemon->config->sources->len; i++)
        print_source(daemon, g_ptr_array_index(daemon->config->sources, i));
    if (github.credential)
        status_github_print(&github, daemon->course->zone);
    print_lines(lines);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    g_autofree char *config = NULL;
    gboolean as_json = false;
    GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "the daemon's configuration", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!cli_parse(&cmd_status, entries, &argc, &argv))
        return EXIT_USAGE;
    if (argc > 1)
        return cli_fail(&cmd_status, EXIT_USAGE, "\"%s\" is one argument too many", argv[1]);
    CliDaemon daemon;
    int status;
    if (!cli_daemon_open(&cmd_status, config, &daemon, &status))
        return status;
    status = show(&cmd_status, &daemon, as_json);
    cli_daemon_clear(&daemon);
    return status;
}

const Command cmd_status = {"status", "", "the queue, the posts, the flags, each assignment's numbers", run};
