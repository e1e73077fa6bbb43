/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_page.h"
#include "tests/unit/net/made_result.h"
#include "tests/unit/run_suite.h"

static GithubPage page;

static void setup(void)
{
    made_result_setup();
    page = (GithubPage){0};
}

static void teardown(void)
{
    github_page_clear(&page);
    made_result_teardown();
}

static Finding *finding_of(guint n_item)
{
    const VerdictItem *item = g_ptr_array_index(verdict->items, n_item);
    return g_ptr_array_index(item->findings, 0);
}

static void set_evidence(guint n_item, const char *evidence)
{
    Finding *finding = finding_of(n_item);
    g_free(finding->evidence);
    finding->evidence = g_strdup(evidence);
}

START_TEST(a_page_says_the_points_the_tokens_and_what_to_do_next)
{
    github_page_make(&result, &page);
    ck_assert_str_eq(page.title, "10 of 15 points + 3 bonus, 1 item did not pass");
    ck_assert_str_eq(page.conclusion, "failure");
    ck_assert_str_eq(page.state, "failure");
    ck_assert_has(page.summary, "| ✅ | Title of shown | 10 / 10 | pass |");
    ck_assert_has(page.summary, "15 % off");
    ck_assert_has(page.summary, "## What to do next");
    ck_assert_has(page.text, "### Title of failed: fail");
    ck_assert_has(page.description, "10 of 15 points + 3 bonus; failed: failed");
}
END_TEST

START_TEST(nothing_hidden_is_in_any_part)
{
    set_evidence(2, "later.c:3: error: hidden");
    set_evidence(4, "inner.c:3: error: hidden");
    github_page_make(&result, &page);
    g_autofree char *annotations = json_print(page.annotations);
    const char *const parts[] = {page.title, page.summary, page.text, page.description, page.comment, annotations};
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        ck_assert_lacks(parts[i], "Title of later");
        ck_assert_lacks(parts[i], "inner");
        ck_assert_lacks(parts[i], "hidden.c");
        ck_assert_lacks(parts[i], "suspicion for staff");
        ck_assert_lacks(parts[i], "secret line");
        ck_assert_lacks(parts[i], "later.c");
    }
}
END_TEST

START_TEST(what_students_wrote_mentions_nobody_and_is_no_markup)
{
    Finding *finding = finding_of(1);
    g_free(finding->message);
    finding->message = g_strdup("@everyone see #1 <img src=x> [x](http://evil.test) `code` | cell www.evil.test");
    set_evidence(1, "```\n@everyone </details> <script>\n````\nend");
    github_page_make(&result, &page);
    const char *evidence = strstr(page.text, "`````text");
    ck_assert_ptr_nonnull(evidence); /* a fence longer than theirs */
    g_autofree char *before = g_strndup(page.text, (gsize)(evidence - page.text));
    ck_assert_lacks(before, "@");
    ck_assert_lacks(before, "<img");
    ck_assert_lacks(before, "[x]");
    ck_assert_lacks(before, "http://");
    ck_assert_lacks(before, "www.evil");
    ck_assert_lacks(before, " | cell");
    ck_assert_lacks(before, "`code`");
}
END_TEST

START_TEST(places_in_evidence_become_annotations)
{
    set_evidence(1, "src/a.c:12:5: error: expected ';'\nsrc/b.c:3: warning: odd\n/etc/passwd:1: error: x\n"
                    "../up.c:1: error: x\n  File \"tests/c.py\", line 7, in f\n");
    github_page_make(&result, &page);
    ck_assert_int_eq(cJSON_GetArraySize(page.annotations), 3);
    const cJSON *first = cJSON_GetArrayItem(page.annotations, 0), *third = cJSON_GetArrayItem(page.annotations, 2);
    ck_assert_str_eq(json_string_or(first, "path", ""), "src/a.c");
    ck_assert_int_eq(json_int64_or(first, "start_line", 0), 12);
    ck_assert_str_eq(json_string_or(first, "annotation_level", ""), "failure");
    ck_assert_str_eq(json_string_or(first, "message", ""), "error: expected ';'");
    ck_assert_str_eq(json_string_or(cJSON_GetArrayItem(page.annotations, 1), "annotation_level", ""), "warning");
    ck_assert_str_eq(json_string_or(third, "path", ""), "tests/c.py");
    ck_assert_has(json_string_or(third, "message", ""), "said <b>no</b>"); /* plain text there, no Markdown */
}
END_TEST

START_TEST(annotations_are_bounded)
{
    g_autoptr(GString) many = g_string_new(NULL);
    for (int i = 1; i <= 1000; i++)
        g_string_append_printf(many, "a.c:%d: error: x\n", i);
    set_evidence(1, many->str);
    github_page_make(&result, &page);
    ck_assert_int_eq(cJSON_GetArraySize(page.annotations), GITHUB_MAX_ANNOTATIONS);
}
END_TEST

START_TEST(every_part_keeps_to_githubs_limits)
{
    g_autofree char *long_title = g_strnfill(3000, 'x');
    for (int i = 0; i < 300; i++)
        add_item(long_title, 5, ITEM_FAIL, VISIBLE_ALWAYS, false);
    verdict_sum(verdict);
    github_page_make(&result, &page);
    ck_assert_uint_le(strlen(page.summary), GITHUB_MAX_TEXT);
    ck_assert_uint_le(strlen(page.text), GITHUB_MAX_TEXT);
    ck_assert_uint_le(strlen(page.comment), GITHUB_MAX_TEXT - 1024);
    ck_assert_has(page.comment, "left out");
    ck_assert_int_le(g_utf8_strlen(page.title, -1), GITHUB_MAX_TITLE);
    ck_assert_int_le(g_utf8_strlen(page.description, -1), GITHUB_MAX_DESCRIPTION);
    ck_assert_has(page.description, "; failed: failed and 300 more");
    ck_assert_has(page.summary, "left out");
    ck_assert_has(page.text, "left out");
}
END_TEST

START_TEST(what_waits_for_a_ta_is_neutral_and_our_fault_is_no_failure)
{
    VerdictItem *failed = g_ptr_array_index(verdict->items, 1);
    failed->outcome = ITEM_REVIEW;
    github_page_make(&result, &page);
    ck_assert_str_eq(page.conclusion, "neutral");
    ck_assert_str_eq(page.state, "pending");
    github_page_clear(&page);
    failed->outcome = ITEM_ERROR;
    github_page_make(&result, &page);
    ck_assert_str_eq(page.conclusion, "neutral");
    ck_assert_str_eq(page.state, "error");
    ck_assert_has(page.title, "our fault");
    github_page_clear(&page);
    failed->outcome = ITEM_PASS;
    github_page_make(&result, &page);
    ck_assert_str_eq(page.conclusion, "success");
}
END_TEST

START_TEST(lateness_and_tokens_fit_a_status)
{
    Decision late = decision;
    late.late_us = 27 * CLOCK_HOUR_US;
    late.tokens_milli = 2000;
    late.balance_milli = 5000;
    result.decision = &late;
    github_page_make(&result, &page);
    ck_assert_has(page.description, "; 1 day 3 h late: 2 tokens, 5 left");
}
END_TEST

/* Names of many bytes, of letters that change what stands around them, and of line ends. */
START_TEST(names_that_fit_a_status_are_whole_and_do_nothing)
{
    const char *const names[] = {"täst-ünïcödé-ñame-of-an-item",
                                 "日本語の課題の名前はとても長い",
                                 "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
                                 "a\nb\u202ec",
                                 "another",
                                 "and-another"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        add_item(names[i], 5, ITEM_FAIL, VISIBLE_ALWAYS, false);
    verdict_sum(verdict);
    github_page_make(&result, &page);
    ck_assert_int_le(g_utf8_strlen(page.description, -1), GITHUB_MAX_DESCRIPTION);
    ck_assert(g_utf8_validate(page.description, -1, NULL));
    ck_assert_has(page.description, "; failed: failed, täst-ünïcödé-ñame-of-an-item, 日本語の課題の名前はとても長い");
    ck_assert_lacks(page.description, "\n");
    ck_assert_lacks(page.description, "\u202e");
    ck_assert(g_str_has_suffix(page.description, " more"));
}
END_TEST

START_TEST(a_status_of_a_few_names_says_them_all)
{
    add_item("second", 5, ITEM_FAIL, VISIBLE_ALWAYS, false);
    verdict_sum(verdict);
    github_page_make(&result, &page);
    ck_assert(g_str_has_suffix(page.description, "; failed: failed, second"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("github_page");
    TCase *tests = tcase_create("pages");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_page_says_the_points_the_tokens_and_what_to_do_next);
    tcase_add_test(tests, nothing_hidden_is_in_any_part);
    tcase_add_test(tests, what_students_wrote_mentions_nobody_and_is_no_markup);
    tcase_add_test(tests, places_in_evidence_become_annotations);
    tcase_add_test(tests, annotations_are_bounded);
    tcase_add_test(tests, every_part_keeps_to_githubs_limits);
    tcase_add_test(tests, what_waits_for_a_ta_is_neutral_and_our_fault_is_no_failure);
    tcase_add_test(tests, lateness_and_tokens_fit_a_status);
    tcase_add_test(tests, names_that_fit_a_status_are_whole_and_do_nothing);
    tcase_add_test(tests, a_status_of_a_few_names_says_them_all);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
