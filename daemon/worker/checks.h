/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a rubric's checks over a filled workspace.
 */
#pragma once

#include "daemon/worker/confine.h"

/* Runs the checks of `rubric` in its order and appends their findings to the report, one a check, with the boxes'
 * spans; what needs an item that did not pass is skipped, and says which. `cancel_fd`: readable means that nobody waits
 * any more (TEMPORARY). */
bool checks_run(const WorkerJob *job, const Rubric *rubric, const Confinement *confinement, BoxClient *boxes,
                int cancel_fd, WorkerReport *report, GError **error);
