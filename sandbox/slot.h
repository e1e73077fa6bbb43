/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces that boxes use one after another, with the process that makes their inits. See slot.c. */
#pragma once

#include "sandbox/box.h"

/* NULL when they cannot be made. The caller must have no other children. */
Slot *slot_new(const BoxSetup *setup);
/* Also ends its process. No init may be left in it. */
void slot_free(Slot *slot);
/* Has nothing of the last box stayed in it? */
bool slot_is_clean(const Slot *slot);
/* Orders a box's init, which will be the caller's child. -errno. */
int slot_order_init(const Slot *slot, Box *box);
/* Waits for it. -errno when it could not be made. */
int slot_take_init(const Slot *slot, Box *box);
