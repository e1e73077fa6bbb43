/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/exchange.h"

#include <string.h>

static const gint64 max_webhook_bytes = 25 * 1024 * 1024; /* GitHub sends no more */
static const gint64 max_memory_bytes = 64 * 1024 * 1024;  /* of all bodies together */
static const gint64 retry_after_s = 5;

static enum MHD_Result add_header(void *data, enum MHD_ValueKind kind, const char *key, size_t key_size,
                                  const char *value, size_t value_size)
{
    web_headers_add(data, key, key_size, value ? value : "", value ? value_size : 0);
    return MHD_YES;
}

Exchange *exchange_new(Web *web, struct MHD_Connection *connection, const char *method, const char *path)
{
    Exchange *exchange = g_new0(Exchange, 1);
    exchange->web = web;
    exchange->connection = connection;
    exchange->target = web_target_parse(method, path);
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, &exchange->headers);
    return exchange;
}

static void drop_body(Exchange *exchange)
{
    if (!exchange->body)
        return;
    exchange->web->memory_bytes -= exchange->length;
    g_byte_array_unref(exchange->body);
    exchange->body = NULL;
}

void exchange_free(Exchange *exchange)
{
    if (!exchange)
        return;
    drop_body(exchange);
    if (exchange->answer.body)
        g_string_free(exchange->answer.body, TRUE);
    g_free(exchange->answer.number);
    if (exchange->gradescope)
        gradescope_request_free(exchange->gradescope);
    g_ptr_array_remove_fast(exchange->web->waiting, exchange);
    g_free(exchange);
}

void exchange_answer(Exchange *exchange, unsigned status, const char *format, ...)
{
    if (exchange->answer.status)
        return;
    va_list arguments;
    va_start(arguments, format);
    exchange->answer.status = status;
    exchange->answer.type = "text/plain; charset=utf-8";
    exchange->answer.body = g_string_new(NULL);
    g_string_append_vprintf(exchange->answer.body, format, arguments);
    va_end(arguments);
}

void exchange_refuse(Exchange *exchange, unsigned status, const char *why)
{
    if (exchange->answer.status)
        return;
    exchange->web->n_refused++;
    g_free(exchange->web->last_refusal);
    exchange->web->last_refusal = g_strdup_printf("%u %s", status, why);
    exchange_answer(exchange, status, "%s\n", why);
}

void exchange_fail(Exchange *exchange, const char *event, GError *error)
{
    bool passes =
        error->domain == RUBRIC_ERROR && (error->code == RUBRIC_ERROR_TEMPORARY || error->code == RUBRIC_ERROR_LIMIT);
    if (!exchange->answer.status)
        exchange->answer.retry_after_s = passes ? retry_after_s : 0;
    exchange_answer(exchange, passes ? 503 : 500,
                    passes ? "busy; try again in some seconds\n" : "a fault of ours; it is in our log\n");
    log_error_free(LOG_ERR, event, NULL, NULL, error);
}

static bool is_gradescope(const Exchange *exchange)
{
    return exchange->target.endpoint == WEB_GRADESCOPE_SUBMIT || exchange->target.endpoint == WEB_GRADESCOPE_RESULT;
}

static void hold_in_memory(Exchange *exchange)
{
    if (exchange->web->memory_bytes + exchange->length > max_memory_bytes) {
        exchange->answer.retry_after_s = retry_after_s;
        exchange_refuse(exchange, 503, "too much is coming in at once; try again in some seconds");
        return;
    }
    exchange->web->memory_bytes += exchange->length;
    exchange->body = g_byte_array_new();
}

void exchange_begin(Exchange *exchange)
{
    const WebTarget *target = &exchange->target;
    const char *why = NULL;
    const gint64 max_bytes =
        target->endpoint == WEB_GRADESCOPE_SUBMIT ? exchange->web->about->submission_max_bytes : max_webhook_bytes;
    unsigned status = web_head_check(target, &exchange->headers, max_bytes, &exchange->length, &why);
    if (status == 413 && target->endpoint == WEB_GRADESCOPE_SUBMIT) {
        gradescope_refuse_size(exchange, max_bytes);
    } else if (status) {
        exchange_refuse(exchange, status, why);
    } else if (target->status) {
        exchange->answer.allowed = target->allowed;
        exchange_refuse(exchange, target->status, target->status == 404 ? "there is nothing here" : "not this method");
    } else if (target->endpoint == WEB_GITHUB_WEBHOOK) {
        webhook_begin(exchange);
    } else if (is_gradescope(exchange)) {
        gradescope_begin(exchange);
    }
    if (!exchange->answer.status && target->has_body && !is_gradescope(exchange))
        hold_in_memory(exchange);
}

void exchange_receive(Exchange *exchange, const char *data, gsize length)
{
    if (exchange->gradescope && !exchange->answer.status)
        gradescope_receive(exchange, data, length);
    if (exchange->body && exchange->body->len + length <= (gsize)exchange->length)
        g_byte_array_append(exchange->body, (const guint8 *)data, (guint)length);
}

void exchange_finish(Exchange *exchange)
{
    if (exchange->answer.status)
        return;
    if (exchange->target.endpoint == WEB_GITHUB_WEBHOOK)
        webhook_finish(exchange);
    else if (is_gradescope(exchange))
        gradescope_finish(exchange);
    else
        exchange_answer(exchange, 200, "alive\n");
    drop_body(exchange);
}

void exchange_tick(Exchange *exchange)
{
    if (!exchange->answer.status)
        gradescope_tick(exchange);
}

int exchange_fd(const Exchange *exchange)
{
    return gradescope_fd(exchange);
}

bool exchange_reads_on(const Exchange *exchange)
{
    const gint64 short_bytes = 1024 * 1024;
    return exchange->target.has_body && exchange->answer.status < 400 && exchange->length <= short_bytes;
}
