/* SPDX-License-Identifier: Apache-2.0 */
/* From an autograder's results to one item's pass or fail. */
#include "graders/autograder.h"

#include "graders/report.h"

#include <math.h>
#include <string.h>

/* Sums of scores such as 0.1 are not exact in binary. */
static const double tolerance = 1e-6;

void autograder_wish_clear(AutograderWish *wish)
{
    g_strfreev(wish->tests);
}

/* "80%", or points. */
static void read_threshold(AutograderWish *wish, YamlReader *reader)
{
    const double full = 100, most = 1e6;
    const char *text = yaml_read_text(reader, "threshold", YAML_OPTIONAL, NULL);
    if (!text)
        return;
    char *end;
    double number = g_ascii_strtod(text, &end);
    bool is_percent = g_str_equal(end, "%");
    bool is_good = end != text && (is_percent || *end == '\0') && isfinite(number) && number > 0 &&
                   number <= (is_percent ? full : most);
    if (!is_good)
        yaml_report(yaml_get(reader->mapping, "threshold"), reader->diagnostics, SEVERITY_ERROR,
                    "threshold: expected a part of the points over 0 up to 100%% (\"80%%\"), or points (3.5)");
    else if (is_percent)
        wish->percent = number;
    else
        wish->at_least = number;
}

void autograder_wish_read(AutograderWish *wish, YamlReader *reader, const char *tests_key)
{
    static const char *const outcomes[] = {"error", "fail", NULL};
    const double full = 100;
    *wish = (AutograderWish){.percent = full, .at_least = NAN};
    wish->tests = yaml_read_texts(reader, tests_key, YAML_OPTIONAL);
    const YamlNode *node = reader->mapping ? yaml_get(reader->mapping, tests_key) : NULL;
    if (node && yaml_kind(node) == YAML_SEQUENCE && yaml_length(node) == 0)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: an empty list asks for nothing", tests_key);
    read_threshold(wish, reader);
    wish->limit_fails = yaml_read_choice(reader, "at_limit", YAML_OPTIONAL, outcomes, 0) == 1;
}

/* ---- which tests --------------------------------------------------------------------------------------------------
 */

typedef bool IsMeant(const AutograderTest *test, const char *wanted);

static bool has_name(const AutograderTest *test, const char *wanted)
{
    return g_strcmp0(test->name, wanted) == 0;
}

static bool has_number(const AutograderTest *test, const char *wanted)
{
    return g_str_equal(test->number, wanted);
}

static bool fits_pattern(const AutograderTest *test, const char *wanted)
{
    return strchr(wanted, '*') && test->name && g_pattern_match_simple(wanted, test->name);
}

/* Adds all tests that a wish means: by name, or else by number, or else by pattern. Several may have one name. */
static bool add_meant(GPtrArray *found, const GPtrArray *tests, const char *wanted)
{
    static IsMeant *const ways[] = {has_name, has_number, fits_pattern};
    bool is_found = false;
    for (gsize way = 0; way < G_N_ELEMENTS(ways) && !is_found; way++) {
        for (guint i = 0; i < tests->len; i++) {
            AutograderTest *test = g_ptr_array_index(tests, i);
            if (!ways[way](test, wanted))
                continue;
            is_found = true;
            if (!g_ptr_array_find(found, test, NULL))
                g_ptr_array_add(found, test);
        }
    }
    return is_found;
}

/* ---- how many points ----------------------------------------------------------------------------------------------
 */

/* What the tests that are meant say together. */
typedef struct {
    double score, max_score; /* NAN: nothing said */
    bool status_failed;      /* one that has no points failed */
    bool is_open;            /* one says neither status nor points that could be judged */
} Sum;

static bool has_points(const AutograderTest *test)
{
    return !isnan(test->score) && !isnan(test->max_score) && test->max_score != 0;
}

static bool test_passes(const AutograderTest *test)
{
    if (has_points(test))
        return test->score >= test->max_score - tolerance;
    if (test->status == AUTOGRADER_UNSAID && test->max_score == 0)
        return true; /* worth nothing, and nothing bad was said */
    return test->status == AUTOGRADER_PASSED;
}

static Sum sum_up(const GPtrArray *tests)
{
    Sum sum = {.score = NAN, .max_score = NAN};
    for (guint i = 0; i < tests->len; i++) {
        const AutograderTest *test = g_ptr_array_index(tests, i);
        if (!isnan(test->score))
            sum.score = (isnan(sum.score) ? 0 : sum.score) + test->score;
        if (has_points(test)) {
            sum.max_score = (isnan(sum.max_score) ? 0 : sum.max_score) + test->max_score;
            continue;
        }
        sum.status_failed |= !test_passes(test) && test->status == AUTOGRADER_FAILED;
        sum.is_open |= !test_passes(test) && test->status == AUTOGRADER_UNSAID;
    }
    return sum;
}

/* *ret_problem, when it cannot be told: the rest of a sentence after "the autograder". */
static bool reaches(const Sum *sum, const AutograderWish *wish, const char **ret_problem)
{
    const double full = 100;
    *ret_problem = NULL;
    if (!isnan(wish->at_least)) {
        if (isnan(sum->score))
            *ret_problem = "gave no points, but the rubric's threshold is in points";
        return sum->score >= wish->at_least - tolerance;
    }
    bool has_most = !isnan(sum->max_score) && sum->max_score > 0;
    if (has_most && (isnan(sum->score) || sum->score < sum->max_score * wish->percent / full - tolerance))
        return false;
    if (has_most && wish->percent < full)
        return true;
    if (sum->is_open)
        *ret_problem = "says neither the most points nor a status: give the rubric a threshold in points";
    return !sum->status_failed && !*ret_problem;
}

/* ---- saying it ----------------------------------------------------------------------------------------------------
 */

static char *format_number(double number)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    return g_strdup(g_ascii_formatd(text, sizeof(text), "%.6g", number));
}

static char *format_points(double score, double max_score)
{
    g_autofree char *earned = format_number(isnan(score) ? 0 : score), *most = format_number(max_score);
    return isnan(max_score) ? g_strdup_printf("%s points", earned) : g_strdup_printf("%s of %s points", earned, most);
}

static const char *test_name(const AutograderTest *test)
{
    return test->name ? test->name : test->number;
}

/* What students may see of those that did not pass; how many there are besides. */
static guint list_failed(const GPtrArray *tests, GPtrArray *names)
{
    guint n_hidden = 0;
    for (guint i = 0; i < tests->len; i++) {
        const AutograderTest *test = g_ptr_array_index(tests, i);
        if (test_passes(test))
            continue;
        if (test->is_visible)
            g_ptr_array_add(names, (char *)test_name(test));
        else
            n_hidden++;
    }
    return n_hidden;
}

static char *say_failed(const GPtrArray *tests)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    guint n_hidden = list_failed(tests, names);
    g_autofree char *list = names->len > 0 ? report_list_names(names) : NULL;
    if (list && n_hidden > 0)
        return g_strdup_printf("; not passed: %s, and %u that %s not shown", list, n_hidden,
                               n_hidden == 1 ? "is" : "are");
    if (list)
        return g_strdup_printf("; not passed: %s", list);
    if (n_hidden > 0)
        return g_strdup_printf("; %u %s not shown did not pass", n_hidden,
                               n_hidden == 1 ? "test that is" : "tests that are");
    return g_strdup("");
}

/* The total tells of the tests that are not shown: then it is not said. */
static char *say_points(const Sum *sum, const GPtrArray *tests, bool does_pass)
{
    for (guint i = 0; i < tests->len; i++) {
        const AutograderTest *test = g_ptr_array_index(tests, i);
        if (!test->is_visible)
            return g_strdup(does_pass ? "enough points" : "too few points");
    }
    if (!isnan(sum->score))
        return format_points(sum->score, sum->max_score);
    return g_strdup(does_pass ? "a pass" : "no pass");
}

static void append_test(GString *text, const AutograderTest *test)
{
    bool is_open = !has_points(test) && test->status == AUTOGRADER_UNSAID && test->max_score != 0;
    const char *word = is_open ? "" : test_passes(test) ? "passed: " : "failed: ";
    g_string_append_printf(text, "%s%s", word, test_name(test));
    if (!isnan(test->score)) {
        g_autofree char *points = format_points(test->score, test->max_score);
        g_string_append_printf(text, " (%s)", points);
    }
    g_string_append_printf(text, "\n%s%s", test->output ? test->output : "", test->output ? "\n" : "");
}

static char *make_evidence(const AutograderRun *run, const GPtrArray *tests)
{
    GString *text = g_string_new(NULL);
    if (run->results->output)
        g_string_append_printf(text, "%s\n", run->results->output);
    for (guint i = 0; i < tests->len; i++) {
        const AutograderTest *test = g_ptr_array_index(tests, i);
        if (test->is_visible)
            append_test(text, test);
    }
    if (run->stdout_end && run->results->shows_stdout)
        g_string_append_printf(text, "--- end of stdout ---\n%s\n", run->stdout_end);
    return g_string_free(text, FALSE);
}

static void add_number(cJSON *object, const char *key, double number)
{
    if (!isnan(number))
        json_add(object, key, cJSON_CreateNumber(number));
}

/* Figures are for staff: what students do not see of a test is here. */
static cJSON *test_figures(const AutograderTest *test)
{
    static const char *const statuses[] = {NULL, "passed", "failed"};
    const gsize max_output = 1024;
    cJSON *figures = cJSON_CreateObject();
    json_add_string(figures, "name", test->name);
    json_add_string(figures, "number", test->number);
    add_number(figures, "score", test->score);
    add_number(figures, "max_score", test->max_score);
    json_add_string(figures, "status", statuses[test->status]);
    if (!test->is_visible) {
        g_autofree char *output = test->output ? text_truncate(test->output, max_output) : NULL;
        json_add_bool(figures, "hidden", true);
        json_add_string(figures, "output", output);
    }
    return figures;
}

/* Of all tests, whichever a check asks for. */
static double whole_score(const AutograderResults *results)
{
    return isnan(results->score) ? sum_up(results->tests).score : results->score;
}

static void add_run(cJSON *figures, const AutograderRun *run)
{
    cJSON *runs = json_add(figures, "runs", cJSON_CreateObject());
    cJSON *one = json_add(runs, run->kept_as, cJSON_CreateObject());
    add_number(one, "score", whole_score(run->results));
    if (run->original)
        json_add(one, "results", cJSON_Duplicate(run->original, true));
}

static cJSON *make_figures(const AutograderRun *run, const GPtrArray *tests, const Sum *sum)
{
    const guint max_tests = 50;
    cJSON *figures = cJSON_CreateObject();
    if (sum) {
        add_number(figures, "score", sum->score);
        add_number(figures, "max_score", sum->max_score);
    }
    cJSON *list = json_add(figures, "tests", cJSON_CreateArray());
    for (guint i = 0; tests && i < MIN(tests->len, max_tests); i++)
        cJSON_AddItemToArray(list, test_figures(g_ptr_array_index(tests, i)));
    if (run->results) {
        add_number(figures, "execution_time", run->results->execution_s);
        if (run->results->leaderboard)
            json_add(figures, "leaderboard", cJSON_Duplicate(run->results->leaderboard, true));
    }
    if (run->results && run->kept_as && !run->is_told)
        add_run(figures, run);
    json_add_string(figures, "image", run->image_digest);
    if (run->setup_key) {
        cJSON *setup = json_add(figures, "setup", cJSON_CreateObject());
        json_add_string(setup, "key", run->setup_key);
        json_add_bool(setup, "made_now", run->setup_was_made);
    }
    if (run->box)
        json_add(figures, "box", cJSON_Duplicate(run->box, true));
    return figures;
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

/* Ours or the course's: never a fail, and a TA sees how the run ended. */
static Finding *make_error(const AutograderRun *run, const char *problem)
{
    g_autofree char *why = g_strconcat("the autograder ", problem, NULL);
    Finding *finding = graders_error(why);
    finding->evidence = g_strdup(run->words);
    finding->figures = make_figures(run, NULL, NULL);
    return finding;
}

static Finding *judge_failure(const AutograderRun *run, const AutograderWish *wish)
{
    if (!run->was_limited || !wish->limit_fails)
        return make_error(run, run->failure);
    Finding *finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "the autograder %s", run->failure);
    finding->figures = make_figures(run, NULL, NULL);
    return finding;
}

/* An autograder that stops early (nothing compiled) gives no points and leaves tests out. One that gives points but not
 * this test was changed, or the rubric has a slip. */
static Finding *judge_missing(const AutograderRun *run, const char *wanted)
{
    const AutograderResults *results = run->results;
    bool gave_something = !isnan(results->score) && results->score > 0;
    for (guint i = 0; i < results->tests->len; i++)
        gave_something |= test_passes(g_ptr_array_index(results->tests, i));
    g_autofree char *shown = text_escape_terminal(wanted, 100);
    if (gave_something) {
        g_autofree char *problem = g_strdup_printf("ran, but its results have no test \"%s\"", shown);
        return make_error(run, problem);
    }
    Finding *finding = finding_new(NULL, NULL, NULL, FINDING_FAIL,
                                   "the autograder gave no points, and did not get to the test \"%s\"", shown);
    finding->evidence = make_evidence(run, results->tests);
    finding->figures = make_figures(run, results->tests, NULL);
    return finding;
}

static Finding *judge_tests(const AutograderRun *run, const AutograderWish *wish, const GPtrArray *tests)
{
    const char *problem;
    Sum sum = sum_up(tests);
    bool is_whole = !wish->tests;
    if (is_whole && !isnan(run->results->score)) /* overrides the sum, as on its own platform */
        sum.score = run->results->score;
    if (is_whole && tests->len == 0)
        sum.is_open = true;
    bool does_pass = reaches(&sum, wish, &problem);
    if (problem)
        return make_error(run, problem);
    g_autofree char *points = say_points(&sum, tests, does_pass);
    g_autofree char *failed = does_pass ? NULL : say_failed(tests);
    Finding *finding = does_pass
                           ? finding_new(NULL, NULL, NULL, FINDING_PASS, "the autograder gave %s", points)
                           : finding_new(NULL, NULL, NULL, FINDING_FAIL, "the autograder gave %s%s", points, failed);
    finding->evidence = make_evidence(run, tests);
    finding->figures = make_figures(run, tests, &sum);
    return finding;
}

Finding *autograder_judge(const AutograderRun *run, const AutograderWish *wish)
{
    if (!run->results)
        return judge_failure(run, wish);
    if (!wish->tests)
        return judge_tests(run, wish, run->results->tests);
    g_autoptr(GPtrArray) tests = g_ptr_array_new();
    for (char **wanted = wish->tests; *wanted; wanted++) {
        if (!add_meant(tests, run->results->tests, *wanted))
            return judge_missing(run, *wanted);
    }
    return judge_tests(run, wish, tests);
}
