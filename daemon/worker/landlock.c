/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/landlock.h"

#include "daemon/base/base.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than Debian 12's headers. */
static const guint64 access_truncate = 1ULL << 14;

static const guint64 reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const guint64 first_version_rights =
    (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1; /* the highest right of the first version */
static const guint64 never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
                             LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO;

static bool allow(int ruleset, int folder, guint64 rights, GError **error)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = folder};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        return error_set_errno(error, errno, "cannot add a Landlock rule");
    return true;
}

bool landlock_restrict(int written_folder, int read_folder, GError **error)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return true;
    guint64 rights = first_version_rights;
    if (version >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        rights |= access_truncate;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = rights};
    file_autofd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0)
        return error_set_errno(error, errno, "cannot make a Landlock ruleset");
    if (!allow(ruleset, written_folder, rights & ~never, error) ||
        (read_folder >= 0 && !allow(ruleset, read_folder, reading, error)))
        return false;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return error_set_errno(error, errno, "cannot enter a Landlock ruleset");
    return true;
}
