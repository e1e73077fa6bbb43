/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/text.h"

#include <string.h>

static const char ellipsis[] = "\u2026";

/* Characters that change how their neighbours are shown, or show nothing. */
static bool is_deceptive(gunichar c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
           c == 0xfeff || c == 0x061c || c == 0x00ad || c == 0x2028 || c == 0x2029 || (c >= 0xe0000 && c <= 0xe0fff);
}

static void append_visible(GString *out, gunichar c)
{
    if (c == '\n')
        g_string_append(out, "\\n");
    else if (c == '\t')
        g_string_append(out, "\\t");
    else if (c == '\r')
        g_string_append(out, "\\r");
    else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        g_string_append_printf(out, "\\x%02x", c);
    else if (is_deceptive(c))
        g_string_append_printf(out, "\\u{%x}", c);
    else
        g_string_append_unichar(out, c);
}

char *text_escape_terminal(const char *text, gsize max_bytes)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gsize before = out->len;
        append_visible(out, g_utf8_get_char(at));
        if (out->len > max_bytes) {
            g_string_truncate(out, before);
            g_string_append(out, ellipsis);
            break;
        }
    }
    return g_string_free(out, FALSE);
}

char *text_escape_html(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '&')
            g_string_append(out, "&amp;");
        else if (c == '<')
            g_string_append(out, "&lt;");
        else if (c == '>')
            g_string_append(out, "&gt;");
        else if (c == '"')
            g_string_append(out, "&quot;");
        else if (c == '\'')
            g_string_append(out, "&#39;");
        else if (c == '\n' || c == '\t')
            g_string_append_unichar(out, c);
        else
            append_visible(out, c);
    }
    return g_string_free(out, FALSE);
}

/* Is `at` the colon of "://" or the dot of "www."? Both make a link of bare text on GitHub. */
static bool begins_link(const char *text, const char *at)
{
    const gsize www_length = 3;
    if (g_str_has_prefix(at, "://"))
        return true;
    return *at == '.' && at >= text + www_length && g_ascii_strncasecmp(at - www_length, "www", www_length) == 0;
}

/* GitHub looks for mentions and bare links in the rendered text, after entities were resolved: only a character between
 * (zero width, our own) keeps them apart. */
char *text_escape_markdown(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '\n' || c == '\r' || c == '\t')
            g_string_append_c(out, ' ');
        else if (c == '<')
            g_string_append(out, "&lt;");
        else if (c == '&')
            g_string_append(out, "&amp;");
        else if (c == '@' || c == '#')
            g_string_append_printf(out, "&#%u;&#8203;", c);
        else if (begins_link(valid, at))
            g_string_append_printf(out, "%c&#8203;", (char)c);
        else if (c < 0x80 && strchr("\\`*_{}[]()>+-!|~", (int)c))
            g_string_append_printf(out, "\\%c", (char)c);
        else
            append_visible(out, c);
    }
    return g_string_free(out, FALSE);
}

char *text_escape_slack(const char *text, gsize max_bytes)
{
    g_autofree char *cut = text_truncate(text, max_bytes);
    GString *out = g_string_new(NULL);
    for (const char *at = cut; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '<')
            g_string_append(out, "&lt;");
        else if (c == '>')
            g_string_append(out, "&gt;");
        else if (c == '&')
            g_string_append(out, "&amp;");
        else if (c == '@' || begins_link(cut, at))
            g_string_append_printf(out, "%c\u200b", (char)c);
        else
            append_visible(out, c);
    }
    return g_string_free(out, FALSE);
}

static gsize longest_run(const char *text, char wanted)
{
    gsize longest = 0, run = 0;
    for (; *text; text++) {
        run = *text == wanted ? run + 1 : 0;
        longest = MAX(longest, run);
    }
    return longest;
}

char *text_markdown_block(const char *text, gsize max_bytes)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    gsize n_fence = MAX(longest_run(valid, '`') + 1, 3);
    GString *out = g_string_new(NULL);
    for (gsize i = 0; i < n_fence; i++)
        g_string_append_c(out, '`');
    g_string_append(out, "text\n");
    gsize start = out->len;
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (out->len - start >= max_bytes) {
            g_string_append_printf(out, "\n... (%zu more bytes left out)", strlen(at));
            break;
        }
        if (c == '\n' || c == '\t')
            g_string_append_unichar(out, c);
        else if (c != '\r')
            append_visible(out, c);
    }
    if (out->str[out->len - 1] != '\n')
        g_string_append_c(out, '\n');
    for (gsize i = 0; i < n_fence; i++)
        g_string_append_c(out, '`');
    g_string_append_c(out, '\n');
    return g_string_free(out, FALSE);
}

char *text_csv_cell(const char *text)
{
    if (!text)
        return g_strdup("");
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    bool is_formula = *valid && strchr("=+-@\t\r", *valid);
    if (!is_formula && !strpbrk(valid, ",\"\r\n"))
        return g_steal_pointer(&valid);

    GString *out = g_string_new(is_formula ? "\"'" : "\"");
    for (const char *at = valid; *at; at++) {
        if (*at == '"')
            g_string_append_c(out, '"');
        g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

char *text_truncate(const char *text, gsize max_bytes)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    gsize length = strlen(valid);
    if (length <= max_bytes)
        return g_steal_pointer(&valid);
    gsize room = max_bytes > strlen(ellipsis) ? max_bytes - strlen(ellipsis) : 0;
    while (room > 0 && ((guchar)valid[room] & 0xc0) == 0x80)
        room--;
    valid[room] = '\0';
    return g_strconcat(valid, max_bytes >= strlen(ellipsis) ? ellipsis : "", NULL);
}

char *text_last(const char *text, gsize length, gsize max_bytes)
{
    bool cut = length > max_bytes;
    const char *start = cut ? text + (length - max_bytes) : text;
    gsize n = cut ? max_bytes : length;
    while (cut && n > 0 && ((guchar)*start & 0xc0) == 0x80) {
        start++;
        n--;
    }
    g_autofree char *valid = g_utf8_make_valid(start, (gssize)n);
    return cut ? g_strconcat(ellipsis, valid, NULL) : g_steal_pointer(&valid);
}

/* Optimal string alignment: insertions, deletions, substitutions, and swapped neighbours, each 1. */
static unsigned edit_distance(const char *a, const char *b)
{
    gsize n_a = strlen(a), n_b = strlen(b), width = n_b + 1;
    g_autofree unsigned *cells = g_new0(unsigned, (n_a + 1) * width);
    for (gsize i = 0; i <= n_a; i++)
        cells[i * width] = (unsigned)i;
    for (gsize j = 0; j <= n_b; j++)
        cells[j] = (unsigned)j;
    for (gsize i = 1; i <= n_a; i++) {
        for (gsize j = 1; j <= n_b; j++) {
            unsigned best = cells[(i - 1) * width + j - 1] + (a[i - 1] != b[j - 1]);
            best = MIN(best, cells[(i - 1) * width + j] + 1);
            best = MIN(best, cells[i * width + j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = MIN(best, cells[(i - 2) * width + j - 2] + 1);
            cells[i * width + j] = best;
        }
    }
    return cells[n_a * width + n_b];
}

const char *text_nearest(const char *text, const char *const *candidates)
{
    const gsize max_length = 64;
    gsize length = strlen(text);
    if (length == 0 || length > max_length)
        return NULL;
    const char *nearest = NULL;
    unsigned limit = (unsigned)MAX(length / 3, 1), best = limit + 1;
    for (; *candidates; candidates++) {
        if (strlen(*candidates) > max_length)
            continue;
        unsigned distance = edit_distance(text, *candidates);
        if (distance < best) {
            best = distance;
            nearest = *candidates;
        }
    }
    return nearest;
}

bool text_is_digits(const char *text, gsize max_digits)
{
    gsize n_digits = text ? strspn(text, "0123456789") : 0;
    return n_digits > 0 && n_digits <= max_digits && text[n_digits] == '\0';
}

char *text_size(gint64 bytes)
{
    return g_format_size_full((guint64)bytes, G_FORMAT_SIZE_IEC_UNITS);
}

void text_place(const char *text, const char *at, int *ret_line, int *ret_column)
{
    int line = 1;
    const char *line_start = text;
    for (; text < at; text++) {
        if (*text == '\n') {
            line++;
            line_start = text + 1;
        }
    }
    *ret_line = line;
    *ret_column = (int)g_utf8_strlen(line_start, at - line_start) + 1;
}

gint text_compare(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}
