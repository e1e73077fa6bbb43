/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of test reports share. A report is hostile: it is at most 16 MiB, has at most 10,000 cases, and its
 * names and messages are cut and made valid UTF-8 here, in one place.
 */
#pragma once

#include "graders/graders.h"

/* Each reads one format into an empty report: cases, n_planned, is_complete. INVALID: the text is not of the format,
 * with the line or byte. */
bool report_read_junit(TestReport *report, const char *text, gsize length, GError **error);
bool report_read_tap(TestReport *report, const char *text, gsize length, GError **error);
bool report_read_ctest(TestReport *report, const char *text, gsize length, GError **error);
bool report_read_check(TestReport *report, const char *text, gsize length, GError **error);
bool report_read_pytest(TestReport *report, const char *text, gsize length, GError **error);
bool report_read_go(TestReport *report, const char *text, gsize length, GError **error);
/* Check's XML (srunner_set_xml), for report_read_check. */
bool report_read_check_xml(TestReport *report, const char *text, gsize length, GError **error);

/* Adds a case; `suite` and `message` may be NULL. NULL and LIMIT: there are 10,000 already. Owned by the report. */
TestCase *report_add(TestReport *report, const char *suite, const char *name, TestOutcome outcome, const char *message,
                     GError **error);
/* Adds `n` cases that the report counts but does not name. */
bool report_add_unnamed(TestReport *report, gint64 n, TestOutcome outcome, GError **error);
/* Replaces a case's message, bounded. */
void report_set_message(TestCase *test, const char *message);
/* A few of the names, safe for one line: "a, b and 3 more". Caller frees. */
char *report_list_names(const GPtrArray *names);
guint report_count(const TestReport *report, TestOutcome outcome);

/* Lines of a text, one after the other, without their ends; a line is cut after 64 KiB and holds no NUL. */
typedef struct {
    const char *at, *end;
    guint number;  /* of the current line, from 1 */
    GString *line; /* the current line; NULL before the first */
} LineReader;
void line_reader_start(LineReader *reader, const char *text, gsize length);
const char *line_reader_next(LineReader *reader); /* NULL at the end */
void line_reader_clear(LineReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LineReader, line_reader_clear)

/* Reads a decimal number of at most 9 digits at *at and moves behind it; false, and nothing moves, when there is none.
 */
bool report_read_number(const char **at, gint64 *ret);
