/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"
#include "daemon/cli/samples.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *assignment;
    gboolean as_json, is_strict;
} Options;

typedef struct {
    GPtrArray *samples;   /* of Sample*, of all assignments asked for */
    GPtrArray *toothless; /* of char* */
    GPtrArray *untested;  /* of char*: assignments with checks but without samples */
    guint n_different, n_unexpected;
} Outcome;

static void outcome_clear(Outcome *outcome)
{
    g_ptr_array_unref(outcome->samples);
    g_ptr_array_unref(outcome->toothless);
    g_ptr_array_unref(outcome->untested);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Outcome, outcome_clear)

static bool has_checks(const Rubric *rubric)
{
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        if (item->judge != JUDGE_TA && item->checks->len > 0)
            return true;
    }
    return false;
}

/* Moves what `from` owns into `to`. */
static void move_all(GPtrArray *to, GPtrArray *from)
{
    while (from->len > 0)
        g_ptr_array_add(to, g_ptr_array_steal_index(from, 0));
}

static void test_assignment(const Course *course, const Assignment *assignment, Diagnostics *diagnostics,
                            Outcome *outcome)
{
    const Rubric *rubric = course_rubric(course, assignment, assignment->deadline_us - CLOCK_HOUR_US);
    if (!rubric)
        return;
    g_autoptr(GPtrArray) samples = samples_list(course, assignment, diagnostics);
    if (samples->len == 0) {
        if (has_checks(rubric))
            g_ptr_array_add(outcome->untested, g_strdup(assignment->id));
        return;
    }
    samples_run(course, samples);
    g_autoptr(GPtrArray) toothless = samples_toothless(course, assignment, samples);
    for (guint i = 0; i < samples->len; i++) {
        const Sample *sample = g_ptr_array_index(samples, i);
        outcome->n_different += sample->differences->len > 0;
        outcome->n_unexpected += !sample->has_expectation_file;
    }
    move_all(outcome->toothless, toothless);
    move_all(outcome->samples, samples);
}

static void print_line(const char *begin, const char *text)
{
    const gsize max_shown = 1000;
    g_autofree char *shown = text_escape_terminal(text, max_shown);
    printf("%s%s\n", begin, shown);
}

/* What could not be carried out is for who wrote the check to mend, so with the last words of what was run. */
static void print_errors(const Verdict *verdict)
{
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        for (guint j = 0; j < item->findings->len; j++) {
            const Finding *finding = g_ptr_array_index(item->findings, j);
            if (finding->outcome != FINDING_ERROR || !finding->evidence)
                continue;
            g_autofree char *name = g_strdup_printf("check %s:", finding->check);
            g_auto(GStrv) lines = g_strsplit(g_strchomp(finding->evidence), "\n", -1);
            print_line("    ", name);
            for (char **line = lines; *line; line++)
                print_line("      | ", *line);
        }
    }
}

static void print_sample(const Sample *sample)
{
    const char *state = sample->differences->len > 0   ? "DIFFERS"
                        : sample->expectation          ? "as expected"
                        : sample->has_expectation_file ? "not compared: its expectation has mistakes"
                                                       : "not compared: it has no expectation";
    g_autofree char *name = g_strdup_printf("%s/%s", sample->assignment->id, sample->name);
    g_autofree char *line = g_strdup_printf("%-32s %s", name, state);
    print_line("", line);
    for (guint i = 0; i < sample->differences->len; i++)
        print_line("    ", g_ptr_array_index(sample->differences, i));
    if (sample->differences->len > 0 && sample->verdict)
        print_errors(sample->verdict);
    if (!sample->has_expectation_file) {
        g_autofree char *hint = g_strdup_printf("say what you expect in samples/%s.expect.yaml", name);
        print_line("    ", hint);
    }
}

static void print_text(const Outcome *outcome)
{
    for (guint i = 0; i < outcome->samples->len; i++)
        print_sample(g_ptr_array_index(outcome->samples, i));
    for (guint i = 0; i < outcome->toothless->len; i++)
        print_line("toothless: no sample fails ", g_ptr_array_index(outcome->toothless, i));
    for (guint i = 0; i < outcome->untested->len; i++)
        print_line("no samples for ", g_ptr_array_index(outcome->untested, i));
    printf("%u samples: %u differ, %u without expectation; %u toothless checks, %u assignments without samples\n",
           outcome->samples->len, outcome->n_different, outcome->n_unexpected, outcome->toothless->len,
           outcome->untested->len);
}

static void add_texts(cJSON *json, const char *key, const GPtrArray *texts)
{
    cJSON *array = json_add(json, key, cJSON_CreateArray());
    for (guint i = 0; i < texts->len; i++)
        json_append_string(array, g_ptr_array_index(texts, i));
}

static void print_json(const Outcome *outcome)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    cJSON *samples = json_add(json, "samples", cJSON_CreateArray());
    for (guint i = 0; i < outcome->samples->len; i++) {
        const Sample *sample = g_ptr_array_index(outcome->samples, i);
        cJSON *entry = cJSON_CreateObject();
        json_add_string(entry, "assignment", sample->assignment->id);
        json_add_string(entry, "name", sample->name);
        json_add_bool(entry, "has_expectation", sample->expectation != NULL);
        add_texts(entry, "differences", sample->differences);
        if (sample->verdict)
            json_add(entry, "verdict", verdict_to_json(sample->verdict));
        cJSON_AddItemToArray(samples, entry);
    }
    add_texts(json, "toothless", outcome->toothless);
    add_texts(json, "without_samples", outcome->untested);
    g_autofree char *text = json_print_pretty(json);
    puts(text);
}

static int test_course(const Options *options, const Course *course, Diagnostics *diagnostics)
{
    g_auto(Outcome) outcome = {
        .samples = g_ptr_array_new_with_free_func((GDestroyNotify)sample_free),
        .toothless = g_ptr_array_new_with_free_func(g_free),
        .untested = g_ptr_array_new_with_free_func(g_free),
    };
    GError *error = NULL;
    const Assignment *only = options->assignment ? cli_find_assignment(course, options->assignment, &error) : NULL;
    if (error)
        return cli_fail_error(&cmd_test, error);
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (!only || only == assignment)
            test_assignment(course, assignment, diagnostics, &outcome);
    }
    if (options->as_json)
        print_json(&outcome);
    else
        print_text(&outcome);
    bool lacks = outcome.n_unexpected > 0 || outcome.toothless->len > 0 || outcome.untested->len > 0;
    int status = cli_print_diagnostics(diagnostics);
    return outcome.n_different > 0 || (options->is_strict && lacks) ? EXIT_PROBLEMS : status;
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "only this assignment's samples", "ID"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.as_json, "print JSON", NULL},
        {"strict", 0, 0, G_OPTION_ARG_NONE, &options.is_strict,
         "exit 1 for toothless checks and missing samples or expectations too", NULL},
        G_OPTION_ENTRY_NULL,
    };
    bool is_parsed = cli_parse(&cmd_test, entries, &argc, &argv);
    g_autofree char *assignment = options.assignment;
    (void)assignment;
    if (!is_parsed)
        return EXIT_USAGE;
    if (argc != 2)
        return cli_fail(&cmd_test, EXIT_USAGE, "needs one course folder; `rubric test --help` tells more");
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) course = course_load(argv[1], graders_all(), diagnostics);
    return course ? test_course(&options, course, diagnostics) : cli_print_diagnostics(diagnostics);
}

const Command cmd_test = {
    .name = "test",
    .arguments = "COURSE",
    .summary = "grade the samples of a course and compare with what is expected",
    .run = run,
};
