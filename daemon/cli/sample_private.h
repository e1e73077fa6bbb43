/* SPDX-License-Identifier: Apache-2.0 */
/* What sample.c (expect.yaml) and sample_lay_out.c (files and commits) share. */
#pragma once

#include "daemon/cli/sample.h"

typedef struct {
    char *file, *from, *to;
} SampleEdit;

/* A sample of the chain of bases. */
typedef struct {
    char *folder;     /* absolute */
    char **removes;   /* paths below it; may be NULL */
    GPtrArray *edits; /* of SampleEdit* */
} SampleLayer;
