/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_place.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static const char sha[] = "0123456789abcdef0123456789abcdef01234567";

static bool parse(const char *external_id, const char *location, const char *revision, GithubPlace *ret, GError **error)
{
    const Submission submission = {
        .external_id = (char *)external_id, .location = (char *)location, .revision = (char *)revision};
    return github_place_parse(&submission, ret, error);
}

START_TEST(what_the_source_writes_the_sink_reads)
{
    static const char *const refs[] = {"refs/heads/main", "refs/tags/submit/m1", "refs/pull/12/head", "releases/v1#2"};
    for (gsize i = 0; i < G_N_ELEMENTS(refs); i++) {
        g_autofree char *external = github_place_external_id(10001, refs[i], "m1");
        g_autofree char *location = github_place_location("https://github.com", "course/project-1", refs[i]);
        g_auto(GithubPlace) place = {0};
        ck_assert_good(parse(external, location, sha, &place, error));
        ck_assert_int_eq(place.repository_id, 10001);
        ck_assert_str_eq(place.full_name, "course/project-1");
        ck_assert_str_eq(place.ref, refs[i]);
        ck_assert_str_eq(place.sha, sha);
        ck_assert_int_eq(place.pull_number, i == 2 ? 12 : 0);
    }
    g_auto(GithubPlace) bare = {0};
    ck_assert_good(parse("5:refs/heads/main", "https://ghe.example.edu/git/o/r#refs/heads/main", sha, &bare, error));
    ck_assert_str_eq(bare.full_name, "o/r");
    g_auto(GithubPlace) of_refused = {0};
    ck_assert_good(parse("5:refs/heads/main", "https://github.com/o/r#refs/heads/main",
                         "refused:0123456789abcdef0123456789abcdef01234567", &of_refused, error));
    ck_assert_str_eq(of_refused.sha, "0123456789abcdef0123456789abcdef01234567");
}
END_TEST

START_TEST(a_row_of_another_source_is_refused)
{
    static const char main_of[] = "https://github.com/o/r#refs/heads/main";
    static const char *const bad[][3] = {
        {NULL, main_of, sha},
        {"hw1/alice.zip", "/inbox/hw1/alice.zip", sha},
        {"m1:t1:https://github.com/o/r#refs/heads/main", main_of, sha},
        {"0:refs/heads/main", main_of, sha},
        {"-5:refs/heads/main", main_of, sha},
        {"5x:refs/heads/main", main_of, sha},
        {"99999999999999999999999:refs/heads/main", main_of, sha},
        {"5:refs/heads/", "https://github.com/o/r#refs/heads/", sha},
        {"5:refs/pull/x/head", "https://github.com/o/r#refs/pull/x/head", sha},
        {"5:refs/pull/0/head", "https://github.com/o/r#refs/pull/0/head", sha},
        {"5:refs/heads/main", NULL, sha},
        {"5:refs/heads/main", "https://github.com/o/r#refs/heads/other", sha},
        {"5:refs/heads/main", "#refs/heads/main", sha},
        {"5:refs/heads/main", "r#refs/heads/main", sha},
        {"5:refs/heads/main", "o/#refs/heads/main", sha},
        {"5:refs/heads/main", main_of, "other:0123456789abcdef0123456789abcdef01234567"},
        {"5:refs/heads/main", main_of, "refused:0123456789"},
        {"5:refs/heads/main", main_of, NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        GithubPlace place = {0};
        ck_assert_fails(parse(bad[i][0], bad[i][1], bad[i][2], &place, error), RUBRIC_ERROR_INVALID);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("github_place");
    TCase *tests = tcase_create("all");
    tcase_add_test(tests, what_the_source_writes_the_sink_reads);
    tcase_add_test(tests, a_row_of_another_source_is_refused);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
