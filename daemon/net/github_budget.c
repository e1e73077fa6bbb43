/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The planner of GitHub's limits. All roles use one credential, so its state is one row of the store, read and written
 * in a transaction before each request (so that two roles never spend the same point) and after it (what GitHub said).
 *
 * Bounds, from GitHub's documentation, each kept with a margin: 900 REST points a minute (a GET 1, a write 5), 2,000
 * GraphQL points a minute, 80 content-creating requests a minute and 500 an hour, and the primary limits that every
 * answer tells. Requests of a role are serial, so that far fewer than 100 are ever open.
 */
#include <string.h>

#include "daemon/net/github_client.h"

static const char budget_source[] = "github:budget", budget_key[] = "state";
static const gint64 minute_us = 60 * CLOCK_SECOND_US;
static const gint64 max_rest_minute = 850, max_graphql_minute = 1900;
/* What intake leaves of a primary limit for results. */
static const gint64 percent_left_for_post = 10;

void github_budget_clear(GithubBudget *budget)
{
    g_free(budget->credential);
    g_free(budget->blocked_why);
    *budget = (GithubBudget){0};
}

/* The whole numbers of the row, by name. */
typedef struct {
    const char *name;
    gint64 *value;
} Field;
enum { N_FIELDS = 15 };
static void list_fields(GithubBudget *budget, Field ret_fields[N_FIELDS])
{
    const Field fields[N_FIELDS] = {
        {"rest_limit", &budget->rest_limit},
        {"rest_remaining", &budget->rest_remaining},
        {"rest_reset_us", &budget->rest_reset_us},
        {"graphql_limit", &budget->graphql_limit},
        {"graphql_remaining", &budget->graphql_remaining},
        {"graphql_reset_us", &budget->graphql_reset_us},
        {"rest_hour", &budget->rest_hour},
        {"graphql_hour", &budget->graphql_hour},
        {"hour_us", &budget->hour_us},
        {"rest_minute", &budget->rest_minute},
        {"graphql_minute", &budget->graphql_minute},
        {"content_minute", &budget->content_minute},
        {"content_hour", &budget->content_hour},
        {"minute_us", &budget->minute_us},
        {"blocked_until_us", &budget->blocked_until_us},
    };
    memcpy(ret_fields, fields, sizeof fields);
}

bool github_budget_read(Store *store, GithubBudget *ret_budget, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_cursor_get(store, budget_source, budget_key, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), NULL) : NULL;
    *ret_budget = (GithubBudget){
        .credential = g_strdup(json_string_or(json, "credential", NULL)),
        .blocked_why = g_strdup(json_string_or(json, "blocked_why", NULL)),
    };
    Field fields[N_FIELDS];
    list_fields(ret_budget, fields);
    for (gsize i = 0; i < N_FIELDS; i++)
        *fields[i].value = json_int64_or(json, fields[i].name, 0);
    return true;
}

static bool write_budget(Store *store, GithubBudget *budget, GError **error)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "credential", budget->credential);
    json_add_string(json, "blocked_why", budget->blocked_why);
    Field fields[N_FIELDS];
    list_fields(budget, fields);
    for (gsize i = 0; i < N_FIELDS; i++)
        json_add_int64(json, fields[i].name, *fields[i].value);
    g_autofree char *text = json_print(json);
    return store_cursor_set(store, budget_source, budget_key, text, error);
}

void github_budget_roll(GithubBudget *budget, gint64 now_us)
{
    if (now_us < budget->hour_us || now_us - budget->hour_us >= CLOCK_HOUR_US) {
        budget->rest_hour = budget->graphql_hour = budget->content_hour = 0;
        budget->hour_us = now_us;
    }
    if (now_us < budget->minute_us || now_us - budget->minute_us >= minute_us) {
        budget->rest_minute = budget->graphql_minute = budget->content_minute = 0;
        budget->minute_us = now_us;
    }
    if (now_us >= budget->rest_reset_us)
        budget->rest_remaining = budget->rest_limit;
    if (now_us >= budget->graphql_reset_us)
        budget->graphql_remaining = budget->graphql_limit;
    if (now_us >= budget->blocked_until_us)
        g_clear_pointer(&budget->blocked_why, g_free);
}

/* What is known of another credential is nothing of this one. */
static void roll(GithubBudget *budget, const GithubClient *client, gint64 now_us)
{
    const GithubConfig *config = client->config;
    g_autofree char *credential = github_config_is_app(config)
                                      ? g_strdup_printf("app %" G_GINT64_FORMAT ", %s", config->app_id, config->api)
                                      : g_strdup_printf("token, %s", config->api);
    if (g_strcmp0(credential, budget->credential) != 0) {
        github_budget_clear(budget);
        budget->credential = g_steal_pointer(&credential);
    }
    github_budget_roll(budget, now_us);
}

bool github_call_is_graphql(const GithubCall *call)
{
    return strcmp(call->path, "/graphql") == 0;
}

/* GET, HEAD 1, writes 5; a GraphQL query 1. */
static gint64 minute_points(const GithubCall *call)
{
    const gint64 of_write = 5;
    bool is_read = !call->method || strcmp(call->method, "GET") == 0 || github_call_is_graphql(call);
    return is_read ? 1 : of_write;
}

static bool is_low(const GithubClient *client, gint64 limit, gint64 remaining, gint64 cost)
{
    const gint64 whole = 100;
    gint64 reserve = strcmp(client->role, "post") == 0 ? 0 : limit * percent_left_for_post / whole;
    return limit > 0 && remaining - cost < reserve;
}

/* The first bound that this call would break, and when it no longer does. */
static const char *find_bound(const GithubClient *client, const GithubBudget *budget, const GithubCall *call,
                              gint64 now_us, gint64 *ret_until_us)
{
    bool is_graphql = github_call_is_graphql(call);
    *ret_until_us = budget->blocked_until_us;
    if (budget->blocked_until_us > now_us)
        return "GitHub asked to wait";
    *ret_until_us = is_graphql ? budget->graphql_reset_us : budget->rest_reset_us;
    if (is_graphql && is_low(client, budget->graphql_limit, budget->graphql_remaining, MAX(call->n_points, 1)))
        return "the hour's GraphQL points are used up";
    if (!is_graphql && !call->as_app && is_low(client, budget->rest_limit, budget->rest_remaining, 1))
        return "the hour's requests are used up";
    *ret_until_us = budget->minute_us + minute_us;
    if (budget->rest_minute + budget->graphql_minute + minute_points(call) > max_graphql_minute ||
        (!is_graphql && budget->rest_minute + minute_points(call) > max_rest_minute))
        return "the minute's points are used up";
    if (call->is_content && budget->content_minute >= GITHUB_WRITES_A_MINUTE)
        return "the minute's writes are used up";
    *ret_until_us = budget->hour_us + CLOCK_HOUR_US;
    if (call->is_content && budget->content_hour >= GITHUB_WRITES_AN_HOUR)
        return "the hour's writes are used up";
    return NULL;
}

static void book(GithubBudget *budget, const GithubCall *call)
{
    if (github_call_is_graphql(call)) {
        budget->graphql_minute += minute_points(call);
        budget->graphql_remaining -= MAX(call->n_points, 1);
    } else {
        budget->rest_minute += minute_points(call);
        budget->rest_remaining -= !call->as_app;
    }
    budget->content_minute += call->is_content;
    budget->content_hour += call->is_content;
}

static bool change(GithubClient *client, GithubBudget *budget, bool done, GError **error)
{
    return store_end(client->store, done && write_budget(client->store, budget, error), error);
}

bool github_budget_admit(GithubClient *client, const GithubCall *call, gint64 *ret_retry_at_us, const char **ret_why,
                         GError **error)
{
    g_auto(GithubBudget) budget = {0};
    gint64 now_us = clock_now_us();
    if (!store_begin(client->store, error))
        return false;
    bool done = github_budget_read(client->store, &budget, error);
    if (done) {
        roll(&budget, client, now_us);
        *ret_why = find_bound(client, &budget, call, now_us, ret_retry_at_us);
        if (!*ret_why)
            book(&budget, call);
        *ret_retry_at_us = *ret_why ? MAX(*ret_retry_at_us, now_us + CLOCK_SECOND_US) : 0;
    }
    return change(client, &budget, done, error);
}

bool github_client_writes(GithubClient *client, GithubWrites *ret_writes, gint64 *ret_until_us, const char **ret_why,
                          GError **error)
{
    const gint64 whole = 100, percent_of_minute = 50, percent_of_hour = 60;
    const GithubCall write = {.method = "POST", .path = "/", .is_content = true};
    g_auto(GithubBudget) budget = {0};
    gint64 now_us = clock_now_us();
    if (!github_budget_read(client->store, &budget, error))
        return false;
    roll(&budget, client, now_us);
    *ret_why = find_bound(client, &budget, &write, now_us, ret_until_us);
    *ret_until_us = MAX(*ret_until_us, now_us + CLOCK_SECOND_US);
    bool has_plenty = budget.content_minute * whole < GITHUB_WRITES_A_MINUTE * percent_of_minute &&
                      budget.content_hour * whole < GITHUB_WRITES_AN_HOUR * percent_of_hour;
    *ret_writes = *ret_why ? GITHUB_WRITES_NONE : has_plenty ? GITHUB_WRITES_PLENTY : GITHUB_WRITES_SHORT;
    return true;
}

/* The headers of a primary limit. The reset is told in GitHub's clock and kept in ours. */
static void note_headers(GithubBudget *budget, const HttpAnswer *http, gint64 now_us)
{
    const char *limit = http_answer_header(http, "X-RateLimit-Limit");
    const char *remaining = http_answer_header(http, "X-RateLimit-Remaining");
    gint64 left_us = github_until_reset_us(http, now_us);
    const char *resource = http_answer_header(http, "X-RateLimit-Resource");
    if (!limit || !remaining || left_us == G_MAXINT64 || !resource)
        return;
    const guint64 most = G_MAXUINT32;
    gint64 reset_us = now_us + CLAMP(left_us, 0, 2 * CLOCK_HOUR_US);
    bool is_graphql = strcmp(resource, "graphql") == 0;
    if (!is_graphql && strcmp(resource, "core") != 0)
        return;
    *(is_graphql ? &budget->graphql_limit : &budget->rest_limit) = (gint64)MIN(g_ascii_strtoull(limit, NULL, 10), most);
    *(is_graphql ? &budget->graphql_remaining : &budget->rest_remaining) =
        (gint64)MIN(g_ascii_strtoull(remaining, NULL, 10), most);
    *(is_graphql ? &budget->graphql_reset_us : &budget->rest_reset_us) = reset_us;
}

/* A secondary limit stops every role; a primary one is known by its numbers. */
static void note_refusal(GithubBudget *budget, const HttpAnswer *http, const GithubAnswer *answer)
{
    bool is_primary = github_is_used_up(http) && http->retry_after_us < 0;
    bool is_limit = http->status == 403 || http->status == 429 || http->status == 200;
    if (answer->outcome != GITHUB_RETRY || !is_limit || is_primary)
        return;
    budget->blocked_until_us = MAX(budget->blocked_until_us, answer->retry_at_us);
    g_free(budget->blocked_why);
    budget->blocked_why = g_strdup(answer->said);
}

bool github_budget_settle(GithubClient *client, const GithubCall *call, const HttpAnswer *http,
                          const GithubAnswer *answer, GError **error)
{
    g_auto(GithubBudget) budget = {0};
    gint64 now_us = clock_now_us();
    if (!store_begin(client->store, error))
        return false;
    bool done = github_budget_read(client->store, &budget, error);
    if (done) {
        roll(&budget, client, now_us);
        if (!call->as_app) /* another limit: the App's own */
            note_headers(&budget, http, now_us);
        note_refusal(&budget, http, answer);
        const cJSON *data = cJSON_GetObjectItemCaseSensitive(answer->json, "data");
        const cJSON *cost = cJSON_GetObjectItemCaseSensitive(data, "rateLimit");
        if (github_call_is_graphql(call))
            budget.graphql_hour += CLAMP(json_int64_or(cost, "cost", MAX(call->n_points, 1)), 0, G_MAXINT32);
        else if (!call->as_app && http->status != 304)
            budget.rest_hour++;
    }
    return change(client, &budget, done, error);
}

gint64 github_budget_pace_us(const GithubBudget *budget, gint64 usual_us, gint64 to_deadline_us, gint64 now_us)
{
    const gint64 near_us = CLOCK_HOUR_US, after_us = -CLOCK_HOUR_US / 4, hurry = 3, whole = 100;
    const gint64 points_a_look = 2; /* the page, and a share of the details */
    gint64 pace_us = to_deadline_us < near_us && to_deadline_us > after_us ? usual_us / hurry : usual_us;
    gint64 left_us = budget->graphql_reset_us - now_us;
    if (budget->graphql_limit == 0 || left_us <= 0)
        return pace_us;
    gint64 usable = budget->graphql_remaining - budget->graphql_limit * percent_left_for_post / whole;
    if (usable < points_a_look)
        return MAX(pace_us, MIN(left_us, CLOCK_HOUR_US));
    return MAX(pace_us, left_us / (usable / points_a_look));
}
