/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways to pay for lateness, and what each leaves of the points. The order is the policy's promise: the most credit
 * first, then the fewest tokens.
 */
#include "daemon/tokens/policy.h"

#include <string.h>

static const gint64 all_milli = 100000; /* 100 % */

/* value * part / whole, half up, without overflow for what a policy can hold. */
static gint64 share_of(gint64 value, gint64 part, gint64 whole)
{
    __int128 product = (__int128)value * part + whole / 2;
    return (gint64)(product / whole);
}

gint64 penalty_credit(const Penalty *penalty, gint64 earned_milli)
{
    if (earned_milli <= 0)
        return 0;
    gint64 kept = share_of(earned_milli, CLAMP(all_milli - penalty->percent_milli, 0, all_milli), all_milli);
    kept = MAX(0, kept - penalty->minus_milli);
    if (penalty->cap_milli >= 0)
        kept = MIN(kept, penalty->cap_milli);
    return MAX(kept, MIN(earned_milli, penalty->floor_milli));
}

/* 100 - keep^n, in percent. */
static gint64 compound(gint64 keep_milli, gint64 n)
{
    gint64 kept_milli = all_milli;
    for (gint64 i = 0; i < n && kept_milli > 0; i++) {
        gint64 next = share_of(kept_milli, keep_milli, all_milli);
        if (next == kept_milli)
            break;
        kept_milli = next;
    }
    return all_milli - kept_milli;
}

/* After n whole units, but for the most that may be taken; after none of them what being late at all takes. */
static gint64 whole_total(const UncoveredRule *rule, gint64 n)
{
    Scale scale = rule->scale;
    scale.at_most_milli = G_MAXINT64;
    if (n > 0)
        return rule->base == OF_KEPT ? compound(scale.each_milli, n) : scale_total(&scale, n);
    return MIN(scale.start_milli, scale_total(&scale, 1));
}

static gint64 uncovered_total(const Purchase *purchase, const UncoveredRule *rule, gint64 covered)
{
    gint64 n = purchase->units - covered;
    gint64 unit_us = policy_unit_us(&purchase->rule->late);
    if (n <= 0)
        return 0;
    if (!rule->is_prorated || !policy_unit_is_even(&purchase->rule->late))
        return MIN(rule->scale.at_most_milli, whole_total(rule, n));
    gint64 late_us = MAX(0, purchase->late_us - covered * unit_us);
    gint64 from = whole_total(rule, late_us / unit_us), to = whole_total(rule, late_us / unit_us + 1);
    return MIN(rule->scale.at_most_milli, from + share_of(to - from, late_us % unit_us, unit_us));
}

static Penalty uncovered_penalty(const Purchase *purchase, gint64 covered)
{
    const UncoveredRule *rule = &purchase->rule->uncovered[purchase->owner_kind];
    Penalty penalty = PENALTY_NONE;
    penalty.percent_milli = MIN(all_milli, purchase->rule->late.each_milli * MIN(covered, all_milli));
    if (purchase->units <= covered || rule->kind != UNCOVERED_SCORE)
        return penalty;
    gint64 total = uncovered_total(purchase, rule, covered);
    gint64 most = MIN(total, all_milli);
    penalty.floor_milli = share_of(purchase->max_milli, rule->floor_milli, all_milli);
    switch (rule->base) {
    case OF_MAXIMUM:
        penalty.minus_milli = share_of(purchase->max_milli, most, all_milli);
        break;
    case OF_POINTS:
        penalty.minus_milli = total;
        break;
    case OF_CAP:
        penalty.cap_milli = share_of(purchase->max_milli, all_milli - most, all_milli);
        break;
    case OF_COURSE:
        penalty.course_milli = most;
        break;
    default:
        penalty.percent_milli = MIN(all_milli, penalty.percent_milli + most);
    }
    return penalty;
}

/* Where no token saves anything, the fewest are the best; a course that charges all the same looks at percents only. */
static gint compare_routes(gconstpointer a, gconstpointer b)
{
    const Route *left = a, *right = b;
    if (left->credit_milli != right->credit_milli)
        return left->credit_milli > right->credit_milli ? -1 : 1;
    if (left->penalty.course_milli != right->penalty.course_milli)
        return left->penalty.course_milli < right->penalty.course_milli ? -1 : 1;
    if (left->tokens_milli != right->tokens_milli)
        return left->tokens_milli < right->tokens_milli ? -1 : 1;
    return strcmp(right->name, left->name); /* "late days" before "flat" when it is all the same */
}

/* Who earned less pays no more: what all points would be left with decides. */
static gint compare_dear_routes(gconstpointer a, gconstpointer b)
{
    Route left = *(const Route *)a, right = *(const Route *)b;
    bool is_lost = left.probe_milli == 0 && right.probe_milli == 0;
    left.credit_milli = left.probe_milli;
    right.credit_milli = right.probe_milli;
    if (is_lost && left.tokens_milli != right.tokens_milli)
        return left.tokens_milli > right.tokens_milli ? -1 : 1;
    return compare_routes(&left, &right);
}

static Route make_route(const Purchase *purchase, const char *name, gint64 price_milli, Penalty penalty, gint64 covered)
{
    return (Route){.name = name,
                   .tokens_milli = MAX(0, price_milli - purchase->paid_milli),
                   .penalty = penalty,
                   .credit_milli = penalty_credit(&penalty, purchase->earned_milli),
                   .probe_milli = penalty_credit(&penalty, MAX(purchase->earned_milli, purchase->max_milli)),
                   .covered_units = covered};
}

static bool is_chosen(const Purchase *purchase, const char *name)
{
    return !purchase->chosen || strcmp(purchase->chosen, name) == 0;
}

static gint64 most_affordable(const Purchase *purchase, gint64 limit)
{
    const Scale *price = &purchase->rule->late.price;
    gint64 low = 0, high = limit;
    while (low < high) {
        gint64 middle = low + (high - low + 1) / 2;
        if (scale_total(price, middle) <= purchase->budget_milli)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static Route late_route(const Purchase *purchase, gint64 covered)
{
    gint64 price_milli = scale_total(&purchase->rule->late.price, covered);
    return make_route(purchase, "late days", price_milli, uncovered_penalty(purchase, covered), covered);
}

/* More covered units never leave less credit, so the fewest that leave as much can be found by halving. */
static gint64 fewest_for_credit(const Purchase *purchase, gint64 covered, const Route *best)
{
    gint64 low = 0, high = covered;
    while (low < high) {
        gint64 middle = low + (high - low) / 2;
        Route route = late_route(purchase, middle);
        bool is_as_good =
            route.credit_milli >= best->credit_milli && route.penalty.course_milli <= best->penalty.course_milli;
        if (is_as_good)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Where a covered unit takes percents of its own (percent_each), it may take more than it covers: each number is tried
 * that leaves anything, or all and none where it is one or the other. */
static gint64 best_of_each(const Purchase *purchase, gint64 covered, const Route *of_all)
{
    const LateRule *late = &purchase->rule->late;
    Route best = *of_all;
    gint64 step = late->is_partial ? 1 : MAX(covered, 1);
    for (gint64 n = 0; n < MIN(covered, 1 + all_milli / late->each_milli); n += step) {
        Route route = late_route(purchase, n);
        if (compare_routes(&route, &best) < 0)
            best = route;
    }
    return best.covered_units;
}

static void add_late_days(const Purchase *purchase, GArray *routes, gint64 limit)
{
    const LateRule *late = &purchase->rule->late;
    bool has_score = purchase->rule->uncovered[purchase->owner_kind].kind == UNCOVERED_SCORE;
    gint64 covered = most_affordable(purchase, MIN(purchase->units, limit));
    if (covered < purchase->units && !late->is_partial)
        covered = 0;
    if (has_score) {
        Route none = late_route(purchase, 0);
        none.name = covered > 0 && purchase->chosen ? "no tokens" : none.name;
        if (covered == 0 || is_chosen(purchase, "no tokens"))
            g_array_append_val(routes, none);
    }
    bool is_enough = has_score ? covered > 0 : covered == purchase->units;
    if (!is_enough || !is_chosen(purchase, "late days"))
        return;
    Route best = late_route(purchase, covered);
    if (has_score && !purchase->charges_for_nothing) {
        covered =
            late->each_milli > 0 ? best_of_each(purchase, covered, &best) : fewest_for_credit(purchase, covered, &best);
        if (covered == 0)
            return; /* the way without tokens is as good */
        best = late_route(purchase, covered);
    }
    g_array_append_val(routes, best);
}

/* What tokens can buy of this assignment's lateness, unit by unit. */
static gint64 units_for_tokens(const Purchase *purchase)
{
    return MIN(purchase->rule->late.max_units, purchase->most_units);
}

gint64 routes_partial_price(const Purchase *purchase)
{
    const LateRule *late = &purchase->rule->late;
    gint64 limit = MIN(purchase->units, MIN(units_for_tokens(purchase), purchase->declared_units));
    return MAX(0, scale_total(&late->price, most_affordable(purchase, limit)) - purchase->paid_milli);
}

void routes_for_lateness(const Purchase *purchase, GArray *routes, gint64 *ret_needed_milli)
{
    const LateRule *late = &purchase->rule->late;
    gint64 limit = MIN(units_for_tokens(purchase), purchase->declared_units);
    bool can_be_had = purchase->units <= units_for_tokens(purchase);
    gint64 full_milli = can_be_had ? scale_total(&late->price, purchase->units) : G_MAXINT64;
    *ret_needed_milli = full_milli;
    add_late_days(purchase, routes, limit);
    for (guint i = 0; i < late->n_flats; i++) {
        const FlatRoute *flat = &late->flats[i];
        if (purchase->units > MIN(flat->up_to_units, purchase->most_units) ||
            (flat->needs_first && !purchase->has_first))
            continue;
        *ret_needed_milli = MIN(*ret_needed_milli, flat->price_milli);
        Penalty taken = PENALTY_NONE;
        taken.percent_milli = flat->taken_milli;
        Route route = make_route(purchase, "flat", flat->price_milli, taken, purchase->units);
        if (flat->price_milli <= purchase->budget_milli && is_chosen(purchase, "flat"))
            g_array_append_val(routes, route);
    }
    g_array_sort(routes, purchase->charges_for_nothing ? compare_dear_routes : compare_routes);
}
