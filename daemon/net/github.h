/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GitHub's REST and GraphQL API: credentials, limits, and what an answer means. One client a role; the roles share the
 * planner of the limits through the store, since they use the same credential.
 *
 * Never call it inside a store transaction: it opens its own.
 */
#pragma once

#include "daemon/store/store.h"

/* ======== the connection, as the operator wrote it (rubricd.yaml `github:`)
 * ======================================= */

typedef struct {
    char *api;                      /* without a slash at its end: "https://api.github.com", "https://HOST/api/v3" */
    char *git;                      /* "https://github.com" */
    gint64 app_id, installation_id; /* 0: none, look it up */
    char *key_file;                 /* of the App, PEM; NULL with a token */
    char *token_file;               /* a personal access token; NULL with an App */
    char *webhook_secret_file;      /* or NULL */
} GithubConfig;
void github_config_free(GithubConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GithubConfig, github_config_free)
bool github_config_is_app(const GithubConfig *config);

/* Reads a credential file: a regular file that is ours or root's, closed to group and others, of 8 to 64 KiB; line ends
 * at its end are cut. *ret_length may be NULL. Free with secret_free. */
char *secret_read(const char *path, gsize *ret_length, GError **error);
/* Wipes and frees; NULL is fine. */
void secret_free(char *secret);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(char, secret_free)
/* No core dump and no other user's ptrace for this process from now on: first thing of a role that reads secrets. */
void secret_close_process(void);

/* ======== the client
 * ============================================================================================== */

typedef struct GithubClient GithubClient;
/* `role`: "intake" reads, "post" writes, "web" only looks at webhook deliveries: an App's tokens are minted with no
 * more than that. DENIED, NOT_FOUND, INVALID: the credential file. Borrows config and store. */
GithubClient *github_client_new(const GithubConfig *config, Store *store, const char *role, GError **error);
void github_client_free(GithubClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GithubClient, github_client_free)
/* Whose installation of the App is meant, when the configuration names none. */
void github_client_use_organization(GithubClient *client, const char *organization);
/* 0: it uses a personal access token. */
gint64 github_client_app_id(const GithubClient *client);

/* What the caller can do about an answer. */
typedef enum {
    GITHUB_OK,
    GITHUB_NOT_MODIFIED, /* the ETag still holds */
    GITHUB_RETRY,        /* not before retry_at_us: limits, 5xx, no answer (then the effect may have happened) */
    GITHUB_DENIED,       /* 401 with a fresh token, 403, an API version that is over: said tells what lacks */
    GITHUB_NOT_FOUND,    /* absent, or hidden from this credential */
    GITHUB_CONFLICT,     /* 409: an empty repository, a race */
    GITHUB_GONE,         /* 410: switched off; 403 of an archived repository */
    GITHUB_INVALID,      /* 400, 422 and what is no answer to the question: never retried as it is */
    GITHUB_MOVED,        /* 301, 302, 307, 308: location */
} GithubOutcome;
const char *github_outcome_name(GithubOutcome outcome);

typedef struct {
    const char *method; /* NULL: GET */
    const char *path;   /* "/repos/o/r", below the API's base; for "/graphql" the base is worked out */
    const cJSON *body;  /* or NULL */
    const char *etag;   /* with its quotes, or NULL */
    const char *accept; /* NULL: application/vnd.github+json */
    bool as_app;        /* by the App's own JWT: /app/... */
    bool is_content;    /* creates content: 80 a minute, 500 an hour */
    gint64 n_points;    /* expected GraphQL cost; 0: 1 */
    gint64 max_bytes;   /* of the answer; 0: 16 MiB */
} GithubCall;

typedef struct {
    GithubOutcome outcome;
    long status;                  /* 0: no answer, or not asked because of a limit */
    cJSON *json;                  /* GraphQL: the whole answer with `data`; NULL: none */
    char *etag, *next, *location; /* next: the next page's path, below the API's base */
    gint64 retry_at_us;           /* with RETRY */
    char *said;                   /* one line for people when not OK, without secrets */
} GithubAnswer;
void github_answer_clear(GithubAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GithubAnswer, github_answer_clear)

/* One request with all that belongs to it: headers, token (after a 401 a new one is minted: what only asks is then
 * asked again, what writes is for the caller to look for and to repeat), budget, classification.
 * false only if we ourselves failed (the store, the credential). Sleeps never. */
bool github_call(GithubClient *client, const GithubCall *call, GithubAnswer *ret_answer, GError **error);
/* A GraphQL query; `variables` (taken over, may be NULL). `errors` without `data` never are OK. */
bool github_query(GithubClient *client, const char *query, cJSON *variables, gint64 n_points, GithubAnswer *ret_answer,
                  GError **error);

/* The login that stands beside what this credential writes ("autograder[bot]" for an App). Caller frees; NULL with
 * `ret_answer` other than OK: GitHub does not say. */
char *github_client_login(GithubClient *client, GithubAnswer *ret_answer, GError **error);

/* For `git` over https (GitChild.credential_fd): configuration in memory that sends the token with the first request to
 * the configured git host, and to no other. The caller closes *ret_fd; -1: there is no token, and
 * `ret_answer` says why. */
bool github_git_credential(GithubClient *client, int *ret_fd, GithubAnswer *ret_answer, GError **error);

/* ======== the planner of the limits
 * =============================================================================== */

typedef struct {
    char *credential;                                 /* "app 12, installation 34" or "token" */
    gint64 rest_limit, rest_remaining, rest_reset_us; /* limit 0: not known yet */
    gint64 graphql_limit, graphql_remaining, graphql_reset_us;
    gint64 rest_hour, graphql_hour; /* what we used since hour_us */
    gint64 hour_us;
    gint64 rest_minute, graphql_minute, content_minute, content_hour;
    gint64 minute_us;
    gint64 blocked_until_us; /* a secondary limit or Retry-After */
    char *blocked_why;       /* or NULL */
} GithubBudget;
void github_budget_clear(GithubBudget *budget);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GithubBudget, github_budget_clear)
/* As it is in the store. */
bool github_budget_read(Store *store, GithubBudget *ret_budget, GError **error);
/* How much writing the limits leave: nothing before *ret_until_us; as much as the newest results may need; plenty. */
typedef enum { GITHUB_WRITES_NONE, GITHUB_WRITES_SHORT, GITHUB_WRITES_PLENTY } GithubWrites;
bool github_client_writes(GithubClient *client, GithubWrites *ret_writes, gint64 *ret_until_us, const char **ret_why,
                          GError **error);
/* Windows that are over at `now_us` begin anew: what is left, what was used and what is waited for hold for then. */
void github_budget_roll(GithubBudget *budget, gint64 now_us);
/* What we allow ourselves of writes, which is a little less than GitHub does. */
enum { GITHUB_WRITES_A_MINUTE = 76, GITHUB_WRITES_AN_HOUR = 480 };
/* How long to wait between two discoveries: `usual_us`, a third of it near a deadline, longer when what is left of the
 * GraphQL points would not last to their reset. */
gint64 github_budget_pace_us(const GithubBudget *budget, gint64 usual_us, gint64 to_deadline_us, gint64 now_us);
