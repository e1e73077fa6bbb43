/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/report.h"

#include <string.h>

static const guint max_cases = 10000;
static const gsize max_name = 512;
static const gsize max_case_message = 4096;
static const gsize max_report = 16 << 20;
static const gsize max_line = 64 << 10;

typedef struct {
    const char *name;
    bool (*read)(TestReport *report, const char *text, gsize length, GError **error);
} Format;

static const Format formats[] = {
    {"junit", report_read_junit}, {"tap", report_read_tap},       {"ctest", report_read_ctest},
    {"check", report_read_check}, {"pytest", report_read_pytest}, {"go", report_read_go},
};
static const char *const format_names[] = {"junit", "tap", "ctest", "check", "pytest", "go", NULL};

const char *const *test_report_formats(void)
{
    return format_names;
}

static void case_free(gpointer data)
{
    TestCase *test = data;
    g_free(test->name);
    g_free(test->message);
    g_free(test);
}

void test_report_free(TestReport *report)
{
    if (!report)
        return;
    g_ptr_array_unref(report->cases);
    g_free(report);
}

TestReport *test_report_parse(const char *format, const char *text, gsize length, GError **error)
{
    if (length > max_report) {
        error_set(error, RUBRIC_ERROR_LIMIT, "the test report has %zu bytes, more than 16 MiB", length);
        return NULL;
    }
    g_autoptr(TestReport) report = g_new0(TestReport, 1);
    report->cases = g_ptr_array_new_with_free_func(case_free);
    report->n_planned = -1;
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (!g_str_equal(formats[i].name, format))
            continue;
        return formats[i].read(report, text, length, error) ? g_steal_pointer(&report) : NULL;
    }
    error_set(error, RUBRIC_ERROR_INVALID, "there is no test report format \"%s\"", format);
    return NULL;
}

void report_set_message(TestCase *test, const char *message)
{
    g_free(test->message);
    test->message = message && *message ? text_truncate(message, max_case_message) : NULL;
}

TestCase *report_add(TestReport *report, const char *suite, const char *name, TestOutcome outcome, const char *message,
                     GError **error)
{
    if (report->cases->len >= max_cases) {
        error_set(error, RUBRIC_ERROR_LIMIT, "the test report has more than %u cases", max_cases);
        return NULL;
    }
    bool has_suite = suite && *suite && !g_str_equal(suite, name);
    g_autofree char *full = has_suite ? g_strconcat(suite, "::", name, NULL) : g_strdup(name);
    TestCase *test = g_new0(TestCase, 1);
    test->name = text_truncate(full, max_name);
    test->outcome = outcome;
    report_set_message(test, message);
    g_ptr_array_add(report->cases, test);
    return test;
}

bool report_add_unnamed(TestReport *report, gint64 n, TestOutcome outcome, GError **error)
{
    for (gint64 i = 0; i < n; i++) {
        if (!report_add(report, NULL, "(unnamed)", outcome, NULL, error))
            return false;
    }
    return true;
}

guint report_count(const TestReport *report, TestOutcome outcome)
{
    guint n = 0;
    for (guint i = 0; i < report->cases->len; i++)
        n += ((const TestCase *)g_ptr_array_index(report->cases, i))->outcome == outcome;
    return n;
}

char *report_list_names(const GPtrArray *names)
{
    const guint max_shown = 5;
    const gsize max_shown_name = 100;
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < MIN(names->len, max_shown); i++) {
        g_autofree char *name = text_escape_terminal(g_ptr_array_index(names, i), max_shown_name);
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", name);
    }
    if (names->len > max_shown)
        g_string_append_printf(text, " and %u more", names->len - max_shown);
    return g_string_free(text, FALSE);
}

void line_reader_start(LineReader *reader, const char *text, gsize length)
{
    *reader = (LineReader){.at = text, .end = text + length, .line = g_string_new(NULL)};
}

const char *line_reader_next(LineReader *reader)
{
    if (reader->at >= reader->end)
        return NULL;
    const char *stop = memchr(reader->at, '\n', (gsize)(reader->end - reader->at));
    gsize length = (gsize)((stop ? stop : reader->end) - reader->at);
    g_string_truncate(reader->line, 0);
    g_string_append_len(reader->line, reader->at, (gssize)MIN(length, max_line));
    for (gsize i = 0; i < reader->line->len; i++) {
        if (reader->line->str[i] == '\0')
            reader->line->str[i] = ' ';
    }
    if (reader->line->len > 0 && reader->line->str[reader->line->len - 1] == '\r')
        g_string_truncate(reader->line, reader->line->len - 1);
    reader->at = stop ? stop + 1 : reader->end;
    reader->number++;
    return reader->line->str;
}

void line_reader_clear(LineReader *reader)
{
    if (reader->line)
        g_string_free(reader->line, TRUE);
    reader->line = NULL;
}

bool report_read_number(const char **at, gint64 *ret)
{
    const int max_digits = 9;
    const char *end = *at;
    gint64 value = 0;
    for (; g_ascii_isdigit(*end); end++) {
        if (end - *at >= max_digits)
            return false;
        value = 10 * value + (*end - '0');
    }
    if (end == *at)
        return false;
    *at = end;
    *ret = value;
    return true;
}
