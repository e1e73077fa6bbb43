/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order: while content comes in, no link exists in the folder, so nothing written can be led elsewhere by one.
 * workspace_finish then moves the files of an only root folder up, makes the links that stay inside by their words, and
 * asks the kernel (RESOLVE_BENEATH) whether each does so in deed, since links can lead through other links.
 */
#include "daemon/worker/workspace.h"

#include "daemon/worker/names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct {
    char *path, *target;
} PendingLink;

static void pending_link_free(PendingLink *link)
{
    g_free(link->path);
    g_free(link->target);
    g_free(link);
}

void workspace_init(Workspace *workspace, int folder_fd, const UnpackLimits *limits, GPtrArray *findings)
{
    *workspace = (Workspace){
        .folder_fd = folder_fd,
        .limits = limits,
        .what = g_strdup("archive"),
        .findings = findings,
        .entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .folded = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .links = g_ptr_array_new_with_free_func((GDestroyNotify)pending_link_free),
    };
}

void workspace_clear(Workspace *workspace)
{
    g_clear_pointer(&workspace->what, g_free);
    g_clear_pointer(&workspace->folded, g_hash_table_unref);
    g_clear_pointer(&workspace->entries, g_hash_table_unref);
    g_clear_pointer(&workspace->links, g_ptr_array_unref);
    for (int i = 0; i < N_REMARKS; i++) {
        if (workspace->remarks[i].names)
            g_string_free(workspace->remarks[i].names, TRUE);
    }
}

void workspace_set_what(Workspace *workspace, const char *what)
{
    g_free(workspace->what);
    workspace->what = g_strdup(what);
}

/* ---- saying it
 * ------------------------------------------------------------------------------------------------------- */

static void add_finding(Workspace *workspace, FindingOutcome outcome, const char *message)
{
    g_ptr_array_add(workspace->findings, finding_new("submission", "submission", "unpack", outcome, "%s", message));
}

void workspace_refuse(Workspace *workspace, const char *format, ...)
{
    const unsigned max_said = 20; /* the rest is counted: workspace_finish says how many */
    if (workspace->n_refused++ >= max_said)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    add_finding(workspace, FINDING_FAIL, message);
}

void workspace_stop(Workspace *workspace, const char *format, ...)
{
    if (workspace->is_stopped)
        return;
    workspace->is_stopped = true;
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    add_finding(workspace, FINDING_FAIL, message);
}

void workspace_remark(Workspace *workspace, Remark remark, const char *name)
{
    const unsigned max_named = 5;
    if (workspace->remarks[remark].n++ >= max_named)
        return;
    if (!workspace->remarks[remark].names)
        workspace->remarks[remark].names = g_string_new(NULL);
    GString *names = workspace->remarks[remark].names;
    g_autofree char *shown = name_shown(name);
    g_string_append_printf(names, "%s\"%s\"", names->len > 0 ? ", " : "", shown);
}

static void say_remarks(Workspace *workspace)
{
    static const char *const sentences[N_REMARKS] = {
        [REMARK_DEBRIS] = "left out what the system or an editor added: ",
        [REMARK_ROOT] = "everything lies in one folder, which was entered: ",
        [REMARK_GIT] = "left out the git folder of the ",
        [REMARK_SETUID] = "dropped the set-user-id, set-group-id or sticky bits of ",
        [REMARK_CASE] =
            "some names differ only in upper and lower case, which other systems cannot hold side by side: ",
        [REMARK_SUBMODULE] = "submodules are not fetched, so these folders are empty: ",
        [REMARK_LFS] = "these files are Git LFS pointers, whose content is not fetched: ",
    };
    for (int i = 0; i < N_REMARKS; i++) {
        unsigned n = workspace->remarks[i].n;
        if (n == 0)
            continue;
        g_autoptr(GString) message = g_string_new(sentences[i]);
        if (i == REMARK_GIT)
            g_string_append_printf(message, "%s: ", workspace->what);
        g_string_append(message, workspace->remarks[i].names->str);
        const unsigned max_named = 5;
        if (n > max_named)
            g_string_append_printf(message, " and %u more", n - max_named);
        add_finding(workspace, FINDING_PASS, message->str);
    }
    const unsigned max_said = 20;
    if (workspace->n_refused > max_said) {
        g_autofree char *message = g_strdup_printf("%u more entries of the %s are refused for reasons like these",
                                                   workspace->n_refused - max_said, workspace->what);
        add_finding(workspace, FINDING_FAIL, message);
    }
}

/* ---- letting in
 * ------------------------------------------------------------------------------------------------------ */

static EntryKind kind_of(Workspace *workspace, const char *path)
{
    return (EntryKind)GPOINTER_TO_INT(g_hash_table_lookup(workspace->entries, path));
}

static const char *kind_name(EntryKind kind)
{
    static const char *const names[] = {[ENTRY_FOLDER] = "folder", [ENTRY_FILE] = "file", [ENTRY_LINK] = "link"};
    return names[kind];
}

static void remember(Workspace *workspace, const char *path, EntryKind kind)
{
    char *kept = g_strdup(path);
    g_hash_table_insert(workspace->entries, kept, GINT_TO_POINTER(kind));
    g_autofree char *folded = name_fold(kept);
    if (g_hash_table_contains(workspace->folded, folded))
        workspace_remark(workspace, REMARK_CASE, kept);
    else
        g_hash_table_insert(workspace->folded, g_steal_pointer(&folded), kept);
}

static bool count_is_fine(Workspace *workspace)
{
    gint64 max = workspace->limits->n_entries;
    /* Folders that are only implied by longer names count too: there can be more of them than of entries. */
    if (workspace->n_entries <= max && g_hash_table_size(workspace->entries) <= max)
        return true;
    workspace_stop(workspace, "the %s holds more than %" G_GINT64_FORMAT " files and folders", workspace->what, max);
    return false;
}

/* Notes the folders above `path`; false when one of them is something else. */
static bool remember_folders_above(Workspace *workspace, const char *path)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        g_autofree char *folder = g_strndup(path, (gsize)(slash - path));
        EntryKind kind = kind_of(workspace, folder);
        if (kind == ENTRY_FOLDER)
            continue;
        if (kind != 0) {
            g_autofree char *shown = name_shown(folder);
            workspace_refuse(workspace, "the %s holds \"%s\" both as a %s and as a folder", workspace->what, shown,
                             kind_name(kind));
            return false;
        }
        remember(workspace, folder, ENTRY_FOLDER);
        if (!count_is_fine(workspace))
            return false;
    }
    return true;
}

/* The name alone: its clean path, or NULL with everything said. */
static char *admit_name(Workspace *workspace, const char *raw_name)
{
    g_autofree char *path = NULL, *why = NULL;
    g_autofree char *shown = name_shown(raw_name);
    switch (name_judge(raw_name, workspace->limits->depth, &path, &why)) {
    case NAME_FINE:
        return g_steal_pointer(&path);
    case NAME_DEBRIS:
        workspace_remark(workspace, REMARK_DEBRIS, raw_name);
        return NULL;
    case NAME_GIT:
        workspace_remark(workspace, REMARK_GIT, raw_name);
        return NULL;
    case NAME_REFUSED:
        workspace_refuse(workspace, "the %s holds a name that %s: \"%s\"", workspace->what, why, shown);
        return NULL;
    case NAME_ROOT:
        return NULL;
    }
    g_return_val_if_reached(NULL);
}

char *workspace_admit(Workspace *workspace, const char *raw_name, EntryKind kind)
{
    workspace->n_entries++;
    if (!count_is_fine(workspace))
        return NULL;
    g_autofree char *path = admit_name(workspace, raw_name);
    if (!path || !remember_folders_above(workspace, path))
        return NULL;
    EntryKind present = kind_of(workspace, path);
    if (present == ENTRY_FOLDER && kind == ENTRY_FOLDER)
        return g_steal_pointer(&path);
    if (present != 0) {
        g_autofree char *shown = name_shown(path);
        if (present == kind)
            workspace_refuse(workspace, "the %s holds \"%s\" twice", workspace->what, shown);
        else
            workspace_refuse(workspace, "the %s holds \"%s\" both as a %s and as a %s", workspace->what, shown,
                             kind_name(present), kind_name(kind));
        return NULL;
    }
    remember(workspace, path, kind);
    return g_steal_pointer(&path);
}

bool workspace_admit_bytes(Workspace *workspace, const char *path, gint64 more_bytes, gint64 file_bytes)
{
    const UnpackLimits *limits = workspace->limits;
    const gint64 ratio_from_bytes = 10 << 20; /* small files may well be mostly zeros */
    g_autofree char *shown = name_shown(path);
    if (more_bytes < 0 || file_bytes > limits->file_bytes) {
        g_autofree char *max = text_size(limits->file_bytes);
        workspace_stop(workspace, "\"%s\" in the %s is larger than %s", shown, workspace->what, max);
        return false;
    }
    if (more_bytes > limits->total_bytes - workspace->n_bytes) {
        g_autofree char *max = text_size(limits->total_bytes);
        workspace_stop(workspace, "the %s unpacks to more than %s", workspace->what, max);
        return false;
    }
    workspace->n_bytes += more_bytes;
    if (workspace->packed_bytes > 0 && workspace->n_bytes > ratio_from_bytes &&
        workspace->n_bytes / workspace->packed_bytes >= limits->ratio) {
        workspace_stop(workspace,
                       "the %s unpacks to more than %" G_GINT64_FORMAT " times its own size, as only a bomb does",
                       workspace->what, limits->ratio);
        return false;
    }
    return true;
}

/* ---- writing
 * --------------------------------------------------------------------------------------------------------- */

/* Opens the folder `path` ("" for the workspace itself), making what is missing of it. */
static int open_folder(Workspace *workspace, const char *path, GError **error)
{
    if (*path == '\0')
        return fcntl(workspace->folder_fd, F_DUPFD_CLOEXEC, 3);
    file_autofd int folder = file_open_beneath(workspace->folder_fd, path, O_PATH | O_DIRECTORY, 0);
    if (folder >= 0)
        return file_steal_fd(&folder);

    folder = fcntl(workspace->folder_fd, F_DUPFD_CLOEXEC, 3);
    g_auto(GStrv) components = g_strsplit(path, "/", -1);
    for (char **component = components; *component; component++) {
        if (mkdirat(folder, *component, 0755) < 0 && errno != EEXIST) {
            error_set_errno(error, errno, "cannot make the folder \"%s\" in the workspace", path);
            return -1;
        }
        file_autofd int below = file_open_beneath(folder, *component, O_PATH | O_DIRECTORY, 0);
        if (below < 0) {
            error_set_errno(error, errno, "cannot open the folder \"%s\" in the workspace", path);
            return -1;
        }
        g_close(folder, NULL);
        folder = file_steal_fd(&below);
    }
    return file_steal_fd(&folder);
}

/* The folder that holds `path`; *ret_name is the last component, inside of `path`. */
static int open_parent(Workspace *workspace, const char *path, const char **ret_name, GError **error)
{
    const char *slash = strrchr(path, '/');
    g_autofree char *folder = g_strndup(path, slash ? (gsize)(slash - path) : 0);
    *ret_name = slash ? slash + 1 : path;
    return open_folder(workspace, folder, error);
}

bool workspace_add_folder(Workspace *workspace, const char *path, GError **error)
{
    file_autofd int folder = open_folder(workspace, path, error);
    return folder >= 0;
}

int workspace_add_file(Workspace *workspace, const char *path, bool is_executable, GError **error)
{
    const char *name;
    file_autofd int parent = open_parent(workspace, path, &name, error);
    if (parent < 0)
        return -1;
    int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, is_executable ? 0755 : 0644);
    if (fd < 0)
        error_set_errno(error, errno, "cannot write \"%s\" in the workspace", path);
    return fd;
}

void workspace_add_link(Workspace *workspace, const char *path, const char *target)
{
    PendingLink *link = g_new0(PendingLink, 1);
    link->path = g_strdup(path);
    link->target = g_strdup(target);
    g_ptr_array_add(workspace->links, link);
}

bool workspace_add_copy(Workspace *workspace, const char *path, const char *raw_source, GError **error)
{
    g_autofree char *source = NULL, *why = NULL;
    g_autofree char *shown = name_shown(path);
    if (name_judge(raw_source, workspace->limits->depth, &source, &why) != NAME_FINE ||
        kind_of(workspace, source) != ENTRY_FILE || strcmp(source, path) == 0) {
        g_autofree char *shown_source = name_shown(raw_source);
        workspace_refuse(workspace,
                         "the %s holds a hard link \"%s\" to \"%s\", which is not a file that comes before it",
                         workspace->what, shown, shown_source);
        return true;
    }
    file_autofd int from = file_open_beneath(workspace->folder_fd, source, O_RDONLY, 0);
    struct stat info;
    if (from < 0 || fstat(from, &info) < 0)
        return error_set_errno(error, errno, "cannot open \"%s\" in the workspace", source);
    if (!workspace_admit_bytes(workspace, path, info.st_size, info.st_size))
        return true;
    file_autofd int to = workspace_add_file(workspace, path, info.st_mode & S_IXUSR, error);
    return to >= 0 && file_copy_fd(from, to, "a file of the workspace", error);
}

/* ---- finishing
 * ------------------------------------------------------------------------------------------------------- */

/* The only thing at the top, if it is a folder; else NULL. Borrowed. */
static const char *only_root(Workspace *workspace)
{
    const char *root = NULL;
    GHashTableIter iter;
    gpointer path, kind;
    g_hash_table_iter_init(&iter, workspace->entries);
    while (g_hash_table_iter_next(&iter, &path, &kind)) {
        if (strchr(path, '/'))
            continue;
        if (root || GPOINTER_TO_INT(kind) != ENTRY_FOLDER)
            return NULL;
        root = path;
    }
    return root;
}

/* Names directly below the folder `root`, as the disk has them, by the table of what was written. */
static GPtrArray *children_of(Workspace *workspace, const char *root)
{
    g_autoptr(GPtrArray) children = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *prefix = g_strconcat(root, "/", NULL);
    GHashTableIter iter;
    gpointer path, kind;
    g_hash_table_iter_init(&iter, workspace->entries);
    while (g_hash_table_iter_next(&iter, &path, &kind)) {
        const char *rest = g_str_has_prefix(path, prefix) ? (char *)path + strlen(prefix) : NULL;
        if (rest && GPOINTER_TO_INT(kind) != ENTRY_LINK && !strchr(rest, '/'))
            g_ptr_array_add(children, g_strdup(rest));
    }
    return g_steal_pointer(&children);
}

/* Moves what lies in `root` to the top. The folder first steps aside, since it may hold something of its own name. */
static bool enter_folder(Workspace *workspace, const char *root, GError **error)
{
    g_autoptr(GPtrArray) children = children_of(workspace, root);
    g_autofree char *aside = g_strdup(".entered");
    while (g_ptr_array_find_with_equal_func(children, aside, g_str_equal, NULL)) {
        g_autofree char *longer = g_strconcat(aside, "_", NULL);
        g_free(g_steal_pointer(&aside));
        aside = g_steal_pointer(&longer);
    }
    int top = workspace->folder_fd;
    file_autofd int folder = open_folder(workspace, root, error);
    if (folder < 0)
        return false;
    if (renameat(top, root, top, aside) < 0)
        return error_set_errno(error, errno, "cannot rename the folder \"%s\" of the workspace", root);
    for (guint i = 0; i < children->len; i++) {
        const char *child = g_ptr_array_index(children, i);
        if (renameat(folder, child, top, child) < 0 &&
            errno != ENOENT) /* a file that was refused after its name was let in */
            return error_set_errno(error, errno, "cannot move \"%s\" up in the workspace", child);
    }
    if (unlinkat(top, aside, AT_REMOVEDIR) < 0)
        return error_set_errno(error, errno, "cannot remove the folder \"%s\" of the workspace", root);
    return true;
}

static void refuse_link(Workspace *workspace, const char *path)
{
    g_autofree char *shown = name_shown(path);
    workspace_refuse(workspace, "the %s holds a link \"%s\" that points outside of it", workspace->what, shown);
}

/* The same where an outer filter refuses openat2 (see beneath_open): where does it end? */
static bool lands_outside(Workspace *workspace, const char *path)
{
    file_autofd int fd = openat(workspace->folder_fd, path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT && errno != ELOOP && errno != ENOTDIR;
    g_autofree char *folder_name = g_strdup_printf("/proc/self/fd/%d", workspace->folder_fd);
    g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *folder = g_file_read_link(folder_name, NULL);
    g_autofree char *end = g_file_read_link(name, NULL);
    gsize length = folder ? strlen(folder) : 0;
    bool is_below = folder && end && strncmp(end, folder, length) == 0 && (end[length] == '/' || end[length] == '\0');
    return !is_below;
}

static bool leads_outside(Workspace *workspace, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    file_autofd int fd = (int)syscall(SYS_openat2, workspace->folder_fd, path, &how, sizeof how);
    return fd < 0 && (errno == EXDEV || (errno == ENOSYS && lands_outside(workspace, path)));
}

static bool make_links(Workspace *workspace, gsize n_stripped, GError **error)
{
    g_autoptr(GPtrArray) made = g_ptr_array_new(); /* of const char*, borrowed */
    for (guint i = 0; i < workspace->links->len; i++) {
        const PendingLink *link = g_ptr_array_index(workspace->links, i);
        const char *path = link->path + n_stripped, *name;
        if (!g_utf8_validate(link->target, -1, NULL) || !name_link_stays_inside(path, link->target)) {
            refuse_link(workspace, path);
            continue;
        }
        file_autofd int parent = open_parent(workspace, path, &name, error);
        if (parent < 0)
            return false;
        if (symlinkat(link->target, parent, name) < 0)
            return error_set_errno(error, errno, "cannot make the link \"%s\" in the workspace", path);
        g_ptr_array_add(made, (gpointer)path);
    }
    for (guint i = 0; i < made->len; i++) {
        const char *path = g_ptr_array_index(made, i);
        if (leads_outside(workspace, path))
            refuse_link(workspace, path);
    }
    return true;
}

bool workspace_finish(Workspace *workspace, bool enter_root, GError **error)
{
    if (!workspace->is_stopped && workspace->n_refused == 0 && g_hash_table_size(workspace->entries) == 0)
        workspace_refuse(workspace, "the %s holds no files", workspace->what);
    if (!workspace->is_stopped) {
        const char *root = enter_root ? only_root(workspace) : NULL;
        if (root && !enter_folder(workspace, root, error))
            return false;
        if (root && strcmp(root, PACKED_ROOT) != 0)
            workspace_remark(workspace, REMARK_ROOT, root);
        if (!make_links(workspace, root ? strlen(root) + 1 : 0, error))
            return false;
    }
    say_remarks(workspace);
    return true;
}
