/* SPDX-License-Identifier: Apache-2.0 */
/* Host paths as detached mounts, and showing them in the new root. */
#include "sandbox/box.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int root_open_source(const char *path, uint64_t attributes)
{
    int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_NO_AUTOMOUNT);
    if (fd < 0)
        return -errno;
    struct mount_attr attr = {.attr_set = attributes, .propagation = MS_PRIVATE};
    if (mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int open_step(int folder_fd, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, folder_fd, name, &how, sizeof how);
}

/* Opens `name` below folder_fd, making a folder (or for the last step of a file, an empty file) where there is nothing.
 */
static int open_or_make(int folder_fd, const char *name, bool is_folder)
{
    int fd = open_step(folder_fd, name);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    const mode_t folder_mode = 0755, file_mode = 0644;
    if (is_folder) {
        if (mkdirat(folder_fd, name, folder_mode) < 0)
            return -1;
    } else {
        int made = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
        if (made < 0)
            return -1;
        close(made);
    }
    return open_step(folder_fd, name);
}

/* Walks `target` from the root step by step: a link that a student left in the workspace must lead nowhere. */
static int open_target(const char *target, bool is_folder)
{
    char steps[PATH_MAX];
    if (strlen(target) >= sizeof steps) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(steps, target);
    int folder_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    char *rest = NULL;
    for (char *step = strtok_r(steps, "/", &rest); step && folder_fd >= 0;) {
        char *next = strtok_r(NULL, "/", &rest);
        int fd = open_or_make(folder_fd, step, next || is_folder);
        int kept = errno;
        close(folder_fd);
        errno = kept;
        folder_fd = fd;
        step = next;
    }
    return folder_fd;
}

int root_attach_bind(int source_fd, const char *target, Problem *problem)
{
    struct stat source;
    if (fstat(source_fd, &source) < 0)
        return problem_set(problem, errno, "cannot look at what is to be shown at '%s'", target);
    int target_fd = open_target(target, S_ISDIR(source.st_mode));
    if (target_fd < 0)
        return problem_set(problem, errno, "cannot make '%s' in the box", target);
    int r = 0;
    if (move_mount(source_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        r = problem_set(problem, errno, "cannot show '%s' in the box", target);
    close(target_fd);
    return r;
}
