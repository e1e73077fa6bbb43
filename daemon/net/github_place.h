/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where on GitHub a submission was handed in: written into its row by the source, read from it by the sink.
 */
#pragma once

#include "daemon/store/store.h"

/*
 * Submission.external_id is "<repository id>:<ref>:<assignment>" (the assignment keeps two apart that watch the same
 * ref; no ref holds a colon), Submission.location "<web URL of the repository>#<ref>", Submission.revision the commit.
 *
 * ref: "refs/heads/main", "refs/tags/submit/m1", "refs/pull/12/head", "releases/<tag>".
 */
typedef struct {
    gint64 repository_id; /* follows renames and transfers */
    char *full_name;      /* "owner/name" as it was when this was handed in */
    char *ref;
    char *sha;          /* of the commit */
    gint64 pull_number; /* 0: no pull request */
} GithubPlace;
void github_place_clear(GithubPlace *place);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GithubPlace, github_place_clear)

/* A commit by its whole name, 40 lower-case hex digits; NULL is none. */
bool github_sha_is_plain(const char *sha);
/* INVALID: the row is not of GitHub. The part ":<assignment>" may be absent. */
bool github_place_parse(const Submission *submission, GithubPlace *ret_place, GError **error);
/* The two texts of a row; `web` is the base of web URLs ("https://github.com"). Caller frees. */
char *github_place_external_id(gint64 repository_id, const char *ref, const char *assignment);
char *github_place_location(const char *web, const char *full_name, const char *ref);
/* "refs/pull/12/head" -> 12; 0: it is no pull request's. */
gint64 github_pull_of_ref(const char *ref);
