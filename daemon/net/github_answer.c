/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of GitHub means. Everything here is somebody else's bytes. */
#include <string.h>

#include "daemon/net/github_client.h"

static const gint64 after_failure_us = 30 * CLOCK_SECOND_US;
static const gint64 after_unknown_limit_us = 60 * CLOCK_SECOND_US;
static const gsize max_said_bytes = 300;

const char *github_outcome_name(GithubOutcome outcome)
{
    static const char *const names[] = {"ok",       "not modified", "retry",   "denied", "not found",
                                        "conflict", "gone",         "invalid", "moved"};
    return (gsize)outcome < G_N_ELEMENTS(names) ? names[outcome] : "unknown";
}

void github_answer_clear(GithubAnswer *answer)
{
    cJSON_Delete(answer->json);
    g_free(answer->etag);
    g_free(answer->next);
    g_free(answer->location);
    g_free(answer->said);
    *answer = (GithubAnswer){0};
}

gint64 github_time_us(const char *text)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    gint64 at_us = 0;
    return text && clock_parse(text, utc, &at_us, NULL) ? at_us : 0;
}

char *github_link_next(const char *link, const char *api)
{
    for (const char *at = link ? strchr(link, '<') : NULL; at; at = strchr(at, '<')) {
        const char *end = strchr(at, '>');
        if (!end)
            return NULL;
        const char *parameters_end = strchr(end, '<');
        g_autofree char *url = g_strndup(at + 1, (gsize)(end - at - 1));
        g_autofree char *parameters =
            g_strndup(end + 1, parameters_end ? (gsize)(parameters_end - end - 1) : strlen(end + 1));
        at = end;
        if (!strstr(parameters, "rel=\"next\""))
            continue;
        gsize length = strlen(api);
        bool is_ours = strncmp(url, api, length) == 0 && url[length] == '/';
        return is_ours ? g_strdup(url + length) : NULL;
    }
    return NULL;
}

/* `said`: "GitHub answered 422: Validation Failed (description is too long ...)". */
static char *put_into_words(const HttpAnswer *http, const cJSON *json)
{
    g_autoptr(GString) words = g_string_new(NULL);
    g_string_printf(words, "GitHub answered %ld", http->status);
    const char *message = json_string_or(json, "message", NULL);
    if (message)
        g_string_append_printf(words, ": %s", message);
    const cJSON *each;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(json, "errors"))
    {
        const char *text = cJSON_IsString(each) ? each->valuestring : json_string_or(each, "message", NULL);
        const char *code = json_string_or(each, "code", NULL);
        const char *field = json_string_or(each, "field", NULL);
        if (text || code)
            g_string_append_printf(words, " (%s%s%s)", field ? field : "", field ? ": " : "", text ? text : code);
    }
    const char *permissions = http_answer_header(http, "X-Accepted-GitHub-Permissions");
    if (http->status == 403 && permissions)
        g_string_append_printf(words, "; it would take the permissions %s", permissions);
    return text_escape_terminal(words->str, max_said_bytes);
}

static bool says_limit(const char *text)
{
    g_autofree char *lower = text ? g_ascii_strdown(text, -1) : NULL;
    return lower && (strstr(lower, "rate limit") || strstr(lower, "abuse detection"));
}

bool github_is_used_up(const HttpAnswer *http)
{
    return g_strcmp0(http_answer_header(http, "X-RateLimit-Remaining"), "0") == 0;
}

gint64 github_until_reset_us(const HttpAnswer *http, gint64 now_us)
{
    const char *reset = http_answer_header(http, "X-RateLimit-Reset");
    if (!reset)
        return G_MAXINT64;
    gint64 their_now_us = http->date_us > 0 ? http->date_us : now_us;
    return (gint64)MIN(g_ascii_strtoull(reset, NULL, 10), (guint64)G_MAXUINT32) * CLOCK_SECOND_US - their_now_us;
}

/* GitHub's own order of rules: Retry-After, the reset of what is used up, a minute. */
static gint64 limit_ends_us(const HttpAnswer *http, gint64 now_us)
{
    if (http->retry_after_us >= 0)
        return now_us + http->retry_after_us;
    gint64 left_us = github_until_reset_us(http, now_us);
    if (github_is_used_up(http) && left_us != G_MAXINT64)
        return now_us + CLAMP(left_us, CLOCK_SECOND_US, CLOCK_HOUR_US);
    return now_us + after_unknown_limit_us;
}

static bool is_limited(const HttpAnswer *http, const cJSON *json)
{
    if (http->status == 429)
        return true;
    return http->status == 403 &&
           (http->retry_after_us >= 0 || github_is_used_up(http) || says_limit(json_string_or(json, "message", NULL)));
}

/* "Repository was archived so is read-only.", which no waiting mends. */
static bool is_archived(const HttpAnswer *http, const cJSON *json)
{
    const long forbidden = 403;
    return http->status == forbidden && strstr(json_string_or(json, "message", ""), "archived");
}

/* "The API version 2022-11-28 is no longer supported.": the operator's to mend, and no repository's fault. */
static bool is_of_old_version(const HttpAnswer *http, const cJSON *json)
{
    const long gone = 410;
    return http->status == gone && strstr(json_string_or(json, "message", ""), "API version");
}

static GithubOutcome outcome_of_status(long status)
{
    switch (status) {
    case 304:
        return GITHUB_NOT_MODIFIED;
    case 301:
    case 302:
    case 307:
    case 308:
        return GITHUB_MOVED;
    case 401:
    case 403:
    case 451:
        return GITHUB_DENIED;
    case 404:
        return GITHUB_NOT_FOUND;
    case 409:
        return GITHUB_CONFLICT;
    case 410:
        return GITHUB_GONE;
    case 408:
        return GITHUB_RETRY;
    default:
        return status >= 500 ? GITHUB_RETRY : GITHUB_INVALID;
    }
}

/* 200 with `errors`: a limit, a wrong question, or something of theirs. With `data` beside it the data counts. */
static void read_graphql(const HttpAnswer *http, gint64 now_us, GithubAnswer *ret)
{
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(ret->json, "data");
    const cJSON *errors = cJSON_GetObjectItemCaseSensitive(ret->json, "errors");
    const cJSON *first = cJSON_GetArrayItem(errors, 0);
    const char *type = json_string_or(first, "type", "");
    const char *message = json_string_or(first, "message", "");
    bool is_limit = strcmp(type, "RATE_LIMITED") == 0 || (says_limit(message) && !cJSON_IsObject(data));
    if (!is_limit && cJSON_IsObject(data))
        return;
    ret->said = put_into_words(http, ret->json);
    if (is_limit) {
        ret->outcome = GITHUB_RETRY;
        ret->retry_at_us = limit_ends_us(http, now_us);
    } else if (strcmp(type, "NOT_FOUND") == 0) {
        ret->outcome = GITHUB_NOT_FOUND;
    } else if (strcmp(type, "FORBIDDEN") == 0 || strcmp(type, "INSUFFICIENT_SCOPES") == 0) {
        ret->outcome = GITHUB_DENIED;
    } else if (*type || cJSON_GetObjectItemCaseSensitive(first, "locations")) {
        ret->outcome = GITHUB_INVALID;
    } else {
        ret->outcome = GITHUB_RETRY;
        ret->retry_at_us = now_us + after_failure_us;
    }
}

static void read_success(const HttpAnswer *http, const char *api, bool is_graphql, gint64 now_us, GithubAnswer *ret)
{
    const char *type = http_answer_header(http, "Content-Type");
    g_autoptr(GError) error = NULL;
    if (http->body->len == 0) {
        ret->outcome = GITHUB_OK;
    } else if (http->is_cut) {
        ret->outcome = GITHUB_INVALID;
        ret->said = g_strdup("GitHub's answer is longer than is kept");
    } else if (type && g_str_has_prefix(type, "application/") && strstr(type, "json")) {
        ret->json = json_parse(http->body->str, http->body->len, &error);
        ret->outcome = ret->json ? GITHUB_OK : GITHUB_RETRY;
        ret->said = ret->json ? NULL : g_strdup_printf("GitHub's answer is not whole: %s", error->message);
    } else {
        ret->outcome = GITHUB_RETRY;
        ret->said = g_strdup("what answered is not GitHub: the answer is no JSON");
    }
    ret->retry_at_us = ret->outcome == GITHUB_RETRY ? now_us + after_failure_us : 0;
    ret->next = github_link_next(http_answer_header(http, "Link"), api);
    if (is_graphql && ret->json)
        read_graphql(http, now_us, ret);
}

void github_answer_read(const HttpAnswer *http, const char *api, bool is_graphql, gint64 now_us, GithubAnswer *ret)
{
    *ret = (GithubAnswer){.status = http->status, .etag = g_strdup(http_answer_header(http, "ETag"))};
    if (http->status >= 200 && http->status < 300) {
        read_success(http, api, is_graphql, now_us, ret);
        return;
    }
    ret->json = http->is_cut ? NULL : json_parse(http->body->str, http->body->len, NULL);
    ret->outcome = outcome_of_status(http->status);
    ret->location = g_strdup(http_answer_header(http, "Location"));
    ret->said = put_into_words(http, ret->json);
    if (is_limited(http, ret->json)) {
        ret->outcome = GITHUB_RETRY;
        ret->retry_at_us = limit_ends_us(http, now_us);
    } else if (is_archived(http, ret->json)) {
        ret->outcome = GITHUB_GONE;
    } else if (is_of_old_version(http, ret->json)) {
        ret->outcome = GITHUB_DENIED;
    } else if (ret->outcome == GITHUB_RETRY) {
        ret->retry_at_us = now_us + MAX(after_failure_us, http->retry_after_us);
    }
}
