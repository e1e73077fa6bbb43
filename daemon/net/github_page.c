/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_page.h"

#include <string.h>

#include "daemon/net/places.h"
#include "daemon/net/result.h"

void github_page_clear(GithubPage *page)
{
    g_free(page->title);
    g_free(page->summary);
    g_free(page->text);
    g_free(page->comment);
    g_free(page->description);
    cJSON_Delete(page->annotations);
    *page = (GithubPage){0};
}

/* At most `max` characters, the last being "…" if anything was cut. */
static char *cut_characters(const char *text, glong max)
{
    if (g_utf8_strlen(text, -1) <= max)
        return g_strdup(text);
    g_autofree char *kept = g_utf8_substring(text, 0, max - 1);
    return g_strconcat(kept, "…", NULL);
}

/* ---- title and description
 * ------------------------------------------------------------------------------------------------- */

static void append_points(GString *out, const ResultView *view)
{
    g_autofree char *earned = points_format(view->earned_milli);
    g_autofree char *max = points_format(view->max_milli);
    g_string_append_printf(out, "%s of %s points", earned, max);
    if (view->bonus_milli > 0) {
        g_autofree char *bonus = points_format(view->bonus_milli);
        g_string_append_printf(out, " + %s bonus", bonus);
    }
    if (view->shows_credit && view->credit_milli != view->earned_milli + view->bonus_milli) {
        g_autofree char *credit = points_format(view->credit_milli);
        g_string_append_printf(out, ", count as %s", credit);
    }
}

static char *make_title(const ResultView *view)
{
    g_autoptr(GString) out = g_string_new(NULL);
    append_points(out, view);
    if (view->n_failed > 0)
        g_string_append_printf(out, ", %u item%s did not pass", view->n_failed, view->n_failed == 1 ? "" : "s");
    if (view->n_review > 0)
        g_string_append_printf(out, ", %u wait%s for a TA", view->n_review, view->n_review == 1 ? "s" : "");
    if (view->n_error > 0)
        g_string_append_printf(out, ", %u could not be checked (our fault)", view->n_error);
    return cut_characters(out->str, GITHUB_MAX_TITLE);
}

/* "; 1 day 3 h late: 2 tokens, 5 left" */
static void append_tokens(GString *out, const Decision *decision)
{
    if (!decision || (decision->late_us <= 0 && decision->tokens_milli == 0))
        return;
    g_autofree char *lateness = result_lateness(decision);
    g_autofree char *tokens = points_format(decision->tokens_milli);
    g_autofree char *left = points_format(decision->balance_milli);
    g_string_append_printf(out, "; %s: %s token%s, %s left", lateness, tokens,
                           decision->tokens_milli == 1000 ? "" : "s", left);
}

/* Names of items as long as there is room, whole ones; then how many more there are. */
static void append_failed(GString *out, const Result *result, guint n_failed)
{
    const glong room_for_rest = 15; /* " and 12345 more" */
    const char *before = "; failed: ";
    guint n_shown = 0;
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (item->outcome != ITEM_FAIL || !result_item_is_visible(result, item))
            continue;
        g_autofree char *shown = text_escape_terminal(item->id, GITHUB_MAX_DESCRIPTION * 4);
        glong length = g_utf8_strlen(out->str, -1) + (glong)strlen(before) + g_utf8_strlen(shown, -1);
        glong room = n_shown + 1 < n_failed ? GITHUB_MAX_DESCRIPTION - room_for_rest : GITHUB_MAX_DESCRIPTION;
        if (length > room)
            break;
        g_string_append_printf(out, "%s%s", before, shown);
        before = ", ";
        n_shown++;
    }
    if (n_shown > 0 && n_shown < n_failed)
        g_string_append_printf(out, " and %u more", n_failed - n_shown);
    else if (n_failed > 0 && n_shown == 0)
        g_string_append_printf(out, "; %u failed", n_failed);
}

/* Points, what waits, tokens, then the items that failed as far as there is room. */
static char *make_description(const Result *result, const ResultView *view)
{
    g_autoptr(GString) out = g_string_new(NULL);
    append_points(out, view);
    if (view->n_review > 0)
        g_string_append_printf(out, "; %u for a TA", view->n_review);
    if (view->n_error > 0)
        g_string_append_printf(out, "; %u not checked, our fault", view->n_error);
    append_tokens(out, result->decision);
    append_failed(out, result, view->n_failed);
    return cut_characters(out->str, GITHUB_MAX_DESCRIPTION);
}

/* ---- annotations
 * ----------------------------------------------------------------------------------------------------------- */

static void add_annotation(cJSON *annotations, const VerdictItem *item, const Finding *finding, const Place *place)
{
    const gsize max_message_bytes = 4096;
    cJSON *one = cJSON_CreateObject();
    json_add_string(one, "path", place->path);
    json_add_int64(one, "start_line", place->line);
    json_add_int64(one, "end_line", place->line);
    json_add_string(one, "annotation_level", place->is_warning ? "warning" : "failure");
    const char *said = place->message && *place->message ? place->message : finding->message;
    g_autofree char *message = text_escape_terminal(said, max_message_bytes);
    json_add_string(one, "message", *message ? message : "here");
    g_autofree char *shown = text_escape_terminal(item->title ? item->title : item->id, GITHUB_MAX_TITLE * 4);
    g_autofree char *title = cut_characters(shown, GITHUB_MAX_TITLE);
    json_add_string(one, "title", title);
    cJSON_AddItemToArray(annotations, one);
}

static void annotate_item(cJSON *annotations, const VerdictItem *item, GPtrArray *places)
{
    for (guint i = 0; i < item->findings->len; i++) {
        const Finding *finding = g_ptr_array_index(item->findings, i);
        if (finding->outcome != FINDING_FAIL || !finding->evidence)
            continue;
        guint n_before = places->len;
        places_find(places, finding->evidence, GITHUB_MAX_ANNOTATIONS);
        for (guint n = n_before; n < places->len; n++)
            add_annotation(annotations, item, finding, g_ptr_array_index(places, n));
    }
}

static cJSON *make_annotations(const Result *result)
{
    cJSON *annotations = cJSON_CreateArray();
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
    for (guint i = 0; i < result->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(result->verdict->items, i);
        if (item->outcome == ITEM_FAIL && result_item_is_visible(result, item))
            annotate_item(annotations, item, places);
    }
    return annotations;
}

/* ---- the page
 * -------------------------------------------------------------------------------------------------------------- */

static void judge(const Result *result, const ResultView *view, GithubPage *page)
{
    const Decision *decision = result->decision;
    bool is_out = decision && (decision->kind == DECISION_REFUSED || decision->kind == DECISION_HELD);
    if (view->n_failed > 0 || verdict_refusal(result->verdict)) {
        page->conclusion = page->state = "failure";
    } else if (view->n_review > 0 || view->n_error > 0 || is_out) {
        page->conclusion = "neutral";
        page->state = view->n_error > 0 ? "error" : "pending";
    } else {
        page->conclusion = page->state = "success";
    }
}

static char *make_summary(const Result *result, gsize max_bytes)
{
    g_autoptr(GString) out = g_string_new(NULL);
    result_append_summary(out, result);
    if (out->len <= max_bytes)
        return g_string_free(g_steal_pointer(&out), FALSE);
    const gsize room_for_note = 100;
    g_autofree char *kept = text_truncate(out->str, max_bytes - room_for_note);
    return g_strconcat(kept, "\n\n**The rest is left out, since this place holds no longer text.**\n", NULL);
}

static char *make_comment(const Result *result)
{
    const gsize room_for_mark = 1024, max_summary = GITHUB_MAX_TEXT / 2;
    const char *title =
        result->assignment && result->assignment->title ? result->assignment->title : result->verdict->assignment;
    g_autofree char *shown = text_escape_markdown(title ? title : "");
    g_autofree char *heading = text_truncate(shown, GITHUB_MAX_TITLE);
    g_autofree char *summary = make_summary(result, max_summary);
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "## Result for %s\n\n%s\n", heading, summary);
    result_append_details(out, result, GITHUB_MAX_TEXT - room_for_mark);
    return g_string_free(out, FALSE);
}

void github_page_make(const Result *result, GithubPage *ret)
{
    ResultView view = result_view(result);
    GithubPage page = {0};
    page.title = make_title(&view);
    page.summary = make_summary(result, GITHUB_MAX_TEXT);
    page.comment = make_comment(result);
    page.description = make_description(result, &view);
    GString *text = g_string_new(NULL);
    result_append_details(text, result, GITHUB_MAX_TEXT);
    page.text = g_string_free(text, FALSE);
    page.annotations = make_annotations(result);
    page.status = "completed";
    judge(result, &view, &page);
    *ret = page;
}

/* ---- before there is a result
 * ------------------------------------------------------------------------------------------ */

static char *say_queue(gint64 n_before)
{
    if (n_before <= 0)
        return g_strdup("Waits to be graded: it is next");
    return g_strdup_printf("Waits to be graded: %" G_GINT64_FORMAT " before it", n_before);
}

void github_page_announce(const Effect *effect, GithubPage *ret)
{
    const Submission *submission = effect->submission;
    g_autofree char *when =
        effect->result->zone ? clock_format_local(submission->received_us, effect->result->zone) : g_strdup("");
    GithubPage page = {0};
    const char *then = "The result will be here; you need not do anything.";
    g_autofree char *why = NULL;
    switch (effect->announcement) {
    case ANNOUNCE_QUEUED:
        page.title = say_queue(effect->n_before);
        page.status = "queued";
        break;
    case ANNOUNCE_OVER:
        page.title = g_strdup("Not graded: a newer commit took its place");
        page.status = "completed";
        page.conclusion = "cancelled";
        then = "It came before this one was graded; the result stands there.";
        break;
    case ANNOUNCE_REFUSED:
        page.title = g_strdup("Not taken, not graded");
        page.status = "completed";
        page.conclusion = "action_required";
        why = g_strconcat("Nothing of it is graded: ", submission->remark, ".", NULL);
        then = why;
        break;
    case ANNOUNCE_RUNNING:
    case ANNOUNCE_NOTHING:
        page.title = g_strdup("Is being graded");
        page.status = "in_progress";
        break;
    }
    page.summary = g_strdup_printf("Received %s. %s", when, then);
    page.annotations = cJSON_CreateArray();
    *ret = page;
}
