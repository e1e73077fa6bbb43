/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/process.h"

#include "daemon/base/clock.h"
#include "daemon/base/error.h"
#include "daemon/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const int child_extra_fd = 3;

/* Runs in the child between fork and exec: async-signal-safe calls only. Returns errno of the step that failed. */
static int become_child(const ProcessSpec *spec, char *const *argv, char *const *env, pid_t parent, int *status_fd)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    setpgid(0, 0);
    if (!spec->outlives_us) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(127);
    }
    if (spec->folder && chdir(spec->folder) < 0)
        return errno;

    /* First all sources above the targets, so that no dup2 overwrites one that is still needed. */
    int wanted[4] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd, spec->extra_fd};
    const int above_targets = 10;
    for (int i = 0; i < 4; i++) {
        if (wanted[i] >= 0 && (wanted[i] = fcntl(wanted[i], F_DUPFD_CLOEXEC, above_targets)) < 0)
            return errno;
    }
    *status_fd = fcntl(*status_fd, F_DUPFD_CLOEXEC, above_targets);
    if (wanted[0] < 0 && (wanted[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return errno;
    for (int i = 0; i < 4; i++) {
        if (wanted[i] >= 0 && dup2(wanted[i], i) < 0)
            return errno;
    }
    unsigned first_closed = spec->extra_fd >= 0 ? (unsigned)child_extra_fd + 1 : (unsigned)child_extra_fd;
    syscall(SYS_close_range, first_closed, ~0U, 4U /* CLOSE_RANGE_CLOEXEC: keeps status_fd until exec */);
    execvpe(argv[0], argv, env);
    return errno;
}

bool process_start(const ProcessSpec *spec, Process *ret_process, GError **error)
{
    int status[2];
    if (pipe2(status, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    file_autofd int status_read = status[0];
    file_autofd int status_write = status[1];

    char *const *argv = (char *const *)spec->argv;
    char *const *env = spec->env ? (char *const *)spec->env : environ;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return error_set_errno(error, errno, "cannot start \"%s\"", spec->argv[0]);
    if (pid == 0) {
        int failure = become_child(spec, argv, env, parent, &status_write);
        ssize_t ignored = write(status_write, &failure, sizeof failure);
        (void)ignored;
        _exit(127);
    }

    setpgid(pid, pid); /* also here, so that process_kill works whoever runs first */
    int pidfd = pidfd_open(pid, 0);
    int pidfd_errno = errno;
    g_close(file_steal_fd(&status_write), NULL);
    int failure = 0;
    ssize_t n;
    do
        n = read(status_read, &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == sizeof failure || pidfd < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (pidfd >= 0)
            g_close(pidfd, NULL);
        return error_set_errno(error, n == sizeof failure ? failure : pidfd_errno, "cannot start \"%s\"",
                               spec->argv[0]);
    }
    *ret_process = (Process){.pid = pid, .pidfd = pidfd};
    return true;
}

bool process_wait(Process *process, gint64 timeout_ms, ProcessEnd *ret_end, GError **error)
{
    gint64 deadline_us = timeout_ms < 0 ? -1 : clock_monotonic_us() + timeout_ms * 1000;
    for (;;) {
        int wait_ms = -1;
        if (deadline_us >= 0)
            wait_ms = (int)CLAMP((deadline_us - clock_monotonic_us() + 999) / 1000, 0, G_MAXINT);
        struct pollfd waiting = {.fd = process->pidfd, .events = POLLIN};
        int ready = poll(&waiting, 1, wait_ms);
        if (ready < 0 && errno != EINTR)
            return error_set_errno(error, errno, "cannot wait for process %d", (int)process->pid);
        if (ready > 0)
            break;
        if (ready == 0 && deadline_us >= 0 && clock_monotonic_us() >= deadline_us)
            return false;
    }
    siginfo_t info = {0};
    struct rusage usage = {0};
    /* The raw call, because glibc's waitid gives no rusage. */
    if (syscall(SYS_waitid, P_PIDFD, process->pidfd, &info, WEXITED, &usage) < 0)
        return error_set_errno(error, errno, "cannot wait for process %d", (int)process->pid);
    g_close(process->pidfd, NULL);
    *process = (Process){.pid = -1, .pidfd = -1};
    if (ret_end)
        *ret_end = (ProcessEnd){
            .exited = info.si_code == CLD_EXITED,
            .code = info.si_status,
            .user_us = usage.ru_utime.tv_sec * CLOCK_SECOND_US + usage.ru_utime.tv_usec,
            .system_us = usage.ru_stime.tv_sec * CLOCK_SECOND_US + usage.ru_stime.tv_usec,
            .max_rss_bytes = usage.ru_maxrss * G_GINT64_CONSTANT(1024),
        };
    return true;
}

void process_kill(const Process *process, int signal)
{
    if (process->pid > 0)
        kill(-process->pid, signal);
}

/* Reads what is there; false at end of file or error. */
static bool drain_into(int fd, GString *collected, gsize max_bytes)
{
    char block[65536];
    ssize_t n = read(fd, block, sizeof block);
    if (n < 0)
        return errno == EINTR;
    if (n == 0)
        return false;
    gsize room = max_bytes - collected->len;
    g_string_append_len(collected, block, (gssize)MIN(room, (gsize)n));
    return true;
}

/* Collects until both streams end, the process ends (what its descendants write later is nobody's), or time is up. */
static void collect(const Process *process, int fds[2], GString *texts[2], gsize max_bytes, gint64 deadline_us)
{
    struct pollfd waiting[] = {
        {.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}, {.fd = process->pidfd, .events = POLLIN}};
    while (waiting[0].fd >= 0 || waiting[1].fd >= 0) {
        gint64 left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0 || (poll(waiting, 3, (int)MIN(left_us / 1000 + 1, G_MAXINT)) < 0 && errno != EINTR))
            return;
        bool has_data = false;
        for (int i = 0; i < 2; i++) {
            if (waiting[i].fd < 0 || !waiting[i].revents)
                continue;
            has_data = true;
            if (!drain_into(fds[i], texts[i], max_bytes))
                waiting[i].fd = -1;
        }
        if (waiting[2].revents && !has_data)
            return;
    }
}

bool process_run(const ProcessSpec *spec, gint64 timeout_ms, gsize max_bytes, GString **ret_stdout,
                 GString **ret_stderr, ProcessEnd *ret_end, GError **error)
{
    int pipes[2][2] = {{-1, -1}, {-1, -1}};
    if (pipe2(pipes[0], O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    file_autofd int out_read = pipes[0][0];
    file_autofd int out_write = pipes[0][1];
    if (pipe2(pipes[1], O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    file_autofd int err_read = pipes[1][0];
    file_autofd int err_write = pipes[1][1];

    ProcessSpec piped = *spec;
    piped.stdout_fd = out_write;
    piped.stderr_fd = err_write;
    Process process;
    gint64 deadline_us = clock_monotonic_us() + timeout_ms * 1000;
    if (!process_start(&piped, &process, error))
        return false;
    g_close(file_steal_fd(&out_write), NULL);
    g_close(file_steal_fd(&err_write), NULL);

    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GString) err = g_string_new(NULL);
    collect(&process, (int[]){out_read, err_read}, (GString *[]){out, err}, max_bytes, deadline_us);
    struct pollfd waiting = {.fd = process.pidfd, .events = POLLIN};
    gint64 left_ms = MAX((deadline_us - clock_monotonic_us()) / 1000, 0);
    bool in_time = poll(&waiting, 1, (int)MIN(left_ms, G_MAXINT)) > 0;
    process_kill(&process,
                 SIGKILL); /* itself, or what it left behind: until it is waited for, the group's number is its own */
    if (!process_wait(&process, -1, ret_end, error))
        return false;
    if (!in_time)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "\"%s\" did not end within %" G_GINT64_FORMAT " ms",
                         spec->argv[0], timeout_ms);
    if (ret_stdout)
        *ret_stdout = g_steal_pointer(&out);
    if (ret_stderr)
        *ret_stderr = g_steal_pointer(&err);
    return true;
}

char *process_own_program(const char *name, GError **error)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", error);
    if (!self)
        return NULL;
    g_autofree char *folder = g_path_get_dirname(self);
    g_autofree char *beside = g_build_filename(folder, "..", "bin", NULL); /* tests lie beside bin/ in a build folder */
    /* Installed, rubric-worker lies in the libexec folder, and starts rubric-box, which lies with the commands. */
    const char *const places[] = {folder, beside, RUBRIC_LIBEXECDIR, RUBRIC_BINDIR};
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_build_filename(places[i], name, NULL);
        if (access(path, X_OK) == 0)
            return g_steal_pointer(&path);
    }
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "the program \"%s\" is in none of \"%s\", \"%s\", \"%s\"", name, folder,
              RUBRIC_LIBEXECDIR, RUBRIC_BINDIR);
    return NULL;
}
