/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane: one monitor with one slot, which serves a keeper's boxes one after another. It has each box built at once,
 * before there is a request ("warm") or when it is here ("slot"), on the box's own socket, which the client was given
 * ahead. Before each box the slot must be proved clean, else it is thrown away and made again. A lane whose init did
 * not come to its last word ends.
 */
#include "sandbox/lane.h"
#include "sandbox/packet.h"
#include "sandbox/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    BoxSetup setup;
    Slot *slot;    /* NULL: none could be made */
    int mounts_fd; /* tells whether mounts changed */
    /* What the last box was asked for, and so what the next one is made for. */
    BoxGuess guess;
    int64_t memory_bytes, processes; /* 0: not known */
} Lane;

static bool is_as_prepared(const Box *box)
{
    const BoxSpec *spec = &box->request.spec;
    return !spec->root && !spec->inner_root && !box->request.has_network && box->request.uid == box->setup.uid &&
           box->request.is_own_uid == box->setup.is_own_uid;
}

static void tell_keeper(int keeper_fd, LaneWord word)
{
    const char byte = (char)word;
    send(keeper_fd, &byte, sizeof byte, MSG_NOSIGNAL); /* its death is seen where the next order is awaited */
}

void lane_look_ahead(Box *box)
{
    if (box->keeper_fd >= 0)
        tell_keeper(box->keeper_fd, LANE_NEXT);
    box->keeper_fd = -1;
}

static void answer(Box *box, int launched)
{
    BoxStatus status = {.end = BOX_END_REFUSED};
    if (launched < 0) {
        snprintf(status.message, sizeof status.message,
                 "cannot make the box's namespaces: %s; `rubric doctor` says how to mend it", strerror(-launched));
        box_send_status(box, &status);
        return;
    }
    prctl(PR_SET_NAME, "box-monitor");
    monitor_run(box, &status);
    box_send_status(box, &status);
}

static void clear_away(Box *box)
{
    if (box->init_pidfd >= 0)
        monitor_clear_away(box);
    else if (cgroup_group_exists(&box->group))
        cgroup_group_remove(&box->setup.cgroups, box->setup.cgroup_name, &box->group);
    const int fds[] = {box->stdin_fd, box->stdout_fd, box->stderr_fd, box->network_fd, box->network_user_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    box_request_clear(&box->request);
    prctl(PR_SET_NAME, "box-ready");
    /* The client takes this for the end. */
    close(box->control_fd);
}

static void make_slot(Lane *lane)
{
    if (lane->slot && slot_is_clean(lane->slot))
        return;
    slot_free(lane->slot);
    lane->slot = slot_new(&lane->setup);
}

/* When the slot's process was killed. */
static int launch_anew(Lane *lane, Box *box)
{
    slot_free(lane->slot);
    lane->slot = slot_new(&lane->setup);
    box->slot = lane->slot;
    int r = launch_init(box);
    return r < 0 ? r : launch_take_init(box);
}

/* Then there is nothing to guess. */
static bool request_is_here(const Box *box)
{
    struct pollfd fd = {box->control_fd, POLLIN, 0};
    return poll(&fd, 1, 0) > 0;
}

/* False: the client has gone. */
static bool await_request(int control_fd)
{
    struct pollfd fd = {control_fd, POLLIN, 0};
    while (poll(&fd, 1, -1) < 0 && errno == EINTR)
        ;
    return fd.revents & POLLIN;
}

static void remember(Lane *lane, const BoxRequest *request)
{
    lane->guess = launch_guess(request);
    lane->memory_bytes = request->spec.limits.memory_bytes;
    lane->processes = request->spec.limits.processes;
}

static void serve_box(Lane *lane, int control_fd, int keeper_fd)
{
    Box box = BOX_INIT;
    box.setup = lane->setup;
    box.slot = lane->slot;
    box.control_fd = control_fd;
    box.mounts_fd = lane->mounts_fd;
    int launched = launch_init(&box);
    /* Where groups cannot be made now, the monitor tries again and tells. */
    box.has_group = cgroup_group_make(&box.setup.cgroups, box.setup.cgroup_name, lane->memory_bytes, lane->processes,
                                      &box.group) == 0;
    if (launched == 0)
        launched = launch_take_init(&box);
    if (launched < 0 && lane->slot)
        launched = launch_anew(lane, &box);
    bool may_guess = lane->slot && box.has_group && !lane->guess.has_share;
    if (launched == 0 && may_guess && !request_is_here(&box))
        launch_prepare(&box, &lane->guess);
    if (box_receive_request(&box, &box.request) == 0 && is_as_prepared(&box)) {
        box.keeper_fd = keeper_fd;
        answer(&box, launched);
        lane_look_ahead(&box);
        remember(lane, &box.request);
    }
    clear_away(&box);
    bool is_good = launched == 0 && (!box.is_handed_over || box.is_init_done);
    if (is_good)
        return;
    slot_free(lane->slot);
    lane->slot = NULL;
}

void lane_run(const BoxSetup *setup, int keeper_fd)
{
    const BoxLimits limits = box_limits_default();
    Lane lane = {.setup = *setup,
                 .mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC),
                 .guess = {.calls = box_profile_calls(BOX_PROFILE_STRICT),
                           .disk_bytes = limits.disk_bytes,
                           .disk_files = limits.files}};
    LaneOrder order;
    int control_fd;
    size_t n_fds;
    bool goes_on = true;
    lane.setup.shows_sources = root_may_open_sources();
    prctl(PR_SET_NAME, "box-ready");
    while (goes_on && packet_receive(keeper_fd, &order, sizeof order, &control_fd, 1, &n_fds) == 0 && n_fds == 1) {
        memcpy(lane.setup.cgroup_name, order.cgroup_name, sizeof order.cgroup_name);
        make_slot(&lane);
        if (order.is_built_ahead || await_request(control_fd))
            serve_box(&lane, control_fd, keeper_fd);
        else
            close(control_fd);
        /* Who has no slot became another to make the box, and does so once. */
        goes_on = lane.slot;
        if (goes_on)
            tell_keeper(keeper_fd, LANE_FREE);
    }
    slot_free(lane.slot);
    _exit(EXIT_SUCCESS);
}
