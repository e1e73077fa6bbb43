/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in a workspace that a student made: listed and read below its folder's fd, following no link, within
 * bounds. */
#pragma once

#include "graders/graders.h"

typedef enum { ENTRY_FILE, ENTRY_FOLDER, ENTRY_OTHER } EntryKind; /* other: links, FIFOs, devices, sockets */

typedef struct {
    char *path; /* relative, valid UTF-8 */
    EntryKind kind;
    gint64 bytes;
} Entry;

/* All entries, parents before children, by name. `.git` at the top is left out. LIMIT: more
 * than 100,000 entries or folders deeper than 64; entries whose names are not UTF-8 are left out. */
GPtrArray *workspace_list(const GraderContext *context, GError **error); /* of Entry* */

/* Reads at most `max_bytes` of a file. false: it is not to be had (vanished, no file, unreadable). */
bool workspace_read(const GraderContext *context, const char *path, gsize max_bytes, char **ret_data, gsize *ret_length,
                    GError **error);
