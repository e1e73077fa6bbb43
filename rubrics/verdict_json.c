/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/verdict.h"

#include <string.h>

static const gint64 max_milli = G_GINT64_CONSTANT(1000000000000);
static const int max_items = 10000;

static cJSON *findings_to_json(const GPtrArray *findings)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < findings->len; i++)
        cJSON_AddItemToArray(list, finding_to_json(g_ptr_array_index(findings, i)));
    return list;
}

static cJSON *item_to_json(const VerdictItem *item)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "id", item->id);
    json_add_string(json, "title", item->title);
    json_add_string(json, "passes", item->passes);
    json_add_int64(json, "points_milli", item->points_milli);
    json_add_bool(json, "bonus", item->is_bonus);
    json_add_string(json, "judge", judge_name(item->judge));
    json_add_string(json, "visible", visible_name(item->visible));
    json_add_string(json, "outcome", item_outcome_name(item->outcome));
    json_add_string(json, "reason", item->reason);
    json_add_string(json, "decided_by", item->decided_by);
    json_add(json, "findings", findings_to_json(item->findings));
    return json;
}

cJSON *verdict_to_json(const Verdict *verdict)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "assignment", verdict->assignment);
    json_add_string(json, "rubric_digest", verdict->rubric_digest);
    json_add_string(json, "image_digest", verdict->image_digest);
    json_add_string(json, "content_digest", verdict->content_digest);
    json_add_int64(json, "points_milli", verdict->points_milli);
    json_add_int64(json, "bonus_milli", verdict->bonus_milli);
    json_add_int64(json, "review_milli", verdict->review_milli);
    json_add_int64(json, "max_milli", verdict->max_milli);
    json_add_int64(json, "n_review", verdict->n_review);
    json_add_int64(json, "n_error", verdict->n_error);
    json_add_bool(json, "final", verdict->is_final);
    cJSON *items = json_add(json, "items", cJSON_CreateArray());
    for (guint i = 0; i < verdict->items->len; i++)
        cJSON_AddItemToArray(items, item_to_json(g_ptr_array_index(verdict->items, i)));
    json_add(json, "remarks", findings_to_json(verdict->remarks));
    if (verdict->leaderboard && verdict->leaderboard->len > 0)
        json_add(json, "leaderboard", leaderboard_to_json(verdict->leaderboard));
    return json;
}

/* ---- and back ------------------------------------------------------------------------------------------------------
 */

/* Looks a name up in the values 0..n-1 of an enum with a _name(). */
static bool read_enum(const cJSON *json, const char *key, const char *(*name_of)(int), int n, int *ret, GError **error)
{
    const char *name;
    if (!json_get_string(json, key, &name, error))
        return false;
    for (int i = 0; i < n; i++) {
        if (strcmp(name_of(i), name) == 0) {
            *ret = i;
            return true;
        }
    }
    return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" cannot be \"%s\"", key, name);
}

static const char *judge_name_of(int value)
{
    return judge_name((Judge)value);
}

static const char *visible_name_of(int value)
{
    return visible_name((Visible)value);
}

static const char *outcome_name_of(int value)
{
    return item_outcome_name((ItemOutcome)value);
}

static bool read_enums(const cJSON *json, VerdictItem *item, GError **error)
{
    int judge = 0, visible = 0, outcome = 0;
    if (!read_enum(json, "judge", judge_name_of, JUDGE_BOTH + 1, &judge, error) ||
        !read_enum(json, "visible", visible_name_of, VISIBLE_STAFF + 1, &visible, error) ||
        !read_enum(json, "outcome", outcome_name_of, ITEM_ERROR + 1, &outcome, error))
        return false;
    item->judge = (Judge)judge;
    item->visible = (Visible)visible;
    item->outcome = (ItemOutcome)outcome;
    return true;
}

static bool read_findings(const cJSON *json, const char *key, GPtrArray *target, GError **error)
{
    const cJSON *list;
    if (!json_get_array(json, key, &list, error))
        return false;
    for (const cJSON *at = list->child; at; at = at->next) {
        Finding *finding = finding_from_json(at, error);
        if (!finding)
            return false;
        g_ptr_array_add(target, finding);
    }
    return true;
}

static bool read_points(const cJSON *json, gint64 *ret, GError **error)
{
    if (!json_get_int64(json, "points_milli", ret, error))
        return false;
    if (*ret < 0 || *ret > max_milli)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"points_milli\" is out of range");
    return true;
}

static bool read_item(const cJSON *json, VerdictItem *item, GError **error)
{
    const char *id;
    if (!json_get_string(json, "id", &id, error) || !read_points(json, &item->points_milli, error) ||
        !read_enums(json, item, error) || !read_findings(json, "findings", item->findings, error))
        return false;
    item->id = g_strdup(id);
    item->title = g_strdup(json_string_or(json, "title", ""));
    item->passes = g_strdup(json_string_or(json, "passes", ""));
    item->reason = g_strdup(json_string_or(json, "reason", ""));
    item->decided_by = g_strdup(json_string_or(json, "decided_by", NULL));
    item->is_bonus = json_bool_or(json, "bonus", false);
    return true;
}

static bool read_items(const cJSON *json, Verdict *verdict, GError **error)
{
    const cJSON *list;
    if (!json_get_array(json, "items", &list, error))
        return false;
    if (cJSON_GetArraySize(list) > max_items)
        return error_set(error, RUBRIC_ERROR_LIMIT, "a verdict of more than %d items", max_items);
    for (const cJSON *at = list->child; at; at = at->next) {
        if (!read_item(at, verdict_add_item(verdict), error))
            return false;
    }
    return true;
}

/* The sums are computed, not believed. */
Verdict *verdict_from_json(const cJSON *json, GError **error)
{
    g_autoptr(Verdict) verdict = verdict_new();
    if (!read_items(json, verdict, error) || !read_findings(json, "remarks", verdict->remarks, error) ||
        !leaderboard_from_json(json, verdict->leaderboard, error)) {
        g_prefix_error(error, "verdict: ");
        return NULL;
    }
    verdict->assignment = g_strdup(json_string_or(json, "assignment", NULL));
    verdict->rubric_digest = g_strdup(json_string_or(json, "rubric_digest", NULL));
    verdict->image_digest = g_strdup(json_string_or(json, "image_digest", NULL));
    verdict->content_digest = g_strdup(json_string_or(json, "content_digest", NULL));
    verdict_sum(verdict);
    return g_steal_pointer(&verdict);
}
