/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results beside the student's commit. This file decides whether there is something to write, and what becomes of what
 * GitHub said: limits, 5xx and silence are waited for as long as they last; what people must mend (a permission, an
 * uninstalled App, a proxy in between) is tried `max_tries` times with growing waits; what no waiting mends goes to a
 * TA at once, with GitHub's words: a 422, which is a fault of ours, a 410, an archived repository.
 */
#include <string.h>

#include "daemon/net/github_write.h"

static const gint64 first_wait_us = 30 * CLOCK_SECOND_US, longest_wait_us = CLOCK_HOUR_US;

typedef struct {
    Sink base;
    GithubWrite write;
    gint64 max_tries, timeout_ms;
    const char *state_folder;
    GithubClient *client;
} GithubSink;

static const struct {
    const char *name;
    char *(*write)(GithubPost *post, GError **error);
} writers[] = {
    [GITHUB_WRITE_CHECK_RUN] = {"check_run", github_write_check_run},
    [GITHUB_WRITE_STATUS] = {"status", github_write_status},
    [GITHUB_WRITE_COMMENT] = {"comment", github_write_comment},
    [GITHUB_WRITE_BRANCH] = {"branch", github_write_branch},
};

const char *github_write_name(GithubWrite write)
{
    return writers[write].name;
}

/* ---- for the writers
 * ---------------------------------------------------------------------------------------------------- */

char *github_write_title(const GithubPost *post)
{
    return g_strdup_printf("%s/%s", post->sink, post->assignment);
}

/* Creating and changing both count as content: GitHub does not say which of them do. */
static bool ask(GithubPost *post, const char *method, const char *path, const cJSON *body, GError **error)
{
    github_answer_clear(&post->answer);
    if (clock_monotonic_us() >= post->end_mono_us) {
        post->answer.outcome = GITHUB_RETRY;
        post->answer.retry_at_us = clock_now_us() + first_wait_us;
        post->answer.said = g_strdup("GitHub is slow: the rest is written with the next try");
        return false;
    }
    const long unauthorized = 401;
    const GithubCall call = {.method = method, .path = path, .body = body, .is_content = strcmp(method, "GET") != 0};
    bool is_answered = github_call(post->client, &call, &post->answer, error);
    post->is_write_unauthorized = is_answered && call.is_content && post->answer.status == unauthorized;
    return is_answered && post->answer.outcome == GITHUB_OK;
}

bool github_post_ask(GithubPost *post, const char *method, const char *tail, const cJSON *body, GError **error)
{
    /* By number, which follows renames and transfers. */
    g_autofree char *path = g_strdup_printf("/repositories/%" G_GINT64_FORMAT "%s", post->place->repository_id, tail);
    return ask(post, method, path, body, error);
}

bool github_post_ask_next(GithubPost *post, GError **error)
{
    g_autofree char *path = g_steal_pointer(&post->answer.next);
    return ask(post, "GET", path, NULL, error);
}

char *github_post_id(GithubPost *post)
{
    gint64 id = json_int64_or(post->answer.json, "id", 0);
    if (id > 0)
        return g_strdup_printf("%" G_GINT64_FORMAT, id);
    post->answer.outcome = GITHUB_RETRY;
    post->answer.retry_at_us = clock_now_us() + first_wait_us;
    g_free(post->answer.said);
    post->answer.said = g_strdup("GitHub's answer names nothing that was made");
    return NULL;
}

char *github_post_login(GithubPost *post, GError **error)
{
    g_auto(GithubAnswer) answer = {0};
    char *login = github_client_login(post->client, &answer, error);
    if (!login && answer.outcome != GITHUB_OK) {
        github_answer_clear(&post->answer);
        post->answer = answer;
        answer = (GithubAnswer){0};
    }
    return login;
}

/* ---- the sink
 * ----------------------------------------------------------------------------------------------------------- */

static bool is_for_ever(const GithubAnswer *answer)
{
    return answer->outcome == GITHUB_INVALID || answer->outcome == GITHUB_GONE;
}

/* When to try again; false: never. */
static bool plan_retry(const GithubSink *sink, const Effect *effect, const GithubAnswer *answer,
                       gint64 *ret_retry_at_us)
{
    const long last_of_limits = 499;
    gint64 now_us = clock_now_us();
    gint64 backoff_at_us = now_us + backoff_us(effect->tries, first_wait_us, longest_wait_us);
    if (answer->outcome == GITHUB_RETRY) {
        bool is_limit = answer->status <= last_of_limits && answer->status > 0;
        bool is_ours = answer->status == 0 && answer->retry_at_us > 0; /* our own budget, or no answer */
        *ret_retry_at_us = is_limit || is_ours ? answer->retry_at_us : MAX(answer->retry_at_us, backoff_at_us);
        return true;
    }
    *ret_retry_at_us = backoff_at_us;
    return !is_for_ever(answer) && effect->tries + 1 < sink->max_tries;
}

static PostOutcome put_off(const GithubSink *sink, const Effect *effect, const GithubAnswer *answer,
                           gint64 *ret_retry_at_us, GError **error)
{
    bool may_pass = plan_retry(sink, effect, answer, ret_retry_at_us);
    error_set(error, may_pass ? RUBRIC_ERROR_TEMPORARY : RUBRIC_ERROR_INVALID, "%s (%s)",
              answer->said ? answer->said : "GitHub did not do it", github_outcome_name(answer->outcome));
    if (!may_pass && !is_for_ever(answer))
        g_prefix_error(error, "given up after %" G_GINT64_FORMAT " tries: ", effect->tries + 1);
    return may_pass ? POST_RETRY : POST_GIVE_UP;
}

/* The writer's id of what is there now, or NULL: what GitHub said (*ret_answer) or *error. */
static char *write_page(const GithubSink *sink, const Effect *effect, const GithubPlace *place, const GithubPage *page,
                        GithubAnswer *ret_answer, GError **error)
{
    const gint64 us_per_ms = 1000;
    g_autofree char *organization = g_strndup(place->full_name, strcspn(place->full_name, "/"));
    github_client_use_organization(sink->client, organization);
    GithubPost post = {
        .client = sink->client,
        .app_id = github_client_app_id(sink->client),
        .sink = sink->base.name,
        .key = effect->idempotency_key,
        .submission_id = effect->submission->id,
        .verdict_number = effect->verdict_number,
        .state_folder = sink->state_folder,
        .place = place,
        .page = page,
        .assignment = effect->submission->assignment,
        .is_announcement = effect->announcement != ANNOUNCE_NOTHING,
        .end_mono_us = clock_monotonic_us() + sink->timeout_ms * us_per_ms,
    };
    char *id = writers[sink->write].write(&post, error);
    if (!id && post.is_write_unauthorized) /* once more from the start, which looks first, by a fresh token */
        id = writers[sink->write].write(&post, error);
    *ret_answer = post.answer;
    return id;
}

/* What is not even asked for now: limits are known before GitHub tells them. */
static bool must_wait(const GithubSink *sink, const Effect *effect, gint64 *ret_retry_at_us, GError **error)
{
    const gint64 look_again_us = 60 * CLOCK_SECOND_US;
    GithubWrites writes = GITHUB_WRITES_PLENTY;
    const char *why = NULL;
    gint64 until_us = 0;
    if (sink->write == GITHUB_WRITE_BRANCH)
        return false; /* git's pushes are none of the writes that are counted */
    if (!github_client_writes(sink->client, &writes, &until_us, &why, NULL))
        return false; /* whatever it is, the writing meets it, too */
    if (writes == GITHUB_WRITES_NONE) {
        *ret_retry_at_us = until_us;
        error_set(error, RUBRIC_ERROR_TEMPORARY, "%s", why);
        return true;
    }
    if (writes == GITHUB_WRITES_PLENTY || !effect->is_superseded)
        return false;
    *ret_retry_at_us = clock_now_us() + look_again_us;
    error_set(error, RUBRIC_ERROR_TEMPORARY, "writes are short, and a newer submission has a result: others go first");
    return true;
}

static PostOutcome github_post(Sink *base, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                               GError **error)
{
    GithubSink *sink = (GithubSink *)base;
    g_auto(GithubPlace) place = {0};
    if (!github_place_parse(effect->submission, &place, NULL) ||
        (sink->write == GITHUB_WRITE_COMMENT && !github_comment_is_wanted(&place, effect->result->assignment)))
        return POST_DONE;
    if (must_wait(sink, effect, ret_retry_at_us, error))
        return POST_RETRY;
    g_auto(GithubPage) page = {0};
    github_page_make(effect->result, &page);
    g_auto(GithubAnswer) answer = {0};
    g_autoptr(GError) failure = NULL;
    *ret_external_id = write_page(sink, effect, &place, &page, &answer, &failure);
    if (*ret_external_id)
        return POST_DONE;
    if (!failure)
        return put_off(sink, effect, &answer, ret_retry_at_us, error);
    /* Ours: the credential file, the store. It is mended by people, so it is never given up. */
    *ret_retry_at_us = clock_now_us() + backoff_us(effect->tries, first_wait_us, longest_wait_us);
    g_propagate_error(error, g_steal_pointer(&failure));
    return POST_RETRY;
}

/* ---- announcements
 * ------------------------------------------------------------------------------------------------------ */

/* Without an answer that says no, the request may yet arrive. */
static bool may_have_arrived(const GithubAnswer *answer)
{
    const long last_success = 299, first_of_theirs = 500;
    return answer->outcome == GITHUB_RETRY && (answer->status <= last_success || answer->status >= first_of_theirs);
}

static PostOutcome github_announce(Sink *base, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                                   GError **error)
{
    const gint64 settled_us = 5 * CLOCK_SECOND_US;
    GithubSink *sink = (GithubSink *)base;
    g_auto(GithubPlace) place = {0};
    if (!github_place_parse(effect->submission, &place, NULL))
        return POST_DONE;
    g_auto(GithubPage) page = {0};
    github_page_announce(effect, &page);
    g_auto(GithubAnswer) answer = {0};
    g_autoptr(GError) failure = NULL;
    *ret_external_id = write_page(sink, effect, &place, &page, &answer, &failure);
    if (*ret_external_id)
        return POST_DONE;
    *ret_retry_at_us = clock_now_us() + settled_us;
    error_set(error, RUBRIC_ERROR_TEMPORARY, "%s",
              failure       ? failure->message
              : answer.said ? answer.said
                            : "no answer");
    return failure || may_have_arrived(&answer) ? POST_RETRY : POST_GIVE_UP;
}

static bool github_has_room(Sink *base, bool *ret_has_room, GError **error)
{
    GithubWrites writes;
    gint64 until_us;
    const char *why;
    if (!github_client_writes(((GithubSink *)base)->client, &writes, &until_us, &why, error))
        return false;
    *ret_has_room = writes == GITHUB_WRITES_PLENTY;
    return true;
}

static void github_free(Sink *base)
{
    g_free(base);
}

Sink *sink_github_new(const GithubSinkConfig *config, GithubClient *client)
{
    static const SinkClass class = {.kind = "github", .post = github_post, .free = github_free};
    static const SinkClass of_check_runs = {.kind = "github",
                                            .post = github_post,
                                            .free = github_free,
                                            .announce = github_announce,
                                            .has_room = github_has_room};
    GithubSink *sink = g_new0(GithubSink, 1);
    sink->base = (Sink){
        .class = config->write == GITHUB_WRITE_CHECK_RUN ? &of_check_runs : &class,
        .name = g_strdup(config->name),
        .announce_after_us = config->announce_after_us,
    };
    sink->write = config->write;
    sink->max_tries = config->max_tries;
    sink->timeout_ms = config->timeout_ms;
    sink->state_folder = config->state_folder;
    sink->client = client;
    return &sink->base;
}
