/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: a process that stays as small as it started, forks a monitor for each box that its client asks for, and
 * lends it a slot. The monitor makes its init at once, before there is a request, and then waits for one on the box's
 * own socket; so a client that asks one box ahead finds it built.
 *
 * A slot comes back when its monitor has ended well and the slot is proved clean; else it is thrown away. The keeper
 * never hears what runs in its boxes. When the client closes the socket, the keeper waits for the monitors (each ends
 * by itself, because its own client's end is closed too) and ends.
 */
#include "sandbox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A client has one box running, one ready, and some whose end is not yet seen. */
enum { MAX_MONITORS = 8 };

typedef struct {
    pid_t pid; /* 0: free */
    Slot *slot;
} Lent;

typedef struct {
    int fd, deaths_fd;
    BoxSetup setup;
    char prefix[64];
    unsigned n_made;
    Lent lent[MAX_MONITORS];
    Slot *free_slots[MAX_MONITORS];
    size_t n_free;
} Keeper;

/* ---- a monitor
 * -------------------------------------------------------------------------------------------------------- */

/* Waits for the request; false: the client is gone, or init is. */
static bool await_request(Box *box)
{
    struct pollfd fds[] = {{box->control_fd, POLLIN, 0}};
    while (poll(fds, 1, -1) < 0 && errno == EINTR)
        ;
    return box_receive_request(box, &box->request) == 0;
}

static bool is_as_prepared(const Box *box)
{
    const BoxSpec *spec = &box->request.spec;
    return !spec->root && !spec->inner_root && box->request.uid == box->setup.uid &&
           box->request.is_own_uid == box->setup.is_own_uid;
}

static int answer(Box *box, int launched)
{
    BoxStatus status = {.end = BOX_END_REFUSED};
    if (launched < 0) {
        snprintf(status.message, sizeof status.message,
                 "cannot make the box's namespaces: %s; `rubric doctor` says how to mend it", strerror(-launched));
        return box_send_status(box, &status);
    }
    prctl(PR_SET_NAME, "box-monitor");
    monitor_run(box, &status);
    int r = box_send_status(box, &status);
    monitor_clear_away(box);
    return r;
}

/* The forked process. Its exit status says whether the slot may be used again. */
static _Noreturn void be_monitor(const BoxSetup *setup, const Slot *slot, int control_fd)
{
    Box box = BOX_INIT;
    box.setup = *setup;
    box.slot = slot;
    box.control_fd = control_fd;
    prctl(PR_SET_NAME, "box-ready");
    /* Limits come with the request. Where groups cannot be made now, the monitor tries again and tells. */
    const int64_t later = 0;
    int launched = launch_init(&box);
    cgroup_group_make(&setup->cgroups, setup->cgroup_name, later, later, &box.group);
    bool is_asked = await_request(&box);
    int r = -EPIPE;
    if (is_asked && is_as_prepared(&box))
        r = answer(&box, launched);
    else if (launched == 0)
        monitor_abandon(&box);
    if (cgroup_group_exists(&box.group))
        cgroup_group_remove(&setup->cgroups, setup->cgroup_name, &box.group);
    _exit(r < 0 && is_asked ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- slots
 * ------------------------------------------------------------------------------------------------------------ */

static Slot *take_slot(Keeper *keeper)
{
    while (keeper->n_free > 0) {
        Slot *slot = keeper->free_slots[--keeper->n_free];
        if (slot_is_clean(slot))
            return slot;
        slot_free(slot);
    }
    return slot_new(&keeper->setup);
}

static void give_back(Keeper *keeper, pid_t pid, bool is_good)
{
    for (size_t i = 0; i < MAX_MONITORS; i++) {
        Lent *lent = &keeper->lent[i];
        if (lent->pid != pid)
            continue;
        lent->pid = 0;
        if (is_good && lent->slot && keeper->n_free < MAX_MONITORS)
            keeper->free_slots[keeper->n_free++] = lent->slot;
        else
            slot_free(lent->slot);
        lent->slot = NULL;
    }
}

static void reap(Keeper *keeper, bool waits)
{
    int status;
    for (;;) {
        pid_t pid = waitpid(-1, &status, waits ? 0 : WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        give_back(keeper, pid, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}

/* ---- the keeper
 * ------------------------------------------------------------------------------------------------------- */

static Lent *find_room(Keeper *keeper)
{
    for (size_t i = 0; i < MAX_MONITORS; i++) {
        if (keeper->lent[i].pid == 0)
            return &keeper->lent[i];
    }
    return NULL;
}

/* What the monitor must not hold: it would hide our end from our client, and the client's end from us. */
static void forget_keeper(const Keeper *keeper, int client_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    close(keeper->fd);
    close(keeper->deaths_fd);
    close(client_fd);
}

static int make_box(Keeper *keeper)
{
    Lent *lent = find_room(keeper);
    int pair[2];
    if (!lent)
        return -EAGAIN;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    BoxSetup *setup = &keeper->setup;
    int n = snprintf(setup->cgroup_name, sizeof setup->cgroup_name, "%.48s-k%u", keeper->prefix, keeper->n_made++);
    lent->slot = take_slot(keeper);
    pid_t pid = fork();
    if (pid == 0) {
        forget_keeper(keeper, pair[0]);
        be_monitor(setup, lent->slot, pair[1]);
    }
    int r = pid < 0 ? -errno : 0;
    close(pair[1]);
    if (r < 0) {
        slot_free(lent->slot);
        lent->slot = NULL;
    } else {
        lent->pid = pid;
        r = box_frame_send(keeper->fd, BOX_FRAME_READY, setup->cgroup_name, (size_t)n, &pair[0], 1);
    }
    close(pair[0]);
    return r;
}

static int hear_client(Keeper *keeper)
{
    BoxFrame frame;
    int r = box_frame_receive(keeper->fd, &frame);
    if (r < 0)
        return r;
    if (frame.type == BOX_FRAME_MAKE)
        r = make_box(keeper);
    else
        r = -EBADMSG;
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

static int watch_deaths(void)
{
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    sigprocmask(SIG_BLOCK, &deaths, NULL);
    return signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
}

int keeper_serve(int fd)
{
    Keeper keeper = {.fd = fd, .deaths_fd = watch_deaths()};
    prctl(PR_SET_NAME, "rubric-keeper");
    int r = keeper.deaths_fd < 0 ? -errno : hear_setup(&keeper);
    while (r == 0) {
        struct pollfd fds[] = {{fd, POLLIN, 0}, {keeper.deaths_fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            r = -errno;
        struct signalfd_siginfo info;
        if (r == 0 && fds[1].revents && read(keeper.deaths_fd, &info, sizeof info) > 0)
            reap(&keeper, false);
        if (r == 0 && fds[0].revents)
            r = hear_client(&keeper);
    }
    close(fd);
    const bool to_the_last = true;
    reap(&keeper, to_the_last);
    for (size_t i = 0; i < keeper.n_free; i++)
        slot_free(keeper.free_slots[i]);
    close(keeper.deaths_fd);
    return r == -EPIPE ? 0 : r;
}
