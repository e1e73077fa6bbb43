/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the submission_metadata.yml of a Gradescope export: data or an error, never a crash. */
#include <string.h>

#include "daemon/net/source.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ExportMetadata) metadata = export_metadata_parse((const char *)data, size, &error);
    g_assert((metadata != NULL) != (error != NULL));
    for (guint i = 0; metadata && i < metadata->entries->len; i++) {
        const ExportEntry *entry = g_ptr_array_index(metadata->entries, i);
        g_assert(*entry->key && !strchr(entry->key, '/'));
        g_assert(entry->created_us == G_MININT64 || entry->created_us >= 0);
    }
    return 0;
}
