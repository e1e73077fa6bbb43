/* SPDX-License-Identifier: Apache-2.0 */
/* A result of a submission that came from a stand-in of GitHub, and the sink that posts it there. */
#pragma once

#include "daemon/net/github_write.h"
#include "tests/unit/net/made_result.h"
#include "tests/unit/net/standin.h"
#include "tests/unit/run_suite.h"

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
static inline void start(void)
{
    folder = g_dir_make_tmp("rubric-github-XXXXXX", NULL);
    standin_start(&hub, folder, false);
}

static inline void stop(void)
{
    standin_stop(&hub);
    file_remove_tree(folder, NULL);
    g_free(folder);
}

static inline Sink *new_sink(GithubWrite write, gint64 timeout_ms)
{
    const GithubSinkConfig config = {
        .name = "autograder", .write = write, .max_tries = 3, .timeout_ms = timeout_ms, .state_folder = f.state};
    return sink_github_new(&config, client);
}

/* A fresh commit in a repository of its own for each test. */
static inline void setup(void)
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

static inline void teardown(void)
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

static inline PostOutcome post(void)
{
    g_clear_pointer(&external_id, g_free);
    g_clear_error(&failure);
    return sink_post(sink, &effect, &retry_at_us, &external_id, &failure);
}

static inline void post_well(void)
{
    PostOutcome outcome = post();
    ck_assert_msg(outcome == POST_DONE, "%s", failure ? failure->message : "no reason");
    ck_assert_ptr_nonnull(external_id);
}

/* "check_runs", "statuses": what was written in this test's repository. Borrowed from *ret_all. */
static inline const cJSON *written(const char *what, cJSON **ret_all)
{
    g_autofree char *arguments = g_strdup_printf("{\"repository\": \"project-%d\"}", getpid());
    *ret_all = standin_do(&hub, "written", arguments);
    return cJSON_GetObjectItem(*ret_all, what);
}

static inline void break_next(const char *kind, const char *method, const char *when)
{
    g_autofree char *arguments =
        g_strdup_printf("{\"kind\": %s, \"method\": \"%s\", \"when\": \"%s\"}", kind, method, when);
    standin_tell(&hub, "fault", arguments);
}

static inline char *tell_repository(const char *command, const char *more)
{
    g_autofree char *arguments = g_strdup_printf("{\"repository\": \"project-%d\"%s}", getpid(), more);
    g_autoptr(cJSON) answer = standin_do(&hub, command, arguments);
    return answer ? json_print(answer) : NULL;
}

/* From now on the submission is the head of a pull request, whose number is returned. */
static inline gint64 hand_in_by_pull_request(void)
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

static inline void comment_instead(CommentPlace where)
{
    sink_free(sink);
    sink = new_sink(GITHUB_WRITE_COMMENT, 20000);
    assignment.comment = where;
}

/* Runs `tests`, each on a fresh commit; returns what main returns. */
static inline int run(const char *name, TCase *tests)
{
    unsetenv("http_proxy");
    const double most_seconds = 120;
    Suite *suite = suite_create(name);
    tcase_set_timeout(tests, most_seconds);
    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_checked_fixture(tests, setup, teardown);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
