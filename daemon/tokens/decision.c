/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tokens/members.h"

#include <string.h>

static const char *const kind_names[] = {
    [DECISION_COUNTS] = "counts",     [DECISION_IGNORED] = "ignored", [DECISION_HELD] = "held",
    [DECISION_FEEDBACK] = "feedback", [DECISION_REFUSED] = "refused", [DECISION_PENDING] = "pending",
};

const char *decision_kind_name(DecisionKind kind)
{
    return (gsize)kind < G_N_ELEMENTS(kind_names) ? kind_names[kind] : "unknown";
}

void decision_free(Decision *decision)
{
    if (!decision)
        return;
    g_free(decision->assignment);
    g_free(decision->route);
    g_free(decision->sentence);
    g_free(decision->ta_line);
    g_clear_pointer(&decision->alternatives, g_ptr_array_unref);
    g_clear_pointer(&decision->shares, g_ptr_array_unref);
    g_clear_pointer(&decision->parts, g_ptr_array_unref);
    g_free(decision);
}

gint64 decision_credit_milli(const Decision *decision, gint64 earned_milli)
{
    const gint64 all_milli = 100000, half = all_milli / 2;
    gint64 sum_milli = 0;
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        const Decision *part = g_ptr_array_index(decision->parts, i);
        sum_milli += decision_credit_milli(part, part->points_milli);
    }
    if (decision->parts)
        return sum_milli;
    if (decision->kind != DECISION_COUNTS)
        return 0;
    Penalty penalty = {.percent_milli = decision->penalty_milli,
                       .minus_milli = decision->minus_milli,
                       .cap_milli = decision->cap_milli > 0 ? decision->cap_milli : -1,
                       .floor_milli = decision->floor_milli};
    gint64 credit_milli = penalty_credit(&penalty, earned_milli) + decision->early_milli;
    if (decision->share_milli == 0)
        return credit_milli;
    gint64 gain_milli = MAX(0, credit_milli - decision->base_milli);
    return decision->base_milli + (gint64)(((__int128)gain_milli * decision->share_milli + half) / all_milli);
}

bool decision_is_held(const Decision *decision)
{
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        if (decision_is_held(g_ptr_array_index(decision->parts, i)))
            return true;
    }
    return decision->kind == DECISION_HELD;
}

static cJSON *shares_to_json(const GPtrArray *shares)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < shares->len; i++) {
        const MemberShare *share = g_ptr_array_index(shares, i);
        cJSON *json = cJSON_CreateObject();
        json_add_string(json, "person", share->person);
        json_add_string(json, "kind", decision_kind_name(share->kind));
        json_add_int64(json, "late_units", share->late_units);
        json_add_int64(json, "tokens_milli", share->tokens_milli);
        json_add_int64(json, "balance_milli", share->balance_milli);
        json_add_int64(json, "credit_milli", share->credit_milli);
        json_add_string(json, "sentence", share->sentence);
        cJSON_AddItemToArray(list, json);
    }
    return list;
}

cJSON *decision_to_json(const Decision *decision)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "submission_id", decision->submission_id);
    json_add_string(json, "assignment", decision->assignment);
    json_add_string(json, "kind", decision_kind_name(decision->kind));
    json_add_int64(json, "deadline_us", decision->deadline_us);
    json_add_int64(json, "late_us", decision->late_us);
    json_add_int64(json, "late_units", decision->late_units);
    json_add_int64(json, "tokens_milli", decision->tokens_milli);
    json_add_int64(json, "balance_milli", decision->balance_milli);
    json_add_int64(json, "penalty_milli", decision->penalty_milli);
    json_add_int64(json, "minus_milli", decision->minus_milli);
    json_add_int64(json, "cap_milli", decision->cap_milli);
    json_add_int64(json, "floor_milli", decision->floor_milli);
    json_add_int64(json, "course_milli", decision->course_milli);
    json_add_int64(json, "base_milli", decision->base_milli);
    json_add_int64(json, "share_milli", decision->share_milli);
    json_add_int64(json, "early_milli", decision->early_milli);
    json_add_int64(json, "earned_milli", decision->earned_milli);
    json_add_string(json, "route", decision->route);
    json_add_string(json, "sentence", decision->sentence);
    json_add_string(json, "ta_line", decision->ta_line);
    cJSON *alternatives = json_add(json, "alternatives", cJSON_CreateArray());
    for (guint i = 0; i < decision->alternatives->len; i++)
        json_append_string(alternatives, g_ptr_array_index(decision->alternatives, i));
    if (decision->shares)
        json_add(json, "members", shares_to_json(decision->shares));
    if (decision->points_milli != 0)
        json_add_int64(json, "points_milli", decision->points_milli);
    cJSON *parts = decision->parts ? json_add(json, "parts", cJSON_CreateArray()) : NULL;
    for (guint i = 0; parts && i < decision->parts->len; i++)
        cJSON_AddItemToArray(parts, decision_to_json(g_ptr_array_index(decision->parts, i)));
    return json;
}

static bool kind_from_name(const char *name, DecisionKind *ret, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(kind_names); i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *ret = (DecisionKind)i;
            return true;
        }
    }
    return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no kind of decision", name);
}

/* Decisions that an older version stored lack these. */
static void read_newer_numbers(Decision *decision, const cJSON *json)
{
    decision->minus_milli = json_int64_or(json, "minus_milli", 0);
    decision->cap_milli = json_int64_or(json, "cap_milli", 0);
    decision->floor_milli = json_int64_or(json, "floor_milli", 0);
    decision->course_milli = json_int64_or(json, "course_milli", 0);
    decision->base_milli = json_int64_or(json, "base_milli", 0);
    decision->share_milli = json_int64_or(json, "share_milli", 0);
    decision->early_milli = json_int64_or(json, "early_milli", 0);
    decision->earned_milli = json_int64_or(json, "earned_milli", 0);
    decision->points_milli = json_int64_or(json, "points_milli", 0);
}

static bool read_numbers(Decision *decision, const cJSON *json, GError **error)
{
    return json_get_int64(json, "submission_id", &decision->submission_id, error) &&
           json_get_int64(json, "deadline_us", &decision->deadline_us, error) &&
           json_get_int64(json, "late_us", &decision->late_us, error) &&
           json_get_int64(json, "late_units", &decision->late_units, error) &&
           json_get_int64(json, "tokens_milli", &decision->tokens_milli, error) &&
           json_get_int64(json, "balance_milli", &decision->balance_milli, error) &&
           json_get_int64(json, "penalty_milli", &decision->penalty_milli, error);
}

static bool read_texts(Decision *decision, const cJSON *json, GError **error)
{
    const char *assignment, *kind, *route, *sentence, *ta_line;
    if (!json_get_string(json, "assignment", &assignment, error) || !json_get_string(json, "kind", &kind, error) ||
        !json_get_string(json, "route", &route, error) || !json_get_string(json, "sentence", &sentence, error) ||
        !json_get_string(json, "ta_line", &ta_line, error) || !kind_from_name(kind, &decision->kind, error))
        return false;
    decision->assignment = g_strdup(assignment);
    decision->route = g_strdup(route);
    decision->sentence = g_strdup(sentence);
    decision->ta_line = g_strdup(ta_line);
    return true;
}

static bool read_shares(Decision *decision, const cJSON *json, GError **error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "members"), *one;
    if (!list)
        return true;
    decision->shares = g_ptr_array_new_with_free_func(member_share_free);
    cJSON_ArrayForEach(one, list)
    {
        MemberShare *share = g_new0(MemberShare, 1);
        g_ptr_array_add(decision->shares, share);
        share->person = g_strdup(json_string_or(one, "person", ""));
        share->sentence = g_strdup(json_string_or(one, "sentence", ""));
        share->late_units = json_int64_or(one, "late_units", 0);
        share->tokens_milli = json_int64_or(one, "tokens_milli", 0);
        share->balance_milli = json_int64_or(one, "balance_milli", 0);
        share->credit_milli = json_int64_or(one, "credit_milli", 0);
        if (!kind_from_name(json_string_or(one, "kind", ""), &share->kind, error))
            return false;
    }
    return true;
}

static bool read_parts(Decision *decision, const cJSON *json, GError **error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "parts"), *one;
    if (!list)
        return true;
    decision->parts = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free);
    cJSON_ArrayForEach(one, list)
    {
        Decision *part = decision_from_json(one, error);
        if (!part)
            return false;
        g_ptr_array_add(decision->parts, part);
    }
    return true;
}

Decision *decision_from_json(const cJSON *json, GError **error)
{
    g_autoptr(Decision) decision = g_new0(Decision, 1);
    decision->alternatives = g_ptr_array_new_with_free_func(g_free);
    const cJSON *alternatives, *one;
    if (!read_numbers(decision, json, error) || !read_texts(decision, json, error) ||
        !json_get_array(json, "alternatives", &alternatives, error) || !read_shares(decision, json, error) ||
        !read_parts(decision, json, error)) {
        g_prefix_error(error, "decision: ");
        return NULL;
    }
    read_newer_numbers(decision, json);
    cJSON_ArrayForEach(one, alternatives)
    {
        if (cJSON_IsString(one))
            g_ptr_array_add(decision->alternatives, g_strdup(one->valuestring));
    }
    return g_steal_pointer(&decision);
}
