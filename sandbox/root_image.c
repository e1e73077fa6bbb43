/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of the host (an image that was unpacked) as the box's root. Its entries are shown one by one in our own
 * root, so that nothing has to be written to it, whoever owns it. What is below comes from strangers: no link in it is
 * followed before the host's root is gone.
 */
#include "sandbox/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_ENTRIES = 256 };

/* The box has its own, or is to have none. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {".", "..", "dev", "proc", "sys", "run", "tmp", "work"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int show_link(int fd, const char *name, Problem *problem)
{
    char text[4096];
    ssize_t n = readlinkat(fd, "", text, sizeof text - 1);
    if (n >= 0)
        text[n] = '\0';
    if (n < 0 || symlink(text, name) < 0)
        return problem_set(problem, errno, "cannot make the box's /%s", name);
    return 0;
}

static int show_mount(int fd, const char *name, bool is_folder, Problem *problem)
{
    const mode_t folder_mode = 0755, file_mode = 0444;
    int r = is_folder ? mkdir(name, folder_mode) : mknod(name, S_IFREG | file_mode, 0);
    return r < 0 ? problem_set(problem, errno, "cannot make the box's /%s", name) : root_attach(fd, name, problem);
}

static int show_entry(int folder_fd, const char *name, Problem *problem)
{
    struct stat info;
    int fd = open_tree(folder_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
    if (fd < 0 || fstat(fd, &info) < 0)
        return problem_set(problem, errno, "cannot open the image's /%s", name);
    int r = 0;
    if (S_ISLNK(info.st_mode))
        r = show_link(fd, name, problem);
    else if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode))
        r = show_mount(fd, name, S_ISDIR(info.st_mode), problem);
    close(fd);
    return r;
}

int root_show_image(int root_fd, Problem *problem)
{
    int r = root_attach(root_fd, "tmp/image", problem);
    DIR *entries = r == 0 ? opendir("tmp/image") : NULL;
    if (!entries)
        return r < 0 ? r : problem_set(problem, errno, "cannot read the image");
    size_t n = 0;
    for (struct dirent *entry = readdir(entries); entry && r == 0; entry = readdir(entries)) {
        if (is_ours(entry->d_name))
            continue;
        r = ++n > MAX_ENTRIES ? problem_set(problem, 0, "the image has more than %d entries at its top", MAX_ENTRIES)
                              : show_entry(dirfd(entries), entry->d_name, problem);
    }
    closedir(entries);
    return r;
}
