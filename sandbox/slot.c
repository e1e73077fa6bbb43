/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot: the user, network and uts namespaces of boxes that run one after another. Making a network namespace costs
 * more than the rest of a box, and taking one away piles up behind it; entering an empty one costs nothing.
 *
 * What could stay behind: nobody in a box has a capability over these namespaces, /proc/sys is read-only, and keyrings
 * cannot be called, so names, addresses, routes and settings cannot be changed. Sockets die with their last descriptor,
 * and all processes are dead; what a socket may leave for a while (a connection's last state, sockets in flight
 * inside of sockets) is counted by the kernel, and a slot whose count is not zero is never used again. A box that asks
 * for a loopback gets a network namespace of its own.
 */
#include "sandbox/box.h"
#include "sandbox/packet.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOT_USER, SLOT_NET, SLOT_UTS, N_NAMESPACES, SLOT_SOCKETS = N_NAMESPACES, SLOT_DEVICES, N_FDS };

struct Slot {
    int fds[N_FDS];
    char empty_devices[2048];
};

/* The namespaces; the network namespace's socket counts; its interfaces with what went through them. */
static const char *const paths[N_FDS] = {"/proc/self/ns/user", "/proc/self/ns/net", "/proc/self/ns/uts",
                                         "/proc/self/net/sockstat", "/proc/self/net/dev"};
static const int kinds[N_NAMESPACES] = {CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWUTS};

/* ---- making
 * ---------------------------------------------------------------------------------------------------------- */

static bool open_all(int *fds)
{
    bool is_good = true;
    for (int i = 0; i < N_FDS; i++) {
        fds[i] = open(paths[i], O_RDONLY | O_CLOEXEC);
        is_good &= fds[i] >= 0;
    }
    return is_good;
}

/* The child: becomes what the slot is to hold, and hands it out. */
static _Noreturn void be_held(const BoxSetup *setup, int socket)
{
    Problem problem;
    int fds[N_FDS];
    if (launch_become_uid(setup) < 0)
        _exit(EXIT_FAILURE);
    prctl(PR_SET_DUMPABLE, 1); /* so that /proc/self can be written */
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char word = 'x';
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS) < 0 ||
        init_map_ids(uid, gid, BOX_INSIDE_ID, &problem) < 0 || init_set_name(&problem) < 0 || !open_all(fds) ||
        packet_send(socket, &word, sizeof word, fds, N_FDS) < 0)
        _exit(EXIT_FAILURE);
    _exit(EXIT_SUCCESS);
}

static bool read_devices(const Slot *slot, char *text, size_t size)
{
    ssize_t n = pread(slot->fds[SLOT_DEVICES], text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

Slot *slot_new(const BoxSetup *setup)
{
    int pair[2];
    Slot *slot = malloc(sizeof *slot);
    if (!slot)
        return NULL;
    *slot = (Slot){.fds = {-1, -1, -1, -1, -1}};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        free(slot);
        return NULL;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        be_held(setup, pair[1]);
    }
    close(pair[1]);
    char word;
    size_t n_fds = 0;
    bool is_good = pid > 0 && packet_receive(pair[0], &word, sizeof word, slot->fds, N_FDS, &n_fds) == 0 &&
                   n_fds == N_FDS && read_devices(slot, slot->empty_devices, sizeof slot->empty_devices) &&
                   slot_is_clean(slot);
    close(pair[0]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    if (is_good)
        return slot;
    slot_free(slot);
    return NULL;
}

void slot_free(Slot *slot)
{
    if (!slot)
        return;
    for (int i = 0; i < N_FDS; i++) {
        if (slot->fds[i] >= 0)
            close(slot->fds[i]);
    }
    free(slot);
}

/* ---- using
 * ----------------------------------------------------------------------------------------------------------- */

/* Every line of sockstat counts things in use; all must be zero but those that tell of the whole machine. */
static bool is_of_machine(const char *key)
{
    return key && (strcmp(key, "mem") == 0 || strcmp(key, "alloc") == 0 || strcmp(key, "orphan") == 0);
}

static bool counts_nothing(char *text)
{
    char *rest = NULL, *key = NULL;
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        bool is_number = *word >= '0' && *word <= '9';
        if (is_number && strcmp(word, "0") != 0 && !is_of_machine(key))
            return false;
        key = word;
    }
    return true;
}

bool slot_is_clean(const Slot *slot)
{
    char sockets[1024], devices[sizeof slot->empty_devices];
    ssize_t n = pread(slot->fds[SLOT_SOCKETS], sockets, sizeof sockets - 1, 0);
    if (n <= 0)
        return false;
    sockets[n] = '\0';
    /* "sockets: used" counts those of every family, UNIX too. */
    return strncmp(sockets, "sockets: used ", 14) == 0 && counts_nothing(sockets) &&
           read_devices(slot, devices, sizeof devices) && strcmp(devices, slot->empty_devices) == 0;
}

int slot_enter(const Slot *slot)
{
    for (int i = 0; i < N_NAMESPACES; i++) {
        if (setns(slot->fds[i], kinds[i]) < 0)
            return -errno;
    }
    if (setresgid(BOX_INSIDE_ID, BOX_INSIDE_ID, BOX_INSIDE_ID) < 0 ||
        setresuid(BOX_INSIDE_ID, BOX_INSIDE_ID, BOX_INSIDE_ID) < 0)
        return -errno;
    return 0;
}
