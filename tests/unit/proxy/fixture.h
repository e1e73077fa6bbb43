/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the proxy share. */
#pragma once

#include "daemon/proxy/proxy.h"
#include "tests/unit/run_suite.h"

#include <check.h>

static inline int testing_main(Suite *suite)
{
    return run_suite(suite);
}
