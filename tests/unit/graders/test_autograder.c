/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/graders/fixture.h"

#define TWO  "{\"tests\": [{\"name\": \"adds\", \"number\": \"1.1\", \"score\": 2, \"max_score\": 2}, "
#define HALF TWO "{\"name\": \"divides\", \"score\": \"0.5\", \"max_score\": 1, \"output\": \"by zero\"}]}"

static void with_kit(void)
{
    fake_write("course/checks/kit/run_autograder", "#!/bin/sh\n");
}

START_TEST(the_whole_passes_at_full_score_alone)
{
    with_kit();
    fake_one((FakeBox){.report = TWO "{\"score\": 1, \"max_score\": 1}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_PASS, "gave 3 of 3 points");
    fake_one((FakeBox){.report = HALF});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_FAIL, "gave 2.5 of 3 points; not passed: divides");
    assert_judged("gradescope: {zip: checks/kit, threshold: 83%}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, threshold: 84%}", FINDING_FAIL, "");
    assert_judged("gradescope: {zip: checks/kit, threshold: 2.5}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, threshold: 2.6}", FINDING_FAIL, "");
}
END_TEST

START_TEST(tests_are_found_by_name_number_place_and_pattern)
{
    with_kit();
    fake_one((FakeBox){.report = HALF});
    assert_judged("gradescope: {zip: checks/kit, tests: adds}", FINDING_PASS, "gave 2 of 2 points");
    assert_judged("gradescope: {zip: checks/kit, tests: \"1.1\"}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, tests: 2}", FINDING_FAIL, "gave 0.5 of 1 points");
    assert_judged("gradescope: {zip: checks/kit, tests: \"add*\"}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, tests: [adds, divides]}", FINDING_FAIL, "not passed: divides");
    g_autoptr(Finding) finding = judge("gradescope: {zip: checks/kit, tests: divides}");
    ck_assert(has_part(finding->evidence, "failed: divides (0.5 of 1 points)\nby zero\n"));
}
END_TEST

START_TEST(a_status_stands_where_there_are_no_points)
{
    with_kit();
    fake_one((FakeBox){.report = "{\"score\": 0, \"tests\": [{\"name\": \"a\", \"status\": \"passed\"}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, tests: a}", FINDING_PASS, "a pass");
    fake_one((FakeBox){.report = "{\"tests\": [{\"name\": \"a\", \"status\": \"failed\"}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_FAIL, "not passed: a");
    fake_one((FakeBox){.report = "{\"tests\": [{\"name\": \"a\", \"score\": 3}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_ERROR, "threshold in points");
    assert_judged("gradescope: {zip: checks/kit, threshold: 3}", FINDING_PASS, "gave 3 points");
}
END_TEST

START_TEST(a_score_of_the_whole_overrides_the_sum)
{
    with_kit();
    fake_one((FakeBox){.report = "{\"score\": 17}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_ERROR, "threshold in points");
    assert_judged("gradescope: {zip: checks/kit, threshold: 17}", FINDING_PASS, "");
    assert_judged("gradescope: {zip: checks/kit, threshold: 17.5}", FINDING_FAIL, "gave 17 points");
    fake_one((FakeBox){.report = "{\"score\": \"0.9\", \"tests\": [{\"score\": 1, \"max_score\": 1}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_FAIL, "gave 0.9 of 1 points");
    assert_judged("gradescope: {zip: checks/kit, tests: 1}", FINDING_PASS, "");
}
END_TEST

START_TEST(sums_of_decimals_are_full)
{
    with_kit();
    fake_one((FakeBox){.report = "{\"score\": 0.30000000000000004, \"tests\": [{\"score\": 0.1, \"max_score\": 0.1}, "
                                 "{\"score\": 0.2, \"max_score\": 0.2}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_PASS, "gave 0.3 of 0.3");
    fake_one((FakeBox){.report = "{\"score\": 0.3, \"tests\": [{\"score\": 0.1, \"max_score\": 0.1}, "
                                 "{\"score\": 0.2, \"max_score\": 0.2}]}"});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_PASS, "");
}
END_TEST

START_TEST(what_the_autograder_leaves_out_is_a_fail_only_when_it_gave_nothing)
{
    with_kit();
    fake_one((FakeBox){.report = "{\"score\": 0, \"output\": \"it does not compile\"}"});
    g_autoptr(Finding) finding = judge("gradescope: {zip: checks/kit, tests: adds}");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert(has_part(finding->evidence, "it does not compile"));
    fake_one((FakeBox){.report = HALF, .out = "printed\n"});
    g_autoptr(Finding) ours = judge("gradescope: {zip: checks/kit, tests: ads}");
    ck_assert_int_eq(ours->outcome, FINDING_ERROR);
    ck_assert(has_part(ours->message, "not your fault") && has_part(ours->message, "have no test \"ads\""));
    ck_assert(has_part(ours->evidence, "--- stdout ---\nprinted\n"));
}
END_TEST

START_TEST(bad_results_are_never_the_students)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"tests\": []}",
                                      "{\"tests\": {}}",
                                      "{\"tests\": [1]}",
                                      "{\"score\": \"many\"}",
                                      "{\"score\": true}",
                                      "{\"score\": 1e300}",
                                      "{\"tests\": [{\"status\": \"ok\"}]}",
                                      "{\"score\": 1"};
    with_kit();
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        fake_one((FakeBox){.report = bad[i]});
        assert_judged("gradescope: {zip: checks/kit, threshold: 1}", FINDING_ERROR, "results that cannot be read");
    }
    fake_one((FakeBox){.report_state = BOX_REPORT_ABSENT, .status = {.exit_code = 2}});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_ERROR, "wrote no results; it exited with status 2");
    fake_one((FakeBox){.report_state = BOX_REPORT_NOT_FILE});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_ERROR, "no file in the place");
    fake_one((FakeBox){.code = -5});
    assert_judged("gradescope: {zip: checks/kit}", FINDING_ERROR, "cannot run a box");
}
END_TEST

START_TEST(a_limit_is_an_error_unless_the_rubric_says_fail)
{
    with_kit();
    fake_one((FakeBox){.report = HALF, .status = {.end = BOX_END_LIMIT, .limit = BOX_LIMIT_WALL}});
    assert_judged("gradescope: {zip: checks/kit, threshold: 1}", FINDING_ERROR, "the autograder ");
    assert_judged("gradescope: {zip: checks/kit, threshold: 1, at_limit: fail}", FINDING_FAIL, "the autograder ");
}
END_TEST

START_TEST(what_is_not_visible_is_told_to_staff_alone)
{
    with_kit();
    fake_one((FakeBox){.out = "printed\n",
                       .report = "{\"visibility\": \"hidden\", \"tests\": [{\"name\": \"kept\", \"score\": 0, "
                                 "\"max_score\": 7, \"output\": \"untold\"}, {\"name\": \"told\", \"score\": 1, "
                                 "\"max_score\": 1, \"visibility\": \"visible\"}]}"});
    g_autoptr(Finding) finding = judge("gradescope: {zip: checks/kit}");
    ck_assert_str_eq(finding->message, "the autograder gave too few points; 1 test that is not shown did not pass");
    ck_assert(!has_part(finding->evidence, "kept") && !has_part(finding->evidence, "untold"));
    ck_assert(has_part(finding->evidence, "passed: told") && !has_part(finding->evidence, "printed"));
    g_autofree char *figures = json_print(finding->figures);
    ck_assert(has_part(figures, "untold"));
}
END_TEST

START_TEST(checks_of_one_autograder_share_its_run)
{
    with_kit();
    fake_one((FakeBox){.report = HALF});
    g_autoptr(Finding) first = judge("gradescope: {zip: checks/kit, tests: adds}");
    const Item *item = g_ptr_array_index(fake_rubric->items, 0);
    g_autoptr(Finding) again = graders_judge(item, g_ptr_array_index(item->checks, 0), &fake_context);
    ck_assert_uint_eq(fake_n_runs, 1);
    ck_assert_int_eq(first->outcome, again->outcome);
    ck_assert(fake_spec.inner_root);
    ck_assert_int_eq(((const Check *)g_ptr_array_index(item->checks, 0))->limits.wall_ms, 600000);
    ck_assert(!g_file_test(fake_bind, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(mistakes_of_a_gradescope_check_are_reported)
{
    with_kit();
    fake_write("course/checks/empty/setup.sh", "true\n");
    fake_write("course/checks/no.zip", "no archive");
    assert_reported("gradescope: {zip: checks/none}", "checks/none");
    assert_reported("gradescope: {zip: checks/empty}", "has no run_autograder at its top");
    assert_reported("gradescope: {zip: checks/no.zip}", "is no zip or tar archive");
    assert_reported("gradescope: {}", "zip");
    assert_reported("gradescope: {zip: checks/kit, tests: []}", "asks for nothing");
    assert_reported("gradescope: {zip: checks/kit, threshold: 120%}", "threshold: expected");
    assert_reported("gradescope: {zip: checks/kit, threshold: all}", "threshold: expected");
    assert_reported("gradescope: {zip: checks/kit, timeout: 1}", "timeout");
    assert_reported("gradescope: {zip: checks/kit, image: \"A/b\"}", "is not the name of an image");
    fake_one((FakeBox){.report = HALF});
    assert_judged("gradescope: {zip: checks/kit, image: none}", FINDING_ERROR, "nobody said where images are");
}
END_TEST

#define LAB "autolab: {makefile: checks/Makefile, handin: h.c, "

START_TEST(the_last_line_of_a_lab_has_its_scores)
{
    fake_write("course/checks/Makefile", "all:\n");
    fake_write("work/whatever.c", "");
    g_autofree char *keep = g_build_filename(fake_root, "work/.keep", NULL);
    ck_assert_int_eq(unlink(keep), 0);
    fake_one((FakeBox){.out = "compiling\n{\"scores\": {\"A\": 100, \"B\": \"2.5\"}, \"scoreboard\": [1]}\n\n"});
    assert_judged(LAB "threshold: 102.5}", FINDING_PASS, "gave 102.5 points");
    assert_judged(LAB "problems: B, threshold: 3}", FINDING_FAIL, "gave 2.5 points");
    g_autoptr(Finding) finding = judge(LAB "problems: A, threshold: 100}");
    ck_assert_int_eq(finding->outcome, FINDING_PASS);
    ck_assert(has_part(finding->evidence, "compiling") && !fake_spec.inner_root);
    fake_one((FakeBox){.out = "{\"scores\": {\"A\": 100}}\nmake: *** [all] Error 1\n"});
    assert_judged(LAB "threshold: 1}", FINDING_ERROR, "its last line is not");
    fake_one((FakeBox){.out = ""});
    assert_judged(LAB "threshold: 1}", FINDING_ERROR, "it printed nothing");
    fake_one((FakeBox){.out = "{\"scores\": {\"A\": null}}"});
    assert_judged(LAB "threshold: 1}", FINDING_ERROR, "has no score");
}
END_TEST

START_TEST(a_lab_without_its_file_is_the_students)
{
    fake_write("course/checks/Makefile", "all:\n");
    fake_write("work/a.c", "");
    fake_write("work/b.c", "");
    assert_judged(LAB "threshold: 1}", FINDING_FAIL, "there is no file \"h.c\"");
    assert_reported("autolab: {makefile: checks/Makefile}", "needs `threshold:` in points");
    assert_reported("autolab: {makefile: checks/Makefile, threshold: 80%}", "needs `threshold:` in points");
    assert_reported("autolab: {makefile: checks/Makefile, threshold: 1, handin: a/b}", "name of one file");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("autograder");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, the_whole_passes_at_full_score_alone);
    tcase_add_test(tcase, tests_are_found_by_name_number_place_and_pattern);
    tcase_add_test(tcase, a_status_stands_where_there_are_no_points);
    tcase_add_test(tcase, a_score_of_the_whole_overrides_the_sum);
    tcase_add_test(tcase, sums_of_decimals_are_full);
    tcase_add_test(tcase, what_the_autograder_leaves_out_is_a_fail_only_when_it_gave_nothing);
    tcase_add_test(tcase, bad_results_are_never_the_students);
    tcase_add_test(tcase, a_limit_is_an_error_unless_the_rubric_says_fail);
    tcase_add_test(tcase, what_is_not_visible_is_told_to_staff_alone);
    tcase_add_test(tcase, checks_of_one_autograder_share_its_run);
    tcase_add_test(tcase, mistakes_of_a_gradescope_check_are_reported);
    tcase_add_test(tcase, the_last_line_of_a_lab_has_its_scores);
    tcase_add_test(tcase, a_lab_without_its_file_is_the_students);
    return fixture_main(tcase, "autograder");
}
