/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ctest prints:
 *
 *     1/3 Test #1: adds ..........................   Passed    0.01 sec
 *     2/3 Test #2: divides .......................***Failed    0.02 sec
 *     67% tests passed, 1 tests failed out of 3
 *
 * With --repeat a test has several such lines: its last one counts. Student output appears here only with -V or
 * --output-on-failure, which is why a report file (--output-junit) is to be preferred.
 */
#include "graders/report.h"

#include <string.h>

typedef struct {
    TestReport *report;
    GHashTable *by_number; /* test number -> TestCase* */
} CtestReader;

static TestOutcome outcome_of(const char *text)
{
    if (g_str_has_prefix(text, "Passed"))
        return TEST_PASSED;
    if (g_str_has_prefix(text, "***Skipped") || g_str_has_prefix(text, "***Not Run (Disabled)"))
        return TEST_SKIPPED;
    if (g_str_has_prefix(text, "***Failed"))
        return TEST_FAILED;
    return TEST_ERROR; /* ***Timeout, ***Exception: SegFault, ***Not Run */
}

/* "name ....   Passed    0.01 sec": the outcome stands behind the last row of dots, or behind the blanks that end the
 * name. */
static const char *find_outcome(const char *rest, gsize *ret_name_length)
{
    static const char *const words[] = {"***", "   Passed ", NULL};
    for (gsize i = 0; words[i]; i++) {
        const char *found = g_strrstr(rest, words[i]);
        if (!found)
            continue;
        gsize length = (gsize)(found - rest);
        while (length > 0 && (rest[length - 1] == '.' || rest[length - 1] == ' '))
            length--;
        *ret_name_length = length;
        return found + strspn(found, " ");
    }
    return NULL;
}

static bool read_result(CtestReader *reader, const char *at, GError **error)
{
    gint64 number;
    at += strspn(at, " ");
    if (!report_read_number(&at, &number) || *at != ':')
        return true;
    const char *rest = at + 1 + strspn(at + 1, " ");
    gsize name_length;
    const char *outcome = find_outcome(rest, &name_length);
    if (!outcome || name_length == 0)
        return true;
    g_autofree char *name = g_strndup(rest, name_length);
    TestCase *test = g_hash_table_lookup(reader->by_number, GINT_TO_POINTER((int)number));
    if (!test) {
        test = report_add(reader->report, NULL, name, TEST_PASSED, NULL, error);
        if (!test)
            return false;
        g_hash_table_insert(reader->by_number, GINT_TO_POINTER((int)number), test);
    }
    test->outcome = outcome_of(outcome);
    report_set_message(test, test->outcome == TEST_PASSED ? NULL : outcome + strspn(outcome, "*"));
    return true;
}

/* "67% tests passed, 1 tests failed out of 3" */
static bool read_total(CtestReader *reader, const char *line)
{
    const char *at = line;
    gint64 ignored;
    if (!report_read_number(&at, &ignored) || !g_str_has_prefix(at, "% tests passed"))
        return false;
    const char *total = g_strrstr(at, " out of ");
    if (!total)
        return false;
    total += strlen(" out of ");
    return report_read_number(&total, &reader->report->n_planned);
}

bool report_read_ctest(TestReport *report, const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) by_number = g_hash_table_new(NULL, NULL);
    CtestReader reader = {report, by_number};
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    for (const char *line = line_reader_next(&lines); line; line = line_reader_next(&lines)) {
        const char *mark = strstr(line, "Test ");
        const char *hash = mark ? strchr(mark, '#') : NULL;
        bool is_result = hash && strspn(line, " 0123456789/") == (gsize)(mark - line) &&
                         strspn(mark + strlen("Test "), " ") == (gsize)(hash - mark) - strlen("Test ");
        if (is_result && !read_result(&reader, hash + 1, error))
            return false;
        report->is_complete |= !is_result && read_total(&reader, line);
        if (g_str_has_prefix(line, "No tests were found")) {
            report->n_planned = 0;
            report->is_complete = true;
        }
    }
    if (report->cases->len == 0 && !report->is_complete)
        return error_set(error, RUBRIC_ERROR_INVALID, "not the output of ctest: in %u lines there is no test",
                         lines.number);
    return true;
}
