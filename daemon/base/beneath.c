/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_link(int folder_fd, const char *name)
{
    struct stat info;
    return fstatat(folder_fd, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

/* One step: what openat2 says about a link, openat says in other words. */
static int open_step(int folder_fd, const char *name, int flags, mode_t mode)
{
    bool may_be_link = (flags & O_PATH) && (flags & O_NOFOLLOW) && !(flags & O_DIRECTORY);
    int fd = openat(folder_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
    int error = errno;
    if ((fd >= 0 || error == ENOTDIR) && !may_be_link && (flags & O_PATH) && is_link(folder_fd, name)) {
        if (fd >= 0)
            close(fd);
        fd = -1;
        error = ELOOP;
    }
    errno = error;
    return fd;
}

static int walk(int folder_fd, const char *path, int flags, mode_t mode)
{
    int at = folder_fd;
    if (path[0] == '/') {
        errno = EXDEV;
        return -1;
    }
    for (;;) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/"), n_slashes = strspn(path + length, "/");
        bool is_last = path[length + n_slashes] == '\0', is_up = length == 2 && memcmp(path, "..", 2) == 0;
        int next = -1;
        if (length <= NAME_MAX && !is_up) {
            memcpy(name, path, length);
            name[length] = '\0';
            next = !is_last ? open_step(at, name, O_PATH | O_DIRECTORY, 0)
                            : open_step(at, name, flags | (n_slashes ? O_DIRECTORY : 0), mode);
        } else {
            errno = is_up ? EXDEV : ENAMETOOLONG;
        }
        int error = errno;
        if (at != folder_fd)
            close(at);
        errno = error;
        if (next < 0 || is_last)
            return next;
        at = next;
        path += length + n_slashes;
    }
}

int beneath_open(int folder_fd, const char *path, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, folder_fd, path, &how, sizeof how);
    return fd < 0 && errno == ENOSYS ? walk(folder_fd, path, flags, mode) : fd;
}
