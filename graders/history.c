/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/history.h"

#include <git2.h>
#include <string.h>

static const guint max_commits = 50000;
static const guint max_tree_depth = 64;
static const guint max_objects = 300000;
static const gint64 max_blob_bytes = 1 << 20;
static const gsize max_total_bytes = 256 << 20;
static const gsize max_message = 16 << 10;

struct History {
    git_repository *repository;
    git_odb *objects;
    git_oid head;
    gint64 deadline_us;
    guint n_steps;
};

static const char *git_reason(void)
{
    const git_error *last = git_error_last();
    return last ? last->message : "unknown";
}

static bool explain(GError **error, const char *what)
{
    return error_set(error, RUBRIC_ERROR_SYSTEM, "cannot read the history: %s: %s", what, git_reason());
}

/* Nothing of the machine's or a user's configuration; the repository may be another uid's: it is ours. */
static void set_options(void)
{
    static const git_config_level_t levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                                GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0); /* else memory grows with the history */
}

History *history_open(const GraderContext *context, gint64 deadline_us, GError **error)
{
    git_libgit2_init();
    set_options();
    g_autoptr(History) history = g_new0(History, 1);
    history->deadline_us = deadline_us;
    if (git_repository_open_ext(&history->repository, context->git_folder,
                                GIT_REPOSITORY_OPEN_BARE | GIT_REPOSITORY_OPEN_NO_SEARCH, NULL) != 0 ||
        git_repository_odb(&history->objects, history->repository) != 0) {
        explain(error, "the repository does not open");
        return NULL;
    }
    if (!context->git_commit || git_oid_fromstr(&history->head, context->git_commit) != 0) {
        error_set(error, RUBRIC_ERROR_BUG, "the graded commit is not named by 40 hexadecimal digits");
        return NULL;
    }
    return g_steal_pointer(&history);
}

void history_close(History *history)
{
    if (!history)
        return;
    git_odb_free(history->objects);
    git_repository_free(history->repository);
    g_free(history);
    git_libgit2_shutdown();
}

static bool check_time(History *history, GError **error)
{
    const guint steps_between = 64;
    if (history->n_steps++ % steps_between != 0 || clock_monotonic_us() <= history->deadline_us)
        return true;
    return error_set(error, RUBRIC_ERROR_LIMIT, "reading the history took longer than the check's wall limit");
}

/* ---- commits ------------------------------------------------------------------------------------------------------
 */

static guint hash_oid(gconstpointer oid)
{
    guint hash;
    memcpy(&hash, ((const git_oid *)oid)->id, sizeof(hash)); /* as good as random, and checked against the content */
    return hash;
}

static gboolean oids_equal(gconstpointer a, gconstpointer b)
{
    return git_oid_equal(a, b);
}

static GHashTable *new_oid_set(void)
{
    return g_hash_table_new_full(hash_oid, oids_equal, g_free, NULL);
}

/* Walks from `start`, newest first, into `ret_oids`. */
static bool walk(History *history, const git_oid *start, GArray *ret_oids, GError **error)
{
    git_revwalk *revwalk = NULL;
    bool is_walked = git_revwalk_new(&revwalk, history->repository) == 0 && git_revwalk_push(revwalk, start) == 0;
    int code = 0;
    git_oid oid;
    while (is_walked && (code = git_revwalk_next(&oid, revwalk)) == 0) {
        g_array_append_val(ret_oids, oid);
        if (ret_oids->len > max_commits)
            is_walked = error_set(error, RUBRIC_ERROR_LIMIT, "the history has more than %u commits", max_commits);
        is_walked = is_walked && check_time(history, error);
    }
    bool has_failed = code != 0 && code != GIT_ITEROVER;
    if ((!is_walked || has_failed) && error && !*error)
        explain(error, "a commit");
    git_revwalk_free(revwalk);
    return is_walked && !has_failed;
}

static bool find_branch(History *history, const char *branch, git_oid *ret_oid, GError **error)
{
    static const char *const folders[] = {"refs/heads/", "refs/remotes/origin/", "refs/tags/", NULL};
    for (gsize i = 0; folders[i]; i++) {
        g_autofree char *name = g_strconcat(folders[i], branch, NULL);
        if (git_reference_name_to_id(ret_oid, history->repository, name) == 0)
            return true;
    }
    return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no branch \"%s\"", branch);
}

/* The commits of a branch as a set; NULL and an error. */
static GHashTable *branch_set(History *history, const char *branch, GError **error)
{
    git_oid tip;
    g_autoptr(GArray) oids = g_array_new(FALSE, FALSE, sizeof(git_oid));
    if (!find_branch(history, branch, &tip, error) || !walk(history, &tip, oids, error))
        return NULL;
    GHashTable *set = new_oid_set();
    for (guint i = 0; i < oids->len; i++)
        g_hash_table_add(set, g_memdup2(&g_array_index(oids, git_oid, i), sizeof(git_oid)));
    return set;
}

/* *ret_goes_on: what `each` said. */
static bool visit_commit(History *history, const git_oid *oid, HistoryEach each, void *data, bool *ret_goes_on,
                         GError **error)
{
    git_commit *commit = NULL;
    if (git_commit_lookup(&commit, history->repository, oid) != 0)
        return explain(error, "a commit");
    const git_signature *author = git_commit_author(commit);
    const char *message = git_commit_message(commit);
    g_autofree char *name = g_utf8_make_valid(author && author->name ? author->name : "", -1);
    g_autofree char *raw_email = g_utf8_make_valid(author && author->email ? author->email : "", -1);
    g_autofree char *email = g_utf8_strdown(raw_email, -1);
    g_autofree char *bounded = text_truncate(message ? message : "", max_message);
    HistoryCommit seen = {
        .name = name, .email = email, .message = bounded, .is_merge = git_commit_parentcount(commit) > 1};
    const gint64 max_seconds = G_MAXINT64 / CLOCK_SECOND_US;
    seen.time_us = CLAMP(author ? author->when.time : 0, -max_seconds, max_seconds) * CLOCK_SECOND_US;
    git_oid_tostr(seen.hex, sizeof(seen.hex), oid);
    *ret_goes_on = each(&seen, data);
    git_commit_free(commit);
    return true;
}

bool history_each_commit(History *history, const char *branch, HistoryEach each, void *data, GError **error)
{
    g_autoptr(GHashTable) on_branch = branch ? branch_set(history, branch, error) : NULL;
    if (branch && !on_branch)
        return false;
    g_autoptr(GArray) oids = g_array_new(FALSE, FALSE, sizeof(git_oid));
    if (!walk(history, &history->head, oids, error))
        return false;
    bool goes_on = true;
    for (guint i = 0; i < oids->len && goes_on; i++) {
        const git_oid *oid = &g_array_index(oids, git_oid, i);
        if (on_branch && !g_hash_table_contains(on_branch, oid))
            continue;
        if (!check_time(history, error) || !visit_commit(history, oid, each, data, &goes_on, error))
            return false;
    }
    return true;
}

/* ---- trees --------------------------------------------------------------------------------------------------------
 */

/* One walk over one or many trees; each object is visited once. */
typedef struct TreeWalk {
    History *history;
    GHashTable *seen; /* of git_oid* */
    char commit_hex[41];
    bool (*visit)(struct TreeWalk *walk, const char *path, const git_oid *oid, GError **error);
    bool is_stopped; /* a bound was met, or the visitor has enough */
    bool is_cut;     /* a bound was met */
    /* for the visitors */
    char *largest_path;
    gint64 largest_bytes;
    gsize n_bytes;
    HistoryBlob each;
    void *user_data;
} TreeWalk;

static bool walk_tree(TreeWalk *walk, const git_oid *oid, const char *folder, guint depth, GError **error);

static bool walk_entry(TreeWalk *walk, const git_tree_entry *entry, const char *folder, guint depth, GError **error)
{
    git_object_t type = git_tree_entry_type(entry);
    const git_oid *oid = git_tree_entry_id(entry);
    if (type != GIT_OBJECT_BLOB && type != GIT_OBJECT_TREE) /* a submodule is another repository */
        return true;
    if (g_hash_table_contains(walk->seen, oid))
        return true;
    if (g_hash_table_size(walk->seen) >= max_objects || depth > max_tree_depth) {
        walk->is_stopped = walk->is_cut = true;
        return true;
    }
    g_hash_table_add(walk->seen, g_memdup2(oid, sizeof(*oid)));
    g_autofree char *raw =
        *folder ? g_strconcat(folder, "/", git_tree_entry_name(entry), NULL) : g_strdup(git_tree_entry_name(entry));
    g_autofree char *path = g_utf8_make_valid(raw, -1);
    if (type == GIT_OBJECT_TREE)
        return walk_tree(walk, oid, path, depth + 1, error);
    return check_time(walk->history, error) && walk->visit(walk, path, oid, error);
}

static bool walk_tree(TreeWalk *walk, const git_oid *oid, const char *folder, guint depth, GError **error)
{
    git_tree *tree = NULL;
    if (git_tree_lookup(&tree, walk->history->repository, oid) != 0)
        return explain(error, "a folder");
    bool is_walked = true;
    for (gsize i = 0; is_walked && !walk->is_stopped && i < git_tree_entrycount(tree); i++)
        is_walked = walk_entry(walk, git_tree_entry_byindex(tree, i), folder, depth, error);
    git_tree_free(tree);
    return is_walked;
}

static bool walk_commit_tree(TreeWalk *walk, const git_oid *commit_oid, GError **error)
{
    git_commit *commit = NULL;
    if (git_commit_lookup(&commit, walk->history->repository, commit_oid) != 0)
        return explain(error, "a commit");
    git_oid_tostr(walk->commit_hex, sizeof(walk->commit_hex), commit_oid);
    git_oid tree = *git_commit_tree_id(commit);
    git_commit_free(commit);
    if (!g_hash_table_add(walk->seen, g_memdup2(&tree, sizeof(tree))))
        return true;
    return walk_tree(walk, &tree, "", 1, error);
}

static bool note_size(TreeWalk *walk, const char *path, const git_oid *oid, GError **error)
{
    size_t bytes;
    git_object_t type;
    if (git_odb_read_header(&bytes, &type, walk->history->objects, oid) != 0)
        return explain(error, "a file");
    if (walk->largest_path && (gint64)bytes <= walk->largest_bytes)
        return true;
    g_free(walk->largest_path);
    walk->largest_path = g_strdup(path);
    walk->largest_bytes = (gint64)bytes;
    return true;
}

bool history_largest_file(History *history, char **ret_path, gint64 *ret_bytes, GError **error)
{
    g_autoptr(GHashTable) seen = new_oid_set();
    TreeWalk walk = {.history = history, .seen = seen, .visit = note_size};
    bool is_walked = walk_commit_tree(&walk, &history->head, error);
    if (is_walked && walk.is_cut)
        is_walked = error_set(error, RUBRIC_ERROR_LIMIT,
                              "the commit holds more than %u files and folders, or too deep ones", max_objects);
    if (!is_walked) {
        g_free(walk.largest_path);
        return false;
    }
    *ret_path = walk.largest_path;
    *ret_bytes = walk.largest_bytes;
    return true;
}

static bool hand_over_blob(TreeWalk *walk, const char *path, const git_oid *oid, GError **error)
{
    size_t bytes;
    git_object_t type;
    git_blob *blob = NULL;
    if (git_odb_read_header(&bytes, &type, walk->history->objects, oid) != 0)
        return explain(error, "a file");
    if (type != GIT_OBJECT_BLOB || (gint64)bytes > max_blob_bytes)
        return true;
    walk->n_bytes += bytes;
    if (walk->n_bytes > max_total_bytes) {
        walk->is_stopped = walk->is_cut = true;
        return true;
    }
    if (git_blob_lookup(&blob, walk->history->repository, oid) != 0)
        return explain(error, "a file");
    const char *data = git_blob_rawcontent(blob);
    walk->is_stopped =
        !walk->each(path, walk->commit_hex, data ? data : "", (gsize)git_blob_rawsize(blob), walk->user_data);
    git_blob_free(blob);
    return true;
}

bool history_each_blob(History *history, HistoryBlob each, void *user_data, bool *ret_is_whole, GError **error)
{
    g_autoptr(GHashTable) seen = new_oid_set();
    g_autoptr(GArray) oids = g_array_new(FALSE, FALSE, sizeof(git_oid));
    TreeWalk tree_walk = {
        .history = history, .seen = seen, .visit = hand_over_blob, .each = each, .user_data = user_data};
    if (!walk(history, &history->head, oids, error))
        return false;
    for (guint i = oids->len; i > 0 && !tree_walk.is_stopped; i--) {
        if (!walk_commit_tree(&tree_walk, &g_array_index(oids, git_oid, i - 1), error))
            return false;
    }
    *ret_is_whole = !tree_walk.is_cut;
    return true;
}
