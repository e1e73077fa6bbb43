/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places in a student's files that the output of compilers, linters and test runners names: "src/a.c:12:5: error: ...",
 * `File "a.py", line 3`. The text is a student's; a place is only shown to that student, in that student's files.
 */
#pragma once

#include "daemon/base/base.h"

typedef struct {
    char *path; /* relative, without "." and ".." */
    gint64 line;
    char *message; /* what is said about it; NULL: nothing */
    bool is_warning;
} Place;
void place_free(Place *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Place, place_free)

/* Appends what `text` names to `places` (of Place*, owning), each path and line once, until there are `max`. */
void places_find(GPtrArray *places, const char *text, guint max);
