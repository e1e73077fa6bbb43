/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/autograder.h"

#include <math.h>
#include <string.h>

static void test_free(gpointer data)
{
    AutograderTest *test = data;
    g_free(test->name);
    g_free(test->number);
    g_free(test->output);
    g_free(test);
}

AutograderResults *autograder_results_new(void)
{
    AutograderResults *results = g_new0(AutograderResults, 1);
    results->tests = g_ptr_array_new_with_free_func(test_free);
    results->score = results->execution_s = NAN;
    return results;
}

void autograder_results_free(AutograderResults *results)
{
    if (!results)
        return;
    g_ptr_array_unref(results->tests);
    g_free(results->output);
    cJSON_Delete(results->leaderboard);
    g_free(results);
}

AutograderTest *autograder_results_add(AutograderResults *results, GError **error)
{
    const guint max_tests = 1000;
    if (results->tests->len >= max_tests) {
        error_set(error, RUBRIC_ERROR_LIMIT, "there are more than %u tests", max_tests);
        return NULL;
    }
    AutograderTest *test = g_new0(AutograderTest, 1);
    test->score = test->max_score = NAN;
    test->is_visible = true;
    g_ptr_array_add(results->tests, test);
    return test;
}

static bool number_from_text(const char *text, double *ret)
{
    g_autofree char *stripped = g_strstrip(g_strdup(text));
    char *end;
    *ret = g_ascii_strtod(stripped, &end);
    return *stripped != '\0' && *end == '\0';
}

bool autograder_read_number(const cJSON *object, const char *key, double *ret, GError **error)
{
    const double most = 1e9;
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    double number = NAN;
    *ret = NAN;
    if (!value || cJSON_IsNull(value))
        return true;
    if (cJSON_IsNumber(value))
        number = value->valuedouble;
    else if (cJSON_IsString(value) && !number_from_text(value->valuestring, &number))
        number = NAN;
    if (!isfinite(number) || fabs(number) > most)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number", key);
    *ret = number;
    return true;
}

char *autograder_read_text(const cJSON *object, const char *key, gsize max_bytes)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!value || cJSON_IsNull(value))
        return NULL;
    g_autofree char *other = cJSON_IsString(value) ? NULL : json_print(value);
    const char *text = other ? other : value->valuestring;
    return text && *text ? text_truncate(text, max_bytes) : NULL;
}
