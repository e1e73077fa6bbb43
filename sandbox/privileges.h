/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "sandbox/box.h"

/* Empties the bounding set, which children inherit: the powers of now stay, none can come any more. */
int privileges_bound(Problem *problem);

/* Gives up every capability for ever: ambient and all other sets empty, securebits locked, no_new_privs. The bounding
 * set must be empty already. */
int privileges_drop(Problem *problem);
