/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A POST of result.json to somebody's URL. The receiver knows the effect again by Idempotency-Key and trusts it by the
 * signature: X-Rubricd-Signature-256 is "sha256=" and the hex HMAC-SHA256 of the exact body under the shared secret.
 */
#include "daemon/net/http.h"
#include "daemon/net/net.h"

#include <string.h>

static const gint64 first_wait_us = CLOCK_SECOND_US;
static const gint64 longest_wait_us = CLOCK_HOUR_US;
static const gint64 longest_obeyed_us = CLOCK_DAY_US;

typedef struct {
    Sink base;
    char *url;
    char *secret;
    gsize secret_length;
    unsigned max_tries;
    HttpClient *client;
} WebhookSink;

/* 5xx, "slow down" and "try again" may pass; any other refusal will be the same tomorrow. */
static bool status_may_pass(long status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

static PostOutcome retry_or_give_up(const WebhookSink *sink, const Effect *effect, gint64 asked_us,
                                    gint64 *ret_retry_at_us, GError **error)
{
    if (effect->tries + 1 >= sink->max_tries) {
        g_prefix_error(error, "given up after %" G_GINT64_FORMAT " tries: ", effect->tries + 1);
        return POST_GIVE_UP;
    }
    gint64 wait_us = backoff_us(effect->tries, first_wait_us, longest_wait_us);
    wait_us = MAX(wait_us, MIN(asked_us, longest_obeyed_us));
    *ret_retry_at_us = clock_now_us() + wait_us;
    return POST_RETRY;
}

static bool send_effect(WebhookSink *sink, const Effect *effect, HttpAnswer *ret_answer, GError **error)
{
    gsize length = strlen(effect->json);
    g_autofree char *digest = g_compute_hmac_for_data(G_CHECKSUM_SHA256, (const guchar *)sink->secret,
                                                      sink->secret_length, (const guchar *)effect->json, length);
    g_autofree char *key = g_strdup_printf("Idempotency-Key: %s", effect->idempotency_key);
    g_autofree char *signature = g_strdup_printf("X-Rubricd-Signature-256: sha256=%s", digest);
    const char *const headers[] = {"Content-Type: application/json", key, signature, NULL};
    const HttpRequest request = {
        .method = "POST",
        .url = sink->url,
        .headers = headers,
        .is_repeatable = true, /* the receiver knows it again by its key */
        .body = effect->json,
        .body_length = length,
    };
    return http_request(sink->client, &request, ret_answer, error);
}

static PostOutcome webhook_post(Sink *base, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                                GError **error)
{
    WebhookSink *sink = (WebhookSink *)base;
    g_auto(HttpAnswer) answer = {0};
    GError *send_error = NULL;
    if (!send_effect(sink, effect, &answer, &send_error)) {
        bool may_pass = send_error->code == RUBRIC_ERROR_TEMPORARY;
        g_propagate_error(error, send_error);
        return may_pass ? retry_or_give_up(sink, effect, -1, ret_retry_at_us, error) : POST_GIVE_UP;
    }
    if (answer.status >= 200 && answer.status < 300) {
        *ret_external_id = g_strdup_printf("http %ld", answer.status);
        return POST_DONE;
    }
    const gsize max_shown = 200;
    g_autofree char *said = text_escape_terminal(answer.body->str, max_shown);
    if (status_may_pass(answer.status)) {
        error_set(error, RUBRIC_ERROR_TEMPORARY, "\"%s\" answered %ld: %s", sink->url, answer.status, said);
        return retry_or_give_up(sink, effect, answer.retry_after_us, ret_retry_at_us, error);
    }
    error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" refused with %ld: %s", sink->url, answer.status, said);
    return POST_GIVE_UP;
}

static void webhook_free(Sink *base)
{
    WebhookSink *sink = (WebhookSink *)base;
    if (sink->secret)
        explicit_bzero(sink->secret, sink->secret_length);
    g_free(sink->secret);
    g_free(sink->url);
    http_client_free(sink->client);
    g_free(sink);
}

static bool read_secret(WebhookSink *sink, const char *path, GError **error)
{
    const gsize max_bytes = 4096, min_bytes = 16;
    if (!file_read(path, max_bytes, &sink->secret, &sink->secret_length, error))
        return false;
    while (sink->secret_length > 0 && strchr("\r\n", sink->secret[sink->secret_length - 1]))
        sink->secret_length--;
    return sink->secret_length >= min_bytes ||
           error_set(error, RUBRIC_ERROR_INVALID, "the secret in \"%s\" is shorter than %" G_GSIZE_FORMAT " bytes",
                     path, min_bytes);
}

Sink *sink_webhook_new(const char *name, const char *url, const char *secret_file, unsigned max_tries,
                       gint64 timeout_ms, GError **error)
{
    static const SinkClass class = {.kind = "webhook", .post = webhook_post, .free = webhook_free};
    WebhookSink *sink = g_new0(WebhookSink, 1);
    sink->base = (Sink){.class = &class, .name = g_strdup(name)};
    sink->url = g_strdup(url);
    sink->max_tries = max_tries;
    sink->client = http_client_new(timeout_ms, error);
    if (sink->client && read_secret(sink, secret_file, error))
        return &sink->base;
    g_prefix_error(error, "sink \"%s\": ", name);
    sink_free(&sink->base);
    return NULL;
}
