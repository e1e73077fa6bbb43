/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sample submissions of a course, samples/<assignment>/<name>, and what is expected of them, <name>.expect.yaml.
 */
#pragma once

#include "daemon/cli/expectation.h"
#include "daemon/cli/grading.h"

typedef struct {
    const Assignment *assignment;
    char *name;               /* "passing" */
    char *path;               /* folder, archive or *.bundle; NULL: only a base is given */
    Expectation *expectation; /* NULL: there is none, or it has mistakes */
    bool has_expectation_file;

    /* Of a run. */
    LocalSubmission submission;
    WorkerJob *job;
    const Rubric *rubric;
    Worker *worker;
    Verdict *verdict;       /* NULL: could not be graded; `differences` says why */
    GPtrArray *differences; /* of char*: sentences; empty: as expected */
} Sample;
void sample_free(Sample *sample);

/* The samples of one assignment, by name. Mistakes in expectation files go to `diagnostics`. No samples: an empty
 * array. */
GPtrArray *samples_list(const Course *course, const Assignment *assignment, Diagnostics *diagnostics);

/* Grades all samples, as many at once as there are processors, and compares. Each gets its verdict and differences. */
void samples_run(const Course *course, GPtrArray *samples);

/* Names of checks ("m1 builds/2") that decide an item of a rubric in `samples` and that no sample fails; of char*. */
GPtrArray *samples_toothless(const Course *course, const Assignment *assignment, const GPtrArray *samples);
