/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"

#include <string.h>

static const gsize max_message = 1024;
static const gsize max_evidence = 16 * 1024;

const char *const finding_outcome_names[] = {
    [FINDING_PASS] = "pass", [FINDING_FAIL] = "fail", [FINDING_ERROR] = "error", [FINDING_SKIPPED] = "skipped", NULL,
};

const char *finding_outcome_name(FindingOutcome outcome)
{
    return finding_outcome_names[outcome];
}

Finding *finding_new(const char *item, const char *check, const char *grader, FindingOutcome outcome,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);

    Finding *finding = g_new0(Finding, 1);
    finding->item = g_strdup(item);
    finding->check = g_strdup(check);
    finding->grader = g_strdup(grader);
    finding->outcome = outcome;
    finding->message = text_truncate(message, max_message);
    return finding;
}

void finding_free(Finding *finding)
{
    if (!finding)
        return;
    g_free(finding->item);
    g_free(finding->check);
    g_free(finding->grader);
    g_free(finding->message);
    g_free(finding->evidence);
    g_free(finding->suspicion);
    cJSON_Delete(finding->figures);
    g_free(finding);
}

cJSON *finding_to_json(const Finding *finding)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "item", finding->item);
    json_add_string(json, "check", finding->check);
    json_add_string(json, "grader", finding->grader);
    json_add_string(json, "outcome", finding_outcome_name(finding->outcome));
    json_add_string(json, "message", finding->message);
    json_add_string(json, "evidence", finding->evidence);
    json_add_string(json, "suspicion", finding->suspicion);
    if (finding->figures)
        json_add(json, "figures", cJSON_Duplicate(finding->figures, true));
    return json;
}

static bool read_outcome(const cJSON *json, FindingOutcome *ret, GError **error)
{
    const char *name;
    if (!json_get_string(json, "outcome", &name, error))
        return false;
    for (int i = 0; finding_outcome_names[i]; i++) {
        if (strcmp(finding_outcome_names[i], name) == 0) {
            *ret = (FindingOutcome)i;
            return true;
        }
    }
    return error_set(error, RUBRIC_ERROR_INVALID, "a finding's outcome cannot be \"%s\"", name);
}

/* A text that was cut to its limit when it was made is cut again: the other end may be hostile. */
static char *read_bounded(const cJSON *json, const char *key, gsize max_bytes)
{
    const char *text = json_string_or(json, key, NULL);
    return text ? text_truncate(text, max_bytes) : NULL;
}

Finding *finding_from_json(const cJSON *json, GError **error)
{
    const char *item, *message;
    FindingOutcome outcome = FINDING_ERROR;
    if (!json_get_string(json, "item", &item, error) || !json_get_string(json, "message", &message, error) ||
        !read_outcome(json, &outcome, error))
        return NULL;
    const cJSON *figures = cJSON_GetObjectItemCaseSensitive(json, "figures");
    if (figures && !cJSON_IsObject(figures)) {
        error_set(error, RUBRIC_ERROR_INVALID, "a finding's figures must be an object");
        return NULL;
    }
    Finding *finding = finding_new(item, json_string_or(json, "check", NULL), json_string_or(json, "grader", NULL),
                                   outcome, "%s", message);
    finding->evidence = read_bounded(json, "evidence", max_evidence);
    finding->suspicion = read_bounded(json, "suspicion", max_message);
    finding->figures = figures ? cJSON_Duplicate(figures, true) : NULL;
    return finding;
}
