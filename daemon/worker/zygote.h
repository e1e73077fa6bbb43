/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a client and its zygote talk: sequenced packets, one byte and one fd each way. The client sends a new worker's
 * end of the job socket; the zygote forks, and answers with the worker's pidfd.
 */
#pragma once

#include "daemon/worker/worker.h"

/* One packet with `fd`; TEMPORARY when the other end has gone. */
bool zygote_send_fd(int socket_fd, int fd, GError **error);
/* The fd of the next packet. TEMPORARY when the other end has gone or nothing comes within `timeout_ms` (-1: for ever).
 */
bool zygote_receive_fd(int socket_fd, gint64 timeout_ms, int *ret_fd, GError **error);
