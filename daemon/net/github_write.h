/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ways in which a result is written to GitHub, one file each; sink_github.c chooses and judges what came of it.
 *
 * Each looks for what it wrote before, so that a crash between the request and our commit changes nothing: a check run
 * by its external_id, a status by its context, a comment by a hidden mark, a file on a branch by its name and bytes.
 */
#pragma once

#include "daemon/net/github_page.h"
#include "daemon/net/github_place.h"

typedef struct {
    GithubClient *client;
    gint64 app_id;    /* 0: a personal access token */
    const char *sink; /* its name */
    const char *key;  /* the effect's idempotency key */
    gint64 submission_id, verdict_number;
    const char *state_folder;
    const GithubPlace *place;
    const GithubPage *page;
    const char *assignment;     /* its id */
    bool is_announcement;       /* the page is no result: it never takes one's place */
    gint64 end_mono_us;         /* no further request after that */
    GithubAnswer answer;        /* of the last request; outcome OK unless it stopped the writing */
    bool is_write_unauthorized; /* the last request wrote, or was git's, and its token was refused */
} GithubPost;

/* The id of what is there now (caller frees). NULL with post->answer.outcome other than OK: GitHub said so. NULL with
 * *error: we failed. */
char *github_write_check_run(GithubPost *post, GError **error);
char *github_write_status(GithubPost *post, GError **error);
char *github_write_comment(GithubPost *post, GError **error);
char *github_write_branch(GithubPost *post, GError **error);
/* Does the course want one for what was handed in there? `assignment` NULL: no. */
bool github_comment_is_wanted(const GithubPlace *place, const Assignment *assignment);

/* "<sink>/<assignment>": name of the check run, context of the status, mark of the comment. Caller frees. */
char *github_write_title(const GithubPost *post);

/* The submission that a check run of ours belongs to, from its external_id; 0: it is none of ours. */
gint64 github_run_submission(const char *external_id);

/* ---- for the writers ---- */

/* One request below the repository ("/check-runs"). true: OK, the answer is in post->answer. false: see above. */
bool github_post_ask(GithubPost *post, const char *method, const char *tail, const cJSON *body, GError **error);
/* The page behind `next` of the last answer. */
bool github_post_ask_next(GithubPost *post, GError **error);
/* The id of the last answer, as text. NULL: it holds none, and the outcome becomes RETRY. */
char *github_post_id(GithubPost *post);
/* As whom we write. NULL: see above. Caller frees. */
char *github_post_login(GithubPost *post, GError **error);
