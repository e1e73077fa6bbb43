/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes that have ended for everybody but us. A monitor sends the status when the command and all that it started are
 * dead; taking the mounts, the namespaces and the control group away costs as much again, and need not be waited for.
 * The end of the box's socket tells when it is done, also when the monitor was killed over it.
 */
#include "sandbox/client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Waits for the end of the socket. */
static bool has_ended(int control_fd, int patience_ms)
{
    struct pollfd fd = {control_fd, 0, 0};
    int n;
    do
        n = poll(&fd, 1, patience_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* What its monitor said last, if it came to that. */
static bool is_cleared(int control_fd)
{
    BoxFrame frame;
    if (box_frame_receive(control_fd, &frame) < 0)
        return false;
    bool is_cleared = frame.type == BOX_FRAME_CLEARED;
    box_frame_clear(&frame);
    return is_cleared;
}

static void finish(const BoxClient *client, const Departing *box, bool has_ended)
{
    bool has_group = !has_ended || !is_cleared(box->control_fd);
    close(box->control_fd);
    if (box->pid > 0 && !has_ended)
        kill(box->pid, SIGKILL);
    while (box->pid > 0 && waitpid(box->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    CgroupGroup none = CGROUP_GROUP_INIT;
    if (has_group)
        cgroup_group_remove(&client->home, box->cgroup_name, &none);
}

/* Finishes those that have ended, and the first one in any case where we wait. */
static void collect(BoxClient *client, bool waits)
{
    const int patience_ms = 30000;
    size_t n_left = 0;
    for (size_t i = 0; i < client->n_departing; i++) {
        Departing *box = &client->departing[i];
        bool is_awaited = waits && i == 0;
        bool is_gone = has_ended(box->control_fd, is_awaited ? patience_ms : 0);
        if (is_gone || is_awaited)
            finish(client, box, is_gone);
        else
            client->departing[n_left++] = *box;
    }
    client->n_departing = n_left;
}

void departing_add(BoxClient *client, const Departing *box)
{
    collect(client, false);
    if (client->n_departing == MAX_DEPARTING)
        collect(client, true);
    client->departing[client->n_departing++] = *box;
}

void box_client_settle(BoxClient *client)
{
    while (client->n_departing > 0)
        collect(client, true);
}
