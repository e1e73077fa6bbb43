/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns that instructors write and that meet hostile text: regular expressions with a match limit, and globs that
 * need time linear in pattern times path.
 */
#pragma once

#include "rubrics/rubrics.h"

/* The most text that one regular expression is run over. */
#define PATTERN_MAX_TEXT ((gsize)1 << 20)

/* Compiles `text` (^ and $ match at line breaks) or reports at `node`, with the position in the pattern, and returns
 * NULL. */
GRegex *pattern_compile(const char *text, bool ignore_case, const YamlNode *node, Diagnostics *diagnostics);

/* Reads key `key` of `reader` as a regular expression; NULL when absent or wrong (reported). */
GRegex *pattern_read(YamlReader *reader, const char *key);

/* The pattern as its author wrote it; owned by `regex`. */
const char *pattern_text(const GRegex *regex);

/* Is the pattern found in the first PATTERN_MAX_TEXT bytes of `text` (any bytes)? LIMIT: matching was given up. */
bool pattern_found(const GRegex *regex, const char *text, gsize length, bool *ret_is_found, GError **error);

/* The same; *ret_line: the line in which the match begins, as valid UTF-8 and shortened, for evidence; NULL: not found.
 * Caller frees. */
bool pattern_find_line(const GRegex *regex, const char *text, gsize length, char **ret_line, GError **error);

/* `*` and `?` do not cross '/', `**` as a whole segment does, [a-z] and [!a-z] are sets; all else stands for itself. */
bool glob_matches(const char *glob, const char *path, bool ignore_case);

/* What is wrong with a glob that names a path below a folder ("is absolute", "holds `..`", ...); NULL: nothing. */
const char *glob_problem(const char *glob);
