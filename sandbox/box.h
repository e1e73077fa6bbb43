/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside rubric-box: the monitor (outside of the box, waits and measures), the box's init (pid 1, builds the box and
 * empties it), the program (pid 2, the student's).
 *
 * Order: the monitor clones init in new user, mount, pid, network, ipc and uts namespaces (as the box's uid, if it may
 * change ids) and, while init builds all that no request changes, makes the control group. Then it sends init the
 * request, the streams and, where it has the right to, the folders to be shown as detached mounts. Init shows them,
 * lets the program go (a process that shares its memory until it executes, made ahead where it can be guessed for
 * what), drops its capabilities, and reaps. When the program ends, or the monitor sends SIGUSR1, init kills all that
 * lives in the box, reaps it, and only then opens the report files and sends them to the client. It has said its last
 * word then, and waits to be killed. The monitor reads the group's figures and sends the status; only after that it
 * kills init (whose death takes the mounts away) and removes the group. The client lets few boxes wait for this.
 *
 * Who makes monitors: the client, one program a box ("cold"); or a keeper (keeper.c), whose monitors serve many boxes
 * one after another (lane.c), on demand ("slot") or one ahead of the client's request ("warm"). Each has a slot
 * (slot.c): user, network and uts namespaces that are used again when they are proved clean, and a process in them that
 * makes the inits. All else of a box is always its own.
 *
 * Crash points: if the client dies, the monitor sees its socket close and kills init, and so does the keeper end. If
 * the monitor dies, init is killed by its parent-death signal, and with it, as pid 1, all of the box; the client
 * removes the group. If both die, the next client sweeps. If the keeper dies, its monitors go on, and the client makes
 * a new one.
 */
#pragma once

#include "sandbox/protocol.h"

#include <stdarg.h>
#include <sys/types.h>

/* The student's uid and gid as seen inside. */
enum { BOX_INSIDE_ID = 1000 };

/* What the program needs until it is executed. */
enum { PROGRAM_STACK_SIZE = 256 << 10 };

/* What is known of a box before its request. */
typedef struct {
    uid_t uid;
    bool is_own_uid;
    bool has_root; /* the request brings the root */
    bool inner_root;
    bool shows_sources; /* the monitor may open what of the host is shown, so init needs the host's root no more */
    CgroupHome cgroups;
    char cgroup_name[64];
} BoxSetup;

/* What the program's process is made for ahead of its request; one that differs needs another box. */
typedef struct {
    uint32_t calls;
    bool fixed_addresses, has_loopback;
    bool has_share;                 /* of the processors: its group comes with the request, so nothing is made ahead */
    int64_t disk_bytes, disk_files; /* may differ: then the disk's limits are set again */
} BoxGuess;

typedef struct Slot Slot;

typedef struct {
    BoxSetup setup;
    const Slot *slot; /* NULL: namespaces of its own */
    BoxRequest request;
    int control_fd; /* to the client */
    int stdin_fd, stdout_fd, stderr_fd;
    int network_fd, network_user_fd; /* a shared network that the monitor enters before it makes init; -1: none */
    int monitor_fd;                  /* init's end of the socket between them */
    int init_fd;                     /* the monitor's end, which init closes, so that it sees the monitor die */
    bool has_group;                  /* or knows that there is none to make */
    bool is_prepared, has_guess;     /* init was sent the group; and what to make the program's process for */
    BoxGuess guess;
    bool is_handed_over; /* init was sent the request */
    bool is_init_done;   /* and has said its last word */
    int init_pidfd;
    pid_t init_pid; /* valid while init_pidfd is open */
    int keeper_fd;  /* takes the word LANE_NEXT; -1: nobody waits for it, or it was said */
    int mounts_fd;  /* tells whether mounts changed since init was made; -1: it was made just now */
    uid_t uid;      /* the box's, as the monitor's user namespace numbers it */
    gid_t gid;
    CgroupGroup group;
    uint32_t missing;    /* known before init starts */
    char *shared;        /* where init finds the request's bytes */
    char *program_stack; /* NULL: is to be made */
    /* A pair of sockets between init and the program's process, outside of the box's network namespace, so that it
     * does not count there; -1: nothing can be made ahead. */
    int program_fd, program_own_fd;
    bool has_mounts;  /* init was sent these, opened by the monitor */
    int workspace_fd; /* -1: none */
    int root_fd;      /* -1: none */
    int bind_fds[BOX_MAX_BINDS];
} Box;

#define BOX_INIT                                                                                                       \
    {                                                                                                                  \
        .control_fd = -1, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .network_fd = -1, .network_user_fd = -1,   \
        .monitor_fd = -1, .init_fd = -1, .init_pidfd = -1, .keeper_fd = -1, .mounts_fd = -1,                           \
        .group = CGROUP_GROUP_INIT, .program_fd = -1, .program_own_fd = -1, .workspace_fd = -1, .root_fd = -1          \
    }

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

/* box.c: takes the client's request, its streams and what is known before it. -errno. */
int box_receive_request(Box *box, BoxRequest *ret_request);
/* Sends the last frame. */
int box_send_status(const Box *box, const BoxStatus *status);

/* launch.c: makes init, which begins to build the box. 0, or -errno with nothing left. */
int launch_init(Box *box);
/* Waits for an init that a slot makes. -errno. */
int launch_take_init(Box *box);
/* What a request wants the program's process to be made for. */
BoxGuess launch_guess(const BoxRequest *request);
/* Hands the group to init, which then makes the program's process; guess: NULL, when the request will say for what. */
int launch_prepare(Box *box, const BoxGuess *guess);
/* Hands the request to init; 0, or -errno with the problem set. Init may be dead: that is seen later. */
int launch_request(Box *box, Problem *problem);
/* Init's side: waits for the group and the guess (box->has_guess); for the request. 0; -errno. */
int launch_await_preparation(Box *box);
int launch_await_request(Box *box);
/* Makes the calling thread the box's uid, keeping the way back if it is root. -errno. */
int launch_become_uid(const BoxSetup *setup);

/* monitor.c: runs the box, whose init is made, to the death of all that init started, and fills the status. */
void monitor_run(Box *box, BoxStatus *ret_status);
/* What nobody waits for: takes away init, and with it the namespaces, and the group. */
void monitor_clear_away(Box *box);
/* Kills init and waits for its death: nothing has run. */
void monitor_abandon(Box *box);
/* init.c: the child's side; never returns. */
_Noreturn void init_run(Box *box);
/* Maps the box's uid to `inside` and becomes it. */
int init_map_ids(uid_t uid, gid_t gid, unsigned inside, Problem *problem);
/* The box's host name. */
int init_set_name(Problem *problem);

/* root_system.c: opens what boxes show of the host, and hangs it below the working directory, the new root: five
 * devices; and programs, with a few files of /etc. */
int root_show_devices(Problem *problem);
int root_show_programs(Problem *problem);
/* Debian keeps a JVM's own settings in /etc/java-17-openjdk. */
int root_show_java(Problem *problem);

/* root.c: whether this process may open parts of the host's file system as mounts. */
bool root_may_open_sources(void);
/* All of the box's file system that no request changes. *ret_disk_fd: an O_PATH fd of the tmpfs below /work and
 * /tmp. */
int root_prepare(const BoxSetup *setup, int *ret_disk_fd, Problem *problem);
/* Sets the limits that a guess or the request tells of. */
int root_limit_disk(const BoxGuess *guess, Problem *problem);
/* The rest, and moves into it. *ret_missing: BOX_PROMISE_OVERLAY if the workspace had to be copied. */
int root_finish(Box *box, uint32_t *ret_missing, Problem *problem);
/* When the program has started: takes away mounts that no path leads to, but that a list of mounts tells of. */
int root_clear_away(const Box *box, Problem *problem);
/* root_etc.c: makes /etc below the working directory, from our own text. */
int root_make_etc(Problem *problem);
/* Covers an image's files that tell of names and addresses by ours, where the image has them. */
int root_cover_etc(Problem *problem);
/* root_image.c: shows the entries of an opened folder in the new root. */
int root_show_image(int root_fd, Problem *problem);
/* root_attach.c: a host path opened as a detached mount with `attributes` set on it and all below. -errno. */
int root_open_source(const char *path, uint64_t attributes);
/* Opens the root, the workspace and the binds as detached mounts, by the caller's own rights. 0; -EPERM, with nothing
 * open and no problem set, where it may make no mounts; else -errno with the problem set. */
int root_open_sources(Box *box, Problem *problem);
/* Shows an opened source at `target` in the new root, which must be "/" already; makes folders on the way, follows no
 * link. */
int root_attach_bind(int source_fd, const char *target, Problem *problem);
/* copy.c: copies folders, files and links below source_fd to target_fd. -errno. */
int copy_tree(int source_fd, int target_fd);

typedef struct {
    int fd;
    uint64_t handled_access;
} Landlock;

/* program.c: the program's process, which shares init's memory until it executes: only one of them runs at a time. */
typedef struct {
    const Box *box;
    Problem *problem;
    BoxGuess guess;
    bool is_ahead; /* made before the request */
    pid_t pid;
    int alive_fd, own_alive_fd; /* both ends of a pipe; its own, the writing one, goes when it executes or dies */
    Landlock landlock;
    int filter_fd; /* see filter_load; in its own table */
    const char *const *env;
    char **shell_argv; /* room for running a script that names no interpreter */
    int64_t start_us;
    uint32_t missing; /* BOX_PROMISE_LANDLOCK where that was accepted as missing */
    bool is_ready;    /* all walls stand; whatever happens from here on is the student's */
} Program;

/* Makes the process ahead, with all walls that do not depend on more than the guess. 0; negative, the problem set. */
int program_make(Program *program, const Box *box, const BoxGuess *guess, Problem *problem);
/* The request is known: the rest of the walls, and the command; all of it, where nothing was made ahead. 0; negative,
 * the problem set. */
int program_start(Program *program, const Box *box, Problem *problem);
/* landlock.c: makes an empty set of rules; fd: -1 when the machine has no Landlock. -errno. */
int landlock_make(Landlock *ret);
/* Fills it for the box, whose root is the caller's by now, and restricts the caller to it. -errno. */
int landlock_enter(const Landlock *landlock, const BoxSpec *spec);
/* filter.c: loads the filter that lets the groups `calls` (BoxCalls bits) pass. *ret_holder_fd keeps it in the kernel
 * after the last process behind it has died, so that these need not wait for its being taken away; -1: nothing does.
 * -errno. */
int filter_load(uint32_t calls, int *ret_holder_fd);
/* limits_apply.c: resource limits of the calling process. `n_ours`: our own processes that count as the student's. */
int limits_apply(const BoxLimits *limits, int n_ours, bool has_memory_group, bool has_pids_group);
/* reports.c: opens the report files and sends them to the client. */
void reports_send(const Box *box);

/* keeper.c: makes boxes for the client at the socket until it is gone. */
int keeper_serve(int fd);

int64_t box_clock_us(void);
