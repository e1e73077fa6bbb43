/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time and number of processes of a box that has no control group, read from its own /proc. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t cpu_us; /* of what lives and what was reaped */
    int64_t processes;
} ProcSample;

bool proc_sample_read(int proc_fd, ProcSample *ret_sample);
