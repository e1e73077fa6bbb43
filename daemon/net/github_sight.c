/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what GitHub told to pushes that are still to be taken. What was seen is in the store (cursor "repo:github-<id>")
 * before anything is fetched, with the moment of seeing, so that a crash, a long queue or a student who deletes it
 * again changes nothing about when it was there.
 */
#include "daemon/net/source_github.h"

#include <string.h>

static const char bindings_key[] = "bindings";
static const guint max_pushes = 500;

/* ---- pushes --------------------------------------------------------------------------------------------------------
 */

static GithubPush *push_copy(const GithubPush *push)
{
    GithubPush *copy = g_memdup2(push, sizeof *push);
    copy->ref = g_strdup(push->ref);
    copy->sha = g_strdup(push->sha);
    copy->login = g_strdup(push->login);
    copy->base = g_strdup(push->base);
    copy->head = g_strdup(push->head);
    return copy;
}

static void fill(char **text, const char *with)
{
    if (!*text)
        *text = g_strdup(with);
}

static GithubPush *find_push(const GPtrArray *pushes, const GithubPush *push)
{
    for (guint i = 0; i < pushes->len; i++) {
        GithubPush *known = g_ptr_array_index(pushes, i);
        if (strcmp(known->ref, push->ref) == 0 && strcmp(known->sha, push->sha) == 0)
            return known;
    }
    return NULL;
}

void github_pushes_add(GPtrArray *pushes, const GithubPush *push)
{
    GithubPush *known = find_push(pushes, push);
    if (!known) {
        if (pushes->len < max_pushes)
            g_ptr_array_add(pushes, push_copy(push));
        return;
    }
    if (push->at_us < known->at_us || (push->is_sure && !known->is_sure)) {
        /* Something sure is no later than an upper bound, but for clocks that differ by less than a second. */
        known->at_us = MIN(push->at_us, known->at_us);
        known->is_sure = known->is_sure || push->is_sure;
    }
    known->since_us = MAX(known->since_us, push->since_us);
    known->not_before_us = MAX(known->not_before_us, push->not_before_us);
    known->order = MAX(known->order, push->order);
    known->is_forced = known->is_forced || push->is_forced;
    fill(&known->login, push->login);
    fill(&known->base, push->base);
    fill(&known->head, push->head);
}

static cJSON *push_to_json(const GithubPush *push)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "ref", push->ref);
    json_add_string(json, "sha", push->sha);
    json_add_string(json, "login", push->login);
    json_add_string(json, "base", push->base);
    json_add_string(json, "head", push->head);
    json_add_int64(json, "at_us", push->at_us);
    json_add_int64(json, "since_us", push->since_us);
    json_add_int64(json, "not_before_us", push->not_before_us);
    json_add_bool(json, "sure", push->is_sure);
    json_add_bool(json, "forced", push->is_forced);
    return json;
}

static void push_from_json(GPtrArray *pushes, const cJSON *json)
{
    const GithubPush push = {
        .ref = (char *)json_string_or(json, "ref", ""),
        .sha = (char *)json_string_or(json, "sha", ""),
        .login = (char *)json_string_or(json, "login", NULL),
        .base = (char *)json_string_or(json, "base", NULL),
        .head = (char *)json_string_or(json, "head", NULL),
        .at_us = json_int64_or(json, "at_us", 0),
        .since_us = json_int64_or(json, "since_us", 0),
        .not_before_us = json_int64_or(json, "not_before_us", 0),
        .is_sure = json_bool_or(json, "sure", false),
        .is_forced = json_bool_or(json, "forced", false),
    };
    github_pushes_add(pushes, &push);
}

/* ---- repositories --------------------------------------------------------------------------------------------------
 */

void github_repo_free(gpointer data)
{
    GithubRepo *repo = data;
    git_repo_clear(&repo->git);
    g_free(repo->node_id);
    g_free(repo->full_name);
    g_free(repo->bound);
    g_free(repo->results_sha);
    g_ptr_array_unref(repo->pushes);
    g_hash_table_unref(repo->strangers);
    g_free(repo);
}

static void set_name(const GithubSource *source, GithubRepo *repo, const char *full_name)
{
    if (g_strcmp0(repo->full_name, full_name) == 0)
        return;
    g_free(repo->full_name);
    repo->full_name = g_strdup(full_name);
    g_free(repo->git.url);
    repo->git.url = g_strdup_printf("%s/%s.git", source->config->git, full_name);
    g_free(repo->git.public_url);
    repo->git.public_url = g_strdup_printf("%s/%s", source->config->git, full_name);
}

static GithubRepo *repo_new(GithubSource *source, gint64 id, const char *bound)
{
    GithubRepo *repo = g_new0(GithubRepo, 1);
    g_autofree char *key = g_strdup_printf("github-%" G_GINT64_FORMAT, id);
    git_repo_init(&repo->git, "", key);
    repo->id = id;
    repo->bound = g_strdup(bound);
    repo->pushes = g_ptr_array_new_with_free_func(github_push_free);
    repo->strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    repo->watches = g_hash_table_lookup(source->table->by_name, bound);
    set_name(source, repo, bound);
    g_hash_table_insert(source->repos, g_memdup2(&id, sizeof id), repo);
    return repo;
}

bool github_repo_load(const GithubLook *look, GithubRepo *repo, GError **error)
{
    GithubSource *source = look->source;
    g_autofree char *text = NULL;
    if (!store_cursor_get(look->context->store, source->base.name, repo->git.cursor, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), NULL) : NULL;
    git_repo_read(&repo->git, json);
    set_name(source, repo, json_string_or(json, "name", repo->bound));
    g_free(repo->node_id);
    repo->node_id = g_strdup(json_string_or(json, "node_id", NULL));
    repo->pushed_us = json_int64_or(json, "pushed_us", 0);
    repo->is_gone = json_bool_or(json, "gone", false);
    g_ptr_array_set_size(repo->pushes, 0);
    const cJSON *each;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(json, "pushes")) push_from_json(repo->pushes, each);
    g_hash_table_remove_all(repo->strangers);
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(json, "strangers"))
    {
        if (cJSON_IsString(each))
            g_hash_table_add(repo->strangers, g_strdup(each->valuestring));
    }
    repo->is_dirty = false;
    return true;
}

bool github_repo_save(const GithubLook *look, GithubRepo *repo, GError **error)
{
    g_autoptr(cJSON) json = git_repo_write(&repo->git, repo->git.last_look_us);
    json_add_string(json, "name", repo->full_name);
    json_add_string(json, "node_id", repo->node_id);
    json_add_int64(json, "pushed_us", repo->pushed_us);
    json_add_bool(json, "gone", repo->is_gone);
    cJSON *pushes = json_add(json, "pushes", cJSON_CreateArray());
    for (guint i = 0; i < repo->pushes->len; i++)
        cJSON_AddItemToArray(pushes, push_to_json(g_ptr_array_index(repo->pushes, i)));
    cJSON *strangers = json_add(json, "strangers", cJSON_CreateArray());
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, repo->strangers);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        cJSON_AddItemToArray(strangers, cJSON_CreateString(name));
    g_autofree char *text = json_print(json);
    repo->is_dirty = false;
    return store_cursor_set(look->context->store, look->source->base.name, repo->git.cursor, text, error);
}

void github_repos_rewatch(GithubSource *source)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        GithubRepo *repo = value;
        repo->watches = g_hash_table_lookup(source->table->by_name, repo->bound);
        repo->wants_sight = repo->watches != NULL; /* the assignments may ask for other refs now */
    }
}

/* ---- names ---------------------------------------------------------------------------------------------------------
 */

bool github_bindings_load(const GithubLook *look, GError **error)
{
    GithubSource *source = look->source;
    g_autofree char *text = NULL;
    if (!store_cursor_get(look->context->store, source->base.name, bindings_key, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), NULL) : NULL;
    const cJSON *each;
    cJSON_ArrayForEach(each, json)
    {
        gint64 id = (gint64)each->valuedouble;
        g_hash_table_insert(source->bindings, g_strdup(each->string), g_memdup2(&id, sizeof id));
        if (!github_repo_load(look, repo_new(source, id, each->string), error))
            return false;
    }
    source->is_loaded = true;
    return true;
}

bool github_bindings_save(const GithubLook *look, GError **error)
{
    GithubSource *source = look->source;
    if (!source->bindings_are_dirty)
        return true;
    g_autoptr(cJSON) json = cJSON_CreateObject();
    GHashTableIter iter;
    gpointer name, id;
    g_hash_table_iter_init(&iter, source->bindings);
    while (g_hash_table_iter_next(&iter, &name, &id))
        json_add_int64(json, name, *(gint64 *)id);
    g_autofree char *text = json_print(json);
    source->bindings_are_dirty = false;
    return store_cursor_set(look->context->store, source->base.name, bindings_key, text, error);
}

bool github_flag_key(const GithubLook *look, const char *key, const char *kind, const char *message, GError **error)
{
    FlagRow flag = {
        .item = (char *)key,
        .kind = (char *)kind,
        .message = (char *)message,
        .state = (char *)"open",
        .raised_us = clock_now_us(),
    };
    return store_flag_raise(look->context->store, &flag, NULL, error);
}

static bool note_rename(const GithubLook *look, GithubRepo *repo, const GithubSight *sight, GError **error)
{
    if (g_ascii_strcasecmp(repo->full_name, sight->full_name) == 0)
        return true;
    g_autofree char *message =
        g_strdup_printf("the repository %s is called %s now; it is followed by its number and stays whose it was",
                        repo->full_name, sight->full_name);
    set_name(look->source, repo, sight->full_name);
    repo->is_dirty = true;
    return !repo->watches || github_flag_key(look, repo->bound, "history", message, error);
}

/* A name that somebody else's number holds: never guessed which of the two counts. */
static bool note_taken_name(const GithubLook *look, const GithubSight *sight, const char *name, gint64 holder,
                            GError **error)
{
    const GithubRepo *repo = g_hash_table_lookup(look->source->repos, &holder);
    g_autofree char *message = g_strdup_printf(
        "there are two repositories for one owner: %s (number %" G_GINT64_FORMAT ", taken, called %s now) and %s "
        "(number %" G_GINT64_FORMAT ", not taken); if the second one counts, set the team's `repo` or rename it",
        name, holder, repo ? repo->full_name : name, sight->full_name, sight->id);
    return github_flag_key(look, name, "owner", message, error);
}

/* The repository as that of `key`, whatever it was before. */
static GithubRepo *bind(const GithubLook *look, const GithubSight *sight, const char *key, GError **error)
{
    GithubSource *source = look->source;
    GithubRepo *repo = g_hash_table_lookup(source->repos, &sight->id);
    if (repo) {
        g_hash_table_remove(source->bindings, repo->bound);
        g_free(repo->bound);
        repo->bound = g_strdup(key);
        repo->watches = g_hash_table_lookup(source->table->by_name, key);
        repo->wants_sight = true;
    } else {
        repo = repo_new(source, sight->id, key);
        if (!github_repo_load(look, repo, error))
            return NULL;
        set_name(source, repo, sight->full_name);
    }
    g_hash_table_insert(source->bindings, g_strdup(key), g_memdup2(&sight->id, sizeof sight->id));
    source->bindings_are_dirty = repo->is_dirty = true;
    return repo;
}

bool github_repo_bind(const GithubLook *look, const GithubSight *sight, const char *key, GError **error)
{
    const GithubSource *source = look->source;
    const gint64 *holder = g_hash_table_lookup(source->bindings, key);
    if (holder)
        return *holder == sight->id || note_taken_name(look, sight, key, *holder, error);
    const GithubRepo *repo = g_hash_table_lookup(source->repos, &sight->id);
    if (!repo || !repo->watches)
        return bind(look, sight, key, error) != NULL;
    g_autofree char *message =
        g_strdup_printf("the repository %s would be of two owners: by %s, which it stays, and by "
                        "%s; give each its own, or set the team's `repo`",
                        sight->full_name, repo->bound, key);
    return github_flag_key(look, key, "owner", message, error);
}

GithubRepo *github_repo_find(const GithubLook *look, const GithubSight *sight, GError **error)
{
    GithubSource *source = look->source;
    GithubRepo *repo = g_hash_table_lookup(source->repos, &sight->id);
    if (repo && !repo->git.is_loaded && !github_repo_load(look, repo, error))
        return NULL;
    if (repo && !note_rename(look, repo, sight, error))
        return NULL;
    if (repo && repo->watches)
        return repo;
    g_autofree char *name = g_ascii_strdown(sight->full_name, -1);
    if (!g_hash_table_contains(source->table->by_name, name)) {
        source->has_met_nobodys = source->has_met_nobodys || sight->pushed_us > source->watermark_us;
        return NULL;
    }
    const gint64 *holder = g_hash_table_lookup(source->bindings, name);
    if (!holder)
        return bind(look, sight, name, error);
    if (*holder != sight->id)
        note_taken_name(look, sight, name, *holder, error);
    return NULL;
}

/* ---- what was seen -------------------------------------------------------------------------------------------------
 */

static bool repo_wants(const GithubRepo *repo, const GithubPush *push)
{
    for (guint i = 0; repo->watches && i < repo->watches->len; i++) {
        if (github_watch_wants(g_ptr_array_index(repo->watches, i), push))
            return true;
    }
    return false;
}

void github_repo_add_push(GithubRepo *repo, const GithubPush *push)
{
    if (!repo_wants(repo, push) || !git_repo_moved(&repo->git, push->ref, push->sha))
        return;
    github_pushes_add(repo->pushes, push);
    repo->is_dirty = true;
}

static bool sight_has(const GithubSight *sight, const char *ref)
{
    for (guint i = 0; i < sight->refs->len; i++) {
        if (strcmp(((const GithubPush *)g_ptr_array_index(sight->refs, i))->ref, ref) == 0)
            return true;
    }
    return false;
}

/* Pull requests and releases are listed a page long only, so their absence says nothing. */
static bool note_gone(const GithubLook *look, const GithubSight *sight, GithubRepo *repo, GError **error)
{
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, repo->git.refs);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        KnownRef *known = value;
        bool is_branch = g_str_has_prefix(name, "refs/heads/");
        bool is_listed = is_branch || (sight->is_whole && g_str_has_prefix(name, "refs/tags/"));
        const GithubPush as_push = {.ref = name};
        if (known->is_gone || !is_listed || !repo_wants(repo, &as_push) || sight_has(sight, name))
            continue;
        repo->is_dirty = true;
        if (!git_repo_flag_gone(look->context, name, known, error))
            return false;
    }
    return true;
}

/* Were there results of ours pushed since the last look? */
static bool results_moved(GithubRepo *repo, const GithubPush *results)
{
    bool is_moved = g_strcmp0(repo->results_sha, results->sha) != 0;
    g_free(repo->results_sha);
    repo->results_sha = g_strdup(results->sha);
    return is_moved;
}

/* The last push of the repository is the one of a ref only if nothing else moved since the last look. */
static void note_refs(const GithubLook *look, const GithubSight *sight, GithubRepo *repo)
{
    guint n_moved = 0;
    for (guint i = 0; i < sight->refs->len; i++) {
        const GithubPush *push = g_ptr_array_index(sight->refs, i);
        bool is_pushed = g_str_has_prefix(push->ref, "refs/heads/") || g_str_has_prefix(push->ref, "refs/tags/");
        if (strcmp(push->ref, github_results_ref) == 0)
            n_moved += results_moved(repo, push);
        else
            n_moved += is_pushed && repo_wants(repo, push) && git_repo_moved(&repo->git, push->ref, push->sha);
    }
    for (guint i = 0; i < sight->refs->len; i++) {
        GithubPush push = *(const GithubPush *)g_ptr_array_index(sight->refs, i);
        if (!push.is_sure) {
            push.at_us = push.at_us > 0 ? MIN(push.at_us, look->look_us) : look->look_us;
            push.since_us = repo->git.last_look_us > 0 ? MAX(repo->git.last_look_us, look->source->looked_us) : 0;
            push.is_sure = n_moved == 1 && g_str_has_prefix(push.ref, "refs/tags/") && push.since_us > 0 &&
                           push.at_us > push.since_us;
        }
        github_repo_add_push(repo, &push);
    }
}

bool github_note_sight(const GithubLook *look, const GithubSight *sight, GError **error)
{
    g_autoptr(GError) problem = NULL;
    GithubRepo *repo = github_repo_find(look, sight, &problem);
    if (problem) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (!repo)
        return true;
    repo->seen_us = look->look_us;
    repo->is_dirty = repo->is_dirty || repo->is_gone;
    repo->is_gone = false;
    repo->size_kib = sight->size_kib;
    g_free(repo->node_id);
    repo->node_id = g_strdup(sight->node_id);
    if (!sight->has_refs) {
        repo->wants_sight = repo->wants_sight || repo->pushed_us != sight->pushed_us;
    } else {
        note_refs(look, sight, repo);
        if (!note_gone(look, sight, repo, error))
            return false;
        repo->wants_sight = false;
        repo->git.last_look_us = look->look_us;
        repo->is_dirty = repo->is_dirty || repo->pushed_us != sight->pushed_us;
        repo->pushed_us = sight->pushed_us;
    }
    return !repo->is_dirty || github_repo_save(look, repo, error);
}

static bool write_missing(const GithubLook *look, gpointer data, GError **error)
{
    GithubRepo *repo = data;
    g_autofree char *message =
        g_strdup_printf("the repository %s is not there any more, or is hidden from the credential; what was handed in "
                        "by it is kept",
                        repo->full_name);
    repo->is_gone = true;
    return github_flag_key(look, repo->bound, "history", message, error) && github_repo_save(look, repo, error);
}

bool github_note_missing(const GithubLook *look, GError **error)
{
    g_autoptr(GList) repos = g_hash_table_get_values(look->source->repos);
    for (GList *at = repos; at; at = at->next) {
        GithubRepo *repo = at->data;
        if (!repo->watches || repo->is_gone || repo->seen_us == look->look_us ||
            github_in_transaction(look, write_missing, repo, error))
            continue;
        github_forget_all(look->source);
        return false;
    }
    return true;
}
