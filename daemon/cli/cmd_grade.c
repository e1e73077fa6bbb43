/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"
#include "daemon/cli/grading.h"

#include <stdio.h>
#include <unistd.h>

typedef struct {
    char *course, *assignment, *owner, *at;
    gboolean as_json, public_only, for_staff;
} Options;

static void options_clear(Options *options)
{
    g_free(options->course);
    g_free(options->assignment);
    g_free(options->owner);
    g_free(options->at);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static bool parse_options(int *argc, char ***argv, Options *options)
{
    GOptionEntry entries[] = {
        {"course", 'c', 0, G_OPTION_ARG_FILENAME, &options->course, "the course folder (default: .)", "COURSE"},
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options->assignment, "the assignment's id", "ID"},
        {"owner", 'o', 0, G_OPTION_ARG_STRING, &options->owner, "team or person (default: the roster's first)", "ID"},
        {"at", 0, 0, G_OPTION_ARG_STRING, &options->at, "as if received then (default: now)", "TIME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->as_json, "print result.json", NULL},
        {"public", 0, 0, G_OPTION_ARG_NONE, &options->public_only, "only the items that students always see", NULL},
        {"staff", 0, 0, G_OPTION_ARG_NONE, &options->for_staff, "show what students must not see yet", NULL},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_grade, entries, argc, argv))
        return false;
    if (!options->assignment || *argc != 2) {
        cli_fail(&cmd_grade, EXIT_USAGE,
                 "needs -a ASSIGNMENT and one thing to grade; `rubric grade --help` tells more");
        return false;
    }
    return true;
}

/* 0: all that the machine judges passes; 1: something failed; 3: something could not be checked. */
static int exit_status(const Verdict *verdict)
{
    for (guint i = 0; i < verdict->remarks->len; i++) {
        if (((const Finding *)g_ptr_array_index(verdict->remarks, i))->outcome == FINDING_FAIL)
            return EXIT_PROBLEMS;
    }
    for (guint i = 0; i < verdict->items->len; i++) {
        if (((const VerdictItem *)g_ptr_array_index(verdict->items, i))->outcome == ITEM_FAIL)
            return EXIT_PROBLEMS;
    }
    return verdict->n_error > 0 ? EXIT_OURS : EXIT_DONE;
}

static void print_lateness(const WorkerJob *job)
{
    if (job->received_us <= job->deadline_us)
        return;
    g_autofree char *span = clock_format_span(job->received_us - job->deadline_us);
    printf("Late by %s.\n", span);
}

static void print_verdict(const Options *options, const Course *course, const Assignment *assignment,
                          const WorkerJob *job, const Verdict *verdict)
{
    const Result result = {
        .verdict = verdict,
        .assignment = assignment,
        .zone = course->zone,
        .now_us = MAX(job->received_us, clock_now_us()),
        .verdict_number = 1,
        .for_staff = options->for_staff,
    };
    g_autofree char *text =
        options->as_json ? result_json(&result) : result_terminal(&result, cli_use_colour(STDOUT_FILENO));
    fputs(text, stdout);
    if (options->as_json)
        putchar('\n');
    else if (options->at)
        print_lateness(job);
}

static bool choose_time(const Options *options, const Course *course, gint64 *ret_us, GError **error)
{
    *ret_us = clock_now_us();
    return !options->at || clock_parse(options->at, course->zone, ret_us, error);
}

static int grade(const Options *options, const Course *course, const char *what)
{
    GError *error = NULL;
    gint64 received_us;
    g_auto(LocalSubmission) submission = {0};
    const Assignment *assignment = cli_find_assignment(course, options->assignment, &error);
    const char *owner = assignment ? grading_find_owner(course, assignment, options->owner, &error) : NULL;
    if (!owner || !choose_time(options, course, &received_us, &error) ||
        !local_submission_open(what, &submission, &error))
        return cli_fail_error(&cmd_grade, error);
    if (!options->owner)
        fprintf(stderr, "rubric grade: no --owner given, so it is graded as %s \"%s\"'s\n",
                owner_kind_name(assignment->owner_kind), owner);

    const Rubric *rubric;
    g_autoptr(WorkerJob) job = grading_job(course, assignment, owner, received_us, &submission, &rubric, &error);
    g_autoptr(Worker) worker = job ? worker_start(&error) : NULL;
    if (!worker)
        return cli_fail_error(&cmd_grade, error);
    job->public_only = options->public_only;
    g_autoptr(WorkerReport) report = worker_run(worker, job, GRADING_TIMEOUT_MS, &error);
    if (!report)
        return cli_fail_error(&cmd_grade, error);
    g_autoptr(Verdict) verdict = grading_verdict(job, rubric, &submission, report);
    print_verdict(options, course, assignment, job, verdict);
    return exit_status(verdict);
}

static int run(int argc, char **argv)
{
    g_auto(Options) options = {0};
    if (!parse_options(&argc, &argv, &options))
        return EXIT_USAGE;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) course = course_load(options.course ? options.course : ".", graders_all(), diagnostics);
    if (!course)
        return cli_print_diagnostics(diagnostics);
    return grade(&options, course, argv[1]);
}

const Command cmd_grade = {
    .name = "grade",
    .arguments = "-c COURSE -a ASSIGNMENT FOLDER|ARCHIVE|GIT-URL[@REVISION]",
    .summary = "grade something here and now, without daemon or store",
    .run = run,
};
