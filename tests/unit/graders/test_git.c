/* SPDX-License-Identifier: Apache-2.0 */
/* Real repositories, made by the git program with a home of their own. */
#include "tests/unit/graders/fixture.h"

static const char *const ada_emails[] = {"ada@cs.example", "ada@home.example", NULL};
static const char *const bob_emails[] = {"bob@cs.example", NULL};
static const Member members[] = {{"ada", "Ada", "AdaL", ada_emails}, {"bob", "Bob", "bobby", bob_emails}};
static const char *const refs[] = {"refs/heads/main", "refs/heads/feature/x", "refs/tags/v1.2", NULL};

/* Runs a shell script in the repository's folder and returns its output without the line break. Caller frees. */
static char *in_repository(const char *script)
{
    g_autofree char *folder = g_build_filename(fake_root, "repo", NULL);
    g_autofree char *home = g_strconcat("HOME=", fake_root, NULL);
    const char *const argv[] = {"/bin/sh", "-ec", script, NULL};
    const char *const env[] = {"PATH=/usr/local/bin:/usr/bin:/bin",
                               home,
                               "GIT_CONFIG_NOSYSTEM=1",
                               "GIT_COMMITTER_NAME=C",
                               "GIT_AUTHOR_NAME=A",
                               "GIT_AUTHOR_EMAIL=a@x.example",
                               "GIT_COMMITTER_EMAIL=c@x.example",
                               "TZ=UTC",
                               NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.env = env;
    spec.folder = folder;
    ProcessEnd end;
    GString *out, *err;
    g_autoptr(GError) error = NULL;
    ck_assert_int_eq(g_mkdir_with_parents(folder, 0700), 0);
    ck_assert_msg(process_run(&spec, 60000, 1 << 20, &out, &err, &end, &error), "%s", error ? error->message : "");
    ck_assert_msg(end.exited && end.code == 0, "%s: %s", script, err->str);
    g_string_free(err, TRUE);
    return g_strchomp(g_string_free(out, FALSE));
}

static void commit(const char *author, const char *date, const char *message)
{
    g_autofree char *script = g_strdup_printf("echo \"$RANDOM%s%s\" >> log; git add -A; "
                                              "GIT_COMMITTER_DATE='%s' git commit -q --author='%s' --date='%s' -m '%s'",
                                              date, message, date, author, date, message);
    g_free(in_repository(script));
}

static void use_head(void)
{
    fake_context.git_folder = g_build_filename(fake_root, "repo", ".git", NULL);
    fake_context.git_commit = in_repository("git rev-parse HEAD");
}

static void repository_open(void)
{
    fixture_open();
    g_free(in_repository("git init -q -b main ."));
    commit("Ada <ADA@cs.example>", "2022-09-01 10:00:00 +0000", "add the loader");
    commit("Ada <ada@home.example>", "2022-09-02 10:00:00 +0000", "fix");
    commit("B <12345+Bobby@users.noreply.github.com>", "2022-09-10 10:00:00 +0000", "serve the model");
    commit("Eve <eve@laptop>", "2022-09-11 10:00:00 +0000", "write the report");
    use_head();
    fake_context.git_refs = refs;
    fake_context.members = members;
    fake_context.n_members = G_N_ELEMENTS(members);
}

static void repository_close(void)
{
    g_free((char *)fake_context.git_folder);
    g_free((char *)fake_context.git_commit);
    fixture_close();
}

START_TEST(an_archive_has_no_history_and_says_so)
{
    g_autofree char *folder = (char *)g_steal_pointer(&fake_context.git_folder);
    assert_judged("git: {commits: 1}", FINDING_FAIL, "an archive holds none: hand in by git");
}
END_TEST

START_TEST(commits_are_counted_in_their_period)
{
    assert_judged("git: {commits: 4}", FINDING_PASS, "the history is as it should be");
    assert_judged("git: {commits: {min: 5}}", FINDING_FAIL, "the history has 4 commits, at least 5 are needed");
}
END_TEST

START_TEST(times_are_in_the_courses_zone)
{
    assert_judged("git: {commits: {min: 2, since: 2022-09-10 00:00}}", FINDING_PASS, "");
    assert_judged("git: {commits: {min: 3, until: 2022-09-02 09:59}}", FINDING_FAIL, "1 commits in the period");
    g_time_zone_unref(fake_context.zone);
    fake_context.zone = g_time_zone_new_identifier("America/New_York");
    assert_judged("git: {commits: {min: 2, until: \"2022-09-02 06:00\"}}", FINDING_PASS, "");
    fake_context.deadline_us = 1662026400 * CLOCK_SECOND_US; /* 2022-09-01 10:00 UTC */
    assert_judged("git: {commits: {min: 2, until: deadline}}", FINDING_FAIL, "1 commits in the period");
}
END_TEST

START_TEST(each_member_is_known_by_all_addresses)
{
    assert_judged("git: {commits: {by_each_member: 1}}", FINDING_PASS, "");
    g_autoptr(Finding) finding = judge("git: {commits: {by_each_member: 2}}");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert_msg(has_part(finding->message, "Bob has 1 commits, each member needs 2; 1 addresses belong to nobody"),
                  "%s", finding->message);
    ck_assert(has_part(finding->evidence, "Ada: 2 commits\nBob: 1 commits\neve@laptop: 1 commits"));
}
END_TEST

START_TEST(co_authors_count_once)
{
    commit(
        "Ada <ada@cs.example>", "2022-09-12 10:00:00 +0000",
        "pair\n\nCo-authored-by: Bob <BOB@cs.example>\nCo-authored-by: Bob <bob@cs.example>\nCo-authored-by: broken");
    g_free((char *)fake_context.git_folder);
    g_free((char *)fake_context.git_commit);
    use_head();
    assert_judged("git: {commits: {by_each_member: 2}}", FINDING_PASS, "");
    assert_judged("git: {commits: {by_each_member: 3}}", FINDING_FAIL, "Bob has 2 commits");
}
END_TEST

START_TEST(merges_count_only_when_asked_for)
{
    g_free(in_repository(
        "git checkout -q -b side HEAD~1; git commit -q --allow-empty --author='Bob <bob@cs.example>' -m side; "
        "git checkout -q main; git merge -q --no-edit side"));
    g_free((char *)fake_context.git_folder);
    g_free((char *)fake_context.git_commit);
    use_head();
    assert_judged("git: {commits: 6}", FINDING_FAIL, "has 5 commits");
    assert_judged("git: {commits: {min: 6, merges: true}}", FINDING_PASS, "");
    assert_judged("git: {commits: {min: 4, on: side}}", FINDING_PASS, "");
    assert_judged("git: {commits: {min: 5, on: side}}", FINDING_FAIL, "has 4 commits");
    assert_judged("git: {commits: {on: nowhere}}", FINDING_FAIL, "there is no branch \"nowhere\"");
    assert_judged("git: {commits: {on: feature/x}}", FINDING_ERROR, "in what was fetched there is no branch");
}
END_TEST

START_TEST(more_than_the_share_of_messages_must_match)
{
    assert_judged("git: {messages: {match: '^\\w+ \\w+', share: 74%}}", FINDING_PASS, "");
    assert_judged("git: {messages: {match: '^\\w+ \\w+', share: 75}}", FINDING_FAIL,
                  "3 of 4 commit messages (75 %) meet the pattern, more than 75 % must");
    assert_judged("git: {messages: {match: nothing}}", FINDING_FAIL, "0 of 4");
}
END_TEST

START_TEST(large_files_of_the_commit_are_named)
{
    g_free(in_repository(
        "mkdir -p data; head -c 5000 /dev/zero > data/big.bin; git add -A; git commit -q --author='A <a@x>' -m big"));
    g_free((char *)fake_context.git_folder);
    g_free((char *)fake_context.git_commit);
    use_head();
    assert_judged("git: {max_file_size: 4K}", FINDING_FAIL, "\"data/big.bin\" has 5000 bytes, at most 4096");
    assert_judged("git: {max_file_size: 5K}", FINDING_PASS, "");
}
END_TEST

START_TEST(tags_and_branches_are_globs_over_the_refs)
{
    assert_judged("git: {has_tag: \"v*\", has_branch: [main, \"feature/*\"]}", FINDING_PASS, "");
    assert_judged("git: {has_tag: submission, has_branch: dev}", FINDING_FAIL,
                  "there is no tag \"submission\"; there is no branch \"dev\"");
    fake_context.git_refs = NULL;
    assert_judged("git: {has_tag: \"*\"}", FINDING_FAIL, "there is no tag");
}
END_TEST

START_TEST(a_secret_that_was_deleted_is_still_in_the_history)
{
    assert_judged("git: {no_secrets: true}", FINDING_PASS, "");
    g_free(in_repository(
        "echo 'key = AKIA''ABCDEFGHIJKLMNOP' > conf.py; git add -A; git commit -q --author='A <a@x>' -m oops; "
        "git rm -q conf.py; git commit -q --author='A <a@x>' -m remove"));
    g_autofree char *guilty = in_repository("git rev-parse --short=10 HEAD~1");
    g_free((char *)fake_context.git_folder);
    g_free((char *)fake_context.git_commit);
    use_head();
    g_autoptr(Finding) finding = judge("git: {no_secrets: true}");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert_msg(has_part(finding->message, "\"conf.py\" line 1, commit "), "%s", finding->message);
    ck_assert_msg(has_part(finding->message, guilty), "%s", finding->message);
    ck_assert(has_part(finding->message, "looks like an AWS access key"));
    ck_assert(!has_part(finding->message, "AKIA") && !has_part(finding->evidence, "AKIA"));
}
END_TEST

START_TEST(a_repository_that_cannot_be_read_is_ours)
{
    g_free((char *)fake_context.git_commit);
    fake_context.git_commit = g_strdup("0123456789012345678901234567890123456789");
    assert_judged("git: {commits: 1}", FINDING_ERROR, "cannot read the history");
    g_free((char *)fake_context.git_commit);
    fake_context.git_commit = g_strdup("main");
    assert_judged("git: {commits: 1}", FINDING_ERROR, "40 hexadecimal digits");
    g_free((char *)fake_context.git_folder);
    fake_context.git_folder = g_strdup("/nonexistent");
    assert_judged("git: {commits: 1}", FINDING_ERROR, "the repository does not open");
}
END_TEST

START_TEST(configuration_in_the_repository_runs_nothing)
{
    g_free(in_repository("git config core.fsmonitor 'touch pwned'; git config core.sshCommand 'touch pwned'; "
                         "git config core.hooksPath ."));
    assert_judged("git: {commits: 4, max_file_size: 1M, no_secrets: true}", FINDING_PASS, "");
    ck_assert(!fake_exists("repo/pwned"));
}
END_TEST

START_TEST(mistakes_are_reported)
{
    assert_reported("git: {}", "asks for nothing");
    assert_reported("git: {commitz: 1}", "did you mean \"commits\"?");
    assert_reported("git: {commits: {since: yesterday}}", "since: expected a time like");
    assert_reported("git: {commits: {until: yesterday}}", "or deadline, got \"yesterday\"");
    assert_reported("git: {messages: {share: 60}}", "lacks the required key \"match\"");
    assert_reported("git: {messages: {match: a, share: 100}}", "share: expected a percentage");
    assert_reported("git: {messages: {match: a, share: most}}", "share: expected a percentage");
    assert_reported("git: {messages: {match: '['}}", "is not a regular expression");
    assert_reported("git: {has_tag: /v1}", "is absolute");
    assert_reported("git: [a]", "expected a mapping");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("git");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, repository_open, repository_close);
    tcase_add_test(tcase, an_archive_has_no_history_and_says_so);
    tcase_add_test(tcase, commits_are_counted_in_their_period);
    tcase_add_test(tcase, times_are_in_the_courses_zone);
    tcase_add_test(tcase, each_member_is_known_by_all_addresses);
    tcase_add_test(tcase, co_authors_count_once);
    tcase_add_test(tcase, merges_count_only_when_asked_for);
    tcase_add_test(tcase, more_than_the_share_of_messages_must_match);
    tcase_add_test(tcase, large_files_of_the_commit_are_named);
    tcase_add_test(tcase, tags_and_branches_are_globs_over_the_refs);
    tcase_add_test(tcase, a_secret_that_was_deleted_is_still_in_the_history);
    tcase_add_test(tcase, a_repository_that_cannot_be_read_is_ours);
    tcase_add_test(tcase, configuration_in_the_repository_runs_nothing);
    tcase_add_test(tcase, mistakes_are_reported);
    return fixture_main(tcase, "git");
}
