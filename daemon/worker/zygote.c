/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The zygote: a rubric-worker that has loaded its libraries (a third of a worker's whole cost) and left the network,
 * and then does nothing but fork. It reads no job, so every worker starts from the same clean state. It dies with its
 * client, and its workers die with it.
 */
#include "daemon/worker/zygote.h"

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

static const char packet = 'w';

bool zygote_send_fd(int socket_fd, int fd, GError **error)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(void *)&packet, sizeof packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = &control.align;
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) == sizeof packet)
        return true;
    return error_set(error, RUBRIC_ERROR_TEMPORARY, "the workers' zygote has gone");
}

bool zygote_receive_fd(int socket_fd, gint64 timeout_ms, int *ret_fd, GError **error)
{
    struct pollfd waiting = {.fd = socket_fd, .events = POLLIN};
    int n_ready = poll(&waiting, 1, timeout_ms < 0 ? -1 : (int)timeout_ms);
    if (n_ready < 0 && errno == EINTR)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "interrupted");
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    struct iovec part = {&byte, sizeof byte};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = n_ready > 0 ? recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC) : -1;
    const struct cmsghdr *rights = &control.align;
    if (n != sizeof byte || message.msg_controllen < sizeof *rights || rights->cmsg_type != SCM_RIGHTS ||
        rights->cmsg_len != CMSG_LEN(sizeof *ret_fd))
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the workers' zygote does not answer");
    memcpy(ret_fd, CMSG_DATA(rights), sizeof *ret_fd);
    return true;
}

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
    return zygote_send_fd(zygote_fd, pidfd, error);
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
        if (!zygote_receive_fd(fd, 0, &job_fd, NULL))
            return 0; /* the client has gone */
        if (!fork_worker(fd, job_fd, is_off_network, &error)) {
            log_error_free(LOG_ERR, "worker_not_started", "by", "zygote", g_steal_pointer(&error));
            return 1;
        }
    }
}
