/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making init, and handing it the request. The request's bytes lie in memory that both share (it may have 2 MiB, more
 * than a packet holds); a packet says that they are there and brings the descriptors.
 */
#include "sandbox/box.h"
#include "sandbox/packet.h"
#include "sandbox/processors.h"
#include "sandbox/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_FDS = 4 + 2 + BOX_MAX_BINDS };

/* The first packet; its descriptors: the group's. */
typedef struct {
    bool has_guess;
    BoxGuess guess;
    int group_version[CGROUP_N_CONTROLLERS];
    bool group_has_fd[CGROUP_N_CONTROLLERS];
    uint32_t n_fds;
} Preparation;

/* The second packet; its descriptors in this order: the client's socket, stdout, stderr, stdin, the root, the
 * workspace, the binds. */
typedef struct {
    uint32_t length; /* of the shared bytes */
    bool has_stdin, has_mounts, has_root, has_workspace;
    uint32_t n_fds, n_binds;
} Handover;

/* ---- making init
 * ------------------------------------------------------------------------------------------------------ */

int launch_become_uid(const BoxSetup *setup)
{
    if (!setup->is_own_uid)
        return 0;
    uid_t uid = setup->uid;
    /* EPERM: our user namespace forbids it, and then whoever made it has dropped the groups or meant to keep them. */
    if (setgroups(0, NULL) < 0 && errno != EPERM)
        return -errno;
    if (setresgid(uid, uid, uid) < 0 || setresuid((uid_t)-1, uid, (uid_t)-1) < 0)
        return -errno;
    return 0;
}

static int clone_fresh(Box *box)
{
    uid_t own = geteuid();
    int r = launch_become_uid(&box->setup);
    if (r < 0)
        return r;
    box->uid = geteuid();
    box->gid = getegid();
    /* Else the files in /proc/self belong to root, and init cannot write its uid map. */
    prctl(PR_SET_DUMPABLE, 1);
    uint64_t network = box->request.has_network ? 0 : CLONE_NEWNET;
    struct clone_args args = {
        .flags = CLONE_PIDFD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | network,
        .pidfd = (uintptr_t)&box->init_pidfd,
        .exit_signal = SIGCHLD,
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        init_run(box);
    box->init_pid = pid;
    r = pid < 0 ? -errno : 0;
    if (own != geteuid() && setresuid((uid_t)-1, own, (uid_t)-1) < 0)
        _exit(EXIT_FAILURE); /* never reached: the saved uid is ours; init dies with us */
    prctl(PR_SET_DUMPABLE, 0);
    return r;
}

/* Readable as "urgent" when a mount has come or gone in our mount namespace since this was last asked. */
static bool mounts_have_changed(const Box *box)
{
    struct pollfd fd = {box->mounts_fd, POLLPRI, 0};
    return box->mounts_fd >= 0 && poll(&fd, 1, 0) > 0;
}

int launch_init(Box *box)
{
    int pair[2];
    mounts_have_changed(box);
    if (box->slot)
        return slot_order_init(box->slot, box);
    box->shared = mmap(NULL, BOX_FRAME_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (box->shared == MAP_FAILED)
        return -ENOMEM;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    box->monitor_fd = pair[1];
    box->init_fd = pair[0];
    int r = clone_fresh(box);
    close(pair[1]);
    box->monitor_fd = -1;
    if (r < 0) {
        close(pair[0]);
        box->init_fd = -1;
    }
    return r;
}

int launch_take_init(Box *box)
{
    return box->slot ? slot_take_init(box->slot, box) : 0;
}

/* ---- the request
 * ------------------------------------------------------------------------------------------------------ */

typedef struct {
    int fds[MAX_FDS];
    uint32_t n;
} FdList;

static void add_fd(FdList *list, int fd)
{
    list->fds[list->n++] = fd;
}

static void fill_handover(const Box *box, Handover *handover, FdList *list)
{
    const BoxRequest *request = &box->request;
    handover->length = (uint32_t)request->length;
    add_fd(list, box->control_fd);
    add_fd(list, box->stdout_fd);
    add_fd(list, box->stderr_fd);
    handover->has_stdin = box->stdin_fd >= 0;
    if (handover->has_stdin)
        add_fd(list, box->stdin_fd);
    handover->has_mounts = box->has_mounts;
    handover->has_root = box->has_mounts && box->root_fd >= 0;
    if (handover->has_root)
        add_fd(list, box->root_fd);
    handover->has_workspace = box->has_mounts && box->workspace_fd >= 0;
    if (handover->has_workspace)
        add_fd(list, box->workspace_fd);
    handover->n_binds = box->has_mounts ? (uint32_t)request->spec.n_binds : 0;
    for (uint32_t i = 0; i < handover->n_binds; i++)
        add_fd(list, box->bind_fds[i]);
    handover->n_fds = list->n;
}

static void close_mounts(Box *box)
{
    if (box->root_fd >= 0)
        close(box->root_fd);
    if (box->workspace_fd >= 0)
        close(box->workspace_fd);
    box->root_fd = box->workspace_fd = -1;
    for (size_t i = 0; box->has_mounts && i < box->request.spec.n_binds; i++)
        close(box->bind_fds[i]);
}

static int launch_again(Box *box)
{
    monitor_abandon(box);
    close(box->init_pidfd);
    box->init_pidfd = -1;
    box->is_prepared = box->has_guess = false;
    int r = launch_init(box);
    return r < 0 ? r : launch_take_init(box);
}

BoxGuess launch_guess(const BoxRequest *request)
{
    const BoxSpec *spec = &request->spec;
    return (BoxGuess){.calls = box_profile_calls(spec->profile) | spec->calls,
                      .fixed_addresses = spec->fixed_addresses,
                      .has_loopback = spec->network == BOX_NETWORK_LOOPBACK && !request->has_network,
                      .has_share = spec->limits.cpus_milli < BOX_CPUS_UNBOUND,
                      .disk_bytes = spec->limits.disk_bytes,
                      .disk_files = spec->limits.files};
}

static bool guess_is_right(const Box *box)
{
    const BoxGuess known = launch_guess(&box->request), *guess = &box->guess;
    return guess->calls == known.calls && guess->fixed_addresses == known.fixed_addresses &&
           guess->has_loopback == known.has_loopback && !known.has_share;
}

int launch_prepare(Box *box, const BoxGuess *guess)
{
    Preparation preparation = {.has_guess = guess != NULL};
    FdList list = {.n = 0};
    if (guess)
        preparation.guess = box->guess = *guess;
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        preparation.group_version[i] = box->group.version[i];
        preparation.group_has_fd[i] = box->group.procs_fd[i] >= 0;
        if (preparation.group_has_fd[i])
            add_fd(&list, box->group.procs_fd[i]);
    }
    preparation.n_fds = list.n;
    box->has_guess = guess != NULL;
    box->is_prepared = true;
    return packet_send(box->init_fd, &preparation, sizeof preparation, list.fds, list.n);
}

int launch_request(Box *box, Problem *problem)
{
    if (box->has_guess && !guess_is_right(box)) {
        int r = launch_again(box);
        if (r < 0)
            return problem_set(problem, -r, "cannot make the box's namespaces again for this request");
    }
    int r = root_open_sources(box, problem);
    box->has_mounts = r == 0;
    if (r == -EPERM && box->setup.shows_sources)
        return problem_set(problem, EPERM,
                           "cannot show folders in the box"); /* nor can init: the host's root is gone */
    if (r < 0 && r != -EPERM)
        return r;
    /* Then init opens them in the mounts that it was made with, which may be old when it was made ahead. */
    if (r < 0 && mounts_have_changed(box)) {
        r = launch_again(box);
        if (r < 0)
            return problem_set(problem, -r, "cannot make the box's namespaces again after a mount");
    }
    r = box->is_prepared ? 0 : launch_prepare(box, NULL);
    Handover handover = {0};
    FdList list = {.n = 0};
    memcpy(box->shared, box->request.body, box->request.length);
    fill_handover(box, &handover, &list);
    box->is_handed_over = true;
    processors_keep_here(box->init_pid);
    if (r == 0)
        r = packet_send(box->init_fd, &handover, sizeof handover, list.fds, list.n);
    close_mounts(box);
    if (r < 0 && r != -EPIPE && r != -ECONNRESET)
        return problem_set(problem, -r, "cannot hand the request to the box");
    return 0;
}

/* ---- init's side
 * ------------------------------------------------------------------------------------------------------ */

int launch_await_preparation(Box *box)
{
    Preparation preparation;
    int fds[CGROUP_N_CONTROLLERS];
    size_t n_fds;
    int r = packet_receive(box->monitor_fd, &preparation, sizeof preparation, fds, CGROUP_N_CONTROLLERS, &n_fds);
    if (r == 0 && preparation.n_fds != n_fds)
        r = -EBADMSG;
    if (r < 0)
        return r;
    const int *next = fds;
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        box->group.version[i] = preparation.group_version[i];
        box->group.procs_fd[i] = preparation.group_has_fd[i] ? *next++ : -1;
    }
    box->has_guess = preparation.has_guess;
    box->guess = preparation.guess;
    return 0;
}

int launch_await_request(Box *box)
{
    Handover handover;
    int fds[MAX_FDS];
    size_t n_fds;
    int r = packet_receive(box->monitor_fd, &handover, sizeof handover, fds, MAX_FDS, &n_fds);
    if (r == 0 && handover.n_fds != n_fds)
        r = -EBADMSG;
    if (r < 0)
        return r;
    char *body = malloc((size_t)handover.length + 1);
    if (!body)
        return -ENOMEM;
    memcpy(body, box->shared, handover.length);
    r = box_request_decode(body, handover.length, &box->request);
    if (r < 0)
        return r;
    const int *next = fds;
    box->control_fd = *next++;
    box->stdout_fd = *next++;
    box->stderr_fd = *next++;
    box->stdin_fd = handover.has_stdin ? *next++ : -1;
    box->has_mounts = handover.has_mounts;
    box->root_fd = handover.has_root ? *next++ : -1;
    box->workspace_fd = handover.has_workspace ? *next++ : -1;
    for (uint32_t i = 0; i < handover.n_binds; i++)
        box->bind_fds[i] = *next++;
    return 0;
}
