/* SPDX-License-Identifier: Apache-2.0 */
/* Scores from outside: a table with a person a line, as spreadsheets and Canvas write it. */
#include "daemon/tokens/gradebook.h"

#include <string.h>

static void want(GHashTable *wanted, char **columns)
{
    for (char **column = columns; column && *column; column++)
        g_hash_table_add(wanted, *column);
}

static void want_all(GHashTable *wanted, const Gradebook *gradebook)
{
    bool has_participation = false;
    for (guint i = 0; i < gradebook->components->len; i++) {
        const Component *component = g_ptr_array_index(gradebook->components, i);
        want(wanted, component->columns);
        has_participation = has_participation || component->kind == COMPONENT_PARTICIPATION;
    }
    if (has_participation && gradebook->lectures_column)
        g_hash_table_add(wanted, gradebook->lectures_column);
    if (gradebook->peer_column)
        g_hash_table_add(wanted, gradebook->peer_column);
}

GHashTable *scores_wanted(const Gradebook *gradebook)
{
    GHashTable *wanted = g_hash_table_new(g_str_hash, g_str_equal);
    want_all(wanted, gradebook);
    for (guint i = 0; i < gradebook->variants->len; i++)
        want_all(wanted, g_ptr_array_index(gradebook->variants, i));
    return wanted;
}

/* ---- one table -------------------------------------------------------------------------------------------------- */

typedef struct {
    const Course *course;
    const char *file;
    const GArray *header;
    int id;             /* place of the column that says who it is */
    GHashTable *wanted; /* char*: columns */
    GHashTable *scores;
    GHashTable *seen; /* char*: people */
    Diagnostics *diagnostics;
} Reading;

/* Canvas's own number of a person, its column ID, is nothing that we know. */
static int find_id(const GArray *header)
{
    static const char *const names[] = {"SIS Login ID", "SIS User ID", "id"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        int place = csv_find(header, names[i]);
        if (place >= 0)
            return place;
    }
    return -1;
}

static GHashTable *values_of(const Reading *reading, const Person *person)
{
    GHashTable *values = g_hash_table_lookup(reading->scores, person->id);
    if (!values) {
        values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_hash_table_insert(reading->scores, g_strdup(person->id), values);
    }
    return values;
}

static void read_cells(const Reading *reading, const Person *person, const GArray *row)
{
    GHashTable *values = values_of(reading, person);
    for (guint i = 0; i < row->len && i < reading->header->len; i++) {
        const CsvCell *cell = csv_cell(row, (int)i);
        const char *column = csv_cell(reading->header, (int)i)->text;
        gint64 milli;
        if (!*cell->text || !g_hash_table_contains(reading->wanted, column))
            continue;
        if (points_parse(cell->text, &milli))
            g_hash_table_insert(values, g_strdup(column), g_memdup2(&milli, sizeof milli));
        else
            csv_report(reading->diagnostics, reading->file, cell,
                       "column \"%s\": \"%s\" is no number like 92 or 92.5, with at most three decimals", column,
                       cell->text);
    }
}

const Person *table_person(const Course *course, const char *file, const CsvCell *cell, Diagnostics *diagnostics)
{
    const Person *person = course_person(course, cell->text);
    person = person ? person : course_find_person(course, cell->text);
    if (!person)
        csv_report(diagnostics, file, cell, "\"%s\" is not in the roster", cell->text);
    return person;
}

static void read_row(const Reading *reading, const GArray *row)
{
    const CsvCell *first = csv_cell(row, 0), *cell = csv_cell(row, reading->id);
    if (strstr(first->text, "Points Possible")) /* the second line of an export of Canvas */
        return;
    if (!cell || !*cell->text) {
        csv_report(reading->diagnostics, reading->file, first, "the id is missing");
        return;
    }
    const Person *person = table_person(reading->course, reading->file, cell, reading->diagnostics);
    if (person && !g_hash_table_add(reading->seen, person->id))
        csv_report(reading->diagnostics, reading->file, cell, "\"%s\" is there twice", cell->text);
    else if (person)
        read_cells(reading, person, row);
}

bool scores_read(const Course *course, const Gradebook *gradebook, const char *file, const char *text, gsize length,
                 GHashTable *scores, GHashTable *found, Diagnostics *diagnostics)
{
    unsigned n_errors = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(CsvTable) table = csv_parse(file, text, length, diagnostics);
    if (!table)
        return false;
    const GArray *header = table->rows->len > 0 ? g_ptr_array_index(table->rows, 0) : NULL;
    int id = header ? find_id(header) : -1;
    if (id < 0) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, file, 1, 1,
                        "the first line must name the columns, \"id\" among them");
        return false;
    }
    g_autoptr(GHashTable) wanted = scores_wanted(gradebook);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    Reading reading = {.course = course,
                       .file = file,
                       .header = header,
                       .id = id,
                       .wanted = wanted,
                       .scores = scores,
                       .seen = seen,
                       .diagnostics = diagnostics};
    for (guint i = 0; i < header->len; i++) {
        if (g_hash_table_contains(wanted, csv_cell(header, (int)i)->text))
            g_hash_table_add(found, g_strdup(csv_cell(header, (int)i)->text));
    }
    for (guint i = 1; i < table->rows->len; i++)
        read_row(&reading, g_ptr_array_index(table->rows, i));
    return diagnostics_count(diagnostics, SEVERITY_ERROR) == n_errors;
}
