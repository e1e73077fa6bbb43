/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client: starts one rubric-box a box and sees it to its end. Its end of the control socket is closed by whoever
 * held the other: the monitor and the box's init; when it closes without a status, the box was killed from outside, and
 * what is left to do is to remove the control group.
 */
#include "sandbox/client.h"
#include "sandbox/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* One box while it runs. */
typedef struct {
    BoxClient *client;
    BoxRequest request;
    int control_fd, cancel_fd;
    pid_t pid;
    OutputStream out, err;
    bool is_cancelled, is_over; /* over: the status is known */
    int64_t deadline_us;
    BoxResult result;
} Run;

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int box_client_new(const char *program, const char *cgroup_parent, BoxClient **ret)
{
    if (access(program, X_OK) < 0)
        return -errno;
    if (cgroup_parent && (!*cgroup_parent || *cgroup_parent == '.' || strchr(cgroup_parent, '/')))
        return -EINVAL;
    BoxClient *client = calloc(1, sizeof *client);
    char *copy = strdup(program);
    if (!client || !copy) {
        free(client);
        free(copy);
        return -ENOMEM;
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    client->started_ns = (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec;
    client->program = copy;
    client->keeper_fd = client->said_fd = -1;
    cgroup_home_find(cgroup_parent, &client->home);
    cgroup_home_sweep(&client->home);
    identity_choose(&client->uid, &client->is_own_uid);
    *ret = client;
    return 0;
}

void box_client_free(BoxClient *client)
{
    if (!client)
        return;
    box_client_settle(client);
    keeper_end(client);
    cgroup_home_remove(&client->home);
    free(client->program);
    free(client);
}

void box_client_set_mode(BoxClient *client, BoxMode mode)
{
    client->mode = mode;
}

uid_t box_uid(const BoxClient *client)
{
    return client->uid;
}

void box_result_clear(BoxResult *result)
{
    free(result->out.data);
    free(result->err.data);
    for (size_t i = 0; i < result->n_reports; i++)
        free(result->reports[i].bytes.data);
    free(result->reports);
    *result = (BoxResult){0};
}

/* ---- the request
 * ------------------------------------------------------------------------------------------------------ */

static bool is_absolute(const char *path)
{
    return path && path[0] == '/';
}

static bool is_well_formed(const BoxSpec *spec)
{
    if (!spec->argv || !spec->argv[0] || !*spec->argv[0] || spec->report_bytes < 0 || spec->calls > BOX_CALLS_ALL ||
        (unsigned)spec->profile > BOX_PROFILE_SERVICE)
        return false;
    if ((spec->folder && !is_absolute(spec->folder)) || (spec->workspace && !is_absolute(spec->workspace)) ||
        (spec->root && !is_absolute(spec->root)))
        return false;
    if (spec->n_binds > BOX_MAX_BINDS || (spec->n_binds > 0 && !spec->binds))
        return false;
    for (size_t i = 0; i < spec->n_binds; i++) {
        if (!is_absolute(spec->binds[i].source) || !is_absolute(spec->binds[i].target))
            return false;
    }
    for (size_t i = 0; spec->scratch && spec->scratch[i]; i++) {
        if (i == BOX_MAX_SCRATCH || !box_scratch_name_is_good(spec->scratch[i]))
            return false;
    }
    const BoxLimits *limits = &spec->limits;
    return limits->wall_ms > 0 && limits->cpu_ms > 0 && limits->memory_bytes > 0 && limits->processes > 0 &&
           limits->output_bytes > 0 && limits->disk_bytes > 0 && limits->files > 0 && limits->file_bytes > 0 &&
           limits->open_files > 0 && limits->stack_bytes > 0 && limits->cpus_milli > 0;
}

static int prepare_request(BoxClient *client, const BoxSpec *spec, BoxRequest *request)
{
    const int64_t default_report_bytes = 16 << 20;
    BoxLimits defaults = box_limits_default();
    request->spec = *spec;
    box_limits_fill(&request->spec.limits, &defaults);
    if (!is_well_formed(&request->spec))
        return -EINVAL;
    if (request->spec.report_bytes == 0)
        request->spec.report_bytes = default_report_bytes;
    request->has_stdin = spec->stdin_fd >= 0;
    request->uid = client->uid;
    request->is_own_uid = client->is_own_uid;
    request->has_network = spec->shared_network != NULL;
    request->has_network_user = spec->shared_network && spec->shared_network->user_fd >= 0;
    request->cgroups = client->home;
    snprintf(request->cgroup_name, sizeof request->cgroup_name, "box-%d-%llx-%u", (int)getpid(), client->started_ns,
             client->n_boxes++);
    return 0;
}

static size_t count_reports(const BoxSpec *spec)
{
    size_t n = 0;
    while (spec->report_paths && spec->report_paths[n])
        n++;
    return n;
}

static int make_result(Run *run)
{
    size_t n = count_reports(&run->request.spec);
    if (n > BOX_MAX_REPORTS)
        return -EINVAL;
    run->result.reports = calloc(n + 1, sizeof *run->result.reports);
    if (!run->result.reports)
        return -ENOMEM;
    run->result.n_reports = n;
    for (size_t i = 0; i < n; i++)
        run->result.reports[i].state = BOX_REPORT_UNREADABLE;
    return 0;
}

/* ---- starting
 * --------------------------------------------------------------------------------------------------------- */

static int spawn_with_socket(const BoxClient *client, const char *option, int socket, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    char *const argv[] = {(char *)"rubric-box", (char *)option, NULL};
    char *const env[] = {NULL};
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return -r;
    r = posix_spawnattr_init(&attributes);
    if (r != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return -r;
    }
    posix_spawn_file_actions_adddup2(&actions, socket, BOX_CONTROL_FD);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    /* A group of its own: Ctrl-C is for us, and our end is its order to clean up. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    r = posix_spawn(ret_pid, client->program, &actions, &attributes, argv, env);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return -r;
}

int program_spawn(const BoxClient *client, const char *option, int *ret_fd, pid_t *ret_pid)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int r = spawn_with_socket(client, option, pair[1], ret_pid);
    close(pair[1]);
    if (r < 0)
        close(pair[0]);
    else
        *ret_fd = pair[0];
    return r;
}

/* From the keeper, or a program of its own, which then is our child. */
static int get_box(Run *run)
{
    BoxClient *client = run->client;
    bool is_first = client->n_boxes == 1;
    /* The keeper's boxes have the host's programs already, and have mapped their user. */
    bool can_be_prepared =
        !run->request.spec.root && !run->request.spec.inner_root && !run->request.spec.shared_network;
    bool wants_keeper =
        client->mode != BOX_MODE_COLD && !(client->mode == BOX_MODE_AUTO && is_first) && can_be_prepared;
    if (wants_keeper && keeper_take(client, &run->request, &run->control_fd) == 0)
        return 0;
    return program_spawn(client, NULL, &run->control_fd, &run->pid);
}

/* A pipe whose end in the box belongs to the box's uid, so that /dev/stdout can be opened there. */
static int make_pipe(const Run *run, OutputStream *stream, int *ret_write_fd)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return -errno;
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    if (run->client->is_own_uid && fchown(pair[1], run->client->uid, run->client->uid) < 0) {
        int r = -errno;
        close(pair[0]);
        close(pair[1]);
        return r;
    }
    stream->fd = pair[0];
    stream->copy_fd = run->client->said_fd;
    stream->max_bytes = (size_t)run->request.spec.limits.output_bytes;
    *ret_write_fd = pair[1];
    return 0;
}

/* `streams`: stdout, stderr and, where there is one, stdin. */
static int send_request(const Run *run, const int *streams)
{
    BoxWriter writer = {0};
    const BoxSharedNetwork *network = run->request.spec.shared_network;
    size_t n_fds = run->request.has_stdin ? 3 : 2;
    int fds[BOX_MAX_FRAME_FDS];
    memcpy(fds, streams, n_fds * sizeof *fds);
    if (network)
        fds[n_fds++] = network->network_fd;
    if (network && network->user_fd >= 0)
        fds[n_fds++] = network->user_fd;
    int r = box_request_encode(&run->request, &writer);
    if (r == 0)
        r = box_frame_send(run->control_fd, BOX_FRAME_REQUEST, writer.data, writer.length, fds, n_fds);
    box_writer_clear(&writer);
    return r;
}

static int start(Run *run)
{
    int fds[3] = {-1, -1, -1};
    int r = make_pipe(run, &run->out, &fds[0]);
    if (r == 0)
        r = make_pipe(run, &run->err, &fds[1]);
    if (r == 0 && run->request.has_stdin) {
        fds[2] = stdin_prepare(run->request.spec.stdin_fd, run->client->is_own_uid ? run->client->uid : (uid_t)-1);
        r = fds[2] < 0 ? fds[2] : 0;
    }
    if (r == 0)
        r = get_box(run);
    if (r == 0)
        r = send_request(run, fds);
    for (size_t i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return r;
}

/* ---- watching
 * --------------------------------------------------------------------------------------------------------- */

static void send_stop(const Run *run, BoxStop reason)
{
    box_frame_send(run->control_fd, BOX_FRAME_STOP, &reason, sizeof reason, NULL, 0);
}

static int take_frame(Run *run, BoxFrame *frame)
{
    BoxReportHead head;
    int r = -EBADMSG;
    if (frame->type == BOX_FRAME_STATUS) {
        r = box_status_decode(frame->body, frame->length, &run->result.status);
        run->is_over = r == 0;
    } else if (frame->type == BOX_FRAME_REPORT) {
        r = box_report_decode(frame->body, frame->length, &head);
        if (r == 0 && head.index >= run->result.n_reports)
            r = -EBADMSG;
        if (r == 0) {
            BoxReport *report = &run->result.reports[head.index];
            free(report->bytes.data);
            r = report_read(frame->n_fds == 1 ? frame->fds[0] : -1, &head, run->request.spec.report_bytes, report);
        }
    }
    return r;
}

static int hear_box(Run *run)
{
    BoxFrame frame;
    int r = box_frame_receive(run->control_fd, &frame);
    if (r < 0)
        return r;
    r = take_frame(run, &frame);
    box_frame_clear(&frame);
    return r;
}

static int drain(Run *run, OutputStream *stream)
{
    const int64_t limit = run->request.spec.limits.output_bytes;
    bool was_over = stream->n_written > limit;
    int r = output_stream_drain(stream);
    if (!was_over && stream->n_written > limit)
        send_stop(run, BOX_STOP_OUTPUT);
    return r;
}

static bool is_readable(const struct pollfd *fd)
{
    return fd->revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL);
}

/* One round of waiting. */
static int watch_once(Run *run)
{
    struct pollfd fds[] = {{run->out.fd, POLLIN, 0},
                           {run->err.fd, POLLIN, 0},
                           {run->is_over ? -1 : run->control_fd, POLLIN, 0},
                           {run->is_cancelled ? -1 : run->cancel_fd, POLLIN, 0}};
    int64_t left_us = run->deadline_us - now_us();
    if (left_us <= 0)
        return -ETIMEDOUT;
    if (poll(fds, 4, (int)(left_us / 1000 + 1)) < 0)
        return errno == EINTR ? 0 : -errno;
    int r = 0;
    if (is_readable(&fds[0]))
        r = drain(run, &run->out);
    if (r == 0 && is_readable(&fds[1]))
        r = drain(run, &run->err);
    if (r == 0 && is_readable(&fds[3])) {
        run->is_cancelled = true;
        send_stop(run, BOX_STOP_CANCEL);
    }
    if (r == 0 && is_readable(&fds[2]))
        r = hear_box(run);
    return r;
}

/* All that the dead have left in the pipe: its end is not seen before init is gone, too. */
static int drain_rest(Run *run, OutputStream *stream)
{
    int64_t n_before = -1;
    int r = 0;
    while (r == 0 && stream->fd >= 0 && stream->n_written != n_before) {
        n_before = stream->n_written;
        r = drain(run, stream);
    }
    return r;
}

static int watch(Run *run)
{
    int r = 0;
    while (r == 0 && !run->is_over)
        r = watch_once(run);
    if (r == 0)
        r = drain_rest(run, &run->out);
    return r == 0 ? drain_rest(run, &run->err) : r;
}

/* ---- ending
 * ----------------------------------------------------------------------------------------------------------- */

static void depart(Run *run)
{
    Departing box = {.control_fd = run->control_fd, .pid = run->pid};
    strcpy(box.cgroup_name, run->request.cgroup_name);
    departing_add(run->client, &box);
    run->control_fd = -1;
}

/* Waits until nobody in the box holds a pipe to us any more, then removes the group. */
static void clean_up_after_failure(Run *run)
{
    if (run->pid > 0)
        kill(run->pid, SIGKILL);
    while (run->pid > 0 && waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    /* The order to clean up, for a monitor that the keeper made. */
    if (run->control_fd >= 0)
        close(run->control_fd);
    run->control_fd = -1;
    const int64_t patience_us = 5 * 1000000;
    run->deadline_us = now_us() + patience_us;
    run->is_over = true;
    run->is_cancelled = true;
    while ((run->out.fd >= 0 || run->err.fd >= 0) && watch_once(run) == 0)
        ;
    CgroupGroup none = CGROUP_GROUP_INIT;
    cgroup_group_remove(&run->client->home, run->request.cgroup_name, &none);
}

static int finish(Run *run)
{
    BoxStatus *status = &run->result.status;
    const int64_t limit = run->request.spec.limits.output_bytes;
    status->stdout_bytes = run->out.n_written;
    status->stderr_bytes = run->err.n_written;
    /* The box may have ended by itself before our order arrived. */
    if (status->end != BOX_END_REFUSED && (run->out.n_written > limit || run->err.n_written > limit)) {
        status->end = BOX_END_LIMIT;
        status->limit = BOX_LIMIT_OUTPUT;
    }
    int r = output_stream_take(&run->out, &run->result.out);
    return r < 0 ? r : output_stream_take(&run->err, &run->result.err);
}

int client_run(BoxClient *client, const BoxSpec *spec, int cancel_fd, BoxResult *ret_result)
{
    Run run = {.client = client, .control_fd = -1, .cancel_fd = cancel_fd, .pid = -1, .out.fd = -1, .err.fd = -1};
    const int64_t slack_us = 60 * 1000000;
    int r = prepare_request(client, spec, &run.request);
    if (r < 0)
        return r;
    run.deadline_us = now_us() + run.request.spec.limits.wall_ms * 1000 + slack_us;
    r = make_result(&run);
    if (r == 0)
        r = start(&run);
    if (r == 0)
        r = watch(&run);
    if (r == 0)
        depart(&run);
    else
        clean_up_after_failure(&run);
    if (r == 0)
        r = finish(&run);
    if (run.control_fd >= 0)
        close(run.control_fd);
    output_stream_clear(&run.out);
    output_stream_clear(&run.err);
    if (r < 0) {
        box_result_clear(&run.result);
        return r;
    }
    *ret_result = run.result;
    return run.is_cancelled ? -ECANCELED : 0;
}

int box_run(BoxClient *client, const BoxSpec *spec, int cancel_fd, BoxResult *ret_result)
{
    BoxResult result = {0};
    int r = client_run(client, spec, cancel_fd, &result);
    if (r < 0)
        box_result_clear(&result);
    else
        *ret_result = result;
    return r;
}
