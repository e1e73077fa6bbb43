/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client: one libcurl easy handle that keeps its connection open between requests. http and https only, no
 * redirects, certificates checked, times and answers bounded.
 */
#pragma once

#include "daemon/base/base.h"

typedef struct HttpClient HttpClient;
HttpClient *http_client_new(gint64 timeout_ms, GError **error);
void http_client_free(HttpClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

typedef struct {
    long status;
    gint64 retry_after_us; /* of the header Retry-After, seconds or date; -1: none */
    GString *body;         /* the first 64 KiB */
} HttpAnswer;
void http_answer_clear(HttpAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpAnswer, http_answer_clear)

/* POST of `body`. `headers`: NULL-terminated "Name: value". true with any status once there is an answer. TEMPORARY: no
 * answer (refused, reset, timed out, name not resolved); INVALID: the URL is none. */
bool http_post(HttpClient *client, const char *url, const char *const *headers, const char *body, gsize length,
               HttpAnswer *ret_answer, GError **error);
