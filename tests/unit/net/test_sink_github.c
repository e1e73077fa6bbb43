/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_write.h"
#include "tests/unit/net/made_result.h"
#include "tests/unit/net/standin.h"

static Fixture f;
static Standin hub;
static GithubClient *client;
static char *folder;
static char sha[41];

static Sink *sink;
static Effect effect;
static gint64 retry_at_us;
static char *external_id;
static GError *failure;

/* One stand-in for all: making its key takes longer than a test. */
static void start(void)
{
    folder = g_dir_make_tmp("rubric-github-XXXXXX", NULL);
    standin_start(&hub, folder, false);
}

static void stop(void)
{
    standin_stop(&hub);
    file_remove_tree(folder, NULL);
    g_free(folder);
}

static Sink *new_sink(GithubWrite write, gint64 timeout_ms)
{
    const GithubSinkConfig config = {.name = "autograder", .write = write, .max_tries = 3, .timeout_ms = timeout_ms};
    return sink_github_new(&config, client);
}

/* A fresh commit in a repository of its own for each test. */
static void setup(void)
{
    made_result_setup();
    fixture_open(&f, "");
    standin_tell(&hub, "forget", "{}");
    standin_tell(&hub, "set_limits", "{\"enforced\": false}"); /* what limits do is told by the faults here */
    g_autofree char *name = g_strdup_printf("project-%d", getpid());
    g_autofree char *repository = g_strdup_printf("{\"name\": \"%s\"}", name);
    g_autofree char *push = g_strdup_printf("{\"repository\": \"%s\"}", name);
    assignment.comment = COMMENT_PULL_REQUEST;
    g_autoptr(cJSON) made = standin_do(&hub, "repository", repository);
    g_autoptr(cJSON) pushed = standin_do(&hub, "push", push);
    g_strlcpy(sha, cJSON_GetStringValue(pushed), sizeof sha);
    submission.external_id = g_strdup_printf("%" G_GINT64_FORMAT ":refs/heads/main", json_int64_or(made, "id", 0));
    submission.location = g_strdup_printf("%s/%s#refs/heads/main", hub.url, json_string_or(made, "full_name", ""));
    submission.revision = sha;
    ck_assert_good((client = github_client_new(&hub.config, f.store, "post", error)) != NULL);
    sink = new_sink(GITHUB_WRITE_CHECK_RUN, 20000);
    effect = (Effect){.idempotency_key = "7:2:autograder", .result = &result, .submission = &submission};
}

static void teardown(void)
{
    sink_free(sink);
    github_client_free(client);
    g_free(submission.external_id);
    g_free(submission.location);
    g_clear_error(&failure);
    g_free(external_id);
    fixture_close(&f);
    made_result_teardown();
}

static PostOutcome post(void)
{
    g_clear_pointer(&external_id, g_free);
    g_clear_error(&failure);
    return sink_post(sink, &effect, &retry_at_us, &external_id, &failure);
}

static void post_well(void)
{
    PostOutcome outcome = post();
    ck_assert_msg(outcome == POST_DONE, "%s", failure ? failure->message : "no reason");
    ck_assert_ptr_nonnull(external_id);
}

/* "check_runs", "statuses": what was written in this test's repository. Borrowed from *ret_all. */
static const cJSON *written(const char *what, cJSON **ret_all)
{
    g_autofree char *arguments = g_strdup_printf("{\"repository\": \"project-%d\"}", getpid());
    *ret_all = standin_do(&hub, "written", arguments);
    return cJSON_GetObjectItem(*ret_all, what);
}

static void break_next(const char *kind, const char *method, const char *when)
{
    g_autofree char *arguments =
        g_strdup_printf("{\"kind\": %s, \"method\": \"%s\", \"when\": \"%s\"}", kind, method, when);
    standin_tell(&hub, "fault", arguments);
}

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

/* ---- comments
 * ----------------------------------------------------------------------------------------------------------- */

static char *tell_repository(const char *command, const char *more)
{
    g_autofree char *arguments = g_strdup_printf("{\"repository\": \"project-%d\"%s}", getpid(), more);
    g_autoptr(cJSON) answer = standin_do(&hub, command, arguments);
    return answer ? json_print(answer) : NULL;
}

/* From now on the submission is the head of a pull request, whose number is returned. */
static gint64 hand_in_by_pull_request(void)
{
    g_autofree char *number = tell_repository("pull_request", ", \"head\": \"main\"");
    gint64 pull = g_ascii_strtoll(number, NULL, 10);
    gint64 id = g_ascii_strtoll(submission.external_id, NULL, 10);
    g_free(submission.external_id);
    submission.external_id = g_strdup_printf("%" G_GINT64_FORMAT ":refs/pull/%" G_GINT64_FORMAT "/head:m1", id, pull);
    char *mark = strchr(submission.location, '#');
    g_autofree char *before = g_strndup(submission.location, (gsize)(mark - submission.location));
    g_free(submission.location);
    submission.location = g_strdup_printf("%s#refs/pull/%" G_GINT64_FORMAT "/head", before, pull);
    return pull;
}

static void comment_instead(CommentPlace where)
{
    sink_free(sink);
    sink = new_sink(GITHUB_WRITE_COMMENT, 20000);
    assignment.comment = where;
}

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
    {"410", "before", POST_RETRY, 14, 31, "gone"},
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
    unsetenv("http_proxy");
    Suite *suite = suite_create("sink_github");
    TCase *tests = tcase_create("posts");
    tcase_set_timeout(tests, 120);
    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_checked_fixture(tests, setup, teardown);
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
    tcase_add_test(tests, an_announcement_whose_answer_is_lost_is_waited_for_and_one_that_is_refused_is_not);
    tcase_add_test(tests, when_writes_are_short_the_newest_results_have_them);
    tcase_add_test(tests, without_writes_left_nothing_is_asked);
    tcase_add_test(tests, a_comment_is_edited_in_place);
    tcase_add_test(tests, a_comment_lost_after_the_effect_is_found_again);
    tcase_add_test(tests, a_mark_that_somebody_else_wrote_is_left_alone);
    tcase_add_test(tests, ours_is_found_behind_many_others_and_the_oldest_of_two_is_kept);
    tcase_add_test(tests, an_older_submission_does_not_hide_the_newest);
    tcase_add_test(tests, what_came_by_a_branch_is_told_in_an_issue_if_the_course_wants_it);
    tcase_add_test(tests, a_repository_without_issues_is_told_after_some_tries);
    tcase_add_loop_test(tests, a_fault_is_waited_for_or_told_and_nothing_is_doubled, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tests, a_taken_back_token_is_minted_again_once);
    tcase_add_loop_test(tests, a_token_refused_after_the_effect_doubles_nothing, 0, 4);
    tcase_add_test(tests, a_refusal_is_given_up_after_max_tries_and_an_outage_never);
    tcase_add_test(tests, an_api_version_that_is_over_is_told);
    tcase_add_test(tests, a_clock_that_is_wrong_by_an_hour_does_no_harm);
    tcase_add_test(tests, what_takes_too_long_goes_on_with_the_next_try);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed > 0;
}
