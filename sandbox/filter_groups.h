/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which system calls a box may make, in groups with their reasons. Everything that is not named here is refused with
 * ENOSYS, so that new kernels bring nothing new into the box, and C libraries fall back to what they used before. Used
 * at build time only.
 *
 * Left out on purpose, among others: ptrace, process_vm_* (but for the group "debug"), kcmp, pidfd_getfd (looking into
 * others); io_uring_*,
 * userfaultfd, bpf, perf_event_open, vmsplice (large kernel surface); keyctl, add_key, request_key (keyrings are not
 * namespaced); mount, pivot_root, chroot, setns, unshare, open_tree, fsopen, move_mount (no new views);
 * name_to_handle_at, open_by_handle_at; quotactl, swapon, reboot, kexec_*, *_module, iopl, ioperm, modify_ldt, acct,
 * syslog, settimeofday, clock_settime, adjtimex; seccomp, landlock_create_ruleset (no more filters on top of ours);
 * uselib, ustat, sysfs, lookup_dcookie, vhangup, personality (but for asking).
 */
#pragma once

#include "sandbox/sandbox.h"

#include <stddef.h>

typedef struct {
    const char *reason;
    const char *const *names; /* NULL-terminated */
} FilterGroup;

static const char *const names_files[] = {"access",
                                          "faccessat",
                                          "faccessat2",
                                          "chdir",
                                          "fchdir",
                                          "getcwd",
                                          "open",
                                          "openat",
                                          "openat2",
                                          "creat",
                                          "close",
                                          "close_range",
                                          "read",
                                          "readv",
                                          "pread64",
                                          "preadv",
                                          "preadv2",
                                          "write",
                                          "writev",
                                          "pwrite64",
                                          "pwritev",
                                          "pwritev2",
                                          "lseek",
                                          "_llseek",
                                          "stat",
                                          "lstat",
                                          "fstat",
                                          "newfstatat",
                                          "fstatat64",
                                          "statx",
                                          "statfs",
                                          "fstatfs",
                                          "readlink",
                                          "readlinkat",
                                          "getdents",
                                          "getdents64",
                                          "mkdir",
                                          "mkdirat",
                                          "rmdir",
                                          "unlink",
                                          "unlinkat",
                                          "rename",
                                          "renameat",
                                          "renameat2",
                                          "link",
                                          "linkat",
                                          "symlink",
                                          "symlinkat",
                                          "chmod",
                                          "fchmod",
                                          "fchmodat",
                                          "chown",
                                          "lchown",
                                          "fchown",
                                          "fchownat",
                                          "truncate",
                                          "ftruncate",
                                          "fallocate",
                                          "utime",
                                          "utimes",
                                          "futimesat",
                                          "utimensat",
                                          "umask",
                                          "dup",
                                          "dup2",
                                          "dup3",
                                          "fcntl",
                                          "flock",
                                          "fsync",
                                          "fdatasync",
                                          "fadvise64",
                                          "readahead",
                                          "sendfile",
                                          "copy_file_range",
                                          "splice",
                                          "tee",
                                          "sync_file_range",
                                          "getxattr",
                                          "lgetxattr",
                                          "fgetxattr",
                                          "listxattr",
                                          "llistxattr",
                                          "flistxattr",
                                          NULL};

static const char *const names_memory[] = {
    "brk",        "mmap",       "munmap",    "mremap",        "mprotect", "madvise",    "mincore",
    "msync",      "mlock",      "mlock2",    "munlock",       "mlockall", "munlockall", "memfd_create",
    "membarrier", "pkey_alloc", "pkey_free", "pkey_mprotect", NULL};

static const char *const names_processes[] = {"vfork",
                                              "fork",
                                              "execve",
                                              "execveat",
                                              "exit",
                                              "exit_group",
                                              "wait4",
                                              "waitid",
                                              "getpid",
                                              "getppid",
                                              "gettid",
                                              "getpgid",
                                              "getpgrp",
                                              "setpgid",
                                              "getsid",
                                              "setsid",
                                              "getuid",
                                              "geteuid",
                                              "getgid",
                                              "getegid",
                                              "getresuid",
                                              "getresgid",
                                              "getgroups",
                                              "setuid",
                                              "setgid",
                                              "setreuid",
                                              "setregid",
                                              "setresuid",
                                              "setresgid",
                                              "setfsuid",
                                              "setfsgid",
                                              "setgroups",
                                              "capget",
                                              "capset",
                                              "getrlimit",
                                              "setrlimit",
                                              "prlimit64",
                                              "getrusage",
                                              "times",
                                              "getpriority",
                                              "setpriority",
                                              "sched_yield",
                                              "sched_getaffinity",
                                              "sched_setaffinity",
                                              "sched_getparam",
                                              "sched_setparam",
                                              "sched_getscheduler",
                                              "sched_setscheduler",
                                              "sched_get_priority_max",
                                              "sched_get_priority_min",
                                              "sched_rr_get_interval",
                                              "sched_getattr",
                                              "sched_setattr",
                                              "getcpu",
                                              "set_tid_address",
                                              "set_robust_list",
                                              "get_robust_list",
                                              "rseq",
                                              "arch_prctl",
                                              "futex",
                                              "futex_waitv",
                                              "pidfd_open",
                                              "pidfd_send_signal",
                                              "ioprio_get",
                                              "restart_syscall",
                                              NULL};

static const char *const names_signals[] = {"kill",
                                            "tkill",
                                            "tgkill",
                                            "rt_sigaction",
                                            "rt_sigprocmask",
                                            "rt_sigreturn",
                                            "rt_sigpending",
                                            "rt_sigsuspend",
                                            "rt_sigtimedwait",
                                            "rt_sigqueueinfo",
                                            "rt_tgsigqueueinfo",
                                            "sigaltstack",
                                            "signalfd",
                                            "signalfd4",
                                            "pause",
                                            NULL};

static const char *const names_time[] = {"time",
                                         "gettimeofday",
                                         "clock_gettime",
                                         "clock_getres",
                                         "clock_nanosleep",
                                         "nanosleep",
                                         "alarm",
                                         "getitimer",
                                         "setitimer",
                                         "timer_create",
                                         "timer_settime",
                                         "timer_gettime",
                                         "timer_getoverrun",
                                         "timer_delete",
                                         "timerfd_create",
                                         "timerfd_settime",
                                         "timerfd_gettime",
                                         NULL};

static const char *const names_waiting[] = {
    "poll",      "ppoll",      "select",       "pselect6",      "epoll_create",      "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait",  "epoll_pwait2",  "eventfd",           "eventfd2",
    "pipe",      "pipe2",      "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    NULL};

static const char *const names_sockets[] = {
    "bind",       "listen", "accept",  "accept4",  "connect",  "shutdown", "getsockname", "getpeername", "getsockopt",
    "setsockopt", "sendto", "sendmsg", "sendmmsg", "recvfrom", "recvmsg",  "recvmmsg",    NULL};

static const char *const names_machine[] = {"uname", "sysinfo", "getrandom", NULL};

static const char *const names_walls[] = {"landlock_add_rule", "landlock_restrict_self", NULL};

static const FilterGroup groups_strict[] = {
    {"files: the mounts, Landlock and the owner's rights decide what they reach", names_files},
    {"memory: bounded by the control group", names_memory},
    {"processes: bounded in number, alone in their pid namespace; the uid and capability calls have nothing to give",
     names_processes},
    {"signals: reach this box only", names_signals},
    {"clocks and timers: reading and waiting, never setting the clock", names_time},
    {"waiting for files and events", names_waiting},
    {"sockets: families are chosen at socket(), and the network namespace is empty", names_sockets},
    {"the machine: names, memory size, random bytes", names_machine},
    {"the box's last wall is set behind this filter; without landlock_create_ruleset there are no more rules to set",
     names_walls},
};

/* One for each bit of BoxCalls, in their order. Conditions on arguments are in filter_gen.c. */
static const char *const names_sysv_ipc[] = {"shmget", "shmat",  "shmdt",  "shmctl", "semget", "semop", "semtimedop",
                                             "semctl", "msgget", "msgsnd", "msgrcv", "msgctl", NULL};
static const char *const names_message_queues[] = {
    "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive", "mq_notify", "mq_getsetattr", NULL};
static const char *const names_memory_policy[] = {"get_mempolicy", "set_mempolicy", "mbind", "process_madvise", NULL};
static const char *const names_io_priority[] = {"ioprio_set", NULL};
static const char *const names_route_queries[] = {NULL};
static const char *const names_async_io[] = {"io_setup",     "io_destroy",    "io_submit", "io_cancel",
                                             "io_getevents", "io_pgetevents", NULL};
static const char *const names_debug[] = {"ptrace", "process_vm_readv", "process_vm_writev", NULL};

static const FilterGroup groups_by_bit[BOX_N_CALLS] = {
    {"System V memory, semaphores and queues, of the box's own ipc namespace: databases, exercises", names_sysv_ipc},
    {"POSIX queues, of the same namespace: exercises in operating systems", names_message_queues},
    {"memory policy of the own processes: JVMs, numerical libraries", names_memory_policy},
    {"the priority of the own reads and writes: package managers, databases", names_io_priority},
    {"asking for interfaces and routes: servers, package managers, JVMs", names_route_queries},
    {"the older asynchronous reading and writing: databases, nginx", names_async_io},
    {"looking into processes of the same box: debuggers, leak checkers; the kernel judges calls after a tracer changed "
     "them",
     names_debug},
};
