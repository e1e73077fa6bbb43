/* SPDX-License-Identifier: Apache-2.0 */
/* rubric-box: makes one box as its client says, or keeps boxes ready for it. See box.h for how it works. */
#include "sandbox/box.h"
#include "sandbox/network.h"
#include "sandbox/processors.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_DONE = 0, EXIT_USAGE = 2, EXIT_OURS = 3 };

static void print_help(FILE *to)
{
    fputs("rubric-box runs one command in a sandbox for the programs of rubricd. Nobody calls it by hand:\n"
          "it takes its orders as frames on a socket, file descriptor 3 (see sandbox/protocol.h).\n"
          "\n"
          "To run a command in a box yourself:           rubric box -- COMMAND\n"
          "To see what this machine gives to boxes:      rubric doctor\n"
          "\n"
          "  --keeper                 stays and prepares boxes for its client\n"
          "  --network                makes a network that several boxes share\n"
          "  --network-with-listener  one with a socket for a proxy\n"
          "  --help                   this text\n"
          "  --version                the version\n",
          to);
}

int problem_set(Problem *problem, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(problem->text, sizeof problem->text, format, args);
    va_end(args);
    if (error && n >= 0 && (size_t)n < sizeof problem->text)
        snprintf(problem->text + n, sizeof problem->text - (size_t)n, ": %s", strerror(error));
    return -1;
}

int64_t box_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Standard streams that the caller closed must not become the box's sockets. */
static bool fill_standard_fds(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

int box_receive_request(Box *box, BoxRequest *ret_request)
{
    BoxFrame frame;
    int r = box_frame_receive(box->control_fd, &frame);
    if (r < 0)
        return r;
    if (frame.type != BOX_FRAME_REQUEST) {
        box_frame_clear(&frame);
        return -EBADMSG;
    }
    char *body = frame.body;
    frame.body = NULL;
    r = box_request_decode(body, frame.length, ret_request);
    const size_t n_always = 2;
    if (r == 0 &&
        frame.n_fds != n_always + ret_request->has_stdin + ret_request->has_network + ret_request->has_network_user)
        r = -EBADMSG;
    if (r == 0) {
        const int *next = frame.fds;
        box->stdout_fd = *next++;
        box->stderr_fd = *next++;
        box->stdin_fd = ret_request->has_stdin ? *next++ : -1;
        box->network_fd = ret_request->has_network ? *next++ : -1;
        box->network_user_fd = ret_request->has_network_user ? *next++ : -1;
        frame.n_fds = 0;
    }
    box_frame_clear(&frame);
    return r;
}

int box_send_status(const Box *box, const BoxStatus *status)
{
    BoxWriter writer = {0};
    box_status_encode(status, &writer);
    int r = writer.failed ? -ENOMEM
                          : box_frame_send(box->control_fd, BOX_FRAME_STATUS, writer.data, writer.length, NULL, 0);
    box_writer_clear(&writer);
    /* It may wait for our processor, and what we go on with is long and not urgent. */
    sched_yield();
    return r;
}

static bool is_socket(int fd)
{
    int type;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* The request of this one box is known; while the monitor looks at it, init builds already. */
static int serve_one(void)
{
    Box box = BOX_INIT;
    BoxStatus status = {0};
    box.control_fd = BOX_CONTROL_FD;
    if (box_receive_request(&box, &box.request) < 0)
        return EXIT_OURS;
    box.setup = (BoxSetup){.uid = box.request.uid,
                           .is_own_uid = box.request.is_own_uid,
                           .has_root = box.request.spec.root != NULL,
                           .inner_root = box.request.spec.inner_root,
                           .cgroups = box.request.cgroups};
    strcpy(box.setup.cgroup_name, box.request.cgroup_name);
    int r = box.request.has_network ? network_enter(&box) : 0;
    if (r == 0)
        r = launch_init(&box);
    if (r == 0) {
        monitor_run(&box, &status);
    } else {
        status.end = BOX_END_REFUSED;
        snprintf(status.message, sizeof status.message,
                 "cannot make the box's namespaces: %s; `rubric doctor` says how to mend it", strerror(-r));
    }
    bool is_made = r == 0;
    r = box_send_status(&box, &status);
    if (is_made)
        monitor_clear_away(&box);
    box_request_clear(&box.request);
    return r < 0 ? EXIT_OURS : EXIT_DONE;
}

typedef enum { SERVE_BOX, SERVE_KEEPER, SERVE_NETWORK, SERVE_NETWORK_WITH_LISTENER, N_SERVICES } Service;
static const char *const services[N_SERVICES] = {[SERVE_KEEPER] = "--keeper",
                                                 [SERVE_NETWORK] = "--network",
                                                 [SERVE_NETWORK_WITH_LISTENER] = "--network-with-listener"};

static int serve(Service service)
{
    if (!is_socket(BOX_CONTROL_FD)) {
        fputs(
            "rubric-box: file descriptor 3 is not a socket; use `rubric box -- COMMAND`, or see `rubric-box --help`\n",
            stderr);
        return EXIT_USAGE;
    }
    fcntl(BOX_CONTROL_FD, F_SETFD, FD_CLOEXEC);
    close_range(BOX_CONTROL_FD + 1, ~0U, 0);
    if (!fill_standard_fds())
        return EXIT_OURS;
    processors_remember();
    if (service == SERVE_BOX)
        return serve_one();
    int r = service == SERVE_KEEPER ? keeper_serve(BOX_CONTROL_FD)
                                    : network_serve(BOX_CONTROL_FD, service == SERVE_NETWORK_WITH_LISTENER);
    return r < 0 ? EXIT_OURS : EXIT_DONE;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("rubric-box " RUBRIC_VERSION);
        return EXIT_DONE;
    }
    int service = argc == 1 ? SERVE_BOX : N_SERVICES;
    for (int i = SERVE_KEEPER; i < N_SERVICES && argc == 2; i++) {
        if (strcmp(argv[1], services[i]) == 0)
            service = i;
    }
    if (service == N_SERVICES) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    return serve((Service)service);
}
