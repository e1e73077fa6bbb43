/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that come from outside: ratings of each other, and scores. */
#include "tests/unit/tokens/fixture.h"

static Course *own;
static Gradebook *book;

static const char course_text[] =
    "course: c\ntitle: C\ntimezone: UTC\nassignments:\n"
    "  m1: {kind: milestone, deadline: \"2022-09-21 23:59\"}\n  m2: {kind: milestone, deadline: \"2022-11-02 23:59\"}\n"
    "gradebook:\n"
    "  components:\n"
    "    project: {weight: 60, assignments: [m1, m2], max: 200}\n"
    "    midterm: {weight: 30, scores: [midterm], max: 100}\n"
    "    there: {weight: 10, participation: yes}\n"
    "  cutoffs: {A: 90, E: 50}\n"
    "  participation: {lectures: 10, bands: [{at_least: 8, percent: 100}]}\n"
    "  audit: {there: 100, midterm: 70}\n"
    "  peer_rating: {component: project%s}\n";

static const char roster_text[] = "id,name,email,team,status\n"
                                  "ann,\"Alindqvi, Ann\",ann@x.example,team1,student\n"
                                  "bob,Bob,bob@x.example,team1,student\ncat,Cat,cat@x.example,team1,student\n"
                                  "dan,Dan,dan@x.example,team1,student\neve,Eve,eve@x.example,team2,student\n"
                                  "fay,Fay,fay@x.example,team2,dropped\n";

static void load(const char *rules)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autofree char *folder = g_dir_make_tmp("rubric-peers-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "course.yaml", NULL);
    g_autofree char *roster = g_build_filename(folder, "roster.csv", NULL);
    g_autofree char *text = g_strdup_printf(course_text, rules);
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    ck_assert_good(file_write_atomic(roster, roster_text, strlen(roster_text), 0600, error));
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_clear_pointer(&book, gradebook_free);
    g_clear_pointer(&own, course_free);
    own = course_load(folder, no_graders, diagnostics);
    bool ok = own && gradebook_parse(own, &book, diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    ck_assert_msg(ok && book, "%s", problems);
}

static void setup(void)
{
    load("");
}

static void teardown(void)
{
    g_clear_pointer(&book, gradebook_free);
    g_clear_pointer(&own, course_free);
}

/* "ann 1.05 +5, bob 1.05 +5": each one's factor and what the form shows; with an assignment in front, if there is. */
static char *come_to(const char *table)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GPtrArray) ratings = peers_read(own, &book->peers, "peers.csv", table, strlen(table), diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    ck_assert_msg(ratings != NULL, "%s", problems);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < ratings->len; i++) {
        const PeerRating *rating = g_ptr_array_index(ratings, i);
        g_autofree char *factor = points_format(exact_round_milli(rating->factor));
        g_string_append_printf(text, "%s%s%s%s %s %+d", i > 0 ? ", " : "", rating->assignment ? rating->assignment : "",
                               rating->assignment ? " " : "", rating->person, factor, (int)peer_percent(rating));
    }
    return g_string_free(text, FALSE);
}

static void check_comes_to(const char *table, const char *wanted)
{
    g_autofree char *found = come_to(table);
    ck_assert_str_eq(found, wanted);
}

static void check_problem(const char *table, const char *message)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GPtrArray) ratings = peers_read(own, &book->peers, "peers.csv", table, strlen(table), diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    ck_assert(ratings == NULL);
    ck_assert_msg(strstr(problems, message) != NULL, "\"%s\" is not in \"%s\"", message, problems);
}

#define RATED(person, a, b, c, d)                                                                                      \
    "ann," person "," a "\nbob," person "," b "\ncat," person "," c "\ndan," person "," d "\n"
#define GOOD(person) RATED(person, "Good", "good", "Good team citizen", "100")

START_TEST(words_and_numbers_are_ratings)
{
    check_comes_to(GOOD("ann") GOOD("bob") GOOD("cat") GOOD("dan"), "ann 1 +0, bob 1 +0, cat 1 +0, dan 1 +0");
    /* 70 of 92.5, and 100 of 92.5, which is more than 1.05 */
    check_comes_to(GOOD("ann") GOOD("bob") GOOD("cat") RATED("dan", "Deficient", "60", "60.0", "Good"),
                   "ann 1.05 +5, bob 1.05 +5, cat 1.05 +5, dan 0.757 -24");
    /* 97.5 of 99.375, and 100 of it */
    check_comes_to(GOOD("ann") GOOD("bob") GOOD("cat") RATED("dan", "needs improvement", "Good", "Good", "Good"),
                   "ann 1.006 +1, bob 1.006 +1, cat 1.006 +1, dan 0.981 -2");
    /* (40 + 0 + 90 + 100) / 4 = 57.5 of 89.375 */
    check_comes_to(GOOD("ann") GOOD("bob") GOOD("cat") RATED("dan", "Unsatisfactory", "No show", "90", "Good"),
                   "ann 1.05 +5, bob 1.05 +5, cat 1.05 +5, dan 0.643 -36");
}
END_TEST

START_TEST(who_rates_themselves_may_be_left_out)
{
    load(", self: no");
    check_comes_to(GOOD("ann") GOOD("bob") GOOD("cat") RATED("dan", "60", "60", "60", "100"),
                   "ann 1.05 +5, bob 1.05 +5, cat 1.05 +5, dan 0.667 -33");
}
END_TEST

START_TEST(what_was_not_given_is_left_out_or_counts_as_said)
{
    /* only dan was rated, by one: nothing to compare with but himself */
    check_comes_to("ann,dan,60\n", "ann 1 +0, bob 1 +0, cat 1 +0, dan 1 +0");
    load(", missing: 100");
    /* (60 + 3 * 100) / 4 = 90 of 97.5; the others 100 of 97.5 */
    check_comes_to("ann,dan,60\n", "ann 1.026 +3, bob 1.026 +3, cat 1.026 +3, dan 0.923 -8");
}
END_TEST

START_TEST(levels_cap_and_floor_are_the_courses)
{
    load(", levels: {Very good: 87.5, Ordinary: 62.5}, at_most: 1.1, at_least: 0.9");
    /* 62.5 of 81.25 = 0.769, and 87.5 of it = 1.077 */
    check_comes_to(RATED("ann", "Very good", "very good", "87.5", "87.5") RATED("bob", "87.5", "87.5", "87.5", "87.5")
                       RATED("cat", "87.5", "87.5", "87.5", "87.5") RATED("dan", "Ordinary", "62.5", "62.5", "62.5"),
                   "ann 1.077 +8, bob 1.077 +8, cat 1.077 +8, dan 0.9 -10");
    check_problem("ann,dan,Good\n", "\"Good\" is no rating; there are Very good, Ordinary, and numbers from 0 to 100");
}
END_TEST

START_TEST(a_form_has_columns_of_its_own_and_cells_in_quotes)
{
    check_comes_to("Timestamp,Rater,Comment,Rating,Rated\r\n"
                   "\"9/21/2022, 10:00\",ann@x.example,\"Was ill, came \"\"late\"\"\nand left\",Deficient,dan\r\n"
                   "x,bob,,Good,ann@x.example\r\n",
                   "ann 1.05 +5, bob 1 +0, cat 1 +0, dan 0.75 -25");
}
END_TEST

START_TEST(ratings_may_be_about_one_assignment)
{
    check_comes_to("rater,rated,rating,assignment\nann,dan,60,m2\nann,bob,100,m2\nann,dan,100,m1\nann,bob,100,\n",
                   "ann 1 +0, bob 1 +0, cat 1 +0, dan 1 +0, m1 ann 1 +0, m1 bob 1 +0, m1 cat 1 +0, m1 dan 1 +0, "
                   "m2 ann 1 +0, m2 bob 1.05 +5, m2 cat 1 +0, m2 dan 0.75 -25");
    check_problem("ann,dan,60,m9\n", "peers.csv:1:12: error: there is no assignment \"m9\" in this course");
}
END_TEST

START_TEST(mistakes_are_told_with_their_place)
{
    check_problem("ann,zoe,Good\n", "peers.csv:1:5: error: \"zoe\" is not in the roster");
    check_problem("ann,dan,Good\nann,eve,Good\n",
                  "peers.csv:2:5: error: \"ann\" and \"eve\" are not students of one team");
    check_problem("eve,fay,Good\n", "are not students of one team");
    check_problem("ann,dan,Great\n", "peers.csv:1:9: error: \"Great\" is no rating; there are Good, Needs improvement, "
                                     "Deficient, Unsatisfactory, No show, and numbers from 0 to 100");
    check_problem("ann,dan,101\n", "\"101\" is no rating");
    check_problem("ann,dan,Good\nann,dan,60\n", "peers.csv:2:5: error: \"ann\" rates \"dan\" twice");
    check_problem("ann,dan\n", "expected rater,rated,rating");
    check_problem("rater,rating\nann,60\n", "the first line has no column \"rated\"");
    check_problem("\"ann,dan\n", "never closed");
}
END_TEST

/* ---- scores ----------------------------------------------------------------------------------------------------- */

static void check_scores(const char *table, bool is_good, const char *person, const char *column, gint64 wanted_milli,
                         const char *message)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GHashTable) scores =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_destroy);
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = scores_read(own, book, "scores.csv", table, strlen(table), scores, found, diagnostics);
    g_autofree char *problems = diagnostics_format(diagnostics);
    ck_assert_msg(ok == is_good, "%s", problems);
    ck_assert_msg(!message || strstr(problems, message), "\"%s\" is not in \"%s\"", message, problems);
    GHashTable *values = is_good ? g_hash_table_lookup(scores, person) : NULL;
    const gint64 *milli = values ? g_hash_table_lookup(values, column) : NULL;
    if (is_good)
        ck_assert_int_eq(milli ? *milli : -1, wanted_milli);
    ck_assert(!is_good || milli == NULL || g_hash_table_contains(found, column));
}

START_TEST(scores_are_read_from_spreadsheets)
{
    check_scores("id,midterm\nann,92.5\n", true, "ann", "midterm", 92500, NULL);
    check_scores("name,id,midterm,remark\n\"Alindqvi, Ann\",ann,\"92\",\"good, but late\"\n", true, "ann", "midterm",
                 92000, NULL);
    check_scores("id,midterm,lectures\nann,,8\n", true, "ann", "midterm", -1, NULL);
    check_scores("id,midterm,lectures\nann,,8\n", true, "ann", "lectures", 8000, NULL);
    check_scores("\xef\xbb\xbfid,midterm\r\nbob@x.example,0\r\n", true, "bob", "midterm", 0, NULL);
}
END_TEST

START_TEST(an_export_of_canvas_is_a_table_of_scores)
{
    check_scores("Student,ID,SIS User ID,SIS Login ID,Section,midterm\n    Points Possible,,,,,100\n"
                 "\"Alindqvi, Ann\",90210,,ann@x.example,A,77\n",
                 true, "ann", "midterm", 77000, NULL);
}
END_TEST

START_TEST(mistakes_in_scores_are_told_with_their_place)
{
    check_scores("id,midterm\nzoe,1\n", false, NULL, NULL, 0, "scores.csv:2:1: error: \"zoe\" is not in the roster");
    check_scores("id,midterm\nann,A\n", false, NULL, NULL, 0,
                 "scores.csv:2:5: error: column \"midterm\": \"A\" is no number");
    check_scores("id,midterm\nann,1\nann,2\n", false, NULL, NULL, 0, "scores.csv:3:1: error: \"ann\" is there twice");
    check_scores("id,midterm\n,1\n", false, NULL, NULL, 0, "the id is missing");
    check_scores("person,midterm\nann,1\n", false, NULL, NULL, 0, "\"id\" among them");
    check_scores("", false, NULL, NULL, 0, "\"id\" among them");
}
END_TEST

/* ---- in the grade ----------------------------------------------------------------------------------------------- */

static void put(GHashTable *table, const char *key, gint64 whole)
{
    gint64 milli = whole * 1000;
    g_hash_table_insert(table, g_strdup(key), g_memdup2(&milli, sizeof milli));
}

/* m1 90 and m2 80 of 200, midterm 70 of 100, all lectures: 51 + 21 + 10. */
static Grade *grade_with(const Exact *whole, const Exact *m2, gint64 lectures)
{
    g_autoptr(GHashTable) credits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) scores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) factors = g_hash_table_new(g_str_hash, g_str_equal);
    put(credits, "m1", 90);
    put(credits, "m2", 80);
    put(scores, "midterm", 70);
    put(scores, "lectures", lectures);
    if (m2)
        g_hash_table_insert(factors, (char *)"m2", (gpointer)m2);
    GradeInput input = {.credits = credits, .scores = scores, .peer_factors = factors};
    if (whole)
        input.peer_factor = *whole;
    return gradebook_compute(book, &input);
}

static void check_grade(const Exact *whole, const Exact *m2, const char *total, const char *line)
{
    g_autoptr(Grade) grade = grade_with(whole, m2, 8);
    g_autofree char *found = points_format(exact_round_milli(grade->total));
    ck_assert_str_eq(found, total);
    ck_assert_str_eq(g_ptr_array_index(grade->lines, 0), line);
}

START_TEST(a_factor_is_for_the_component_or_for_one_assignment)
{
    const Exact weak = {3, 4}, strong = {21, 20}, absent = {0, 1};
    check_grade(NULL, NULL, "82", "project: (m1 90 + m2 80) of 200 points, weight 60: 51");
    /* 170 * 0.75 / 200 * 60 = 38.25 */
    check_grade(&weak, NULL, "69.25",
                "project: (m1 90 + m2 80) of 200 points, times 0.75 by peer rating, weight 60: 38.25");
    /* (90 + 80 * 0.75) / 200 * 60 = 45 */
    check_grade(NULL, &weak, "76", "project: (m1 90 + m2 80 times 0.75) of 200 points, weight 60: 45");
    /* (90 + 80 * 0.75) * 1.05 / 200 * 60 = 47.25 */
    check_grade(&strong, &weak, "78.25",
                "project: (m1 90 + m2 80 times 0.75) of 200 points, times 1.05 by peer rating, weight 60: 47.25");
    check_grade(&absent, NULL, "31", "project: (m1 90 + m2 80) of 200 points, times 0 by peer rating, weight 60: 0");
}
END_TEST

START_TEST(a_column_of_factors_may_hold_a_zero)
{
    load(", scores: peer");
    g_autoptr(GHashTable) credits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) scores = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    put(credits, "m1", 100);
    GradeInput input = {.credits = credits, .scores = scores};
    g_autoptr(Grade) without = gradebook_compute(book, &input);
    ck_assert_int_eq(exact_round_milli(without->total), 30000);
    put(scores, "peer", 2); /* more than may be */
    g_autoptr(Grade) much = gradebook_compute(book, &input);
    ck_assert_int_eq(exact_round_milli(much->total), 31500);
    put(scores, "peer", 0);
    g_autoptr(Grade) none = gradebook_compute(book, &input);
    ck_assert_int_eq(exact_round_milli(none->total), 0);
}
END_TEST

START_TEST(who_audits_passes_by_what_the_course_says)
{
    g_autoptr(Grade) good = grade_with(NULL, NULL, 8), absent = grade_with(NULL, NULL, 7);
    ck_assert_str_eq(gradebook_audit(book, good), "audit passed"); /* 70 of 100 is reached */
    ck_assert_str_eq(gradebook_audit(book, absent), "audit not passed");
    book->has_audit = false;
    ck_assert_str_eq(gradebook_audit(book, absent), "audit");
}
END_TEST

START_TEST(what_is_under_all_cutoffs_is_named_after_the_lowest)
{
    const Exact absent = {0, 1};
    g_autoptr(Grade) grade = grade_with(&absent, NULL, 8);
    ck_assert_str_eq(grade->letter, "below E");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("peers");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, words_and_numbers_are_ratings);
    tcase_add_test(tcase, who_rates_themselves_may_be_left_out);
    tcase_add_test(tcase, what_was_not_given_is_left_out_or_counts_as_said);
    tcase_add_test(tcase, levels_cap_and_floor_are_the_courses);
    tcase_add_test(tcase, a_form_has_columns_of_its_own_and_cells_in_quotes);
    tcase_add_test(tcase, ratings_may_be_about_one_assignment);
    tcase_add_test(tcase, mistakes_are_told_with_their_place);
    tcase_add_test(tcase, scores_are_read_from_spreadsheets);
    tcase_add_test(tcase, an_export_of_canvas_is_a_table_of_scores);
    tcase_add_test(tcase, mistakes_in_scores_are_told_with_their_place);
    tcase_add_test(tcase, a_factor_is_for_the_component_or_for_one_assignment);
    tcase_add_test(tcase, a_column_of_factors_may_hold_a_zero);
    tcase_add_test(tcase, who_audits_passes_by_what_the_course_says);
    tcase_add_test(tcase, what_is_under_all_cutoffs_is_named_after_the_lowest);
    return fixture_main(tcase, "peers");
}
