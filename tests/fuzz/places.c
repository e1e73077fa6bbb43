/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a student's program prints: a place is always a relative path inside the workspace and a line. */
#include <string.h>

#include "daemon/net/places.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    const guint max = 20;
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
    places_find(places, text, max);
    g_assert(places->len <= max);
    for (guint i = 0; i < places->len; i++) {
        const Place *place = g_ptr_array_index(places, i);
        g_assert(place->line > 0 && *place->path && *place->path != '/' && *place->path != '-');
        g_assert(!g_str_has_prefix(place->path, "../") && !strstr(place->path, "/../"));
    }
    return 0;
}
