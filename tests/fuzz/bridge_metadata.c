/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the submission_metadata.json of Gradescope's container: data or an error. */
#include <string.h>

#include "daemon/net/source.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BridgeMetadata) metadata = bridge_metadata_parse((const char *)data, size, &error);
    g_assert((metadata != NULL) != (error != NULL));
    if (!metadata)
        return 0;
    g_assert(*metadata->id && strspn(metadata->id, "0123456789") == strlen(metadata->id));
    g_assert(metadata->created_us == G_MININT64 || metadata->created_us >= 0);
    g_assert(metadata->previous_milli >= -1);
    return 0;
}
