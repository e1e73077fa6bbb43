/* SPDX-License-Identifier: Apache-2.0 */
/* What is promised beforehand, and what an extension does. */
#include "tests/unit/tokens/histories.h"

#define ID G_GINT64_FORMAT

static const gint64 all_points = 100000;

/* ---- quotes ------------------------------------------------------------------------------------------------------ */

typedef struct {
    const char *account;
    const Assignment *assignment;
    gint64 at_us;
    Decision *quote;
    char *terms; /* "" when there are none */
} Promise;

static void promise_clear(Promise *promise)
{
    decision_free(promise->quote);
    g_free(promise->terms);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Promise, promise_clear)

/* A quote is for what comes next: nothing of the same is newer. */
static gint64 newest_receipt(const History *history, const char *account, const char *assignment)
{
    gint64 newest_us = 0;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (strcmp(event->kind, "submitted") == 0 && strcmp(event->account, account) == 0 &&
            strcmp(event->assignment, assignment) == 0)
            newest_us = MAX(newest_us, event->at_us);
    }
    return newest_us;
}

static bool promise_make(Promise *promise, const History *history)
{
    const Rules *rules = history->rules;
    *promise = (Promise){0};
    promise->account =
        g_ptr_array_index(history->accounts, (guint)history_pick(history, (gint32)history->accounts->len));
    promise->assignment = history_pick_assignment(history, promise->account);
    if (!promise->assignment)
        return false;
    gint64 at_us = history_pick_time(history, promise->assignment);
    promise->at_us = MAX(at_us, newest_receipt(history, promise->account, promise->assignment->id));
    promise->quote = policy_quote(rules->policy, rules->course, promise->account, promise->assignment, history->events,
                                  promise->at_us);
    char *terms = policy_quote_terms(rules->policy, promise->assignment, promise->quote, promise->at_us);
    promise->terms = terms ? terms : g_strdup("");
    return true;
}

/* New content at that very moment, with what is asked for, and so many points. */
static Decision *charge(const History *history, const Promise *promise, gint64 points, bool is_confirmed)
{
    g_auto(History) other;
    history_copy(&other, history);
    gint64 id = ++other.n_submissions;
    history_add_submitted(&other, promise->account, promise->assignment->id, id, promise->at_us, "brand new");
    history_add_graded(&other, promise->account, id, promise->at_us + 1, points, 0, all_points, 0);
    history_add(&other, promise->account, "noted", promise->at_us + 2, NULL, id, "{\"what\":\"reflection\"}");
    if (is_confirmed)
        history_add(&other, promise->account, "confirmed", promise->at_us + 3, NULL, id, "{}");
    g_autoptr(Fold) fold = history_fold(&other);
    for (guint i = 0; i < fold->decisions->len; i++) {
        if (((const Decision *)g_ptr_array_index(fold->decisions, i))->submission_id == id)
            return g_ptr_array_steal_index(fold->decisions, i);
    }
    ck_abort_msg("a submission is not decided");
    return NULL;
}

static bool has_same_numbers(const Decision *a, const Decision *b)
{
    return a->kind == b->kind && a->tokens_milli == b->tokens_milli && a->penalty_milli == b->penalty_milli &&
           a->minus_milli == b->minus_milli && a->cap_milli == b->cap_milli && a->floor_milli == b->floor_milli &&
           a->course_milli == b->course_milli && a->early_milli == b->early_milli &&
           a->earned_milli == b->earned_milli && a->deadline_us == b->deadline_us;
}

static bool has_same_shares(const Decision *a, const Decision *b)
{
    if ((a->shares == NULL) != (b->shares == NULL) || (a->shares && a->shares->len != b->shares->len))
        return false;
    for (guint i = 0; a->shares && i < a->shares->len; i++) {
        const MemberShare *left = g_ptr_array_index(a->shares, i), *right = g_ptr_array_index(b->shares, i);
        if (left->kind != right->kind || left->tokens_milli != right->tokens_milli ||
            left->credit_milli != right->credit_milli)
            return false;
    }
    return true;
}

/* Free after all, and the quote says so: what is no better than what counts, what is good enough for its price. */
static bool is_announced_gift(const Promise *promise, const Decision *quote, const Decision *charged)
{
    if (charged->tokens_milli != 0)
        return false;
    if (charged->kind == DECISION_IGNORED)
        return (quote->tokens_milli == 0 && quote->kind == DECISION_COUNTS) || strstr(promise->terms, "is free") ||
               strstr(promise->terms, "is ignored, and free");
    return charged->kind == quote->kind && quote->tokens_milli > 0 && strstr(quote->sentence, "gives it back") != NULL;
}

static char *compare_promise(const Promise *promise, const Decision *quote, const Decision *charged)
{
    if (quote->parts) {
        if (quote->parts->len != charged->parts->len)
            return g_strdup_printf("%u parts are quoted, %u decided", quote->parts->len, charged->parts->len);
        char *problem = NULL;
        for (guint i = 0; !problem && i < quote->parts->len; i++)
            problem =
                compare_promise(promise, g_ptr_array_index(quote->parts, i), g_ptr_array_index(charged->parts, i));
        return problem;
    }
    if (has_same_numbers(quote, charged) && has_same_shares(quote, charged))
        return NULL;
    if (is_announced_gift(promise, quote, charged))
        return NULL;
    return g_strdup_printf("%s: quoted \"%s\" (%s, %s), with \"%s\"; charged \"%s\" (%s)", quote->assignment,
                           quote->sentence, quote->ta_line, promise->account, promise->terms, charged->sentence,
                           charged->ta_line);
}

char *property_quote_equals_charge(const History *history)
{
    g_auto(Promise) promise;
    if (!promise_make(&promise, history))
        return NULL;
    g_autoptr(Decision) charged = charge(history, &promise, all_points, false);
    return compare_promise(&promise, promise.quote, charged);
}

/* What waits because it would cost something costs that, once somebody says yes. */
char *property_held_costs_as_it_says(const History *history)
{
    g_auto(Promise) promise;
    if (!promise_make(&promise, history) || promise.quote->kind != DECISION_HELD || promise.quote->parts ||
        strstr(promise.quote->sentence, "would cost") == NULL || strstr(promise.terms, "when all is known"))
        return NULL;
    g_autoptr(Decision) charged = charge(history, &promise, all_points, true);
    g_autofree char *number = points_format(charged->tokens_milli);
    g_autofree char *cost = g_strdup_printf("cost %s ", number), *most = g_strdup_printf("at most %s ", number);
    bool is_said = charged->tokens_milli == 0 || strstr(promise.quote->sentence, cost) ||
                   strstr(promise.quote->sentence, most) || strstr(promise.quote->sentence, "only token");
    return is_said
               ? NULL
               : g_strdup_printf("\"%s\" then costs %s: \"%s\"", promise.quote->sentence, number, charged->sentence);
}

char *property_lower_result_costs_no_more(const History *history)
{
    g_auto(Promise) promise;
    if (!promise_make(&promise, history))
        return NULL;
    g_autoptr(Decision) charged = charge(history, &promise, history_pick(history, 100) * 1000, false);
    bool is_warned = strstr(promise.terms, "for a lower one the way that leaves the most of it is taken") ||
                     strstr(promise.terms, "may pay for another") ||
                     strstr(promise.terms, "an earlier try may then count");
    if (charged->tokens_milli <= promise.quote->tokens_milli || is_warned)
        return NULL;
    return g_strdup_printf("%s: quoted \"%s\" (%s), with \"%s\"; a lower result is charged \"%s\" (%s)",
                           promise.assignment->id, promise.quote->sentence, promise.quote->ta_line, promise.terms,
                           charged->sentence, charged->ta_line);
}

/* The course itself gives tokens, or an event lies in between; also at the very instant of the quote, where the order
 * is by deadline, and a moment later it is not. */
static bool something_happens(const History *history, gint64 from_us, gint64 to_us)
{
    const Policy *rules = history->rules->policy;
    for (guint i = 0; i < rules->n_banks; i++) {
        for (guint j = 0; j < rules->banks[i].n_adds; j++) {
            if (rules->banks[i].adds[j].at_us > from_us && rules->banks[i].adds[j].at_us <= to_us)
                return true;
        }
    }
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        bool says_time = strcmp(event->kind, "graded") != 0;
        if (says_time && event->at_us >= from_us && event->at_us <= to_us)
            return true;
    }
    return false;
}

static char *compare_quotes(const Decision *now, const Decision *then)
{
    char *problem = NULL;
    for (guint i = 0; !problem && now->parts && i < now->parts->len; i++)
        problem = compare_quotes(g_ptr_array_index(now->parts, i), g_ptr_array_index(then->parts, i));
    if (now->parts || (has_same_numbers(now, then) && has_same_shares(now, then)))
        return problem;
    return g_strdup_printf("%s: \"%s\" (%s) becomes \"%s\" (%s)", now->assignment, now->sentence, now->ta_line,
                           then->sentence, then->ta_line);
}

char *property_quote_holds_until(const History *history)
{
    g_auto(Promise) promise;
    if (!promise_make(&promise, history))
        return NULL;
    const Rules *rules = history->rules;
    const gint64 far_us = 40 * CLOCK_DAY_US;
    gint64 until_us =
        policy_quote_until(rules->policy, rules->course, promise.assignment, promise.quote, promise.at_us);
    if (until_us < promise.at_us)
        return g_strdup_printf("a quote that ends before it begins: %" ID, promise.at_us - until_us);
    gint64 last_us = MIN(until_us, promise.at_us + far_us);
    gint64 then_us = history_pick(history, 2) == 0
                         ? last_us
                         : promise.at_us + (last_us - promise.at_us) / 64 * history_pick(history, 64);
    if (something_happens(history, promise.at_us, then_us))
        return NULL;
    g_autoptr(Decision) then =
        policy_quote(rules->policy, rules->course, promise.account, promise.assignment, history->events, then_us);
    return compare_quotes(promise.quote, then);
}

/* ---- extensions -------------------------------------------------------------------------------------------------- */

static cJSON *newest_verdict(const History *history, gint64 id)
{
    const EventRow *newest = NULL;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (event->submission_id == id && strcmp(event->kind, "graded") == 0 &&
            (!newest || event->at_us > newest->at_us || (event->at_us == newest->at_us && event->id > newest->id)))
            newest = event;
    }
    return newest ? json_parse(newest->data, strlen(newest->data), NULL) : NULL;
}

/* A person still judges: it may become all points. */
static bool is_open(const History *history, gint64 id)
{
    g_autoptr(cJSON) data = newest_verdict(history, id);
    return json_int64_or(data, "n_review", 0) > 0;
}

/* With `no_benefit: charge` ways to pay are chosen as for all points. */
static bool charges_for_nothing(const History *history)
{
    return strstr(history->rules->text, "no_benefit: charge") != NULL;
}

static gint64 newest_points(const History *history, gint64 id)
{
    g_autoptr(cJSON) data = newest_verdict(history, id);
    gint64 points = json_int64_or(data, "points_milli", 0) + json_int64_or(data, "bonus_milli", 0);
    return is_open(history, id) || charges_for_nothing(history) ? MAX(points, json_int64_or(data, "max_milli", 0))
                                                                : points;
}

static const Decision *part_of(const Decision *decision, const char *due)
{
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        const Decision *part = g_ptr_array_index(decision->parts, i);
        if (strcmp(part->assignment, due) == 0)
            return part;
    }
    return decision->parts ? NULL : decision;
}

/* One submission of what is extended, which no person has decided; of everything else as much as there is. */
static void leave_one(History *history, gint64 id, const char *account, const char *assignment)
{
    static const char *const words[] = {"confirmed", "waived", "overridden", "selected", "withdrawn"};
    for (guint i = history->events->len; i > 0; i--) {
        const EventRow *event = g_ptr_array_index(history->events, i - 1);
        bool is_word = false;
        for (gsize j = 0; j < G_N_ELEMENTS(words); j++)
            is_word |= event->submission_id == id && strcmp(event->kind, words[j]) == 0;
        if (is_word)
            history_drop(history, i - 1);
    }
    for (gint64 other = 1; other <= history->n_submissions; other++) {
        const EventRow *submitted = history_submitted(history, other);
        if (other != id && submitted && strcmp(submitted->assignment, assignment) == 0 &&
            strcmp(submitted->account, account) == 0)
            history_drop_submission(history, other);
    }
}

static const char *pick_due(const History *history, const char *assignment_id)
{
    const Assignment *assignment = course_assignment(history->rules->course, assignment_id);
    guint n_parts = assignment->parts ? assignment->parts->len : 0;
    return n_parts > 0 ? ((const Assignment *)g_ptr_array_index(assignment->parts,
                                                                (guint)history_pick(history, (gint32)n_parts)))
                             ->id
                       : assignment->id;
}

static void extend(History *history, const char *account, const char *due)
{
    g_autofree char *data = g_strdup_printf("{\"by_us\":%" ID "}", (1 + history_pick(history, 100)) * CLOCK_HOUR_US);
    history_add(history, account, "extended", 1, due, 0, data);
}

static char *compare_shares(const History *history, const Decision *before, const Decision *after, gint64 points)
{
    const GPtrArray *people = history->rules->course->people;
    for (guint i = 0; i < people->len; i++) {
        const char *id = ((const Person *)g_ptr_array_index(people, i))->id;
        gint64 was = decision_credit_for(before, id, points), is = decision_credit_for(after, id, points);
        if (is < was)
            return g_strdup_printf("%s has %" ID " instead of %" ID, id, is, was);
    }
    return NULL;
}

/* With `no_benefit: charge` tokens and the course grade may go for nothing: credit alone is promised. */
static char *compare_extended(const History *history, const Decision *before, const Decision *after, gint64 points)
{
    if (before->kind == DECISION_HELD) /* it waits for a person: nothing to compare */
        return NULL;
    if ((before->shares || after->shares) && charges_for_nothing(history))
        return NULL;
    if (before->shares || after->shares)
        return compare_shares(history, before, after, points);
    gint64 was = decision_credit_milli(before, points), is = decision_credit_milli(after, points);
    bool is_no_dearer = after->course_milli < before->course_milli ||
                        (after->course_milli == before->course_milli && after->tokens_milli <= before->tokens_milli) ||
                        charges_for_nothing(history);
    if (is > was || (is == was && is_no_dearer))
        return NULL;
    return g_strdup_printf("%s: \"%s\" (%s), credit %" ID ", becomes \"%s\" (%s), credit %" ID, before->assignment,
                           before->sentence, before->ta_line, was, after->sentence, after->ta_line, is);
}

static gint64 total_credit(const History *history, const Fold *fold)
{
    gint64 total = 0;
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        total += decision_credit_milli(decision, newest_points(history, decision->submission_id));
    }
    return total;
}

static bool has_parts(const Fold *fold)
{
    for (guint i = 0; i < fold->decisions->len; i++) {
        if (((const Decision *)g_ptr_array_index(fold->decisions, i))->parts)
            return true;
    }
    return false;
}

/* Where tokens are handed out for the most credit, all credit together is promised: an assignment that needs fewer
 * tokens may leave them all to another. What is bought with tokens that coming early brings now is not credit. */
static char *compare_totals(const History *history, const Fold *fold, const Fold *again)
{
    if (again->bought->len > fold->bought->len)
        return NULL;
    /* Then each is handed out as if the result had all points, and what all points of a part are is not told. */
    if (charges_for_nothing(history) && has_parts(fold))
        return NULL;
    gint64 was = total_credit(history, fold), is = total_credit(history, again);
    return is >= was ? NULL : g_strdup_printf("all credit together sinks from %" ID " to %" ID, was, is);
}

char *property_extension_never_hurts(const History *history)
{
    g_auto(History) one;
    history_copy(&one, history);
    gint64 id = history->n_submissions > 0 ? 1 + history_pick(&one, (gint32)history->n_submissions) : 0;
    const EventRow *submitted = id > 0 ? history_submitted(&one, id) : NULL;
    if (!submitted)
        return NULL;
    bool is_best = strstr(history->rules->text, "best_at_end") != NULL;
    g_autofree char *account = g_strdup(submitted->account), *assignment = g_strdup(submitted->assignment);
    leave_one(&one, id, account, assignment);
    for (gint64 other = 1; is_best && other <= one.n_submissions; other++) {
        submitted = history_submitted(&one, other);
        if (submitted)
            leave_one(&one, other, submitted->account, submitted->assignment);
    }
    const char *due = pick_due(&one, assignment);
    g_autoptr(Fold) fold = history_fold(&one);
    extend(&one, account, due);
    g_autoptr(Fold) again = history_fold(&one);
    if (is_best)
        return compare_totals(&one, fold, again);
    const Decision *before = part_of(fold_decision(fold, id), due), *after = part_of(fold_decision(again, id), due);
    bool is_part = before && before != fold_decision(fold, id);
    if (is_part && (is_open(&one, id) || charges_for_nothing(&one)))
        return NULL; /* what all points of the part are is not told */
    gint64 points = is_part ? before->points_milli : newest_points(&one, id);
    return before ? compare_extended(&one, before, after, points) : NULL;
}

/* Whatever else was handed in: nothing is later than it was. */
char *property_extension_makes_nothing_later(const History *history)
{
    g_auto(History) other;
    history_copy(&other, history);
    const char *account = g_ptr_array_index(other.accounts, (guint)history_pick(&other, (gint32)other.accounts->len));
    const Assignment *due = history_pick_assignment(&other, account);
    if (!due)
        return NULL;
    extend(&other, account, due->id);
    const Fold *fold = history->fold;
    g_autoptr(Fold) again = history_fold(&other);
    /* What was too late may count now, and then it is one late assignment more. */
    bool counts_assignments = strstr(history->rules->text, "unit: nth") != NULL;
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *before = g_ptr_array_index(fold->decisions, i);
        const Decision *after = fold_decision(again, before->submission_id);
        bool is_one_more = after->late_units > before->late_units && !counts_assignments;
        if (is_one_more || after->late_us > before->late_us)
            return g_strdup_printf("%" ID " of %s is later by an extension of %s", before->submission_id,
                                   before->assignment, due->id);
    }
    return NULL;
}
