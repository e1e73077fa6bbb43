/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on a stream socket or pipe: 4 bytes of length, big-endian, then that many bytes. Both ends bound the length.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* Sends one frame. TEMPORARY when the peer has gone (EPIPE, ECONNRESET), SYSTEM else. SIGPIPE must be ignored. */
bool frame_send(int fd, const void *data, gsize length, GError **error);

/* Receives one frame of at most `max_bytes`, waiting at most `timeout_ms` in all (-1: for ever). *ret_data is
 * NUL-terminated beyond *ret_length. Errors: TEMPORARY (peer gone, timeout), LIMIT (too long), SYSTEM. */
bool frame_receive(int fd, gsize max_bytes, gint64 timeout_ms, char **ret_data, gsize *ret_length, GError **error);

/* Between frames, on a stream or packet socket: one byte with a descriptor. TEMPORARY when the peer has gone. */
bool frame_send_fd(int socket_fd, int fd, GError **error);
/* The descriptor that comes next (caller closes). TEMPORARY: the peer has gone, none came within `timeout_ms` (-1: for
 * ever), or a signal came before it. */
bool frame_receive_fd(int socket_fd, gint64 timeout_ms, int *ret_fd, GError **error);
