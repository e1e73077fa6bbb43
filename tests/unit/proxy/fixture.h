/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the proxy share. */
#pragma once

#include "daemon/proxy/proxy.h"

#include <check.h>

static inline int testing_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int n_failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return n_failed == 0 ? 0 : 1;
}
