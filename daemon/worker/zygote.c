/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The zygote: a rubric-worker that has loaded its libraries (a third of a worker's whole cost) and left the network,
 * and then does nothing but fork. It reads no job, so every worker starts from the same clean state. It dies with its
 * client, and its workers die with it.
 *
 * Client and zygote talk over a packet socket, one descriptor each way: the client sends a new worker's end of the job
 * socket; the zygote forks, and answers with the worker's pidfd.
 */
#include "daemon/worker/worker.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_child(int signal)
{
    /* Only to interrupt the wait; reap_workers does the work. */
}

static void reap_workers(void)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        /* SIGKILL is the client's: a job took too long, or nobody needed that worker. */
        if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL)
            continue;
        g_autofree char *number = g_strdup_printf("%d", WTERMSIG(status));
        log_event(LOG_WARNING, "worker_died", "signal", number, NULL);
    }
}

static int become_worker(int zygote_fd, int job_fd, pid_t zygote, bool is_off_network)
{
    signal(SIGCHLD, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != zygote)
        return 1;
    g_close(zygote_fd, NULL);
    int status = worker_serve(job_fd, is_off_network);
    g_close(job_fd, NULL);
    return status;
}

static bool fork_worker(int zygote_fd, int job_fd, bool is_off_network, GError **error)
{
    pid_t zygote = getpid();
    pid_t pid = fork();
    if (pid == 0)
        _exit(become_worker(zygote_fd, job_fd, zygote, is_off_network));
    file_autofd int pidfd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (pidfd < 0)
        return error_set_errno(error, errno, "cannot fork a worker");
    return frame_send_fd(zygote_fd, pidfd, error);
}

int worker_zygote_serve(int fd)
{
    const struct sigaction interrupt = {.sa_handler = on_child};
    sigaction(SIGCHLD, &interrupt, NULL);
    /* Root's workers share one empty network namespace; everybody else's make theirs with their user namespace. */
    bool is_off_network = unshare(CLONE_NEWNET) == 0;
    for (;;) {
        g_autoptr(GError) error = NULL;
        file_autofd int job_fd = -1;
        reap_workers();
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (poll(&waiting, 1, -1) < 0)
            continue; /* a worker has ended */
        if (!frame_receive_fd(fd, 0, &job_fd, NULL))
            return 0; /* the client has gone */
        if (!fork_worker(fd, job_fd, is_off_network, &error)) {
            log_error_free(LOG_ERR, "worker_not_started", "by", "zygote", g_steal_pointer(&error));
            return 1;
        }
    }
}
