/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A submission's history, read by libgit2 from the bare repository that was fetched: local objects only, none of the
 * machine's configuration, no hook, nothing run. The objects are hostile: at most 50,000 commits, trees 64 deep,
 * 300,000 objects, and nothing beyond the deadline given.
 */
#pragma once

#include "graders/graders.h"

typedef struct History History;

/* Opens the repository at the graded commit. `deadline_us` is of the monotonic clock. One at a time: it holds libgit2.
 */
History *history_open(const GraderContext *context, gint64 deadline_us, GError **error);
void history_close(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_close)

typedef struct {
    char hex[41];
    const char *name;    /* author's, valid UTF-8 */
    const char *email;   /* author's, lower case, valid UTF-8 */
    const char *message; /* at most 16 KiB, valid UTF-8 */
    gint64 time_us;      /* as the author wrote it */
    bool is_merge;
} HistoryCommit;

/* Calls `each` for the graded commit and all before it, newest first; with `branch` only for those that are on it too.
 * NOT_FOUND: there is no such branch. Stops, true, when `each` returns false. */
typedef bool (*HistoryEach)(const HistoryCommit *commit, void *data);
bool history_each_commit(History *history, const char *branch, HistoryEach each, void *data, GError **error);

/* The largest file of the graded commit's tree: *ret_path (caller frees; NULL in an empty tree) and *ret_bytes. */
bool history_largest_file(History *history, char **ret_path, gint64 *ret_bytes, GError **error);

/* Calls `each` once for every version of a file of at most 1 MiB, from the oldest commit on, with the first commit that
 * has it. *ret_is_whole: false when the bounds (256 MiB, 300,000 objects) cut the search short. Stops when `each`
 * returns false. */
typedef bool (*HistoryBlob)(const char *path, const char *commit_hex, const char *data, gsize length, void *user_data);
bool history_each_blob(History *history, HistoryBlob each, void *user_data, bool *ret_is_whole, GError **error);
