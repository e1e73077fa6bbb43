/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/graders/fixture.h"

#define TAP_GOOD "1..2\nok 1 - adds\nok 2 - divides\n"

START_TEST(a_whole_report_of_passed_tests_passes)
{
    fake_one((FakeBox){.report = TAP_GOOD});
    assert_judged("tests: {run: make check, report: \"{out}/r.tap\", format: tap, expect_tests: 2}", FINDING_PASS,
                  "2 tests passed");
    ck_assert(g_str_has_prefix(fake_reports, "/work/.rubric-out-"));
    ck_assert(g_str_has_suffix(fake_reports, "/r.tap"));
    fake_one((FakeBox){.out = TAP_GOOD});
    assert_judged("tests: {run: ./t, format: tap}", FINDING_PASS, "2 tests passed");
    assert_judged("tests: {run: ./t, format: tap, expect_tests: {min: 2}}", FINDING_PASS, "");
    assert_judged("tests: {run: ./t, format: tap, expect_tests: [adds, divides]}", FINDING_PASS, "");
    ck_assert_ptr_null(fake_reports);
}
END_TEST

START_TEST(an_xml_report_is_junit_without_being_told)
{
    fake_one((FakeBox){.report = "<testsuite tests='1'><testcase classname='m.T' name='adds'/></testsuite>"});
    assert_judged("tests: {run: pytest, report: r.xml, expect_tests: [adds]}", FINDING_PASS, "1 tests passed");
    assert_judged("tests: {run: pytest, report: r.xml, expect_tests: [\"m.T::adds\"]}", FINDING_PASS, "");
    assert_judged("tests: {run: pytest, report: r.xml, expect_tests: [dds]}", FINDING_FAIL,
                  "1 expected tests did not run: dds");
}
END_TEST

START_TEST(failed_tests_are_named_with_their_message)
{
    fake_one((FakeBox){.status = {.exit_code = 1}, .out = "1..2\nok 1 - adds\nnot ok 2 - divides\n"});
    g_autoptr(Finding) finding = judge("tests: {run: ./t, format: tap}");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert_str_eq(finding->message, "1 of 2 tests failed: divides");
    ck_assert_ptr_null(finding->suspicion);
    ck_assert(has_part(finding->evidence, "failed: divides\n$ ./t\n"));
    const cJSON *tests = cJSON_GetObjectItem(finding->figures, "tests");
    ck_assert_int_eq(json_int64_or(tests, "failed", -1), 1);
    g_autoptr(Finding) hidden = judge("tests: {run: ./t, format: tap, show: none}");
    ck_assert_str_eq(hidden->message, "1 of 2 tests failed");
    ck_assert(!has_part(hidden->evidence, "divides"));
}
END_TEST

START_TEST(a_missing_test_is_not_a_pass)
{
    fake_one((FakeBox){.out = TAP_GOOD});
    assert_judged("tests: {run: ./t, format: tap, expect_tests: 3}", FINDING_FAIL,
                  "2 tests passed, but exactly 3 are expected");
    assert_judged("tests: {run: ./t, format: tap, expect_tests: {min: 3}}", FINDING_FAIL,
                  "but at least 3 are expected");
    assert_judged("tests: {run: ./t, format: tap, expect_tests: [adds, hidden_one]}", FINDING_FAIL,
                  "did not run: hidden_one");
    assert_judged("tests: {run: ./t, format: tap, expect_tests: [adds, hidden_one], show: none}", FINDING_FAIL,
                  "1 expected tests did not run");
    fake_one((FakeBox){.out = "1..2\nok 1 - adds\nok 2 - divides # SKIP\n"});
    assert_judged("tests: {run: ./t, format: tap, expect_tests: 2}", FINDING_FAIL,
                  "1 tests passed (1 were skipped), but exactly 2");
    fake_one((FakeBox){.out = "1..0\n"});
    assert_judged("tests: {run: ./t, format: tap}", FINDING_FAIL, "no test was run");
}
END_TEST

START_TEST(a_report_that_is_cut_absent_or_odd_fails)
{
    fake_one((FakeBox){.out = "1..3\nok 1 - adds\nok 2 - divides\n"});
    assert_judged("tests: {run: ./t, format: tap}", FINDING_FAIL,
                  "the test report is not whole: it stops after 2 tests");
    fake_one((FakeBox){.out = "Traceback\n"});
    assert_judged("tests: {run: ./t, format: tap}", FINDING_FAIL, "the test report cannot be read: not TAP");
    fake_one((FakeBox){.report_state = BOX_REPORT_ABSENT, .status = {.exit_code = 2}});
    assert_judged("tests: {run: ./t, report: r.xml}", FINDING_FAIL,
                  "the test command wrote no report; it exited with status 2");
    fake_one((FakeBox){.report_state = BOX_REPORT_NOT_FILE});
    assert_judged("tests: {run: ./t, report: r.xml}", FINDING_FAIL, "left something that is no file");
    fake_one((FakeBox){.report_state = BOX_REPORT_TOO_LARGE});
    assert_judged("tests: {run: ./t, report: r.xml}", FINDING_FAIL, "too large");
}
END_TEST

START_TEST(a_report_brought_along_does_not_count)
{
    fake_write("work/r.xml", "<testsuite><testcase name='forged'/></testsuite>");
    fake_one((FakeBox){.report_state = BOX_REPORT_ABSENT});
    assert_judged("tests: {run: ./t, report: r.xml}", FINDING_FAIL, "wrote no report");
    ck_assert(!fake_exists("work/r.xml"));
}
END_TEST

START_TEST(a_report_that_claims_more_than_the_process_is_suspicious)
{
    fake_one((FakeBox){.status = {.exit_code = 7}, .out = TAP_GOOD});
    g_autoptr(Finding) finding = judge("tests: {run: ./t, format: tap}");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert_msg(has_part(finding->suspicion,
                           "the report says that all tests passed, but the test command exited with status 7"),
                  "%s", finding->suspicion);
    assert_judged("tests: {run: ./t, format: tap, exit: any}", FINDING_PASS, "");
    fake_one((FakeBox){.status = {.end = BOX_END_SIGNALED, .signal = 15}, .out = TAP_GOOD});
    g_autoptr(Finding) killed = judge("tests: {run: ./t, format: tap, exit: any}");
    ck_assert_int_eq(killed->outcome, FINDING_FAIL);
    ck_assert_ptr_nonnull(killed->suspicion);
}
END_TEST

START_TEST(flaky_tests_are_run_again_and_flagged)
{
    fake_add((FakeBox){.status = {.exit_code = 1}, .out = "1..1\nnot ok 1 - a\n"});
    fake_add((FakeBox){.out = "1..1\nok 1 - a\n"});
    g_autoptr(Finding) finding = judge("tests: {run: ./t, format: tap, flaky_reruns: 2}");
    ck_assert_int_eq(finding->outcome, FINDING_PASS);
    ck_assert_str_eq(finding->suspicion, "flaky: run 1: 1 of 1 tests failed: a; run 2 passed");
    ck_assert_uint_eq(fake_n_runs, 2);
    ck_assert_int_eq(json_int64_or(finding->figures, "runs", 0), 2);
    assert_judged("tests: {run: ./t, format: tap, flaky_reruns: 2, flaky: fail}", FINDING_FAIL,
                  "the tests are flaky: they passed in run 2");
    assert_judged("tests: {run: ./t, format: tap}", FINDING_FAIL, "1 of 1 tests failed");
    fake_boxes[1] = fake_boxes[0];
    assert_judged("tests: {run: ./t, format: tap, flaky_reruns: 2}", FINDING_FAIL, "1 of 1 tests failed");
    ck_assert_uint_eq(fake_n_runs, 3);
}
END_TEST

START_TEST(our_failures_are_errors)
{
    fake_one((FakeBox){.status = {.end = BOX_END_REFUSED, .message = "no"}});
    assert_judged("tests: {run: ./t, format: tap}", FINDING_ERROR, "the box could not be made");
    fake_one((FakeBox){.out = TAP_GOOD});
    assert_judged("tests: {run: ./t, format: tap, folder: nowhere}", FINDING_FAIL, "no folder \"nowhere\"");
}
END_TEST

START_TEST(mistakes_are_reported)
{
    assert_reported("tests: {run: x}", "lacks the required key \"format\"");
    assert_reported("tests: {run: x, format: xunit}", "format: expected one of junit, tap");
    assert_reported("tests: {run: x, format: tap, expect_tests: 0}", "expect_tests");
    assert_reported("tests: {run: x, format: tap, expect_tests: []}", "expects nothing");
    assert_reported("tests: {run: x, format: tap, expect_tests: {max: 1}}", "unknown key \"max\"");
    assert_reported("tests: {run: x, format: tap, flaky_reruns: 11}", "from 0 to 10");
    assert_reported("tests: {run: x, report: \"{ou}/x\", format: tap}", "did you mean \"{out}\"");
    assert_reported("tests: {run: x, format: tap, hidden: ../x}", "checks/");
    assert_reported("tests: pytest", "expected a mapping");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("tests");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_whole_report_of_passed_tests_passes);
    tcase_add_test(tcase, an_xml_report_is_junit_without_being_told);
    tcase_add_test(tcase, failed_tests_are_named_with_their_message);
    tcase_add_test(tcase, a_missing_test_is_not_a_pass);
    tcase_add_test(tcase, a_report_that_is_cut_absent_or_odd_fails);
    tcase_add_test(tcase, a_report_brought_along_does_not_count);
    tcase_add_test(tcase, a_report_that_claims_more_than_the_process_is_suspicious);
    tcase_add_test(tcase, flaky_tests_are_run_again_and_flagged);
    tcase_add_test(tcase, our_failures_are_errors);
    tcase_add_test(tcase, mistakes_are_reported);
    return fixture_main(tcase, "tests");
}
