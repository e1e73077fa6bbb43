/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct Worker {
    Process process;
    int fd;
};

Worker *worker_start(GError **error)
{
    g_autofree char *program = process_own_program("rubric-worker", error);
    if (!program)
        return NULL;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(error, errno, "cannot make a socket for a worker");
        return NULL;
    }
    file_autofd int ours = pair[0];
    file_autofd int theirs = pair[1];
    const char *const argv[] = {program, NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.extra_fd = theirs;
    Process process;
    if (!process_start(&spec, &process, error))
        return NULL;
    Worker *worker = g_new0(Worker, 1);
    worker->process = process;
    worker->fd = file_steal_fd(&ours);
    return worker;
}

void worker_free(Worker *worker)
{
    if (!worker)
        return;
    if (worker->process.pid > 0) {
        process_kill(&worker->process, SIGKILL);
        process_wait(&worker->process, -1, NULL, NULL);
    }
    g_close(worker->fd, NULL);
    g_free(worker);
}

bool worker_send(Worker *worker, const WorkerJob *job, GError **error)
{
    g_autoptr(cJSON) json = worker_job_to_json(job);
    g_autofree char *text = json_print(json);
    if (frame_send(worker->fd, text, strlen(text), error))
        return true;
    g_prefix_error(error, "sending a job to a worker: ");
    return false;
}

/* A worker that ends without a word: says how it ended. */
static void explain_silence(Worker *worker, GError **error)
{
    const gint64 grace_ms = 1000; /* its socket is closed, so it is all but gone */
    ProcessEnd end;
    if (!process_wait(&worker->process, grace_ms, &end, NULL))
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
        if (worker->process.pid > 0)
            process_kill(&worker->process, SIGKILL);
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
