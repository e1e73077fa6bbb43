/* SPDX-License-Identifier: Apache-2.0 */
/*
 * results.json by Gradescope's specification, as leniently as Gradescope reads it (numbers as text, null for what is
 * not said), and not more.
 */
#include "graders/autograder.h"

#include <math.h>
#include <string.h>

static const gsize max_name = 256, max_number = 32, max_output = 8192;

/* Colours and cursor moves of `ansi` texts mean nothing where plain text is shown. */
static void strip_escapes(char *text)
{
    const char *from = text;
    while (*from) {
        if (from[0] == '\033' && from[1] == '[') {
            from += 2;
            from += strspn(from, "0123456789;:<=>? ");
            from += *from ? 1 : 0;
            continue;
        }
        *text++ = *from++;
    }
    *text = '\0';
}

static char *read_output(const cJSON *object, const char *format)
{
    char *output = autograder_read_text(object, "output", max_output);
    if (output && g_strcmp0(format, "ansi") == 0)
        strip_escapes(output);
    return output;
}

static bool read_status(const cJSON *object, AutograderStatus *ret, GError **error)
{
    const char *status = json_string_or(object, "status", NULL);
    if (!status)
        return true;
    if (!g_str_equal(status, "passed") && !g_str_equal(status, "failed")) {
        g_autofree char *shown = text_escape_terminal(status, 40);
        return error_set(error, RUBRIC_ERROR_INVALID, "\"status\" is \"%s\", neither passed nor failed", shown);
    }
    *ret = g_str_equal(status, "passed") ? AUTOGRADER_PASSED : AUTOGRADER_FAILED;
    return true;
}

/* "after_due_date" and "after_published" are not yet: the rubric's own `visible:` rules when. */
static bool is_shown(const cJSON *object, const char *key, const char *fallback)
{
    return g_str_equal(json_string_or(object, key, fallback), "visible");
}

static bool read_test(AutograderResults *results, const cJSON *root, const cJSON *entry, GError **error)
{
    if (!cJSON_IsObject(entry))
        return error_set(error, RUBRIC_ERROR_INVALID, "it is no object");
    AutograderTest *test = autograder_results_add(results, error);
    if (!test)
        return false;
    test->name = autograder_read_text(entry, "name", max_name);
    test->number = autograder_read_text(entry, "number", max_number);
    if (!test->number)
        test->number = g_strdup_printf("%u", results->tests->len);
    test->output =
        read_output(entry, json_string_or(entry, "output_format", json_string_or(root, "test_output_format", NULL)));
    test->is_visible = is_shown(entry, "visibility", json_string_or(root, "visibility", "visible"));
    return autograder_read_number(entry, "score", &test->score, error) &&
           autograder_read_number(entry, "max_score", &test->max_score, error) &&
           read_status(entry, &test->status, error);
}

static bool read_tests(AutograderResults *results, const cJSON *root, GError **error)
{
    const cJSON *tests = cJSON_GetObjectItemCaseSensitive(root, "tests"), *entry;
    if (!tests || cJSON_IsNull(tests))
        return true;
    if (!cJSON_IsArray(tests))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"tests\" is no list");
    cJSON_ArrayForEach(entry, tests)
    {
        if (read_test(results, root, entry, error))
            continue;
        g_prefix_error(error, "test %u: ", MAX(results->tests->len, 1));
        return false;
    }
    return true;
}

/* For the figures alone, so what is odd is left out. */
static void read_leaderboard(AutograderResults *results, const cJSON *root)
{
    const int max_entries = 100;
    const cJSON *board = cJSON_GetObjectItemCaseSensitive(root, "leaderboard"), *entry;
    if (!cJSON_IsArray(board) || cJSON_GetArraySize(board) == 0)
        return;
    results->leaderboard = cJSON_CreateArray();
    cJSON_ArrayForEach(entry, board)
    {
        g_autofree char *name = autograder_read_text(entry, "name", max_name);
        g_autofree char *value = autograder_read_text(entry, "value", max_name);
        if (!name || !value || cJSON_GetArraySize(results->leaderboard) >= max_entries)
            continue;
        cJSON *kept = cJSON_CreateObject();
        json_add_string(kept, "name", name);
        json_add_string(kept, "value", value);
        cJSON_AddItemToArray(results->leaderboard, kept);
    }
}

AutograderResults *gradescope_results_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(cJSON) root = json_parse(text, length, error);
    if (!root)
        return NULL;
    if (!cJSON_IsObject(root)) {
        error_set(error, RUBRIC_ERROR_INVALID, "it is no JSON object");
        return NULL;
    }
    g_autoptr(AutograderResults) results = autograder_results_new();
    if (!autograder_read_number(root, "score", &results->score, error) ||
        !autograder_read_number(root, "execution_time", &results->execution_s, error) ||
        !read_tests(results, root, error))
        return NULL;
    if (isnan(results->score) && results->tests->len == 0) {
        error_set(error, RUBRIC_ERROR_INVALID, "it has neither \"score\" nor \"tests\"");
        return NULL;
    }
    results->output = read_output(root, json_string_or(root, "output_format", NULL));
    results->shows_stdout = is_shown(root, "stdout_visibility", "hidden");
    read_leaderboard(results, root);
    return g_steal_pointer(&results);
}
