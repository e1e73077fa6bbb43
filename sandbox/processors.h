/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request goes from monitor to init to the program's process, each of which does a little and wakes the next. The
 * kernel likes to wake the next one on a processor that sleeps, which takes as long as a whole hop to get going (longer
 * below a hypervisor) and knows nothing of what the first one has just touched. So whoever wakes one keeps it on its
 * own processor first; the woken one lets itself go. The command has all processors.
 */
#pragma once

#include <sys/types.h>

/* Once, before others are made: which processors this process may use. */
void processors_remember(void);
/* Keeps process `pid` (0: the caller) on the processor that the caller is on. Where that may not be, nothing changes.
 */
void processors_keep_here(pid_t pid);
/* Lets the caller go. -errno. */
int processors_let_go(void);
