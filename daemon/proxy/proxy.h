/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of a box that a check opens by `hosts:`: an HTTP proxy outside of the box, which lets the named hosts and
 * ports through and nothing else.
 *
 * Processes: `rubric-worker --proxy` (the broker) is started by whoever sends a job or runs a box, while it has a
 * network, and is told which hosts may be asked for at all. Over its socket a user (a worker, which has no network)
 * asks for one gate a box: a child that accepts on the listening socket of the box's network, one child of its own a
 * connection, straight on. Each connection leaves one line in a log, in memory that the user made. The gate ends with
 * its user's end of a socket, the broker with that of its own, and their children with them.
 *
 * The box is hostile: a request's head is bounded in bytes and time, connections in number, bytes and time. Names are
 * looked up here, once, and the address that was looked at is the one connected to. Addresses that are not public are
 * refused, unless the check names the address itself: else whoever rules a name rules where it leads.
 */
#pragma once

#include "daemon/base/base.h"

#include <sys/socket.h>

/* ---- what may be reached --------------------------------------------------------------------------------------------
 */

typedef struct {
    char *name; /* lower case, or an address as inet_ntop writes it */
    guint16 port;
    bool is_address; /* named by itself, so it may be private */
} ProxyHost;
void proxy_host_free(ProxyHost *host);
/* "NAME:PORT", "192.0.2.1:80", "[2001:db8::1]:443". INVALID else. */
ProxyHost *proxy_host_parse(const char *text, GError **error);
/* Is it an address of the public internet? */
bool proxy_address_is_public(const struct sockaddr *address);

/* Is it named by an address, and that one is not public? The proxy lets it through all the same. */
bool proxy_host_is_private(const ProxyHost *host);

/* ---- what is asked --------------------------------------------------------------------------------------------------
 */

enum { PROXY_HEAD_BYTES = 8 << 10 };

typedef struct {
    char *method;    /* "CONNECT", "GET" */
    ProxyHost *host; /* where to */
    char *head;      /* what is sent there first; NULL for CONNECT */
    const char *problem;
} ProxyRequest;
/* Reads a request's head up to and with its empty line. A malformed one has a problem, and nothing else. */
void proxy_request_parse(const char *head, gsize length, ProxyRequest *ret_request);
void proxy_request_clear(ProxyRequest *request);

/* ---- the broker -----------------------------------------------------------------------------------------------------
 */

/* A started broker. */
typedef struct Proxy Proxy;
/* `hosts`: NULL-terminated, all that may be asked for. */
Proxy *proxy_start(const char *const *hosts, GError **error);
void proxy_free(Proxy *proxy); /* ends it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Proxy, proxy_free)
/* Its socket, for proxy_gate_open here or in another process. */
int proxy_fd(const Proxy *proxy);

typedef struct ProxyGate ProxyGate;
/* A gate for one box: accepts on `listener_fd`, which the caller keeps, and lets `hosts` through. TEMPORARY: the broker
 * has gone, was not told of one of these hosts, or could make no gate. */
ProxyGate *proxy_gate_open(int proxy_fd, int listener_fd, const char *const *hosts, GError **error);
/* Ends it. *ret_log: one line a connection: what was asked, and what became of it. Caller frees. */
void proxy_gate_close(ProxyGate *gate, char **ret_log);

/* What a log tells. The first host that was asked for without being named ("example.org:443"), and the first named one
 * that could not be reached, with the reason ("api.example.org:443: 192.0.2.1 does not answer"); NULL: none. Callers
 * free. */
char *proxy_log_refused(const char *log);
char *proxy_log_unreached(const char *log);

/* "http_proxy=http://127.0.0.1:PORT" and its kin, NULL-terminated: what a box behind a gate is told. Caller frees. */
char **proxy_environment(guint port);

/* main() of `rubric-worker --proxy` below option parsing: serves on `fd`. Returns the exit status. */
int proxy_serve(int fd);
