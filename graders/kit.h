/* SPDX-License-Identifier: Apache-2.0 */
/* An autograder's files as instructors upload them elsewhere: a zip or tar archive, or the folder that it was packed
 * from. They are the course's, so what is wrong with them is an error of ours, never a student's. */
#pragma once

#include "daemon/base/base.h"

/* What is wrong with the kit at `path`, as the rest of a sentence ("has no run_autograder at its top ..."), or NULL.
 * Caller frees. */
char *kit_problem(const char *path, const char *needed);

/* Lower-case hex SHA-256 of the archive, or of a folder's files by name; what interpreters leave there does not count.
 * Caller frees. */
char *kit_digest(const char *path, GError **error);

/* Unpacks the archive `path` into the empty folder `target`, which nobody else writes to. Entries that lead outside are
 * refused, devices and the like left out. INVALID: no archive, or one that is refused; LIMIT: over 512 MiB or 50,000
 * entries. */
bool kit_unpack(const char *path, const char *target, GError **error);
