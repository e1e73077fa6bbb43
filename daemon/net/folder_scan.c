/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/folder_scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const guint max_candidates = 100 * 1000;
static const guint max_tree_entries = 1000 * 1000;
static const guint max_tree_depth = 64;

static void candidate_free(gpointer data)
{
    Candidate *candidate = data;
    g_free(candidate->path);
    g_free(candidate->assignment);
    g_free(candidate->owner);
    g_free(candidate->fingerprint);
    g_free(candidate);
}

/* Names that editors, browsers and copying programs use for what is not complete. */
static bool name_is_passing(const char *name)
{
    static const char *const endings[] = {"~", ".part", ".tmp", ".temp", ".crdownload", ".filepart", ".swp"};
    if (name[0] == '.' || strcmp(name, "__MACOSX") == 0 || !g_utf8_validate(name, -1, NULL))
        return true;
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (g_str_has_suffix(name, endings[i]))
            return true;
    }
    return false;
}

/* The owner's name before a known ending; NULL when the ending is of no archive. */
static char *archive_owner(const char *name)
{
    static const char *const endings[] = {".zip", ".tar.gz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tgz", ".tar", ".7z"};
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        gsize length = strlen(name), n = strlen(endings[i]);
        if (length > n && g_ascii_strcasecmp(name + length - n, endings[i]) == 0)
            return g_strndup(name, length - n);
    }
    return NULL;
}

static char *stat_fingerprint(const struct stat *info)
{
    return g_strdup_printf("f:%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ".%09ld:%" G_GUINT64_FORMAT,
                           (gint64)info->st_size, (gint64)info->st_mtim.tv_sec, info->st_mtim.tv_nsec,
                           (guint64)info->st_ino);
}

char *file_fingerprint(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 ? stat_fingerprint(&info) : NULL;
}

/* Names in a folder, sorted; NULL and errno when it cannot be read. */
static GPtrArray *list_names(int folder_fd)
{
    int copy = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        if (copy >= 0)
            close(copy);
        return NULL;
    }
    rewinddir(folder);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (struct dirent *entry = readdir(folder); entry && names->len <= max_tree_entries; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    closedir(folder);
    if (names->len > 0)
        qsort(names->pdata, names->len, sizeof *names->pdata, text_compare);
    return names;
}

static int open_folder(int at_fd, const char *name)
{
    return openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

static bool has_metadata(int folder_fd)
{
    struct stat info;
    return fstatat(folder_fd, "submission_metadata.yml", &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode);
}

/* ---- candidates
 * ------------------------------------------------------------------------------------------------------- */

static bool add_candidate(GPtrArray *list, CandidateKind kind, const char *assignment, const char *name,
                          const char *owner, const struct stat *info, GError **error)
{
    if (list->len >= max_candidates)
        return error_set(error, RUBRIC_ERROR_LIMIT, "the folder holds more than %u submissions", max_candidates);
    Candidate *candidate = g_new0(Candidate, 1);
    g_ptr_array_add(list, candidate);
    candidate->kind = kind;
    candidate->path = assignment ? g_build_filename(assignment, name, NULL) : g_strdup(name);
    candidate->assignment = g_strdup(assignment);
    candidate->owner = g_strdup(owner);
    candidate->fingerprint = S_ISREG(info->st_mode) ? stat_fingerprint(info) : NULL;
    return true;
}

static bool add_file(GPtrArray *list, const char *assignment, const char *name, const struct stat *info, GError **error)
{
    g_autofree char *owner = archive_owner(name);
    if (owner)
        return add_candidate(list, CANDIDATE_ARCHIVE, assignment, name, owner, info, error);
    if (!assignment)
        return true; /* a note beside the assignments' folders is nobody's submission */
    const char *dot = strrchr(name, '.');
    g_autofree char *stem = g_strndup(name, dot ? (gsize)(dot - name) : strlen(name));
    return add_candidate(list, CANDIDATE_OTHER, assignment, name, stem, info, error);
}

static bool scan_assignment(const char *assignment, int folder_fd, GPtrArray *list, GError **error)
{
    g_autoptr(GPtrArray) names = list_names(folder_fd);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        struct stat info;
        if (name_is_passing(name) || fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(info.st_mode) && !add_file(list, assignment, name, &info, error))
            return false;
        if (!S_ISDIR(info.st_mode))
            continue;
        file_autofd int inner = open_folder(folder_fd, name);
        CandidateKind kind = inner >= 0 && has_metadata(inner) ? CANDIDATE_EXPORT : CANDIDATE_FOLDER;
        if (!add_candidate(list, kind, assignment, name, name, &info, error))
            return false;
    }
    return true;
}

static bool scan_top_entry(int root_fd, const char *name, GPtrArray *list, GError **error)
{
    struct stat info;
    if (name_is_passing(name) || fstatat(root_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return true;
    if (S_ISREG(info.st_mode))
        return add_file(list, NULL, name, &info, error);
    if (!S_ISDIR(info.st_mode))
        return true;
    file_autofd int folder_fd = open_folder(root_fd, name);
    if (folder_fd < 0)
        return true;
    if (has_metadata(folder_fd))
        return add_candidate(list, CANDIDATE_EXPORT, NULL, name, name, &info, error);
    return scan_assignment(name, folder_fd, list, error);
}

GPtrArray *folder_scan(int root_fd, GError **error)
{
    g_autoptr(GPtrArray) names = list_names(root_fd);
    if (!names) {
        error_set_errno(error, errno, "cannot list the watched folder");
        return NULL;
    }
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(candidate_free);
    for (guint i = 0; i < names->len; i++) {
        if (!scan_top_entry(root_fd, g_ptr_array_index(names, i), list, error))
            return NULL;
    }
    return g_steal_pointer(&list);
}

/* ---- fingerprints of folders
 * ------------------------------------------------------------------------------------------- */

typedef struct {
    GChecksum *sum;
    guint n_entries;
} Walk;

static void walk_folder(Walk *walk, int folder_fd, guint depth)
{
    g_autoptr(GPtrArray) names = list_names(folder_fd);
    for (guint i = 0; names && i < names->len && walk->n_entries < max_tree_entries; i++) {
        const char *name = g_ptr_array_index(names, i);
        struct stat info;
        if (fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        walk->n_entries++;
        g_autofree char *about = stat_fingerprint(&info);
        g_checksum_update(walk->sum, (const guchar *)name, (gssize)strlen(name) + 1);
        g_checksum_update(walk->sum, (const guchar *)about, -1);
        file_autofd int inner = S_ISDIR(info.st_mode) && depth < max_tree_depth ? open_folder(folder_fd, name) : -1;
        if (inner >= 0)
            walk_folder(walk, inner, depth + 1);
        g_checksum_update(walk->sum, (const guchar *)"/", 1);
    }
}

char *folder_fingerprint(int root_fd, const char *path, GError **error)
{
    file_autofd int folder_fd = file_open_beneath(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
    if (folder_fd < 0) {
        error_set_errno(error, errno, "cannot open the folder \"%s\"", path);
        return NULL;
    }
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    Walk walk = {.sum = sum};
    walk_folder(&walk, folder_fd, 0);
    return g_strdup_printf("d:%s", g_checksum_get_string(sum));
}
