/* SPDX-License-Identifier: Apache-2.0 */
/* Tables from outside: the input is one of ratings and one of scores at once. Whatever it is: an answer or a reason,
 * and every factor is between its bounds. */
#include "daemon/tokens/tokens.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static char *ids[] = {(char *)"ann", (char *)"bob", (char *)"cat"};

static void add_people(Course *course, Team *team, Person *people)
{
    static char *no_emails[] = {NULL};
    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        people[i] = (Person){.id = ids[i], .team = team->id, .emails = no_emails, .status = STATUS_STUDENT};
        g_ptr_array_add(course->people, &people[i]);
        g_ptr_array_add(team->members, &people[i]);
    }
}

static void read_ratings(const Course *course, const char *text, gsize size)
{
    const gint64 one_milli = 1000;
    PeerRules rules = peer_rules_usual;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GPtrArray) ratings = peers_read(course, &rules, "ratings.csv", text, size, diagnostics);
    g_assert(ratings || diagnostics_count(diagnostics, SEVERITY_ERROR) > 0);
    for (guint i = 0; ratings && i < ratings->len; i++) {
        const PeerRating *rating = g_ptr_array_index(ratings, i);
        gint64 factor_milli = exact_round_milli(rating->factor);
        g_assert(factor_milli >= 0 && factor_milli <= rules.most_milli);
        g_assert(peer_percent(rating) <= rules.most_milli - one_milli);
    }
}

static void read_scores(const Course *course, const char *text, gsize size)
{
    Component component = {.columns = (char *[]){(char *)"exam", NULL}, .kind = COMPONENT_OUTSIDE, .audit_milli = -1};
    g_autoptr(GPtrArray) components = g_ptr_array_new();
    g_autoptr(GPtrArray) variants = g_ptr_array_new();
    g_ptr_array_add(components, &component);
    Gradebook book = {.components = components, .variants = variants};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GHashTable) scores =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_hash_table_destroy);
    g_autoptr(GHashTable) found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    bool ok = scores_read(course, &book, "scores.csv", text, size, scores, found, diagnostics);
    g_assert(ok || diagnostics_count(diagnostics, SEVERITY_ERROR) > 0);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    Person people[G_N_ELEMENTS(ids)];
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    g_autoptr(GPtrArray) teams = g_ptr_array_new();
    g_autoptr(GPtrArray) assignments = g_ptr_array_new();
    Team team = {.id = (char *)"team1", .members = members};
    Assignment assignment = {.id = (char *)"m1"};
    Course course = {.people = all, .teams = teams, .assignments = assignments};
    g_ptr_array_add(teams, &team);
    g_ptr_array_add(assignments, &assignment);
    add_people(&course, &team, people);
    g_autofree char *text = g_strndup((const char *)data, size); /* ends with a NUL, as files that were read do */
    gsize length = strlen(text);
    read_ratings(&course, text, length);
    read_scores(&course, text, length);
    return 0;
}
