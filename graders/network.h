/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network that one check's boxes share, and its way out: a gate of the proxy to the hosts that the check names.
 */
#pragma once

#include "daemon/proxy/proxy.h"
#include "graders/graders.h"

/* Reads `network:` (none, loopback, or {hosts: [...]}) of a reader that the caller ends. *ret_hosts: as written, NULL:
 * the check opens none; caller frees. Reports every problem. */
BoxNetwork network_read(YamlReader *reader, RubricLoad *load, char ***ret_hosts);

/* Of these only `hosts:`, which must be there. */
char **network_read_hosts(YamlReader *reader, RubricLoad *load);

typedef struct {
    BoxSharedNetwork *boxes;
    ProxyGate *gate; /* NULL: no way out */
    char **env;      /* what boxes behind the gate are told, NULL-terminated; or NULL */
} CheckNetwork;

/* Makes it, with a gate to `hosts` if there are any (NULL-terminated, or NULL; their placeholders are filled in).
 * false: our failure, with nothing left open. */
bool check_network_open(GraderContext *context, char *const *hosts, const Placeholders *placeholders,
                        CheckNetwork *ret_network, GError **error);
/* Closes what is open. *ret_connections: what was asked of the gate, a line each; NULL: there was none. Caller frees.
 */
void check_network_close(CheckNetwork *network, char **ret_connections);
