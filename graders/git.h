/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of `git`: read in git_parse.c, used in git.c. */
#pragma once

#include "rubrics/rubrics.h"

typedef struct {
    bool has_commits; /* a rule about their number was given */
    gint64 min_commits;
    gint64 by_each_member;
    char *since, *until; /* times as written, in the course's zone; until may be "deadline"; NULL: none */
    char *branch;        /* NULL: all that the graded commit descends from */
    bool counts_merges;
    GRegex *message;            /* or NULL */
    gint64 message_share_milli; /* thousandths of a percent; more than this share must match */
    gint64 max_file_bytes;      /* -1: no rule */
    char **tags, **branches;    /* globs; NULL: no rule */
    bool no_secrets;
} GitParameters;

void *git_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics);
void git_free(void *parameters);
