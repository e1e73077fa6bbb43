/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "daemon/roles/role.h"

static char *path_of(const Config *config, const char *name)
{
    return g_strdup_printf("%s/run/%s.json", config->state_folder, name);
}

void note_write(const Config *config, const char *name, const cJSON *json)
{
    g_autofree char *text = json_print(json);
    g_autofree char *path = path_of(config, name);
    g_autofree char *fresh = g_strconcat(path, ".new", NULL);
    /* GLib writes over a longer file without cutting it, so a new one takes its place. */
    g_unlink(fresh);
    if (g_file_set_contents_full(fresh, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL))
        g_rename(fresh, path);
}

cJSON *note_read(const Config *config, const char *name)
{
    const gsize max_bytes = 64 * 1024;
    g_autofree char *path = path_of(config, name);
    g_autofree char *text = NULL;
    gsize length = 0;
    return file_read(path, max_bytes, &text, &length, NULL) ? json_parse(text, length, NULL) : NULL;
}
