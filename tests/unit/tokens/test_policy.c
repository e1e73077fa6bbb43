/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tokens/fixture.h"

/* Parses a course.yaml of one homework and one milestone with this `tokens:`; problems are "line:column: message"
 * lines. */
static Policy *parse(const char *tokens, char **ret_problems)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-policy-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "course.yaml", NULL);
    g_autofree char *text = g_strdup_printf("course: c\ntitle: C\ntimezone: America/New_York\nassignments:\n"
                                            "  h1: {title: H, kind: homework, deadline: \"2022-09-07 23:59\"}\n%s",
                                            tokens);
    g_autofree char *roster = g_build_filename(folder, "roster.csv", NULL);
    const char *header = "id,name,email,github,sid,section,team,status,aliases\n";
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    ck_assert_good(file_write_atomic(roster, header, strlen(header), 0600, error));

    static const GraderType *const no_graders[] = {NULL};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) parsed = course_load(folder, no_graders, diagnostics);
    g_autofree char *loading = diagnostics_format(diagnostics);
    ck_assert_msg(parsed != NULL, "%s", loading);
    Policy *result = policy_parse(parsed, diagnostics);
    *ret_problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    return result;
}

START_TEST(a_course_without_tokens_charges_nothing_and_holds_late_work)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) empty = parse("", &problems);
    ck_assert_ptr_nonnull(empty);
    g_autoptr(GPtrArray) events = events_new();
    gint64 deadline_us = course_assignment(course, "h1")->deadline_us;
    events_add_submitted(events, deadline_us, "h1", 1, "a");
    events_add_submitted(events, deadline_us + 1, "h2", 2, "b");
    events_add_submitted(events, course_assignment(course, "h3")->deadline_us + 1, "h3", 3, "c");
    for (gint64 id = 1; id <= 3; id++)
        events_add_graded(events, 1, id, 90, 0, 100, 0);
    g_autoptr(Fold) fold = policy_fold(empty, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(fold, 1)->kind, DECISION_COUNTS);
    ck_assert_int_eq(fold_decision(fold, 2)->kind, DECISION_COUNTS);
    ck_assert_int_eq(fold_decision(fold, 3)->kind, DECISION_HELD);
    ck_assert_ptr_nonnull(strstr(fold_decision(fold, 3)->sentence, "the course has no rule for that"));
    ck_assert_uint_eq(fold->lines->len, 0);
    events_add(events, "confirmed", 1, NULL, 3, "{}");
    g_autoptr(Fold) confirmed = policy_fold(empty, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(confirmed, 3)->kind, DECISION_COUNTS);
}
END_TEST

START_TEST(every_mistake_is_reported_where_it_is)
{
    g_autofree char *problems = NULL;
    Policy *broken = parse("tokens:\n"
                           "  banks: {person: {pool: seven}, crowd: {pool: 1}}\n"
                           "  cutoff: whenever\n"
                           "  late: {unit: fortnight, prize: 1}\n"
                           "  without_tokens: {person: {percent: 120}, team: free}\n"
                           "  replace_on_time: maybe\n"
                           "  kinds: {hoemwork: {late: none}}\n"
                           "  assignments: {h2: {late: none}}\n"
                           "  lates: 1\n",
                           &problems);
    ck_assert_ptr_null(broken);
    const char *const expected[] = {
        "course.yaml:7:26: error",  "course.yaml:7:34: error",  "course.yaml:8:11: error",  "course.yaml:9:16: error",
        "course.yaml:9:27: error",  "did you mean \"price\"?",  "course.yaml:10:38: error", "course.yaml:10:50: error",
        "course.yaml:11:20: error", "course.yaml:12:11: error", "course.yaml:13:17: error", "course.yaml:14:3: error",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++)
        ck_assert_msg(strstr(problems, expected[i]) != NULL, "\"%s\" is not in\n%s", expected[i], problems);
}
END_TEST

START_TEST(what_does_not_go_together_is_said_where_it_stands)
{
    static const struct {
        const char *rules, *problem;
    } cases[] = {
        {"  group: {enough: together, pays: one}\n", "8:10: error: group: one cannot pay"},
        {"  group: {enough: some, pays: each}\n", "8:19: error"},
        {"  group: {enough: any}\n", "8:10: error: group lacks the required key"},
        {"  group: everybody\n", "8:10: error"},
        {"  late: {price: 1, unit: slots, slots: [\"2022-09-12 13:25\"], skip_days_off: yes}\n",
         "8:77: error: skip_days_off goes with spans of time"},
        {"  banks: {person: {pool: 3, most: 2}}\n", "8:35: error: most: the pool alone"},
        {"  allocation: in_order\n  late: {price: 1, unit: nth}\n", "8:15: error: allocation: only receipt"},
        {"  allocation: best_at_end\n  late: {price: 1, max_assignments: 2}\n",
         "8:15: error: allocation: only receipt"},
        {"  counts: gain\n  kinds: {milestone: {group: each_member}}\n", "counts: gain does not go with group"},
        {"  early: {percent: 101}\n", "8:20: error: percent is at most 100"},
        {"  resubmission: {price: 1, by_result: [{below: 50, price: 1}, {below: 40, price: 2}]}\n",
         "8:63: error: by_result goes from the lowest"},
        {"  early: {points: [3, 2]}\n", "8:23: error"},
    };
    const char *head = "  m1: {title: M, kind: milestone, deadline: \"2022-09-21 23:59\"}\ntokens:\n";
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *problems = NULL, *text = g_strconcat(head, cases[i].rules, NULL);
        g_autoptr(Policy) parsed = parse(text, &problems);
        ck_assert_msg(parsed == NULL && strstr(problems, cases[i].problem), "%s%s", text, problems);
    }
}
END_TEST

START_TEST(a_share_of_a_unit_is_for_units_that_are_equally_long)
{
    static const struct {
        const char *late;
        bool is_good;
    } cases[] = {{"{unit: started_day, price: 1}", true},
                 {"{unit: span, every: 6h, price: 1}", true},
                 {"{unit: working_day, price: 1}", false},
                 {"{unit: brackets, brackets: [1h, 1d], price: 1}", false}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *problems = NULL;
        g_autofree char *text = g_strdup_printf(
            "tokens:\n  late: %s\n  without_tokens: {percent: [5, 10], prorated: yes}\n", cases[i].late);
        g_autoptr(Policy) parsed = parse(text, &problems);
        ck_assert_msg(parsed != NULL, "%s: %s", cases[i].late, problems);
        ck_assert_msg((strstr(problems, "prorated does nothing here") == NULL) == cases[i].is_good, "%s",
                      cases[i].late);
    }
}
END_TEST

/* Tokens are handed out at the end to one account after the other. */
START_TEST(members_who_pay_are_refused_where_tokens_are_handed_out_at_the_end)
{
    static const char *const groups[] = {
        "group: shared",
        "assignments: {m1: {group: any_member}}",
        "periods: [{from: \"2022-10-01 00:00\", group: all_members}]",
        "parts: {m1/a: {group: shared}}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        g_autofree char *problems = NULL;
        g_autofree char *text = g_strdup_printf("  m1: {kind: milestone, deadline: \"2022-09-10 23:59\", parts: {a: "
                                                "{deadline: \"2022-09-08 23:59\", share: 30}}}\n"
                                                "tokens:\n  allocation: in_order\n  late: {price: 1}\n  %s\n",
                                                groups[i]);
        g_autoptr(Policy) parsed = parse(text, &problems);
        ck_assert_msg(!parsed && strstr(problems, "only receipt goes with members") != NULL, "%s: %s", groups[i],
                      problems);
    }
}
END_TEST

START_TEST(kinds_and_assignments_change_only_what_they_name)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) parsed = parse("tokens:\n"
                                     "  banks: {person: {pool: 2.5}}\n"
                                     "  late: {price: 1, grace: 10min, max_units: 2, hold_after: 5, stop_after: 6}\n"
                                     "  resubmission: {price: 3, ask: no, max_times: 1}\n"
                                     "  without_tokens: {percent: 12.5}\n"
                                     "  kinds: {homework: {late: {unit: started_hour, price: 0.5}}}\n"
                                     "  assignments: {h1: {without_tokens: hold}}\n",
                                     &problems);
    ck_assert_msg(parsed != NULL, "%s", problems);
    ck_assert_int_eq(parsed->banks[OWNER_PERSON].pool_milli, 2500);
    ck_assert_int_eq(parsed->rule.late.grace_us, 600 * CLOCK_SECOND_US);
    Assignment assignment = {.id = (char *)"h1", .kind = (char *)"homework"};
    const Rule *rule = policy_rule(parsed, &assignment);
    ck_assert_int_eq(rule->late.price.each_milli, 500);
    ck_assert_int_eq(rule->late.unit, UNIT_STARTED_HOUR);
    ck_assert_int_eq(rule->uncovered[OWNER_PERSON].kind, UNCOVERED_HOLD);
    ck_assert_int_eq(rule->resubmission.price.each_milli, 3000);
    ck_assert(!rule->resubmission.asks);
    assignment.id = (char *)"other";
    ck_assert_int_eq(policy_rule(parsed, &assignment)->uncovered[OWNER_TEAM].scale.each_milli, 12500);
}
END_TEST

START_TEST(a_mapping_that_is_missing_is_reported_not_assumed)
{
    const char *const broken[] = {"tokens: {late: {}}\n", "tokens: {banks: [], late: 5}\n",
                                  "tokens: {banks: {person: {}}, resubmission: 3}\n"};
    for (gsize i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autofree char *problems = NULL;
        ck_assert_ptr_null(parse(broken[i], &problems));
        ck_assert_ptr_nonnull(strstr(problems, "error: "));
    }
}
END_TEST

START_TEST(a_course_of_penalties_alone_has_no_bank)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) parsed =
        parse("tokens: {late: {price: 0, max_units: 0}, without_tokens: {percent: 10}}\n", &problems);
    ck_assert_msg(parsed != NULL, "%s", problems);
    ck_assert_int_eq(parsed->banks[OWNER_PERSON].pool_milli, 0);
}
END_TEST

static gint64 units(DayCount count, const char *deadline, const char *received)
{
    gint64 deadline_us, received_us;
    ck_assert_good(clock_parse(deadline, course->zone, &deadline_us, error));
    ck_assert_good(clock_parse(received, course->zone, &received_us, error));
    policy->day_count = count;
    return policy_late_units(policy, &policy->rule.late, course->zone, deadline_us, received_us);
}

START_TEST(days_across_summer_time_count_in_the_students_favour)
{
    const char *const spring[] = {"2023-03-11 23:59", "2023-03-13 00:30"}; /* 23.5 h elapsed, 24.5 h on the wall */
    ck_assert_int_eq(units(DAYS_ELAPSED, spring[0], spring[1]), 1);
    ck_assert_int_eq(units(DAYS_WALL_CLOCK, spring[0], spring[1]), 2);
    ck_assert_int_eq(units(DAYS_FRIENDLIER, spring[0], spring[1]), 1);
    const char *const autumn[] = {"2022-11-05 23:59", "2022-11-06 23:30"}; /* 24.5 h elapsed, 23.5 h on the wall */
    ck_assert_int_eq(units(DAYS_ELAPSED, autumn[0], autumn[1]), 2);
    ck_assert_int_eq(units(DAYS_WALL_CLOCK, autumn[0], autumn[1]), 1);
    ck_assert_int_eq(units(DAYS_FRIENDLIER, autumn[0], autumn[1]), 1);
    ck_assert_int_eq(units(DAYS_WALL_CLOCK, "2022-11-06T01:30:00-04:00", "2022-11-06T01:10:00-05:00"), 1);
}
END_TEST

static const Decision *decide_late(Fold **ret_fold, gint64 late_us, gint64 pool)
{
    g_autoptr(GPtrArray) events = events_new();
    events_add_submitted(events, course_assignment(course, "h2")->deadline_us + late_us, "h2", 1, "a");
    events_add_graded(events, 1, 1, 90, 0, 100, 0);
    policy->banks[OWNER_PERSON].pool_milli = pool * 1000;
    *ret_fold = policy_fold(policy, course, "person:ann", events);
    return fold_decision(*ret_fold, 1);
}

START_TEST(grace_caps_holds_and_stops_do_what_they_say)
{
    LateRule *late = &policy->rule.late;
    late->grace_us = 600 * CLOCK_SECOND_US;
    late->max_units = 2;
    late->hold_after = 4;
    late->stop_after = 5;
    late->n_flats = 0;
    const struct {
        gint64 late_us;
        DecisionKind kind;
        gint64 tokens_milli, penalty_milli;
        const char *says;
    } cases[] = {
        {600 * CLOCK_SECOND_US, DECISION_COUNTS, 0, 0, "10 min late, which is within the grace period"},
        {601 * CLOCK_SECOND_US, DECISION_COUNTS, 1000, 0, "1 of your 7 tokens, 6 left"},
        {60 * CLOCK_HOUR_US, DECISION_COUNTS, 2000, 15000,
         "2 of your 7 tokens, 5 left. 15 % of the earned points are taken off for 1 started day that no token covers."},
        {100 * CLOCK_HOUR_US, DECISION_HELD, 0, 0, "a person decides, and nothing is charged until then"},
        {130 * CLOCK_HOUR_US, DECISION_REFUSED, 0, 100000, "not accepted that late"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Fold) fold = NULL;
        const Decision *decision = decide_late(&fold, cases[i].late_us, 7);
        ck_assert_int_eq(decision->kind, cases[i].kind);
        ck_assert_int_eq(decision->tokens_milli, cases[i].tokens_milli);
        ck_assert_int_eq(decision->penalty_milli, cases[i].penalty_milli);
        ck_assert_msg(strstr(decision->sentence, cases[i].says) != NULL, "%s", decision->sentence);
    }
}
END_TEST

/* 2.2 days: all three covered take 36 %, none 33 %; two take 24 %, and the rest of the third 3 %. */
START_TEST(units_that_take_percents_too_are_bought_as_far_as_they_save)
{
    policy->rule.late.each_milli = 12000;
    policy->rule.late.n_flats = 0;
    policy->rule.uncovered[OWNER_PERSON].is_prorated = true;
    for (int is_partial = 0; is_partial < 2; is_partial++) {
        g_autoptr(Fold) fold = NULL;
        policy->rule.late.is_partial = is_partial;
        const Decision *decision = decide_late(&fold, 22 * 24 * CLOCK_HOUR_US / 10, 7);
        ck_assert_int_eq(decision->tokens_milli, is_partial ? 2000 : 0);
        ck_assert_int_eq(decision->penalty_milli, is_partial ? 27000 : 33000);
    }
}
END_TEST

START_TEST(replacing_a_free_one_can_be_charged_or_never_happen)
{
    g_autoptr(GPtrArray) events = events_new();
    gint64 deadline_us = course_assignment(course, "h2")->deadline_us;
    events_add_submitted(events, deadline_us - 1, "h2", 1, "a");
    events_add_submitted(events, deadline_us + 1, "h2", 2, "b");
    events_add_graded(events, 1, 1, 80, 0, 100, 0);
    events_add_graded(events, 1, 2, 90, 0, 100, 0);
    policy->replace_on_time = REPLACE_CHARGE;
    g_autoptr(Fold) charged = policy_fold(policy, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(charged, 2)->kind, DECISION_COUNTS);
    ck_assert_int_eq(fold_decision(charged, 1)->kind, DECISION_IGNORED);
    policy->replace_on_time = REPLACE_NEVER;
    g_autoptr(Fold) never = policy_fold(policy, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(never, 2)->kind, DECISION_IGNORED);
    ck_assert_int_eq(fold_decision(never, 1)->kind, DECISION_COUNTS);
    ck_assert_int_eq(never->balance_milli, 7000);
}
END_TEST

START_TEST(what_a_person_decides_is_said_so)
{
    policy->rule.uncovered[OWNER_PERSON] = (UncoveredRule){.kind = UNCOVERED_HOLD};
    g_autoptr(Fold) fold = NULL;
    const Decision *held = decide_late(&fold, 1, 0);
    ck_assert_int_eq(held->kind, DECISION_HELD);
    ck_assert_str_eq(held->sentence,
                     "Less than 1 s late needs 1 token, and you have 0 tokens: a person decides, and nothing is "
                     "charged until then.");
    policy->rule.uncovered[OWNER_PERSON] = (UncoveredRule){.kind = UNCOVERED_REFUSED};
    g_autoptr(Fold) other = NULL;
    ck_assert_int_eq(decide_late(&other, 1, 0)->kind, DECISION_REFUSED);
}
END_TEST

START_TEST(an_assignment_on_hold_waits_and_limits_of_resubmission_hold)
{
    g_autoptr(GPtrArray) events = events_new();
    gint64 deadline_us = course_assignment(course, "h2")->deadline_us;
    policy->rule.resubmission.max_times = 1;
    for (gint64 id = 1; id <= 3; id++) {
        const char *const contents[] = {"x", "y", "z"};
        events_add_submitted(events, deadline_us - 10 + id * 10, "h2", id, contents[id - 1]);
        events_add_graded(events, 1, id, 50, 0, 100, 0);
        events_add(events, "confirmed", 1, NULL, id, "{}");
        events_add(events, "released", deadline_us - 5 + id * 10, "h2", 0, "{}");
    }
    g_autoptr(Fold) fold = policy_fold(policy, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(fold, 2)->kind, DECISION_COUNTS);
    ck_assert_int_eq(fold_decision(fold, 3)->kind, DECISION_REFUSED);
    ck_assert_ptr_nonnull(strstr(fold_decision(fold, 3)->sentence, "as often as is allowed"));
    events_add(events, "held", 1, "h2", 0, "{}");
    events_add_submitted(events, deadline_us + 90, "h2", 4, "new");
    g_autoptr(Fold) on_hold = policy_fold(policy, course, "person:ann", events);
    ck_assert_int_eq(fold_decision(on_hold, 4)->kind, DECISION_HELD);
}
END_TEST

START_TEST(a_decision_survives_json_and_credit_is_exact)
{
    g_autoptr(Fold) fold = NULL;
    const Decision *decision = decide_late(&fold, CLOCK_HOUR_US, 1);
    g_autoptr(cJSON) json = decision_to_json(decision);
    g_autofree char *text = json_print(json);
    g_autoptr(Decision) again = decision_from_json(json, NULL);
    ck_assert_ptr_nonnull(again);
    g_autoptr(cJSON) json_again = decision_to_json(again);
    g_autofree char *text_again = json_print(json_again);
    ck_assert_str_eq(text, text_again);
    ck_assert_uint_eq(again->alternatives->len, 1);

    again->penalty_milli = 15000;
    ck_assert_int_eq(decision_credit_milli(again, 90000), 76500);
    ck_assert_int_eq(decision_credit_milli(again, 1), 1); /* 0.85 thousandths, half up */
    ck_assert_int_eq(decision_credit_milli(again, G_MAXINT64 / 2),
                     (gint64)(((__int128)(G_MAXINT64 / 2) * 85 + 50) / 100));
    again->kind = DECISION_HELD;
    ck_assert_int_eq(decision_credit_milli(again, 90000), 0);
    cJSON_ReplaceItemInObject(json, "kind", cJSON_CreateString("perhaps"));
    ck_assert_ptr_null(decision_from_json(json, NULL));
    cJSON_DeleteItemFromObject(json, "sentence");
    ck_assert_ptr_null(decision_from_json(json, NULL));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("policy");
    tcase_add_checked_fixture(tcase, fixture_course, fixture_course_free);
    tcase_add_test(tcase, a_course_without_tokens_charges_nothing_and_holds_late_work);
    tcase_add_test(tcase, every_mistake_is_reported_where_it_is);
    tcase_add_test(tcase, what_does_not_go_together_is_said_where_it_stands);
    tcase_add_test(tcase, a_share_of_a_unit_is_for_units_that_are_equally_long);
    tcase_add_test(tcase, members_who_pay_are_refused_where_tokens_are_handed_out_at_the_end);
    tcase_add_test(tcase, kinds_and_assignments_change_only_what_they_name);
    tcase_add_test(tcase, a_mapping_that_is_missing_is_reported_not_assumed);
    tcase_add_test(tcase, a_course_of_penalties_alone_has_no_bank);
    tcase_add_test(tcase, days_across_summer_time_count_in_the_students_favour);
    tcase_add_test(tcase, grace_caps_holds_and_stops_do_what_they_say);
    tcase_add_test(tcase, units_that_take_percents_too_are_bought_as_far_as_they_save);
    tcase_add_test(tcase, replacing_a_free_one_can_be_charged_or_never_happen);
    tcase_add_test(tcase, what_a_person_decides_is_said_so);
    tcase_add_test(tcase, an_assignment_on_hold_waits_and_limits_of_resubmission_hold);
    tcase_add_test(tcase, a_decision_survives_json_and_credit_is_exact);
    return fixture_main(tcase, "token policy");
}
