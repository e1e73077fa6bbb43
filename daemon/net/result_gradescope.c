/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradescope's results.json (autograder specification; rubrics/schema/gradescope-results.schema.json). Each item
 * becomes one test. `score` is given at the top, since it overrides the sum of the tests and so carries penalties. An
 * item that nobody has judged yet has neither score nor status, so that Gradescope does not show it as failed. Text is
 * sent as `text`, which Gradescope escapes. A line of the leaderboard, which the whole class sees, is there once its
 * item may be seen.
 */
#include <string.h>

#include "daemon/net/result.h"

static const gsize max_output_bytes = 32 * 1024;

static void add_points(cJSON *object, const char *key, gint64 milli)
{
    g_autofree char *text = points_format(milli);
    cJSON_AddRawToObject(object, key, text);
}

static const char *gradescope_visibility(const Result *result, const VerdictItem *item)
{
    if (!result->for_staff)
        return "visible"; /* what must not be seen yet is not in the document at all */
    static const char *const names[] = {
        [VISIBLE_ALWAYS] = "visible",
        [VISIBLE_AFTER_DEADLINE] = "after_due_date",
        [VISIBLE_AFTER_RELEASE] = "after_published",
        [VISIBLE_STAFF] = "hidden",
    };
    return names[item->visible];
}

static void append_finding(GString *out, const Result *result, const Finding *finding)
{
    g_string_append_printf(out, "[%s] %s\n", finding_outcome_name(finding->outcome), finding->message);
    const char *shown = result_evidence(result, finding);
    if (shown) {
        g_autofree char *evidence = text_truncate(shown, max_output_bytes / 4);
        g_string_append_printf(out, "%s\n", evidence);
    }
}

static char *item_output(const Result *result, const VerdictItem *item)
{
    GString *out = g_string_new(NULL);
    if (item->passes)
        g_string_append_printf(out, "Passes when: %s\n", item->passes);
    if (item->outcome == ITEM_REVIEW)
        g_string_append(out, "A TA will judge this item.\n");
    if (item->outcome == ITEM_ERROR)
        g_string_append(out, "This could not be checked because of a fault of ours; it costs you nothing.\n");
    if (item->reason)
        g_string_append_printf(out, "%s\n", item->reason);
    for (guint i = 0; i < item->findings->len; i++)
        append_finding(out, result, g_ptr_array_index(item->findings, i));
    g_autofree char *whole = g_string_free(out, FALSE);
    return text_truncate(whole, max_output_bytes);
}

static cJSON *make_test(const Result *result, const VerdictItem *item, guint number)
{
    cJSON *test = cJSON_CreateObject();
    bool is_decided = item->outcome == ITEM_PASS || item->outcome == ITEM_FAIL;
    if (is_decided) {
        add_points(test, "score", item->outcome == ITEM_PASS ? item->points_milli : 0);
        json_add_string(test, "status", item->outcome == ITEM_PASS ? "passed" : "failed");
    }
    add_points(test, "max_score", item->points_milli);
    json_add_string(test, "name", item->title ? item->title : item->id);
    g_autofree char *number_text = g_strdup_printf("%u", number);
    json_add_string(test, "number", number_text);
    g_autofree char *output = item_output(result, item);
    json_add_string(test, "output", output);
    json_add_string(test, "visibility", gradescope_visibility(result, item));
    cJSON *tags = json_add(test, "tags", cJSON_CreateArray());
    json_append_string(tags, item->id);
    if (item->is_bonus)
        json_append_string(tags, "bonus");
    cJSON *extra = json_add(test, "extra_data", cJSON_CreateObject());
    json_add_string(extra, "item", item->id);
    json_add_string(extra, "outcome", item_outcome_name(item->outcome));
    return test;
}

static cJSON *make_extra(const Result *result)
{
    cJSON *extra = cJSON_CreateObject();
    if (result->submission)
        json_add_int64(extra, "submission", result->submission->id);
    json_add_int64(extra, "verdict", result->verdict_number);
    json_add_bool(extra, "is_final", result->verdict->is_final);
    json_add_string(extra, "rubric_digest", result->verdict->rubric_digest);
    json_add_string(extra, "content_digest", result->verdict->content_digest);
    json_add_string(extra, "image_digest", result->verdict->image_digest);
    if (result->decision) {
        json_add_string(extra, "decision", decision_kind_name(result->decision->kind));
        json_add_string(extra, "ledger", result->decision->sentence);
    }
    return extra;
}

static char *make_output(const Result *result)
{
    GString *out = g_string_new(NULL);
    for (guint i = 0; result->verdict->remarks && i < result->verdict->remarks->len; i++)
        append_finding(out, result, g_ptr_array_index(result->verdict->remarks, i));
    g_autofree char *state = result_state_sentence(result);
    g_string_append_printf(out, "%s\n", state);
    g_autofree char *hidden = result_hidden_sentence(result);
    if (hidden)
        g_string_append_printf(out, "%s\n", hidden);
    if (result->decision && result->decision->sentence)
        g_string_append_printf(out, "%s\n", result->decision->sentence);
    return g_string_free(out, FALSE);
}

static const VerdictItem *find_item(const Verdict *verdict, const char *id)
{
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    return NULL;
}

static void add_leaderboard(const Result *result, cJSON *json)
{
    const GPtrArray *rankings = result->verdict->leaderboard;
    cJSON *list = NULL;
    for (guint i = 0; rankings && i < rankings->len; i++) {
        const Ranking *ranking = g_ptr_array_index(rankings, i);
        const VerdictItem *item = find_item(result->verdict, ranking->item);
        double value = 0;
        if (!item || !result_item_is_visible(result, item) || !ranking_value(ranking, item, &value))
            continue;
        if (!list)
            list = json_add(json, "leaderboard", cJSON_CreateArray());
        cJSON *line = cJSON_CreateObject();
        json_add_string(line, "name", ranking->name);
        cJSON_AddNumberToObject(line, "value", value);
        json_add_string(line, "order", ranking->is_ascending ? "asc" : "desc");
        cJSON_AddItemToArray(list, line);
    }
}

gint64 result_max_milli(const Result *result)
{
    return result_view(result).max_milli;
}

gint64 result_score_milli(const Result *result)
{
    ResultView view = result_view(result);
    if (view.shows_credit)
        return view.credit_milli;
    gint64 earned_milli = view.earned_milli + view.bonus_milli;
    const Decision *decision = result->decision;
    if (!decision || decision->kind == DECISION_PENDING || decision->kind == DECISION_IGNORED ||
        decision->kind == DECISION_HELD)
        return earned_milli;
    return decision_credit_milli(decision, earned_milli);
}

char *result_gradescope(const Result *result)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    add_points(json, "score", result_score_milli(result));
    g_autofree char *output = make_output(result);
    json_add_string(json, "output", output);
    json_add_string(json, "output_format", "text");
    json_add_string(json, "test_output_format", "text");
    json_add_string(json, "test_name_format", "text");
    json_add_string(json, "visibility", "visible");
    json_add_string(json, "stdout_visibility", "hidden");
    cJSON *tests = json_add(json, "tests", cJSON_CreateArray());
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (result_item_is_visible(result, item))
            cJSON_AddItemToArray(tests, make_test(result, item, i + 1));
    }
    add_leaderboard(result, json);
    json_add(json, "extra_data", make_extra(result));
    return json_print_pretty(json);
}
