/* SPDX-License-Identifier: Apache-2.0 */
/* Outside of the box: makes the group and init, watches the clocks, reads the figures. Theory of operation: box.h. */
#include "sandbox/box.h"
#include "sandbox/lane.h"
#include "sandbox/packet.h"
#include "sandbox/proc_sample.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long building a box may take, and how long emptying it. */
static const int64_t setup_us = 20 * 1000000;
static const int64_t emptying_us = 10 * 1000000;
/* CPU time and disk are looked at no more and no less often than this. */
static const int64_t shortest_sample_us = 1000;
static const int64_t longest_sample_us = 100000;
/* The next box is not built beside a command that is over before that would be. */
static const int64_t look_ahead_us = 10000;

typedef struct {
    Box *box;
    int disk_fd, proc_fd;
    bool is_started, is_done, is_client_gone, is_output_over, hit_disk;
    BoxLimit stop_limit; /* why we ended it */
    bool is_stopped;
    int64_t deadline_us, next_sample_us, sampled_cpu_us, sampled_processes;
    int64_t ahead_us; /* when the next box is built */
    InitEvent started, done, refused;
} Monitor;

static void refuse(BoxStatus *status, const char *text)
{
    status->end = BOX_END_REFUSED;
    snprintf(status->message, sizeof status->message, "%s", text);
}

/* ---- before
 * ----------------------------------------------------------------------------------------------------------- */

static uint32_t find_missing(const Box *box)
{
    const BoxSetup *setup = &box->setup;
    const uint32_t bits[CGROUP_N_CONTROLLERS] = {
        [CGROUP_MEMORY] = BOX_PROMISE_CGROUP_MEMORY,
        [CGROUP_PIDS] = BOX_PROMISE_CGROUP_PROCESSES,
        [CGROUP_CPU] = BOX_PROMISE_CGROUP_CPU,
        [CGROUP_SHARE] = launch_guess(&box->request).has_share ? BOX_PROMISE_CGROUP_SHARE : 0,
    };
    uint32_t missing = setup->is_own_uid ? 0 : BOX_PROMISE_OWN_UID;
    for (int i = 0; i < CGROUP_N_CONTROLLERS; i++)
        missing |= setup->cgroups.version[i] ? 0 : bits[i];
    return missing;
}

static bool check_promises(Box *box, BoxStatus *status)
{
    box->missing = find_missing(box);
    status->missing = box->missing;
    uint32_t refused = box->missing & ~box->request.spec.accept_missing;
    if (!refused)
        return true;
    char names[256] = "";
    for (uint32_t bit = 1; bit <= BOX_PROMISE_LAST; bit <<= 1) {
        if (!(refused & bit))
            continue;
        size_t n = strlen(names);
        snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", box_promise_name((BoxPromise)bit));
    }
    status->end = BOX_END_REFUSED;
    snprintf(status->message, sizeof status->message,
             "this machine does not give what boxes promise: %s; `rubric doctor` says how to mend it, and an operator "
             "may allow "
             "exactly these to be missing",
             names);
    return false;
}

/* ---- watching
 * --------------------------------------------------------------------------------------------------------- */

static void kill_init(const Monitor *monitor, int signal)
{
    syscall(SYS_pidfd_send_signal, monitor->box->init_pidfd, signal, NULL, 0);
}

/* Asks init to empty the box (it still hands over the reports), or ends it where it cannot listen yet. */
static void stop_box(Monitor *monitor, BoxLimit limit)
{
    if (monitor->is_stopped)
        return;
    monitor->is_stopped = true;
    monitor->stop_limit = limit;
    monitor->deadline_us = box_clock_us() + emptying_us;
    kill_init(monitor, monitor->is_started && !monitor->is_client_gone ? SIGUSR1 : SIGKILL);
}

static void hear_client(Monitor *monitor)
{
    BoxFrame frame;
    BoxStop reason = BOX_STOP_CANCEL;
    if (box_frame_receive(monitor->box->control_fd, &frame) < 0) {
        monitor->is_client_gone = true;
    } else {
        if (frame.type == BOX_FRAME_STOP && frame.length == sizeof reason)
            memcpy(&reason, frame.body, sizeof reason);
        box_frame_clear(&frame);
    }
    if (monitor->is_client_gone && monitor->is_stopped)
        kill_init(monitor, SIGKILL);
    /* Output can overtake init's word that the program has started. */
    if (reason == BOX_STOP_OUTPUT && !monitor->is_started)
        monitor->is_output_over = true;
    else
        stop_box(monitor, reason == BOX_STOP_OUTPUT ? BOX_LIMIT_OUTPUT : BOX_LIMIT_NONE);
}

/* Not before all processors together could have used up what is left. */
static void plan_sample(Monitor *monitor, int64_t now_us)
{
    static long processors;
    if (processors == 0)
        processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t left_us = monitor->box->request.spec.limits.cpu_ms * 1000 - monitor->sampled_cpu_us;
    int64_t wait_us = left_us / (processors > 0 ? processors : 1);
    if (wait_us < shortest_sample_us)
        wait_us = shortest_sample_us;
    if (wait_us > longest_sample_us)
        wait_us = longest_sample_us;
    monitor->next_sample_us = now_us + wait_us;
}

static void note_event(Monitor *monitor, const InitEvent *event)
{
    switch (event->kind) {
    case INIT_REFUSED:
        monitor->refused = *event;
        break;
    case INIT_STARTED:
        monitor->started = *event;
        monitor->is_started = true;
        if (!monitor->is_stopped)
            monitor->deadline_us = event->start_us + monitor->box->request.spec.limits.wall_ms * 1000;
        plan_sample(monitor, event->start_us);
        if (monitor->is_output_over)
            stop_box(monitor, BOX_LIMIT_OUTPUT);
        break;
    case INIT_DONE:
        monitor->done = *event;
        monitor->is_done = true;
        break;
    }
}

/* false: init has said all. */
static bool hear_init(Monitor *monitor)
{
    InitEvent event;
    int fds[INIT_STARTED_FDS];
    size_t n_fds;
    if (packet_receive(monitor->box->init_fd, &event, sizeof event, fds, INIT_STARTED_FDS, &n_fds) < 0)
        return false;
    if (n_fds == INIT_STARTED_FDS) {
        monitor->disk_fd = fds[0];
        monitor->proc_fd = fds[1];
    }
    note_event(monitor, &event);
    return true;
}

static int64_t read_cpu_us(Monitor *monitor)
{
    int64_t cpu_us = cgroup_group_cpu_us(&monitor->box->group);
    if (cpu_us >= 0)
        return cpu_us;
    ProcSample sample;
    if (monitor->proc_fd < 0 || !proc_sample_read(monitor->proc_fd, &sample))
        return 0;
    if (sample.processes > monitor->sampled_processes)
        monitor->sampled_processes = sample.processes;
    return sample.cpu_us;
}

static bool disk_is_full(int disk_fd)
{
    struct statfs disk;
    return disk_fd >= 0 && fstatfs(disk_fd, &disk) == 0 && (disk.f_bfree == 0 || disk.f_ffree == 0);
}

/* Looks at the CPU time, and says when to look next. */
static void take_sample(Monitor *monitor)
{
    const int64_t limit_us = monitor->box->request.spec.limits.cpu_ms * 1000;
    monitor->sampled_cpu_us = read_cpu_us(monitor);
    monitor->hit_disk |= disk_is_full(monitor->disk_fd);
    if (monitor->sampled_cpu_us >= limit_us) {
        stop_box(monitor, BOX_LIMIT_CPU);
        return;
    }
    plan_sample(monitor, box_clock_us());
}

static void check_clocks(Monitor *monitor)
{
    int64_t now_us = box_clock_us();
    if (now_us >= monitor->deadline_us) {
        if (monitor->is_stopped) {
            kill_init(monitor, SIGKILL);
            monitor->deadline_us = now_us + emptying_us;
        } else {
            stop_box(monitor, monitor->is_started ? BOX_LIMIT_WALL : BOX_LIMIT_NONE);
        }
    } else if (monitor->is_started && !monitor->is_stopped && now_us >= monitor->next_sample_us) {
        take_sample(monitor);
    }
    if (now_us >= monitor->ahead_us)
        lane_look_ahead(monitor->box);
}

static int time_to_wait_ms(const Monitor *monitor)
{
    int64_t until_us = monitor->deadline_us;
    if (monitor->is_started && !monitor->is_stopped && monitor->next_sample_us < until_us)
        until_us = monitor->next_sample_us;
    if (monitor->box->keeper_fd >= 0 && monitor->ahead_us < until_us)
        until_us = monitor->ahead_us;
    int64_t left_us = until_us - box_clock_us();
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}

/* Until init has said its last word, when all but it is dead in the box, or is dead itself. */
static void watch(Monitor *monitor)
{
    struct pollfd fds[] = {{monitor->box->init_pidfd, POLLIN, 0},
                           {monitor->box->init_fd, POLLIN, 0},
                           {monitor->box->control_fd, POLLIN, 0}};
    for (;;) {
        fds[2].fd = monitor->is_client_gone ? -1 : monitor->box->control_fd;
        int n = poll(fds, 3, time_to_wait_ms(monitor));
        if (n > 0 && fds[1].revents && !hear_init(monitor))
            fds[1].fd = -1;
        if (n > 0 && fds[2].revents)
            hear_client(monitor);
        if (monitor->is_done)
            return;
        if (n > 0 && fds[0].revents)
            break;
        check_clocks(monitor);
    }
    /* It may not be the only one who holds its end. */
    while (fds[1].fd >= 0 && poll(&fds[1], 1, 0) > 0 && hear_init(monitor))
        ;
}

/* ---- after
 * ------------------------------------------------------------------------------------------------------------ */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The group knows the whole; what was reaped knows how it divides into user and system. */
static void fill_cpu(const Monitor *monitor, const CgroupFigures *group, BoxStatus *status)
{
    status->user_us = monitor->done.user_us;
    status->system_us = monitor->done.system_us;
    if (group->user_us >= 0 && group->system_us >= 0) {
        status->user_us = group->user_us;
        status->system_us = group->system_us;
        return;
    }
    int64_t reaped_us = status->user_us + status->system_us;
    int64_t whole_us = larger(larger(group->cpu_us, reaped_us), monitor->sampled_cpu_us);
    status->user_us =
        reaped_us > 0 ? (int64_t)((double)whole_us * (double)status->user_us / (double)reaped_us) : whole_us;
    status->system_us = whole_us - status->user_us;
}

static void fill_figures(const Monitor *monitor, BoxStatus *status)
{
    CgroupFigures group;
    cgroup_group_read(&monitor->box->group, &group);
    int64_t end_us = monitor->is_done ? monitor->done.end_us : box_clock_us();
    status->wall_us = larger(end_us - monitor->started.start_us, 0);
    fill_cpu(monitor, &group, status);
    status->throttled_us = larger(group.throttled_us, 0);
    status->peak_memory_bytes = group.peak_memory_bytes >= 0 ? group.peak_memory_bytes : monitor->done.max_rss_bytes;
    status->peak_processes = larger(larger(group.peak_processes, monitor->sampled_processes), 1);
    status->oom_killed = group.oom_kills > 0;
    status->hit_processes = group.refused_forks > 0;
    status->hit_disk = monitor->hit_disk || monitor->done.hit_disk;
    status->missing = monitor->box->missing | monitor->started.missing;
}

/* The limit that explains how the program ended, by what is certain first. */
static BoxLimit find_limit(const Monitor *monitor, const BoxStatus *status, bool is_clean)
{
    const BoxLimits *limits = &monitor->box->request.spec.limits;
    int signal = status->signal;
    if (monitor->stop_limit != BOX_LIMIT_NONE && (signal == SIGKILL || !monitor->is_done))
        return monitor->stop_limit;
    if (signal == SIGXCPU || status->user_us + status->system_us > limits->cpu_ms * 1000)
        return BOX_LIMIT_CPU;
    if (status->wall_us > limits->wall_ms * 1000)
        return BOX_LIMIT_WALL;
    if (signal == SIGXFSZ)
        return BOX_LIMIT_FILE;
    if (is_clean)
        return BOX_LIMIT_NONE;
    if (status->oom_killed)
        return BOX_LIMIT_MEMORY;
    if (status->hit_disk)
        return BOX_LIMIT_DISK;
    return status->hit_processes ? BOX_LIMIT_PROCESSES : BOX_LIMIT_NONE;
}

static void fill_end(const Monitor *monitor, BoxStatus *status)
{
    int wait_status = monitor->done.wait_status;
    if (monitor->is_done && WIFEXITED(wait_status)) {
        status->end = BOX_END_EXITED;
        status->exit_code = WEXITSTATUS(wait_status);
    } else {
        status->end = BOX_END_SIGNALED;
        status->signal = monitor->is_done ? WTERMSIG(wait_status) : SIGKILL;
    }
    status->limit = find_limit(monitor, status, status->end == BOX_END_EXITED && status->exit_code == 0);
    if (status->limit != BOX_LIMIT_NONE)
        status->end = BOX_END_LIMIT;
}

static void fill_status(const Monitor *monitor, BoxStatus *status)
{
    if (!monitor->is_started) {
        refuse(status, monitor->refused.problem.text[0] ? monitor->refused.problem.text
                                                        : "the box's init died before the command started");
        return;
    }
    if (!monitor->is_done && !monitor->is_stopped) {
        refuse(status, "the box's init was killed while the command ran");
        return;
    }
    fill_figures(monitor, status);
    fill_end(monitor, status);
}

/* Limits of a group that was made ahead, or the group. */
static bool prepare_group(Box *box, BoxStatus *status)
{
    const BoxSetup *setup = &box->setup;
    const BoxLimits *limits = &box->request.spec.limits;
    int r = box->has_group ? cgroup_group_limit(&box->group, limits->memory_bytes, limits->processes)
                           : cgroup_group_make(&setup->cgroups, setup->cgroup_name, limits->memory_bytes,
                                               limits->processes, &box->group);
    if (r == 0 && launch_guess(&box->request).has_share)
        r = cgroup_group_bound_cpus(&setup->cgroups, setup->cgroup_name, limits->cpus_milli, &box->group);
    if (r == 0)
        return true;
    status->end = BOX_END_REFUSED;
    snprintf(status->message, sizeof status->message, "cannot make the box's control group: %s", strerror(-r));
    return false;
}

static bool hand_over(Box *box, BoxStatus *status)
{
    Problem problem = {{0}};
    if (launch_request(box, &problem) < 0) {
        refuse(status, problem.text);
        return false;
    }
    /* The client sees the end of the output when the box is dead, not when we are. */
    close(box->stdout_fd);
    close(box->stderr_fd);
    if (box->stdin_fd >= 0)
        close(box->stdin_fd);
    box->stdout_fd = box->stderr_fd = box->stdin_fd = -1;
    return true;
}

void monitor_abandon(Box *box)
{
    siginfo_t info;
    syscall(SYS_pidfd_send_signal, box->init_pidfd, SIGKILL, NULL, 0);
    while (waitid((idtype_t)P_PIDFD, (id_t)box->init_pidfd, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

void monitor_run(Box *box, BoxStatus *ret_status)
{
    const int64_t now_us = box_clock_us();
    Monitor monitor = {
        .box = box, .disk_fd = -1, .proc_fd = -1, .deadline_us = now_us + setup_us, .ahead_us = now_us + look_ahead_us};
    if (check_promises(box, ret_status) && prepare_group(box, ret_status) && hand_over(box, ret_status)) {
        watch(&monitor);
        fill_status(&monitor, ret_status);
    }
    box->is_init_done = monitor.is_done;
    if (monitor.disk_fd >= 0)
        close(monitor.disk_fd);
    if (monitor.proc_fd >= 0)
        close(monitor.proc_fd);
}

void monitor_clear_away(Box *box)
{
    monitor_abandon(box);
    close(box->init_pidfd);
    box->init_pidfd = -1;
    /* Else the client removes the group: it would look for it in vain, which takes longer than to be told. */
    if (cgroup_group_remove(&box->setup.cgroups, box->setup.cgroup_name, &box->group))
        box_frame_send(box->control_fd, BOX_FRAME_CLEARED, NULL, 0, NULL, 0);
}
