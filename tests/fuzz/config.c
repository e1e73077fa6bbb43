/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as rubricd.yaml (or the JSON that YAML takes as well): a configuration or diagnostics. */
#include "daemon/roles/roles.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = config_parse("/etc/rubricd.yaml", (const char *)data, size, diagnostics);
    g_assert(config || diagnostics_count(diagnostics, SEVERITY_ERROR) > 0);
    char *text = diagnostics_format(diagnostics);
    g_free(text);
    return 0;
}
