/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs of the Check library print:
 *
 *     Running suite(s): maths
 *     33%: Checks: 3, Failures: 1, Errors: 1
 *     t.c:4:F:Core:divides:0: Assertion '1 == 2' failed
 *
 * Passed tests are named only with CK_VERBOSITY=verbose, so the others are counted without a name. Its TAP
 * (CK_TAP_LOG_FILE_NAME) and XML (CK_XML_LOG_FILE_NAME) logs are known by their first bytes.
 */
#include "graders/report_xml.h"

#include <string.h>

/* One summary line and the cases named behind it. */
typedef struct {
    TestReport *report;
    guint n_started, n_summed; /* "Running suite(s)" and summary lines */
    gint64 n_left[3];          /* counted but not named yet: passed, failed, error */
} CheckReader;

static const TestOutcome counted_outcomes[] = {TEST_PASSED, TEST_FAILED, TEST_ERROR};

/* Moves behind `word` and reads the number that follows. */
static bool read_count(const char **at, const char *word, gint64 *ret)
{
    if (!g_str_has_prefix(*at, word))
        return false;
    *at += strlen(word);
    return report_read_number(at, ret);
}

static bool flush_unnamed(CheckReader *reader, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(counted_outcomes); i++) {
        if (!report_add_unnamed(reader->report, MAX(reader->n_left[i], 0), counted_outcomes[i], error))
            return false;
        reader->n_left[i] = 0;
    }
    return true;
}

/* "33%: Checks: 3, Failures: 1, Errors: 1"; programs that run no case print it behind "Running suite(s):".
 * *ret_is_total tells. */
static bool read_total(CheckReader *reader, const char *line, bool *ret_is_total, GError **error)
{
    const char *at = line;
    gint64 percent, n_checks, n_failures, n_errors;
    *ret_is_total = report_read_number(&at, &percent) && read_count(&at, "%: Checks: ", &n_checks) &&
                    read_count(&at, ", Failures: ", &n_failures) && read_count(&at, ", Errors: ", &n_errors) &&
                    *at == '\0';
    if (!*ret_is_total)
        return true;
    if (n_failures + n_errors > n_checks)
        return error_set(error, RUBRIC_ERROR_INVALID, "it counts more failures than checks");
    if (!flush_unnamed(reader, error))
        return false;
    reader->n_summed++;
    reader->report->n_planned = MAX(reader->report->n_planned, 0) + n_checks;
    reader->n_left[0] = n_checks - n_failures - n_errors;
    reader->n_left[1] = n_failures;
    reader->n_left[2] = n_errors;
    return true;
}

/* "t.c:4:F:Core:divides:0: message": a case that the summary before it counted. */
static bool read_case(CheckReader *reader, const char *line, GError **error)
{
    enum { FILE_NAME, LINE, OUTCOME, CASE, TEST, ITERATION, MESSAGE, N_FIELDS };
    static const char letters[] = "PFE";
    g_auto(GStrv) fields = g_strsplit(line, ":", N_FIELDS);
    if (g_strv_length(fields) < N_FIELDS - 1 || strlen(fields[OUTCOME]) != 1 || !g_ascii_isdigit(*fields[LINE]))
        return true;
    const char *letter = strchr(letters, *fields[OUTCOME]);
    if (!letter || reader->n_left[letter - letters] <= 0)
        return true;
    reader->n_left[letter - letters]--;
    bool is_repeated = !g_str_equal(fields[ITERATION], "0");
    g_autofree char *name =
        is_repeated ? g_strdup_printf("%s[%s]", fields[TEST], fields[ITERATION]) : g_strdup(fields[TEST]);
    TestOutcome outcome = counted_outcomes[letter - letters];
    const char *message =
        fields[MESSAGE] && outcome != TEST_PASSED ? fields[MESSAGE] + strspn(fields[MESSAGE], " ") : NULL;
    return report_add(reader->report, fields[CASE], name, outcome, message, error) != NULL;
}

static bool read_plain(TestReport *report, const char *text, gsize length, GError **error)
{
    static const char start[] = "Running suite(s):";
    CheckReader reader = {.report = report};
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    for (const char *line = line_reader_next(&lines); line; line = line_reader_next(&lines)) {
        if (g_str_has_prefix(line, start)) {
            reader.n_started++;
            line += strlen(start);
        }
        bool is_total;
        if (!read_total(&reader, line, &is_total, error) || (!is_total && !read_case(&reader, line, error)))
            return false;
    }
    if (!flush_unnamed(&reader, error))
        return false;
    if (reader.n_summed == 0 && reader.n_started == 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "not the output of Check: in %u lines there is no \"%%: Checks: N\"", lines.number);
    report->is_complete = reader.n_summed > 0 && reader.n_summed >= reader.n_started;
    return true;
}

/* ---- XML ----------------------------------------------------------------------------------------------------------
 */

typedef struct {
    TestReport *report;
    bool is_in_test, has_end;
    TestOutcome outcome;
    char *id, *test_case, *message, *iteration;
} CheckXmlReader;

static void forget_test(CheckXmlReader *reader)
{
    g_clear_pointer(&reader->id, g_free);
    g_clear_pointer(&reader->test_case, g_free);
    g_clear_pointer(&reader->message, g_free);
    g_clear_pointer(&reader->iteration, g_free);
    reader->is_in_test = false;
}

static bool on_start(void *data, const char *element, const char *const *attributes, guint depth, GError **error)
{
    CheckXmlReader *reader = data;
    if (depth == 1 && !g_str_equal(element, "testsuites"))
        return error_set(error, RUBRIC_ERROR_INVALID, "not a log of Check: the root element is <%.40s>", element);
    if (!g_str_equal(element, "test"))
        return true;
    forget_test(reader);
    const char *result = xml_attribute(attributes, "result");
    reader->is_in_test = true;
    reader->outcome = TEST_ERROR;
    if (result && g_str_equal(result, "success"))
        reader->outcome = TEST_PASSED;
    else if (result && g_str_equal(result, "failure"))
        reader->outcome = TEST_FAILED;
    return true;
}

static void keep(char **place, const char *text)
{
    g_free(*place);
    *place = g_strdup(text);
}

static bool on_end(void *data, const char *element, const char *text, guint depth, GError **error)
{
    (void)depth;
    CheckXmlReader *reader = data;
    if (!reader->is_in_test)
        return true;
    if (g_str_equal(element, "id"))
        keep(&reader->id, text);
    else if (g_str_equal(element, "description"))
        keep(&reader->test_case, text);
    else if (g_str_equal(element, "message"))
        keep(&reader->message, text);
    else if (g_str_equal(element, "iteration"))
        keep(&reader->iteration, text);
    if (!g_str_equal(element, "test"))
        return true;
    if (!reader->id)
        return error_set(error, RUBRIC_ERROR_INVALID, "a <test> has no <id>");
    bool is_repeated = reader->iteration && !g_str_equal(reader->iteration, "0");
    g_autofree char *name =
        is_repeated ? g_strdup_printf("%s[%s]", reader->id, reader->iteration) : g_strdup(reader->id);
    const char *message = reader->outcome == TEST_PASSED ? NULL : reader->message;
    bool is_added = report_add(reader->report, reader->test_case, name, reader->outcome, message, error) != NULL;
    forget_test(reader);
    return is_added;
}

bool report_read_check_xml(TestReport *report, const char *text, gsize length, GError **error)
{
    static const XmlHandlers handlers = {on_start, on_end};
    CheckXmlReader reader = {.report = report};
    bool is_read = xml_read(text, length, &handlers, &reader, &report->is_complete, error);
    forget_test(&reader);
    return is_read;
}

/* ---- which of the three -------------------------------------------------------------------------------------------
 */

bool report_read_check(TestReport *report, const char *text, gsize length, GError **error)
{
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    const char *first = line_reader_next(&lines);
    if (first && *first == '<')
        return report_read_check_xml(report, text, length, error);
    bool is_tap = first && (g_str_has_prefix(first, "ok ") || g_str_has_prefix(first, "not ok ") ||
                            g_str_has_prefix(first, "1..") || g_str_has_prefix(first, "TAP version"));
    return is_tap ? report_read_tap(report, text, length, error) : read_plain(report, text, length, error);
}
