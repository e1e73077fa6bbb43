/* SPDX-License-Identifier: Apache-2.0 */
/* Ratings of each other by the members of teams, from a table: rater,rated,rating. */
#include "daemon/tokens/tokens.h"

#include <string.h>

enum { MAX_MEMBERS = 64 };
static const gint64 one_milli = 1000, all_milli = 100000;

/* The words of the form that courses use, or a number up to 100. */
static bool read_rating(const char *text, gint64 *ret_milli)
{
    static const struct {
        const char *word;
        gint64 percent;
    } levels[] = {{"good", 100},     {"good team citizen", 100}, {"needs improvement", 90},
                  {"deficient", 60}, {"unsatisfactory", 40},     {"no show", 0}};
    for (gsize i = 0; i < G_N_ELEMENTS(levels); i++) {
        if (g_ascii_strcasecmp(levels[i].word, text) == 0) {
            *ret_milli = levels[i].percent * one_milli;
            return true;
        }
    }
    guint64 percent;
    if (!g_ascii_string_to_unsigned(text, 10, 0, 100, &percent, NULL))
        return false;
    *ret_milli = (gint64)percent * one_milli;
    return true;
}

/* ratings[rater * n + rated] of one team; -1: not given. */
typedef struct {
    const Team *team;
    gint64 *ratings;
} Sheet;

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

static Sheet *find_sheet(GHashTable *sheets, const Team *team)
{
    Sheet *sheet = g_hash_table_lookup(sheets, team->id);
    if (!sheet) {
        gsize n = team->members->len;
        sheet = g_new0(Sheet, 1);
        sheet->team = team;
        sheet->ratings = g_new(gint64, n * n);
        for (gsize i = 0; i < n * n; i++)
            sheet->ratings[i] = -1;
        g_hash_table_insert(sheets, team->id, sheet);
    }
    return sheet;
}

static bool add_rating(const Course *course, GHashTable *sheets, char **cells, GError **error)
{
    gint64 milli;
    if (g_strv_length(cells) < 3)
        return error_set(error, RUBRIC_ERROR_INVALID, "expected rater,rated,rating");
    for (int i = 0; i < 3; i++)
        g_strstrip(cells[i]);
    const Person *rater = course_find_person(course, cells[0]), *rated = course_find_person(course, cells[1]);
    if (!rater || !rated)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not in the roster", rater ? cells[1] : cells[0]);
    const Team *team = rated->team ? course_team(course, rated->team) : NULL;
    if (!team || g_strcmp0(rater->team, rated->team) != 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" and \"%s\" are not in one team", cells[0], cells[1]);
    if (team->members->len > MAX_MEMBERS)
        return error_set(error, RUBRIC_ERROR_LIMIT, "team \"%s\" has more than %d members", team->id, MAX_MEMBERS);
    if (!read_rating(cells[2], &milli))
        return error_set(
            error, RUBRIC_ERROR_INVALID,
            "\"%s\" is no rating; there are Good, Needs improvement, Deficient, Unsatisfactory, No show, and "
            "numbers from 0 to 100",
            cells[2]);
    Sheet *sheet = find_sheet(sheets, team);
    gint64 *rating = &sheet->ratings[place_of(team, rater) * team->members->len + place_of(team, rated)];
    if (*rating >= 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" rates \"%s\" twice", cells[0], cells[1]);
    *rating = milli;
    return true;
}

static void add_factors(const Sheet *sheet, bool counts_self, gint64 missing_milli, gint64 most_milli,
                        GPtrArray *ratings)
{
    gsize n = sheet->team->members->len;
    g_autofree Exact *factors = g_new0(Exact, n);
    for (gsize i = 0; missing_milli >= 0 && i < n * n; i++)
        sheet->ratings[i] = sheet->ratings[i] < 0 ? missing_milli : sheet->ratings[i];
    peer_factors(sheet->ratings, n, counts_self, most_milli, factors);
    for (gsize i = 0; i < n; i++) {
        PeerRating *rating = g_new0(PeerRating, 1);
        const Person *person = g_ptr_array_index(sheet->team->members, i);
        rating->person = person->id;
        rating->team = sheet->team->id;
        rating->factor = factors[i];
        for (gsize rater = 0; rater < n; rater++) {
            bool is_counted = sheet->ratings[rater * n + i] >= 0 && (counts_self || rater != i);
            rating->sum_milli += is_counted ? sheet->ratings[rater * n + i] : 0;
            rating->n_received += is_counted;
        }
        g_ptr_array_add(ratings, rating);
    }
}

static gint compare_ratings(gconstpointer a, gconstpointer b)
{
    const PeerRating *left = *(PeerRating *const *)a, *right = *(PeerRating *const *)b;
    int order = strcmp(left->team, right->team);
    return order != 0 ? order : strcmp(left->person, right->person);
}

GPtrArray *peers_read(const Course *course, const char *text, bool counts_self, gint64 missing_milli, gint64 most_milli,
                      GError **error)
{
    g_autoptr(GHashTable) sheets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, sheet_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert(missing_milli <= all_milli);
    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) cells = g_strsplit(g_strstrip(lines[i]), ",", -1);
        bool is_header = i == 0 && g_str_has_prefix(lines[i], "rater");
        if (!*lines[i] || is_header)
            continue;
        if (!add_rating(course, sheets, cells, error)) {
            g_prefix_error(error, "peer ratings, line %u: ", i + 1);
            return NULL;
        }
    }
    GPtrArray *ratings = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter each;
    gpointer sheet;
    g_hash_table_iter_init(&each, sheets);
    while (g_hash_table_iter_next(&each, NULL, &sheet))
        add_factors(sheet, counts_self, missing_milli, most_milli, ratings);
    g_ptr_array_sort(ratings, compare_ratings);
    return ratings;
}
