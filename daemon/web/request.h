/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request asks for, told from its head alone: pure functions over foreign bytes.
 */
#pragma once

#include "daemon/base/base.h"

typedef enum {
    WEB_NOTHING,
    WEB_HEALTH,
    WEB_GITHUB_WEBHOOK,
    WEB_GRADESCOPE_SUBMIT,
    WEB_GRADESCOPE_RESULT,
} WebEndpoint;

/* The headers that mean something here. A second one of the same name is a mistake or an attack. */
typedef enum {
    WEB_AUTHORIZATION,
    WEB_CONTENT_LENGTH,
    WEB_CONTENT_TYPE,
    WEB_HOST,
    WEB_TRANSFER_ENCODING,
    WEB_GITHUB_DELIVERY,
    WEB_GITHUB_EVENT,
    WEB_HUB_SIGNATURE,
    WEB_IDEMPOTENCY_KEY,
    WEB_N_HEADERS,
} WebHeader;

typedef struct {
    const char *value[WEB_N_HEADERS]; /* borrowed; NULL: absent */
    guint n_headers;
    bool is_doubled, is_odd; /* a header came twice; a name or value has bytes that it must not have */
} WebHeaders;
void web_headers_add(WebHeaders *headers, const char *name, gsize name_length, const char *value, gsize value_length);

typedef struct {
    WebEndpoint endpoint;
    unsigned status;     /* 0: fine; 404, 405 */
    const char *allowed; /* with 405: the method that would do */
    bool has_body;       /* a body is expected: Content-Length is needed */
    char assignment[65]; /* of Gradescope's endpoints: our id of it, and their number of a submission */
    char number[21];
} WebTarget;
/* `path` as it was sent, without what follows a '?'; nothing is unescaped, so that a path has one spelling. */
WebTarget web_target_parse(const char *method, const char *path);

/* What is wrong with the head: a status (400, 411, 413, 501) and a sentence in *ret_why; 0: nothing. */
unsigned web_head_check(const WebTarget *target, const WebHeaders *headers, gint64 max_bytes, gint64 *ret_length,
                        const char **ret_why);

/* "sha256=<64 hex>" of `body` under `secret`? In constant time. */
bool web_signature_holds(const char *signature, const char *secret, gsize secret_length, const void *body,
                         gsize length);
/* "application/json", with parameters or without. */
bool web_type_is_json(const char *type);
/* 1 to `max_length` of a-z, A-Z, 0-9, '-' and '_'. */
bool web_text_is_plain(const char *text, gsize max_length);

/* Of "Bearer KEY" the SHA-256 of KEY in hex. NULL: nothing of this form, at most 200 bytes. Caller frees. */
char *web_key_hash(const char *authorization);
/* `wait` of a query: whole seconds, more than 60 being 60; absent is 0. false: no number. */
bool web_wait_seconds(const char *text, gint64 *ret_seconds);
