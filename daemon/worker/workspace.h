/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a workspace from hostile content: what archives and git trees have in common. Everything that enters passes
 * workspace_admit (names, limits, duplicates) and is written below a folder fd, never through a link: links are made
 * last.
 *
 * Three ways to end: a refusal or a remark is the student's and becomes a finding; a stop is a refusal after which
 * reading on makes no sense (`is_stopped`); a GError is ours.
 */
#pragma once

#include "daemon/worker/worker.h"

typedef enum { ENTRY_FOLDER = 1, ENTRY_FILE, ENTRY_LINK } EntryKind;

/* The folder that pack_folder puts everything in, so that unpacking enters it and not a student's. */
#define PACKED_ROOT "submission"

/* What is let in, or left out, but said once with a count. */
typedef enum {
    REMARK_ROOT,
    REMARK_DEBRIS,
    REMARK_GIT,
    REMARK_SETUID,
    REMARK_CASE,
    REMARK_SUBMODULE,
    REMARK_LFS,
    N_REMARKS,
} Remark;

typedef struct {
    int folder_fd; /* borrowed */
    const UnpackLimits *limits;
    char *what;          /* "zip", "tar", "repository": for messages */
    gint64 packed_bytes; /* size of the archive; 0: no ratio to look at */
    GPtrArray *findings; /* borrowed */
    GHashTable *entries; /* path -> EntryKind */
    GHashTable *folded;  /* name_fold(path) -> path, borrowed from entries */
    GPtrArray *links;    /* of PendingLink* */
    gint64 n_entries, n_bytes;
    unsigned n_refused;
    struct {
        unsigned n;
        GString *names; /* the first few, quoted */
    } remarks[N_REMARKS];
    bool is_stopped;
} Workspace;

void workspace_init(Workspace *workspace, int folder_fd, const UnpackLimits *limits, GPtrArray *findings);
void workspace_clear(Workspace *workspace);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Workspace, workspace_clear)
void workspace_set_what(Workspace *workspace, const char *what);

/* May something of this kind enter under this name? The clean path (caller frees), or NULL: left out, with everything
 * said. */
char *workspace_admit(Workspace *workspace, const char *raw_name, EntryKind kind);
/* Counts content that is about to be written; false: a limit is passed, the workspace is stopped. `file_bytes`: of this
 * file so far. */
bool workspace_admit_bytes(Workspace *workspace, const char *path, gint64 more_bytes, gint64 file_bytes);

bool workspace_add_folder(Workspace *workspace, const char *path, GError **error);
/* A new file to write; -1 and error on failure. */
int workspace_add_file(Workspace *workspace, const char *path, bool is_executable, GError **error);
/* Remembered until workspace_finish. */
void workspace_add_link(Workspace *workspace, const char *path, const char *target);
/* A copy of a file that is there already, for hard links; `raw_source` as the archive names it. */
bool workspace_add_copy(Workspace *workspace, const char *path, const char *raw_source, GError **error);

void workspace_refuse(Workspace *workspace, const char *format, ...) G_GNUC_PRINTF(2, 3);
void workspace_stop(Workspace *workspace, const char *format, ...) G_GNUC_PRINTF(2, 3);
void workspace_remark(Workspace *workspace, Remark remark, const char *name);

/* Enters the only root folder (`enter_root`), makes the links, writes the remarks. */
bool workspace_finish(Workspace *workspace, bool enter_root, GError **error);
