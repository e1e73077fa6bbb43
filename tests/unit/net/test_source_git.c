/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/source.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Source *source;
static char *repo;

/* Runs git in the student's repository. */
static void git(const char *arguments)
{
    g_autofree char *command = g_strdup_printf(
        "cd '%s' && HOME='%s' GIT_CONFIG_NOSYSTEM=1 git -c user.name=A -c user.email=alice@example.edu -c "
        "commit.gpgSign=false -c init.defaultBranch=main %s >/dev/null 2>&1",
        repo, f.folder, arguments);
    ck_assert_msg(system(command) == 0, "git %s", arguments); /* NOLINT(cert-env33-c): a test's own words */
}

static void commit(const char *text)
{
    fixture_write(repo, "answer.txt", text);
    git("add answer.txt");
    git("commit -m 'an answer'");
}

static void setup(void)
{
    g_autofree char *tail = g_strdup("connections:\n  git: {url: \"file:///nowhere/{team.id}\"}\n");
    fixture_open(&f, tail);
    repo = g_build_filename(f.folder, "repos", "t1", NULL);
    ck_assert_good(file_make_folder(repo, 0755, error));
    git("init -q .");
    g_autofree char *text =
        g_strdup_printf("%sconnections:\n  git: {url: \"file://%s/repos/{team.id}\"}\n", fixture_course, f.folder);
    fixture_write(f.course_folder, "course.yaml", text);
    fixture_load_course(&f);
    source = source_git_new("git", CLOCK_SECOND_US);
}

static void teardown(void)
{
    source_free(source);
    fixture_close(&f);
    g_free(repo);
}

static guint look(void)
{
    guint n_new = 0;
    ck_assert_good(source_poll(source, &f.context, &n_new, error));
    return n_new;
}

START_TEST(a_commit_on_the_branch_is_a_submission_once)
{
    commit("1");
    gint64 before_us = clock_now_us();
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
    const Submission *first = g_ptr_array_index(list, 0);
    ck_assert_str_eq(first->owner, "t1");
    ck_assert_str_eq(first->content_kind, "git");
    ck_assert_uint_eq(strlen(first->revision), 40);
    ck_assert_has(first->git_refs, "refs/heads/main");
    ck_assert_int_ge(first->received_us, before_us);
}
END_TEST

START_TEST(receipt_is_the_last_look_before_the_push_whatever_the_commit_says)
{
    commit("1");
    look();
    gint64 looked_us = clock_now_us();
    fixture_write(repo, "answer.txt", "2");
    git("add answer.txt");
    git("commit -m late --date='2001-01-01 00:00:00'");
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    const Submission *second = g_ptr_array_index(list, 1);
    ck_assert_int_le(second->received_us, looked_us);
    ck_assert_int_gt(second->received_us, looked_us - CLOCK_HOUR_US);
}
END_TEST

START_TEST(a_force_push_is_noticed_and_the_old_commit_kept)
{
    commit("1");
    commit("2");
    look();
    g_autoptr(GPtrArray) before = fixture_submissions(&f);
    const Submission *old = g_ptr_array_index(before, 0);
    git("reset -q --hard HEAD~1");
    commit("3");
    git("reflog expire --expire=now --all");
    git("gc -q --prune=now");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(fixture_flags(&f, "history"), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    const Submission *new = g_ptr_array_index(list, 1);
    ck_assert_has(new->remark, "force-pushed");
    g_autofree char *mirror = g_build_filename(f.state, old->content_path, NULL);
    g_autofree char *command = g_strdup_printf("git --git-dir='%s' cat-file -e '%s^{commit}'", mirror, old->revision);
    ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c) */
}
END_TEST

START_TEST(a_fast_forward_is_no_history_to_look_at)
{
    commit("1");
    look();
    commit("2");
    commit("3");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(fixture_flags(&f, "history"), 0);
}
END_TEST

START_TEST(tags_are_submissions_and_moved_or_deleted_ones_are_flagged)
{
    commit("1");
    git("tag -a submit/one -m one");
    git("tag other");
    ck_assert_uint_eq(look(), 2); /* the branch and the tag that matches */
    commit("2");
    git("tag -f submit/one");
    ck_assert_uint_eq(look(), 2);
    ck_assert_uint_eq(fixture_flags(&f, "history"), 1);
    git("tag -d submit/one");
    ck_assert_uint_eq(look(), 0);
    g_autoptr(GPtrArray) flags = NULL;
    ck_assert_good((flags = store_flag_list(f.store, NULL, false, error)) != NULL);
    const FlagRow *last = g_ptr_array_index(flags, flags->len - 1);
    ck_assert_has(last->message, "was deleted");
    look();
    git("tag submit/one");
    look(); /* it is there again: nothing is lost, nothing is doubled */
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 4);
}
END_TEST

START_TEST(a_restart_forgets_nothing)
{
    commit("1");
    look();
    source_free(source);
    source = source_git_new("git", CLOCK_SECOND_US);
    ck_assert_uint_eq(look(), 0);
    commit("2");
    ck_assert_uint_eq(look(), 1);
}
END_TEST

START_TEST(a_repository_that_fails_does_not_stop_the_others)
{
    commit("1"); /* t2 has no repository at all */
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(source->n_pending, 1);
}
END_TEST

START_TEST(a_tag_that_leads_to_no_commit_is_passed_over)
{
    commit("1");
    git("tag submit/blob $(git hash-object -w answer.txt)");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(urls_that_could_be_options_or_other_helpers_are_refused)
{
    static const char *const bad[] = {"--upload-pack=x",
                                      "-x",
                                      "ext::sh -c x",
                                      "ssh://-oProxyCommand=x/a",
                                      "https://",
                                      "https://-x/",
                                      "file://host",
                                      "git://example.org/",
                                      "a@-b:c",
                                      "https://a/\nb",
                                      "/etc",
                                      "",
                                      "-a@b:c"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_fails(git_url_check(bad[i], error), RUBRIC_ERROR_INVALID);
    static const char *const fine[] = {"https://example.org/a.git", "file:///srv/a.git", "ssh://git@example.org/a",
                                       "git@example.org:a/b.git"};
    for (gsize i = 0; i < G_N_ELEMENTS(fine); i++)
        ck_assert_good(git_url_check(fine[i], error));
}
END_TEST

START_TEST(a_url_for_people_has_no_password)
{
    g_autofree char *shown = git_url_public("https://user:pa@ss@example.org/a@b.git");
    ck_assert_str_eq(shown, "https://example.org/a@b.git");
    g_autofree char *plain = git_url_public("git@example.org:a/b.git");
    ck_assert_str_eq(plain, "git@example.org:a/b.git");
}
END_TEST

START_TEST(hooks_and_configuration_of_the_repository_run_nothing)
{
    g_autofree char *proof = g_build_filename(f.folder, "proof", NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\ntouch '%s'\n", proof);
    commit("1");
    fixture_write(repo, ".git/hooks/pre-receive", script);
    fixture_write(repo, ".git/hooks/post-checkout", script);
    fixture_write(repo, ".git/hooks/reference-transaction", script);
    g_autofree char *chmod_command = g_strdup_printf("chmod +x '%s'/.git/hooks/*", repo);
    ck_assert_int_eq(system(chmod_command), 0); /* NOLINT(cert-env33-c) */
    g_autofree char *setting = g_strdup_printf("config uploadpack.packObjectsHook %s/.git/hooks/pre-receive", repo);
    git(setting);
    ck_assert_uint_eq(look(), 1);
    ck_assert(access(proof, F_OK) < 0);
}
END_TEST

START_TEST(a_file_that_git_writes_over_the_limit_is_told_as_such)
{
    GitChild child = {.state_folder = f.state, .timeout_ms = 60000, .max_bytes = 64 * 1024};
    const char *const arguments[] = {"hash-object", "-w", "--no-filters", "--", "/proc/self/exe", NULL};
    g_autofree char *folder = g_build_filename(repo, ".git", NULL);
    g_autoptr(GError) problem = NULL;
    ck_assert(!git_must(&child, folder, arguments, NULL, &problem));
    ck_assert_int_eq(problem->code, RUBRIC_ERROR_LIMIT);
    child.max_bytes = 64 * 1024 * 1024;
    ck_assert_good(git_must(&child, folder, arguments, NULL, error));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_git");
    TCase *tests = tcase_create("looks");
    tcase_set_timeout(tests, 120);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_commit_on_the_branch_is_a_submission_once);
    tcase_add_test(tests, receipt_is_the_last_look_before_the_push_whatever_the_commit_says);
    tcase_add_test(tests, a_force_push_is_noticed_and_the_old_commit_kept);
    tcase_add_test(tests, a_fast_forward_is_no_history_to_look_at);
    tcase_add_test(tests, tags_are_submissions_and_moved_or_deleted_ones_are_flagged);
    tcase_add_test(tests, a_restart_forgets_nothing);
    tcase_add_test(tests, a_repository_that_fails_does_not_stop_the_others);
    tcase_add_test(tests, a_tag_that_leads_to_no_commit_is_passed_over);
    tcase_add_test(tests, hooks_and_configuration_of_the_repository_run_nothing);
    tcase_add_test(tests, a_file_that_git_writes_over_the_limit_is_told_as_such);
    suite_add_tcase(suite, tests);
    TCase *urls = tcase_create("urls");
    tcase_add_test(urls, urls_that_could_be_options_or_other_helpers_are_refused);
    tcase_add_test(urls, a_url_for_people_has_no_password);
    suite_add_tcase(suite, urls);
    return run_suite(suite);
}
