/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `tests`: runs a test runner in a box and believes its report only as far as everything fits together: the report is
 * whole, has the tests that were expected, none failed, and the process ended as it should. What does not fit is a
 * suspicion for a TA (docs/adr/0004-reports-after-death.md).
 */
#include "graders/builtin.h"
#include "graders/command.h"
#include "graders/compare.h"
#include "graders/report.h"

#include <string.h>

typedef struct {
    Command command;
    char *report; /* path, NULL: stdout */
    char *format;
    gint64 n_expected; /* exactly; -1: not said */
    gint64 n_min;      /* at least */
    char **names;      /* each must have passed; NULL: not said */
    gint64 n_reruns;
    bool flaky_fails;
    bool shows_names;
} TestsParameters;

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static void read_expected(TestsParameters *parameters, YamlReader *reader)
{
    const gint64 max_tests = 10000;
    const YamlNode *node = yaml_read_node(reader, "expect_tests", YAML_OPTIONAL);
    if (!node)
        return;
    if (yaml_kind(node) == YAML_SCALAR) {
        parameters->n_expected = yaml_read_integer(reader, "expect_tests", YAML_OPTIONAL, -1, 1, max_tests);
        return;
    }
    if (yaml_kind(node) == YAML_SEQUENCE) {
        parameters->names = yaml_read_texts(reader, "expect_tests", YAML_OPTIONAL);
        if (yaml_length(node) == 0)
            yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "expect_tests: an empty list expects nothing");
        return;
    }
    YamlReader inner;
    yaml_reader_start(&inner, node, "expect_tests", reader->diagnostics);
    parameters->n_min = yaml_read_integer(&inner, "min", YAML_REQUIRED, 1, 1, max_tests);
    yaml_reader_end(&inner);
}

static void read_report(TestsParameters *parameters, YamlReader *reader)
{
    const char *const *formats = test_report_formats();
    const char *report = yaml_read_text(reader, "report", YAML_OPTIONAL, "stdout");
    if (!g_str_equal(report, "stdout")) {
        parameters->report = g_strdup(report);
        command_check_path(report, yaml_get(reader->mapping, "report"), reader->diagnostics);
    }
    bool is_xml = g_str_has_suffix(report, ".xml");
    YamlNeed need = is_xml ? YAML_OPTIONAL : YAML_REQUIRED;
    parameters->format = g_strdup(formats[yaml_read_choice(reader, "format", need, formats, 0)]);
}

static void *tests_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    static const char *const outcomes[] = {"pass", "fail", NULL};
    static const char *const shows[] = {"names", "none", NULL};
    const gint64 max_reruns = 10;
    TestsParameters *parameters = g_new0(TestsParameters, 1);
    parameters->n_expected = -1;
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"tests\"", diagnostics);
    command_read(&parameters->command, &reader, "run", load);
    read_report(parameters, &reader);
    read_expected(parameters, &reader);
    parameters->n_reruns = yaml_read_integer(&reader, "flaky_reruns", YAML_OPTIONAL, 0, 0, max_reruns);
    parameters->flaky_fails = yaml_read_choice(&reader, "flaky", YAML_OPTIONAL, outcomes, 0) == 1;
    parameters->shows_names = yaml_read_choice(&reader, "show", YAML_OPTIONAL, shows, 0) == 0;
    yaml_reader_end(&reader);
    return parameters;
}

static void tests_free(void *data)
{
    TestsParameters *parameters = data;
    if (!parameters)
        return;
    command_clear(&parameters->command);
    g_free(parameters->report);
    g_free(parameters->format);
    g_strfreev(parameters->names);
    g_free(parameters);
}

/* ---- one run ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    TestReport *report; /* NULL: there was none to be read */
    char *problem;      /* NULL: passed */
    char *suspicion;    /* or NULL */
    char *evidence;
    cJSON *figures; /* of the boxes */
} TestRun;

static void test_run_clear(TestRun *run)
{
    test_report_free(run->report);
    g_free(run->problem);
    g_free(run->suspicion);
    g_free(run->evidence);
    cJSON_Delete(run->figures);
    *run = (TestRun){0};
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestRun, test_run_clear)

static guint count_failed(const TestReport *report)
{
    return report_count(report, TEST_FAILED) + report_count(report, TEST_ERROR);
}

/* "adds" is also met by "maths::adds". */
static bool name_is(const char *name, const char *expected)
{
    if (g_str_equal(name, expected))
        return true;
    g_autofree char *suffix = g_strconcat("::", expected, NULL);
    return g_str_has_suffix(name, suffix);
}

static bool has_passed(const TestReport *report, const char *name)
{
    for (guint i = 0; i < report->cases->len; i++) {
        const TestCase *test = g_ptr_array_index(report->cases, i);
        if (test->outcome == TEST_PASSED && name_is(test->name, name))
            return true;
    }
    return false;
}

static char *say_failed(const TestsParameters *parameters, const TestReport *report)
{
    guint n_failed = count_failed(report);
    if (n_failed == 0)
        return NULL;
    if (!parameters->shows_names)
        return g_strdup_printf("%u of %u tests failed", n_failed, report->cases->len);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < report->cases->len; i++) {
        const TestCase *test = g_ptr_array_index(report->cases, i);
        if (test->outcome == TEST_FAILED || test->outcome == TEST_ERROR)
            g_ptr_array_add(names, test->name);
    }
    g_autofree char *list = report_list_names(names);
    return g_strdup_printf("%u of %u tests failed: %s", n_failed, report->cases->len, list);
}

static char *say_missing_names(const TestsParameters *parameters, const TestReport *report)
{
    g_autoptr(GPtrArray) missing = g_ptr_array_new();
    for (gsize i = 0; parameters->names[i]; i++) {
        if (!has_passed(report, parameters->names[i]))
            g_ptr_array_add(missing, parameters->names[i]);
    }
    if (missing->len == 0)
        return NULL;
    g_autofree char *list = report_list_names(missing);
    if (!parameters->shows_names)
        return g_strdup_printf("%u expected tests did not run", missing->len);
    return g_strdup_printf("%u expected tests did not run: %s", missing->len, list);
}

/* A skipped test was not passed: only passed ones count towards what is expected. */
static char *say_unexpected(const TestsParameters *parameters, const TestReport *report)
{
    guint n_passed = report_count(report, TEST_PASSED), n_skipped = report_count(report, TEST_SKIPPED);
    g_autofree char *skipped = n_skipped > 0 ? g_strdup_printf(" (%u were skipped)", n_skipped) : g_strdup("");
    if (n_passed == 0)
        return g_strdup_printf("no test was run%s", skipped);
    if (parameters->names)
        return say_missing_names(parameters, report);
    if (parameters->n_expected >= 0 && n_passed != parameters->n_expected)
        return g_strdup_printf("%u tests passed%s, but exactly %" G_GINT64_FORMAT " are expected", n_passed, skipped,
                               parameters->n_expected);
    if (n_passed < parameters->n_min)
        return g_strdup_printf("%u tests passed%s, but at least %" G_GINT64_FORMAT " are expected", n_passed, skipped,
                               parameters->n_min);
    return NULL;
}

static bool report_is_whole(const TestReport *report)
{
    return report->is_complete && report->n_planned <= (gint64)report->cases->len;
}

/* What the report alone says; NULL: all is well. */
static char *judge_report(const TestsParameters *parameters, const TestReport *report)
{
    char *problem = say_failed(parameters, report);
    if (problem)
        return problem;
    if (!report_is_whole(report))
        return g_strdup_printf("the test report is not whole: it stops after %u tests", report->cases->len);
    return say_unexpected(parameters, report);
}

static void judge_run(TestRun *run, const TestsParameters *parameters, const Check *check,
                      const CommandOutcome *outcome)
{
    char *of_process = command_problem(&parameters->command, check, outcome);
    char *of_report = run->report ? judge_report(parameters, run->report) : NULL;
    bool claims_success = run->report && !of_report;
    if (of_process && claims_success)
        run->suspicion = g_strdup_printf("the report says that all tests passed, but the test command %s", of_process);
    if (of_process && (!command_ended_normally(outcome) || !of_report)) {
        run->problem = g_strdup_printf("the test command %s", of_process);
        g_free(of_report);
    } else {
        run->problem = of_report;
    }
    g_free(of_process);
}

/* The report's bytes: a file that came out of the box, or stdout. NULL: there is none, run->problem says why. */
static const BoxBytes *find_report(TestRun *run, const TestsParameters *parameters, const Check *check,
                                   const CommandOutcome *outcome)
{
    const BoxResult *result = &outcome->box;
    static const char *const states[] = {
        [BOX_REPORT_ABSENT] = "wrote no report",
        [BOX_REPORT_NOT_FILE] = "left something that is no file in the place of its report",
        [BOX_REPORT_TOO_LARGE] = "wrote a report that is too large",
        [BOX_REPORT_UNREADABLE] = "wrote a report that cannot be read",
    };
    if (!parameters->report)
        return &result->out;
    if (result->reports[0].state == BOX_REPORT_OK)
        return &result->reports[0].bytes;
    g_autofree char *of_process = command_problem(&parameters->command, check, outcome);
    run->problem = g_strdup_printf("the test command %s%s%s", states[result->reports[0].state],
                                   of_process ? "; it " : "", of_process ? of_process : "");
    return NULL;
}

static void append_cases(GString *text, const TestReport *report)
{
    const guint max_shown = 40;
    guint n_shown = 0;
    for (guint i = 0; i < report->cases->len && n_shown < max_shown; i++) {
        const TestCase *test = g_ptr_array_index(report->cases, i);
        if (test->outcome != TEST_FAILED && test->outcome != TEST_ERROR)
            continue;
        g_autofree char *message = test->message ? text_truncate(test->message, 200) : NULL;
        g_string_append_printf(text, "failed: %s%s%s\n", test->name, message ? ": " : "", message ? message : "");
        n_shown++;
    }
}

static void read_result(TestRun *run, const TestsParameters *parameters, const Check *check,
                        const CommandOutcome *outcome)
{
    g_autoptr(GError) error = NULL;
    run->figures = command_outcome_figures(&parameters->command, outcome);
    run->evidence = command_evidence(&parameters->command, check, outcome, parameters->shows_names);
    if (outcome->service_problem) {
        run->problem = command_problem(&parameters->command, check, outcome);
        return;
    }
    const BoxBytes *bytes = find_report(run, parameters, check, outcome);
    if (!bytes)
        return;
    run->report = test_report_parse(parameters->format, bytes->data ? bytes->data : "", bytes->length, &error);
    if (run->report && parameters->shows_names) {
        g_autoptr(GString) text = g_string_new(NULL);
        append_cases(text, run->report);
        char *evidence = g_strconcat(text->str, run->evidence, NULL);
        g_free(run->evidence);
        run->evidence = evidence;
    }
    judge_run(run, parameters, check, outcome);
    if (!run->report && !run->problem)
        run->problem = g_strdup_printf("the test report cannot be read: %s", error->message);
}

static bool run_once(const TestsParameters *parameters, const Check *check, GraderContext *context, TestRun *ret_run,
                     GError **error)
{
    const char *const reports[] = {parameters->report, NULL};
    CommandInput input = {.reports = parameters->report ? reports : NULL};
    g_auto(CommandOutcome) outcome = {0};
    if (!command_run(&parameters->command, &input, check, context, &outcome, error))
        return false;
    if (parameters->report && !outcome.service_problem && outcome.box.n_reports != 1)
        return error_set(error, RUBRIC_ERROR_BUG, "the box gave back no report although one was asked for");
    read_result(ret_run, parameters, check, &outcome);
    ret_run->problem = command_explain(&parameters->command, check, &outcome, ret_run->problem);
    if (ret_run->problem && !ret_run->suspicion)
        ret_run->suspicion = command_suspicion(&outcome);
    return true;
}

/* ---- all runs -----------------------------------------------------------------------------------------------------
 */

static cJSON *make_figures(const TestRun *run, gint64 n_runs)
{
    cJSON *figures = run->figures ? cJSON_Duplicate(run->figures, true) : cJSON_CreateObject();
    json_add_int64(figures, "runs", n_runs);
    if (run->report) {
        cJSON *tests = json_add(figures, "tests", cJSON_CreateObject());
        json_add_int64(tests, "passed", report_count(run->report, TEST_PASSED));
        json_add_int64(tests, "failed", report_count(run->report, TEST_FAILED));
        json_add_int64(tests, "errors", report_count(run->report, TEST_ERROR));
        json_add_int64(tests, "skipped", report_count(run->report, TEST_SKIPPED));
        json_add_int64(tests, "planned", run->report->n_planned);
    }
    return figures;
}

static Finding *make_finding(const TestsParameters *parameters, const TestRun *run, const char *first_problem,
                             gint64 n_runs)
{
    bool is_flaky = !run->problem && first_problem;
    Finding *finding;
    if (run->problem)
        finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "%s", run->problem);
    else if (is_flaky && parameters->flaky_fails)
        finding = finding_new(NULL, NULL, NULL, FINDING_FAIL,
                              "the tests are flaky: they passed in run %" G_GINT64_FORMAT ", but before: %s", n_runs,
                              first_problem);
    else
        finding =
            finding_new(NULL, NULL, NULL, FINDING_PASS, "%u tests passed", report_count(run->report, TEST_PASSED));
    finding->evidence = g_strdup(run->evidence);
    finding->suspicion = g_strdup(run->suspicion);
    if (is_flaky && !finding->suspicion)
        finding->suspicion =
            g_strdup_printf("flaky: run 1: %s; run %" G_GINT64_FORMAT " passed", first_problem, n_runs);
    finding->figures = make_figures(run, n_runs);
    return finding;
}

static bool tests_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    const TestsParameters *parameters = check->parameters;
    g_autofree char *first_problem = NULL, *no_folder = NULL;
    if (!command_check_folder(&parameters->command, context, &no_folder, error))
        return false;
    if (no_folder) {
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "%s", no_folder);
        return true;
    }
    g_auto(TestRun) run = {0};
    gint64 n_runs = 0;
    do {
        g_autofree char *suspicion = g_steal_pointer(&run.suspicion);
        test_run_clear(&run);
        if (!run_once(parameters, check, context, &run, error))
            return false;
        if (!run.suspicion)
            run.suspicion = g_steal_pointer(&suspicion); /* what one run showed stays said */
        if (run.problem && !first_problem)
            first_problem = g_strdup(run.problem);
        n_runs++;
    } while (run.problem && n_runs <= parameters->n_reruns);
    *ret_finding = make_finding(parameters, &run, first_problem, n_runs);
    return true;
}

const Grader grader_tests = {
    .type = {.name = "tests",
             .summary = "runs a test runner in a box and reads its report (JUnit, TAP, ctest, Check, pytest, go)",
             .parse = tests_parse,
             .free = tests_free},
    .judge = tests_judge,
};
