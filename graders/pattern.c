/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/pattern.h"

#include <string.h>

/* PCRE2 takes the lower of this and of a limit that the pattern itself sets. */
static const char match_limit[] = "(*LIMIT_MATCH=100000)";

GRegex *pattern_compile(const char *text, bool ignore_case, const YamlNode *node, Diagnostics *diagnostics)
{
    const gsize max_pattern = 4096;
    if (strlen(text) > max_pattern) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "the regular expression is longer than %zu bytes", max_pattern);
        return NULL;
    }
    g_autoptr(GError) error = NULL;
    g_autofree char *limited = g_strconcat(match_limit, text, NULL);
    /* Compiled to machine code (G_REGEX_OPTIMIZE): a student's long row of blanks costs milliseconds instead of
     * minutes. */
    GRegexCompileFlags flags = G_REGEX_MULTILINE | G_REGEX_OPTIMIZE | (ignore_case ? G_REGEX_CASELESS : 0);
    GRegex *regex = g_regex_new(limited, flags, 0, &error);
    if (regex)
        return regex;
    /* GLib's message quotes our prefix and counts it: name the author's pattern and the bare reason instead. */
    const char *reason = strrchr(error->message, ':');
    const char *at = strstr(error->message, " at char ");
    gint64 position = at ? g_ascii_strtoll(at + strlen(" at char "), NULL, 10) - (gint64)strlen(match_limit) : -1;
    g_autofree char *place = position >= 0 ? g_strdup_printf(" at character %" G_GINT64_FORMAT, position + 1) : NULL;
    yaml_report(node, diagnostics, SEVERITY_ERROR, "\"%s\" is not a regular expression%s:%s", text, place ? place : "",
                reason ? reason + 1 : " it cannot be compiled");
    return NULL;
}

GRegex *pattern_read(YamlReader *reader, const char *key)
{
    const char *text = yaml_read_text(reader, key, YAML_OPTIONAL, NULL);
    return text ? pattern_compile(text, false, yaml_get(reader->mapping, key), reader->diagnostics) : NULL;
}

const char *pattern_text(const GRegex *regex)
{
    return g_regex_get_pattern(regex) + strlen(match_limit);
}

/* *ret_start: byte of `valid` where the first match begins, -1: none. */
static bool find(const GRegex *regex, const char *valid, gint *ret_start, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(GMatchInfo) match = NULL;
    bool is_found = g_regex_match_full(regex, valid, -1, 0, 0, &match, &failure);
    if (failure)
        return error_set(error, RUBRIC_ERROR_LIMIT,
                         "the pattern \"%s\" takes too many steps on this text; make it simpler (%s)",
                         pattern_text(regex), failure->message);
    *ret_start = -1;
    if (is_found)
        g_match_info_fetch_pos(match, 0, ret_start, NULL);
    return true;
}

bool pattern_found(const GRegex *regex, const char *text, gsize length, bool *ret_is_found, GError **error)
{
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)MIN(length, PATTERN_MAX_TEXT));
    gint start = -1;
    if (!find(regex, valid, &start, error))
        return false;
    *ret_is_found = start >= 0;
    return true;
}

bool pattern_find_line(const GRegex *regex, const char *text, gsize length, char **ret_line, GError **error)
{
    const gsize max_line = 300;
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)MIN(length, PATTERN_MAX_TEXT));
    gint start = -1;
    if (!find(regex, valid, &start, error))
        return false;
    *ret_line = NULL;
    if (start < 0)
        return true;
    const char *begin = valid + start;
    while (begin > valid && begin[-1] != '\n')
        begin--;
    g_autofree char *line = g_strndup(begin, strcspn(begin, "\r\n"));
    *ret_line = text_truncate(line, max_line);
    return true;
}

/* ---- globs --------------------------------------------------------------------------------------------------------
 */

static gunichar fold(gunichar c, bool ignore_case)
{
    return ignore_case ? g_unichar_tolower(c) : c;
}

static const char *next_char(const char *at)
{
    return g_utf8_next_char(at);
}

/* Matches one character against the set that starts behind '['. *ret_end: behind ']'. false when there is no ']'. */
static bool set_matches(const char *set, gunichar c, bool ignore_case, const char **ret_end, bool *ret_matches)
{
    bool is_negated = *set == '!' || *set == '^';
    const char *at = is_negated ? set + 1 : set;
    bool matches = false;
    for (bool is_first = true; *at && (is_first || *at != ']'); is_first = false) {
        gunichar low = fold(g_utf8_get_char(at), ignore_case);
        at = next_char(at);
        gunichar high = low;
        if (at[0] == '-' && at[1] != ']' && at[1] != '\0') {
            high = fold(g_utf8_get_char(at + 1), ignore_case);
            at = next_char(at + 1);
        }
        matches |= c >= low && c <= high;
    }
    if (*at != ']')
        return false;
    *ret_end = at + 1;
    *ret_matches = matches != is_negated;
    return true;
}

/* One character of the path against one element of the glob that is not '*'. */
static bool element_matches(const char *glob, const char *path, bool ignore_case, const char **ret_next)
{
    gunichar c = fold(g_utf8_get_char(path), ignore_case);
    bool matches;
    if (*glob == '[' && set_matches(glob + 1, c, ignore_case, ret_next, &matches))
        return matches;
    *ret_next = next_char(glob);
    return *glob == '?' || fold(g_utf8_get_char(glob), ignore_case) == c;
}

/* Both segments end at '/' or NUL. Only the last star is ever gone back to, so the time is bounded by the product. */
static bool segment_matches(const char *glob, const char *path, bool ignore_case)
{
    const char *star = NULL, *retry = NULL;
    while (*path && *path != '/') {
        if (*glob == '*') {
            star = ++glob;
            retry = path;
            continue;
        }
        const char *next;
        if (*glob && *glob != '/' && element_matches(glob, path, ignore_case, &next)) {
            glob = next;
            path = next_char(path);
            continue;
        }
        if (!star)
            return false;
        glob = star;
        retry = next_char(retry);
        path = retry;
    }
    while (*glob == '*')
        glob++;
    return *glob == '\0' || *glob == '/';
}

/* The text behind the next '/', or the end. */
static const char *next_segment(const char *at)
{
    const char *slash = strchr(at, '/');
    return slash ? slash + 1 : at + strlen(at);
}

static bool is_deep_star(const char *glob)
{
    return g_str_has_prefix(glob, "**") && (glob[2] == '/' || glob[2] == '\0');
}

bool glob_matches(const char *glob, const char *path, bool ignore_case)
{
    if (!g_utf8_validate(glob, -1, NULL) || !g_utf8_validate(path, -1, NULL))
        return false;
    const char *star = NULL, *retry = NULL;
    while (*path) {
        if (is_deep_star(glob)) {
            glob = star = next_segment(glob);
            retry = path;
            if (*glob == '\0')
                return true;
            continue;
        }
        if (*glob && segment_matches(glob, path, ignore_case)) {
            glob = next_segment(glob);
            path = next_segment(path);
            continue;
        }
        if (!star)
            return false;
        glob = star;
        path = retry = next_segment(retry);
    }
    return *glob == '\0';
}

const char *glob_problem(const char *glob)
{
    if (*glob == '\0')
        return "is empty";
    if (*glob == '/')
        return "is absolute; paths are relative to the submission's folder";
    if (!g_utf8_validate(glob, -1, NULL))
        return "is not valid UTF-8";
    g_auto(GStrv) segments = g_strsplit(glob, "/", -1);
    for (gsize i = 0; segments[i]; i++) {
        if (g_str_equal(segments[i], "..") || g_str_equal(segments[i], "."))
            return "holds a segment \".\" or \"..\"";
        if (*segments[i] == '\0' && segments[i + 1])
            return "holds an empty segment (\"//\")";
        if (strstr(segments[i], "**") && !g_str_equal(segments[i], "**"))
            return "holds \"**\" beside other text; write it as a segment of its own, like \"**/*.py\"";
    }
    return NULL;
}
