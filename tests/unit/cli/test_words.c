/* SPDX-License-Identifier: Apache-2.0 */
/* What a course with a gradebook, ratings and things to buy is asked from the command line. */
#include "tests/unit/cli/fixture.h"

static char *folder, *store_path;
static Course *own;
static Policy *rules;

static const char course_text[] =
    "course: c\ntitle: C\ntimezone: America/New_York\nassignments:\n"
    "  h1: {kind: homework, deadline: \"2022-09-07 23:59\"}\n  h2: {kind: homework, deadline: \"2022-09-28 23:59\"}\n"
    "  m1: {kind: milestone, deadline: \"2022-09-21 23:59\"}\n  m2: {kind: milestone, deadline: \"2022-11-02 23:59\"}\n"
    "tokens:\n  banks: {person: {pool: 5}, team: {pool: 2}}\n  late: {price: 1}\n  without_tokens: refused\n"
    "  purchases: {excuse: {price: 3, max_times: 1, excuses: yes}, absence: {price: 1}}\n"
    "gradebook:\n  components:\n    homework: {weight: 40, assignments: [h1, h2], max: 200}\n"
    "    project: {weight: 60, assignments: [m1, m2], max: 200}\n"
    "  cutoffs: {A: 90, B: 80, D: 60}\n  peer_rating: {component: project}\n  audit: {homework: 90}\n";

static const char roster_text[] =
    "id,name,email,sid,section,team,status\n"
    "ann,\"=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",ann@x.example,11,A,team1,student\n"
    "bob,+bob,bob@x.example,12,A,team1,student\ncat,@cat,cat@x.example,13,A,team1,student\n"
    "dan,-dan,dan@x.example,14,A,team2,student\naud,Aud,aud@x.example,15,A,,audit\n";

static char *put(const char *name, const char *text)
{
    char *path = g_build_filename(folder, name, NULL);
    ck_assert_good(file_write_atomic(path, text, strlen(text), 0600, error));
    return path;
}

static gint64 hand_in(Store *store, const char *owner, OwnerKind kind, const char *assignment, gint64 points)
{
    Submission row = {.assignment = (char *)assignment,
                      .owner_kind = (char *)owner_kind_name(kind),
                      .owner = (char *)owner,
                      .source = (char *)"inbox",
                      .external_id = (char *)owner,
                      .revision = (char *)assignment,
                      .received_us = course_assignment(own, assignment)->deadline_us - CLOCK_HOUR_US,
                      .content_digest = (char *)owner,
                      .state = SUBMISSION_FETCHED};
    bool is_new;
    ck_assert_good(store_submission_insert(store, &row, &row.id, &is_new, error));
    VerdictRow verdict = {.submission_id = row.id,
                          .origin = (char *)"grade",
                          .points_milli = points * 1000,
                          .max_milli = 100000,
                          .json = (char *)"{}"};
    Verdict sums = {.points_milli = points * 1000, .max_milli = 100000};
    g_autofree char *account = account_name(kind, owner);
    ck_assert_good(store_verdict_insert(store, &verdict, NULL, error) && account_note_submitted(store, &row, error) &&
                   account_note_graded(store, own, &row, &sums, error));
    ck_assert_good(store_begin(store, error) && account_settle(store, rules, own, account, NULL, error) &&
                   store_commit(store, error));
    return row.id;
}

/* h1 90 of ann's; m1 80 of team1's, m1 60 of team2's. */
static void setup(void)
{
    static const GraderType *const no_graders[] = {NULL};
    folder = g_dir_make_tmp("rubric-words-XXXXXX", NULL);
    g_autofree char *course_folder = g_build_filename(folder, "course", NULL);
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    store_path = g_build_filename(state, "rubricd.db", NULL);
    ck_assert_good(file_make_folder(course_folder, 0700, error) && file_make_folder(state, 0700, error));
    g_free(put("course/course.yaml", course_text));
    g_free(put("course/roster.csv", roster_text));
    config_path = put("rubricd.yaml", "course: course\nstate: state\nsinks:\n  - folder: {name: out}\n");
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    own = course_load(course_folder, no_graders, diagnostics);
    rules = own ? policy_parse(own, diagnostics) : NULL;
    g_autofree char *problems = diagnostics_format(diagnostics);
    ck_assert_msg(rules != NULL, "%s", problems);
    g_autoptr(Store) store = store_open(store_path, NULL);
    hand_in(store, "ann", OWNER_PERSON, "h1", 90);
    hand_in(store, "team1", OWNER_TEAM, "m1", 80);
    hand_in(store, "team2", OWNER_TEAM, "m1", 60);
}

static void teardown(void)
{
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(config_path);
    g_free(store_path);
    policy_free(rules);
    course_free(own);
}

START_TEST(ratings_come_to_factors)
{
    g_autofree char *ratings = put("ratings.csv", "ann,cat,Deficient\nbob,cat,Deficient\ncat,cat,Good\n"
                                                  "ann,ann,Good\nbob,ann,Good\ncat,ann,Good\nann,bob,Good\n");
    /* cat 220/3 of (220/3 + 100 + 100) / 3 = 0.80488; the others 1.0976, so 1.05 */
    ck_assert_rubric(0, "team1        ann                  mean 100 of 3 ratings, times 1.05 (+5 %)", "peers", ratings);
    ck_assert_rubric(0, "team1        bob                  mean 100 of 1 rating, times 1.05 (+5 %)", "peers", ratings);
    ck_assert_rubric(0, "mean 73.333 of 3 ratings, times 0.805 (-20 %)", "peers", ratings);
    ck_assert_rubric(0, "\"factor_milli\":805,\"percent\":-20", "peers", ratings, "--json");
    /* 80 of 200 * 60 = 24, times 0.80488 = 19.317 */
    ck_assert_rubric(0, "project: (m1 80 + m2 0) of 200 points, times 0.805 by peer rating, weight 60: 19.317",
                     "gradebook", "--peers", ratings, "--explain", "cat");
    ck_assert_rubric(0, "project: (m1 60 + m2 0) of 200 points, weight 60: 18", "gradebook", "--peers", ratings,
                     "--explain", "dan");
    g_autofree char *one = put("one.csv", "rater,rated,rating,assignment\nann,cat,50,m1\nann,ann,100,m1\n");
    ck_assert_rubric(0, "m1       team1        bob                  not rated, times 1", "peers", one);
    ck_assert_rubric(0, "project: (m1 80 times 0.667 + m2 0) of 200 points, weight 60: 16", "gradebook", "--peers", one,
                     "--explain", "cat");
    g_autofree char *bad = put("bad.csv", "ann,dan,Good\n");
    ck_assert_rubric(1, "bad.csv:1:5: error: \"ann\" and \"dan\" are not students of one team", "peers", bad);
    ck_assert_rubric(1, "not students of one team", "gradebook", "--peers", bad);
    ck_assert_rubric(1, "no such", "gradebook", "--peers", "no such file");
    ck_assert_rubric(2, "name a table of ratings", "peers");
}
END_TEST

START_TEST(names_are_no_formulas_for_a_spreadsheet)
{
    ck_assert_rubric(0,
                     "Student,ID,SIS User ID,SIS Login ID,Section,homework,project,Final Score,Final Grade\n"
                     "Points Possible,,,,,40,60,(read only),(read only)\n",
                     "gradebook", "--csv");
    ck_assert_rubric(0, "\n\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",,11,ann,A,18,24,42,below D\n", "gradebook",
                     "--csv");
    ck_assert_rubric(0, "\n'+bob,,12,bob,A,0,24,24,below D\n'@cat,,13,cat,A,0,24,24,below D\n'-dan,,14,dan,",
                     "gradebook", "--csv");
    ck_assert_rubric(0, "\nAud,,15,aud,A,0,0,0,audit not passed\n", "gradebook", "--csv");
}
END_TEST

START_TEST(what_is_bought_excuses_and_is_paid)
{
    ck_assert_rubric(1, "course.yaml has no \"cake\" below tokens: purchases:", "adjust", "ann", "buy", "cake", "-",
                     "-m", "x");
    ck_assert_rubric(0, "person:ann: 5 -> 4 tokens", "adjust", "ann", "buy", "absence", "-", "-m", "was away",
                     "--dry-run");
    ck_assert_rubric(0, "person:ann: 5 -> 2 tokens", "adjust", "ann", "buy", "excuse", "h2", "-m", "wedding");
    ck_assert_rubric(1, "has too few tokens for that, or bought it as often as is allowed", "adjust", "ann", "buy",
                     "excuse", "h1", "-m", "again");
    ck_assert_rubric(0, "-3     buy     3 tokens paid for excuse of h2: wedding", "tokens", "ann");
    ck_assert_rubric(0, "homework: (h1 90 + h2 0 (excused)) of 100 points, weight 40: 36", "gradebook", "--explain",
                     "ann");
    ck_assert_rubric(0, "2 -> 1 token", "adjust", "ann", "buy", "absence", "-", "-m", "was away");
    ck_assert_rubric(0, "1 -> 0 tokens", "adjust", "ann", "buy", "absence", "-", "-m", "was away");
    ck_assert_rubric(1, "too few tokens", "adjust", "ann", "buy", "absence", "-", "-m", "was away");
    ck_assert_rubric(0, "every one follows", "ledger", "--verify");
}
END_TEST

START_TEST(who_moves_leaves_the_work_and_takes_on_the_next)
{
    ck_assert_rubric(1, "there is no team \"team9\" in the roster", "adjust", "dan", "move", "team9", "team2",
                     "2022-09-01 12:00", "-m", "x");
    ck_assert_rubric(1, "is a team; people move", "adjust", "team1", "move", "team1", "team2", "2022-09-01 12:00", "-m",
                     "x");
    ck_assert_rubric(1, "is both the old and the new team", "adjust", "dan", "move", "team1", "team1",
                     "2022-09-01 12:00", "-m", "x");
    ck_assert_rubric(1, "someday", "adjust", "dan", "move", "team1", "team2", "someday", "-m", "x");
    ck_assert_rubric(0, "(m1 60 + m2 0)", "gradebook", "--explain", "dan");
    /* dan, who is in team2 now, was in team1 when m1 was due */
    ck_assert_rubric(0, "\n", "adjust", "dan", "move", "team1", "team2", "2022-10-01 12:00", "-m", "asked for it");
    ck_assert_rubric(0, "(m1 80 + m2 0)", "gradebook", "--explain", "dan");
    ck_assert_rubric(0, "(m1 80 + m2 0)", "gradebook", "--explain", "ann");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("words");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, ratings_come_to_factors);
    tcase_add_test(tcase, names_are_no_formulas_for_a_spreadsheet);
    tcase_add_test(tcase, what_is_bought_excuses_and_is_paid);
    tcase_add_test(tcase, who_moves_leaves_the_work_and_takes_on_the_next);
    return fixture_main(tcase, "words");
}
