/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/result.h"

gint64 result_deadline_us(const Result *result)
{
    if (!result->decision || result->decision->deadline_us <= 0)
        return result->assignment ? result->assignment->deadline_us : G_MAXINT64;
    gint64 latest_us = result->decision->deadline_us; /* what is hidden until the deadline waits for the last part's */
    for (guint i = 0; result->decision->parts && i < result->decision->parts->len; i++)
        latest_us = MAX(latest_us, ((const Decision *)g_ptr_array_index(result->decision->parts, i))->deadline_us);
    return latest_us;
}

bool result_item_is_visible(const Result *result, const VerdictItem *item)
{
    if (result->for_staff)
        return true;
    switch (item->visible) {
    case VISIBLE_ALWAYS:
        return true;
    case VISIBLE_AFTER_DEADLINE:
        return result->is_released || result->now_us >= result_deadline_us(result);
    case VISIBLE_AFTER_RELEASE:
        return result->is_released;
    case VISIBLE_STAFF:
        return false;
    }
    return false;
}

const char *result_evidence(const Result *result, const Finding *finding)
{
    bool is_for_staff = finding->outcome == FINDING_ERROR;
    bool is_there = finding->evidence && *finding->evidence;
    return is_there && (result->for_staff || !is_for_staff) ? finding->evidence : NULL;
}

static void count_item(ResultView *view, const VerdictItem *item)
{
    view->n_items++;
    view->n_passed += item->outcome == ITEM_PASS;
    view->n_failed += item->outcome == ITEM_FAIL;
    view->n_review += item->outcome == ITEM_REVIEW;
    view->n_error += item->outcome == ITEM_ERROR;
    if (item->is_bonus) {
        view->bonus_milli += item->outcome == ITEM_PASS ? item->points_milli : 0;
        return;
    }
    view->max_milli += item->points_milli;
    if (item->outcome == ITEM_PASS)
        view->earned_milli += item->points_milli;
    if (item->outcome == ITEM_REVIEW)
        view->review_milli += item->points_milli;
}

ResultView result_view(const Result *result)
{
    ResultView view = {0};
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (result_item_is_visible(result, item)) {
            count_item(&view, item);
            continue;
        }
        view.n_hidden++;
        view.hidden_milli += item->is_bonus ? 0 : item->points_milli;
    }
    const Decision *decision = result->decision;
    view.shows_credit = view.n_hidden == 0 && decision &&
                        (decision->kind == DECISION_COUNTS || decision->kind == DECISION_FEEDBACK ||
                         decision->kind == DECISION_REFUSED);
    if (view.shows_credit)
        view.credit_milli = decision_credit_milli(decision, view.earned_milli + view.bonus_milli);
    return view;
}

char *result_hidden_until(const Result *result, Visible visible)
{
    gint64 deadline_us = result_deadline_us(result);
    if (visible == VISIBLE_AFTER_DEADLINE && deadline_us != G_MAXINT64 && result->zone) {
        g_autofree char *when = clock_format_local(deadline_us, result->zone);
        return g_strdup_printf("until the deadline, %s", when);
    }
    if (visible == VISIBLE_AFTER_DEADLINE)
        return g_strdup("until the deadline");
    return g_strdup(visible == VISIBLE_AFTER_RELEASE ? "until the results are released"
                                                     : "from all but the course staff");
}

static void append_hidden(const Result *result, Visible visible, GString *out)
{
    guint n_hidden = 0;
    gint64 points_milli = 0;
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (item->visible != visible || result_item_is_visible(result, item))
            continue;
        n_hidden++;
        points_milli += item->points_milli;
    }
    if (n_hidden == 0)
        return;
    g_autofree char *until = result_hidden_until(result, visible);
    g_autofree char *points = points_format(points_milli);
    g_string_append_printf(out, "%s%u item%s worth %s points %s hidden %s.", out->len > 0 ? " " : "", n_hidden,
                           n_hidden == 1 ? "" : "s", points, n_hidden == 1 ? "is" : "are", until);
}

char *result_hidden_sentence(const Result *result)
{
    GString *out = g_string_new(NULL);
    append_hidden(result, VISIBLE_AFTER_DEADLINE, out);
    append_hidden(result, VISIBLE_AFTER_RELEASE, out);
    append_hidden(result, VISIBLE_STAFF, out);
    return g_string_free(out, out->len == 0);
}

char *result_state_sentence(const Result *result)
{
    ResultView view = result_view(result);
    GString *out = g_string_new(NULL);
    if (view.n_review > 0)
        g_string_append_printf(out, "%u item%s a TA's judgement. ", view.n_review,
                               view.n_review == 1 ? " needs" : "s need");
    if (view.n_error > 0)
        g_string_append_printf(out,
                               "%u item%s could not be checked because of a fault of ours; a TA was told, and it costs "
                               "you nothing. ",
                               view.n_error, view.n_error == 1 ? "" : "s");
    if (out->len == 0)
        g_string_append(out, view.n_hidden > 0 ? "All shown items are decided." : "All items are decided.");
    g_strchomp(out->str);
    return g_string_free(out, FALSE);
}

char *result_lateness(const Decision *decision)
{
    if (decision->late_us <= 0)
        return g_strdup("on time");
    g_autofree char *span = clock_format_span(decision->late_us);
    return g_strdup_printf("%s late", span);
}

static void append_deadline(GString *out, const Result *result)
{
    gint64 deadline_us = result_deadline_us(result);
    if (deadline_us == G_MAXINT64 || !result->zone)
        return;
    g_autofree char *when = clock_format_local(deadline_us, result->zone);
    if (result->now_us < deadline_us)
        g_string_append_printf(out, "The deadline is %s. ", when);
    else
        g_string_append(out, "The deadline has passed: ask for the price before you hand in again "
                             "(rubric what-if, or a TA). ");
}

char *result_next_sentence(const Result *result)
{
    ResultView view = result_view(result);
    GString *out = g_string_new(NULL);
    if (verdict_refusal(result->verdict)) {
        g_string_append(out, "It could not be graded as it was handed in: mend what is said below and hand in again. ");
        append_deadline(out, result);
    } else if (view.n_failed > 0) {
        g_string_append(out, "Mend what did not pass (what was found is said with each item) and hand in again. ");
        append_deadline(out, result);
    }
    if (view.n_review > 0)
        g_string_append(out, "For what a TA judges there is nothing to do: this result is renewed when it is done. ");
    if (view.n_error > 0)
        g_string_append(out, "Our fault is looked after, and this result is renewed. ");
    if (out->len == 0)
        g_string_append(out, "Nothing: all that can be seen here has passed.");
    g_strchomp(out->str);
    return g_string_free(out, FALSE);
}
