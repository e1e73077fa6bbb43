/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/http.h"

#include <curl/curl.h>
#include <string.h>
#include <unistd.h>

static const gsize usual_body_bytes = 64 * 1024;
static const gsize max_header_bytes = 8 * 1024;
static const guint max_headers = 200;

struct HttpClient {
    CURL *curl;
    gint64 timeout_ms;
    bool keeps_cookies;
    char error_text[CURL_ERROR_SIZE];
};

/* What one request's callbacks share. */
typedef struct {
    CURL *curl;
    const HttpRequest *request;
    HttpAnswer *answer;
    gsize max_body_bytes;
    gint64 n_downloaded;
    bool is_too_long;
    GError *error; /* of writing the download */
} Transfer;

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

void http_client_keep_cookies(HttpClient *client)
{
    client->keeps_cookies = true;
}

void http_client_forget_cookies(HttpClient *client)
{
    curl_easy_setopt(client->curl, CURLOPT_COOKIELIST, "ALL");
}

void http_answer_clear(HttpAnswer *answer)
{
    if (answer->body)
        g_string_free(answer->body, TRUE);
    g_clear_pointer(&answer->headers, g_ptr_array_unref);
    *answer = (HttpAnswer){0};
}

const char *http_answer_header(const HttpAnswer *answer, const char *name)
{
    gsize length = strlen(name);
    for (guint i = 0; answer->headers && i < answer->headers->len; i++) {
        const char *line = g_ptr_array_index(answer->headers, i);
        if (g_ascii_strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " \t");
    }
    return NULL;
}

bool http_url_is_local(const char *url)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    CURLU *parts = curl_url();
    char *host = NULL;
    bool is_local = false;
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++)
            is_local = is_local || g_ascii_strcasecmp(host, hosts[i]) == 0;
    }
    curl_free(host);
    curl_url_cleanup(parts);
    return is_local;
}

/* ---- callbacks
 * ----------------------------------------------------------------------------------------------------------- */

static size_t keep_header(char *data, size_t size, size_t n, void *user)
{
    Transfer *transfer = user;
    gsize length = size * n;
    GPtrArray *headers = transfer->answer->headers;
    if (length >= strlen("HTTP/") && strncmp(data, "HTTP/", strlen("HTTP/")) == 0)
        g_ptr_array_set_size(headers, 0); /* a new answer begins: 100 Continue came before */
    else if (headers->len < max_headers && length <= max_header_bytes && memchr(data, ':', length))
        g_ptr_array_add(headers, g_strchomp(g_strndup(data, length)));
    return length;
}

static size_t download(Transfer *transfer, const char *data, gsize length)
{
    transfer->n_downloaded += (gint64)length;
    transfer->is_too_long = transfer->n_downloaded > transfer->request->max_download_bytes;
    if (transfer->is_too_long || !file_write_all(transfer->request->download_fd, data, length, &transfer->error))
        return 0; /* ends the transfer */
    return length;
}

/* Keeps what fits and takes the rest without keeping it, so that the connection stays usable. */
static size_t keep_body(char *data, size_t size, size_t n, void *user)
{
    Transfer *transfer = user;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer->request->download_fd > STDERR_FILENO && status >= 200 && status < 300)
        return download(transfer, data, size * n);
    GString *body = transfer->answer->body;
    gsize room = transfer->max_body_bytes - body->len;
    g_string_append_len(body, data, (gssize)MIN(room, size * n));
    transfer->answer->is_cut = transfer->answer->is_cut || size * n > room;
    return size * n;
}

/* ---- the request
 * --------------------------------------------------------------------------------------------------------- */

static void set_connection_options(HttpClient *client)
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
    if (client->keeps_cookies)
        curl_easy_setopt(curl, CURLOPT_COOKIEFILE, ""); /* from no file: the jar itself outlives the reset */
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "rubricd/" RUBRIC_VERSION);
}

static void set_request_options(Transfer *transfer, const struct curl_slist *headers)
{
    CURL *curl = transfer->curl;
    const HttpRequest *request = transfer->request;
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (request->body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
    }
    bool is_read = !request->method || strcmp(request->method, "GET") == 0;
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, is_read || request->is_repeatable ? 0L : 1L);
    if (request->method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
}

/* Headers may hold a credential, so their copies are wiped. */
static void free_headers(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at; at = at->next)
        explicit_bzero(at->data, strlen(at->data));
    curl_slist_free_all(list);
}

static bool explain(HttpClient *client, Transfer *transfer, CURLcode code, GError **error)
{
    const char *url = transfer->request->shown_url ? transfer->request->shown_url : transfer->request->url;
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a URL that can be asked", url);
    if (transfer->is_too_long)
        return error_set(error, RUBRIC_ERROR_LIMIT, "\"%s\" sends more than %" G_GINT64_FORMAT " bytes", url,
                         transfer->request->max_download_bytes);
    if (transfer->error) {
        g_propagate_error(error, g_steal_pointer(&transfer->error));
        return false;
    }
    return error_set(error, RUBRIC_ERROR_TEMPORARY, "no answer from \"%s\": %s", url,
                     client->error_text[0] ? client->error_text : curl_easy_strerror(code));
}

bool http_request(HttpClient *client, const HttpRequest *request, HttpAnswer *ret_answer, GError **error)
{
    const char *url = request->shown_url ? request->shown_url : request->url;
    if (request->has_credential && g_ascii_strncasecmp(request->url, "https://", strlen("https://")) != 0 &&
        !http_url_is_local(request->url))
        return error_set(error, RUBRIC_ERROR_DENIED, "\"%s\" is not https: no credential is sent over an open line",
                         url);
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    for (gsize i = 0; request->headers && request->headers[i]; i++)
        list = curl_slist_append(list, request->headers[i]);
    g_auto(HttpAnswer)
        answer = {.retry_after_us = -1, .body = g_string_new(NULL), .headers = g_ptr_array_new_with_free_func(g_free)};
    Transfer transfer = {
        .curl = client->curl,
        .request = request,
        .answer = &answer,
        .max_body_bytes = request->max_answer_bytes ? request->max_answer_bytes : usual_body_bytes,
    };
    client->error_text[0] = '\0';
    set_connection_options(client);
    set_request_options(&transfer, list);
    CURLcode code = curl_easy_perform(client->curl);
    free_headers(list);
    if (code != CURLE_OK)
        return explain(client, &transfer, code, error);

    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_off_t retry_after_s = 0;
    if (curl_easy_getinfo(client->curl, CURLINFO_RETRY_AFTER, &retry_after_s) == CURLE_OK && retry_after_s > 0)
        answer.retry_after_us = MIN(retry_after_s, G_MAXINT32) * CLOCK_SECOND_US;
    const char *date = http_answer_header(&answer, "Date");
    answer.date_us = date ? MAX((gint64)curl_getdate(date, NULL), 0) * CLOCK_SECOND_US : 0;
    *ret_answer = answer;
    answer = (HttpAnswer){0}; /* theirs now; the cleanup finds nothing */
    return true;
}
