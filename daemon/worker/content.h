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
