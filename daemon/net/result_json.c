/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.json: rubrics/schema/result.schema.json says what each member is. Points and tokens are decimal numbers of at
 * most three digits after the point, written exactly.
 */
#include "daemon/net/result.h"

static const char schema_name[] = "rubricd/result/1";

static void add_points(cJSON *object, const char *key, gint64 milli)
{
    g_autofree char *text = points_format(milli);
    cJSON_AddRawToObject(object, key, text);
}

static void add_time(cJSON *object, const char *key, gint64 instant_us)
{
    if (instant_us <= 0)
        return;
    g_autofree char *text = clock_format_utc(instant_us);
    json_add_string(object, key, text);
}

static cJSON *make_submission(const Result *result)
{
    cJSON *json = cJSON_CreateObject();
    const Submission *submission = result->submission;
    json_add_string(json, "assignment", result->verdict->assignment);
    json_add_string(json, "title", result->assignment ? result->assignment->title : NULL);
    if (!submission)
        return json;
    json_add_int64(json, "id", submission->id);
    json_add_string(json, "owner_kind", submission->owner_kind);
    json_add_string(json, "owner", submission->owner);
    json_add_string(json, "source", submission->source);
    json_add_string(json, "external_id", submission->external_id);
    json_add_string(json, "revision", submission->revision);
    json_add_string(json, "content_digest", submission->content_digest);
    json_add_string(json, "location", submission->location);
    json_add_string(json, "remark", submission->remark);
    add_time(json, "received", submission->received_us);
    add_time(json, "seen", submission->seen_us);
    return json;
}

static cJSON *make_verdict(const Result *result)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "number", result->verdict_number);
    json_add_bool(json, "is_final", result->verdict->is_final);
    json_add_string(json, "rubric_digest", result->verdict->rubric_digest);
    json_add_string(json, "image_digest", result->verdict->image_digest);
    json_add_string(json, "content_digest", result->verdict->content_digest);
    return json;
}

static cJSON *make_points(const ResultView *view)
{
    cJSON *json = cJSON_CreateObject();
    add_points(json, "earned", view->earned_milli);
    add_points(json, "bonus", view->bonus_milli);
    add_points(json, "in_review", view->review_milli);
    add_points(json, "max", view->max_milli);
    add_points(json, "hidden", view->hidden_milli);
    if (view->shows_credit)
        add_points(json, "credit", view->credit_milli);
    return json;
}

static cJSON *make_finding(const Result *result, const Finding *finding)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "check", finding->check);
    json_add_string(json, "grader", finding->grader);
    json_add_string(json, "outcome", finding_outcome_name(finding->outcome));
    json_add_string(json, "message", finding->message);
    json_add_string(json, "evidence", result_evidence(result, finding));
    if (!result->for_staff)
        return json;
    json_add_string(json, "suspicion", finding->suspicion);
    if (finding->figures)
        json_add(json, "figures", cJSON_Duplicate(finding->figures, true));
    return json;
}

static cJSON *make_findings(const Result *result, const GPtrArray *findings)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; findings && i < findings->len; i++)
        cJSON_AddItemToArray(list, make_finding(result, g_ptr_array_index(findings, i)));
    return list;
}

static cJSON *make_item(const Result *result, const VerdictItem *item)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "id", item->id);
    json_add_string(json, "title", item->title);
    json_add_string(json, "passes", item->passes);
    add_points(json, "points", item->points_milli);
    json_add_bool(json, "is_bonus", item->is_bonus);
    json_add_string(json, "judge", judge_name(item->judge));
    json_add_string(json, "visible", visible_name(item->visible));
    json_add_string(json, "outcome", item_outcome_name(item->outcome));
    json_add_string(json, "reason", item->reason);
    json_add_string(json, "decided_by", item->decided_by);
    json_add(json, "findings", make_findings(result, item->findings));
    return json;
}

static cJSON *make_items(const Result *result)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (result_item_is_visible(result, item))
            cJSON_AddItemToArray(list, make_item(result, item));
    }
    return list;
}

static cJSON *make_decision(const Result *result)
{
    const Decision *decision = result->decision;
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "kind", decision_kind_name(decision->kind));
    if (decision->deadline_us != G_MAXINT64)
        add_time(json, "deadline", decision->deadline_us);
    json_add_int64(json, "late_seconds", MAX(decision->late_us, 0) / CLOCK_SECOND_US);
    json_add_int64(json, "late_units", decision->late_units);
    add_points(json, "tokens", decision->tokens_milli);
    add_points(json, "balance", decision->balance_milli);
    add_points(json, "penalty_percent", decision->penalty_milli);
    json_add_string(json, "route", decision->route);
    json_add_string(json, "sentence", decision->sentence);
    cJSON *alternatives = json_add(json, "alternatives", cJSON_CreateArray());
    for (guint i = 0; decision->alternatives && i < decision->alternatives->len; i++)
        json_append_string(alternatives, g_ptr_array_index(decision->alternatives, i));
    if (result->for_staff)
        json_add_string(json, "ta_line", decision->ta_line);
    return json;
}

char *result_json(const Result *result)
{
    ResultView view = result_view(result);
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "schema", schema_name);
    json_add(json, "submission", make_submission(result));
    json_add(json, "verdict", make_verdict(result));
    json_add(json, "points", make_points(&view));
    g_autofree char *hidden = result_hidden_sentence(result);
    json_add_string(json, "hidden", hidden);
    json_add(json, "items", make_items(result));
    json_add(json, "remarks", make_findings(result, result->verdict->remarks));
    if (result->decision)
        json_add(json, "decision", make_decision(result));
    return json_print_pretty(json);
}
