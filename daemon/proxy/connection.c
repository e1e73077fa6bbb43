/* SPDX-License-Identifier: Apache-2.0 */
/* One connection of a box: its head, whether it may, the way there, the bytes. In a process of its own, straight on. */
#include "daemon/proxy/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static const int head_ms = 10000, connect_ms = 10000;

void log_line(int log_fd, const char *format, ...)
{
    const gsize max_line = 400;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *line = text_truncate(text, max_line);
    g_autofree char *ended = g_strconcat(line, "\n", NULL);
    /* Appended in one piece; a log that is full says no more. */
    if (write(log_fd, ended, strlen(ended)) < 0)
        return;
}

static bool is_ready(int fd, short events, int life_fd, int timeout_ms)
{
    struct pollfd fds[] = {{fd, events, 0}, {life_fd, POLLIN | POLLRDHUP, 0}};
    int n;
    do
        n = poll(fds, G_N_ELEMENTS(fds), timeout_ms);
    while (n < 0 && errno == EINTR);
    return n > 0 && fds[0].revents && !fds[1].revents;
}

/* The head, with what came behind it. *ret_problem: NULL when there is one. */
static gsize read_head(const Connection *connection, GString *bytes, const char **ret_problem)
{
    static const char end[] = "\r\n\r\n";
    gint64 deadline_us = clock_monotonic_us() + (gint64)head_ms * 1000;
    char part[4096];
    for (;;) {
        const char *found = memmem(bytes->str, bytes->len, end, strlen(end));
        gint64 left_ms = (deadline_us - clock_monotonic_us()) / 1000;
        *ret_problem = NULL;
        if (found)
            return (gsize)(found - bytes->str) + strlen(end);
        if (bytes->len > PROXY_HEAD_BYTES)
            *ret_problem = "the request's head is larger than 8 KiB";
        else if (left_ms <= 0 || !is_ready(connection->client_fd, POLLIN, connection->life_fd, (int)left_ms))
            *ret_problem = "no whole request came within 10 s";
        ssize_t n = *ret_problem ? -1 : read(connection->client_fd, part, sizeof part);
        if (!*ret_problem && n <= 0)
            *ret_problem = "the connection ended before a whole request came";
        if (*ret_problem)
            return 0;
        g_string_append_len(bytes, part, n);
    }
}

static void answer(const Connection *connection, const char *status, const char *words)
{
    g_autofree char *text = g_strdup_printf(
        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s\n", status,
        strlen(words) + 1, words);
    send(connection->client_fd, text, strlen(text), MSG_NOSIGNAL);
}

static char *show_address(const struct sockaddr *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    const void *bytes = address->sa_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    inet_ntop(address->sa_family, bytes, text, sizeof text);
    return g_strdup(text);
}

/* -1 when it cannot be reached in time. */
static int connect_address(const struct addrinfo *place, int life_fd)
{
    file_autofd int fd = socket(place->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, place->ai_addr, place->ai_addrlen) < 0 && errno != EINPROGRESS))
        return -1;
    int error = 0;
    socklen_t size = sizeof error;
    if (!is_ready(fd, POLLOUT, life_fd, connect_ms) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error)
        return -1;
    return file_steal_fd(&fd);
}

/* Looks the host up, once, and connects to what was found; *ret_said: the address, or the problem. */
static int reach(const ProxyHost *host, int life_fd, char **ret_said)
{
    const int max_addresses = 8;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = host->is_address ? AI_NUMERICHOST : 0};
    struct addrinfo *places = NULL;
    g_autofree char *port = g_strdup_printf("%u", host->port);
    int r = getaddrinfo(host->name, port, &hints, &places);
    if (r != 0) {
        *ret_said = g_strdup_printf("the name cannot be looked up: %s", gai_strerror(r));
        return -1;
    }
    int fd = -1, n = 0;
    *ret_said = g_strdup("no answer");
    for (const struct addrinfo *place = places; place && fd < 0 && n < max_addresses; place = place->ai_next, n++) {
        g_free(*ret_said);
        *ret_said = show_address(place->ai_addr);
        bool may = host->is_address || proxy_address_is_public(place->ai_addr);
        fd = may ? connect_address(place, life_fd) : -1;
        if (fd >= 0)
            continue;
        g_autofree char *address = *ret_said;
        *ret_said = may ? g_strdup_printf("%s does not answer", address)
                        : g_strdup_printf("refused: the name leads to %s, which is not public", address);
    }
    freeaddrinfo(places);
    return fd;
}

/* `rest`: what the client has said already behind its head. */
static void carry(const Connection *connection, const ProxyRequest *request, int host_fd, const char *name,
                  const char *address, const char *rest, gsize n_rest)
{
    gint64 start_us = clock_monotonic_us();
    const char *first = request->head ? request->head : "";
    if (request->head)
        send(host_fd, first, strlen(first), MSG_NOSIGNAL);
    else
        send(connection->client_fd, "HTTP/1.1 200 OK\r\n\r\n", strlen("HTTP/1.1 200 OK\r\n\r\n"), MSG_NOSIGNAL);
    send(host_fd, rest, n_rest, MSG_NOSIGNAL);
    Relay relay;
    relay_run(connection->client_fd, host_fd, connection->life_fd, &relay);
    double seconds = (double)(clock_monotonic_us() - start_us) / CLOCK_SECOND_US;
    log_line(connection->log_fd,
             "%s %s: " LOG_LET_THROUGH "%s; %" G_GINT64_FORMAT " bytes sent, %" G_GINT64_FORMAT
             " received in %.1f s%s%s",
             request->method, name, address, relay.n_sent + (gint64)(strlen(first) + n_rest), relay.n_received, seconds,
             relay.end ? "; " : "", relay.end ? relay.end : "");
}

static void serve_request(const Connection *connection, const ProxyRequest *request, const char *rest, gsize n_rest)
{
    g_autofree char *name = host_show(request->host);
    if (!hosts_have(connection->hosts, request->host)) {
        g_autofree char *words = g_strdup_printf("%s is not one of the hosts that this check opens", name);
        answer(connection, "403 Forbidden", words);
        log_line(connection->log_fd, "%s %s: " LOG_NOT_NAMED, request->method, name);
        return;
    }
    g_autofree char *said = NULL;
    file_autofd int host_fd = reach(request->host, connection->life_fd, &said);
    if (host_fd >= 0) {
        carry(connection, request, host_fd, name, said, rest, n_rest);
        return;
    }
    answer(connection, "502 Bad Gateway", said);
    log_line(connection->log_fd, "%s %s: %s", request->method, name, said);
}

void connection_serve(const Connection *connection)
{
    g_autoptr(GString) bytes = g_string_new(NULL);
    const char *problem;
    gsize length = read_head(connection, bytes, &problem);
    ProxyRequest request = {0};
    if (!problem) {
        proxy_request_parse(bytes->str, length, &request);
        problem = request.problem;
    }
    if (problem) {
        answer(connection, "400 Bad Request", problem);
        log_line(connection->log_fd, "refused: %s", problem);
    } else {
        serve_request(connection, &request, bytes->str + length, bytes->len - length);
    }
    proxy_request_clear(&request);
}
