/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/packet.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * PACKET_MAX_FDS)];
} Rights;

int packet_send(int fd, const void *bytes, size_t size, const int *fds, size_t n_fds)
{
    Rights control = {0};
    struct iovec part = {(void *)bytes, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds > PACKET_MAX_FDS)
        return -E2BIG;
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *rights = &control.align; /* where CMSG_FIRSTHDR leads */
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * n_fds);
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

void packet_discard(int fd)
{
    char byte;
    while (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) > 0)
        ;
}

int packet_receive(int fd, void *bytes, size_t size, int *ret_fds, size_t max_fds, size_t *ret_n_fds)
{
    Rights control;
    struct iovec part = {bytes, size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    const struct cmsghdr *rights = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    size_t n_fds = rights ? (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    const int *fds = rights ? (const int *)(const void *)CMSG_DATA(rights) : NULL;
    bool is_good = (size_t)n == size && n_fds <= max_fds;
    for (size_t i = 0; i < n_fds; i++) {
        if (is_good)
            ret_fds[i] = fds[i];
        else
            close(fds[i]);
    }
    *ret_n_fds = is_good ? n_fds : 0;
    return is_good ? 0 : n == 0 ? -EPIPE : -EBADMSG;
}
