/* SPDX-License-Identifier: Apache-2.0 */
/* Run at build time: compiles a system call filter for every set of groups by libseccomp and writes them as a C header
 * to stdout. */
#include "sandbox/filter_groups.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static void must(int r, const char *what)
{
    if (r == 0)
        return;
    fprintf(stderr, "rubric-box-filter: %s: error %d\n", what, -r);
    exit(EXIT_FAILURE);
}

/* Calls that this architecture or this libseccomp does not know are left out: the default refuses them. */
static int resolve(const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR || number < 0 ? -1 : number;
}

static void allow_group(scmp_filter_ctx filter, const FilterGroup *group)
{
    for (const char *const *name = group->names; *name; name++) {
        int number = resolve(*name);
        if (number >= 0)
            must(seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0), *name);
    }
}

/* Refused in words that programs understand better than "no such call". */
static void refuse(scmp_filter_ctx filter, const char *name, int error)
{
    int number = resolve(name);
    if (number >= 0)
        must(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)error), number, 0), name);
}

static void allow_if(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp compare)
{
    int number = resolve(name);
    if (number >= 0)
        must(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &compare), name);
}

static void allow_values(scmp_filter_ctx filter, const char *name, unsigned argument, const unsigned long long *values,
                         size_t n)
{
    for (size_t i = 0; i < n; i++)
        allow_if(filter, name, SCMP_CMP(argument, SCMP_CMP_MASKED_EQ, 0xffffffffULL, values[i]));
}

#define ALLOW_VALUES(filter, name, argument, ...)                                                                      \
    do {                                                                                                               \
        const unsigned long long values[] = {__VA_ARGS__};                                                             \
        allow_values(filter, name, argument, values, sizeof values / sizeof *values);                                  \
    } while (0)

/* Threads and processes, but no namespace. clone3 hides its flags in memory, where no filter sees them; C libraries
 * fall back to clone when it is refused by ENOSYS, which the default does. */
static void allow_clone(scmp_filter_ctx filter)
{
    const unsigned long long namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                          CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_UNTRACED;
    allow_if(filter, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
}

static void allow_socket(scmp_filter_ctx filter, uint32_t calls)
{
    ALLOW_VALUES(filter, "socket", 0, AF_UNIX, AF_INET, AF_INET6);
    ALLOW_VALUES(filter, "socketpair", 0, AF_UNIX);
    if (calls & BOX_CALLS_ROUTE_QUERIES) {
        const struct scmp_arg_cmp route[] = {SCMP_CMP(0, SCMP_CMP_MASKED_EQ, 0xffffffffULL, AF_NETLINK),
                                             SCMP_CMP(2, SCMP_CMP_MASKED_EQ, 0xffffffffULL, 0)};
        must(seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, resolve("socket"), 2, route), "socket");
    }
}

/* Asking about terminals and lengths; TIOCSTI and TIOCLINUX (writing to other people's terminals) are not there. */
static void allow_ioctl(scmp_filter_ctx filter)
{
    ALLOW_VALUES(filter, "ioctl", 1, TCGETS, TCSETS, TCSETSW, TCSETSF, TIOCGWINSZ, TIOCGPGRP, TIOCSPGRP, FIONREAD,
                 FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX);
}

static void allow_prctl(scmp_filter_ctx filter)
{
    ALLOW_VALUES(filter, "prctl", 0, PR_SET_NAME, PR_GET_NAME, PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
                 PR_SET_DUMPABLE, PR_CAPBSET_READ, PR_GET_KEEPCAPS, PR_GET_SECCOMP, PR_GET_SECUREBITS,
                 PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_THP_DISABLE,
                 PR_GET_THP_DISABLE, PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_SET_VMA);
}

static void allow_conditional(scmp_filter_ctx filter, uint32_t calls)
{
    allow_clone(filter);
    allow_socket(filter, calls);
    allow_ioctl(filter);
    allow_prctl(filter);
    /* FIFOs, files and sockets, never devices. */
    const unsigned long long kinds[] = {0, S_IFREG, S_IFIFO, S_IFSOCK};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        allow_if(filter, "mknod", SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]));
        allow_if(filter, "mknodat", SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, kinds[i]));
    }
    ALLOW_VALUES(filter, "personality", 0, 0, 0xffffffffULL);
}

static void refuse_in_words(scmp_filter_ctx filter, uint32_t calls)
{
    static const char *const not_permitted[] = {"pidfd_getfd",   "kcmp",
                                                "mount",         "umount2",
                                                "pivot_root",    "chroot",
                                                "setns",         "unshare",
                                                "bpf",           "perf_event_open",
                                                "reboot",        "swapon",
                                                "swapoff",       "init_module",
                                                "finit_module",  "delete_module",
                                                "kexec_load",    "settimeofday",
                                                "clock_settime", "adjtimex",
                                                "clock_adjtime", "sethostname",
                                                "setdomainname", "syslog",
                                                "acct",          "quotactl",
                                                "iopl",          "ioperm",
                                                "keyctl",        "add_key",
                                                "request_key",   "open_by_handle_at",
                                                "vhangup",       NULL};
    for (const char *const *name = not_permitted; *name; name++)
        refuse(filter, *name, EPERM);
    for (const char *const *name = names_debug; *name && !(calls & BOX_CALLS_DEBUG); name++)
        refuse(filter, *name, EPERM);
    /* Setting attributes: what tar, cp and install ignore. */
    static const char *const not_supported[] = {"setxattr",     "lsetxattr",    "fsetxattr", "removexattr",
                                                "lremovexattr", "fremovexattr", NULL};
    for (const char *const *name = not_supported; *name; name++)
        refuse(filter, *name, EOPNOTSUPP);
    /* Flushing every disk of the host is nobody's need here: done, as far as the program can tell. */
    refuse(filter, "sync", 0);
    refuse(filter, "syncfs", 0);
}

static size_t write_code(scmp_filter_ctx filter, uint32_t calls)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    must(fd < 0 ? -errno : 0, "memfd_create");
    must(seccomp_export_bpf(filter, fd), "export");
    off_t size = lseek(fd, 0, SEEK_END);
    struct sock_filter *code = malloc((size_t)size);
    if (!code || pread(fd, code, (size_t)size, 0) != size)
        must(-EIO, "reading the filter");
    size_t n = (size_t)size / sizeof *code;
    printf("static const struct sock_filter filter_%u[] = {\n", calls);
    for (size_t i = 0; i < n; i++)
        printf("{0x%x,%u,%u,0x%xu},%s", code[i].code, code[i].jt, code[i].jf, code[i].k, i % 6 == 5 ? "\n" : "");
    printf("};\n");
    free(code);
    close(fd);
    return n;
}

static size_t write_filter(uint32_t calls)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    must(filter ? 0 : -ENOMEM, "seccomp_init");
    must(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS), "architecture");
    const uint32_t binary_tree = 2;
    must(seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, binary_tree), "optimize");
    for (size_t i = 0; i < sizeof groups_strict / sizeof *groups_strict; i++)
        allow_group(filter, &groups_strict[i]);
    for (size_t i = 0; i < BOX_N_CALLS; i++) {
        if (calls & 1U << i)
            allow_group(filter, &groups_by_bit[i]);
    }
    allow_conditional(filter, calls);
    refuse_in_words(filter, calls);
    size_t n = write_code(filter, calls);
    seccomp_release(filter);
    return n;
}

int main(void)
{
    static size_t lengths[BOX_CALLS_ALL + 1];
    puts("/* Made by rubric-box-filter at build time: a filter for each set of BoxCalls. */");
    for (uint32_t calls = 0; calls <= BOX_CALLS_ALL; calls++)
        lengths[calls] = write_filter(calls);
    puts("static const struct { const struct sock_filter *code; unsigned short length; } filters[] = {");
    for (uint32_t calls = 0; calls <= BOX_CALLS_ALL; calls++)
        printf("{filter_%u, %zu},\n", calls, lengths[calls]);
    puts("};");
    return EXIT_SUCCESS;
}
