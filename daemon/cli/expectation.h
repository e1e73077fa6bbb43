/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is expected of a sample, <name>.expect.yaml beside it: docs/guides/instructors.md has the keys.
 */
#pragma once

#include "daemon/cli/recipe.h"

typedef struct {
    GHashTable *items;  /* id -> ItemOutcome + 1 */
    GHashTable *checks; /* name -> FindingOutcome + 1 */
    int rest;           /* ItemOutcome, or -1: what is not named does not matter */
    bool is_refused;
    gint64 received_us; /* an hour before the deadline by default */
    char *owner;        /* NULL: the roster's first */
    Recipe *recipe;
} Expectation;
void expectation_free(Expectation *expectation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Expectation, expectation_free)

extern const char expectation_suffix[]; /* ".expect.yaml" */

/* Reads the expectation of sample `name` in the assignment's samples folder, and those of its bases, whose words hold
 * where it says nothing itself. NULL after at least one error. */
Expectation *expectation_load(const Course *course, const Assignment *assignment, const char *name,
                              Diagnostics *diagnostics);

/* What an item must come to; -1: it does not matter. */
int expectation_of_item(const Expectation *expectation, const char *id);
/* What a check must find; -1: it does not matter. */
int expectation_of_check(const Expectation *expectation, const char *name);
