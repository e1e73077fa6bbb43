/* SPDX-License-Identifier: Apache-2.0 */
/* How often GitHub is asked, and what is seen with so few requests. */
#include "tests/unit/net/source_github_fixture.h"
#include "tests/unit/run_suite.h"

/* Requests of the stand-in since it was told to forget. */
static gint64 n_requests(void)
{
    g_autoptr(cJSON) figures = standin_do(&hub, "figures", "{}");
    tell("forget", "{}");
    return json_int64_or(figures, "requests", 0);
}

/* As if so much time had passed since the last look. */
static void let_pass(gint64 us)
{
    ((GithubSource *)source)->watermark_mono_us -= us;
}

static const gint64 n_sweep = 11; /* pages of 1,001 repositories, 99 a page */

static void expect_a_point_a_look(void)
{
    const guint n_looks = 5;
    for (guint i = 0; i < n_looks; i++)
        look();
    ck_assert_int_eq(n_requests(), n_looks);
    sweep();
    ck_assert_int_eq(n_requests(), n_sweep);
    /* 120 looks and 4 sweeps an hour, a point a request. */
    ck_assert_int_le(120 + 4 * n_sweep, 250);
}

START_TEST(a_thousand_idle_repositories_cost_a_point_a_look)
{
    tell("many", "{\"prefix\": \"other\", \"n\": 1000, \"pushed_at\": 1000000000}");
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 100, "");
    look();
    n_requests();
    expect_a_point_a_look();
}
END_TEST

START_TEST(a_thousand_repositories_that_were_never_pushed_to_cost_no_more)
{
    tell("many", "{\"prefix\": \"other\", \"n\": 1000}");
    look();
    n_requests();
    expect_a_point_a_look();
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 0, "");
    ck_assert_uint_eq(look(), 1);
}
END_TEST

START_TEST(a_burst_is_seen_whole_and_not_asked_for_for_ever)
{
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 1000, "");
    look();
    n_requests();
    g_autofree char *many = g_strdup_printf("{\"prefix\": \"other\", \"n\": 1000, \"pushed_at\": %" G_GINT64_FORMAT "}",
                                            clock_now_us() / CLOCK_SECOND_US - 5);
    tell("many", "%s", many);
    g_autofree char *last =
        push("project-t1", "refs/heads/main", "2", 10, ""); /* before all of them: on the last page */
    n_requests();
    ck_assert_uint_eq(look(), 1);
    ck_assert_int_ge(n_requests(), n_sweep);
    /* One that GitHub lists late is still found among them. */
    let_pass(60 * CLOCK_SECOND_US);
    g_autofree char *late = push("project-t1", "refs/heads/main", "3", 8, "");
    n_requests();
    ck_assert_uint_eq(look(), 1);
    let_pass(200 * CLOCK_SECOND_US);
    look();
    n_requests();
    expect_a_point_a_look();
}
END_TEST

START_TEST(what_is_pushed_while_others_are_fetched_is_seen_at_once)
{
    GithubSource *github = (GithubSource *)source;
    github->slice_us = 0; /* one at a time */
    tell("repository", "{\"name\": \"project-t2\"}");
    g_autofree char *second = push("project-t2", "refs/heads/main", "1", 50, "");
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 100, "");
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) taken = fixture_submissions(&f);
    ck_assert_uint_eq(taken->len, 1);
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(taken, 0))->revision, first); /* who waits longest */
    ck_assert_uint_eq(source->n_pending, 1);
    ck_assert_int_eq(source->interval_us, 0); /* the rest at once */
    g_autofree char *third = push("project-t1", "refs/heads/main", "2", 10, "");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(source->n_pending, 1); /* it is noted, with its time, and comes after the one that waits */
    const gint64 id = 10000;
    const GithubRepo *repo = g_hash_table_lookup(github->repos, &id);
    const GithubPush *waiting = g_ptr_array_index(repo->pushes, 0);
    ck_assert_str_eq(waiting->sha, third);
    restart();
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(source->n_pending, 0);
    ck_assert_int_gt(source->interval_us, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("github_cost");
    TCase *tests = tcase_create("looks");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_thousand_idle_repositories_cost_a_point_a_look);
    tcase_add_test(tests, a_thousand_repositories_that_were_never_pushed_to_cost_no_more);
    tcase_add_test(tests, a_burst_is_seen_whole_and_not_asked_for_for_ever);
    tcase_add_test(tests, what_is_pushed_while_others_are_fetched_is_seen_at_once);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
