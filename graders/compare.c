/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/compare.h"

#include <math.h>
#include <string.h>

const char *const compare_mode_names[] = {"exact", "trailing_space", "numeric", "regex", "unordered", "json", NULL};

char *compare_quote(const char *text, gsize length)
{
    const gsize max_shown = 160;
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)MIN(length, 2 * max_shown));
    g_autofree char *shown = text_escape_terminal(valid, max_shown);
    return g_strdup_printf("\"%s\"", shown);
}

char *compare_fold(const char *text, gsize length)
{
    g_autofree char *valid = g_utf8_make_valid(text, (gssize)length);
    return g_utf8_casefold(valid, -1);
}

bool compare_numbers(const CompareRule *rule, double expected, double got, bool both_whole)
{
    if (both_whole && !rule->has_tolerance)
        return expected == got;
    double distance = fabs(expected - got);
    return distance <= rule->tolerance || distance <= rule->tolerance * fabs(expected);
}

/* ---- lines --------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const char *text;
    gsize length; /* without the line break */
    gsize number; /* from 1 */
} Line;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void trim_line(Line *line)
{
    while (line->length > 0 && is_blank(line->text[line->length - 1]))
        line->length--;
}

/* The lines of a text; with `trims` without blanks at their ends and without empty lines at the end. */
static GArray *split_lines(const char *text, gsize length, bool trims)
{
    GArray *lines = g_array_new(FALSE, FALSE, sizeof(Line));
    const char *end = text + length;
    for (const char *at = text; at < end;) {
        const char *stop = memchr(at, '\n', (gsize)(end - at));
        Line line = {at, (gsize)((stop ? stop : end) - at), lines->len + 1};
        if (trims)
            trim_line(&line);
        g_array_append_val(lines, line);
        at = stop ? stop + 1 : end;
    }
    while (trims && lines->len > 0 && g_array_index(lines, Line, lines->len - 1).length == 0)
        g_array_set_size(lines, lines->len - 1);
    return lines;
}

static int compare_lines(const Line *a, const Line *b, bool ignore_case)
{
    if (ignore_case) {
        g_autofree char *left = compare_fold(a->text, a->length), *right = compare_fold(b->text, b->length);
        return strcmp(left, right);
    }
    int order = memcmp(a->text, b->text, MIN(a->length, b->length));
    return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static char *say_line(const Line *expected, const Line *got, gsize number, bool shows_expected)
{
    if (!shows_expected)
        return g_strdup_printf("line %zu is not what is expected", number);
    g_autofree char *wanted = expected ? compare_quote(expected->text, expected->length) : NULL;
    g_autofree char *shown = got ? compare_quote(got->text, got->length) : NULL;
    if (!got)
        return g_strdup_printf("line %zu: expected %s, but the text ends before", number, wanted);
    if (!expected)
        return g_strdup_printf("line %zu: expected the end, got %s", number, shown);
    return g_strdup_printf("line %zu: expected %s, got %s", number, wanted, shown);
}

static char *compare_in_order(const CompareRule *rule, const GArray *expected, const GArray *got, bool shows_expected)
{
    for (guint i = 0; i < MAX(expected->len, got->len); i++) {
        const Line *left = i < expected->len ? &g_array_index(expected, Line, i) : NULL;
        const Line *right = i < got->len ? &g_array_index(got, Line, i) : NULL;
        if (!left || !right || compare_lines(left, right, rule->ignore_case) != 0)
            return say_line(left, right, i + 1, shows_expected);
    }
    return NULL;
}

static char *compare_line_by_line(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                                  gsize got_length, bool shows_expected)
{
    bool trims = rule->mode != COMPARE_EXACT;
    g_autoptr(GArray) left = split_lines(expected, expected_length, trims);
    g_autoptr(GArray) right = split_lines(got, got_length, trims);
    char *difference = compare_in_order(rule, left, right, shows_expected);
    if (difference || trims)
        return difference;
    bool left_ends = expected_length == 0 || expected[expected_length - 1] == '\n';
    bool right_ends = got_length == 0 || got[got_length - 1] == '\n';
    if (left_ends == right_ends)
        return NULL;
    return g_strdup_printf("the last line must %send with a line break", left_ends ? "" : "not ");
}

/* ---- lines in any order -------------------------------------------------------------------------------------------
 */

static gint sort_lines(gconstpointer a, gconstpointer b)
{
    const Line *left = a, *right = b;
    int order = compare_lines(left, right, false);
    return order != 0 ? order : (left->number > right->number) - (left->number < right->number);
}

/* Folds the lines once, so that sorting compares bytes. `*ret_folded` owns the text. */
static void fold_lines(GArray *lines, GPtrArray *ret_folded)
{
    for (guint i = 0; i < lines->len; i++) {
        Line *line = &g_array_index(lines, Line, i);
        char *folded = compare_fold(line->text, line->length);
        g_ptr_array_add(ret_folded, folded);
        line->text = folded;
        line->length = strlen(folded);
    }
}

static char *say_missing(const Line *line, bool shows_expected)
{
    if (!shows_expected)
        return g_strdup("a line is missing");
    g_autofree char *shown = compare_quote(line->text, line->length);
    return g_strdup_printf("the line %s is missing", shown);
}

static char *say_extra(const Line *line, bool shows_expected)
{
    if (!shows_expected)
        return g_strdup("there is a line too many");
    g_autofree char *shown = compare_quote(line->text, line->length);
    return g_strdup_printf("line %zu is not expected (or not so often): %s", line->number, shown);
}

static char *compare_unordered(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                               gsize got_length, bool shows_expected)
{
    g_autoptr(GPtrArray) folded = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) left = split_lines(expected, expected_length, true);
    g_autoptr(GArray) right = split_lines(got, got_length, true);
    if (rule->ignore_case) {
        fold_lines(left, folded);
        fold_lines(right, folded);
    }
    g_array_sort(left, sort_lines);
    g_array_sort(right, sort_lines);
    const Line *extra = NULL;
    guint i = 0, j = 0;
    while (i < left->len) {
        const Line *wanted = &g_array_index(left, Line, i);
        const Line *have = j < right->len ? &g_array_index(right, Line, j) : NULL;
        int order = have ? compare_lines(wanted, have, false) : -1;
        if (order < 0)
            return say_missing(wanted, shows_expected);
        if (order > 0 && !extra)
            extra = have;
        i += order == 0;
        j++;
    }
    if (!extra && j < right->len)
        extra = &g_array_index(right, Line, j);
    return extra ? say_extra(extra, shows_expected) : NULL;
}

char *compare_texts(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                    gsize got_length, bool shows_expected)
{
    g_assert(rule->mode != COMPARE_REGEX);
    if (rule->mode == COMPARE_NUMERIC)
        return compare_numeric(rule, expected, expected_length, got, got_length, shows_expected);
    if (rule->mode == COMPARE_JSON)
        return compare_json(rule, expected, expected_length, got, got_length, shows_expected);
    if (rule->mode == COMPARE_UNORDERED)
        return compare_unordered(rule, expected, expected_length, got, got_length, shows_expected);
    return compare_line_by_line(rule, expected, expected_length, got, got_length, shows_expected);
}
