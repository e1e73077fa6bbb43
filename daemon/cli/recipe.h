/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a sample submission is made out of another one: `base:`, `remove:` and `edit:` of an expectation file, the
 * sample's own files on top, and a `history:` of commits that they go into. So a sample that differs from another in
 * one line is one line long.
 */
#pragma once

#include "daemon/cli/local_submission.h"

typedef struct {
    char *file, *from, *to;
} RecipeEdit;

typedef struct {
    char *by; /* id of a person of the roster, or "id alias@example.org" for another of their addresses */
    char *message;
    gint64 at_us;
    char **files; /* paths that the commit adds, as they are in the end; NULL: all that are left */
} RecipeCommit;

/* One sample's part; `base` has the others. */
typedef struct Recipe Recipe;
struct Recipe {
    Recipe *base;       /* NULL: none */
    char *folder;       /* of the sample's own files, absolute; NULL: it has none */
    char **removes;     /* of the base's files; may be NULL */
    GPtrArray *edits;   /* of RecipeEdit*: of the base's files */
    GPtrArray *history; /* of RecipeCommit*; NULL: the base's, or none */
    char **tags;        /* of the last commit; NULL: the base's, or none */
};
void recipe_free(Recipe *recipe);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recipe, recipe_free)

/* Reads remove, edit, history and tags from an expectation's mapping, whose reader the caller ends. */
Recipe *recipe_read(YamlReader *reader, const char *folder, GTimeZone *zone);
/* Is there more to do than to take the folder as it is? */
bool recipe_is_needed(const Recipe *recipe);
/* Makes the submission in a temporary folder of its own, which goes when `ret` is cleared. INVALID: a file to remove or
 * edit is not there, a text to edit is not in it, an author is nobody of the roster. */
bool recipe_make(const Recipe *recipe, const Course *course, LocalSubmission *ret, GError **error);
