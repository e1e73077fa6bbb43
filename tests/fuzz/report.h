/* SPDX-License-Identifier: Apache-2.0 */
/* What every reader of test reports must keep, whatever the bytes. */
#pragma once

#include "graders/graders.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static inline int fuzz_report(const char *format, const guint8 *data, gsize size)
{
    const guint max_cases = 10000;
    const gsize max_name = 512 + 3, max_message = 4096 + 3; /* and the mark of what was cut */
    g_autoptr(GError) error = NULL;
    g_autoptr(TestReport) report = test_report_parse(format, (const char *)data, size, &error);
    g_assert((report == NULL) == (error != NULL));
    if (!report)
        return 0;
    g_assert(report->cases->len <= max_cases && report->n_planned >= -1);
    for (guint i = 0; i < report->cases->len; i++) {
        const TestCase *test = g_ptr_array_index(report->cases, i);
        g_assert(strlen(test->name) <= max_name && g_utf8_validate(test->name, -1, NULL));
        g_assert(!test->message || (strlen(test->message) <= max_message && g_utf8_validate(test->message, -1, NULL)));
    }
    return 0;
}
