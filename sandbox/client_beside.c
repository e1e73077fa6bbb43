/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box that runs beside others. It is run by a child of ours, with a copy of our client: running a box is waiting for
 * it and emptying its pipes, which one process does for one box at a time. The child's result comes in memory that both
 * share; the end of a pipe tells it to stop, also when we die.
 */
#include "sandbox/client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct BoxBeside {
    pid_t pid;
    int stop_fd;   /* closing it stops the box */
    int result_fd; /* memory */
    int said_fd;   /* memory */
};

/* What the child writes: this, then both streams. */
typedef struct {
    int code;
    BoxStatus status;
    size_t out_length, err_length;
} Outcome;

/* ---- the child
 * -------------------------------------------------------------------------------------------------------- */

static bool write_all(int fd, const void *bytes, size_t n)
{
    const char *at = bytes;
    while (n > 0) {
        ssize_t written = write(fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        n -= (size_t)written;
    }
    return true;
}

/* What belongs to the parent's own boxes. */
static void forget_others(BoxClient *client)
{
    for (size_t i = 0; i < client->n_departing; i++)
        close(client->departing[i].control_fd);
    client->n_departing = 0;
    if (client->keeper_fd >= 0)
        close(client->keeper_fd);
    client->keeper_fd = -1;
    client->mode = BOX_MODE_COLD;
}

static _Noreturn void run_beside(BoxClient *client, const BoxSpec *spec, int stop_fd, const BoxBeside *beside)
{
    BoxResult result = {0};
    Outcome outcome = {0};
    int result_fd = beside->result_fd;
    forget_others(client);
    client->said_fd = beside->said_fd;
    outcome.code = client_run(client, spec, stop_fd, &result);
    outcome.status = result.status;
    outcome.out_length = result.out.length;
    outcome.err_length = result.err.length;
    box_client_settle(client);
    bool is_written = write_all(result_fd, &outcome, sizeof outcome) &&
                      write_all(result_fd, result.out.data, result.out.length) &&
                      write_all(result_fd, result.err.data, result.err.length);
    _exit(is_written ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- the parent
 * ------------------------------------------------------------------------------------------------------- */

static int start(BoxClient *client, const BoxSpec *spec, const int *stop_pipe, const BoxBeside *beside)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -errno : pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
    signal(SIGCHLD, SIG_DFL);
    close(stop_pipe[1]);
    run_beside(client, spec, stop_pipe[0], beside);
}

static int start_with(BoxClient *client, const BoxSpec *spec, BoxBeside *beside)
{
    int stop_pipe[2];
    if (pipe2(stop_pipe, O_CLOEXEC) < 0)
        return -errno;
    beside->result_fd = memfd_create("box-beside", MFD_CLOEXEC);
    beside->said_fd = memfd_create("box-said", MFD_CLOEXEC);
    beside->stop_fd = stop_pipe[1];
    int r = beside->result_fd < 0 || beside->said_fd < 0 ? -EMFILE : start(client, spec, stop_pipe, beside);
    close(stop_pipe[0]);
    if (r > 0) {
        beside->pid = r;
        return 0;
    }
    close(beside->stop_fd);
    if (beside->result_fd >= 0)
        close(beside->result_fd);
    if (beside->said_fd >= 0)
        close(beside->said_fd);
    return r;
}

int box_beside_start(BoxClient *client, const BoxSpec *spec, BoxBeside **ret)
{
    BoxBeside *beside = calloc(1, sizeof *beside);
    int r = beside ? start_with(client, spec, beside) : -ENOMEM;
    if (r == 0)
        *ret = beside;
    else
        free(beside);
    return r;
}

bool box_beside_has_ended(const BoxBeside *beside)
{
    siginfo_t info = {0};
    int r = waitid(P_PID, (id_t)beside->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return r < 0 || info.si_pid == beside->pid;
}

int box_beside_said_fd(const BoxBeside *beside)
{
    return beside->said_fd;
}

static int read_bytes(int fd, off_t at, size_t n, BoxBytes *ret)
{
    *ret = (BoxBytes){.data = malloc(n + 1), .length = n};
    if (!ret->data)
        return -ENOMEM;
    ret->data[n] = '\0';
    return pread(fd, ret->data, n, at) == (ssize_t)n ? 0 : -EIO;
}

/* Our own child wrote it, and the same program reads it: short is all that it can be. */
static int read_result(int fd, BoxResult *ret_result)
{
    Outcome outcome;
    BoxResult result = {0};
    if (pread(fd, &outcome, sizeof outcome, 0) != sizeof outcome)
        return -ECHILD;
    if (outcome.code < 0 && outcome.code != -ECANCELED)
        return outcome.code;
    result.status = outcome.status;
    int r = read_bytes(fd, sizeof outcome, outcome.out_length, &result.out);
    if (r == 0)
        r = read_bytes(fd, (off_t)(sizeof outcome + outcome.out_length), outcome.err_length, &result.err);
    if (r < 0) {
        box_result_clear(&result);
        return r;
    }
    *ret_result = result;
    return outcome.code;
}

int box_beside_finish(BoxBeside *beside, BoxResult *ret_result)
{
    close(beside->stop_fd);
    while (waitpid(beside->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    int r = read_result(beside->result_fd, ret_result);
    close(beside->result_fd);
    close(beside->said_fd);
    free(beside);
    return r;
}
