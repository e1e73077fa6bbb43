/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/source_github_fixture.h"
#include "tests/unit/run_suite.h"

/* The text of all flags of a kind. */
static char *flags(const char *kind)
{
    g_autoptr(GPtrArray) list = NULL;
    ck_assert_good((list = store_flag_list(f.store, NULL, true, error)) != NULL);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < list->len; i++) {
        const FlagRow *flag = g_ptr_array_index(list, i);
        if (strcmp(flag->kind, kind) == 0)
            g_string_append_printf(text, "%s\n", flag->message);
    }
    return g_string_free(text, FALSE);
}

static void due(gint64 deadline_us)
{
    for (guint i = 0; i < f.course->assignments->len; i++)
        ((Assignment *)g_ptr_array_index(f.course->assignments, i))->deadline_us = deadline_us;
}

START_TEST(a_push_is_a_submission_once_with_githubs_time_and_its_exact_commit)
{
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 100, "");
    gint64 about_us = clock_now_us() - 100 * CLOCK_SECOND_US;
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
    restart();
    ck_assert_uint_eq(look(), 0);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
    const Submission *first = g_ptr_array_index(list, 0);
    ck_assert_str_eq(first->owner, "t1");
    ck_assert_str_eq(first->assignment, "m1");
    ck_assert_str_eq(first->revision, sha);
    ck_assert_int_le(ABS(first->received_us - about_us), 5 * CLOCK_SECOND_US);
    g_auto(GithubPlace) place = {0};
    ck_assert_good(github_place_parse(first, &place, error));
    ck_assert_int_eq(place.repository_id, 10000);
    ck_assert_str_eq(place.full_name, "course/project-t1");
    g_autofree char *doubts = flags("owner");
    ck_assert_str_eq(doubts, "");
}
END_TEST

START_TEST(a_push_in_time_is_not_lost_behind_a_late_one_and_commit_dates_count_nothing)
{
    g_autofree char *zero = push("project-t1", "refs/heads/main", "0", 900, "");
    look();
    due(clock_now_us() - 300 * CLOCK_SECOND_US);
    g_autofree char *in_time = push("project-t1", "refs/heads/main", "1", 600, "");
    g_autofree char *late = push("project-t1", "refs/heads/main", "2", 100, ", \"date\": 1000000000");
    ck_assert_uint_eq(look(), 2);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    for (guint i = 0; i < list->len; i++) {
        const Submission *each = g_ptr_array_index(list, i);
        gint64 ago_s = (clock_now_us() - each->received_us) / CLOCK_SECOND_US;
        gint64 wanted_s = strcmp(each->revision, zero) == 0 ? 900 : strcmp(each->revision, in_time) == 0 ? 600 : 100;
        ck_assert_int_le(ABS(ago_s - wanted_s), 60); /* the test itself takes its time */
    }
}
END_TEST

START_TEST(of_two_pushes_in_one_second_the_later_one_is_the_newest)
{
    g_autofree char *zero = push("project-t1", "refs/heads/main", "0", 900, "");
    look();
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 100, "");
    g_autofree char *second = push("project-t1", "refs/heads/main", "2", 100, ", \"forced\": true");
    g_autofree char *third = push("project-t1", "refs/heads/main", "3", 100, "");
    ck_assert_uint_eq(look(), 3);
    const char *const wanted[] = {zero, first, second, third};
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 4);
    for (guint i = 0; i < list->len; i++) {
        const Submission *each = g_ptr_array_index(list, i);
        ck_assert_msg(each->id >= 1 && each->id <= 4, "id %" G_GINT64_FORMAT, each->id);
        ck_assert_str_eq(each->revision, wanted[each->id - 1]);
    }
}
END_TEST

START_TEST(tags_pull_requests_and_releases_are_submissions)
{
    Assignment *m1 = (Assignment *)course_assignment(f.course, "m1");
    m1->git_pull_request = g_strdup("main");
    m1->git_release = g_strdup("v*");
    g_autofree char *main_sha = push("project-t1", "refs/heads/main", "1", 500, "");
    g_autofree char *work = push("project-t1", "refs/heads/work", "2", 400, "");
    tell("pull_request", "{\"repository\": \"project-t1\", \"head\": \"work\"}");
    tell("push",
         "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/submit/m1\", \"sha\": \"%s\", \"annotated\": true}",
         main_sha);
    tell("push", "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/v1\", \"sha\": \"%s\"}", main_sha);
    tell("release", "{\"repository\": \"project-t1\", \"tag\": \"v1\"}");
    tell("release", "{\"repository\": \"project-t1\", \"tag\": \"v2\", \"draft\": true}");
    ck_assert_uint_eq(look(), 4);
    sweep();
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 4);
    g_autoptr(GString) refs = g_string_new(NULL);
    for (guint i = 0; i < list->len; i++) {
        const Submission *each = g_ptr_array_index(list, i);
        g_string_append_printf(refs, "%s %s\n", each->external_id, each->revision);
    }
    const char *const expected[] = {"10000:refs/heads/main:m1", "10000:refs/pull/1/head:m1",
                                    "10000:refs/tags/submit/m1:m1", "10000:releases/v1:m1"};
    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_autofree char *line = g_strdup_printf("%s %s\n", expected[i], i == 1 ? work : main_sha);
        ck_assert_has(refs->str, line);
    }
}
END_TEST

START_TEST(history_that_changes_is_flagged_and_what_was_handed_in_is_kept)
{
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 500, "");
    tell("push", "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/submit/a\", \"sha\": \"%s\"}", first);
    ck_assert_uint_eq(look(), 2);
    g_autofree char *second = push("project-t1", "refs/heads/main", "other", 100, ", \"forced\": true");
    tell("push", "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/submit/a\", \"sha\": \"%s\"}", second);
    ck_assert_uint_eq(look(), 2);
    g_autofree char *moved = flags("history");
    ck_assert_has(moved, "the branch was force-pushed");
    ck_assert_has(moved, "the tag was moved");
    tell("push", "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/submit/a\", \"sha\": \"\"}");
    ck_assert_uint_eq(look(), 0);
    g_autofree char *gone = flags("history");
    ck_assert_has(gone, "\"refs/tags/submit/a\" was deleted from the repository");
}
END_TEST

START_TEST(a_renamed_repository_stays_whose_it_was_and_its_old_name_is_not_free)
{
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 500, "");
    look();
    tell("rename", "{\"name\": \"project-t1\", \"new_name\": \"something-else\"}");
    tell("repository", "{\"name\": \"project-t1\"}");
    g_autofree char *second = push("something-else", "refs/heads/main", "2", 50, "");
    g_autofree char *other = push("project-t1", "refs/heads/main", "3", 40, "");
    ck_assert_uint_eq(look(), 1);
    restart();
    sweep();
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
    g_autofree char *history = flags("history");
    ck_assert_has(history, "is called course/something-else now");
    g_autofree char *owner = flags("owner");
    ck_assert_has(owner, "there are two repositories for one owner");
}
END_TEST

START_TEST(strangers_are_flagged_once_and_never_guessed)
{
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 300, ", \"actor\": \"mallory\"");
    ck_assert_uint_eq(look(), 1);
    g_autofree char *stranger = flags("owner");
    ck_assert_has(stranger, "\"mallory\" (whom the roster does not know)");
    g_autofree char *second = push("project-t1", "refs/heads/main", "2", 200, ", \"actor\": \"carol-gh\"");
    ck_assert_uint_eq(look(), 1);
    g_autofree char *other_team = flags("owner");
    ck_assert_has(other_team, "\"carol-gh\" (carol of \"t2\")");
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 0))->owner, "t1");
}
END_TEST

START_TEST(an_empty_an_archived_and_a_too_large_repository_are_no_trouble)
{
    tell("repository", "{\"name\": \"project-t2\"}");
    ck_assert_uint_eq(look(), 0);
    g_autofree char *large = push("project-t2", "refs/heads/main", "1", 100, "");
    tell("set", "{\"repository\": \"project-t2\", \"size\": 999999}");
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 100, "");
    tell("set", "{\"repository\": \"project-t1\", \"archived\": true}");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
    g_autofree char *refused = flags("owner");
    ck_assert_has(refused, "the repository has 976.6");
    tell("set", "{\"repository\": \"project-t2\", \"size\": 1}");
    g_autofree char *small = push("project-t2", "refs/heads/main", "2", 50, "");
    ck_assert_uint_eq(look(), 1);
}
END_TEST

/* From now on GitHub teams tell whose a repository is, and no name does. */
static void use_teams(void)
{
    g_clear_pointer(&f.course->github_repositories, g_free);
    f.course->github_team = g_strdup("Team-{team.id}");
    tell("repository", "{\"name\": \"the-odd-one\"}");
    tell("repository", "{\"name\": \"handout\"}");
    tell("team", "{\"slug\": \"team-t1\", \"repos\": [\"the-odd-one\"], \"reads\": [\"handout\"]}");
}

START_TEST(the_only_repository_that_a_github_team_may_write_to_is_its_owners)
{
    use_teams();
    g_autofree char *sha = push("the-odd-one", "refs/heads/main", "1", 100, "");
    g_autofree char *handout = push("handout", "refs/heads/main", "1", 100, "");
    g_autofree char *by_name = push("project-t1", "refs/heads/main", "1", 100, "");
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 0))->owner, "t1");
    ck_assert_str_eq(((const Submission *)g_ptr_array_index(list, 0))->revision, sha);
    restart();
    sweep();
    tell("rename", "{\"name\": \"the-odd-one\", \"new_name\": \"another-name\"}");
    g_autofree char *second = push("another-name", "refs/heads/main", "2", 50, "");
    ck_assert_uint_eq(look(), 1);
    g_autofree char *history = flags("history");
    ck_assert_has(history, "course/the-odd-one is called course/another-name now");
    g_autofree char *doubts = flags("owner");
    ck_assert_str_eq(doubts, "");
}
END_TEST

START_TEST(which_of_a_github_teams_repositories_counts_is_never_guessed)
{
    use_teams();
    tell("team", "{\"slug\": \"team-t1\", \"repos\": [\"the-odd-one\", \"project-t1\"]}");
    tell("team", "{\"slug\": \"team-t2\", \"repos\": [\"handout\"]}");
    g_autofree char *one = push("the-odd-one", "refs/heads/main", "1", 100, "");
    g_autofree char *other = push("handout", "refs/heads/main", "1", 100, "");
    ck_assert_uint_eq(look(), 1); /* of team t2 */
    g_autofree char *several = flags("owner");
    ck_assert_has(several, "the GitHub team @course/team-t1 may write to more than one repository (course/project-t1, "
                           "course/the-odd-one): none is taken");
    tell("team", "{\"slug\": \"team-t1\", \"repos\": [\"handout\"]}");
    sweep();
    g_autofree char *twice = flags("owner");
    ck_assert_has(twice,
                  "the repository course/handout would be of two owners: by @course/team-t2, which it stays, and by "
                  "@course/team-t1");
    tell("team", "{\"slug\": \"team-t2\", \"repos\": [\"the-odd-one\"]}");
    sweep();
    g_autofree char *another = flags("owner");
    ck_assert_has(another, "there are two repositories for one owner: @course/team-t2");
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
}
END_TEST

START_TEST(a_github_team_that_gets_its_repository_later_is_found_by_the_next_push)
{
    use_teams();
    tell("team", "{\"slug\": \"team-t1\"}");
    ck_assert_uint_eq(look(), 0);
    tell("team", "{\"slug\": \"team-t1\", \"repos\": [\"the-odd-one\"]}");
    ck_assert_uint_eq(look(), 0);
    g_autofree char *sha = push("the-odd-one", "refs/heads/main", "1", 0, "");
    look();
    look();
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
}
END_TEST

START_TEST(a_credential_that_may_not_see_teams_is_told_which_permission_it_lacks)
{
    guint n_new = 0;
    g_autoptr(GError) error = NULL;
    use_teams();
    tell("set_permissions", "{\"members\": null}");
    ck_assert(!source_poll(source, &f.context, &n_new, &error));
    ck_assert_has(error->message, "Members, read");
}
END_TEST

START_TEST(a_course_that_changes_how_repositories_are_found_goes_on_with_the_same_ones)
{
    g_autofree char *first = push("project-t1", "refs/heads/main", "1", 100, "");
    ck_assert_uint_eq(look(), 1);
    tell("rename", "{\"name\": \"project-t1\", \"new_name\": \"work-t1\"}");
    g_free(f.course->github_repositories);
    f.course->github_repositories = g_strdup("work-{team.id}");
    restart();
    g_autofree char *second = push("work-t1", "refs/heads/main", "2", 50, "");
    ck_assert_uint_eq(look(), 1);
    use_teams();
    tell("team", "{\"slug\": \"team-t1\", \"repos\": [\"work-t1\"]}");
    restart();
    g_autofree char *third = push("work-t1", "refs/heads/main", "3", 10, "");
    ck_assert_uint_eq(look(), 1);
    restart();
    ck_assert_uint_eq(look(), 0);
}
END_TEST

START_TEST(our_own_results_are_no_submission_and_date_no_tag)
{
    const gint64 in_five_s = -5;
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 900, "");
    ck_assert_uint_eq(look(), 1);
    gint64 deadline_us = clock_now_us();
    due(deadline_us);
    tell("push", "{\"repository\": \"project-t1\", \"ref\": \"refs/tags/submit/m1\", \"sha\": \"%s\"}", sha);
    g_autofree char *results = push("project-t1", "refs/heads/rubricd/results", "10 of 10", in_five_s, "");
    tell("pull_request", "{\"repository\": \"project-t1\", \"head\": \"rubricd/results\"}");
    ck_assert_uint_eq(look(), 1);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 2);
    for (guint i = 0; i < list->len; i++) /* the last push is ours, so the tag may have been there at the deadline */
        ck_assert_int_le(((const Submission *)g_ptr_array_index(list, i))->received_us, deadline_us);
}
END_TEST

static void deliver(const char *guid, const char *event, const char *action, const char *body)
{
    const DeliveryRow row = {
        .source = (char *)"github",
        .guid = (char *)guid,
        .event = (char *)event,
        .action = (char *)action,
        .body = (char *)body,
        .received_us = clock_now_us(),
    };
    bool is_new = false;
    ck_assert_good(store_delivery_insert(f.store, &row, &is_new, error));
}

#define WHERE "\"repository\": {\"id\": 10000, \"node_id\": \"x\", \"full_name\": \"course/project-t1\"}"

START_TEST(a_push_that_webhook_and_polling_saw_counts_once_by_the_earlier_time)
{
    g_autofree char *sha = push("project-t1", "refs/heads/main", "1", 100, "");
    g_autofree char *body = g_strdup_printf(
        "{\"ref\": \"refs/heads/main\", \"after\": \"%s\", \"sender\": {\"login\": \"student\"}, " WHERE "}", sha);
    deliver("g1", "push", NULL, body);
    deliver("g1", "push", NULL, body);
    deliver("g2", "star", "created", "{" WHERE "}");
    deliver("g3", "push", NULL, "{\"ref\": 5, \"after\": [], " WHERE "}");
    ck_assert_uint_eq(look(), 1);
    ck_assert_uint_eq(look(), 0);
    g_autoptr(GPtrArray) list = fixture_submissions(&f);
    ck_assert_uint_eq(list->len, 1);
    const Submission *first = g_ptr_array_index(list, 0);
    ck_assert_int_ge(clock_now_us() - first->received_us, 90 * CLOCK_SECOND_US);
    g_autoptr(GPtrArray) waiting = store_delivery_list_new(f.store, "github", 10, NULL);
    ck_assert_uint_eq(waiting->len, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_github");
    TCase *tests = tcase_create("looks");
    tcase_set_timeout(tests, 240);
    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_push_is_a_submission_once_with_githubs_time_and_its_exact_commit);
    tcase_add_test(tests, a_push_in_time_is_not_lost_behind_a_late_one_and_commit_dates_count_nothing);
    tcase_add_test(tests, of_two_pushes_in_one_second_the_later_one_is_the_newest);
    tcase_add_test(tests, tags_pull_requests_and_releases_are_submissions);
    tcase_add_test(tests, history_that_changes_is_flagged_and_what_was_handed_in_is_kept);
    tcase_add_test(tests, a_renamed_repository_stays_whose_it_was_and_its_old_name_is_not_free);
    tcase_add_test(tests, strangers_are_flagged_once_and_never_guessed);
    tcase_add_test(tests, an_empty_an_archived_and_a_too_large_repository_are_no_trouble);
    tcase_add_test(tests, the_only_repository_that_a_github_team_may_write_to_is_its_owners);
    tcase_add_test(tests, which_of_a_github_teams_repositories_counts_is_never_guessed);
    tcase_add_test(tests, a_github_team_that_gets_its_repository_later_is_found_by_the_next_push);
    tcase_add_test(tests, a_credential_that_may_not_see_teams_is_told_which_permission_it_lacks);
    tcase_add_test(tests, a_course_that_changes_how_repositories_are_found_goes_on_with_the_same_ones);
    tcase_add_test(tests, our_own_results_are_no_submission_and_date_no_tag);
    tcase_add_test(tests, a_push_that_webhook_and_polling_saw_counts_once_by_the_earlier_time);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
