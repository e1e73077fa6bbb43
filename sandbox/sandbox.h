/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boxes: one sandboxed run of one command each. This header is all that the rest of the product knows of the sandbox.
 *
 * The client (this library) starts the program `rubric-box`, hands it a BoxSpec in one framed message with file
 * descriptors beside it, and gets back what the command wrote and one BoxStatus. rubric-box and this library link libc
 * and libseccomp alone, so there is no GLib here: functions return 0 or a negative errno, and strings are plain C.
 *
 * Whose fault: a BoxStatus tells what the *student's command* did (exited, was killed, hit a limit). A negative return,
 * or the end BOX_END_REFUSED, is *ours*: the box could not be made as promised, and nothing was run.
 *
 * Not thread-safe: one BoxClient per thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- what is asked --------------------------------------------------------------------------------------------------
 */

/* All limits of one box. 0 means: the default of box_limits_default(). Sizes in bytes, times in milliseconds. */
typedef struct {
    int64_t wall_ms;      /* from exec to the last process's death */
    int64_t cpu_ms;       /* user + system of all processes together */
    int64_t memory_bytes; /* of all processes together, swap included, files on the box's tmpfs included where cgroups
                             hold */
    int64_t processes;    /* processes and threads alive at once */
    int64_t output_bytes; /* of stdout, and again of stderr; at the limit the box ends */
    int64_t disk_bytes;   /* all that is written to the workspace and /tmp together */
    int64_t files;        /* inodes made in the workspace and /tmp */
    int64_t file_bytes;   /* the largest single file */
    int64_t open_files;   /* file descriptors per process */
    int64_t stack_bytes;  /* stack per process */
    int64_t cpus_milli;   /* how fast: thousandths of a processor that all processes together get at most */
} BoxLimits;

/* So many are no bound. Fewer need a control group that holds them (BOX_PROMISE_CGROUP_SHARE). */
enum { BOX_CPUS_UNBOUND = 1000000 };

/* wall 60 s, cpu 30 s, memory 512 MiB, 64 processes, output 1 MiB, disk 256 MiB, 100,000 files, file 256 MiB, 256 open
 * files, stack 64 MiB, processors unbound. */
BoxLimits box_limits_default(void);

/* NULL-terminated: PATH without the folders of system programs, HOME=/work, LANG=C.UTF-8, TZ=UTC, TMPDIR=/tmp. */
const char *const *box_env_default(void);

/* Fills the zero fields of `limits` from `defaults`. */
void box_limits_fill(BoxLimits *limits, const BoxLimits *defaults);

typedef enum {
    BOX_NETWORK_NONE,     /* no interface, not even loopback */
    BOX_NETWORK_LOOPBACK, /* 127.0.0.1 and ::1 of the box's own */
} BoxNetwork;

/* A loopback that several boxes are on: see box_network_open. */
typedef struct BoxSharedNetwork BoxSharedNetwork;

/* Which system calls the box may make: those that every program needs, and the groups of the profile. */
typedef enum {
    BOX_PROFILE_STRICT,  /* programs, interpreters, compilers */
    BOX_PROFILE_BUILD,   /* + what package managers and JVMs ask for */
    BOX_PROFILE_SERVICE, /* + what databases and servers ask for */
} BoxProfile;

const char *box_profile_name(BoxProfile profile); /* "strict", "build", "service" */
const char *const *box_profile_names(void);       /* all of them in their order, NULL-terminated */

/* Groups of system calls that are not in every box: sandbox/README.md says what each opens, and for whom. */
typedef enum {
    BOX_CALLS_SYSV_IPC = 1 << 0,
    BOX_CALLS_MESSAGE_QUEUES = 1 << 1,
    BOX_CALLS_MEMORY_POLICY = 1 << 2,
    BOX_CALLS_IO_PRIORITY = 1 << 3,
    BOX_CALLS_ROUTE_QUERIES = 1 << 4,
    BOX_CALLS_ASYNC_IO = 1 << 5,
    BOX_CALLS_DEBUG = 1 << 6,
} BoxCalls;
enum { BOX_N_CALLS = 7, BOX_CALLS_ALL = (1 << BOX_N_CALLS) - 1 };

/* Of the groups, NULL-terminated, in the order of their bits: "sysv-ipc", "message-queues", ... */
const char *const *box_calls_names(void);
/* The bit of that name; 0 if there is none. */
uint32_t box_calls_from_name(const char *name);
/* The BoxCalls bits that a profile brings. */
uint32_t box_profile_calls(BoxProfile profile);

/* A host file or folder shown in the box. */
typedef struct {
    const char *source; /* absolute path on the host */
    const char *target; /* absolute path in the box; folders on the way are made */
    bool writable;      /* false: read-only, nosuid, nodev */
} BoxBind;

/* How the workspace folder of the host appears at /work. */
typedef enum {
    BOX_WORKSPACE_DISCARD, /* writes go to a tmpfs above it and vanish with the box */
    BOX_WORKSPACE_KEEP,    /* writes go into the folder itself (the caller has bounded its file system) */
} BoxWorkspace;

typedef struct {
    const char *const *argv; /* NULL-terminated; looked up in the PATH of `env`; runs as pid 2 of the box */
    const char *const *env;  /* NULL-terminated "K=V", nothing else is inherited; NULL: box_env_default() */
    const char *folder;      /* working directory in the box; NULL: /work */
    const char *workspace; /* absolute path of a host folder; NULL: an empty one. What the command is to read there must
                              be readable, what it is to change must belong to box_uid() (chown the tree to that uid and
                              gid first, where it is not the caller's own); it may lie on a mount that only the caller's
                              mount namespace has, and in folders that only the caller may enter */
    BoxWorkspace workspace_mode;
    const char *root;     /* absolute path of a host folder whose entries are the box's root, read-only: an image's, for
                             example. Its dev, proc, sys, run, tmp and work are not shown: the box has its own; so are
                             /var/tmp, /etc/hosts, /etc/hostname and /etc/resolv.conf where the folder has them. What is to
                             be seen must be readable for box_uid(). Such a box is always made cold. NULL: the programs of
                             the host and an /etc of the box's own */
    const BoxBind *binds; /* shown after the system and the workspace, in order */
    size_t n_binds;
    int stdin_fd;  /* a regular file, pipe or socket; -1: /dev/null */
    int cgroup_fd; /* reserved for a prepared cgroup; -1: the client finds or makes one */
    BoxLimits limits;
    BoxNetwork network;
    const BoxSharedNetwork *shared_network; /* the box is on this one instead; it is always made cold. NULL: none */
    BoxProfile profile;
    uint32_t calls;                  /* BoxCalls bits, on top of the profile's */
    bool inner_root;                 /* uid and gid 0 inside instead of 1000, without any capability: for programs that
                                        refuse to run as anybody else. Such a box is always made cold. */
    const char *const *scratch;      /* NULL-terminated names (lower case letters, digits, - and _) of folders to be
                                        made at the root, empty and writable, on the box's bounded disk; no name of
                                        the system's folders, at most 8; NULL: none */
    bool fixed_addresses;            /* no address space randomisation inside */
    const char *const *report_paths; /* NULL-terminated paths in the box (absolute, or below /work) to copy out after
                                        death; NULL: none */
    int64_t report_bytes;            /* at most so much of each report; 0: 16 MiB */
    uint32_t accept_missing; /* BoxPromise bits the operator has allowed to be missing; else the box refuses to run */
} BoxSpec;

/* Empty spec: fds -1, the rest zero. */
#define BOX_SPEC_INIT                                                                                                  \
    {                                                                                                                  \
        .stdin_fd = -1, .cgroup_fd = -1                                                                                \
    }

/* ---- what comes back ------------------------------------------------------------------------------------------------
 */

typedef enum {
    BOX_END_EXITED,   /* exit_code holds; 127: no such command, 126: it cannot be run (stderr says why) */
    BOX_END_SIGNALED, /* signal holds; nothing of ours sent it */
    BOX_END_LIMIT, /* limit holds: we ended it, or it ended itself, not with exit status 0, after it was refused memory
                      (by the kernel's killing), disk or processes. exit_code or signal tell how it ended. */
    BOX_END_REFUSED, /* the box could not be made as promised; message says why; nothing ran. Ours, never the student's.
                      */
} BoxEnd;

typedef enum {
    BOX_LIMIT_NONE,
    BOX_LIMIT_WALL,
    BOX_LIMIT_CPU,
    BOX_LIMIT_MEMORY,
    BOX_LIMIT_PROCESSES, /* reported beside a normal end too: see hit_processes */
    BOX_LIMIT_OUTPUT,
    BOX_LIMIT_DISK,
    BOX_LIMIT_FILE,
} BoxLimit;

/* What a machine may fail to give. A bit in BoxStatus.missing says that this box ran without it. */
typedef enum {
    BOX_PROMISE_CGROUP_MEMORY = 1 << 0,    /* memory is then bounded per process by RLIMIT_AS only */
    BOX_PROMISE_CGROUP_PROCESSES = 1 << 1, /* then by RLIMIT_NPROC */
    BOX_PROMISE_CGROUP_CPU = 1 << 2,       /* then CPU time is RLIMIT_CPU per process, sampled over all */
    BOX_PROMISE_LANDLOCK = 1 << 3,
    BOX_PROMISE_OVERLAY = 1 << 4, /* the workspace is then copied: slower, not weaker, so never a reason to refuse */
    BOX_PROMISE_OWN_UID = 1 << 5, /* run unprivileged: the box shares the caller's uid outside of it */
    BOX_PROMISE_CGROUP_SHARE = 1 << 6, /* of boxes that bound cpus_milli alone: they then get all that is to be had */
    BOX_PROMISE_LAST = BOX_PROMISE_CGROUP_SHARE,
} BoxPromise;

const char *box_promise_name(BoxPromise promise); /* "cgroup-memory", "cgroup-processes", "cgroup-cpu", "landlock",
                                                     "overlay", "own-uid", "cgroup-share" */
/* The bit of that name; 0 if there is none. */
uint32_t box_promise_from_name(const char *name);

typedef struct {
    BoxEnd end;
    int exit_code;
    int signal;
    BoxLimit limit;
    bool oom_killed;    /* the kernel killed a process of the box for memory */
    bool hit_processes; /* a fork or clone was refused at the limit */
    bool hit_disk;      /* a write was refused at the disk or inode limit */
    int64_t wall_us, user_us, system_us;
    int64_t throttled_us;      /* that its processes together were kept waiting by cpus_milli */
    int64_t peak_memory_bytes; /* of the cgroup; the largest process where there is none */
    int64_t peak_processes;
    int64_t stdout_bytes, stderr_bytes; /* written by the command, also beyond what was kept */
    uint32_t missing;                   /* BoxPromise bits */
    char message[512];                  /* for REFUSED: what failed, for the operator; else empty. Valid UTF-8. */
} BoxStatus;

typedef struct {
    char *data; /* malloc'ed, NUL-terminated beyond length, any bytes */
    size_t length;
} BoxBytes;

typedef enum {
    BOX_REPORT_OK,
    BOX_REPORT_ABSENT,    /* no such file */
    BOX_REPORT_NOT_FILE,  /* a link, folder, FIFO, device or socket lies there, or on the way */
    BOX_REPORT_TOO_LARGE, /* over report_bytes; data holds nothing */
    BOX_REPORT_UNREADABLE,
} BoxReportState;

typedef struct {
    BoxReportState state;
    BoxBytes bytes;
} BoxReport;

typedef struct {
    BoxStatus status;
    BoxBytes out, err;  /* at most limits.output_bytes each */
    BoxReport *reports; /* one per spec.report_paths, in order */
    size_t n_reports;
} BoxResult;

void box_result_clear(BoxResult *result);

/* ---- running --------------------------------------------------------------------------------------------------------
 */

/* A client owns what is shared between boxes: the path of rubric-box, the cgroup parent, a keeper that prepares boxes.
 */
typedef struct BoxClient BoxClient;

/* `program`: path of rubric-box. `cgroup_parent`: a folder name to use below each controller's root, NULL for the
 * default
 * ("rubricd" below the caller's own cgroup). 0, or -errno with *ret untouched. */
int box_client_new(const char *program, const char *cgroup_parent, BoxClient **ret);
void box_client_free(BoxClient *client);

/* How boxes are made. It changes what they cost, never what they are. */
typedef enum {
    BOX_MODE_AUTO, /* the first box of a client is cold, the next ones warm */
    BOX_MODE_COLD, /* a program is started for each box, all its namespaces are made for it */
    BOX_MODE_SLOT, /* forked by a keeper; user, network and uts namespaces are used again when they are proved clean */
    BOX_MODE_WARM, /* as slot, and one box is prepared ahead of its request */
} BoxMode;

const char *box_mode_name(BoxMode mode); /* "auto", "cold", "slot", "warm" */
/* Call before the first box_run. */
void box_client_set_mode(BoxClient *client, BoxMode mode);

/* The uid (and gid) that the command will have outside of the box: an own one of each client from a range that nobody
 * else has, or the caller's own where it may not change ids (then BOX_PROMISE_OWN_UID is missing). Inside it is always
 * 1000. */
uid_t box_uid(const BoxClient *client);

/* Runs one box to its end: when this returns, the command and all that it started are dead. What held them (an empty
 * cgroup, the mounts, our own process at their top) may go a moment later; two boxes at most wait for that, and
 * box_client_settle and box_client_free wait for them. 0 and *ret_result (clear it), also for BOX_END_REFUSED; -errno
 * when the client itself failed (-EINVAL: the spec is malformed). `cancel_fd`: readable means stop now (-1: none); the
 * result is then -ECANCELED. */
int box_run(BoxClient *client, const BoxSpec *spec, int cancel_fd, BoxResult *ret_result);

/* When this returns, no process, mount or cgroup is left of boxes that have ended. */
void box_client_settle(BoxClient *client);

/* ---- several boxes on one network -----------------------------------------------------------------------------------
 */

/* Where the proxy of a shared network is found in its boxes, on 127.0.0.1. */
enum { BOX_PROXY_PORT = 3128 };

/* Makes a network with a loopback and nothing else. Boxes on it reach each other's TCP and UDP ports there and share
 * nothing else: neither processes, nor files, nor the names of local sockets where the kernel has Landlock 6. It is
 * gone when it is closed and its boxes are dead. `has_listener`: it has a listening socket at BOX_PROXY_PORT, for a
 * proxy. 0 and *ret, or -errno: our failure. */
int box_network_open(const BoxClient *client, bool has_listener, BoxSharedNetwork **ret);
void box_network_close(BoxSharedNetwork *network);
/* Its listening socket, which it keeps; -1: it has none. */
int box_network_listener(const BoxSharedNetwork *network);
/* Does a process in one of its boxes listen on that TCP port? Nothing connects for this. */
bool box_network_listens(const BoxSharedNetwork *network, unsigned port);
/* A TCP socket over IPv4 in the network, not connected, for a caller that stays outside of it. Blocks for as long as a
 * fork takes. The descriptor, or -errno. */
int box_network_socket(const BoxSharedNetwork *network);

/* A box that runs while another one is run: a service under test. It is made cold, in a process of its own. */
typedef struct BoxBeside BoxBeside;
/* Starts it; what `spec` points at is not needed any longer afterwards. 0 and *ret, or -errno. */
int box_beside_start(BoxClient *client, const BoxSpec *spec, BoxBeside **ret);
/* Has it ended by itself? */
bool box_beside_has_ended(const BoxBeside *beside);
/* Memory that holds what it has written to both streams until now, in the order in which it came and as far as it is
 * kept; to be read by pread. The box's: it lives until box_beside_finish. */
int box_beside_said_fd(const BoxBeside *beside);
/* Stops it if it runs, and frees it. 0 and *ret_result (clear it) as box_run; -ECANCELED: it ran until it was stopped,
 * and *ret_result is set all the same; its status does not tell more. Reports are not copied out. */
int box_beside_finish(BoxBeside *beside, BoxResult *ret_result);

/* ---- saying it ------------------------------------------------------------------------------------------------------
 */

/* One sentence for a student: "used more than 512 MB of memory after 3.2 s", "exited with status 1 after 0.1 s".
 * `limits` are those that the box ran under. Writes at most `size` bytes with the NUL, returns `buffer`. */
char *box_status_sentence(const BoxStatus *status, const BoxLimits *limits, char *buffer, size_t size);

/* The status as a JSON object (keys as the struct's), at most `size` bytes with the NUL; returns the length that it
 * needs. */
size_t box_status_json(const BoxStatus *status, char *buffer, size_t size);

const char *box_end_name(BoxEnd end);       /* "exited", "signaled", "limit", "refused" */
const char *box_limit_name(BoxLimit limit); /* "none", "wall", "cpu", "memory", "processes", "output", "disk", "file" */

/* ---- this machine ---------------------------------------------------------------------------------------------------
 */

/* One fact that `rubric doctor` prints. `name` is static. */
typedef struct {
    const char *name; /* "user namespaces" */
    bool holds;
    bool is_required; /* without it no box runs */
    char detail[256]; /* what was found */
    char mend[1024];  /* what mends it: one command a line, words after `#`; empty when it holds */
} BoxFact;

/* Tries each layer on this machine. Fills at most `n` facts, returns how many there are. */
size_t box_examine_machine(BoxClient *client, BoxFact *facts, size_t n);
