/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of an assignment by items of its rubric; parts by shares are told in tests/data/token-cases/parts.txt. */
#include "tests/unit/tokens/fixture.h"

#include <glib/gstdio.h>

static char *write_file(const char *folder, const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    return path;
}

/* A course of one homework with these `parts:`. NULL with what is wrong. */
static Course *load(const char *parts, Policy **ret_policy, char **ret_problems)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autofree char *folder = g_dir_make_tmp("rubric-parts-XXXXXX", NULL);
    g_autofree char *rubrics = g_build_filename(folder, "rubrics", NULL);
    ck_assert_int_eq(g_mkdir(rubrics, 0700), 0);
    g_autofree char *text = g_strdup_printf("course: c\ntitle: C\ntimezone: UTC\nassignments:\n"
                                            "  i4: {kind: homework, deadline: \"2022-11-09 23:59\", parts: {%s}}\n"
                                            "tokens: {banks: {person: {pool: 5}}, late: {price: 1}, without_tokens: "
                                            "{percent: 10}}\n",
                                            parts);
    g_autofree char *course_path = write_file(folder, "course.yaml", text);
    g_autofree char *rubric_path =
        write_file(folder, "rubrics/i4.yaml",
                   "rubric: i4\nitems:\n  - {id: post, points: 60, title: P, passes: p, judge: ta}\n"
                   "  - {id: comments, points: 40, title: C, passes: c, judge: ta}\n"
                   "bonus:\n  - {id: social, points: 6, title: S, passes: s, judge: ta}\n");
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    Course *loaded = course_load(folder, no_graders, diagnostics);
    *ret_policy = loaded ? policy_parse(loaded, diagnostics) : NULL;
    *ret_problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    return loaded;
}

static void add_graded(GPtrArray *events, gint64 id, const char *comments)
{
    g_autofree char *data = g_strdup_printf(
        "{\"points_milli\":%d,\"bonus_milli\":6000,\"max_milli\":100000,\"n_error\":%d,\"n_review\":0,\"items\":["
        "{\"id\":\"post\",\"points_milli\":60000,\"is_bonus\":false,\"outcome\":\"pass\"},"
        "{\"id\":\"comments\",\"points_milli\":40000,\"is_bonus\":false,\"outcome\":\"%s\"},"
        "{\"id\":\"social\",\"points_milli\":6000,\"is_bonus\":true,\"outcome\":\"pass\"}]}",
        strcmp(comments, "pass") == 0 ? 100000 : 60000, strcmp(comments, "error") == 0, comments);
    events_add(events, "graded", 1, NULL, id, data);
}

static const char two_parts[] = "comments: {deadline: \"2022-11-12 23:59\", items: [comments]}, "
                                "social: {deadline: \"2022-11-10 23:59\", items: social, extensible: no}";

START_TEST(items_go_to_their_part_and_the_rest_is_the_assignments)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) rules = NULL;
    g_autoptr(Course) own = load(two_parts, &rules, &problems);
    ck_assert_msg(rules != NULL, "%s", problems);
    g_autoptr(GPtrArray) events = events_new();
    const Assignment *i4 = course_assignment(own, "i4");
    events_add_submitted(events, i4->deadline_us + 30 * CLOCK_HOUR_US, "i4", 1, "a");
    add_graded(events, 1, "pass");
    g_autoptr(Fold) fold = policy_fold(rules, own, "person:ann", events);
    const Decision *decision = fold_decision(fold, 1);
    ck_assert_uint_eq(decision->parts->len, 3);
    const Decision *rest = decision->parts->pdata[0], *social = decision->parts->pdata[1];
    const Decision *comments = decision->parts->pdata[2];
    ck_assert_str_eq(rest->assignment, "i4");
    ck_assert_int_eq(rest->tokens_milli, 2000);
    ck_assert_int_eq(rest->points_milli, 60000);
    ck_assert_int_eq(social->kind, DECISION_REFUSED);
    ck_assert_str_eq(comments->assignment, "i4/comments");
    ck_assert_int_eq(comments->points_milli, 40000);
    ck_assert_int_eq(decision_credit_milli(decision, 0), 100000);
    ck_assert_int_eq(fold->balance_milli, 3000);

    g_autoptr(cJSON) json = decision_to_json(decision);
    g_autoptr(Decision) again = decision_from_json(json, NULL);
    ck_assert_int_eq(decision_credit_milli(again, 0), 100000);
    ck_assert_ptr_nonnull(strstr(again->sentence, "The rest: "));
}
END_TEST

START_TEST(an_error_in_one_part_leaves_the_others)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) rules = NULL;
    g_autoptr(Course) own = load(two_parts, &rules, &problems);
    g_autoptr(GPtrArray) events = events_new();
    events_add_submitted(events, course_assignment(own, "i4")->deadline_us, "i4", 1, "a");
    add_graded(events, 1, "error");
    g_autoptr(Fold) fold = policy_fold(rules, own, "person:ann", events);
    const Decision *decision = fold_decision(fold, 1);
    ck_assert_int_eq(decision->kind, DECISION_COUNTS);
    ck_assert_int_eq(((const Decision *)decision->parts->pdata[2])->kind, DECISION_PENDING);
    ck_assert_int_eq(decision_credit_milli(decision, 0), 66000);
}
END_TEST

START_TEST(a_quote_tells_each_part_and_until_when_it_holds)
{
    g_autofree char *problems = NULL;
    g_autoptr(Policy) rules = NULL;
    g_autoptr(Course) own = load(two_parts, &rules, &problems);
    g_autoptr(GPtrArray) events = events_new();
    const Assignment *i4 = course_assignment(own, "i4");
    gint64 at_us = i4->deadline_us + CLOCK_HOUR_US;
    g_autoptr(Decision) quote = policy_quote(rules, own, "person:ann", i4, events, at_us);
    ck_assert_uint_eq(quote->parts->len, 3);
    ck_assert_int_eq(quote->tokens_milli, 1000);
    /* The bonus part's deadline and the essay's next day are the same instant. */
    ck_assert_int_eq(policy_quote_until(rules, own, i4, quote, at_us), i4->deadline_us + CLOCK_DAY_US);
    g_autoptr(cJSON) json = decision_to_json(quote); /* nothing of it is too large for a number of JSON */
    ck_assert_int_eq(((const Decision *)g_ptr_array_index(quote->parts, 0))->submission_id, 0);
}
END_TEST

START_TEST(what_is_wrong_with_parts_is_reported)
{
    static const char *const wrong[][2] = {
        {"x: {deadline: \"2022-11-12 23:59\"}", "either items: [...] of the rubric, or a share:"},
        {"x: {deadline: \"2022-11-12 23:59\", items: []}", "either items: [...] of the rubric, or a share:"},
        {"x: {deadline: \"2022-11-12 23:59\", items: [nothing]}", "has no item \"nothing\""},
        {"x: {deadline: \"2022-11-12 23:59\", items: [post]}, y: {deadline: \"2022-11-12 23:59\", items: [post]}",
         "is in the part \"x\" too"},
        {"x: {deadline: \"2022-11-12 23:59\", share: 60}, y: {deadline: \"2022-11-12 23:59\", share: 60}",
         "more than 100 % together"},
        {"x: {deadline: \"2022-11-12\", share: 60}", "lacks the time of day"},
        {"x: {deadline: \"2022-11-12 23:59\", share: 60}, y: {deadline: \"2022-11-12 23:59\", items: [post]}",
         "either all parts of an assignment"},
        {"x/y: {deadline: \"2022-11-12 23:59\", share: 60}", "cannot be an id"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *problems = NULL;
        g_autoptr(Policy) rules = NULL;
        g_autoptr(Course) own = load(wrong[i][0], &rules, &problems);
        ck_assert_msg(strstr(problems, wrong[i][1]) != NULL, "%s: %s", wrong[i][0], problems);
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("parts");
    tcase_add_test(tcase, items_go_to_their_part_and_the_rest_is_the_assignments);
    tcase_add_test(tcase, an_error_in_one_part_leaves_the_others);
    tcase_add_test(tcase, a_quote_tells_each_part_and_until_when_it_holds);
    tcase_add_test(tcase, what_is_wrong_with_parts_is_reported);
    return fixture_main(tcase, "parts of an assignment");
}
