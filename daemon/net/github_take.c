/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fetching what was pushed, by its very objects, and making submissions of it. Rows, flags and what is known of the
 * repository commit together; the mirror has the commit, pinned, before.
 */
#include "daemon/net/github_content.h"
#include "daemon/net/source_github.h"

#include <string.h>

static const guint max_noted_refs = 2000;

typedef struct {
    GithubRepo *repo;
    GPtrArray *pushes;   /* of GithubPush*, oldest first */
    GPtrArray *refs;     /* of GitRef*, the same */
    GPtrArray *moves;    /* of GitMove*, the same, perhaps fewer */
    GPtrArray *contents; /* of GithubContent*, of the moves */
    char *refusal;       /* why none of it can be fetched, ever; or NULL */
} Taking;

static void git_ref_free(gpointer data)
{
    GitRef *ref = data;
    g_free(ref->name);
    g_free(ref);
}

static gint by_time(gconstpointer a, gconstpointer b)
{
    const GithubPush *left = *(const GithubPush *const *)a, *right = *(const GithubPush *const *)b;
    if (left->at_us != right->at_us)
        return left->at_us < right->at_us ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order); /* GitHub's times are whole seconds */
}

static void taking_clear(Taking *taking)
{
    g_clear_pointer(&taking->pushes, g_ptr_array_unref);
    g_clear_pointer(&taking->refs, g_ptr_array_unref);
    g_clear_pointer(&taking->moves, g_ptr_array_unref);
    g_clear_pointer(&taking->contents, g_ptr_array_unref);
    g_free(taking->refusal);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Taking, taking_clear)

/* ---- fetching ------------------------------------------------------------------------------------------------------
 */

static bool is_gone_there(const GError *problem)
{
    return strstr(problem->message, "not our ref") || strstr(problem->message, "no such remote ref") ||
           strstr(problem->message, "couldn't find remote ref");
}

/* One of them was pushed away and cleared over there, and git then sends none: so one by one. */
static bool fetch_each(const GithubLook *look, Taking *taking, GError **error)
{
    g_ptr_array_set_size(taking->moves, 0);
    for (guint i = 0; i < MIN(taking->refs->len, (guint)GIT_MAX_REFS_A_FETCH); i++) {
        g_autoptr(GPtrArray) one = g_ptr_array_new();
        g_autoptr(GError) problem = NULL;
        g_ptr_array_add(one, g_ptr_array_index(taking->refs, i));
        if (git_repo_fetch(&look->git, &taking->repo->git, one, true, taking->moves, &problem))
            continue;
        if (!is_gone_there(problem)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
        GitMove *move = g_new0(GitMove, 1);
        move->ref = g_ptr_array_index(taking->refs, i);
        move->remark = g_strdup_printf("\"%s\" led to %.12s for a while, which was replaced and cleared away on GitHub "
                                       "before it could be fetched",
                                       move->ref->name, move->ref->sha);
        g_ptr_array_add(taking->moves, move);
    }
    return true;
}

static bool fetch(const GithubLook *look, Taking *taking, GError **error)
{
    const gint64 kib = 1024;
    const char way_out[] = "take large files out of the repository's history and push again, or ask the staff";
    GithubRepo *repo = taking->repo;
    if (repo->size_kib > look->context->git_max_bytes / kib) {
        g_autofree char *size = text_size(repo->size_kib * kib);
        g_autofree char *most = text_size(look->context->git_max_bytes);
        taking->refusal =
            g_strdup_printf("it cannot be taken: the repository has %s, and %s is the most; %s", size, most, way_out);
        return true;
    }
    g_autoptr(GError) problem = NULL;
    if (git_repo_fetch(&look->git, &repo->git, taking->refs, true, taking->moves, &problem))
        return true;
    if (problem->code == RUBRIC_ERROR_LIMIT) {
        taking->refusal = g_strdup_printf("it cannot be taken: %s; %s", problem->message, way_out);
        return true;
    }
    if (is_gone_there(problem))
        return fetch_each(look, taking, error);
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool look_into(const GithubLook *look, Taking *taking, GError **error)
{
    g_autofree char *mirror = g_build_filename(look->context->state_folder, taking->repo->git.mirror, NULL);
    for (guint i = 0; i < taking->moves->len; i++) {
        const GitMove *move = g_ptr_array_index(taking->moves, i);
        const KnownRef *known = g_hash_table_lookup(taking->repo->git.refs, move->ref->name);
        GithubContent *content = g_new0(GithubContent, 1);
        g_ptr_array_add(taking->contents, content);
        if (move->commit &&
            !github_content_read(&look->git, mirror, move->commit, known ? known->commit : NULL, content, error))
            return false;
    }
    return true;
}

/* ---- rows ----------------------------------------------------------------------------------------------------------
 */

static char *note_refs(const GithubRepo *repo)
{
    GString *names = g_string_new(NULL);
    GHashTableIter iter;
    gpointer name;
    guint n = 0;
    g_hash_table_iter_init(&iter, repo->git.refs);
    while (n++ < max_noted_refs && g_hash_table_iter_next(&iter, &name, NULL))
        g_string_append_printf(names, "%s%s", names->len > 0 ? "\n" : "", (const char *)name);
    return g_string_free(names, FALSE);
}

static Submission *make_row(const GithubLook *look, const GithubRepo *repo, const GithubWatch *watch,
                            const GithubPush *push)
{
    const Assignment *assignment = course_assignment(look->context->course, watch->assignment);
    g_autofree char *external = github_place_external_id(repo->id, push->ref, watch->assignment);
    Submission *submission = source_submission_new(&look->source->base, assignment, watch->owner, external,
                                                   github_receipt_us(push, assignment->deadline_us), clock_now_us());
    submission->content_kind = g_strdup("git");
    submission->content_path = g_strdup(repo->git.mirror);
    submission->location = github_place_location(look->source->config->git, repo->full_name, push->ref);
    return submission;
}

static bool refuse(const GithubLook *look, const Taking *taking, const GithubWatch *watch, const GithubPush *push,
                   GError **error)
{
    bool is_new = false;
    g_autoptr(Submission) submission = make_row(look, taking->repo, watch, push);
    submission->revision = g_strdup(push->sha);
    submission->content_digest = g_strconcat("git:", push->sha, NULL);
    return source_refuse(look->context, submission, taking->refusal, &is_new, error);
}

static bool flag_all(const GithubLook *look, const Taking *taking, const GithubWatch *watch, const GithubPush *push,
                     guint i, const Submission *submission, gint64 id, GError **error)
{
    const GitMove *move = g_ptr_array_index(taking->moves, i);
    const GithubContent *content = g_ptr_array_index(taking->contents, i);
    SourceContext *context = look->context;
    const Assignment *assignment = course_assignment(context->course, watch->assignment);
    if (move->remark && !source_flag(context, id, "history", move->remark, NULL, error))
        return false;
    if (taking->repo->git.last_look_us == 0 && !push->is_sure && submission->received_us > assignment->deadline_us &&
        !source_flag_first_look(context, assignment, submission, id, error))
        return false;
    const GithubIdentity identity = {
        .course = context->course,
        .assignment = assignment,
        .owner = watch->owner,
        .login = push->login,
        .authors = content->authors,
        .strangers = taking->repo->strangers,
    };
    g_autofree char *who = github_identity_doubt(&identity);
    return (!who || source_flag(context, id, "owner", who, NULL, error)) &&
           (!content->lack || source_flag(context, id, "content", content->lack, NULL, error));
}

static bool offer(const GithubLook *look, const Taking *taking, const GithubWatch *watch, guint i, KnownRef *known,
                  GError **error)
{
    const GithubPush *push = g_ptr_array_index(taking->pushes, i);
    const GitMove *move = g_ptr_array_index(taking->moves, i);
    g_autoptr(Submission) submission = make_row(look, taking->repo, watch, push);
    submission->revision = g_strdup(move->commit);
    submission->content_digest = g_strconcat("git:", move->commit, NULL);
    submission->git_refs = note_refs(taking->repo);
    submission->remark = g_strdup(move->remark);
    bool is_new = false;
    gint64 id = 0;
    if (!source_offer(look->context, submission, &is_new, &id, error))
        return false;
    g_array_append_val(known->submissions, id);
    *look->n_new += is_new;
    return !is_new || flag_all(look, taking, watch, push, i, submission, id, error);
}

/* A push whose commit is lost leaves what is known as it was; the flag is the repository's. */
static bool flag_lost(const GithubLook *look, const Taking *taking, const GitMove *move, GError **error)
{
    FlagRow flag = {
        .item = taking->repo->bound,
        .kind = (char *)"history",
        .message = move->remark,
        .state = (char *)"open",
        .raised_us = clock_now_us(),
    };
    return store_flag_raise(look->context->store, &flag, NULL, error);
}

static bool write_push(const GithubLook *look, const Taking *taking, guint i, GError **error)
{
    const GithubPush *push = g_ptr_array_index(taking->pushes, i);
    const GitMove *move = taking->refusal ? NULL : g_ptr_array_index(taking->moves, i);
    KnownRef *known = known_ref_new(push->sha, move ? move->commit : NULL);
    bool done = true;
    for (guint j = 0; done && j < taking->repo->watches->len; j++) {
        const GithubWatch *watch = g_ptr_array_index(taking->repo->watches, j);
        if (!github_watch_wants(watch, push) || !course_assignment(look->context->course, watch->assignment))
            continue;
        if (taking->refusal)
            done = refuse(look, taking, watch, push, error);
        else if (move && move->commit)
            done = offer(look, taking, watch, i, known, error);
    }
    if (done && move && !move->commit && move->remark)
        done = flag_lost(look, taking, move, error);
    g_hash_table_replace(taking->repo->git.refs, g_strdup(push->ref), known);
    return done;
}

static void forget_push(GithubRepo *repo, const GithubPush *push)
{
    for (guint i = 0; i < repo->pushes->len; i++) {
        const GithubPush *each = g_ptr_array_index(repo->pushes, i);
        if (strcmp(each->ref, push->ref) == 0 && strcmp(each->sha, push->sha) == 0) {
            g_ptr_array_remove_index(repo->pushes, i);
            return;
        }
    }
}

static bool write_all(const GithubLook *look, gpointer data, GError **error)
{
    Taking *taking = data;
    guint n = taking->refusal ? taking->pushes->len : taking->moves->len;
    for (guint i = 0; i < n; i++) {
        if (!write_push(look, taking, i, error))
            return false;
        forget_push(taking->repo, g_ptr_array_index(taking->pushes, i));
    }
    return github_repo_save(look, taking->repo, error);
}

/* ---- a repository --------------------------------------------------------------------------------------------------
 */

static void list_refs(Taking *taking)
{
    g_ptr_array_sort(taking->pushes, by_time);
    for (guint i = 0; i < taking->pushes->len; i++) {
        const GithubPush *push = g_ptr_array_index(taking->pushes, i);
        GitRef *ref = g_new0(GitRef, 1);
        ref->name = g_strdup(push->ref);
        g_strlcpy(ref->sha, push->sha, sizeof ref->sha);
        g_ptr_array_add(taking->refs, ref);
    }
}

bool github_take(const GithubLook *look, GithubRepo *repo, GError **error)
{
    g_auto(Taking) taking = {
        .repo = repo,
        .pushes = g_ptr_array_new_with_free_func(github_push_free),
        .refs = g_ptr_array_new_with_free_func(git_ref_free),
        .moves = g_ptr_array_new_with_free_func(git_move_free),
        .contents = g_ptr_array_new_with_free_func(github_content_free),
    };
    bool is_ready = false;
    if (!github_receipt_complete(look, repo, taking.pushes, &is_ready, error))
        return false;
    if (!is_ready)
        return true;
    list_refs(&taking);
    if (!fetch(look, &taking, error) || !look_into(look, &taking, error))
        return false;
    if (github_in_transaction(look, write_all, &taking, error))
        return true;
    /* What memory says did not commit. */
    git_repo_forget(&repo->git);
    github_repo_load(look, repo, NULL);
    return false;
}
