/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row a student: what may be shown to that student now, never more (the same sums as in results.json). Several
 * submissions: the newest one that counts, else the newest one that was graded.
 */
#include "daemon/cli/accounts.h"
#include "daemon/cli/gradescope.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *assignment, *config_path;
    gboolean is_csv;
} Options;

/* The list is newest first. *ret stays empty when nothing was graded. */
static bool choose(const CliDaemon *daemon, const GPtrArray *submissions, ShownResult *ret, GError **error)
{
    for (guint i = 0; i < submissions->len; i++) {
        const Submission *submission = g_ptr_array_index(submissions, i);
        g_auto(ShownResult) shown = {0};
        if (!outcome_show(daemon->store, daemon->course, submission->id, 0, &shown, error))
            return false;
        bool counts = shown.verdict && shown.decision && shown.decision->kind == DECISION_COUNTS;
        if (counts || (shown.verdict && !ret->verdict)) {
            shown_result_clear(ret);
            *ret = shown;
            shown = (ShownResult){0};
        }
        if (counts)
            return true;
    }
    return true;
}

static void print_cells(const char *const *cells, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        g_autofree char *cell = text_csv_cell(cells[i]);
        printf("%s%s", i > 0 ? "," : "", cell);
    }
    putchar('\n');
}

static void print_row(const Person *person, const ShownResult *shown)
{
    g_autofree char *score = NULL, *max = NULL, *received = NULL;
    if (shown->verdict) {
        score = points_format(result_score_milli(&shown->result));
        max = points_format(result_max_milli(&shown->result));
        received = clock_format_utc(shown->submission->received_us);
    }
    const char *status = !shown->verdict ? "Missing" : shown->verdict->is_final ? "Graded" : "Ungraded";
    const char *number = shown->verdict ? strrchr(shown->submission->external_id, '_') : NULL;
    const char *const cells[] = {person->name ? person->name : person->id,
                                 person->sid,
                                 person->email,
                                 score,
                                 max,
                                 status,
                                 number ? number + 1 : NULL,
                                 received};
    print_cells(cells, G_N_ELEMENTS(cells));
}

static bool print_all(const CliDaemon *daemon, const Assignment *assignment, GError **error)
{
    static const char *const header[] = {"Name",       "SID",    "Email",         "Total Score",
                                         "Max Points", "Status", "Submission ID", "Submission Time"};
    const guint all = 0;
    print_cells(header, G_N_ELEMENTS(header));
    for (guint i = 0; i < daemon->course->people->len; i++) {
        const Person *person = g_ptr_array_index(daemon->course->people, i);
        const char *owner = source_owner_of(assignment, person);
        if (person->status != STATUS_STUDENT || !owner)
            continue;
        g_autoptr(GPtrArray) submissions = store_submission_list(daemon->store, assignment->id, owner, all, error);
        g_auto(ShownResult) shown = {0};
        if (!submissions || !choose(daemon, submissions, &shown, error))
            return false;
        print_row(person, &shown);
    }
    return true;
}

static int work(const Options *options)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&gradescope_results_verb, options->config_path, &daemon, &status))
        return status;
    GError *error = NULL;
    const Assignment *assignment = cli_find_assignment(daemon.course, options->assignment, &error);
    bool done = assignment && print_all(&daemon, assignment, &error);
    cli_daemon_clear(&daemon);
    return done ? EXIT_DONE : cli_fail_error(&gradescope_results_verb, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "whose results (required)", "ASSIGNMENT"},
        {"csv", 0, 0, G_OPTION_ARG_NONE, &options.is_csv, "a table, which is all there is (the default)", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (cli_parse(&gradescope_results_verb, entries, &argc, &argv))
        status = argc == 1 && options.assignment
                     ? work(&options)
                     : cli_fail(&gradescope_results_verb, EXIT_USAGE, "name the assignment: -a ASSIGNMENT");
    g_free(options.assignment);
    g_free(options.config_path);
    return status;
}

const Command gradescope_results_verb = {"gradescope results", "-a ASSIGNMENT [--csv]",
                                         "what each student has, as a table", run};
