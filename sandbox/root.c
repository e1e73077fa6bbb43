/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box's file system.
 *
 * A tmpfs covers /proc of our private copy of the mount tree (any folder that always exists would do), is filled, and
 * becomes the root. What the request shows of the host is opened as detached mounts: by the monitor, if it may, and
 * then the host's root is gone before there is a request; else by init, while the host's paths still lead there. It is
 * gone before the first path that an instructor or a student chose is walked.
 *
 * All that is written lies in a second tmpfs, the disk: its folder tmp is shown at /tmp, and so on. Init finds the disk
 * itself at /tmp, with what it needs until the program starts; at last the folder covers it, and no path leads there.
 * Nothing but a workspace's or an image's mount is taken away again, after the program has started, so that a list of
 * mounts does not tell of the host: that waits for all processors.
 */
#include "sandbox/root.h"
#include "sandbox/box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- what no request changes; the working directory is the new root's top
 * --------------------------------------------- */

/* /var is the image's where there is one: the last of both lists. */
static int make_folders(bool has_image, Problem *problem)
{
    const char *const folders[] = {"dev", "dev/shm", "proc", "run", "tmp", "work", "var"};
    const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                    {"/proc/self/fd/0", "dev/stdin"},
                                    {"/proc/self/fd/1", "dev/stdout"},
                                    {"/proc/self/fd/2", "dev/stderr"},
                                    {"/tmp", "var/tmp"},
                                    {"/run", "var/run"}};
    const size_t n_folders = sizeof folders / sizeof *folders - (has_image ? 1 : 0);
    const size_t n_links = sizeof links / sizeof *links - (has_image ? 2 : 0);
    const mode_t mode = 0755;
    for (size_t i = 0; i < n_folders; i++) {
        if (mkdir(folders[i], mode) < 0)
            return problem_set(problem, errno, "cannot make the box's /%s", folders[i]);
    }
    for (size_t i = 0; i < n_links; i++) {
        if (symlink(links[i][0], links[i][1]) < 0)
            return problem_set(problem, errno, "cannot make the box's /%s", links[i][1]);
    }
    return 0;
}

/* What /proc tells of the whole machine. Pid folders, /proc/self and what runtimes read (meminfo, cpuinfo, stat) stay.
 */
static int mount_proc(Problem *problem)
{
    if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return problem_set(problem, errno,
                           "cannot mount the box's /proc (in a container whose /proc is masked this is not allowed)");
    const char *const masked_files[] = {"proc/kcore", "proc/keys", "proc/key-users", "proc/kallsyms", "proc/timer_list",
                                        "proc/interrupts", "proc/cmdline", "proc/sysrq-trigger",
                                        /* of older or unusual kernels */
                                        "proc/sched_debug", "proc/timer_stats", "proc/latency_stats"};
    const char *const masked_folders[] = {"proc/acpi", "proc/scsi",   "proc/bus",   "proc/fs",
                                          "proc/irq",  "proc/driver", "proc/asound"};
    for (size_t i = 0; i < sizeof masked_files / sizeof *masked_files; i++) {
        if (mount("dev/null", masked_files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            return problem_set(problem, errno, "cannot mask %s", masked_files[i]);
    }
    for (size_t i = 0; i < sizeof masked_folders / sizeof *masked_folders; i++) {
        if (mount("dev/shm", masked_folders[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            return problem_set(problem, errno, "cannot mask %s", masked_folders[i]);
    }
    /* Nobody writes there: not to /proc/sys, not to the covers, not to the own oom_score_adj. */
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount_setattr(AT_FDCWD, "proc", AT_RECURSIVE, &attr, sizeof attr) < 0)
        return problem_set(problem, errno, "cannot make the box's /proc read-only");
    return 0;
}

/* ---- the disk: one bounded tmpfs below /work, /tmp and /dev/shm
 * -------------------------------------------------------- */

static int mount_disk(int *ret_disk_fd, Problem *problem)
{
    if (mount("disk", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,nr_inodes=64,mode=0755") < 0)
        return problem_set(problem, errno, "cannot mount the box's disk");
    const mode_t everybody = 01777, owner = 0755;
    if (mkdir("tmp/tmp", everybody) < 0 || mkdir("tmp/shm", everybody) < 0 || chmod("tmp/tmp", everybody) < 0 ||
        chmod("tmp/shm", everybody) < 0 || mkdir("tmp/work", owner) < 0 || mkdir("tmp/overlay", owner) < 0 ||
        mkdir("tmp/workspace", owner) < 0 || mkdir("tmp/image", owner) < 0 || mkdir("tmp/etc", owner) < 0)
        return problem_set(problem, errno, "cannot make folders on the box's disk");
    *ret_disk_fd = open("tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *ret_disk_fd < 0 ? problem_set(problem, errno, "cannot open the box's disk") : 0;
}

int root_limit_disk(const BoxGuess *guess, Problem *problem)
{
    char options[128];
    const int64_t own_inodes = 16 + BOX_MAX_SCRATCH;
    snprintf(options, sizeof options, "size=%lld,nr_inodes=%lld", (long long)guess->disk_bytes,
             (long long)(guess->disk_files + own_inodes));
    if (mount(NULL, "tmp", NULL, MS_REMOUNT | MS_NOSUID | MS_NODEV, options) < 0)
        return problem_set(problem, errno, "cannot limit the box's disk");
    return 0;
}

static int show_disk_folder(const char *folder, const char *target, Problem *problem)
{
    if (mount(folder, target, NULL, MS_BIND, NULL) < 0)
        return problem_set(problem, errno, "cannot show /%s in the box", target);
    return 0;
}

/* An overlay in a user namespace keeps its notes in user.* attributes, which tmpfs has since Linux 6.6; without them it
 * would look right and then fail at removing and making a folder again. */
static bool mount_overlay(void)
{
    if (setxattr("tmp/work", "user.rubric.probe", "", 0, 0) < 0 || removexattr("tmp/work", "user.rubric.probe") < 0)
        return false;
    return mount("overlay", "work", "overlay", MS_NOSUID | MS_NODEV,
                 "lowerdir=tmp/workspace,upperdir=tmp/work,workdir=tmp/overlay,userxattr") == 0;
}

static int copy_workspace(Problem *problem)
{
    int source = open("tmp/workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int target = open("tmp/work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = source < 0 || target < 0 ? -errno : copy_tree(source, target);
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    if (r < 0)
        return problem_set(problem, -r, "cannot copy the workspace into the box");
    return show_disk_folder("tmp/work", "work", problem);
}

static int mount_root(Problem *problem)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return problem_set(problem, errno, "cannot make the mounts private");
    if (mount("root", "/proc", "tmpfs", MS_NOSUID, "size=4m,nr_inodes=4096,mode=0755") < 0 || chdir("/proc") < 0)
        return problem_set(problem, errno, "cannot mount the box's root");
    return 0;
}

/* One unmount takes away all of the host's: each one waits for all processors. */
static int enter_root(Problem *problem)
{
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return problem_set(problem, errno, "cannot enter the box's root");
    return 0;
}

bool root_may_open_sources(void)
{
    int fd = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int root_prepare(const BoxSetup *setup, int *ret_disk_fd, Problem *problem)
{
    int r = mount_root(problem);
    if (r == 0)
        r = make_folders(setup->has_root, problem);
    if (r == 0 && !setup->has_root)
        r = root_make_etc(problem);
    if (r == 0 && !setup->has_root)
        r = root_show_programs(problem);
    if (r == 0 && !setup->has_root)
        r = root_show_java(problem);
    if (r == 0)
        r = root_show_devices(problem);
    if (r == 0)
        r = mount_proc(problem);
    if (r == 0)
        r = mount_disk(ret_disk_fd, problem);
    if (r == 0)
        r = show_disk_folder("tmp/shm", "dev/shm", problem);
    return r == 0 && setup->shows_sources ? enter_root(problem) : r;
}

/* ---- what the request says
 * --------------------------------------------------------------------------------------------- */

static int mount_workspace(const Box *box, uint32_t *missing, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    if (!spec->workspace)
        return show_disk_folder("tmp/work", "work", problem);
    if (spec->workspace_mode == BOX_WORKSPACE_KEEP)
        return root_attach(box->workspace_fd, "work", problem);
    int r = root_attach(box->workspace_fd, "tmp/workspace", problem);
    if (r == 0 && !mount_overlay()) {
        *missing |= BOX_PROMISE_OVERLAY;
        r = copy_workspace(problem);
    }
    return r;
}

static int show_image(int root_fd, Problem *problem)
{
    int r = root_show_image(root_fd, problem);
    if (r == 0)
        r = root_cover_etc(problem);
    return r == 0 ? root_cover("tmp/tmp", root_attr_writable, "var/tmp", problem) : r;
}

static int make_scratch(const char *const *names, Problem *problem)
{
    const mode_t mode = 0755;
    for (size_t i = 0; names && names[i]; i++) {
        char folder[64];
        struct stat target;
        snprintf(folder, sizeof folder, "tmp/own-%s", names[i]);
        bool is_made = mkdir(folder, mode) == 0 && (mkdir(names[i], mode) == 0 || errno == EEXIST) &&
                       lstat(names[i], &target) == 0;
        if (is_made && !S_ISDIR(target.st_mode)) {
            errno = ENOTDIR;
            is_made = false;
        }
        if (!is_made)
            return problem_set(problem, errno, "cannot make the box's /%s", names[i]);
        int r = show_disk_folder(folder, names[i], problem);
        if (r < 0)
            return r;
    }
    return 0;
}

static int attach_binds(Box *box, Problem *problem)
{
    int r = 0;
    for (size_t i = 0; i < box->request.spec.n_binds && r == 0; i++) {
        r = root_attach_bind(box->bind_fds[i], box->request.spec.binds[i].target, problem);
        close(box->bind_fds[i]);
    }
    return r;
}

static int show_queues(Problem *problem)
{
    const mode_t mode = 0755;
    if (mkdir("/dev/mqueue", mode) < 0 ||
        mount("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        return problem_set(problem, errno, "cannot mount the box's /dev/mqueue");
    return 0;
}

static int seal_root(Problem *problem)
{
    struct mount_attr attr = {.attr_set = root_attr_read_only};
    if (mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof attr) < 0)
        return problem_set(problem, errno, "cannot seal the box's root");
    return 0;
}

int root_finish(Box *box, uint32_t *ret_missing, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    const BoxGuess known = launch_guess(&box->request);
    bool is_limited =
        box->has_guess && box->guess.disk_bytes == known.disk_bytes && box->guess.disk_files == known.disk_files;
    int r = is_limited ? 0 : root_limit_disk(&known, problem);
    if (r == 0 && !box->has_mounts) {
        r = root_open_sources(box, problem);
        if (r == -EPERM)
            problem_set(problem, EPERM, "cannot show folders in the box");
    }
    if (r == 0 && spec->root)
        r = show_image(box->root_fd, problem);
    if (r == 0)
        r = mount_workspace(box, ret_missing, problem);
    if (r == 0)
        r = make_scratch(spec->scratch, problem);
    if (r == 0)
        r = show_disk_folder("tmp/tmp", "tmp", problem);
    if (r == 0 && !box->setup.shows_sources)
        r = enter_root(problem);
    if (r == 0 && spec->calls & BOX_CALLS_MESSAGE_QUEUES)
        r = show_queues(problem);
    if (r == 0)
        r = attach_binds(box, problem);
    return r == 0 ? seal_root(problem) : r;
}

/* By a path that asks for no right to enter the folder. */
static int take_away(int fd, Problem *problem)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (fd >= 0 && umount2(path, MNT_DETACH) < 0)
        return problem_set(problem, errno, "cannot take away a mount of the host's");
    return 0;
}

int root_clear_away(const Box *box, Problem *problem)
{
    bool is_kept = box->request.spec.workspace_mode == BOX_WORKSPACE_KEEP;
    int r = is_kept ? 0 : take_away(box->workspace_fd, problem);
    return r == 0 ? take_away(box->root_fd, problem) : r;
}
