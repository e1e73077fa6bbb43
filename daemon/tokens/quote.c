/* SPDX-License-Identifier: Apache-2.0 */
/* The price before it is paid, until when it holds, and what a result that is not known yet may change. */
#include "daemon/tokens/policy.h"

#include <string.h>

Decision *policy_quote(const Policy *policy, const Course *course, const char *account, const Assignment *assignment,
                       const GPtrArray *events, gint64 at_us)
{
    const gint64 quoted_id = G_MAXINT64; /* received last, among those of the same instant */
    const Rubric *rubric = course_rubric(course, assignment, at_us);
    const gint64 usual_milli = 100000;
    gint64 max_milli = rubric && rubric->max_milli > 0 ? rubric->max_milli : usual_milli;
    g_autoptr(cJSON) data = cJSON_CreateObject();
    json_add_int64(data, "points_milli", max_milli);
    json_add_int64(data, "max_milli", max_milli);
    if (assignment->parts && rubric)
        json_add(data, "items", parts_of_rubric(rubric));
    g_autofree char *verdict = json_print(data);
    EventRow submitted = {.at_us = at_us,
                          .account = (char *)account,
                          .kind = (char *)"submitted",
                          .assignment = assignment->id,
                          .submission_id = quoted_id,
                          .data = (char *)"{\"quote\":1}"};
    EventRow graded = submitted;
    graded.kind = (char *)"graded";
    graded.data = verdict;
    g_autoptr(GPtrArray) all = g_ptr_array_sized_new(events->len + 2);
    g_ptr_array_extend((GPtrArray *)all, (GPtrArray *)events, NULL, NULL);
    g_ptr_array_add(all, &submitted);
    g_ptr_array_add(all, &graded);

    g_autoptr(Fold) fold = policy_fold(policy, course, account, all);
    for (guint i = 0; i < fold->decisions->len; i++) {
        Decision *decision = g_ptr_array_index(fold->decisions, i);
        if (decision->submission_id != quoted_id)
            continue;
        decision->submission_id = 0;
        for (guint j = 0; decision->parts && j < decision->parts->len; j++)
            ((Decision *)g_ptr_array_index(decision->parts, j))->submission_id = 0;
        return g_ptr_array_steal_index(fold->decisions, i);
    }
    g_assert_not_reached(); /* what is submitted is decided */
}

typedef struct {
    const Policy *policy;
    const Rule *rule;
    GTimeZone *zone;
    gint64 deadline_us;
} Terms;

/* What lateness comes to at an instant: it never becomes less. */
static gint64 late_at(const Terms *terms, gint64 at_us)
{
    const LateRule *late = &terms->rule->late;
    bool is_beyond = late->within_us != G_MAXINT64 &&
                     policy_late_us(terms->policy, late, terms->zone, terms->deadline_us, at_us) > late->within_us;
    return 2 * policy_late_units(terms->policy, late, terms->zone, terms->deadline_us, at_us) + is_beyond;
}

/* How many times `by` it is ahead of the deadline, from many to none: it never becomes more. */
static gint64 early_at(const Terms *terms, gint64 at_us)
{
    const EarlyRule *rule = &terms->rule->early;
    return -policy_ahead_us(terms->policy, rule, terms->zone, terms->deadline_us, at_us) / rule->by_us;
}

/* The last instant at which that is what it is now, found by halving. */
static gint64 last_as_now(const Terms *terms, gint64 (*what_at)(const Terms *terms, gint64 at_us), gint64 at_us)
{
    const gint64 far_us = 400 * CLOCK_DAY_US;
    gint64 now = what_at(terms, at_us), low = at_us, high = MAX(at_us, terms->deadline_us) + far_us;
    if (what_at(terms, high) == now)
        return G_MAXINT64;
    while (high - low > 1) {
        gint64 middle = low + (high - low) / 2;
        if (what_at(terms, middle) == now)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static gint64 before(gint64 until_us, gint64 at_us, gint64 so_far_us)
{
    return until_us != G_MAXINT64 && until_us > at_us ? MIN(so_far_us, until_us - 1) : so_far_us;
}

static gint64 quote_until(const Policy *policy, const Course *course, const Assignment *assignment,
                          const Decision *quote, gint64 at_us)
{
    const Rule *rule = policy_rule_at(policy, assignment, at_us);
    const ResubmissionRule *redo = &rule->resubmission;
    const Terms terms = {.policy = policy, .rule = rule, .zone = course->zone, .deadline_us = quote->deadline_us};
    bool is_redo = quote->window_us > 0;
    gint64 until_us = is_redo ? G_MAXINT64 : last_as_now(&terms, late_at, at_us);
    if ((is_redo || (redo->is_allowed && redo->after_deadline)) && at_us <= quote->deadline_us)
        until_us = MIN(until_us, quote->deadline_us); /* after it, also within the grace, it is a resubmission */
    if (!is_redo && rule->uncovered[assignment->owner_kind].is_prorated && quote->late_us > 0)
        until_us = at_us;
    until_us = before(rule->cutoff_us, at_us, until_us);
    if (is_redo)
        until_us = MIN(until_us, quote->window_us < at_us ? G_MAXINT64 : quote->window_us);
    until_us = is_redo ? before(rule->resubmission.until_us, at_us, until_us) : until_us;
    guint round = marks_before(redo->rounds_us, redo->n_rounds, at_us); /* its end belongs to it */
    if (is_redo && round < redo->n_rounds)
        until_us = MIN(until_us, redo->rounds_us[round]);
    if (rule->early.is_given && at_us <= quote->deadline_us)
        until_us = MIN(until_us, MIN(quote->deadline_us, rule->early.by_us > 0 ? last_as_now(&terms, early_at, at_us)
                                                                               : quote->deadline_us));
    const Rule *usual = policy_rule(policy, assignment);
    for (guint i = 0; i < usual->n_periods; i++) {
        until_us = before(usual->periods[i].from_us, at_us, until_us);
        until_us = before(usual->periods[i].until_us, at_us, until_us);
    }
    for (guint i = 0; i < policy->n_banks; i++)
        until_us = before(policy->banks[i].expires_us, at_us, until_us);
    return until_us;
}

gint64 policy_quote_until(const Policy *policy, const Course *course, const Assignment *assignment,
                          const Decision *quote, gint64 at_us)
{
    gint64 until_us = G_MAXINT64;
    if (!quote->parts)
        return quote_until(policy, course, assignment, quote, at_us);
    for (guint i = 0; i < quote->parts->len; i++) {
        const Decision *part = g_ptr_array_index(quote->parts, i);
        const Assignment *due = course_due(course, part->assignment);
        until_us = MIN(until_us, quote_until(policy, course, due, part, at_us));
    }
    return until_us;
}

static void add_terms(GString *text, const Policy *policy, const Assignment *due, const Decision *quote, gint64 at_us)
{
    const Rule *rule = policy_rule_at(policy, due, at_us);
    const UncoveredRule *uncovered = &rule->uncovered[due->owner_kind];
    bool is_redo = quote->window_us > 0;
    bool may_count = quote->kind == DECISION_COUNTS || quote->kind == DECISION_HELD;
    bool may_cost = quote->tokens_milli > 0 || quote->kind == DECISION_HELD;
    bool is_late = !is_redo && quote->late_units > 0 && may_count;
    bool keeps_better =
        is_redo ? rule->resubmission.rule != REDO_REPLACES : rule->counts == COUNTS_BEST || rule->counts == COUNTS_GAIN;
    bool buys_lateness = rule->late.max_units > 0 || rule->late.n_flats > 0;
    /* Not all ways take their part of whatever was earned. */
    bool has_bounds =
        uncovered->kind == UNCOVERED_SCORE && (uncovered->floor_milli > 0 || uncovered->base == OF_CAP ||
                                               uncovered->base == OF_POINTS || uncovered->base == OF_MAXIMUM);
    if (quote->full_id != 0 && quote->kind == DECISION_IGNORED)
        g_string_append_printf(text,
                               "Only a result with more bonus points than submission %" G_GINT64_FORMAT
                               " has can count, and may then cost tokens. ",
                               quote->full_id);
    else if (quote->full_id != 0)
        g_string_append_printf(text,
                               "Submission %" G_GINT64_FORMAT " has all points already: unless this one brings more "
                               "bonus points, it is ignored, and free. ",
                               quote->full_id);
    if (is_late && may_cost && buys_lateness && !policy->charges_for_nothing)
        g_string_append(text, "A result without points takes no token. ");
    if (may_cost && keeps_better)
        g_string_append(text, "A result that is not better than what counts is free. ");
    if (is_late && has_bounds && buys_lateness)
        g_string_append(text,
                        "This is for a result with all points: for a lower one the way that leaves the most of it "
                        "is taken. ");
    if (policy->allocation != ALLOCATE_BY_RECEIPT && quote->late_units > 0)
        g_string_append(text, "Tokens are handed out when all is known: what is handed in later may change this. ");
    /* Whether the earlier one counts decides what this one is: a resubmission, or late, and how much is paid for it. */
    if (policy->allocation != ALLOCATE_BY_RECEIPT && quote->is_another_try)
        g_string_append(text, "A lower result may leave tokens to other work: an earlier try may then count that does "
                              "not by this quote, or the other way round, and this one may cost more. ");
}

static const Assignment *find_due(const Assignment *whole, const char *id)
{
    for (guint i = 0; whole->parts && i < whole->parts->len; i++) {
        const Assignment *part = g_ptr_array_index(whole->parts, i);
        if (strcmp(part->id, id) == 0)
            return part;
    }
    return whole;
}

/* Each part has its own rule. */
static void add_part_terms(GString *text, const Policy *policy, const Assignment *whole, const Decision *part,
                           gint64 at_us)
{
    const Assignment *due = find_due(whole, part->assignment);
    g_autofree char *title = g_strdup(due->whole ? due->title : "The rest");
    gsize before = text->len;
    title[0] = g_ascii_toupper(title[0]);
    add_terms(text, policy, due, part, at_us);
    if (text->len > before)
        g_string_insert(text, (gssize)before, ": ");
    if (text->len > before)
        g_string_insert(text, (gssize)before, title);
}

/* A lower result may need no token for one part, and have them for one that lacks them by this quote. */
static void add_common_terms(GString *text, const Decision *quote)
{
    bool may_leave = false, may_take = false;
    for (guint i = 0; quote->parts && i < quote->parts->len; i++) {
        const Decision *part = g_ptr_array_index(quote->parts, i);
        bool loses = part->penalty_milli > 0 || part->minus_milli > 0 || part->cap_milli > 0 || part->course_milli > 0;
        may_leave |= part->tokens_milli > 0;
        may_take |=
            loses || part->kind == DECISION_REFUSED || part->kind == DECISION_FEEDBACK || part->kind == DECISION_HELD;
    }
    if (may_leave && may_take)
        g_string_append(text, "What a lower result does not need for one part may pay for another. ");
}

char *policy_quote_terms(const Policy *policy, const Assignment *assignment, const Decision *quote, gint64 at_us)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; quote->parts && i < quote->parts->len; i++)
        add_part_terms(text, policy, assignment, g_ptr_array_index(quote->parts, i), at_us);
    add_common_terms(text, quote);
    if (!quote->parts)
        add_terms(text, policy, assignment, quote, at_us);
    g_string_truncate(text, text->len > 0 ? text->len - 1 : 0);
    return g_string_free(text, text->len == 0);
}
