/* SPDX-License-Identifier: Apache-2.0 */
/* The workspace copied where no overlay can be had: folders, regular files and links; anything else is left out. */
#include "sandbox/box.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 256 };

static int copy_folder(int source_fd, int target_fd, int depth);

static int copy_file(int source_folder, int target_folder, const char *name, mode_t mode)
{
    int source = openat(source_folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int target = source < 0 ? -1 : openat(target_folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    int r = source < 0 || target < 0 ? -errno : 0;
    while (r == 0) {
        const size_t chunk = 1 << 20;
        ssize_t n = sendfile(target, source, NULL, chunk);
        if (n < 0)
            r = -errno;
        if (n == 0)
            break;
    }
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    return r;
}

static int copy_link(int source_folder, int target_folder, const char *name)
{
    char text[4096];
    ssize_t n = readlinkat(source_folder, name, text, sizeof text - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return symlinkat(text, target_folder, name) < 0 ? -errno : 0;
}

static int copy_subfolder(int source_folder, int target_folder, const char *name, mode_t mode, int depth)
{
    const mode_t own_all = 0700;
    if (mkdirat(target_folder, name, (mode & 0777) | own_all) < 0)
        return -errno;
    int source = openat(source_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int target = openat(target_folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = source < 0 || target < 0 ? -errno : copy_folder(source, target, depth + 1);
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    return r;
}

static int copy_entry(int source_folder, int target_folder, const char *name, int depth)
{
    struct stat info;
    if (fstatat(source_folder, name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISREG(info.st_mode))
        return copy_file(source_folder, target_folder, name, info.st_mode);
    if (S_ISLNK(info.st_mode))
        return copy_link(source_folder, target_folder, name);
    if (S_ISDIR(info.st_mode))
        return copy_subfolder(source_folder, target_folder, name, info.st_mode, depth);
    return 0;
}

static int copy_folder(int source_fd, int target_fd, int depth)
{
    if (depth > MAX_DEPTH)
        return -ELOOP;
    int fd = openat(source_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (!entries) {
        int r = -errno;
        if (fd >= 0)
            close(fd);
        return r;
    }
    int r = 0;
    for (struct dirent *entry = readdir(entries); entry && r == 0; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            r = copy_entry(source_fd, target_fd, entry->d_name, depth);
    }
    closedir(entries);
    return r;
}

int copy_tree(int source_fd, int target_fd)
{
    return copy_folder(source_fd, target_fd, 0);
}
