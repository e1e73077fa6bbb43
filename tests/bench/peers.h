/* SPDX-License-Identifier: Apache-2.0 */
/* Other sandboxes, asked to run /bin/true as walled in as their options make it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { N_PEERS = 3 };

/* What they need in `folder`, which must be empty. */
bool peers_prepare(const char *folder);
void peers_clean(const char *folder);

const char *peer_name(int peer);
/* Runs it once; NULL: it can be measured here, else why not. */
const char *peer_find_obstacle(int peer);
/* Microseconds; -1. */
int64_t peer_time(int peer);
