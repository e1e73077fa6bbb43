/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sample submission of a course: what an author hands in to try a rubric, and the verdict that must come out.
 *
 * A sample is a folder samples/<assignment>/<name>/ with files and expect.yaml. A sample with `base: other` has the
 * files of that other one, without those under `remove:`, changed as `edit:` says, with its own files on top; what it
 * does not say itself about owner, receipt, history and outcomes is as the other one says it. With a `history:` its
 * files become commits of a git repository.
 */
#pragma once

#include "daemon/worker/worker.h"

typedef struct {
    char *by; /* id of a person of the roster, or "id alias@example.org" to commit by another of their addresses */
    char *message;
    gint64 at_us;
    char **files; /* paths or folders that the commit adds as they are in the end; NULL: all that are left */
} SampleCommit;

typedef struct {
    char *assignment, *name;
    char *owner;        /* id, or NULL: not said */
    gint64 received_us; /* G_MININT64: not said */
    GHashTable *items;  /* item id -> name of the outcome, for those that it speaks of */
    GHashTable *checks; /* check name -> name of the finding's outcome, likewise */
    GPtrArray *history; /* of SampleCommit*; NULL: it is handed in as files */
    char **tags;        /* of the last commit; may be NULL */
    GPtrArray *layers;  /* private: what to lay out, the base first */
} Sample;

/* Reads expect.yaml of a sample and of those that it is based on. NULL after at least one error in `diagnostics`. */
Sample *sample_load(const Course *course, const char *assignment, const char *name, Diagnostics *diagnostics);
void sample_free(Sample *sample);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sample, sample_free)

/* Names of an assignment's samples, sorted, NULL-terminated; empty when it has none. Caller frees. */
char **sample_list(const Course *course, const char *assignment);

/* Makes the sample below the empty folder `target` and says in `job` where it is: content kind, path, commit and refs.
 * INVALID: a file to remove or edit is not there, or a text to edit is not in it. */
bool sample_lay_out(const Sample *sample, const Course *course, const char *target, WorkerJob *job, GError **error);
