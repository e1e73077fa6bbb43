/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/processors.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct sched_param no_priority = {0};
static cpu_set_t all;
static bool are_known; /* and may be had again: not where a filter forbids it, or there are more than a set holds */
static bool gives_way; /* where the policy was the usual one; another is the operator's wish */

void processors_remember(void)
{
    are_known = sched_getaffinity(0, sizeof all, &all) == 0 && sched_setaffinity(0, sizeof all, &all) == 0;
    gives_way = sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &no_priority) == 0;
}

void processors_keep_here(pid_t pid)
{
    cpu_set_t here;
    unsigned processor;
    /* Not sched_getcpu: init shares the memory where the C library finds the answer, which is another process's. */
    if (!are_known || syscall(SYS_getcpu, &processor, NULL, NULL) < 0 || processor >= CPU_SETSIZE)
        return;
    CPU_ZERO(&here);
    CPU_SET(processor, &here);
    sched_setaffinity(pid, sizeof here, &here);
}

int processors_let_go(void)
{
    return are_known && sched_setaffinity(0, sizeof all, &all) < 0 ? -errno : 0;
}

int processors_restore(void)
{
    int r = processors_let_go();
    return r == 0 && gives_way && sched_setscheduler(0, SCHED_OTHER, &no_priority) < 0 ? -errno : r;
}
