/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client: one libcurl easy handle that keeps its connection open between requests. http and https only,
 * certificates checked, times and answers bounded. It follows no redirect: the caller decides, so that no credential
 * ever reaches another host by itself.
 */
#pragma once

#include "daemon/base/base.h"

typedef struct HttpClient HttpClient;
/* `timeout_ms` bounds a whole request. */
HttpClient *http_client_new(gint64 timeout_ms, GError **error);
void http_client_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)
/* From now on, cookies that a host sets go back to it with later requests, as in a browser; they are kept in memory. */
void http_client_keep_cookies(HttpClient *client);
void http_client_forget_cookies(HttpClient *client);

/* Everything is borrowed. */
typedef struct {
    const char *method; /* NULL: GET */
    const char *url;
    const char *shown_url;      /* in error texts instead of `url`, when that is itself a secret; NULL: the URL */
    const char *const *headers; /* NULL-terminated "Name: value"; NULL: none */
    /* Doing it twice does no harm, as with GET: it may go over a kept connection, where libcurl sends again what was
     * reset before a byte came back. Everything else gets a connection of its own. */
    bool is_repeatable;
    bool has_credential; /* headers or body hold one: DENIED over plain http except to this machine */
    const char *body;    /* NULL: none */
    gsize body_length;
    gsize max_answer_bytes; /* of the body kept in memory; 0: 64 KiB. The rest is read and dropped */
    int download_fd;        /* above 2: the body of a 2xx goes there instead */
    gint64 max_download_bytes;
} HttpRequest;

typedef struct {
    long status;
    gint64 retry_after_us; /* of the header Retry-After, seconds or date; -1: none */
    gint64 date_us;        /* the peer's clock, of the header Date, in whole seconds; 0: none */
    GString *body;
    bool is_cut;        /* the body was longer than what is kept */
    GPtrArray *headers; /* of char* "Name: value", at most 200, each at most 8 KiB, in their order */
} HttpAnswer;
void http_answer_clear(HttpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpAnswer, http_answer_clear)

/* true with any status once there is a whole answer. TEMPORARY: none (refused, reset, cut short, timed out, name not
 * resolved); the effect may have happened. INVALID: the URL is none. LIMIT: the download is too long. DENIED: a
 * credential would go over an open line. */
bool http_request(HttpClient *client, const HttpRequest *request, HttpAnswer *ret_answer, GError **error);

/* The value of a header (its name in any case), NULL when absent. The first, if it came more than once. Borrowed. */
const char *http_answer_header(const HttpAnswer *answer, const char *name);

/* Is `url` http or https to this machine (127.0.0.1, localhost, [::1])? */
bool http_url_is_local(const char *url);
