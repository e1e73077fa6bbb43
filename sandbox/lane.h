/* SPDX-License-Identifier: Apache-2.0 */
/* A monitor that serves a keeper's boxes one after another. See lane.c. */
#pragma once

#include "sandbox/box.h"

/* What a keeper sends, with the box's own socket. */
typedef struct {
    char cgroup_name[64];
    bool is_built_ahead; /* not only when its request is here */
} LaneOrder;

/* What the lane answers: a byte each. */
typedef enum {
    LANE_NEXT = 'n', /* the client will soon want another box */
    LANE_FREE = 'f', /* the box is cleared away */
} LaneWord;

/* Says LANE_NEXT, once. */
void lane_look_ahead(Box *box);

/* The forked process: serves orders until the keeper's end of the socket is closed. */
_Noreturn void lane_run(const BoxSetup *setup, int keeper_fd);
