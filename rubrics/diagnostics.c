/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"

#include <string.h>

static const guint max_kept = 1000;

struct Diagnostics {
    GPtrArray *list;
    unsigned n_by_severity[2];
    bool is_sorted;
};

static void diagnostic_free(gpointer data)
{
    Diagnostic *diagnostic = data;
    g_free(diagnostic->file);
    g_free(diagnostic->message);
    g_free(diagnostic);
}

Diagnostics *diagnostics_new(void)
{
    Diagnostics *diagnostics = g_new0(Diagnostics, 1);
    diagnostics->list = g_ptr_array_new_with_free_func(diagnostic_free);
    return diagnostics;
}

void diagnostics_free(Diagnostics *diagnostics)
{
    if (!diagnostics)
        return;
    g_ptr_array_unref(diagnostics->list);
    g_free(diagnostics);
}

void diagnostics_add(Diagnostics *diagnostics, Severity severity, const char *file, int line, int column,
                     const char *format, ...)
{
    diagnostics->n_by_severity[severity]++;
    if (diagnostics->list->len >= max_kept)
        return;
    Diagnostic *diagnostic = g_new0(Diagnostic, 1);
    *diagnostic = (Diagnostic){.file = g_strdup(file), .line = line, .column = column, .severity = severity};
    va_list args;
    va_start(args, format);
    diagnostic->message = g_strdup_vprintf(format, args);
    va_end(args);
    g_ptr_array_add(diagnostics->list, diagnostic);
    diagnostics->is_sorted = false;
}

unsigned diagnostics_count(const Diagnostics *diagnostics, Severity severity)
{
    return diagnostics->n_by_severity[severity];
}

static gint compare_places(gconstpointer a, gconstpointer b)
{
    const Diagnostic *left = *(const Diagnostic *const *)a, *right = *(const Diagnostic *const *)b;
    int by_file = g_strcmp0(left->file, right->file);
    if (by_file != 0)
        return by_file;
    return left->line != right->line ? left->line - right->line : left->column - right->column;
}

const GPtrArray *diagnostics_list(Diagnostics *diagnostics)
{
    if (!diagnostics->is_sorted)
        g_ptr_array_sort(diagnostics->list, compare_places);
    diagnostics->is_sorted = true;
    return diagnostics->list;
}

char *diagnostics_format(Diagnostics *diagnostics)
{
    static const char *const names[] = {[SEVERITY_ERROR] = "error", [SEVERITY_WARNING] = "warning"};
    const GPtrArray *list = diagnostics_list(diagnostics);
    GString *out = g_string_new(NULL);
    for (guint i = 0; i < list->len; i++) {
        const Diagnostic *diagnostic = g_ptr_array_index(list, i);
        const gsize max_shown = 1000;
        g_autofree char *file = text_escape_terminal(diagnostic->file, max_shown);
        g_autofree char *message = text_escape_terminal(diagnostic->message, max_shown);
        g_string_append(out, file);
        if (diagnostic->line > 0)
            g_string_append_printf(out, ":%d:%d", diagnostic->line, diagnostic->column);
        g_string_append_printf(out, ": %s: %s\n", names[diagnostic->severity], message);
    }
    unsigned n_all = diagnostics->n_by_severity[0] + diagnostics->n_by_severity[1];
    if (n_all > list->len)
        g_string_append_printf(out, "... and %u more\n", n_all - list->len);
    return g_string_free(out, FALSE);
}
