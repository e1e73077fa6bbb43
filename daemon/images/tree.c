/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void forget(Tree *tree)
{
    g_clear_pointer(&tree->folder, g_free);
    file_autofd_close(&tree->folder_fd);
    tree->folder_fd = -1;
}

void tree_clear(Tree *tree)
{
    forget(tree);
    file_autofd_close(&tree->root_fd);
    tree->root_fd = -1;
}

char *tree_clean_name(const char *name, gint64 max_depth, const char **ret_problem)
{
    g_auto(GStrv) steps = g_strsplit(name, "/", -1);
    g_autoptr(GString) clean = g_string_new(NULL);
    gint64 depth = 0;
    *ret_problem = *name == '/' ? "is absolute" : NULL;
    for (char **step = steps; *step && !*ret_problem; step++) {
        if (**step == '\0' || g_str_equal(*step, "."))
            continue;
        if (g_str_equal(*step, ".."))
            *ret_problem = "leads out by \"..\"";
        else if (strlen(*step) > NAME_MAX || ++depth > max_depth)
            *ret_problem = "is too long or too deep";
        g_string_append_printf(clean, "%s%s", clean->len > 0 ? "/" : "", *step);
    }
    return *ret_problem ? NULL : g_string_free(g_steal_pointer(&clean), FALSE);
}

static int open_beneath(int fd, const char *path, int flags)
{
    struct open_how how = {.flags = (guint64)flags | O_CLOEXEC | O_DIRECTORY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, fd, path, &how, sizeof how);
}

/* Makes the folders of `path` that are not there, one after the other. */
static int make_folders(int root_fd, const char *path)
{
    const mode_t mode = 0755;
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    int fd = open_beneath(root_fd, ".", O_PATH);
    for (char **step = steps; *step && fd >= 0; step++) {
        int next = mkdirat(fd, *step, mode) < 0 && errno != EEXIST ? -1 : open_beneath(fd, *step, O_PATH);
        int kept = errno;
        close(fd);
        errno = kept;
        fd = next;
    }
    return fd;
}

int tree_open_parent(Tree *tree, const char *name, bool makes, const char **ret_base)
{
    const char *slash = strrchr(name, '/');
    *ret_base = slash ? slash + 1 : name;
    if (!slash)
        return tree->root_fd;
    g_autofree char *folder = g_strndup(name, (gsize)(slash - name));
    if (tree->folder && g_str_equal(folder, tree->folder))
        return tree->folder_fd;
    forget(tree);
    int fd = open_beneath(tree->root_fd, folder, O_PATH);
    if (fd < 0 && errno == ENOENT && makes)
        fd = make_folders(tree->root_fd, folder);
    if (fd < 0)
        return -1;
    tree->folder = g_steal_pointer(&folder);
    tree->folder_fd = fd;
    return fd;
}

/* ---- removing -----------------------------------------------------------------------------------------------------
 */

static int remove_entry(int folder_fd, const char *base);

static int empty_folder(int fd)
{
    DIR *entries = fdopendir(fd);
    if (!entries) {
        int r = -errno;
        close(fd);
        return r;
    }
    int r = 0;
    for (struct dirent *entry = readdir(entries); entry && r == 0; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = remove_entry(dirfd(entries), entry->d_name);
    }
    closedir(entries);
    return r;
}

/* As deep as names may be (ImageLimits.depth), since nothing is made through links. */
static int remove_entry(int folder_fd, const char *base)
{
    if (unlinkat(folder_fd, base, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    int fd = open_beneath(folder_fd, base, O_RDONLY);
    int r = fd < 0 ? -errno : empty_folder(fd);
    return r == 0 && unlinkat(folder_fd, base, AT_REMOVEDIR) < 0 ? -errno : r;
}

int tree_remove(Tree *tree, int folder_fd, const char *base)
{
    int r = remove_entry(folder_fd, base);
    /* The remembered folder may have been below, unless it is the one that was worked in. */
    if (folder_fd != tree->folder_fd)
        forget(tree);
    return r;
}

int tree_empty(Tree *tree, const char *name)
{
    forget(tree);
    int fd = open_beneath(tree->root_fd, *name ? name : ".", O_RDONLY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
    return empty_folder(fd);
}
