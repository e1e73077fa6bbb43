/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where submissions come from and where results go: sources and sinks, one file each (folder, git, gradescope export,
 * webhook), and the documents that carry a result (result.json, Gradescope's results.json, Markdown).
 */
#pragma once

#include "daemon/net/github.h"
#include "daemon/net/gradescope_session.h"
#include "daemon/store/store.h"
#include "daemon/tokens/tokens.h"
#include "rubrics/rubrics.h"

/* ======== sources
 * ===================================================================================================== */

typedef struct {
    Store *store;
    const Course *course;
    const char *state_folder; /* blobs/ and mirrors/ lie below it */
    gint64 git_timeout_ms;    /* one git child */
    gint64 git_max_bytes;     /* one fetch; a mirror grows to four times that */
    gint64 rest_us;           /* how long a file must not change before it is taken; 0: a second */
} SourceContext;

typedef struct Source Source;
typedef struct SourceClass {
    const char *kind; /* "folder" "git" "github" "gradescope" */
    /* One look. Every new thing is stored (content safe, submission row, grade job) before this returns; *ret_n_new
     * counts them. An error is of the whole source; what concerns one submission becomes a flag or a log line and does
     * not stop the rest. */
    bool (*poll)(Source *source, SourceContext *context, guint *ret_n_new, GError **error);
    void (*free)(Source *source);
    bool is_woken; /* a webhook's arrival is a reason to poll at once */
} SourceClass;
struct Source {
    const SourceClass *class;
    char *name;
    gint64 interval_us; /* to the next look; a poll may change it */
    gint64 pace_us;     /* between two looks, as it is planned for now; 0: the configured interval */
    guint n_pending; /* seen at the last look but not taken yet (a file that does not rest, a repository that failed) */
};
bool source_poll(Source *source, SourceContext *context, guint *ret_n_new, GError **error);
void source_free(Source *source);

/* Watches `path`: <assignment>/<owner>.zip|tar|tar.gz|tgz|tar.zst|7z, <assignment>/<owner>/ as a folder, and Gradescope
 * exports (folder or zip with submission_metadata.yml) in <assignment>/. A file counts once its size and mtime rest
 * between two looks. */
Source *source_folder_new(const char *name, const char *path, gint64 interval_us);
/* Watches each owner's repository (course connections.git.url or the team's `repo` attribute) for the branches and tags
 * that assignments name; fetches new commits at once into <state>/mirrors/ by a git child. */
Source *source_git_new(const char *name, gint64 interval_us);
/* Watches the repositories of the course's GitHub organisation (course connections.github, the team's `repo`) for the
 * branches, tags, pull requests and releases that assignments name, and takes deliveries of the webhook. The interval
 * is that of discovery: shorter near deadlines, longer when points run short. Borrows config. */
Source *source_github_new(const char *name, const GithubConfig *config, gint64 interval_us);
/* Can the source use a webhook of this kind? GitHub has some sixty, and will have more: the others are forgotten. */
bool github_event_matters(const char *event);

/* The web session with Gradescope: exports of each assignment that has a number there, from its beginning to 30 days
 * after its deadline. The interval is between two rounds over all of them; a poll is one step. Borrows config. */
Source *source_gradescope_new(const char *name, const GradescopeConfig *config, gint64 interval_us);

/* What a source offers; owner and assignment are resolved to the course's ids, content is in place. Writes submission,
 * event and job in one transaction (the caller's if one is open); *ret_is_new false: it was there already,
 * nothing was written. */
bool source_offer(SourceContext *context, Submission *submission, bool *ret_is_new, gint64 *ret_id, GError **error);
/* Who owns what `person` hands in for `assignment`: the person's id or team id; NULL: nobody (no team). Borrowed. */
const char *source_owner_of(const Assignment *assignment, const Person *person);
/* Removes what a crash left half-copied below the state folder. Before the first look. */
bool source_sweep(const char *state_folder, GError **error);
/* Stores a stream as blob <state>/blobs/<2 hex>/<sha256> (temp, fsync, rename). *ret_path relative to the state folder.
 */
bool source_store_blob(SourceContext *context, int fd, char **ret_path, char **ret_digest, GError **error);

/* ======== results
 * ===================================================================================================== */

/* All that a result document is made of. Borrowed pointers. */
typedef struct {
    const Submission *submission; /* NULL fields are fine: `rubric grade` has no store */
    const Verdict *verdict;
    const Decision *decision;     /* NULL: no tokens asked */
    const Assignment *assignment; /* NULL when unknown */
    GTimeZone *zone;
    gint64 now_us;
    gint64 verdict_number;
    bool for_staff; /* false: leave out what the student must not see yet */
    bool is_released;
} Result;
/* Our own schema, rubrics/schema/result.schema.json. Caller frees. */
char *result_json(const Result *result);
/* Gradescope's results.json, rubrics/schema/gradescope-results.schema.json. */
char *result_gradescope(const Result *result);
/* For people, in Markdown. */
char *result_markdown(const Result *result);
/* For people, on a terminal: a table of items and what to do next. `colour`: ANSI colours. */
char *result_terminal(const Result *result, bool colour);
bool result_item_is_visible(const Result *result, const VerdictItem *item);
/* What the reader of a result may see of a finding's evidence, or NULL: that of an error is the course's and for staff
 * alone. */
const char *result_evidence(const Result *result, const Finding *finding);
/* What this reader may know of the points: the credit where nothing is hidden and the policy has spoken, else the
 * points of what is visible, with the penalty taken off where that is known; and the maximum of the visible items. */
gint64 result_score_milli(const Result *result);
gint64 result_max_milli(const Result *result);

/* ======== exports of Gradescope
 * =========================================================================================== */

/* Takes every submission of an export (a zip, or a folder with submission_metadata.yml) at `path` once: taken again, it
 * changes nothing; interrupted at any moment and repeated, each is there once. `assignment` NULL: told by the export's
 * name; NOT_FOUND: it is not; INVALID: it is another's. *ret_n_new counts the new ones. Contents go to disk as they are
 * read; memory does not grow with them. */
bool gradescope_import(SourceContext *context, const Assignment *assignment, const char *path, guint *ret_n_new,
                       GError **error);

/* ======== git as a child
 * ==============================================================================================
 */

/* All network git runs the program `git`, with an own empty home, no configuration, hook or prompt, a short list of
 * protocols, checked objects, a time limit and a size limit. */
typedef struct {
    const char *state_folder; /* git-home/ is made below it */
    gint64 timeout_ms;
    gint64 max_bytes; /* of any file that git writes */
    /* git's configuration with a credential in it, as a file in memory that git inherits, so that the credential is in
     * no argument, environment or file; redirects are then not followed. 0: none */
    int credential_fd;
} GitChild;

/* INVALID: not a URL that is allowed (file, http, https, ssh and git@host:path; nothing that could be an option). */
bool git_url_check(const char *url, GError **error);
/* Without user name and password, for people. Caller frees. */
char *git_url_public(const char *url);

/* Runs `git ARGUMENTS...` (NULL-terminated) in `folder` (NULL: the home). *ret_out: stdout, at most 16 MiB.
 * *ret_status: exit status. TEMPORARY: timed out or killed; SYSTEM: git cannot be started. An exit status other than 0
 * is not an error here; *ret_err (may be NULL) then has its last words. */
bool git_run(const GitChild *git, const char *folder, const char *const *arguments, GString **ret_out, char **ret_err,
             int *ret_status, GError **error);
/* The same, any status but 0 being TEMPORARY with git's last words, DENIED: the credential was refused, or LIMIT: a
 * file over max_bytes. */
bool git_must(const GitChild *git, const char *folder, const char *const *arguments, GString **ret_out, GError **error);

/* ======== sinks
 * ======================================================================================================= */

typedef enum { POST_DONE, POST_RETRY, POST_GIVE_UP } PostOutcome;
typedef struct {
    const char *idempotency_key;              /* "<submission>:<verdict number>:<sink>", perhaps ":<occasion>" */
    const char *json, *gradescope, *markdown; /* the three documents */
    const Result *result;                     /* what they were made of: as the student may see it */
    const Course *course;                     /* as it is now */
    const Submission *submission;
    gint64 verdict_number;
    gint64 tries;              /* before this one */
    bool is_superseded;        /* a newer submission of the owner has a result already: others go first */
    Announcement announcement; /* for `announce`: then there is no document, and `result` has no verdict */
    gint64 n_before;           /* with ANNOUNCE_QUEUED: how many are graded before it */
} Effect;
typedef struct Sink Sink;
typedef struct SinkClass {
    const char *kind; /* "folder" "webhook" "github" "gradescope" */
    /* Makes the effect so that doing it again changes nothing. *ret_retry_at_us with RETRY; *ret_external_id (caller
     * frees) with DONE, NULL if this sink has nothing to write for such a submission; `error` says why for RETRY and
     * GIVE_UP. */
    PostOutcome (*post)(Sink *sink, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                        GError **error);
    void (*free)(Sink *sink);
    /* Shows effect->announcement, and nothing that is older than what is there. RETRY: it may have arrived, look again
     * at *ret_retry_at_us; GIVE_UP: it has not, and nobody minds. NULL: such a sink announces nothing. */
    PostOutcome (*announce)(Sink *sink, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                            GError **error);
    /* May it announce now, at no result's cost? */
    bool (*has_room)(Sink *sink, bool *ret_has_room, GError **error);
} SinkClass;
struct Sink {
    const SinkClass *class;
    char *name;
    gint64 announce_after_us; /* what takes less time is not announced; with class->announce */
};
PostOutcome sink_post(Sink *sink, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                      GError **error);
void sink_free(Sink *sink);
/* <path>/<assignment>/<owner>/<submission id>/{result.json,results.json,result.md}, each atomic; path NULL: beside the
 * submission. */
Sink *sink_folder_new(const char *name, const char *path);
/* POST of result.json: headers Idempotency-Key, X-Rubricd-Signature-256: sha256=<hex HMAC-SHA256 of the body>. 2xx
 * done; 408, 425, 429, 5xx and network faults retry with exponential backoff and jitter, Retry-After obeyed (at most a
 * day); other 4xx and `max_tries` give up. */
Sink *sink_webhook_new(const char *name, const char *url, const char *secret_file, unsigned max_tries,
                       gint64 timeout_ms, GError **error);

/* How a result appears on GitHub. */
typedef enum { GITHUB_WRITE_CHECK_RUN, GITHUB_WRITE_STATUS, GITHUB_WRITE_COMMENT, GITHUB_WRITE_BRANCH } GithubWrite;
/* "check_run" "status" "comment" "branch" */
const char *github_write_name(GithubWrite write);
typedef struct {
    const char *name; /* of the sink; checks and statuses are called "<name>/<assignment>" */
    GithubWrite write;
    gint64 max_tries;  /* of what only people can mend: refusals, what is not found */
    gint64 timeout_ms; /* after that no further request is begun for this try */
    gint64 announce_after_us;
    const char *state_folder; /* the branch is made below it before it is pushed; borrowed */
} GithubSinkConfig;
/* Writes beside the student's commit, comments where the assignment says, or pushes a branch of its own. Only
 * submissions of GitHub; what exists already is found before it is made. Limits, 5xx and silence of GitHub are waited
 * for as long as they last; 422 is never tried again. Borrows `client`. */
Sink *sink_github_new(const GithubSinkConfig *config, GithubClient *client);

/* Has Gradescope rerun the bridge where it has not shown a result yet. Only submissions of Gradescope whose assignment
 * has a key in force. Borrows config, store and state_folder. */
Sink *sink_gradescope_new(const char *name, const GradescopeConfig *config, Store *store, const char *state_folder,
                          gint64 max_tries);

/* ======== notices to the course's staff
 * =================================================================================== */

/* A channel of Slack, by an incoming webhook. */
typedef struct Slack Slack;
/* `url_file` holds the webhook's URL, which is itself the secret (secret_read): it appears in no error, log or
 * argument. INVALID: no URL; DENIED: the file is open to others, or the URL is neither https nor of this machine. */
Slack *slack_new(const char *name, const char *url_file, gint64 timeout_ms, GError **error);
void slack_free(Slack *slack);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Slack, slack_free)
/* One message, `text` escaped by its maker. DONE: Slack has taken it. RETRY: 429 (not before its Retry-After, at most a
 * day), 408, 425, 5xx, no answer; with the last it is not known whether the message is there, and Slack has no key by
 * which it would know it again. GIVE_UP: any other refusal (403, 404, 410: the webhook is gone), which will be the same
 * tomorrow. `tries`: before this one. */
PostOutcome slack_send(Slack *slack, const char *text, gint64 tries, gint64 *ret_retry_at_us, GError **error);

/* ======== what Gradescope's container hands over
 * ============================================================================ */

#include "daemon/net/bridge.h"
