/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network that several boxes share: a network namespace with a loopback and nothing else, held by the client's
 * descriptors and gone with the last of them. Boxes are made in it as they are everywhere else, in user namespaces of
 * their own that do not own it, so none can change its addresses, routes or settings.
 *
 * Root makes and enters it as it is. Everybody else needs a user namespace for that, with the own uid mapped to itself:
 * the monitor enters it, which gains it nothing but power over this network, and the box's user namespace lies below.
 */
#include "sandbox/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int network_raise_loopback(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &request);
    int kept = errno;
    if (fd >= 0)
        close(fd);
    errno = kept;
    return r;
}

static int unshare_network(bool *ret_has_user)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    Problem problem;
    *ret_has_user = false;
    if (unshare(CLONE_NEWNET) == 0)
        return 0;
    if (errno != EPERM)
        return -errno;
    *ret_has_user = true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return -errno;
    return init_map_ids(uid, gid, uid, &problem) < 0 ? -EPERM : 0;
}

static int open_listener(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(BOX_PROXY_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int backlog = 64;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, backlog) == 0)
        return fd;
    close(fd);
    return -1;
}

int network_serve(int fd, bool has_listener)
{
    int fds[BOX_MAX_FRAME_FDS];
    bool has_user;
    int r = unshare_network(&has_user);
    if (r < 0)
        return r;
    if (network_raise_loopback() < 0)
        return -errno;
    size_t n = 0;
    fds[n++] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    fds[n++] = open("/proc/self/net/tcp", O_RDONLY | O_CLOEXEC);
    fds[n++] = open("/proc/self/net/tcp6", O_RDONLY | O_CLOEXEC);
    if (has_user)
        fds[n++] = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    if (has_listener)
        fds[n++] = open_listener();
    for (size_t i = 0; i < n; i++) {
        if (fds[i] < 0)
            return -EIO;
    }
    uint32_t has[] = {has_user, has_listener};
    return box_frame_send(fd, BOX_FRAME_READY, has, sizeof has, fds, n);
}

int network_enter(Box *box)
{
    int r = 0;
    if ((box->network_user_fd >= 0 && setns(box->network_user_fd, CLONE_NEWUSER) < 0) ||
        setns(box->network_fd, CLONE_NEWNET) < 0)
        r = -errno;
    close(box->network_fd);
    if (box->network_user_fd >= 0)
        close(box->network_user_fd);
    box->network_fd = box->network_user_fd = -1;
    return r;
}
