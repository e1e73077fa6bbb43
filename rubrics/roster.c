/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/course_load.h"

#include <string.h>

static const char roster_file[] = "roster.csv";

enum {
    COLUMN_ID,
    COLUMN_NAME,
    COLUMN_EMAIL,
    COLUMN_ALIASES,
    COLUMN_GITHUB,
    COLUMN_SID,
    COLUMN_SECTION,
    COLUMN_TEAM,
    COLUMN_STATUS,
    N_COLUMNS
};
static const char *const column_names[] = {
    [COLUMN_ID] = "id",         [COLUMN_NAME] = "name", [COLUMN_EMAIL] = "email",     [COLUMN_ALIASES] = "aliases",
    [COLUMN_GITHUB] = "github", [COLUMN_SID] = "sid",   [COLUMN_SECTION] = "section", [COLUMN_TEAM] = "team",
    [COLUMN_STATUS] = "status", [N_COLUMNS] = NULL,
};

static const char *const status_names[] = {
    [STATUS_STUDENT] = "student",
    [STATUS_AUDIT] = "audit",
    [STATUS_STAFF] = "staff",
    [STATUS_DROPPED] = "dropped",
    NULL,
};

/* Reading one roster. */
typedef struct {
    Course *course;
    Diagnostics *diagnostics;
    int index[N_COLUMNS]; /* place of a column in the file, or -1 */
    GHashTable *seen;     /* "kind:value" -> line of its first use, as GINT_TO_POINTER */
} Roster;

void person_free(Person *person)
{
    g_free(person->id);
    g_free(person->name);
    g_free(person->email);
    g_free(person->github);
    g_free(person->sid);
    g_free(person->section);
    g_free(person->team);
    g_strfreev(person->emails);
    g_free(person);
}

bool owner_id_is_valid(const char *id)
{
    const gsize max_length = 64;
    gsize length = strlen(id);
    return length > 0 && length <= max_length && g_ascii_isalnum(id[0]) &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@") == length;
}

/* ---- header --------------------------------------------------------------------------------------------------------
 */

static void report_unknown_column(const Roster *roster, const CsvCell *cell)
{
    const gsize max_shown = 60;
    g_autofree char *shown = text_truncate(cell->text, max_shown);
    const char *nearest = text_nearest(cell->text, column_names);
    if (nearest) {
        csv_report(roster->diagnostics, roster_file, cell, "unknown column \"%s\"; did you mean \"%s\"?", shown,
                   nearest);
        return;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)column_names);
    csv_report(roster->diagnostics, roster_file, cell, "unknown column \"%s\"; a roster may have: %s%s", shown, all,
               strpbrk(cell->text, ";\t") ? "; separate the cells by commas" : "");
}

static int find_column(const char *name)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        if (strcmp(column_names[i], name) == 0)
            return i;
    }
    return -1;
}

/* false: without ids nothing can be read. */
static bool read_header(Roster *roster, const GArray *header)
{
    for (int i = 0; i < N_COLUMNS; i++)
        roster->index[i] = -1;
    for (guint i = 0; i < header->len; i++) {
        const CsvCell *cell = &g_array_index(header, CsvCell, i);
        int column = find_column(cell->text);
        if (column < 0)
            report_unknown_column(roster, cell);
        else if (roster->index[column] >= 0)
            csv_report(roster->diagnostics, roster_file, cell, "the column \"%s\" is there twice", cell->text);
        else
            roster->index[column] = (int)i;
    }
    if (roster->index[COLUMN_ID] >= 0)
        return true;
    csv_report(roster->diagnostics, roster_file, &g_array_index(header, CsvCell, 0),
               "the first line must name the columns, \"id\" among them");
    return false;
}

/* ---- people --------------------------------------------------------------------------------------------------------
 */

/* The cell, or NULL when the file has no such column or the cell is empty. */
static const CsvCell *get_cell(const Roster *roster, const GArray *row, int column)
{
    int index = roster->index[column];
    if (index < 0 || (guint)index >= row->len)
        return NULL;
    const CsvCell *cell = &g_array_index(row, CsvCell, index);
    return *cell->text ? cell : NULL;
}

static char *get_text(const Roster *roster, const GArray *row, int column)
{
    const CsvCell *cell = get_cell(roster, row, column);
    return cell ? g_strdup(cell->text) : NULL;
}

/* Reports a value that an earlier line has; `kind` says what it is. */
static void check_unique(Roster *roster, const CsvCell *cell, const char *kind, const char *value)
{
    g_autofree char *lower = g_utf8_strdown(value, -1);
    g_autofree char *key = g_strdup_printf("%s:%s", kind, lower);
    gpointer line = g_hash_table_lookup(roster->seen, key);
    if (line)
        csv_report(roster->diagnostics, roster_file, cell, "the %s \"%s\" is in line %d too", kind, value,
                   GPOINTER_TO_INT(line));
    else
        g_hash_table_insert(roster->seen, g_steal_pointer(&key), GINT_TO_POINTER(cell->line));
}

static void add_email(Roster *roster, const CsvCell *cell, const char *email, GPtrArray *emails)
{
    const char *at = strchr(email, '@');
    if (!at || at == email || at[1] == '\0' || strpbrk(email, " \t,<>\"\n")) {
        csv_report(roster->diagnostics, roster_file, cell, "\"%s\" is not an e-mail address", email);
        return;
    }
    char *lower = g_utf8_strdown(email, -1);
    if (g_ptr_array_find_with_equal_func(emails, lower, g_str_equal, NULL)) {
        g_free(lower); /* the own address again, as an alias */
        return;
    }
    check_unique(roster, cell, "e-mail address", email);
    g_ptr_array_add(emails, lower);
}

static char **read_emails(Roster *roster, const GArray *row)
{
    GPtrArray *emails = g_ptr_array_new();
    const CsvCell *cell = get_cell(roster, row, COLUMN_EMAIL);
    if (cell)
        add_email(roster, cell, cell->text, emails);
    cell = get_cell(roster, row, COLUMN_ALIASES);
    g_auto(GStrv) aliases = cell ? g_strsplit_set(cell->text, " ;\t\n", -1) : NULL;
    for (char **alias = aliases; alias && *alias; alias++) {
        if (**alias)
            add_email(roster, cell, *alias, emails);
    }
    g_ptr_array_add(emails, NULL);
    return (char **)g_ptr_array_free(emails, FALSE);
}

static PersonStatus read_status(const Roster *roster, const GArray *row)
{
    const CsvCell *cell = get_cell(roster, row, COLUMN_STATUS);
    if (!cell)
        return STATUS_STUDENT;
    for (int i = 0; status_names[i]; i++) {
        if (strcmp(status_names[i], cell->text) == 0)
            return (PersonStatus)i;
    }
    const char *nearest = text_nearest(cell->text, status_names);
    csv_report(roster->diagnostics, roster_file, cell,
               "the status must be student, audit, staff or dropped, not \"%s\"%s%s%s", cell->text,
               nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return STATUS_STUDENT;
}

static void check_identity(Roster *roster, const GArray *row, const CsvCell *id)
{
    if (!owner_id_is_valid(id->text))
        csv_report(roster->diagnostics, roster_file, id,
                   "\"%s\" cannot be an id: use letters, digits and . _ - + @, at most 64, the first a letter or digit",
                   id->text);
    check_unique(roster, id, "id", id->text);
    const CsvCell *github = get_cell(roster, row, COLUMN_GITHUB);
    if (github)
        check_unique(roster, github, "GitHub login", github->text);
    const CsvCell *sid = get_cell(roster, row, COLUMN_SID);
    if (sid)
        check_unique(roster, sid, "sid", sid->text);
    const CsvCell *team = get_cell(roster, row, COLUMN_TEAM);
    if (team && !owner_id_is_valid(team->text))
        csv_report(roster->diagnostics, roster_file, team,
                   "\"%s\" cannot be a team's id: use letters, digits and . _ - + @", team->text);
}

static void read_person(Roster *roster, const GArray *row, guint n_columns)
{
    const CsvCell *first = &g_array_index(row, CsvCell, 0);
    if (row->len != n_columns) {
        csv_report(roster->diagnostics, roster_file, first,
                   "this line has %u cells, the first line has %u; put cells with commas in quotes", row->len,
                   n_columns);
        return;
    }
    const CsvCell *id = get_cell(roster, row, COLUMN_ID);
    if (!id) {
        csv_report(roster->diagnostics, roster_file, &g_array_index(row, CsvCell, roster->index[COLUMN_ID]),
                   "the id is missing");
        return;
    }
    check_identity(roster, row, id);
    Person *person = g_new0(Person, 1);
    person->id = g_strdup(id->text);
    person->line = id->line;
    person->name = get_text(roster, row, COLUMN_NAME);
    person->email = get_text(roster, row, COLUMN_EMAIL);
    person->github = get_text(roster, row, COLUMN_GITHUB);
    person->sid = get_text(roster, row, COLUMN_SID);
    person->section = get_text(roster, row, COLUMN_SECTION);
    person->team = get_text(roster, row, COLUMN_TEAM);
    person->emails = read_emails(roster, row);
    person->status = read_status(roster, row);
    g_ptr_array_add(roster->course->people, person);
}

static gint compare_people(gconstpointer a, gconstpointer b)
{
    const Person *left = *(const Person *const *)a, *right = *(const Person *const *)b;
    return strcmp(left->id, right->id);
}

void roster_parse(Course *course, const char *text, gsize length, Diagnostics *diagnostics)
{
    g_autoptr(CsvTable) table = csv_parse(roster_file, text, length, diagnostics);
    if (!table)
        return;
    if (table->rows->len == 0) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, roster_file, 1, 1,
                        "the first line must name the columns, \"id\" among them");
        return;
    }
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Roster roster = {.course = course, .diagnostics = diagnostics, .seen = seen};
    const GArray *header = g_ptr_array_index(table->rows, 0);
    if (!read_header(&roster, header))
        return;
    for (guint i = 1; i < table->rows->len; i++)
        read_person(&roster, g_ptr_array_index(table->rows, i), header->len);
    g_ptr_array_sort(course->people, compare_people);
}

void roster_load(Course *course, Diagnostics *diagnostics)
{
    const gsize max_bytes = 8 * 1024 * 1024;
    g_autofree char *path = g_build_filename(course->folder, roster_file, NULL);
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    if (file_read(path, max_bytes, &text, &length, &error))
        roster_parse(course, text, length, diagnostics);
    else if (error->code != RUBRIC_ERROR_NOT_FOUND)
        diagnostics_add(diagnostics, SEVERITY_ERROR, roster_file, 0, 0, "%s", error->message);
}
