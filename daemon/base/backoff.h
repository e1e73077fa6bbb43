/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting longer after each failure, with jitter, so that many who failed together do not come back together.
 */
#pragma once

#include <glib.h>

/* base * 2^n_failures_before, at most `max_us`, of which a random 50 to 100 %. */
gint64 backoff_us(gint64 n_failures_before, gint64 base_us, gint64 max_us);
