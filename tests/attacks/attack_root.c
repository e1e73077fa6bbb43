/* SPDX-License-Identifier: Apache-2.0 */
/* What uid 0 of a box (BoxSpec.inner_root) tries: it has the name of root, and nothing of its power. */
#include "attack.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int root_is_only_a_name(void)
{
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) < 0 || real != 0 || effective != 0 || saved != 0 || getgid() != 0)
        return GAVE_UP;
    FILE *map = fopen("/proc/self/uid_map", "r");
    unsigned long inside = 1, outside = 0, count = 0;
    if (!map || fscanf(map, "%lu %lu %lu", &inside, &outside, &count) != 3 || fgetc(map) != '\n' || fgetc(map) != EOF)
        return GAVE_UP;
    fclose(map);
    return inside != 0 || outside == 0 || count != 1 ? escaped("more than one user, or root outside, is mapped") : HELD;
}

static int capability_sets_are_empty(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return GAVE_UP;
    for (int i = 0; i < 2; i++) {
        if (data[i].effective || data[i].permitted || data[i].inheritable)
            return escaped("a capability is left");
        data[i].effective = data[i].permitted = data[i].inheritable = ~0U;
    }
    return must_fail("capset", syscall(SYS_capset, &header, data));
}

/* Executing as uid 0 gives all capabilities, unless it is told not to. */
static int root_gains_nothing_by_exec(void)
{
    execl("/bin/sh", "sh", "-c",
          "grep -E '^Cap[A-Z][a-z]+:' /proc/self/status | grep -v '0000000000000000$' >&2 && exit 99; exit 0", NULL);
    return GAVE_UP;
}

static int root_becomes_nobody_else(void)
{
    const gid_t groups[] = {0, 4, 27};
    if (setuid(1000) == 0 || setresuid(65534, 65534, 65534) == 0 || seteuid(1) == 0 || setgid(1000) == 0 ||
        setresgid(4, 4, 4) == 0)
        return escaped("changed the user");
    return must_fail("setgroups", setgroups(3, groups));
}

static int root_reads_no_secrets(void)
{
    const char *const paths[] = {"/etc/shadow",        "/etc/gshadow",
                                 "/etc/sudoers",       "/root/.ssh/id_rsa",
                                 "/proc/1/environ",    "/proc/1/mem",
                                 "/proc/1/maps",       "/proc/1/root/etc/shadow",
                                 "/proc/kcore",        "/proc/sys/kernel/cad_pid",
                                 "/dev/mem",           "/dev/kmsg",
                                 getenv("HOST_SECRET")};
    char byte;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int fd = open(paths[i], O_RDONLY | O_NONBLOCK);
        if (fd >= 0 && read(fd, &byte, 1) > 0) {
            fprintf(stderr, "%s: ", paths[i]);
            return escaped("root read it");
        }
    }
    return HELD;
}

static int root_writes_no_system(void)
{
    const char *const paths[] = {"/etc/passwd", "/etc/ld.so.preload", "/usr/bin/evil", "/usr/lib/evil.so", "/evil",
                                 "/dev/evil",   "/run/evil",          "/var/evil",     "/attack",          "/bin/sh"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (open(paths[i], O_WRONLY | O_CREAT, 0600) >= 0) {
            fprintf(stderr, "%s: ", paths[i]);
            return escaped("root wrote it");
        }
    }
    if (chmod("/etc/passwd", 0666) == 0 || chown("/usr/bin/env", 0, 0) == 0 || unlink("/etc/passwd") == 0 ||
        truncate("/etc/hosts", 0) == 0)
        return escaped("root changed a file of the system");
    return HELD;
}

static int root_mounts_nothing(void)
{
    mkdir("/tmp/m", 0700);
    const char *const types[] = {"tmpfs", "proc", "sysfs", "devpts", "cgroup2", "overlay", "bpf", "mqueue", "ext4"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (mount("none", "/tmp/m", types[i], 0, NULL) == 0)
            return escaped("mounted something");
    }
    if (mount("/usr", "/tmp/m", NULL, MS_BIND, NULL) == 0 || mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0 ||
        mount(NULL, "/", NULL, MS_SHARED, NULL) == 0 || mount("/work", "/tmp/m", NULL, MS_MOVE, NULL) == 0 ||
        umount2("/proc", MNT_DETACH) == 0 || umount2("/work", MNT_DETACH) == 0 || umount2("/etc/passwd", 0) == 0)
        return escaped("changed the mounts");
    return must_fail("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp/m"));
}

static int root_makes_no_devices(void)
{
    const mode_t kinds[] = {S_IFBLK, S_IFCHR};
    const char *const folders[] = {"/work/d", "/tmp/d", "/dev/shm/d"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t j = 0; j < sizeof folders / sizeof *folders; j++) {
            if (mknod(folders[j], kinds[i] | 0600, makedev(1, 1)) == 0 ||
                mknod(folders[j], kinds[i] | 0600, makedev(0, 0)) == 0)
                return escaped("made a device");
        }
    }
    return HELD;
}

static int root_leaves_by_no_chroot(void)
{
    mkdir("/tmp/jail", 0700);
    int above = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/tmp/jail") == 0 || chroot("/") == 0)
        return escaped("chroot");
    const char *const namespaces[] = {"mnt", "user", "pid", "net", "cgroup", "ipc", "uts"};
    for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/1/ns/%s", namespaces[i]);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && setns(fd, 0) == 0)
            return escaped("entered a namespace of init");
    }
    return fchdir(above) == 0 && open("../../../../proc/1/root/usr", O_RDONLY) >= 0 ? escaped("left the root") : HELD;
}

static int root_makes_no_namespaces(void)
{
    const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWCGROUP};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (unshare(flags[i]) == 0)
            return escaped("unshare");
        long pid = syscall(SYS_clone, (unsigned long)flags[i] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            return escaped("clone into a namespace");
    }
    int fd = open("/proc/self/uid_map", O_WRONLY);
    return fd >= 0 && write(fd, "0 0 4294967295", 14) > 0 ? escaped("wrote its own map") : HELD;
}

static int root_raises_no_limits(void)
{
    for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
        struct rlimit now, more;
        if (getrlimit((__rlimit_resource_t)resource, &now) < 0 || now.rlim_max == RLIM_INFINITY)
            continue;
        more = (struct rlimit){now.rlim_cur, now.rlim_max + 1};
        if (setrlimit((__rlimit_resource_t)resource, &more) == 0)
            return escaped("raised a hard limit");
    }
    struct sched_param first = {.sched_priority = 1};
    if (setpriority(PRIO_PROCESS, 0, -5) == 0 || sched_setscheduler(0, SCHED_FIFO, &first) == 0)
        return escaped("raised its priority");
    return must_fail("oom_score_adj", open("/proc/self/oom_score_adj", O_WRONLY));
}

static int root_loads_no_code(void)
{
    if (syscall(SYS_init_module, "", 0, "") == 0 || syscall(SYS_finit_module, 0, "", 0) == 0 ||
        syscall(SYS_delete_module, "x", 0) == 0 || syscall(SYS_kexec_load, 0, 0, NULL, 0) == 0 ||
        syscall(SYS_bpf, 5, NULL, 0) >= 0)
        return escaped("reached the kernel's loader");
    return syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL) == 0 ? escaped("reboot") : HELD;
}

static int root_moves_to_no_group(void)
{
    const char *const paths[] = {"/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/memory/cgroup.procs",
                                 "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/unified/cgroup.procs",
                                 "/proc/1/root/sys/fs/cgroup/cgroup.procs"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (open(paths[i], O_WRONLY) >= 0)
            return escaped("opened a control group");
    }
    return HELD;
}

static int root_signals_and_traces_no_one(void)
{
    for (pid_t pid = 3; pid < 400; pid++) {
        if (pid != getpid() && kill(pid, 0) == 0)
            return escaped("sees a process outside");
    }
    for (int signal = 1; signal < NSIG; signal++)
        kill(1, signal);
    char byte;
    struct iovec_pair {
        void *base;
        size_t length;
    } here = {&byte, 1}, there = {(void *)&byte, 1};
    if (syscall(SYS_process_vm_readv, 1, &here, 1, &there, 1, 0) > 0 || syscall(SYS_ptrace, 16, 1, 0, 0) == 0)
        return escaped("looked into init");
    return HELD;
}

static int root_sets_no_file_powers(void)
{
    static const char all[] = "\1\0\0\2\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377";
    int fd = open("/work/own", O_WRONLY | O_CREAT, 0755);
    if (fd < 0)
        return GAVE_UP;
    if (fsetxattr(fd, "security.capability", all, sizeof all - 1, 0) == 0 ||
        fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) == 0)
        return escaped("gave a file powers");
    return fchown(fd, 1000, 1000) == 0 || fchown(fd, 65534, 65534) == 0 ? escaped("gave a file away") : HELD;
}

const Attack root_attacks[] = {
    {"root_is_only_a_name", root_is_only_a_name, NULL},
    {"capability_sets_are_empty", capability_sets_are_empty, NULL},
    {"root_gains_nothing_by_exec", root_gains_nothing_by_exec, NULL},
    {"root_becomes_nobody_else", root_becomes_nobody_else, NULL},
    {"root_reads_no_secrets", root_reads_no_secrets, NULL},
    {"root_writes_no_system", root_writes_no_system, NULL},
    {"root_mounts_nothing", root_mounts_nothing, NULL},
    {"root_makes_no_devices", root_makes_no_devices, NULL},
    {"root_leaves_by_no_chroot", root_leaves_by_no_chroot, NULL},
    {"root_makes_no_namespaces", root_makes_no_namespaces, NULL},
    {"root_raises_no_limits", root_raises_no_limits, NULL},
    {"root_loads_no_code", root_loads_no_code, NULL},
    {"root_moves_to_no_group", root_moves_to_no_group, NULL},
    {"root_signals_and_traces_no_one", root_signals_and_traces_no_one, NULL},
    {"root_sets_no_file_powers", root_sets_no_file_powers, NULL},
    {"root_is_the_only_group", NULL,
     "test \"$(id -u):$(id -G | tr ' ' '\\n' | sort -u | head -c 20)\" = 0:0 || exit 99"},
    {"root_copies_no_setuid_power", NULL,
     "cp /bin/sh /tmp/s && chmod 6755 /tmp/s; /tmp/s -p -c 'grep -E \"^Cap(Prm|Eff)\" /proc/self/status' | "
     "grep -v '0000000000000000$' && exit 99; exit 0"},
    {"init_is_not_roots", NULL, "test \"$(stat -c %u /proc/1/environ)\" = 0 && exit 99; exit 0"},
    {"scratch_is_bounded", NULL,
     "head -c 64M /dev/zero >/autograder/fill 2>/dev/null; test \"$(stat -c %s /autograder/fill)\" -lt 33554432 || "
     "exit 99; rm /autograder/fill; touch /scratch/f || exit 1"},
    {NULL, NULL, NULL},
};
