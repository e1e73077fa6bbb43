/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pid 2 of the box. It shares init's memory until it executes (a vfork with a stack of its own), so it must not return
 * and must leave nothing locked; init waits meanwhile.
 */
#include "sandbox/box.h"
#include "sandbox/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

static const char *const default_env[] = {
    "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8", "TZ=UTC", "TMPDIR=/tmp", NULL};

/* What both processes see. */
typedef struct {
    const Box *box;
    Problem *problem;
    const char *const *env;
    char **shell_argv; /* room for running a script that names no interpreter */
    int64_t start_us;
    uint32_t missing;
    bool is_ready; /* all walls stand; whatever happens from here on is the student's */
} Program;

static int take_streams(const Box *box, Problem *problem)
{
    int input = box->stdin_fd >= 0 ? box->stdin_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(box->stdout_fd, STDOUT_FILENO) < 0 ||
        dup2(box->stderr_fd, STDERR_FILENO) < 0)
        return problem_set(problem, errno, "cannot give the command its streams");
    return 0;
}

static int enter_group(const Box *box, Problem *problem)
{
    int r = cgroup_group_enter(&box->group);
    if (r < 0)
        return problem_set(problem, -r, "cannot enter the box's control group");
    if (unshare(CLONE_NEWCGROUP) < 0)
        return problem_set(problem, errno, "cannot make the box's cgroup namespace");
    return 0;
}

static int enter_landlock(Program *program, Problem *problem)
{
    const BoxSpec *spec = &program->box->request.spec;
    int r = landlock_enter(spec);
    if (r < 0)
        return problem_set(problem, -r, "cannot set up Landlock");
    if (r == 0)
        return 0;
    program->missing |= BOX_PROMISE_LANDLOCK;
    if (spec->accept_missing & BOX_PROMISE_LANDLOCK)
        return 0;
    return problem_set(problem, 0,
                       "this machine does not give what boxes promise: %s; `rubric doctor` says how to mend it",
                       box_promise_name(BOX_PROMISE_LANDLOCK));
}

static int build_walls(Program *program, Problem *problem)
{
    const Box *box = program->box;
    const BoxSpec *spec = &box->request.spec;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGUSR1, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (setsid() < 0)
        return problem_set(problem, errno, "cannot make the box's session");
    umask(022);
    int r = take_streams(box, problem);
    if (r == 0)
        r = enter_group(box, problem);
    if (r == 0 && spec->fixed_addresses && personality(ADDR_NO_RANDOMIZE) < 0)
        r = problem_set(problem, errno, "cannot fix the addresses");
    if (r == 0)
        r = limits_apply(&spec->limits, box->slot ? 2 : 1, box->group.version[CGROUP_MEMORY] != 0,
                         box->group.version[CGROUP_PIDS] != 0);
    if (r < 0 && !problem->text[0])
        problem_set(problem, -r, "cannot set the resource limits");
    if (r == 0)
        r = privileges_drop(problem);
    if (r == 0)
        r = enter_landlock(program, problem);
    if (r == 0 && close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
        r = problem_set(problem, errno, "cannot close file descriptors");
    if (r < 0)
        return r;
    r = filter_load(box_profile_calls(spec->profile) | spec->calls);
    return r < 0 ? problem_set(problem, -r, "cannot load the system call filter") : 0;
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

static int run_program(void *argument)
{
    Program *program = argument;
    const BoxSpec *spec = &program->box->request.spec;
    if (build_walls(program, program->problem) < 0)
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

pid_t program_start(const Box *box, int64_t *ret_start_us, uint32_t *ret_missing, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    Program program = {.box = box, .problem = problem, .env = spec->env ? spec->env : default_env};
    program.shell_argv = calloc(count(spec->argv) + 3, sizeof *program.shell_argv);
    char *stack = box->program_stack ? box->program_stack : make_stack();
    if (!program.shell_argv || !stack) {
        free(program.shell_argv);
        return problem_set(problem, ENOMEM, "cannot start the command");
    }
    pid_t pid = clone(run_program, stack + PROGRAM_STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, &program);
    int error = errno;
    if (stack != box->program_stack)
        munmap(stack, PROGRAM_STACK_SIZE);
    free(program.shell_argv);
    if (pid < 0)
        return problem_set(problem, error, "cannot start the command");
    if (!program.is_ready)
        return problem->text[0] ? -1 : problem_set(problem, 0, "the command's process died before it was walled in");
    *ret_start_us = program.start_us;
    *ret_missing = program.missing;
    return pid;
}
