/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/file.h"

#include "daemon/base/beneath.h"
#include "daemon/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
    /* openat2 refuses O_PATH beside O_NONBLOCK; nothing blocks with it anyway. */
    return beneath_open(dir_fd, path, flags | (flags & O_PATH ? 0 : O_NONBLOCK), mode);
}

bool file_read_fd(int fd, const char *name, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot examine \"%s\"", name);
    if (!S_ISREG(info.st_mode))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a regular file", name);
    if ((guint64)info.st_size > max_bytes)
        return error_set(error, RUBRIC_ERROR_LIMIT,
                         "\"%s\" has %" G_GINT64_FORMAT " bytes, over the limit of %" G_GSIZE_FORMAT, name,
                         (gint64)info.st_size, max_bytes);

    gsize capacity = (gsize)info.st_size + 1, length = 0;
    g_autofree char *data = g_malloc(capacity);
    for (;;) {
        ssize_t n = pread(fd, data + length, capacity - length, (off_t)length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(error, errno, "cannot read \"%s\"", name);
        if (n == 0)
            break;
        length += (gsize)n;
        if (length > max_bytes)
            return error_set(error, RUBRIC_ERROR_LIMIT, "\"%s\" grew over the limit of %" G_GSIZE_FORMAT " bytes", name,
                             max_bytes);
        if (length == capacity) {
            capacity = MIN(capacity * 2, max_bytes + 1);
            data = g_realloc(data, capacity);
        }
    }
    data = g_realloc(data, length + 1);
    data[length] = '\0';
    *ret_data = g_steal_pointer(&data);
    if (ret_length)
        *ret_length = length;
    return true;
}

bool file_read(const char *path, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error)
{
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot open \"%s\"", path);
    return file_read_fd(fd, path, max_bytes, ret_data, ret_length, error);
}

bool file_write_all_at(int fd, const void *data, gsize length, gint64 offset)
{
    const char *at = data;
    while (length > 0) {
        ssize_t n = pwrite(fd, at, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        at += n;
        offset += n;
        length -= (gsize)n;
    }
    return true;
}

bool file_write_all(int fd, const void *data, gsize length, GError **error)
{
    const char *at = data;
    while (length > 0) {
        ssize_t n = write(fd, at, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(error, errno, "cannot write");
        at += n;
        length -= (gsize)n;
    }
    return true;
}

bool file_sync_folder(const char *path, GError **error)
{
    file_autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_set_errno(error, errno, "cannot sync the folder \"%s\"", path);
    return true;
}

bool file_write_atomic(const char *path, const char *data, gsize length, mode_t mode, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX.tmp", path);
    file_autofd int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, (int)mode);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot create a file beside \"%s\"", path);

    bool written = file_write_all(fd, data, length, error);
    if (written && fsync(fd) < 0)
        written = error_set_errno(error, errno, "cannot sync");
    if (written && rename(temporary, path) < 0)
        written = error_set_errno(error, errno, "cannot rename");
    if (!written) {
        unlink(temporary);
        g_prefix_error(error, "writing \"%s\": ", path);
        return false;
    }
    return file_sync_folder(folder, error);
}

bool file_make_folder(const char *path, mode_t mode, GError **error)
{
    if (g_mkdir_with_parents(path, (int)mode) < 0)
        return error_set_errno(error, errno, "cannot make the folder \"%s\"", path);
    return true;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    return remove(path);
}

bool file_remove_tree(const char *path, GError **error)
{
    const int max_open_folders = 16;
    if (nftw(path, remove_entry, max_open_folders, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove \"%s\"", path);
    return true;
}

bool file_copy_fd(int from, int to, const char *what, GError **error)
{
    const gsize block_bytes = 256 * 1024;
    g_autofree char *block = g_malloc(block_bytes);
    for (;;) {
        ssize_t n = read(from, block, block_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(error, errno, "cannot read %s", what);
        if (n == 0)
            return true;
        if (!file_write_all(to, block, (gsize)n, error))
            return false;
    }
}

char *file_sha256_fd(int fd, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 block[65536];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set_errno(error, errno, "cannot read for a checksum");
            return NULL;
        }
        if (n == 0)
            break;
        g_checksum_update(sum, block, n);
    }
    return g_strdup(g_checksum_get_string(sum));
}

char *file_sha256_bytes(const void *data, gsize length)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, length);
}
