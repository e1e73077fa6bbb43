/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"

#include <string.h>

static const gsize max_bytes = 8 * 1024 * 1024;
static const guint max_rows = 100000;
static const guint max_cells = 100;

typedef struct {
    const char *file;
    const char *at, *end;
    int line, column;
    Diagnostics *diagnostics;
    bool failed;
} Scanner;

static void csv_cell_clear(gpointer data)
{
    CsvCell *cell = data;
    g_free(cell->text);
}

void csv_free(CsvTable *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->rows);
    g_free(table);
}

static void fail(Scanner *scanner, int line, int column, const char *message)
{
    diagnostics_add(scanner->diagnostics, SEVERITY_ERROR, scanner->file, line, column, "%s", message);
    scanner->failed = true;
}

/* The character here as a byte; 0 at the end (the text holds no NUL). */
static char peek(const Scanner *scanner)
{
    return scanner->at < scanner->end ? *scanner->at : '\0';
}

/* Moves on by one character of UTF-8, appending it to `out` unless that is NULL. */
static void take(Scanner *scanner, GString *out)
{
    const char *next = g_utf8_next_char(scanner->at);
    if (out)
        g_string_append_len(out, scanner->at, next - scanner->at);
    bool is_break = *scanner->at == '\n';
    scanner->line += is_break;
    scanner->column = is_break ? 1 : scanner->column + 1;
    scanner->at = next;
}

static bool at_line_end(const Scanner *scanner)
{
    return peek(scanner) == '\n' || (peek(scanner) == '\r' && scanner->at + 1 < scanner->end && scanner->at[1] == '\n');
}

static bool at_cell_end(const Scanner *scanner)
{
    return scanner->at >= scanner->end || peek(scanner) == ',' || at_line_end(scanner);
}

/* Behind the opening quote, to behind the closing one. */
static void scan_quoted(Scanner *scanner, const CsvCell *cell, GString *out)
{
    for (;;) {
        if (scanner->at >= scanner->end) {
            fail(scanner, cell->line, cell->column, "the quote that opens here is never closed");
            return;
        }
        if (peek(scanner) == '"') {
            take(scanner, NULL);
            if (peek(scanner) != '"')
                break;
        }
        take(scanner, out);
    }
    while (peek(scanner) == ' ')
        take(scanner, NULL);
    if (!at_cell_end(scanner))
        fail(scanner, scanner->line, scanner->column,
             "text after a closing quote; write \"\" for a quote inside of quotes");
}

static void scan_cell(Scanner *scanner, GArray *row)
{
    CsvCell cell = {.line = scanner->line, .column = scanner->column};
    g_autoptr(GString) out = g_string_new(NULL);
    if (peek(scanner) == '"') {
        take(scanner, NULL);
        scan_quoted(scanner, &cell, out);
    }
    while (!scanner->failed && !at_cell_end(scanner)) {
        if (peek(scanner) == '"')
            fail(scanner, scanner->line, scanner->column,
                 "a quote inside a cell; put the whole cell in quotes and write this one twice");
        else
            take(scanner, out);
    }
    cell.text = g_strstrip(g_strdup(out->str));
    g_array_append_val(row, cell);
    if (row->len > max_cells)
        fail(scanner, cell.line, cell.column, "more than 100 cells in a line");
}

static GArray *scan_row(Scanner *scanner)
{
    GArray *row = g_array_new(FALSE, FALSE, sizeof(CsvCell));
    g_array_set_clear_func(row, csv_cell_clear);
    for (;;) {
        scan_cell(scanner, row);
        if (scanner->failed || peek(scanner) != ',')
            break;
        take(scanner, NULL);
    }
    if (!scanner->failed && peek(scanner) == '\r')
        take(scanner, NULL);
    if (!scanner->failed && peek(scanner) == '\n')
        take(scanner, NULL);
    return row;
}

/* Spreadsheets write deleted lines as ",,,". */
static bool row_is_blank(const GArray *row)
{
    for (guint i = 0; i < row->len; i++) {
        if (*g_array_index(row, CsvCell, i).text)
            return false;
    }
    return true;
}

static bool text_is_readable(Scanner *scanner, const char *text, gsize length)
{
    if (length > max_bytes) {
        fail(scanner, 0, 0, "is longer than 8 MiB");
        return false;
    }
    const char *bad;
    if (g_utf8_validate_len(text, length, &bad))
        return true;
    int line, column;
    text_place(text, bad, &line, &column);
    fail(scanner, line, column, "not UTF-8 text; save it as \"CSV UTF-8\"");
    return false;
}

CsvTable *csv_parse(const char *file, const char *text, gsize length, Diagnostics *diagnostics)
{
    Scanner scanner = {
        .file = file, .at = text, .end = text + length, .line = 1, .column = 1, .diagnostics = diagnostics};
    if (!text_is_readable(&scanner, text, length))
        return NULL;
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (length >= strlen(byte_order_mark) && memcmp(text, byte_order_mark, strlen(byte_order_mark)) == 0)
        scanner.at += strlen(byte_order_mark);

    g_autoptr(CsvTable) table = g_new0(CsvTable, 1);
    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    while (scanner.at < scanner.end && !scanner.failed) {
        if (table->rows->len >= max_rows)
            fail(&scanner, scanner.line, scanner.column, "more than 100,000 lines");
        GArray *row = scan_row(&scanner);
        if (row_is_blank(row))
            g_array_unref(row);
        else
            g_ptr_array_add(table->rows, row);
    }
    return scanner.failed ? NULL : g_steal_pointer(&table);
}

const CsvCell *csv_cell(const GArray *row, int place)
{
    return place >= 0 && (guint)place < row->len ? &g_array_index(row, CsvCell, place) : NULL;
}

int csv_find(const GArray *row, const char *text)
{
    for (guint i = 0; i < row->len; i++) {
        if (g_ascii_strcasecmp(g_array_index(row, CsvCell, i).text, text) == 0)
            return (int)i;
    }
    return -1;
}

void csv_report(Diagnostics *diagnostics, const char *file, const CsvCell *cell, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    diagnostics_add(diagnostics, SEVERITY_ERROR, file, cell->line, cell->column, "%s", message);
}
