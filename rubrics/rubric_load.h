/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of rubric_load share: rubric.c (the file), rubric_item.c (items and checks), rubric_needs.c (the graph
 * of needs), rubric_digest.c (files used, digest, snapshot), rubric_hosts.c (hosts that checks open),
 * rubric_image.c (images).
 */
#pragma once

#include "rubrics/rubrics.h"

/* A need as it was written, until all items are known. */
typedef struct {
    Item *item;
    const YamlNode *need; /* scalar: the id of another item */
} PendingNeed;

struct RubricLoad {
    const char *course_folder;
    const GraderType *const *graders;
    Diagnostics *diagnostics;
    Rubric *rubric;           /* being filled */
    BoxLimits limits;         /* what the rubric itself says, zero where it does not */
    GHashTable *by_id;        /* item id -> Item* (borrowed) */
    GArray *needs;            /* of PendingNeed */
    bool sum_is_unknown;      /* an item's points could not be read */
    const RubricImage *image; /* of the whole rubric; NULL: the host */
    GHashTable *files;        /* set of char*: relative paths of files used */
};

/* Lower-case letters, digits, '-', '_', '.', at most 64, beginning with a letter or digit. Reports at `node` else. */
bool rubric_id_check(const char *id, const char *what, const YamlNode *node, Diagnostics *diagnostics);

/* Reads `limits:` of a reader's mapping into `limits` (only what is given). */
void rubric_limits_read(YamlReader *reader, BoxLimits *limits);

/* Reads `key` (a list of items) into the rubric. `n_items` bounded. */
void rubric_items_read(RubricLoad *load, YamlReader *reader, const char *key, bool is_bonus);
void item_free(Item *item);

/* Reads `leaderboard:` when all items are known. */
void rubric_leaderboard_read(RubricLoad *load, YamlReader *reader);

/* Resolves the needs, reports unknown ones and cycles, and sets rubric->order. */
void rubric_needs_resolve(RubricLoad *load);

void rubric_image_free(RubricImage *image);

/* Sets rubric->files and rubric->digest. */
bool rubric_digest_make(Rubric *rubric, GHashTable *files, const char *course_folder, GError **error);
