/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char course_file[] = "course.yaml";

/* All paths of one call. Problems carry paths as the user typed them, so that a terminal or an editor can follow them.
 */
typedef struct {
    Diagnostics *diagnostics;
    unsigned n_files;
} Checking;

/* ---- finding the course ----------------------------------------------------------------------------------------- */

static bool has_file(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

/* Above "." there are no names in the user's terms: an absolute path. */
static char *parent_of_here(void)
{
    g_autofree char *here = g_get_current_dir();
    return g_path_get_dirname(here);
}

/* The nearest folder from `folder` upwards that holds a course.yaml, as a path in the user's terms. NULL: none. */
static char *find_course_folder(const char *folder)
{
    char *at = strstr(folder, "..") ? g_canonicalize_filename(folder, NULL) : g_strdup(folder);
    for (;;) {
        if (has_file(at, course_file))
            return at;
        char *parent = strcmp(at, ".") == 0 ? parent_of_here() : g_path_get_dirname(at);
        bool at_top = strcmp(parent, at) == 0;
        g_free(at);
        at = parent;
        if (at_top)
            return NULL;
    }
}

/* Adds what was found in `folder` to the problems of the whole call, the folder before each file. */
static void add_all(Checking *checking, const char *folder, Diagnostics *found)
{
    const GPtrArray *list = diagnostics_list(found);
    for (guint i = 0; i < list->len; i++) {
        const Diagnostic *problem = g_ptr_array_index(list, i);
        g_autofree char *path =
            strcmp(folder, ".") == 0 ? g_strdup(problem->file) : g_build_filename(folder, problem->file, NULL);
        diagnostics_add(checking->diagnostics, problem->severity, path, problem->line, problem->column, "%s",
                        problem->message);
    }
}

/* ---- checking --------------------------------------------------------------------------------------------------- */

static unsigned count_files(const char *folder)
{
    g_autofree char *rubrics = g_build_filename(folder, "rubrics", NULL);
    g_autoptr(GDir) dir = g_dir_open(rubrics, 0, NULL);
    unsigned n = has_file(folder, course_file) + has_file(folder, "roster.csv");
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir))
        n += name[0] != '.' && g_str_has_suffix(name, ".yaml");
    return n;
}

/* What is on this machine is no part of a rubric, but a check without its programs would be an error each time. */
static void check_image(const Rubric *rubric, const RubricImage *wanted, const char *images_folder, Diagnostics *found)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Image) image = wanted->name ? image_find(images_folder, wanted->name, &error) : NULL;
    if (wanted->folder && !g_file_test(wanted->folder, G_FILE_TEST_IS_DIR))
        diagnostics_add(found, SEVERITY_ERROR, rubric->path, wanted->line, wanted->column,
                        "image: there is no folder \"%s\" on this machine", wanted->folder);
    else if (error)
        diagnostics_add(found, SEVERITY_ERROR, rubric->path, wanted->line, wanted->column, "image: %s", error->message);
    else if (image && wanted->digest && !g_str_equal(wanted->digest, image->digest))
        diagnostics_add(found, SEVERITY_ERROR, rubric->path, wanted->line, wanted->column,
                        "image: \"%s\" is %s on this machine", wanted->name, image->digest);
    else if (image && !wanted->digest)
        diagnostics_add(found, SEVERITY_WARNING, rubric->path, wanted->line, wanted->column,
                        "image: another import of \"%s\" would change verdicts unseen; write \"%s@%s\"", wanted->name,
                        wanted->name, image->digest);
}

static void check_images(const Rubric *rubric, Diagnostics *found)
{
    if (rubric->images->len == 0)
        return;
    g_autofree char *images_folder = cli_images_folder();
    for (guint i = 0; i < rubric->images->len; i++)
        check_image(rubric, g_ptr_array_index(rubric->images, i), images_folder, found);
}

static void check_course(Checking *checking, const char *folder)
{
    g_autoptr(Diagnostics) found = diagnostics_new();
    g_autoptr(Course) course = course_load(folder, graders_all(), found);
    g_autoptr(Gradebook) gradebook = NULL;
    if (course) {
        policy_free(policy_parse(course, found));
        gradebook_parse(course, &gradebook, found);
        for (guint i = 0; i < course->rubrics->len; i++)
            check_images(g_ptr_array_index(course->rubrics, i), found);
    }
    checking->n_files += count_files(folder);
    add_all(checking, folder, found);
}

/* The zone of the course around a rubric, for its `effective:`; what is wrong with the course itself is not asked here.
 */
static GTimeZone *course_zone(const char *folder)
{
    g_autoptr(Diagnostics) ignored = diagnostics_new();
    g_autofree char *path = g_build_filename(folder, course_file, NULL);
    g_autoptr(YamlDocument) document = yaml_load(path, course_file, ignored);
    const YamlNode *node = document ? yaml_get(yaml_root(document), "timezone") : NULL;
    GTimeZone *zone = node && yaml_kind(node) == YAML_SCALAR ? g_time_zone_new_identifier(yaml_scalar(node)) : NULL;
    return zone ? zone : g_time_zone_new_utc();
}

/* The part of `path` below `folder`, which is one of its parents in the user's terms or an absolute path. */
static char *path_below(const char *folder, const char *path)
{
    g_autofree char *whole_folder = g_canonicalize_filename(folder, NULL);
    g_autofree char *whole_path = g_canonicalize_filename(path, NULL);
    gsize length = strlen(whole_folder);
    return g_strdup(whole_path + length + (whole_path[length] == '/'));
}

/* A rubric outside of any course is checked as if the folder above its own were the course. */
static char *folder_of_rubric(const char *path)
{
    g_autofree char *beside = g_path_get_dirname(path);
    char *course = find_course_folder(beside);
    if (course)
        return course;
    g_autofree char *name = g_path_get_basename(beside);
    return strcmp(name, "rubrics") == 0 ? g_path_get_dirname(beside) : g_steal_pointer(&beside);
}

static void check_rubric(Checking *checking, const char *path)
{
    g_autofree char *folder = folder_of_rubric(path);
    g_autofree char *below = path_below(folder, path);
    g_autoptr(GTimeZone) zone = course_zone(folder);
    g_autoptr(Diagnostics) found = diagnostics_new();
    g_autoptr(Rubric) rubric = rubric_load(folder, below, graders_all(), zone, found);
    if (rubric)
        check_images(rubric, found);
    checking->n_files++;
    add_all(checking, folder, found);
}

static void check_folder(Checking *checking, const char *path)
{
    g_autofree char *course = find_course_folder(path);
    if (course)
        check_course(checking, course);
    else
        diagnostics_add(checking->diagnostics, SEVERITY_ERROR, path, 0, 0,
                        "there is no course.yaml here or in a folder above; `rubric init %s` makes a course", path);
}

static void check_path(Checking *checking, const char *path)
{
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *folder = g_path_get_dirname(path);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        check_folder(checking, path);
    else if (!g_file_test(path, G_FILE_TEST_EXISTS))
        diagnostics_add(checking->diagnostics, SEVERITY_ERROR, path, 0, 0, "there is no such file or folder");
    else if (strcmp(name, course_file) == 0 || strcmp(name, "roster.csv") == 0)
        check_folder(checking, folder);
    else
        check_rubric(checking, path);
}

/* ---- saying it -------------------------------------------------------------------------------------------------- */

static const char *plural(unsigned n)
{
    return n == 1 ? "" : "s";
}

static void print_summary(const Checking *checking)
{
    unsigned n_errors = diagnostics_count(checking->diagnostics, SEVERITY_ERROR);
    unsigned n_warnings = diagnostics_count(checking->diagnostics, SEVERITY_WARNING);
    printf("%u file%s checked, ", checking->n_files, plural(checking->n_files));
    if (n_errors == 0 && n_warnings == 0)
        puts("no problems");
    else if (n_warnings == 0)
        printf("%u problem%s\n", n_errors, plural(n_errors));
    else
        printf("%u problem%s, %u warning%s\n", n_errors, plural(n_errors), n_warnings, plural(n_warnings));
}

static void print_json(const Checking *checking)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_int64(json, "files", checking->n_files);
    json_add_int64(json, "errors", diagnostics_count(checking->diagnostics, SEVERITY_ERROR));
    json_add_int64(json, "warnings", diagnostics_count(checking->diagnostics, SEVERITY_WARNING));
    cJSON *problems = json_add(json, "problems", cJSON_CreateArray());
    const GPtrArray *list = diagnostics_list(checking->diagnostics);
    for (guint i = 0; i < list->len; i++) {
        const Diagnostic *problem = g_ptr_array_index(list, i);
        cJSON *entry = cJSON_CreateObject();
        json_add_string(entry, "file", problem->file);
        json_add_int64(entry, "line", problem->line);
        json_add_int64(entry, "column", problem->column);
        json_add_string(entry, "severity", problem->severity == SEVERITY_ERROR ? "error" : "warning");
        json_add_string(entry, "message", problem->message);
        cJSON_AddItemToArray(problems, entry);
    }
    g_autofree char *text = json_print_pretty(json);
    puts(text);
}

static int run(int argc, char **argv)
{
    gboolean as_json = FALSE;
    GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print the problems as JSON on stdout", NULL},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_check, entries, &argc, &argv))
        return EXIT_USAGE;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    Checking checking = {.diagnostics = diagnostics};
    for (int i = 1; i < argc; i++)
        check_path(&checking, argv[i]);
    if (argc < 2)
        check_folder(&checking, ".");

    if (as_json) {
        print_json(&checking);
        return diagnostics_count(diagnostics, SEVERITY_ERROR) > 0 ? EXIT_PROBLEMS : EXIT_DONE;
    }
    int status = cli_print_diagnostics(diagnostics);
    print_summary(&checking);
    return status;
}

const Command cmd_check = {
    .name = "check",
    .arguments = "[PATH...]",
    .summary = "Check course and rubric files; every problem with file, line and column",
    .run = run,
};
