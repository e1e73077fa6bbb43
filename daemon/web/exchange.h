/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, and what the server keeps about all of them. An endpoint is told three times: when the
 * head is there (begin: it may answer already, and then the body is not read), for each piece of the body (receive),
 * and when all is there (finish: it answers, or waits: then its connection sleeps and it is asked again, tick, whenever
 * something may have happened). Whatever it does is short: all share one thread.
 */
#pragma once

#include <microhttpd.h>

#include "daemon/web/request.h"
#include "daemon/web/web.h"

typedef struct Exchange Exchange;
typedef struct Web Web;
typedef struct GradescopeRequest GradescopeRequest;
typedef struct RateLimits RateLimits;

struct Web {
    Role *role;
    const Config *config;
    const WebConfig *about;
    struct MHD_Daemon *daemon;
    char *webhook_secret; /* NULL: no webhooks */
    gsize webhook_secret_length;
    GHashTable *connections; /* of Connection*, a set */
    GPtrArray *waiting;      /* of Exchange*, borrowed: those that sleep */
    RateLimits *limits;      /* of keys */
    gint64 memory_bytes;     /* of all bodies that are held now */
    guint n_uploads;         /* bodies that go to the disk now */
    guint64 n_refused;       /* since the last line in the log */
    char *last_refusal;
    gint64 next_note_us, next_prune_us, next_tick_us; /* monotonic */
};

typedef struct {
    unsigned status;
    const char *type;
    GString *body;
    gint64 retry_after_s; /* 0: none */
    const char *allowed;
    const char *state; /* of a submission of Gradescope's, and its number there; NULL: not about one */
    char *number;
} Answer;

struct Exchange {
    Web *web;
    struct MHD_Connection *connection;
    WebTarget target;
    WebHeaders headers;
    gint64 length;    /* of the body, as announced */
    GByteArray *body; /* what is held of it in memory */
    GradescopeRequest *gradescope;
    Answer answer; /* status 0: not yet */
};

Exchange *exchange_new(Web *web, struct MHD_Connection *connection, const char *method, const char *path);
void exchange_free(Exchange *exchange);
void exchange_begin(Exchange *exchange);
void exchange_receive(Exchange *exchange, const char *data, gsize length);
void exchange_finish(Exchange *exchange);
/* One that has not answered in exchange_finish looks again whether it can. */
void exchange_tick(Exchange *exchange);
/* The fd that tells when to, or -1. */
int exchange_fd(const Exchange *exchange);
/* Is the body read to its end although the answer is known? A client that is still sending may not see it otherwise. */
bool exchange_reads_on(const Exchange *exchange);

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

/* POST /api/v1/gradescope/ASSIGNMENT/submissions, GET .../NUMBER: gradescope.c */
void gradescope_begin(Exchange *exchange);
void gradescope_receive(Exchange *exchange, const char *data, gsize length);
void gradescope_finish(Exchange *exchange);
void gradescope_tick(Exchange *exchange);
int gradescope_fd(const Exchange *exchange);
void gradescope_request_free(GradescopeRequest *request);
/* What a student reads when the body is too large. */
void gradescope_refuse_size(Exchange *exchange, gint64 max_bytes);
/* Removes what a crash left behind. */
bool gradescope_open(Web *web, GError **error);

/* How often a key may ask: a bucket of tokens each, rate_limit.c. */
RateLimits *rate_limits_new(gint64 per_minute);
void rate_limits_free(RateLimits *limits);
/* 0: it may; else after how many seconds. */
gint64 rate_limits_take(RateLimits *limits, gint64 key_id, gint64 now_mono_us);

/* server.c */
bool server_start(Web *web, GError **error);
void server_stop(Web *web);
/* Serves what is there, waits till `until_mono_us` at most, or till another role sends a wake: true then. */
bool server_serve(Web *web, gint64 until_mono_us);
/* Asks those that wait again, and has the answered ones served. */
void server_tick(Web *web);
/* Ends connections that take longer than their request may. */
void server_sweep(Web *web);
