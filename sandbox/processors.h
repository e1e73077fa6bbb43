/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request goes from monitor to init to the program's process, each of which does a little and wakes the next. The
 * kernel likes to wake the next one on a processor that sleeps, which takes as long as a whole hop to get going (longer
 * below a hypervisor) and knows nothing of what the first one has just touched. So whoever wakes one keeps it on its
 * own processor first; the woken one lets itself go.
 *
 * There it waits until its waker sleeps: all our processes have the policy BATCH, which says no more than that. Else it
 * would drive the waker off, which has only to go to sleep; and an executing process that is not alone on its processor
 * is moved to another. The command gets all processors and the policy that we were started with.
 */
#pragma once

#include <sys/types.h>

/* Once, before others are made: which processors this process may use. From here on it gives way. */
void processors_remember(void);
/* Keeps process `pid` (0: the caller) on the processor that the caller is on. Where that may not be, nothing changes.
 */
void processors_keep_here(pid_t pid);
/* Lets the caller go. -errno. */
int processors_let_go(void);
/* Lets the caller go, and gives it back its policy. -errno. */
int processors_restore(void);
