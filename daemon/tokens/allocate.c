/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens handed out at the end of term: in the order of deadlines, or so that all credit together is the most: a choice
 * a late submission (how many units to cover), a budget an account. Exact, by the usual table over what was spent.
 */
#include "daemon/tokens/policy.h"

#include <string.h>

enum { MAX_STATES = 4000, MAX_OPTIONS = 64 };

typedef struct {
    const Entry *entry;
    guint n;
    gint64 price_milli[MAX_OPTIONS], credit_milli[MAX_OPTIONS];
} Choice;

/* Does it count, or would it with tokens? What was replaced needs none. */
static bool is_candidate(const Entry *entry)
{
    if (!entry->has_purchase || !entry->decision || entry->earned_nothing)
        return false;
    DecisionKind kind = entry->decision->kind;
    return kind == DECISION_COUNTS || kind == DECISION_FEEDBACK || entry->lacks_tokens;
}

static void add_option(Choice *choice, gint64 price_milli, gint64 credit_milli)
{
    if (choice->n == MAX_OPTIONS || (choice->n > 0 && credit_milli <= choice->credit_milli[choice->n - 1]))
        return;
    choice->price_milli[choice->n] = price_milli;
    choice->credit_milli[choice->n++] = credit_milli;
}

static gint compare_prices(gconstpointer a, gconstpointer b)
{
    gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;
    return left < right ? -1 : left > right;
}

/* What can be spent on it: gint64, ascending. */
static GArray *list_prices(const Entry *entry)
{
    const LateRule *late = &entry->purchase.rule->late;
    GArray *prices = g_array_new(FALSE, FALSE, sizeof(gint64));
    for (gint64 n = 1; n <= MIN(entry->purchase.units, late->max_units) && n < MAX_OPTIONS - MAX_FLATS; n++) {
        gint64 price_milli = scale_total(&late->price, n);
        g_array_append_val(prices, price_milli);
    }
    for (guint i = 0; i < late->n_flats; i++)
        g_array_append_val(prices, late->flats[i].price_milli);
    g_array_sort(prices, compare_prices);
    return prices;
}

/* Each price up to the account's own, and what the best way leaves with it. */
static void fill_choice(const Entry *entry, gint64 budget_milli, Choice *choice)
{
    g_autoptr(GArray) prices = list_prices(entry);
    *choice = (Choice){.entry = entry};
    add_option(choice, 0, decision_credit_milli(entry->decision, entry->purchase.earned_milli));
    for (guint i = 0; i < prices->len; i++) {
        g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
        Purchase purchase = entry->purchase;
        gint64 needed_milli;
        purchase.budget_milli = g_array_index(prices, gint64, i);
        if (purchase.budget_milli > budget_milli)
            return;
        routes_for_lateness(&purchase, routes, &needed_milli);
        if (routes->len > 0)
            add_option(choice, purchase.budget_milli, g_array_index(routes, Route, 0).credit_milli);
    }
}

static gint64 gcd(gint64 a, gint64 b)
{
    while (b != 0) {
        gint64 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static gint64 common_step(const GArray *choices)
{
    gint64 step = 0;
    for (guint i = 0; i < choices->len; i++) {
        const Choice *choice = &g_array_index(choices, Choice, i);
        for (guint j = 0; j < choice->n; j++)
            step = gcd(step, choice->price_milli[j]);
    }
    return MAX(1, step);
}

char *allocation_key(const Entry *entry)
{
    return g_strdup_printf("%" G_GINT64_FORMAT " %s", entry->id, entry->assignment_id);
}

static void note_allotted(GHashTable *allotted, const Entry *entry, gint64 milli)
{
    g_hash_table_insert(allotted, allocation_key(entry), g_memdup2(&milli, sizeof milli));
}

/* best[i][s]: the most credit of the first i with s steps spent at most. */
static void solve(const GArray *choices, gint64 budget_milli, GHashTable *allotted)
{
    gint64 step = common_step(choices);
    gsize n_states = (gsize)MIN(budget_milli / step, MAX_STATES - 1) + 1;
    g_autofree gint64 *best = g_new0(gint64, (choices->len + 1) * n_states);
    g_autofree guint8 *taken = g_new0(guint8, (choices->len + 1) * n_states);
    for (guint i = 0; i < choices->len; i++) {
        const Choice *choice = &g_array_index(choices, Choice, i);
        for (gsize s = 0; s < n_states; s++) {
            gint64 most = -1;
            for (guint j = 0; j < choice->n; j++) {
                gsize cost = (gsize)(choice->price_milli[j] / step);
                gint64 credit = cost <= s ? best[i * n_states + s - cost] + choice->credit_milli[j] : -1;
                if (credit > most) {
                    most = credit;
                    taken[(i + 1) * n_states + s] = (guint8)j;
                }
            }
            best[(i + 1) * n_states + s] = most;
        }
    }
    gsize s = n_states - 1;
    for (guint i = choices->len; i > 0; i--) {
        const Choice *choice = &g_array_index(choices, Choice, i - 1);
        gint64 price_milli = choice->price_milli[taken[i * n_states + s]];
        note_allotted(allotted, choice->entry, price_milli);
        s -= (gsize)(price_milli / step);
    }
}

static gint compare_deadlines(gconstpointer a, gconstpointer b)
{
    const Entry *left = *(Entry *const *)a, *right = *(Entry *const *)b;
    if (entry_due(left) != entry_due(right))
        return entry_due(left) < entry_due(right) ? -1 : 1;
    return strcmp(left->assignment_id, right->assignment_id);
}

/* Each in turn gets the dearest of its choices that can still be paid. */
static void hand_out_in_order(const GArray *choices, gint64 budget_milli, GHashTable *allotted)
{
    for (guint i = 0; i < choices->len; i++) {
        const Choice *choice = &g_array_index(choices, Choice, i);
        guint best = choice->n - 1;
        while (best > 0 && choice->price_milli[best] > budget_milli)
            best--;
        note_allotted(allotted, choice->entry, choice->price_milli[best]);
        budget_milli -= choice->price_milli[best];
    }
}

GHashTable *allocate_best(const Policy *policy, const GPtrArray *all_entries, const GPtrArray *accounts)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_copy((GPtrArray *)all_entries, NULL, NULL);
    bool is_in_order = policy->allocation == ALLOCATE_IN_ORDER;
    g_ptr_array_set_free_func(entries, NULL);
    if (is_in_order)
        g_ptr_array_sort(entries, compare_deadlines);

    GHashTable *allotted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(accounts, i);
        g_autoptr(GArray) choices = g_array_new(FALSE, FALSE, sizeof(Choice));
        for (guint j = 0; j < entries->len; j++) {
            const Entry *entry = g_ptr_array_index(entries, j);
            Choice choice;
            if (!is_candidate(entry) || g_strcmp0(entry->payer, account->account) != 0)
                continue;
            fill_choice(entry, account->balance_milli, &choice);
            g_array_append_val(choices, choice);
        }
        if (choices->len > 0 && is_in_order)
            hand_out_in_order(choices, MAX(0, account->balance_milli), allotted);
        else if (choices->len > 0 && account->balance_milli > 0)
            solve(choices, account->balance_milli, allotted);
    }
    return allotted;
}
