/* SPDX-License-Identifier: Apache-2.0 */
/* One packet with file descriptors over a SEQPACKET socket between processes of one image. */
#pragma once

#include <stddef.h>

enum { PACKET_MAX_FDS = 80 };

/* 0 or -errno. */
int packet_send(int fd, const void *bytes, size_t size, const int *fds, size_t n_fds);
/* Reads and drops all that waits to be received, descriptors too. */
void packet_discard(int fd);
/* Receives exactly `size` bytes and at most `max_fds` descriptors. 0; -EPIPE at the end, -EBADMSG, -errno. */
int packet_receive(int fd, void *bytes, size_t size, int *ret_fds, size_t max_fds, size_t *ret_n_fds);
