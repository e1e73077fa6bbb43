/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `go test -json`: one JSON object a line, {"Action":"pass","Package":"p","Test":"TestAdds"}. Subtests are cases of
 * their own. A test without an end is an error (the program died), and so is a package that failed though none of its
 * tests did (it did not build). Lines that are no JSON come from the compiler and are passed over.
 */
#include "graders/report.h"

#include <string.h>

typedef struct {
    TestReport *report;
    GHashTable *tests;    /* "package::test" -> TestCase* */
    GHashTable *packages; /* package -> last action */
    GHashTable *failing;  /* packages with a failed test */
    guint n_events;
} GoReader;

static const char running[] = "did not end";

/* The outcome of a final action; false for run, output, pause, cont, start, bench. */
static bool final_outcome(const char *action, TestOutcome *ret)
{
    static const struct {
        const char *action;
        TestOutcome outcome;
    } finals[] = {{"pass", TEST_PASSED}, {"fail", TEST_FAILED}, {"skip", TEST_SKIPPED}};
    for (gsize i = 0; i < G_N_ELEMENTS(finals); i++) {
        if (!g_str_equal(finals[i].action, action))
            continue;
        *ret = finals[i].outcome;
        return true;
    }
    return false;
}

static bool read_test(GoReader *reader, const char *package, const char *name, const char *action, GError **error)
{
    g_autofree char *key = g_strconcat(package, "::", name, NULL);
    TestCase *test = g_hash_table_lookup(reader->tests, key);
    if (!test) {
        test = report_add(reader->report, package, name, TEST_ERROR, running, error);
        if (!test)
            return false;
        g_hash_table_insert(reader->tests, g_steal_pointer(&key), test);
    }
    TestOutcome outcome;
    bool has_failed = test->outcome == TEST_FAILED; /* -count=2: what failed once has failed */
    if (!final_outcome(action, &outcome) || has_failed)
        return true;
    test->outcome = outcome;
    report_set_message(test, NULL);
    if (outcome == TEST_FAILED)
        g_hash_table_add(reader->failing, g_strdup(package));
    return true;
}

static bool read_event(GoReader *reader, const cJSON *event, GError **error)
{
    const char *action = json_string_or(event, "Action", NULL), *package = json_string_or(event, "Package", NULL);
    const char *test = json_string_or(event, "Test", NULL);
    if (!action || !package)
        return true;
    reader->n_events++;
    if (test)
        return read_test(reader, package, test, action, error);
    TestOutcome outcome;
    bool is_final = final_outcome(action, &outcome);
    if (is_final || !g_hash_table_contains(reader->packages, package))
        g_hash_table_replace(reader->packages, g_strdup(package), g_strdup(is_final ? action : ""));
    return true;
}

/* Every package that was heard of must have ended. */
static bool settle(GoReader *reader, GError **error)
{
    reader->report->is_complete = g_hash_table_size(reader->packages) > 0;
    GHashTableIter iter;
    gpointer package, action;
    g_hash_table_iter_init(&iter, reader->packages);
    while (g_hash_table_iter_next(&iter, &package, &action)) {
        if (*(const char *)action == '\0')
            reader->report->is_complete = false;
        bool is_unexplained = g_str_equal(action, "fail") && !g_hash_table_contains(reader->failing, package);
        if (is_unexplained &&
            !report_add(reader->report, NULL, package, TEST_ERROR, "the package failed (did it build?)", error))
            return false;
    }
    return true;
}

bool report_read_go(TestReport *report, const char *text, gsize length, GError **error)
{
    g_autoptr(GHashTable) tests = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) packages = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) failing = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GoReader reader = {.report = report, .tests = tests, .packages = packages, .failing = failing};
    g_auto(LineReader) lines;
    line_reader_start(&lines, text, length);
    for (const char *line = line_reader_next(&lines); line; line = line_reader_next(&lines)) {
        g_autoptr(cJSON) event = *line == '{' ? json_parse(line, strlen(line), NULL) : NULL;
        if (event && !read_event(&reader, event, error))
            return false;
    }
    if (reader.n_events == 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "not the output of go test -json: in %u lines there is no event",
                         lines.number);
    return settle(&reader, error);
}
