/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink gradescope: what was not shown at Gradescope yet is shown by a rerun of its autograder, which must be that
 * of `rubric gradescope bridge`, for the web session cannot write a score. Experimental. A rerun more is no harm: it
 * shows the same result again, is no new attempt and costs nothing.
 */
#include <string.h>

#include "daemon/net/gradescope_identity.h"
#include "daemon/net/net.h"

static const gint64 first_wait_us = 60 * CLOCK_SECOND_US, longest_wait_us = 6 * CLOCK_HOUR_US;
/* A container that waits for this result asks at least this often. */
static const gint64 container_us = 90 * CLOCK_SECOND_US;

typedef struct {
    Sink base;
    const GradescopeConfig *config;
    Store *store;
    const char *state_folder;
    GradescopeSession *session;
    gint64 max_tries;
} GradescopeSink;

/* The number over there when the assignment's autograder is the bridge; NULL: not of Gradescope, or there is no key
 * that is in force, so that a rerun would not come to us. */
static char *number_of(const GradescopeSink *sink, const Effect *effect, GError **error)
{
    const Submission *submission = effect->submission;
    const Assignment *assignment = effect->result->assignment;
    if (g_strcmp0(submission->source, "gradescope") != 0 || !assignment || !assignment->gradescope_id)
        return NULL;
    const char *colon = strrchr(submission->external_id, ':');
    g_autofree char *number = colon ? gradescope_submission_number(colon + 1) : NULL;
    g_autoptr(GPtrArray) keys = store_key_list(sink->store, submission->assignment, error);
    for (guint i = 0; number && keys && i < keys->len; i++) {
        if (((const KeyRow *)g_ptr_array_index(keys, i))->revoked_us == 0)
            return g_steal_pointer(&number);
    }
    return NULL;
}

static PostOutcome again(const GradescopeSink *sink, const Effect *effect, const GError *why, gint64 *ret_retry_at_us)
{
    bool is_ours = why->domain != RUBRIC_ERROR || why->code == RUBRIC_ERROR_SYSTEM;
    bool may_pass = is_ours || why->code == RUBRIC_ERROR_TEMPORARY || effect->tries + 1 < sink->max_tries;
    *ret_retry_at_us = clock_now_us() + backoff_us(effect->tries, first_wait_us, longest_wait_us);
    return may_pass ? POST_RETRY : POST_GIVE_UP;
}

static PostOutcome gradescope_post(Sink *base, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                                   GError **error)
{
    GradescopeSink *sink = (GradescopeSink *)base;
    g_autoptr(GError) failure = NULL;
    bool is_shown = false;
    g_autofree char *number = number_of(sink, effect, &failure);
    bool done = !failure;
    if (number)
        done = bridge_is_shown(sink->store, effect->submission->id, effect->gradescope, &is_shown, &failure);
    if (done && (!number || is_shown)) {
        *ret_external_id = is_shown ? g_strdup_printf("shown:%s", number) : NULL;
        return POST_DONE;
    }
    if (done && effect->tries == 0) {
        *ret_retry_at_us = clock_now_us() + container_us;
        error_set(error, RUBRIC_ERROR_TEMPORARY,
                  "the autograder over there may be waiting for this result: a rerun is "
                  "asked for if it has not shown it in 90 s");
        return POST_RETRY;
    }
    bool is_new = false;
    done = done &&
           gradescope_session_open(&sink->session, sink->config, sink->state_folder, effect->course->gradescope_course,
                                   &is_new, &failure) &&
           gradescope_session_rerun(sink->session, effect->result->assignment->gradescope_id, number, &failure);
    if (done) {
        *ret_external_id = g_strdup_printf("rerun:%s", number);
        return POST_DONE;
    }
    PostOutcome outcome = again(sink, effect, failure, ret_retry_at_us);
    g_propagate_error(error, g_steal_pointer(&failure));
    return outcome;
}

static void gradescope_free(Sink *base)
{
    GradescopeSink *sink = (GradescopeSink *)base;
    gradescope_session_free(sink->session);
    g_free(sink);
}

Sink *sink_gradescope_new(const char *name, const GradescopeConfig *config, Store *store, const char *state_folder,
                          gint64 max_tries)
{
    static const SinkClass class = {.kind = "gradescope", .post = gradescope_post, .free = gradescope_free};
    GradescopeSink *sink = g_new0(GradescopeSink, 1);
    sink->base = (Sink){.class = &class, .name = g_strdup(name)};
    sink->config = config;
    sink->store = store;
    sink->state_folder = state_folder;
    sink->max_tries = max_tries;
    return &sink->base;
}
