/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of GithubClient: what its files (github.c the call, github_token.c credentials, github_budget.c limits,
 * github_answer.c reading answers) share.
 */
#pragma once

#include "daemon/net/github.h"
#include "daemon/net/http.h"

struct GithubClient {
    const GithubConfig *config;
    Store *store;
    HttpClient *http;
    char *role, *organization;
    char *login;     /* that we write as; NULL: not known yet */
    char *token;     /* a PAT, or an installation token */
    guint n_dropped; /* tokens so far: tells whether one given to git is still the one in use */
    gint64 token_expires_us;
    gint64 installation_id; /* 0: not looked up yet */
    gint64 skew_us;         /* GitHub's clock minus ours, as the last answer had it */
};

/* ---- reading answers: pure, for any bytes ---- */

/* Fills outcome, status, json, etag, next, location, retry_at_us and said. `now_us`: our clock. */
void github_answer_read(const HttpAnswer *http, const char *api, bool is_graphql, gint64 now_us, GithubAnswer *ret);
/* Does it say that a primary limit is used up? */
bool github_is_used_up(const HttpAnswer *http);
/* When that limit begins anew, told in GitHub's clock, as a span from now; G_MAXINT64: it does not say. */
gint64 github_until_reset_us(const HttpAnswer *http, gint64 now_us);
/* The path of `<URL>; rel="next"` below `api`; NULL: none, or it leads elsewhere. Caller frees. */
char *github_link_next(const char *link, const char *api);

/* "2026-11-25T10:00:00Z"; 0: no time. NULL is fine. */
gint64 github_time_us(const char *text);

/* ---- credentials ---- */

/* The App's JWT as of `now_us` (RS256; iat a minute back, exp nine minutes ahead). Wipe it. NULL and error: no key. */
char *github_jwt(gint64 app_id, const char *key_pem, gint64 now_us, GError **error);
/* The same with the client's key, now. */
char *github_app_jwt(const GithubClient *client, GError **error);
/* Sees to client->token. *ret_is_ready false: `answer` says why not (limits, refusals). */
bool github_token_ensure(GithubClient *client, bool *ret_is_ready, GithubAnswer *answer, GError **error);
void github_token_drop(GithubClient *client);

/* One exchange with a given bearer, the budget being the caller's. */
bool github_exchange(GithubClient *client, const GithubCall *call, const char *bearer, GithubAnswer *ret_answer,
                     GError **error);

/* ---- limits ---- */

/* May this call be made now? Books it if so; else *ret_retry_at_us > 0 and *ret_why (static). */
bool github_budget_admit(GithubClient *client, const GithubCall *call, gint64 *ret_retry_at_us, const char **ret_why,
                         GError **error);
/* Notes what an answer says of the limits. */
bool github_budget_settle(GithubClient *client, const GithubCall *call, const HttpAnswer *http,
                          const GithubAnswer *answer, GError **error);
bool github_call_is_graphql(const GithubCall *call);
