/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/course_load.h"

#include <string.h>

void team_free(Team *team)
{
    g_free(team->id);
    g_ptr_array_unref(team->members);
    g_hash_table_unref(team->attributes);
    g_free(team);
}

static Team *add_team(Course *course, const char *id)
{
    Team *team = g_new0(Team, 1);
    team->id = g_strdup(id);
    team->members = g_ptr_array_new();
    team->attributes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_ptr_array_add(course->teams, team);
    return team;
}

static bool attribute_name_is_valid(const char *name)
{
    return g_ascii_isalpha(name[0]) && strcmp(name, "id") != 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

static void read_attributes(Team *team, const YamlNode *node, Diagnostics *diagnostics)
{
    if (yaml_is_null(node))
        return;
    if (yaml_kind(node) != YAML_MAPPING) {
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "team \"%s\": expected attributes like {host: team1.example.org}", team->id);
        return;
    }
    for (gsize i = 0; i < yaml_length(node); i++) {
        const YamlNode *key = yaml_key(node, i), *value = yaml_value(node, i);
        if (!attribute_name_is_valid(yaml_scalar(key)))
            yaml_report(
                key, diagnostics, SEVERITY_ERROR,
                "team \"%s\": \"%s\" cannot name an attribute: use letters, digits, \"_\" and \"-\", and not \"id\"",
                team->id, yaml_scalar(key));
        else if (yaml_kind(value) != YAML_SCALAR || yaml_is_null(value))
            yaml_report(value, diagnostics, SEVERITY_ERROR, "team \"%s\": the attribute \"%s\" must be text", team->id,
                        yaml_scalar(key));
        else
            g_hash_table_replace(team->attributes, g_strdup(yaml_scalar(key)), g_strdup(yaml_scalar(value)));
    }
}

static void read_section(Course *course, const YamlNode *section, Diagnostics *diagnostics)
{
    for (gsize i = 0; i < yaml_length(section); i++) {
        const YamlNode *key = yaml_key(section, i);
        if (owner_id_is_valid(yaml_scalar(key)))
            read_attributes(add_team(course, yaml_scalar(key)), yaml_value(section, i), diagnostics);
        else
            yaml_report(key, diagnostics, SEVERITY_ERROR,
                        "\"%s\" cannot be a team's id: use letters, digits and . _ - + @", yaml_scalar(key));
    }
}

/* With a `teams:` section, a team that only the roster knows is a slip; the roster is read before, so there is no
 * position. */
static Team *find_or_add(Course *course, GHashTable *by_id, const Person *person, bool has_section,
                         Diagnostics *diagnostics)
{
    Team *team = g_hash_table_lookup(by_id, person->team);
    if (team)
        return team;
    if (has_section) {
        g_autofree char **ids = (char **)g_hash_table_get_keys_as_array(by_id, NULL);
        const char *nearest = text_nearest(person->team, (const char *const *)ids);
        diagnostics_add(diagnostics, SEVERITY_ERROR, "roster.csv", person->line, 1,
                        "\"%s\" is in the team \"%s\", which `teams:` of course.yaml does not have%s%s%s", person->id,
                        person->team, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    }
    team = add_team(course, person->team);
    g_hash_table_insert(by_id, team->id, team);
    return team;
}

static gint compare_teams(gconstpointer a, gconstpointer b)
{
    const Team *left = *(const Team *const *)a, *right = *(const Team *const *)b;
    return strcmp(left->id, right->id);
}

void teams_load(Course *course, const YamlNode *section, Diagnostics *diagnostics)
{
    if (section)
        read_section(course, section, diagnostics);
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < course->teams->len; i++) {
        Team *team = g_ptr_array_index(course->teams, i);
        g_hash_table_insert(by_id, team->id, team);
    }
    for (guint i = 0; i < course->people->len; i++) {
        Person *person = g_ptr_array_index(course->people, i);
        if (!person->team || person->status == STATUS_DROPPED)
            continue;
        Team *team = find_or_add(course, by_id, person, section != NULL, diagnostics);
        if (person->status == STATUS_STUDENT)
            g_ptr_array_add(team->members, person);
    }
    g_ptr_array_sort(course->teams, compare_teams);
}
