/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's webhooks. A delivery is believed by its signature over the exact bytes of the body, stored under its GUID,
 * and answered; intake acts on it later. GitHub does not send again what we refuse, and polling goes on underneath.
 */
#include "daemon/web/exchange.h"

#include <string.h>

static const gsize max_kept_bytes = 1024 * 1024;
static const gsize max_name = 64;

bool webhook_open(Web *web, GError **error)
{
    const GithubConfig *github = web->config->github;
    if (!github || !github->webhook_secret_file)
        return true;
    web->webhook_secret = secret_read(github->webhook_secret_file, &web->webhook_secret_length, error);
    return web->webhook_secret != NULL;
}

void webhook_begin(Exchange *exchange)
{
    const WebHeaders *headers = &exchange->headers;
    if (!exchange->web->webhook_secret)
        exchange_refuse(exchange, 404, "no webhook is configured: rubricd.yaml has no secret for it");
    else if (!headers->value[WEB_HUB_SIGNATURE])
        exchange_refuse(exchange, 401, "X-Hub-Signature-256 is missing: give the webhook its secret");
    else if (!web_type_is_json(headers->value[WEB_CONTENT_TYPE]))
        exchange_refuse(exchange, 415, "set the webhook's content type to application/json");
    else if (!web_text_is_plain(headers->value[WEB_GITHUB_EVENT], max_name) ||
             !web_text_is_plain(headers->value[WEB_GITHUB_DELIVERY], max_name))
        exchange_refuse(exchange, 400, "X-GitHub-Event and X-GitHub-Delivery are needed");
}

static void store_delivery(Exchange *exchange, const cJSON *json)
{
    Web *web = exchange->web;
    const cJSON *repository = cJSON_GetObjectItemCaseSensitive(json, "repository");
    bool is_kept = exchange->body->len <= max_kept_bytes;
    g_autofree char *body = is_kept ? g_strndup((const char *)exchange->body->data, exchange->body->len) : NULL;
    const DeliveryRow row = {
        .source = (char *)"github",
        .guid = (char *)exchange->headers.value[WEB_GITHUB_DELIVERY],
        .event = (char *)exchange->headers.value[WEB_GITHUB_EVENT],
        .action = (char *)json_string_or(json, "action", NULL),
        .repository = (char *)json_string_or(repository, "full_name", NULL),
        .body = body,
        .received_us = clock_now_us(),
    };
    bool is_new = false;
    GError *error = NULL;
    if (!store_delivery_insert(role_store(web->role), &row, &is_new, &error)) {
        exchange_fail(exchange, "delivery_not_stored", error);
        return;
    }
    if (is_new)
        wake_send(web->config->state_folder, "intake");
    exchange_answer(exchange, 202, "%s\n", is_new ? "taken" : "known already");
}

void webhook_finish(Exchange *exchange)
{
    const Web *web = exchange->web;
    const char *event = exchange->headers.value[WEB_GITHUB_EVENT];
    if (!web_signature_holds(exchange->headers.value[WEB_HUB_SIGNATURE], web->webhook_secret,
                             web->webhook_secret_length, exchange->body->data, exchange->body->len)) {
        exchange_refuse(exchange, 401, "the signature does not fit the body: is the secret the same on both sides?");
        return;
    }
    if (strcmp(event, "ping") != 0 && !github_event_matters(event)) {
        exchange_answer(exchange, 204, "%s", "");
        return;
    }
    g_autoptr(cJSON) json = json_parse((const char *)exchange->body->data, exchange->body->len, NULL);
    if (!cJSON_IsObject(json))
        exchange_refuse(exchange, 400, "the body is no JSON object");
    else if (strcmp(event, "ping") == 0)
        exchange_answer(exchange, 200, "pong\n");
    else
        store_delivery(exchange, json);
}
