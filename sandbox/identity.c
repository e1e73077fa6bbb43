/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/identity.h"

#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* systemd's table of uids leaves 1,879,048,192 to 2,147,483,647 unused; process ids are below 4,194,304. */
static const int64_t preferred_base = 1900000000;
/* 65534 is "nobody": files of owners who are not mapped seem to be its. */
static const int64_t nobody = 65534;

static bool can_change_ids(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    if (syscall(SYS_capget, &header, data) < 0)
        return false;
    const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;
    return (data[0].effective & needed) == needed;
}

/* Is `wanted` mapped in this map; which is the highest id that is? */
static bool map_has(const char *path, int64_t wanted, int64_t *ret_highest)
{
    FILE *file = fopen(path, "re");
    *ret_highest = -1;
    if (!file)
        return false;
    bool has = false;
    long long first, outside, count;
    while (fscanf(file, "%lld %lld %lld", &first, &outside, &count) == 3) {
        has |= wanted >= first && wanted < first + count;
        if (first + count - 1 > *ret_highest)
            *ret_highest = first + count - 1;
    }
    fclose(file);
    return has;
}

static bool both_have(int64_t id, int64_t *ret_highest)
{
    int64_t highest_gid;
    bool has_uid = map_has("/proc/self/uid_map", id, ret_highest);
    bool has_gid = map_has("/proc/self/gid_map", id, &highest_gid);
    if (highest_gid < *ret_highest)
        *ret_highest = highest_gid;
    return has_uid && has_gid;
}

void identity_choose(uid_t *ret_uid, bool *ret_is_own)
{
    *ret_uid = geteuid();
    *ret_is_own = false;
    if (!can_change_ids())
        return;
    int64_t highest, unused;
    int64_t id = preferred_base + getpid();
    if (!both_have(id, &highest)) {
        const int64_t spread = 4096;
        id = highest - getpid() % (highest > 2 * spread ? spread : 1);
        if (id == nobody)
            id--;
        if (id < 1 || !both_have(id, &unused))
            return;
    }
    if (id == (int64_t)geteuid())
        return;
    *ret_uid = (uid_t)id;
    *ret_is_own = true;
}
