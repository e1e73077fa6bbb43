/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/frame.h"

#include "daemon/base/clock.h"
#include "daemon/base/error.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

bool frame_send(int fd, const void *data, gsize length, GError **error)
{
    g_assert(length <= G_MAXUINT32);
    guint32 header = GUINT32_TO_BE((guint32)length);
    struct iovec parts[2] = {{&header, sizeof header}, {(void *)data, length}};
    struct iovec *part = parts;
    int n_parts = 2;
    while (n_parts > 0) {
        ssize_t n = writev(fd, part, n_parts);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return error_set(error, RUBRIC_ERROR_TEMPORARY, "the other end has gone");
        if (n < 0)
            return error_set_errno(error, errno, "cannot send a frame");
        while (n_parts > 0 && (gsize)n >= part->iov_len) {
            n -= (ssize_t)part->iov_len;
            part++;
            n_parts--;
        }
        if (n_parts > 0) {
            part->iov_base = (char *)part->iov_base + n;
            part->iov_len -= (gsize)n;
        }
    }
    return true;
}

static bool receive_exactly(int fd, void *buffer, gsize length, gint64 deadline_us, GError **error)
{
    char *at = buffer;
    while (length > 0) {
        int wait_ms = -1;
        if (deadline_us >= 0) {
            gint64 left_us = deadline_us - clock_monotonic_us();
            if (left_us <= 0)
                return error_set(error, RUBRIC_ERROR_TEMPORARY, "no answer in time");
            wait_ms = (int)MIN(left_us / 1000 + 1, G_MAXINT);
        }
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        int ready = poll(&waiting, 1, wait_ms);
        if (ready < 0 && errno != EINTR)
            return error_set_errno(error, errno, "cannot wait for a frame");
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, at, length);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return error_set(error, RUBRIC_ERROR_TEMPORARY, "the other end has gone");
        if (n < 0)
            return error_set_errno(error, errno, "cannot receive a frame");
        at += n;
        length -= (gsize)n;
    }
    return true;
}

bool frame_receive(int fd, gsize max_bytes, gint64 timeout_ms, char **ret_data, gsize *ret_length, GError **error)
{
    gint64 deadline_us = timeout_ms < 0 ? -1 : clock_monotonic_us() + timeout_ms * 1000;
    guint32 header;
    if (!receive_exactly(fd, &header, sizeof header, deadline_us, error))
        return false;
    gsize length = GUINT32_FROM_BE(header);
    if (length > max_bytes)
        return error_set(error, RUBRIC_ERROR_LIMIT,
                         "a frame of %" G_GSIZE_FORMAT " bytes is over the limit of %" G_GSIZE_FORMAT, length,
                         max_bytes);
    g_autofree char *data = g_malloc(length + 1);
    if (!receive_exactly(fd, data, length, deadline_us, error))
        return false;
    data[length] = '\0';
    *ret_data = g_steal_pointer(&data);
    if (ret_length)
        *ret_length = length;
    return true;
}

/* ---- descriptors ----------------------------------------------------------------------------------------------------
 */

static const char fd_byte = 'f';

bool frame_send_fd(int socket_fd, int fd, GError **error)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)&fd_byte, sizeof fd_byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = &control.align;
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) == sizeof fd_byte)
        return true;
    return error_set(error, RUBRIC_ERROR_TEMPORARY, "the other end has gone");
}

bool frame_receive_fd(int socket_fd, gint64 timeout_ms, int *ret_fd, GError **error)
{
    struct pollfd waiting = {.fd = socket_fd, .events = POLLIN};
    int n_ready = poll(&waiting, 1, timeout_ms < 0 ? -1 : (int)timeout_ms);
    if (n_ready < 0 && errno == EINTR)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "interrupted");
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec part = {&byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = n_ready > 0 ? recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) : -1;
    const struct cmsghdr *rights = &control.align;
    if (n != sizeof byte || message.msg_controllen < sizeof *rights || rights->cmsg_type != SCM_RIGHTS ||
        rights->cmsg_len != CMSG_LEN(sizeof *ret_fd))
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the other end does not answer");
    memcpy(ret_fd, CMSG_DATA(rights), sizeof *ret_fd);
    return true;
}
