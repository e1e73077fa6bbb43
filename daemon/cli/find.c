/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "daemon/cli/cli.h"

char *cli_find_config(const char *given)
{
    const char *from_environment = g_getenv("RUBRICD_CONFIG");
    if (given || (from_environment && *from_environment))
        return g_strdup(given ? given : from_environment);
    static const char *const places[] = {"rubricd.yaml", "/etc/rubricd/rubricd.yaml"};
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        if (access(places[i], F_OK) == 0)
            return g_strdup(places[i]);
    }
    return NULL;
}

char *cli_images_folder(void)
{
    const char *from_environment = g_getenv("RUBRIC_IMAGES");
    if (from_environment && *from_environment)
        return g_canonicalize_filename(from_environment, NULL);
    g_autofree char *path = cli_find_config(NULL);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = path ? config_load(path, diagnostics) : NULL;
    return config ? config_images_folder(config) : g_build_filename(g_get_user_data_dir(), "rubric", "images", NULL);
}

const Assignment *cli_find_assignment(const Course *course, const char *id, GError **error)
{
    const Assignment *assignment = course_assignment(course, id);
    if (assignment)
        return assignment;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < course->assignments->len; i++)
        g_ptr_array_add(names, ((const Assignment *)g_ptr_array_index(course->assignments, i))->id);
    g_ptr_array_add(names, NULL);
    const char *nearest = text_nearest(id, (const char *const *)names->pdata);
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "course \"%s\" has no assignment \"%s\"%s%s%s", course->id, id,
              nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return NULL;
}
