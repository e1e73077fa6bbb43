/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result as GitHub shows it: title, summary, text and annotations of a check run, the description of a commit status.
 * Nothing here asks GitHub anything. What is not visible to the student is in none of it; what
 * students and instructors wrote is escaped; every size is within GitHub's limits (docs.github.com: checks, statuses).
 */
#pragma once

#include "daemon/net/net.h"

#define GITHUB_MAX_TEXT        65535 /* characters of summary, of text, of a comment; we count bytes */
#define GITHUB_MAX_TITLE       255
#define GITHUB_MAX_DESCRIPTION 140 /* characters of a status' description */
#define GITHUB_MAX_ANNOTATIONS 200 /* ours: four requests */

typedef struct {
    char *title, *summary, *text; /* of the check run */
    char *comment;                /* the whole, with room for a mark of 1 KiB before it */
    char *description;            /* of the status */
    const char *status;           /* of the check run: "queued" "in_progress" "completed" */
    const char *conclusion;       /* with "completed": "success" "failure" "neutral" "cancelled" */
    const char *state;            /* "success" "failure" "pending" "error" */
    cJSON *annotations;           /* array, at most GITHUB_MAX_ANNOTATIONS */
} GithubPage;
void github_page_clear(GithubPage *page);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GithubPage, github_page_clear)

void github_page_make(const Result *result, GithubPage *ret);
/* Title, summary, status and conclusion of what has no result yet. */
void github_page_announce(const Effect *effect, GithubPage *ret);
