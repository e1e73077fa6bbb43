/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks, as they run inside a box: `attack-cases NAME`. Exit status 0: the box held. 99: it did not, stderr says how.
 * Anything else, or no end at all, is what the suite expects of that case.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELD = 0, GAVE_UP = 1, ESCAPED = 99 };

typedef struct {
    const char *name;
    int (*run)(void);
    const char *script; /* for /bin/sh, where there is no `run` */
} Attack;

extern const Attack process_attacks[], resource_attacks[], file_attacks[], report_attacks[], kernel_attacks[],
    network_attacks[], remnant_attacks[], root_attacks[], shell_attacks[];

static inline int escaped(const char *how)
{
    fprintf(stderr, "ESCAPED: %s\n", how);
    return ESCAPED;
}

/* `result` of a call that must have failed. */
static inline int must_fail(const char *what, long result)
{
    return result >= 0 ? escaped(what) : HELD;
}
