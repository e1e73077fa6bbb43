/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was handed in to files in the workspace: the child that reads hostile bytes, and its parent's judgement of
 * it.
 */
#pragma once

#include "daemon/worker/confine.h"

/* Fills the workspace. Refusals and remarks become findings, and so does a reader that crashes, hangs or needs too much
 * memory: what it reads is the student's. False: our failure. */
bool content_unpack(const Confinement *confinement, const WorkerJob *job, GPtrArray *findings, GError **error);

/* What the child does: reads the content, here and now, with whatever rights the caller has. `content_fd`: the archive
 * or folder (a repository is opened by its path). */
bool content_read(const WorkerJob *job, int content_fd, int workspace_fd, GPtrArray *findings, GError **error);
