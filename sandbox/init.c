/* SPDX-License-Identifier: Apache-2.0 */
/* Pid 1 of the box: builds it, starts the program, empties it. Theory of operation: box.h. */
#include "sandbox/box.h"
#include "sandbox/network.h"
#include "sandbox/packet.h"
#include "sandbox/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell_monitor(const Box *box, const InitEvent *event, const int *fds, size_t n_fds)
{
    packet_send(box->monitor_fd, event, sizeof *event, fds, n_fds);
}

static _Noreturn void refuse(const Box *box, const Problem *problem)
{
    InitEvent event = {.kind = INIT_REFUSED, .problem = *problem};
    tell_monitor(box, &event, NULL, 0);
    _exit(EXIT_FAILURE);
}

/* ---- making the box
 * --------------------------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int r = n < 0 ? -errno : 0;
    close(fd);
    return r;
}

int init_map_ids(uid_t uid, gid_t gid, unsigned inside, Problem *problem)
{
    char uid_map[64], gid_map[64];
    snprintf(uid_map, sizeof uid_map, "%u %u 1", inside, (unsigned)uid);
    snprintf(gid_map, sizeof gid_map, "%u %u 1", inside, (unsigned)gid);
    int r = write_file("/proc/self/setgroups", "deny");
    if (r == 0)
        r = write_file("/proc/self/uid_map", uid_map);
    if (r == 0)
        r = write_file("/proc/self/gid_map", gid_map);
    if (r < 0)
        return problem_set(problem, -r, "cannot map the box's user");
    if (setresgid(inside, inside, inside) < 0 || setresuid(inside, inside, inside) < 0)
        return problem_set(problem, errno, "cannot become the box's user");
    return 0;
}

int init_set_name(Problem *problem)
{
    const char host_name[] = "box";
    if (sethostname(host_name, sizeof host_name - 1) < 0 || setdomainname("", 0) < 0)
        return problem_set(problem, errno, "cannot name the box");
    return 0;
}

/* Dies with the monitor from here on; if that is dead already, at once. */
static void tie_to_monitor(const Box *box)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd fd = {box->monitor_fd, POLLRDHUP, 0};
    if (poll(&fd, 1, 0) != 0)
        _exit(EXIT_FAILURE);
}

/* Only the monitor's signal counts: it is no member of this pid namespace, so its pid reads as 0. */
static void on_stop(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    int kept = errno;
    if (info->si_code == SI_USER && info->si_pid == 0)
        kill(-1, SIGKILL);
    errno = kept;
}

static int listen_to_monitor(Problem *problem)
{
    struct sigaction action = {.sa_sigaction = on_stop, .sa_flags = SA_SIGINFO | SA_RESTART};
    return sigaction(SIGUSR1, &action, NULL) < 0 ? problem_set(problem, errno, "cannot listen to the monitor") : 0;
}

/* All that no request changes. */
static int prepare_box(const Box *box, int *ret_disk_fd, Problem *problem)
{
    int r = box->slot ? 0 : init_map_ids(box->uid, box->gid, box->setup.inner_root ? 0 : BOX_INSIDE_ID, problem);
    if (r < 0)
        return r;
    tie_to_monitor(box);
    /* The student's program has our uid: whatever the other walls do, it must not open our memory. */
    prctl(PR_SET_DUMPABLE, 0);
    /* Both are the slot's; each of the 40 steps of the second makes new credentials, so not at the last moment. */
    if (!box->slot)
        r = init_set_name(problem);
    if (r == 0 && !box->slot)
        r = privileges_bound(problem);
    if (r == 0)
        r = root_prepare(&box->setup, ret_disk_fd, problem);
    return r == 0 ? listen_to_monitor(problem) : r;
}

static int enter_network(const Box *box, const BoxGuess *guess, Problem *problem)
{
    if (!guess->has_loopback)
        return 0;
    if (box->slot && unshare(CLONE_NEWNET) < 0)
        return problem_set(problem, errno, "cannot make the box's network namespace");
    if (network_raise_loopback() < 0)
        return problem_set(problem, errno, "cannot raise the box's loopback");
    return 0;
}

static int look_ahead(Program *program, const Box *box, Problem *problem)
{
    int r = enter_network(box, &box->guess, problem);
    if (r == 0)
        r = root_limit_disk(&box->guess, problem);
    return r == 0 ? program_make(program, box, &box->guess, problem) : r;
}

static int finish_box(Box *box, uint32_t *ret_missing, Problem *problem)
{
    const BoxGuess known = launch_guess(&box->request);
    int r = box->has_guess ? 0 : enter_network(box, &known, problem);
    return r == 0 ? root_finish(box, ret_missing, problem) : r;
}

/* ---- emptying it
 * ------------------------------------------------------------------------------------------------------ */

/* Who has lost its parent is our child: without a child there is nobody left. */
static bool somebody_lives(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid == 0;
}

/* Waits for the program, kills the rest, waits for all of it. Killing looks through all processes of the machine, so
 * not for nothing. */
static int reap_all(pid_t program)
{
    int status = 0;
    pid_t pid;
    do
        pid = waitpid(-1, &status, 0);
    while (pid != program && (pid > 0 || errno == EINTR));
    if (!somebody_lives())
        return status;
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    return status;
}

static int64_t time_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void fill_done(InitEvent *event, int disk_fd)
{
    struct rusage usage;
    struct statfs disk;
    event->kind = INIT_DONE;
    event->end_us = box_clock_us();
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0) {
        event->user_us = time_us(usage.ru_utime);
        event->system_us = time_us(usage.ru_stime);
        event->max_rss_bytes = usage.ru_maxrss * 1024;
    }
    event->hit_disk = fstatfs(disk_fd, &disk) == 0 && (disk.f_bfree == 0 || disk.f_ffree == 0);
}

_Noreturn void init_run(Box *box)
{
    Problem problem = {{0}};
    InitEvent event = {.kind = INIT_STARTED};
    Program program = {.is_ahead = false};
    int disk_fd = -1;
    close(box->init_fd);
    if (box->control_fd >= 0)
        close(box->control_fd); /* comes again with the request */
    if (prepare_box(box, &disk_fd, &problem) < 0)
        refuse(box, &problem);
    if (launch_await_preparation(box) < 0)
        _exit(EXIT_FAILURE); /* nobody has asked */
    if (box->has_guess && look_ahead(&program, box, &problem) < 0)
        refuse(box, &problem);
    if (launch_await_request(box) < 0)
        _exit(EXIT_FAILURE);
    prctl(PR_SET_NAME, "box-init");
    if (finish_box(box, &event.missing, &problem) < 0)
        refuse(box, &problem);
    int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (program_start(&program, box, &problem) < 0)
        refuse(box, &problem);
    event.start_us = program.start_us;
    event.missing |= program.missing;
    /* All that is left to do needs no power over anything. */
    if (root_clear_away(box, &problem) < 0 || privileges_drop(&problem) < 0)
        _exit(EXIT_FAILURE);
    tell_monitor(box, &event, (int[]){disk_fd, proc_fd}, INIT_STARTED_FDS);
    close(proc_fd);
    event.wait_status = reap_all(program.pid);
    fill_done(&event, disk_fd);
    reports_send(box);
    /* The memory may be another's. */
    box_request_clear(&box->request);
    tell_monitor(box, &event, NULL, 0);
    /* Dying takes the namespaces away, and longer than the monitor needs for the status: it kills us after that. */
    for (;;)
        pause();
}
