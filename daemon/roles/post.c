/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries effects out, one at a time: claim a row, render the documents from the store, hand them to the sink, commit
 * the end of it and the claim of the next in one transaction. A kill between the effect and the commit repeats the
 * effect under the same idempotency key.
 */
#include <string.h>

#include "daemon/roles/role.h"

static const gint64 longest_sleep_us = 2 * CLOCK_SECOND_US;
static const gint64 lease_margin_us = 60 * CLOCK_SECOND_US;

typedef struct {
    Role *role;
    GPtrArray *sinks;     /* of Sink* */
    GithubClient *github; /* NULL: no sink needs one */
    gint64 lease_us;
} Posting;

static Sink *make_sink(const Posting *posting, const SinkConfig *about, GError **error)
{
    const Config *config = posting->role->config;
    if (strcmp(about->kind, "webhook") == 0)
        return sink_webhook_new(about->name, about->url, about->secret_file, (unsigned)about->max_tries,
                                about->timeout_ms, error);
    if (strcmp(about->kind, "folder") == 0)
        return sink_folder_new(about->name, about->path);
    if (strcmp(about->kind, "gradescope") == 0)
        return sink_gradescope_new(about->name, config->gradescope, posting->role->store, config->state_folder,
                                   about->max_tries);
    const GithubSinkConfig github = {
        .name = about->name,
        .write = about->write,
        .max_tries = about->max_tries,
        .timeout_ms = about->timeout_ms,
        .announce_after_us = about->announce_after_us,
        .state_folder = config->state_folder,
    };
    return sink_github_new(&github, posting->github);
}

/* One client for all sinks of GitHub: they share its token and its limits. */
static bool open_github(Posting *posting, GError **error)
{
    const Config *config = posting->role->config;
    bool is_wanted = false;
    for (guint i = 0; i < config->sinks->len; i++)
        is_wanted |= strcmp(((const SinkConfig *)g_ptr_array_index(config->sinks, i))->kind, "github") == 0;
    if (!is_wanted)
        return true;
    secret_close_process();
    posting->github = github_client_new(config->github, posting->role->store, "post", error);
    return posting->github != NULL;
}

static bool make_sinks(Posting *posting, GError **error)
{
    const Config *config = posting->role->config;
    if (config->gradescope)
        secret_close_process();
    if (!open_github(posting, error))
        return false;
    for (guint i = 0; i < config->sinks->len; i++) {
        Sink *sink = make_sink(posting, g_ptr_array_index(config->sinks, i), error);
        if (!sink)
            return false;
        g_ptr_array_add(posting->sinks, sink);
    }
    return true;
}

static Sink *find_sink(const Posting *posting, const char *name)
{
    for (guint i = 0; i < posting->sinks->len; i++) {
        Sink *sink = g_ptr_array_index(posting->sinks, i);
        if (strcmp(sink->name, name) == 0)
            return sink;
    }
    return NULL;
}

/* ---- documents
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    ShownResult shown;
    char *json, *gradescope, *markdown;
} Documents;

static void documents_clear(Documents *documents)
{
    shown_result_clear(&documents->shown);
    g_free(documents->json);
    g_free(documents->gradescope);
    g_free(documents->markdown);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Documents, documents_clear)

static bool render(const Posting *posting, const OutboxRow *row, Documents *documents, GError **error)
{
    ShownResult *shown = &documents->shown;
    if (!outcome_show(posting->role->store, posting->role->watch.course, row->submission_id, row->verdict_id, shown,
                      error))
        return false;
    documents->json = result_json(&shown->result);
    documents->gradescope = result_gradescope(&shown->result);
    documents->markdown = result_markdown(&shown->result);
    return true;
}

/* ---- one effect
 * ------------------------------------------------------------------------------------------------------------- */

typedef struct {
    PostOutcome outcome;
    gint64 retry_at_us;
    char *external_id;
    char *why; /* of anything but DONE */
} Posted;

static void posted_clear(Posted *posted)
{
    g_free(posted->external_id);
    g_free(posted->why);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Posted, posted_clear)

/* What is graded by now, or graded after all, is not announced any more: its result says more. */
static bool is_still_so(const Submission *submission, Announcement what)
{
    switch (what) {
    case ANNOUNCE_OVER:
        return submission->state == SUBMISSION_REPLACED;
    case ANNOUNCE_REFUSED:
        return submission->state == SUBMISSION_REFUSED;
    case ANNOUNCE_QUEUED:
    case ANNOUNCE_RUNNING:
    case ANNOUNCE_NOTHING:
        break;
    }
    return submission->state == SUBMISSION_FETCHED;
}

static bool carry_announcement(const Posting *posting, Sink *sink, const OutboxRow *row, Posted *posted, GError **error)
{
    const Course *course = posting->role->watch.course;
    g_autoptr(Submission) submission = store_submission_get(posting->role->store, row->submission_id, error);
    Effect effect = {
        .idempotency_key = row->idempotency_key,
        .course = course,
        .submission = submission,
        .announcement = outbox_row_announces(row),
    };
    if (!submission || !store_job_position(posting->role->store, row->submission_id, &effect.n_before, error))
        return false;
    const Result result = {
        .submission = submission,
        .assignment = course_assignment(course, submission->assignment),
        .zone = course->zone,
        .now_us = clock_now_us(),
    };
    effect.result = &result;
    if (!sink->class->announce || !is_still_so(submission, effect.announcement))
        return true;
    g_autoptr(GError) why = NULL;
    posted->outcome = sink->class->announce(sink, &effect, &posted->retry_at_us, &posted->external_id, &why);
    posted->why = why ? g_strdup(why->message) : NULL;
    return true;
}

static bool carry_out(const Posting *posting, const OutboxRow *row, Posted *posted, GError **error)
{
    Sink *sink = find_sink(posting, row->sink);
    if (!sink) {
        posted->outcome = POST_GIVE_UP;
        posted->why = g_strdup_printf("the configuration has no sink \"%s\" any more", row->sink);
        return true;
    }
    if (row->verdict_id == 0)
        return carry_announcement(posting, sink, row, posted, error);
    g_auto(Documents) documents = {0};
    g_autoptr(GError) broken = NULL;
    if (!render(posting, row, &documents, &broken)) {
        bool is_broken = broken->domain == RUBRIC_ERROR &&
                         (broken->code == RUBRIC_ERROR_INVALID || broken->code == RUBRIC_ERROR_NOT_FOUND);
        posted->outcome = POST_GIVE_UP;
        posted->why = g_strdup(broken->message);
        if (!is_broken)
            g_propagate_error(error, g_steal_pointer(&broken));
        return is_broken;
    }
    Effect effect = {
        .idempotency_key = row->idempotency_key,
        .json = documents.json,
        .gradescope = documents.gradescope,
        .markdown = documents.markdown,
        .result = &documents.shown.result,
        .course = posting->role->watch.course,
        .submission = documents.shown.submission,
        .verdict_number = documents.shown.result.verdict_number,
        .tries = row->tries,
        .is_superseded = row->is_superseded,
    };
    g_autoptr(GError) why = NULL;
    posted->outcome = sink_post(sink, &effect, &posted->retry_at_us, &posted->external_id, &why);
    posted->why = why ? g_strdup(why->message) : NULL;
    return true;
}

static bool settle(const Posting *posting, const OutboxRow *row, const Posted *posted, GError **error)
{
    Store *store = posting->role->store;
    if (row->verdict_id == 0 && posted->outcome != POST_DONE)
        return store_outbox_end(store, row, posted->outcome == POST_RETRY ? posted->retry_at_us : 0, posted->why,
                                error);
    switch (posted->outcome) {
    case POST_DONE:
        return store_outbox_complete(store, row, posted->external_id, error);
    case POST_RETRY:
        return store_outbox_retry(store, row, posted->retry_at_us, posted->why, error);
    case POST_GIVE_UP:
        return store_outbox_give_up(store, row, posted->why, error);
    }
    return false;
}

/* The end of this effect and the claim of the next. A lost lease ends the effect for us, not the loop. */
static bool commit(const Posting *posting, const OutboxRow *row, const Posted *posted, OutboxRow **ret_next,
                   GError **error)
{
    Store *store = posting->role->store;
    g_autoptr(OutboxRow) next = NULL;
    g_autoptr(GError) why = NULL;
    if (!store_begin(store, error))
        return false;
    bool done = settle(posting, row, posted, &why) &&
                store_outbox_claim(store, posting->role->worker, posting->lease_us, &next, &why);
    if (store_end(store, done, &why)) {
        *ret_next = g_steal_pointer(&next);
        return true;
    }
    if (g_error_matches(why, RUBRIC_ERROR, RUBRIC_ERROR_DENIED))
        return true;
    g_propagate_error(error, g_steal_pointer(&why));
    return false;
}

static void log_posted(const OutboxRow *row, const Posted *posted)
{
    static const char *const events[] = {
        [POST_DONE] = "posted", [POST_RETRY] = "post_failed", [POST_GIVE_UP] = "post_given_up"};
    static const int levels[] = {[POST_DONE] = LOG_INFO, [POST_RETRY] = LOG_WARNING, [POST_GIVE_UP] = LOG_ERR};
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, row->submission_id);
    bool is_minor = row->verdict_id == 0 && posted->outcome != POST_DONE;
    log_event(is_minor ? LOG_INFO : levels[posted->outcome], is_minor ? "not_announced" : events[posted->outcome],
              "submission", id, "sink", row->sink, "key", row->idempotency_key,
              posted->outcome == POST_DONE ? "as" : "error",
              posted->outcome == POST_DONE ? posted->external_id : posted->why, NULL);
}

/* ---- the loop
 * --------------------------------------------------------------------------------------------------------------- */

static bool rest(const Posting *posting, GError **error)
{
    gint64 due_us = G_MAXINT64;
    if (!store_outbox_next_due(posting->role->store, &due_us, error))
        return false;
    gint64 now_us = clock_now_us();
    gint64 wait_us = due_us > now_us ? MIN(due_us - now_us, longest_sleep_us) : longest_sleep_us;
    role_sleep(posting->role, clock_monotonic_us() + wait_us);
    return true;
}

/* Only when no result is due, and as far as a sink can spare it. */
static bool claim_announcement(const Posting *posting, OutboxRow **claim, GError **error)
{
    const Role *role = posting->role;
    for (guint i = 0; i < posting->sinks->len && !*claim; i++) {
        Sink *sink = g_ptr_array_index(posting->sinks, i);
        bool has_room = false;
        if (!sink->class->announce)
            continue;
        if (!sink->class->has_room(sink, &has_room, error))
            return false;
        if (has_room && !store_outbox_announce(role->store, role->worker, posting->lease_us, sink->name,
                                               sink->announce_after_us, claim, error))
            return false;
    }
    return true;
}

static bool turn(Posting *posting, OutboxRow **claim, GError **error)
{
    Role *role = posting->role;
    role_refresh_course(role);
    if (!*claim && !store_outbox_claim(role->store, role->worker, posting->lease_us, claim, error))
        return false;
    if (!*claim && !claim_announcement(posting, claim, error))
        return false;
    if (!*claim)
        return rest(posting, error);
    g_autoptr(OutboxRow) row = g_steal_pointer(claim);
    g_auto(Posted) posted = {0};
    if (!carry_out(posting, row, &posted, error))
        return false;
    log_posted(row, &posted);
    return commit(posting, row, &posted, claim, error);
}

static gint64 longest_post_us(const Config *config)
{
    gint64 longest_us = 0;
    for (guint i = 0; i < config->sinks->len; i++)
        longest_us = MAX(longest_us, ((const SinkConfig *)g_ptr_array_index(config->sinks, i))->timeout_ms * 1000);
    return longest_us;
}

int post_loop(Role *role)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) sinks = g_ptr_array_new_with_free_func((GDestroyNotify)sink_free);
    Posting posting = {
        .role = role,
        .sinks = sinks,
        .lease_us = MAX(role->config->lease_us, longest_post_us(role->config) + lease_margin_us),
    };
    OutboxRow *claim = NULL;
    bool is_ready = make_sinks(&posting, &error);
    while (is_ready && turn(&posting, &claim, &error))
        continue;
    log_event(LOG_ERR, "post_failed", "error", error ? error->message : "no reason is known", NULL);
    outbox_row_free(claim);
    github_client_free(posting.github);
    return 1;
}
