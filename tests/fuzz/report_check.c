/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/report.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    return fuzz_report("check", data, size);
}
