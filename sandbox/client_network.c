/* SPDX-License-Identifier: Apache-2.0 */
/* The client's side of a network that several boxes share. */
#include "sandbox/client.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void take_fds(BoxSharedNetwork *network, BoxFrame *frame, bool has_user, bool has_listener)
{
    const int *next = frame->fds;
    *network = (BoxSharedNetwork){.user_fd = -1, .listener_fd = -1};
    network->network_fd = *next++;
    network->tcp_fds[0] = *next++;
    network->tcp_fds[1] = *next++;
    if (has_user)
        network->user_fd = *next++;
    if (has_listener)
        network->listener_fd = *next++;
    frame->n_fds = 0;
}

static int take_network(BoxFrame *frame, bool wants_listener, BoxSharedNetwork *network)
{
    const size_t n_always = 3;
    uint32_t has[2];
    if (frame->type != BOX_FRAME_READY || frame->length != sizeof has)
        return -EBADMSG;
    memcpy(has, frame->body, sizeof has);
    if (has[0] > 1 || has[1] != wants_listener || frame->n_fds != n_always + has[0] + has[1])
        return -EBADMSG;
    take_fds(network, frame, has[0] != 0, has[1] != 0);
    return 0;
}

int box_network_open(const BoxClient *client, bool has_listener, BoxSharedNetwork **ret)
{
    int fd;
    pid_t pid;
    BoxFrame frame = {0};
    BoxSharedNetwork *network = calloc(1, sizeof *network);
    if (!network)
        return -ENOMEM;
    int r = program_spawn(client, has_listener ? "--network-with-listener" : "--network", &fd, &pid);
    if (r < 0) {
        free(network);
        return r;
    }
    r = box_frame_receive(fd, &frame);
    if (r == 0)
        r = take_network(&frame, has_listener, network);
    box_frame_clear(&frame);
    close(fd);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (r == 0)
        *ret = network;
    else
        free(network);
    return r;
}

void box_network_close(BoxSharedNetwork *network)
{
    if (!network)
        return;
    const int fds[] = {network->network_fd, network->tcp_fds[0], network->tcp_fds[1], network->user_fd,
                       network->listener_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(network);
}

int box_network_listener(const BoxSharedNetwork *network)
{
    return network->listener_fd;
}

/* Lines as "  0: 0100007F:1F90 00000000:0000 0A ...": own address, other's, state. */
static bool line_listens(const char *line, unsigned port)
{
    const unsigned tcp_listen = 0x0a;
    unsigned own_port, state;
    return sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x", &own_port, &state) == 2 && own_port == port &&
           state == tcp_listen;
}

/* The kernel lists listening sockets before all others, and a line has 150 bytes. */
static bool table_listens(int fd, unsigned port)
{
    char text[16 << 10];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return false;
    text[n] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (line_listens(line, port))
            return true;
    }
    return false;
}

bool box_network_listens(const BoxSharedNetwork *network, unsigned port)
{
    return table_listens(network->tcp_fds[0], port) || table_listens(network->tcp_fds[1], port);
}

/* A process cannot come back from a user namespace, so a child goes there, and sends a socket home. */
static _Noreturn void fetch_socket(const BoxSharedNetwork *network, int home_fd)
{
    int fd = -1;
    if ((network->user_fd < 0 || setns(network->user_fd, CLONE_NEWUSER) == 0) &&
        setns(network->network_fd, CLONE_NEWNET) == 0)
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_sent = fd >= 0 && box_frame_send(home_fd, BOX_FRAME_READY, NULL, 0, &fd, 1) == 0;
    _exit(is_sent ? EXIT_SUCCESS : EXIT_FAILURE);
}

int box_network_socket(const BoxSharedNetwork *network)
{
    int pair[2];
    BoxFrame frame = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        fetch_socket(network, pair[1]);
    int r = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (r == 0)
        r = box_frame_receive(pair[0], &frame);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (r == 0 && frame.n_fds == 1) {
        r = frame.fds[0];
        frame.n_fds = 0;
    } else if (r == 0) {
        r = -EBADMSG;
    }
    box_frame_clear(&frame);
    return r;
}
