/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/samples.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;
static Course *course;
static Diagnostics *diagnostics;

static void put(const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(folder, path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    ck_assert(file_make_folder(parent, 0755, NULL));
    ck_assert(g_file_set_contents(full, text, -1, NULL));
}

static void set_up(void)
{
    folder = g_dir_make_tmp("rubric-test-XXXXXX", NULL);
    diagnostics = diagnostics_new();
    put("course.yaml", "course: demo\ntitle: Demo\ntimezone: UTC\n"
                       "assignments:\n  m1: {kind: milestone, deadline: 2022-09-21 23:59}\n");
    put("roster.csv", "id,name,email,team\nada,Ada L,ada@x.example,t1\nbram,Bram O,bram@x.example,t1\n");
    put("rubrics/m1.yaml", "rubric: m1\nitems:\n"
                           "  - {id: readme, points: 1, title: T, check: {files: {present: README}}}\n"
                           "  - {id: notes, points: 1, title: T, judge: ta, check: {files: {present: notes/a.md}}}\n");
    put("samples/m1/passing/README", "first line\nsecond line\n");
    put("samples/m1/passing/notes/a.md", "a note\n");
    put("samples/m1/passing.expect.yaml",
        "owner: t1\nreceived: 2022-09-20 10:00\nitems: {readme: pass, notes: review}\n"
        "checks: {notes: pass}\n");
    course = course_load(folder, graders_all(), diagnostics);
    ck_assert_ptr_nonnull(course);
}

static void tear_down(void)
{
    course_free(course);
    diagnostics_free(diagnostics);
    ck_assert(file_remove_tree(folder, NULL));
    g_free(folder);
}

static const Assignment *m1(void)
{
    return course_assignment(course, "m1");
}

static Expectation *load(const char *name)
{
    return expectation_load(course, m1(), name, diagnostics);
}

static void assert_reported(const char *part)
{
    g_autofree char *all = diagnostics_format(diagnostics);
    ck_assert_msg(strstr(all, part) != NULL, "no \"%s\" in: %s", part, all);
}

static void assert_file(const LocalSubmission *submission, const char *path, const char *expected)
{
    g_autofree char *full = g_build_filename(submission->temporary, "files", path, NULL);
    g_autofree char *text = NULL;
    bool is_there = g_file_get_contents(full, &text, NULL, NULL);
    if (expected)
        ck_assert_str_eq(text, expected);
    else
        ck_assert(!is_there);
}

static void assert_cannot_be_made(const char *expectation, const char *part)
{
    put("samples/m1/bad.expect.yaml", expectation);
    g_autoptr(Expectation) bad = load("bad");
    ck_assert_ptr_nonnull(bad);
    g_auto(LocalSubmission) submission = {0};
    g_autoptr(GError) error = NULL;
    ck_assert(!recipe_make(bad->recipe, course, &submission, &error));
    ck_assert_int_eq(error->code, RUBRIC_ERROR_INVALID);
    ck_assert_msg(strstr(error->message, part) != NULL, "no \"%s\" in: %s", part, error->message);
}

START_TEST(what_a_sample_does_not_say_its_base_says)
{
    put("samples/m1/other.expect.yaml", "base: passing\nitems: {readme: fail}\n");
    g_autoptr(Expectation) other = load("other");
    ck_assert_ptr_nonnull(other);
    ck_assert_int_eq(expectation_of_item(other, "readme"), ITEM_FAIL);
    ck_assert_int_eq(expectation_of_item(other, "notes"), ITEM_REVIEW);
    ck_assert_int_eq(expectation_of_check(other, "notes"), FINDING_PASS);
    ck_assert_int_eq(expectation_of_check(other, "readme"), -1);
    ck_assert_str_eq(other->owner, "t1");
    g_autofree char *received = clock_format_utc(other->received_us);
    ck_assert_str_eq(received, "2022-09-20T10:00:00.000000Z");
}
END_TEST

START_TEST(rest_stands_for_the_items_of_the_base_too)
{
    put("samples/m1/other.expect.yaml", "base: passing\nrest: fail\n");
    g_autoptr(Expectation) other = load("other");
    ck_assert_int_eq(expectation_of_item(other, "readme"), ITEM_FAIL);
    ck_assert_int_eq(expectation_of_item(other, "notes"), ITEM_FAIL);
}
END_TEST

START_TEST(files_are_removed_edited_and_added)
{
    put("samples/m1/base2.expect.yaml", "base: passing\nremove: notes/a.md\nitems: {readme: pass}\n");
    put("samples/m1/other.expect.yaml",
        "base: base2\nedit:\n  - {file: README, from: line, to: row}\nitems: {readme: pass}\n");
    put("samples/m1/other/new.txt", "new\n");
    g_autoptr(Expectation) other = load("other");
    g_auto(LocalSubmission) submission = {0};
    ck_assert(recipe_is_needed(other->recipe));
    ck_assert(recipe_make(other->recipe, course, &submission, NULL));
    ck_assert_int_eq(submission.kind, CONTENT_FOLDER);
    assert_file(&submission, "README", "first row\nsecond row\n");
    assert_file(&submission, "notes/a.md", NULL);
    assert_file(&submission, "new.txt", "new\n");
}
END_TEST

START_TEST(a_plain_sample_needs_no_making)
{
    g_autoptr(Expectation) passing = load("passing");
    ck_assert(!recipe_is_needed(passing->recipe));
}
END_TEST

static char *run_git(const LocalSubmission *submission, const char *format)
{
    g_autofree char *option = g_strconcat("--format=", format, NULL);
    const char *argv[] = {"git", "-C", submission->path, "log", "--reverse", option, NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    GString *output = NULL;
    ck_assert(process_run(&spec, 30000, 65536, &output, NULL, NULL, NULL));
    return g_string_free(output, FALSE);
}

START_TEST(a_history_becomes_commits_by_people_of_the_roster)
{
    put("samples/m1/other.expect.yaml",
        "base: passing\nitems: {readme: pass}\ntags: [submit/m1]\nhistory:\n"
        "  - {by: ada, at: 2022-09-01 10:00, message: Begin, files: README}\n"
        "  - {by: bram b@laptop.local, at: 2022-09-02 11:30, message: \"Add the rest\\n\\nAnd say why.\"}\n");
    g_autoptr(Expectation) other = load("other");
    g_auto(LocalSubmission) submission = {0};
    g_autoptr(GError) error = NULL;
    ck_assert_msg(recipe_make(other->recipe, course, &submission, &error), "%s", error ? error->message : "");
    ck_assert_int_eq(submission.kind, CONTENT_GIT);
    ck_assert_uint_eq(strlen(submission.commit), 40);
    ck_assert_str_eq(submission.refs[0], "refs/heads/main");
    ck_assert_str_eq(submission.refs[1], "refs/tags/submit/m1");
    g_autofree char *log = run_git(&submission, "%an <%ae> %aI %s");
    ck_assert_str_eq(log, "Ada L <ada@x.example> 2022-09-01T10:00:00+00:00 Begin\n"
                          "Bram O <b@laptop.local> 2022-09-02T11:30:00+00:00 Add the rest\n");
}
END_TEST

START_TEST(what_cannot_be_made_says_why)
{
    assert_cannot_be_made("base: passing\nremove: nothing.txt\nitems: {readme: pass}\n", "\"nothing.txt\"");
    assert_cannot_be_made("base: passing\nremove: ../passing.expect.yaml\nitems: {readme: pass}\n", "\"../passing");
    assert_cannot_be_made("base: passing\nedit: [{file: README, from: third, to: x}]\nitems: {readme: pass}\n",
                          "\"README\" holds no \"third\"");
    assert_cannot_be_made(
        "base: passing\nhistory: [{by: nobody, at: 2022-09-01 10:00, message: x}]\nitems: {readme: pass}\n",
        "\"nobody\" is nobody");
}
END_TEST

START_TEST(mistakes_in_expectations_are_reported)
{
    put("samples/m1/a.expect.yaml", "base: passing\nitems: {raedme: fail}\n");
    ck_assert_ptr_null(load("a"));
    assert_reported(
        "samples/m1/a.expect.yaml:2:9: error: the rubric \"m1\" has no item \"raedme\"; did you mean \"readme\"?");
    put("samples/m1/b.expect.yaml", "base: b\nitems: {readme: fail}\n");
    ck_assert_ptr_null(load("b"));
    assert_reported("too many samples stand on one another");
    put("samples/m1/c.expect.yaml", "base: gone\nitems: {readme: fail}\n");
    ck_assert_ptr_null(load("c"));
    assert_reported("samples/m1/c.expect.yaml:1:7: error: base: there is no samples/m1/gone.expect.yaml");
    put("samples/m1/d.expect.yaml", "owner: t1\n");
    ck_assert_ptr_null(load("d"));
    assert_reported("expects nothing");
    put("samples/m1/e.expect.yaml", "items: {readme: maybe}\nchecks: {notes: review}\nbase: ../m1/passing\n");
    ck_assert_ptr_null(load("e"));
    assert_reported("expected one of pass, fail, review, error");
    assert_reported("expected one of pass, fail, error, skipped");
    assert_reported("expected the name of another sample");
}
END_TEST

START_TEST(an_expectation_alone_is_a_sample_only_with_a_base)
{
    put("samples/m1/made.expect.yaml", "base: passing\nitems: {readme: pass}\n");
    put("samples/m1/stray.expect.yaml", "items: {readme: pass}\n");
    g_autoptr(GPtrArray) samples = samples_list(course, m1(), diagnostics);
    ck_assert_uint_eq(samples->len, 2);
    ck_assert_str_eq(((const Sample *)g_ptr_array_index(samples, 0))->name, "made");
    ck_assert_str_eq(((const Sample *)g_ptr_array_index(samples, 1))->name, "passing");
    assert_reported("there is no sample \"stray\"");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("expectation");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_a_sample_does_not_say_its_base_says);
    tcase_add_test(tcase, rest_stands_for_the_items_of_the_base_too);
    tcase_add_test(tcase, files_are_removed_edited_and_added);
    tcase_add_test(tcase, a_plain_sample_needs_no_making);
    tcase_add_test(tcase, a_history_becomes_commits_by_people_of_the_roster);
    tcase_add_test(tcase, what_cannot_be_made_says_why);
    tcase_add_test(tcase, mistakes_in_expectations_are_reported);
    tcase_add_test(tcase, an_expectation_alone_is_a_sample_only_with_a_base);
    Suite *suite = suite_create("expectation");
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
