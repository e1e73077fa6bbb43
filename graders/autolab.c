/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `autolab`: an autograder made for Autolab, unchanged: autograde.tar, its Makefile and the student's file in one
 * folder, then `make`; the last line of what it prints has the scores (https://docs.autolabproject.com/lab/).
 */
#include "graders/autograder.h"
#include "graders/builtin.h"
#include "graders/preparation.h"
#include "graders/workspace.h"

#include <math.h>
#include <string.h>

typedef struct {
    char *tar, *makefile;     /* of the course folder; tar may be NULL */
    char *handin;             /* the student's file there; NULL: all files by their own names */
    const RubricImage *image; /* whose programs it has; NULL: the host's */
    AutograderWish wish;
    BoxProfile profile;
} AutolabParameters;

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static char *read_file(YamlReader *reader, const char *key, YamlNeed need, RubricLoad *load)
{
    char *path = g_strdup(yaml_read_text(reader, key, need, NULL));
    if (path)
        rubric_load_uses_file(load, path, yaml_get(reader->mapping, key), reader->diagnostics);
    return path;
}

static void read_handin(AutolabParameters *parameters, YamlReader *reader)
{
    parameters->handin = g_strdup(yaml_read_text(reader, "handin", YAML_OPTIONAL, NULL));
    if (parameters->handin && (*parameters->handin == '.' || strchr(parameters->handin, '/')))
        yaml_report(yaml_get(reader->mapping, "handin"), reader->diagnostics, SEVERITY_ERROR,
                    "handin: expected the name of one file, such as hello.c or handin.tar");
}

/* Autolab's results do not say how many points there are. */
static void check_threshold(const AutolabParameters *parameters, YamlReader *reader)
{
    if (reader->mapping && isnan(parameters->wish.at_least))
        yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR,
                    "check \"autolab\" needs `threshold:` in points: scores of Autolab do not say the most there is");
}

static void *autolab_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    AutolabParameters *parameters = g_new0(AutolabParameters, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"autolab\"", diagnostics);
    parameters->makefile = read_file(&reader, "makefile", YAML_REQUIRED, load);
    parameters->tar = read_file(&reader, "tar", YAML_OPTIONAL, load);
    read_handin(parameters, &reader);
    parameters->image = rubric_load_image(load, &reader);
    autograder_wish_read(&parameters->wish, &reader, "problems");
    check_threshold(parameters, &reader);
    parameters->profile =
        (BoxProfile)yaml_read_choice(&reader, "profile", YAML_OPTIONAL, box_profile_names(), BOX_PROFILE_BUILD);
    yaml_reader_end(&reader);
    return parameters;
}

static void autolab_free(void *data)
{
    AutolabParameters *parameters = data;
    if (!parameters)
        return;
    g_free(parameters->tar);
    g_free(parameters->makefile);
    g_free(parameters->handin);
    autograder_wish_clear(&parameters->wish);
    g_free(parameters);
}

/* ---- what was handed in -------------------------------------------------------------------------------------------
 */

static bool is_archive(const char *name)
{
    return g_str_has_suffix(name, ".tar") || g_str_has_suffix(name, ".tar.gz") || g_str_has_suffix(name, ".tgz");
}

/* Autolab takes one file, whatever it is called: so does this. *ret_path: the file of the submission, or NULL with a
 * *ret_problem of the student's. */
static bool find_handin(const GraderContext *context, const char *name, char **ret_path, char **ret_problem,
                        GError **error)
{
    g_autoptr(GPtrArray) entries = workspace_list(context, error);
    if (!entries)
        return false;
    const Entry *only = NULL;
    guint n_files = 0;
    for (guint i = 0; i < entries->len; i++) {
        const Entry *entry = g_ptr_array_index(entries, i);
        if (entry->kind != ENTRY_FILE)
            continue;
        n_files++;
        only = entry;
        if (g_str_equal(entry->path, name)) {
            n_files = 1;
            break;
        }
    }
    if (n_files == 1)
        *ret_path = g_strdup(only->path);
    else
        *ret_problem = g_strdup_printf("there is no file \"%s\"", name);
    return true;
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

static const char script[] = "set -e\n"
                             "mkdir -p /home/autograde/autolab\n"
                             "cd /home/autograde/autolab\n"
                             "case $HANDIN in\n"
                             "  '') cp -R /work/. . ;;\n"
                             "  *.tar) tar cf \"$HANDIN\" -C /work . ;;\n"
                             "  *.tar.gz | *.tgz) tar czf \"$HANDIN\" -C /work . ;;\n"
                             "  *) cp \"/work/$HANDIN_FILE\" \"$HANDIN\" ;;\n"
                             "esac\n"
                             "test ! -f /run/autograder/autograde.tar || cp /run/autograder/autograde.tar .\n"
                             "cp /run/autograder/Makefile .\n"
                             "exec make\n";

static const AutograderRun *run_lab(const AutolabParameters *parameters, const char *file, const Check *check,
                                    GraderContext *context, GError **error)
{
    static const char *const scratch[] = {"home", NULL};
    const char *handin = parameters->handin ? parameters->handin : "";
    g_autofree char *name_variable = g_strconcat("HANDIN=", handin, NULL);
    g_autofree char *file_variable = g_strconcat("HANDIN_FILE=", file ? file : "", NULL);
    const char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                               "HOME=/home/autograde",
                               "LANG=C.UTF-8",
                               "TZ=UTC",
                               "TMPDIR=/tmp",
                               name_variable,
                               file_variable,
                               NULL};
    const AutograderFile files[] = {{.name = "Makefile", .path = parameters->makefile},
                                    {.name = "autograde.tar", .path = parameters->tar}};
    const AutograderPlan plan = {
        .files = files,
        .n_files = parameters->tar ? 2 : 1,
        .shown_as = "make",
        .script = script,
        .image = parameters->image,
        .scratch = scratch,
        .env = env,
        .profile = parameters->profile,
        .parse = autolab_results_parse,
    };
    g_autofree char *key =
        autograder_key(check, "autolab", parameters->makefile, parameters->tar ? parameters->tar : "", handin,
                       wanted_image_name(parameters->image), box_profile_name(parameters->profile), NULL);
    return autograder_run(&plan, key, check, context, error);
}

static bool autolab_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    const AutolabParameters *parameters = check->parameters;
    g_autofree char *file = NULL, *problem = NULL;
    if (parameters->handin && !is_archive(parameters->handin) &&
        !find_handin(context, parameters->handin, &file, &problem, error))
        return false;
    if (problem) {
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_FAIL, "%s", problem);
        return true;
    }
    const AutograderRun *run = run_lab(parameters, file, check, context, error);
    if (!run)
        return false;
    *ret_finding = autograder_judge(run, &parameters->wish);
    return true;
}

const Grader grader_autolab = {
    .type = {.name = "autolab",
             .summary = "runs an autograder made for Autolab, unchanged, and reads the scores in its last line",
             .limits = {.wall_ms = 180000,
                        .cpu_ms = 180000,
                        .memory_bytes = 768 << 20,
                        .processes = 256,
                        .disk_bytes = 512 << 20,
                        .open_files = 1024},
             .parse = autolab_parse,
             .free = autolab_free},
    .judge = autolab_judge,
};
