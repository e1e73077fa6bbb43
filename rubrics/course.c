/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/course_load.h"

#include "rubrics/rubric_load.h"

#include <string.h>

static const char course_file[] = "course.yaml";
static const char rubrics_folder[] = "rubrics";

static const char *const owner_names[] = {[OWNER_PERSON] = "person", [OWNER_TEAM] = "team", NULL};
static const char *const comment_names[] = {
    [COMMENT_NONE] = "none", [COMMENT_PULL_REQUEST] = "pull_request", [COMMENT_ISSUE] = "issue", NULL};
static const char *const kind_names[] = {"homework", "milestone", "quiz", "lab", "other", NULL};
enum { KIND_MILESTONE = 1, KIND_OTHER = 4 };

const char *owner_kind_name(OwnerKind kind)
{
    return owner_names[kind];
}

void assignment_free(Assignment *assignment)
{
    g_clear_pointer(&assignment->parts, g_ptr_array_unref);
    g_strfreev(assignment->items);
    g_free(assignment->id);
    g_free(assignment->title);
    g_free(assignment->kind);
    g_free(assignment->rubric_id);
    g_free(assignment->git_branch);
    g_free(assignment->git_tag);
    g_free(assignment->git_pull_request);
    g_free(assignment->git_release);
    g_free(assignment->gradescope_id);
    g_free(assignment);
}

static Course *course_new(const char *folder)
{
    Course *course = g_new0(Course, 1);
    course->folder = g_canonicalize_filename(folder, NULL);
    course->zone = g_time_zone_new_utc();
    course->assignments = g_ptr_array_new_with_free_func((GDestroyNotify)assignment_free);
    course->people = g_ptr_array_new_with_free_func((GDestroyNotify)person_free);
    course->teams = g_ptr_array_new_with_free_func((GDestroyNotify)team_free);
    course->rubrics = g_ptr_array_new_with_free_func((GDestroyNotify)rubric_free);
    return course;
}

void course_free(Course *course)
{
    if (!course)
        return;
    g_free(course->folder);
    g_free(course->id);
    g_free(course->title);
    g_free(course->zone_name);
    g_free(course->git_url);
    g_free(course->gradescope_course);
    g_free(course->github_organization);
    g_free(course->github_repositories);
    g_free(course->github_team);
    g_time_zone_unref(course->zone);
    g_ptr_array_unref(course->assignments);
    g_ptr_array_unref(course->teams);
    g_ptr_array_unref(course->people);
    g_ptr_array_unref(course->rubrics);
    yaml_document_free(course->document);
    g_free(course);
}

/* ---- rubrics -------------------------------------------------------------------------------------------------------
 */

/* Names of rubrics/ *.yaml, sorted. */
static GPtrArray *list_rubrics(const Course *course, Diagnostics *diagnostics)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *path = g_build_filename(course->folder, rubrics_folder, NULL);
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *name = folder ? g_dir_read_name(folder) : NULL; name; name = g_dir_read_name(folder)) {
        if (name[0] == '.')
            continue;
        if (g_str_has_suffix(name, ".yaml"))
            g_ptr_array_add(names, g_strdup(name));
        else if (g_str_has_suffix(name, ".yml"))
            diagnostics_add(diagnostics, SEVERITY_WARNING, rubrics_folder, 0, 0,
                            "\"%s\" is not read: rename it to end in .yaml", name);
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

/* Versions of one rubric must differ in the time from which they hold. */
static void check_version(const Course *course, const Rubric *rubric, Diagnostics *diagnostics)
{
    for (guint i = 0; i < course->rubrics->len; i++) {
        const Rubric *other = g_ptr_array_index(course->rubrics, i);
        if (strcmp(other->id, rubric->id) == 0 && other->effective_us == rubric->effective_us)
            diagnostics_add(
                diagnostics, SEVERITY_ERROR, rubric->path, 1, 1,
                "the rubric \"%s\" is in %s too, effective at the same time; give the newer one a later `effective:`",
                rubric->id, other->path);
    }
}

static void load_rubrics(Course *course, const GraderType *const *graders, Diagnostics *diagnostics)
{
    g_autoptr(GPtrArray) names = list_rubrics(course, diagnostics);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(rubrics_folder, g_ptr_array_index(names, i), NULL);
        Rubric *rubric = rubric_load(course->folder, path, graders, course->zone, diagnostics);
        if (!rubric)
            continue;
        check_version(course, rubric, diagnostics);
        g_ptr_array_add(course->rubrics, rubric);
    }
}

static bool has_rubric(const Course *course, const char *id)
{
    for (guint i = 0; i < course->rubrics->len; i++) {
        if (strcmp(((const Rubric *)g_ptr_array_index(course->rubrics, i))->id, id) == 0)
            return true;
    }
    return false;
}

/* ---- assignments ---------------------------------------------------------------------------------------------------
 */

gint64 course_read_deadline(YamlReader *reader, YamlNeed need, GTimeZone *zone, gint64 fallback)
{
    gint64 deadline_us = yaml_read_time_us(reader, "deadline", need, zone, G_MAXINT64);
    const YamlNode *node = reader->mapping ? yaml_get(reader->mapping, "deadline") : NULL;
    const gsize date_length = strlen("2022-09-21");
    if (!node)
        return fallback;
    if (deadline_us != G_MAXINT64 && strlen(yaml_scalar(node)) <= date_length)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR,
                    "deadline: lacks the time of day; write it like \"%s 23:59\"", yaml_scalar(node));
    return deadline_us;
}

static void read_submit(Assignment *assignment, YamlReader *outer)
{
    const YamlNode *node = yaml_read_mapping(outer, "submit", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "submit", outer->diagnostics);
    assignment->git_branch = g_strdup(yaml_read_text(&reader, "branch", YAML_OPTIONAL, NULL));
    assignment->git_tag = g_strdup(yaml_read_text(&reader, "tag", YAML_OPTIONAL, NULL));
    assignment->git_pull_request = g_strdup(yaml_read_text(&reader, "pull_request", YAML_OPTIONAL, NULL));
    assignment->git_release = g_strdup(yaml_read_text(&reader, "release", YAML_OPTIONAL, NULL));
    assignment->gradescope_id = g_strdup(yaml_read_text(&reader, "gradescope", YAML_OPTIONAL, NULL));
    if (g_strcmp0(assignment->git_branch, RESULTS_BRANCH) == 0 ||
        g_strcmp0(assignment->git_pull_request, RESULTS_BRANCH) == 0)
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "submit: nothing is handed in by the branch \"%s\": results are pushed to it", RESULTS_BRANCH);
    yaml_reader_end(&reader);
}

static void report_unknown_rubric(const Course *course, const YamlNode *node, Diagnostics *diagnostics)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < course->rubrics->len; i++)
        g_ptr_array_add(ids, ((const Rubric *)g_ptr_array_index(course->rubrics, i))->id);
    g_ptr_array_add(ids, NULL);
    const gsize max_shown = 60;
    g_autofree char *shown = text_truncate(yaml_scalar(node), max_shown);
    const char *nearest = text_nearest(yaml_scalar(node), (const char *const *)ids->pdata);
    if (nearest)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "rubric: no file in rubrics/ has the rubric \"%s\"; did you mean \"%s\"?", shown, nearest);
    else
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "rubric: no file in rubrics/ has the rubric \"%s\", or it has errors", shown);
}

static void read_rubric_id(const Course *course, Assignment *assignment, YamlReader *reader)
{
    const char *id = yaml_read_text(reader, "rubric", YAML_OPTIONAL, NULL);
    if (id && !has_rubric(course, id))
        report_unknown_rubric(course, yaml_get(reader->mapping, "rubric"), reader->diagnostics);
    if (!id && has_rubric(course, assignment->id))
        id = assignment->id;
    assignment->rubric_id = g_strdup(id);
}

static void read_assignment(Course *course, const char *id, const YamlNode *id_node, YamlReader *reader)
{
    Diagnostics *diagnostics = reader->diagnostics;
    Assignment *assignment = g_new0(Assignment, 1);
    assignment->id = g_strdup(id);
    assignment->line = yaml_line(id_node);
    rubric_id_check(id, "assignment", id_node, diagnostics);
    const Assignment *first = course_assignment(course, id);
    if (first)
        yaml_report(id_node, diagnostics, SEVERITY_ERROR,
                    "the assignment \"%s\" is there twice; the first is in line %d", id, first->line);
    g_ptr_array_add(course->assignments, assignment);

    assignment->title = g_strdup(yaml_read_text(reader, "title", YAML_OPTIONAL, id));
    int kind = yaml_read_choice(reader, "kind", YAML_OPTIONAL, kind_names, KIND_OTHER);
    assignment->kind = g_strdup(kind_names[kind]);
    OwnerKind usual_owner = kind == KIND_MILESTONE ? OWNER_TEAM : OWNER_PERSON;
    assignment->owner_kind = (OwnerKind)yaml_read_choice(reader, "owner", YAML_OPTIONAL, owner_names, (int)usual_owner);
    assignment->deadline_us = course_read_deadline(reader, YAML_REQUIRED, course->zone, G_MAXINT64);
    assignment->is_extensible = yaml_read_bool(reader, "extensible", true);
    read_rubric_id(course, assignment, reader);
    assignment->comment =
        (CommentPlace)yaml_read_choice(reader, "comment", YAML_OPTIONAL, comment_names, COMMENT_PULL_REQUEST);
    read_submit(assignment, reader);
    parts_read(course, assignment, reader);
}

/* `assignments:` as "id: {...}" lines, or as a list whose members have an id. */
static void read_assignments(Course *course, YamlReader *outer)
{
    const YamlNode *node = yaml_read_node(outer, "assignments", YAML_REQUIRED);
    if (node && yaml_kind(node) == YAML_SCALAR) {
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "assignments: expected \"id: {deadline: ...}\" lines or a list");
        return;
    }
    for (gsize i = 0; node && i < yaml_length(node); i++) {
        bool is_list = yaml_kind(node) == YAML_SEQUENCE;
        const YamlNode *body = is_list ? yaml_item(node, i) : yaml_value(node, i);
        YamlReader reader;
        yaml_reader_start(&reader, body, "assignment", outer->diagnostics);
        const char *id = is_list ? yaml_read_text(&reader, "id", YAML_REQUIRED, NULL) : yaml_scalar(yaml_key(node, i));
        const YamlNode *id_node = is_list && id ? yaml_get(body, "id") : is_list ? body : yaml_key(node, i);
        if (id && reader.mapping)
            read_assignment(course, id, id_node, &reader);
        if (id || !reader.mapping)
            yaml_reader_end(&reader);
        else
            g_clear_pointer(&reader.known, g_ptr_array_unref);
    }
}

static gint compare_assignments(gconstpointer a, gconstpointer b)
{
    const Assignment *left = *(const Assignment *const *)a, *right = *(const Assignment *const *)b;
    if (left->deadline_us != right->deadline_us)
        return left->deadline_us < right->deadline_us ? -1 : 1;
    return strcmp(left->id, right->id);
}

/* ---- course.yaml ---------------------------------------------------------------------------------------------------
 */

static void read_zone(Course *course, YamlReader *reader)
{
    const char *name = yaml_read_text(reader, "timezone", YAML_REQUIRED, NULL);
    if (!name)
        return;
    GTimeZone *zone = g_time_zone_new_identifier(name);
    if (!zone) {
        yaml_report(yaml_get(reader->mapping, "timezone"), reader->diagnostics, SEVERITY_ERROR,
                    "timezone: \"%s\" is not known here; write it like \"America/New_York\" (the system's package "
                    "tzdata has the list)",
                    name);
        return;
    }
    g_time_zone_unref(course->zone);
    course->zone = zone;
    course->zone_name = g_strdup(name);
}

/* Text with placeholders, or NULL. */
static char *read_pattern(YamlReader *reader, const char *key)
{
    const char *text = yaml_read_text(reader, key, YAML_OPTIONAL, NULL);
    if (text)
        placeholders_check(text, yaml_get(reader->mapping, key), reader->diagnostics);
    return g_strdup(text);
}

static void read_github(Course *course, const YamlNode *node, Diagnostics *diagnostics)
{
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "github", diagnostics);
    const char *organization = yaml_read_text(&reader, "organization", YAML_REQUIRED, NULL);
    if (organization && !g_regex_match_simple("^[A-Za-z0-9][A-Za-z0-9-]{0,38}$", organization, 0, 0))
        yaml_report(yaml_get(node, "organization"), diagnostics, SEVERITY_ERROR,
                    "organization: \"%s\" is no name of a GitHub organisation", organization);
    course->github_organization = g_strdup(organization);
    course->github_repositories = read_pattern(&reader, "repositories");
    course->github_team = read_pattern(&reader, "team");
    yaml_reader_end(&reader);
}

static void read_gradescope(Course *course, const YamlNode *node, Diagnostics *diagnostics)
{
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "gradescope", diagnostics);
    const char *number = yaml_read_text(&reader, "course", YAML_REQUIRED, NULL);
    if (number && !g_regex_match_simple("^[0-9]{1,18}$", number, 0, 0))
        yaml_report(yaml_get(node, "course"), diagnostics, SEVERITY_ERROR,
                    "course: \"%s\" is no number of a course at Gradescope: it is in the address of the course's page",
                    number);
    course->gradescope_course = g_strdup(number);
    yaml_reader_end(&reader);
}

static void read_connections(Course *course, YamlReader *outer)
{
    static const char *const read_by_others[] = {"canvas", "slack", "webhook", "folder", NULL};
    const YamlNode *node = yaml_read_mapping(outer, "connections", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "connections", outer->diagnostics);
    for (const char *const *key = read_by_others; *key; key++)
        yaml_read_mapping(&reader, *key, YAML_OPTIONAL);
    const YamlNode *git = yaml_read_mapping(&reader, "git", YAML_OPTIONAL);
    const YamlNode *github = yaml_read_mapping(&reader, "github", YAML_OPTIONAL);
    const YamlNode *gradescope = yaml_read_mapping(&reader, "gradescope", YAML_OPTIONAL);
    yaml_reader_end(&reader);
    read_github(course, github, outer->diagnostics);
    read_gradescope(course, gradescope, outer->diagnostics);
    if (!git)
        return;
    yaml_reader_start(&reader, git, "git", outer->diagnostics);
    course->git_url = g_strdup(yaml_read_text(&reader, "url", YAML_REQUIRED, NULL));
    if (course->git_url)
        placeholders_check(course->git_url, yaml_get(git, "url"), outer->diagnostics);
    yaml_reader_end(&reader);
}

static void read_head(Course *course, YamlReader *reader)
{
    const char *id = yaml_read_text(reader, "course", YAML_REQUIRED, NULL);
    if (id)
        rubric_id_check(id, "course", yaml_get(reader->mapping, "course"), reader->diagnostics);
    course->id = g_strdup(id);
    course->title = g_strdup(yaml_read_text(reader, "title", YAML_REQUIRED, NULL));
    read_zone(course, reader);
}

static void load_parts(Course *course, const GraderType *const *graders, Diagnostics *diagnostics)
{
    static const char *const read_by_others[] = {"tokens", "calendar", "gradebook", NULL};
    g_autofree char *path = g_build_filename(course->folder, course_file, NULL);
    course->document = yaml_load(path, course_file, diagnostics);
    roster_load(course, diagnostics);
    if (!course->document) {
        load_rubrics(course, graders, diagnostics);
        return;
    }
    YamlReader reader;
    yaml_reader_start(&reader, yaml_root(course->document), "course", diagnostics);
    read_head(course, &reader);
    load_rubrics(course, graders, diagnostics);
    read_assignments(course, &reader);
    teams_load(course, yaml_read_mapping(&reader, "teams", YAML_OPTIONAL), diagnostics);
    read_connections(course, &reader);
    for (const char *const *key = read_by_others; *key; key++)
        yaml_read_mapping(&reader, *key, YAML_OPTIONAL);
    yaml_reader_end(&reader);
    g_ptr_array_sort(course->assignments, compare_assignments);
}

Course *course_load(const char *folder, const GraderType *const *graders, Diagnostics *diagnostics)
{
    unsigned n_before = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(Course) course = course_new(folder);
    load_parts(course, graders, diagnostics);
    return diagnostics_count(diagnostics, SEVERITY_ERROR) > n_before ? NULL : g_steal_pointer(&course);
}
