/* SPDX-License-Identifier: Apache-2.0 */
/* What a submission costs and brings, once it may count. */
#include "daemon/tokens/decide.h"

#include <string.h>

static const gint64 all_milli = 100000; /* 100 % */

/* A quote tells the price although all points would not be better than what counts: bonus points may be. But what one
 * part would cost the next one lacks, and what is handed out to one at the end others lack: there a quote is what all
 * points come to, and no more. */
static bool is_priced_anyway(const Case *this)
{
    const Assignment *due = this->entry->assignment;
    bool takes_from_others = due->whole || due->parts || this->policy->allocation != ALLOCATE_BY_RECEIPT;
    return this->entry->is_quote && !takes_from_others;
}

static bool ignore_beside(Case *this, Because because, const Entry *counting)
{
    this->full_id = this->entry->is_quote ? counting->id : 0;
    return conclude_beside(this, DECISION_IGNORED, because, counting);
}

/* With `counts: best` or `gain` a lower one does not replace what counts. */
static bool a_better_one_stands(Case *this, gint64 credit_milli)
{
    const Entry *counting = this->track->counting;
    bool keeps_better = this->rule->counts == COUNTS_BEST || this->rule->counts == COUNTS_GAIN;
    if (!keeps_better || !counting || is_priced_anyway(this) || credit_of(counting) < credit_milli)
        return false;
    return ignore_beside(this, BECAUSE_BETTER_STANDS, counting);
}

/* Points and tokens for early or good work, by the assignment's rule. */
static void reward(Case *this)
{
    const EarlyRule *rule = &this->rule->early;
    const Entry *entry = this->entry;
    gint64 ahead_us = policy_ahead_us(this->policy, rule, this->zone, entry->deadline_us, entry->received_us);
    gint64 earned_milli = entry->points_milli + entry->bonus_milli;
    bool is_good = (__int128)earned_milli * all_milli >= (__int128)rule->at_least_milli * entry->max_milli;
    if (!rule->is_given || this->facts.is_resubmission || ahead_us < rule->by_us || !is_good || entry->n_review > 0)
        return;
    gint64 times = rule->by_us > 0 ? MIN(rule->times, ahead_us / rule->by_us) : 1;
    gint64 percent_milli = MIN(scale_total(&rule->percent, times), all_milli);
    if (earned_milli > 0)
        this->early_milli = scale_total(&rule->points, times) +
                            (gint64)(((__int128)earned_milli * percent_milli + all_milli / 2) / all_milli);
    if (rule->cap_milli != G_MAXINT64) {
        gint64 most_milli = (gint64)((__int128)entry->max_milli * rule->cap_milli / all_milli);
        this->early_milli = MIN(this->early_milli, MAX(0, most_milli - earned_milli));
    }
    if (!this->track->has_earned)
        this->earned_tokens_milli = MIN(scale_total(&rule->tokens, times), this->room_milli);
}

bool is_free_of_cost(Case *this)
{
    bool is_late = this->facts.units > 0 && !joined_late(this);
    if (!this->policy->is_empty && (this->facts.is_resubmission || is_late))
        return false;
    reward(this);
    if (a_better_one_stands(this, this->earned_milli + this->early_milli)) {
        this->early_milli = this->earned_tokens_milli = 0;
        return true;
    }
    return conclude(this, DECISION_COUNTS, BECAUSE_ON_TIME);
}

/* Full marks that cost nothing off cannot become better, unless by bonus points. */
bool brings_no_benefit(Case *this)
{
    const Entry *counting = this->track->counting;
    if (!counting || counting->n_review > 0 || counting->n_error > 0 || counting->max_milli <= 0 ||
        credit_of(counting) < counting->max_milli || counting->decision->course_milli > 0 ||
        this->policy->charges_for_nothing || this->entry->bonus_milli > counting->bonus_milli)
        return false;
    if (is_priced_anyway(this)) {
        this->full_id = counting->id;
        return false;
    }
    return ignore_beside(this, BECAUSE_NO_BENEFIT, counting);
}

static bool conclude_uncovered(Case *this)
{
    switch (this->rule->uncovered[this->facts.owner_kind].kind) {
    case UNCOVERED_REFUSED:
        return conclude(this, DECISION_REFUSED, BECAUSE_NO_TOKENS);
    case UNCOVERED_HOLD:
        return conclude(this, this->entry->is_confirmed ? DECISION_COUNTS : DECISION_HELD, BECAUSE_NO_TOKENS);
    default:
        return conclude(this, DECISION_FEEDBACK, BECAUSE_NO_TOKENS);
    }
}

/* Would this way leave less of the same points than what counts now? */
static bool loses_credit(const Case *this, const Route *route)
{
    const Entry *counting = this->track->counting;
    if (!counting || this->rule->counts == COUNTS_GAIN)
        return false;
    gint64 probe_milli = MAX(this->earned_milli, this->entry->max_milli);
    Penalty old = penalty_of(counting->decision);
    return penalty_credit(&route->penalty, probe_milli) < penalty_credit(&old, probe_milli) ||
           route->penalty.course_milli > old.course_milli;
}

static bool takes_something(const Penalty *penalty)
{
    return penalty->percent_milli > 0 || penalty->minus_milli > 0 || penalty->cap_milli >= 0 ||
           penalty->course_milli > 0;
}

/* What a person must say yes to: to lose something that is free or better. */
static bool needs_a_word(Case *this, const Route *route)
{
    const Track *track = this->track;
    const Entry *standing = track->standing;
    bool is_settled = this->entry->is_confirmed || this->entry == track->selected;
    if (is_settled || this->policy->replace_on_time == REPLACE_CHARGE)
        return false;
    bool takes = takes_something(&route->penalty) && (this->rule->counts != COUNTS_GAIN || !track->counting);
    bool loses_free = standing && track->standing_is_free && (route->tokens_milli > 0 || takes);
    bool is_worse = loses_credit(this, route);
    if (!loses_free && !is_worse)
        return false;
    const Entry *kept = loses_free ? standing : track->counting;
    return conclude_beside(this, this->policy->replace_on_time == REPLACE_ASK ? DECISION_HELD : DECISION_IGNORED,
                           BECAUSE_ON_TIME_STANDS, kept);
}

/* What a resubmission is worth by the course's rule: sets what the decision keeps of that. */
static gint64 resubmission_credit(Case *this)
{
    const ResubmissionRule *rule = &this->rule->resubmission;
    const Entry *counting = this->track->counting;
    if (rule->cap_milli != G_MAXINT64)
        this->penalty.cap_milli = (gint64)((__int128)this->entry->max_milli * rule->cap_milli / all_milli);
    if (rule->keeps_penalty && counting)
        this->penalty.percent_milli = counting->decision->penalty_milli;
    if (rule->rule != REDO_REPLACES) {
        this->base_milli = counting ? credit_of(counting) : 0;
        this->share_milli = rule->rule == REDO_GAIN ? rule->share_milli : all_milli;
    }
    gint64 credit_milli = penalty_credit(&this->penalty, this->earned_milli);
    if (this->base_milli >= 0)
        credit_milli = MAX(credit_milli, this->base_milli);
    return credit_milli;
}

/* By what counts now, else by how often there was one. */
static gint64 price_of_resubmission(const Case *this)
{
    const ResubmissionRule *rule = &this->rule->resubmission;
    const Entry *counting = this->track->counting;
    gint64 n = this->track->n_resubmissions + this->opens_cycle;
    for (guint i = 0; counting && counting->max_milli > 0 && i < rule->n_by_result; i++) {
        if ((__int128)credit_of(counting) * all_milli < (__int128)rule->by_result[i].below_milli * counting->max_milli)
            return rule->by_result[i].price_milli;
    }
    return rule->price.n_totals > 0 ? scale_total(&rule->price, n) - scale_total(&rule->price, n - 1)
                                    : scale_total(&rule->price, 1);
}

static bool pay_for_resubmission(Case *this)
{
    const ResubmissionRule *rule = &this->rule->resubmission;
    Facts *facts = &this->facts;
    gint64 price_milli = price_of_resubmission(this);
    gint64 credit_milli = resubmission_credit(this);
    bool is_refunded =
        rule->refund_milli != G_MAXINT64 && this->entry->n_review == 0 &&
        (__int128)this->earned_milli * all_milli >= (__int128)rule->refund_milli * this->entry->max_milli;
    facts->redo_rule = rule->rule;
    facts->share_milli = this->share_milli;
    facts->needed_milli = price_milli;
    if (price_milli <= facts->paid_milli + this->budget_milli) {
        Route route = {.name = "resubmission",
                       .tokens_milli = MAX(0, price_milli - facts->paid_milli),
                       .penalty = this->penalty,
                       .credit_milli = credit_milli};
        g_array_append_val(facts->routes, route);
        facts->route = &g_array_index(facts->routes, Route, 0);
    }
    if (!facts->route)
        return conclude(this, DECISION_REFUSED, BECAUSE_NO_TOKENS);
    bool is_useless = this->base_milli >= 0 && credit_milli <= this->base_milli && !is_priced_anyway(this);
    if (is_useless && this->track->counting)
        return ignore_beside(this, BECAUSE_BETTER_STANDS, this->track->counting);
    facts->is_refunded = is_refunded && facts->route->tokens_milli > 0 && !this->entry->is_quote;
    if (rule->asks && !this->entry->is_confirmed && facts->route->tokens_milli > 0)
        return conclude(this, DECISION_HELD, BECAUSE_ASKS);
    this->tokens_milli = facts->is_refunded ? 0 : facts->route->tokens_milli;
    this->returned_milli = is_refunded ? facts->route->tokens_milli : 0;
    return conclude(this, DECISION_COUNTS, BECAUSE_RESUBMISSION);
}

static Purchase make_purchase(Case *this, bool earned_nothing)
{
    const Policy *policy = this->policy;
    const Track *track = this->track;
    const LateRule *late = &this->rule->late;
    gint64 declared = G_MAXINT64;
    if (late->declare == DECLARE_ANY_TIME)
        declared = track->declared_units;
    else if (late->declare == DECLARE_BEFORE)
        declared = track->declared_at_us <= this->entry->deadline_us - late->declare_by_us ? track->declared_units : 0;
    this->facts.is_undeclared = declared < this->facts.units;
    bool is_one_too_many = this->late.n_bought >= late->max_assignments;
    gint64 left_units = late->max_units_term == G_MAXINT64 ? G_MAXINT64 : late->max_units_term - this->late.n_units;
    bool is_vain = earned_nothing && !policy->charges_for_nothing;
    return (Purchase){.rule = this->rule,
                      .owner_kind = this->facts.owner_kind,
                      .units = this->facts.units,
                      .late_us =
                          policy_late_us(policy, late, this->zone, this->entry->deadline_us, this->entry->received_us),
                      .paid_milli = this->facts.paid_milli,
                      .budget_milli = this->facts.paid_milli + (is_vain ? 0 : this->late_budget_milli),
                      .earned_milli = this->earned_milli,
                      .max_milli = this->entry->max_milli,
                      .has_first = track->standing != NULL,
                      .charges_for_nothing = policy->charges_for_nothing,
                      .declared_units = declared,
                      .most_units = is_one_too_many ? 0 : MAX(0, left_units),
                      .chosen = this->entry->chosen_route};
}

static void find_late_routes(Case *this, Purchase *purchase)
{
    routes_for_lateness(purchase, this->facts.routes, &this->facts.needed_milli);
    if (this->facts.routes->len == 0 && purchase->chosen) {
        purchase->chosen = NULL; /* what its owner chose cannot be had */
        routes_for_lateness(purchase, this->facts.routes, &this->facts.needed_milli);
    }
    this->facts.route = this->facts.routes->len > 0 ? &g_array_index(this->facts.routes, Route, 0) : NULL;
}

/* Does nothing remain, whatever was earned? */
static bool leaves_nothing(const Case *this, const Route *route)
{
    const gint64 one_point_milli = 1000;
    gint64 probe_milli = MAX(one_point_milli, MAX(this->earned_milli, this->entry->max_milli));
    return penalty_credit(&route->penalty, probe_milli) == 0;
}

/* With `counts: gain`: what counts stays, and of what this one gains, the share is added that lateness leaves. Returns
 * the credit. */
static gint64 add_gain(Case *this, const Route *route)
{
    const Entry *counting = this->track->counting;
    if (this->rule->counts != COUNTS_GAIN || !counting)
        return route->credit_milli;
    Penalty bounds = route->penalty;
    bounds.percent_milli = 0;
    this->base_milli = credit_of(counting);
    this->share_milli = all_milli - route->penalty.percent_milli;
    gint64 gain_milli = MAX(0, penalty_credit(&bounds, this->earned_milli) - this->base_milli);
    return this->base_milli + (gint64)(((__int128)gain_milli * this->share_milli + all_milli / 2) / all_milli);
}

static bool pay_for_lateness(Case *this)
{
    bool earned_nothing = this->earned_milli == 0;
    Purchase purchase = make_purchase(this, earned_nothing);
    this->entry->purchase = purchase;
    this->entry->has_purchase = true;
    this->entry->earned_nothing = earned_nothing;
    find_late_routes(this, &purchase);
    const Route *route = this->facts.route;
    this->entry->lacks_tokens = route == NULL;
    if (!route)
        conclude_uncovered(this);
    else if (leaves_nothing(this, route))
        conclude(this, DECISION_FEEDBACK, BECAUSE_NO_TOKENS);
    else if (a_better_one_stands(this, add_gain(this, route)) || needs_a_word(this, route))
        return true;
    else
        conclude(this, DECISION_COUNTS, BECAUSE_LATE);
    if (earned_nothing)
        this->facts.because = BECAUSE_NOTHING_EARNED;
    if (this->kind == DECISION_COUNTS && route) {
        this->tokens_milli = route->tokens_milli;
        this->penalty = route->penalty;
        this->facts.adds_gain = this->base_milli >= 0;
        this->facts.share_milli = this->share_milli;
        if (this->base_milli >= 0)
            this->penalty.percent_milli = 0; /* it is in the share */
        /* What earned nothing saves nothing either by what it takes of the course grade. */
        if (earned_nothing && !this->policy->charges_for_nothing)
            this->penalty.course_milli = 0;
    } else if (this->kind == DECISION_FEEDBACK && this->policy->charges_for_nothing) {
        this->tokens_milli = route ? route->tokens_milli : routes_partial_price(&purchase);
    }
    return true;
}

bool pay(Case *this)
{
    return this->facts.is_resubmission ? pay_for_resubmission(this) : pay_for_lateness(this);
}
