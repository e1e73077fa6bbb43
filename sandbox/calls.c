/* SPDX-License-Identifier: Apache-2.0 */
/* The names of profiles and of the groups of system calls. */
#include "sandbox/sandbox.h"

#include <string.h>

static const char *const profile_names[] = {
    [BOX_PROFILE_STRICT] = "strict",
    [BOX_PROFILE_BUILD] = "build",
    [BOX_PROFILE_SERVICE] = "service",
    NULL,
};

/* In the order of the bits. */
static const char *const calls_names[BOX_N_CALLS + 1] = {
    "sysv-ipc", "message-queues", "memory-policy", "io-priority", "route-queries", "async-io", "debug"};

const char *box_profile_name(BoxProfile profile)
{
    return profile_names[profile];
}

const char *const *box_profile_names(void)
{
    return profile_names;
}

uint32_t box_profile_calls(BoxProfile profile)
{
    const uint32_t build =
        BOX_CALLS_SYSV_IPC | BOX_CALLS_MEMORY_POLICY | BOX_CALLS_IO_PRIORITY | BOX_CALLS_ROUTE_QUERIES;
    switch (profile) {
    case BOX_PROFILE_BUILD:
        return build;
    case BOX_PROFILE_SERVICE:
        return build | BOX_CALLS_ASYNC_IO;
    case BOX_PROFILE_STRICT:
        break;
    }
    return 0;
}

const char *const *box_calls_names(void)
{
    return calls_names;
}

uint32_t box_calls_from_name(const char *name)
{
    for (size_t i = 0; i < BOX_N_CALLS; i++) {
        if (strcmp(name, calls_names[i]) == 0)
            return 1U << i;
    }
    return 0;
}
