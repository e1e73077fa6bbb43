/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error domain. A code says what the caller can do; the message says what happened to what, in lower case, with
 * foreign strings quoted. A GError is always ours: it never costs a student points or tokens.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define RUBRIC_ERROR (rubric_error_quark())
GQuark rubric_error_quark(void);

typedef enum {
    RUBRIC_ERROR_INVALID,   /* the input is wrong: tell its author, do not retry */
    RUBRIC_ERROR_NOT_FOUND, /* it is not there: create it, or say so */
    RUBRIC_ERROR_TEMPORARY, /* retry later may help (busy, network, 5xx) */
    RUBRIC_ERROR_LIMIT,     /* a configured bound was hit: raise it or refuse */
    RUBRIC_ERROR_DENIED,    /* we may not: permissions, credentials, a lost lease */
    RUBRIC_ERROR_SYSTEM,    /* the machine failed us: errno, a missing program */
    RUBRIC_ERROR_BUG,       /* we failed: an invariant does not hold */
} RubricError;

/* Name of a code, for logs: "invalid", "not-found", ... */
const char *rubric_error_name(RubricError code);

/* Sets *error to RUBRIC_ERROR_code with the formatted message and returns false, so that callers can
 * `return error_set(error, RUBRIC_ERROR_INVALID, "...")`. */
#define error_set(error, code, ...) (error_fill(error, code, __VA_ARGS__), error_false())

/* As error_set with RUBRIC_ERROR_SYSTEM (ENOENT gives NOT_FOUND; EACCES and EPERM give DENIED), the message ending in
 * ": strerror(errnum)". */
#define error_set_errno(error, errnum, ...) (error_fill_errno(error, errnum, __VA_ARGS__), error_false())

/* What the two macros are made of; as macros they show every analyser that the value is false. */
static inline bool error_false(void)
{
    return false;
}
void error_fill(GError **error, RubricError code, const char *format, ...) G_GNUC_PRINTF(3, 4);
void error_fill_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
