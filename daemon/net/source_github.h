/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the source github. Its files:
 *
 *   source_github.c    the poll: what is asked when, in which order
 *   github_discover.c  reading what GitHub tells of repositories and refs: pure, for any bytes
 *   github_watch.c     which repository is whose
 *   github_team.c      the repositories of GitHub teams, where course.yaml says that they tell it
 *   github_sight.c     from what was told to pushes that are still to be taken, kept in the store
 *   github_take.c      fetching these pushes and making submissions of them
 *   github_receipt.c   when a push reached GitHub
 *   github_hook.c      webhook deliveries, the missed ones too
 */
#pragma once

#include "daemon/net/git_repo.h"
#include "daemon/net/github_client.h"
#include "daemon/net/github_place.h"

/* ---- what GitHub tells ------------------------------------------------------------------------------------------- */

/* Something handed in that was seen and is not taken yet. Times are on our clock: GitHub's, shifted as ours may be. */
typedef struct {
    char *ref;         /* as in GithubPlace */
    char *sha;         /* of the ref: a commit or a tag object */
    char *login;       /* who did it, or NULL */
    char *base, *head; /* of a pull request: the branch that it is for; its own one, if in this repository; or NULL */
    gint64 at_us;      /* it had reached GitHub then, at the latest */
    gint64 since_us;   /* it had not reached it then; 0: unknown */
    gint64 not_before_us; /* a pull request counts from its opening; 0: no matter */
    bool is_sure;         /* at_us is the very moment */
    guint order; /* among pushes to this ref at the same moment, as GitHub's record has them; 0: before those */
    bool is_forced;
} GithubPush;
void github_push_free(gpointer push);
/* Of what may be listed, the refs that can be named in lines and logs. */
bool github_ref_is_plain(const char *ref);

/* One repository as it was seen. */
typedef struct {
    gint64 id, size_kib, pushed_us; /* pushed_us 0: never */
    char *node_id, *full_name;
    bool is_archived, is_disabled, is_fork;
    bool has_refs;   /* `refs` holds all that was asked for */
    bool is_whole;   /* and every tag there is: what is absent is gone */
    GPtrArray *refs; /* of GithubPush* */
} GithubSight;
void github_sight_free(gpointer sight);

typedef struct {
    GPtrArray *sights; /* of GithubSight*, in GitHub's order */
    char *next;        /* cursor of the next page, or NULL */
} GithubListing;
void github_listing_clear(GithubListing *page);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GithubListing, github_listing_clear)

/* What to ask for: full names of branches, bases of pull requests. */
typedef struct {
    GPtrArray *branches, *bases; /* of char* */
    bool tags, releases;
} GithubInterest;

/* The query for a page of an organisation's repositories, newest push first; variables org, after, n. Caller frees. */
char *github_listing_query(const GithubInterest *interest);
/* The same for repositories by node id; variable ids. */
char *github_nodes_query(const GithubInterest *interest);
/* How many repositories one query may ask for at the price of one point. */
guint github_listing_size(const GithubInterest *interest);
/* Reads the answer to either; what has not the form of a repository is left out. */
void github_listing_read(const cJSON *data, const GithubInterest *interest, GithubListing *ret_page);
/* The same for REST's list of repositories, which has no refs. */
void github_listing_read_rest(const cJSON *list, GithubListing *ret_page);

/* ---- whose ------------------------------------------------------------------------------------------------------- */

typedef struct {
    char *assignment, *owner;
    char *branch, *tag, *base, *release; /* full name; glob of a full name; name; glob of "releases/..."; or NULL */
} GithubWatch;
/* Of the branch that our own results are pushed to. */
extern const char github_results_ref[];
bool github_watch_wants(const GithubWatch *watch, const GithubPush *push);

typedef struct {
    GHashTable *by_name; /* lower-case "org/name", or a team's key -> GPtrArray* of GithubWatch* */
    GithubInterest interest;
    GPtrArray *teams; /* of char*: slugs of the GitHub teams whose repository is somebody's */
} GithubWatchTable;
GithubWatchTable *github_watch_table_new(const Course *course);
void github_watch_table_free(GithubWatchTable *table);
/* "@org/slug" in lower case, which no repository is called. Caller frees. */
char *github_team_key(const char *organization, const char *slug);

/* What was told of a GitHub team. */
typedef struct {
    const char *slug;
    GithubListing writable; /* the repositories that it may write to */
    bool is_whole;          /* all of them */
} GithubTeam;
/* Reads the answer for the team of this number in the question; one that is not there has none. */
void github_team_read(const cJSON *data, guint i, GithubTeam *ret_team);

/* ---- the source -------------------------------------------------------------------------------------------------- */

typedef struct {
    GitRepo git;
    gint64 id, pushed_us, size_kib;
    char *node_id, *full_name;
    char *bound;           /* the key of the table by which it was found first: renames do not change whose it is */
    GPtrArray *watches;    /* of GithubWatch*, borrowed from the table; NULL: nobody's */
    GPtrArray *pushes;     /* of GithubPush*, to be taken */
    char *results_sha;     /* of our own results' branch when it was last seen; NULL: not yet */
    GHashTable *strangers; /* logins and e-mails that were flagged already */
    bool wants_sight;      /* its refs are to be asked for */
    bool is_gone;          /* a sweep did not find it, and that was said */
    gint64 seen_us;        /* the look that last listed it; 0: none of this process */
    bool is_dirty;         /* memory has what the store has not */
} GithubRepo;

typedef struct {
    Source base;
    const GithubConfig *config;
    GithubClient *client;
    const Course *course;
    GithubWatchTable *table;
    GHashTable *repos;    /* gint64* id -> GithubRepo* */
    GHashTable *bindings; /* char* key of the table -> gint64* id */
    bool bindings_are_dirty, is_loaded;
    bool has_met_nobodys;  /* a repository that is nobody's was pushed to: a GitHub team may have got it */
    guint n_teams_without; /* GitHub teams without a repository, as was logged last */
    char *etag;            /* of REST's first page */
    gint64 usual_us;       /* the configured interval */
    gint64 slice_us;       /* of taking, until news are looked for again */
    gint64 watermark_us, watermark_mono_us; /* see source_github.c; our own clock then, 0: the next look is a sweep */
    gint64 looked_us;                       /* the last whole discovery; 0: none */
    gint64 next_look_mono_us, next_sweep_mono_us, next_missed_mono_us;
} GithubSource;

/* One poll. */
typedef struct {
    GithubSource *source;
    SourceContext *context;
    GitChild git;
    gint64 look_us;
    guint n_waiting; /* repositories with something to take */
    bool is_cut;     /* the slice was over before all were taken */
    bool is_renewed; /* git refused the token, and got a new one */
    guint n_dropped; /* of the client, when git got its token */
    guint *n_new;
} GithubLook;

/* Runs `write` in a transaction of the store; sources offer within it. */
bool github_in_transaction(const GithubLook *look, bool (*write)(const GithubLook *look, gpointer data, GError **error),
                           gpointer data, GError **error);

/* An answer that is no use, as an error of the source, which then waits as long as GitHub said. false. */
bool github_source_fail(GithubSource *source, const GithubAnswer *answer, const char *what, GError **error);

/* The repository of this number, remembered in the store; NULL without error: it is nobody's. */
GithubRepo *github_repo_find(const GithubLook *look, const GithubSight *sight, GError **error);
/* Everything of it that the store has. */
bool github_repo_load(const GithubLook *look, GithubRepo *repo, GError **error);
/* Makes it the repository of this key for ever, unless that has one or it is another's: then a flag says so. */
bool github_repo_bind(const GithubLook *look, const GithubSight *sight, const char *key, GError **error);
/* One flag a key and kind; the message is renewed. */
bool github_flag_key(const GithubLook *look, const char *key, const char *kind, const char *message, GError **error);
bool github_repo_save(const GithubLook *look, GithubRepo *repo, GError **error);
bool github_bindings_load(const GithubLook *look, GError **error);
bool github_bindings_save(const GithubLook *look, GError **error);
void github_repo_free(gpointer repo);
/* What memory has of the repositories did not commit: all is read again. */
void github_forget_all(GithubSource *source);
/* Whose each repository is, after the course has changed. */
void github_repos_rewatch(GithubSource *source);

/* Adds a copy, or merges what is known of the same push. */
void github_pushes_add(GPtrArray *pushes, const GithubPush *push);
/* Adds to what is to be taken, unless it was or nobody wants it. */
void github_repo_add_push(GithubRepo *repo, const GithubPush *push);
/* Notes what was seen; inside a transaction. */
bool github_note_sight(const GithubLook *look, const GithubSight *sight, GError **error);
/* After a look at all repositories: flags those that were not among them, once. */
bool github_note_missing(const GithubLook *look, GError **error);

/* Binds the repositories of the course's GitHub teams: all of them, or those that have none yet. */
bool github_teams_look(const GithubLook *look, bool all, GError **error);

/* Adds the pushes that led to this one, and their times, by GitHub's record of activity. *ret_is_ready false: limits
 * forbid to ask now, and it matters. `pushes` (GithubPush*, owning) begins with copies of repo->pushes. */
bool github_receipt_complete(const GithubLook *look, GithubRepo *repo, GPtrArray *pushes, bool *ret_is_ready,
                             GError **error);
/* The earliest deadline of those who want it. */
gint64 github_first_deadline_us(const GithubLook *look, const GithubRepo *repo, const GithubPush *push);
/* When this push counts as received for an assignment due at `deadline_us`. */
gint64 github_receipt_us(const GithubPush *push, gint64 deadline_us);
/* Reads GitHub's answer: GithubPush* of the pushes to `ref`, newest first. Pure. */
GPtrArray *github_activity_read(const cJSON *list, const char *ref);

/* Takes all pushes of a repository. */
bool github_take(const GithubLook *look, GithubRepo *repo, GError **error);

/* Deliveries that wait: pushes of repositories, wishes to grade again, and marks on what is to be looked at. */
bool github_hook_take(const GithubLook *look, GError **error);
/* Fetches the ones that did not arrive; an App's only. */
bool github_hook_fetch_missed(const GithubLook *look, GError **error);
