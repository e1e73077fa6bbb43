/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/bridge.h"

#include <string.h>

#include "daemon/net/source.h"

static const int max_submitters = 1000, max_previous = 10000;

void bridge_metadata_free(BridgeMetadata *metadata)
{
    if (!metadata)
        return;
    g_free(metadata->id);
    g_free(metadata->course_id);
    g_free(metadata->assignment_id);
    g_ptr_array_unref(metadata->submitters);
    g_free(metadata);
}

/* Numbers of Gradescope's: as JSON numbers today, as strings perhaps tomorrow. NULL: neither. Caller frees. */
static char *read_number(const cJSON *object, const char *key)
{
    const gsize max_digits = 20;
    const double largest = 9007199254740992.0; /* 2^53 */
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (cJSON_IsNumber(value) && value->valuedouble >= 0 && value->valuedouble < largest &&
        (double)(gint64)value->valuedouble == value->valuedouble)
        return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)value->valuedouble);
    const char *text = cJSON_GetStringValue(value);
    return text_is_digits(text, max_digits) ? g_strdup(text) : NULL;
}

static gint64 read_instant_us(const cJSON *object, const char *key)
{
    const char *text = json_string_or(object, key, NULL);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    gint64 instant_us = 0;
    return text && clock_parse(text, utc, &instant_us, NULL) && instant_us >= 0 ? instant_us : G_MININT64;
}

static bool read_submitters(const cJSON *json, GPtrArray *submitters, GError **error)
{
    const cJSON *users = cJSON_GetObjectItemCaseSensitive(json, "users");
    if (cJSON_IsArray(users) && cJSON_GetArraySize(users) > max_submitters)
        return error_set(error, RUBRIC_ERROR_INVALID, "more than %d users handed it in", max_submitters);
    const cJSON *user = NULL;
    cJSON_ArrayForEach(user, users)
    {
        if (!cJSON_IsObject(user))
            continue;
        ExportSubmitter *submitter = g_new0(ExportSubmitter, 1);
        submitter->name = g_strdup(json_string_or(user, "name", NULL));
        submitter->email = g_strdup(json_string_or(user, "email", NULL));
        submitter->sid = g_strdup(json_string_or(user, "sid", NULL));
        g_ptr_array_add(submitters, submitter);
    }
    return true;
}

/* -1: not a score. */
static gint64 read_score_milli(const cJSON *submission)
{
    const double largest = 1e6, milli = 1000.0, half = 0.5;
    const cJSON *score = cJSON_GetObjectItemCaseSensitive(submission, "score");
    double points = cJSON_IsNumber(score)   ? score->valuedouble
                    : cJSON_IsString(score) ? g_ascii_strtod(score->valuestring, NULL)
                                            : -1;
    bool is_failed = json_bool_or(submission, "autograder_error", false);
    return !is_failed && points >= 0 && points <= largest ? (gint64)(points * milli + half) : -1;
}

static gint64 read_previous_milli(const cJSON *json)
{
    gint64 milli = -1, newest_us = G_MININT64;
    int n = 0;
    const cJSON *previous = NULL;
    cJSON_ArrayForEach(previous, cJSON_GetObjectItemCaseSensitive(json, "previous_submissions"))
    {
        gint64 at_us = read_instant_us(previous, "submission_time");
        gint64 score_milli = read_score_milli(previous);
        if (++n > max_previous)
            break;
        if (score_milli < 0 || at_us < newest_us)
            continue;
        newest_us = at_us;
        milli = score_milli;
    }
    return milli;
}

BridgeMetadata *bridge_metadata_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(cJSON) json = json_parse(text, length, error);
    if (!json) {
        g_prefix_error(error, "submission_metadata.json: ");
        return NULL;
    }
    g_autoptr(BridgeMetadata) metadata = g_new0(BridgeMetadata, 1);
    metadata->submitters = g_ptr_array_new_with_free_func(export_submitter_free);
    metadata->id = cJSON_IsObject(json) ? read_number(json, "id") : NULL;
    if (!metadata->id) {
        error_set(error, RUBRIC_ERROR_INVALID, "submission_metadata.json has no number of a submission as \"id\"");
        return NULL;
    }
    const cJSON *assignment = cJSON_GetObjectItemCaseSensitive(json, "assignment");
    metadata->assignment_id = read_number(assignment, "id");
    metadata->course_id = read_number(assignment, "course_id");
    metadata->created_us = read_instant_us(json, "created_at");
    metadata->previous_milli = read_previous_milli(json);
    return read_submitters(json, metadata->submitters, error) ? g_steal_pointer(&metadata) : NULL;
}
