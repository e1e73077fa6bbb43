/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's configuration and its roles: a supervisor, and one straight-line loop each for intake, grade and post.
 */
#pragma once

#include "daemon/net/net.h"
#include "daemon/worker/worker.h"

#define CONFIG_REAL_TIME G_MININT64

/* `web:`, what others may ask of us by HTTP. */
typedef struct {
    char *address;               /* an IP address */
    guint16 port;                /* 0: any, for tests */
    gint64 submission_max_bytes; /* of one handed in by HTTP; default 512 MiB */
    gint64 requests_per_minute;  /* of one key; default 3,000 */
} WebConfig;
/* `- slack:` of the sinks: a channel of the staff's that gets digests, not results. */
typedef struct {
    char *name, *url_file;
    gint64 every_us; /* at most one digest in each such span of the clock */
    gint64 timeout_ms;
    bool about_flags, about_trouble;
} NoticeConfig;
/* What the operator writes (rubricd.yaml): docs/guides/operators.md has every key. Paths are relative to the file. */
typedef struct {
    char *path; /* of the file, absolute */
    char *course_folder, *state_folder;
    gint64 n_grade;               /* grade processes: default, the number of CPUs */
    gint64 lease_us;              /* of a claim; default 5 min */
    gint64 job_timeout_us;        /* one worker; default 15 min */
    gint64 max_attempts;          /* of grading a submission before a TA gets it; default 3 */
    gint64 pretend_now_us;        /* `pretend_now`, to rehearse a term; CONFIG_REAL_TIME: not pretended */
    gint64 clock_offset_us;       /* set by config_start_clock */
    guint32 accept_missing;       /* BoxPromise bits that boxes may lack on this machine, as the operator allowed */
    GPtrArray *sources;           /* of SourceConfig* */
    GPtrArray *sinks;             /* of SinkConfig* */
    GPtrArray *notices;           /* of NoticeConfig*: `slack` among the sinks; none: no role notice */
    GithubConfig *github;         /* NULL: none */
    GradescopeConfig *gradescope; /* of the web session; NULL: none */
    WebConfig *web;               /* NULL: no role web */
} Config;
typedef struct {
    char *kind, *name, *path;
    gint64 interval_us;
    gint64 repository_max_bytes; /* of git and github */
} SourceConfig;
typedef struct {
    char *kind, *name, *path, *url, *secret_file;
    GithubWrite write; /* of a sink "github" */
    gint64 max_tries, timeout_ms;
    gint64 announce_after_us; /* of check runs */
} SinkConfig;
/* NULL after at least one error in `diagnostics`. */
Config *config_load(const char *path, Diagnostics *diagnostics);
/* The same from text, for tests and fuzzing. */
Config *config_parse(const char *label, const char *text, gsize length, Diagnostics *diagnostics);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/* Makes the state folder if it is not there, for our user alone: what boxes are shown of it is opened by us. */
bool config_make_state_folder(const Config *config, GError **error);

/* Path of the store's file in the state folder. Caller frees. */
char *config_store_path(const Config *config);
/* Where images are that rubrics name. Caller frees. */
char *config_images_folder(const Config *config);

/* With `pretend_now`: shifts the clock of this process by the offset kept in <state>/clock, which the first start
 * writes, so that restarts and commands agree. Call once after loading. */
bool config_start_clock(Config *config, GError **error);

/* Starts the roles as children (this program, `role NAME`), restarts what dies with backoff (100 ms doubling to 30 s,
 * reset after a quiet minute), tells systemd READY=1, STATUS= and the watchdog; SIGTERM and SIGINT end the children and
 * itself. `once`: ends when every source was looked at till nothing was pending and nothing waits to be graded or
 * posted. Returns the exit status. */
int supervisor_run(const Config *config, bool once);

/* All of them, NULL-terminated: "intake", "grade", "post", "notice", "web". */
extern const char *const role_names[];
/* One role's loop, till killed: "intake", "grade", "post", "notice". `once` ends intake after two looks at everything
 * with nothing pending; it means nothing to the others. Returns the exit status. */
int role_run(const Config *config, const char *role, const char *instance, bool once);

/* The same for a role whose loop is in a folder above this one. */
typedef struct Role Role;
int role_run_with(const Config *config, const char *role, const char *instance, bool once, int (*loop)(Role *role));
const Config *role_config(const Role *role);
Store *role_store(const Role *role);
/* As it was when it was last refreshed. */
const Course *role_course(const Role *role);
/* To be polled for readability, drained with wake_drain. */
int role_wake_fd(const Role *role);
/* Reads the course again if its files have changed, at most once a second. true: something changed. */
bool role_refresh_course(Role *role);

/* ---- what the roles share with the commands
 * --------------------------------------------------------------------------- */

/* Everything that commits an outcome: verdict, flags, events, ledger, decision, outbox rows, submission state, in the
 * store's open transaction. `origin`: "grade" "review" "regrade". `sinks`: names that get a post. */
bool outcome_commit(Store *store, const Config *config, const Course *course, const Policy *policy,
                    gint64 submission_id, const Verdict *verdict, const char *origin, GError **error);
/* A TA's word on a flag: new verdict, recomputed points and decision, new posts, all in one transaction. */
bool outcome_review(Store *store, const Config *config, const Course *course, const Policy *policy, gint64 flag_id,
                    bool pass, const char *who, const char *reason, GError **error);

/* Grades again by the rubric as its text is now (the version in force at receipt), writing no verdict. `before`: the
 * newest verdict or NULL; what a TA decided in it is carried over where the item's id and sentence are the same. Errors
 * as worker_run. */
Verdict *outcome_regrade(Store *store, const Config *config, const Course *course, const Submission *submission,
                         const Verdict *before, const char *image_digest, GError **error);
/* The same for a verdict that is about to be committed, with the newest one that there is. */
bool outcome_keep_decisions(Store *store, gint64 submission_id, Verdict *verdict, GError **error);
/* Commits such a verdict in a transaction. DENIED: the newest verdict is not number `before_number` (0: none) any more.
 */
bool outcome_regrade_apply(Store *store, const Config *config, const Course *course, const Policy *policy,
                           gint64 submission_id, gint64 before_number, const Verdict *verdict, GError **error);
/* Queues a post of the newest verdict of a submission to each sink, as a new effect: what may be seen, or what it
 * costs, has changed. */
bool outcome_repost(Store *store, const Config *config, gint64 submission_id, GError **error);
/* Raises a flag "late" for each of these submissions (gint64) that waits for a person, closes it for the others. */
bool outcome_flag_held(Store *store, const GArray *changed, GError **error);
/* Has a result been released to this owner? */
bool outcome_is_released(Store *store, const Submission *submission, bool *ret_is, GError **error);
/* A result of a submission as its owner may see it now, with what it borrows from: that of verdict `verdict_id`
 * (NOT_FOUND: no such), with 0 the newest. `verdict` and `decision` NULL: there is none yet. */
typedef struct {
    Submission *submission;
    Verdict *verdict;
    Decision *decision;
    Result result;
} ShownResult;
void shown_result_clear(ShownResult *shown);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ShownResult, shown_result_clear)
bool outcome_show(Store *store, const Course *course, gint64 submission_id, gint64 verdict_id, ShownResult *ret,
                  GError **error);
/* A note of a role's, <state>/run/<name>.json: how a source's last look went ("source-<name>"), when processes of a
 * role ended ("role-<name>"). NULL: there is none. */
cJSON *note_read(const Config *config, const char *name);

/* What a channel of the staff's would be told now. It has numbers, kinds and the ids of assignments, never an item, a
 * student or a score; what machines said of failing connections is escaped. `text` NULL: there is no news since the
 * last digest that arrived. */
typedef struct {
    char *text;
    gint64 flag_id;
    char *trouble;
} Digest;
void digest_clear(Digest *digest);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Digest, digest_clear)
bool digest_make(Store *store, const Config *config, const Course *course, const NoticeConfig *notice, Digest *ret,
                 GError **error);

/* Wakes the other role's loops: a hint, losing it costs a poll interval. */
void wake_send(const char *state_folder, const char *role);
/* This role's end: an fd to poll for readability; drain with wake_drain. -1 and error on failure. */
int wake_open(const char *state_folder, const char *role, const char *instance, GError **error);
void wake_drain(int fd);
