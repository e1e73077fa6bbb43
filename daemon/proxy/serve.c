/* SPDX-License-Identifier: Apache-2.0 */
/* The broker: forks gates. Its first message names all hosts that may be asked for; each other one is a gate's. */
#include "daemon/proxy/private.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const uid_t nobody = 65534;

static void limit(int resource, rlim_t most)
{
    const struct rlimit bound = {most, most};
    setrlimit((__rlimit_resource_t)resource, &bound);
}

/* No file is written, made, removed or executed any more. A kernel without Landlock leaves it to the user's rights. */
static void write_nothing(void)
{
    const guint64 reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const guint64 all = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    const unsigned no_flags = 0;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = all & ~reading};
    file_autofd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, no_flags);
    if (ruleset >= 0)
        syscall(SYS_landlock_restrict_self, ruleset, no_flags);
}

static bool confine(GError **error)
{
    const rlim_t log_bytes = 1 << 20, open_files = 64, memory = 1 << 30;
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, log_bytes);
    limit(RLIMIT_NOFILE, open_files);
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is larger than any limit */
    limit(RLIMIT_AS, memory);
#endif
    signal(SIGXFSZ, SIG_IGN);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_set_errno(error, errno, "cannot give up new privileges");
    if (geteuid() == 0 &&
        (setgroups(0, NULL) < 0 || setresgid(nobody, nobody, nobody) < 0 || setresuid(nobody, nobody, nobody) < 0))
        return error_set_errno(error, errno, "cannot become uid %u", (unsigned)nobody);
    write_nothing();
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* cleared by the change of user */
    return true;
}

/* Hosts, one a line, and descriptors. False: nobody is there any more, or it makes no sense. */
static bool receive(int fd, GPtrArray **ret_hosts, int *ret_fds, gsize *ret_n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * N_GATE_FDS)];
    } control = {0};
    g_autofree char *text = g_malloc0(PROXY_HOSTS_BYTES + 1);
    struct iovec part = {text, PROXY_HOSTS_BYTES};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    const struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    *ret_n_fds =
        n > 0 && rights && rights->cmsg_type == SCM_RIGHTS ? (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
    if (*ret_n_fds > 0)
        memcpy(ret_fds, CMSG_DATA(rights), *ret_n_fds * sizeof(int));
    if (n <= 0)
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    *ret_hosts = hosts_parse((const char *const *)lines, NULL);
    return *ret_hosts != NULL;
}

static bool may_ask(const GPtrArray *all, const GPtrArray *hosts)
{
    for (guint i = 0; i < hosts->len; i++) {
        if (!hosts_have(all, g_ptr_array_index(hosts, i)))
            return false;
    }
    return true;
}

static void open_gate(int fd, const GPtrArray *hosts, const int *fds)
{
    pid_t parent = getpid();
    if (fork() != 0)
        return; /* a gate that cannot be made closes its user's socket, which says so */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    g_close(fd, NULL);
    if (getppid() == parent)
        gate_serve(hosts, fds);
    _exit(0);
}

int proxy_serve(int fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = NULL;
    int fds[N_GATE_FDS];
    gsize n_fds;
    signal(SIGCHLD, SIG_IGN); /* gates end by themselves */
    if (!confine(&error)) {
        log_error_free(LOG_ERR, "proxy_not_confined", "by", "proxy", g_steal_pointer(&error));
        return 1;
    }
    if (!receive(fd, &all, fds, &n_fds) || n_fds != 0)
        return 1;
    for (;;) {
        g_autoptr(GPtrArray) hosts = NULL;
        bool is_asked = receive(fd, &hosts, fds, &n_fds);
        if (is_asked && n_fds == N_GATE_FDS && may_ask(all, hosts))
            open_gate(fd, hosts, fds);
        for (gsize i = 0; i < n_fds; i++)
            g_close(fds[i], NULL);
        if (!is_asked)
            return 0;
    }
}
