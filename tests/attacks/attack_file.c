/* SPDX-License-Identifier: Apache-2.0 */
/* Files: reading what is not theirs, writing what is shared, leaving the root; and what is planted as a report. */
#include "attack.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static int cannot_open(const char *path, int flags)
{
    int fd = open(path, flags, 0644);
    if (fd < 0)
        return HELD;
    fprintf(stderr, "%s: ", path);
    return escaped("could be opened");
}

static int cannot_open_any(const char *const *paths, int flags)
{
    int r = HELD;
    for (; *paths && r == HELD; paths++)
        r = cannot_open(*paths, flags);
    return r;
}

static int read_secrets(void)
{
    const char *const paths[] = {"/etc/shadow",
                                 "/etc/gshadow",
                                 "/root",
                                 "/root/.ssh",
                                 "/home",
                                 "/var/log",
                                 "/var/lib",
                                 "/etc/ssh",
                                 "/etc/ssl/private",
                                 "/run/systemd",
                                 "/run/docker.sock",
                                 "/boot",
                                 "/sys",
                                 "/sys/kernel",
                                 "/mnt",
                                 NULL};
    return cannot_open_any(paths, O_RDONLY);
}

/* The suite puts a file of its own on the host and says where. */
static int read_host_secret(void)
{
    const char *path = getenv("HOST_SECRET");
    return path ? cannot_open(path, O_RDONLY) : GAVE_UP;
}

static int look_into_init(void)
{
    const char *const paths[] = {"/proc/1/root",   "/proc/1/root/etc/shadow",
                                 "/proc/1/cwd/.",  "/proc/1/environ",
                                 "/proc/1/mem",    "/proc/1/maps",
                                 "/proc/1/exe",    "/proc/1/fd/0",
                                 "/proc/1/fd/3",   "/proc/1/ns/mnt",
                                 "/proc/1/ns/net", NULL};
    return cannot_open_any(paths, O_RDONLY);
}

static int write_system(void)
{
    const char *const paths[] = {"/usr/bin/planted",
                                 "/bin/sh",
                                 "/etc/passwd",
                                 "/etc/planted",
                                 "/planted",
                                 "/dev/planted",
                                 "/run/planted",
                                 "/var/planted",
                                 "/proc/sys/kernel/core_pattern",
                                 "/proc/self/oom_score_adj",
                                 "/proc/sys/kernel/hostname",
                                 "/proc/self/uid_map",
                                 "/proc/sys/fs/file-max",
                                 "/proc/acpi/planted",
                                 NULL};
    return cannot_open_any(paths, O_WRONLY | O_CREAT);
}

static int open_devices(void)
{
    const char *const paths[] = {"/dev/mem",     "/dev/kmem", "/dev/port",         "/dev/sda",         "/dev/vda",
                                 "/dev/fuse",    "/dev/kvm",  "/dev/net/tun",      "/dev/tty",         "/dev/ptmx",
                                 "/dev/console", "/dev/kmsg", "/dev/loop-control", "/dev/userfaultfd", NULL};
    return cannot_open_any(paths, O_RDWR);
}

static int make_devices(void)
{
    if (mknod("/work/mem", S_IFCHR | 0666, (1 << 8) | 1) == 0)
        return escaped("made /dev/mem");
    if (mknod("/tmp/disk", S_IFBLK | 0666, 254 << 8) == 0)
        return escaped("made a block device");
    return must_fail("mknod of a whiteout", mknod("/work/whiteout", S_IFCHR | 0666, 0));
}

static int mount_things(void)
{
    if (mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || mount("/etc", "/work", NULL, MS_BIND, NULL) == 0)
        return escaped("mount");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 ||
        mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL) == 0)
        return escaped("remount");
    if (umount2("/proc/acpi", MNT_DETACH) == 0 || umount2("/work", MNT_DETACH) == 0 || umount("/proc") == 0)
        return escaped("umount");
    if (syscall(SYS_pivot_root, "/work", "/work") == 0)
        return escaped("pivot_root");
    if (syscall(SYS_fsopen, "tmpfs", 0) >= 0 || syscall(SYS_open_tree, -100, "/", 1) >= 0)
        return escaped("new mount calls");
    return must_fail("mount_setattr", syscall(SYS_mount_setattr, -100, "/", 0, "", 32));
}

static int leave_by_chroot(void)
{
    mkdir("/work/cell", 0755);
    return must_fail("chroot", chroot("/work/cell"));
}

static int open_by_handle(void)
{
    struct {
        struct file_handle handle;
        unsigned char bytes[128];
    } space = {.handle = {.handle_bytes = 8, .handle_type = 1}, .bytes = {2}};
    return must_fail("open_by_handle_at",
                     syscall(SYS_open_by_handle_at, open("/usr", O_RDONLY), &space.handle, O_RDONLY));
}

static int inherited_fds(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            return escaped("a file descriptor was inherited");
    }
    return HELD;
}

static int become_others(void)
{
    if (setuid(0) == 0 || setgid(0) == 0 || setresuid(65534, 65534, 65534) == 0)
        return escaped("changed the user");
    gid_t groups[] = {0};
    if (setgroups(1, groups) == 0)
        return escaped("changed the groups");
    int fd = open("/work/own", O_WRONLY | O_CREAT, 0644);
    if (chown("/work/own", 0, 0) == 0 || fchown(fd, 65534, 65534) == 0)
        return escaped("gave a file away");
    return must_fail("file capabilities",
                     setxattr("/work/own", "security.capability", "\1\0\0\2\377\377\377\377", 8, 0));
}

static int overwrite_program(void)
{
    const char *const paths[] = {"/proc/self/exe", "/attack", NULL};
    return cannot_open_any(paths, O_WRONLY);
}

static int hard_link_system(void)
{
    if (link("/etc/passwd", "/work/passwd") == 0 || link("/usr/bin/env", "/work/env") == 0 ||
        link("/attack", "/work/attack") == 0)
        return escaped("linked a file of the system");
    return HELD;
}

static int rename_workspace(void)
{
    return must_fail("renaming /work", rename("/work", "/tmp/work"));
}

static int cgroup_and_namespaces_hidden(void)
{
    FILE *file = fopen("/proc/self/cgroup", "r");
    char line[500];
    while (file && fgets(line, sizeof line, file)) {
        if (strstr(line, "box-"))
            return escaped("the control group's name is seen");
    }
    return cannot_open("/sys/fs/cgroup", O_RDONLY);
}

/* ---- planted as the report, /work/report
 * ------------------------------------------------------------------------------- */

static int write_report(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    return fd >= 0 && write(fd, "ok", 2) == 2 ? HELD : GAVE_UP;
}

static int report_plain(void)
{
    return write_report("report");
}

static int report_link(void)
{
    return symlink("/etc/passwd", "report") == 0 ? HELD : GAVE_UP;
}

static int report_link_to_init(void)
{
    return symlink("/proc/1/environ", "report") == 0 ? HELD : GAVE_UP;
}

static int report_hard_link(void)
{
    return write_report("other") == HELD && link("other", "report") == 0 ? HELD : GAVE_UP;
}

static int report_fifo(void)
{
    return mkfifo("report", 0644) == 0 ? HELD : GAVE_UP;
}

static int report_folder(void)
{
    return mkdir("report", 0755) == 0 ? HELD : GAVE_UP;
}

static int report_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "report"};
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address) == 0 ? HELD : GAVE_UP;
}

static int report_too_large(void)
{
    int fd = open("report", O_WRONLY | O_CREAT, 0644);
    return ftruncate(fd, 7 << 20) == 0 ? HELD : GAVE_UP;
}

static int report_unreadable(void)
{
    return write_report("report") == HELD && chmod("report", 0) == 0 ? HELD : GAVE_UP;
}

/* The suite asks for the report in a folder, sub/report, for this one. */
static int report_linked_folder(void)
{
    mkdir("/tmp/elsewhere", 0755);
    return write_report("/tmp/elsewhere/report") == HELD && symlink("/tmp/elsewhere", "sub") == 0 ? HELD : GAVE_UP;
}

/* Written again and again by somebody who should be dead. */
static int report_raced(void)
{
    write_report("report");
    if (fork() == 0) {
        for (;;) {
            unlink("report");
            (void)!symlink("/etc/passwd", "report");
            unlink("report");
            write_report("report");
        }
    }
    usleep(50000);
    return HELD;
}

const Attack file_attacks[] = {
    {"read_secrets", read_secrets, NULL},
    {"read_host_secret", read_host_secret, NULL},
    {"look_into_init", look_into_init, NULL},
    {"write_system", write_system, NULL},
    {"open_devices", open_devices, NULL},
    {"make_devices", make_devices, NULL},
    {"mount_things", mount_things, NULL},
    {"leave_by_chroot", leave_by_chroot, NULL},
    {"open_by_handle", open_by_handle, NULL},
    {"inherited_fds", inherited_fds, NULL},
    {"become_others", become_others, NULL},
    {"overwrite_program", overwrite_program, NULL},
    {"hard_link_system", hard_link_system, NULL},
    {"rename_workspace", rename_workspace, NULL},
    {"cgroup_and_namespaces_hidden", cgroup_and_namespaces_hidden, NULL},
    {NULL, NULL, NULL},
};

const Attack report_attacks[] = {
    {"report_plain", report_plain, NULL},
    {"report_link", report_link, NULL},
    {"report_link_to_init", report_link_to_init, NULL},
    {"report_hard_link", report_hard_link, NULL},
    {"report_fifo", report_fifo, NULL},
    {"report_folder", report_folder, NULL},
    {"report_socket", report_socket, NULL},
    {"report_too_large", report_too_large, NULL},
    {"report_unreadable", report_unreadable, NULL},
    {"report_linked_folder", report_linked_folder, NULL},
    {"report_raced", report_raced, NULL},
    {NULL, NULL, NULL},
};
