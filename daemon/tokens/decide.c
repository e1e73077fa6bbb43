/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy makes of one submission, given where its owner stands. The order of the questions:
 *
 *   may it count at all    it was not withdrawn, its owner is no auditor, nobody put it on hold
 *   is it new              the same content as what stands is ignored
 *   what would it be       on time: free. After a release of results: a resubmission. Else: late
 *   may it be that         cut-off, deadlines that cannot be extended, kinds of work that are never late or redone
 *   is there a verdict     nothing is charged without one, nor for our own errors
 *   what does it cost      the way that leaves most credit, among those the cheapest
 *   does anybody mind      what is free or better is not silently replaced
 */
#include "daemon/tokens/decide.h"

#include <string.h>

static const gint64 all_milli = 100000; /* 100 % */

bool conclude(Case *this, DecisionKind kind, Because because)
{
    this->kind = kind;
    this->facts.because = because;
    if (kind == DECISION_FEEDBACK || kind == DECISION_REFUSED)
        this->penalty.percent_milli = all_milli;
    return true;
}

bool conclude_beside(Case *this, DecisionKind kind, Because because, const Entry *other)
{
    this->facts.other_id = other->id;
    return conclude(this, kind, because);
}

static bool is_identical(const Entry *a, const Entry *b)
{
    return a->digest && b->digest && strcmp(a->digest, b->digest) == 0;
}

/* The newest one in between opened the cycle. */
static bool find_release(const Track *track, gint64 from_us, gint64 to_us, gint64 *opened_us)
{
    guint low = 0, high = track->releases->len; /* the releases before `low` are not after `to_us` */
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (g_array_index(track->releases, gint64, middle) <= to_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || g_array_index(track->releases, gint64, low - 1) < from_us)
        return false;
    *opened_us = g_array_index(track->releases, gint64, low - 1);
    return true;
}

static bool is_audit(const Course *course, const Entry *entry)
{
    const char *owner = strchr(entry->account, ':') ? strchr(entry->account, ':') + 1 : entry->account;
    const Person *person = entry->owner_kind == OWNER_PERSON ? course_person(course, owner) : NULL;
    return person && (person->status == STATUS_AUDIT || person->status == STATUS_STAFF);
}

Penalty penalty_of(const Decision *decision)
{
    return (Penalty){.percent_milli = decision->penalty_milli,
                     .minus_milli = decision->minus_milli,
                     .cap_milli = decision->cap_milli > 0 ? decision->cap_milli : -1,
                     .floor_milli = decision->floor_milli,
                     .course_milli = decision->course_milli};
}

gint64 credit_of(const Entry *entry)
{
    return decision_credit_milli(entry->decision, entry->points_milli + entry->bonus_milli);
}

/* Each of the following concludes the case (true), or leaves it to the next question (false). */

static bool may_not_count(Case *this, const Course *course)
{
    const Entry *entry = this->entry;
    if (entry->is_withdrawn && !this->policy->withdrawn_stays_paid)
        return conclude(this, DECISION_IGNORED, BECAUSE_WITHDRAWN);
    if (entry->is_refused)
        return conclude(this, DECISION_IGNORED, BECAUSE_REFUSED);
    if (is_audit(course, entry))
        return conclude(this, DECISION_FEEDBACK, BECAUSE_AUDIT);
    if (this->track->is_on_hold && !entry->is_confirmed)
        return conclude(this, DECISION_HELD, BECAUSE_ON_HOLD);
    const Entry *selected = this->track->selected;
    if (selected && selected != entry && selected == this->track->standing)
        return conclude_beside(this, DECISION_IGNORED, BECAUSE_NOT_SELECTED, selected);
    return false;
}

static bool is_not_new(Case *this)
{
    const Track *track = this->track;
    if (track->standing && is_identical(track->standing, this->entry))
        return conclude_beside(this, DECISION_IGNORED, BECAUSE_IDENTICAL, track->standing);
    bool is_free = !this->facts.is_resubmission && this->facts.units == 0;
    const Entry *earlier =
        !is_free && this->entry->digest ? g_hash_table_lookup(track->by_digest, this->entry->digest) : NULL;
    return earlier && conclude_beside(this, DECISION_IGNORED, BECAUSE_IDENTICAL, earlier);
}

/* What a person has settled is not asked again. */
static bool is_settled_by_a_person(const Case *this)
{
    return this->entry->is_waived || this->entry->is_overridden;
}

/* By the course's own deadline: who is given more time afterwards does not lose that. */
bool joined_late(const Case *this)
{
    return this->policy->joined_hold < 0 && this->entry->joined_us > this->entry->assignment->deadline_us &&
           this->facts.late_us > 0;
}

static bool resubmission_is_not_allowed(Case *this)
{
    const ResubmissionRule *rule = &this->rule->resubmission;
    const Track *track = this->track;
    gint64 received_us = this->entry->received_us;
    if (!rule->is_allowed)
        return conclude(this, DECISION_REFUSED, BECAUSE_NOT_ALLOWED);
    if (this->opens_cycle && (track->n_resubmissions >= rule->max_times || this->n_term >= rule->max_times_term))
        return conclude(this, DECISION_REFUSED, BECAUSE_LIMIT);
    bool is_over = rule->within_us != G_MAXINT64 && received_us - track->opened_us > rule->within_us;
    if (received_us >= rule->until_us || is_over)
        return conclude(this, DECISION_REFUSED, BECAUSE_WINDOW);
    bool is_noted = this->entry->notes && g_hash_table_contains(this->entry->notes, rule->needs);
    if (*rule->needs && !is_noted && !this->entry->is_quote) {
        this->facts.needs = rule->needs;
        return conclude(this, DECISION_REFUSED, BECAUSE_NEEDS);
    }
    if (this->opens_cycle && this->n_round >= rule->max_a_round)
        return conclude(this, DECISION_REFUSED, BECAUSE_LIMIT);
    if (rule->n_rounds > 0 && received_us > rule->rounds_us[rule->n_rounds - 1])
        return conclude(this, DECISION_REFUSED, BECAUSE_WINDOW);
    if (rule->first_on_time && !track->has_one_on_time)
        return conclude(this, DECISION_REFUSED, BECAUSE_NO_FIRST);
    const Entry *counting = track->counting;
    if (counting && counting->max_milli > 0 &&
        (__int128)(counting->points_milli + counting->bonus_milli) * all_milli <
            (__int128)rule->above_milli * counting->max_milli)
        return conclude_beside(this, DECISION_REFUSED, BECAUSE_TOO_LOW, counting);
    if (rule->below_milli != G_MAXINT64 && counting && counting->max_milli > 0 &&
        (__int128)credit_of(counting) * all_milli >= (__int128)rule->below_milli * counting->max_milli)
        return conclude_beside(this, DECISION_REFUSED, BECAUSE_GOOD_ENOUGH, counting);
    return false;
}

/* Later than the rule takes anything, by the clock. */
static bool is_beyond(const Case *this)
{
    const LateRule *late = &this->rule->late;
    return late->within_us != G_MAXINT64 && policy_late_us(this->policy, late, this->zone, this->entry->deadline_us,
                                                           this->entry->received_us) > late->within_us;
}

static bool lateness_is_not_allowed(Case *this)
{
    const LateRule *late = &this->rule->late;
    if (joined_late(this))
        return this->entry->is_confirmed ? false : conclude(this, DECISION_HELD, BECAUSE_JOINED_LATE);
    if (!late->is_allowed)
        return conclude(this, DECISION_REFUSED, BECAUSE_NOT_ALLOWED);
    if (late->needs_first && !this->track->has_one_on_time)
        return conclude(this, DECISION_REFUSED, BECAUSE_NO_FIRST);
    if (this->facts.units > late->stop_after || is_beyond(this))
        return conclude(this, DECISION_REFUSED, BECAUSE_STOPPED);
    if (this->facts.units > late->hold_after && !this->entry->is_confirmed)
        return conclude(this, DECISION_HELD, BECAUSE_TOO_LATE);
    return false;
}

static bool is_not_allowed(Case *this)
{
    bool is_late = this->facts.late_us > 0;
    if (is_settled_by_a_person(this))
        return false;
    if (this->policy->is_empty)
        return this->entry->is_confirmed || !is_late ? false : conclude(this, DECISION_HELD, BECAUSE_NO_POLICY);
    if (this->rule->counts == COUNTS_FIRST && this->track->counting && !this->facts.is_resubmission)
        return conclude_beside(this, DECISION_IGNORED, BECAUSE_FIRST_COUNTS, this->track->counting);
    if (!this->facts.is_resubmission && this->facts.units == 0)
        return false;
    if (is_late && this->entry->received_us >= this->rule->cutoff_us)
        return conclude(this, DECISION_REFUSED, BECAUSE_CUTOFF);
    if (is_late && !this->entry->assignment->is_extensible)
        return conclude(this, DECISION_REFUSED, BECAUSE_NOT_EXTENSIBLE);
    return this->facts.is_resubmission ? resubmission_is_not_allowed(this) : lateness_is_not_allowed(this);
}

static bool is_unsettled(Case *this)
{
    if (!this->entry->is_graded)
        return conclude(this, DECISION_PENDING, BECAUSE_NOT_GRADED);
    if (this->entry->n_error > 0)
        return conclude(this, DECISION_PENDING, BECAUSE_OUR_ERROR);
    return false;
}

static bool settle_by_a_person(Case *this)
{
    const Entry *entry = this->entry;
    if (!is_settled_by_a_person(this))
        return false;
    if (entry->is_waived)
        return conclude(this, DECISION_COUNTS, BECAUSE_WAIVED);
    this->tokens_milli = MIN(entry->override_tokens_milli, this->budget_milli);
    this->penalty.percent_milli = CLAMP(entry->override_penalty_milli, 0, all_milli);
    return conclude(this, DECISION_COUNTS, BECAUSE_OVERRIDDEN);
}

/* It does not count any more, but what it cost is not given back. */
static void take_back_credit(Case *this)
{
    if (!this->entry->is_withdrawn || this->kind == DECISION_IGNORED)
        return;
    conclude(this, DECISION_IGNORED, BECAUSE_WITHDRAWN);
    this->penalty = PENALTY_NONE;
}

/* ---- what it changes for the ones after it ---------------------------------------------------------------------- */

static void replace_counting(Case *this)
{
    Entry *older = this->track->counting;
    if (older) {
        Facts facts = this->facts;
        facts.because = BECAUSE_REPLACED;
        facts.other_id = this->entry->id;
        facts.route = NULL;
        facts.routes = NULL; /* the older one keeps the alternatives that it had */
        facts.late_us = older->decision->late_us;
        older->decision->kind = DECISION_IGNORED;
        explain_decision(older->decision, &facts);
    }
    this->track->counting = this->entry;
}

static void move_track(Case *this)
{
    Track *track = this->track;
    bool is_free = this->facts.because == BECAUSE_ON_TIME ||
                   (this->kind == DECISION_PENDING && !this->facts.is_resubmission && this->facts.units == 0);
    Entry *entry = this->entry;
    if (entry->digest && !g_hash_table_contains(track->by_digest, entry->digest))
        g_hash_table_insert(track->by_digest, entry->digest, entry);
    track->has_one_on_time |= entry->received_us <= entry->deadline_us && !entry->is_withdrawn && !entry->is_refused;
    track->has_late_try |= entry->has_purchase;
    track->has_earned |= this->earned_tokens_milli > 0;
    if (this->kind == DECISION_COUNTS) {
        bool is_late = this->facts.because == BECAUSE_LATE && this->facts.units > 0;
        if (is_late && track->late_number == 0)
            track->late_number = this->late.n_late + 1;
        if (is_late && this->facts.route)
            track->bought_units = MAX(track->bought_units, this->facts.route->covered_units);
        if (this->opens_cycle) {
            track->in_resubmission = this->facts.is_resubmission;
            track->n_resubmissions += this->facts.is_resubmission;
            track->paid_milli = 0;
        }
        track->paid_milli += this->policy->is_incremental ? this->tokens_milli : 0;
        track->standing_is_free = is_free;
        track->standing = this->entry;
        replace_counting(this);
    } else if (this->kind == DECISION_PENDING && is_free) {
        track->standing_is_free = true;
        track->standing = this->entry;
    } else if (this->kind == DECISION_FEEDBACK && !track->standing) {
        track->standing_is_free = false;
        track->standing = this->entry;
    }
}

static const char *route_name(const Case *this)
{
    if (this->kind == DECISION_COUNTS && this->facts.because == BECAUSE_ON_TIME)
        return "on time";
    return this->kind == DECISION_COUNTS && this->facts.route ? this->facts.route->name : "none";
}

static gint64 window_of(const Case *this)
{
    gint64 within_us = this->rule ? this->rule->resubmission.within_us : 0;
    if (!this->facts.is_resubmission)
        return 0;
    return within_us == G_MAXINT64 ? G_MAXINT64 : this->track->opened_us + within_us;
}

static Decision *make_decision(Case *this)
{
    Decision *decision = g_new0(Decision, 1);
    *decision = (Decision){
        .submission_id = this->entry->id,
        .assignment = g_strdup(this->entry->assignment_id),
        .kind = this->kind,
        .deadline_us = this->facts.deadline_us,
        .late_us = this->facts.late_us,
        .late_units = this->facts.units,
        .tokens_milli = this->tokens_milli,
        .balance_milli = this->facts.before_milli - this->tokens_milli + this->earned_tokens_milli,
        .penalty_milli = this->penalty.percent_milli,
        .minus_milli = this->penalty.minus_milli,
        .cap_milli = this->penalty.cap_milli < 0 ? 0 : MAX(1, this->penalty.cap_milli),
        .floor_milli = this->penalty.floor_milli,
        .course_milli = this->penalty.course_milli,
        .base_milli = MAX(0, this->base_milli),
        .share_milli = this->base_milli < 0 ? 0 : MAX(1, this->share_milli),
        .early_milli = this->early_milli,
        .earned_milli = this->earned_tokens_milli,
        .window_us = window_of(this),
        .full_id = this->full_id,
        .is_another_try = this->entry->is_quote && this->track->has_late_try,
        .returned_milli = this->returned_milli,
        .route = g_strdup(route_name(this)),
        .alternatives = g_ptr_array_new_with_free_func(g_free),
    };
    this->facts.penalty = this->penalty;
    this->facts.early_milli = this->early_milli;
    this->facts.earned_tokens_milli = this->earned_tokens_milli;
    explain_decision(decision, &this->facts);
    return decision;
}

static void look_at_time(Case *this, GTimeZone *zone)
{
    const Entry *entry = this->entry;
    Facts *facts = &this->facts;
    facts->deadline_us = entry->deadline_us;
    facts->late_us = entry->received_us - entry->deadline_us;
    facts->unit = this->rule->late.unit;
    facts->units = policy_late_units(this->policy, &this->rule->late, zone, entry->deadline_us, entry->received_us);
    if (facts->units > 0 && this->rule->late.unit == UNIT_NTH)
        facts->units = this->track->late_number > 0 ? this->track->late_number : this->late.n_late + 1;
    facts->is_in_days_off = this->rule->late.skips_days_off && facts->units == 0 && facts->late_us > 0 &&
                            facts->late_us > this->rule->late.grace_us;

    Track *track = this->track;
    const ResubmissionRule *redo = &this->rule->resubmission;
    this->opens_cycle =
        track->standing && find_release(track, track->standing->received_us, entry->received_us, &track->opened_us);
    if (redo->is_allowed && redo->after_deadline && track->standing && !track->in_resubmission &&
        track->standing->received_us <= entry->deadline_us && entry->received_us > entry->deadline_us) {
        this->opens_cycle = true;
        track->opened_us = entry->deadline_us;
    }
    facts->is_resubmission = !this->policy->is_empty && (this->opens_cycle || track->in_resubmission);
    facts->paid_milli = this->opens_cycle ? 0 : track->paid_milli;
    this->earned_milli = entry->points_milli + entry->bonus_milli;
    if (entry->n_review > 0)
        this->earned_milli = MAX(this->earned_milli, entry->max_milli);
}

Decision *decide_entry(const Policy *policy, const Course *course, Track *track, Entry *entry, const Means *means)
{
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
    Case this = {.policy = policy,
                 .track = track,
                 .entry = entry,
                 .budget_milli = means->budget_milli,
                 .late_budget_milli = means->late_budget_milli,
                 .room_milli = means->room_milli,
                 .late = means->late,
                 .zone = course->zone,
                 .n_term = means->n_term,
                 .n_round = means->n_round,
                 .penalty = PENALTY_NONE,
                 .base_milli = -1,
                 .share_milli = all_milli,
                 .facts = {.owner_kind = entry->owner_kind,
                           .routes = routes,
                           .before_milli = means->balance_milli - (entry->is_quote ? means->set_aside_milli : 0),
                           .set_aside_milli = entry->is_quote ? 0 : means->set_aside_milli,
                           .is_quote = entry->is_quote,
                           .refund_milli = G_MAXINT64,
                           .received_us = entry->received_us,
                           .zone = course->zone}};
    if (!entry->assignment) {
        conclude(&this, DECISION_HELD, BECAUSE_UNKNOWN_ASSIGNMENT);
        return make_decision(&this);
    }
    this.rule = policy_rule_at(policy, entry->assignment, entry->received_us);
    this.facts.cutoff_us = this.rule->cutoff_us;
    this.facts.refund_milli = this.rule->resubmission.refund_milli;
    this.facts.reward_from_milli = this.rule->early.at_least_milli;
    this.facts.is_reward_share = scale_total(&this.rule->early.percent, this.rule->early.times) > 0;
    this.facts.buys_lateness = this.rule->late.max_units > 0 || this.rule->late.n_flats > 0;
    this.facts.covered_costs = this.rule->late.each_milli > 0;
    look_at_time(&this, course->zone);
    bool is_decided = may_not_count(&this, course) || is_not_new(&this) || is_not_allowed(&this) ||
                      is_unsettled(&this) || settle_by_a_person(&this) || is_free_of_cost(&this) ||
                      brings_no_benefit(&this) || pay(&this);
    g_assert(is_decided);
    take_back_credit(&this);
    entry->decision = make_decision(&this);
    move_track(&this);
    return entry->decision;
}
