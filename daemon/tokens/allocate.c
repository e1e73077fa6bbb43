/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens handed out at the end of term: in the order of deadlines, or so that all credit together is the most: a choice
 * a late submission (what to spend on it), made with what a walk without payment for lateness leaves in each account.
 *
 * What is not there yet when a submission is received cannot pay for it, and what something later takes stays there for
 * it. So each submission has a limit to what may be spent up to then: the least that is left from then on.
 */
#include "daemon/tokens/policy.h"

#include <string.h>

/* Limits of work, beyond which prices and sums are no longer all looked at. */
enum { MAX_PRICES = 250, MAX_SUMS = 4000 };

/* Of two with the same credit the one that takes less of the course grade is worth more. */
typedef struct {
    gint64 price_milli, credit_milli, course_milli;
} Option;

typedef struct {
    const Entry *entry;
    gint64 limit_milli; /* for it and all that was received before it */
    gint64 given_milli; /* what it gets */
    GArray *options;    /* of Option: dearer ones are worth more */
} Choice;

static void choice_clear(gpointer data)
{
    g_array_unref(((Choice *)data)->options);
}

/* Does it count, or would it with tokens? What was replaced needs none. */
static bool is_candidate(const Entry *entry)
{
    if (!entry->has_purchase || !entry->decision || entry->earned_nothing)
        return false;
    DecisionKind kind = entry->decision->kind;
    return kind == DECISION_COUNTS || kind == DECISION_FEEDBACK || entry->lacks_tokens;
}

static bool is_worth_more(gint64 credit_milli, gint64 course_milli, gint64 than_credit_milli, gint64 than_course_milli)
{
    return credit_milli > than_credit_milli || (credit_milli == than_credit_milli && course_milli < than_course_milli);
}

static void add_option(Choice *choice, Option option)
{
    const Option *last =
        choice->options->len > 0 ? &g_array_index(choice->options, Option, choice->options->len - 1) : NULL;
    if (!last || is_worth_more(option.credit_milli, option.course_milli, last->credit_milli, last->course_milli))
        g_array_append_val(choice->options, option);
}

static gint compare_prices(gconstpointer a, gconstpointer b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return left < right ? -1 : left > right;
}

/* What can be spent on it: gint64, ascending. Of too many units some are left out, but never the last one. */
static GArray *list_prices(const Entry *entry)
{
    const LateRule *late = &entry->purchase.rule->late;
    gint64 units = MIN(entry->purchase.units, late->max_units);
    gint64 step = 1 + units / MAX_PRICES;
    GArray *prices = g_array_new(FALSE, FALSE, sizeof(gint64));
    for (gint64 n = units; n > 0; n -= step) {
        gint64 price_milli = scale_total(&late->price, n);
        g_array_append_val(prices, price_milli);
    }
    for (guint i = 0; i < late->n_flats; i++)
        g_array_append_val(prices, late->flats[i].price_milli);
    g_array_sort(prices, compare_prices);
    return prices;
}

/* Nothing, and each price that the account can pay: what the best way leaves with it. Where tokens also go for nothing,
 * each is worth what it would leave of all points, as ways to pay are chosen there. */
static void fill_options(Choice *choice)
{
    const Entry *entry = choice->entry;
    const Decision *unpaid = entry->decision;
    bool is_for_all = entry->purchase.charges_for_nothing;
    gint64 points_milli = MAX(entry->purchase.earned_milli, is_for_all ? entry->purchase.max_milli : 0);
    bool is_over = entry->received_us >= entry->payer->bank->expires_us;
    g_autoptr(GArray) prices = list_prices(entry);
    add_option(choice, (Option){.credit_milli = decision_credit_milli(unpaid, points_milli),
                                .course_milli = unpaid->kind == DECISION_COUNTS ? unpaid->course_milli : 0});
    for (guint i = 0; i < prices->len && !is_over; i++) {
        g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
        Purchase purchase = entry->purchase;
        gint64 needed_milli;
        purchase.budget_milli = g_array_index(prices, gint64, i);
        if (purchase.budget_milli > choice->limit_milli)
            return;
        routes_for_lateness(&purchase, routes, &needed_milli);
        const Route *best = routes->len > 0 ? &g_array_index(routes, Route, 0) : NULL;
        if (best)
            add_option(choice, (Option){.price_milli = purchase.budget_milli,
                                        .credit_milli = is_for_all ? best->probe_milli : best->credit_milli,
                                        .course_milli = best->penalty.course_milli});
    }
}

char *allocation_key(const Entry *entry)
{
    return g_strdup_printf("%" G_GINT64_FORMAT " %s", entry->id, entry->assignment_id);
}

/* ---- the most credit --------------------------------------------------------------------------------------------- */

/* A way to spend so much on the choices so far. */
typedef struct {
    gint64 spent_milli, credit_milli, course_milli;
    guint option, before; /* of the last choice; of the sums before it */
} Sum;

static gint compare_sums(gconstpointer a, gconstpointer b)
{
    const Sum *left = a, *right = b;
    if (left->spent_milli != right->spent_milli)
        return left->spent_milli < right->spent_milli ? -1 : 1;
    if (left->credit_milli != right->credit_milli)
        return left->credit_milli > right->credit_milli ? -1 : 1;
    if (left->course_milli != right->course_milli)
        return left->course_milli < right->course_milli ? -1 : 1;
    return left->option < right->option ? -1 : left->option > right->option; /* of equals the earlier ones get it */
}

/* Keeps, of ascending sums, those that are worth more than all cheaper ones; and no more than there is room for. */
static void keep_best(GArray *sums)
{
    guint n = 0;
    for (guint i = 0; i < sums->len; i++) {
        Sum sum = g_array_index(sums, Sum, i);
        const Sum *last = n > 0 ? &g_array_index(sums, Sum, n - 1) : NULL;
        if (!last || is_worth_more(sum.credit_milli, sum.course_milli, last->credit_milli, last->course_milli))
            g_array_index(sums, Sum, n++) = sum;
    }
    guint step = 1 + n / MAX_SUMS, n_kept = 0;
    for (guint i = (n - 1) % step; i < n; i += step)
        g_array_index(sums, Sum, n_kept++) = g_array_index(sums, Sum, i);
    g_array_set_size(sums, n_kept);
}

static GArray *add_choice(const GArray *sums, const Choice *choice)
{
    GArray *next = g_array_new(FALSE, FALSE, sizeof(Sum));
    for (guint i = 0; i < sums->len; i++) {
        const Sum *sum = &g_array_index(sums, Sum, i);
        for (guint j = 0; j < choice->options->len; j++) {
            const Option *option = &g_array_index(choice->options, Option, j);
            Sum more = {.spent_milli = sum->spent_milli + option->price_milli,
                        .credit_milli = sum->credit_milli + option->credit_milli,
                        .course_milli = sum->course_milli + option->course_milli,
                        .option = j,
                        .before = i};
            if (more.spent_milli > choice->limit_milli && option->price_milli > 0)
                break;
            g_array_append_val(next, more);
        }
    }
    g_array_sort(next, compare_sums);
    keep_best(next);
    return next;
}

static void hand_out_best(GArray *choices)
{
    g_autoptr(GPtrArray) tables = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    GArray *sums = g_array_new(FALSE, TRUE, sizeof(Sum));
    g_array_set_size(sums, 1); /* nothing spent, nothing earned */
    g_ptr_array_add(tables, sums);
    for (guint i = 0; i < choices->len; i++) {
        sums = add_choice(sums, &g_array_index(choices, Choice, i));
        g_ptr_array_add(tables, sums);
    }
    guint at = sums->len - 1;
    for (guint i = choices->len; i > 0; i--) {
        Choice *choice = &g_array_index(choices, Choice, i - 1);
        const Sum *sum = &g_array_index((GArray *)g_ptr_array_index(tables, i), Sum, at);
        choice->given_milli = g_array_index(choice->options, Option, sum->option).price_milli;
        at = sum->before;
    }
}

/* ---- in order of deadlines --------------------------------------------------------------------------------------- */

static gint compare_deadlines(gconstpointer a, gconstpointer b)
{
    const Entry *left = (*(Choice *const *)a)->entry, *right = (*(Choice *const *)b)->entry;
    if (entry_due(left) != entry_due(right))
        return entry_due(left) < entry_due(right) ? -1 : 1;
    return strcmp(left->assignment_id, right->assignment_id);
}

/* What can still be spent on it, with what the others got so far. */
static gint64 room_for(const GArray *choices, const Choice *choice)
{
    gint64 spent_milli = 0, room_milli = G_MAXINT64;
    for (guint i = 0; i < choices->len; i++) {
        const Choice *other = &g_array_index(choices, Choice, i);
        spent_milli += other->given_milli;
        if (other >= choice)
            room_milli = MIN(room_milli, other->limit_milli - spent_milli);
    }
    return room_milli;
}

/* Each in turn gets the dearest of its options that can still be paid. */
static void hand_out_in_order(GArray *choices)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    for (guint i = 0; i < choices->len; i++)
        g_ptr_array_add(order, &g_array_index(choices, Choice, i));
    g_ptr_array_sort(order, compare_deadlines);
    for (guint i = 0; i < order->len; i++) {
        Choice *choice = g_ptr_array_index(order, i);
        gint64 room_milli = room_for(choices, choice);
        guint best = choice->options->len - 1;
        while (best > 0 && g_array_index(choice->options, Option, best).price_milli > room_milli)
            best--;
        choice->given_milli = g_array_index(choice->options, Option, best).price_milli;
    }
}

/* ------------------------------------------------------------------------------------------------------------------ */

/* The choices of one account, in order of receipt. */
static GArray *list_choices(const GPtrArray *entries, const Wallet *payer)
{
    GArray *choices = g_array_new(FALSE, FALSE, sizeof(Choice));
    gint64 limit_milli = wallet_left(payer);
    g_array_set_clear_func(choices, choice_clear);
    for (guint i = entries->len; i > 0; i--) {
        const Entry *entry = g_ptr_array_index(entries, i - 1);
        if (entry->payer != payer)
            continue;
        limit_milli = MIN(limit_milli, entry->left_milli);
        if (!is_candidate(entry))
            continue;
        Choice choice = {
            .entry = entry, .limit_milli = limit_milli, .options = g_array_new(FALSE, FALSE, sizeof(Option))};
        fill_options(&choice);
        g_array_prepend_val(choices, choice);
    }
    return choices;
}

GHashTable *allocate_at_end(const Policy *policy, const GPtrArray *entries)
{
    GHashTable *allotted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) payers = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < entries->len; i++) {
        const Wallet *payer = ((const Entry *)g_ptr_array_index(entries, i))->payer;
        if (!g_hash_table_add(payers, (gpointer)payer))
            continue;
        g_autoptr(GArray) choices = list_choices(entries, payer);
        if (policy->allocation == ALLOCATE_IN_ORDER)
            hand_out_in_order(choices);
        else
            hand_out_best(choices);
        for (guint j = 0; j < choices->len; j++) {
            const Choice *choice = &g_array_index(choices, Choice, j);
            g_hash_table_insert(allotted, allocation_key(choice->entry),
                                g_memdup2(&choice->given_milli, sizeof choice->given_milli));
        }
    }
    return allotted;
}
