/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences from facts: grammar for none, one and many, whatever the reason. */
#include "tests/unit/tokens/fixture.h"

static Facts usual(Route *route, GTimeZone *zone)
{
    *route = (Route){.name = "late days", .tokens_milli = 1000, .penalty = PENALTY_NONE, .covered_units = 1};
    return (Facts){.route = route,
                   .before_milli = 7000,
                   .units = 2,
                   .late_us = 27 * CLOCK_HOUR_US,
                   .zone = zone,
                   .penalty = PENALTY_NONE,
                   .refund_milli = G_MAXINT64,
                   .buys_lateness = true,
                   .needs = "reflection",
                   .other_id = 4};
}

static void say(Decision *decision, const Facts *facts)
{
    decision->alternatives = g_ptr_array_new_with_free_func(g_free);
    decision->route = (char *)"late days";
    decision->balance_milli = facts->before_milli - decision->tokens_milli;
    explain_decision(decision, facts);
}

static void unsay(Decision *decision)
{
    g_ptr_array_unref(decision->alternatives);
    g_free(decision->sentence);
    g_free(decision->ta_line);
}

/* Every reason with every kind of decision and amounts around one. */
START_TEST(all_that_can_be_said_is_a_sentence)
{
    static const gint64 amounts[] = {0, 500, 1000, 2000};
    static const DecisionKind kinds[] = {DECISION_COUNTS,   DECISION_IGNORED, DECISION_HELD,
                                         DECISION_FEEDBACK, DECISION_REFUSED, DECISION_PENDING};
    const Penalty penalties[] = {PENALTY_NONE,
                                 {.percent_milli = 15000, .cap_milli = -1},
                                 {.minus_milli = 1000, .cap_milli = -1},
                                 {.minus_milli = 20000, .cap_milli = -1, .floor_milli = 40000},
                                 {.course_milli = 1000, .cap_milli = -1},
                                 {.cap_milli = 80000},
                                 {.percent_milli = 2000, .cap_milli = 1000},
                                 {.percent_milli = 2000, .minus_milli = 500, .course_milli = 250, .cap_milli = -1}};
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    unsigned n = 0;
    for (Because because = BECAUSE_ON_TIME; because <= BECAUSE_UNKNOWN_ASSIGNMENT; because++) {
        for (gsize i = 0; i < G_N_ELEMENTS(kinds) * 4 * 4 * 8 * 8; i += 7, n++) {
            Route route;
            Facts facts = usual(&route, zone);
            gint64 tokens_milli = amounts[i % 4];
            facts.before_milli = amounts[i / 4 % 4];
            facts.penalty = route.penalty = penalties[i / 16 % 8];
            facts.owner_kind = i / 128 % 2;
            facts.is_quote = i / 256 % 2;
            facts.is_refunded = facts.covered_costs = i / 512 % 2;
            facts.because = because;
            facts.needed_milli = tokens_milli;
            facts.unit = (LateUnit)(i % (UNIT_SLOT + 1));
            facts.redo_rule = (RedoRule)(i % 3);
            facts.share_milli = 90000;
            facts.early_milli = facts.earned_tokens_milli = tokens_milli;
            facts.reward_from_milli = i % 2 * 90000;
            facts.refund_milli = i % 3 ? 90000 : G_MAXINT64;
            facts.units = 1 + (gint64)(i % 3);
            route.tokens_milli = tokens_milli;
            route.covered_units = i % 2;
            Decision decision = {.kind = kinds[i / 1024],
                                 .tokens_milli = tokens_milli,
                                 .late_units = facts.units,
                                 .late_us = facts.late_us};
            say(&decision, &facts);
            check_sentence(decision.sentence);
            ck_assert(strstr(decision.ta_line, "left off") == NULL && strstr(decision.ta_line, "(null)") == NULL);
            unsay(&decision);
        }
    }
    printf("%u sentences\n", n);
}
END_TEST

static void check_says(const Facts *facts, DecisionKind kind, gint64 tokens_milli, const char *wanted)
{
    Decision decision = {.kind = kind, .tokens_milli = tokens_milli, .late_units = facts->units};
    say(&decision, facts);
    ck_assert_str_eq(decision.sentence, wanted);
    unsay(&decision);
}

START_TEST(one_and_none_and_credit_are_said_as_people_say_them)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    Route route;
    Facts facts = usual(&route, zone);
    facts.because = BECAUSE_LATE;
    facts.units = 1;
    check_says(&facts, DECISION_COUNTS, 1000, "1 day 3 h late: 1 of your 7 tokens, 6 left.");
    facts.before_milli = 1000;
    check_says(&facts, DECISION_COUNTS, 1000, "1 day 3 h late: your only token, none left.");
    facts.before_milli = 0;
    check_says(&facts, DECISION_COUNTS, 1000, "1 day 3 h late: 1 token on credit, which leaves -1.");
    facts.before_milli = 1000;
    check_says(&facts, DECISION_COUNTS, 3000, "1 day 3 h late: 3 tokens, 2 of them on credit, which leaves -2.");
    facts.penalty.cap_milli = 80000;
    facts.penalty.percent_milli = 5000;
    check_says(
        &facts, DECISION_COUNTS, 1000,
        "1 day 3 h late: your only token, none left. 5 % of the earned points are taken off, but at most 80 points "
        "are left.");
    facts.penalty = (Penalty){.minus_milli = 1000, .cap_milli = -1};
    route.covered_units = 0;
    facts.before_milli = 0;
    check_says(&facts, DECISION_COUNTS, 0, "1 day 3 h late, and no tokens are left: 1 point is taken off.");
    facts.buys_lateness = false;
    check_says(&facts, DECISION_COUNTS, 0, "1 day 3 h late: 1 point is taken off.");
}
END_TEST

START_TEST(a_quote_says_what_depends_on_the_result)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    Route route;
    Facts facts = usual(&route, zone);
    facts.because = BECAUSE_ASKS;
    facts.is_quote = true;
    facts.refund_milli = 90000;
    check_says(&facts, DECISION_HELD, 0,
               "A resubmission would cost at most 1 of your 7 tokens, 6 left, and count instead of the earlier result "
               "even if it is lower. Nothing is charged until you tell your TA to take it. A result of at least 90 % "
               "gives it back.");
    facts.is_quote = false;
    check_says(
        &facts, DECISION_HELD, 0,
        "A resubmission would cost 1 of your 7 tokens, 6 left, and count instead of the earlier result even if it "
        "is lower. Nothing is charged until you tell your TA to take it.");
    facts.is_refunded = true;
    facts.redo_rule = REDO_BEST;
    check_says(&facts, DECISION_HELD, 0,
               "A resubmission would be free, because the result is good enough for its price to come back. It waits "
               "until you tell your TA to take it.");
    facts = usual(&route, zone);
    facts.because = BECAUSE_ON_TIME;
    facts.late_us = -1;
    facts.is_quote = true;
    facts.early_milli = 5000;
    facts.is_reward_share = true;
    facts.earned_tokens_milli = 1000;
    facts.reward_from_milli = 90000;
    check_says(
        &facts, DECISION_COUNTS, 0,
        "On time: no token is needed. It brings up to 5 points more, and 1 token, if the result is at least 90 %.");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("sentences");
    tcase_set_timeout(tcase, 100);
    tcase_add_test(tcase, all_that_can_be_said_is_a_sentence);
    tcase_add_test(tcase, one_and_none_and_credit_are_said_as_people_say_them);
    tcase_add_test(tcase, a_quote_says_what_depends_on_the_result);
    return fixture_main(tcase, "sentences");
}
