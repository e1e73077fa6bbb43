/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, and what the server keeps about all of them. An endpoint is told three times: when the
 * head is there (begin: it may answer already, and then the body is not read), for each piece of the body (receive),
 * and when all is there (finish: it answers, or waits). Whatever it does is short: all share one thread.
 */
#pragma once

#include <microhttpd.h>

#include "daemon/web/request.h"
#include "daemon/web/web.h"

typedef struct Exchange Exchange;
typedef struct Web Web;

struct Web {
    Role *role;
    const Config *config;
    const WebConfig *about;
    struct MHD_Daemon *daemon;
    char *webhook_secret; /* NULL: no webhooks */
    gsize webhook_secret_length;
    GHashTable *connections; /* of Connection*, a set */
    gint64 memory_bytes;     /* of all bodies that are held now */
    guint64 n_refused;       /* since the last line in the log */
    char *last_refusal;
    gint64 next_note_us, next_prune_us; /* monotonic */
};

typedef struct {
    unsigned status;
    const char *type;
    GString *body;
    gint64 retry_after_s; /* 0: none */
    const char *allowed;
} Answer;

struct Exchange {
    Web *web;
    struct MHD_Connection *connection;
    WebTarget target;
    WebHeaders headers;
    gint64 length;    /* of the body, as announced */
    GByteArray *body; /* what is held of it in memory */
    Answer answer;    /* status 0: not yet */
};

Exchange *exchange_new(Web *web, struct MHD_Connection *connection, const char *method, const char *path);
void exchange_free(Exchange *exchange);
void exchange_begin(Exchange *exchange);
void exchange_receive(Exchange *exchange, const char *data, gsize length);
void exchange_finish(Exchange *exchange);

/* Text or a whole JSON document as the answer. The first answer stands. */
void exchange_answer(Exchange *exchange, unsigned status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same for a request that is not taken; it is counted for the log. */
void exchange_refuse(Exchange *exchange, unsigned status, const char *why);
/* 503 with Retry-After for what passes, 500 else; logged, freed. */
void exchange_fail(Exchange *exchange, const char *event, GError *error);

/* POST /github/webhook, webhook.c */
void webhook_begin(Exchange *exchange);
void webhook_finish(Exchange *exchange);
/* Reads the secret that `github: webhook_secret_file` names; fine when there is none. */
bool webhook_open(Web *web, GError **error);

/* server.c */
bool server_start(Web *web, GError **error);
void server_stop(Web *web);
/* Serves what is there, waits till `until_mono_us` at most, or till another role sends a wake. */
void server_serve(Web *web, gint64 until_mono_us);
/* Ends connections that take longer than their request may. */
void server_sweep(Web *web);
