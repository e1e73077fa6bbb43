/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: a small process that has one more box at hand for its client than the client uses. It hands each to a
 * lane (lane.c), of which it makes as many as are needed at once: one for the box that runs, one for the box that is
 * ready, one or two whose last box is being cleared away. When another is wanted, the lane of the last one says.
 *
 * The keeper never hears what runs in its boxes. When the client closes the socket, the keeper waits for the lanes
 * (each ends by itself, because its own client's end is closed too) and ends.
 */
#include "sandbox/box.h"
#include "sandbox/lane.h"
#include "sandbox/packet.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A client has one box running, one ready, and some whose end is not yet seen. */
enum { MAX_LANES = 8 };

typedef struct {
    pid_t pid; /* 0: none yet */
    int fd;
    bool is_busy;
    bool owes_next; /* whatever it says first, the client then wants another box */
    char cgroup_name[sizeof((LaneOrder){0}.cgroup_name)]; /* of its last box */
} KeptLane;

typedef struct {
    int fd;
    BoxSetup setup;
    char prefix[64];
    unsigned n_made;
    bool builds_ahead; /* as the client wants it */
    KeptLane lanes[MAX_LANES];
} Keeper;

/* ---- lanes
 * ------------------------------------------------------------------------------------------------------------ */

/* The forked process must hold none of our other descriptors: they would hide ours and our client's ends. */
static _Noreturn void be_lane(const BoxSetup *setup, int fd)
{
    if (fd > BOX_CONTROL_FD)
        close_range(BOX_CONTROL_FD, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0U, 0);
    lane_run(setup, fd);
}

static int start_lane(const Keeper *keeper, KeptLane *lane)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid == 0)
        be_lane(&keeper->setup, pair[1]);
    int r = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    *lane = (KeptLane){.pid = pid, .fd = pair[0]};
    return 0;
}

static void end_lane(const Keeper *keeper, KeptLane *lane)
{
    CgroupGroup none = CGROUP_GROUP_INIT;
    close(lane->fd);
    while (waitpid(lane->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    /* There is none, unless the lane was killed. Of a box that waits for its request the client does not know yet. */
    cgroup_group_remove(&keeper->setup.cgroups, lane->cgroup_name, &none);
    *lane = (KeptLane){.fd = -1};
}

/* The first one that is free: what it needs is the likeliest to be at hand. */
static KeptLane *find_lane(Keeper *keeper)
{
    for (size_t i = 0; i < MAX_LANES; i++) {
        if (!keeper->lanes[i].is_busy)
            return &keeper->lanes[i];
    }
    return NULL;
}

static int order_box(Keeper *keeper, const LaneOrder *order, int control_fd)
{
    KeptLane *lane = find_lane(keeper);
    if (!lane)
        return -EAGAIN;
    /* One that died while it was free is not known of yet. */
    if (lane->pid != 0 && packet_send(lane->fd, order, sizeof *order, &control_fd, 1) < 0)
        end_lane(keeper, lane);
    int r = 0;
    if (lane->pid == 0) {
        r = start_lane(keeper, lane);
        if (r == 0)
            r = packet_send(lane->fd, order, sizeof *order, &control_fd, 1);
    }
    lane->is_busy = r == 0;
    lane->owes_next = r == 0;
    memcpy(lane->cgroup_name, order->cgroup_name, sizeof lane->cgroup_name);
    return r;
}

/* ---- the keeper
 * ------------------------------------------------------------------------------------------------------- */

static int make_box(Keeper *keeper)
{
    int pair[2];
    LaneOrder order = {.is_built_ahead = keeper->builds_ahead};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int n = snprintf(order.cgroup_name, sizeof order.cgroup_name, "%.48s-k%u", keeper->prefix, keeper->n_made++);
    int r = order_box(keeper, &order, pair[1]);
    close(pair[1]);
    if (r == 0)
        r = box_frame_send(keeper->fd, BOX_FRAME_READY, order.cgroup_name, (size_t)n, &pair[0], 1);
    close(pair[0]);
    return r;
}

static int hear_lane(Keeper *keeper, KeptLane *lane)
{
    char word = LANE_FREE;
    bool wants_next = lane->owes_next;
    ssize_t n = recv(lane->fd, &word, sizeof word, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return 0; /* it took the place of one that had something to say */
    if (n != sizeof word)
        end_lane(keeper, lane);
    lane->is_busy = lane->pid != 0 && word != LANE_FREE;
    lane->owes_next = false;
    return wants_next ? make_box(keeper) : 0;
}

static int hear_client(Keeper *keeper)
{
    BoxFrame frame;
    int r = box_frame_receive(keeper->fd, &frame);
    if (r < 0)
        return r;
    BoxKeep keep = BOX_KEEP_SLOT;
    bool is_good = frame.type == BOX_FRAME_KEEP && frame.length == sizeof keep;
    if (is_good)
        memcpy(&keep, frame.body, sizeof keep);
    keeper->builds_ahead = keep == BOX_KEEP_WARM;
    r = is_good ? make_box(keeper) : -EBADMSG;
    box_frame_clear(&frame);
    return r;
}

static int hear_setup(Keeper *keeper)
{
    BoxFrame frame;
    BoxRequest request;
    int r = box_frame_receive(keeper->fd, &frame);
    if (r < 0)
        return r;
    char *body = frame.body;
    frame.body = NULL;
    bool is_setup = frame.type == BOX_FRAME_REQUEST && frame.n_fds == 0;
    r = box_request_decode(body, frame.length, &request);
    box_frame_clear(&frame);
    if (r < 0)
        return r;
    keeper->setup = (BoxSetup){.uid = request.uid, .is_own_uid = request.is_own_uid, .cgroups = request.cgroups};
    strcpy(keeper->prefix, request.cgroup_name);
    box_request_clear(&request);
    return is_setup ? 0 : -EBADMSG;
}

/* Waits for the client and the lanes, and hears who has something to say. */
static int serve_once(Keeper *keeper)
{
    struct pollfd fds[1 + MAX_LANES] = {{keeper->fd, POLLIN, 0}};
    for (size_t i = 0; i < MAX_LANES; i++)
        fds[1 + i] = (struct pollfd){keeper->lanes[i].fd, POLLIN, 0};
    if (poll(fds, 1 + MAX_LANES, -1) < 0)
        return errno == EINTR ? 0 : -errno;
    int r = 0;
    for (size_t i = 0; i < MAX_LANES && r == 0; i++) {
        if (fds[1 + i].revents)
            r = hear_lane(keeper, &keeper->lanes[i]);
    }
    return r == 0 && fds[0].revents ? hear_client(keeper) : r;
}

int keeper_serve(int fd)
{
    Keeper keeper = {.fd = fd};
    for (size_t i = 0; i < MAX_LANES; i++)
        keeper.lanes[i].fd = -1;
    prctl(PR_SET_NAME, "rubric-keeper");
    int r = hear_setup(&keeper);
    while (r == 0)
        r = serve_once(&keeper);
    close(fd);
    for (size_t i = 0; i < MAX_LANES; i++) {
        if (keeper.lanes[i].pid > 0)
            end_lane(&keeper, &keeper.lanes[i]);
    }
    return r == -EPIPE ? 0 : r;
}
