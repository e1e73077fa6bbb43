/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct Proxy {
    Process process;
    int fd;
};

struct ProxyGate {
    int log_fd, life_fd;
};

static bool send_hosts(int fd, const char *const *hosts, const int *fds, gsize n_fds, GError **error)
{
    g_autofree char *text = g_strjoinv("\n", (char **)hosts);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * N_GATE_FDS)];
    } control = {0};
    struct iovec part = {text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (strlen(text) > PROXY_HOSTS_BYTES)
        return error_set(error, RUBRIC_ERROR_LIMIT, "the names of all hosts have more than %d bytes",
                         PROXY_HOSTS_BYTES);
    if (n_fds > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
        struct cmsghdr *rights = &control.align;
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
        memcpy(CMSG_DATA(rights), fds, sizeof(int) * n_fds);
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the proxy has gone");
    return true;
}

Proxy *proxy_start(const char *const *hosts, GError **error)
{
    g_autofree char *program = process_own_program("rubric-worker", error);
    int pair[2];
    if (!program)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(error, errno, "cannot make a socket for the proxy");
        return NULL;
    }
    file_autofd int ours = pair[0];
    file_autofd int theirs = pair[1];
    g_autofree Proxy *proxy = g_new0(Proxy, 1);
    const char *const argv[] = {program, "--proxy", NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.extra_fd = theirs;
    if (!send_hosts(ours, hosts, NULL, 0, error) || !process_start(&spec, &proxy->process, error))
        return NULL;
    proxy->fd = file_steal_fd(&ours);
    return g_steal_pointer(&proxy);
}

void proxy_free(Proxy *proxy)
{
    if (!proxy)
        return;
    g_close(proxy->fd, NULL);
    process_kill(&proxy->process, SIGKILL);
    process_wait(&proxy->process, -1, NULL, NULL);
    g_free(proxy);
}

int proxy_fd(const Proxy *proxy)
{
    return proxy->fd;
}

/* Without a gate a box would wait for its hosts to the end of its time, and that would count against a student. */
static bool await_gate(int life_fd, GError **error)
{
    const int patience_ms = 10000;
    struct pollfd waiting = {life_fd, POLLIN, 0};
    char word;
    if (poll(&waiting, 1, patience_ms) <= 0 || read(life_fd, &word, sizeof word) != sizeof word)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the proxy lets no box through to these hosts");
    return true;
}

ProxyGate *proxy_gate_open(int proxy_fd, int listener_fd, const char *const *hosts, GError **error)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        error_set_errno(error, errno, "cannot make a socket for the proxy");
        return NULL;
    }
    file_autofd int ours = pair[0];
    file_autofd int theirs = pair[1];
    file_autofd int log_fd = memfd_create("proxy-log", MFD_CLOEXEC);
    if (log_fd < 0 || fcntl(log_fd, F_SETFL, O_APPEND) < 0) {
        error_set_errno(error, errno, "cannot make the proxy's log");
        return NULL;
    }
    const int fds[N_GATE_FDS] = {[GATE_LISTENER] = listener_fd, [GATE_LOG] = log_fd, [GATE_LIFE] = theirs};
    bool is_sent = send_hosts(proxy_fd, hosts, fds, N_GATE_FDS, error);
    g_close(file_steal_fd(&theirs), NULL);
    if (!is_sent || !await_gate(ours, error))
        return NULL;
    ProxyGate *gate = g_new0(ProxyGate, 1);
    *gate = (ProxyGate){.log_fd = file_steal_fd(&log_fd), .life_fd = file_steal_fd(&ours)};
    return gate;
}

void proxy_gate_close(ProxyGate *gate, char **ret_log)
{
    const int patience_ms = 10000;
    const gsize max_log = 128 << 10;
    struct pollfd waiting = {gate->life_fd, POLLIN, 0};
    shutdown(gate->life_fd, SHUT_WR);
    poll(&waiting, 1, patience_ms);
    char *text = g_malloc0(max_log + 1);
    if (pread(gate->log_fd, text, max_log, 0) < 0)
        *text = '\0';
    *ret_log = text_truncate(text, max_log);
    g_free(text);
    g_close(gate->log_fd, NULL);
    g_close(gate->life_fd, NULL);
    g_free(gate);
}

char **proxy_environment(guint port)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"};
    g_autoptr(GStrvBuilder) env = g_strv_builder_new();
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *pair = g_strdup_printf("%s=http://127.0.0.1:%u", names[i], port);
        g_strv_builder_add(env, pair);
    }
    g_strv_builder_add_many(env, "no_proxy=localhost,127.0.0.1,::1", "NO_PROXY=localhost,127.0.0.1,::1", NULL);
    return g_strv_builder_end(env);
}
