/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `rubric grade` and `rubric test` share: from a course and something handed in to a job, and from a report to a
 * verdict.
 */
#pragma once

#include "daemon/cli/local_submission.h"

/* Everything a machine may lack: whoever grades here by hand, grades with what there is (`rubric doctor` tells what is
 * missing). */
#define GRADING_ACCEPT_MISSING                                                                                         \
    (BOX_PROMISE_CGROUP_MEMORY | BOX_PROMISE_CGROUP_PROCESSES | BOX_PROMISE_CGROUP_CPU | BOX_PROMISE_LANDLOCK |        \
     BOX_PROMISE_OVERLAY | BOX_PROMISE_OWN_UID | BOX_PROMISE_CGROUP_SHARE)

/* One worker's time, boxes included. */
enum { GRADING_TIMEOUT_MS = 15 * 60 * 1000 };

/* `wanted` if it is a team or person of this assignment, or one's e-mail or login (NOT_FOUND else); without `wanted`
 * the first owner in the roster, who stands for all. Owned by the course. */
const char *grading_find_owner(const Course *course, const Assignment *assignment, const char *wanted, GError **error);

/* The job for it; INVALID: the assignment has no rubric. *ret_rubric is owned by the course. */
WorkerJob *grading_job(const Course *course, const Assignment *assignment, const char *owner, gint64 received_us,
                       const LocalSubmission *submission, const Rubric **ret_rubric, GError **error);

/* The verdict on a report; with `public_only` the items that students do not always see are left out. */
Verdict *grading_verdict(const WorkerJob *job, const Rubric *rubric, const LocalSubmission *submission,
                         const WorkerReport *report);
