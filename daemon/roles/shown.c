/* SPDX-License-Identifier: Apache-2.0 */
/* A result as its owner may see it, from what the store has. */
#include <string.h>

#include "daemon/roles/roles.h"

void shown_result_clear(ShownResult *shown)
{
    g_clear_pointer(&shown->submission, submission_free);
    g_clear_pointer(&shown->verdict, verdict_free);
    g_clear_pointer(&shown->decision, decision_free);
}

static bool load_verdict(Store *store, gint64 submission_id, gint64 verdict_id, ShownResult *shown, GError **error)
{
    g_autoptr(VerdictRow) row = NULL;
    if (verdict_id > 0) {
        row = store_verdict_get(store, verdict_id, error);
        if (!row)
            return false;
    } else if (!store_verdict_latest(store, submission_id, &row, error)) {
        return false;
    }
    if (!row)
        return true;
    g_autoptr(cJSON) json = json_parse(row->json, strlen(row->json), error);
    shown->verdict = json ? verdict_from_json(json, error) : NULL;
    shown->result.verdict_number = row->number;
    return shown->verdict != NULL;
}

static bool load_decision(Store *store, gint64 submission_id, ShownResult *shown, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_decision_latest(store, submission_id, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    shown->decision = json ? decision_from_json(json, error) : NULL;
    return !text || shown->decision;
}

bool outcome_show(Store *store, const Course *course, gint64 submission_id, gint64 verdict_id, ShownResult *ret,
                  GError **error)
{
    g_auto(ShownResult) shown = {0};
    shown.submission = store_submission_get(store, submission_id, error);
    bool is_released = false;
    if (!shown.submission || !load_verdict(store, submission_id, verdict_id, &shown, error) ||
        !load_decision(store, submission_id, &shown, error) ||
        !outcome_is_released(store, shown.submission, &is_released, error))
        return false;
    shown.result.submission = shown.submission;
    shown.result.verdict = shown.verdict;
    shown.result.decision = shown.decision;
    shown.result.assignment = course_assignment(course, shown.submission->assignment);
    shown.result.zone = course->zone;
    shown.result.now_us = clock_now_us();
    shown.result.is_released = is_released;
    *ret = shown;
    shown = (ShownResult){0};
    return true;
}
