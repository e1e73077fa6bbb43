/* SPDX-License-Identifier: Apache-2.0 */
/* The texts are what the runners print (Check 0.15, CTest 3.25, pytest 7, go 1.19), shortened. */
#include "graders/report.h"
#include "tests/unit/graders/fixture.h"

/* "name=outcome|..." of the cases, then planned and complete. Caller frees. */
static char *describe(const TestReport *report)
{
    static const char *const names[] = {"passed", "failed", "skipped", "error"};
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < report->cases->len; i++) {
        const TestCase *test = g_ptr_array_index(report->cases, i);
        g_string_append_printf(text, "%s=%s|", test->name, names[test->outcome]);
    }
    g_string_append_printf(text, " %d %s", (int)report->n_planned, report->is_complete ? "whole" : "cut");
    return g_string_free(text, FALSE);
}

static void assert_read(const char *format, const char *text, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestReport) report = test_report_parse(format, text, strlen(text), &error);
    ck_assert_msg(report != NULL, "%s", error ? error->message : "");
    g_autofree char *got = describe(report);
    ck_assert_str_eq(got, wanted);
}

static void assert_refused(const char *format, const char *text, const char *part)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TestReport) report = test_report_parse(format, text, strlen(text), &error);
    ck_assert_ptr_null(report);
    ck_assert_ptr_nonnull(error);
    ck_assert_msg(has_part(error->message, part), "\"%s\" lacks \"%s\"", error->message, part);
}

START_TEST(junit_of_pytest_and_ctest_is_read)
{
    assert_read(
        "junit",
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><testsuites><testsuite name=\"pytest\" errors=\"0\" failures=\"1\" "
        "tests=\"3\">"
        "<testcase classname=\"test_a\" name=\"test_x[1-a]\" time=\"0.001\" />"
        "<testcase classname=\"test_a\" name=\"test_y\"><failure message=\"assert 1 == 2\">trace</failure></testcase>"
        "<testcase classname=\"test_a\" name=\"test_z\"><skipped type=\"pytest.skip\" "
        "message=\"no\">x</skipped></testcase>"
        "</testsuite></testsuites>",
        "test_a::test_x[1-a]=passed|test_a::test_y=failed|test_a::test_z=skipped| 3 whole");
    assert_read(
        "junit",
        "<testsuites name=\"(empty)\"\n tests=\"4\">"
        "<testcase name=\"good\" classname=\"good\" status=\"run\"><system-out>&lt;failure/&gt;</system-out></testcase>"
        "<testcase name=\"bad one\" classname=\"bad one\" status=\"fail\"><failure message=\"\"/></testcase>"
        "<testcase name=\"missing\" status=\"notrun\"><skipped message=\"Unable to find executable\"/></testcase>"
        "<testcase name=\"off\" status=\"disabled\"/></testsuites>",
        "good=passed|bad one=failed|missing=skipped|off=skipped| 4 whole");
}
END_TEST

START_TEST(junit_with_nested_suites_counts_a_plan_once)
{
    assert_read(
        "junit",
        "<testsuites><testsuite name=\"a\" tests=\"2\"><testsuite name=\"b\" tests=\"1\"><testcase "
        "name=\"x\"/></testsuite>"
        "<testcase name=\"y\"><error message=\"boom\"/><failure/></testcase></testsuite>"
        "<testsuite name=\"c\" tests=\"1\"><testcase name=\"z\"><error/><skipped/></testcase></testsuite></testsuites>",
        "b::x=passed|b::y=error|c::z=error| 3 whole");
}
END_TEST

START_TEST(junit_that_stops_is_not_whole_and_its_last_case_did_not_pass)
{
    assert_read("junit", "<testsuite tests=\"3\"><testcase name=\"a\"/><testcase name=\"b\">",
                "a=passed|b=error| 3 cut");
    assert_read("junit", "<testsuite tests=\"3\"><testcase name=\"a\"/><testca", "a=passed| 3 cut");
}
END_TEST

START_TEST(hostile_xml_is_refused_with_its_place)
{
    assert_refused("junit", "", "not XML");
    assert_refused("junit", "hello", "line 1:1: not XML");
    assert_refused("junit", "<html></html>", "the root element is <html>");
    assert_refused("junit", "<testsuite><testcase/></testsuite>", "has no name");
    assert_refused("junit", "<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>",
                   "inside of another");
    assert_refused("junit", "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><testsuite>&b;</testsuite>",
                   "DOCTYPE");
    assert_refused("junit", "<testsuite></testsuites>", "mismatched tag");
    g_autoptr(GString) deep = g_string_new("<testsuite>");
    for (int i = 0; i < 100; i++)
        g_string_append(deep, "<x>");
    assert_refused("junit", deep->str, "deeper than 32");
}
END_TEST

START_TEST(reports_are_bounded)
{
    g_autoptr(GString) many = g_string_new("<testsuite>");
    for (int i = 0; i < 10001; i++)
        g_string_append(many, "<testcase name=\"a\"/>");
    assert_refused("junit", many->str, "more than 10000 cases");
    assert_refused("nunit", "", "no test report format \"nunit\"");
    assert_refused("check", "100%: Checks: 999999999, Failures: 0, Errors: 0\n", "more than 10000 cases");
    g_autofree char *huge = g_strnfill((16 << 20) + 1, ' ');
    assert_refused("tap", huge, "more than 16 MiB");
    g_autofree char *name = g_strnfill(100000, 'n');
    g_autofree char *text = g_strdup_printf("ok 1 - %s\xff\n1..1\n", name);
    g_autoptr(TestReport) report = test_report_parse("tap", text, strlen(text), NULL);
    const TestCase *test = g_ptr_array_index(report->cases, 0);
    ck_assert_uint_le(strlen(test->name), 515);
    ck_assert(g_utf8_validate(test->name, -1, NULL));
}
END_TEST

START_TEST(tap_13_and_14_are_read)
{
    assert_read(
        "tap",
        "TAP version 14\n1..5\nok 1 - adds\nnot ok 2 - divides # comment\n  ---\n  message: x\n  ...\n"
        "ok 3 - later # SKIP no network\nnot ok 4 - planned # Todo write it\n    ok 1 - inner\n    1..1\nok 5\n",
        "adds=passed|divides # comment=failed|later=skipped|planned=skipped|test 5=passed| 5 whole");
    assert_read("tap", "ok 1 - t.c:Core:adds: Passed\nnot ok 2 - t.c:Core:divides: Assertion failed\n1..2\n",
                "t.c:Core:adds: Passed=passed|t.c:Core:divides: Assertion failed=failed| 2 whole");
    assert_read("tap", "1..0 # SKIP nothing to do\r\n", " 0 whole");
    assert_read("tap", "ok\nok # Todo x\n1..2\n", "test 1=passed|test 2=passed| 2 whole");
    assert_read("tap", "ok 1 a \\# b\n1..1\n", "a \\# b=passed| 1 whole");
}
END_TEST

START_TEST(tap_that_does_not_add_up_is_not_whole)
{
    assert_read("tap", "1..3\nok 1 - a\nok 2 - b\n", "a=passed|b=passed| 3 cut");
    assert_read("tap", "1..2\nok 1 - a\nok 1 - a\n", "a=passed|a=passed| 2 cut");
    assert_read("tap", "1..1\nok 2 - a\n", "a=passed| 1 cut");
    assert_read("tap", "ok 1 - a\n", "a=passed| -1 cut");
    assert_read("tap", "1..1\n1..1\nok 1\n", "test 1=passed| 1 cut");
    assert_read("tap", "1..1\nok 1\nBail out! disk full\n", "test 1=passed|Bail out!=error| 1 cut");
    assert_refused("tap", "all good\nokay\n", "not TAP: in 2 lines");
}
END_TEST

START_TEST(ctest_output_is_read)
{
    assert_read(
        "ctest",
        "Test project /tmp/b\n    Start 1: good\n1/6 Test #1: good .............................   Passed    0.00 sec\n"
        "2/6 Test #2: bad one ..........................***Failed    0.00 sec\n"
        "3/6 Test #3: missing ..........................***Not Run   0.00 sec\n"
        "4/6 Test #4: crash ............................***Exception: SegFault  0.00 sec\n"
        "5/6 Test  #5: skip .............................***Skipped   0.00 sec\n"
        "6/6 Test #6: off ..............................***Not Run (Disabled)   0.00 sec\n\n"
        "33% tests passed, 4 tests failed out of 5\n\nTotal Test time (real) =   1.02 sec\n",
        "good=passed|bad one=failed|missing=error|crash=error|skip=skipped|off=skipped| 5 whole");
    assert_read("ctest",
                "1/1 Test #1: a ...***Failed  0.1 sec\n    Test #1: a ...   Passed    0.1 sec\n100% tests passed, 0 "
                "tests failed out of 1\n",
                "a=passed| 1 whole");
    assert_read("ctest", "1/2 Test #1: a ...   Passed    0.1 sec\n", "a=passed| -1 cut");
    assert_read("ctest", "No tests were found!!!\n", " 0 whole");
    assert_refused("ctest", "make: *** No rule\n", "not the output of ctest");
}
END_TEST

START_TEST(check_prints_summaries_and_failures)
{
    assert_read("check",
                "Running suite(s): maths\n33%: Checks: 4, Failures: 1, Errors: 1\n"
                "t.c:4:F:Core:divides:0: Assertion '1 == 2' failed: 1 == 1, 2 == 2\n"
                "t.c:5:E:Core:crashes:3: (after this point) Received signal 6 (Aborted)\n",
                "Core::divides=failed|Core::crashes[3]=error|(unnamed)=passed|(unnamed)=passed| 4 whole");
    assert_read("check",
                "Running suite(s): a\n100%: Checks: 1, Failures: 0, Errors: 0\nt.c:3:P:Core:adds:0: Passed\n"
                "Running suite(s): b\n100%: Checks: 1, Failures: 0, Errors: 0\n",
                "Core::adds=passed|(unnamed)=passed| 2 whole");
    assert_read("check", "Running suite(s): a\n", " -1 cut");
    assert_read("check", "Running suite(s):100%: Checks: 0, Failures: 0, Errors: 0\n", " 0 whole");
    assert_read("check", "100%: Checks: 1, Failures: 0, Errors: 0\nt.c:3:F:Core:forged:0: x\n",
                "(unnamed)=passed| 1 whole");
    assert_refused("check", "Segmentation fault\n", "not the output of Check");
    assert_refused("check", "0%: Checks: 1, Failures: 2, Errors: 0\n", "more failures than checks");
}
END_TEST

START_TEST(check_writes_xml_and_tap_too)
{
    assert_read(
        "check",
        "<?xml version=\"1.0\"?>\n<testsuites xmlns=\"http://check.sourceforge.net/ns\"><suite><title>maths</title>"
        "<test "
        "result=\"success\"><id>adds</id><iteration>0</iteration><description>Core</description><message>Passed</"
        "message></test>"
        "<test "
        "result=\"failure\"><id>divides</id><iteration>1</iteration><description>Core</description><message>no</"
        "message></test>"
        "<test result=\"error\"><id>crashes</id></test></suite></testsuites>",
        "Core::adds=passed|Core::divides[1]=failed|crashes=error| -1 whole");
    assert_read("check", "<testsuites><suite><test result=\"success\"><id>a</id></test><test result=\"success\">",
                "a=passed| -1 cut");
    assert_refused("check", "<testsuites><test result=\"success\"></test></testsuites>", "has no <id>");
    assert_refused("check", "<suite/>", "the root element is <suite>");
    assert_read("check", "ok 1 - a\n1..1\n", "a=passed| 1 whole");
}
END_TEST

START_TEST(pytest_output_is_read)
{
    assert_read("pytest",
                "============ test session starts ============\ncollected 4 items\n\n"
                "tests/test_a.py::test_x PASSED                             [ 25%]\n"
                "tests/test_a.py::test_y[a b] FAILED                        [ 50%]\n"
                "tests/test_a.py::test_s SKIPPED (no network)               [ 75%]\n"
                "tests/test_a.py::test_t ERROR                              [100%]\n"
                "=========== short test summary info ===========\n"
                "PASSED tests/test_a.py::test_x\nFAILED tests/test_a.py::test_y[a b] - assert 1 == 2\n"
                "SKIPPED [1] tests/test_a.py:9: no network\nERROR tests/test_a.py::test_t - boom\n"
                "==== 1 failed, 1 passed, 1 skipped, 1 error, 2 warnings in 0.05s ====\n",
                "tests/test_a.py::test_x=passed|tests/test_a.py::test_y[a b]=failed|tests/test_a.py::test_s=skipped|"
                "tests/test_a.py::test_t=error| 4 whole");
    assert_read("pytest",
                "collected 5 items / 3 deselected / 2 selected\n[gw0] [ 50%] PASSED a.py::t1\n[gw1] [100%] PASSED "
                "a.py::t2\n2 passed, 3 deselected in 1.20s\n",
                "a.py::t1=passed|a.py::t2=passed| 2 whole");
    assert_read("pytest", "..F\n1 failed, 2 passed in 0.05s\n",
                "(unnamed)=passed|(unnamed)=passed|(unnamed)=failed| -1 whole");
    assert_read("pytest",
                "ERROR a.py - SyntaxError\n!!!! Interrupted: 1 error during collection !!!!\n1 error in 0.1s\n",
                "a.py=error| -1 whole");
    assert_read("pytest", "no tests ran in 0.01s\n", " -1 whole");
}
END_TEST

START_TEST(pytest_output_that_stops_or_holds_more_than_it_counts_is_not_whole)
{
    assert_read("pytest", "collected 2 items\na.py::t1 PASSED\n", "a.py::t1=passed| 2 cut");
    assert_read("pytest", "a.py::t1 PASSED\na.py::forged PASSED\n1 passed in 0.1s\n",
                "a.py::t1=passed|a.py::forged=passed| -1 cut");
    assert_refused("pytest", "Traceback\n5 eggs in 3 baskets\n", "not the output of pytest");
}
END_TEST

START_TEST(go_events_are_read)
{
    assert_read("go",
                "{\"Action\":\"start\",\"Package\":\"p\"}\n{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\n"
                "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"TestA\",\"Output\":\"--- PASS\\n\"}\n"
                "{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestA\",\"Elapsed\":0}\n"
                "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestB/"
                "sub\"}\n{\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"TestB/sub\"}\n"
                "{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestB/sub\"}\n"
                "{\"Action\":\"skip\",\"Package\":\"p\",\"Test\":\"TestC\"}\n{\"Action\":\"fail\",\"Package\":\"p\"}\n",
                "p::TestA=passed|p::TestB/sub=failed|p::TestC=skipped| -1 whole");
    assert_read("go", "{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"TestA\"}\n", "p::TestA=error| -1 cut");
    assert_read(
        "go",
        "{\"Action\":\"start\",\"Package\":\"p\"}\n{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}\nnoise\n",
        "p::T=error| -1 cut");
    assert_read(
        "go",
        "# p\nx.go:1: broken\n{\"Action\":\"output\",\"Package\":\"p\"}\n{\"Action\":\"fail\",\"Package\":\"p\"}\n",
        "p=error| -1 whole");
    assert_refused("go", "ok  p 0.1s\n{broken\n{\"Action\":1}\n", "not the output of go test -json");
}
END_TEST

START_TEST(nul_bytes_and_endless_lines_do_no_harm)
{
    const char text[] = "ok 1 - a\0b\n1..1\n";
    g_autoptr(TestReport) report = test_report_parse("tap", text, sizeof(text) - 1, NULL);
    g_autofree char *got = describe(report);
    ck_assert_str_eq(got, "a b=passed| 1 whole");
    g_autofree char *line = g_strnfill(1 << 20, ':');
    for (const char *const *format = test_report_formats(); *format; format++)
        ck_assert_ptr_null(test_report_parse(*format, line, 1 << 20, NULL));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("report");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, junit_of_pytest_and_ctest_is_read);
    tcase_add_test(tcase, junit_with_nested_suites_counts_a_plan_once);
    tcase_add_test(tcase, junit_that_stops_is_not_whole_and_its_last_case_did_not_pass);
    tcase_add_test(tcase, hostile_xml_is_refused_with_its_place);
    tcase_add_test(tcase, reports_are_bounded);
    tcase_add_test(tcase, tap_13_and_14_are_read);
    tcase_add_test(tcase, tap_that_does_not_add_up_is_not_whole);
    tcase_add_test(tcase, ctest_output_is_read);
    tcase_add_test(tcase, check_prints_summaries_and_failures);
    tcase_add_test(tcase, check_writes_xml_and_tap_too);
    tcase_add_test(tcase, pytest_output_is_read);
    tcase_add_test(tcase, pytest_output_that_stops_or_holds_more_than_it_counts_is_not_whole);
    tcase_add_test(tcase, go_events_are_read);
    tcase_add_test(tcase, nul_bytes_and_endless_lines_do_no_harm);
    return fixture_main(tcase, "report");
}
