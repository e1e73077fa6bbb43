/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/git_repo.h"

#include <string.h>

static const gint64 n_failures_flagged = 5, n_failures_pending = 3;
static const gint64 longest_wait_us = CLOCK_HOUR_US;

/* ---- what is known ------------------------------------------------------------------------------------------------
 */

static void known_ref_free(gpointer data)
{
    KnownRef *known = data;
    g_free(known->sha);
    g_free(known->commit);
    g_array_unref(known->submissions);
    g_free(known);
}

KnownRef *known_ref_new(const char *sha, const char *commit)
{
    KnownRef *known = g_new0(KnownRef, 1);
    known->sha = g_strdup(sha);
    known->commit = g_strdup(commit);
    known->submissions = g_array_new(false, false, sizeof(gint64));
    return known;
}

void git_repo_init(GitRepo *repo, const char *url, const char *key)
{
    *repo = (GitRepo){
        .url = g_strdup(url),
        .public_url = git_url_public(url),
        .cursor = g_strconcat("repo:", key, NULL),
        .mirror = g_strdup_printf("mirrors/%s.git", key),
        .refs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_ref_free),
    };
}

void git_repo_clear(GitRepo *repo)
{
    g_free(repo->url);
    g_free(repo->public_url);
    g_free(repo->cursor);
    g_free(repo->mirror);
    g_hash_table_unref(repo->refs);
}

static void read_ref(GitRepo *repo, const cJSON *json)
{
    KnownRef *known = known_ref_new(json_string_or(json, "sha", ""), json_string_or(json, "commit", NULL));
    known->is_gone = json_bool_or(json, "gone", false);
    const cJSON *id;
    cJSON_ArrayForEach(id, cJSON_GetObjectItemCaseSensitive(json, "submissions"))
    {
        gint64 number = (gint64)id->valuedouble;
        g_array_append_val(known->submissions, number);
    }
    g_hash_table_replace(repo->refs, g_strdup(json->string), known);
}

void git_repo_read(GitRepo *repo, const cJSON *json)
{
    repo->last_look_us = json_int64_or(json, "looked_us", 0);
    const cJSON *ref;
    cJSON_ArrayForEach(ref, cJSON_GetObjectItemCaseSensitive(json, "refs")) read_ref(repo, ref);
    repo->is_loaded = true;
}

static cJSON *ref_to_json(const KnownRef *known)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "sha", known->sha);
    json_add_string(json, "commit", known->commit);
    json_add_bool(json, "gone", known->is_gone);
    cJSON *ids = json_add(json, "submissions", cJSON_CreateArray());
    for (guint i = 0; i < known->submissions->len; i++)
        cJSON_AddItemToArray(ids, cJSON_CreateNumber((double)g_array_index(known->submissions, gint64, i)));
    return json;
}

cJSON *git_repo_write(const GitRepo *repo, gint64 look_us)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "url", repo->public_url);
    json_add_int64(json, "looked_us", look_us);
    cJSON *refs = json_add(json, "refs", cJSON_CreateObject());
    GHashTableIter iter;
    gpointer name, known;
    g_hash_table_iter_init(&iter, repo->refs);
    while (g_hash_table_iter_next(&iter, &name, &known))
        json_add(refs, name, ref_to_json(known));
    return json;
}

void git_repo_forget(GitRepo *repo)
{
    repo->is_loaded = false;
    g_hash_table_remove_all(repo->refs);
}

/* ---- what moved ----------------------------------------------------------------------------------------------------
 */

bool git_repo_moved(const GitRepo *repo, const char *ref, const char *sha)
{
    const KnownRef *known = g_hash_table_lookup(repo->refs, ref);
    return !known || known->is_gone || strcmp(known->sha, sha) != 0;
}

void git_move_free(gpointer data)
{
    GitMove *move = data;
    g_free(move->commit);
    g_free(move->remark);
    g_free(move);
}

/* Says so if the student's history was rewritten. A tag that moves is always said. */
static bool describe_move(const GitChild *git, const GitRepo *repo, const char *mirror, GitMove *move, GError **error)
{
    const KnownRef *known = g_hash_table_lookup(repo->refs, move->ref->name);
    if (!known || !known->commit || strcmp(known->commit, move->commit) == 0)
        return true;
    bool is_tag = g_str_has_prefix(move->ref->name, "refs/tags/");
    bool is_ahead = false;
    if (!is_tag && !git_is_ancestor(git, mirror, known->commit, move->commit, &is_ahead, error))
        return false;
    if (!is_ahead)
        move->remark = g_strdup_printf("%s: \"%s\" led to %.12s before, which is kept, and leads to %.12s now",
                                       is_tag ? "the tag was moved" : "the branch was force-pushed", move->ref->name,
                                       known->commit, move->commit);
    return true;
}

bool git_repo_fetch(const GitChild *git, const GitRepo *repo, const GPtrArray *moved, bool by_sha, GPtrArray *moves,
                    GError **error)
{
    g_autofree char *mirror = g_build_filename(git->state_folder, repo->mirror, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < MIN(moved->len, (guint)GIT_MAX_REFS_A_FETCH); i++) {
        GitRef *ref = g_ptr_array_index(moved, i);
        g_ptr_array_add(names, by_sha ? ref->sha : ref->name);
    }
    guint n = names->len;
    g_ptr_array_add(names, NULL);
    if (!git_fetch(git, mirror, repo->url, (const char *const *)names->pdata, error))
        return false;
    for (guint i = 0; i < n; i++) {
        GitMove *move = g_new0(GitMove, 1);
        g_ptr_array_add(moves, move);
        move->ref = g_ptr_array_index(moved, i);
        g_autoptr(GError) no_commit = NULL;
        move->commit = git_incoming_commit(git, mirror, i, &no_commit);
        if (!move->commit && no_commit->code != RUBRIC_ERROR_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&no_commit));
            return false;
        }
        if (move->commit &&
            (!git_keep(git, mirror, move->commit, error) || !describe_move(git, repo, mirror, move, error)))
            return false;
    }
    return true;
}

bool git_repo_flag_gone(SourceContext *context, const char *ref, KnownRef *known, GError **error)
{
    known->is_gone = true;
    g_autofree char *message =
        g_strdup_printf("\"%s\" was deleted from the repository; what was handed in by it (%.12s) is kept", ref,
                        known->commit ? known->commit : "no commit");
    for (guint i = 0; i < known->submissions->len; i++) {
        if (!source_flag(context, g_array_index(known->submissions, gint64, i), "history", message, NULL, error))
            return false;
    }
    return true;
}

/* ---- failures ------------------------------------------------------------------------------------------------------
 */

void git_repo_note_failure(GitRepo *repo, gint64 interval_us, bool *ret_is_news)
{
    repo->next_try_mono_us = clock_monotonic_us() + backoff_us(repo->n_failures, interval_us, longest_wait_us);
    repo->n_failures++;
    *ret_is_news = repo->n_failures == n_failures_flagged;
}

bool git_repo_is_pending(const GitRepo *repo)
{
    return repo->n_failures > 0 && repo->n_failures < n_failures_pending;
}

bool git_repo_flag_failure(SourceContext *context, const GitRepo *repo, const char *owner, const GError *why,
                           GError **error)
{
    g_autofree char *message = g_strdup_printf("the repository of \"%s\" (%s) could not be read %" G_GINT64_FORMAT
                                               " times; nothing is lost, and it is tried again: %s",
                                               owner, repo->public_url, repo->n_failures, why->message);
    FlagRow flag = {
        .item = (char *)owner,
        .kind = (char *)"source",
        .message = message,
        .state = (char *)"open",
        .raised_us = clock_now_us(),
    };
    return store_flag_raise(context->store, &flag, NULL, error);
}
