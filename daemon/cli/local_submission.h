/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something to grade that lies here or that git can fetch, for commands that need no daemon.
 */
#pragma once

#include "daemon/net/net.h"
#include "daemon/worker/worker.h"

typedef struct {
    ContentKind kind;
    char *path;      /* absolute: archive, folder, or a bare repository of ours */
    char *digest;    /* "sha256:..." or "git:..."; NULL for a folder, which can change under us */
    char *commit;    /* of a repository */
    char **refs;     /* of a repository */
    char *temporary; /* removed when cleared */
} LocalSubmission;

void local_submission_clear(LocalSubmission *submission);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LocalSubmission, local_submission_clear)

/* Is this something for git: an URL, host:path, or a file *.bundle? (May end in @REVISION.) */
bool local_submission_is_git(const char *what);

/* Opens a folder, an archive, or a git URL or bundle with an optional @REVISION, which is fetched into a temporary bare
 * repository by a git child that runs no hook and asks nothing. NOT_FOUND, INVALID: what the user named is not there or
 * no revision. */
bool local_submission_open(const char *what, LocalSubmission *ret, GError **error);

/* Puts it into a job. */
void local_submission_fill(const LocalSubmission *submission, WorkerJob *job);
