/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pid 2 of the box. It shares init's memory until it executes, and has a stack of its own, so it must not return and
 * must leave nothing locked. Never do both run: while one does, the other waits in a system call for a packet from it,
 * or for its end of a pipe to close, as executing does.
 */
#include "sandbox/box.h"
#include "sandbox/packet.h"
#include "sandbox/privileges.h"
#include "sandbox/processors.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static int take_streams(const Program *program, const int *fds, size_t n_fds)
{
    int input = n_fds == 3 ? fds[2] : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(fds[0], STDOUT_FILENO) < 0 ||
        dup2(fds[1], STDERR_FILENO) < 0)
        return problem_set(program->problem, errno, "cannot give the command its streams");
    return 0;
}

static int enter_group(const Program *program)
{
    int r = cgroup_group_enter(&program->box->group);
    if (r < 0)
        return problem_set(program->problem, -r, "cannot enter the box's control group");
    if (unshare(CLONE_NEWCGROUP) < 0)
        return problem_set(program->problem, errno, "cannot make the box's cgroup namespace");
    return 0;
}

/* What is said of a machine without Landlock is said when the request is known, which may allow it. */
static int check_landlock(Program *program)
{
    if (program->landlock.fd >= 0)
        return 0;
    program->missing |= BOX_PROMISE_LANDLOCK;
    if (program->box->request.spec.accept_missing & BOX_PROMISE_LANDLOCK)
        return 0;
    return problem_set(program->problem, 0,
                       "this machine does not give what boxes promise: %s; `rubric doctor` says how to mend it",
                       box_promise_name(BOX_PROMISE_LANDLOCK));
}

/* The walls that stand before there is a request: making the filter known to the kernel takes as long as a tenth of a
 * plain spawn. */
static int build_walls(Program *program)
{
    Problem *problem = program->problem;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGUSR1, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setsid() < 0)
        return problem_set(problem, errno, "cannot make the box's session");
    umask(022);
    int r = enter_group(program);
    if (r == 0 && program->guess.fixed_addresses && personality(ADDR_NO_RANDOMIZE) < 0)
        r = problem_set(problem, errno, "cannot fix the addresses");
    if (r == 0)
        r = privileges_drop(problem);
    if (r < 0)
        return r;
    r = landlock_make(&program->landlock);
    if (r < 0)
        return problem_set(problem, -r, "cannot set up Landlock");
    r = filter_load(program->guess.calls, &program->filter_fd);
    return r < 0 ? problem_set(problem, -r, "cannot load the system call filter") : 0;
}

/* Init holds the filter as long as it lives, where there is a way to hand it over. */
static int hand_over_filter(const Program *program)
{
    const char word = 'x';
    int fd = program->box->program_own_fd;
    return fd < 0 ? 0 : packet_send(fd, &word, sizeof word, &program->filter_fd, program->filter_fd >= 0 ? 1 : 0);
}

/* The filter stands already: it lets these calls pass for us. */
static int finish_walls(Program *program, const int *fds, size_t n_fds)
{
    const Box *box = program->box;
    const BoxSpec *spec = &box->request.spec;
    int r = take_streams(program, fds, n_fds);
    if (r < 0)
        return r;
    r = limits_apply(&spec->limits, box->slot ? 2 : 1, box->group.version[CGROUP_MEMORY] != 0,
                     box->group.version[CGROUP_PIDS] != 0);
    if (r < 0)
        return problem_set(program->problem, -r, "cannot set the resource limits");
    r = check_landlock(program);
    if (r < 0)
        return r;
    r = program->landlock.fd >= 0 ? landlock_enter(&program->landlock, spec) : 0;
    if (r < 0)
        return problem_set(program->problem, -r, "cannot set up Landlock");
    r = processors_restore();
    if (r < 0)
        return problem_set(program->problem, -r, "cannot give the command the processors");
    /* Init waits until this is gone, as it is when the command executes. */
    const int first = STDERR_FILENO + 1;
    if ((program->own_alive_fd != first && dup3(program->own_alive_fd, first, O_CLOEXEC) < 0) ||
        close_range((unsigned)first + 1, ~0U, 0) < 0)
        return problem_set(program->problem, errno, "cannot close file descriptors");
    return 0;
}

static const char *find_path(const char *const *env)
{
    for (; *env; env++) {
        if (strncmp(*env, "PATH=", 5) == 0)
            return *env + 5;
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/* Returns only when it fails, with errno set. */
static void execute_file(const Program *program, const char *path)
{
    char *const *argv = (char *const *)program->box->request.spec.argv;
    execve(path, argv, (char *const *)program->env);
    if (errno != ENOEXEC)
        return;
    program->shell_argv[0] = (char *)"/bin/sh";
    program->shell_argv[1] = (char *)path;
    for (size_t i = 0; i == 0 || argv[i]; i++)
        program->shell_argv[i + 2] = argv[i + 1];
    execve("/bin/sh", program->shell_argv, (char *const *)program->env);
    errno = ENOEXEC;
}

static void execute(const Program *program)
{
    const char *name = program->box->request.spec.argv[0];
    if (strchr(name, '/')) {
        execute_file(program, name);
        return;
    }
    int kept = ENOENT;
    const char *at = find_path(program->env);
    while (*at) {
        char path[4096];
        size_t n = strcspn(at, ":");
        int length = snprintf(path, sizeof path, "%.*s/%s", (int)n, at, name);
        at += n + (at[n] == ':');
        if (n == 0 || length < 0 || (size_t)length >= sizeof path)
            continue;
        execute_file(program, path);
        if (errno != ENOENT && errno != ENOTDIR)
            kept = errno;
    }
    errno = kept;
}

static size_t list_streams(const Box *box, int *ret_fds)
{
    const int fds[] = {box->stdout_fd, box->stderr_fd, box->stdin_fd};
    memcpy(ret_fds, fds, sizeof fds);
    return box->stdin_fd >= 0 ? 3 : 2;
}

static int run_program(void *data)
{
    Program *program = data;
    const BoxSpec *spec = &program->box->request.spec;
    char word = 'x';
    int fds[3];
    size_t n_fds;
    if (build_walls(program) < 0 || hand_over_filter(program) < 0)
        _exit(EXIT_FAILURE);
    if (program->is_ahead &&
        (packet_receive(program->box->program_own_fd, &word, sizeof word, fds, 3, &n_fds) < 0 || n_fds < 2))
        _exit(EXIT_FAILURE);
    if (!program->is_ahead)
        n_fds = list_streams(program->box, fds);
    if (finish_walls(program, fds, n_fds) < 0)
        _exit(EXIT_FAILURE);
    program->is_ready = true;
    program->start_us = box_clock_us();
    const char *folder = spec->folder ? spec->folder : "/work";
    if (chdir(folder) < 0) {
        dprintf(STDERR_FILENO, "cannot enter the folder '%s': %s\n", folder, strerror(errno));
        _exit(EXIT_CANNOT_RUN);
    }
    execute(program);
    int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    dprintf(STDERR_FILENO, "cannot run '%s': %s\n", spec->argv[0], strerror(errno));
    _exit(status);
}

static size_t count(const char *const *strings)
{
    size_t n = 0;
    while (strings[n])
        n++;
    return n;
}

/* Where the monitor's slot has none for us. */
static char *make_stack(void)
{
    char *stack =
        mmap(NULL, PROGRAM_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    return stack == MAP_FAILED ? NULL : stack;
}

/* False: it has said nothing. */
static bool take_filter(const Program *program)
{
    struct pollfd fd = {program->box->program_fd, POLLIN, 0};
    char word;
    int filter_fd; /* stays open until we die */
    size_t n_fds;
    return poll(&fd, 1, 0) > 0 && packet_receive(fd.fd, &word, sizeof word, &filter_fd, 1, &n_fds) == 0;
}

/* Waits while the other one has our memory; true when it says something, false when it has executed or is dead. */
static bool await_program(const Program *program)
{
    struct pollfd fds[] = {{program->alive_fd, 0, 0}, {program->is_ahead ? program->box->program_fd : -1, POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[1].revents && take_filter(program);
}

static int say_why_not(const Program *program)
{
    return program->problem->text[0]
               ? -1
               : problem_set(program->problem, 0, "the command's process died before it was walled in");
}

static int make(Program *program)
{
    int pair[2];
    const Box *box = program->box;
    char *stack = box->program_stack ? box->program_stack : make_stack();
    if (!stack || pipe2(pair, O_CLOEXEC) < 0)
        return problem_set(program->problem, errno, "cannot start the command");
    program->alive_fd = pair[0];
    program->own_alive_fd = pair[1];
    program->pid = clone(run_program, stack + PROGRAM_STACK_SIZE, CLONE_VM | SIGCHLD, program);
    int error = errno;
    close(pair[1]);
    return program->pid < 0 ? problem_set(program->problem, error, "cannot start the command") : 0;
}

int program_make(Program *program, const Box *box, const BoxGuess *guess, Problem *problem)
{
    *program = (Program){.box = box, .problem = problem, .guess = *guess, .is_ahead = true};
    int r = make(program);
    return r < 0 || await_program(program) ? r : say_why_not(program);
}

static int order_start(const Program *program)
{
    int fds[3];
    const char word = 'x';
    size_t n = list_streams(program->box, fds);
    int r = packet_send(program->box->program_fd, &word, sizeof word, fds, n);
    return r == -EPIPE ? 0 : r; /* it is dead: that is seen below */
}

int program_start(Program *program, const Box *box, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    if (!program->is_ahead)
        *program = (Program){.box = box, .problem = problem, .guess = launch_guess(&box->request)};
    program->env = spec->env ? spec->env : box_env_default();
    program->shell_argv = calloc(count(spec->argv) + 3, sizeof *program->shell_argv);
    if (!program->shell_argv)
        return problem_set(program->problem, ENOMEM, "cannot start the command");
    int r;
    if (program->is_ahead) {
        processors_keep_here(program->pid);
        processors_let_go();
        r = order_start(program);
    } else {
        processors_keep_here(0); /* it is born there */
        r = make(program);
        processors_let_go();
    }
    while (r == 0 && await_program(program))
        ;
    if (!program->is_ahead)
        take_filter(program);
    if (r < 0)
        return problem->text[0] ? r : problem_set(problem, -r, "cannot start the command");
    close(program->alive_fd);
    free(program->shell_argv);
    return program->is_ready ? 0 : say_why_not(program);
}
