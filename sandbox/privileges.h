/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sandbox/box.h"

/* Gives up every capability for ever: bounding set, ambient and all other sets empty, securebits locked, no_new_privs.
 */
int privileges_drop(Problem *problem);
