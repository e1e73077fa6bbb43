/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/base.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What parses must print and parse again. */
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(cJSON) value = json_parse((const char *)data, size, NULL);
    if (!value)
        return 0;
    g_autofree char *printed = json_print(value);
    g_autoptr(cJSON) again = json_parse(printed, strlen(printed), NULL);
    g_assert(again);
    return 0;
}
