/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a push reached GitHub. GitHub's own record of activity says it for branches, to the second; a webhook says it by
 * its arrival. Else the last push to the repository is an upper bound and our last look a lower one: within these a
 * doubt counts for the student. A commit's date is never read.
 *
 * The record also names the pushes between two looks, so that one in time is not lost behind a late one.
 */
#include "daemon/net/source_github.h"

#include <string.h>

static const guint max_between = 50;
/* With more to take than this, the record is asked only where it decides something. */
static const guint many_repositories = 50;

GPtrArray *github_activity_read(const cJSON *list, const char *ref)
{
    GPtrArray *pushes = g_ptr_array_new_with_free_func(github_push_free);
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        const char *after = json_string_or(each, "after", NULL);
        const char *type = json_string_or(each, "activity_type", "");
        gint64 at_us = github_time_us(json_string_or(each, "timestamp", NULL));
        if (!github_sha_is_plain(after) || at_us == 0 || strcmp(type, "branch_deletion") == 0 ||
            strspn(after, "0") == strlen(after) || strcmp(json_string_or(each, "ref", ""), ref) != 0)
            continue;
        GithubPush *push = g_new0(GithubPush, 1);
        push->ref = g_strdup(ref);
        push->sha = g_strdup(after);
        push->login = g_strdup(json_string_or(cJSON_GetObjectItemCaseSensitive(each, "actor"), "login", NULL));
        push->at_us = at_us + clock_offset_us();
        push->is_sure = true;
        push->is_forced = strcmp(type, "force_push") == 0;
        g_ptr_array_add(pushes, push);
    }
    return pushes;
}

gint64 github_first_deadline_us(const GithubLook *look, const GithubRepo *repo, const GithubPush *push)
{
    gint64 first_us = G_MAXINT64;
    for (guint i = 0; i < repo->watches->len; i++) {
        const GithubWatch *watch = g_ptr_array_index(repo->watches, i);
        const Assignment *assignment = course_assignment(look->context->course, watch->assignment);
        if (assignment && github_watch_wants(watch, push))
            first_us = MIN(first_us, assignment->deadline_us);
    }
    return first_us;
}

gint64 github_receipt_us(const GithubPush *push, gint64 deadline_us)
{
    gint64 at_us = MAX(push->at_us, push->not_before_us);
    bool is_doubtful = !push->is_sure && push->since_us > 0 && push->since_us <= deadline_us && at_us > deadline_us &&
                       push->not_before_us <= deadline_us;
    return is_doubtful ? push->since_us : at_us;
}

/* *ret_record NULL: GitHub has none to show. *ret_is_ready false: it may not be asked now. */
static bool ask_record(const GithubLook *look, const GithubRepo *repo, const char *ref, GPtrArray **ret_record,
                       bool *ret_is_ready, GError **error)
{
    g_autofree char *escaped = g_uri_escape_string(ref, "/", FALSE);
    g_autofree char *path =
        g_strdup_printf("/repositories/%" G_GINT64_FORMAT "/activity?per_page=100&ref=%s", repo->id, escaped);
    const GithubCall call = {.path = path};
    g_auto(GithubAnswer) answer = {0};
    *ret_record = NULL;
    if (!github_call(look->source->client, &call, &answer, error))
        return false;
    *ret_is_ready = answer.outcome != GITHUB_RETRY;
    if (answer.outcome == GITHUB_OK && cJSON_IsArray(answer.json))
        *ret_record = github_activity_read(answer.json, ref);
    return true;
}

/* All since what was taken last; at the first time back to the first one that is in time. */
static void add_between(const GithubLook *look, const GithubRepo *repo, const GPtrArray *record, GPtrArray *pushes)
{
    for (guint i = 0; i < MIN(record->len, max_between); i++) {
        GithubPush *push = g_ptr_array_index(record, i);
        const KnownRef *known = g_hash_table_lookup(repo->git.refs, push->ref);
        push->order = record->len - i;
        if (known && strcmp(known->sha, push->sha) == 0)
            return;
        github_pushes_add(pushes, push);
        if (!known && push->at_us <= github_first_deadline_us(look, repo, push))
            return;
    }
}

static void date_pull(const GPtrArray *record, GithubPush *pull)
{
    for (guint i = 0; i < record->len; i++) {
        const GithubPush *push = g_ptr_array_index(record, i);
        if (strcmp(push->sha, pull->sha) != 0)
            continue;
        pull->at_us = MIN(push->at_us, pull->at_us);
        pull->is_sure = true;
    }
}

static bool needs_record(const GithubLook *look, const GithubRepo *repo, const GithubPush *push)
{
    bool is_branch = g_str_has_prefix(push->ref, "refs/heads/");
    bool is_dated_pull = push->head && !push->is_sure;
    bool is_late = MAX(push->at_us, push->not_before_us) > github_first_deadline_us(look, repo, push);
    return (is_branch || is_dated_pull) && (is_late || look->n_waiting <= many_repositories);
}

bool github_receipt_complete(const GithubLook *look, GithubRepo *repo, GPtrArray *pushes, bool *ret_is_ready,
                             GError **error)
{
    *ret_is_ready = true;
    g_autoptr(GHashTable) asked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < repo->pushes->len; i++) {
        GithubPush *push = g_ptr_array_index(repo->pushes, i);
        bool is_pull = push->head != NULL;
        g_autofree char *ref = is_pull ? g_strconcat("refs/heads/", push->head, NULL) : g_strdup(push->ref);
        github_pushes_add(pushes, push);
        if (!needs_record(look, repo, push) || (!is_pull && !g_hash_table_add(asked, g_strdup(ref))))
            continue;
        g_autoptr(GPtrArray) record = NULL;
        bool may_ask = true;
        if (!ask_record(look, repo, ref, &record, &may_ask, error))
            return false;
        bool is_late = push->at_us > github_first_deadline_us(look, repo, push);
        if (!may_ask && is_late && !push->is_sure) {
            *ret_is_ready = false;
            return true;
        }
        if (record && is_pull)
            date_pull(record, push);
        else if (record)
            add_between(look, repo, record, pushes);
        if (is_pull)
            github_pushes_add(pushes, push);
    }
    return true;
}
