/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text must be: an expectation, read from YAML, held against what a command wrote after its box is dead. The
 * text is hostile (any bytes, any length up to a box's output limit); time is n log n at most.
 */
#pragma once

#include "rubrics/rubrics.h"

typedef enum {
    COMPARE_EXACT,          /* byte for byte */
    COMPARE_TRAILING_SPACE, /* blanks at line ends and empty lines at the end do not matter */
    COMPARE_NUMERIC,        /* words and numbers, blanks between them do not matter, numbers within a tolerance */
    COMPARE_REGEX,          /* a pattern is found in it */
    COMPARE_UNORDERED,      /* the same lines in any order, ends as in COMPARE_TRAILING_SPACE */
    COMPARE_JSON,           /* the same JSON value, numbers within a tolerance, members in any order */
} CompareMode;

typedef struct {
    CompareMode mode;
    bool ignore_case;
    bool has_tolerance; /* given by the author: then it holds for whole numbers too */
    double tolerance;   /* absolute, and relative to the expected number */
} CompareRule;

/* NULL-terminated, in the order of CompareMode. */
extern const char *const compare_mode_names[];

#define COMPARE_DEFAULT_TOLERANCE 1e-6

/* NULL when `got` is what `rule` asks for, else one sentence without a capital that says the first difference ("line 3:
 * expected "a", got "b""); without expected values if not `shows_expected`. Any bytes in both texts. COMPARE_REGEX is
 * not for this function. */
char *compare_texts(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                    gsize got_length, bool shows_expected);

typedef struct {
    CompareRule rule;
    char *text;    /* expected text written in the rubric, or NULL */
    char *file;    /* file of the course folder that holds it, or NULL */
    GRegex *regex; /* for COMPARE_REGEX, or NULL */
} Expectation;

/* Reads the keys is, FILE_KEY, matches, mode, tolerance and case of a mapping whose reader the caller ends. Without any
 * of the first three the expectation is empty: only its rule counts. */
void expectation_read(Expectation *expectation, YamlReader *reader, const char *file_key, const CompareRule *inherited,
                      RubricLoad *load);
bool expectation_is_empty(const Expectation *expectation);
void expectation_clear(Expectation *expectation);

/* Holds `got` against it. *ret_difference: as of compare_texts, NULL when it is met (an empty one always is). false:
 * the expected text could not be read, or matching was given up. */
bool expectation_compare(const Expectation *expectation, const char *course_folder, const char *got, gsize got_length,
                         bool shows_expected, char **ret_difference, GError **error);

/* For the parts in compare_json.c and compare_numeric.c; same contract as compare_texts. */
char *compare_json(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                   gsize got_length, bool shows_expected);
char *compare_numeric(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                      gsize got_length, bool shows_expected);
/* Both whole and no tolerance given: equal; else within it. NaN equals nothing. */
bool compare_numbers(const CompareRule *rule, double expected, double got, bool both_whole);
/* `length` bytes as a quoted, escaped and shortened piece for a message. */
char *compare_quote(const char *text, gsize length);
/* The same without case, as valid UTF-8. */
char *compare_fold(const char *text, gsize length);
