/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/compare.h"
#include "tests/unit/graders/fixture.h"

static CompareRule rule_of(CompareMode mode)
{
    return (CompareRule){.mode = mode, .tolerance = COMPARE_DEFAULT_TOLERANCE};
}

static char *difference(CompareRule rule, const char *expected, const char *got)
{
    return compare_texts(&rule, expected, strlen(expected), got, strlen(got), true);
}

#define assert_same(rule, expected, got)                                                                               \
    do {                                                                                                               \
        g_autofree char *d_ = difference((rule), (expected), (got));                                                   \
        ck_assert_msg(!d_, "%s", d_);                                                                                  \
    } while (0)
#define assert_differs(rule, expected, got, part)                                                                      \
    do {                                                                                                               \
        g_autofree char *d_ = difference((rule), (expected), (got));                                                   \
        ck_assert_ptr_nonnull(d_);                                                                                     \
        ck_assert_msg(strstr(d_, (part)) != NULL, "\"%s\" lacks \"%s\"", d_, (part));                                  \
    } while (0)

START_TEST(exact_means_every_byte)
{
    CompareRule rule = rule_of(COMPARE_EXACT);
    assert_same(rule, "", "");
    assert_same(rule, "a\nb\n", "a\nb\n");
    assert_differs(rule, "a\nb\n", "a\nb", "must end with a line break");
    assert_differs(rule, "a\nb", "a\nb\n", "must not end with a line break");
    assert_differs(rule, "a\nb\n", "a \nb\n", "line 1: expected \"a\", got \"a \"");
    assert_differs(rule, "a\n", "a\n\n", "line 2: expected the end, got \"\"");
    assert_differs(rule, "a\nb\n", "a\n", "line 2: expected \"b\", but the text ends before");
}
END_TEST

START_TEST(trailing_blanks_and_windows_line_ends_do_not_matter)
{
    CompareRule rule = rule_of(COMPARE_TRAILING_SPACE);
    assert_same(rule, "a\nb", "a  \r\nb\t\n\n \n");
    assert_differs(rule, "a\nb", " a\nb", "line 1");
    assert_differs(rule, "a\n\nb", "a\nb", "line 2: expected \"\", got \"b\"");
    rule.ignore_case = true;
    assert_same(rule, "Straße\n", "STRASSE");
}
END_TEST

START_TEST(bytes_that_are_no_text_are_compared_and_shown_escaped)
{
    CompareRule rule = rule_of(COMPARE_EXACT);
    g_autofree char *d = compare_texts(&rule, "a", 1, "a\0\x1b[31m\xff", 8, true);
    ck_assert_ptr_nonnull(d);
    ck_assert_ptr_null(strchr(d, '\x1b'));
    ck_assert(g_utf8_validate(d, -1, NULL));
    g_autofree char *long_line = g_strnfill(100000, 'x');
    g_autofree char *e = difference(rule, "a", long_line);
    ck_assert_uint_lt(strlen(e), 300);
}
END_TEST

START_TEST(numbers_are_compared_within_a_tolerance)
{
    CompareRule rule = rule_of(COMPARE_NUMERIC);
    assert_same(rule, "loss: 0.25 [1, 2]", "loss:\n 0.2500001   [1,2]");
    assert_same(rule, "1e3", "1000.0");
    assert_same(rule, "-.5 +2.", "-0.5 2.0");
    assert_same(rule, "1e999", "1e999");
    assert_differs(rule, "0.25", "0.26", "line 1: expected \"0.25\", got \"0.26\"");
    assert_differs(rule, "a 1\nb 2", "a 1\nb 3", "line 2");
    assert_differs(rule, "a b", "a", "expected \"b\", got the end");
    assert_differs(rule, "a", "a b", "expected the end, got \"b\"");
    assert_differs(rule, "x1", "x2", "\"x2\"");
    assert_differs(rule, "nan", "0", "\"nan\"");
    assert_differs(rule, "16", "0x10", "expected");
    assert_differs(rule, "a", "A", "expected");
    rule.ignore_case = true;
    assert_same(rule, "Loss 1.0", "LOSS 1.0000001");
}
END_TEST

START_TEST(whole_numbers_are_equal_unless_a_tolerance_is_given)
{
    CompareRule rule = rule_of(COMPARE_NUMERIC);
    assert_differs(rule, "10000000", "10000001", "expected");
    rule.has_tolerance = true;
    rule.tolerance = 0.1;
    assert_same(rule, "100", "109");
    assert_differs(rule, "100", "111", "expected");
}
END_TEST

START_TEST(lines_in_any_order_are_counted)
{
    CompareRule rule = rule_of(COMPARE_UNORDERED);
    assert_same(rule, "a\nb\na\n", "a \na\nb");
    assert_differs(rule, "a\nb\na\n", "a\nb\n", "the line \"a\" is missing");
    assert_differs(rule, "a\nb\n", "b\na\nb\n", "line 3 is not expected (or not so often): \"b\"");
    assert_differs(rule, "b\n", "b\na\n", "line 2 is not expected");
    rule.ignore_case = true;
    assert_same(rule, "A\nb\n", "B\na\n");
}
END_TEST

START_TEST(json_values_are_compared_by_meaning)
{
    CompareRule rule = rule_of(COMPARE_JSON);
    assert_same(rule, "{\"a\": 1, \"b\": [1, 2.5, null]}", "{\"b\":[1,2.50000001,null],\"a\":1}\n");
    assert_differs(rule, "{\"a\": [1, 2]}", "{\"a\": [1, 3]}", "at $.a[1]: expected 2, got 3");
    assert_differs(rule, "{\"a\": 1}", "{\"a\": 1, \"b\": {}}", "at $.b: expected nothing, got an object");
    assert_differs(rule, "{\"a\": 1}", "{}", "at $.a: expected 1, got nothing");
    assert_differs(rule, "[1, 2]", "[1]", "at $[1]: expected 2, got nothing");
    assert_differs(rule, "[1]", "[1, [3]]", "at $[1]: expected nothing, got a list of 1");
    assert_differs(rule, "1", "\"1\"", "expected 1, got \"1\"");
    assert_differs(rule, "true", "false", "expected true");
    assert_differs(rule, "{}", "Traceback", "the text is not JSON");
    assert_differs(rule, "12345678901", "12345678902", "expected 12345678901");
    assert_differs(rule, "\"a\"", "\"A\"", "expected \"a\"");
    rule.ignore_case = true;
    assert_same(rule, "\"a\"", "\"A\"");
}
END_TEST

START_TEST(json_with_100000_members_costs_no_square)
{
    g_autoptr(GString) text = g_string_new("{");
    for (int i = 0; i < 100000; i++)
        g_string_append_printf(text, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
    g_string_append(text, "}");
    gint64 start_us = clock_monotonic_us();
    assert_same(rule_of(COMPARE_JSON), text->str, text->str);
    ck_assert_int_lt(clock_monotonic_us() - start_us, 10 * CLOCK_SECOND_US);
}
END_TEST

START_TEST(hidden_expectations_are_not_shown)
{
    static const CompareMode modes[] = {COMPARE_EXACT, COMPARE_NUMERIC, COMPARE_UNORDERED, COMPARE_JSON};
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        CompareRule rule = rule_of(modes[i]);
        g_autofree char *d = compare_texts(&rule, "[\"secret\"]", 10, "[\"guess\"]", 9, false);
        ck_assert_ptr_nonnull(d);
        ck_assert_ptr_null(strstr(d, "secret"));
        g_autofree char *e = compare_texts(&rule, "[1]", 3, "[1] extra", 9, false);
        ck_assert_ptr_nonnull(e);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("compare");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, exact_means_every_byte);
    tcase_add_test(tcase, trailing_blanks_and_windows_line_ends_do_not_matter);
    tcase_add_test(tcase, bytes_that_are_no_text_are_compared_and_shown_escaped);
    tcase_add_test(tcase, numbers_are_compared_within_a_tolerance);
    tcase_add_test(tcase, whole_numbers_are_equal_unless_a_tolerance_is_given);
    tcase_add_test(tcase, lines_in_any_order_are_counted);
    tcase_add_test(tcase, json_values_are_compared_by_meaning);
    tcase_add_test(tcase, json_with_100000_members_costs_no_square);
    tcase_add_test(tcase, hidden_expectations_are_not_shown);
    return fixture_main(tcase, "compare");
}
