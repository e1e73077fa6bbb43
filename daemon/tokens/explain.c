/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences, made from the same facts as the numbers. */
#include "daemon/tokens/policy.h"

#define ID G_GINT64_FORMAT

char *explain_tokens(gint64 milli)
{
    const gint64 one_milli = 1000;
    g_autofree char *number = points_format(milli);
    return g_strdup_printf("%s %s", number, milli == one_milli ? "token" : "tokens");
}

static char *points(gint64 milli)
{
    const gint64 one_milli = 1000;
    g_autofree char *number = points_format(milli);
    return g_strdup_printf("%s %s", number, milli == one_milli ? "point" : "points");
}

static char *percent(gint64 milli)
{
    g_autofree char *number = points_format(milli);
    return g_strdup_printf("%s %%", number);
}

static const char *yours(const Facts *facts)
{
    return facts->owner_kind == OWNER_TEAM ? "your team's" : "your";
}

static const char *you_have(const Facts *facts)
{
    return facts->owner_kind == OWNER_TEAM ? "your team has" : "you have";
}

/* "1 day 3 h late". */
static char *lateness(const Facts *facts)
{
    g_autofree char *span =
        facts->late_us < CLOCK_SECOND_US ? g_strdup("less than 1 s") : clock_format_span(facts->late_us);
    return g_strdup_printf("%s late", span);
}

static char *started_units(const Facts *facts, gint64 n)
{
    const int is_plural = n != 1;
    static const char *const names[][2] = {
        [UNIT_STARTED_DAY] = {"started day", "started days"},
        [UNIT_STARTED_HOUR] = {"started hour", "started hours"},
        [UNIT_ONCE] = {"time", "times"},
        [UNIT_CALENDAR_DAY] = {"calendar day", "calendar days"},
        [UNIT_WORKING_DAY] = {"working day", "working days"},
        [UNIT_SPAN] = {"started period", "started periods"},
        [UNIT_BRACKET] = {"step of lateness", "steps of lateness"},
        [UNIT_SLOT] = {"date missed", "dates missed"},
        [UNIT_NTH] = {"late assignment", "late assignments"},
    };
    return g_strdup_printf("%" ID " %s", n, names[facts->unit][is_plural]);
}

/* "2 of your team's 7 tokens, 5 left"; "1 token on credit, which leaves -1". */
static char *payment(const Facts *facts, gint64 tokens_milli)
{
    const gint64 one_milli = 1000;
    gint64 left_milli = facts->before_milli - tokens_milli;
    g_autofree char *part = points_format(tokens_milli);
    g_autofree char *whole = explain_tokens(facts->before_milli);
    g_autofree char *left = left_milli == 0 ? g_strdup("none") : points_format(left_milli);
    g_autofree char *cost = explain_tokens(tokens_milli);
    g_autofree char *credit = points_format(MIN(tokens_milli, -left_milli));
    if (left_milli < 0 && tokens_milli <= -left_milli)
        return g_strdup_printf("%s on credit, which leaves %s", cost, left);
    if (left_milli < 0)
        return g_strdup_printf("%s, %s of them on credit, which leaves %s", cost, credit, left);
    if (tokens_milli == one_milli && left_milli == 0)
        return g_strdup_printf("%s only token, none left", yours(facts));
    return g_strdup_printf("%s of %s %s, %s left", part, yours(facts), whole, left);
}

/* " It brings 2 points more, and 1 token." A quote says on what that depends. */
static char *explain_reward(const Facts *facts)
{
    bool has_points = facts->early_milli > 0, has_tokens = facts->earned_tokens_milli > 0;
    if (!has_points && !has_tokens)
        return g_strdup("");
    g_autofree char *more = points(facts->early_milli);
    g_autofree char *tokens = explain_tokens(facts->earned_tokens_milli);
    g_autofree char *least = percent(facts->reward_from_milli);
    const char *up_to = facts->is_quote && facts->is_reward_share ? "up to " : "";
    return g_strdup_printf(" It brings %s%s%s%s%s%s%s.", has_points ? up_to : "", has_points ? more : "",
                           has_points ? " more" : "", has_points && has_tokens ? ", and " : "",
                           has_tokens ? tokens : "",
                           facts->is_quote && facts->reward_from_milli > 0 ? ", if the result is at least " : "",
                           facts->is_quote && facts->reward_from_milli > 0 ? least : "");
}

static char *explain_on_time(const Facts *facts)
{
    g_autofree char *late = lateness(facts);
    g_autofree char *reward = explain_reward(facts);
    if (facts->late_us <= 0)
        return g_strdup_printf("On time: no token is needed.%s", reward);
    if (facts->is_in_days_off)
        return g_strdup_printf("%s, but days off do not count: no token is needed.", late);
    if (facts->units == 0)
        return g_strdup_printf("%s, which is within the grace period: no token is needed.", late);
    return g_strdup_printf("%s, accepted by the course's staff: no token is needed.", late);
}

static bool takes_something(const Penalty *penalty)
{
    return penalty->percent_milli > 0 || penalty->minus_milli > 0 || penalty->cap_milli >= 0 ||
           penalty->course_milli > 0;
}

static void add_part(GString *text, char *part)
{
    g_string_append_printf(text, "%s%s", text->len > 0 ? " and " : "", part);
    g_free(part);
}

/* "15 % of the earned points and 2 points"; "" when only a cap or nothing takes something. */
static char *taken_text(const Penalty *penalty)
{
    GString *text = g_string_new(NULL);
    if (penalty->percent_milli > 0) {
        g_autofree char *number = percent(penalty->percent_milli);
        add_part(text, g_strdup_printf("%s of the earned points", number));
    }
    if (penalty->minus_milli > 0)
        add_part(text, points(penalty->minus_milli));
    if (penalty->course_milli > 0) {
        g_autofree char *number = percent(penalty->course_milli);
        add_part(text, g_strdup_printf("%s of the course grade", number));
    }
    return g_string_free(text, FALSE);
}

/* "is" for one point, or for percent of the course grade alone. */
static const char *taken_verb(const Penalty *penalty)
{
    const gint64 one_milli = 1000;
    bool is_one = penalty->percent_milli == 0 &&
                  ((penalty->minus_milli == one_milli && penalty->course_milli == 0) || penalty->minus_milli == 0);
    return is_one ? "is" : "are";
}

/* "at most 80 points are left", "at least 50 points are left"; NULL: no bound. */
static char *bound_text(const Penalty *penalty, const char *verb)
{
    bool is_cap = penalty->cap_milli >= 0;
    if (!is_cap && penalty->floor_milli == 0)
        return NULL;
    g_autofree char *bound = points(is_cap ? penalty->cap_milli : penalty->floor_milli);
    return g_strdup_printf("at %s %s %s left", is_cap ? "most" : "least", bound, verb);
}

/* "are", but "is" for one point. */
static const char *bound_verb(const Penalty *penalty)
{
    const gint64 one_milli = 1000;
    return (penalty->cap_milli >= 0 ? penalty->cap_milli : penalty->floor_milli) == one_milli ? "is" : "are";
}

/* What is lost as a noun, for prices and for TAs: "15 % of the earned points off", "at most 80 points are left". */
static char *loss_text(const Penalty *penalty)
{
    g_autofree char *taken = taken_text(penalty), *bound = bound_text(penalty, bound_verb(penalty));
    bool has_both = *taken && bound;
    return g_strdup_printf("%s%s%s%s", taken, *taken ? " off" : "", has_both ? ", but " : "", bound ? bound : "");
}

/* "15 % of the earned points are taken off for 1 started day that no token covers." */
static char *explain_penalty(const Facts *facts)
{
    const Penalty *penalty = &facts->penalty;
    g_autofree char *taken = taken_text(penalty), *bound = bound_text(penalty, bound_verb(penalty));
    gint64 rest_units = facts->units - facts->route->covered_units;
    bool has_rest = facts->route->covered_units > 0 && rest_units > 0 && !facts->covered_costs;
    g_autofree char *units = started_units(facts, rest_units);
    g_autofree char *rest = has_rest ? g_strdup_printf(" for %s that no token covers", units) : g_strdup("");
    if (!*taken)
        return g_strdup_printf("%s%s.", bound, rest);
    return g_strdup_printf("%s %s taken off%s%s%s.", taken, taken_verb(penalty), rest, bound ? ", but " : "",
                           bound ? bound : "");
}

/* "what counts stays, and 80 % of the points gained are added." */
static char *explain_gain(const Facts *facts)
{
    g_autofree char *share = percent(facts->share_milli);
    g_autofree char *loss = takes_something(&facts->penalty) ? loss_text(&facts->penalty) : NULL;
    return g_strdup_printf("what counts stays, and %s of the points gained are added%s%s.", share, loss ? "; " : "",
                           loss ? loss : "");
}

static char *explain_late(const Facts *facts, const Decision *decision)
{
    g_autofree char *late = lateness(facts);
    g_autofree char *paid = payment(facts, decision->tokens_milli);
    g_autofree char *taken = facts->adds_gain                   ? explain_gain(facts)
                             : takes_something(&facts->penalty) ? explain_penalty(facts)
                                                                : NULL;
    bool is_unpaid = taken && decision->tokens_milli == 0 && facts->route->covered_units == 0;
    if (is_unpaid && !facts->buys_lateness)
        return g_strdup_printf("%s: %s", late, taken);
    if (is_unpaid)
        return g_strdup_printf("%s, and %s: %s", late,
                               facts->is_undeclared      ? "no tokens were declared for it"
                               : facts->before_milli > 0 ? "tokens do not cover it"
                                                         : "no tokens are left",
                               taken);
    if (taken)
        taken[0] = g_ascii_toupper(taken[0]); /* a sentence of its own */
    if (decision->tokens_milli > 0)
        return g_strdup_printf("%s: %s.%s%s", late, paid, taken ? " " : "", taken ? taken : "");
    if (facts->paid_milli > 0)
        return g_strdup_printf("%s: paid for by an earlier submission already.%s%s", late, taken ? " " : "",
                               taken ? taken : "");
    return g_strdup_printf("%s: that costs nothing.%s%s", late, taken ? " " : "", taken ? taken : "");
}

/* A quote cannot know the result: " A result of at least 90 % gives the price back." */
static char *comes_back(const Facts *facts)
{
    if (!facts->is_quote || facts->refund_milli == G_MAXINT64)
        return g_strdup("");
    g_autofree char *least = percent(facts->refund_milli);
    return g_strdup_printf(" A result of %s%s gives it back.", facts->refund_milli < 100000 ? "at least " : "", least);
}

static char *explain_resubmission(const Facts *facts, const Decision *decision)
{
    g_autofree char *share = percent(facts->share_milli);
    g_autofree char *gain = g_strdup_printf("The better result stays, and %s of the points gained are added.", share);
    const char *rest = facts->redo_rule == REDO_REPLACES
                           ? "It counts instead of the earlier result, even if it is lower."
                       : facts->redo_rule == REDO_BEST ? "The better result counts."
                                                       : gain;
    if (facts->is_refunded)
        return g_strdup_printf("Resubmission: free, because the result is good enough for its price to come back. %s",
                               rest);
    if (decision->tokens_milli == 0)
        return g_strdup_printf("Resubmission%s: free. %s", facts->paid_milli > 0 ? ", paid for already" : "", rest);
    g_autofree char *paid = payment(facts, decision->tokens_milli);
    g_autofree char *back = comes_back(facts);
    return g_strdup_printf("Resubmission: %s%s. %s%s", *back ? "at most " : "", paid, rest, back);
}

static char *explain_replaced(const Facts *facts, const Decision *decision)
{
    if (decision->tokens_milli == 0)
        return g_strdup_printf("Submission %" ID " came later and counts instead of this one.", facts->other_id);
    g_autofree char *tokens = explain_tokens(decision->tokens_milli);
    return g_strdup_printf("Submission %" ID
                           " came later and counts instead of this one; the %s paid for this one stay%s paid.",
                           facts->other_id, tokens, decision->tokens_milli == 1000 ? "s" : "");
}

/* "it would cost 1 token and 15 % of the earned points, and at most 80 points would be left". */
static char *would_cost(const Route *route)
{
    g_autofree char *tokens = explain_tokens(route->tokens_milli);
    g_autofree char *taken = taken_text(&route->penalty), *bound = bound_text(&route->penalty, "would be");
    bool has_tokens = route->tokens_milli > 0 || !takes_something(&route->penalty);
    bool costs = has_tokens || *taken;
    return g_strdup_printf("%s%s%s%s%s%s", costs ? "it would cost " : "", has_tokens ? tokens : "",
                           has_tokens && *taken ? " and " : "", taken, costs && bound ? ", and " : "",
                           bound ? bound : "");
}

/* What is held or ignored because another one stands. */
static char *explain_stands(const Facts *facts, const Decision *decision)
{
    g_autofree char *late = lateness(facts);
    g_autofree char *cost = would_cost(facts->route);
    if (decision->kind == DECISION_IGNORED)
        return g_strdup_printf("%s: %s, so submission %" ID " goes on counting and nothing is charged.", late, cost,
                               facts->other_id);
    g_autofree char *balance = explain_tokens(facts->before_milli);
    return g_strdup_printf("%s: %s (%s %s). Submission %" ID
                           " goes on counting, unless you tell your TA to take this one instead.",
                           late, cost, you_have(facts), balance, facts->other_id);
}

static char *explain_asks(const Facts *facts)
{
    g_autofree char *paid = payment(facts, facts->route->tokens_milli);
    g_autofree char *back = comes_back(facts);
    const char *replaces =
        facts->redo_rule == REDO_REPLACES ? ", and count instead of the earlier result even if it is lower" : "";
    if (facts->is_refunded)
        return g_strdup_printf("A resubmission would be free, because the result is good enough for its price to come "
                               "back%s. It waits until you tell your TA to take it.",
                               replaces);
    return g_strdup_printf("A resubmission would cost %s%s%s. Nothing is charged until you tell your TA to take it.%s",
                           *back ? "at most " : "", paid, replaces, back);
}

static char *explain_no_tokens(const Facts *facts, const Decision *decision, const char *what)
{
    g_autofree char *balance = explain_tokens(facts->before_milli);
    g_autofree char *needed = explain_tokens(MAX(0, facts->needed_milli - facts->paid_milli));
    g_autofree char *paid = payment(facts, decision->tokens_milli);
    g_autofree char *aside = points_format(facts->set_aside_milli);
    g_autofree char *but =
        facts->set_aside_milli > 0 ? g_strdup_printf(", %s of that set aside for another part", aside) : g_strdup("");
    g_autofree char *gap = facts->needed_milli == G_MAXINT64
                               ? g_strdup("more than tokens can buy")
                               : g_strdup_printf("%s, and %s %s%s", needed, you_have(facts), balance, but);
    switch (decision->kind) {
    case DECISION_FEEDBACK:
        if (decision->tokens_milli > 0)
            return g_strdup_printf("%s: %s, and all the same nothing of the points is left. You get feedback, but no "
                                   "credit.",
                                   what, paid);
        return facts->route ? g_strdup_printf("%s: nothing of the points would be left, so no token is taken. "
                                              "You get feedback, but no credit.",
                                              what)
                            : g_strdup_printf("%s needs %s: feedback, but no credit. No token is taken.", what, gap);
    case DECISION_REFUSED:
        return g_strdup_printf("%s needs %s: it is not accepted, and no token is taken.", what, gap);
    case DECISION_HELD:
        return g_strdup_printf("%s needs %s: a person decides, and nothing is charged until then.", what, gap);
    default:
        return g_strdup_printf("%s, accepted by the course's staff: no token is taken.", what);
    }
}

static char *explain_nothing_earned(const Facts *facts, const char *late, const Decision *decision)
{
    const char *credit = decision->kind == DECISION_COUNTS ? "" : " It gives feedback, but no credit.";
    if (decision->tokens_milli > 0) {
        g_autofree char *paid = payment(facts, decision->tokens_milli);
        return g_strdup_printf("%s: %s, though no points were earned.%s", late, paid, credit);
    }
    return g_strdup_printf("%s, and no points were earned that a token could save: no token is taken.%s", late, credit);
}

static char *explain_cutoff(const Facts *facts)
{
    g_autofree char *received = clock_format_local(facts->received_us, facts->zone);
    g_autofree char *cutoff = clock_format_local(facts->cutoff_us, facts->zone);
    return g_strdup_printf("Received %s; from %s on nothing is accepted late. No token is taken.", received, cutoff);
}

/* What has to do with other people's or earlier decisions, not with time. */
static char *explain_standing(const Facts *facts, const Decision *decision)
{
    switch (facts->because) {
    case BECAUSE_REPLACED:
        return explain_replaced(facts, decision);
    case BECAUSE_IDENTICAL:
        return g_strdup_printf("The same content as submission %" ID ": ignored, and free.", facts->other_id);
    case BECAUSE_WITHDRAWN:
        return g_strdup("Withdrawn: it does not count, and nothing is charged.");
    case BECAUSE_REFUSED:
        return g_strdup("It could not be graded as it was handed in, so it does not count and nothing is charged: mend "
                        "it and hand in again.");
    case BECAUSE_NO_BENEFIT:
        return g_strdup_printf("Submission %" ID " has all points already: this one is ignored, and free.",
                               facts->other_id);
    case BECAUSE_ON_TIME_STANDS:
        return explain_stands(facts, decision);
    case BECAUSE_ASKS:
        return explain_asks(facts);
    case BECAUSE_ON_HOLD:
        return g_strdup(
            "The course's staff have put this assignment on hold: nothing counts and nothing is charged until that is "
            "settled.");
    case BECAUSE_NOT_GRADED:
        return g_strdup("Not graded yet: nothing is charged before there is a result.");
    case BECAUSE_OUR_ERROR:
        return g_strdup("A check could not run, which is not your fault: nothing is charged until that is settled.");
    case BECAUSE_AUDIT:
        return g_strdup("You audit this course: you get feedback, nothing is charged, and nothing counts.");
    case BECAUSE_JOINED_LATE:
        return g_strdup("You joined the course after this deadline: a person decides, and nothing is charged.");
    case BECAUSE_WAIVED:
        return g_strdup("The course's staff let this one count as if it were on time: no token is needed.");
    case BECAUSE_NOT_SELECTED:
        return g_strdup_printf("Submission %" ID " was chosen to count: this one is ignored, and free.",
                               facts->other_id);
    case BECAUSE_FIRST_COUNTS:
        return g_strdup_printf("Only the first submission counts, which is %" ID ": this one is ignored, and free.",
                               facts->other_id);
    case BECAUSE_BETTER_STANDS:
        return g_strdup_printf("Submission %" ID " brings as much or more and goes on counting: this one is free.",
                               facts->other_id);
    case BECAUSE_GOOD_ENOUGH:
        return g_strdup_printf("Only lower results may be resubmitted: submission %" ID " stands, no token is taken.",
                               facts->other_id);
    case BECAUSE_TOO_LOW:
        return g_strdup_printf(
            "Submission %" ID " is too low a result to be resubmitted: it stands, no token is taken.", facts->other_id);
    case BECAUSE_NO_FIRST:
        return g_strdup("The course takes this only from who handed in something by the deadline: it is not accepted, "
                        "and no token is taken.");
    case BECAUSE_WINDOW:
        return g_strdup("The time for resubmissions is over: the earlier result stands, no token is taken.");
    case BECAUSE_NEEDS:
        return g_strdup_printf("A resubmission needs a %s, which is not there: the earlier result stands, no token is "
                               "taken.",
                               facts->needs);
    default:
        return g_strdup("The course has no such assignment any more: a person decides, and nothing is charged.");
    }
}

static char *explain_overridden(const Facts *facts, const Decision *decision)
{
    g_autofree char *tokens = explain_tokens(decision->tokens_milli);
    g_autofree char *loss = takes_something(&facts->penalty) ? loss_text(&facts->penalty) : g_strdup("nothing off");
    return g_strdup_printf("The course's staff decided: %s, and %s.", tokens, loss);
}

static char *explain(const Facts *facts, const Decision *decision)
{
    g_autofree char *late = lateness(facts);
    switch (facts->because) {
    case BECAUSE_ON_TIME:
        return explain_on_time(facts);
    case BECAUSE_LATE:
        return explain_late(facts, decision);
    case BECAUSE_NOTHING_EARNED:
        return explain_nothing_earned(facts, late, decision);
    case BECAUSE_RESUBMISSION:
        return explain_resubmission(facts, decision);
    case BECAUSE_OVERRIDDEN:
        return explain_overridden(facts, decision);
    case BECAUSE_NO_TOKENS:
        return explain_no_tokens(facts, decision, facts->is_resubmission ? "A resubmission" : late);
    case BECAUSE_NOT_ALLOWED:
        return facts->is_resubmission
                   ? g_strdup("This assignment cannot be resubmitted after its result was released: the earlier result "
                              "stands.")
                   : g_strdup_printf("%s: this assignment is not accepted late. No token is taken.", late);
    case BECAUSE_LIMIT:
        return g_strdup(
            "This assignment was resubmitted as often as is allowed: the earlier result stands, no token is taken.");
    case BECAUSE_TOO_LATE:
        return g_strdup_printf("%s: a person decides, and nothing is charged until then.", late);
    case BECAUSE_STOPPED:
        return g_strdup_printf("%s: this assignment is not accepted that late. No token is taken.", late);
    case BECAUSE_CUTOFF:
        return explain_cutoff(facts);
    case BECAUSE_NOT_EXTENSIBLE:
        return g_strdup_printf("%s, and this deadline cannot be extended: it is not accepted. No token is taken.",
                               late);
    case BECAUSE_NO_POLICY:
        return g_strdup_printf("%s, and the course has no rule for that: a person decides.", late);
    default:
        return explain_standing(facts, decision);
    }
}

/* "0 % off", "2 points off": short, for those who know the rules. */
static char *short_loss(const Penalty *penalty)
{
    bool is_plain = penalty->minus_milli == 0 && penalty->course_milli == 0 && penalty->cap_milli < 0;
    if (!is_plain)
        return loss_text(penalty);
    g_autofree char *number = percent(penalty->percent_milli);
    return g_strdup_printf("%s off", number);
}

/* "counts by late days: 1 day 3 h late = 2 started days, 2 tokens (7 -> 5), 0 % off". */
static char *explain_to_ta(const Facts *facts, const Decision *decision)
{
    g_autofree char *late = decision->late_us > 0 ? lateness(facts) : g_strdup("on time");
    g_autofree char *units = started_units(facts, decision->late_units);
    g_autofree char *tokens = explain_tokens(decision->tokens_milli);
    g_autofree char *before = points_format(decision->balance_milli + decision->tokens_milli);
    g_autofree char *after = points_format(decision->balance_milli);
    g_autofree char *loss = short_loss(&facts->penalty);
    bool has_units = decision->late_units > 0 && facts->unit != UNIT_ONCE;
    return g_strdup_printf("%s by %s: %s%s%s, %s (%s -> %s), %s", decision_kind_name(decision->kind), decision->route,
                           late, has_units ? " = " : "", has_units ? units : "", tokens, before, after, loss);
}

static void list_alternatives(Decision *decision, const Facts *facts)
{
    for (guint i = 0; facts->routes && i < facts->routes->len; i++) {
        const Route *route = &g_array_index(facts->routes, Route, i);
        if (route == facts->route)
            continue;
        g_autofree char *tokens = explain_tokens(route->tokens_milli);
        g_autofree char *loss = short_loss(&route->penalty);
        g_ptr_array_add(decision->alternatives, g_strdup_printf("%s: %s, %s", route->name, tokens, loss));
    }
}

void explain_decision(Decision *decision, const Facts *facts)
{
    g_free(decision->sentence);
    g_free(decision->ta_line);
    decision->sentence = explain(facts, decision);
    decision->sentence[0] = g_ascii_toupper(decision->sentence[0]);
    decision->ta_line = explain_to_ta(facts, decision);
    list_alternatives(decision, facts);
}
