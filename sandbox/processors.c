/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/processors.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>

static cpu_set_t all;
static bool are_known; /* and may be had again: not where a filter forbids it, or there are more than a set holds */

void processors_remember(void)
{
    are_known = sched_getaffinity(0, sizeof all, &all) == 0 && sched_setaffinity(0, sizeof all, &all) == 0;
}

void processors_keep_here(pid_t pid)
{
    cpu_set_t here;
    int processor = sched_getcpu();
    if (!are_known || processor < 0 || processor >= CPU_SETSIZE)
        return;
    CPU_ZERO(&here);
    CPU_SET((unsigned)processor, &here);
    sched_setaffinity(pid, sizeof here, &here);
}

int processors_let_go(void)
{
    return are_known && sched_setaffinity(0, sizeof all, &all) < 0 ? -errno : 0;
}
