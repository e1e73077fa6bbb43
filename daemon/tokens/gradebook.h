/* SPDX-License-Identifier: Apache-2.0 */
/* Private to daemon/tokens/: exact fractions. */
#pragma once

#include "daemon/tokens/tokens.h"

Exact exact_of(gint64 numerator, gint64 denominator);
Exact exact_add(Exact a, Exact b);
Exact exact_multiply(Exact a, Exact b);
