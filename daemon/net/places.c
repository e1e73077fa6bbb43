/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/places.h"

#include <string.h>

static const gsize max_path_bytes = 255, max_line_bytes = 2000;
static const gint64 max_line_number = 1000000;
static const char box_workspace[] = "/work/";

void place_free(Place *place)
{
    if (!place)
        return;
    g_free(place->path);
    g_free(place->message);
    g_free(place);
}

/* As git names it: relative, no step up, no empty step. NULL: it is no path of the workspace. */
static char *workspace_path(const char *start, gsize length)
{
    g_autofree char *given = g_strndup(start, length);
    const char *path = given;
    if (g_str_has_prefix(path, box_workspace))
        path += strlen(box_workspace);
    while (g_str_has_prefix(path, "./"))
        path += 2;
    if (!*path || *path == '/' || *path == '-' || strlen(path) > max_path_bytes || !strchr(path, '.') ||
        !g_utf8_validate(path, -1, NULL))
        return NULL;
    g_auto(GStrv) steps = g_strsplit(path, "/", -1);
    for (gsize i = 0; steps[i]; i++) {
        if (!*steps[i] || strcmp(steps[i], "..") == 0 || strcmp(steps[i], ".") == 0)
            return NULL;
    }
    for (const char *at = path; *at; at++) {
        if (!g_ascii_isalnum(*at) && !strchr("._-/+", *at))
            return NULL;
    }
    return g_strdup(path);
}

/* A line number behind `at`; *ret_end behind its digits. 0: none. */
static gint64 read_line_number(const char *at, const char **ret_end)
{
    const gsize max_digits = 7;
    gsize n_digits = strspn(at, "0123456789");
    *ret_end = at + n_digits;
    if (n_digits == 0 || n_digits > max_digits)
        return 0;
    gint64 number = g_ascii_strtoll(at, NULL, 10);
    return number <= max_line_number ? number : 0;
}

/* PATH:LINE[:COLUMN]: MESSAGE */
static Place *read_colons(const char *line)
{
    const char *colon = strchr(line, ':');
    const char *end = NULL;
    gint64 number = colon ? read_line_number(colon + 1, &end) : 0;
    if (number == 0 || *end != ':')
        return NULL;
    g_autofree char *path = workspace_path(line, (gsize)(colon - line));
    if (!path)
        return NULL;
    const char *behind = NULL;
    if (read_line_number(end + 1, &behind) > 0 && *behind == ':')
        end = behind;
    Place *place = g_new0(Place, 1);
    place->path = g_steal_pointer(&path);
    place->line = number;
    place->message = g_strstrip(g_strdup(end + 1));
    place->is_warning = g_str_has_prefix(place->message, "warning") || g_str_has_prefix(place->message, "note");
    return place;
}

/* File "PATH", line N */
static Place *read_python(const char *line)
{
    static const char before[] = "File \"", between[] = "\", line ";
    const char *start = strstr(line, before);
    const char *stop = start ? strstr(start + strlen(before), between) : NULL;
    if (!stop)
        return NULL;
    const char *end = NULL;
    gint64 number = read_line_number(stop + strlen(between), &end);
    start += strlen(before);
    g_autofree char *path = number > 0 ? workspace_path(start, (gsize)(stop - start)) : NULL;
    if (!path)
        return NULL;
    Place *place = g_new0(Place, 1);
    place->path = g_steal_pointer(&path);
    place->line = number;
    return place;
}

static bool is_known(const GPtrArray *places, const Place *place)
{
    for (guint i = 0; i < places->len; i++) {
        const Place *other = g_ptr_array_index(places, i);
        if (other->line == place->line && strcmp(other->path, place->path) == 0)
            return true;
    }
    return false;
}

void places_find(GPtrArray *places, const char *text, guint max)
{
    for (const char *at = text; *at && places->len < max;) {
        gsize length = strcspn(at, "\n");
        g_autofree char *line = g_strndup(at, MIN(length, max_line_bytes));
        at += length + (at[length] == '\n');
        g_strstrip(line);
        g_autoptr(Place) place = read_colons(line);
        if (!place)
            place = read_python(line);
        if (place && !is_known(places, place))
            g_ptr_array_add(places, g_steal_pointer(&place));
    }
}
