/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/source.h"
#include "tests/unit/net/sink_github_fixture.h"

static void set_places(guint n)
{
    g_autoptr(GString) many = g_string_new(NULL);
    for (guint i = 1; i <= n; i++)
        g_string_append_printf(many, "a.c:%u: error: x\n", i);
    const VerdictItem *item = g_ptr_array_index(verdict->items, 1);
    Finding *finding = g_ptr_array_index(item->findings, 0);
    g_free(finding->evidence);
    finding->evidence = g_strdup(many->str);
}

START_TEST(a_check_run_appears_with_its_key)
{
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all), *run = cJSON_GetArrayItem(runs, 0);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 1);
    ck_assert_str_eq(json_string_or(run, "name", ""), "autograder/m1");
    ck_assert_str_eq(json_string_or(run, "head_sha", ""), sha);
    ck_assert_str_eq(json_string_or(run, "conclusion", ""), "failure");
    ck_assert_str_eq(json_string_or(run, "external_id", ""), "7:2:autograder");
    ck_assert_int_eq(github_run_submission(json_string_or(run, "external_id", "")), 7);
    ck_assert_has(external_id, "check run ");
}
END_TEST

START_TEST(posting_again_changes_nothing)
{
    set_places(120);
    post_well();
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all), *run = cJSON_GetArrayItem(runs, 0);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 1);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(run, "annotations")), 120);
    ck_assert_int_eq(json_int64_or(run, "n_writes", 0), 3);
}
END_TEST

START_TEST(an_answer_lost_after_the_effect_is_found_again)
{
    break_next("\"reset\"", "POST", "after");
    /* The first POST mints the token: it is lost as well as the check run. */
    ck_assert_int_eq(post(), POST_RETRY);
    break_next("\"reset\"", "POST", "after");
    ck_assert_int_eq(post(), POST_RETRY);
    post_well();
    g_autoptr(cJSON) all = NULL;
    ck_assert_int_eq(cJSON_GetArraySize(written("check_runs", &all)), 1);
}
END_TEST

START_TEST(annotations_go_on_where_they_were_cut_off)
{
    set_places(120);
    break_next("\"reset\"", "PATCH", "after"); /* 100 are there, we know of 50 */
    ck_assert_int_eq(post(), POST_RETRY);
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 1);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(runs, 0), "annotations")), 120);
}
END_TEST

START_TEST(a_newer_verdict_renews_the_run)
{
    post_well();
    ((VerdictItem *)g_ptr_array_index(verdict->items, 1))->outcome = ITEM_PASS;
    effect.idempotency_key = "7:3:autograder";
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all), *run = cJSON_GetArrayItem(runs, 0);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 1);
    ck_assert_str_eq(json_string_or(run, "conclusion", ""), "success");
    ck_assert_str_eq(json_string_or(run, "external_id", ""), "7:3:autograder");
}
END_TEST

START_TEST(other_annotations_take_a_run_of_their_own)
{
    set_places(2);
    post_well();
    set_places(1);
    effect.idempotency_key = "7:3:autograder";
    post_well();
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 2);
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(runs, 1), "annotations")), 1);
}
END_TEST

START_TEST(a_status_is_written_once_until_it_changes)
{
    sink_free(sink);
    sink = new_sink(GITHUB_WRITE_STATUS, 20000);
    post_well();
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *statuses = written("statuses", &all), *status = cJSON_GetArrayItem(statuses, 0);
    ck_assert_int_eq(cJSON_GetArraySize(statuses), 1);
    ck_assert_str_eq(json_string_or(status, "context", ""), "autograder/m1");
    ck_assert_str_eq(json_string_or(status, "state", ""), "failure");
    ((VerdictItem *)g_ptr_array_index(verdict->items, 1))->outcome = ITEM_PASS;
    post_well();
    g_autoptr(cJSON) now = NULL;
    ck_assert_int_eq(cJSON_GetArraySize(written("statuses", &now)), 2);
}
END_TEST

START_TEST(what_did_not_come_from_github_is_left_alone)
{
    Submission other = submission;
    other.external_id = (char *)"m1/team_one.zip";
    other.location = (char *)"/inbox/m1/team_one.zip";
    effect.submission = &other;
    ck_assert_int_eq(post(), POST_DONE);
    ck_assert_ptr_null(external_id);
}
END_TEST

START_TEST(a_run_of_another_submission_is_not_touched)
{
    post_well();
    Submission other = submission;
    other.id = 8;
    effect.submission = &other;
    effect.idempotency_key = "8:1:autograder";
    post_well();
    g_autoptr(cJSON) all = NULL;
    ck_assert_int_eq(cJSON_GetArraySize(written("check_runs", &all)), 2);
}
END_TEST

/* ---- announcements and short budgets
 * --------------------------------------------------------------------------------------------------------------- */

static PostOutcome announce(Announcement what)
{
    const Result none = {.submission = &submission, .zone = result.zone};
    const char *const keys[] = {"", "7:0:autograder:queued", "7:0:autograder:running", "7:0:autograder:over"};
    Effect before = {
        .idempotency_key = keys[what], .result = &none, .submission = &submission, .announcement = what, .n_before = 3};
    g_clear_pointer(&external_id, g_free);
    g_clear_error(&failure);
    return sink->class->announce(sink, &before, &retry_at_us, &external_id, &failure);
}

/* The one check run is in this state, under this title. */
static void ck_assert_run(const char *status, const char *title)
{
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all), *run = cJSON_GetArrayItem(runs, 0);
    ck_assert_int_eq(cJSON_GetArraySize(runs), 1);
    ck_assert_str_eq(json_string_or(run, "status", ""), status);
    ck_assert_has(json_string_or(cJSON_GetObjectItem(run, "output"), "title", ""), title);
}

START_TEST(one_run_is_queued_then_in_progress_then_completed)
{
    ck_assert_int_eq(announce(ANNOUNCE_QUEUED), POST_DONE);
    ck_assert_run("queued", "3 before it");
    ck_assert_int_eq(announce(ANNOUNCE_QUEUED), POST_DONE);
    ck_assert_int_eq(announce(ANNOUNCE_RUNNING), POST_DONE);
    ck_assert_run("in_progress", "Is being graded");
    set_places(60);
    post_well();
    ck_assert_run("completed", "10 of 15 points");
    ck_assert_int_eq(announce(ANNOUNCE_RUNNING), POST_DONE); /* late: it does not undo the result */
    ck_assert_run("completed", "10 of 15 points");
}
END_TEST

START_TEST(what_was_announced_and_not_graded_is_cancelled)
{
    ck_assert_int_eq(announce(ANNOUNCE_QUEUED), POST_DONE);
    ck_assert_int_eq(announce(ANNOUNCE_OVER), POST_DONE);
    ck_assert_run("completed", "a newer commit took its place");
    post_well(); /* after all */
    ck_assert_run("completed", "10 of 15 points");
}
END_TEST

START_TEST(what_is_refused_says_why_beside_the_commit)
{
    g_autofree char *refused = g_strconcat(SOURCE_REFUSED, sha, NULL);
    submission.revision = refused;
    submission.remark = (char *)"it cannot be taken: it is larger than allowed";
    ck_assert_int_eq(announce(ANNOUNCE_REFUSED), POST_DONE);
    submission.remark = NULL;
    submission.revision = sha;
    ck_assert_run("completed", "Not taken");
    g_autoptr(cJSON) all = NULL;
    const cJSON *run = cJSON_GetArrayItem(written("check_runs", &all), 0);
    ck_assert_str_eq(json_string_or(run, "conclusion", ""), "action_required");
    ck_assert_has(json_string_or(cJSON_GetObjectItem(run, "output"), "summary", ""),
                  "Nothing of it is graded: it cannot be taken");
}
END_TEST

START_TEST(an_announcement_whose_answer_is_lost_is_waited_for_and_one_that_is_refused_is_not)
{
    ck_assert_int_eq(announce(ANNOUNCE_QUEUED), POST_DONE); /* mints the token */
    break_next("\"reset\"", "PATCH", "after");
    ck_assert_int_eq(announce(ANNOUNCE_RUNNING), POST_RETRY);
    break_next("403", "GET", "before");
    ck_assert_int_eq(announce(ANNOUNCE_RUNNING), POST_GIVE_UP);
    break_next("429", "GET", "before");
    ck_assert_int_eq(announce(ANNOUNCE_RUNNING), POST_GIVE_UP);
    ck_assert_good(store_cursor_set(f.store, "github:budget", "state", "{}", error));
    post_well();
    ck_assert_run("completed", "10 of 15 points");
}
END_TEST

/* So much was written within the hour and the minute that go on now. */
static void set_written(gint64 an_hour, gint64 a_minute)
{
    g_autofree char *budget =
        g_strdup_printf("{\"credential\": \"app %" G_GINT64_FORMAT ", %s\", \"content_hour\": %" G_GINT64_FORMAT
                        ", \"content_minute\": %" G_GINT64_FORMAT ", \"hour_us\": %" G_GINT64_FORMAT
                        ", \"minute_us\": %" G_GINT64_FORMAT "}",
                        hub.config.app_id, hub.config.api, an_hour, a_minute, clock_now_us(), clock_now_us());
    ck_assert_good(store_cursor_set(f.store, "github:budget", "state", budget, error));
}

static bool has_room(void)
{
    bool has = false;
    ck_assert_good(sink->class->has_room(sink, &has, error));
    return has;
}

START_TEST(when_writes_are_short_the_newest_results_have_them)
{
    ck_assert(has_room());
    set_written(400, 0);
    ck_assert(!has_room());
    effect.is_superseded = true;
    ck_assert_int_eq(post(), POST_RETRY);
    ck_assert_has(failure->message, "a newer submission has a result");
    effect.is_superseded = false;
    post_well();
    set_written(0, 0);
    effect.is_superseded = true;
    effect.idempotency_key = "7:3:autograder";
    post_well();
}
END_TEST

START_TEST(without_writes_left_nothing_is_asked)
{
    set_written(480, 0);
    gint64 before_us = clock_now_us();
    ck_assert_int_eq(post(), POST_RETRY);
    ck_assert_has(failure->message, "the hour's writes are used up");
    ck_assert_int_ge(retry_at_us, before_us + CLOCK_HOUR_US - 10 * CLOCK_SECOND_US);
    set_written(100, 76);
    ck_assert_int_eq(post(), POST_RETRY);
    ck_assert_has(failure->message, "the minute's writes are used up");
    g_autoptr(cJSON) figures = standin_do(&hub, "figures", "{}");
    ck_assert_int_eq(json_int64_or(figures, "requests", -1), 0);
}
END_TEST

/* ---- faults
 * ------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *kind, *when;
    PostOutcome outcome;
    gint64 least_s, most_s; /* of the wait, with RETRY */
    const char *says;
} faults[] = {
    {"403", "before", POST_RETRY, 14, 31, "GitHub answered 403"},
    {"404", "before", POST_RETRY, 14, 31, "not found"},
    {"409", "before", POST_RETRY, 14, 31, "conflict"},
    {"410", "before", POST_GIVE_UP, 0, 0, "GitHub answered 410: fault of the test"},
    {"422", "before", POST_GIVE_UP, 0, 0, "GitHub answered 422: fault of the test"},
    {"400", "before", POST_GIVE_UP, 0, 0, "GitHub answered 400"},
    {"429", "before", POST_RETRY, 59, 61, "429"},
    {"500", "before", POST_RETRY, 29, 31, "500"},
    {"502", "after", POST_RETRY, 29, 31, "502"},
    {"503", "before", POST_RETRY, 29, 31, "503"},
    {"\"primary\"", "before", POST_RETRY, 1, 4, "API rate limit exceeded"},
    {"\"secondary\"", "before", POST_RETRY, 59, 61, "secondary rate limit"},
    {"\"reset\"", "before", POST_RETRY, 14, 31, "retry"},
    {"\"reset\"", "after", POST_RETRY, 14, 31, "retry"},
    {"\"truncated\"", "after", POST_RETRY, 29, 31, "not whole"},
    {"\"wrong_type\"", "before", POST_RETRY, 29, 31, "no JSON"},
    {"\"wrong_type\"", "after", POST_RETRY, 29, 31, "no JSON"},
    {"\"redirect\"", "before", POST_RETRY, 14, 31, "moved"},
    {"\"redirect\"", "after", POST_RETRY, 14, 31, "moved"},
};

/* In turn at each request of a post, so that what was made before it is found again. */
START_TEST(a_fault_is_waited_for_or_told_and_nothing_is_doubled)
{
    const char *const methods[] = {"GET", "POST", "PATCH"};
    set_places(60);
    github_client_use_organization(client, "course");
    for (gsize m = 0; m < G_N_ELEMENTS(methods); m++) {
        /* A token first, so that the fault meets the sink's own requests. */
        const GithubCall warm = {.path = "/rate_limit"};
        g_auto(GithubAnswer) answer = {0};
        ck_assert_good(github_call(client, &warm, &answer, error));
        g_autofree char *id = g_strdup_printf("%" G_GSIZE_FORMAT ":1:autograder", 100 + m);
        Submission each = submission;
        each.id = (gint64)(100 + m);
        effect.submission = &each;
        effect.idempotency_key = id;
        break_next(faults[_i].kind, methods[m], faults[_i].when);
        gint64 before_us = clock_now_us();
        PostOutcome outcome = post();
        /* What only asks goes over a kept connection, where libcurl itself asks again after a reset. */
        if (strcmp(methods[m], "GET") == 0 && strcmp(faults[_i].kind, "\"reset\"") == 0 && outcome == POST_DONE)
            continue;
        const char *said = failure ? failure->message : "nothing";
        ck_assert_msg(outcome == faults[_i].outcome, "%s %s at %s: outcome %d: %s", faults[_i].kind, faults[_i].when,
                      methods[m], outcome, said);
        ck_assert_has(said, faults[_i].says);
        ck_assert_lacks(said, "ghs_");
        gint64 wait_s = (retry_at_us - before_us + CLOCK_SECOND_US / 2) / CLOCK_SECOND_US;
        if (outcome == POST_RETRY)
            ck_assert_msg(wait_s >= faults[_i].least_s && wait_s <= faults[_i].most_s, "%s: waits %d s",
                          faults[_i].kind, (int)wait_s);
        /* Limits stop the client until they end: time goes on. */
        ck_assert_good(store_cursor_set(f.store, "github:budget", "state", "{}", error));
        post_well();
    }
    g_autoptr(cJSON) all = NULL;
    const cJSON *runs = written("check_runs", &all), *run;
    ck_assert_int_eq(cJSON_GetArraySize(runs), G_N_ELEMENTS(methods));
    cJSON_ArrayForEach(run, runs) ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(run, "annotations")), 60);
    g_autoptr(cJSON) figures = standin_do(&hub, "figures", "{}");
    const cJSON *elsewhere = cJSON_GetObjectItem(figures, "elsewhere");
    ck_assert_int_eq(cJSON_GetArraySize(elsewhere), 0); /* no redirect was followed */
}
END_TEST

START_TEST(an_archived_repository_is_told_at_once_with_githubs_words)
{
    static const GithubWrite ways[] = {GITHUB_WRITE_CHECK_RUN, GITHUB_WRITE_STATUS, GITHUB_WRITE_COMMENT,
                                       GITHUB_WRITE_BRANCH};
    hand_in_by_pull_request();
    g_free(tell_repository("set", ", \"archived\": true"));
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        sink_free(sink);
        sink = new_sink(ways[i], 20000);
        ck_assert_msg(post() == POST_GIVE_UP, "%s", github_write_name(ways[i]));
        ck_assert_has(failure->message, "archived");
        ck_assert_lacks(failure->message, "tries");
    }
}
END_TEST

START_TEST(issues_that_are_off_are_told_at_once)
{
    comment_instead(COMMENT_ISSUE);
    g_free(tell_repository("set", ", \"has_issues\": false"));
    ck_assert_int_eq(post(), POST_GIVE_UP);
    ck_assert_has(failure->message, "GitHub answered 410: Issues has been disabled in this repository.");
}
END_TEST

START_TEST(a_taken_back_token_is_minted_again_once)
{
    post_well();
    standin_tell(&hub, "expire_tokens", "{}");
    effect.idempotency_key = "7:3:autograder";
    post_well();
}
END_TEST

/* A 401 that comes after the effect: the write is looked for before it is made again. */
START_TEST(a_token_refused_after_the_effect_doubles_nothing)
{
    static const struct {
        GithubWrite write;
        const char *method, *what;
    } cases[] = {
        {GITHUB_WRITE_CHECK_RUN, "POST", "check_runs"},
        {GITHUB_WRITE_CHECK_RUN, "PATCH", "check_runs"},
        {GITHUB_WRITE_STATUS, "POST", "statuses"},
        {GITHUB_WRITE_COMMENT, "POST", "comments"},
    };
    sink_free(sink);
    sink = new_sink(cases[_i].write, 20000);
    if (cases[_i].write == GITHUB_WRITE_COMMENT)
        hand_in_by_pull_request();
    set_places(60);
    const GithubCall warm = {.path = "/rate_limit"}; /* a token first, so that the fault meets the sink's own request */
    g_auto(GithubAnswer) answer = {0};
    github_client_use_organization(client, "course");
    ck_assert_good(github_call(client, &warm, &answer, error));
    break_next("401", cases[_i].method, "after");
    post_well();
    g_autoptr(cJSON) all = NULL;
    const cJSON *there = written(cases[_i].what, &all);
    ck_assert_int_eq(cJSON_GetArraySize(there), 1);
    if (cases[_i].write == GITHUB_WRITE_CHECK_RUN)
        ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetArrayItem(there, 0), "annotations")), 60);
}
END_TEST

START_TEST(a_refusal_is_given_up_after_max_tries_and_an_outage_never)
{
    effect.tries = 2;
    break_next("403", "GET", "before");
    const GithubCall warm = {.path = "/rate_limit"};
    g_auto(GithubAnswer) answer = {0};
    github_client_use_organization(client, "course");
    ck_assert_good(github_call(client, &warm, &answer, error));
    github_answer_clear(&answer);
    ck_assert_good(github_call(client, &warm, &answer, error));
    break_next("403", "GET", "before");
    ck_assert_int_eq(post(), POST_GIVE_UP);
    ck_assert_has(failure->message, "given up after 3 tries");
    effect.tries = 5000;
    break_next("503", "GET", "before");
    ck_assert_int_eq(post(), POST_RETRY);
    ck_assert_int_ge(retry_at_us, clock_now_us() + 25 * 60 * CLOCK_SECOND_US);
}
END_TEST

START_TEST(an_api_version_that_is_over_is_told)
{
    standin_tell(&hub, "retire", "{\"version\": \"2022-11-28\"}");
    PostOutcome outcome = post();
    standin_tell(&hub, "unretire", "{}");
    ck_assert_int_eq(outcome, POST_RETRY);
    ck_assert_has(failure->message, "2022-11-28");
}
END_TEST

START_TEST(a_clock_that_is_wrong_by_an_hour_does_no_harm)
{
    standin_tell(&hub, "set_clock", "{\"skew\": 3600}");
    PostOutcome outcome = post();
    standin_tell(&hub, "set_clock", "{\"skew\": 0}");
    ck_assert_msg(outcome == POST_DONE, "%s", failure ? failure->message : "no reason");
}
END_TEST

START_TEST(what_takes_too_long_goes_on_with_the_next_try)
{
    sink_free(sink);
    sink = new_sink(GITHUB_WRITE_CHECK_RUN, 0);
    ck_assert_int_eq(post(), POST_RETRY);
    ck_assert_has(failure->message, "slow");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("posts");
    tcase_add_test(tests, a_check_run_appears_with_its_key);
    tcase_add_test(tests, posting_again_changes_nothing);
    tcase_add_test(tests, an_answer_lost_after_the_effect_is_found_again);
    tcase_add_test(tests, annotations_go_on_where_they_were_cut_off);
    tcase_add_test(tests, a_newer_verdict_renews_the_run);
    tcase_add_test(tests, other_annotations_take_a_run_of_their_own);
    tcase_add_test(tests, a_status_is_written_once_until_it_changes);
    tcase_add_test(tests, what_did_not_come_from_github_is_left_alone);
    tcase_add_test(tests, a_run_of_another_submission_is_not_touched);
    tcase_add_test(tests, one_run_is_queued_then_in_progress_then_completed);
    tcase_add_test(tests, what_was_announced_and_not_graded_is_cancelled);
    tcase_add_test(tests, what_is_refused_says_why_beside_the_commit);
    tcase_add_test(tests, an_announcement_whose_answer_is_lost_is_waited_for_and_one_that_is_refused_is_not);
    tcase_add_test(tests, when_writes_are_short_the_newest_results_have_them);
    tcase_add_test(tests, without_writes_left_nothing_is_asked);
    tcase_add_loop_test(tests, a_fault_is_waited_for_or_told_and_nothing_is_doubled, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tests, an_archived_repository_is_told_at_once_with_githubs_words);
    tcase_add_test(tests, issues_that_are_off_are_told_at_once);
    tcase_add_test(tests, a_taken_back_token_is_minted_again_once);
    tcase_add_loop_test(tests, a_token_refused_after_the_effect_doubles_nothing, 0, 4);
    tcase_add_test(tests, a_refusal_is_given_up_after_max_tries_and_an_outage_never);
    tcase_add_test(tests, an_api_version_that_is_over_is_told);
    tcase_add_test(tests, a_clock_that_is_wrong_by_an_hour_does_no_harm);
    tcase_add_test(tests, what_takes_too_long_goes_on_with_the_next_try);
    return run("sink_github", tests);
}
