/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pytest prints with -v and with -rA:
 *
 *     collected 3 items
 *     tests/test_a.py::test_adds PASSED                 [ 33%]
 *     FAILED tests/test_a.py::test_divides - assert 1 == 2
 *     ==== 1 failed, 2 passed in 0.05s ====
 *
 * The last line counts; cases that it counts and nothing names are added without a name. A case named in several lines
 * has the worst of its outcomes. Terminal output mixes with what tests print: prefer --junitxml.
 */
#include "graders/report.h"

#include <string.h>

enum { N_OUTCOMES = TEST_ERROR + 1 };

typedef struct {
    TestReport *report;
    GHashTable *by_name; /* node id -> TestCase* */
    gint64 counted[N_OUTCOMES];
    bool has_total;
} PytestReader;

static const struct {
    const char *word;
    TestOutcome outcome;
} words[] = {
    {"PASSED", TEST_PASSED},   {"FAILED", TEST_FAILED}, {"ERROR", TEST_ERROR},
    {"SKIPPED", TEST_SKIPPED}, {"XFAIL", TEST_SKIPPED}, {"XPASS", TEST_PASSED},
};

/* From good to bad, so that of two outcomes the worse one is kept. */
static int badness(TestOutcome outcome)
{
    static const int ranks[N_OUTCOMES] = {[TEST_PASSED] = 0, [TEST_SKIPPED] = 1, [TEST_FAILED] = 2, [TEST_ERROR] = 3};
    return ranks[outcome];
}

static bool note_case(PytestReader *reader, const char *name, TestOutcome outcome, const char *message, GError **error)
{
    TestCase *test = g_hash_table_lookup(reader->by_name, name);
    if (!test) {
        test = report_add(reader->report, NULL, name, outcome, message, error);
        if (test)
            g_hash_table_insert(reader->by_name, g_strdup(name), test);
        return test != NULL;
    }
    if (badness(outcome) > badness(test->outcome))
        test->outcome = outcome;
    if (message)
        report_set_message(test, message);
    return true;
}

/* "PASSED tests/a.py::test_x", "FAILED a.py::test_y - reason", "ERROR a.py - reason". */
static bool read_word_first(PytestReader *reader, const char *line, TestOutcome outcome, GError **error)
{
    const char *dash = strstr(line, " - ");
    g_autofree char *name = dash ? g_strndup(line, (gsize)(dash - line)) : g_strdup(line);
    g_strchomp(name);
    bool is_case = strstr(name, "::") || (outcome == TEST_ERROR && g_str_has_suffix(name, ".py"));
    return !is_case || *name == '[' || note_case(reader, name, outcome, dash ? dash + strlen(" - ") : NULL, error);
}

/* "tests/a.py::test_x PASSED    [ 33%]" */
static bool read_name_first(PytestReader *reader, const char *line, GError **error)
{
    if (!strstr(line, "::") || *line == ' ')
        return true;
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *mark = g_strconcat(" ", words[i].word, NULL);
        const char *found = g_strrstr(line, mark);
        const char *behind = found ? found + strlen(mark) : NULL;
        if (!found || (*behind && *behind != ' '))
            continue;
        g_autofree char *name = g_strndup(line, (gsize)(found - line));
        return note_case(reader, g_strchomp(name), words[i].outcome, NULL, error);
    }
    return true;
}

/* Takes "[gw0] [ 33%] " of parallel runs away. */
static const char *skip_worker(const char *line)
{
    if (!g_str_has_prefix(line, "[gw"))
        return line;
    const char *percent = strstr(line, "%] ");
    return percent ? percent + strlen("%] ") : line;
}

static bool read_case(PytestReader *reader, const char *line, GError **error)
{
    line = skip_worker(line);
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize length = strlen(words[i].word);
        if (g_str_has_prefix(line, words[i].word) && line[length] == ' ')
            return read_word_first(reader, line + length + 1, words[i].outcome, error);
    }
    return read_name_first(reader, line, error);
}

/* "collected 5 items / 2 deselected / 3 selected": what will run. */
static void read_collected(PytestReader *reader, const char *line)
{
    const char *at = line + strlen("collected ");
    gint64 n;
    if (!report_read_number(&at, &n))
        return;
    const char *selected = strstr(at, " selected");
    while (selected && selected > at && g_ascii_isdigit(selected[-1]))
        selected--;
    if (selected)
        report_read_number(&selected, &n);
    reader->report->n_planned = MAX(reader->report->n_planned, 0) + n;
}

static bool add_count(gint64 counted[N_OUTCOMES], const char *word, gint64 n)
{
    static const struct {
        const char *word;
        int outcome; /* -1: counts no case */
    } counts[] = {
        {"passed", TEST_PASSED},
        {"xpassed", TEST_PASSED},
        {"failed", TEST_FAILED},
        {"error", TEST_ERROR},
        {"errors", TEST_ERROR},
        {"skipped", TEST_SKIPPED},
        {"xfailed", TEST_SKIPPED},
        {"deselected", -1},
        {"warning", -1},
        {"warnings", -1},
        {"rerun", -1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        if (!g_str_equal(counts[i].word, word))
            continue;
        if (counts[i].outcome >= 0)
            counted[counts[i].outcome] += n;
        return true;
    }
    return false;
}

/* "==== 1 failed, 2 passed in 0.05s ====", without the = in quiet runs. */
static bool read_total(PytestReader *reader, const char *line)
{
    const char *start = line + strspn(line, "= ");
    const char *end = strstr(start, " in ");
    if (!end || !g_ascii_isdigit(end[strlen(" in ")]))
        return false;
    g_autofree char *counts = g_strndup(start, (gsize)(end - start));
    gint64 counted[N_OUTCOMES] = {0};
    g_auto(GStrv) parts = g_strsplit(counts, ", ", -1);
    bool is_empty = g_str_equal(counts, "no tests ran");
    for (gsize i = 0; parts[i] && !is_empty; i++) {
        const char *at = parts[i];
        gint64 n;
        if (!report_read_number(&at, &n) || *at != ' ' || !add_count(counted, at + 1, n))
            return false;
    }
    for (int i = 0; i < N_OUTCOMES; i++)
        reader->counted[i] += counted[i];
    reader->has_total = true;
    return true;
}

/* Named cases and counts must agree: a name too many was printed by somebody else. */
static bool settle(PytestReader *reader, GError **error)
{
    TestReport *report = reader->report;
    guint n_named = report->cases->len;
    gint64 n_counted = 0;
    report->is_complete = reader->has_total;
    for (int i = 0; i < N_OUTCOMES; i++)
        n_counted += reader->counted[i];
    if (n_named > n_counted)
        report->is_complete = false;
    for (int i = 0; i < N_OUTCOMES; i++) {
        gint64 n_missing = reader->counted[i] - (gint64)report_count(report, (TestOutcome)i);
        n_missing = MIN(n_missing, n_counted - (gint64)report->cases->len);
        if (n_missing > 0 && !report_add_unnamed(report, n_missing, (TestOutcome)i, error))
            return false;
    }
    return true;
}

bool report_read_pytest(TestReport *report, const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    PytestReader reader = {.report = report, .by_name = by_name};
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    for (const char *line = line_reader_next(&lines); line; line = line_reader_next(&lines)) {
        if (g_str_has_prefix(line, "collected "))
            read_collected(&reader, line);
        else if (!read_total(&reader, line) && !read_case(&reader, line, error))
            return false;
    }
    if (!reader.has_total && report->cases->len == 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "not the output of pytest: in %u lines there is no test and no summary", lines.number);
    return settle(&reader, error);
}
