/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor that serves a keeper's boxes one after another. See lane.c. */
#pragma once

#include "sandbox/box.h"

/* What a keeper sends, with the box's own socket; the answer is one byte when the box is cleared away. */
typedef struct {
    char cgroup_name[64];
} LaneOrder;

/* The forked process: serves orders until the keeper's end of the socket is closed. */
_Noreturn void lane_run(const BoxSetup *setup, int keeper_fd);
