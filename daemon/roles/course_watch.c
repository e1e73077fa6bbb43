/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/course_watch.h"

#include <dirent.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>

#include "graders/graders.h"

static const gint64 look_every_us = CLOCK_SECOND_US;
static const guint max_files = 20000;
static const guint max_depth = 16;

/* ---- fingerprint
 * ------------------------------------------------------------------------------------------------------- */

typedef struct {
    GChecksum *sum;
    guint n_files;
} Walk;

static GPtrArray *sorted_names(const char *folder)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name && names->len < max_files;
         name = g_dir_read_name(dir))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, text_compare);
    return names;
}

static void walk_path(Walk *walk, const char *path, guint depth)
{
    struct stat info;
    if (walk->n_files >= max_files || depth > max_depth || lstat(path, &info) < 0)
        return;
    walk->n_files++;
    g_autofree char *about =
        g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld %" G_GUINT64_FORMAT "\n", path,
                        (gint64)info.st_size, (gint64)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, (guint64)info.st_ino);
    g_checksum_update(walk->sum, (const guchar *)about, -1);
    if (!S_ISDIR(info.st_mode))
        return;
    g_autoptr(GPtrArray) names = sorted_names(path);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *below = g_build_filename(path, g_ptr_array_index(names, i), NULL);
        walk_path(walk, below, depth + 1);
    }
}

/* Of what a load reads; samples are for `rubric test` alone. */
static char *course_fingerprint(const char *folder)
{
    static const char *const parts[] = {"course.yaml", "roster.csv", "rubrics", "checks"};
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    Walk walk = {.sum = sum};
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_build_filename(folder, parts[i], NULL);
        walk_path(&walk, path, 0);
    }
    return g_strdup(g_checksum_get_string(sum));
}

/* ---- loading
 * ------------------------------------------------------------------------------------------------------------- */

/* false: *ret_problems says what is wrong. */
static bool load(const char *folder, Course **ret_course, Policy **ret_policy, char **ret_problems)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Course) course = course_load(folder, graders_all(), diagnostics);
    g_autoptr(Policy) policy = course ? policy_parse(course, diagnostics) : NULL;
    if (!course || !policy) {
        *ret_problems = diagnostics_format(diagnostics);
        return false;
    }
    *ret_course = g_steal_pointer(&course);
    *ret_policy = g_steal_pointer(&policy);
    return true;
}

bool course_watch_open(CourseWatch *watch, const char *folder, GError **error)
{
    *watch = (CourseWatch){0};
    g_autofree char *problems = NULL;
    g_autofree char *fingerprint = course_fingerprint(folder);
    if (!load(folder, &watch->course, &watch->policy, &problems))
        return error_set(error, RUBRIC_ERROR_INVALID, "the course \"%s\" has errors:\n%s", folder, problems);
    malloc_trim(0); /* what parsing took and gave back */
    watch->folder = g_strdup(folder);
    watch->fingerprint = g_steal_pointer(&fingerprint);
    watch->looked_mono_us = clock_monotonic_us();
    return true;
}

void course_watch_clear(CourseWatch *watch)
{
    g_clear_pointer(&watch->policy, policy_free);
    g_clear_pointer(&watch->course, course_free);
    g_clear_pointer(&watch->folder, g_free);
    g_clear_pointer(&watch->fingerprint, g_free);
    g_clear_pointer(&watch->problems, g_free);
}

bool course_watch_refresh(CourseWatch *watch)
{
    gint64 now_us = clock_monotonic_us();
    if (now_us - watch->looked_mono_us < look_every_us)
        return false;
    watch->looked_mono_us = now_us;
    g_autofree char *fingerprint = course_fingerprint(watch->folder);
    if (strcmp(fingerprint, watch->fingerprint) == 0)
        return false;
    g_free(watch->fingerprint);
    watch->fingerprint = g_steal_pointer(&fingerprint);
    g_clear_pointer(&watch->problems, g_free);
    Course *course = NULL;
    Policy *policy = NULL;
    if (!load(watch->folder, &course, &policy, &watch->problems))
        return true;
    policy_free(watch->policy);
    course_free(watch->course);
    watch->course = course;
    watch->policy = policy;
    malloc_trim(0);
    return true;
}
