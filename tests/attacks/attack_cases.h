/* SPDX-License-Identifier: Apache-2.0 */
/* What an attack must come to, and the cases of boxes with a root inside; those of all boxes are in attack_suite.c. */
#pragma once

#include "sandbox/sandbox.h"

#include <string.h>

enum { ANY_REPORT = -1 };

/* What must be seen. */
typedef enum {
    HELD,      /* exit status 0 */
    CONTAINED, /* any end but "escaped" and "refused": where it depends on the machine which limit comes first */
    WALL,
    CPU,
    MEMORY,
    PROCESSES,
    OUTPUT,
    DISK,
    FILE_SIZE,
    SEGMENT, /* dies of SIGSEGV */
    BAD_CALL /* dies of SIGSYS, or of what a kernel without 32-bit calls does to int 0x80 outside of boxes too */
} Expect;

typedef struct {
    const char *name;
    Expect with_groups, without_groups;
    int report;      /* a BoxReportState, or ANY_REPORT */
    int64_t wall_ms; /* 0: generous */
    uint32_t calls;  /* BoxCalls that the box is allowed */
} Case;

/* They ask for uid 1000, or try what uid 0 is allowed by name; root_cases ask the same of root. */
static inline bool is_about_the_student(const char *name)
{
    static const char *const names[] = {"become_others",         "give_files_away",          "groups_are_dropped",
                                        "setuid_programs",       "setuid_copy_of_the_shell", "become_root_by_su",
                                        "init_belongs_to_nobody"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static const Case root_cases[] = {
    {"root_is_only_a_name", HELD, HELD, ANY_REPORT, 0, 0},
    {"capability_sets_are_empty", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_gains_nothing_by_exec", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_becomes_nobody_else", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_reads_no_secrets", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_writes_no_system", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_mounts_nothing", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_makes_no_devices", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_leaves_by_no_chroot", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_makes_no_namespaces", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_raises_no_limits", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_loads_no_code", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_moves_to_no_group", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_signals_and_traces_no_one", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_sets_no_file_powers", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_is_the_only_group", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_copies_no_setuid_power", HELD, HELD, ANY_REPORT, 0, 0},
    {"init_is_not_roots", HELD, HELD, ANY_REPORT, 0, 0},
    {"scratch_is_bounded", HELD, HELD, ANY_REPORT, 0, 0},
    {"root_gains_nothing_by_exec", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"root_mounts_nothing", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"root_makes_no_namespaces", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
    {"root_signals_and_traces_no_one", HELD, HELD, ANY_REPORT, 0, BOX_CALLS_ALL},
};
