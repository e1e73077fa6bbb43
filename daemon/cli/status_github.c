/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/status_github.h"

static const char indent[] = "           ";

static cJSON *limit_to_json(gint64 limit, gint64 remaining, gint64 reset_us, gint64 used_hour)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "limit", limit);
    json_add_int64(json, "remaining", MAX(remaining, 0));
    json_add_int64(json, "reset_us", reset_us);
    json_add_int64(json, "used_since_hour_us", used_hour);
    return json;
}

cJSON *status_github_json(const GithubBudget *budget)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "credential", budget->credential);
    json_add_int64(json, "hour_us", budget->hour_us);
    json_add(json, "rest",
             limit_to_json(budget->rest_limit, budget->rest_remaining, budget->rest_reset_us, budget->rest_hour));
    json_add(json, "graphql",
             limit_to_json(budget->graphql_limit, budget->graphql_remaining, budget->graphql_reset_us,
                           budget->graphql_hour));
    cJSON *writes = json_add(json, "writes", cJSON_CreateObject());
    json_add_int64(writes, "minute", budget->content_minute);
    json_add_int64(writes, "minute_most", GITHUB_WRITES_A_MINUTE);
    json_add_int64(writes, "hour", budget->content_hour);
    json_add_int64(writes, "hour_most", GITHUB_WRITES_AN_HOUR);
    json_add_int64(json, "blocked_until_us", budget->blocked_why ? budget->blocked_until_us : 0);
    json_add_string(json, "blocked_why", budget->blocked_why);
    return json;
}

static void print_limit(const char *what, gint64 limit, gint64 remaining, gint64 reset_us, gint64 used_hour)
{
    gint64 left_us = reset_us - clock_now_us();
    if (limit == 0) {
        printf("%s%s: not asked yet\n", indent, what);
        return;
    }
    printf("%s%s: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " left", indent, what, MAX(remaining, 0), limit);
    if (left_us > 0) {
        g_autofree char *span = clock_format_span(left_us);
        printf(", anew in %s", span);
    }
    printf("; %" G_GINT64_FORMAT " used this hour\n", used_hour);
}

void status_github_print(const GithubBudget *budget, GTimeZone *zone)
{
    printf("github     %s\n", budget->credential);
    print_limit("GraphQL points", budget->graphql_limit, budget->graphql_remaining, budget->graphql_reset_us,
                budget->graphql_hour);
    print_limit("REST requests", budget->rest_limit, budget->rest_remaining, budget->rest_reset_us, budget->rest_hour);
    printf("%swrites: %" G_GINT64_FORMAT " of %d this minute, %" G_GINT64_FORMAT " of %d this hour\n", indent,
           budget->content_minute, GITHUB_WRITES_A_MINUTE, budget->content_hour, GITHUB_WRITES_AN_HOUR);
    if (!budget->blocked_why)
        return;
    const gsize max_bytes = 300;
    g_autofree char *until = clock_format_local(budget->blocked_until_us, zone);
    g_autofree char *left = clock_format_span(budget->blocked_until_us - clock_now_us());
    g_autofree char *why = text_escape_terminal(budget->blocked_why, max_bytes);
    printf("%sasks nothing until %s (in %s): %s\n", indent, until, left, why);
}

void status_github_print_pace(gint64 pace_us, gint64 usual_us)
{
    g_autofree char *pace = clock_format_span(pace_us);
    g_autofree char *usual = clock_format_span(usual_us);
    if (strcmp(pace, usual) == 0)
        return;
    printf("%slooks every %s instead of every %s: %s\n", indent, pace, usual,
           pace_us < usual_us ? "a deadline is near" : "its points would not last else");
}
