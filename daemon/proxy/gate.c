/* SPDX-License-Identifier: Apache-2.0 */
/* A gate: accepts what comes from one box's network, and has a child a connection. */
#include "daemon/proxy/private.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const GPtrArray *hosts;
    const int *fds;                    /* N_GATE_FDS */
    pid_t children[PROXY_MAX_AT_ONCE]; /* 0: room */
    guint n_served;
} Gate;

static pid_t *find_room(Gate *gate)
{
    for (gsize i = 0; i < PROXY_MAX_AT_ONCE; i++) {
        if (gate->children[i] == 0)
            return &gate->children[i];
    }
    return NULL;
}

static void reap(Gate *gate)
{
    for (pid_t pid = waitpid(-1, NULL, WNOHANG); pid > 0; pid = waitpid(-1, NULL, WNOHANG)) {
        for (gsize i = 0; i < PROXY_MAX_AT_ONCE; i++) {
            if (gate->children[i] == pid)
                gate->children[i] = 0;
        }
    }
}

static bool has_children(const Gate *gate)
{
    for (gsize i = 0; i < PROXY_MAX_AT_ONCE; i++) {
        if (gate->children[i] != 0)
            return true;
    }
    return false;
}

static G_GNUC_NORETURN void be_connection(const Gate *gate, int client_fd, pid_t parent)
{
    const unsigned max_seconds = 700; /* the relay's own limit and what comes before it */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    alarm(max_seconds);
    g_close(gate->fds[GATE_LISTENER], NULL);
    connection_serve(&(Connection){
        .hosts = gate->hosts, .client_fd = client_fd, .log_fd = gate->fds[GATE_LOG], .life_fd = gate->fds[GATE_LIFE]});
    _exit(0);
}

static void take_connection(Gate *gate, pid_t *room)
{
    file_autofd int fd = accept4(gate->fds[GATE_LISTENER], NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    gate->n_served++;
    if (gate->n_served > PROXY_MAX_CONNECTIONS) {
        if (gate->n_served == PROXY_MAX_CONNECTIONS + 1)
            log_line(gate->fds[GATE_LOG], "refused: more than %d connections; these were closed at once",
                     PROXY_MAX_CONNECTIONS);
        return;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        be_connection(gate, fd, parent);
    if (pid > 0)
        *room = pid;
    else
        log_line(gate->fds[GATE_LOG], "a connection was closed: no process could be made for it, which is our fault");
}

/* Connections see the box's end by themselves and write their lines; a look-up may not, and is cut off. */
static void end_children(Gate *gate, int deaths_fd)
{
    const gint64 patience_us = 2 * CLOCK_SECOND_US;
    gint64 deadline_us = clock_monotonic_us() + patience_us;
    reap(gate);
    for (gint64 left_us = patience_us; has_children(gate) && left_us > 0;
         left_us = deadline_us - clock_monotonic_us()) {
        struct pollfd waiting = {deaths_fd, POLLIN, 0};
        struct signalfd_siginfo info;
        if (poll(&waiting, 1, (int)(left_us / 1000) + 1) > 0 && read(deaths_fd, &info, sizeof info) > 0)
            reap(gate);
    }
    for (gsize i = 0; i < PROXY_MAX_AT_ONCE; i++) {
        if (gate->children[i] == 0)
            continue;
        kill(gate->children[i], SIGKILL);
        waitpid(gate->children[i], NULL, 0);
        log_line(gate->fds[GATE_LOG], "a connection was cut off: the box ended while its host was looked up");
    }
}

void gate_serve(const GPtrArray *hosts, const int *fds)
{
    Gate gate = {.hosts = hosts, .fds = fds};
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    sigprocmask(SIG_BLOCK, &deaths, NULL);
    file_autofd int deaths_fd = signalfd(-1, &deaths, SFD_CLOEXEC);
    const char word = 'x';
    bool is_told = deaths_fd >= 0 && send(fds[GATE_LIFE], &word, sizeof word, MSG_NOSIGNAL) == sizeof word;
    for (bool is_open = is_told; is_open;) {
        pid_t *room = find_room(&gate);
        struct pollfd waiting[] = {{room ? fds[GATE_LISTENER] : -1, POLLIN, 0},
                                   {deaths_fd, POLLIN, 0},
                                   {fds[GATE_LIFE], POLLIN | POLLRDHUP, 0}};
        struct signalfd_siginfo info;
        if (poll(waiting, G_N_ELEMENTS(waiting), -1) < 0)
            continue;
        is_open = !waiting[2].revents;
        if (waiting[1].revents && read(deaths_fd, &info, sizeof info) > 0)
            reap(&gate);
        if (is_open && room && waiting[0].revents)
            take_connection(&gate, room);
    }
    end_children(&gate, deaths_fd);
}
