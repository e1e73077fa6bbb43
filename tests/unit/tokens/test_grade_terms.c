/* SPDX-License-Identifier: Apache-2.0 */
/* What a component of the gradebook adds up: dropped, excused, all worth the same; tokens that are left; penalties. */
#include "tests/unit/tokens/fixture.h"

static Course *own;
static Gradebook *book;
static GHashTable *credits, *scores, *maxima, *excused;
static double owed; /* tokens */

static void load(const char *homework, const char *more)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autofree char *folder = g_dir_make_tmp("rubric-terms-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "course.yaml", NULL);
    g_autofree char *text = g_strdup_printf(
        "course: c\ntitle: C\ntimezone: UTC\nassignments:\n"
        "  h1: {kind: homework, deadline: \"2022-09-07 23:59\"}\n"
        "  h2: {kind: homework, deadline: \"2022-09-14 23:59\"}\n"
        "  h3: {kind: homework, deadline: \"2022-09-21 23:59\"}\n"
        "gradebook:\n  components:\n    homework: {weight: 60, %s}\n    exam: {weight: 40, scores: [exam], "
        "max: 50}\n  cutoffs: {A: 90, B: 80}\n  strict: no\n%s",
        homework, more);
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    own = course_load(folder, no_graders, diagnostics);
    bool ok = own && gradebook_parse(own, &book, diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    ck_assert_msg(ok && book, "%s", problems);
}

static void setup(void)
{
    credits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    scores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    maxima = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    excused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void teardown(void)
{
    g_hash_table_destroy(credits);
    g_hash_table_destroy(scores);
    g_hash_table_destroy(maxima);
    g_hash_table_destroy(excused);
    gradebook_free(book);
    course_free(own);
}

static void put(GHashTable *table, const char *key, double whole)
{
    const double milli = 1000.0;
    gint64 value = (gint64)(whole * milli + 0.5);
    g_hash_table_insert(table, g_strdup(key), g_memdup2(&value, sizeof value));
}

/* h1 40 of 50, h2 90 of 100, h3 20 of 100. */
static void usual_work(void)
{
    put(credits, "h1", 40);
    put(credits, "h2", 90);
    put(credits, "h3", 20);
    put(maxima, "h1", 50);
    put(maxima, "h2", 100);
    put(maxima, "h3", 100);
}

static Grade *grade(gint64 tokens, double course_percent)
{
    const double milli = 1000.0;
    GradeInput input = {.credits = credits,
                        .scores = scores,
                        .maxima = maxima,
                        .excused = excused,
                        .tokens_milli = tokens * 1000,
                        .owed_milli = (gint64)(owed * milli),
                        .course_milli = (gint64)(course_percent * milli)};
    return gradebook_compute(book, &input);
}

static void check(const char *total, const char *first_line)
{
    g_autoptr(Grade) result = grade(0, 0);
    g_autofree char *found = points_format(exact_round_milli(result->total));
    ck_assert_str_eq(found, total);
    ck_assert_str_eq(g_ptr_array_index(result->lines, 0), first_line);
}

START_TEST(the_lowest_is_dropped_with_its_points)
{
    load("assignments: [h1, h2, h3], max: 250, drop: 1", "");
    usual_work();
    /* h3 is the worst fifth: 130 of 150, times 60 = 52 */
    check("52", "homework: (h1 40 + h2 90 + h3 20 (dropped)) of 150 points, weight 60: 52");
}
END_TEST

START_TEST(all_may_be_worth_the_same)
{
    load("kind: homework, equal: yes", "");
    usual_work();
    /* (0.8 + 0.9 + 0.2) / 3 * 60 = 38 */
    check("38", "homework: (h1 40 + h2 90 + h3 20), all worth the same, weight 60: 38");
}
END_TEST

START_TEST(the_lowest_of_equals_is_the_lowest_share)
{
    load("kind: homework, equal: yes, drop: 1", "");
    usual_work();
    put(credits, "h1", 9); /* 18 %: less than 20 of 100 */
    /* (0.9 + 0.2) / 2 * 60 = 33 */
    check("33", "homework: (h1 9 (dropped) + h2 90 + h3 20), all worth the same, weight 60: 33");
}
END_TEST

START_TEST(what_is_excused_does_not_count)
{
    load("assignments: [h1, h2, h3], max: 250", "");
    usual_work();
    g_hash_table_add(excused, g_strdup("h3"));
    check("52", "homework: (h1 40 + h2 90 + h3 20 (excused)) of 150 points, weight 60: 52");
    g_hash_table_add(excused, g_strdup("h1"));
    check("54", "homework: (h1 40 (excused) + h2 90 + h3 20 (excused)) of 100 points, weight 60: 54");
    g_hash_table_add(excused, g_strdup("h2")); /* nothing is left: nothing is held against them */
    g_autoptr(Grade) result = grade(0, 0);
    ck_assert_int_eq(exact_round_milli(result->total), 60000);
}
END_TEST

START_TEST(the_last_one_is_never_dropped)
{
    load("assignments: [h1, h2, h3], max: 250, drop: 3", "");
    usual_work();
    check("54", "homework: (h1 40 (dropped) + h2 90 + h3 20 (dropped)) of 100 points, weight 60: 54");
}
END_TEST

START_TEST(thirds_are_exact)
{
    load("kind: homework, equal: yes", "");
    put(maxima, "h1", 3);
    put(maxima, "h2", 3);
    put(maxima, "h3", 3);
    put(credits, "h1", 1);
    put(credits, "h2", 2);
    put(credits, "h3", 3);
    put(scores, "exam", 50);
    /* (1/3 + 2/3 + 1) / 3 * 60 = 40, and 40: exactly 80, which is a B */
    g_autoptr(Grade) result = grade(0, 0);
    ck_assert_int_eq(exact_round_milli(result->total), 80000);
    ck_assert_str_eq(result->letter, "B");
}
END_TEST

static void check_last(gint64 tokens, double course_percent, const char *total, const char *line)
{
    g_autoptr(Grade) result = grade(tokens, course_percent);
    g_autofree char *found = points_format(exact_round_milli(result->total));
    ck_assert_str_eq(found, total);
    const char *last = g_ptr_array_index(result->lines, result->lines->len - 2);
    ck_assert_str_eq(last, line);
}

START_TEST(tokens_that_are_left_are_worth_something_up_to_a_bound)
{
    load("assignments: [h1, h2, h3], max: 250", "  tokens: {each: 0.25, at_most: 1}\n");
    usual_work(); /* 150 of 250 * 60 = 36 */
    check_last(0, 0, "36", "exam: (exam 0) of 50 points, weight 40: 0");
    check_last(1, 0, "36.25", "1 token left brings 0.25");
    check_last(3, 0, "36.75", "3 tokens left bring 0.75");
    check_last(7, 0, "37", "7 tokens left bring 1");
}
END_TEST

START_TEST(fewer_tokens_than_asked_for_bring_nothing)
{
    load("assignments: [h1, h2, h3], max: 250", "  tokens: {each: 1, from: 3}\n");
    usual_work();
    check_last(2, 0, "36", "exam: (exam 0) of 50 points, weight 40: 0");
    check_last(3, 0, "39", "3 tokens left bring 3");
}
END_TEST

START_TEST(what_is_owed_may_cost_percent_of_the_course_grade)
{
    load("assignments: [h1, h2, h3], max: 250", "  tokens: {owed: 0.5}\n");
    usual_work();
    check_last(7, 0, "36", "exam: (exam 0) of 50 points, weight 40: 0");
    owed = 1;
    check_last(0, 0, "35.5", "1 token owed takes 0.5 % off the course grade");
    owed = 2.5;
    check_last(0, 0, "34.75", "2.5 tokens owed take 1.25 % off the course grade");
    owed = 100;
    check_last(0, 0, "0", "100 tokens owed take 50 % off the course grade");
}
END_TEST

START_TEST(lateness_may_cost_percent_of_the_course_grade)
{
    load("assignments: [h1, h2, h3], max: 250", "");
    usual_work();
    check_last(0, 1, "35", "lateness takes 1 % off the course grade");
    check_last(0, 2.5, "33.5", "lateness takes 2.5 % off the course grade");
    check_last(0, 40, "0", "lateness takes 40 % off the course grade");
}
END_TEST

START_TEST(lectures_and_tokens_are_counted_in_words)
{
    load("assignments: [h1, h2, h3], max: 250", "");
    Component *exam = g_ptr_array_index(book->components, 1);
    const Band all = {10, 100000}, some = {2, 50000};
    exam->kind = COMPONENT_PARTICIPATION;
    book->lectures = 10;
    book->lectures_column = g_strdup("lectures");
    book->tokens_to_lectures = true;
    g_array_append_val(book->bands, all);
    g_array_append_val(book->bands, some);
    put(scores, "lectures", 1);
    check_last(0, 0, "0", "exam: 1 lecture of 10, which is 0 %, weight 40: 0");
    check_last(1, 0, "20", "exam: 1 lecture and 1 token left make 2 of 10, which is 50 %, weight 40: 20");
    check_last(7, 0, "20", "exam: 1 lecture and 7 tokens left make 8 of 10, which is 50 %, weight 40: 20");
    put(scores, "lectures", 9);
    check_last(7, 0, "40", "exam: 9 lectures and 1 token left make 10 of 10, which is 100 %, weight 40: 40");
    put(scores, "lectures", 0);
    check_last(0, 0, "0", "exam: 0 lectures of 10, which is 0 %, weight 40: 0");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("grade_terms");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_lowest_is_dropped_with_its_points);
    tcase_add_test(tcase, all_may_be_worth_the_same);
    tcase_add_test(tcase, the_lowest_of_equals_is_the_lowest_share);
    tcase_add_test(tcase, what_is_excused_does_not_count);
    tcase_add_test(tcase, the_last_one_is_never_dropped);
    tcase_add_test(tcase, thirds_are_exact);
    tcase_add_test(tcase, tokens_that_are_left_are_worth_something_up_to_a_bound);
    tcase_add_test(tcase, fewer_tokens_than_asked_for_bring_nothing);
    tcase_add_test(tcase, what_is_owed_may_cost_percent_of_the_course_grade);
    tcase_add_test(tcase, lateness_may_cost_percent_of_the_course_grade);
    tcase_add_test(tcase, lectures_and_tokens_are_counted_in_words);
    return fixture_main(tcase, "grade_terms");
}
