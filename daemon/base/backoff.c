/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/backoff.h"

gint64 backoff_us(gint64 n_failures_before, gint64 base_us, gint64 max_us)
{
    const gint64 max_doublings = 30;
    gint64 doublings = CLAMP(n_failures_before, 0, max_doublings);
    gint64 whole_us = base_us > max_us >> doublings ? max_us : base_us << doublings;
    return (gint64)((double)whole_us * g_random_double_range(0.5, 1.0));
}
