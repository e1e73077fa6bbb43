/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a submission is graded by: a version of a rubric, from a copy in the state folder that nobody edits; and the
 * worker's job made of it.
 */
#pragma once

#include "daemon/roles/roles.h"

typedef struct {
    Store *store;
    const Config *config;
    const Course *course;
    const char *image_digest; /* of this machine; NULL: the worker computes it */
    GHashTable *snapshots;    /* digests whose snapshot is known to be there; NULL: not remembered */
} BasisContext;

typedef struct {
    const Rubric *rubric;
    Rubric *own;  /* loaded from a snapshot, else NULL */
    char *folder; /* absolute; of the snapshot */
} Basis;
void basis_clear(Basis *basis);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Basis, basis_clear)

/* The version with this digest, or (NULL) the one in force at receipt. NOT_FOUND: there is none. */
bool basis_find(const BasisContext *context, const Submission *submission, const char *digest, Basis *ret,
                GError **error);

/* The job, ready to be sent. INVALID: the course does not know the owner any more. */
WorkerJob *basis_job(const BasisContext *context, const Submission *submission, const Basis *basis, GError **error);
