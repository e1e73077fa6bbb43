/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/course_folder.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* What names a person finds nobody else. */
static void use(const Course *course)
{
    for (guint i = 0; i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        g_assert(course_person(course, person->id) == person);
        for (char **email = person->emails; *email; email++) {
            const Person *found = course_find_person(course, *email);
            g_assert(!found || found == person);
        }
    }
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        g_assert(course_assignment(course, assignment->id) == assignment);
        course_rubric(course, assignment, 0);
        const GPtrArray *people = course->people;
        const Person *first = people->len > 0 ? g_ptr_array_index(people, 0) : NULL;
        placeholders_free(course_placeholders(course, assignment, first ? first->id : "nobody", NULL));
    }
}

/* The input is course.yaml, and behind a line "%%" roster.csv. */
int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char separator[] = "%%\n";
    course_folder_make();
    const guint8 *at = memmem(data, size, separator, strlen(separator));
    gsize n_course = at ? (gsize)(at - data) : size;
    gsize n_skipped = at ? n_course + strlen(separator) : size;
    course_folder_put("course.yaml", data, n_course);
    course_folder_put("roster.csv", data + n_skipped, size - n_skipped);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) course = course_load(course_folder, graders_all(), diagnostics);
    g_assert((course != NULL) == (diagnostics_count(diagnostics, SEVERITY_ERROR) == 0));
    if (course)
        use(course);
    return 0;
}
