/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static int make_room(OutputStream *stream, size_t n)
{
    size_t needed = stream->bytes.length + n + 1;
    if (needed <= stream->capacity)
        return 0;
    size_t capacity = stream->capacity ? stream->capacity : 1024;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(stream->bytes.data, capacity);
    if (!data)
        return -ENOMEM;
    stream->bytes.data = data;
    stream->capacity = capacity;
    return 0;
}

static int keep(OutputStream *stream, const char *bytes, size_t n)
{
    size_t left = stream->max_bytes - stream->bytes.length;
    size_t kept = n < left ? n : left;
    int r = make_room(stream, kept);
    if (r < 0)
        return r;
    memcpy(stream->bytes.data + stream->bytes.length, bytes, kept);
    stream->bytes.length += kept;
    stream->bytes.data[stream->bytes.length] = '\0';
    return 0;
}

/* For who watches the box while it runs; short of memory, they see less of it. */
static void copy_kept(const OutputStream *stream, size_t from)
{
    if (stream->copy_fd >= 0 && from < stream->bytes.length &&
        write(stream->copy_fd, stream->bytes.data + from, stream->bytes.length - from) < 0)
        return;
}

int output_stream_drain(OutputStream *stream)
{
    char chunk[65536];
    ssize_t n = read(stream->fd, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) {
        close(stream->fd);
        stream->fd = -1;
        return 0;
    }
    size_t length = stream->bytes.length;
    stream->n_written += n;
    int r = keep(stream, chunk, (size_t)n);
    if (r == 0)
        copy_kept(stream, length);
    return r;
}

int output_stream_take(OutputStream *stream, BoxBytes *ret_bytes)
{
    int r = keep(stream, "", 0);
    if (r < 0)
        return r;
    *ret_bytes = stream->bytes;
    stream->bytes = (BoxBytes){0};
    return 0;
}

void output_stream_clear(OutputStream *stream)
{
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    free(stream->bytes.data);
    stream->bytes = (BoxBytes){0};
}

static int read_whole(int fd, size_t size, BoxBytes *ret_bytes)
{
    char *data = malloc(size + 1);
    if (!data)
        return -ENOMEM;
    size_t length = 0;
    while (length < size) {
        ssize_t n = pread(fd, data + length, size - length, (off_t)length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int r = -errno;
            free(data);
            return r;
        }
        if (n == 0)
            break;
        length += (size_t)n;
    }
    data[length] = '\0';
    *ret_bytes = (BoxBytes){data, length};
    return 0;
}

int report_read(int fd, const BoxReportHead *head, int64_t max_bytes, BoxReport *ret_report)
{
    *ret_report = (BoxReport){.state = head->state};
    if (head->state != BOX_REPORT_OK)
        return 0;
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        ret_report->state = BOX_REPORT_UNREADABLE;
        return 0;
    }
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1) {
        ret_report->state = BOX_REPORT_NOT_FILE;
        return 0;
    }
    if (info.st_size > max_bytes) {
        ret_report->state = BOX_REPORT_TOO_LARGE;
        return 0;
    }
    int r = read_whole(fd, (size_t)info.st_size, &ret_report->bytes);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        ret_report->state = BOX_REPORT_UNREADABLE;
    return 0;
}

static int copy_to_memory(int fd)
{
    int memory = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory < 0)
        return -errno;
    const size_t chunk = 1 << 20;
    ssize_t n;
    do
        n = sendfile(memory, fd, NULL, chunk);
    while (n > 0 || (n < 0 && errno == EINTR));
    int r = n < 0 || lseek(memory, 0, SEEK_SET) < 0 ? -errno : 0;
    if (r == 0 && fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        r = -errno;
    if (r < 0) {
        close(memory);
        return r;
    }
    return memory;
}

int stdin_prepare(int fd, uid_t owner)
{
    const off_t largest_copy = 64 << 20;
    struct stat info;
    if (fstat(fd, &info) < 0)
        return -errno;
    if (S_ISREG(info.st_mode) && info.st_size <= largest_copy)
        return copy_to_memory(fd);
    /* A pipe is opened again by its owner only. A FIFO with a name belongs to somebody, a nameless pipe to whom it is
     * given. */
    struct statfs system;
    if (S_ISFIFO(info.st_mode) && owner != (uid_t)-1 && fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC &&
        fchown(fd, owner, owner) < 0)
        return -errno;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    return copy < 0 ? -errno : copy;
}
