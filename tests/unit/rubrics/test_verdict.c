/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

static const char rubric_text[] =
    "rubric: r\nitems:\n"
    "  - {id: builds, points: 10, title: Builds, check: {run: a}}\n"
    "  - {id: tests, points: 20, title: Tests, needs: [builds], visible: staff, checks: [{run: a}, {run: b}]}\n"
    "  - {id: report, points: 30.5, title: Report, judge: both, check: {files: a}}\n"
    "  - {id: style, points: 5, title: Style, judge: ta, check: {run: lint}}\n"
    "  - {id: talk, points: 4, title: Talk, needs: [style]}\n"
    "bonus:\n  - {id: extra, points: 3, title: Extra, needs: [tests], check: {run: c}}\n";

static Rubric *rubric;
static GPtrArray *findings;
static Verdict *verdict;

static void setup(void)
{
    fixture_open();
    rubric = load_rubric(rubric_text);
    ck_assert_reported("");
    findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
}

static void teardown(void)
{
    g_clear_pointer(&verdict, verdict_free);
    g_ptr_array_unref(findings);
    rubric_free(rubric);
    fixture_close();
}

static void found(const char *check, FindingOutcome outcome)
{
    g_auto(GStrv) parts = g_strsplit(check, "/", 2);
    g_ptr_array_add(findings,
                    finding_new(parts[0], check, "run", outcome, "%s was %s", check, finding_outcome_name(outcome)));
}

static void found_all_good(void)
{
    static const char *const checks[] = {"builds", "tests/1", "tests/2", "report", "style", "extra"};
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++)
        found(checks[i], FINDING_PASS);
}

static const VerdictItem *scored(const char *id)
{
    if (!verdict)
        verdict = verdict_score(rubric, findings);
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    ck_abort_msg("no item");
}

START_TEST(an_item_passes_if_each_of_its_checks_passed)
{
    found_all_good();
    ck_assert_int_eq(scored("builds")->outcome, ITEM_PASS);
    ck_assert_str_eq(scored("builds")->reason, "builds was pass");
    ck_assert_int_eq(scored("tests")->outcome, ITEM_PASS);
    ck_assert_str_eq(scored("tests")->reason, "all 2 checks passed");
    ck_assert_int_eq(scored("tests")->visible, VISIBLE_STAFF);
    ck_assert_uint_eq(scored("tests")->findings->len, 2);
    ck_assert_int_eq(verdict->points_milli, 30000);
    ck_assert_int_eq(verdict->bonus_milli, 3000);
    ck_assert_int_eq(verdict->review_milli, 39500);
    ck_assert_int_eq(verdict->max_milli, 69500);
    ck_assert_uint_eq(verdict->n_review, 3);
    ck_assert_uint_eq(verdict->n_error, 0);
    ck_assert(!verdict->is_final);
    ck_assert_str_eq(verdict->rubric_digest, rubric->digest);
}
END_TEST

START_TEST(any_fail_fails_it_even_beside_an_error)
{
    found("builds", FINDING_PASS);
    found("tests/1", FINDING_ERROR);
    found("tests/2", FINDING_FAIL);
    ck_assert_int_eq(scored("tests")->outcome, ITEM_FAIL);
    ck_assert_str_eq(scored("tests")->reason, "tests/2 was fail");
}
END_TEST

START_TEST(an_error_of_ours_is_an_error_and_never_a_fail)
{
    found("builds", FINDING_PASS);
    found("tests/1", FINDING_PASS);
    found("tests/2", FINDING_ERROR);
    ck_assert_int_eq(scored("tests")->outcome, ITEM_ERROR);
    ck_assert_str_eq(scored("tests")->reason,
                     "a check could not be carried out; that is our fault, not yours: tests/2 was error");
}
END_TEST

START_TEST(a_check_without_a_finding_is_an_error)
{
    found("builds", FINDING_PASS);
    found("tests/1", FINDING_PASS);
    ck_assert_int_eq(scored("tests")->outcome, ITEM_ERROR);
    ck_assert_str_eq(scored("tests")->reason,
                     "the check \"tests/2\" was not carried out; that is our fault, not yours");
    ck_assert_int_eq(scored("report")->outcome, ITEM_ERROR);
    ck_assert_uint_eq(verdict->n_error, 3);
}
END_TEST

START_TEST(a_skipped_check_whose_need_did_not_fail_is_an_error)
{
    found("builds", FINDING_SKIPPED);
    ck_assert_int_eq(scored("builds")->outcome, ITEM_ERROR);
}
END_TEST

START_TEST(judge_both_sends_a_pass_to_a_ta_and_lets_a_fail_stand)
{
    found("report", FINDING_PASS);
    ck_assert_int_eq(scored("report")->outcome, ITEM_REVIEW);
    g_clear_pointer(&verdict, verdict_free);
    found("report", FINDING_FAIL);
    ck_assert_int_eq(scored("report")->outcome, ITEM_FAIL);
}
END_TEST

START_TEST(judge_both_retries_an_error)
{
    found("report", FINDING_ERROR);
    ck_assert_int_eq(scored("report")->outcome, ITEM_ERROR);
}
END_TEST

START_TEST(judge_ta_takes_whatever_was_found_as_evidence)
{
    found("style", FINDING_FAIL);
    ck_assert_int_eq(scored("style")->outcome, ITEM_REVIEW);
    ck_assert_uint_eq(scored("style")->findings->len, 1);
    ck_assert_int_eq(scored("talk")->outcome, ITEM_REVIEW);
}
END_TEST

START_TEST(an_item_whose_need_failed_fails_as_skipped_down_the_line)
{
    found("builds", FINDING_FAIL);
    found("tests/1", FINDING_SKIPPED);
    found("tests/2", FINDING_SKIPPED);
    ck_assert_int_eq(scored("tests")->outcome, ITEM_FAIL);
    ck_assert_str_eq(scored("tests")->reason, "skipped: it needs \"builds\", which failed");
    ck_assert_int_eq(scored("extra")->outcome, ITEM_FAIL);
    /* "tests" is for the staff alone, "extra" for all */
    ck_assert_str_eq(scored("extra")->reason, "skipped: it needs another item, which failed");
}
END_TEST

START_TEST(an_item_whose_need_is_in_error_is_in_error_even_if_it_failed)
{
    found("builds", FINDING_ERROR);
    found("tests/1", FINDING_FAIL);
    ck_assert_int_eq(scored("tests")->outcome, ITEM_ERROR);
    ck_assert_int_eq(scored("extra")->outcome, ITEM_ERROR);
}
END_TEST

START_TEST(a_need_in_review_does_not_block)
{
    found_all_good();
    ck_assert_int_eq(scored("style")->outcome, ITEM_REVIEW);
    ck_assert_int_eq(scored("talk")->outcome, ITEM_REVIEW);
    ck_assert_str_eq(scored("talk")->reason, "a TA judges this");
}
END_TEST

START_TEST(a_submission_that_cannot_be_unpacked_fails_as_a_whole)
{
    g_ptr_array_add(findings, finding_new("submission", NULL, "unpack", FINDING_FAIL, "the zip is damaged"));
    g_ptr_array_add(findings, finding_new("submission", NULL, "unpack", FINDING_PASS, "left out .DS_Store"));
    ck_assert_int_eq(scored("builds")->outcome, ITEM_FAIL);
    ck_assert_str_eq(scored("builds")->reason, "the submission could not be graded: the zip is damaged");
    ck_assert_int_eq(scored("report")->outcome, ITEM_FAIL);
    ck_assert_int_eq(scored("style")->outcome, ITEM_FAIL);
    ck_assert_uint_eq(verdict->remarks->len, 2);
    ck_assert_str_eq(verdict_refusal(verdict)->message, "the zip is damaged");
}
END_TEST

START_TEST(a_mere_remark_changes_nothing)
{
    found_all_good();
    g_ptr_array_add(findings, finding_new("submission", NULL, "unpack", FINDING_PASS, "left out .DS_Store"));
    g_ptr_array_add(findings, finding_new("unknown", "unknown", "run", FINDING_FAIL, "of another rubric"));
    ck_assert_int_eq(scored("builds")->outcome, ITEM_PASS);
    ck_assert_uint_eq(verdict->remarks->len, 1);
}
END_TEST

START_TEST(a_review_changes_the_sums)
{
    found_all_good();
    scored("builds");
    for (guint i = 0; i < verdict->items->len; i++) {
        VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (item->outcome == ITEM_REVIEW)
            item->outcome = strcmp(item->id, "talk") == 0 ? ITEM_FAIL : ITEM_PASS;
    }
    verdict_sum(verdict);
    ck_assert_int_eq(verdict->points_milli, 65500);
    ck_assert_int_eq(verdict->review_milli, 0);
    ck_assert(verdict->is_final);
}
END_TEST

START_TEST(a_verdict_travels_as_json_and_its_sums_are_not_believed)
{
    found_all_good();
    ((Finding *)g_ptr_array_index(findings, 0))->figures = json_parse("{\"a\":1}", 7, NULL);
    scored("builds");
    verdict->assignment = g_strdup("m1");
    verdict->content_digest = g_strdup("git:00");
    g_autoptr(cJSON) json = verdict_to_json(verdict);
    g_autofree char *text = json_print(json);
    cJSON_ReplaceItemInObject(json, "points_milli", cJSON_CreateNumber(1));
    g_autoptr(Verdict) again = verdict_from_json(json, NULL);
    g_autoptr(cJSON) json_again = verdict_to_json(again);
    g_autofree char *text_again = json_print(json_again);
    ck_assert_str_eq(text, text_again);
    verdict_free(NULL);
}
END_TEST

START_TEST(a_verdict_that_is_none_is_refused)
{
    static const char *const texts[] = {
        "{}",
        "{\"items\":[]}",
        "{\"items\":[{}],\"remarks\":[]}",
        "{\"items\":{},\"remarks\":[]}",
        "{\"items\":[{\"id\":\"a\",\"points_milli\":-1,\"judge\":\"ta\",\"visible\":\"always\",\"outcome\":\"pass\","
        "\"findings\":[]}],\"remarks\":[]}",
        "{\"items\":[{\"id\":\"a\",\"points_milli\":1,\"judge\":\"god\",\"visible\":\"always\",\"outcome\":\"pass\","
        "\"findings\":[]}],\"remarks\":[]}",
        "{\"items\":[{\"id\":\"a\",\"points_milli\":1,\"judge\":\"ta\",\"visible\":\"always\",\"outcome\":\"pass\","
        "\"findings\":[1]}],\"remarks\":[]}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(cJSON) json = json_parse(texts[i], strlen(texts[i]), NULL);
        g_autoptr(GError) error = NULL;
        ck_assert_ptr_null(verdict_from_json(json, &error));
        ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
        ck_assert(g_str_has_prefix(error->message, "verdict: "));
    }
}
END_TEST

START_TEST(points_are_printed_exactly)
{
    static const struct {
        gint64 milli;
        const char *text;
    } cases[] = {
        {0, "0"},     {85000, "85"},   {76500, "76.5"}, {333, "0.333"},
        {10, "0.01"}, {-1500, "-1.5"}, {100000, "100"}, {G_MININT64, "-9223372036854775.808"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = points_format(cases[i].milli);
        ck_assert_str_eq(text, cases[i].text);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("verdict");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_item_passes_if_each_of_its_checks_passed);
    tcase_add_test(tcase, any_fail_fails_it_even_beside_an_error);
    tcase_add_test(tcase, an_error_of_ours_is_an_error_and_never_a_fail);
    tcase_add_test(tcase, a_check_without_a_finding_is_an_error);
    tcase_add_test(tcase, a_skipped_check_whose_need_did_not_fail_is_an_error);
    tcase_add_test(tcase, judge_both_sends_a_pass_to_a_ta_and_lets_a_fail_stand);
    tcase_add_test(tcase, judge_both_retries_an_error);
    tcase_add_test(tcase, judge_ta_takes_whatever_was_found_as_evidence);
    tcase_add_test(tcase, an_item_whose_need_failed_fails_as_skipped_down_the_line);
    tcase_add_test(tcase, an_item_whose_need_is_in_error_is_in_error_even_if_it_failed);
    tcase_add_test(tcase, a_need_in_review_does_not_block);
    tcase_add_test(tcase, a_submission_that_cannot_be_unpacked_fails_as_a_whole);
    tcase_add_test(tcase, a_mere_remark_changes_nothing);
    tcase_add_test(tcase, a_review_changes_the_sums);
    tcase_add_test(tcase, a_verdict_travels_as_json_and_its_sums_are_not_believed);
    tcase_add_test(tcase, a_verdict_that_is_none_is_refused);
    tcase_add_test(tcase, points_are_printed_exactly);
    return fixture_main(tcase, "verdict");
}
