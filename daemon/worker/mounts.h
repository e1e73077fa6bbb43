/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that graders ask for, in the worker's own mount namespace. */
#pragma once

#include "daemon/worker/worker.h"

extern const GraderMounts worker_mounts;
