/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contents that were handed in, named by their digest: <state>/blobs/<2 hex>/<64 hex>. A blob is written to blobs/new/,
 * synced, renamed, and its folder synced, before any row names it; what a crash leaves in blobs/new/ is nobody's and is
 * swept at the next start. Whoever works on something there holds a lock of it, which ends with the process: so a
 * daemon that starts leaves an import that runs beside it alone.
 */
#include "daemon/net/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int blob_temporary(const char *state_folder, char **ret_path, GError **error)
{
    g_autofree char *folder = g_build_filename(state_folder, "blobs", "new", NULL);
    if (!file_make_folder(folder, 0700, error))
        return -1;
    g_autofree char *path = g_build_filename(folder, "XXXXXX", NULL);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a file in \"%s\"", folder);
        return -1;
    }
    (void)flock(fd, LOCK_SH | LOCK_NB);
    *ret_path = g_steal_pointer(&path);
    return fd;
}

int blob_temporary_folder(const char *state_folder, const char *what, char **ret_path, GError **error)
{
    g_autofree char *folder = g_build_filename(state_folder, "blobs", "new", NULL);
    g_autofree char *path = g_strdup_printf("%s/%s-XXXXXX", folder, what);
    if (!file_make_folder(folder, 0700, error))
        return -1;
    if (!g_mkdtemp_full(path, 0700)) {
        error_set_errno(error, errno, "cannot make a folder in \"%s\"", folder);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open \"%s\"", path);
        return -1;
    }
    (void)flock(fd, LOCK_SH | LOCK_NB);
    *ret_path = g_steal_pointer(&path);
    return fd;
}

bool blob_place(const char *state_folder, int fd, const char *temporary, const char *hex, char **ret_path,
                char **ret_digest, GError **error)
{
    g_autofree char *folder = g_strdup_printf("%s/blobs/%.2s", state_folder, hex);
    g_autofree char *path = g_build_filename(folder, hex, NULL);
    if (access(path, F_OK) == 0) {
        unlink(temporary); /* the same content was handed in before; its bytes were synced then */
    } else {
        bool is_new_folder = access(folder, F_OK) < 0;
        if (!file_make_folder(folder, 0700, error))
            return false;
        if (fchmod(fd, 0400) < 0 || fsync(fd) < 0 || rename(temporary, path) < 0)
            return error_set_errno(error, errno, "cannot keep \"%s\"", path);
        if (!file_sync_folder(folder, error))
            return false;
        g_autofree char *blobs = g_build_filename(state_folder, "blobs", NULL);
        if (is_new_folder && !file_sync_folder(blobs, error))
            return false;
    }
    *ret_path = g_strdup_printf("blobs/%.2s/%s", hex, hex);
    *ret_digest = g_strdup_printf("sha256:%s", hex);
    return true;
}

bool blob_keep(const char *state_folder, int fd, const char *temporary, char **ret_path, char **ret_digest,
               GError **error)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_set_errno(error, errno, "cannot rewind \"%s\"", temporary);
    g_autofree char *hex = file_sha256_fd(fd, error);
    return hex && blob_place(state_folder, fd, temporary, hex, ret_path, ret_digest, error);
}

bool source_store_blob(SourceContext *context, int fd, char **ret_path, char **ret_digest, GError **error)
{
    g_autofree char *temporary = NULL;
    file_autofd int copy = blob_temporary(context->state_folder, &temporary, error);
    if (copy < 0)
        return false;
    bool kept = file_copy_fd(fd, copy, "what was handed in", error) &&
                blob_keep(context->state_folder, copy, temporary, ret_path, ret_digest, error);
    if (!kept)
        unlink(temporary);
    return kept;
}

/* Nobody holds it, so whoever made it is dead. */
static bool is_left(const char *path)
{
    file_autofd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

bool blob_sweep(const char *state_folder, GError **error)
{
    g_autofree char *folder = g_build_filename(state_folder, "blobs", "new", NULL);
    g_autoptr(GDir) names = g_dir_open(folder, 0, NULL);
    for (const char *name = names ? g_dir_read_name(names) : NULL; name; name = g_dir_read_name(names)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (is_left(path) && !file_remove_tree(path, error))
            return false;
    }
    return true;
}
