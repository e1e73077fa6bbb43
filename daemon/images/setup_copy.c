/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/setup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const gint64 max_bytes = G_GINT64_CONSTANT(4) << 30;
static const gint64 max_entries = 500000;
static const int max_depth = 128;

typedef struct {
    gint64 *n_entries, *bytes;
} Sums;

/* There is one user in a box: what the owner may do there, that user may wherever the files are shown again. */
static mode_t mode_for_all(mode_t mode)
{
    mode_t readable = S_IRUSR | (mode & S_IXUSR);
    return readable | (readable >> 3) | (readable >> 6) | S_IWUSR;
}

static bool copy_file(int from_folder, int to_folder, const char *name, const struct stat *info, Sums *sums,
                      GError **error)
{
    *sums->bytes += info->st_size;
    if (*sums->bytes > max_bytes)
        return error_set(error, RUBRIC_ERROR_LIMIT, "it made more than %" G_GINT64_FORMAT " MiB", max_bytes >> 20);
    file_autofd int from = openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (from < 0 && errno == EACCES)
        return true; /* not even its owner may read it */
    file_autofd int to = from < 0 ? -1 : openat(to_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return error_set_errno(error, errno, "cannot copy \"%s\"", name);
    struct timespec times[2] = {info->st_atim, info->st_mtim};
    return file_copy_fd(from, to, name, error) &&
           ((fchmod(to, mode_for_all(info->st_mode)) == 0 && futimens(to, times) == 0) ||
            error_set_errno(error, errno, "cannot set the mode of \"%s\"", name));
}

static bool copy_link(int from_folder, int to_folder, const char *name, GError **error)
{
    char text[4096];
    ssize_t n = readlinkat(from_folder, name, text, sizeof(text) - 1);
    if (n >= 0)
        text[n] = '\0';
    return (n >= 0 && symlinkat(text, to_folder, name) == 0) ||
           error_set_errno(error, errno, "cannot copy the link \"%s\"", name);
}

static bool copy_folder(int from_fd, int to_fd, int depth, Sums *sums, GError **error);

static bool copy_subfolder(int from_folder, int to_folder, const char *name, int depth, Sums *sums, GError **error)
{
    const mode_t mode = 0755;
    if (depth >= max_depth)
        return error_set(error, RUBRIC_ERROR_LIMIT, "it made folders deeper than %d", max_depth);
    int from = openat(from_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0 && errno == EACCES)
        return true;
    file_autofd int to = from >= 0 && mkdirat(to_folder, name, mode) == 0
                             ? openat(to_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                             : -1;
    if (to < 0) {
        int kept = errno;
        file_autofd_close(&from);
        return error_set_errno(error, kept, "cannot copy the folder \"%s\"", name);
    }
    return copy_folder(from, to, depth + 1, sums, error);
}

static bool copy_entry(int from_folder, int to_folder, const char *name, int depth, Sums *sums, GError **error)
{
    struct stat info;
    if (fstatat(from_folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set_errno(error, errno, "cannot look at \"%s\"", name);
    if (++*sums->n_entries > max_entries)
        return error_set(error, RUBRIC_ERROR_LIMIT, "it made more than %" G_GINT64_FORMAT " files", max_entries);
    if (S_ISREG(info.st_mode))
        return copy_file(from_folder, to_folder, name, &info, sums, error);
    if (S_ISLNK(info.st_mode))
        return copy_link(from_folder, to_folder, name, error);
    return !S_ISDIR(info.st_mode) || copy_subfolder(from_folder, to_folder, name, depth, sums, error);
}

/* Takes from_fd over. */
static bool copy_folder(int from_fd, int to_fd, int depth, Sums *sums, GError **error)
{
    DIR *entries = fdopendir(from_fd);
    if (!entries) {
        int kept = errno;
        file_autofd_close(&from_fd);
        return error_set_errno(error, kept, "cannot list a folder");
    }
    bool is_copied = true;
    for (struct dirent *entry = readdir(entries); entry && is_copied; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            is_copied = copy_entry(dirfd(entries), to_fd, entry->d_name, depth, sums, error);
    }
    closedir(entries);
    return is_copied;
}

bool setup_copy(const char *from, const char *to, gint64 *n_entries, gint64 *bytes, GError **error)
{
    Sums sums = {n_entries, bytes};
    file_autofd int to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int from_fd = to_fd < 0 ? -1 : open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from_fd < 0)
        return error_set_errno(error, errno, "cannot open \"%s\" to keep what is in it", from);
    return copy_folder(from_fd, to_fd, 0, &sums, error);
}
