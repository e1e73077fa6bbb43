/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A slot: the user, network and uts namespaces of boxes that run one after another, and a process that lives in them.
 * Making a network namespace costs more than the rest of a box, and taking one away piles up behind it; a new init in
 * an empty one costs nothing.
 *
 * The slot's process makes the inits. It entered the namespaces, became the box's user in them and emptied its bounding
 * set when it started, so an init is born with all of that. Init shares its memory (a clone with a stack of its own):
 * copying the memory of even a small process, touching the copy and taking it away costs more than a plain spawn. That
 * memory holds nothing but our program and the requests of boxes that ran there before, all of one client; the monitor,
 * which may be root, is not in it. While an init lives, the slot's process waits in one system call and touches
 * nothing; an init that did not come to its last word may have left something locked, and then the slot is dropped.
 *
 * What could stay behind in the namespaces: nobody in a box has a capability over them, /proc/sys is read-only, and
 * keyrings cannot be called, so names, addresses, routes and settings cannot be changed. Sockets die with their last
 * descriptor, and all processes are dead; what a socket may leave for a while (a connection's last state, sockets in
 * flight inside of sockets) is counted by the kernel, and a slot whose count is not zero is never used again. A box
 * that asks for a loopback gets a network namespace of its own.
 */
#include "sandbox/slot.h"
#include "sandbox/packet.h"
#include "sandbox/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The network namespace's socket counts; its interfaces with what went through them. */
enum { SLOT_SOCKETS, SLOT_DEVICES, N_TABLES };
static const char *const table_paths[N_TABLES] = {"/proc/self/net/sockstat", "/proc/self/net/dev"};

enum { INIT_STACK_SIZE = 4 << 20 };

struct Slot {
    pid_t pid;
    int order_fd; /* inits are ordered here: a byte; the answer is a pid, or -errno */
    int init_fd;  /* to the init that lives; the other end is one for all */
    char *shared; /* where init finds the request's bytes */
    int tables[N_TABLES];
    char empty_devices[2048];
};

/* ---- its process
 * ----------------------------------------------------------------------------------------------------- */

static void close_all_but(int a, int b)
{
    int low = a < b ? a : b, high = a < b ? b : a;
    if (low > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
    if (high > low + 1)
        close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    close_range((unsigned)high + 1, ~0U, 0);
}

static bool open_tables(int *fds)
{
    bool is_good = true;
    for (int i = 0; i < N_TABLES; i++) {
        fds[i] = open(table_paths[i], O_RDONLY | O_CLOEXEC);
        is_good &= fds[i] >= 0;
    }
    return is_good;
}

/* Becomes what all inits have in common, and hands out the tables. */
static int enter_slot(const BoxSetup *setup, int order_fd)
{
    Problem problem;
    int fds[N_TABLES];
    if (launch_become_uid(setup) < 0)
        return -1;
    prctl(PR_SET_DUMPABLE, 1); /* so that /proc/self can be written */
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS) < 0 ||
        init_map_ids(uid, gid, BOX_INSIDE_ID, &problem) < 0 || init_set_name(&problem) < 0 || !open_tables(fds) ||
        privileges_bound(&problem) < 0)
        return -1;
    /* The student's program has our uid: whatever the other walls do, it must not open our memory. */
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct pollfd maker = {order_fd, POLLRDHUP, 0};
    char word = 'x';
    if (poll(&maker, 1, 0) != 0 || packet_send(order_fd, &word, sizeof word, fds, N_TABLES) < 0)
        return -1;
    for (int i = 0; i < N_TABLES; i++)
        close(fds[i]);
    return 0;
}

static int be_init(void *box)
{
    init_run(box);
}

/* Between its answer and the next order it must leave memory alone: it is init's. */
static _Noreturn void serve_orders(const Slot *slot, const BoxSetup *setup, int order_fd, int monitor_fd,
                                   const int *program_fds, char *stacks)
{
    for (;;) {
        char order;
        if (recv(order_fd, &order, sizeof order, 0) != sizeof order)
            _exit(EXIT_SUCCESS);
        /* What the last ones were not alive to hear. */
        packet_discard(monitor_fd);
        packet_discard(program_fds[0]);
        packet_discard(program_fds[1]);
        Box box = BOX_INIT;
        box.setup = *setup;
        box.slot = slot;
        box.shared = slot->shared;
        box.monitor_fd = monitor_fd;
        box.init_fd = order_fd; /* what init closes, so that we are seen to die */
        box.program_stack = stacks + INIT_STACK_SIZE;
        box.program_fd = program_fds[0];
        box.program_own_fd = program_fds[1];
        pid_t pid = clone(be_init, stacks + INIT_STACK_SIZE,
                          CLONE_VM | CLONE_PARENT | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC, &box);
        int answer = pid < 0 ? -errno : pid;
        if (send(order_fd, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer)
            _exit(EXIT_FAILURE);
    }
}

static _Noreturn void be_slot(const Slot *slot, const BoxSetup *setup, int order_fd, int monitor_fd)
{
    prctl(PR_SET_NAME, "box-ready");
    close_all_but(order_fd, monitor_fd);
    char *stacks = mmap(NULL, INIT_STACK_SIZE + PROGRAM_STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    int program_fds[2];
    if (stacks == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, program_fds) < 0 ||
        enter_slot(setup, order_fd) < 0)
        _exit(EXIT_FAILURE);
    serve_orders(slot, setup, order_fd, monitor_fd, program_fds, stacks);
}

/* ---- making
 * ---------------------------------------------------------------------------------------------------------- */

static bool read_devices(const Slot *slot, char *text, size_t size)
{
    ssize_t n = pread(slot->tables[SLOT_DEVICES], text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static bool start_process(Slot *slot, const BoxSetup *setup)
{
    int orders[2], events[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders) < 0)
        return false;
    slot->order_fd = orders[0];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, events) < 0) {
        close(orders[1]);
        return false;
    }
    slot->init_fd = events[0];
    slot->pid = fork();
    if (slot->pid == 0)
        be_slot(slot, setup, orders[1], events[1]);
    close(orders[1]);
    close(events[1]);
    return slot->pid > 0;
}

Slot *slot_new(const BoxSetup *setup)
{
    Slot *slot = malloc(sizeof *slot);
    if (!slot)
        return NULL;
    *slot = (Slot){.order_fd = -1, .init_fd = -1, .tables = {-1, -1}};
    slot->shared = mmap(NULL, BOX_FRAME_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char word;
    size_t n_fds = 0;
    if (slot->shared != MAP_FAILED && start_process(slot, setup) &&
        packet_receive(slot->order_fd, &word, sizeof word, slot->tables, N_TABLES, &n_fds) == 0 && n_fds == N_TABLES &&
        read_devices(slot, slot->empty_devices, sizeof slot->empty_devices) && slot_is_clean(slot))
        return slot;
    slot_free(slot);
    return NULL;
}

void slot_free(Slot *slot)
{
    if (!slot)
        return;
    const int fds[] = {slot->order_fd, slot->init_fd, slot->tables[SLOT_SOCKETS], slot->tables[SLOT_DEVICES]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    if (slot->pid > 0)
        kill(slot->pid, SIGKILL);
    /* An init, too, that was made when its maker was killed over telling: it sees our end closed. */
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    if (slot->shared != MAP_FAILED)
        munmap(slot->shared, BOX_FRAME_MAX);
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
    ssize_t n = pread(slot->tables[SLOT_SOCKETS], sockets, sizeof sockets - 1, 0);
    if (n <= 0)
        return false;
    sockets[n] = '\0';
    /* "sockets: used" counts those of every family, UNIX too. */
    return strncmp(sockets, "sockets: used ", 14) == 0 && counts_nothing(sockets) &&
           read_devices(slot, devices, sizeof devices) && strcmp(devices, slot->empty_devices) == 0;
}

int slot_order_init(const Slot *slot, Box *box)
{
    const char order = 'x';
    box->shared = slot->shared;
    box->init_fd = slot->init_fd;
    packet_discard(slot->init_fd); /* the last one's words */
    return send(slot->order_fd, &order, sizeof order, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int slot_take_init(const Slot *slot, Box *box)
{
    int answer;
    ssize_t n;
    do
        n = recv(slot->order_fd, &answer, sizeof answer, 0);
    while (n < 0 && errno == EINTR);
    if (n != sizeof answer)
        return -EPIPE;
    if (answer < 0)
        return answer;
    box->init_pid = answer;
    /* It is our child, so its number is its own until we wait for it. */
    box->init_pidfd = (int)syscall(SYS_pidfd_open, answer, 0);
    return box->init_pidfd < 0 ? -errno : 0;
}
