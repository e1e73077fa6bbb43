/* SPDX-License-Identifier: Apache-2.0 */
/* Host paths as detached mounts, and showing them in the new root. */
#include "daemon/base/beneath.h"
#include "sandbox/box.h"
#include "sandbox/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static void close_sources(Box *box, size_t n_binds)
{
    if (box->root_fd >= 0)
        close(box->root_fd);
    if (box->workspace_fd >= 0)
        close(box->workspace_fd);
    box->root_fd = box->workspace_fd = -1;
    for (size_t i = 0; i < n_binds; i++)
        close(box->bind_fds[i]);
}

/* -EPERM is for the caller to judge: then init can open it. */
static int open_workspace(Box *box, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    bool is_kept = spec->workspace_mode == BOX_WORKSPACE_KEEP;
    int fd = root_open_source(spec->workspace, is_kept ? root_attr_writable : root_attr_read_only);
    if (fd < 0 && fd != -EPERM)
        problem_set(problem, -fd, "cannot open the workspace '%s'", spec->workspace);
    box->workspace_fd = fd;
    return fd < 0 ? fd : 0;
}

static int open_root(Box *box, Problem *problem)
{
    int fd = root_open_source(box->request.spec.root, root_attr_read_only);
    if (fd < 0 && fd != -EPERM)
        problem_set(problem, -fd, "cannot open the image '%s'", box->request.spec.root);
    box->root_fd = fd;
    return fd < 0 ? fd : 0;
}

static int open_bind(const BoxBind *bind, int *ret_fd, Problem *problem)
{
    int fd = root_open_source(bind->source, bind->writable ? root_attr_writable : root_attr_read_only);
    if (fd < 0 && fd != -EPERM)
        problem_set(problem, -fd, "cannot open '%s' to show it at '%s'", bind->source, bind->target);
    *ret_fd = fd;
    return fd < 0 ? fd : 0;
}

int root_open_sources(Box *box, Problem *problem)
{
    const BoxSpec *spec = &box->request.spec;
    box->root_fd = box->workspace_fd = -1;
    int r = spec->root ? open_root(box, problem) : 0;
    if (r == 0 && spec->workspace)
        r = open_workspace(box, problem);
    size_t n = 0;
    while (n < spec->n_binds && r == 0) {
        r = open_bind(&spec->binds[n], &box->bind_fds[n], problem);
        n += r == 0;
    }
    if (r < 0)
        close_sources(box, n);
    return r;
}

int root_attach(int fd, const char *target, Problem *problem)
{
    if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return problem_set(problem, errno, "cannot show '%s' in the box", target);
    return 0;
}

int root_cover(const char *source, uint64_t attributes, const char *target, Problem *problem)
{
    struct stat below, above;
    int target_fd = beneath_open(AT_FDCWD, target, O_PATH | O_NOFOLLOW, 0);
    if (target_fd < 0)
        return 0;
    int source_fd = root_open_source(source, attributes);
    int r = source_fd < 0 ? problem_set(problem, -source_fd, "cannot open '%s' to show it at '%s'", source, target) : 0;
    bool fits = r == 0 && fstat(source_fd, &above) == 0 && fstat(target_fd, &below) == 0 &&
                (above.st_mode & S_IFMT) == (below.st_mode & S_IFMT);
    if (fits && move_mount(source_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        r = problem_set(problem, errno, "cannot show '%s' in the box", target);
    if (source_fd >= 0)
        close(source_fd);
    close(target_fd);
    return r;
}

static int open_step(int folder_fd, const char *name)
{
    return beneath_open(folder_fd, name, O_PATH | O_NOFOLLOW, 0);
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
