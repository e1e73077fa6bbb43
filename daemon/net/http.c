/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/http.h"

#include <curl/curl.h>

static const gsize max_body_bytes = 64 * 1024;

struct HttpClient {
    CURL *curl;
    gint64 timeout_ms;
    char error_text[CURL_ERROR_SIZE];
};

HttpClient *http_client_new(gint64 timeout_ms, GError **error)
{
    CURL *curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (!curl) {
        error_set(error, RUBRIC_ERROR_SYSTEM, "libcurl cannot be set up");
        return NULL;
    }
    HttpClient *client = g_new0(HttpClient, 1);
    client->curl = curl;
    client->timeout_ms = timeout_ms;
    return client;
}

void http_client_free(HttpClient *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    g_free(client);
}

void http_answer_clear(HttpAnswer *answer)
{
    if (answer->body)
        g_string_free(answer->body, TRUE);
    *answer = (HttpAnswer){0};
}

/* Keeps what fits and takes the rest without keeping it, so that the connection stays usable. */
static size_t keep_body(char *data, size_t size, size_t n, void *user)
{
    GString *body = user;
    gsize room = max_body_bytes - body->len;
    g_string_append_len(body, data, (gssize)MIN(room, size * n));
    return size * n;
}

static void set_options(HttpClient *client, const char *url, const struct curl_slist *headers, const char *body,
                        gsize length, GString *answer)
{
    CURL *curl = client->curl;
    curl_easy_reset(curl); /* options only: connections stay */
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error_text);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)client->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)client->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "rubricd/" RUBRIC_VERSION);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

bool http_post(HttpClient *client, const char *url, const char *const *headers, const char *body, gsize length,
               HttpAnswer *ret_answer, GError **error)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (gsize i = 0; headers && headers[i]; i++)
        list = curl_slist_append(list, headers[i]);
    g_auto(HttpAnswer) answer = {.retry_after_us = -1, .body = g_string_new(NULL)};
    client->error_text[0] = '\0';
    set_options(client, url, list, body, length, answer.body);
    CURLcode code = curl_easy_perform(client->curl);
    curl_slist_free_all(list);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a URL that can be posted to", url);
    if (code != CURLE_OK)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "no answer from \"%s\": %s", url,
                         client->error_text[0] ? client->error_text : curl_easy_strerror(code));

    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t retry_after_s = 0;
    if (curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK && retry_after_s > 0)
        answer.retry_after_us = MIN(retry_after_s, G_MAXINT32) * CLOCK_SECOND_US;
    *ret_answer = answer;
    answer.body = NULL; /* theirs now; the cleanup finds nothing */
    return true;
}
