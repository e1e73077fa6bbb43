/* SPDX-License-Identifier: Apache-2.0 */
/* Inside rubric-box: a network that several boxes share, made once and entered by each. */
#pragma once

#include "sandbox/box.h"

/* `rubric-box --network`: makes a network for the client at the socket, hands it out, and is done. 0; -errno. */
int network_serve(int fd, bool has_listener);
/* Enters the box's shared network with the monitor, so that init is made in it, and closes its descriptors. -errno. */
int network_enter(Box *box);
/* Raises the loopback of the own network namespace. -1 with errno. */
int network_raise_loopback(void);
