/* SPDX-License-Identifier: Apache-2.0 */
/* Frames over a stream socket, with file descriptors beside the header. */
#include "sandbox/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static int send_rest(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return -errno;
        bytes += sent;
        n -= (size_t)sent;
    }
    return 0;
}

int box_frame_send(int fd, BoxFrameType type, const void *body, size_t length, const int *fds, size_t n_fds)
{
    if (length > BOX_FRAME_MAX || n_fds > BOX_MAX_FRAME_FDS)
        return -E2BIG;
    BoxFrameHeader header = {BOX_FRAME_MAGIC, BOX_FRAME_VERSION, (uint16_t)type, (uint32_t)length, (uint32_t)n_fds};
    struct iovec parts[] = {{&header, sizeof header}, {(void *)body, length}};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * BOX_MAX_FRAME_FDS)];
    } control = {0};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * n_fds);
    }
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return -errno;
    size_t done = (size_t)sent;
    if (done < sizeof header) {
        int r = send_rest(fd, (const char *)&header + done, sizeof header - done);
        if (r < 0)
            return r;
        done = sizeof header;
    }
    return send_rest(fd, (const char *)body + (done - sizeof header), length - (done - sizeof header));
}

int box_frame_check(const BoxFrameHeader *header)
{
    bool is_ours = header->magic == BOX_FRAME_MAGIC && header->version == BOX_FRAME_VERSION &&
                   header->type >= BOX_FRAME_REQUEST && header->type <= BOX_FRAME_CLEARED &&
                   header->length <= BOX_FRAME_MAX && header->n_fds <= BOX_MAX_FRAME_FDS;
    return is_ours ? 0 : -EBADMSG;
}

/* Takes over what came in `message`, more than the frame can hold being closed. */
static int take_fds(struct msghdr *message, BoxFrame *frame)
{
    int r = message->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control)) {
        if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(control) + i * sizeof fd, sizeof fd);
            if (frame->n_fds < BOX_MAX_FRAME_FDS) {
                frame->fds[frame->n_fds++] = fd;
            } else {
                close(fd);
                r = -EBADMSG;
            }
        }
    }
    return r;
}

static int receive_some(int fd, char *bytes, size_t n, BoxFrame *frame)
{
    size_t done = 0;
    while (done < n) {
        struct iovec part = {bytes + done, n - done};
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(sizeof(int) * BOX_MAX_FRAME_FDS)];
        } control;
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        ssize_t got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno == ECONNRESET ? -EPIPE : -errno;
        int r = take_fds(&message, frame);
        if (r < 0)
            return r;
        if (got == 0)
            return -EPIPE;
        done += (size_t)got;
    }
    return 0;
}

int box_frame_receive(int fd, BoxFrame *ret_frame)
{
    BoxFrame frame = {0};
    BoxFrameHeader header;
    int r = receive_some(fd, (char *)&header, sizeof header, &frame);
    if (r == 0)
        r = box_frame_check(&header);
    if (r == 0) {
        frame.type = (BoxFrameType)header.type;
        frame.length = header.length;
        frame.body = malloc((size_t)header.length + 1);
        r = frame.body ? receive_some(fd, frame.body, header.length, &frame) : -ENOMEM;
    }
    if (r == 0 && frame.n_fds != header.n_fds)
        r = -EBADMSG;
    if (r < 0 || !frame.body) {
        box_frame_clear(&frame);
        return r;
    }
    frame.body[frame.length] = '\0';
    *ret_frame = frame;
    return 0;
}

void box_frame_clear(BoxFrame *frame)
{
    for (size_t i = 0; i < frame->n_fds; i++) {
        if (frame->fds[i] >= 0)
            close(frame->fds[i]);
    }
    free(frame->body);
    *frame = (BoxFrame){0};
}
