/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, the second wall: what the mounts allow is said once more by the kernel's other mechanism. */
#include "sandbox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#define ACCESS_TRUNCATE  (1ULL << 14)
#define ACCESS_IOCTL_DEV (1ULL << 15)

typedef struct {
    uint64_t handled_access_fs, handled_access_net, scoped;
} Ruleset;

/* Version 6: names of local sockets that are no files are not seen by other boxes on the same network. */
static const uint64_t scope_abstract_sockets = 1ULL << 0;

static const uint64_t access_read =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t access_device =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
/* Of these a rule for a file (not a folder) may hold no more. */
static const uint64_t access_file =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE;
/* All but making devices. */
static const uint64_t access_write =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE;

/* All that a kernel of this version can handle. Before version 2 files could not be moved between folders at all. */
static uint64_t handled_by(long version)
{
    uint64_t handled = access_write | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK | ACCESS_IOCTL_DEV;
    if (version < 5)
        handled &= ~ACCESS_IOCTL_DEV;
    if (version < 3)
        handled &= ~ACCESS_TRUNCATE;
    return handled;
}

static int allow(int ruleset, const char *path, uint64_t access, uint64_t handled)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access & handled};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return -errno;
    struct stat info;
    if (fstat(rule.parent_fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rule.allowed_access &= access_file;
    long r = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int result = r < 0 ? -errno : 0;
    close(rule.parent_fd);
    return result;
}

static int add_rules(int ruleset, const BoxSpec *spec, uint64_t handled)
{
    int r = allow(ruleset, "/", access_read, handled);
    if (r == 0)
        r = allow(ruleset, "/dev", access_device, handled);
    if (r == 0)
        r = allow(ruleset, "/dev/shm", access_write, handled);
    if (r == 0)
        r = allow(ruleset, "/tmp", access_write, handled);
    if (r == 0)
        r = allow(ruleset, "/work", access_write, handled);
    /* Queues are files of a hidden mount whose root is the same as this one's. */
    if (r == 0 && spec->calls & BOX_CALLS_MESSAGE_QUEUES)
        r = allow(ruleset, "/dev/mqueue", access_write, handled);
    for (size_t i = 0; spec->scratch && spec->scratch[i] && r == 0; i++) {
        char path[BOX_MAX_SCRATCH_NAME + 2];
        snprintf(path, sizeof path, "/%s", spec->scratch[i]);
        r = allow(ruleset, path, access_write, handled);
    }
    for (size_t i = 0; i < spec->n_binds && r == 0; i++) {
        if (spec->binds[i].writable)
            r = allow(ruleset, spec->binds[i].target, access_write, handled);
    }
    return r;
}

int landlock_make(Landlock *ret)
{
    *ret = (Landlock){.fd = -1};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 2)
        return 0;
    Ruleset attr = {.handled_access_fs = handled_by(version), .scoped = scope_abstract_sockets};
    size_t size = version < 6 ? sizeof attr.handled_access_fs : sizeof attr;
    ret->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    ret->handled_access = attr.handled_access_fs;
    return ret->fd < 0 ? -errno : 0;
}

int landlock_enter(const Landlock *landlock, const BoxSpec *spec)
{
    int r = add_rules(landlock->fd, spec, landlock->handled_access);
    return r == 0 && syscall(SYS_landlock_restrict_self, landlock->fd, 0) < 0 ? -errno : r;
}
