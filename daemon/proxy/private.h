/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the proxy share. */
#pragma once

#include "daemon/proxy/proxy.h"

/* host.c. `default_port` 0: the port must be there. NULL when malformed. */
ProxyHost *host_parse(const char *text, guint16 default_port);
bool host_equals(const ProxyHost *a, const ProxyHost *b);
/* "name:port". Caller frees. */
char *host_show(const ProxyHost *host);
/* Of ProxyHost*. INVALID. */
GPtrArray *hosts_parse(const char *const *texts, GError **error);
bool hosts_have(const GPtrArray *hosts, const ProxyHost *host);

enum { GATE_LISTENER, GATE_LOG, GATE_LIFE, N_GATE_FDS };
enum { PROXY_HOSTS_BYTES = 16 << 10 }; /* of a message's list of hosts */
enum { PROXY_MAX_AT_ONCE = 16, PROXY_MAX_CONNECTIONS = 200 };

/* One connection of a box, to its end. */
typedef struct {
    const GPtrArray *hosts;
    int client_fd, log_fd;
    int life_fd; /* its end means that the box is dead */
} Connection;

/* How lines of the log go on behind method and host: log.c reads what connection.c writes. */
#define LOG_LET_THROUGH "let through to "
#define LOG_NOT_NAMED   "refused: not one of the check's hosts"

/* connection.c: serves it and leaves its line in the log. */
void connection_serve(const Connection *connection);
/* One line, at most 400 bytes of it. */
void log_line(int log_fd, const char *format, ...) G_GNUC_PRINTF(2, 3);

typedef struct {
    gint64 n_sent, n_received; /* bytes to the host, and from it */
    const char *end;           /* why it ended, when not by itself; or NULL */
} Relay;
/* relay.c: carries bytes both ways until both sides, or one of the limits, end it. */
void relay_run(int client_fd, int host_fd, int life_fd, Relay *ret_relay);

/* gate.c: serves a box's network until its user is gone. */
void gate_serve(const GPtrArray *hosts, const int *fds);
