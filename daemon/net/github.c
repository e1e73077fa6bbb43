/* SPDX-License-Identifier: Apache-2.0 */
/* One call: budget, token, request, what it means, budget. */
#include <string.h>

#include "daemon/net/github_client.h"

static const gint64 timeout_ms = 30 * 1000;
static const gsize usual_answer_bytes = 16 * 1024 * 1024;
static const gint64 after_no_answer_us = 15 * CLOCK_SECOND_US;
static const char api_version[] = "X-GitHub-Api-Version: 2022-11-28";

GithubClient *github_client_new(const GithubConfig *config, Store *store, const char *role, GError **error)
{
    g_autoptr(HttpClient) http = http_client_new(timeout_ms, error);
    /* A wrong file is told at the start, not at the first request. */
    const char *path = github_config_is_app(config) ? config->key_file : config->token_file;
    g_autoptr(char) probe = http ? secret_read(path, NULL, error) : NULL;
    if (!probe)
        return NULL;
    GithubClient *client = g_new0(GithubClient, 1);
    client->config = config;
    client->store = store;
    client->role = g_strdup(role);
    client->installation_id = config->installation_id;
    client->http = g_steal_pointer(&http);
    return client;
}

void github_client_free(GithubClient *client)
{
    if (!client)
        return;
    github_token_drop(client);
    http_client_free(client->http);
    g_free(client->role);
    g_free(client->login);
    g_free(client->organization);
    g_free(client);
}

void github_client_use_organization(GithubClient *client, const char *organization)
{
    if (g_strcmp0(client->organization, organization) == 0)
        return;
    github_token_drop(client);
    g_free(client->organization);
    client->organization = g_strdup(organization);
}

gint64 github_client_app_id(const GithubClient *client)
{
    return github_config_is_app(client->config) ? client->config->app_id : 0;
}

/* GraphQL lies beside the REST base: api.github.com/graphql, HOST/api/v3 -> HOST/api/graphql. */
static char *call_url(const GithubClient *client, const GithubCall *call)
{
    const char *api = client->config->api;
    const char enterprise[] = "/api/v3";
    if (github_call_is_graphql(call) && g_str_has_suffix(api, enterprise))
        return g_strdup_printf("%.*s/api/graphql", (int)(strlen(api) - strlen(enterprise)), api);
    return g_strconcat(api, call->path, NULL);
}

/* Asking twice is as good as asking once. */
static bool only_asks(const GithubCall *call)
{
    return !call->method || strcmp(call->method, "GET") == 0 || github_call_is_graphql(call);
}

bool github_exchange(GithubClient *client, const GithubCall *call, const char *bearer, GithubAnswer *ret_answer,
                     GError **error)
{
    g_autofree char *url = call_url(client, call);
    g_autofree char *body = call->body ? json_print(call->body) : NULL;
    g_autofree char *accept =
        g_strdup_printf("Accept: %s", call->accept ? call->accept : "application/vnd.github+json");
    g_autofree char *etag = call->etag ? g_strdup_printf("If-None-Match: %s", call->etag) : NULL;
    g_autoptr(char) authorization = g_strdup_printf("Authorization: Bearer %s", bearer);
    const char *headers[6] = {accept, api_version, authorization};
    gsize n = 3;
    if (body)
        headers[n++] = "Content-Type: application/json";
    if (etag)
        headers[n++] = etag;
    const HttpRequest request = {
        .method = call->method,
        .url = url,
        .headers = headers,
        .is_repeatable = only_asks(call),
        .has_credential = true,
        .body = body,
        .body_length = body ? strlen(body) : 0,
        .max_answer_bytes = call->max_bytes > 0 ? (gsize)call->max_bytes : usual_answer_bytes,
    };
    g_auto(HttpAnswer) http = {0};
    g_autoptr(GError) no_answer = NULL;
    gint64 now_us = clock_now_us();
    *ret_answer = (GithubAnswer){0};
    if (http_request(client->http, &request, &http, &no_answer)) {
        github_answer_read(&http, client->config->api, github_call_is_graphql(call), clock_now_us(), ret_answer);
        client->skew_us = http.date_us > 0 ? http.date_us - now_us : client->skew_us;
        return github_budget_settle(client, call, &http, ret_answer, error);
    }
    if (no_answer->code != RUBRIC_ERROR_TEMPORARY) {
        g_propagate_error(error, g_steal_pointer(&no_answer));
        return false;
    }
    *ret_answer = (GithubAnswer){
        .outcome = GITHUB_RETRY,
        .retry_at_us = now_us + after_no_answer_us,
        .said = text_escape_terminal(no_answer->message, 300),
    };
    return true;
}

/* By a token that is minted for it, or by the App's own JWT. */
static bool call_once(GithubClient *client, const GithubCall *call, GithubAnswer *answer, GError **error)
{
    if (call->as_app) {
        g_autoptr(char) jwt = github_app_jwt(client, error);
        return jwt && github_exchange(client, call, jwt, answer, error);
    }
    bool is_ready = false;
    if (!github_token_ensure(client, &is_ready, answer, error))
        return false;
    return !is_ready || github_exchange(client, call, client->token, answer, error);
}

static bool needs_app(const GithubClient *client, const GithubCall *call, GithubAnswer *answer)
{
    if (!call->as_app || github_config_is_app(client->config))
        return false;
    answer->outcome = GITHUB_DENIED;
    answer->said = g_strdup("this takes a GitHub App; a personal access token is configured");
    return true;
}

bool github_call(GithubClient *client, const GithubCall *call, GithubAnswer *ret_answer, GError **error)
{
    const long unauthorized = 401;
    g_auto(GithubAnswer) answer = {0};
    const char *why = NULL;
    if (!needs_app(client, call, &answer)) {
        if (!github_budget_admit(client, call, &answer.retry_at_us, &why, error))
            return false;
        if (why) {
            answer.outcome = GITHUB_RETRY;
            answer.said = g_strdup(why);
        } else if (!call_once(client, call, &answer, error)) {
            return false;
        }
        if (answer.status == unauthorized) {
            /* Expired, taken back, replaced in its file, or our clock was wrong: once more with a fresh one. What
             * writes is left to the caller, who looks first whether it was done for all that. */
            github_token_drop(client);
            if (only_asks(call)) {
                github_answer_clear(&answer);
                if (!call_once(client, call, &answer, error))
                    return false;
            }
        }
    }
    *ret_answer = answer;
    answer = (GithubAnswer){0};
    return true;
}

bool github_query(GithubClient *client, const char *query, cJSON *variables, gint64 n_points, GithubAnswer *ret_answer,
                  GError **error)
{
    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_add_string(body, "query", query);
    json_add(body, "variables", variables ? variables : cJSON_CreateObject());
    const GithubCall call = {.method = "POST", .path = "/graphql", .body = body, .n_points = n_points};
    return github_call(client, &call, ret_answer, error);
}

/* An App's is told with the installation, whenever a token is minted. */
char *github_client_login(GithubClient *client, GithubAnswer *ret_answer, GError **error)
{
    bool is_ready = true;
    *ret_answer = (GithubAnswer){0};
    if (client->login)
        return g_strdup(client->login);
    if (github_config_is_app(client->config)) {
        if (!github_token_ensure(client, &is_ready, ret_answer, error))
            return NULL;
    } else {
        const GithubCall call = {.path = "/user"};
        if (!github_call(client, &call, ret_answer, error))
            return NULL;
        if (ret_answer->outcome == GITHUB_OK)
            client->login = g_strdup(json_string_or(ret_answer->json, "login", NULL));
    }
    if (!client->login && is_ready && ret_answer->outcome == GITHUB_OK) {
        ret_answer->outcome = GITHUB_INVALID;
        ret_answer->said = g_strdup("GitHub does not tell the login of this credential");
    }
    return g_strdup(client->login);
}
