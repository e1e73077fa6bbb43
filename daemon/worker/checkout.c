/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/checkout.h"

#include "daemon/worker/names.h"
#include "daemon/worker/workspace.h"

#include <git2.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_repository, git_repository_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_odb, git_odb_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_commit, git_commit_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_tree, git_tree_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(git_blob, git_blob_free)

/* What the hosts of git repositories take; an object is held in memory whole. */
static const gint64 max_blob_bytes = 100 << 20;

typedef struct {
    Workspace *workspace;
    git_repository *repository;
    git_odb *objects;
} Checkout;

static const char *git_message(void)
{
    const git_error *last = git_error_last();
    return last && last->message ? last->message : "no reason given";
}

/* An object that is missing or is not what its name says: the student's repository is broken. */
static void stop_as_broken(Workspace *workspace, const char *path)
{
    g_autofree char *shown = name_shown(path);
    g_autofree char *why = name_shown(git_message());
    workspace_stop(workspace, "the repository is damaged at \"%s\" (%s); `git fsck` in your copy tells more", shown,
                   why);
}

static bool is_lfs_pointer(const git_blob *blob)
{
    static const char begin[] = "version https://git-lfs.github.com/spec/";
    const git_object_size_t max_pointer_bytes = 1024;
    git_object_size_t size = git_blob_rawsize(blob);
    return size <= max_pointer_bytes && size >= sizeof begin - 1 &&
           memcmp(git_blob_rawcontent(blob), begin, sizeof begin - 1) == 0;
}

/* The blob, or NULL: too large or broken, and said. */
static git_blob *load_blob(Checkout *checkout, const git_oid *id, const char *path)
{
    Workspace *workspace = checkout->workspace;
    size_t size;
    git_object_t type;
    git_blob *blob = NULL;
    if (git_odb_read_header(&size, &type, checkout->objects, id) < 0) {
        stop_as_broken(workspace, path);
        return NULL;
    }
    if ((gint64)size > max_blob_bytes) {
        g_autofree char *shown = name_shown(path);
        workspace_stop(workspace, "\"%s\" in the repository is larger than 100 MiB", shown);
        return NULL;
    }
    if (!workspace_admit_bytes(workspace, path, (gint64)size, (gint64)size))
        return NULL;
    if (git_blob_lookup(&blob, checkout->repository, id) < 0) {
        stop_as_broken(workspace, path);
        return NULL;
    }
    return blob;
}

static bool add_blob(Checkout *checkout, const git_tree_entry *entry, const char *raw_path, GError **error)
{
    Workspace *workspace = checkout->workspace;
    git_filemode_t mode = git_tree_entry_filemode(entry);
    g_autofree char *path = workspace_admit(workspace, raw_path, mode == GIT_FILEMODE_LINK ? ENTRY_LINK : ENTRY_FILE);
    g_autoptr(git_blob) blob = path ? load_blob(checkout, git_tree_entry_id(entry), path) : NULL;
    if (!blob)
        return true;
    const char *content = git_blob_rawcontent(blob);
    gsize length = git_blob_rawsize(blob);
    if (mode == GIT_FILEMODE_LINK) {
        const gsize max_target_bytes = 4095;
        g_autofree char *target = g_strndup(content, MIN(length, max_target_bytes));
        workspace_add_link(workspace, path, target);
        return true;
    }
    if (is_lfs_pointer(blob))
        workspace_remark(workspace, REMARK_LFS, path);
    file_autofd int fd = workspace_add_file(workspace, path, mode == GIT_FILEMODE_BLOB_EXECUTABLE, error);
    return fd >= 0 && file_write_all(fd, content, length, error);
}

static bool add_tree(Checkout *checkout, const git_oid *id, const char *path, GError **error);

static bool add_entry(Checkout *checkout, const git_tree_entry *entry, const char *folder, GError **error)
{
    Workspace *workspace = checkout->workspace;
    const char *name = git_tree_entry_name(entry);
    g_autofree char *path = *folder ? g_strconcat(folder, "/", name, NULL) : g_strdup(name);
    if (strchr(name, '/') || *name == '\0' || strcmp(name, ".") == 0) {
        g_autofree char *shown = name_shown(name);
        workspace_refuse(workspace, "the repository holds a name that git does not allow: \"%s\"", shown);
        return true;
    }
    switch (git_tree_entry_type(entry)) {
    case GIT_OBJECT_BLOB:
        return add_blob(checkout, entry, path, error);
    case GIT_OBJECT_TREE: {
        g_autofree char *admitted = workspace_admit(workspace, path, ENTRY_FOLDER);
        return !admitted || (workspace_add_folder(workspace, admitted, error) &&
                             add_tree(checkout, git_tree_entry_id(entry), admitted, error));
    }
    default: { /* a commit: a submodule */
        g_autofree char *admitted = workspace_admit(workspace, path, ENTRY_FOLDER);
        if (!admitted)
            return true;
        workspace_remark(workspace, REMARK_SUBMODULE, admitted);
        return workspace_add_folder(workspace, admitted, error);
    }
    }
}

/* Depth is bounded by workspace_admit, which refuses what lies too deep. */
static bool add_tree(Checkout *checkout, const git_oid *id, const char *path, GError **error)
{
    g_autoptr(git_tree) tree = NULL;
    if (git_tree_lookup(&tree, checkout->repository, id) < 0) {
        stop_as_broken(checkout->workspace, path);
        return true;
    }
    gsize n = git_tree_entrycount(tree);
    for (gsize i = 0; i < n && !checkout->workspace->is_stopped; i++) {
        if (!add_entry(checkout, git_tree_entry_byindex(tree, i), path, error))
            return false;
    }
    return true;
}

/* Nothing of the machine's or a user's configuration, small windows into packs, every object checked against its name.
 */
static void set_options(void)
{
    static const git_config_level_t levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
                                                GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
    const size_t window_bytes = 16 << 20, mapped_bytes = 64 << 20;
    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++)
        git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, window_bytes);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, mapped_bytes);
    git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
    git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0); /* the repository is another uid's: ours */
}

static bool open_commit(Checkout *checkout, const char *git_folder, const char *commit_hex, git_commit **ret_commit,
                        GError **error)
{
    git_oid id;
    if (git_oid_fromstr(&id, commit_hex) < 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a commit's 40 hexadecimal digits", commit_hex);
    if (git_repository_open_bare(&checkout->repository, git_folder) < 0 ||
        git_repository_odb(&checkout->objects, checkout->repository) < 0)
        return error_set(error, RUBRIC_ERROR_SYSTEM, "cannot open the repository \"%s\": %s", git_folder,
                         git_message());
    if (git_commit_lookup(ret_commit, checkout->repository, &id) < 0)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "the repository \"%s\" has no commit %s: %s", git_folder,
                         commit_hex, git_message());
    return true;
}

bool checkout_commit(const char *git_folder, const char *commit_hex, int target_fd, const UnpackLimits *limits,
                     GPtrArray *findings, GError **error)
{
    git_libgit2_init();
    set_options();
    g_auto(Workspace) workspace;
    workspace_init(&workspace, target_fd, limits, findings);
    workspace_set_what(&workspace, "repository");
    g_autoptr(git_repository) repository = NULL;
    g_autoptr(git_odb) objects = NULL;
    g_autoptr(git_commit) commit = NULL;
    Checkout checkout = {.workspace = &workspace};
    bool opened = open_commit(&checkout, git_folder, commit_hex, &commit, error);
    repository = checkout.repository;
    objects = checkout.objects;
    bool done = opened && add_tree(&checkout, git_commit_tree_id(commit), "", error) &&
                workspace_finish(&workspace, false, error);
    g_clear_pointer(&commit, git_commit_free);
    g_clear_pointer(&objects, git_odb_free);
    g_clear_pointer(&repository, git_repository_free);
    git_libgit2_shutdown();
    return done;
}
