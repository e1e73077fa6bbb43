/* SPDX-License-Identifier: Apache-2.0 */
/* The box's own /etc: names for the two users there are, and nothing of the host's. */
#include "sandbox/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    const char *path, *text;
} TextFile;

/* What an image is not to tell: names and addresses of where it was made. */
static const TextFile covers[] = {
    {"etc/hosts", "127.0.0.1 localhost box\n::1 localhost box\n"},
    {"etc/hostname", "box\n"},
    {"etc/resolv.conf", ""},
};

static const TextFile text_files[] = {
    {"etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\n"
                   "student:x:1000:1000:student:/work:/bin/sh\n"
                   "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nstudent:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost box\n::1 localhost box\n"},
    {"etc/hostname", "box\n"},
    {"etc/host.conf", "multi on\n"},
    {"etc/nsswitch.conf",
     "passwd: files\ngroup: files\nshadow: files\nhosts: files\nservices: files\nprotocols: files\n"},
    {"etc/timezone", "Etc/UTC\n"},
    {"etc/machine-id", "00000000000000000000000000000000\n"},
};

static int write_text_file(const TextFile *file, const char *path, Problem *problem)
{
    const mode_t mode = 0444;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return problem_set(problem, errno, "cannot make the box's /%s", file->path);
    size_t length = strlen(file->text);
    int r = write(fd, file->text, length) == (ssize_t)length
                ? 0
                : problem_set(problem, errno, "cannot write the box's /%s", file->path);
    close(fd);
    return r;
}

int root_make_etc(Problem *problem)
{
    const mode_t mode = 0755;
    if (mkdir("etc", mode) < 0 || mkdir("etc/ssl", mode) < 0)
        return problem_set(problem, errno, "cannot make the box's /etc");
    for (size_t i = 0; i < sizeof text_files / sizeof *text_files; i++) {
        int r = write_text_file(&text_files[i], text_files[i].path, problem);
        if (r < 0)
            return r;
    }
    if (symlink("/usr/share/zoneinfo/Etc/UTC", "etc/localtime") < 0 || symlink("/proc/self/mounts", "etc/mtab") < 0 ||
        symlink("../usr/lib/os-release", "etc/os-release") < 0)
        return problem_set(problem, errno, "cannot make the links of the box's /etc");
    return 0;
}

int root_cover_etc(Problem *problem)
{
    int r = 0;
    for (size_t i = 0; i < sizeof covers / sizeof *covers && r == 0; i++) {
        char path[64];
        snprintf(path, sizeof path, "tmp/%s", covers[i].path);
        r = write_text_file(&covers[i], path, problem);
        if (r == 0)
            r = root_cover(path, root_attr_read_only, covers[i].path, problem);
    }
    return r;
}
