/* SPDX-License-Identifier: Apache-2.0 */
/* What this machine gives to boxes. Each layer is tried, not looked up; settings are read only to say how to mend. */
#include "sandbox/client.h"
#include "sandbox/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEND_SIZE = sizeof((BoxFact){0}.mend) };

typedef struct {
    BoxFact *facts;
    size_t n, size;
} Facts;

__attribute__((format(printf, 6, 7))) static void add_fact(Facts *facts, const char *name, bool holds, bool is_required,
                                                           const char *mend, const char *format, ...)
{
    size_t at = facts->n++;
    if (at >= facts->size)
        return;
    BoxFact *fact = &facts->facts[at];
    *fact = (BoxFact){.name = name, .holds = holds, .is_required = is_required};
    if (!holds)
        snprintf(fact->mend, sizeof fact->mend, "%s", mend);
    va_list args;
    va_start(args, format);
    vsnprintf(fact->detail, sizeof fact->detail, format, args);
    va_end(args);
}

/* ---- the kernel
 * ------------------------------------------------------------------------------------------------------- */

/* 0, or the errno with which a child of ours is refused new namespaces. */
static int try_namespaces(void)
{
    pid_t pid = fork();
    if (pid < 0)
        return errno;
    if (pid == 0) {
        int flags =
            CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
        _exit(unshare(flags) < 0 ? errno : 0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static void examine_namespaces(Facts *facts, const BoxClient *client)
{
    int error = try_namespaces();
    char mend[MEND_SIZE];
    mend_namespaces(client->program, error, mend, sizeof mend);
    add_fact(facts, "user namespaces", error == 0, true, mend, "%s",
             error == 0 ? "all seven kinds of namespaces can be made" : strerror(error));
}

static void examine_kernel(Facts *facts)
{
    struct utsname name;
    uname(&name);
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
    bool has_openat2 = fd >= 0;
    if (fd >= 0)
        close(fd);
    int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    bool has_pidfd = pidfd >= 0;
    if (pidfd >= 0)
        close(pidfd);
    bool has_mounts = syscall(SYS_mount_setattr, -1, NULL, -1, NULL, 0) == 0 || errno != ENOSYS;
    const char *mend =
        "Linux 5.14 or later (Debian 12 has 6.1), and no outer filter that refuses pidfd_open or mount_setattr";
    add_fact(facts, "kernel", has_pidfd && has_mounts, true, mend,
             "Linux %s; openat2: %s, pidfd: %s, new mount calls: %s", name.release,
             has_openat2 ? "yes" : "no (paths are walked by hand)", has_pidfd ? "yes" : "no",
             has_mounts ? "yes" : "no");
    bool has_seccomp = prctl(PR_GET_SECCOMP) >= 0;
    add_fact(facts, "seccomp", has_seccomp, true, "a kernel with CONFIG_SECCOMP_FILTER", "system call filters %s",
             has_seccomp ? "can be loaded" : "are not supported");
    long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    char landlock_mend[MEND_SIZE];
    mend_landlock(landlock_mend, sizeof landlock_mend);
    add_fact(facts, "Landlock", landlock >= 2, false, landlock_mend,
             landlock > 0 ? "version %ld" : "not available (%ld)", landlock);
}

/* ---- control groups
 * --------------------------------------------------------------------------------------------------- */

static void examine_cgroup(Facts *facts, const CgroupHome *home, CgroupController controller, const char *name)
{
    int version = home->version[controller];
    char mend[MEND_SIZE];
    mend_group(controller, NULL, mend, sizeof mend);
    if (version)
        add_fact(facts, name, true, false, mend, "version %d, below %.200s", version, home->folder[controller]);
    else
        add_fact(facts, name, false, false, mend,
                 "no control group that we may make groups in: limits are per process");
}

/* ---- a box
 * ------------------------------------------------------------------------------------------------------------ */

/* Runs /bin/true over an empty workspace, whatever is missing. */
static void examine_box(Facts *facts, BoxClient *client)
{
    char folder[] = "/tmp/rubric-doctor-XXXXXX";
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = (const char *const[]){"/bin/true", NULL};
    spec.workspace = mkdtemp(folder);
    if (spec.workspace && client->is_own_uid && chown(folder, client->uid, client->uid) < 0)
        spec.workspace = NULL; /* it tells nothing about the overlay, but a box is a box */
    spec.accept_missing = ~0U;
    spec.limits.wall_ms = 10000;
    BoxResult result = {0};
    int r = box_run(client, &spec, -1, &result);
    rmdir(folder);
    const BoxStatus *status = &result.status;
    bool has_run = r == 0 && status->end == BOX_END_EXITED && status->exit_code == 0;
    char sentence[200] = "";
    BoxLimits limits = box_limits_default();
    if (r == 0)
        box_status_sentence(status, &limits, sentence, sizeof sentence);
    add_fact(facts, "a box", has_run, true, "mend what is above first; else the message says which step was refused",
             "/bin/true %s", r < 0 ? strerror(-r) : sentence);
    bool has_overlay = has_run && !(status->missing & BOX_PROMISE_OVERLAY);
    add_fact(facts, "overlay", has_overlay, false,
             "Linux 6.6 or later (modprobe overlay); without it boxes are as safe, only slower to start",
             has_overlay ? "workspaces are shown without copying" : "workspaces are copied into each box");
    box_result_clear(&result);
}

size_t box_examine_machine(BoxClient *client, BoxFact *ret_facts, size_t n)
{
    Facts facts = {ret_facts, 0, n};
    examine_kernel(&facts);
    examine_namespaces(&facts, client);
    examine_cgroup(&facts, &client->home, CGROUP_MEMORY, "memory limit");
    examine_cgroup(&facts, &client->home, CGROUP_PIDS, "process limit");
    examine_cgroup(&facts, &client->home, CGROUP_CPU, "processor time");
    examine_cgroup(&facts, &client->home, CGROUP_SHARE, "processor share");
    char mend[MEND_SIZE];
    mend_own_user(mend, sizeof mend);
    add_fact(&facts, "own user", client->is_own_uid, false, mend,
             client->is_own_uid ? "boxes run as uid %u, which nobody else has" : "boxes run as uid %u, our own",
             (unsigned)client->uid);
    examine_box(&facts, client);
    return facts.n;
}
