/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of setups share: setup.c (the folder of setups), setup_copy.c (filling one). */
#pragma once

#include "daemon/images/images.h"

/* Copies what is below the folder `from` into the empty folder `to`, which nobody else writes to. Adds to both sums.
 * Follows no link: what lies there was made by programs of strangers, which are dead. */
bool setup_copy(const char *from, const char *to, gint64 *n_entries, gint64 *bytes, GError **error);
/* Removes setups whose image is gone, and those that nobody has used for long. */
void setup_sweep(const char *images_folder);
