/* SPDX-License-Identifier: Apache-2.0 */
/* `run`: a command, what it is given, and what it must do. Each case is a box of its own; everything expected stays
 * outside of it. */
#include "graders/run.h"

#include "graders/builtin.h"

#include <string.h>

/* What became of all cases. */
typedef struct {
    guint n_cases, n_run, n_passed;
    char *problem;   /* of the first that failed, or NULL */
    char *evidence;  /* of the same, or of the last */
    char *suspicion; /* for the TA, or NULL */
    cJSON *figures;  /* its boxes' statuses */
    bool is_stopped; /* a limit was hit, or a service was not ready: the other cases were not run */
} RunOutcome;

static void outcome_clear(RunOutcome *outcome)
{
    g_free(outcome->problem);
    g_free(outcome->evidence);
    g_free(outcome->suspicion);
    cJSON_Delete(outcome->figures);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RunOutcome, outcome_clear)

/* ---- cases --------------------------------------------------------------------------------------------------------
 */

static bool has_file(const char *folder, const char *name, const char *suffix)
{
    g_autofree char *path = g_strconcat(folder, "/", name, suffix, NULL);
    return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static bool read_case_args(RunCase *run_case, const char *folder, const char *name, GError **error)
{
    const gsize max_args = 1 << 20;
    if (!has_file(folder, name, ".args"))
        return true;
    g_autofree char *path = g_strconcat(folder, "/", name, ".args", NULL);
    g_autofree char *text = NULL;
    if (!file_read(path, max_args, &text, NULL, error))
        return false;
    run_case->args = g_strsplit(g_strchomp(text), "\n", -1);
    return true;
}

static GPtrArray *list_case_names(const char *folder, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    if (!dir)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        if (g_str_has_suffix(name, ".out"))
            g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(".out")));
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

/* NAME.out is what a case must print, NAME.in its input, NAME.args its arguments, one a line. */
static GPtrArray *load_cases_folder(const RunParameters *parameters, const GraderContext *context, GError **error)
{
    g_autofree char *folder = g_build_filename(context->course_folder, parameters->cases_folder, NULL);
    g_autoptr(GPtrArray) names = list_case_names(folder, error);
    if (!names)
        return NULL;
    if (names->len == 0) {
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" holds no NAME.out", parameters->cases_folder);
        return NULL;
    }
    g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(run_case_free);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        RunCase *run_case = g_new0(RunCase, 1);
        g_ptr_array_add(cases, run_case);
        run_case->name = g_strdup(name);
        run_case->expected.rule = parameters->out.rule;
        run_case->expected.file = g_strdup_printf("%s/%s.out", parameters->cases_folder, name);
        if (has_file(folder, name, ".in"))
            run_case->input.file = g_strdup_printf("%s/%s.in", parameters->cases_folder, name);
        if (!read_case_args(run_case, folder, name, error))
            return NULL;
    }
    return g_steal_pointer(&cases);
}

/* The check's cases; one without a name when it has none. */
static GPtrArray *list_cases(const RunParameters *parameters, const GraderContext *context, GError **error)
{
    if (parameters->cases_folder)
        return load_cases_folder(parameters, context, error);
    if (parameters->cases)
        return g_ptr_array_ref(parameters->cases);
    GPtrArray *cases = g_ptr_array_new_with_free_func(run_case_free);
    g_ptr_array_add(cases, g_new0(RunCase, 1));
    return cases;
}

/* ---- what it must print and write ---------------------------------------------------------------------------------
 */

static char *check_pieces(char *const *contains, char *const *lacks, const BoxBytes *got, const char *stream,
                          bool shows_expected)
{
    for (gsize i = 0; contains && contains[i]; i++) {
        if (memmem(got->data, got->length, contains[i], strlen(contains[i])))
            continue;
        g_autofree char *piece = compare_quote(contains[i], strlen(contains[i]));
        return shows_expected ? g_strdup_printf("%s lacks %s", stream, piece)
                              : g_strdup_printf("%s lacks an expected text", stream);
    }
    for (gsize i = 0; lacks && lacks[i]; i++) {
        if (!memmem(got->data, got->length, lacks[i], strlen(lacks[i])))
            continue;
        g_autofree char *piece = compare_quote(lacks[i], strlen(lacks[i]));
        return shows_expected ? g_strdup_printf("%s holds %s, which it must not", stream, piece)
                              : g_strdup_printf("%s holds a text that it must not", stream);
    }
    return NULL;
}

/* Each judge_* sets *ret_problem to a sentence, or NULL when all is well. */
static bool judge_stream(const Expectation *expected, const BoxBytes *got, const char *stream,
                         const RunParameters *parameters, const GraderContext *context, char **ret_problem,
                         GError **error)
{
    g_autofree char *difference = NULL;
    if (!expectation_compare(expected, context->course_folder, got->data, got->length, parameters->shows_expected,
                             &difference, error))
        return false;
    *ret_problem = difference ? g_strdup_printf("%s is not as expected: %s", stream, difference) : NULL;
    return true;
}

static const char *report_problem(BoxReportState state)
{
    static const char *const problems[] = {
        [BOX_REPORT_ABSENT] = "was not written",
        [BOX_REPORT_NOT_FILE] = "is not a file (a link, folder or device lies there)",
        [BOX_REPORT_TOO_LARGE] = "is too large to be looked at",
        [BOX_REPORT_UNREADABLE] = "cannot be read",
    };
    return problems[state];
}

static bool judge_write(const RunWrite *write, const BoxReport *report, const RunParameters *parameters,
                        const GraderContext *context, char **ret_problem, GError **error)
{
    g_autofree char *path = compare_quote(write->path, strlen(write->path));
    if (report->state != BOX_REPORT_OK) {
        *ret_problem = g_strdup_printf("the file %s %s", path, report_problem(report->state));
        return true;
    }
    g_autofree char *stream = g_strdup_printf("the written file %s", path);
    return judge_stream(&write->expected, &report->bytes, stream, parameters, context, ret_problem, error);
}

static bool judge_result(const RunParameters *parameters, const RunCase *run_case, const Check *check,
                         const GraderContext *context, const CommandOutcome *outcome, char **ret_problem,
                         GError **error)
{
    const BoxResult *result = &outcome->box;
    *ret_problem = command_problem(&parameters->command, check, outcome);
    if (*ret_problem)
        return true;
    const Expectation *out = expectation_is_empty(&run_case->expected) ? &parameters->out : &run_case->expected;
    if (!judge_stream(out, &result->out, "stdout", parameters, context, ret_problem, error) || *ret_problem)
        return *ret_problem != NULL;
    *ret_problem = check_pieces(parameters->out_contains, parameters->out_lacks, &result->out, "stdout",
                                parameters->shows_expected);
    if (*ret_problem)
        return true;
    if (!judge_stream(&parameters->err, &result->err, "stderr", parameters, context, ret_problem, error) ||
        *ret_problem)
        return *ret_problem != NULL;
    *ret_problem = check_pieces(parameters->err_contains, parameters->err_lacks, &result->err, "stderr",
                                parameters->shows_expected);
    for (guint i = 0; !*ret_problem && i < parameters->writes->len; i++) {
        if (!judge_write(g_ptr_array_index(parameters->writes, i), &result->reports[i], parameters, context,
                         ret_problem, error))
            return false;
    }
    return true;
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

static bool read_stdin(const RunParameters *parameters, const RunCase *run_case, const GraderContext *context,
                       char **ret_data, gsize *ret_length, GError **error)
{
    const gsize max_input = 256 << 20;
    bool is_own = run_case->input.text || run_case->input.file;
    const RunInput *input = is_own ? &run_case->input : &parameters->input;
    *ret_data = g_strdup(input->text);
    *ret_length = input->text ? strlen(input->text) : 0;
    if (!input->file)
        return true;
    g_autofree char *path = g_build_filename(context->course_folder, input->file, NULL);
    return file_read(path, max_input, ret_data, ret_length, error);
}

static bool run_box_of(const RunParameters *parameters, const RunCase *run_case, const Check *check,
                       GraderContext *context, CommandOutcome *ret_outcome, GError **error)
{
    g_autofree char *data = NULL;
    gsize length;
    if (!read_stdin(parameters, run_case, context, &data, &length, error))
        return false;
    g_autoptr(GPtrArray) reports = g_ptr_array_new();
    for (guint i = 0; i < parameters->writes->len; i++)
        g_ptr_array_add(reports, ((RunWrite *)g_ptr_array_index(parameters->writes, i))->path);
    g_ptr_array_add(reports, NULL);
    CommandInput input = {
        .args = (const char *const *)run_case->args,
        .stdin_data = data,
        .stdin_length = length,
        .reports = reports->len > 1 ? (const char *const *)reports->pdata : NULL,
    };
    if (!command_run(&parameters->command, &input, check, context, ret_outcome, error))
        return false;
    if (ret_outcome->service_problem || ret_outcome->box.n_reports == parameters->writes->len)
        return true;
    return error_set(error, RUBRIC_ERROR_BUG, "the box gave back another number of files than it was asked for");
}

static void keep_outcome(RunOutcome *outcome, const RunParameters *parameters, const RunCase *run_case,
                         const Check *check, const CommandOutcome *of_case, char *problem)
{
    problem = command_explain(&parameters->command, check, of_case, problem);
    outcome->n_run++;
    outcome->n_passed += problem == NULL;
    if (outcome->problem) {
        g_free(problem);
        return;
    }
    g_free(outcome->evidence);
    cJSON_Delete(outcome->figures);
    outcome->evidence = command_evidence(&parameters->command, check, of_case, parameters->shows_expected);
    outcome->figures = command_outcome_figures(&parameters->command, of_case);
    if (problem && !outcome->suspicion)
        outcome->suspicion = command_suspicion(of_case);
    if (problem && run_case->name) {
        g_autofree char *name = compare_quote(run_case->name, strlen(run_case->name));
        outcome->problem = g_strdup_printf("case %s: %s", name, problem);
        g_free(problem);
    } else {
        outcome->problem = problem;
    }
}

/* Runs all cases, so that a student sees how many are right; a limit that was hit is not waited for again. */
static bool run_cases(const RunParameters *parameters, const GPtrArray *cases, const Check *check,
                      GraderContext *context, RunOutcome *outcome, GError **error)
{
    outcome->n_cases = cases->len;
    for (guint i = 0; i < cases->len && !outcome->is_stopped; i++) {
        const RunCase *run_case = g_ptr_array_index(cases, i);
        g_auto(CommandOutcome) of_case = {0};
        if (!run_box_of(parameters, run_case, check, context, &of_case, error))
            return false;
        char *problem = NULL;
        if (!judge_result(parameters, run_case, check, context, &of_case, &problem, error))
            return false;
        keep_outcome(outcome, parameters, run_case, check, &of_case, problem);
        outcome->is_stopped = of_case.service_problem || of_case.box.status.end == BOX_END_LIMIT;
    }
    return true;
}

static char *say_outcome(const RunParameters *parameters, const RunOutcome *outcome)
{
    g_autofree char *name = command_name(&parameters->command);
    bool has_cases = parameters->cases || parameters->cases_folder;
    if (!outcome->problem && !has_cases)
        return g_strdup_printf("`%s` did what is expected", name);
    if (!outcome->problem)
        return g_strdup_printf("`%s` did what is expected in all %u cases", name, outcome->n_cases);
    if (!has_cases)
        return g_strdup_printf("`%s`: %s", name, outcome->problem);
    guint n_left = outcome->n_cases - outcome->n_run;
    g_autofree char *left = n_left > 0 ? g_strdup_printf(", %u not run", n_left) : g_strdup("");
    return g_strdup_printf("`%s`: %u of %u cases passed%s; first failure: %s", name, outcome->n_passed,
                           outcome->n_cases, left, outcome->problem);
}

static Finding *make_finding(const RunParameters *parameters, RunOutcome *outcome)
{
    g_autofree char *message = say_outcome(parameters, outcome);
    Finding *finding = finding_new(NULL, NULL, NULL, outcome->problem ? FINDING_FAIL : FINDING_PASS, "%s", message);
    finding->evidence = g_steal_pointer(&outcome->evidence);
    finding->suspicion = g_steal_pointer(&outcome->suspicion);
    finding->figures = g_steal_pointer(&outcome->figures);
    if (outcome->n_cases > 1) {
        json_add_int64(finding->figures, "cases", outcome->n_cases);
        json_add_int64(finding->figures, "passed", outcome->n_passed);
    }
    return finding;
}

static bool run_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    const RunParameters *parameters = check->parameters;
    g_autofree char *problem = NULL;
    if (!command_check_folder(&parameters->command, context, &problem, error))
        return false;
    if (problem) {
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "%s", problem);
        return true;
    }
    g_autoptr(GPtrArray) cases = list_cases(parameters, context, error);
    if (!cases)
        return false;
    g_auto(RunOutcome) outcome = {0};
    if (!run_cases(parameters, cases, check, context, &outcome, error))
        return false;
    *ret_finding = make_finding(parameters, &outcome);
    return true;
}

const Grader grader_run = {
    .type = {.name = "run",
             .summary = "runs a command in a box and looks at its exit status, output and files",
             .parse = run_parse,
             .free = run_free},
    .judge = run_judge,
};
