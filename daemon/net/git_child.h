/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources do with the program `git` (GitChild in net.h): ask for refs, fetch into our mirrors, pin.
 * Repositories and their refs are hostile; URLs come from course files.
 */
#pragma once

#include "daemon/net/net.h"

typedef struct {
    char *name;   /* "refs/heads/main", "refs/tags/m1" */
    char sha[41]; /* of the ref itself: for an annotated tag, of the tag object */
} GitRef;

enum { GIT_MAX_AT_ONCE = 8 };
/* Starts `n` (at most GIT_MAX_AT_ONCE) ls-remotes at once and waits for all. ret_refs[i]: GPtrArray of GitRef* (heads
 * and tags, at most 20,000, peeled ones left out), or NULL with ret_errors[i] set. Both arrays are the caller's, n
 * long, zeroed. */
void git_ls_remotes(const GitChild *git, const char *const *urls, gsize n, GPtrArray **ret_refs, GError **ret_errors);

/* Makes the bare repository `mirror` if it is not there. */
bool git_make_mirror(const GitChild *git, const char *mirror, GError **error);
/* Fetches `refs` (full names, NULL-terminated) of `url` into the bare repository `mirror` (made if absent), as
 * refs/rubricd/incoming/<i>. LIMIT: more than max_bytes came, or the mirror is full (four times that); git was stopped
 * while it received. Of what failed nothing stays on the disk. */
bool git_fetch(const GitChild *git, const char *mirror, const char *url, const char *const *refs, GError **error);
/* Removes what gits that were killed left in the mirrors: unfinished packs, locks. None runs meanwhile. */
void git_mirrors_clean(const char *state_folder);
/* Is this commit in the mirror? */
bool git_has_commit(const GitChild *git, const char *mirror, const char *commit, bool *ret_has, GError **error);
/* The commit that refs/rubricd/incoming/<i> leads to, 40 hex; NULL and NOT_FOUND: no commit. Caller frees. */
char *git_incoming_commit(const GitChild *git, const char *mirror, guint i, GError **error);
/* Pins a commit for ever by refs/rubricd/keep/<commit>. */
bool git_keep(const GitChild *git, const char *mirror, const char *commit, GError **error);
/* Is `older` an ancestor of `newer`? Unknown commits: false. */
bool git_is_ancestor(const GitChild *git, const char *mirror, const char *older, const char *newer, bool *ret_is,
                     GError **error);
