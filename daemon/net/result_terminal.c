/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result for people on a terminal or in a pipe: a line an item, below it why it did not pass, then the sum and what
 * to do next.
 */
#include "daemon/net/result.h"

static const gsize max_line_bytes = 600;
static const gsize max_evidence_bytes = 2000;

typedef struct {
    const char *word, *colour;
} Look;

static Look outcome_look(ItemOutcome outcome)
{
    static const Look looks[] = {
        [ITEM_PASS] = {"pass  ", "\033[32m"},
        [ITEM_FAIL] = {"FAIL  ", "\033[31m"},
        [ITEM_REVIEW] = {"review", "\033[33m"},
        [ITEM_ERROR] = {"error ", "\033[35m"},
    };
    return looks[outcome];
}

static void append_line(GString *out, const char *indent, const char *text)
{
    g_autofree char *shown = text_escape_terminal(text, max_line_bytes);
    g_string_append_printf(out, "%s%s\n", indent, shown);
}

/* The last words of a program, line by line, each made harmless. */
static void append_evidence(GString *out, const char *evidence)
{
    const guint max_lines = 20;
    g_autofree char *cut = text_truncate(evidence, max_evidence_bytes);
    g_strchomp(cut);
    g_auto(GStrv) lines = g_strsplit(cut, "\n", -1);
    for (guint i = 0; lines[i] && i < max_lines; i++)
        append_line(out, "            | ", lines[i]);
    if (g_strv_length(lines) > max_lines)
        g_string_append(out, "            | …\n");
}

static void append_finding(GString *out, const Result *result, const Finding *finding)
{
    append_line(out, "          ", finding->message);
    const char *evidence = result_evidence(result, finding);
    if (evidence && finding->outcome != FINDING_PASS)
        append_evidence(out, evidence);
    if (result->for_staff && finding->suspicion) {
        g_autofree char *text = g_strdup_printf("look at this: %s", finding->suspicion);
        append_line(out, "          ", text);
    }
}

static void append_item(GString *out, const Result *result, const VerdictItem *item, bool colour)
{
    Look look = outcome_look(item->outcome);
    g_autofree char *points = points_format(item->points_milli);
    g_autofree char *title = text_escape_terminal(item->title ? item->title : item->id, max_line_bytes);
    g_string_append_printf(out, "  %s%s%s %7s  %s%s\n", colour ? look.colour : "", look.word, colour ? "\033[0m" : "",
                           points, title, item->is_bonus ? " (bonus)" : "");
    if (item->outcome == ITEM_PASS && !result->for_staff)
        return;
    bool is_said = false;
    for (guint i = 0; i < item->findings->len; i++) {
        const Finding *finding = g_ptr_array_index(item->findings, i);
        if (item->outcome != ITEM_PASS || finding->suspicion)
            append_finding(out, result, finding);
        /* Of an error the reason is the message with a sentence before it. */
        is_said = is_said || (item->reason && finding->message && g_str_has_suffix(item->reason, finding->message));
    }
    if (item->outcome != ITEM_PASS && item->reason && !is_said)
        append_line(out, "          ", item->reason);
    if (item->outcome == ITEM_REVIEW && item->passes) {
        g_autofree char *text = g_strdup_printf("passes when: %s", item->passes);
        append_line(out, "          ", text);
    }
}

static void append_sum(GString *out, const ResultView *view)
{
    g_autofree char *earned = points_format(view->earned_milli);
    g_autofree char *max = points_format(view->max_milli);
    g_string_append_printf(out, "\n  %s of %s points", earned, max);
    if (view->bonus_milli > 0) {
        g_autofree char *bonus = points_format(view->bonus_milli);
        g_string_append_printf(out, ", %s bonus", bonus);
    }
    if (view->review_milli > 0) {
        g_autofree char *review = points_format(view->review_milli);
        g_string_append_printf(out, ", %s wait for a TA", review);
    }
    if (view->shows_credit) {
        g_autofree char *credit = points_format(view->credit_milli);
        g_string_append_printf(out, ", they count as %s", credit);
    }
    g_string_append(out, "\n");
}

static void append_head(GString *out, const Result *result)
{
    const Verdict *verdict = result->verdict;
    const char *title =
        result->assignment && result->assignment->title ? result->assignment->title : verdict->assignment;
    append_line(out, "", title ? title : "result");
    if (result->submission && result->submission->received_us > 0 && result->zone) {
        g_autofree char *when = clock_format_local(result->submission->received_us, result->zone);
        g_autofree char *text = g_strdup_printf("handed in by %s, received %s", result->submission->owner, when);
        append_line(out, "", text);
    }
    g_string_append_c(out, '\n');
    for (guint i = 0; verdict->remarks && i < verdict->remarks->len; i++)
        append_finding(out, result, g_ptr_array_index(verdict->remarks, i));
}

char *result_terminal(const Result *result, bool colour)
{
    ResultView view = result_view(result);
    GString *out = g_string_new(NULL);
    append_head(out, result);
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (result_item_is_visible(result, item))
            append_item(out, result, item, colour);
    }
    append_sum(out, &view);
    g_autofree char *state = result_state_sentence(result);
    append_line(out, "  ", state);
    g_autofree char *hidden = result_hidden_sentence(result);
    if (hidden)
        append_line(out, "  ", hidden);
    if (result->decision && result->decision->sentence)
        append_line(out, "  ", result->decision->sentence);
    return g_string_free(out, FALSE);
}
