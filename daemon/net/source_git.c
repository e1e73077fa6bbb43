/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watched git repositories. One ls-remote a repository and look; only what moved is fetched, into a bare mirror, and
 * pinned there, before its submission exists, so that no force-push and no deleted tag takes away what was handed in.
 *
 * A cursor "repo:<key>" remembers each wanted ref: where it pointed, the commit, the submissions made of it; and the
 * last successful look. It commits with the submissions. A repository that fails waits longer each time and does not
 * hold up the others; its last look stays where it was, so that the failure counts for the student.
 */
#include <fnmatch.h>
#include <string.h>

#include "daemon/net/git_repo.h"

enum { N_AT_ONCE = GIT_MAX_AT_ONCE };
static const gint64 save_look_every_us = 300 * CLOCK_SECOND_US;
static const guint max_noted_refs = 2000;

typedef struct {
    char *assignment, *owner;
    char *branch; /* full name, or NULL */
    char *tag;    /* glob below refs/tags/, or NULL */
} Watch;

typedef struct {
    GitRepo git;
    GPtrArray *watches; /* of Watch* */
} Repo;

typedef struct {
    Source base;
    GHashTable *repos; /* char* url -> Repo* */
    const Course *course;
} GitSource;

typedef struct {
    GitSource *source;
    SourceContext *context;
    GitChild git;
    gint64 look_us;
    guint *n_new;
} Look;

static void watch_free(gpointer data)
{
    Watch *watch = data;
    g_free(watch->assignment);
    g_free(watch->owner);
    g_free(watch->branch);
    g_free(watch->tag);
    g_free(watch);
}

static void repo_free(gpointer data)
{
    Repo *repo = data;
    git_repo_clear(&repo->git);
    g_ptr_array_unref(repo->watches);
    g_free(repo);
}

/* ---- who is watched
 * ----------------------------------------------------------------------------------------------------- */

static Repo *repo_for(GitSource *source, const char *url)
{
    Repo *repo = g_hash_table_lookup(source->repos, url);
    if (repo)
        return repo;
    const gsize key_length = 32;
    repo = g_new0(Repo, 1);
    g_autofree char *digest = file_sha256_bytes(url, strlen(url));
    g_autofree char *key = g_strndup(digest, key_length);
    git_repo_init(&repo->git, url, key);
    repo->watches = g_ptr_array_new_with_free_func(watch_free);
    g_hash_table_insert(source->repos, g_strdup(url), repo);
    return repo;
}

/* NULL: this owner has no repository that we know of. */
static char *owner_url(const Course *course, const Assignment *assignment, const char *owner)
{
    const Team *team = assignment->owner_kind == OWNER_TEAM ? course_team(course, owner) : NULL;
    const char *own = team ? g_hash_table_lookup(team->attributes, "repo") : NULL;
    if (own)
        return g_strdup(own);
    if (!course->git_url)
        return NULL;
    g_autoptr(Placeholders) placeholders = course_placeholders(course, assignment, owner, NULL);
    return placeholders ? placeholders_expand(placeholders, course->git_url, NULL) : NULL;
}

static void watch_owner(GitSource *source, const Course *course, const Assignment *assignment, const char *owner)
{
    g_autofree char *url = owner_url(course, assignment, owner);
    if (!url)
        return;
    Watch *watch = g_new0(Watch, 1);
    watch->assignment = g_strdup(assignment->id);
    watch->owner = g_strdup(owner);
    watch->branch = assignment->git_branch ? g_strconcat("refs/heads/", assignment->git_branch, NULL) : NULL;
    watch->tag = assignment->git_tag ? g_strconcat("refs/tags/", assignment->git_tag, NULL) : NULL;
    g_ptr_array_add(repo_for(source, url)->watches, watch);
}

static void watch_assignment(GitSource *source, const Course *course, const Assignment *assignment)
{
    for (guint i = 0; assignment->owner_kind == OWNER_TEAM && i < course->teams->len; i++)
        watch_owner(source, course, assignment, ((const Team *)g_ptr_array_index(course->teams, i))->id);
    for (guint i = 0; assignment->owner_kind == OWNER_PERSON && i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        if (person->status == STATUS_STUDENT || person->status == STATUS_AUDIT)
            watch_owner(source, course, assignment, person->id);
    }
}

static void forget_unwatched(GitSource *source)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((const Repo *)value)->watches->len == 0)
            g_hash_table_iter_remove(&iter);
    }
}

static void watch_course(GitSource *source, const Course *course)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_set_size(((Repo *)value)->watches, 0);
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->git_branch || assignment->git_tag)
            watch_assignment(source, course, assignment);
    }
    forget_unwatched(source);
    source->course = course;
}

static bool watch_wants(const Watch *watch, const char *ref)
{
    return (watch->branch && strcmp(watch->branch, ref) == 0) || (watch->tag && fnmatch(watch->tag, ref, 0) == 0);
}

static bool repo_wants(const Repo *repo, const char *ref)
{
    for (guint i = 0; i < repo->watches->len; i++) {
        if (watch_wants(g_ptr_array_index(repo->watches, i), ref))
            return true;
    }
    return false;
}

/* ---- cursors
 * ------------------------------------------------------------------------------------------------------------- */

static bool load_repo(const Look *look, Repo *repo, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_cursor_get(look->context->store, look->source->base.name, repo->git.cursor, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), NULL) : NULL;
    git_repo_read(&repo->git, json);
    return true;
}

static bool save_repo(const Look *look, const Repo *repo, GError **error)
{
    g_autoptr(cJSON) json = git_repo_write(&repo->git, look->look_us);
    g_autofree char *text = json_print(json);
    return store_cursor_set(look->context->store, look->source->base.name, repo->git.cursor, text, error);
}

/* ---- what moved
 * ---------------------------------------------------------------------------------------------------------- */

static const GitRef *find_ref(const GPtrArray *refs, const char *name)
{
    for (guint i = 0; i < refs->len; i++) {
        const GitRef *ref = g_ptr_array_index(refs, i);
        if (strcmp(ref->name, name) == 0)
            return ref;
    }
    return NULL;
}

/* ---- rows
 * ------------------------------------------------------------------------------------------------------------------ */

static char *note_refs(const GPtrArray *refs)
{
    GString *names = g_string_new(NULL);
    for (guint i = 0; i < MIN(refs->len, max_noted_refs); i++)
        g_string_append_printf(names, "%s%s", i > 0 ? "\n" : "", ((const GitRef *)g_ptr_array_index(refs, i))->name);
    return g_string_free(names, FALSE);
}

static bool offer_move(const Look *look, const Repo *repo, const Watch *watch, const GitMove *move,
                       const GPtrArray *refs, KnownRef *known, GError **error)
{
    const Assignment *assignment = course_assignment(look->context->course, watch->assignment);
    g_autofree char *external =
        g_strdup_printf("%s:%s:%s#%s", watch->assignment, watch->owner, repo->git.public_url, move->ref->name);
    g_autoptr(Submission) submission =
        source_submission_new(&look->source->base, assignment, watch->owner, external,
                              source_received_us(repo->git.last_look_us, look->look_us), clock_now_us());
    submission->revision = g_strdup(move->commit);
    submission->content_kind = g_strdup("git");
    submission->content_path = g_strdup(repo->git.mirror);
    submission->content_digest = g_strconcat("git:", move->commit, NULL);
    submission->git_refs = note_refs(refs);
    submission->location = g_strdup_printf("%s#%s", repo->git.public_url, move->ref->name);
    submission->remark = g_strdup(move->remark);
    bool is_new = false;
    gint64 id = 0;
    if (!source_offer(look->context, submission, &is_new, &id, error))
        return false;
    g_array_append_val(known->submissions, id);
    *look->n_new += is_new;
    if (is_new && repo->git.last_look_us == 0 &&
        !source_flag_first_look(look->context, assignment, submission, id, error))
        return false;
    return !move->remark || source_flag(look->context, id, "history", move->remark, NULL, error);
}

static bool write_move(const Look *look, Repo *repo, const GitMove *move, const GPtrArray *refs, GError **error)
{
    KnownRef *known = known_ref_new(move->ref->sha, move->commit);
    bool written = true;
    for (guint i = 0; written && move->commit && i < repo->watches->len; i++) {
        const Watch *watch = g_ptr_array_index(repo->watches, i);
        if (watch_wants(watch, move->ref->name))
            written = offer_move(look, repo, watch, move, refs, known, error);
    }
    g_hash_table_replace(repo->git.refs, g_strdup(move->ref->name), known);
    return written;
}

static bool write_gone(const Look *look, Repo *repo, const GPtrArray *refs, guint *ret_n_gone, GError **error)
{
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, repo->git.refs);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        KnownRef *known = value;
        if (known->is_gone || find_ref(refs, name) || !repo_wants(repo, name))
            continue;
        ++*ret_n_gone;
        if (!git_repo_flag_gone(look->context, name, known, error))
            return false;
    }
    return true;
}

static bool write_all(const Look *look, Repo *repo, const GPtrArray *moves, const GPtrArray *refs, GError **error)
{
    guint n_gone = 0;
    for (guint i = 0; i < moves->len; i++) {
        if (!write_move(look, repo, g_ptr_array_index(moves, i), refs, error))
            return false;
    }
    if (!write_gone(look, repo, refs, &n_gone, error))
        return false;
    gint64 mono_us = clock_monotonic_us();
    bool is_due = repo->git.saved_mono_us == 0 || mono_us - repo->git.saved_mono_us >= save_look_every_us;
    if (moves->len == 0 && n_gone == 0 && !is_due)
        return true;
    repo->git.saved_mono_us = mono_us;
    return save_repo(look, repo, error);
}

static bool take_repo(const Look *look, Repo *repo, const GPtrArray *refs, GError **error)
{
    if (!repo->git.is_loaded && !load_repo(look, repo, error))
        return false;
    g_autoptr(GPtrArray) moved = g_ptr_array_new();
    for (guint i = 0; i < refs->len; i++) {
        GitRef *ref = g_ptr_array_index(refs, i);
        if (git_repo_moved(&repo->git, ref->name, ref->sha) && repo_wants(repo, ref->name))
            g_ptr_array_add(moved, ref);
    }
    g_autoptr(GPtrArray) moves = g_ptr_array_new_with_free_func(git_move_free);
    if (moved->len > 0 && !git_repo_fetch(&look->git, &repo->git, moved, false, moves, error))
        return false;

    Store *store = look->context->store;
    if (!store_begin(store, error))
        return false;
    if (store_end(store, write_all(look, repo, moves, refs, error), error)) {
        repo->git.last_look_us = look->look_us;
        return true;
    }
    git_repo_forget(&repo->git);
    return false;
}

/* ---- the look
 * -------------------------------------------------------------------------------------------------------------- */

static bool note_failure(const Look *look, Repo *repo, const GError *why, GError **error)
{
    bool is_news = false;
    git_repo_note_failure(&repo->git, look->source->base.interval_us, &is_news);
    log_event(LOG_WARNING, "repository_failed", "url", repo->git.public_url, "error", why->message, NULL);
    const Watch *watch = g_ptr_array_index(repo->watches, 0);
    return !is_news || git_repo_flag_failure(look->context, &repo->git, watch->owner, why, error);
}

static bool look_at(Look *look, GPtrArray *repos, guint first, guint n, GError **error)
{
    const char *urls[N_AT_ONCE];
    GPtrArray *refs[N_AT_ONCE] = {NULL};
    GError *errors[N_AT_ONCE] = {NULL};
    for (guint i = 0; i < n; i++)
        urls[i] = ((const Repo *)g_ptr_array_index(repos, first + i))->git.url;
    look->look_us = clock_now_us();
    git_ls_remotes(&look->git, urls, n, refs, errors);
    bool done = true;
    for (guint i = 0; i < n; i++) {
        Repo *repo = g_ptr_array_index(repos, first + i);
        if (!errors[i] && done && take_repo(look, repo, refs[i], &errors[i]))
            repo->git.n_failures = repo->git.next_try_mono_us = 0;
        if (errors[i] && done)
            done = note_failure(look, repo, errors[i], error);
        g_clear_error(&errors[i]);
        g_clear_pointer(&refs[i], g_ptr_array_unref);
    }
    return done;
}

static bool git_poll(Source *base, SourceContext *context, guint *ret_n_new, GError **error)
{
    GitSource *source = (GitSource *)base;
    *ret_n_new = 0;
    if (source->course != context->course)
        watch_course(source, context->course);
    Look look = {
        .source = source,
        .context = context,
        .git = {.state_folder = context->state_folder,
                .timeout_ms = context->git_timeout_ms,
                .max_bytes = context->git_max_bytes},
        .n_new = ret_n_new,
    };
    g_autoptr(GPtrArray) due = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((const Repo *)value)->git.next_try_mono_us <= clock_monotonic_us())
            g_ptr_array_add(due, value);
    }
    for (guint first = 0; first < due->len; first += N_AT_ONCE) {
        if (!look_at(&look, due, first, MIN((guint)N_AT_ONCE, due->len - first), error))
            return false;
    }
    base->n_pending = 0;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        base->n_pending += git_repo_is_pending(&((const Repo *)value)->git);
    }
    return true;
}

static void git_free(Source *base)
{
    GitSource *source = (GitSource *)base;
    g_hash_table_unref(source->repos);
    g_free(source);
}

Source *source_git_new(const char *name, gint64 interval_us)
{
    static const SourceClass class = {.kind = "git", .poll = git_poll, .free = git_free};
    GitSource *source = g_new0(GitSource, 1);
    source->base = (Source){.class = &class, .name = g_strdup(name), .interval_us = interval_us};
    source->repos = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, repo_free);
    return &source->base;
}
