/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sandbox/box.h"

/* Empties the bounding set, which children inherit: the powers of now stay, none can come any more. */
void privileges_bound(void);

/* Gives up every capability for ever: bounding set, ambient and all other sets empty, securebits locked, no_new_privs.
 */
int privileges_drop(Problem *problem);
