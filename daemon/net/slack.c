/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slack's incoming webhooks: a POST of {"text": ...} to a URL that nobody else knows; 200 with the body "ok", else a
 * word that says why. Formatting, names that become links, and previews are all switched off.
 */
#include <string.h>

#include "daemon/net/http.h"
#include "daemon/net/net.h"

static const gint64 first_wait_us = CLOCK_SECOND_US, longest_wait_us = CLOCK_HOUR_US;
static const gint64 longest_obeyed_us = CLOCK_DAY_US;
static const gint64 unasked_wait_us = 60 * CLOCK_SECOND_US; /* after a 429 that does not say how long */

struct Slack {
    char *url, *shown;
    HttpClient *client;
};

void slack_free(Slack *slack)
{
    if (!slack)
        return;
    secret_free(slack->url);
    g_free(slack->shown);
    http_client_free(slack->client);
    g_free(slack);
}

static bool url_is_good(const char *url)
{
    bool is_local = g_str_has_prefix(url, "http://") && http_url_is_local(url);
    return (is_local || g_str_has_prefix(url, "https://")) && !strpbrk(url, " \t\r\n\"\\");
}

Slack *slack_new(const char *name, const char *url_file, gint64 timeout_ms, GError **error)
{
    g_autoptr(Slack) slack = g_new0(Slack, 1);
    slack->shown = g_strdup_printf("the webhook of \"%s\"", name);
    slack->url = secret_read(url_file, NULL, error);
    slack->client = slack->url ? http_client_new(timeout_ms, error) : NULL;
    if (!slack->client)
        return NULL;
    if (url_is_good(slack->url))
        return g_steal_pointer(&slack);
    error_set(error, RUBRIC_ERROR_INVALID,
              "\"%s\" holds no webhook's URL: expected one line that starts with https://hooks.slack.com/", url_file);
    return NULL;
}

static char *make_body(const char *text)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "text", text);
    json_add_bool(json, "mrkdwn", false);
    json_add_bool(json, "link_names", false);
    json_add_string(json, "parse", "none");
    json_add_bool(json, "unfurl_links", false);
    json_add_bool(json, "unfurl_media", false);
    return json_print(json);
}

/* Slack's word for it ("no_service"); a page of somebody in between may hold the URL and is not shown. */
static const char *word_of(const HttpAnswer *answer)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyz_";
    const gsize max_length = 40;
    const char *body = answer->body->str;
    gsize length = strspn(body, letters);
    return length > 0 && length <= max_length && body[length] == '\0' ? body : "no word of Slack's";
}

static PostOutcome later(gint64 tries, gint64 asked_us, gint64 *ret_retry_at_us)
{
    gint64 wait_us = MAX(backoff_us(tries, first_wait_us, longest_wait_us), MIN(asked_us, longest_obeyed_us));
    *ret_retry_at_us = clock_now_us() + wait_us;
    return POST_RETRY;
}

static PostOutcome judge(const Slack *slack, const HttpAnswer *answer, gint64 tries, gint64 *ret_retry_at_us,
                         GError **error)
{
    enum { STATUS_TIMEOUT = 408, STATUS_EARLY = 425, STATUS_SLOWER = 429, STATUS_OURS = 500 };
    if (answer->status >= 200 && answer->status < 300)
        return POST_DONE;
    const char *word = word_of(answer);
    if (answer->status == STATUS_SLOWER) {
        error_set(error, RUBRIC_ERROR_TEMPORARY, "%s asks to wait (429)", slack->shown);
        return later(tries, answer->retry_after_us >= 0 ? answer->retry_after_us : unasked_wait_us, ret_retry_at_us);
    }
    if (answer->status == STATUS_TIMEOUT || answer->status == STATUS_EARLY || answer->status >= STATUS_OURS) {
        error_set(error, RUBRIC_ERROR_TEMPORARY, "%s answered %ld (%s)", slack->shown, answer->status, word);
        return later(tries, answer->retry_after_us, ret_retry_at_us);
    }
    error_set(error, RUBRIC_ERROR_INVALID, "%s refused with %ld (%s)", slack->shown, answer->status, word);
    return POST_GIVE_UP;
}

PostOutcome slack_send(Slack *slack, const char *text, gint64 tries, gint64 *ret_retry_at_us, GError **error)
{
    static const char *const headers[] = {"Content-Type: application/json; charset=utf-8", NULL};
    g_autofree char *body = make_body(text);
    const HttpRequest request = {
        .method = "POST",
        .url = slack->url,
        .shown_url = slack->shown,
        .headers = headers,
        .has_credential = true,
        .body = body,
        .body_length = strlen(body),
    };
    g_auto(HttpAnswer) answer = {0};
    GError *failure = NULL;
    if (http_request(slack->client, &request, &answer, &failure))
        return judge(slack, &answer, tries, ret_retry_at_us, error);
    bool may_pass = g_error_matches(failure, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY);
    g_propagate_error(error, failure);
    return may_pass ? later(tries, 0, ret_retry_at_us) : POST_GIVE_UP;
}
