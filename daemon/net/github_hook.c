/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deliveries of GitHub's webhook, which role web stored under their GUID. Their signature was good, so they are
 * GitHub's word; still every field is read as somebody's. A batch of them is acted on in one transaction, so one is
 * acted on once; what polling saw as well is the same push.
 */
#include "daemon/net/source_github.h"

#include <string.h>

static const guint batch = 200;
static const gint64 max_age_us = 3 * CLOCK_DAY_US;
static const guint max_pages = 10;

typedef enum { ACT_DONE, ACT_IGNORED } Act;

/* ---- one delivery --------------------------------------------------------------------------------------------------
 */

static const cJSON *get(const cJSON *json, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(json, key);
}

/* NULL without an error: it is nobody's. */
static GithubRepo *repo_of(const GithubLook *look, const cJSON *json, GError **error)
{
    const cJSON *repository = get(json, "repository");
    g_autoptr(cJSON) list = cJSON_CreateArray();
    cJSON_AddItemReferenceToArray(list, (cJSON *)repository);
    g_auto(GithubListing) page = {0};
    github_listing_read_rest(list, &page);
    if (page.sights->len != 1)
        return NULL;
    const GithubSight *sight = g_ptr_array_index(page.sights, 0);
    GithubRepo *repo = github_repo_find(look, sight, error);
    if (repo && !repo->node_id)
        repo->node_id = g_strdup(sight->node_id);
    return repo;
}

static bool act_gone(const GithubLook *look, GithubRepo *repo, const char *ref, GError **error)
{
    KnownRef *known = g_hash_table_lookup(repo->git.refs, ref);
    if (!known || known->is_gone)
        return true;
    repo->is_dirty = true;
    return git_repo_flag_gone(look->context, ref, known, error);
}

static const char *sender_of(const cJSON *json)
{
    return json_string_or(get(json, "sender"), "login", NULL);
}

static bool act_push(const GithubLook *look, const DeliveryRow *row, const cJSON *json, GithubRepo *repo,
                     GError **error)
{
    const char *ref = json_string_or(json, "ref", "");
    const char *sha = json_string_or(json, "after", NULL);
    if (json_bool_or(json, "deleted", false))
        return act_gone(look, repo, ref, error);
    bool is_known_kind = g_str_has_prefix(ref, "refs/heads/") || g_str_has_prefix(ref, "refs/tags/");
    if (!is_known_kind || !github_ref_is_plain(ref) || !github_sha_is_plain(sha))
        return true;
    const GithubPush push = {
        .ref = (char *)ref,
        .sha = (char *)sha,
        .login = (char *)sender_of(json),
        .at_us = row->received_us,
        .is_sure = true,
        .is_forced = json_bool_or(json, "forced", false),
    };
    github_repo_add_push(repo, &push);
    return true;
}

static void act_pull(const DeliveryRow *row, const cJSON *json, GithubRepo *repo)
{
    const cJSON *pull = get(json, "pull_request");
    const cJSON *head = get(pull, "head");
    const char *sha = json_string_or(head, "sha", NULL);
    g_autofree char *ref = g_strdup_printf("refs/pull/%" G_GINT64_FORMAT "/head", json_int64_or(pull, "number", 0));
    bool is_news = g_strcmp0(row->action, "opened") == 0 || g_strcmp0(row->action, "synchronize") == 0;
    if (!is_news || github_pull_of_ref(ref) == 0 || !github_sha_is_plain(sha)) {
        repo->wants_sight = true;
        return;
    }
    bool is_own = json_int64_or(get(head, "repo"), "id", 0) == repo->id;
    const GithubPush push = {
        .ref = ref,
        .sha = (char *)sha,
        .login = (char *)sender_of(json),
        .base = (char *)json_string_or(get(pull, "base"), "ref", NULL),
        .head = is_own ? (char *)json_string_or(head, "ref", NULL) : NULL,
        .at_us = row->received_us,
        .is_sure = true,
    };
    github_repo_add_push(repo, &push);
}

static bool act_delete(const GithubLook *look, const cJSON *json, GithubRepo *repo, GError **error)
{
    bool is_tag = strcmp(json_string_or(json, "ref_type", ""), "tag") == 0;
    g_autofree char *ref = g_strconcat(is_tag ? "refs/tags/" : "refs/heads/", json_string_or(json, "ref", ""), NULL);
    return act_gone(look, repo, ref, error);
}

/* "Re-run" beside a result: grade this commit again, by the rubric in force at its receipt. */
static bool act_again(const GithubLook *look, const cJSON *of, const GithubRepo *repo, GError **error)
{
    SourceContext *context = look->context;
    const char *sha = json_string_or(of, "head_sha", "");
    g_autofree char *prefix = g_strdup_printf("%" G_GINT64_FORMAT, repo->id);
    g_autoptr(GPtrArray) list =
        store_submission_list_revision(context->store, look->source->base.name, prefix, sha, error);
    for (guint i = 0; list && i < list->len; i++) {
        const Submission *submission = g_ptr_array_index(list, i);
        const Assignment *assignment = course_assignment(context->course, submission->assignment);
        bool is_graded = submission->state == SUBMISSION_GRADED || submission->state == SUBMISSION_DECIDED ||
                         submission->state == SUBMISSION_POSTED;
        if (assignment && is_graded &&
            !store_job_enqueue(context->store, submission->id, assignment->deadline_us, "regrade", NULL, NULL, error))
            return false;
    }
    return list != NULL;
}

static bool act_on(const GithubLook *look, const DeliveryRow *row, const cJSON *json, GithubRepo *repo, Act *ret_act,
                   GError **error)
{
    bool is_again = g_strcmp0(row->action, "rerequested") == 0;
    *ret_act = ACT_DONE;
    if (strcmp(row->event, "push") == 0)
        return act_push(look, row, json, repo, error);
    if (strcmp(row->event, "delete") == 0)
        return act_delete(look, json, repo, error);
    if (is_again && strcmp(row->event, "check_run") == 0)
        return act_again(look, get(json, "check_run"), repo, error);
    if (is_again && strcmp(row->event, "check_suite") == 0)
        return act_again(look, get(json, "check_suite"), repo, error);
    if (strcmp(row->event, "pull_request") == 0)
        act_pull(row, json, repo);
    else if (strcmp(row->event, "create") == 0 || strcmp(row->event, "release") == 0 ||
             strcmp(row->event, "repository") == 0)
        repo->wants_sight = true; /* it does not say what commit */
    else
        *ret_act = ACT_IGNORED;
    return true;
}

/* ---- a batch -------------------------------------------------------------------------------------------------------
 */

/* One that was too large to keep: only its repository is known. */
static void mark_by_name(const GithubLook *look, const char *full_name)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, look->source->repos);
    while (full_name && g_hash_table_iter_next(&iter, NULL, &value)) {
        GithubRepo *repo = value;
        repo->wants_sight = repo->wants_sight || g_ascii_strcasecmp(repo->full_name, full_name) == 0;
    }
}

static bool take_one(const GithubLook *look, const DeliveryRow *row, GError **error)
{
    Act act = ACT_IGNORED;
    const char *note = "no repository that is watched";
    g_autoptr(cJSON) json = row->body ? json_parse(row->body, strlen(row->body), NULL) : NULL;
    g_autoptr(GError) problem = NULL;
    GithubRepo *repo = json ? repo_of(look, json, &problem) : NULL;
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (!row->body) {
        mark_by_name(look, row->repository);
        act = ACT_DONE;
        note = "too large to keep: its repository is looked at";
    } else if (repo) {
        note = NULL;
        if (!act_on(look, row, json, repo, &act, error) || (repo->is_dirty && !github_repo_save(look, repo, error)))
            return false;
    }
    return store_delivery_finish(look->context->store, row->id, act == ACT_IGNORED, note, error);
}

static bool take_batch(const GithubLook *look, gpointer data, GError **error)
{
    const GPtrArray *rows = data;
    for (guint i = 0; i < rows->len; i++) {
        if (!take_one(look, g_ptr_array_index(rows, i), error))
            return false;
    }
    return github_bindings_save(look, error);
}

bool github_hook_take(const GithubLook *look, GError **error)
{
    for (;;) {
        g_autoptr(GPtrArray) rows = store_delivery_list_new(look->context->store, "github", batch, error);
        if (!rows)
            return false;
        if (rows->len == 0)
            return true;
        if (!github_in_transaction(look, take_batch, rows, error)) {
            github_forget_all(look->source);
            return false;
        }
    }
}

/* ---- what did not arrive -------------------------------------------------------------------------------------------
 */

static bool store_missed(const GithubLook *look, const cJSON *delivery, GError **error)
{
    const cJSON *payload = get(get(delivery, "request"), "payload");
    if (!cJSON_IsObject(payload))
        return true;
    g_autofree char *body = json_print(payload);
    const DeliveryRow row = {
        .source = (char *)"github",
        .guid = (char *)json_string_or(delivery, "guid", ""),
        .event = (char *)json_string_or(delivery, "event", ""),
        .action = (char *)json_string_or(delivery, "action", NULL),
        .repository = (char *)json_string_or(get(payload, "repository"), "full_name", NULL),
        .body = body,
        .received_us = github_time_us(json_string_or(delivery, "delivered_at", NULL)) + clock_offset_us(),
    };
    bool is_new = false;
    return store_delivery_insert(look->context->store, &row, &is_new, error);
}

bool github_event_matters(const char *event)
{
    static const char *const events[] = {"check_run", "check_suite", "create",     "delete", "pull_request",
                                         "push",      "release",     "repository", NULL};
    return g_strv_contains(events, event);
}

static bool fetch_missed(const GithubLook *look, const cJSON *entry, GError **error)
{
    const char *guid = json_string_or(entry, "guid", NULL);
    gint64 id = json_int64_or(entry, "id", 0);
    gint64 at_us = github_time_us(json_string_or(entry, "delivered_at", NULL));
    bool is_known = true;
    if (!guid || id <= 0 || at_us == 0 || !github_event_matters(json_string_or(entry, "event", "")))
        return true;
    if (!store_delivery_is_known(look->context->store, "github", guid, &is_known, error))
        return false;
    if (is_known)
        return true;
    g_autofree char *path = g_strdup_printf("/app/hook/deliveries/%" G_GINT64_FORMAT, id);
    const GithubCall call = {.path = path, .as_app = true};
    g_auto(GithubAnswer) answer = {0};
    if (!github_call(look->source->client, &call, &answer, error))
        return false;
    return answer.outcome != GITHUB_OK || store_missed(look, answer.json, error);
}

static bool is_too_old(const cJSON *list)
{
    gint64 oldest_us =
        github_time_us(json_string_or(cJSON_GetArrayItem(list, cJSON_GetArraySize(list) - 1), "delivered_at", NULL));
    return oldest_us + clock_offset_us() < clock_now_us() - max_age_us;
}

bool github_hook_fetch_missed(const GithubLook *look, GError **error)
{
    const GithubSource *source = look->source;
    if (!github_config_is_app(source->config) || !source->config->webhook_secret_file)
        return true;
    g_autofree char *path = g_strdup("/app/hook/deliveries?status=failure&per_page=100");
    for (guint i = 0; path && i < max_pages; i++) {
        const GithubCall call = {.path = path, .as_app = true};
        g_auto(GithubAnswer) answer = {0};
        if (!github_call(source->client, &call, &answer, error))
            return false;
        if (answer.outcome != GITHUB_OK)
            return true; /* polling sees it all the same */
        const cJSON *entry;
        cJSON_ArrayForEach(entry, answer.json)
        {
            if (!fetch_missed(look, entry, error))
                return false;
        }
        g_free(path);
        path = is_too_old(answer.json) ? NULL : g_steal_pointer(&answer.next);
    }
    return github_hook_take(look, error);
}
