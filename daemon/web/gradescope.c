/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container of Gradescope's asks of us, docs/rest.md. A submission goes to the disk as it comes in and is
 * answered when it is safe; a result is waited for at most as long as was asked. Both sleep without holding the thread:
 * the first till its `sync` has ended, the second till the role grade sends a wake.
 */
#include "daemon/web/exchange.h"

#include <string.h>

static const guint max_uploads = 64, max_sleepers = 384;
static const gint64 crowd_retry_s = 5;
static const gsize max_request_key = 128;

struct GradescopeRequest {
    gint64 key_id;
    BridgeBody *body;
    bool is_counted; /* among the uploads */
    Web *web;
    BridgeTaken about; /* id 0: not known yet */
    gint64 until_mono_us;
};

void gradescope_request_free(GradescopeRequest *request)
{
    if (request->is_counted)
        request->web->n_uploads--;
    bridge_body_free(request->body);
    bridge_taken_clear(&request->about);
    g_free(request);
}

bool gradescope_open(Web *web, GError **error)
{
    web->limits = rate_limits_new(web->about->requests_per_minute);
    return bridge_sweep(web->config->state_folder, error);
}

/* ---- answers
 * ---------------------------------------------------------------------------------------------------------- */

static void answer_document(Exchange *exchange, unsigned status, const char *state, const char *json)
{
    if (exchange->answer.status)
        return;
    const GradescopeRequest *request = exchange->gradescope;
    exchange_answer(exchange, status, "%s", json);
    exchange->answer.type = "application/json";
    exchange->answer.state = state;
    exchange->answer.number = request ? g_strdup(request->about.number) : NULL;
}

void gradescope_refuse_size(Exchange *exchange, gint64 max_bytes)
{
    const BridgeTaken none = {0};
    g_autofree char *limit = text_size(max_bytes);
    g_autofree char *message =
        g_strdup_printf("What you handed in is larger than is taken here, packed: at most %s. It was not graded, and "
                        "it costs you nothing: leave out what was made by programs, and hand in again.",
                        limit);
    g_autofree char *json = bridge_interim(NULL, NULL, &none, "too_large", "Too large to be graded", message);
    answer_document(exchange, 413, "too_large", json);
}

static const Assignment *course_of(Exchange *exchange)
{
    return course_assignment(role_course(exchange->web->role), exchange->target.assignment);
}

static void answer_interim(Exchange *exchange, unsigned status, const char *state, const char *title,
                           const char *message)
{
    g_autofree char *json = bridge_interim(role_store(exchange->web->role), course_of(exchange),
                                           &exchange->gradescope->about, state, title, message);
    answer_document(exchange, status, state, json);
}

static const char later[] =
    "It is safe with us and keeps its time. This is not its result yet, and no score of yours: the result is shown "
    "here once your course staff have the autograder rerun for this submission, which is no new attempt and costs "
    "nothing.";

static void answer_waiting(Exchange *exchange)
{
    gint64 position = -1;
    GError *error = NULL;
    if (!store_job_position(role_store(exchange->web->role), exchange->gradescope->about.id, &position, &error)) {
        exchange_fail(exchange, "position_not_told", error);
        return;
    }
    g_autofree char *place = position > 0
                                 ? g_strdup_printf("%" G_GINT64_FORMAT " are before it in the queue.", position)
                                 : g_strdup(position == 0 ? "It is the next in the queue." : "It is being graded.");
    g_autofree char *message = g_strdup_printf("Not graded yet: %s %s", place, later);
    answer_interim(exchange, 202, position >= 0 ? "queued" : "running", "Waiting to be graded", message);
}

static void answer_refused(Exchange *exchange, const Submission *submission)
{
    g_autofree char *message = g_strdup_printf(
        "It was received, but the course's roster does not tell whose it is, so it is not graded yet: %s. The course "
        "staff have been told. It keeps its time and costs you nothing; ask them to put your e-mail address, as "
        "Gradescope has it, into the roster and to rerun the autograder for this submission.",
        submission->remark ? submission->remark : "no reason is noted");
    answer_interim(exchange, 200, "refused", "Not graded: whose is it?", message);
}

static void answer_replaced(Exchange *exchange)
{
    answer_interim(exchange, 200, "replaced", "Not graded: a newer one took its place",
                   "You or your team handed in again before this one was graded, and before the deadline, so the newer "
                   "one is graded in its place. Look at that one.");
}

/* The newest result, or what there is instead. With `may_wait`: unanswered as long as it is only a matter of time. */
static void answer_with_result(Exchange *exchange, bool may_wait)
{
    Store *store = role_store(exchange->web->role);
    gint64 id = exchange->gradescope->about.id;
    GError *error = NULL;
    g_autoptr(Submission) submission = store_submission_get(store, id, &error);
    if (!submission) {
        exchange_fail(exchange, "submission_not_read", error);
        return;
    }
    bool is_on_its_way = submission->state == SUBMISSION_RECEIVED || submission->state == SUBMISSION_FETCHED;
    if (is_on_its_way && submission->graded_us == 0) {
        if (!may_wait)
            answer_waiting(exchange);
        return;
    }
    g_auto(ShownResult) shown = {0};
    if (!outcome_show(store, role_course(exchange->web->role), id, 0, &shown, &error)) {
        exchange_fail(exchange, "result_not_read", error);
    } else if (shown.verdict) {
        g_autofree char *json = result_gradescope(&shown.result);
        answer_document(exchange, 200, shown.verdict->is_final ? "final" : "graded", json);
        /* For the sink of the web session alone. */
        if (exchange->web->config->gradescope && !bridge_note_shown(store, id, json, &error))
            log_error_free(LOG_WARNING, "shown_result_not_noted", NULL, NULL, error);
    } else if (submission->state == SUBMISSION_REPLACED) {
        answer_replaced(exchange);
    } else {
        answer_refused(exchange, submission);
    }
}

/* ---- who asks
 * --------------------------------------------------------------------------------------------------------- */

/* NULL: answered already. */
static KeyRow *find_key(Exchange *exchange)
{
    Web *web = exchange->web;
    g_autofree char *hash = web_key_hash(exchange->headers.value[WEB_AUTHORIZATION]);
    g_autoptr(KeyRow) key = NULL;
    GError *error = NULL;
    if (hash && !store_key_find(role_store(web->role), hash, &key, &error)) {
        exchange_fail(exchange, "key_not_looked_up", error);
        return NULL;
    }
    if (!key) {
        exchange_refuse(exchange, 401, "no key that is in force: `rubric gradescope key` tells");
        return NULL;
    }
    if (strcmp(key->assignment, exchange->target.assignment) != 0) {
        exchange_refuse(exchange, 403, "this key is for another assignment");
        return NULL;
    }
    gint64 wait_s = rate_limits_take(web->limits, key->id, clock_monotonic_us());
    if (wait_s > 0) {
        exchange->answer.retry_after_s = wait_s;
        exchange_refuse(exchange, 429, "too many requests with this key");
        return NULL;
    }
    if (!course_of(exchange)) {
        exchange_refuse(exchange, 404, "the course has no such assignment");
        return NULL;
    }
    return g_steal_pointer(&key);
}

/* ---- a submission
 * ----------------------------------------------------------------------------------------------------- */

/* A request that was answered before, or whose answer was lost: known by its key, so its body need not come again. */
static bool answer_known(Exchange *exchange, const char *request_key)
{
    BridgeTaken *about = &exchange->gradescope->about;
    GError *error = NULL;
    if (!bridge_find_request(role_store(exchange->web->role), course_of(exchange), request_key, about, &error)) {
        exchange_fail(exchange, "request_not_looked_up", error);
        return true;
    }
    if (about->id == 0)
        return false;
    g_autoptr(Submission) submission = store_submission_get(role_store(exchange->web->role), about->id, &error);
    if (!submission) {
        exchange_fail(exchange, "submission_not_read", error);
        return true;
    }
    if (submission->state == SUBMISSION_REFUSED) {
        bridge_taken_clear(about); /* the roster may know its owner by now */
        about->id = 0;
        return false;
    }
    answer_with_result(exchange, false);
    return true;
}

static void begin_upload(Exchange *exchange, const KeyRow *key)
{
    Web *web = exchange->web;
    GradescopeRequest *request = exchange->gradescope;
    const char *request_key = exchange->headers.value[WEB_IDEMPOTENCY_KEY];
    if (!web_text_is_plain(request_key, max_request_key)) {
        exchange_refuse(exchange, 400, "the header Idempotency-Key is needed: at most 128 of a-z, A-Z, 0-9, - and _");
        return;
    }
    if (key->max_bytes > 0 && exchange->length > key->max_bytes) {
        gradescope_refuse_size(exchange, key->max_bytes);
        return;
    }
    if (answer_known(exchange, request_key))
        return;
    if (web->n_uploads >= max_uploads) {
        exchange->answer.retry_after_s = crowd_retry_s;
        exchange_refuse(exchange, 503, "too many hand in at once; try again in some seconds");
        return;
    }
    GError *error = NULL;
    request->body = bridge_body_new(web->config->state_folder, exchange->length, &error);
    if (!request->body) {
        exchange_fail(exchange, "upload_not_begun", error);
        return;
    }
    request->is_counted = true;
    web->n_uploads++;
}

static bool is_invalid(const GError *error)
{
    return g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID);
}

static void refuse_body(Exchange *exchange, GError *error)
{
    if (!is_invalid(error)) {
        exchange_fail(exchange, "upload_failed", error);
        return;
    }
    exchange_refuse(exchange, 400, error->message);
    g_error_free(error);
}

void gradescope_receive(Exchange *exchange, const char *data, gsize length)
{
    GError *error = NULL;
    if (!bridge_body_receive(exchange->gradescope->body, data, length, &error))
        refuse_body(exchange, error);
}

static void take(Exchange *exchange)
{
    Web *web = exchange->web;
    GradescopeRequest *request = exchange->gradescope;
    SourceContext context = {
        .store = role_store(web->role),
        .course = role_course(web->role),
        .state_folder = web->config->state_folder,
    };
    const Assignment *assignment = course_of(exchange);
    GError *error = NULL;
    if (!assignment) {
        exchange_refuse(exchange, 404, "the course has no such assignment");
        return;
    }
    if (!bridge_take(&context, assignment, request->body, exchange->headers.value[WEB_IDEMPOTENCY_KEY], &request->about,
                     &error)) {
        refuse_body(exchange, error);
        return;
    }
    if (request->about.is_new) {
        wake_send(web->config->state_folder, "grade");
        if (!store_key_note_use(context.store, request->key_id, &error))
            log_error_free(LOG_WARNING, "use_of_key_not_noted", NULL, NULL, error);
    }
    answer_with_result(exchange, false);
}

/* ---- the steps
 * -------------------------------------------------------------------------------------------------------- */

static void begin_result(Exchange *exchange)
{
    GradescopeRequest *request = exchange->gradescope;
    gint64 wait_s = 0;
    GError *error = NULL;
    if (!web_wait_seconds(MHD_lookup_connection_value(exchange->connection, MHD_GET_ARGUMENT_KIND, "wait"), &wait_s))
        exchange_refuse(exchange, 400, "wait is no number of seconds");
    else if (!bridge_find(role_store(exchange->web->role), course_of(exchange), exchange->target.number,
                          &request->about, &error))
        exchange_fail(exchange, "submission_not_looked_up", error);
    else if (request->about.id == 0)
        exchange_refuse(exchange, 404, "no submission of this number has been handed in here");
    request->until_mono_us = clock_monotonic_us() + wait_s * CLOCK_SECOND_US;
}

void gradescope_begin(Exchange *exchange)
{
    g_autoptr(KeyRow) key = find_key(exchange);
    if (!key)
        return;
    exchange->gradescope = g_new0(GradescopeRequest, 1);
    exchange->gradescope->web = exchange->web;
    exchange->gradescope->key_id = key->id;
    if (exchange->target.endpoint == WEB_GRADESCOPE_SUBMIT)
        begin_upload(exchange, key);
    else
        begin_result(exchange);
}

void gradescope_finish(Exchange *exchange)
{
    GradescopeRequest *request = exchange->gradescope;
    GError *error = NULL;
    if (request->body && !bridge_body_end(request->body, &error)) {
        refuse_body(exchange, error);
        return;
    }
    if (!request->body && exchange->web->waiting->len >= max_sleepers) {
        request->until_mono_us = 0;
        exchange->answer.retry_after_s = crowd_retry_s;
    }
    gradescope_tick(exchange);
}

void gradescope_tick(Exchange *exchange)
{
    GradescopeRequest *request = exchange->gradescope;
    GError *error = NULL;
    if (!request->body)
        answer_with_result(exchange, clock_monotonic_us() < request->until_mono_us);
    else if (bridge_body_is_safe(request->body, &error))
        take(exchange);
    else if (error)
        refuse_body(exchange, error);
}

int gradescope_fd(const Exchange *exchange)
{
    return exchange->gradescope && exchange->gradescope->body ? bridge_body_pidfd(exchange->gradescope->body) : -1;
}
