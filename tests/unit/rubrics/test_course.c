/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

#include <unistd.h>

static const char whole_course[] =
    "course: demo\ntitle: A course\ntimezone: America/New_York\n"
    "assignments:\n"
    "  m1: {title: First, kind: milestone, deadline: 2022-09-21 23:59, submit: {branch: main, tag: \"m1-*\"}}\n"
    "  i1: {kind: homework, deadline: 2022-09-07 23:59, extensible: no, submit: {gradescope: \"123\"}}\n"
    "  q1: {kind: quiz, owner: team, deadline: 2022-09-07 23:59, rubric: m1}\n"
    "teams: {t1: {host: t1.example.org}, t2: }\n"
    "connections: {git: {url: \"file:///repos/{team.id}.git\"}, canvas: {course: 7}}\n"
    "tokens: {whatever: [1]}\ngradebook: {x: 1}\ncalendar: {y: 1}\n";
static const char whole_roster[] = "id,name,email,aliases,github,sid,section,team,status\r\n"
                                   "bob,\"Bob, the \"\"B\"\"\",Bob@x.org,b@y.org; bb@y.org,bobhub,s2,A,t1,student\r\n"
                                   "alice,Alice,alice@x.org,,AliceHub,s1,A,t1,\r\n"
                                   "carol,Carol,carol@x.org,,,s3,B,t1,audit\r\n"
                                   "dave,Dave,dave@x.org,,,s4,B,t9,dropped\r\n"
                                   ",,,,,,,,\r\n"
                                   "eve,Eve,eve@x.org,,,s5,,,staff\r\n";

static void put_whole(void)
{
    put("course.yaml", whole_course);
    put("roster.csv", whole_roster);
    put("rubrics/m1.yaml", "rubric: m1\nitems:\n  - {id: a, points: 1, title: T}\n");
}

static Course *load(void)
{
    return course_load(fixture_folder, fake_graders, diagnostics);
}

START_TEST(a_course_is_read_whole)
{
    put_whole();
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    ck_assert_str_eq(course->id, "demo");
    ck_assert(g_path_is_absolute(course->folder));
    ck_assert_str_eq(course->zone_name, "America/New_York");
    ck_assert_str_eq(course->git_url, "file:///repos/{team.id}.git");
    const Assignment *first = g_ptr_array_index(course->assignments, 0), *m1 = course_assignment(course, "m1");
    ck_assert_str_eq(first->id, "i1");
    ck_assert_str_eq(first->title, "i1");
    ck_assert_ptr_null(first->rubric_id);
    ck_assert(!first->is_extensible);
    ck_assert_str_eq(first->gradescope_id, "123");
    ck_assert_int_eq(first->owner_kind, OWNER_PERSON);
    ck_assert_str_eq(m1->rubric_id, "m1");
    ck_assert_int_eq(m1->owner_kind, OWNER_TEAM);
    ck_assert_str_eq(m1->git_branch, "main");
    ck_assert_str_eq(m1->git_tag, "m1-*");
    ck_assert_str_eq(m1->kind, "milestone");
    ck_assert_int_eq(m1->line, 5);
    ck_assert_int_eq(m1->deadline_us, G_GINT64_CONSTANT(1663819140000000));
    ck_assert_int_eq(course_assignment(course, "q1")->owner_kind, OWNER_TEAM);
    ck_assert_ptr_null(course_assignment(course, "zz"));
    ck_assert_ptr_nonnull(course_section(course, "tokens"));
    ck_assert_ptr_null(course_section(course, "absent"));
    ck_assert_str_eq(owner_kind_name(OWNER_TEAM), "team");
}
END_TEST

START_TEST(people_are_found_by_all_that_names_them)
{
    put_whole();
    g_autoptr(Course) course = load();
    const Person *bob = course_person(course, "bob");
    ck_assert_str_eq(bob->name, "Bob, the \"B\"");
    ck_assert_uint_eq(g_strv_length(bob->emails), 3);
    ck_assert_str_eq(bob->emails[0], "bob@x.org");
    ck_assert_ptr_eq(course_find_person(course, "BB@Y.ORG"), bob);
    ck_assert_ptr_eq(course_find_person(course, "BobHub"), bob);
    ck_assert_ptr_eq(course_find_person(course, "s2"), bob);
    ck_assert_ptr_eq(course_find_person(course, "bob"), bob);
    ck_assert_ptr_null(course_find_person(course, "nobody"));
    ck_assert_ptr_null(course_find_person(course, "\xff"));
    ck_assert_ptr_null(course_person(course, "Bob"));
    ck_assert_int_eq(course_person(course, "alice")->status, STATUS_STUDENT);
    ck_assert_int_eq(course_person(course, "eve")->status, STATUS_STAFF);
    ck_assert_ptr_null(course_person(course, "alice")->emails[1]);
}
END_TEST

START_TEST(a_key_that_names_two_people_names_nobody)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments: []\n");
    put("roster.csv", "id,github\na,b\nb,c\n");
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    ck_assert_ptr_null(course_find_person(course, "b"));
    ck_assert_ptr_nonnull(course_find_person(course, "c"));
}
END_TEST

START_TEST(teams_hold_their_students_and_attributes)
{
    put_whole();
    g_autoptr(Course) course = load();
    const Team *t1 = course_team(course, "t1");
    ck_assert_uint_eq(course->teams->len, 2);
    ck_assert_uint_eq(t1->members->len, 2);
    ck_assert_str_eq(((const Person *)g_ptr_array_index(t1->members, 0))->id, "alice");
    ck_assert_str_eq(g_hash_table_lookup(t1->attributes, "host"), "t1.example.org");
    ck_assert_ptr_null(course_team(course, "t9"));
}
END_TEST

START_TEST(placeholders_are_of_the_owners_kind)
{
    put_whole();
    g_autoptr(Course) course = load();
    g_autoptr(Placeholders) team = course_placeholders(course, course_assignment(course, "m1"), "t1", NULL);
    ck_assert_str_eq(placeholders_get(team, "team.host"), "t1.example.org");
    ck_assert_str_eq(placeholders_get(team, "team.id"), "t1");
    ck_assert_str_eq(placeholders_get(team, "owner.id"), "t1");
    ck_assert_str_eq(placeholders_get(team, "assignment.title"), "First");
    ck_assert_str_eq(placeholders_get(team, "course.id"), "demo");
    ck_assert_ptr_null(placeholders_get(team, "person.id"));
    g_autoptr(Placeholders) person = course_placeholders(course, course_assignment(course, "i1"), "alice", NULL);
    ck_assert_str_eq(placeholders_get(person, "person.github"), "AliceHub");
    ck_assert_ptr_null(placeholders_get(person, "team.id"));
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(course_placeholders(course, course_assignment(course, "i1"), "t1", &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    g_clear_error(&error);
    ck_assert_ptr_null(course_placeholders(course, course_assignment(course, "m1"), "alice", &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
}
END_TEST

START_TEST(the_version_in_force_is_the_latest_that_had_begun)
{
    put_whole();
    put("rubrics/m1-b.yaml", "rubric: m1\neffective: 2022-09-10 00:00\nitems:\n  - {id: b, points: 1, title: T}\n");
    put("rubrics/m1-c.yaml", "rubric: m1\neffective: 2022-09-20 00:00\nitems:\n  - {id: c, points: 1, title: T}\n");
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    const Assignment *m1 = course_assignment(course, "m1");
    const gint64 september_us = G_GINT64_CONSTANT(1662004800000000); /* the 1st, 00:00 EDT */
    ck_assert_str_eq(course_rubric(course, m1, september_us)->path, "rubrics/m1.yaml");
    ck_assert_str_eq(course_rubric(course, m1, september_us + 9 * CLOCK_DAY_US)->path, "rubrics/m1-b.yaml");
    ck_assert_str_eq(course_rubric(course, m1, september_us + 9 * CLOCK_DAY_US - 1)->path, "rubrics/m1.yaml");
    ck_assert_str_eq(course_rubric(course, m1, september_us + 40 * CLOCK_DAY_US)->path, "rubrics/m1-c.yaml");
    ck_assert_ptr_null(course_rubric(course, course_assignment(course, "i1"), september_us));
}
END_TEST

START_TEST(before_the_first_version_the_first_holds)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments:\n  - {id: m1, deadline: 2022-09-21 23:59}\n");
    put("rubrics/x.yaml", "rubric: m1\neffective: 2022-09-10 00:00\nitems:\n  - {id: b, points: 1, title: T}\n");
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    ck_assert_str_eq(course_rubric(course, course_assignment(course, "m1"), 0)->path, "rubrics/x.yaml");
    ck_assert_uint_eq(course->people->len, 0);
}
END_TEST

START_TEST(two_versions_that_begin_together_are_refused)
{
    put_whole();
    put("rubrics/m1-b.yaml", "rubric: m1\nitems:\n  - {id: b, points: 1, title: T}\n");
    ck_assert_ptr_null(load());
    ck_assert_reports(
        "rubrics/m1.yaml:1:1: error: the rubric \"m1\" is in rubrics/m1-b.yaml too, effective at the same time");
}
END_TEST

START_TEST(problems_of_all_files_are_reported_in_one_run)
{
    put("course.yaml", "course: C\ntitel: x\ntimezone: Mars/Base\nassignments:\n  m1: {deadline: 2022-09-21, kind: "
                       "milstone, rubric: m2}\n"
                       "  m1x: {submit: {brunch: a}}\nteams: {t1: {id: x, host: [1]}, \"a b\": {}, t2: "
                       "5}\nconnections: {git: {url: \"{teem.id}\"}, github: 5, jenkins: {}}\n");
    put("roster.csv", "id,nmae,team\na,A,t1x\n");
    put("rubrics/m1.yaml", "rubric: m1\n");
    put("rubrics/m2.yaml", "rubric: m22\nitems:\n  - {id: a, points: 1, title: T}\n");
    put("rubrics/old.yml", "x");
    ck_assert_ptr_null(load());
    static const char *const pieces[] = {
        "course.yaml:1:9: error: course: \"C\" cannot be an id",
        "course.yaml:1:1: error: course lacks the required key \"title\"",
        "course.yaml:2:1: error: unknown key \"titel\" in course; did you mean \"title\"?",
        "course.yaml:3:11: error: timezone: \"Mars/Base\" is not known here",
        "course.yaml:5:18: error: deadline: lacks the time of day; write it like \"2022-09-21 23:59\"",
        "course.yaml:5:36: error: kind: expected one of homework, milestone, quiz, lab, other, got \"milstone\"; did "
        "you mean \"milestone\"?",
        "course.yaml:5:54: error: rubric: no file in rubrics/ has the rubric \"m2\"; did you mean \"m22\"?",
        "course.yaml:6:8: error: assignment lacks the required key \"deadline\"",
        "course.yaml:6:18: error: unknown key \"brunch\" in submit; did you mean \"branch\"?",
        "course.yaml:7:14: error: team \"t1\": \"id\" cannot name an attribute",
        "course.yaml:7:27: error: team \"t1\": the attribute \"host\" must be text",
        "course.yaml:7:33: error: \"a b\" cannot be a team's id",
        "course.yaml:7:48: error: team \"t2\": expected attributes",
        "course.yaml:8:26: error: unknown placeholder {teem.id}; did you mean \"{team.id}\"?",
        "course.yaml:8:48: error: github: expected a mapping",
        "course.yaml:8:51: error: unknown key \"jenkins\" in connections",
        "roster.csv:1:4: error: unknown column \"nmae\"; did you mean \"name\"?",
        "roster.csv:2:1: error: \"a\" is in the team \"t1x\", which `teams:` of course.yaml does not have; did you "
        "mean "
        "\"t1\"?",
        "rubrics/m1.yaml:1:1: error: rubric lacks the required key \"items\"",
        "rubrics: warning: \"old.yml\" is not read: rename it to end in .yaml",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++)
        ck_assert_reports(pieces[i]);
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), G_N_ELEMENTS(pieces) - 1);
}
END_TEST

START_TEST(nothing_is_handed_in_by_the_branch_of_results)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments:\n"
                       "  a: {deadline: 2022-09-21 23:59, submit: {branch: rubricd/results}}\n"
                       "  b: {deadline: 2022-09-21 23:59, submit: {pull_request: rubricd/results}}\n");
    ck_assert_ptr_null(load());
    ck_assert_reports("course.yaml:5:43: error: submit: nothing is handed in by the branch \"rubricd/results\"");
    ck_assert_reports("course.yaml:6:43: error: submit: nothing is handed in by the branch \"rubricd/results\"");
}
END_TEST

START_TEST(assignments_may_be_a_list_and_are_there_once)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments:\n  - {id: a, deadline: 2022-09-21 23:59}\n"
                       "  - {id: a, deadline: 2022-09-22 23:59}\n  - {deadline: 2022-09-22 23:59}\n  - 5\n");
    ck_assert_ptr_null(load());
    ck_assert_reported("course.yaml:6:10: error: the assignment \"a\" is there twice; the first is in line 5\n"
                       "course.yaml:7:5: error: assignment lacks the required key \"id\"\n"
                       "course.yaml:8:5: error: assignment: expected a mapping (\"key: value\" lines), got \"5\"\n");
}
END_TEST

START_TEST(a_course_that_cannot_be_read_still_has_its_other_files_checked)
{
    put("course.yaml", "course: [\n");
    put("roster.csv", "name\nx\n");
    put("rubrics/m1.yaml", "rubric: m1\n");
    ck_assert_ptr_null(load());
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), 3);
    ck_assert_reports("roster.csv:1:1: error: the first line must name the columns");
}
END_TEST

START_TEST(a_folder_without_a_course_says_so)
{
    ck_assert_ptr_null(load());
    ck_assert_reports("course.yaml: error: cannot open");
}
END_TEST

/* ---- the roster ----------------------------------------------------------------------------------------------------
 */

static void ck_roster(const char *roster, const char *expected)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments: []\n");
    put("roster.csv", roster);
    g_autoptr(Course) course = load();
    ck_assert_reported(expected);
    g_clear_pointer(&diagnostics, diagnostics_free);
    diagnostics = diagnostics_new();
}

START_TEST(what_is_wrong_in_a_roster_is_reported_at_its_cell)
{
    ck_roster("id,email,github,sid\na,a@x,g,1\nb,b@x,G,1\na,A@x,h,2\n",
              "roster.csv:3:7: error: the GitHub login \"G\" is in line 2 too\n"
              "roster.csv:3:9: error: the sid \"1\" is in line 2 too\n"
              "roster.csv:4:1: error: the id \"a\" is in line 2 too\n"
              "roster.csv:4:3: error: the e-mail address \"A@x\" is in line 2 too\n");
    ck_roster("id,email,aliases\na,nobody,\"x@y a@b;@\"\n",
              "roster.csv:2:3: error: \"nobody\" is not an e-mail address\n"
              "roster.csv:2:10: error: \"@\" is not an e-mail address\n");
    ck_roster("id,status\na,studnet\n../b,audit\n", "roster.csv:2:3: error: the status must be student, audit, staff "
                                                    "or dropped, not \"studnet\"; did you mean \"student\"?\n"
                                                    "roster.csv:3:1: error: \"../b\" cannot be an id: use letters, "
                                                    "digits and . _ - + @, at most 64, the first a letter or digit\n");
    ck_roster("id,name\na\nb,c,d\n,x\n",
              "roster.csv:2:1: error: this line has 1 cells, the first line has 2; put cells with commas in quotes\n"
              "roster.csv:3:1: error: this line has 3 cells, the first line has 2; put cells with commas in quotes\n"
              "roster.csv:4:1: error: the id is missing\n");
    ck_roster("id,id,team\na,b,x y\n",
              "roster.csv:1:4: error: the column \"id\" is there twice\n"
              "roster.csv:2:5: error: \"x y\" cannot be a team's id: use letters, digits and . _ - + @\n");
    ck_roster("", "roster.csv:1:1: error: the first line must name the columns, \"id\" among them\n");
}
END_TEST

START_TEST(broken_csv_is_reported_at_its_character)
{
    ck_roster("id,name\na,\"x\n\ny\nb,c\n", "roster.csv:2:3: error: the quote that opens here is never closed\n");
    ck_roster("id,name\na,\"x\"y\n",
              "roster.csv:2:6: error: text after a closing quote; write \"\" for a quote inside of quotes\n");
    ck_roster("id,name\na,é\"y\n",
              "roster.csv:2:4: error: a quote inside a cell; put the whole cell in quotes and write this one twice\n");
    ck_roster("id,name\na,\xff\n", "roster.csv:2:3: error: not UTF-8 text; save it as \"CSV UTF-8\"\n");
    ck_roster(
        "id;name\na;b\n",
        "roster.csv:1:1: error: unknown column \"id;name\"; a roster may have: id, name, email, aliases, github, sid, "
        "section, team, status; separate the cells by commas\n"
        "roster.csv:1:1: error: the first line must name the columns, \"id\" among them\n");
    g_autofree char *commas = g_strnfill(200, ',');
    ck_roster(commas, "roster.csv:1:101: error: more than 100 cells in a line\n");
}
END_TEST

START_TEST(spreadsheets_ways_are_fine)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments: []\n");
    put("roster.csv", "\xef\xbb\xbf\"id\",\"name\" \r\n\"a\",\"two\r\nlines\"\r\n\r\n,\r\n b , c \r\nc,");
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    ck_assert_uint_eq(course->people->len, 3);
    ck_assert_str_eq(course_person(course, "a")->name, "two\r\nlines");
    ck_assert_str_eq(course_person(course, "b")->name, "c");
    ck_assert_int_eq(course_person(course, "b")->line, 6);
    ck_assert_ptr_null(course_person(course, "c")->name);
}
END_TEST

START_TEST(teams_may_be_in_the_roster_alone)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments: []\n");
    put("roster.csv", "id,team\nb,t2\na,t1\nc,t1\n");
    g_autoptr(Course) course = load();
    ck_assert_reported("");
    ck_assert_uint_eq(course->teams->len, 2);
    ck_assert_str_eq(((const Team *)g_ptr_array_index(course->teams, 0))->id, "t1");
    ck_assert_uint_eq(course_team(course, "t1")->members->len, 2);
}
END_TEST

START_TEST(a_roster_that_is_no_file_is_reported)
{
    put("course.yaml", "course: c\ntitle: T\ntimezone: UTC\nassignments: []\n");
    put("roster.csv/x", "");
    ck_assert_ptr_null(load());
    ck_assert_reports("is not a regular file");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("course");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_course_is_read_whole);
    tcase_add_test(tcase, people_are_found_by_all_that_names_them);
    tcase_add_test(tcase, a_key_that_names_two_people_names_nobody);
    tcase_add_test(tcase, teams_hold_their_students_and_attributes);
    tcase_add_test(tcase, placeholders_are_of_the_owners_kind);
    tcase_add_test(tcase, the_version_in_force_is_the_latest_that_had_begun);
    tcase_add_test(tcase, before_the_first_version_the_first_holds);
    tcase_add_test(tcase, two_versions_that_begin_together_are_refused);
    tcase_add_test(tcase, problems_of_all_files_are_reported_in_one_run);
    tcase_add_test(tcase, nothing_is_handed_in_by_the_branch_of_results);
    tcase_add_test(tcase, assignments_may_be_a_list_and_are_there_once);
    tcase_add_test(tcase, a_course_that_cannot_be_read_still_has_its_other_files_checked);
    tcase_add_test(tcase, a_folder_without_a_course_says_so);
    tcase_add_test(tcase, what_is_wrong_in_a_roster_is_reported_at_its_cell);
    tcase_add_test(tcase, broken_csv_is_reported_at_its_character);
    tcase_add_test(tcase, spreadsheets_ways_are_fine);
    tcase_add_test(tcase, teams_may_be_in_the_roster_alone);
    tcase_add_test(tcase, a_roster_that_is_no_file_is_reported);
    return fixture_main(tcase, "course and roster");
}
