/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/workspace.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct archive ArchiveWriter;
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveWriter, archive_write_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveEntry, archive_entry_free)

typedef struct {
    ArchiveWriter *archive;
    const UnpackLimits *limits;
    gint64 n_entries, n_bytes;
} Packer;

static bool fail_writing(Packer *packer, GError **error)
{
    return error_set(error, RUBRIC_ERROR_SYSTEM, "cannot pack the folder: %s", archive_error_string(packer->archive));
}

/* An entry without anything that differs between two machines. */
static ArchiveEntry *new_entry(const char *path, const struct stat *info)
{
    ArchiveEntry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, path);
    unsigned kind = info->st_mode & S_IFMT;
    archive_entry_set_filetype(entry,
                               kind == S_IFSOCK ? S_IFIFO : kind); /* tar knows no sockets; both are refused alike */
    archive_entry_set_perm(entry, S_ISDIR(info->st_mode) || (info->st_mode & 0111) ? 0755 : 0644);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_size(entry, S_ISREG(info->st_mode) ? info->st_size : 0);
    return entry;
}

static bool write_header(Packer *packer, ArchiveEntry *entry, GError **error)
{
    if (++packer->n_entries > packer->limits->n_entries + 1) /* one more for the root folder */
        return error_set(error, RUBRIC_ERROR_LIMIT, "the folder holds more than %" G_GINT64_FORMAT " files and folders",
                         packer->limits->n_entries);
    return archive_write_header(packer->archive, entry) == ARCHIVE_OK || fail_writing(packer, error);
}

/* Exactly `size` bytes, as the header said, even when the file changes under us. */
static bool write_content(Packer *packer, int fd, gint64 size, GError **error)
{
    static const char zeros[65536];
    char block[65536];
    bool has_ended = false;
    for (gint64 done = 0; done < size;) {
        gsize wanted = (gsize)MIN(size - done, (gint64)sizeof block);
        ssize_t n = has_ended ? 0 : read(fd, block, wanted);
        if (n < 0 && errno == EINTR)
            continue;
        has_ended = n <= 0;
        gsize length = has_ended ? wanted : (gsize)n;
        if (archive_write_data(packer->archive, has_ended ? zeros : block, length) != (la_ssize_t)length)
            return fail_writing(packer, error);
        done += (gint64)length;
    }
    return true;
}

static bool pack_file(Packer *packer, int folder_fd, const char *name, const char *path, GError **error)
{
    file_autofd int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot read \"%s\"", path);
    if (!S_ISREG(info.st_mode))
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "\"%s\" changed while it was packed", path);
    gint64 left_bytes = packer->limits->total_bytes - packer->n_bytes;
    if (info.st_size > packer->limits->file_bytes || info.st_size > left_bytes) {
        g_autofree char *most = text_size(packer->limits->total_bytes);
        g_autofree char *size = text_size(info.st_size);
        return error_set(error, RUBRIC_ERROR_LIMIT,
                         "the folder holds more than %s, the most that may be handed in: \"%s\" alone has %s", most,
                         path, size);
    }
    packer->n_bytes += info.st_size;
    g_autoptr(ArchiveEntry) entry = new_entry(path, &info);
    return write_header(packer, entry, error) && write_content(packer, fd, info.st_size, error);
}

static bool pack_other(Packer *packer, int folder_fd, const char *name, const char *path, const struct stat *info,
                       GError **error)
{
    g_autoptr(ArchiveEntry) entry = new_entry(path, info);
    if (S_ISLNK(info->st_mode)) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(folder_fd, name, target, sizeof target - 1);
        if (n < 0)
            return error_set_errno(error, errno, "cannot read the link \"%s\"", path);
        target[n] = '\0';
        archive_entry_set_symlink(entry, target);
    }
    return write_header(packer, entry, error);
}

/* Takes `fd`. */
static GPtrArray *list_folder(int fd, const char *path, gint64 max, GError **error)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        error_set_errno(error, errno, "cannot list the folder \"%s\"", path);
        g_close(fd, NULL);
        return NULL;
    }
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (const struct dirent *entry = readdir(folder); entry && names->len <= max; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    closedir(folder);
    g_ptr_array_sort(names, text_compare);
    return g_steal_pointer(&names);
}

/* Packs the folder `name` of `parent_fd` and what is in it. */
static bool pack_below(Packer *packer, int parent_fd, const char *name, const char *path, gint64 depth, GError **error)
{
    if (depth > packer->limits->depth)
        return error_set(error, RUBRIC_ERROR_LIMIT, "\"%s\" lies more than %" G_GINT64_FORMAT " folders deep", path,
                         packer->limits->depth);
    file_autofd int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot open the folder \"%s\"", path);
    g_autoptr(ArchiveEntry) entry = new_entry(path, &info);
    if (!write_header(packer, entry, error))
        return false;
    if (strcmp(name, ".git") == 0) /* unpacking leaves it out and says so: its name alone will do */
        return true;
    g_autoptr(GPtrArray) names = list_folder(fcntl(fd, F_DUPFD_CLOEXEC, 3), path, packer->limits->n_entries, error);
    if (!names)
        return false;
    for (guint i = 0; i < names->len; i++) {
        const char *child = g_ptr_array_index(names, i);
        g_autofree char *child_path = g_strconcat(path, "/", child, NULL);
        struct stat child_info;
        if (fstatat(fd, child, &child_info, AT_SYMLINK_NOFOLLOW) < 0)
            return error_set_errno(error, errno, "cannot examine \"%s\"", child_path);
        bool packed = S_ISDIR(child_info.st_mode)   ? pack_below(packer, fd, child, child_path, depth + 1, error)
                      : S_ISREG(child_info.st_mode) ? pack_file(packer, fd, child, child_path, error)
                                                    : pack_other(packer, fd, child, child_path, &child_info, error);
        if (!packed)
            return false;
    }
    return true;
}

bool pack_folder(int folder_fd, int archive_fd, const UnpackLimits *limits, GError **error)
{
    g_autoptr(ArchiveWriter) archive = archive_write_new();
    Packer packer = {.archive = archive, .limits = limits};
    /* GNU tar keeps names as the bytes that they are. */
    if (archive_write_set_format_gnutar(archive) != ARCHIVE_OK ||
        archive_write_open_fd(archive, archive_fd) != ARCHIVE_OK)
        return fail_writing(&packer, error);
    if (!pack_below(&packer, folder_fd, ".", PACKED_ROOT, 0, error))
        return false;
    return archive_write_close(archive) == ARCHIVE_OK || fail_writing(&packer, error);
}
