/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's surface: calls that no student program needs, and tricks around the filter. */
#include "attack.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453
#endif

typedef struct {
    const char *name;
    long number;
} Call;

/* Refused before their arguments are looked at: with nonsense arguments an open call would say EFAULT, EINVAL or EBADF.
 */
static const Call refused_calls[] = {
    {"io_uring_setup", SYS_io_uring_setup},
    {"io_uring_enter", SYS_io_uring_enter},
    {"userfaultfd", SYS_userfaultfd},
    {"bpf", SYS_bpf},
    {"perf_event_open", SYS_perf_event_open},
    {"keyctl", SYS_keyctl},
    {"add_key", SYS_add_key},
    {"request_key", SYS_request_key},
    {"kexec_load", SYS_kexec_load},
    {"kexec_file_load", SYS_kexec_file_load},
    {"init_module", SYS_init_module},
    {"finit_module", SYS_finit_module},
    {"delete_module", SYS_delete_module},
    {"quotactl", SYS_quotactl},
    {"swapon", SYS_swapon},
    {"reboot", SYS_reboot},
    {"acct", SYS_acct},
    {"syslog", SYS_syslog},
    {"kcmp", SYS_kcmp},
    {"setns", SYS_setns},
    {"process_vm_readv", SYS_process_vm_readv},
    {"process_vm_writev", SYS_process_vm_writev},
    {"pidfd_getfd", SYS_pidfd_getfd},
    {"seccomp", SYS_seccomp},
    {"landlock", SYS_landlock_create_ruleset},
    {"fanotify_init", SYS_fanotify_init},
    {"name_to_handle_at", SYS_name_to_handle_at},
    {"move_pages", SYS_move_pages},
    {"migrate_pages", SYS_migrate_pages},
    {"vmsplice", SYS_vmsplice},
    {"lookup_dcookie", SYS_lookup_dcookie},
    {"vhangup", SYS_vhangup},
    {"clone3", SYS_clone3},
    {"memfd_secret", 447},
    {"cachestat", 451},
    {"shmget", SYS_shmget},
    {"msgget", SYS_msgget},
    {"mq_open", SYS_mq_open},
    {"clock_settime", SYS_clock_settime},
    {"settimeofday", SYS_settimeofday},
    {"adjtimex", SYS_adjtimex},
    {"sethostname", SYS_sethostname},
    {"fsconfig", SYS_fsconfig},
    {"move_mount", SYS_move_mount},
    {"process_madvise", SYS_process_madvise},
#ifdef __x86_64__
    {"iopl", SYS_iopl},
    {"ioperm", SYS_ioperm},
    {"modify_ldt", SYS_modify_ldt},
    {"uselib", SYS_uselib},
    {"ustat", SYS_ustat},
    {"sysfs", SYS_sysfs},
#endif
};

static int refused_system_calls(void)
{
    for (size_t i = 0; i < sizeof refused_calls / sizeof *refused_calls; i++) {
        errno = 0;
        long r = syscall(refused_calls[i].number, -1L, -1L, -1L, -1L, -1L, -1L);
        if (r < 0 && (errno == EPERM || errno == ENOSYS))
            continue;
        fprintf(stderr, "%s: %ld %s: ", refused_calls[i].name, r, strerror(errno));
        return escaped("reaches the kernel");
    }
    return HELD;
}

static int unknown_system_calls(void)
{
    for (long number = 460; number < 1000; number++) {
        errno = 0;
        if (syscall(number, 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
            return escaped("a call that nobody knows");
    }
    return HELD;
}

static int trace_me(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
        return escaped("PTRACE_TRACEME");
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0)
        return escaped("traced a process");
    return HELD;
}

static int read_init_memory(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)&refused_calls, 1};
    return must_fail("process_vm_readv of init", process_vm_readv(1, &here, 1, &there, 1, 0));
}

/* With the group "debug": processes of the box may be traced, init may not. */
static int trace_init_when_allowed(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
        return GAVE_UP;
    kill(pid, SIGKILL);
    if (ptrace(PTRACE_SEIZE, 1, NULL, NULL) == 0 || ptrace(PTRACE_ATTACH, 1, NULL, NULL) == 0)
        return escaped("traced init");
    return HELD;
}

/* A tracer that turns a harmless call into a refused one as it is being made. */
static int tracer_changes_a_call(void)
{
#ifdef __x86_64__
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        raise(SIGSTOP);
        syscall(SYS_getppid);
        _exit(0);
    }
    int status;
    struct user_regs_struct registers;
    waitpid(pid, &status, 0);
    for (;;) {
        if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
            return GAVE_UP;
        ptrace(PTRACE_GETREGS, pid, NULL, &registers);
        if (registers.orig_rax == SYS_getppid)
            break;
    }
    registers.orig_rax = SYS_unshare;
    registers.rdi = CLONE_NEWUSER;
    if (ptrace(PTRACE_SETREGS, pid, NULL, &registers) < 0 || ptrace(PTRACE_SYSCALL, pid, NULL, NULL) < 0 ||
        waitpid(pid, &status, 0) < 0)
        return GAVE_UP;
    ptrace(PTRACE_GETREGS, pid, NULL, &registers);
    kill(pid, SIGKILL);
    return (long long)registers.rax == 0 ? escaped("the filter was bypassed") : HELD;
#else
    return HELD;
#endif
}

/* Queues that one box leaves are not there for the next. */
static int queues_when_allowed(void)
{
    int id = msgget(4711, IPC_CREAT | 0600);
    mqd_t queue = mq_open("/left", O_CREAT | O_RDWR, 0600, NULL);
    return id < 0 || queue == (mqd_t)-1 ? GAVE_UP : HELD;
}

static int find_no_queues(void)
{
    if (msgget(4711, 0) >= 0 || mq_open("/left", O_RDWR) != (mqd_t)-1)
        return escaped("a queue of another box is here");
    return HELD;
}

static int unshare_everything(void)
{
    const int flags[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWNET,    CLONE_NEWPID,
                         CLONE_NEWIPC,  CLONE_NEWUTS, CLONE_NEWCGROUP, CLONE_NEWTIME};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (unshare(flags[i]) == 0)
            return escaped("unshare");
    }
    return HELD;
}

static int clone_namespaces(void)
{
    const unsigned long flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUSER | CLONE_NEWNS,
                                   CLONE_PTRACE};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        long pid = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            return escaped("clone into a namespace");
    }
    struct clone_args args = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        _exit(0);
    return must_fail("clone3", pid);
}

static int fixed_addresses(void)
{
    return must_fail("personality", personality(ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC));
}

static int push_to_terminal(void)
{
    for (int fd = 0; fd < 3; fd++) {
        char byte = 'x';
        char subcode = 2;
        if (ioctl(fd, TIOCSTI, &byte) == 0 || ioctl(fd, TIOCLINUX, &subcode) == 0)
            return escaped("wrote to a terminal");
        if (errno == EPERM || errno == EFAULT)
            return escaped("the call reaches the terminal");
    }
    return must_fail("TIOCSTI with high bits", ioctl(0, TIOCSTI | (1UL << 40), "x"));
}

#ifdef __x86_64__
static int call_x32(void)
{
    const long x32 = 0x40000000;
    syscall(x32 + SYS_getpid);
    return escaped("an x32 call came back");
}

static int call_int80(void)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return escaped("a 32-bit call came back");
}
#else
static int call_x32(void)
{
    raise(SIGSYS);
    return HELD;
}

static int call_int80(void)
{
    raise(SIGSYS);
    return HELD;
}
#endif

static int forbidden_prctls(void)
{
    const int options[] = {PR_SET_SECCOMP, PR_CAP_AMBIENT,  PR_SET_SECUREBITS, PR_SET_KEEPCAPS,
                           PR_SET_MM,      PR_CAPBSET_DROP, PR_SET_PTRACER};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (prctl(options[i], 2, 0, 0, 0) >= 0 && options[i] != PR_SET_PTRACER)
            return escaped("a forbidden prctl");
    }
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return escaped("no_new_privs is off");
    for (int capability = 0; capability < 41; capability++) {
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 0)
            return escaped("a capability is in the bounding set");
    }
    return HELD;
}

static int setuid_programs(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/su", "su", "-c", "id", NULL);
        _exit(1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? escaped("su") : HELD;
}

/* Upper halves of 32-bit arguments, which the kernel ignores and a filter might not. */
static int high_bits(void)
{
    errno = 0;
    long fd = syscall(SYS_socket, (1UL << 32) | 38 /* AF_ALG */, 5, 0);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
        return escaped("a socket family with high bits");
    long pid = syscall(SYS_clone, (1UL << 32) | CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    return must_fail("clone with high bits", pid);
}

static int set_clock(void)
{
    struct timespec past = {0, 0};
    struct timeval then = {0, 0};
    if (clock_settime(CLOCK_REALTIME, &past) == 0)
        return escaped("clock_settime");
    return must_fail("settimeofday", settimeofday(&then, NULL));
}

const Attack kernel_attacks[] = {
    {"refused_system_calls", refused_system_calls, NULL},
    {"unknown_system_calls", unknown_system_calls, NULL},
    {"trace_me", trace_me, NULL},
    {"read_init_memory", read_init_memory, NULL},
    {"trace_init_when_allowed", trace_init_when_allowed, NULL},
    {"tracer_changes_a_call", tracer_changes_a_call, NULL},
    {"queues_when_allowed", queues_when_allowed, NULL},
    {"find_no_queues", find_no_queues, NULL},
    {"unshare_everything", unshare_everything, NULL},
    {"clone_namespaces", clone_namespaces, NULL},
    {"fixed_addresses", fixed_addresses, NULL},
    {"push_to_terminal", push_to_terminal, NULL},
    {"call_x32", call_x32, NULL},
    {"call_int80", call_int80, NULL},
    {"forbidden_prctls", forbidden_prctls, NULL},
    {"setuid_programs", setuid_programs, NULL},
    {"high_bits", high_bits, NULL},
    {"set_clock", set_clock, NULL},
    {NULL, NULL, NULL},
};
