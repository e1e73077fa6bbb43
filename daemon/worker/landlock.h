/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (Linux 5.13 and later): which folders a process may still touch, whatever it is tricked into.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* From now on: anything in `written_folder`, reading in `read_folder` (-1: none), and nothing else in the file system;
 * fds that are open keep working. Does nothing on a kernel without Landlock. Needs no_new_privs. */
bool landlock_restrict(int written_folder, int read_folder, GError **error);
