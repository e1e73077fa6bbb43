/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Test Anything Protocol, versions 12 to 14. Subtests and YAML blocks are indented: the test point of their parent
 * sums them up, so they are passed over. `not ok` with a todo directive is no failure, by the protocol.
 */
#include "graders/report.h"

#include <string.h>

typedef struct {
    TestReport *report;
    GHashTable *numbers; /* test numbers seen */
    gint64 n_points;
    bool is_broken; /* a number twice or outside of the plan, two plans, a bail out */
} TapReader;

static const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

/* "1..4" with an optional "# SKIP reason". */
static bool read_plan(TapReader *reader, const char *line)
{
    const char *at = line + strlen("1..");
    gint64 n;
    if (!report_read_number(&at, &n))
        return false;
    at = skip_blanks(at);
    if (*at && *at != '#')
        return false;
    reader->is_broken |= reader->report->n_planned >= 0;
    reader->report->n_planned = n;
    return true;
}

/* The directive behind the last '#' that is not escaped: skip, todo or nothing. */
static const char *find_directive(const char *description, gsize *ret_name_length)
{
    gsize length = strlen(description);
    for (gsize i = length; i > 0; i--) {
        bool is_escaped = i > 1 && description[i - 2] == '\\';
        if (description[i - 1] != '#' || is_escaped)
            continue;
        const char *directive = skip_blanks(description + i);
        bool is_known = g_ascii_strncasecmp(directive, "skip", strlen("skip")) == 0 ||
                        g_ascii_strncasecmp(directive, "todo", strlen("todo")) == 0;
        if (!is_known)
            continue;
        *ret_name_length = i - 1;
        return directive;
    }
    *ret_name_length = length;
    return NULL;
}

static bool read_point(TapReader *reader, const char *rest, bool is_ok, GError **error)
{
    const char *at = skip_blanks(rest);
    gint64 number = reader->n_points + 1;
    const char *behind = at;
    gint64 given;
    if (report_read_number(&behind, &given) && (*behind == '\0' || *behind == ' ' || *behind == '\t')) {
        number = given;
        at = skip_blanks(behind);
    }
    if (at[0] == '-' && at[1] == ' ')
        at = skip_blanks(at + 1);
    gsize name_length;
    const char *directive = find_directive(at, &name_length);
    g_autofree char *name = g_strstrip(g_strndup(at, name_length));
    g_autofree char *fallback = g_strdup_printf("test %" G_GINT64_FORMAT, number);
    bool is_todo = directive && g_ascii_tolower(*directive) == 't';
    TestOutcome outcome = is_ok ? TEST_PASSED : TEST_FAILED;
    if (directive && !(is_ok && is_todo))
        outcome = TEST_SKIPPED;
    if (!g_hash_table_add(reader->numbers, GINT_TO_POINTER((int)number)))
        reader->is_broken = true;
    reader->n_points++;
    return report_add(reader->report, NULL, *name ? name : fallback, outcome, directive, error) != NULL;
}

static bool read_line(TapReader *reader, const char *line, GError **error)
{
    if (g_str_has_prefix(line, "1..") && read_plan(reader, line))
        return true;
    if (g_str_has_prefix(line, "Bail out!")) {
        reader->is_broken = true;
        return report_add(reader->report, NULL, "Bail out!", TEST_ERROR, line + strlen("Bail out!"), error) != NULL;
    }
    static const struct {
        const char *prefix;
        bool is_ok;
    } points[] = {{"ok", true}, {"not ok", false}};
    for (gsize i = 0; i < G_N_ELEMENTS(points); i++) {
        const char *rest = line + strlen(points[i].prefix);
        if (g_str_has_prefix(line, points[i].prefix) && (*rest == '\0' || *rest == ' ' || *rest == '\t'))
            return read_point(reader, rest, points[i].is_ok, error);
    }
    return true; /* output of the tests between the lines of the protocol */
}

static bool numbers_are_planned(const TapReader *reader)
{
    GHashTableIter iter;
    gpointer number;
    g_hash_table_iter_init(&iter, reader->numbers);
    while (g_hash_table_iter_next(&iter, &number, NULL)) {
        if (GPOINTER_TO_INT(number) < 1 || GPOINTER_TO_INT(number) > reader->report->n_planned)
            return false;
    }
    return true;
}

bool report_read_tap(TestReport *report, const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);
    TapReader reader = {.report = report, .numbers = numbers};
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    for (const char *line = line_reader_next(&lines); line; line = line_reader_next(&lines)) {
        if (!read_line(&reader, line, error))
            return false;
    }
    if (reader.n_points == 0 && report->n_planned < 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "not TAP: in %u lines there is no plan (1..N) and no test (ok, not ok)", lines.number);
    report->is_complete = !reader.is_broken && report->n_planned == reader.n_points && numbers_are_planned(&reader);
    return true;
}
