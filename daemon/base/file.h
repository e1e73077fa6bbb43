/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that appear whole or not at all, and reads that are bounded.
 */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <stdbool.h>
#include <sys/types.h>

/* An fd that closes itself: `file_autofd int fd = -1;`. */
static inline void file_autofd_close(int *fd)
{
    if (*fd >= 0)
        g_close(*fd, NULL);
}
#define file_autofd __attribute__((cleanup(file_autofd_close)))

/* Hands the fd over: returns *fd and leaves -1 behind. */
static inline int file_steal_fd(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Opens `path` (relative, from outside) below directory `dir_fd`: never through a link, never out of it (openat2 with
 * RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS), O_CLOEXEC and O_NONBLOCK always. Returns the fd, or
 * -1 with errno. */
int file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/* Reads a whole regular file of at most `max_bytes`. *ret_data is NUL-terminated beyond *ret_length (which may be
 * NULL). Errors: NOT_FOUND, DENIED, LIMIT (longer), INVALID (not a regular file), SYSTEM. */
bool file_read(const char *path, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error);

/* As file_read, from an fd (read from its start; the fd stays open). `name` is for messages. */
bool file_read_fd(int fd, const char *name, gsize max_bytes, char **ret_data, gsize *ret_length, GError **error);

/* Writes `path` by temporary file, fsync, rename, fsync of the folder: after a crash it is the old file or the new one.
 */
bool file_write_atomic(const char *path, const char *data, gsize length, mode_t mode, GError **error);

/* mkdir -p with `mode`, existing folders being fine. */
bool file_make_folder(const char *path, mode_t mode, GError **error);

/* Removes a tree that we made, following no link. A missing path is fine. */
bool file_remove_tree(const char *path, GError **error);

/* write(2) until all is written. */
bool file_write_all(int fd, const void *data, gsize length, GError **error);
/* The same at `offset`, the fd's own place staying as it is; false: errno says why. */
bool file_write_all_at(int fd, const void *data, gsize length, gint64 offset);

/* Writes the rest of `from` to `to`. `what` is for messages: "a file of the export". */
bool file_copy_fd(int from, int to, const char *what, GError **error);

/* Lower-case hex SHA-256 of the rest of `fd`. Caller frees. */
char *file_sha256_fd(int fd, GError **error);
/* The same of bytes. */
char *file_sha256_bytes(const void *data, gsize length);

/* fsyncs a folder, so that names in it survive a power cut. */
bool file_sync_folder(const char *path, GError **error);
