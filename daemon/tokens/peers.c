/* SPDX-License-Identifier: Apache-2.0 */
/* Ratings of each other by the members of teams, from a table of rater, rated, rating and perhaps assignment. */
#include "daemon/tokens/gradebook.h"

#include <string.h>

enum { MAX_MEMBERS = 32 };
static const gint64 all_milli = 100000;

const PeerRules peer_rules_usual = {.counts_self = true, .missing_milli = -1, .most_milli = 1050};

/* ---- one rating ------------------------------------------------------------------------------------------------- */

static const PeerLevel usual_levels[] = {
    {(char *)"Good", 100000},     {(char *)"Needs improvement", 90000},
    {(char *)"Deficient", 60000}, {(char *)"Unsatisfactory", 40000},
    {(char *)"No show", 0},       {(char *)"Good team citizen", 100000},
};
static const guint n_usual_shown = 5; /* the last one is another word for the first */

static const PeerLevel *levels_of(const PeerRules *rules, guint *ret_n)
{
    bool has_own = rules->levels && rules->levels->len > 0;
    *ret_n = has_own ? rules->levels->len : (guint)G_N_ELEMENTS(usual_levels);
    return has_own ? &g_array_index(rules->levels, PeerLevel, 0) : usual_levels;
}

/* A word of the form that the course uses, or a number up to 100. */
static bool read_rating(const PeerRules *rules, const char *text, gint64 *ret_milli)
{
    guint n;
    const PeerLevel *levels = levels_of(rules, &n);
    for (guint i = 0; i < n; i++) {
        if (g_ascii_strcasecmp(levels[i].name, text) == 0) {
            *ret_milli = levels[i].milli;
            return true;
        }
    }
    return points_parse(text, ret_milli) && *ret_milli <= all_milli;
}

static char *list_levels(const PeerRules *rules)
{
    guint n;
    const PeerLevel *levels = levels_of(rules, &n);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < (levels == usual_levels ? n_usual_shown : n); i++)
        g_string_append_printf(text, "%s, ", levels[i].name);
    return g_string_free(text, FALSE);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

/* ratings[rater * n + rated] of one team, for one assignment or for all (NULL); -1: not given. */
typedef struct {
    const Team *team;
    const Assignment *assignment;
    gint64 *ratings;
} Sheet;

typedef struct {
    const Course *course;
    const PeerRules *rules;
    const char *file;
    int rater, rated, rating, assignment; /* places in a row; -1: no such column */
    GHashTable *sheets;                   /* "team" or "team/assignment" -> Sheet* */
    Diagnostics *diagnostics;
} Reading;

static void sheet_free(gpointer data)
{
    g_free(((Sheet *)data)->ratings);
    g_free(data);
}

static gsize place_of(const Team *team, const Person *person)
{
    for (guint i = 0; i < team->members->len; i++) {
        if (g_ptr_array_index(team->members, i) == person)
            return i;
    }
    return team->members->len;
}

static Sheet *find_sheet(const Reading *reading, const Team *team, const Assignment *assignment)
{
    g_autofree char *key = g_strjoin(assignment ? "/" : NULL, team->id, assignment ? assignment->id : NULL, NULL);
    Sheet *sheet = g_hash_table_lookup(reading->sheets, key);
    if (!sheet) {
        gsize n = team->members->len;
        sheet = g_new0(Sheet, 1);
        sheet->team = team;
        sheet->assignment = assignment;
        sheet->ratings = g_new(gint64, n * n);
        for (gsize i = 0; i < n * n; i++)
            sheet->ratings[i] = -1;
        g_hash_table_insert(reading->sheets, g_steal_pointer(&key), sheet);
    }
    return sheet;
}

/* true with NULL: the rating is about the whole. */
static bool read_assignment(const Reading *reading, const GArray *row, const Assignment **ret)
{
    const CsvCell *cell = csv_cell(row, reading->assignment);
    *ret = cell && *cell->text ? course_assignment(reading->course, cell->text) : NULL;
    if (*ret || !cell || !*cell->text)
        return true;
    csv_report(reading->diagnostics, reading->file, cell, "there is no assignment \"%s\" in this course", cell->text);
    return false;
}

static void read_row(const Reading *reading, const GArray *row)
{
    const CsvCell *rater_cell = csv_cell(row, reading->rater), *rated_cell = csv_cell(row, reading->rated);
    const CsvCell *rating_cell = csv_cell(row, reading->rating), *first = csv_cell(row, 0);
    const Assignment *assignment;
    gint64 milli;
    if (!rater_cell || !rated_cell || !rating_cell) {
        csv_report(reading->diagnostics, reading->file, first, "expected rater,rated,rating");
        return;
    }
    const Person *rater = table_person(reading->course, reading->file, rater_cell, reading->diagnostics);
    const Person *rated = table_person(reading->course, reading->file, rated_cell, reading->diagnostics);
    if (!rater || !rated || !read_assignment(reading, row, &assignment))
        return;
    const Team *team = rated->team ? course_team(reading->course, rated->team) : NULL;
    bool is_one_team = team && g_strcmp0(rater->team, rated->team) == 0 && place_of(team, rater) < team->members->len &&
                       place_of(team, rated) < team->members->len;
    if (!is_one_team || team->members->len > MAX_MEMBERS) {
        csv_report(reading->diagnostics, reading->file, rated_cell,
                   is_one_team ? "the team of \"%s\" and \"%s\" has too many members"
                               : "\"%s\" and \"%s\" are not students of one team",
                   rater->id, rated->id);
        return;
    }
    if (!read_rating(reading->rules, rating_cell->text, &milli)) {
        g_autofree char *levels = list_levels(reading->rules);
        csv_report(reading->diagnostics, reading->file, rating_cell,
                   "\"%s\" is no rating; there are %sand numbers from 0 to 100", rating_cell->text, levels);
        return;
    }
    Sheet *sheet = find_sheet(reading, team, assignment);
    gint64 *rating = &sheet->ratings[place_of(team, rater) * team->members->len + place_of(team, rated)];
    if (*rating >= 0)
        csv_report(reading->diagnostics, reading->file, rated_cell, "\"%s\" rates \"%s\" twice", rater->id, rated->id);
    *rating = milli;
}

/* A first line that names columns may have them in any order, and others; false: there is none. */
static bool read_header(Reading *reading, const CsvTable *table)
{
    const GArray *first = table->rows->len > 0 ? g_ptr_array_index(table->rows, 0) : NULL;
    if (!first || csv_find(first, "rater") < 0)
        return false;
    reading->rater = csv_find(first, "rater");
    reading->rated = csv_find(first, "rated");
    reading->rating = csv_find(first, "rating");
    reading->assignment = csv_find(first, "assignment");
    if (reading->rated < 0 || reading->rating < 0)
        csv_report(reading->diagnostics, reading->file, csv_cell(first, 0), "the first line has no column \"%s\"",
                   reading->rated < 0 ? "rated" : "rating");
    return true;
}

/* ---- what they come to ------------------------------------------------------------------------------------------ */

static void add_factors(const Sheet *sheet, const PeerRules *rules, GPtrArray *ratings)
{
    gsize n = sheet->team->members->len;
    g_autofree Exact *factors = g_new0(Exact, n);
    for (gsize i = 0; rules->missing_milli >= 0 && i < n * n; i++)
        sheet->ratings[i] = sheet->ratings[i] < 0 ? rules->missing_milli : sheet->ratings[i];
    peer_factors(sheet->ratings, n, rules, factors);
    for (gsize i = 0; i < n; i++) {
        PeerRating *rating = g_new0(PeerRating, 1);
        const Person *person = g_ptr_array_index(sheet->team->members, i);
        rating->person = person->id;
        rating->team = sheet->team->id;
        rating->assignment = sheet->assignment ? sheet->assignment->id : NULL;
        rating->factor = factors[i];
        for (gsize rater = 0; rater < n; rater++) {
            bool is_counted = sheet->ratings[rater * n + i] >= 0 && (rules->counts_self || rater != i);
            rating->sum_milli += is_counted ? sheet->ratings[rater * n + i] : 0;
            rating->n_received += is_counted;
        }
        g_ptr_array_add(ratings, rating);
    }
}

gint64 peer_percent(const PeerRating *rating)
{
    const gint64 hundred = 100;
    Exact tenth = exact_multiply(rating->factor, exact_of(1, 10)); /* its thousandths are the factor's hundredths */
    return exact_round_milli(tenth) - hundred;
}

static gint compare_ratings(gconstpointer a, gconstpointer b)
{
    const PeerRating *left = *(PeerRating *const *)a, *right = *(PeerRating *const *)b;
    int order = g_strcmp0(left->assignment, right->assignment);
    order = order != 0 ? order : strcmp(left->team, right->team);
    return order != 0 ? order : strcmp(left->person, right->person);
}

GPtrArray *peers_read(const Course *course, const PeerRules *rules, const char *file, const char *text, gsize length,
                      Diagnostics *diagnostics)
{
    unsigned n_errors = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(CsvTable) table = csv_parse(file, text, length, diagnostics);
    if (!table)
        return NULL;
    g_autoptr(GHashTable) sheets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, sheet_free);
    Reading reading = {.course = course,
                       .rules = rules,
                       .file = file,
                       .rated = 1,
                       .rating = 2,
                       .assignment = 3,
                       .sheets = sheets,
                       .diagnostics = diagnostics};
    for (guint i = read_header(&reading, table) ? 1 : 0; i < table->rows->len; i++) {
        if (reading.rated >= 0 && reading.rating >= 0)
            read_row(&reading, g_ptr_array_index(table->rows, i));
    }
    if (diagnostics_count(diagnostics, SEVERITY_ERROR) != n_errors)
        return NULL;
    GPtrArray *ratings = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter each;
    gpointer sheet;
    g_hash_table_iter_init(&each, sheets);
    while (g_hash_table_iter_next(&each, NULL, &sheet))
        add_factors(sheet, rules, ratings);
    g_ptr_array_sort(ratings, compare_ratings);
    return ratings;
}
