/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/names.h"

#include <string.h>

static const gsize max_component_bytes = 255;
static const gsize max_path_bytes = 4000; /* below PATH_MAX with room for the workspace's own path */

/* The upper half of code page 437, by https://www.unicode.org/Public/MAPPINGS/VENDORS/MICSFT/PC/CP437.TXT */
static const guint16 cp437_upper_half[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee,
    0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6,
    0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa,
    0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510, 0x2514,
    0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c,
    0x2588, 0x2584, 0x258c, 0x2590, 0x2580, 0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320,
    0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

char *name_from_cp437(const char *bytes)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (const guchar *at = (const guchar *)bytes; *at; at++)
        g_string_append_unichar(text, *at < 128 ? *at : cp437_upper_half[*at - 128]);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *name_fold(const char *path)
{
    g_autofree char *composed = g_utf8_normalize(path, -1, G_NORMALIZE_ALL_COMPOSE);
    return g_utf8_casefold(composed ? composed : path, -1);
}

char *name_shown(const char *raw)
{
    const gsize max_shown = 160;
    return text_escape_terminal(raw, max_shown);
}

static bool is_debris(const char *component)
{
    static const char *const names[] = {"__MACOSX",   ".DS_Store", ".Spotlight-V100", ".Trashes",
                                        ".fseventsd", "Thumbs.db", "desktop.ini",     NULL};
    return g_strv_contains(names, component) || g_str_has_prefix(component, "._") || g_str_has_suffix(component, "~") ||
           (*component == '.' && (g_str_has_suffix(component, ".swp") || g_str_has_suffix(component, ".swo")));
}

/* Also as Windows would shorten or trim it. */
static bool is_git_folder(const char *component)
{
    gsize length = strlen(component);
    while (length > 0 && (component[length - 1] == '.' || component[length - 1] == ' '))
        length--;
    return (length == 4 && g_ascii_strncasecmp(component, ".git", length) == 0) ||
           (length == 5 && g_ascii_strncasecmp(component, "git~1", length) == 0);
}

static bool has_control_character(const char *text)
{
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        if (g_unichar_iscntrl(g_utf8_get_char(at)))
            return true;
    }
    return false;
}

/* Why the whole path is refused, or NULL. */
static const char *whole_path_problem(const char *raw)
{
    if (!g_utf8_validate(raw, -1, NULL))
        return "is not valid UTF-8";
    if (has_control_character(raw))
        return "holds a line break or another control character";
    if (strlen(raw) > max_path_bytes)
        return "is longer than 4,000 bytes";
    if (*raw == '/' || (g_ascii_isalpha(raw[0]) && raw[1] == ':' && (raw[2] == '/' || raw[2] == '\\')))
        return "is an absolute path";
    if (strchr(raw, '\\'))
        return "holds a backslash, which some systems take for a folder's end";
    return NULL;
}

NameJudgement name_judge(const char *raw, gint64 max_depth, char **ret_path, char **ret_why)
{
    *ret_path = *ret_why = NULL;
    const char *problem = whole_path_problem(raw);
    g_autoptr(GString) path = g_string_new(NULL);
    g_auto(GStrv) components = problem ? NULL : g_strsplit(raw, "/", -1);
    gint64 n_components = 0;
    NameJudgement judgement = NAME_FINE;
    for (char **component = components; component && *component && !problem; component++) {
        if (**component == '\0' || strcmp(*component, ".") == 0)
            continue;
        if (strcmp(*component, "..") == 0)
            problem = "leads outside by \"..\"";
        else if (strlen(*component) > max_component_bytes)
            problem = "is longer than 255 bytes";
        if (is_git_folder(*component))
            judgement = NAME_GIT;
        else if (is_debris(*component) && judgement != NAME_GIT)
            judgement = NAME_DEBRIS;
        if (path->len > 0)
            g_string_append_c(path, '/');
        g_string_append(path, *component);
        n_components++;
    }
    if (problem) {
        *ret_why = g_strdup(problem);
        return NAME_REFUSED;
    }
    if (n_components == 0)
        return NAME_ROOT;
    if (judgement != NAME_FINE)
        return judgement;
    if (n_components > max_depth) {
        *ret_why = g_strdup_printf("lies more than %" G_GINT64_FORMAT " folders deep", max_depth);
        return NAME_REFUSED;
    }
    *ret_path = g_string_free(g_steal_pointer(&path), FALSE);
    return NAME_FINE;
}

bool name_link_stays_inside(const char *path, const char *target)
{
    if (*target == '/' || *target == '\0')
        return false;
    gint64 depth = 0; /* of the folder that holds the link */
    for (const char *at = path; *at; at++)
        depth += *at == '/';
    g_auto(GStrv) components = g_strsplit(target, "/", -1);
    for (char **component = components; *component; component++) {
        if (**component == '\0' || strcmp(*component, ".") == 0)
            continue;
        depth += strcmp(*component, "..") == 0 ? -1 : 1;
        if (depth < 0)
            return false;
    }
    return true;
}
