/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body of the bridge on its way to the disk. The metadata is kept in memory (it is short), the archive goes to a
 * temporary file below <state>/blobs/upload/ and is hashed as it goes. fsync of a large file takes seconds in which the
 * server's only thread would serve nobody, so the program `sync` does it, as a child that is waited for by its pidfd.
 */
#include "daemon/net/bridge_body.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const gsize max_length_digits = 10;
static const gint64 max_metadata_bytes = 4 * 1024 * 1024;
static const gint64 small_bytes = 1024 * 1024;                         /* written through at once */
static const gint64 room_bytes = G_GINT64_CONSTANT(512) * 1024 * 1024; /* that others need on the disk */

static char *upload_folder(const char *state_folder)
{
    return g_build_filename(state_folder, "blobs", "upload", NULL);
}

bool bridge_sweep(const char *state_folder, GError **error)
{
    g_autofree char *folder = upload_folder(state_folder);
    return file_remove_tree(folder, error);
}

static bool check_room(const char *folder, gint64 length, GError **error)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) < 0)
        return error_set_errno(error, errno, "cannot tell how much room \"%s\" has", folder);
    if ((guint64)disk.f_bavail * disk.f_frsize >= (guint64)(length + room_bytes))
        return true;
    return error_set(error, RUBRIC_ERROR_LIMIT, "the disk of \"%s\" has no room for another %" G_GINT64_FORMAT " bytes",
                     folder, length);
}

BridgeBody *bridge_body_new(const char *state_folder, gint64 length, GError **error)
{
    g_autofree char *folder = upload_folder(state_folder);
    if (!file_make_folder(folder, 0700, error) || !check_room(folder, length, error))
        return NULL;
    g_autofree char *path = g_build_filename(folder, "XXXXXX", NULL);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot make a file in \"%s\"", folder);
        return NULL;
    }
    BridgeBody *body = g_new0(BridgeBody, 1);
    body->path = g_steal_pointer(&path);
    body->fd = fd;
    body->length = length;
    body->head = g_string_new(NULL);
    body->metadata_bytes = -1;
    body->checksum = g_checksum_new(G_CHECKSUM_SHA256);
    body->sync = (Process){.pid = -1, .pidfd = -1};
    return body;
}

void bridge_body_free(BridgeBody *body)
{
    if (!body)
        return;
    if (body->sync.pid > 0) {
        process_kill(&body->sync, SIGKILL);
        process_wait(&body->sync, -1, NULL, NULL);
    }
    if (body->path)
        unlink(body->path);
    g_close(body->fd, NULL);
    g_free(body->path);
    g_string_free(body->head, TRUE);
    g_checksum_free(body->checksum);
    g_free(body);
}

/* ---- receiving
 * -------------------------------------------------------------------------------------------------------- */

/* "123\n": digits, with blanks around them as wc writes them. */
static bool read_length(BridgeBody *body, GError **error)
{
    g_autofree char *digits = g_strstrip(g_strdup(body->head->str));
    gint64 bytes = g_ascii_strtoll(digits, NULL, 10);
    if (!text_is_digits(digits, max_length_digits) || bytes > max_metadata_bytes)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "the body does not begin with the length of its metadata, at most %" G_GINT64_FORMAT " bytes",
                         max_metadata_bytes);
    body->metadata_bytes = bytes;
    g_string_truncate(body->head, 0);
    return true;
}

/* Takes from `data` what belongs before the archive; *ret_used tells how much that was. */
static bool receive_head(BridgeBody *body, const char *data, gsize length, gsize *ret_used, GError **error)
{
    gsize used = 0;
    while (body->metadata_bytes < 0 && used < length) {
        char byte = data[used++];
        if (byte == '\n') {
            if (!read_length(body, error))
                return false;
        } else if (body->head->len > max_length_digits * 2) {
            return error_set(error, RUBRIC_ERROR_INVALID, "the body does not begin with the length of its metadata");
        } else {
            g_string_append_c(body->head, byte);
        }
    }
    if (body->metadata_bytes >= 0) {
        gsize n = MIN(length - used, (gsize)body->metadata_bytes - body->head->len);
        g_string_append_len(body->head, data + used, (gssize)n);
        used += n;
    }
    *ret_used = used;
    return true;
}

bool bridge_body_receive(BridgeBody *body, const char *data, gsize length, GError **error)
{
    gsize used = 0;
    body->n_received += (gint64)length;
    if (!receive_head(body, data, length, &used, error))
        return false;
    if (used == length)
        return true;
    g_checksum_update(body->checksum, (const guchar *)data + used, (gssize)(length - used));
    body->n_archive += (gint64)(length - used);
    return file_write_all(body->fd, data + used, length - used, error);
}

/* ---- writing it through
 * ----------------------------------------------------------------------------------------------- */

bool bridge_body_end(BridgeBody *body, GError **error)
{
    if (body->n_received != body->length || body->metadata_bytes < 0 || body->n_archive == 0 ||
        (gint64)body->head->len < body->metadata_bytes)
        return error_set(error, RUBRIC_ERROR_INVALID, "the body ends before its archive");
    if (body->n_archive <= small_bytes) {
        body->is_safe = fsync(body->fd) == 0;
        return body->is_safe || error_set_errno(error, errno, "cannot write \"%s\" through", body->path);
    }
    const char *const argv[] = {"sync", body->path, NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    return process_start(&spec, &body->sync, error);
}

int bridge_body_pidfd(const BridgeBody *body)
{
    return body->is_safe ? -1 : body->sync.pidfd;
}

bool bridge_body_is_safe(BridgeBody *body, GError **error)
{
    const gint64 no_wait_ms = 0;
    ProcessEnd end = {0};
    if (body->is_safe || !process_wait(&body->sync, no_wait_ms, &end, error))
        return body->is_safe;
    body->is_safe = end.exited && end.code == 0;
    return body->is_safe || error_set(error, RUBRIC_ERROR_SYSTEM, "cannot write \"%s\" through: sync %s %d", body->path,
                                      end.exited ? "ended with" : "was killed by signal", end.code);
}
