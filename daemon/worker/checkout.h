/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A commit's files, straight from the objects of a local repository: no filter, hook, attribute or configuration has a
 * say.
 */
#pragma once

#include "daemon/worker/worker.h"

/* Writes the tree of `commit` (40 hex) of the bare repository `git_folder` into the empty folder `target_fd`; objects
 * whose content is not what their name says are refused. Findings as in unpack_archive. Error: the repository cannot be
 * opened, or lacks the commit. */
bool checkout_commit(const char *git_folder, const char *commit, int target_fd, const UnpackLimits *limits,
                     GPtrArray *findings, GError **error);
