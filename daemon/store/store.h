/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store: the only meeting place of the roles. SQLite in WAL mode with synchronous=FULL, STRICT tables, foreign
 * keys; migrations/NNNN_*.sql are embedded at build and applied inside one transaction each.
 *
 * Rules. Every change of a row's state goes through one function here. Claims are leases: a claimed row has an owner,
 * an attempt number and an end of lease; whoever completes it must still hold that attempt (the fence), else DENIED.
 * Events, ledger lines, verdicts and decisions are append-only (SQL triggers refuse UPDATE and DELETE). All times are
 * microseconds UTC. Returned structs are the caller's, freed by the named function; strings in structs given in are
 * borrowed.
 */
#pragma once

#include "daemon/base/base.h"

typedef struct Store Store;

/* Opens (creating and migrating) the database file `path`. busy_timeout 10 s. INVALID: made by a newer version, or on a
 * file system that machines share (NFS, SMB, 9p, FUSE, ...): all processes of a store are on one machine. */
Store *store_open(const char *path, GError **error);
/* Only to look, beside a running daemon: neither creates nor migrates. INVALID: of another version. */
Store *store_open_readonly(const char *path, GError **error);
/* How long a call waits for another process's writing before it fails with TEMPORARY; 10 s at first. */
void store_set_busy_timeout(Store *store, gint64 timeout_us);
/* A Store must not be carried over fork(): close it before, or exec. */
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* BEGIN IMMEDIATE .. COMMIT. Not nested. All writers below may be called inside or outside of one. */
bool store_begin(Store *store, GError **error);
bool store_commit(Store *store, GError **error);
void store_rollback(Store *store); /* fine when none is open */
/* Commits what is done, rolls back what is not (whose error is set already). true: it is committed. */
bool store_end(Store *store, bool done, GError **error);
/* For a writer of several statements: joins the caller's transaction, or makes one of its own. */
bool store_scope_begin(Store *store, bool *ret_is_own, GError **error);
/* As store_end of what is own; else returns `done`. */
bool store_scope_end(Store *store, bool is_own, bool done, GError **error);

/* ======== submissions ============================================================================================ */

typedef enum {
    SUBMISSION_RECEIVED, /* known; content not yet safe with us */
    SUBMISSION_FETCHED,  /* content safe; a grade job exists */
    SUBMISSION_GRADED,   /* a verdict exists, in review or error: not decided */
    SUBMISSION_DECIDED,  /* verdict and decision exist; posts under way */
    SUBMISSION_POSTED,   /* every post of the newest verdict is done or given up */
    SUBMISSION_REPLACED, /* a newer one of the same owner took its place before it was graded */
    SUBMISSION_REFUSED,  /* cannot be graded: unknown owner or assignment; flagged */
} SubmissionState;
const char *submission_state_name(SubmissionState state);

typedef struct {
    gint64 id;            /* 0 in a new one */
    char *assignment;     /* course id of it; "" when it could not be told (REFUSED) */
    char *owner_kind;     /* "person" or "team" */
    char *owner;          /* "" when it could not be told */
    char *source;         /* configured name of the source: "inbox", "git" */
    char *external_id;    /* the source's name of it: path, ref, Gradescope id */
    char *revision;       /* the source's version: commit, content digest */
    gint64 received_us;   /* decides lateness: see docs/guides/operators.md, "When was it received?" */
    gint64 seen_us;       /* when we first saw it */
    char *content_kind;   /* "archive" or "git" */
    char *content_path;   /* relative to the state folder: blob or bare repository */
    char *content_digest; /* "sha256:<hex>" or "git:<40 hex>"; identical content has the same one */
    char *git_refs;       /* newline-separated names of refs seen with it, or NULL */
    char *location;       /* where it came from, for sinks and people: path or URL without credentials */
    char *remark;         /* sentence for people: "replaced by ...", "force-pushed", or NULL */
    SubmissionState state;
    gint64 fetched_us, graded_us, decided_us, posted_us; /* 0: not yet */
} Submission;
void submission_free(Submission *submission);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Submission, submission_free)

/* Inserts by (source, external_id, revision), in state RECEIVED, FETCHED or REFUSED. *ret_is_new false: it was there
 * already, *ret_id is its id, nothing changed. */
bool store_submission_insert(Store *store, const Submission *submission, gint64 *ret_id, bool *ret_is_new,
                             GError **error);
Submission *store_submission_get(Store *store, gint64 id, GError **error); /* NOT_FOUND */
/* By what makes it one. *ret NULL: there is none. */
bool store_submission_find(Store *store, const char *source, const char *external_id, const char *revision,
                           Submission **ret, GError **error);
/* Newest first; filters may be NULL; limit 0: all. Array of Submission*, owning. */
GPtrArray *store_submission_list(Store *store, const char *assignment, const char *owner, guint limit, GError **error);
/* All of a source with this revision whose external id begins with "<prefix>:". Array of Submission*, owning. */
GPtrArray *store_submission_list_revision(Store *store, const char *source, const char *prefix, const char *revision,
                                          GError **error);
/* THE way to change a state: one table of legal transitions; sets the phase's time. DENIED: not a legal transition from
 * where it is. `remark` replaces the remark when not NULL. */
bool store_submission_move(Store *store, gint64 id, SubmissionState to, const char *remark, GError **error);

/* ======== jobs =================================================================================================== */

typedef struct {
    gint64 id, submission_id;
    gint64 attempt; /* the fence: rises with each claim */
    gint64 lease_until_us;
    gint64 n_failures;   /* how often store_job_retry was called; lost leases do not count */
    char *why;           /* "new", "regrade", "retry" */
    char *rubric_digest; /* grade with exactly this version; NULL: the one in force at receipt */
} GradeJob;
void grade_job_free(GradeJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GradeJob, grade_job_free)

/* Queues grading. On-time work comes before late work, that before `why` "regrade"; on-time work by `deadline_us`
 * (G_MAXINT64: no deadline), due next first; within all that round-robin between owners, oldest receipt first. A queued
 * (not claimed) older job of the same owner and assignment is replaced if both were received before the deadline: its
 * submission moves to REPLACED with a remark, *ret_replaced (may be NULL) is its id (0: none). A submission that is
 * queued already stays where it is, with the new `why`. */
bool store_job_enqueue(Store *store, gint64 submission_id, gint64 deadline_us, const char *why,
                       const char *rubric_digest, gint64 *ret_replaced, GError **error);
/* Claims the next job that is queued and due, or whose lease has run out. *ret_job NULL: there is none. */
bool store_job_claim(Store *store, const char *worker, gint64 lease_us, GradeJob **ret_job, GError **error);
/* Longer lease. DENIED: lost. */
bool store_job_renew(Store *store, const GradeJob *job, gint64 lease_us, GError **error);
/* Done; inside the transaction of the outcome. DENIED: another claim has been made, so roll back. */
bool store_job_complete(Store *store, const GradeJob *job, GError **error);
/* Back to the queue, not before `retry_at_us`, keeping the error's text. DENIED as above. */
bool store_job_retry(Store *store, const GradeJob *job, gint64 retry_at_us, const char *last_error, GError **error);
/* Makes the claims of a worker due: jobs at once, posts in 3 seconds, when what it had sent has arrived. Only for one
 * that is known to be dead, because its successor of the same name speaks: the attempt numbers stay, so even a mistake
 * is caught by the fence. */
bool store_claims_release(Store *store, const char *worker, GError **error);
/* Jobs waiting (queued) and running (claimed, lease not over), and how many stand before this submission (-1: not
 * queued). */
bool store_job_counts(Store *store, gint64 *ret_queued, gint64 *ret_claimed, GError **error);
bool store_job_position(Store *store, gint64 submission_id, gint64 *ret_position, GError **error);

/* ======== verdicts and decisions: append-only ==================================================================== */

typedef struct {
    gint64 id, submission_id;
    gint64 number; /* 1, 2, ... per submission: each grading or review makes a new one */
    char *origin;  /* "grade" "review" "regrade" */
    char *rubric_digest;
    gint64 made_us;
    gint64 points_milli, bonus_milli, max_milli;
    gint64 n_review, n_error;
    char *json; /* verdict_to_json of it */
} VerdictRow;
void verdict_row_free(VerdictRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VerdictRow, verdict_row_free)
/* id and number are set by the store. */
bool store_verdict_insert(Store *store, const VerdictRow *row, gint64 *ret_id, GError **error);
/* Newest of a submission. *ret NULL: none. */
bool store_verdict_latest(Store *store, gint64 submission_id, VerdictRow **ret, GError **error);
VerdictRow *store_verdict_get(Store *store, gint64 id, GError **error);

/* A decision, as JSON made by tokens/; newest per submission counts. Not written when it equals the newest one. */
bool store_decision_insert(Store *store, gint64 submission_id, const char *json, bool *ret_changed, GError **error);
bool store_decision_latest(Store *store, gint64 submission_id, char **ret_json, GError **error); /* *ret NULL: none */

/* ======== events and ledger: append-only ========================================================================= */

typedef struct {
    gint64 id;
    gint64 at_us;         /* when it counts: receipt time of a submission, moment of a grant */
    gint64 booked_us;     /* when we wrote it */
    char *account;        /* "team:<id>" or "person:<id>" */
    char *kind;           /* "submitted" "graded" "released" "granted" "extended" "confirmed" "withdrawn" ... */
    char *assignment;     /* or NULL */
    gint64 submission_id; /* or 0 */
    char *data;           /* JSON object */
    char *who, *why;      /* of a person's act; NULL for the machine's */
} EventRow;
void event_row_free(EventRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventRow, event_row_free)
/* `unique_key`: a second event with the same key is not written (NULL: always written). */
bool store_event_append(Store *store, const EventRow *row, const char *unique_key, GError **error);
/* All of an account, by (at_us, id). Array of EventRow*, owning. */
GPtrArray *store_event_list(Store *store, const char *account, GError **error);

typedef struct {
    gint64 seq; /* 1, 2, 3, ... without a gap */
    gint64 booked_us;
    char *account;
    gint64 amount_milli;        /* thousandths of a token; negative: spent */
    char *kind;                 /* "pool" "charge" "refund" "grant" ... */
    char *assignment;           /* or NULL */
    gint64 submission_id;       /* or 0 */
    gint64 corrects_seq;        /* the line that this one compensates, or 0 */
    char *reason;               /* one plain sentence */
    char *previous_hash, *hash; /* 64 hex; the first line's previous is 64 zeros */
} LedgerRow;
void ledger_row_free(LedgerRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerRow, ledger_row_free)
/* Raw insert: only daemon/tokens/ledger.c calls it, inside a transaction. */
bool store_ledger_insert(Store *store, const LedgerRow *row, GError **error);
bool store_ledger_last(Store *store, LedgerRow **ret, GError **error); /* *ret NULL: empty */
/* Lines after `after_seq`, of one account or all (NULL), at most `limit` (0: all). Array of LedgerRow*, owning. */
GPtrArray *store_ledger_list(Store *store, const char *account, gint64 after_seq, guint limit, GError **error);
bool store_ledger_balance(Store *store, const char *account, gint64 *ret_milli, GError **error);

/* ======== flags ================================================================================================== */

typedef struct {
    gint64 id, submission_id;
    char *item;                /* item id, or NULL for the whole submission */
    char *kind;                /* "review" "error" "flaky" "suspicious" "history" "owner" "post" "late" ... */
    char *message;             /* what to look at, one sentence */
    char *evidence;            /* plain text or NULL */
    char *state;               /* "open" "pass" "fail" "closed" */
    char *decided_by, *reason; /* NULL while open */
    gint64 raised_us, decided_us;
} FlagRow;
void flag_row_free(FlagRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FlagRow, flag_row_free)
/* One open flag per (submission, item, kind): raising it again renews message and evidence. */
bool store_flag_raise(Store *store, const FlagRow *row, gint64 *ret_id, GError **error);
FlagRow *store_flag_get(Store *store, gint64 id, GError **error);
/* Open ones (or all) of an assignment (or all), oldest first. Array of FlagRow*, owning. */
GPtrArray *store_flag_list(Store *store, const char *assignment, bool all, GError **error);
/* "pass", "fail" or "closed", once. DENIED: already decided. */
bool store_flag_decide(Store *store, gint64 id, const char *state, const char *who, const char *reason, GError **error);
/* Closes what is open of a submission and kind (NULL: every kind), e.g. since a newer verdict replaces it. */
bool store_flag_close(Store *store, gint64 submission_id, const char *kind, const char *reason, GError **error);
/* Closes what the daemon itself raised on no submission and finds mended; `item` NULL: of any. */
bool store_flag_close_own(Store *store, const char *kind, const char *item, const char *reason, GError **error);

/* ======== requests of students =================================================================================== */

typedef struct {
    gint64 id;
    char *account, *assignment;
    char *kind; /* "extension" "resubmission" "late" */
    char *text; /* in their words */
    char *who;  /* who wrote it down */
    gint64 asked_us;
    char *state; /* "open" "granted" "denied" */
    char *decided_by, *reason;
    gint64 decided_us;
} RequestRow;
void request_row_free(RequestRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RequestRow, request_row_free)
bool store_request_insert(Store *store, const RequestRow *row, gint64 *ret_id, GError **error);
RequestRow *store_request_get(Store *store, gint64 id, GError **error); /* NOT_FOUND */
/* Open ones (or all), oldest first. Array of RequestRow*, owning. */
GPtrArray *store_request_list(Store *store, bool all, GError **error);
/* Once. DENIED: already decided. */
bool store_request_decide(Store *store, gint64 id, bool is_granted, const char *who, const char *reason,
                          GError **error);
/* All accounts that have events. Array of char*, sorted. */
GPtrArray *store_event_accounts(Store *store, GError **error);

/* ======== outbox ================================================================================================= */

typedef struct {
    gint64 id, submission_id, verdict_id; /* verdict_id 0: an announcement */
    char *sink;                           /* configured name */
    char *idempotency_key;                /* the same for every try of this effect, different for every other effect */
    char *external_id;                    /* what the sink calls the effect once it exists, or NULL */
    char *state;                          /* "queued" "claimed" "done" "given_up" "replaced" */
    gint64 attempt, lease_until_us, not_before_us, queued_us, done_us;
    gint64 tries;
    bool is_superseded; /* a newer submission of the owner to the assignment, from the same source, has a result */
    char *last_error;
} OutboxRow;
void outbox_row_free(OutboxRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutboxRow, outbox_row_free)
/* One effect: verdict `verdict_id` to `sink`. A second insert of the same key changes nothing; other queued
 * effects on the same sink, of this or an older verdict, become "replaced". */
bool store_outbox_insert(Store *store, gint64 submission_id, gint64 verdict_id, const char *sink,
                         const char *idempotency_key, GError **error);
/* Claims the oldest due one, superseded ones last (or one whose lease ran out). *ret NULL: none. */
bool store_outbox_claim(Store *store, const char *worker, gint64 lease_us, OutboxRow **ret, GError **error);
/* Fenced by attempt (DENIED). The last effect of a submission's newest verdict moves the submission to POSTED. */
bool store_outbox_complete(Store *store, const OutboxRow *row, const char *external_id, GError **error);
bool store_outbox_retry(Store *store, const OutboxRow *row, gint64 not_before_us, const char *last_error,
                        GError **error);
/* No more tries; raises a flag of kind "post" in the same transaction. */
bool store_outbox_give_up(Store *store, const OutboxRow *row, const char *last_error, GError **error);
GPtrArray *store_outbox_list(Store *store, gint64 submission_id, GError **error); /* all when 0; OutboxRow*, owning */
/* When the next queued row is due (G_MAXINT64: none): how long the post role may sleep. */
bool store_outbox_next_due(Store *store, gint64 *ret_at_us, GError **error);

/* What can be said of a submission before it has a result. */
typedef enum { ANNOUNCE_NOTHING, ANNOUNCE_QUEUED, ANNOUNCE_RUNNING, ANNOUNCE_OVER, ANNOUNCE_REFUSED } Announcement;
/* "queued" "running" "over" "refused"; "" for nothing. */
const char *announcement_name(Announcement announcement);
/* Makes and claims an announcement to `sink`: of what is being graded or has waited for `after_us`, once each; and that
 * it is over where one is to be seen of a submission that was replaced, or why one was refused, of the last week. *ret
 * NULL: there is none to make. */
bool store_outbox_announce(Store *store, const char *worker, gint64 lease_us, const char *sink, gint64 after_us,
                           OutboxRow **ret, GError **error);
/* NOTHING: the row is a result. */
Announcement outbox_row_announces(const OutboxRow *row);
/* The end of an announcement that failed; fenced. `hold_until_us` > 0: it may still arrive, so nothing else of the
 * submission goes to the sink before that and it is claimed again then, at most three times. */
bool store_outbox_end(Store *store, const OutboxRow *row, gint64 hold_until_us, const char *last_error, GError **error);

/* ======== deliveries: what platforms told us by webhook =========================================================== */

typedef struct {
    gint64 id;
    char *source;       /* "github" */
    char *guid;         /* the platform's name of the delivery: the same when it is sent again */
    char *event;        /* "push" */
    char *action;       /* "rerequested", or NULL */
    char *repository;   /* "owner/name", or NULL */
    char *body;         /* JSON as it was signed; NULL: too large to keep, so ask the platform */
    gint64 received_us; /* set by the giver */
    char *state;        /* "new" "done" "ignored" */
    char *note;         /* what became of it, or NULL */
} DeliveryRow;
void delivery_row_free(DeliveryRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DeliveryRow, delivery_row_free)
/* By (source, guid): *ret_is_new false: it was there already and nothing changed. LIMIT: 10,000 wait already. */
bool store_delivery_insert(Store *store, const DeliveryRow *row, bool *ret_is_new, GError **error);
bool store_delivery_is_known(Store *store, const char *source, const char *guid, bool *ret_is, GError **error);
/* Those that wait, oldest first, at most `limit`. There is one intake, so they need no claim: act, then finish; what
 * was acted on before a crash is met again. Array of DeliveryRow*, owning. */
GPtrArray *store_delivery_list_new(Store *store, const char *source, guint limit, GError **error);
/* Once. DENIED: it does not wait any more. */
bool store_delivery_finish(Store *store, gint64 id, bool is_ignored, const char *note, GError **error);
/* Forgets finished ones received before `before_us`. */
bool store_delivery_prune(Store *store, gint64 before_us, GError **error);

/* ======== keys of programs that hand in ========================================================================== */

typedef struct {
    gint64 id;
    char *assignment;                    /* the only one that it is good for */
    char *note;                          /* what it is for, or NULL */
    gint64 max_bytes;                    /* of one submission; 0: what the server takes */
    gint64 made_us, used_us, revoked_us; /* 0: never */
    char *made_by, *revoked_by;
} KeyRow;
void key_row_free(KeyRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyRow, key_row_free)
/* `hash`: 64 hex digits of the key's SHA-256; the key itself is not kept. */
bool store_key_insert(Store *store, const KeyRow *row, const char *hash, gint64 *ret_id, GError **error);
/* One that is in force. *ret NULL: none has this hash. */
bool store_key_find(Store *store, const char *hash, KeyRow **ret, GError **error);
/* Of an assignment or all (NULL), oldest first. Array of KeyRow*, owning. */
GPtrArray *store_key_list(Store *store, const char *assignment, GError **error);
bool store_key_note_use(Store *store, gint64 id, GError **error);
/* For good. NOT_FOUND: there is none in force. */
bool store_key_revoke(Store *store, gint64 id, const char *who, GError **error);

/* ======== notices: digests for the course's staff ================================================================= */

typedef struct {
    gint64 id;
    char *sink;     /* configured name of the channel */
    gint64 span;    /* which interval of the channel it belongs to: one digest each */
    char *text;     /* as it is sent */
    gint64 flag_id; /* the newest flag when it was made: later ones are new to the next digest */
    char *trouble;  /* what was in trouble then, a key a line */
    char *state;    /* "queued" "done" "given_up" */
    gint64 tries, not_before_us, made_us, done_us;
    char *last_error;
} NoticeRow;
void notice_row_free(NoticeRow *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NoticeRow, notice_row_free)
/* *ret_is_new false: there is one of this sink and span already, or another of the sink is queued; nothing changed.
 * Forgets those of the sink that are older than 90 days, but not the last that arrived. There is one role that sends
 * them, so they need no claim. */
bool store_notice_insert(Store *store, const NoticeRow *row, bool *ret_is_new, GError **error);
/* The queued one of a sink, and the last that arrived. *ret NULL: none. */
bool store_notice_queued(Store *store, const char *sink, NoticeRow **ret, GError **error);
bool store_notice_last_done(Store *store, const char *sink, NoticeRow **ret, GError **error);
/* Once. DENIED: it is not queued any more. */
bool store_notice_finish(Store *store, gint64 id, bool is_given_up, const char *last_error, GError **error);
bool store_notice_retry(Store *store, gint64 id, gint64 not_before_us, const char *last_error, GError **error);

/* What digests count. */
typedef struct {
    char *assignment; /* NULL: about the whole course */
    char *kind;
    gint64 n_open, n_new;
} FlagTally;
void flag_tally_free(FlagTally *tally);
/* Open flags by assignment and kind; new are those after flag `after_id`. Array of FlagTally*, owning. */
GPtrArray *store_flag_tally(Store *store, gint64 after_id, GError **error);
/* 0: there never was one. */
bool store_flag_newest(Store *store, gint64 *ret_id, GError **error);
typedef struct {
    char *sink;
    gint64 n_waiting;
} PostTally;
void post_tally_free(PostTally *tally);
/* Effects that wait though they were tried `min_tries` times, by sink. Array of PostTally*, owning. */
GPtrArray *store_outbox_failing(Store *store, gint64 min_tries, GError **error);
/* Jobs that wait for another try because grading failed by our fault. */
bool store_job_failing(Store *store, gint64 *ret_n, GError **error);

/* ======== sources' cursors, rubric versions, counts ============================================================== */

/* What a source remembers between polls: a JSON text per (source, key). *ret NULL: nothing yet. */
bool store_cursor_get(Store *store, const char *source, const char *key, char **ret_json, GError **error);
bool store_cursor_set(Store *store, const char *source, const char *key, const char *json, GError **error);

/* A rubric version that was used: digest -> assignment, file, snapshot folder (relative to the state folder).
 * Idempotent. */
bool store_rubric_note(Store *store, const char *digest, const char *assignment, const char *path, const char *snapshot,
                       GError **error);
bool store_rubric_find(Store *store, const char *digest, char **ret_path, char **ret_snapshot,
                       GError **error); /* NULLs: unknown */

typedef struct {
    gint64 n_by_state[8]; /* by SubmissionState */
    gint64 n_queued, n_claimed;
    gint64 n_outbox_waiting, n_outbox_given_up;
    gint64 n_outbox_superseded; /* of those that wait */
    gint64 n_flags_open;
    gint64 oldest_queued_us; /* receipt of the oldest job that waits; 0: none */
} StoreCounts;
bool store_counts(Store *store, StoreCounts *ret, GError **error);
