/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints between roles: an empty datagram to each socket <state>/run/wake-<role>-<instance>. Nothing is read out of
 * them, nothing waits for them, and a role that misses one looks for itself a little later.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/roles/roles.h"

static int open_run_folder(const char *state_folder)
{
    g_autofree char *folder = g_build_filename(state_folder, "run", NULL);
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* By /proc/self/fd, since a state folder's path may be longer than a socket's may be. */
static bool set_address(struct sockaddr_un *address, int run_fd, const char *name)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", run_fd, name);
    return length > 0 && (gsize)length < sizeof address->sun_path;
}

void wake_send(const char *state_folder, const char *role)
{
    file_autofd int run_fd = open_run_folder(state_folder);
    file_autofd int from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int copy = run_fd < 0 ? -1 : fcntl(run_fd, F_DUPFD_CLOEXEC, 0);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    if (!folder) {
        if (copy >= 0)
            close(copy);
        return;
    }
    g_autofree char *prefix = g_strdup_printf("wake-%s-", role);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        struct sockaddr_un address;
        if (g_str_has_prefix(entry->d_name, prefix) && set_address(&address, run_fd, entry->d_name))
            (void)sendto(from, "", 1, MSG_NOSIGNAL, (const struct sockaddr *)&address, sizeof address);
    }
    closedir(folder);
}

int wake_open(const char *state_folder, const char *role, const char *instance, GError **error)
{
    g_autofree char *folder = g_build_filename(state_folder, "run", NULL);
    if (!file_make_folder(folder, 0700, error))
        return -1;
    file_autofd int run_fd = open_run_folder(state_folder);
    g_autofree char *name = g_strdup_printf("wake-%s-%s", role, instance);
    file_autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address;
    if (run_fd < 0 || fd < 0 || !set_address(&address, run_fd, name)) {
        error_set_errno(error, errno, "cannot make the wake socket \"%s\"", name);
        return -1;
    }
    unlinkat(run_fd, name, 0); /* of a process that died */
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        error_set_errno(error, errno, "cannot make the wake socket \"%s\" in \"%s\"", name, folder);
        return -1;
    }
    return file_steal_fd(&fd);
}

void wake_drain(int fd)
{
    char ignored[16];
    while (recv(fd, ignored, sizeof ignored, MSG_DONTWAIT) >= 0)
        continue;
}
