/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/proxy.h"
#include "daemon/worker/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct Worker {
    Process process; /* pid -1 for a zygote's child: its pidfd is all that we have */
    int fd;
    Proxy *proxy; /* the way out for boxes of its job; NULL: none */
};

struct WorkerZygote {
    Process process;
    int fd;
};

/* Starts rubric-worker with one end of a socket as its fd 3. */
static bool start_program(const char *option, int socket_type, Process *ret_process, int *ret_fd, GError **error)
{
    g_autofree char *program = process_own_program("rubric-worker", error);
    if (!program)
        return false;
    int pair[2];
    if (socketpair(AF_UNIX, socket_type | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(error, errno, "cannot make a socket for a worker");
    file_autofd int ours = pair[0];
    file_autofd int theirs = pair[1];
    const char *const argv[] = {program, option, NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.extra_fd = theirs;
    if (!process_start(&spec, ret_process, error))
        return false;
    *ret_fd = file_steal_fd(&ours);
    return true;
}

Worker *worker_start(GError **error)
{
    g_autofree Worker *worker = g_new0(Worker, 1);
    return start_program(NULL, SOCK_STREAM, &worker->process, &worker->fd, error) ? g_steal_pointer(&worker) : NULL;
}

WorkerZygote *worker_zygote_start(GError **error)
{
    g_autofree WorkerZygote *zygote = g_new0(WorkerZygote, 1);
    return start_program("--zygote", SOCK_SEQPACKET, &zygote->process, &zygote->fd, error) ? g_steal_pointer(&zygote)
                                                                                           : NULL;
}

void worker_zygote_free(WorkerZygote *zygote)
{
    if (!zygote)
        return;
    process_kill(&zygote->process, SIGKILL);
    process_wait(&zygote->process, -1, NULL, NULL);
    g_close(zygote->fd, NULL);
    g_free(zygote);
}

Worker *worker_start_from(WorkerZygote *zygote, GError **error)
{
    const gint64 timeout_ms = 30000;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(error, errno, "cannot make a socket for a worker");
        return NULL;
    }
    file_autofd int ours = pair[0];
    file_autofd int theirs = pair[1];
    int pidfd;
    if (!frame_send_fd(zygote->fd, theirs, error) || !frame_receive_fd(zygote->fd, timeout_ms, &pidfd, error)) {
        g_prefix_error(error, "the workers' zygote: ");
        return NULL;
    }
    Worker *worker = g_new0(Worker, 1);
    *worker = (Worker){.process = {.pid = -1, .pidfd = pidfd}, .fd = file_steal_fd(&ours)};
    return worker;
}

static bool worker_is_running(const Worker *worker)
{
    return worker->process.pidfd >= 0;
}

/* What the worker has started dies with it. */
static void kill_worker(const Worker *worker)
{
    if (worker->process.pid > 0)
        process_kill(&worker->process, SIGKILL);
    else
        pidfd_send_signal(worker->process.pidfd, SIGKILL, NULL, 0);
}

/* Waits for its end; how it ended is known of our own children only. */
static bool wait_for_worker(Worker *worker, gint64 timeout_ms, ProcessEnd *ret_end)
{
    if (worker->process.pid > 0)
        return process_wait(&worker->process, timeout_ms, ret_end, NULL);
    struct pollfd waiting = {.fd = worker->process.pidfd, .events = POLLIN};
    if (poll(&waiting, 1, (int)timeout_ms) <= 0)
        return false;
    g_close(file_steal_fd(&worker->process.pidfd), NULL);
    return false;
}

void worker_free(Worker *worker)
{
    if (!worker)
        return;
    if (worker_is_running(worker)) {
        kill_worker(worker);
        wait_for_worker(worker, -1, NULL);
    }
    if (worker_is_running(worker))
        g_close(worker->process.pidfd, NULL);
    g_close(worker->fd, NULL);
    proxy_free(worker->proxy);
    g_free(worker);
}

/* A worker has no network. What its boxes may reach is decided here, and the proxy holds it to that. */
static bool send_proxy(Worker *worker, const WorkerJob *job, GError **error)
{
    if (!job->hosts || !job->hosts[0])
        return true;
    worker->proxy = proxy_start((const char *const *)job->hosts, error);
    return worker->proxy && frame_send_fd(worker->fd, proxy_fd(worker->proxy), error);
}

bool worker_send(Worker *worker, const WorkerJob *job, GError **error)
{
    g_autoptr(cJSON) json = worker_job_to_json(job);
    g_autofree char *text = json_print(json);
    if (frame_send(worker->fd, text, strlen(text), error) && send_proxy(worker, job, error))
        return true;
    g_prefix_error(error, "sending a job to a worker: ");
    return false;
}

/* A worker that ends without a word: says how it ended. */
static void explain_silence(Worker *worker, GError **error)
{
    const gint64 grace_ms = 1000; /* its socket is closed, so it is all but gone */
    ProcessEnd end;
    if (!wait_for_worker(worker, grace_ms, &end))
        return;
    g_prefix_error(error,
                   end.exited ? "the worker ended with status %d: " : "the worker was killed by signal %d: ", end.code);
}

WorkerReport *worker_receive(Worker *worker, gint64 timeout_ms, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) silence = NULL;
    if (!frame_receive(worker->fd, REPLY_MAX_BYTES, timeout_ms, &text, &length, &silence)) {
        explain_silence(worker, &silence);
        if (worker_is_running(worker))
            kill_worker(worker);
        /* Whatever it was, another worker may do better. */
        error_set(error, RUBRIC_ERROR_TEMPORARY, "no report from a worker: %s", silence->message);
        return NULL;
    }
    return reply_parse(text, length, error);
}

WorkerReport *worker_run(Worker *worker, const WorkerJob *job, gint64 timeout_ms, GError **error)
{
    return worker_send(worker, job, error) ? worker_receive(worker, timeout_ms, error) : NULL;
}
