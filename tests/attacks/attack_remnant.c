/* SPDX-License-Identifier: Apache-2.0 */
/* Things that might outlive a box in what the next one uses again (sockets, names, counts), and tables that fill up. */
#include "attack.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

/* ---- pairs
 * ----------------------------------------------------------------------------------------------------------- */

static int bind_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0left-behind"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 12);
    return bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 5) == 0 ? fd : -1;
}

static int bind_port(int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(7777)};
    int fd = socket(AF_INET, type, 0);
    return bind(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : -1;
}

/* A child keeps them all in a session of its own. */
static int leave_sockets(void)
{
    if (bind_abstract() < 0 || bind_port(SOCK_DGRAM) < 0)
        return GAVE_UP;
    int fd = bind_port(SOCK_STREAM);
    if (fd < 0 || listen(fd, 5) < 0)
        return GAVE_UP;
    if (fork() == 0) {
        setsid();
        pause();
    }
    return HELD;
}

static int find_sockets(void)
{
    if (bind_abstract() < 0)
        return escaped("an abstract socket of the last box is there");
    if (bind_port(SOCK_DGRAM) < 0 || bind_port(SOCK_STREAM) < 0)
        return escaped("a port of the last box is taken");
    return HELD;
}

/* Sockets that hold each other in flight die by the kernel's collector only, some time. */
static int leave_sockets_in_flight(void)
{
    for (int round = 0; round < 20; round++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
            return GAVE_UP;
        union {
            struct cmsghdr align;
            char bytes[CMSG_SPACE(2 * sizeof(int))];
        } control = {0};
        struct iovec part = {"x", 1};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof pair);
        memcpy(CMSG_DATA(rights), pair, sizeof pair);
        sendmsg(pair[0], &message, 0);
        close(pair[0]);
        close(pair[1]);
    }
    return HELD;
}

static int find_no_sockets(void)
{
    FILE *file = fopen("/proc/net/sockstat", "r");
    int used = -1;
    if (!file || fscanf(file, "sockets: used %d", &used) != 1)
        return GAVE_UP;
    return used == 0 ? HELD : escaped("sockets of the last box are there");
}

static int find_the_usual_names(void)
{
    struct utsname names;
    uname(&names);
    return strcmp(names.nodename, "box") == 0 && (!*names.domainname || strcmp(names.domainname, "(none)") == 0)
               ? HELD
               : escaped("the host name is another");
}

/* ---- the network's own doors
 * ----------------------------------------------------------------------------------------- */

static int raise_the_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    return must_fail("raised the loopback", ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &request));
}

static int replace_the_firewall(void)
{
    const int replace = 64; /* IPT_SO_SET_REPLACE */
    char table[200] = "filter";
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (setsockopt(fd, IPPROTO_IP, replace, table, sizeof table) == 0)
        return escaped("replaced a table");
    fd = socket(AF_INET6, SOCK_DGRAM, 0);
    return must_fail("replaced a table of IPv6", setsockopt(fd, IPPROTO_IPV6, replace, table, sizeof table));
}

static int privileged_socket_options(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), value = 1 << 24;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &value, sizeof value) == 0 ||
        setsockopt(fd, SOL_SOCKET, SO_MARK, &value, sizeof value) == 0 ||
        setsockopt(fd, SOL_SOCKET, SO_DEBUG, &value, sizeof value) == 0)
        return escaped("a privileged option of sockets");
    return HELD;
}

static int mapped_address(void)
{
    const char *port = getenv("HOST_PORT");
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port ? port : "1"))};
    const unsigned char loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
    memcpy(&address.sin6_addr, loopback, sizeof loopback);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    return must_fail("reached the host by IPv6", connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* ---- attributes
 * ------------------------------------------------------------------------------------------------------ */

static int new_file(const char *path)
{
    return open(path, O_RDWR | O_CREAT, 0755);
}

static int file_capabilities(void)
{
    const unsigned char value[20] = {1, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
    close(new_file("/work/file"));
    return must_fail("gave a file capabilities", setxattr("/work/file", "security.capability", value, sizeof value, 0));
}

static int attributes(void)
{
    close(new_file("/work/file"));
    const char *const names[] = {"user.x", "trusted.overlay.opaque", "user.overlay.opaque", "security.selinux",
                                 "system.posix_acl_access"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (setxattr("/work/file", names[i], "y", 1, 0) == 0)
            return escaped("wrote an attribute");
    }
    return HELD;
}

static int immutable_file(void)
{
    int fd = new_file("/work/file"), flags = FS_IMMUTABLE_FL;
    return must_fail("made a file immutable", ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

/* ---- tables
 * ---------------------------------------------------------------------------------------------------------- */

static int until_refused(int (*make)(void), int enough)
{
    for (int i = 0; i < enough; i++) {
        if (make() < 0)
            return HELD;
    }
    return escaped("no end of it");
}

static int make_timer(void)
{
    timer_t timer;
    return timer_create(CLOCK_MONOTONIC, NULL, &timer);
}

static int make_watch(void)
{
    return inotify_init1(0);
}

static int make_event(void)
{
    return eventfd(0, 0);
}

static int make_epoll(void)
{
    return epoll_create1(0);
}

static int make_file_lock(void)
{
    char path[40];
    static int n;
    snprintf(path, sizeof path, "/work/%d", n++);
    return new_file(path);
}

static int many_timers(void)
{
    return until_refused(make_timer, 1 << 20);
}

static int many_watches(void)
{
    return until_refused(make_watch, 1 << 20);
}

static int many_events(void)
{
    return until_refused(make_event, 1 << 20);
}

static int many_epolls(void)
{
    return until_refused(make_epoll, 1 << 20);
}

static int many_open_files(void)
{
    return until_refused(make_file_lock, 1 << 20);
}

static int many_zombies(void)
{
    for (int i = 0; i < 10000; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return GAVE_UP;
        if (pid == 0)
            _exit(0);
    }
    return escaped("no end of zombies");
}

/* ---- files
 * ----------------------------------------------------------------------------------------------------------- */

static int allocate_a_large_file(void)
{
    int fd = new_file("/work/large");
    return fallocate(fd, 0, 0, 64 << 20) < 0 ? GAVE_UP : escaped("a file over the limit");
}

static int fill_nameless_files(void)
{
    static char block[1 << 16];
    for (int i = 0; i < 40; i++) {
        int fd = open("/work", O_TMPFILE | O_RDWR, 0600);
        if (fd < 0)
            fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        for (int n = 0; fd >= 0 && n < 16; n++) {
            if (write(fd, block, sizeof block) < 0)
                return GAVE_UP;
        }
    }
    return escaped("more than the disk holds");
}

/* Pages that the disk has no room for. */
static int map_a_sparse_file(void)
{
    for (int i = 0; i < 8; i++) {
        char path[40];
        snprintf(path, sizeof path, "/work/sparse%d", i);
        int fd = new_file(path);
        const size_t size = 7 << 20;
        char *at = ftruncate(fd, (off_t)size) < 0 ? MAP_FAILED : mmap(NULL, size, PROT_WRITE, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
            return GAVE_UP;
        memset(at, 1, size);
    }
    return escaped("more than the disk holds");
}

static int storm_of_syncs(void)
{
    int fd = new_file("/work/synced");
    for (;;) {
        if (pwrite(fd, "x", 1, 0) < 0 || fsync(fd) < 0)
            return GAVE_UP;
        sync();
    }
}

/* ---- odd ways to run
 * ------------------------------------------------------------------------------------------------- */

static int run_from_memory(void)
{
    int memory = memfd_create("program", 0), source = open("/bin/true", O_RDONLY);
    char block[65536];
    ssize_t n;
    while ((n = read(source, block, sizeof block)) > 0) {
        if (write(memory, block, (size_t)n) != n)
            return GAVE_UP;
    }
    char *argv[] = {"true", NULL}, *env[] = {NULL};
    syscall(SYS_execveat, memory, "", argv, env, AT_EMPTY_PATH);
    return GAVE_UP;
}

static int hang_in_a_futex(void)
{
    int word = 0;
    syscall(SYS_futex, &word, 0, 0, NULL, NULL, 0);
    return GAVE_UP;
}

static int run_idle(void *unused)
{
    (void)unused;
    pause();
    return 0;
}

/* A brother of the program, whose parent is init. */
static int child_of_init(void)
{
    static char stack[65536];
    clone(run_idle, stack + sizeof stack, CLONE_PARENT | SIGCHLD, NULL);
    return HELD;
}

/* Signals by way of a descriptor's owner. */
static int own_a_descriptor_by_init(void)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return GAVE_UP;
    fcntl(pair[0], F_SETOWN, 1);
    fcntl(pair[0], F_SETSIG, SIGKILL);
    fcntl(pair[0], F_SETFL, O_ASYNC);
    for (int i = 0; i < 100; i++) {
        if (write(pair[1], "x", 1) < 0)
            return GAVE_UP;
    }
    return HELD;
}

static int call_vsyscall(void)
{
    time_t (*call)(time_t *) = (time_t(*)(time_t *))0xffffffffff600400UL;
    return call(NULL) > 0 ? HELD : GAVE_UP;
}

const Attack remnant_attacks[] = {
    {"leave_sockets", leave_sockets, NULL},
    {"find_sockets", find_sockets, NULL},
    {"leave_sockets_in_flight", leave_sockets_in_flight, NULL},
    {"find_no_sockets", find_no_sockets, NULL},
    {"find_the_usual_names", find_the_usual_names, NULL},
    {"raise_the_loopback", raise_the_loopback, NULL},
    {"replace_the_firewall", replace_the_firewall, NULL},
    {"privileged_socket_options", privileged_socket_options, NULL},
    {"mapped_address", mapped_address, NULL},
    {"file_capabilities", file_capabilities, NULL},
    {"attributes", attributes, NULL},
    {"immutable_file", immutable_file, NULL},
    {"many_timers", many_timers, NULL},
    {"many_watches", many_watches, NULL},
    {"many_events", many_events, NULL},
    {"many_epolls", many_epolls, NULL},
    {"many_open_files", many_open_files, NULL},
    {"many_zombies", many_zombies, NULL},
    {"allocate_a_large_file", allocate_a_large_file, NULL},
    {"fill_nameless_files", fill_nameless_files, NULL},
    {"map_a_sparse_file", map_a_sparse_file, NULL},
    {"storm_of_syncs", storm_of_syncs, NULL},
    {"run_from_memory", run_from_memory, NULL},
    {"hang_in_a_futex", hang_in_a_futex, NULL},
    {"child_of_init", child_of_init, NULL},
    {"own_a_descriptor_by_init", own_a_descriptor_by_init, NULL},
    {"call_vsyscall", call_vsyscall, NULL},
    {NULL, NULL, NULL},
};
