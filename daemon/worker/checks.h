/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a rubric's checks over a filled workspace.
 */
#pragma once

#include "daemon/worker/confine.h"

/* What reaches a worker from outside while it does its job. */
typedef struct {
    int cancel_fd; /* readable: nobody waits any more */
    int proxy_fd;  /* the broker of the hosts that checks open; -1: none */
} Outside;

/* Runs the checks of `rubric` in its order and appends their findings to the report, one a check, with the boxes'
 * spans; what needs an item that did not pass is skipped, and says which. TEMPORARY: nobody waits any more. */
bool checks_run(const WorkerJob *job, const Rubric *rubric, const Confinement *confinement, BoxClient *boxes,
                const Outside *outside, WorkerReport *report, GError **error);
