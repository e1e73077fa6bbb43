/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The box's file system.
 *
 * What is shown of the host is opened first, as detached mounts, while its paths still lead there. Then a tmpfs covers
 * /usr of our private copy of the mount tree (any folder that always exists would do), is filled, and becomes the root;
 * what was the root is gone before the first path that an instructor or a student chose is walked.
 */
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

static const uint64_t attr_read_only = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
static const uint64_t attr_writable = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
static const uint64_t attr_device = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;

enum { MAX_SHOWN = 64 };

/* A host path that is opened, and where it goes below the new root. */
typedef struct {
    int fd;
    char target[256];
} Shown;

typedef struct {
    Shown shown[MAX_SHOWN];
    size_t n_shown;
    int workspace_fd;
    int bind_fds[BOX_MAX_BINDS];
} Sources;

/* ---- opening what is shown of the host
 * -------------------------------------------------------------------------------- */

/* Folders of programs at the top: on a merged system links into /usr, made again as links. */
static const char *const program_folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"};

/* Files and folders of /etc that programs need and that hold no secret. */
static const char *const etc_paths[] = {
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/mime.types",   "/etc/services",    "/etc/protocols",
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

static bool is_link(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

static int show(Sources *sources, const char *path, uint64_t attributes, bool is_needed, Problem *problem)
{
    if (sources->n_shown == MAX_SHOWN || strlen(path) > sizeof sources->shown[0].target)
        return is_needed ? problem_set(problem, 0, "too much to show in the box") : 0;
    int fd = root_open_source(path, attributes);
    if (fd < 0 && (is_needed || fd != -ENOENT))
        return problem_set(problem, -fd, "cannot show '%s' in the box", path);
    if (fd < 0)
        return 0;
    Shown *shown = &sources->shown[sources->n_shown++];
    shown->fd = fd;
    strcpy(shown->target, path + 1);
    return 0;
}

/* Debian keeps a JVM's own settings in /etc/java-17-openjdk. */
static int show_java(Sources *sources, Problem *problem)
{
    DIR *entries = opendir("/etc");
    int r = 0;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && r == 0; entry = readdir(entries)) {
        char path[sizeof entry->d_name + 8];
        snprintf(path, sizeof path, "/etc/%s", entry->d_name);
        if (strncmp(entry->d_name, "java-", 5) == 0 || strcmp(entry->d_name, "maven") == 0)
            r = show(sources, path, attr_read_only, false, problem);
    }
    if (entries)
        closedir(entries);
    return r;
}

static int open_system(Sources *sources, BoxProfile profile, Problem *problem)
{
    int r = 0;
    for (size_t i = 0; i < sizeof program_folders / sizeof *program_folders && r == 0; i++) {
        if (!is_link(program_folders[i]))
            r = show(sources, program_folders[i], attr_read_only, i == 0, problem);
    }
    for (size_t i = 0; i < sizeof etc_paths / sizeof *etc_paths && r == 0; i++)
        r = show(sources, etc_paths[i], attr_read_only, false, problem);
    for (size_t i = 0; i < sizeof devices / sizeof *devices && r == 0; i++)
        r = show(sources, devices[i], attr_device, true, problem);
    if (r == 0 && profile == BOX_PROFILE_BUILD)
        r = show_java(sources, problem);
    return r;
}

static int open_workspace(const BoxSpec *spec, Sources *sources, Problem *problem)
{
    sources->workspace_fd = -1;
    if (!spec->workspace)
        return 0;
    uint64_t attributes = spec->workspace_mode == BOX_WORKSPACE_KEEP ? attr_writable : attr_read_only;
    sources->workspace_fd = root_open_source(spec->workspace, attributes);
    if (sources->workspace_fd < 0)
        return problem_set(problem, -sources->workspace_fd, "cannot open the workspace '%s'", spec->workspace);
    return 0;
}

static int open_binds(const BoxSpec *spec, Sources *sources, Problem *problem)
{
    for (size_t i = 0; i < spec->n_binds; i++) {
        const BoxBind *bind = &spec->binds[i];
        sources->bind_fds[i] = root_open_source(bind->source, bind->writable ? attr_writable : attr_read_only);
        if (sources->bind_fds[i] < 0)
            return problem_set(problem, -sources->bind_fds[i], "cannot open '%s' to show it at '%s'", bind->source,
                               bind->target);
    }
    return 0;
}

/* ---- filling the new root; the working directory is its top
 * ----------------------------------------------------------- */

static int make_folders(Problem *problem)
{
    const char *const folders[] = {"dev", "dev/shm", "proc", "run", "tmp", "var", "work", ".disk", ".workspace"};
    const mode_t mode = 0755;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (mkdir(folders[i], mode) < 0)
            return problem_set(problem, errno, "cannot make the box's /%s", folders[i]);
    }
    const char *const links[][2] = {{"/tmp", "var/tmp"},
                                    {"/run", "var/run"},
                                    {"/proc/self/fd", "dev/fd"},
                                    {"/proc/self/fd/0", "dev/stdin"},
                                    {"/proc/self/fd/1", "dev/stdout"},
                                    {"/proc/self/fd/2", "dev/stderr"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlink(links[i][0], links[i][1]) < 0)
            return problem_set(problem, errno, "cannot make the box's /%s", links[i][1]);
    }
    return 0;
}

static int make_program_links(Problem *problem)
{
    for (size_t i = 1; i < sizeof program_folders / sizeof *program_folders; i++) {
        char text[256];
        ssize_t n = is_link(program_folders[i]) ? readlink(program_folders[i], text, sizeof text - 1) : -1;
        if (n < 0)
            continue;
        text[n] = '\0';
        if (symlink(text, program_folders[i] + 1) < 0)
            return problem_set(problem, errno, "cannot make the box's %s", program_folders[i]);
    }
    return 0;
}

static int attach(int fd, const char *target, Problem *problem)
{
    if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return problem_set(problem, errno, "cannot show /%s in the box", target);
    close(fd);
    return 0;
}

static int attach_shown(const Sources *sources, Problem *problem)
{
    for (size_t i = 0; i < sources->n_shown; i++) {
        const Shown *shown = &sources->shown[i];
        struct stat info;
        const mode_t folder_mode = 0755, file_mode = 0444;
        int r = fstat(shown->fd, &info);
        if (r == 0 && S_ISDIR(info.st_mode)) {
            r = mkdir(shown->target, folder_mode);
        } else if (r == 0) {
            r = mknod(shown->target, S_IFREG | file_mode, 0);
        }
        if (r < 0)
            return problem_set(problem, errno, "cannot make the box's /%s", shown->target);
        r = attach(shown->fd, shown->target, problem);
        if (r < 0)
            return r;
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
    const char *const masked_files[] = {"proc/kcore",      "proc/keys",       "proc/key-users", "proc/kallsyms",
                                        "proc/timer_list", "proc/interrupts", "proc/cmdline",   "proc/sysrq-trigger"};
    const char *const masked_folders[] = {"proc/acpi", "proc/scsi", "proc/bus", "proc/fs", "proc/irq", "proc/driver"};
    for (size_t i = 0; i < sizeof masked_files / sizeof *masked_files; i++) {
        if (mount("dev/null", masked_files[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            return problem_set(problem, errno, "cannot mask /%s", masked_files[i]);
    }
    for (size_t i = 0; i < sizeof masked_folders / sizeof *masked_folders; i++) {
        if (mount("run", masked_folders[i], NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
            return problem_set(problem, errno, "cannot mask /%s", masked_folders[i]);
    }
    /* Nobody writes there: not to /proc/sys, not to the covers, not to the own oom_score_adj. */
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    if (mount_setattr(AT_FDCWD, "proc", AT_RECURSIVE, &attr, sizeof attr) < 0)
        return problem_set(problem, errno, "cannot make the box's /proc read-only");
    return 0;
}

/* ---- the disk: one bounded tmpfs below /work, /tmp and /dev/shm
 * -------------------------------------------------------- */

static int mount_disk(const BoxLimits *limits, int *ret_disk_fd, Problem *problem)
{
    char options[128];
    const int64_t own_inodes = 8;
    snprintf(options, sizeof options, "size=%lld,nr_inodes=%lld,mode=0755", (long long)limits->disk_bytes,
             (long long)(limits->files + own_inodes));
    if (mount("disk", ".disk", "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
        return problem_set(problem, errno, "cannot mount the box's disk");
    const mode_t everybody = 01777, owner = 0755;
    if (mkdir(".disk/tmp", everybody) < 0 || mkdir(".disk/shm", everybody) < 0 || mkdir(".disk/work", owner) < 0 ||
        mkdir(".disk/overlay", owner) < 0 || chmod(".disk/tmp", everybody) < 0 || chmod(".disk/shm", everybody) < 0)
        return problem_set(problem, errno, "cannot make folders on the box's disk");
    *ret_disk_fd = open(".disk", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *ret_disk_fd < 0 ? problem_set(problem, errno, "cannot open the box's disk") : 0;
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
    if (setxattr(".disk/work", "user.rubric.probe", "", 0, 0) < 0 || removexattr(".disk/work", "user.rubric.probe") < 0)
        return false;
    return mount("overlay", "work", "overlay", MS_NOSUID | MS_NODEV,
                 "lowerdir=.workspace,upperdir=.disk/work,workdir=.disk/overlay,userxattr") == 0;
}

static int copy_workspace(Problem *problem)
{
    int source = open(".workspace", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int target = open(".disk/work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = source < 0 || target < 0 ? -errno : copy_tree(source, target);
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    if (r < 0)
        return problem_set(problem, -r, "cannot copy the workspace into the box");
    return show_disk_folder(".disk/work", "work", problem);
}

static int mount_workspace(const BoxSpec *spec, const Sources *sources, uint32_t *missing, Problem *problem)
{
    if (!spec->workspace)
        return show_disk_folder(".disk/work", "work", problem);
    if (spec->workspace_mode == BOX_WORKSPACE_KEEP)
        return attach(sources->workspace_fd, "work", problem);
    int r = attach(sources->workspace_fd, ".workspace", problem);
    if (r < 0)
        return r;
    if (!mount_overlay()) {
        *missing |= BOX_PROMISE_OVERLAY;
        r = copy_workspace(problem);
    }
    umount2(".workspace", MNT_DETACH);
    return r;
}

/* ---- all of it
 * -------------------------------------------------------------------------------------------------------- */

static int fill_root(const BoxSpec *spec, const Sources *sources, int *ret_disk_fd, uint32_t *missing, Problem *problem)
{
    int r = make_folders(problem);
    if (r == 0)
        r = make_program_links(problem);
    if (r == 0)
        r = root_make_etc(problem);
    if (r == 0)
        r = attach_shown(sources, problem);
    if (r == 0)
        r = mount_proc(problem);
    if (r == 0)
        r = mount_disk(&spec->limits, ret_disk_fd, problem);
    if (r == 0)
        r = show_disk_folder(".disk/tmp", "tmp", problem);
    if (r == 0)
        r = show_disk_folder(".disk/shm", "dev/shm", problem);
    if (r == 0)
        r = mount_workspace(spec, sources, missing, problem);
    return r;
}

static int enter_root(Problem *problem)
{
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return problem_set(problem, errno, "cannot enter the box's root");
    return 0;
}

static int seal_root(Problem *problem)
{
    struct mount_attr attr = {.attr_set = attr_read_only};
    umount2("/.disk", MNT_DETACH);
    if (rmdir("/.disk") < 0 || rmdir("/.workspace") < 0 || mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof attr) < 0)
        return problem_set(problem, errno, "cannot seal the box's root");
    return 0;
}

int root_build(const Box *box, int *ret_disk_fd, uint32_t *ret_missing, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    Sources sources = {.n_shown = 0};
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return problem_set(problem, errno, "cannot make the mounts private");
    int r = open_system(&sources, spec->profile, problem);
    if (r == 0)
        r = open_workspace(spec, &sources, problem);
    if (r == 0)
        r = open_binds(spec, &sources, problem);
    if (r < 0)
        return r;
    if (mount("root", "/usr", "tmpfs", MS_NOSUID, "size=4m,nr_inodes=4096,mode=0755") < 0 || chdir("/usr") < 0)
        return problem_set(problem, errno, "cannot mount the box's root");
    r = fill_root(spec, &sources, ret_disk_fd, ret_missing, problem);
    if (r == 0)
        r = enter_root(problem);
    for (size_t i = 0; i < spec->n_binds && r == 0; i++) {
        r = root_attach_bind(sources.bind_fds[i], spec->binds[i].target, problem);
        close(sources.bind_fds[i]);
    }
    return r == 0 ? seal_root(problem) : r;
}
