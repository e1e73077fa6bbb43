/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the web session sees, beside what the course's files say: for the person who connects the two, and who decides
 * what becomes of an extension that was given over there. It changes nothing on either side.
 */
#include "daemon/cli/gradescope.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *config_path;
} Options;

static char *shown(const char *text)
{
    const gsize max_shown = 80;
    return text_escape_terminal(text ? text : "", max_shown);
}

static void print_assignments(const Course *course, const GPtrArray *list)
{
    printf("%u assignments at Gradescope:\n", list->len);
    for (guint i = 0; i < list->len; i++) {
        const GradescopeAssignment *each = g_ptr_array_index(list, i);
        const Assignment *assignment = course_gradescope_assignment(course, each->id);
        g_autofree char *title = shown(each->title);
        printf("  %-10s %-12s %s\n", each->id, assignment ? assignment->id : "-", title);
    }
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        bool is_there = false;
        for (guint j = 0; assignment->gradescope_id && j < list->len; j++)
            is_there |=
                strcmp(((const GradescopeAssignment *)g_ptr_array_index(list, j))->id, assignment->gradescope_id) == 0;
        if (assignment->gradescope_id && !is_there)
            printf("  course.yaml gives %s the number %s, which is not there\n", assignment->id,
                   assignment->gradescope_id);
    }
}

static void print_members(const Course *course, const GPtrArray *members)
{
    guint n_students = 0;
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
    printf("\nRoster:\n");
    for (guint i = 0; i < members->len; i++) {
        const GradescopeMember *member = g_ptr_array_index(members, i);
        const Person *person = course_find_person(course, member->email);
        n_students += member->is_student;
        if (person) {
            g_hash_table_add(known, (gpointer)person);
        } else if (member->is_student) {
            g_autofree char *email = shown(member->email);
            g_autofree char *name = shown(member->name);
            printf("  %s (%s) is not in roster.csv: what this student hands in cannot be told\n", email, name);
        }
    }
    for (guint i = 0; i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        bool is_in_course = person->status == STATUS_STUDENT || person->status == STATUS_AUDIT;
        if (is_in_course && !g_hash_table_contains(known, person))
            printf("  %s (%s) is not at Gradescope by any e-mail address of roster.csv\n", person->id,
                   person->email ? person->email : "no e-mail address");
    }
    printf("  %u students there\n", n_students);
}

/* What was given over there counts here only once a person grants it. */
static void print_extension(const Course *course, const Assignment *assignment, const GradescopeExtension *extension)
{
    gint64 until_us = MAX(extension->due_us, extension->hard_due_us);
    const Person *person = extension->email ? course_find_person(course, extension->email) : NULL;
    const char *owner = person ? source_owner_of(assignment, person) : NULL;
    g_autofree char *who = shown(extension->name ? extension->name : extension->email);
    if (until_us == G_MININT64) {
        printf("  %s, %s: changed in another way than by a date\n", assignment->id, who);
        return;
    }
    g_autofree char *until = clock_format_local(until_us, course->zone);
    g_autofree char *utc = clock_format_utc(until_us);
    if (owner)
        printf("  %s, %s: till %s. If it is to count here: rubric extend %s %s --until %s -m \"as at Gradescope\"\n",
               assignment->id, who, until, owner, assignment->id, utc);
    else
        printf("  %s, %s: till %s, but the roster does not tell whose that is\n", assignment->id, who, until);
}

static bool print_extensions(GradescopeSession *session, const Course *course, GError **error)
{
    printf("\nExtensions:\n");
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (!assignment->gradescope_id)
            continue;
        g_autoptr(GPtrArray) list = gradescope_session_extensions(session, assignment->gradescope_id, error);
        if (!list)
            return false;
        for (guint j = 0; j < list->len; j++)
            print_extension(course, assignment, g_ptr_array_index(list, j));
        if (list->len == 0)
            printf("  %s: none\n", assignment->id);
    }
    return true;
}

static bool look(const CliDaemon *daemon, GError **error)
{
    const Course *course = daemon->course;
    const GradescopeConfig *config = daemon->config->gradescope;
    if (!config || !course->gradescope_course)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "the web session is off: it needs `gradescope:` in rubricd.yaml and connections.gradescope in "
                         "course.yaml, see docs/guides/gradescope.md");
    secret_close_process();
    g_autoptr(GradescopeSession) session = NULL;
    bool is_new = false;
    if (!gradescope_session_open(&session, config, daemon->config->state_folder, course->gradescope_course, &is_new,
                                 error))
        return false;
    g_autoptr(GPtrArray) assignments = gradescope_session_assignments(session, error);
    g_autoptr(GPtrArray) members = assignments ? gradescope_session_members(session, error) : NULL;
    if (!members)
        return false;
    print_assignments(course, assignments);
    print_members(course, members);
    return print_extensions(session, course, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    CliDaemon daemon = {0};
    if (cli_parse(&gradescope_session_verb, entries, &argc, &argv) &&
        cli_daemon_open(&gradescope_session_verb, options.config_path, &daemon, &status)) {
        GError *error = NULL;
        status = look(&daemon, &error) ? EXIT_DONE : cli_fail_error(&gradescope_session_verb, error);
        cli_daemon_clear(&daemon);
    }
    g_free(options.config_path);
    return status;
}

const Command gradescope_session_verb = {"gradescope session", "",
                                         "what the web session (experimental) sees, beside the course's files", run};
