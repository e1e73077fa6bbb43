/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in a loaded course. */
#include "rubrics/rubrics.h"

#include <stdlib.h>
#include <string.h>

const Assignment *course_gradescope_assignment(const Course *course, const char *number)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (g_strcmp0(assignment->gradescope_id, number) == 0)
            return assignment;
    }
    return NULL;
}

const Assignment *course_assignment(const Course *course, const char *id)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (strcmp(assignment->id, id) == 0)
            return assignment;
    }
    return NULL;
}

const Assignment *course_due(const Course *course, const char *id)
{
    const char *slash = strchr(id, '/');
    g_autofree char *whole_id = slash ? g_strndup(id, (gsize)(slash - id)) : NULL;
    const Assignment *whole = course_assignment(course, whole_id ? whole_id : id);
    if (!whole_id || !whole)
        return whole;
    for (guint i = 0; whole->parts && i < whole->parts->len; i++) {
        const Assignment *part = g_ptr_array_index(whole->parts, i);
        if (strcmp(part->id, id) == 0)
            return part;
    }
    return NULL;
}

static int compare_person(const void *id, const void *element)
{
    const Person *const *person = element;
    return strcmp(id, (*person)->id);
}

/* They are sorted (roster.c): a decision asks for its owner, whatever the course's size. */
const Person *course_person(const Course *course, const char *id)
{
    const Person *const *found = course->people->len > 0 ? bsearch(id, course->people->pdata, course->people->len,
                                                                   sizeof(gpointer), compare_person)
                                                         : NULL;
    return found ? *found : NULL;
}

static int compare_team(const void *id, const void *element)
{
    const Team *const *team = element;
    return strcmp(id, (*team)->id);
}

/* They are sorted, too (teams.c). */
const Team *course_team(const Course *course, const char *id)
{
    const Team *const *found =
        course->teams->len > 0 ? bsearch(id, course->teams->pdata, course->teams->len, sizeof(gpointer), compare_team)
                               : NULL;
    return found ? *found : NULL;
}

static bool person_has_key(const Person *person, const char *key, const char *lower)
{
    if (strcmp(person->id, key) == 0 || g_strcmp0(person->sid, key) == 0)
        return true;
    if (person->github && g_ascii_strcasecmp(person->github, key) == 0)
        return true;
    return g_strv_contains((const char *const *)person->emails, lower);
}

const Person *course_find_person(const Course *course, const char *key)
{
    if (!g_utf8_validate(key, -1, NULL))
        return NULL;
    g_autofree char *lower = g_utf8_strdown(key, -1);
    const Person *found = NULL;
    for (guint i = 0; i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        if (!person_has_key(person, key, lower))
            continue;
        if (found)
            return NULL;
        found = person;
    }
    return found;
}

const Rubric *course_rubric(const Course *course, const Assignment *assignment, gint64 received_us)
{
    const Rubric *in_force = NULL, *first = NULL;
    for (guint i = 0; assignment->rubric_id && i < course->rubrics->len; i++) {
        const Rubric *rubric = g_ptr_array_index(course->rubrics, i);
        if (strcmp(rubric->id, assignment->rubric_id) != 0)
            continue;
        if (!first || rubric->effective_us < first->effective_us)
            first = rubric;
        if (rubric->effective_us <= received_us && (!in_force || rubric->effective_us > in_force->effective_us))
            in_force = rubric;
    }
    return in_force ? in_force : first;
}

const YamlNode *course_section(const Course *course, const char *key)
{
    return yaml_get(yaml_root(course->document), key);
}

static bool set_person(Placeholders *placeholders, const Course *course, const char *owner, GError **error)
{
    const Person *person = course_person(course, owner);
    if (!person)
        return error_set(error, RUBRIC_ERROR_INVALID, "there is no person \"%s\" in roster.csv", owner);
    placeholders_set(placeholders, "person.id", person->id);
    placeholders_set(placeholders, "person.name", person->name);
    placeholders_set(placeholders, "person.email", person->email);
    placeholders_set(placeholders, "person.github", person->github);
    return true;
}

static bool set_team(Placeholders *placeholders, const Course *course, const char *owner, GError **error)
{
    const Team *team = course_team(course, owner);
    if (!team)
        return error_set(error, RUBRIC_ERROR_INVALID, "there is no team \"%s\" in course.yaml or roster.csv", owner);
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, team->attributes);
    while (g_hash_table_iter_next(&iter, &name, &value)) {
        g_autofree char *full = g_strconcat("team.", (const char *)name, NULL);
        placeholders_set(placeholders, full, value);
    }
    placeholders_set(placeholders, "team.id", team->id);
    return true;
}

Placeholders *course_placeholders(const Course *course, const Assignment *assignment, const char *owner, GError **error)
{
    g_autoptr(Placeholders) placeholders = placeholders_new();
    placeholders_set(placeholders, "course.id", course->id);
    placeholders_set(placeholders, "assignment.id", assignment->id);
    placeholders_set(placeholders, "assignment.title", assignment->title);
    placeholders_set(placeholders, "owner.id", owner);
    bool is_known = assignment->owner_kind == OWNER_TEAM ? set_team(placeholders, course, owner, error)
                                                         : set_person(placeholders, course, owner, error);
    return is_known ? g_steal_pointer(&placeholders) : NULL;
}
