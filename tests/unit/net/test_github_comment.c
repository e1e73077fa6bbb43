/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/sink_github_fixture.h"

/* What somebody wrote under the pull request. */
static void add_comment(gint64 pull, const char *user, const char *body)
{
    g_autofree char *more =
        g_strdup_printf(", \"number\": %" G_GINT64_FORMAT ", \"user\": \"%s\", \"body\": \"%s\"", pull, user, body);
    g_free(tell_repository("comment", more));
}

static void ck_assert_one_comment(const char *what, const char *says)
{
    g_autoptr(cJSON) all = NULL;
    const cJSON *there = written(what, &all), *each, *ours = NULL;
    guint n = 0;
    cJSON_ArrayForEach(each, there)
    {
        bool is_ours = strcmp(json_string_or(each, "user", ""), "autograder[bot]") == 0;
        n += is_ours;
        ours = is_ours ? each : ours;
    }
    ck_assert_uint_eq(n, 1);
    ck_assert_has(json_string_or(ours, "body", ""), says);
}

START_TEST(a_comment_is_edited_in_place)
{
    comment_instead(COMMENT_PULL_REQUEST);
    hand_in_by_pull_request();
    post_well();
    ck_assert_has(external_id, "comment ");
    ck_assert_one_comment("comments", "<!-- rubricd autograder/m1, submission 7 -->\n## Result for Milestone");
    post_well();
    ((VerdictItem *)g_ptr_array_index(verdict->items, 1))->outcome = ITEM_PASS;
    post_well();
    ck_assert_one_comment("comments", "| ✅ | Title of failed | 5 / 5 | pass |");
}
END_TEST

START_TEST(a_comment_lost_after_the_effect_is_found_again)
{
    comment_instead(COMMENT_PULL_REQUEST);
    hand_in_by_pull_request();
    post_well(); /* mints the token, so that the fault meets the comment */
    Submission other = submission;
    other.assignment = (char *)"m2";
    effect.submission = &other;
    break_next("\"reset\"", "POST", "after");
    ck_assert_int_eq(post(), POST_RETRY);
    post_well();
    g_autoptr(cJSON) all = NULL;
    ck_assert_int_eq(cJSON_GetArraySize(written("comments", &all)), 2);
}
END_TEST

START_TEST(a_mark_that_somebody_else_wrote_is_left_alone)
{
    comment_instead(COMMENT_PULL_REQUEST);
    gint64 pull = hand_in_by_pull_request();
    add_comment(pull, "student", "<!-- rubricd autograder/m1, submission 7 -->\\nall points");
    post_well();
    ck_assert_one_comment("comments", "10 of 15 points");
    g_autoptr(cJSON) all = NULL;
    ck_assert_has(json_string_or(cJSON_GetArrayItem(written("comments", &all), 0), "body", ""), "all points");
}
END_TEST

START_TEST(ours_is_found_behind_many_others_and_the_oldest_of_two_is_kept)
{
    comment_instead(COMMENT_PULL_REQUEST);
    gint64 pull = hand_in_by_pull_request();
    for (int i = 0; i < 130; i++)
        add_comment(pull, "student", "a question");
    add_comment(pull, "autograder[bot]", "<!-- rubricd autograder/m1, submission 6 -->\\nthe oldest");
    add_comment(pull, "autograder[bot]", "<!-- rubricd autograder/m1, submission 6 -->\\nits double");
    g_autoptr(cJSON) before = NULL;
    gint64 oldest = json_int64_or(cJSON_GetArrayItem(written("comments", &before), 130), "id", 0);
    post_well();
    ck_assert_one_comment("comments", "10 of 15 points");
    g_autofree char *wanted = g_strdup_printf("comment %" G_GINT64_FORMAT, oldest);
    ck_assert_str_eq(external_id, wanted);
}
END_TEST

START_TEST(an_older_submission_does_not_hide_the_newest)
{
    comment_instead(COMMENT_PULL_REQUEST);
    hand_in_by_pull_request();
    post_well();
    Submission older = submission;
    older.id = 6;
    effect.submission = &older;
    effect.idempotency_key = "6:1:autograder";
    post_well();
    ck_assert_one_comment("comments", "submission 7 -->");
}
END_TEST

START_TEST(what_came_by_a_branch_is_told_in_an_issue_if_the_course_wants_it)
{
    comment_instead(COMMENT_PULL_REQUEST);
    ck_assert_int_eq(post(), POST_DONE);
    ck_assert_ptr_null(external_id);
    comment_instead(COMMENT_NONE);
    ck_assert_int_eq(post(), POST_DONE);
    ck_assert_ptr_null(external_id);
    comment_instead(COMMENT_ISSUE);
    post_well();
    ck_assert_has(external_id, "issue ");
    break_next("\"reset\"", "PATCH", "after");
    ((VerdictItem *)g_ptr_array_index(verdict->items, 1))->outcome = ITEM_PASS;
    ck_assert_int_eq(post(), POST_RETRY);
    post_well();
    ck_assert_one_comment("issues", "Title of failed | 5 / 5 | pass");
    ck_assert_has(external_id, "issue ");
}
END_TEST

START_TEST(a_repository_without_issues_is_told_after_some_tries)
{
    comment_instead(COMMENT_ISSUE);
    g_free(tell_repository("set", ", \"has_issues\": false"));
    effect.tries = 2;
    ck_assert_int_eq(post(), POST_GIVE_UP);
    ck_assert_has(failure->message, "Issues has been disabled");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("comments");
    tcase_add_test(tests, a_comment_is_edited_in_place);
    tcase_add_test(tests, a_comment_lost_after_the_effect_is_found_again);
    tcase_add_test(tests, a_mark_that_somebody_else_wrote_is_left_alone);
    tcase_add_test(tests, ours_is_found_behind_many_others_and_the_oldest_of_two_is_kept);
    tcase_add_test(tests, an_older_submission_does_not_hide_the_newest);
    tcase_add_test(tests, what_came_by_a_branch_is_told_in_an_issue_if_the_course_wants_it);
    tcase_add_test(tests, a_repository_without_issues_is_told_after_some_tries);
    return run("github_comment", tests);
}
