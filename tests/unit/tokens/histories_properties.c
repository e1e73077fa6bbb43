/* SPDX-License-Identifier: Apache-2.0 */
/* What holds in every history, told by its events and its lines alone. */
#include "tests/unit/tokens/histories.h"

#define ID G_GINT64_FORMAT

/* ---- books ------------------------------------------------------------------------------------------------------- */

static const Bank *bank_of(const Policy *of, const char *account)
{
    OwnerKind owner = g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON;
    const char *name = strchr(account, '/') ? strchr(account, '/') + 1 : "";
    for (guint i = 0; i < of->n_banks; i++) {
        if (of->banks[i].owner == owner && strcmp(of->banks[i].name, name) == 0)
            return &of->banks[i];
    }
    return NULL;
}

/* What was granted to it, by the events and by the course. */
static gint64 granted_to(const History *history, const char *account, const Bank *bank)
{
    gint64 sum = 0;
    g_auto(GStrv) names = g_strsplit(account, "/", 2);
    for (guint i = 0; i < bank->n_adds; i++)
        sum += bank->adds[i].amount_milli;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (strcmp(event->kind, "granted") != 0 || strcmp(event->account, names[0]) != 0)
            continue;
        const char *written = strstr(event->data, "\"written\"");
        bool has_written = bank->owner == OWNER_PERSON && strstr(history->rules->text, "written: {owner: person");
        const char *name = written && has_written ? "written" : "";
        if (strcmp(name, bank->name) == 0)
            sum += g_ascii_strtoll(strchr(event->data, ':') + 1, NULL, 10);
    }
    return sum;
}

static char *check_account(const History *history, const Fold *fold, const FoldAccount *account)
{
    const Bank *bank = bank_of(history->rules->policy, account->account);
    gint64 sum = 0, pool = 0, granted = 0;
    for (guint i = 0; i < fold->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(fold->lines, i);
        if (strcmp(line->account, account->account) != 0)
            continue;
        sum += line->amount_milli;
        pool += strcmp(line->kind, "pool") == 0 ? line->amount_milli : 0;
        granted += strcmp(line->kind, "grant") == 0 ? line->amount_milli : 0;
        if (sum < -bank->debt_milli && line->amount_milli < 0)
            return g_strdup_printf("%s sinks to %" ID, account->account, sum);
        if (sum > bank->most_milli)
            return g_strdup_printf("%s holds %" ID, account->account, sum);
        const EventRow *submitted = line->submission_id ? history_submitted(history, line->submission_id) : NULL;
        bool is_charge = strcmp(line->kind, "charge") == 0;
        if (is_charge && (!submitted || submitted->at_us >= bank->expires_us))
            return g_strdup_printf("%s pays for %" ID " after its end", account->account, line->submission_id);
        if (is_charge && strcmp(account->account, "person:aud") == 0)
            return g_strdup("who audits pays");
    }
    if (sum != account->balance_milli)
        return g_strdup_printf("%s: lines come to %" ID ", the balance is %" ID, account->account, sum,
                               account->balance_milli);
    if (pool != bank->pool_milli)
        return g_strdup_printf("%s: a pool of %" ID, account->account, pool);
    gint64 given = granted_to(history, account->account, bank);
    bool is_lost = bank->most_milli != G_MAXINT64 && granted >= 0 && granted < given;
    if (granted != given && !is_lost)
        return g_strdup_printf("%s: %" ID " granted", account->account, granted);
    return NULL;
}

static gint64 sum_for(const Fold *fold, const char *account, gint64 id, const char *due, const char *kind)
{
    gint64 sum = 0;
    for (guint i = 0; i < fold->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(fold->lines, i);
        bool is_his = !account || strcmp(line->account, account) == 0;
        if (is_his && line->submission_id == id && strcmp(line->kind, kind) == 0 &&
            g_strcmp0(line->assignment, due) == 0)
            sum += line->amount_milli;
    }
    return sum;
}

/* Who pays for the team by the rule that holds for a submission. */
static GroupRule group_of(const History *history, const Decision *decision)
{
    const EventRow *submitted = history_submitted(history, decision->submission_id);
    const Assignment *due = course_due(history->rules->course, decision->assignment);
    return submitted && due ? policy_rule_at(history->rules->policy, due, submitted->at_us)->group
                            : (GroupRule){.kind = GROUP_ACCOUNT};
}

/* One or all of the members pay: each of them what the decision says, or what there is, or all together that for each.
 */
static bool is_charged_as_decided(const History *history, const Fold *fold, const Decision *decision)
{
    GroupRule group = group_of(history, decision);
    gint64 charged = -sum_for(fold, NULL, decision->submission_id, decision->assignment, "charge");
    gint64 expected = 0;
    for (guint i = 0; decision->shares && i < decision->shares->len; i++)
        expected += ((const MemberShare *)g_ptr_array_index(decision->shares, i))->tokens_milli;
    if (decision->shares)
        return charged == expected;
    if (charged == decision->tokens_milli)
        return true;
    if (decision->tokens_milli > 0 && group.pays == PAYS_EACH && group.enough == ENOUGH_TOGETHER)
        return charged > 0 && charged % decision->tokens_milli == 0;
    for (guint i = 0; i < fold->accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(fold->accounts, i);
        gint64 own = -sum_for(fold, account->account, decision->submission_id, decision->assignment, "charge");
        bool may_have_less = group.pays == PAYS_EACH && group.enough == ENOUGH_ANY && own < decision->tokens_milli;
        if (own != 0 && own != decision->tokens_milli && !may_have_less)
            return false;
    }
    return charged > 0;
}

static bool may_cost(const History *history, const Decision *decision)
{
    switch (decision->kind) {
    case DECISION_COUNTS:
    case DECISION_IGNORED: /* it was replaced, or withdrawn where that gives nothing back */
        return true;
    case DECISION_FEEDBACK:
        return strstr(history->rules->text, "no_benefit: charge") != NULL;
    default:
        return false;
    }
}

/* The newest verdict is ours to mend, or there is none. */
static bool has_no_verdict(const History *history, gint64 id)
{
    const EventRow *newest = NULL;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (event->submission_id == id && strcmp(event->kind, "graded") == 0 &&
            (!newest || event->at_us > newest->at_us || (event->at_us == newest->at_us && event->id > newest->id)))
            newest = event;
    }
    return !newest || strstr(newest->data, "\"n_error\":0") == NULL;
}

static char *check_decision(const History *history, const Fold *fold, const Decision *decision)
{
    const gint64 all_milli = 100000;
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        char *problem = check_decision(history, fold, g_ptr_array_index(decision->parts, i));
        if (problem)
            return problem;
    }
    if (decision->parts)
        return NULL;
    gint64 id = decision->submission_id;
    if (decision->tokens_milli < 0 || (decision->tokens_milli > 0 && !may_cost(history, decision)))
        return g_strdup_printf("%" ID " of %s costs %" ID " although it is %s", id, decision->assignment,
                               decision->tokens_milli, decision_kind_name(decision->kind));
    if (decision->penalty_milli < 0 || decision->penalty_milli > all_milli || decision->minus_milli < 0 ||
        decision->course_milli < 0 || decision->course_milli > all_milli)
        return g_strdup_printf("%" ID ": a penalty of %" ID, id, decision->penalty_milli);
    if (!is_charged_as_decided(history, fold, decision))
        return g_strdup_printf("%" ID " of %s: decided %" ID ", charged %" ID, id, decision->assignment,
                               decision->tokens_milli, -sum_for(fold, NULL, id, decision->assignment, "charge"));
    if (has_no_verdict(history, id) &&
        (decision->tokens_milli != 0 || sum_for(fold, NULL, id, decision->assignment, "charge") != 0))
        return g_strdup_printf("%" ID " costs tokens without a verdict", id);
    if (sum_for(fold, NULL, id, decision->assignment, "earn") < decision->earned_milli)
        return g_strdup_printf("%" ID ": earned tokens are not booked", id);
    return NULL;
}

char *property_books_balance(const History *history)
{
    const Fold *fold = history->fold;
    char *problem = NULL;
    for (guint i = 0; !problem && i < fold->accounts->len; i++)
        problem = check_account(history, fold, g_ptr_array_index(fold->accounts, i));
    for (guint i = 0; !problem && i < fold->decisions->len; i++)
        problem = check_decision(history, fold, g_ptr_array_index(fold->decisions, i));
    return problem;
}

/* ---- one counts -------------------------------------------------------------------------------------------------- */

static char *add_counting(const History *history, GHashTable *counting, const Decision *decision)
{
    char *problem = NULL;
    for (guint i = 0; !problem && decision->parts && i < decision->parts->len; i++)
        problem = add_counting(history, counting, g_ptr_array_index(decision->parts, i));
    if (decision->parts || decision->kind != DECISION_COUNTS)
        return problem;
    const EventRow *submitted = history_submitted(history, decision->submission_id);
    const char *account = history->accounts->len == 1 ? history->account : submitted->account;
    char *key = g_strdup_printf("%s %s", account, decision->assignment);
    return g_hash_table_add(counting, key)
               ? NULL
               : g_strdup_printf("two submissions of %s count for %s", decision->assignment, account);
}

char *property_one_counts(const History *history)
{
    const Fold *fold = history->fold;
    g_autoptr(GHashTable) counting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    char *problem = NULL;
    for (guint i = 0; !problem && i < fold->decisions->len; i++)
        problem = add_counting(history, counting, g_ptr_array_index(fold->decisions, i));
    return problem;
}

/* ---- order of processing ----------------------------------------------------------------------------------------- */

static char *must_be_same(const char *what, const char *text, const char *other)
{
    return strcmp(text, other) == 0 ? NULL : g_strdup_printf("%s gives\n%s\ninstead of\n%s", what, other, text);
}

static guint count_verdicts(const History *history, gint64 id)
{
    guint n = 0;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        n += event->submission_id == id && strcmp(event->kind, "graded") == 0;
    }
    return n;
}

/* Neither the order in which it became known, nor when the machine got round to grading. */
char *property_order_does_not_matter(const History *history)
{
    g_auto(History) other;
    history_copy(&other, history);
    events_shuffle(other.events, other.random);
    for (guint i = 0; i < other.events->len; i++) {
        EventRow *event = g_ptr_array_index(other.events, i);
        if (strcmp(event->kind, "graded") == 0 && count_verdicts(&other, event->submission_id) == 1)
            event->at_us += (history_pick(&other, 60) - 5) * CLOCK_DAY_US;
    }
    g_autoptr(Fold) again = history_fold(&other);
    g_autofree char *other_text = fold_text(again);
    return must_be_same("another order", history->fold_text, other_text);
}

char *property_mended_error_leaves_no_trace(const History *history)
{
    g_auto(History) other;
    history_copy(&other, history);
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (strcmp(event->kind, "graded") == 0 && history_pick(&other, 2) == 0)
            history_add_graded(&other, event->account, event->submission_id, event->at_us - CLOCK_DAY_US * 100, 0, 0,
                               100000, 2);
    }
    g_autoptr(Fold) again = history_fold(&other);
    g_autofree char *other_text = fold_text(again);
    return must_be_same("a mended error", history->fold_text, other_text);
}

/* ---- what costs nothing ------------------------------------------------------------------------------------------ */

static gint64 newest_receipt(const History *history)
{
    gint64 newest_us = 0;
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (strcmp(event->kind, "submitted") == 0)
            newest_us = MAX(newest_us, event->at_us);
    }
    return newest_us;
}

static const EventRow *pick_submitted(const History *history)
{
    g_autoptr(GPtrArray) submitted = g_ptr_array_new();
    for (guint i = 0; i < history->events->len; i++) {
        EventRow *event = g_ptr_array_index(history->events, i);
        if (strcmp(event->kind, "submitted") == 0)
            g_ptr_array_add(submitted, event);
    }
    return submitted->len > 0 ? g_ptr_array_index(submitted, (guint)history_pick(history, (gint32)submitted->len))
                              : NULL;
}

/* It costs nothing itself; and where nothing comes after it, every account has what it had. */
static char *must_be_free(const History *history, History *other, const char *what, bool is_last)
{
    const Fold *fold = history->fold;
    g_autoptr(Fold) again = history_fold(other);
    const Decision *decision = fold_decision(again, other->n_submissions);
    if (decision->tokens_milli != 0)
        return g_strdup_printf("%s costs %" ID, what, decision->tokens_milli);
    for (guint i = 0; i < again->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(again->lines, i);
        if (line->submission_id == other->n_submissions && line->amount_milli < 0)
            return g_strdup_printf("%s is charged %" ID, what, line->amount_milli);
    }
    for (guint i = 0; is_last && i < fold->accounts->len; i++) {
        const FoldAccount *before = g_ptr_array_index(fold->accounts, i);
        for (guint j = 0; j < again->accounts->len; j++) {
            const FoldAccount *after = g_ptr_array_index(again->accounts, j);
            if (strcmp(before->account, after->account) == 0 && after->balance_milli < before->balance_milli)
                return g_strdup_printf("%s takes %s from %" ID " to %" ID, what, before->account, before->balance_milli,
                                       after->balance_milli);
        }
    }
    return NULL;
}

char *property_identical_costs_nothing(const History *history)
{
    g_auto(History) other;
    history_copy(&other, history);
    const EventRow *submitted = pick_submitted(&other);
    if (!submitted)
        return NULL;
    bool is_last = history_pick(&other, 2) == 0;
    gint64 from_us = is_last ? newest_receipt(history) : submitted->at_us;
    gint64 id = ++other.n_submissions, at_us = from_us + history_pick(&other, 100) * CLOCK_HOUR_US / 2;
    g_autofree char *account = g_strdup(submitted->account), *assignment = g_strdup(submitted->assignment);
    history_add(&other, account, "submitted", at_us, assignment, id, submitted->data);
    history_add_graded(&other, account, id, at_us, history_pick(&other, 100) * 1000, 0, 100000, 0);
    if (history_pick(&other, 3) == 0)
        history_add(&other, account, "confirmed", at_us + 1, NULL, id, "{}");
    return must_be_free(history, &other, "identical content", is_last);
}

char *property_our_error_costs_nothing(const History *history)
{
    g_auto(History) other;
    history_copy(&other, history);
    const char *account = g_ptr_array_index(other.accounts, (guint)history_pick(&other, (gint32)other.accounts->len));
    const Assignment *due = history_pick_assignment(&other, account);
    if (!due)
        return NULL;
    gint64 id = ++other.n_submissions, newest_us = newest_receipt(history), at_us = history_pick_time(&other, due);
    history_add_submitted(&other, account, due->id, id, at_us, "of its own");
    history_add_graded(&other, account, id, at_us, history_pick(&other, 2) * 50000, 0, 100000, 1);
    if (history_pick(&other, 3) == 0)
        history_add(&other, account, "confirmed", at_us + 1, NULL, id, "{}");
    return must_be_free(history, &other, "our error", at_us > newest_us);
}

char *property_sentences_are_whole(const History *history)
{
    const Fold *fold = history->fold;
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        check_sentence(decision->sentence);
        for (guint j = 0; decision->shares && j < decision->shares->len; j++)
            check_sentence(((const MemberShare *)g_ptr_array_index(decision->shares, j))->sentence);
    }
    return NULL;
}
