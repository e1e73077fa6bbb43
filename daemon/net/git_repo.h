/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a source remembers of one git repository, and how it takes what moved there: fetch into the mirror, pin, say
 * what was rewritten. Shared by the sources git and github; each has its own way to learn of refs and of times.
 */
#pragma once

#include "daemon/net/git_child.h"
#include "daemon/net/source.h"

enum { GIT_MAX_REFS_A_FETCH = 200 };

typedef struct {
    char *sha, *commit; /* of the ref itself; commit NULL: it leads to none */
    bool is_gone;
    GArray *submissions; /* of gint64: made of it */
} KnownRef;
KnownRef *known_ref_new(const char *sha, const char *commit);

typedef struct {
    char *url, *public_url; /* to fetch from; for people */
    char *cursor, *mirror;  /* key of the cursor; relative to the state folder */
    GHashTable *refs;       /* char* -> KnownRef* */
    bool is_loaded;
    gint64 last_look_us, saved_mono_us;
    gint64 n_failures, next_try_mono_us;
} GitRepo;
/* `key`: plain text that names it for ever. */
void git_repo_init(GitRepo *repo, const char *url, const char *key);
void git_repo_clear(GitRepo *repo);
/* The part of a cursor that every repository has: "url", "looked_us", "refs". */
void git_repo_read(GitRepo *repo, const cJSON *json);
cJSON *git_repo_write(const GitRepo *repo, gint64 look_us);
/* Memory and store may differ after a rollback: read it again. */
void git_repo_forget(GitRepo *repo);

/* Is `ref` at another object than when it was last taken? */
bool git_repo_moved(const GitRepo *repo, const char *ref, const char *sha);

/* A ref that moved, and what was found behind it. */
typedef struct {
    const GitRef *ref;
    char *commit; /* NULL: none */
    char *remark; /* of a rewritten history or a moved tag, or NULL */
} GitMove;
void git_move_free(gpointer move);
/* Fetches at most GIT_MAX_REFS_A_FETCH of `moved` (GitRef*), pins their commits and adds a GitMove* for each to
 * `moves`. `by_sha`: asks for the very objects instead of what the refs lead to meanwhile. */
bool git_repo_fetch(const GitChild *git, const GitRepo *repo, const GPtrArray *moved, bool by_sha, GPtrArray *moves,
                    GError **error);

/* What was handed in stays handed in; a TA hears that the ref is gone over there. */
bool git_repo_flag_gone(SourceContext *context, const char *ref, KnownRef *known, GError **error);

/* After a failed look: waits longer each time; *ret_is_news when it has failed often enough for a flag. */
void git_repo_note_failure(GitRepo *repo, gint64 interval_us, bool *ret_is_news);
/* Fails, but not for so long that somebody was told. */
bool git_repo_is_pending(const GitRepo *repo);
/* Flag of kind "source" on an owner: the repository cannot be read. */
bool git_repo_flag_failure(SourceContext *context, const GitRepo *repo, const char *owner, const GError *why,
                           GError **error);
