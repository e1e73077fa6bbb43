/* SPDX-License-Identifier: Apache-2.0 */
/* What a box of an autograder is shown: a folder of ours for one run, and the binds that lead into it. */
#pragma once

#include "graders/graders.h"

/* Where it is shown in boxes. */
#define STAGE_IN_BOX "/run/autograder"

typedef struct {
    const GraderContext *context;
    char *folder;       /* ours, below the scratch folder */
    GPtrArray *paths;   /* what the binds borrow */
    GArray *binds;      /* of BoxBind */
    GPtrArray *mounted; /* of char*: folders, in the order in which they were mounted */
} Stage;

bool stage_open(Stage *stage, const GraderContext *context, GError **error);
/* Takes all away, also what is mounted. Fine for one that is zero. */
void stage_clear(Stage *stage);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

/* A new folder in it. NULL: *error. Caller frees. */
char *stage_make_folder(Stage *stage, const char *name, GError **error);
/* Shows `source` (taken over) at the absolute path `target`. */
void stage_show(Stage *stage, char *source, const char *target, bool is_writable);
/* Shows a new file of that text. */
bool stage_show_text(Stage *stage, const char *name, const char *text, const char *target, GError **error);
/* Shows the files of an archive or folder of the course at STAGE_IN_BOX/kit. */
bool stage_show_kit(Stage *stage, const char *kit, GError **error);
/* A disk; NULL: *error. Caller frees its path. */
char *stage_mount_disk(Stage *stage, gint64 bytes, gint64 n_entries, GError **error);
/* GraderMounts.overlay, to be taken away with the stage. */
bool stage_mount_overlay(Stage *stage, const char *const *lowers, const char *upper, const char *work,
                         const char *folder, GError **error);
