/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One job: content in, findings out. The program rubric-worker runs it; this header has the job, the report, the client
 * that starts a worker and talks to it, and the parts that others use (archive reading).
 *
 * Wire: the parent starts `rubric-worker` with one end of a stream socket as fd 3, sends one frame (the job as JSON),
 * gets one frame (the report as JSON); behind a job that names hosts goes the socket of a proxy (daemon/proxy), which
 * the client starts. A worker does one job and exits. It makes its own mount, network and (when
 * unprivileged) user namespaces first: a size-limited tmpfs of its own holds the workspace, so nothing is left behind
 * however it dies.
 */
#pragma once

#include "graders/graders.h"

typedef enum { CONTENT_ARCHIVE, CONTENT_FOLDER, CONTENT_GIT } ContentKind;

/* Bounds of unpacking: of what a student may hand in. */
typedef struct {
    gint64 total_bytes; /* 256 MiB */
    gint64 file_bytes;  /* 256 MiB */
    gint64 n_entries;   /* 20,000 */
    gint64 depth;       /* 64 folders */
    gint64 ratio;       /* unpacked / packed bytes: 200, looked at beyond 10 MiB */
    gint64 wall_ms;     /* 60,000 */
} UnpackLimits;
UnpackLimits unpack_limits_default(void);
/* What no rubric allows more than: for those who keep submissions before a rubric looks at them. */
UnpackLimits unpack_limits_most(void);

typedef struct {
    char *assignment; /* id */
    char *owner;      /* id of the person or team */
    ContentKind content_kind;
    char *content_path;     /* archive file, folder, or bare repository; absolute */
    char *git_commit;       /* CONTENT_GIT: 40 hex */
    char **git_refs;        /* CONTENT_GIT: names of refs; may be NULL */
    char *course_folder;    /* rubric snapshot or course folder, absolute */
    char *rubric_path;      /* relative to it */
    char *assignment_title; /* NULL: none */
    cJSON *previous;        /* of GraderContext; NULL: none */
    gint64 received_us, deadline_us;
    char *zone_name;
    GPtrArray *members; /* of WorkerMember* */
    Placeholders *placeholders;
    char **hosts; /* "NAME:PORT": all that boxes of this job may reach by the proxy; may be NULL */
    UnpackLimits unpack;
    bool public_only;       /* leave out items that are not `visible: always` */
    char *images_folder;    /* where imported images are, absolute; NULL: there are none */
    char *image_digest;     /* as worker_image_digest gave it to a caller of many jobs; NULL: the worker computes it */
    guint32 accept_missing; /* BoxPromise bits that this machine may lack, as the operator allowed */
} WorkerJob;
typedef struct {
    char *id, *name, *github;
    char **emails;
} WorkerMember;
WorkerJob *worker_job_new(void);
void worker_job_free(WorkerJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkerJob, worker_job_free)
cJSON *worker_job_to_json(const WorkerJob *job);
WorkerJob *worker_job_from_json(const cJSON *json, GError **error);
/* Fills everything that the course knows: assignment, deadline, zone, members, placeholders, rubric path. */
WorkerJob *worker_job_for(const Course *course, const Assignment *assignment, const char *owner, const Rubric *rubric,
                          GError **error);

typedef struct {
    GPtrArray *findings; /* of Finding*: one per check, and the remarks of unpacking (item "submission") */
    char *image_digest;  /* "host:sha256:...", and behind it " NAME:sha256:..." for each image of the rubric */
    char *rubric_digest; /* of the rubric as the worker loaded it */
    gint64 unpack_us, checks_us, box_us; /* spans; box_us: wall time inside boxes */
    guint n_boxes;
} WorkerReport;
void worker_report_free(WorkerReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkerReport, worker_report_free)
cJSON *worker_report_to_json(const WorkerReport *report);
WorkerReport *worker_report_from_json(const cJSON *json, GError **error);

/* ---- client ---------------------------------------------------------------------------------------------------------
 */

/* A started worker that waits for its job: start it before there is one, so that its start is off the critical path. */
typedef struct Worker Worker;
Worker *worker_start(GError **error);
/* Sends the job and waits for the report, at most `timeout_ms`. TEMPORARY: the worker died or was too slow (retry);
 * INVALID: the job can never work (say so, do not retry). The worker is gone afterwards either way. */
WorkerReport *worker_run(Worker *worker, const WorkerJob *job, gint64 timeout_ms, GError **error);
/* worker_run in two steps, for callers that keep several workers busy. */
bool worker_send(Worker *worker, const WorkerJob *job, GError **error);
WorkerReport *worker_receive(Worker *worker, gint64 timeout_ms, GError **error);
void worker_free(Worker *worker); /* kills it if it runs */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Worker, worker_free)

/* A process from which workers are forked, for callers of many: a worker's start is then a fork, not an exec with
 * thirty libraries. It and its workers die with the caller. */
typedef struct WorkerZygote WorkerZygote;
WorkerZygote *worker_zygote_start(GError **error);
void worker_zygote_free(WorkerZygote *zygote);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WorkerZygote, worker_zygote_free)
/* As worker_start. TEMPORARY: the zygote has gone (free it, start another). */
Worker *worker_start_from(WorkerZygote *zygote, GError **error);

/* main() of rubric-worker below option parsing. Both return the exit status. */
/* Serves one job on `fd`; `is_off_network`: the process has an empty network namespace already. */
int worker_serve(int fd, bool is_off_network);
/* Serves as a zygote on `fd` until the client closes it. */
int worker_zygote_serve(int fd);

/* "host:sha256:...": what programs this machine would run, by /etc/os-release and the list of installed packages.
 * Caller frees. */
char *worker_image_digest(GError **error);

/* ---- content --------------------------------------------------------------------------------------------------------
 */

/* Unpacks `content` (an open archive file) into the empty folder `target_fd`, refusing what docs/formats.md lists. Each
 * refusal and each remark becomes a Finding in `findings` (FAIL: the submission cannot be graded as it is; PASS: a
 * remark). Runs in the caller's process: rubric-worker calls it in a locked-down child. */
/* `name` is what a student calls the content ("homework.zip"); NULL: unknown. */
bool unpack_archive(int content_fd, const char *name, int target_fd, const UnpackLimits *limits, GPtrArray *findings,
                    GError **error);

/* Packs a folder as a deterministic tar (names sorted, owner 0, mode 0644/0755 only, all below one root folder, which
 * unpacking enters), for folders handed in as such; refuses nothing that unpack_archive would not (links and odd files
 * are packed as they are and judged there). LIMIT: more bytes, entries or folders in each other than `limits` allow. */
bool pack_folder(int folder_fd, int archive_fd, const UnpackLimits *limits, GError **error);
