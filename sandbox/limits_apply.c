/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits of each process: the second wall where control groups stand, the only one where they do not. */
#include "sandbox/box.h"

#include <errno.h>
#include <sys/resource.h>

/* Never over the hard limit that we have ourselves. */
static int limit(int resource, int64_t soft, int64_t hard)
{
    const struct rlimit wanted = {(rlim_t)soft, (rlim_t)hard};
    struct rlimit own;
    if (setrlimit((__rlimit_resource_t)resource, &wanted) == 0)
        return 0;
    if (errno != EPERM || getrlimit((__rlimit_resource_t)resource, &own) < 0)
        return -errno;
    const struct rlimit allowed = {wanted.rlim_cur < own.rlim_max ? wanted.rlim_cur : own.rlim_max, own.rlim_max};
    return setrlimit((__rlimit_resource_t)resource, &allowed) < 0 ? -errno : 0;
}

int limits_apply(const BoxLimits *limits, int n_ours, bool has_memory_group, bool has_pids_group)
{
    /* Where the group counts, it must be the one to refuse, because it says so. */
    const int64_t slack = 16;
    const int64_t locked_bytes = 64 << 10, pending_signals = 1024, queue_bytes = 800 << 10;
    const struct {
        int resource;
        int64_t value;
    } table[] = {
        {RLIMIT_FSIZE, limits->file_bytes},
        {RLIMIT_NOFILE, limits->open_files},
        {RLIMIT_STACK, limits->stack_bytes},
        {RLIMIT_NPROC, limits->processes + n_ours + (has_pids_group ? slack : 0)},
        {RLIMIT_CORE, 0},
        {RLIMIT_MEMLOCK, locked_bytes},
        {RLIMIT_SIGPENDING, pending_signals},
        {RLIMIT_MSGQUEUE, queue_bytes}, /* as usual; who may make none is refused by the filter */
        {RLIMIT_NICE, 0},
        {RLIMIT_RTPRIO, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int r = limit(table[i].resource, table[i].value, table[i].value);
        if (r < 0)
            return r;
    }
    /* The kernel counts this one in whole ticks, so that it can be over before the monitor sees the limit: the signal
     * of the soft limit then tells which one ended the program, where the hard one's SIGKILL would not. */
    const int64_t seconds = (limits->cpu_ms + 999) / 1000 + 1;
    int r = limit(RLIMIT_CPU, seconds, seconds + 1);
    return r < 0 || has_memory_group ? r : limit(RLIMIT_AS, limits->memory_bytes, limits->memory_bytes);
}
