/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an autograder for Autolab prints: the last line is {"scores": {"PROBLEM": POINTS, ...}, "scoreboard": [...]};
 * all before it is feedback.
 */
#include "graders/autograder.h"

#include <math.h>
#include <string.h>

/* The last line that is not blank; *ret_start: where it begins. Caller frees. */
static char *last_line(const char *text, gsize length, gsize *ret_start)
{
    while (length > 0 && g_ascii_isspace(text[length - 1]))
        length--;
    const char *before = length > 0 ? memrchr(text, '\n', length) : NULL;
    *ret_start = before ? (gsize)(before - text) + 1 : 0;
    return g_strndup(text + *ret_start, length - *ret_start);
}

static bool read_scores(AutograderResults *results, const cJSON *scores, GError **error)
{
    const gsize max_name = 256;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, scores)
    {
        AutograderTest *test = autograder_results_add(results, error);
        if (!test)
            return false;
        test->name = text_truncate(entry->string, max_name);
        test->number = g_strdup_printf("%u", results->tests->len);
        if (!autograder_read_number(scores, entry->string, &test->score, error))
            return false;
        if (isnan(test->score))
            return error_set(error, RUBRIC_ERROR_INVALID, "the problem \"%s\" has no score", test->name);
    }
    return results->tests->len > 0 || error_set(error, RUBRIC_ERROR_INVALID, "\"scores\" names no problem");
}

static void read_scoreboard(AutograderResults *results, const cJSON *root)
{
    const int max_entries = 100;
    const cJSON *board = cJSON_GetObjectItemCaseSensitive(root, "scoreboard");
    if (cJSON_IsArray(board) && cJSON_GetArraySize(board) <= max_entries)
        results->leaderboard = cJSON_Duplicate(board, true);
}

AutograderResults *autolab_results_parse(const char *text, gsize length, GError **error)
{
    const gsize max_feedback = 8192;
    gsize start;
    g_autofree char *line = last_line(text, length, &start);
    if (*line == '\0') {
        error_set(error, RUBRIC_ERROR_INVALID, "it printed nothing");
        return NULL;
    }
    g_autoptr(cJSON) root = json_parse(line, strlen(line), NULL);
    const cJSON *scores = cJSON_GetObjectItemCaseSensitive(root, "scores");
    if (!cJSON_IsObject(scores)) {
        error_set(error, RUBRIC_ERROR_INVALID, "its last line is not {\"scores\": {\"PROBLEM\": POINTS}}");
        return NULL;
    }
    g_autoptr(AutograderResults) results = autograder_results_new();
    if (!read_scores(results, scores, error))
        return NULL;
    results->output = start > 0 ? text_last(text, start, max_feedback) : NULL;
    read_scoreboard(results, root);
    return g_steal_pointer(&results);
}
