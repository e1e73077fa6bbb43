/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/reply.h"

#include <string.h>

cJSON *error_to_json(const GError *failure)
{
    RubricError code = failure->domain == RUBRIC_ERROR ? (RubricError)failure->code : RUBRIC_ERROR_SYSTEM;
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "code", rubric_error_name(code));
    json_add_string(json, "message", failure->message);
    return json;
}

void error_from_json(const cJSON *json, GError **error)
{
    const char *name = json_string_or(json, "code", "");
    RubricError code = RUBRIC_ERROR_INVALID;
    while (code < RUBRIC_ERROR_BUG && strcmp(rubric_error_name(code), name) != 0)
        code++;
    error_set(error, code, "%s", json_string_or(json, "message", "it did not say why"));
}

char *reply_of_report(const WorkerReport *report)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add(json, "report", worker_report_to_json(report));
    return json_print(json);
}

char *reply_of_error(const GError *failure)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add(json, "error", error_to_json(failure));
    return json_print(json);
}

WorkerReport *reply_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(GError) odd = NULL;
    g_autoptr(cJSON) json = json_parse(text, length, &odd);
    const cJSON *failure = cJSON_GetObjectItemCaseSensitive(json, "error");
    if (failure) {
        error_from_json(failure, error);
        return NULL;
    }
    const cJSON *report;
    WorkerReport *read = NULL;
    if (json && json_get_object(json, "report", &report, &odd))
        read = worker_report_from_json(report, &odd);
    if (!read)
        error_set(error, RUBRIC_ERROR_TEMPORARY, "a worker's answer makes no sense: %s", odd->message);
    return read;
}
