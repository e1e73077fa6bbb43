/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { BUFFER_BYTES = 64 << 10 };

static const gint64 max_bytes = 256 << 20;
static const gint64 max_us = 600 * CLOCK_SECOND_US;
static const int idle_ms = 60000;

/* One way. */
typedef struct {
    int from, to;
    gsize start, end;
    bool is_read, is_over; /* nothing comes any more; and all of it has gone */
    gint64 n_bytes;
    char buffer[BUFFER_BYTES];
} Way;

/* False: this side is gone. */
static bool way_read(Way *way)
{
    ssize_t n = read(way->from, way->buffer, sizeof way->buffer);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    way->is_read = n == 0;
    way->start = 0;
    way->end = (gsize)n;
    way->n_bytes += n;
    return true;
}

static bool way_write(Way *way)
{
    ssize_t n = send(way->to, way->buffer + way->start, way->end - way->start, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    way->start += (gsize)n;
    return true;
}

/* Writing is tried whenever there is something: a side that has no room says so. */
static bool way_step(Way *way, short from_events)
{
    bool is_empty = way->start == way->end;
    if (is_empty && !way->is_read && from_events && !way_read(way))
        return false;
    if (way->start < way->end && !way_write(way))
        return false;
    if (way->is_read && way->start == way->end && !way->is_over) {
        way->is_over = true;
        shutdown(way->to, SHUT_WR);
    }
    return true;
}

static short wants(const Way *in, const Way *out)
{
    bool reads = in->start == in->end && !in->is_read, writes = out->start < out->end;
    return (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

/* NULL: go on. */
static const char *step(Way *up, Way *down, int life_fd, gint64 deadline_us)
{
    struct pollfd fds[] = {
        {up->from, wants(up, down), 0}, {down->from, wants(down, up), 0}, {life_fd, POLLIN | POLLRDHUP, 0}};
    /* A side that has closed and owes nothing would be ready for ever. */
    for (gsize i = 0; i < 2; i++)
        fds[i].fd = fds[i].events ? fds[i].fd : -1;
    int n = poll(fds, G_N_ELEMENTS(fds), idle_ms);
    if (n < 0)
        return errno == EINTR ? NULL : "poll failed";
    if (n == 0)
        return "nothing was said for a minute";
    if (fds[2].revents)
        return "the box ended";
    if (!way_step(up, fds[0].revents) || !way_step(down, fds[1].revents))
        return "the connection broke";
    if (up->n_bytes + down->n_bytes > max_bytes)
        return "it had carried 256 MiB";
    return clock_monotonic_us() > deadline_us ? "it was open for ten minutes" : NULL;
}

void relay_run(int client_fd, int host_fd, int life_fd, Relay *ret_relay)
{
    g_autofree Way *up = g_new0(Way, 1);
    g_autofree Way *down = g_new0(Way, 1);
    up->from = down->to = client_fd;
    up->to = down->from = host_fd;
    fcntl(client_fd, F_SETFL, O_NONBLOCK);
    fcntl(host_fd, F_SETFL, O_NONBLOCK);
    gint64 deadline_us = clock_monotonic_us() + max_us;
    const char *end = NULL;
    while (!end && !(up->is_over && down->is_over))
        end = step(up, down, life_fd, deadline_us);
    *ret_relay = (Relay){.n_sent = up->n_bytes, .n_received = down->n_bytes, .end = end};
}
