/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what a foreign name says, without ever leaving a folder. libc alone: the box's program is built with it, too.
 */
#pragma once

#include <sys/types.h>

/* Opens `path` below folder_fd with openat's flags and mode: never through a symbolic link, never out of it, close-on-
 * exec. Returns the fd, or -1 and errno: EXDEV for a path that leaves the folder, ELOOP for one with a link in it.
 * Needs openat2 (Linux 5.6) or walks by hand where an outer filter refuses that call (systemd's RestrictSUIDSGID=,
 * which DynamicUser= implies, cannot look into its arguments). */
int beneath_open(int folder_fd, const char *path, int flags, mode_t mode);
