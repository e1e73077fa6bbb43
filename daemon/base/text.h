/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from students, made safe for where it goes. One function per context; results are the caller's to free.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* For a terminal or a log: valid UTF-8; control characters, escape sequences, bidirectional overrides and zero-width
 * characters shown as \n, \t, \xNN or \u{NNNN}; cut after `max_bytes` of output with "…". */
char *text_escape_terminal(const char *text, gsize max_bytes);

/* For HTML text and double-quoted attributes: & < > " ' as entities; invalid bytes and controls replaced. */
char *text_escape_html(const char *text);

/* For one line of Markdown (GitHub's or CommonMark): punctuation that could start a construct is backslash-escaped,
 * line breaks become blanks, '<' and '&' become entities; '@', '#', "://" and "www." get a zero-width space behind
 * them, since an entity alone does not keep GitHub from mentioning and linking. */
char *text_escape_markdown(const char *text);

/* For one line of a message to Slack: & < > as entities, so that no <!channel> or <@user> comes of it; '@', "://" and
 * "www." get a zero-width space behind them; line breaks and controls are shown as in text_escape_terminal. At most
 * `max_bytes` of `text` are taken. */
char *text_escape_slack(const char *text, gsize max_bytes);

/* For a Markdown code block: fenced longer than any run of backticks inside; controls as in text_escape_terminal but
 * line breaks kept; cut after `max_bytes` with a line that says how much was left out. Ends with a newline. */
char *text_markdown_block(const char *text, gsize max_bytes);

/* One CSV cell by RFC 4180, quoted when needed; a cell that starts with = + - @ tab or CR gets a leading apostrophe, so
 * that no spreadsheet runs it as a formula. `text` may be NULL (empty cell). */
char *text_csv_cell(const char *text);

/* A copy of at most `max_bytes`, valid UTF-8, cut between characters; "…" at the end if anything was cut. */
char *text_truncate(const char *text, gsize max_bytes);

/* The last `max_bytes` of it in the same way ("…" at the start), for the last words of a program. */
char *text_last(const char *text, gsize length, gsize max_bytes);

/* The entry of NULL-terminated `candidates` nearest to `text` by edit distance, if near enough to be a slip (at most a
 * third of its length), else NULL. */
const char *text_nearest(const char *text, const char *const *candidates);

/* Is it a number as a machine writes it: digits alone, at least one and at most `max_digits`? NULL is none. */
bool text_is_digits(const char *text, gsize max_digits);

/* "600.0 MiB", for people. */
char *text_size(gint64 bytes);

/* Line and column, both from 1, of `at` in `text`; what is before it is UTF-8. Columns count characters. */
void text_place(const char *text, const char *at, int *ret_line, int *ret_column);

/* Of two elements of an array of strings, by their bytes: for sorting. */
gint text_compare(gconstpointer a, gconstpointer b);
