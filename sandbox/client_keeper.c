/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of its keeper. A keeper that dies is replaced a few times; then boxes are made without one.
 */
#include "sandbox/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_KEEPERS = 4 };

static int ask_for_boxes(const BoxClient *client)
{
    const BoxKeep keep = client->mode == BOX_MODE_SLOT ? BOX_KEEP_SLOT : BOX_KEEP_WARM;
    return box_frame_send(client->keeper_fd, BOX_FRAME_KEEP, &keep, sizeof keep, NULL, 0);
}

/* The keeper needs the user and the group only, but a request is what the protocol has for them. */
static int send_setup(const BoxClient *client, const BoxRequest *request)
{
    BoxRequest setup = *request;
    BoxWriter writer = {0};
    setup.has_stdin = setup.has_network = setup.has_network_user = false;
    snprintf(setup.cgroup_name, sizeof setup.cgroup_name, "box-%d-%llx-%u", (int)getpid(), client->started_ns,
             client->n_keepers);
    setup.spec.argv = (const char *const[]){"true", NULL};
    setup.spec.env = NULL;
    setup.spec.report_paths = NULL;
    setup.spec.workspace = setup.spec.folder = setup.spec.root = NULL;
    setup.spec.n_binds = 0;
    int r = box_request_encode(&setup, &writer);
    if (r == 0)
        r = box_frame_send(client->keeper_fd, BOX_FRAME_REQUEST, writer.data, writer.length, NULL, 0);
    box_writer_clear(&writer);
    return r;
}

void keeper_end(BoxClient *client)
{
    if (client->keeper_fd < 0)
        return;
    close(client->keeper_fd);
    client->keeper_fd = -1;
    while (waitpid(client->keeper_pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

static int start(BoxClient *client, const BoxRequest *request)
{
    if (client->n_keepers == MAX_KEEPERS)
        return -ENOENT;
    client->n_keepers++;
    int r = program_spawn(client, "--keeper", &client->keeper_fd, &client->keeper_pid);
    if (r < 0)
        return r;
    r = send_setup(client, request);
    if (r == 0)
        r = ask_for_boxes(client);
    if (r < 0)
        keeper_end(client);
    return r;
}

static int receive_box(const BoxClient *client, BoxRequest *request, int *ret_control_fd)
{
    const int patience_ms = 30000;
    struct pollfd fd = {client->keeper_fd, POLLIN, 0};
    int n;
    do
        n = poll(&fd, 1, patience_ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return -ETIMEDOUT;
    BoxFrame frame;
    int r = box_frame_receive(client->keeper_fd, &frame);
    if (r < 0)
        return r;
    bool is_good = frame.type == BOX_FRAME_READY && frame.n_fds == 1 && frame.length > 0 &&
                   frame.length < sizeof request->cgroup_name && !memchr(frame.body, '/', frame.length);
    if (is_good) {
        memcpy(request->cgroup_name, frame.body, frame.length + 1);
        *ret_control_fd = frame.fds[0];
        frame.n_fds = 0;
    }
    box_frame_clear(&frame);
    return is_good ? 0 : -EBADMSG;
}

static int take(BoxClient *client, BoxRequest *request, int *ret_control_fd)
{
    int r = client->keeper_fd < 0 ? start(client, request) : 0;
    return r < 0 ? r : receive_box(client, request, ret_control_fd);
}

int keeper_take(BoxClient *client, BoxRequest *request, int *ret_control_fd)
{
    int r = take(client, request, ret_control_fd);
    if (r < 0 && client->keeper_fd >= 0) {
        kill(client->keeper_pid, SIGKILL);
        keeper_end(client);
    }
    return r;
}
