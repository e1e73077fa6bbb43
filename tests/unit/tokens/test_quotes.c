/* SPDX-License-Identifier: Apache-2.0 */
/* Until when a quote holds, and what it says may still change; reckoned by hand. */
#include "tests/unit/tokens/histories.h"

typedef struct {
    Rules *rules;
    GPtrArray *events;
} Term;

static void term_start(Term *term, const char *course_folder)
{
    g_autofree char *path = g_build_filename("tests/data/courses", course_folder, NULL);
    *term = (Term){.rules = rules_of_course(path), .events = events_new()};
}

static void term_clear(Term *term)
{
    rules_free(term->rules);
    g_ptr_array_unref(term->events);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Term, term_clear)

static gint64 after(const Term *term, const char *assignment, gint64 us)
{
    return course_assignment(term->rules->course, assignment)->deadline_us + us;
}

static void hand_in(const Term *term, const char *assignment, gint64 late_us, gint64 points)
{
    events_add_submitted(term->events, after(term, assignment, late_us), assignment, 1, "a");
    events_add_graded(term->events, 1, 1, points, 0, 100, 0);
}

static gint64 until(const Term *term, const char *account, const char *assignment, gint64 late_us)
{
    const Assignment *due = course_assignment(term->rules->course, assignment);
    gint64 at_us = after(term, assignment, late_us);
    g_autoptr(Decision) quote =
        policy_quote(term->rules->policy, term->rules->course, account, due, term->events, at_us);
    return policy_quote_until(term->rules->policy, term->rules->course, due, quote, at_us) - due->deadline_us;
}

static char *terms(const Term *term, const char *account, const char *assignment, gint64 late_us)
{
    const Assignment *due = course_assignment(term->rules->course, assignment);
    gint64 at_us = after(term, assignment, late_us);
    g_autoptr(Decision) quote =
        policy_quote(term->rules->policy, term->rules->course, account, due, term->events, at_us);
    char *text = policy_quote_terms(term->rules->policy, due, quote, at_us);
    return text ? text : g_strdup("");
}

START_TEST(a_quote_ends_with_the_window_for_resubmissions)
{
    g_auto(Term) term;
    term_start(&term, "best-resubmission"); /* once, within 7 days of the release */
    hand_in(&term, "i1", -CLOCK_HOUR_US, 50);
    events_add(term.events, "released", after(&term, "i1", CLOCK_DAY_US), "i1", 0, "{}");
    ck_assert_int_eq(until(&term, "person:ann", "i1", 2 * CLOCK_DAY_US), 8 * CLOCK_DAY_US);
    ck_assert_int_eq(until(&term, "person:ann", "i1", 9 * CLOCK_DAY_US), G_MAXINT64 - after(&term, "i1", 0));
}
END_TEST

START_TEST(a_quote_ends_where_tokens_and_penalties_change)
{
    g_auto(Term) term;
    term_start(&term, "grace-days-plain");
    ck_assert_int_eq(until(&term, "person:ann", "i1", -CLOCK_HOUR_US), 0);
    ck_assert_int_eq(until(&term, "person:ann", "i1", CLOCK_HOUR_US), CLOCK_DAY_US);
    g_auto(Term) linear;
    term_start(&linear, "linear"); /* to the microsecond */
    ck_assert_int_eq(until(&linear, "person:ann", "i1", CLOCK_HOUR_US), CLOCK_HOUR_US);
}
END_TEST

START_TEST(a_quote_knows_days_off_and_the_last_hour)
{
    g_auto(Term) term;
    term_start(&term, "hours-but-weekends"); /* i1 is due on a Wednesday at 23:59, the quiz on a Monday */
    ck_assert_int_eq(until(&term, "person:ann", "i1", CLOCK_HOUR_US / 2), CLOCK_HOUR_US);
    /* a minute of Wednesday, Thursday and Friday: 48 hours end on Friday at 23:59; the 49th has a minute of it left */
    ck_assert_int_eq(until(&term, "person:ann", "i1", 48 * CLOCK_HOUR_US + 1),
                     48 * CLOCK_HOUR_US + 2 * CLOCK_DAY_US + CLOCK_HOUR_US);
    g_auto(Term) early;
    term_start(&early, "early-working-days"); /* Friday at 13:25 is a day before Monday at 13:25 */
    ck_assert_int_eq(until(&early, "person:ann", "q01", -3 * CLOCK_DAY_US - CLOCK_HOUR_US), -3 * CLOCK_DAY_US);
    g_auto(Term) bounded;
    term_start(&bounded, "a-token-for-two-days");
    ck_assert_int_eq(until(&bounded, "person:ann", "i1", CLOCK_HOUR_US), 2 * CLOCK_DAY_US);
}
END_TEST

START_TEST(the_end_of_a_round_belongs_to_it)
{
    g_auto(Term) term;
    term_start(&term, "token-back-for-full-marks");
    ResubmissionRule *redo = &term.rules->policy->rule.resubmission;
    redo->n_rounds = 2;
    redo->rounds_us[0] = after(&term, "i1", 5 * CLOCK_DAY_US);
    redo->rounds_us[1] = after(&term, "i1", 9 * CLOCK_DAY_US);
    hand_in(&term, "i1", -CLOCK_HOUR_US, 50);
    events_add(term.events, "released", after(&term, "i1", CLOCK_DAY_US), "i1", 0, "{}");
    ck_assert_int_eq(until(&term, "person:ann", "i1", 2 * CLOCK_DAY_US), 5 * CLOCK_DAY_US);
    ck_assert_int_eq(until(&term, "person:ann", "i1", 5 * CLOCK_DAY_US), 5 * CLOCK_DAY_US);
    ck_assert_int_eq(until(&term, "person:ann", "i1", 5 * CLOCK_DAY_US + 1), 9 * CLOCK_DAY_US);
}
END_TEST

START_TEST(what_good_work_in_time_brings_is_promised_up_to_the_deadline)
{
    g_auto(Term) term;
    term_start(&term, "earned-by-mastery"); /* early: {tokens: 1, at_least: 90} */
    term.rules->policy->rule.late.grace_us = CLOCK_HOUR_US;
    ck_assert_int_eq(until(&term, "person:ann", "i1", -CLOCK_DAY_US), 0);
    ck_assert_int_eq(until(&term, "person:ann", "i1", 1), CLOCK_HOUR_US);
}
END_TEST

START_TEST(who_has_all_points_is_told_that_more_is_free)
{
    g_auto(Term) term;
    term_start(&term, "grace-days-plain");
    g_autofree char *before = terms(&term, "person:ann", "i1", CLOCK_HOUR_US);
    ck_assert_str_eq(before, "A result without points takes no token.");
    hand_in(&term, "i1", -CLOCK_HOUR_US, 100);
    g_autofree char *with_all = terms(&term, "person:ann", "i1", CLOCK_HOUR_US);
    ck_assert_str_eq(with_all, "Submission 1 has all points already: unless this one brings more bonus points, it is "
                               "ignored, and free. A result without points takes no token.");
}
END_TEST

START_TEST(each_part_has_terms_of_its_own)
{
    g_auto(Term) term;
    term_start(&term, "comments-three-days-later"); /* the comments are never late */
    g_autofree char *text = terms(&term, "person:ann", "i1", CLOCK_HOUR_US);
    ck_assert_str_eq(text, "The rest: A result without points takes no token.");
}
END_TEST

START_TEST(a_lower_result_may_cost_more_where_points_are_taken_off)
{
    g_auto(Term) term;
    term_start(&term, "grace-days-plain");
    Rule *rule = &term.rules->policy->rule;
    rule->uncovered[OWNER_PERSON].base = OF_POINTS; /* 10 points a day, or a token and half of what was earned */
    rule->late.each_milli = 50000;
    g_autofree char *text = terms(&term, "person:ann", "i1", CLOCK_HOUR_US);
    ck_assert_ptr_nonnull(strstr(text, "for a lower one the way that leaves the most of it is taken"));
    const Assignment *i1 = course_assignment(term.rules->course, "i1");
    g_autoptr(Decision) quote = policy_quote(term.rules->policy, term.rules->course, "person:ann", i1, term.events,
                                             after(&term, "i1", CLOCK_HOUR_US));
    ck_assert_int_eq(quote->tokens_milli, 0); /* 90 of 100 without a token, 50 with one */
    hand_in(&term, "i1", CLOCK_HOUR_US, 16);
    g_autoptr(Fold) fold = policy_fold(term.rules->policy, term.rules->course, "person:ann", term.events);
    ck_assert_int_eq(fold_decision(fold, 1)->tokens_milli, 1000); /* 6 of 16 without, 8 with one */
}
END_TEST

/* All points at that very moment come to what was quoted, part by part. */
static void check_charge(const Term *term, const char *account, const char *assignment, gint64 late_us,
                         const char *expected)
{
    const Rules *rules = term->rules;
    const Assignment *due = course_assignment(rules->course, assignment);
    const gint64 newest_id = 9;
    gint64 at_us = after(term, assignment, late_us);
    g_autoptr(Decision) quote = policy_quote(rules->policy, rules->course, account, due, term->events, at_us);
    events_add_submitted(term->events, at_us, assignment, newest_id, "of its own");
    events_add_graded(term->events, at_us, newest_id, 100, 0, 100, 0);
    g_autoptr(Fold) fold = policy_fold(rules->policy, rules->course, account, term->events);
    const Decision *charged = fold_decision(fold, newest_id);
    g_autoptr(GString) text = g_string_new(NULL);
    ck_assert_uint_eq(quote->parts->len, charged->parts->len);
    for (guint i = 0; i < quote->parts->len; i++) {
        const Decision *part = g_ptr_array_index(quote->parts, i), *same = g_ptr_array_index(charged->parts, i);
        g_autofree char *price = points_format(part->tokens_milli);
        ck_assert_int_eq(part->kind, same->kind);
        ck_assert_int_eq(part->tokens_milli, same->tokens_milli + same->returned_milli);
        g_string_append_printf(text, "%s%s %s %s", i > 0 ? ", " : "", part->assignment, decision_kind_name(part->kind),
                               price);
    }
    ck_assert_str_eq(text->str, expected);
}

/* The design of the first one stands, the code of the second one. */
static void hand_in_worse_code(const Term *term, gint64 points)
{
    hand_in(term, "m1", -97 * CLOCK_HOUR_US, points);
    events_add_submitted(term->events, after(term, "m1", -50 * CLOCK_HOUR_US), "m1", 2, "b");
    events_add_graded(term->events, 1, 2, 10, 0, 100, 0);
    events_add(term->events, "released", after(term, "m1", CLOCK_HOUR_US), "m1", 0, "{}");
}

START_TEST(a_part_that_has_all_points_leaves_its_price_to_the_next)
{
    g_auto(Term) term;
    term_start(&term, "design-then-code");
    term.rules->policy->banks[OWNER_TEAM].pool_milli = 1000;
    hand_in_worse_code(&term, 100);
    g_autofree char *text = terms(&term, "team:team1", "m1", CLOCK_DAY_US);
    ck_assert_str_eq(text, "The design: Only a result with more bonus points than submission 1 has can count, and may "
                           "then cost tokens.");
    check_charge(&term, "team:team1", "m1", CLOCK_DAY_US, "m1/design ignored 0, m1 counts 1");
}
END_TEST

START_TEST(a_part_that_cannot_become_better_leaves_its_price_to_the_next)
{
    g_auto(Term) term;
    term_start(&term, "design-then-code");
    Rule *rule = &term.rules->policy->rule;
    term.rules->policy->banks[OWNER_TEAM].pool_milli = 1000;
    rule->resubmission.rule = REDO_BEST;
    rule->resubmission.cap_milli = 90000;
    hand_in_worse_code(&term, 95);
    check_charge(&term, "team:team1", "m1", CLOCK_DAY_US, "m1/design ignored 0, m1 counts 1");
}
END_TEST

START_TEST(a_price_that_comes_back_is_quoted_and_not_handed_out_to_what_was_late)
{
    g_auto(Term) term;
    term_start(&term, "design-then-code");
    term.rules->policy->allocation = ALLOCATE_IN_ORDER;
    term.rules->policy->rule.resubmission.refund_milli = 80000;
    term.rules->policy->banks[OWNER_TEAM].pool_milli = 1000;
    hand_in(&term, "m1", -100 * CLOCK_HOUR_US, 50);
    events_add(term.events, "released", after(&term, "m1", CLOCK_HOUR_US), "m1", 0, "{}");
    events_add_submitted(term.events, after(&term, "m2", -73 * CLOCK_HOUR_US), "m2", 2, "b"); /* late with the design */
    events_add_graded(term.events, 1, 2, 100, 0, 100, 0);
    check_charge(&term, "team:team1", "m1", 20 * CLOCK_DAY_US, "m1/design counts 1, m1 refused 0");
}
END_TEST

START_TEST(a_part_that_a_lower_result_leaves_free_may_pay_for_another)
{
    g_auto(Term) term;
    term_start(&term, "design-then-code");
    Rule *rule = &term.rules->policy->rule;
    rule->counts = COUNTS_BEST;
    rule->uncovered[OWNER_TEAM].kind = UNCOVERED_FEEDBACK;
    rule->late.unit = UNIT_ONCE; /* a token for each part */
    term.rules->policy->banks[OWNER_TEAM].pool_milli = 1000;
    g_autofree char *text = terms(&term, "team:team1", "m1", CLOCK_HOUR_US);
    ck_assert_ptr_nonnull(strstr(text, "What a lower result does not need for one part may pay for another."));
    term.rules->policy->banks[OWNER_TEAM].pool_milli = 2000;
    g_autofree char *enough = terms(&term, "team:team1", "m1", CLOCK_HOUR_US);
    ck_assert_ptr_null(strstr(enough, "may pay for another"));
}
END_TEST

/* Two of three late tries can be paid, at 2 tokens each: the second one, and all points; or the first one, if the
 * result is low: then it was released, the second one lacks its reflection, and the third one is a resubmission. */
START_TEST(a_lower_result_may_leave_tokens_to_an_earlier_try)
{
    g_auto(Term) term;
    term_start(&term, "slack-at-the-end");
    Policy *rules = term.rules->policy;
    Rule *rule = &rules->rule;
    rules->banks[OWNER_PERSON].pool_milli = 5000;
    rule->late.unit = UNIT_ONCE;
    rule->late.price.each_milli = 2000;
    rule->uncovered[OWNER_PERSON].kind = UNCOVERED_REFUSED;
    rule->resubmission.is_allowed = true;
    rule->resubmission.asks = false;
    rule->resubmission.price.each_milli = 1000;
    g_strlcpy(rule->resubmission.needs, "reflection", sizeof rule->resubmission.needs);
    const char *caveat = "an earlier try may then count";
    g_autofree char *first = terms(&term, "person:ann", "i1", 3 * CLOCK_HOUR_US);
    ck_assert_ptr_null(strstr(first, caveat));

    hand_in(&term, "i1", CLOCK_HOUR_US, 30);
    events_add(term.events, "released", after(&term, "i1", 2 * CLOCK_HOUR_US), "i1", 0, "{}");
    events_add_submitted(term.events, after(&term, "i1", 3 * CLOCK_HOUR_US), "i1", 2, "b");
    events_add_graded(term.events, 1, 2, 100, 0, 100, 0);
    g_autofree char *third = terms(&term, "person:ann", "i1", 4 * CLOCK_HOUR_US);
    ck_assert_ptr_nonnull(strstr(third, caveat));
    const Assignment *i1 = course_assignment(term.rules->course, "i1");
    g_autoptr(Decision) quote =
        policy_quote(rules, term.rules->course, "person:ann", i1, term.events, after(&term, "i1", 4 * CLOCK_HOUR_US));
    ck_assert_int_eq(quote->tokens_milli, 0); /* the second one has paid */

    events_add_submitted(term.events, after(&term, "i1", 4 * CLOCK_HOUR_US), "i1", 3, "c");
    events_add_graded(term.events, 1, 3, 20, 0, 100, 0);
    events_add(term.events, "noted", 1, NULL, 3, "{\"what\":\"reflection\"}");
    g_autoptr(Fold) fold = policy_fold(rules, term.rules->course, "person:ann", term.events);
    ck_assert_str_eq(fold_decision(fold, 3)->route, "resubmission");
    ck_assert_int_eq(fold_decision(fold, 3)->tokens_milli, 1000);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("quotes");
    tcase_add_test(tcase, a_quote_ends_with_the_window_for_resubmissions);
    tcase_add_test(tcase, a_quote_ends_where_tokens_and_penalties_change);
    tcase_add_test(tcase, a_quote_knows_days_off_and_the_last_hour);
    tcase_add_test(tcase, the_end_of_a_round_belongs_to_it);
    tcase_add_test(tcase, what_good_work_in_time_brings_is_promised_up_to_the_deadline);
    tcase_add_test(tcase, who_has_all_points_is_told_that_more_is_free);
    tcase_add_test(tcase, each_part_has_terms_of_its_own);
    tcase_add_test(tcase, a_lower_result_may_cost_more_where_points_are_taken_off);
    tcase_add_test(tcase, a_part_that_has_all_points_leaves_its_price_to_the_next);
    tcase_add_test(tcase, a_part_that_cannot_become_better_leaves_its_price_to_the_next);
    tcase_add_test(tcase, a_price_that_comes_back_is_quoted_and_not_handed_out_to_what_was_late);
    tcase_add_test(tcase, a_part_that_a_lower_result_leaves_free_may_pay_for_another);
    tcase_add_test(tcase, a_lower_result_may_leave_tokens_to_an_earlier_try);
    return fixture_main(tcase, "quotes");
}
