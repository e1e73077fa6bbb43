/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside rubric-box: the monitor (outside of the box, waits and measures), the box's init (pid 1, builds the box and
 * empties it), the program (pid 2, the student's).
 *
 * Order: the monitor makes the control group, becomes the box's uid for one clone() that makes init in new user, mount,
 * pid, network, ipc and uts namespaces, and waits for: init, the client, the clock. Init maps its uid, builds the root,
 * starts the program by a vfork-like clone, drops its capabilities, and reaps. When the program ends, or the monitor
 * sends SIGUSR1, init kills all that lives in the box, reaps it, and only then opens the report files and sends them to
 * the client. The monitor waits for init's death, reads the group's figures, removes the group, and sends the status.
 *
 * Crash points: if the client dies, the monitor sees its socket close and kills init. If the monitor dies, init is
 * killed by its parent-death signal, and with it, as pid 1, all of the box; the client removes the group. If both die,
 * the next client sweeps.
 */
#pragma once

#include "sandbox/protocol.h"

#include <stdarg.h>
#include <sys/types.h>

/* The student's uid and gid as seen inside. */
enum { BOX_INSIDE_ID = 1000 };

typedef struct {
    BoxRequest request;
    int control_fd; /* to the client */
    int stdin_fd, stdout_fd, stderr_fd;
    int monitor_fd; /* init's end of the socket between them */
    int init_fd;    /* the monitor's end, which init closes, so that it sees the monitor die */
    uid_t uid;      /* the box's, as the monitor's user namespace numbers it */
    gid_t gid;
    CgroupGroup group;
    uint32_t missing; /* known before init starts */
} Box;

/* What went wrong, for the operator. */
typedef struct {
    char text[480];
} Problem;

/* Sets "what: strerror(error)" (error 0: "what" alone) and returns a negative number. */
int problem_set(Problem *problem, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- what init tells the monitor: one packet each, both ends are one image
 * -------------------------------------------- */

typedef enum {
    INIT_REFUSED, /* text; init exits */
    INIT_STARTED, /* missing; start_us; fds: the disk, the box's /proc */
    INIT_DONE,    /* the rest; init exits */
} InitEventKind;

typedef struct {
    InitEventKind kind;
    uint32_t missing;
    int wait_status; /* of the program */
    bool hit_disk;
    int64_t start_us, end_us;                  /* monotonic */
    int64_t user_us, system_us, max_rss_bytes; /* of all that was reaped */
    Problem problem;
} InitEvent;

enum { INIT_STARTED_FDS = 2 };

/* ---- the parts
 * -------------------------------------------------------------------------------------------------------- */

/* monitor.c: runs the box to its end and fills the status. */
void monitor_run(Box *box, BoxStatus *ret_status);
/* init.c: the child's side; never returns. */
_Noreturn void init_run(Box *box);

/* root.c: builds the box's file system and moves into it. *ret_disk_fd: an O_PATH fd of the tmpfs below /work and /tmp;
 * *ret_missing: BOX_PROMISE_OVERLAY if the workspace had to be copied. */
int root_build(const Box *box, int *ret_disk_fd, uint32_t *ret_missing, Problem *problem);
/* root_etc.c: makes /etc below the working directory, from our own text. */
int root_make_etc(Problem *problem);
/* root_attach.c: a host path opened as a detached mount with `attributes` set on it and all below. -errno. */
int root_open_source(const char *path, uint64_t attributes);
/* Shows an opened source at `target` in the new root, which must be "/" already; makes folders on the way, follows no
 * link. */
int root_attach_bind(int source_fd, const char *target, Problem *problem);
/* copy.c: copies folders, files and links below source_fd to target_fd. -errno. */
int copy_tree(int source_fd, int target_fd);

/* program.c: starts the program; returns its pid, or a negative number with the problem set. *ret_missing:
 * BOX_PROMISE_LANDLOCK where that was accepted as missing. */
pid_t program_start(const Box *box, int64_t *ret_start_us, uint32_t *ret_missing, Problem *problem);
/* landlock.c: 0; 1 when the machine has none; -errno. */
int landlock_enter(const BoxSpec *spec);
/* filter.c: loads the profile's system call filter. -errno. */
int filter_load(BoxProfile profile);
/* limits_apply.c: resource limits of the calling process. */
int limits_apply(const BoxLimits *limits, bool has_memory_group, bool has_pids_group);
/* reports.c: opens the report files and sends them to the client. */
void reports_send(const Box *box);

int64_t box_clock_us(void);
