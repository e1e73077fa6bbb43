/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program `git` as a child: all network git, and what is written into our mirrors. It gets an own empty home, no
 * system or user configuration, no hooks, no prompts, a short list of protocols, checked objects, a time limit and a
 * size limit. Repositories and their refs are hostile; URLs come from course files.
 */
#pragma once

#include "daemon/base/base.h"

typedef struct {
    const char *state_folder; /* git-home/ is made below it */
    gint64 timeout_ms;
    gint64 max_bytes; /* of any file that git writes */
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
/* The same, any status but 0 being TEMPORARY with git's last words. */
bool git_must(const GitChild *git, const char *folder, const char *const *arguments, GString **ret_out, GError **error);

typedef struct {
    char *name;   /* "refs/heads/main", "refs/tags/m1" */
    char sha[41]; /* of the ref itself: for an annotated tag, of the tag object */
} GitRef;

/* Starts `n` ls-remotes at once and waits for all. ret_refs[i]: GPtrArray of GitRef* (heads and tags, at most 20,000,
 * peeled ones left out), or NULL with ret_errors[i] set. Both arrays are the caller's, n long, zeroed. */
void git_ls_remotes(const GitChild *git, const char *const *urls, gsize n, GPtrArray **ret_refs, GError **ret_errors);

/* Fetches `refs` (full names, NULL-terminated) of `url` into the bare repository `mirror` (made if absent), as
 * refs/rubricd/incoming/<i>. */
bool git_fetch(const GitChild *git, const char *mirror, const char *url, const char *const *refs, GError **error);
/* The commit that refs/rubricd/incoming/<i> leads to, 40 hex; NULL and NOT_FOUND: no commit. Caller frees. */
char *git_incoming_commit(const GitChild *git, const char *mirror, guint i, GError **error);
/* Pins a commit for ever by refs/rubricd/keep/<commit>. */
bool git_keep(const GitChild *git, const char *mirror, const char *commit, GError **error);
/* Is `older` an ancestor of `newer`? Unknown commits: false. */
bool git_is_ancestor(const GitChild *git, const char *mirror, const char *older, const char *newer, bool *ret_is,
                     GError **error);
