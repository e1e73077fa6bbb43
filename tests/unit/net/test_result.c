/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/result.h"

#include "tests/unit/net/gradescope_schema.h"
#include "tests/unit/net/made_result.h"
#include "tests/unit/run_suite.h"

START_TEST(before_the_deadline_only_what_is_always_visible_is_counted)
{
    ResultView view = result_view(&result);
    ck_assert_int_eq(view.earned_milli, 10000);
    ck_assert_int_eq(view.max_milli, 15000);
    ck_assert_int_eq(view.bonus_milli, 3000);
    ck_assert_int_eq(view.review_milli, 0);
    ck_assert_int_eq(view.hidden_milli, 140000);
    ck_assert_int_eq(view.n_hidden, 3);
    ck_assert(!view.shows_credit);
}
END_TEST

START_TEST(after_the_deadline_and_after_the_release_more_is_visible)
{
    result.now_us = 1000;
    ck_assert_int_eq(result_view(&result).earned_milli, 30000);
    result.is_released = true;
    ck_assert_int_eq(result_view(&result).review_milli, 40000);
    ck_assert_int_eq(result_view(&result).n_hidden, 1);
}
END_TEST

START_TEST(an_extended_deadline_keeps_items_hidden_longer)
{
    decision.deadline_us = 2000;
    result.now_us = 1500;
    ck_assert_int_eq(result_view(&result).earned_milli, 10000);
    decision.deadline_us = 1000;
}
END_TEST

START_TEST(no_student_document_names_a_hidden_item_or_its_points)
{
    g_autofree char *json = result_json(&result);
    g_autofree char *gradescope = schema_gradescope(result_gradescope(&result));
    g_autofree char *markdown = result_markdown(&result);
    g_autofree char *terminal = result_terminal(&result, false);
    const char *const documents[] = {json, gradescope, markdown, terminal};
    for (gsize i = 0; i < G_N_ELEMENTS(documents); i++) {
        ck_assert_lacks(documents[i], "Title of later");
        ck_assert_lacks(documents[i], "reason of released");
        ck_assert_lacks(documents[i], "inner");
        ck_assert_lacks(documents[i], "suspicion for staff");
        ck_assert_lacks(documents[i], "secret line");
        ck_assert_has(documents[i], "1 item worth 20 points is hidden until the deadline");
        ck_assert_lacks(documents[i], "155"); /* the whole maximum */
    }
}
END_TEST

START_TEST(staff_see_everything_and_the_credit)
{
    result.for_staff = true;
    g_autofree char *json = result_json(&result);
    ck_assert_has(json, "suspicion for staff");
    ck_assert_has(json, "secret line");
    g_autoptr(cJSON) parsed = json_parse(json, strlen(json), NULL);
    const cJSON *points = cJSON_GetObjectItem(parsed, "points");
    ck_assert_double_eq(cJSON_GetObjectItem(points, "earned")->valuedouble, 110);
    ck_assert_double_eq(cJSON_GetObjectItem(points, "credit")->valuedouble, 96.05); /* (110 + 3) less 15 % */
    g_autofree char *gradescope = schema_gradescope(result_gradescope(&result));
    ck_assert_has(gradescope, "after_due_date");
    ck_assert_has(gradescope, "after_published");
    ck_assert_has(gradescope, "\"hidden\"");
}
END_TEST

START_TEST(results_json_has_what_gradescope_wants)
{
    g_autofree char *text = schema_gradescope(result_gradescope(&result));
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    ck_assert_ptr_nonnull(json);
    ck_assert_double_eq(cJSON_GetObjectItem(json, "score")->valuedouble, 11.05); /* (10 + 3) less 15 % */
    const cJSON *tests = cJSON_GetObjectItem(json, "tests");
    ck_assert_int_eq(cJSON_GetArraySize(tests), 3);
    const cJSON *passed = cJSON_GetArrayItem(tests, 0), *failed = cJSON_GetArrayItem(tests, 1);
    ck_assert_str_eq(json_string_or(passed, "status", ""), "passed");
    ck_assert_double_eq(cJSON_GetObjectItem(passed, "score")->valuedouble, 10);
    ck_assert_str_eq(json_string_or(failed, "status", ""), "failed");
    ck_assert_double_eq(cJSON_GetObjectItem(failed, "score")->valuedouble, 0);
    ck_assert_double_eq(cJSON_GetObjectItem(failed, "max_score")->valuedouble, 5);
    ck_assert_str_eq(json_string_or(failed, "number", ""), "2");
    const cJSON *extra = cJSON_GetObjectItem(json, "extra_data");
    ck_assert_int_eq(json_int64_or(extra, "verdict", 0), 2);
    ck_assert_str_eq(json_string_or(extra, "ledger", ""), decision.sentence);
}
END_TEST

static void add_ranking(const char *name, const char *item, const char *figure, bool is_ascending)
{
    Ranking *ranking = g_new0(Ranking, 1);
    *ranking = (Ranking){
        .name = g_strdup(name), .item = g_strdup(item), .figure = g_strdup(figure), .is_ascending = is_ascending};
    if (!verdict->leaderboard)
        verdict->leaderboard = g_ptr_array_new_with_free_func((GDestroyNotify)ranking_free);
    g_ptr_array_add(verdict->leaderboard, ranking);
}

START_TEST(a_leaderboard_shows_what_may_be_seen_and_was_measured)
{
    const VerdictItem *shown = g_ptr_array_index(verdict->items, 0);
    Finding *finding = g_ptr_array_index(shown->findings, 0);
    static const char measured[] = "{\"tests\":{\"passed\":9},\"box\":{\"wall_us\":1500}}";
    finding->figures = json_parse(measured, strlen(measured), NULL);
    ck_assert_ptr_nonnull(finding->figures);
    add_ranking("Tests", "shown", "tests.passed", false);
    add_ranking("Time", "shown", "box.wall_us", true);
    add_ranking("Never measured", "shown", "tests.speed", false);
    add_ranking("Not a number", "shown", "tests", false);
    add_ranking("Points", "failed", NULL, false);
    add_ranking("Hidden", "later", NULL, false);
    g_autoptr(cJSON) stored = verdict_to_json(verdict);
    g_autoptr(Verdict) again = NULL;
    ck_assert_good((again = verdict_from_json(stored, error)) != NULL);
    result.verdict = again;
    g_autofree char *text = schema_gradescope(result_gradescope(&result));
    result.verdict = verdict;
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    g_autofree char *board = cJSON_PrintUnformatted(cJSON_GetObjectItem(json, "leaderboard"));
    ck_assert_str_eq(board, "[{\"name\":\"Tests\",\"value\":9,\"order\":\"desc\"},"
                            "{\"name\":\"Time\",\"value\":1500,\"order\":\"asc\"},"
                            "{\"name\":\"Points\",\"value\":0,\"order\":\"desc\"}]");
    result.now_us = 1500; /* the deadline is over */
    g_autofree char *after = schema_gradescope(result_gradescope(&result));
    ck_assert_has(after, "Hidden");
}
END_TEST

START_TEST(an_item_in_review_is_not_shown_as_failed_by_gradescope)
{
    result.is_released = true;
    g_autofree char *text = schema_gradescope(result_gradescope(&result));
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    const cJSON *review = cJSON_GetArrayItem(cJSON_GetObjectItem(json, "tests"), 3);
    ck_assert_str_eq(json_string_or(review, "name", ""), "Title of released");
    ck_assert(!cJSON_HasObjectItem(review, "score") && !cJSON_HasObjectItem(review, "status"));
}
END_TEST

START_TEST(feedback_without_credit_scores_nothing_and_a_pending_decision_does_not_hide_points)
{
    Decision other = decision;
    result.decision = &other;
    other.kind = DECISION_FEEDBACK;
    g_autofree char *none = schema_gradescope(result_gradescope(&result));
    ck_assert_has(none, "\"score\":\t0,");
    other.kind = DECISION_PENDING;
    g_autofree char *pending = schema_gradescope(result_gradescope(&result));
    ck_assert_has(pending, "\"score\":\t13,");
    result.decision = NULL;
    g_autofree char *without = schema_gradescope(result_gradescope(&result));
    ck_assert_has(without, "\"score\":\t13,");
}
END_TEST

START_TEST(markdown_cannot_be_broken_out_of)
{
    g_autofree char *markdown = result_markdown(&result);
    ck_assert_lacks(markdown, "<b>");
    ck_assert_lacks(markdown, "[no](http");
    ck_assert_lacks(markdown, "\033");
    ck_assert_lacks(markdown, "# Result for Milestone <1>");
    ck_assert_has(markdown, "````"); /* the fence is longer than the evidence's own */
    ck_assert_lacks(markdown, "`sha256:`x`");
}
END_TEST

START_TEST(the_student_is_told_what_to_do_next)
{
    result.now_us = 600;
    g_autofree char *before = result_next_sentence(&result);
    ck_assert_has(before, "hand in again. The deadline is ");
    result.now_us = 5000;
    g_autofree char *after = result_next_sentence(&result);
    ck_assert_has(after, "ask for the price");
    result.is_released = true;
    g_autofree char *released = result_next_sentence(&result);
    ck_assert_has(released, "For what a TA judges there is nothing to do");
}
END_TEST

START_TEST(details_that_are_too_long_are_left_out_item_by_item_and_say_so)
{
    const gsize max_bytes = 1100, long_bytes = 3000;
    VerdictItem *item = g_ptr_array_index(verdict->items, 0);
    Finding *finding = g_ptr_array_index(item->findings, 0);
    g_free(finding->evidence);
    finding->evidence = g_strnfill(long_bytes, 'x');
    g_autoptr(GString) out = g_string_new(NULL);
    result_append_details(out, &result, max_bytes);
    ck_assert_uint_le(out->len, max_bytes);
    ck_assert_has(out->str, "left out here");
    ck_assert_has(out->str, "Verdict 2; rubric");
    gsize n_fences = 0;
    for (const char *at = out->str; (at = strstr(at, "\n````")) != NULL; at++)
        n_fences++;
    ck_assert_uint_eq(n_fences % 2, 0);
}
END_TEST

START_TEST(the_terminal_gets_no_escape_sequence_of_a_student)
{
    g_autofree char *terminal = result_terminal(&result, false);
    ck_assert_lacks(terminal, "\033");
    g_autofree char *colours = result_terminal(&result, true);
    ck_assert_lacks(colours, "\033[31mred");
    ck_assert_has(colours, "\033[31mFAIL");
}
END_TEST

START_TEST(a_result_without_a_store_is_rendered_too)
{
    result = (Result){.verdict = verdict, .zone = result.zone, .now_us = 1, .for_staff = true};
    g_autofree char *json = result_json(&result);
    g_autofree char *gradescope = schema_gradescope(result_gradescope(&result));
    g_autofree char *markdown = result_markdown(&result);
    g_autofree char *terminal = result_terminal(&result, false);
    ck_assert_has(json, "rubricd/result/1");
    ck_assert_has(gradescope, "tests");
    ck_assert_has(markdown, "# Result for m1");
    ck_assert_has(terminal, "need");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("result");
    TCase *tests = tcase_create("documents");
    tcase_add_checked_fixture(tests, made_result_setup, made_result_teardown);
    tcase_add_test(tests, before_the_deadline_only_what_is_always_visible_is_counted);
    tcase_add_test(tests, after_the_deadline_and_after_the_release_more_is_visible);
    tcase_add_test(tests, an_extended_deadline_keeps_items_hidden_longer);
    tcase_add_test(tests, no_student_document_names_a_hidden_item_or_its_points);
    tcase_add_test(tests, staff_see_everything_and_the_credit);
    tcase_add_test(tests, results_json_has_what_gradescope_wants);
    tcase_add_test(tests, a_leaderboard_shows_what_may_be_seen_and_was_measured);
    tcase_add_test(tests, an_item_in_review_is_not_shown_as_failed_by_gradescope);
    tcase_add_test(tests, feedback_without_credit_scores_nothing_and_a_pending_decision_does_not_hide_points);
    tcase_add_test(tests, markdown_cannot_be_broken_out_of);
    tcase_add_test(tests, the_student_is_told_what_to_do_next);
    tcase_add_test(tests, details_that_are_too_long_are_left_out_item_by_item_and_say_so);
    tcase_add_test(tests, the_terminal_gets_no_escape_sequence_of_a_student);
    tcase_add_test(tests, a_result_without_a_store_is_rendered_too);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
