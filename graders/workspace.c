/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const guint max_entries = 100000;
static const guint max_depth = 64;

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->path);
    g_free(entry);
}

static bool is_left_out(const char *prefix, const char *name)
{
    bool is_dot = g_str_equal(name, ".") || g_str_equal(name, "..");
    bool is_top = *prefix == '\0';
    return is_dot || (is_top && g_str_equal(name, ".git"));
}

/* The names in an open folder, sorted. Takes the fd over. NULL and errno on failure. */
static GPtrArray *read_names(int folder_fd, const char *prefix, guint n_left)
{
    DIR *dir = fdopendir(folder_fd);
    if (!dir) {
        close(folder_fd);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (const struct dirent *at = readdir(dir); at && names->len <= n_left; at = readdir(dir)) {
        if (!is_left_out(prefix, at->d_name) && g_utf8_validate(at->d_name, -1, NULL))
            g_ptr_array_add(names, g_strdup(at->d_name));
    }
    closedir(dir);
    g_ptr_array_sort(names, text_compare);
    return names;
}

static Entry *make_entry(int folder_fd, const char *prefix, const char *name)
{
    struct stat info;
    if (fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return NULL;
    Entry *entry = g_new0(Entry, 1);
    entry->path = *prefix ? g_strconcat(prefix, "/", name, NULL) : g_strdup(name);
    entry->kind = S_ISREG(info.st_mode) ? ENTRY_FILE : S_ISDIR(info.st_mode) ? ENTRY_FOLDER : ENTRY_OTHER;
    entry->bytes = info.st_size;
    return entry;
}

/* Lists one folder and what is below. Bounded in depth by max_depth, in entries by max_entries. */
static bool list_folder(int folder_fd, const char *prefix, guint depth, GPtrArray *entries, GError **error)
{
    if (depth > max_depth)
        return error_set(error, RUBRIC_ERROR_LIMIT, "the submission has folders deeper than %u", max_depth);
    int names_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GPtrArray) names = names_fd >= 0 ? read_names(names_fd, prefix, max_entries - entries->len) : NULL;
    if (!names)
        return error_set_errno(error, errno, "cannot list \"%s\" of the submission", prefix);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        Entry *entry = make_entry(folder_fd, prefix, name);
        if (!entry)
            continue;
        g_ptr_array_add(entries, entry);
        if (entries->len > max_entries)
            return error_set(error, RUBRIC_ERROR_LIMIT, "the submission holds more than %u entries", max_entries);
        if (entry->kind != ENTRY_FOLDER)
            continue;
        file_autofd int child_fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (child_fd >= 0 && !list_folder(child_fd, entry->path, depth + 1, entries, error))
            return false;
    }
    return true;
}

GPtrArray *workspace_list(const GraderContext *context, GError **error)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
    if (!list_folder(context->workspace_fd, "", 1, entries, error))
        return NULL;
    return g_steal_pointer(&entries);
}

bool workspace_read(const GraderContext *context, const char *path, gsize max_bytes, char **ret_data, gsize *ret_length,
                    GError **error)
{
    file_autofd int fd = file_open_beneath(context->workspace_fd, path, O_RDONLY, 0);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open \"%s\" of the submission", path);
    return file_read_fd(fd, path, max_bytes, ret_data, ret_length, error);
}
