/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result for people, in Markdown. Everything that an instructor or a student wrote is escaped for where it goes.
 */
#include "daemon/net/result.h"

static const gsize max_evidence_bytes = 4096;

/* Appends `format` with its one argument escaped for a line of Markdown. */
static void append_escaped(GString *out, const char *before, const char *text, const char *after)
{
    g_autofree char *shown = text_escape_markdown(text ? text : "");
    g_string_append_printf(out, "%s%s%s", before, shown, after);
}

static void append_points_line(GString *out, const Result *result, const ResultView *view)
{
    g_autofree char *earned = points_format(view->earned_milli);
    g_autofree char *max = points_format(view->max_milli);
    g_string_append_printf(out, "**%s of %s points**", earned, max);
    if (view->bonus_milli > 0) {
        g_autofree char *bonus = points_format(view->bonus_milli);
        g_string_append_printf(out, ", and %s bonus", bonus);
    }
    if (view->review_milli > 0) {
        g_autofree char *review = points_format(view->review_milli);
        g_string_append_printf(out, "; %s more wait for a TA", review);
    }
    if (view->shows_credit && view->credit_milli != view->earned_milli + view->bonus_milli) {
        g_autofree char *credit = points_format(view->credit_milli);
        g_string_append_printf(out, "; they count as **%s**", credit);
    }
    g_string_append(out, ".\n\n");
    g_autofree char *state = result_state_sentence(result);
    g_string_append_printf(out, "%s\n", state);
    g_autofree char *hidden = result_hidden_sentence(result);
    if (hidden)
        g_string_append_printf(out, "%s\n", hidden);
    g_string_append_c(out, '\n');
}

static void append_submission(GString *out, const Result *result)
{
    const Submission *submission = result->submission;
    if (!submission)
        return;
    append_escaped(out, "Handed in by ", submission->owner, "");
    if (submission->received_us > 0 && result->zone) {
        g_autofree char *when = clock_format_local(submission->received_us, result->zone);
        append_escaped(out, ", received ", when, "");
    }
    append_escaped(out, ", revision `", NULL, "");
    g_autofree char *revision = text_truncate(submission->revision ? submission->revision : "", 80);
    g_strdelimit(revision, "`\r\n", '\'');
    g_string_append_printf(out, "%s`.\n\n", revision);
    if (submission->remark)
        append_escaped(out, "> ", submission->remark, "\n\n");
}

static void append_table(GString *out, const Result *result)
{
    g_string_append(out, "| | item | points | outcome |\n|---|---|---:|---|\n");
    static const char *const marks[] = {"✅", "❌", "👀", "⚠️"};
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (!result_item_is_visible(result, item))
            continue;
        g_autofree char *points = points_format(item->points_milli);
        g_autofree char *earned = points_format(item->outcome == ITEM_PASS ? item->points_milli : 0);
        bool is_decided = item->outcome == ITEM_PASS || item->outcome == ITEM_FAIL;
        g_string_append_printf(out, "| %s ", marks[item->outcome]);
        append_escaped(out, "| ", item->title ? item->title : item->id, item->is_bonus ? " (bonus) " : " ");
        g_string_append_printf(out, "| %s / %s | %s |\n", is_decided ? earned : "–", points,
                               item_outcome_name(item->outcome));
    }
    g_string_append_c(out, '\n');
}

static void append_finding(GString *out, const Result *result, const Finding *finding)
{
    g_string_append_printf(out, "- *%s*: ", finding_outcome_name(finding->outcome));
    append_escaped(out, "", finding->message, "\n");
    if (result->for_staff && finding->suspicion)
        append_escaped(out, "  - **look at this:** ", finding->suspicion, "\n");
    const char *evidence = result_evidence(result, finding);
    if (evidence) {
        g_autofree char *block = text_markdown_block(evidence, max_evidence_bytes);
        g_string_append_printf(out, "\n%s\n", block);
    }
}

static void append_item(GString *out, const Result *result, const VerdictItem *item)
{
    append_escaped(out, "### ", item->title ? item->title : item->id, "");
    g_string_append_printf(out, ": %s\n\n", item_outcome_name(item->outcome));
    if (item->passes)
        append_escaped(out, "Passes when: ", item->passes, "\n\n");
    if (item->reason)
        append_escaped(out, "", item->reason, "\n\n");
    if (item->decided_by)
        append_escaped(out, "Decided by ", item->decided_by, ".\n\n");
    for (guint i = 0; i < item->findings->len; i++)
        append_finding(out, result, g_ptr_array_index(item->findings, i));
    g_string_append_c(out, '\n');
}

static void append_decision(GString *out, const Decision *decision, bool for_staff)
{
    g_string_append(out, "## Tokens\n\n");
    append_escaped(out, "", decision->sentence, "\n\n");
    for (guint i = 0; decision->alternatives && i < decision->alternatives->len; i++)
        append_escaped(out, "- other route: ", g_ptr_array_index(decision->alternatives, i), "\n");
    if (for_staff && decision->ta_line)
        append_escaped(out, "\nFor the TA: ", decision->ta_line, "\n");
    g_string_append_c(out, '\n');
}

static void append_digests(GString *out, const Result *result)
{
    const Verdict *verdict = result->verdict;
    g_string_append_printf(out, "---\n\nVerdict %" G_GINT64_FORMAT "; rubric `%s`; content `%s`; image `%s`.\n",
                           result->verdict_number, verdict->rubric_digest ? verdict->rubric_digest : "-",
                           verdict->content_digest ? verdict->content_digest : "-",
                           verdict->image_digest ? verdict->image_digest : "-");
}

void result_append_summary(GString *out, const Result *result)
{
    ResultView view = result_view(result);
    append_submission(out, result);
    append_points_line(out, result, &view);
    append_table(out, result);
    if (result->decision)
        append_decision(out, result->decision, result->for_staff);
    g_autofree char *next = result_next_sentence(result);
    append_escaped(out, "## What to do next\n\n", next, "\n");
}

static void append_remarks(GString *out, const Result *result)
{
    const Verdict *verdict = result->verdict;
    if (!verdict->remarks || verdict->remarks->len == 0)
        return;
    g_string_append(out, "## What was handed in\n\n");
    for (guint i = 0; i < verdict->remarks->len; i++)
        append_finding(out, result, g_ptr_array_index(verdict->remarks, i));
    g_string_append_c(out, '\n');
}

/* Takes `part` in if it fits, whole or not at all, so that no fence is cut open. */
static bool take_part(GString *out, const GString *part, gsize max_bytes)
{
    if (out->len + part->len > max_bytes)
        return false;
    g_string_append_len(out, part->str, (gssize)part->len);
    return true;
}

void result_append_details(GString *out, const Result *result, gsize max_bytes)
{
    g_autoptr(GString) end = g_string_new(NULL);
    append_digests(end, result);
    const gsize longest_note = 200;
    g_assert(max_bytes > end->len + longest_note);
    gsize room = max_bytes - end->len - longest_note;
    g_autoptr(GString) remarks = g_string_new(NULL);
    append_remarks(remarks, result);
    guint n_left_out = !take_part(out, remarks, room);
    g_string_append(out, "## Items\n\n");
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (!result_item_is_visible(result, item))
            continue;
        g_autoptr(GString) part = g_string_new(NULL);
        append_item(part, result, item);
        n_left_out += !take_part(out, part, room);
    }
    if (n_left_out > 0)
        g_string_append_printf(out, "**%u part%s left out here, since this place holds no longer text.**\n\n",
                               n_left_out, n_left_out == 1 ? " is" : "s are");
    g_string_append_len(out, end->str, (gssize)end->len);
}

char *result_markdown(const Result *result)
{
    const Verdict *verdict = result->verdict;
    GString *out = g_string_new(NULL);
    const char *title =
        result->assignment && result->assignment->title ? result->assignment->title : verdict->assignment;
    append_escaped(out, "# Result for ", title, "\n\n");
    result_append_summary(out, result);
    g_string_append_c(out, '\n');
    result_append_details(out, result, G_MAXSIZE);
    return g_string_free(out, FALSE);
}
