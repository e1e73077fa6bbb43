/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/error.h"

#include <errno.h>

G_DEFINE_QUARK(rubric - error - quark, rubric_error)

const char *rubric_error_name(RubricError code)
{
    static const char *const names[] = {
        [RUBRIC_ERROR_INVALID] = "invalid",
        [RUBRIC_ERROR_NOT_FOUND] = "not-found",
        [RUBRIC_ERROR_TEMPORARY] = "temporary",
        [RUBRIC_ERROR_LIMIT] = "limit",
        [RUBRIC_ERROR_DENIED] = "denied",
        [RUBRIC_ERROR_SYSTEM] = "system",
        [RUBRIC_ERROR_BUG] = "bug",
    };
    return (gsize)code < G_N_ELEMENTS(names) ? names[code] : "unknown";
}

void error_fill(GError **error, RubricError code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (error)
        *error = g_error_new_valist(RUBRIC_ERROR, (int)code, format, args);
    va_end(args);
}

void error_fill_errno(GError **error, int errnum, const char *format, ...)
{
    RubricError code = RUBRIC_ERROR_SYSTEM;
    if (errnum == ENOENT)
        code = RUBRIC_ERROR_NOT_FOUND;
    else if (errnum == EACCES || errnum == EPERM)
        code = RUBRIC_ERROR_DENIED;

    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, RUBRIC_ERROR, (int)code, "%s: %s", what, g_strerror(errnum));
}
