/* SPDX-License-Identifier: Apache-2.0 */
/* What every box shows of the host: programs, a few files of /etc, five devices. */
#include "sandbox/box.h"
#include "sandbox/root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders of programs at the top: on a merged system links into /usr, made again as links. */
static const char *const program_folders[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32"};

/* Files and folders of /etc that programs need and that hold no secret. */
static const char *const etc_paths[] = {
    "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/mime.types",   "/etc/services",    "/etc/protocols",
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

static bool is_link(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

static int show(const char *path, uint64_t attributes, bool is_needed, Problem *problem)
{
    int fd = root_open_source(path, attributes);
    if (fd < 0 && (is_needed || fd != -ENOENT))
        return problem_set(problem, -fd, "cannot show '%s' in the box", path);
    if (fd < 0)
        return 0;
    const char *target = path + 1;
    const mode_t folder_mode = 0755, file_mode = 0444;
    struct stat info;
    int r = fstat(fd, &info);
    if (r == 0)
        r = S_ISDIR(info.st_mode) ? mkdir(target, folder_mode) : mknod(target, S_IFREG | file_mode, 0);
    if (r < 0)
        r = problem_set(problem, errno, "cannot make the box's /%s", target);
    else
        r = root_attach(fd, target, problem);
    close(fd);
    return r;
}

int root_show_java(Problem *problem)
{
    DIR *entries = opendir("/etc");
    int r = 0;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && r == 0; entry = readdir(entries)) {
        char path[sizeof entry->d_name + 8];
        snprintf(path, sizeof path, "/etc/%s", entry->d_name);
        if (strncmp(entry->d_name, "java-", 5) == 0 || strcmp(entry->d_name, "maven") == 0)
            r = show(path, root_attr_read_only, false, problem);
    }
    if (entries)
        closedir(entries);
    return r;
}

static int make_program_links(Problem *problem)
{
    for (size_t i = 1; i < sizeof program_folders / sizeof *program_folders; i++) {
        char text[256];
        ssize_t n = is_link(program_folders[i]) ? readlink(program_folders[i], text, sizeof text - 1) : -1;
        if (n < 0)
            continue;
        text[n] = '\0';
        if (symlink(text, program_folders[i] + 1) < 0)
            return problem_set(problem, errno, "cannot make the box's %s", program_folders[i]);
    }
    return 0;
}

int root_show_programs(Problem *problem)
{
    int r = make_program_links(problem);
    for (size_t i = 0; i < sizeof program_folders / sizeof *program_folders && r == 0; i++) {
        if (!is_link(program_folders[i]))
            r = show(program_folders[i], root_attr_read_only, i == 0, problem);
    }
    for (size_t i = 0; i < sizeof etc_paths / sizeof *etc_paths && r == 0; i++)
        r = show(etc_paths[i], root_attr_read_only, false, problem);
    return r;
}

int root_show_devices(Problem *problem)
{
    int r = 0;
    for (size_t i = 0; i < sizeof devices / sizeof *devices && r == 0; i++)
        r = show(devices[i], root_attr_device, true, problem);
    return r;
}
