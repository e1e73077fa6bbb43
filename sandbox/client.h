/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the client: what client.c (one box's life), client_streams.c (what comes out of it) and examine.c
 * share. */
#pragma once

#include "sandbox/protocol.h"

/* A box whose status is known, while its monitor clears it away. */
typedef struct {
    int control_fd; /* ends with the monitor and init */
    pid_t pid;      /* of rubric-box where it is our child, else -1 */
    char cgroup_name[64];
} Departing;

/* So many may be cleared away while the next one runs. */
enum { MAX_DEPARTING = 2 };

struct BoxClient {
    char *program;
    CgroupHome home;
    uid_t uid;
    bool is_own_uid;
    unsigned long long started_ns; /* makes group names differ when process ids come again */
    unsigned n_boxes;
    BoxMode mode;
    int keeper_fd; /* -1: none yet, or dead */
    pid_t keeper_pid;
    unsigned n_keepers; /* that were started */
    Departing departing[MAX_DEPARTING];
    size_t n_departing;
    int said_fd; /* gets a copy of what boxes write; -1: nothing does */
};

struct BoxSharedNetwork {
    int network_fd, user_fd; /* the namespaces; user -1: ours owns the network */
    int tcp_fds[2];          /* its /proc/net/tcp and tcp6 */
    int listener_fd;         /* -1: none */
};

/* Starts rubric-box with its socket; `option` NULL: for one box. 0 with *ret_fd, *ret_pid; -errno. */
int program_spawn(const BoxClient *client, const char *option, int *ret_fd, pid_t *ret_pid);

/* As box_run; but a box that was stopped by the cancel wish has a result, too. */
int client_run(BoxClient *client, const BoxSpec *spec, int cancel_fd, BoxResult *ret_result);

/* client_keeper.c: a box from the keeper, which is started if it must be. Fills the request's cgroup name. 0 with
 * *ret_control_fd; -errno when there is none to be had: then a box is made without keeper. */
int keeper_take(BoxClient *client, BoxRequest *request, int *ret_control_fd);
/* Ends it and waits until nothing of it is left. */
void keeper_end(BoxClient *client);

/* client_departing.c: takes over a box that has ended; waits for an older one where there is no room. */
void departing_add(BoxClient *client, const Departing *box);

/* One output stream being collected. */
typedef struct {
    int fd;      /* -1: ended */
    int copy_fd; /* what is kept is written there, too; -1: nowhere */
    BoxBytes bytes;
    size_t capacity, max_bytes;
    int64_t n_written; /* also beyond max_bytes */
} OutputStream;

/* Reads what there is, keeps at most max_bytes, counts the rest. 0, or -ENOMEM. Closes fd at its end. */
int output_stream_drain(OutputStream *stream);
/* Hands over what was collected, never NULL. */
int output_stream_take(OutputStream *stream, BoxBytes *ret_bytes);
void output_stream_clear(OutputStream *stream);

/* Reads a report file that the box's init opened; checks again what init checked. */
int report_read(int fd, const BoxReportHead *head, int64_t max_bytes, BoxReport *ret_report);

/* A sealed copy in memory of a regular file, so that /dev/stdin can be opened again in the box; the fd itself
 * (duplicated) for everything else; a nameless pipe is given to `owner` (-1: nobody new). -errno. */
int stdin_prepare(int fd, uid_t owner);
