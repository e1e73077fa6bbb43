/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/verdict.h"

#include <string.h>

/* The item id under which unpacking reports. */
static const char submission_item[] = "submission";

const char *const item_outcome_names[] = {
    [ITEM_PASS] = "pass", [ITEM_FAIL] = "fail", [ITEM_REVIEW] = "review", [ITEM_ERROR] = "error", NULL,
};

const char *item_outcome_name(ItemOutcome outcome)
{
    return item_outcome_names[outcome];
}

static void verdict_item_free(gpointer data)
{
    VerdictItem *item = data;
    g_free(item->id);
    g_free(item->title);
    g_free(item->passes);
    g_free(item->reason);
    g_free(item->decided_by);
    g_ptr_array_unref(item->findings);
    g_free(item);
}

Verdict *verdict_new(void)
{
    Verdict *verdict = g_new0(Verdict, 1);
    verdict->items = g_ptr_array_new_with_free_func(verdict_item_free);
    verdict->remarks = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    verdict->leaderboard = g_ptr_array_new_with_free_func((GDestroyNotify)ranking_free);
    return verdict;
}

void verdict_free(Verdict *verdict)
{
    if (!verdict)
        return;
    g_free(verdict->assignment);
    g_free(verdict->rubric_digest);
    g_free(verdict->image_digest);
    g_free(verdict->content_digest);
    g_ptr_array_unref(verdict->items);
    g_ptr_array_unref(verdict->remarks);
    g_clear_pointer(&verdict->leaderboard, g_ptr_array_unref);
    g_free(verdict);
}

VerdictItem *verdict_add_item(Verdict *verdict)
{
    VerdictItem *item = g_new0(VerdictItem, 1);
    item->findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_ptr_array_add(verdict->items, item);
    return item;
}

/* ---- what the findings say -----------------------------------------------------------------------------------------
 */

static Finding *finding_copy(const Finding *finding)
{
    Finding *copy = g_new0(Finding, 1);
    *copy = (Finding){
        .item = g_strdup(finding->item),
        .check = g_strdup(finding->check),
        .grader = g_strdup(finding->grader),
        .outcome = finding->outcome,
        .message = g_strdup(finding->message),
        .evidence = g_strdup(finding->evidence),
        .suspicion = g_strdup(finding->suspicion),
        .figures = finding->figures ? cJSON_Duplicate(finding->figures, true) : NULL,
    };
    return copy;
}

static void copy_findings(const GPtrArray *findings, const char *item, GPtrArray *target)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (g_strcmp0(finding->item, item) == 0)
            g_ptr_array_add(target, finding_copy(finding));
    }
}

static const Finding *first_with(const GPtrArray *findings, FindingOutcome outcome)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (finding->outcome == outcome)
            return finding;
    }
    return NULL;
}

static bool check_has_passed(const Check *check, const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (finding->outcome == FINDING_PASS && g_strcmp0(finding->check, check->name) == 0)
            return true;
    }
    return false;
}

/* A check that neither passed nor failed nor said why it could not be carried out. */
static const Check *first_silent(const Item *item, const GPtrArray *findings)
{
    for (guint i = 0; i < item->checks->len; i++) {
        const Check *check = g_ptr_array_index(item->checks, i);
        if (!check_has_passed(check, findings))
            return check;
    }
    return NULL;
}

/* ---- one item ------------------------------------------------------------------------------------------------------
 */

static void decide(VerdictItem *item, ItemOutcome outcome, const char *format, ...) G_GNUC_PRINTF(3, 4);
static void decide(VerdictItem *item, ItemOutcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    item->outcome = outcome;
    item->reason = g_strdup_vprintf(format, args);
    va_end(args);
}

char *item_name_within(const Item *item, const Item *other, const char *name)
{
    return other->visible <= item->visible ? g_strdup_printf("\"%s\"", name) : g_strdup("another item");
}

/* The outcome of a needed item decides first: true if it did. A fail outweighs an error: the item is lost either way.
 */
static bool decide_by_needs(VerdictItem *verdict_item, const Item *item, const GHashTable *by_item)
{
    const Item *in_error = NULL;
    for (guint i = 0; i < item->needs->len; i++) {
        const Item *need = g_ptr_array_index(item->needs, i);
        const VerdictItem *needed = g_hash_table_lookup((GHashTable *)by_item, need);
        g_autofree char *name = item_name_within(item, need, need->id);
        if (needed->outcome == ITEM_FAIL) {
            decide(verdict_item, ITEM_FAIL, "skipped: it needs %s, which failed", name);
            return true;
        }
        if (needed->outcome == ITEM_ERROR)
            in_error = need;
    }
    if (!in_error)
        return false;
    g_autofree char *name = item_name_within(item, in_error, in_error->id);
    decide(verdict_item, ITEM_ERROR,
           "not decided: it needs %s, which could not be checked; that is our fault, not yours", name);
    return true;
}

static void decide_by_machine(VerdictItem *verdict_item, const Item *item)
{
    const GPtrArray *findings = verdict_item->findings;
    const Finding *fail = first_with(findings, FINDING_FAIL);
    const Finding *error = first_with(findings, FINDING_ERROR);
    const Check *silent = first_silent(item, findings);
    if (fail)
        decide(verdict_item, ITEM_FAIL, "%s", fail->message);
    else if (error)
        decide(verdict_item, ITEM_ERROR, "a check could not be carried out; that is our fault, not yours: %s",
               error->message);
    else if (silent)
        decide(verdict_item, ITEM_ERROR, "the check \"%s\" was not carried out; that is our fault, not yours",
               silent->name);
    else if (item->judge == JUDGE_BOTH)
        decide(verdict_item, ITEM_REVIEW, "what a machine can check is fine; a TA judges the rest");
    else if (findings->len == 1)
        decide(verdict_item, ITEM_PASS, "%s", ((const Finding *)g_ptr_array_index(findings, 0))->message);
    else
        decide(verdict_item, ITEM_PASS, "all %u checks passed", item->checks->len);
}

static void decide_item(VerdictItem *verdict_item, const Item *item, const Finding *refusal, const GHashTable *by_item)
{
    if (refusal)
        decide(verdict_item, ITEM_FAIL, "the submission could not be graded: %s", refusal->message);
    else if (decide_by_needs(verdict_item, item, by_item))
        return;
    else if (item->judge == JUDGE_TA)
        decide(verdict_item, ITEM_REVIEW, "a TA judges this");
    else
        decide_by_machine(verdict_item, item);
}

/* ---- the verdict ---------------------------------------------------------------------------------------------------
 */

static VerdictItem *add_scored(Verdict *verdict, const Item *item, const GPtrArray *findings)
{
    VerdictItem *added = verdict_add_item(verdict);
    added->id = g_strdup(item->id);
    added->title = g_strdup(item->title);
    added->passes = g_strdup(item->passes);
    added->points_milli = item->points_milli;
    added->is_bonus = item->is_bonus;
    added->judge = item->judge;
    added->visible = item->visible;
    copy_findings(findings, item->id, added->findings);
    return added;
}

Verdict *verdict_score(const Rubric *rubric, const GPtrArray *findings)
{
    Verdict *verdict = verdict_new();
    verdict->rubric_digest = g_strdup(rubric->digest);
    copy_findings(findings, submission_item, verdict->remarks);
    for (guint i = 0; i < rubric->leaderboard->len; i++)
        g_ptr_array_add(verdict->leaderboard, ranking_copy(g_ptr_array_index(rubric->leaderboard, i)));
    const Finding *refusal = verdict_refusal(verdict);

    g_autoptr(GHashTable) by_item = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        g_hash_table_insert(by_item, (gpointer)item, add_scored(verdict, item, findings));
    }
    for (guint i = 0; i < rubric->order->len; i++) {
        const Item *item = g_ptr_array_index(rubric->order, i);
        decide_item(g_hash_table_lookup(by_item, item), item, refusal, by_item);
    }
    verdict_sum(verdict);
    return verdict;
}

const Finding *verdict_refusal(const Verdict *verdict)
{
    return verdict->remarks ? first_with(verdict->remarks, FINDING_FAIL) : NULL;
}

void verdict_sum(Verdict *verdict)
{
    verdict->points_milli = verdict->bonus_milli = verdict->review_milli = verdict->max_milli = 0;
    verdict->n_review = verdict->n_error = 0;
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        gint64 points_milli = item->is_bonus ? 0 : item->points_milli;
        verdict->max_milli += points_milli;
        if (item->outcome == ITEM_PASS && item->is_bonus)
            verdict->bonus_milli += item->points_milli;
        else if (item->outcome == ITEM_PASS)
            verdict->points_milli += points_milli;
        else if (item->outcome == ITEM_REVIEW)
            verdict->review_milli += points_milli;
        verdict->n_review += item->outcome == ITEM_REVIEW;
        verdict->n_error += item->outcome == ITEM_ERROR;
    }
    verdict->is_final = verdict->n_review == 0 && verdict->n_error == 0;
}

char *points_format(gint64 milli)
{
    const char *sign = milli < 0 ? "-" : "";
    guint64 size = milli < 0 ? -(guint64)milli : (guint64)milli;
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_printf(out, "%s%" G_GUINT64_FORMAT ".%03u", sign, size / 1000, (unsigned)(size % 1000));
    while (out->str[out->len - 1] == '0')
        g_string_truncate(out, out->len - 1);
    if (out->str[out->len - 1] == '.')
        g_string_truncate(out, out->len - 1);
    return g_strdup(out->str);
}

bool points_parse(const char *text, gint64 *ret_milli)
{
    const gint64 max_whole = 1000000, milli = 1000;
    gint64 whole = 0, part = 0;
    const char *at = text;
    for (; g_ascii_isdigit(*at) && whole <= max_whole; at++)
        whole = whole * 10 + (*at - '0');
    bool has_digits = at > text;
    if (*at == '.') {
        gint64 place = milli / 10;
        for (at++; g_ascii_isdigit(*at) && place > 0; at++, place /= 10)
            part += (*at - '0') * place;
    }
    if (!has_digits || *at != '\0' || whole > max_whole)
        return false;
    *ret_milli = whole * milli + part;
    return true;
}
