/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/pattern.h"
#include "tests/unit/graders/fixture.h"

START_TEST(globs_cross_folders_only_where_they_say_so)
{
    static const struct {
        const char *glob, *path;
        bool matches;
    } cases[] = {
        {"README.md", "README.md", true},
        {"README.md", "docs/README.md", false},
        {"*.py", "a.py", true},
        {"*.py", "src/a.py", false},
        {"**/*.py", "a.py", true},
        {"**/*.py", "src/deep/a.py", true},
        {"src/**", "src/a/b", true},
        {"src/**", "src", false},
        {"src/**/test_*.c", "src/test_a.c", true},
        {"src/**/test_*.c", "src/x/y/test_a.c", true},
        {"src/**/x/**/z", "src/x/a/x/b/z", true},
        {"src/**/x/**/z", "src/a/b/z", false},
        {"**", "any/thing", true},
        {"a?c", "abc", true},
        {"a?c", "a/c", false},
        {"a?c", "aüc", true},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[!a-c]x", "dx", true},
        {"[]]x", "]x", true},
        {"[ax", "[ax", true},
        {"a*b*c", "aXXbYYc", true},
        {"a*b*c", "aXXbYY", false},
        {"*", ".hidden", true},
        {"src/", "src", true},
        {"a*", "a", true},
        {"a/*/c", "a/b/c", true},
        {"a/*/c", "a/b/d/c", false},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        ck_assert_msg(glob_matches(cases[i].glob, cases[i].path, false) == cases[i].matches, "%s %s", cases[i].glob,
                      cases[i].path);
    ck_assert(glob_matches("readme.md", "README.MD", true));
    ck_assert(!glob_matches("a\xff", "a\xff", false));
}
END_TEST

START_TEST(hostile_globs_end_soon)
{
    g_autofree char *path = g_strnfill(5000, 'a');
    g_autofree char *stars = g_strnfill(200, '*');
    g_autofree char *glob = g_strconcat("a*a*a*a*a*a*a*a*a*a*", stars, "b", NULL);
    gint64 start_us = clock_monotonic_us();
    ck_assert(!glob_matches(glob, path, false));
    ck_assert_int_lt(clock_monotonic_us() - start_us, 5 * CLOCK_SECOND_US);
}
END_TEST

START_TEST(globs_that_can_match_nothing_are_named)
{
    ck_assert_ptr_null(glob_problem("src/**/*.c"));
    ck_assert_ptr_null(glob_problem("src/"));
    ck_assert_ptr_nonnull(glob_problem(""));
    ck_assert_ptr_nonnull(glob_problem("/etc/passwd"));
    ck_assert_ptr_nonnull(glob_problem("../x"));
    ck_assert_ptr_nonnull(glob_problem("a/./b"));
    ck_assert_ptr_nonnull(glob_problem("a//b"));
    ck_assert_ptr_nonnull(glob_problem("a/**b"));
    ck_assert_ptr_nonnull(glob_problem("\xff"));
}
END_TEST

START_TEST(a_wrong_expression_is_reported_with_its_place)
{
    g_autofree char *messages = NULL;
    load_check("files: {present: {glob: a, text: '(ab'}}", &messages);
    ck_assert_msg(strstr(messages, "\"(ab\" is not a regular expression at character 4:") != NULL, "%s", messages);
    ck_assert_ptr_null(strstr(messages, "LIMIT_MATCH"));
    g_autofree char *long_pattern = g_strnfill(5000, 'a');
    g_autofree char *yaml = g_strdup_printf("files: {present: {glob: a, text: '%s'}}", long_pattern);
    assert_reported(yaml, "longer than 4096 bytes");
}
END_TEST

START_TEST(a_pattern_that_explodes_is_given_up_as_ours)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (int i = 0; i < 5000; i++)
        g_string_append_c(text, 'a');
    g_string_append(text, "!");
    fake_write("work/a", text->str);
    assert_judged("files: {present: {glob: a, text: '^(a+)+$'}}", FINDING_ERROR, "too many steps");
}
END_TEST

START_TEST(a_long_row_of_blanks_does_not_hold_up_a_common_pattern)
{
    g_autoptr(GString) text = g_string_new(NULL);
    while (text->len < 500000)
        g_string_append_printf(text, "%5000s", "x");
    fake_write("work/a", text->str);
    gint64 start_us = clock_monotonic_us();
    assert_judged("files: {present: {glob: a, lacks: '\\s+$'}}", FINDING_PASS, "");
    ck_assert_int_lt(clock_monotonic_us() - start_us, 10 * CLOCK_SECOND_US);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("pattern");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, globs_cross_folders_only_where_they_say_so);
    tcase_add_test(tcase, hostile_globs_end_soon);
    tcase_add_test(tcase, globs_that_can_match_nothing_are_named);
    tcase_add_test(tcase, a_wrong_expression_is_reported_with_its_place);
    tcase_add_test(tcase, a_pattern_that_explodes_is_given_up_as_ours);
    tcase_add_test(tcase, a_long_row_of_blanks_does_not_hold_up_a_common_pattern);
    return fixture_main(tcase, "pattern");
}
