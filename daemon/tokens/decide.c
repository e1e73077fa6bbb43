/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the policy makes of one submission, given where its owner stands. The order of the questions:
 *
 *   may it count at all      the assignment is known, it was not withdrawn, its owner is no auditor, nobody put it on
 * hold is it new                the same content as what stands is ignored what would it be         on time: free.
 * After a release of results: a resubmission. Else: late may it be that           cut-off, deadlines that cannot be
 * extended, kinds of work that are never late or never redone is there a verdict       nothing is charged without one,
 * nor for our own errors what does it cost        the way with the lowest penalty, among those the cheapest does
 * anybody mind        what is free or better is not silently replaced
 */
#include "daemon/tokens/policy.h"

#include <string.h>

static const gint64 all_milli = 100000; /* 100 % */
static const gint64 max_units = 1000000;

/* ---- lateness --------------------------------------------------------------------------------------------------- */

static gint64 offset_us(GTimeZone *zone, gint64 instant_us)
{
    int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, instant_us / CLOCK_SECOND_US);
    return g_time_zone_get_offset(zone, interval) * CLOCK_SECOND_US;
}

static gint64 started(gint64 span_us, gint64 unit_us)
{
    return CLAMP((span_us + unit_us - 1) / unit_us, 1, max_units);
}

/* A day across the end of summer time has 25 hours: one reading counts blocks of 24 hours, the other what the clock on
 * the wall shows. */
static gint64 started_days(DayCount count, GTimeZone *zone, gint64 deadline_us, gint64 received_us)
{
    gint64 late_us = received_us - deadline_us;
    gint64 elapsed = started(late_us, CLOCK_DAY_US);
    if (count == DAYS_ELAPSED)
        return elapsed;
    gint64 wall = started(late_us + offset_us(zone, received_us) - offset_us(zone, deadline_us), CLOCK_DAY_US);
    return count == DAYS_WALL_CLOCK ? wall : MIN(wall, elapsed);
}

gint64 policy_late_units(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                         gint64 received_us)
{
    gint64 late_us = received_us - deadline_us;
    if (late_us <= 0 || late_us <= rule->grace_us)
        return 0;
    if (rule->unit == UNIT_ONCE)
        return 1;
    if (rule->unit == UNIT_STARTED_HOUR)
        return started(late_us, CLOCK_HOUR_US);
    return started_days(policy->day_count, zone, deadline_us, received_us);
}

/* ---- ways to pay ------------------------------------------------------------------------------------------------ */

static gint compare_routes(gconstpointer a, gconstpointer b)
{
    const Route *left = a, *right = b;
    if (left->penalty_milli != right->penalty_milli)
        return left->penalty_milli < right->penalty_milli ? -1 : 1;
    if (left->tokens_milli != right->tokens_milli)
        return left->tokens_milli < right->tokens_milli ? -1 : 1;
    return strcmp(right->name, left->name); /* "late days" before "flat" when it is all the same */
}

static void add_route(Facts *facts, const char *name, gint64 price_milli, gint64 penalty_milli, gint64 covered_units)
{
    Route route = {.name = name,
                   .tokens_milli = MAX(0, price_milli - facts->paid_milli),
                   .penalty_milli = MIN(penalty_milli, all_milli),
                   .covered_units = covered_units};
    g_array_append_val(facts->routes, route);
}

/* With a percentage for what is not covered, only two of the partial ways can be best: none, and as many as can be had.
 */
static void add_late_routes(Facts *facts, const Rule *rule, gint64 budget_milli)
{
    const LateRule *late = &rule->late;
    const UncoveredRule *uncovered = &rule->uncovered[facts->owner_kind];
    gint64 units = facts->units;
    gint64 affordable = late->price_milli > 0 ? budget_milli / late->price_milli : units;
    gint64 covered = MIN(MIN(affordable, units), late->max_units);
    gint64 full_milli = units <= late->max_units ? units * late->price_milli : G_MAXINT64;

    facts->needed_milli = late->flat_milli > 0 ? MIN(full_milli, late->flat_milli) : full_milli;
    if (uncovered->kind == UNCOVERED_PERCENT) {
        add_route(facts, "late days", 0, units * uncovered->percent_milli, 0);
        if (covered > 0)
            add_route(facts, "late days", covered * late->price_milli, (units - covered) * uncovered->percent_milli,
                      covered);
    } else if (covered == units) {
        add_route(facts, "late days", units * late->price_milli, 0, units);
    }
    if (late->flat_milli > 0 && late->flat_milli <= budget_milli)
        add_route(facts, "flat", late->flat_milli, 0, units);
    g_array_sort(facts->routes, compare_routes);
}

static void add_resubmission_route(Facts *facts, const Rule *rule, gint64 budget_milli)
{
    facts->needed_milli = rule->resubmission.price_milli;
    if (rule->resubmission.price_milli <= budget_milli)
        add_route(facts, "resubmission", rule->resubmission.price_milli, 0, 0);
}

static const Route *best_route(const Facts *facts)
{
    return facts->routes->len > 0 ? &g_array_index(facts->routes, Route, 0) : NULL;
}

/* ---- one submission --------------------------------------------------------------------------------------------- */

typedef struct {
    const Policy *policy;
    const Rule *rule;
    Track *track;
    Entry *entry;
    Facts facts;
    bool opens_cycle;
    DecisionKind kind;
    gint64 tokens_milli, penalty_milli;
} Case;

static bool conclude(Case *this, DecisionKind kind, Because because)
{
    this->kind = kind;
    this->facts.because = because;
    if (kind == DECISION_FEEDBACK || kind == DECISION_REFUSED)
        this->penalty_milli = all_milli;
    return true;
}

static bool conclude_beside(Case *this, DecisionKind kind, Because because, const Entry *other)
{
    this->facts.other_id = other->id;
    return conclude(this, kind, because);
}

static bool is_identical(const Entry *a, const Entry *b)
{
    return a->digest && b->digest && strcmp(a->digest, b->digest) == 0;
}

static bool was_released_between(const Track *track, gint64 from_us, gint64 to_us)
{
    for (guint i = 0; i < track->releases->len; i++) {
        gint64 release_us = g_array_index(track->releases, gint64, i);
        if (release_us >= from_us && release_us <= to_us)
            return true;
    }
    return false;
}

static bool is_audit(const Course *course, OwnerKind kind, const char *owner)
{
    const Person *person = kind == OWNER_PERSON ? course_person(course, owner) : NULL;
    return person && (person->status == STATUS_AUDIT || person->status == STATUS_STAFF);
}

/* Each of the following concludes the case (true), or leaves it to the next question (false). */

static bool may_not_count(Case *this, const Course *course, const char *owner)
{
    const Entry *entry = this->entry;
    if (entry->is_withdrawn)
        return conclude(this, DECISION_IGNORED, BECAUSE_WITHDRAWN);
    if (is_audit(course, this->facts.owner_kind, owner))
        return conclude(this, DECISION_FEEDBACK, BECAUSE_AUDIT);
    if (this->track->is_on_hold && !entry->is_confirmed)
        return conclude(this, DECISION_HELD, BECAUSE_ON_HOLD);
    return false;
}

static bool is_not_new(Case *this)
{
    const Track *track = this->track;
    if (track->standing && is_identical(track->standing, this->entry))
        return conclude_beside(this, DECISION_IGNORED, BECAUSE_IDENTICAL, track->standing);
    bool is_free = !this->facts.is_resubmission && this->facts.units == 0;
    for (guint i = 0; !is_free && i < track->seen->len; i++) {
        const Entry *earlier = g_ptr_array_index(track->seen, i);
        if (is_identical(earlier, this->entry))
            return conclude_beside(this, DECISION_IGNORED, BECAUSE_IDENTICAL, earlier);
    }
    return false;
}

static bool is_not_allowed(Case *this)
{
    bool is_late = this->facts.late_us > 0;
    if (this->policy->is_empty)
        return this->entry->is_confirmed || !is_late ? false : conclude(this, DECISION_HELD, BECAUSE_NO_POLICY);
    if (!this->facts.is_resubmission && this->facts.units == 0)
        return false;
    if (is_late && this->entry->received_us >= this->policy->cutoff_us)
        return conclude(this, DECISION_REFUSED, BECAUSE_CUTOFF);
    if (is_late && !this->entry->assignment->is_extensible)
        return conclude(this, DECISION_REFUSED, BECAUSE_NOT_EXTENSIBLE);
    if (this->facts.is_resubmission) {
        if (!this->rule->resubmission.is_allowed)
            return conclude(this, DECISION_REFUSED, BECAUSE_NOT_ALLOWED);
        if (this->opens_cycle && this->track->n_resubmissions >= this->rule->resubmission.max_times)
            return conclude(this, DECISION_REFUSED, BECAUSE_LIMIT);
        return false;
    }
    if (!this->rule->late.is_allowed)
        return conclude(this, DECISION_REFUSED, BECAUSE_NOT_ALLOWED);
    if (this->facts.units > this->rule->late.stop_after)
        return conclude(this, DECISION_REFUSED, BECAUSE_STOPPED);
    if (this->facts.units > this->rule->late.hold_after && !this->entry->is_confirmed)
        return conclude(this, DECISION_HELD, BECAUSE_TOO_LATE);
    return false;
}

static bool is_unsettled(Case *this)
{
    if (!this->entry->is_graded)
        return conclude(this, DECISION_PENDING, BECAUSE_NOT_GRADED);
    if (this->entry->n_error > 0)
        return conclude(this, DECISION_PENDING, BECAUSE_OUR_ERROR);
    return false;
}

static bool is_free_of_cost(Case *this)
{
    if (!this->policy->is_empty && (this->facts.is_resubmission || this->facts.units > 0))
        return false;
    return conclude(this, DECISION_COUNTS, BECAUSE_ON_TIME);
}

/* Full marks that cost nothing off cannot become better, unless by bonus points. */
static bool brings_no_benefit(Case *this)
{
    const Entry *counting = this->track->counting;
    if (!counting || counting->decision->penalty_milli > 0 || counting->n_review > 0 || counting->n_error > 0 ||
        counting->max_milli <= 0 || counting->points_milli < counting->max_milli ||
        this->entry->bonus_milli > counting->bonus_milli)
        return false;
    return conclude_beside(this, DECISION_IGNORED, BECAUSE_NO_BENEFIT, counting);
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

/* What a person must say yes to: to lose something that is free or better. */
static bool needs_a_word(Case *this, const Route *route)
{
    const Track *track = this->track;
    const Entry *standing = track->standing;
    if (this->entry->is_confirmed || this->policy->replace_on_time == REPLACE_CHARGE)
        return false;
    bool loses_free = standing && track->standing_is_free && (route->tokens_milli > 0 || route->penalty_milli > 0);
    bool loses_credit = track->counting && route->penalty_milli > track->counting->decision->penalty_milli;
    if (!loses_free && !loses_credit)
        return false;
    const Entry *kept = loses_free ? standing : track->counting;
    return conclude_beside(this, this->policy->replace_on_time == REPLACE_ASK ? DECISION_HELD : DECISION_IGNORED,
                           BECAUSE_ON_TIME_STANDS, kept);
}

static bool pay_for_resubmission(Case *this, gint64 balance_milli)
{
    add_resubmission_route(&this->facts, this->rule, this->facts.paid_milli + balance_milli);
    const Route *route = this->facts.route = best_route(&this->facts);
    if (!route)
        return conclude(this, DECISION_REFUSED, BECAUSE_NO_TOKENS);
    if (this->rule->resubmission.asks && !this->entry->is_confirmed && route->tokens_milli > 0)
        return conclude(this, DECISION_HELD, BECAUSE_ASKS);
    this->tokens_milli = route->tokens_milli;
    return conclude(this, DECISION_COUNTS, BECAUSE_RESUBMISSION);
}

static bool pay_for_lateness(Case *this, gint64 balance_milli)
{
    const Entry *entry = this->entry;
    /* No benefit, no charge: a token cannot save what was not earned. */
    bool earned_nothing = entry->points_milli + entry->bonus_milli == 0 && entry->n_review == 0;
    add_late_routes(&this->facts, this->rule, this->facts.paid_milli + (earned_nothing ? 0 : balance_milli));
    const Route *route = this->facts.route = best_route(&this->facts);
    if (!route)
        conclude_uncovered(this);
    else if (route->penalty_milli >= all_milli)
        conclude(this, DECISION_FEEDBACK, BECAUSE_NO_TOKENS);
    else if (needs_a_word(this, route))
        return true;
    else
        conclude(this, DECISION_COUNTS, BECAUSE_LATE);
    if (earned_nothing)
        this->facts.because = BECAUSE_NOTHING_EARNED;
    if (this->kind == DECISION_COUNTS && route) {
        this->tokens_milli = route->tokens_milli;
        this->penalty_milli = route->penalty_milli;
    }
    return true;
}

static bool pay(Case *this, gint64 balance_milli)
{
    return this->facts.is_resubmission ? pay_for_resubmission(this, balance_milli)
                                       : pay_for_lateness(this, balance_milli);
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
    g_ptr_array_add(track->seen, this->entry);
    if (this->kind == DECISION_COUNTS) {
        if (this->opens_cycle) {
            track->in_resubmission = this->facts.is_resubmission;
            track->n_resubmissions += this->facts.is_resubmission;
            track->paid_milli = 0;
        }
        track->paid_milli += this->tokens_milli;
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
        .balance_milli = this->facts.before_milli - this->tokens_milli,
        .penalty_milli = this->penalty_milli,
        .route = g_strdup(route_name(this)),
        .alternatives = g_ptr_array_new_with_free_func(g_free),
    };
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

    const Track *track = this->track;
    this->opens_cycle =
        track->standing && was_released_between(track, track->standing->received_us, entry->received_us);
    this->facts.is_resubmission = !this->policy->is_empty && (this->opens_cycle || track->in_resubmission);
    facts->paid_milli = this->opens_cycle ? 0 : track->paid_milli;
}

Decision *decide_entry(const Policy *policy, const Course *course, OwnerKind owner_kind, const char *owner,
                       Track *track, Entry *entry, gint64 balance_milli)
{
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
    Case this = {.policy = policy,
                 .track = track,
                 .entry = entry,
                 .facts = {.owner_kind = owner_kind,
                           .routes = routes,
                           .before_milli = balance_milli,
                           .received_us = entry->received_us,
                           .cutoff_us = policy->cutoff_us,
                           .zone = course->zone}};
    if (!entry->assignment) {
        conclude(&this, DECISION_HELD, BECAUSE_UNKNOWN_ASSIGNMENT);
        return make_decision(&this);
    }
    this.rule = policy_rule(policy, entry->assignment);
    look_at_time(&this, course->zone);
    bool is_decided = may_not_count(&this, course, owner) || is_not_new(&this) || is_not_allowed(&this) ||
                      is_unsettled(&this) || is_free_of_cost(&this) || brings_no_benefit(&this) ||
                      pay(&this, balance_milli);
    g_assert(is_decided);
    entry->decision = make_decision(&this);
    move_track(&this);
    return entry->decision;
}
