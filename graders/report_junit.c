/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JUnit XML as pytest, gtest, CTest, Maven, Jest and others write it: <testsuites>? <testsuite>+ <testcase classname
 * name> with <failure>, <error>, <skipped> or nothing inside. There is no standard; this reads what these have in
 * common.
 */
#include "graders/report_xml.h"

#include <string.h>

typedef struct {
    TestReport *report;
    TestCase *test; /* the open <testcase>, or NULL */
    guint test_depth;
    char *suite;      /* name of the innermost <testsuite> so far */
    guint plan_depth; /* of the outermost element with tests=; 0: none yet */
} JunitReader;

static void add_plan(JunitReader *reader, const char *const *attributes, guint depth)
{
    const char *text = xml_attribute(attributes, "tests");
    gint64 n;
    if (!text || !report_read_number(&text, &n) || *text)
        return;
    if (reader->plan_depth == 0) {
        reader->plan_depth = depth;
        reader->report->n_planned = 0;
    }
    if (depth == reader->plan_depth) /* inner suites are counted by their outer ones */
        reader->report->n_planned += n;
}

static TestOutcome outcome_of(const char *const *attributes)
{
    static const char *const not_run[] = {"notrun", "disabled", "skipped", "suppressed", NULL};
    static const char *const places[] = {"status", "result", NULL};
    for (gsize i = 0; places[i]; i++) {
        const char *value = xml_attribute(attributes, places[i]);
        if (value && g_strv_contains(not_run, value))
            return TEST_SKIPPED;
        if (value && (g_str_equal(value, "fail") || g_str_equal(value, "failed")))
            return TEST_FAILED;
    }
    return TEST_PASSED;
}

static bool start_case(JunitReader *reader, const char *const *attributes, guint depth, GError **error)
{
    const char *name = xml_attribute(attributes, "name"), *class_name = xml_attribute(attributes, "classname");
    if (!name)
        return error_set(error, RUBRIC_ERROR_INVALID, "a <testcase> has no name");
    if (reader->test)
        return error_set(error, RUBRIC_ERROR_INVALID, "a <testcase> stands inside of another");
    const char *suite = class_name && *class_name ? class_name : reader->suite;
    reader->test = report_add(reader->report, suite, name, outcome_of(attributes), NULL, error);
    reader->test_depth = depth;
    return reader->test != NULL;
}

/* A case that failed stays failed, whatever else is said of it. */
static void worsen(TestCase *test, TestOutcome outcome, const char *message)
{
    bool was_bad = test->outcome == TEST_FAILED || test->outcome == TEST_ERROR;
    if (!was_bad || outcome == TEST_ERROR)
        test->outcome = outcome;
    if (message && *message)
        report_set_message(test, message);
}

static bool on_start(void *data, const char *element, const char *const *attributes, guint depth, GError **error)
{
    JunitReader *reader = data;
    bool is_root = g_str_equal(element, "testsuites") || g_str_equal(element, "testsuite");
    if (depth == 1 && !is_root)
        return error_set(error, RUBRIC_ERROR_INVALID, "not a JUnit report: the root element is <%.40s>", element);
    if (is_root)
        add_plan(reader, attributes, depth);
    if (g_str_equal(element, "testsuite")) {
        g_free(reader->suite);
        reader->suite = g_strdup(xml_attribute(attributes, "name"));
    }
    if (g_str_equal(element, "testcase"))
        return start_case(reader, attributes, depth, error);
    if (!reader->test)
        return true;
    if (g_str_equal(element, "failure"))
        worsen(reader->test, TEST_FAILED, xml_attribute(attributes, "message"));
    else if (g_str_equal(element, "error"))
        worsen(reader->test, TEST_ERROR, xml_attribute(attributes, "message"));
    else if (g_str_equal(element, "skipped") && reader->test->outcome == TEST_PASSED)
        worsen(reader->test, TEST_SKIPPED, xml_attribute(attributes, "message"));
    return true;
}

static bool on_end(void *data, const char *element, const char *text, guint depth, GError **error)
{
    (void)error; /* nothing in an end tag can be wrong */
    JunitReader *reader = data;
    bool is_problem = g_str_equal(element, "failure") || g_str_equal(element, "error");
    if (reader->test && is_problem && !reader->test->message)
        report_set_message(reader->test, text);
    if (reader->test && depth == reader->test_depth)
        reader->test = NULL;
    return true;
}

bool report_read_junit(TestReport *report, const char *text, gsize length, GError **error)
{
    static const XmlHandlers handlers = {on_start, on_end};
    JunitReader reader = {.report = report};
    bool is_read = xml_read(text, length, &handlers, &reader, &report->is_complete, error);
    /* The case that was open when the text stopped did not end. */
    if (is_read && reader.test)
        worsen(reader.test, TEST_ERROR, "the report stops in this test");
    g_free(reader.suite);
    return is_read;
}
