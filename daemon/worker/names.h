/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judging names that archives and git trees bring: hostile bytes in, a clean relative path or a reason out. Pure.
 */
#pragma once

#include "daemon/worker/worker.h"

typedef enum {
    NAME_FINE,
    NAME_ROOT,   /* the folder itself: "", ".", "./" */
    NAME_DEBRIS, /* what macOS, Windows and editors leave lying about */
    NAME_GIT,    /* below a folder named .git */
    NAME_REFUSED,
} NameJudgement;

/* Judges the path `raw`. FINE: *ret_path is the same place without "." and doubled slashes. REFUSED: *ret_why ends the
 * sentence "the zip holds a name that ...". Both are the caller's, NULL else. */
NameJudgement name_judge(const char *raw, gint64 max_depth, char **ret_path, char **ret_why);

/* Where a link that lies at `path` and says `target` leads, without looking at the disk: false when that is outside. */
bool name_link_stays_inside(const char *path, const char *target);

/* The bytes read as code page 437, which zips without the UTF-8 flag use, as UTF-8. */
char *name_from_cp437(const char *bytes);

/* Equal for two names that a file system which ignores case takes for one. */
char *name_fold(const char *path);

/* For messages: safe on a terminal, and not too long. */
char *name_shown(const char *raw);
