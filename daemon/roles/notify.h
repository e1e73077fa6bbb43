/* SPDX-License-Identifier: Apache-2.0 */
/*
 * systemd's notification protocol: one datagram to $NOTIFY_SOCKET. Written here because libsystemd would bring four
 * more libraries into every process of the daemon for these two functions.
 */
#pragma once

#include <glib.h>

/* Sends "READY=1", "STATUS=..." and so on; nothing when not under systemd. */
void notify_send(const char *state);

/* Half of the time that systemd's watchdog allows between two "WATCHDOG=1"; 0: there is no watchdog for this process.
 */
gint64 notify_watchdog_us(void);
