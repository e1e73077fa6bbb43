/* SPDX-License-Identifier: Apache-2.0 */
/* Worked totals of the shipped course. With two numbers (lectures, tokens) prints what becomes of them. */
#include "tests/unit/tokens/fixture.h"

static Course *real;
static Gradebook *book;

static void setup(void)
{
    static const GraderType *const no_graders[] = {NULL};
    const gsize max_bytes = 1 << 20;
    g_autofree char *folder = g_dir_make_tmp("rubric-gradebook-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "course.yaml", NULL);
    g_autofree char *roster = g_build_filename(folder, "roster.csv", NULL);
    g_autofree char *text = NULL;
    const char *header = "id,name,email,github,sid,section,team,status,aliases\n";
    ck_assert_good(file_read(SOURCE_FOLDER "/rubrics/mlip-f22/course.yaml", max_bytes, &text, NULL, error));
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    ck_assert_good(file_write_atomic(roster, header, strlen(header), 0600, error));
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    real = course_load(folder, no_graders, diagnostics);
    bool ok = real && gradebook_parse(real, &book, diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    ck_assert_msg(ok && book, "%s", problems);
}

static void teardown(void)
{
    gradebook_free(book);
    course_free(real);
}

/* "i1=100 m1=103 midterm=92": credits and scores at once. */
static void fill(GradeInput *input, const char *text)
{
    const double milli = 1000.0;
    input->credits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    input->scores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (guint i = 0; words[i]; i++) {
        g_auto(GStrv) sides = g_strsplit(words[i], "=", 2);
        gint64 value = (gint64)(g_ascii_strtod(sides[1], NULL) * milli + 0.5);
        bool is_assignment =
            course_assignment(real, sides[0]) && strcmp(sides[0], "midterm") != 0 && strcmp(sides[0], "research") != 0;
        if (strcmp(sides[0], "tokens") == 0)
            input->tokens_milli = value;
        else
            g_hash_table_insert(is_assignment ? input->credits : input->scores, g_strdup(sides[0]),
                                g_memdup2(&value, sizeof value));
    }
}

static Grade *grade(const Gradebook *gradebook, const char *text)
{
    GradeInput input = {0};
    fill(&input, text);
    Grade *result = gradebook_compute(gradebook, &input);
    g_hash_table_destroy(input.credits);
    g_hash_table_destroy(input.scores);
    return result;
}

#define FULL_TEAM "m1=100 m2=100 m3=100 m4=70 final=30"

START_TEST(worked_totals_come_out_to_the_thousandth_and_the_letter)
{
    static const struct {
        const char *what, *section, *has, *total, *letter;
    } cases[] = {
        {"bonus points count", NULL,
         "i1=100 i2=90 i3=100 i4=106 m1=103 m2=108 m3=98 m4=65 final=33 midterm=92 lectures=25 quizzes=21", "98.87",
         "A"},
        {"ninety-nine is no A+", NULL, "i1=100 i2=100 i3=100 i4=100 " FULL_TEAM " midterm=90 lectures=25 quizzes=22",
         "99", "A"},
        {"ninety-six is no A", NULL, "i1=90 i2=90 i3=90 i4=90 " FULL_TEAM " midterm=100 lectures=25 quizzes=22", "96",
         "A-"},
        {"a homework is missing", NULL, "i1=100 i2=100 i3=100 " FULL_TEAM " midterm=100 lectures=25 quizzes=22", "90",
         "B"},
        {"half of the lectures", NULL,
         "i1=90 i2=76.5 i3=95 i4=90 m1=95 m2=95 m3=95 m4=66.5 final=28.5 midterm=88 lectures=12 quizzes=19.8", "86.45",
         "B"},
        {"a token kept is a lecture", NULL,
         "i1=90 i2=76.5 i3=95 i4=90 m1=95 m2=95 m3=95 m4=66.5 final=28.5 midterm=88 lectures=12 quizzes=19.8 tokens=1",
         "90.45", "B+"},
        {"the variant for PhD students", "17-745",
         "i1=95 i2=90 research=180 m1=98 m2=98 m3=98 m4=68.6 final=29.4 midterm=90 lectures=13 quizzes=22", "93.9",
         "A-"},
        {"one late homework", NULL, "i1=76.5 i2=100 i3=100 i4=100 " FULL_TEAM " midterm=100 lectures=25 quizzes=22",
         "97.65", "A"},
        {"sixty is below D", NULL, "i1=100 i2=100 i3=100 i4=100 lectures=25 midterm=100", "60", "below D"},
        {"a hair above it is a D", NULL, "i1=100 i2=100 i3=100 i4=100 lectures=25 midterm=100 quizzes=0.022", "60.01",
         "D"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Grade) result = grade(gradebook_for(book, cases[i].section), cases[i].has);
        g_autofree char *total = points_format(exact_round_milli(result->total));
        ck_assert_msg(strcmp(total, cases[i].total) == 0, "%s: %s", cases[i].what, total);
        ck_assert_msg(strcmp(result->letter, cases[i].letter) == 0, "%s: %s", cases[i].what, result->letter);
        ck_assert_uint_ge(result->lines->len, 6);
    }
}
END_TEST

START_TEST(components_can_be_capped)
{
    for (guint i = 0; i < book->components->len; i++)
        ((Component *)g_ptr_array_index(book->components, i))->is_capped = true;
    g_autoptr(Grade) result =
        grade(book, "i1=100 i2=90 i3=100 i4=106 m1=103 m2=108 m3=98 m4=65 final=33 midterm=92 lectures=25 quizzes=21");
    g_autofree char *total = points_format(exact_round_milli(result->total));
    ck_assert_str_eq(total, "98.345");
}
END_TEST

START_TEST(tokens_that_are_left_become_lectures)
{
    static const gint64 cases[][4] = {{10, 4, 4, 90}, {2, 7, 7, 50},   {12, 1, 1, 90},  {2, 1, 1, 20},
                                      {12, 0, 0, 50}, {25, 7, 0, 100}, {24, 7, 1, 100}, {2, 0, 0, 0}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *has = g_strdup_printf("lectures=%d tokens=%d", (int)cases[i][0], (int)cases[i][1]);
        g_autoptr(Grade) result = grade(book, has);
        ck_assert_int_eq(result->tokens_used_milli, cases[i][2] * 1000);
        ck_assert_int_eq(result->participation_milli, cases[i][3] * 1000);
    }
}
END_TEST

static void check_factor(Exact factor, const char *wanted_ten_thousandths)
{
    const gint64 one = 1000;
    Exact scaled = {factor.numerator * 10, factor.denominator};
    char text[32];
    g_snprintf(text, sizeof text, "%.4f", (double)exact_round_milli(scaled) / (double)(one * 10));
    ck_assert_str_eq(text, wanted_ten_thousandths);
}

/* `words`: a row a rater. */
static void check_peers(const char *words, bool counts_self, const char *expected)
{
    g_auto(GStrv) rows = g_strsplit(words, "; ", -1);
    gsize n = g_strv_length(rows);
    gint64 ratings[36];
    for (gsize i = 0; i < n; i++) {
        g_auto(GStrv) cells = g_strsplit(rows[i], " ", -1);
        for (gsize j = 0; j < n; j++)
            ratings[i * n + j] =
                strcmp(cells[j], "-") == 0 ? -1 : (gint64)(g_ascii_strtod(cells[j], NULL) * 1000.0 + 0.5);
    }
    Exact factors[6];
    PeerRules rules = peer_rules_usual;
    rules.counts_self = counts_self;
    peer_factors(ratings, n, &rules, factors);
    g_auto(GStrv) wanted = g_strsplit(expected, " ", -1);
    for (gsize i = 0; i < n; i++)
        check_factor(factors[i], wanted[i]);
}

START_TEST(peer_ratings_become_factors)
{
    check_peers("100 100 100 100; 100 100 100 100; 100 100 100 100; 100 100 100 100", true,
                "1.0000 1.0000 1.0000 1.0000");
    const char *one_is_weak = "100 100 100 60; 100 100 100 60; 100 100 100 60; 100 100 100 100";
    check_peers(one_is_weak, true, "1.0500 1.0500 1.0500 0.7568");
    check_peers(one_is_weak, false, "1.0500 1.0500 1.0500 0.6667");
    check_peers("100 100 100 90; 100 100 100 100; 100 100 100 100; 100 100 100 100", true,
                "1.0063 1.0063 1.0063 0.9811");
    check_peers("100 100 100 100 0; 100 100 100 100 0; 100 100 100 100 0; 100 100 100 100 0; 100 100 100 100 100", true,
                "1.0500 1.0500 1.0500 1.0500 0.2381");
    check_peers("100 100 60; 100 90 60; 100 90 60", true, "1.0500 1.0500 0.7105");
    check_peers("60 60; 60 60", true, "1.0000 1.0000");
    check_peers(
        "84.375 90.625 65.625 87.5; 84.375 90.625 65.625 87.5; 84.375 90.625 65.625 87.5; 84.375 90.625 65.625 87.5",
        true, "1.0286 1.0500 0.8000 1.0500");
    check_peers("0 0; 0 0", true, "1.0000 1.0000");
    check_peers("- -; - -", true, "1.0000 1.0000");
}
END_TEST

static const char *asked_lectures, *asked_tokens;

START_TEST(participation_is_printed)
{
    g_autofree char *has = g_strdup_printf("lectures=%s tokens=%s", asked_lectures, asked_tokens);
    g_autoptr(Grade) result = grade(book, has);
    g_autofree char *used = points_format(result->tokens_used_milli);
    g_autofree char *percent = points_format(result->participation_milli);
    printf("%s %s\n", used, percent);
    fflush(stdout);
}
END_TEST

int main(int argc, char **argv)
{
    TCase *tcase = tcase_create("gradebook");
    tcase_add_checked_fixture(tcase, setup, teardown);
    if (argc == 3) {
        asked_lectures = argv[1];
        asked_tokens = argv[2];
        tcase_add_test(tcase, participation_is_printed);
        Suite *suite = suite_create("gradebook");
        suite_add_tcase(suite, tcase);
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_SILENT);
        int n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed;
    }
    tcase_add_test(tcase, worked_totals_come_out_to_the_thousandth_and_the_letter);
    tcase_add_test(tcase, components_can_be_capped);
    tcase_add_test(tcase, tokens_that_are_left_become_lectures);
    tcase_add_test(tcase, peer_ratings_become_factors);
    return fixture_main(tcase, "gradebook");
}
