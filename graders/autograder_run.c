/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kit is unpacked beside the workspace, shown to one box read-only, and taken away again. The script copies it and
 * the submission to where the autograder looks for them, on the box's own bounded disk: so an autograder may write
 * wherever it is used to, and nothing of a run is left for the next. What it says is copied out by the box's keeper
 * after every process of it is dead (docs/adr/0004-reports-after-death.md).
 */
#include "graders/autograder.h"

#include "graders/command.h"
#include "graders/preparation.h"
#include "graders/setup.h"
#include "graders/stage.h"

#include "daemon/images/images.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void autograder_run_free(AutograderRun *run)
{
    if (!run)
        return;
    autograder_results_free(run->results);
    g_free(run->failure);
    g_free(run->words);
    g_free(run->stdout_end);
    g_free(run->image_digest);
    g_free(run->setup_key);
    cJSON_Delete(run->box);
    cJSON_Delete(run->original);
    g_free(run);
}

/* ---- what the box is shown ----------------------------------------------------------------------------------------
 */

static bool show_file(Stage *stage, const AutograderFile *file, GError **error)
{
    g_autofree char *target = g_build_filename(STAGE_IN_BOX, file->name, NULL);
    if (!file->path)
        return stage_show_text(stage, file->name, file->text, target, error);
    stage_show(stage, g_build_filename(stage->context->course_folder, file->path, NULL), target, false);
    return true;
}

static bool fill_stage(Stage *stage, const AutograderPlan *plan, const ImageSetup *setup, const char *root,
                       GError **error)
{
    if (setup ? !setup_show(setup, root, stage, error) : plan->kit && !stage_show_kit(stage, plan->kit, error))
        return false;
    for (gsize i = 0; i < plan->n_files; i++) {
        if (!show_file(stage, &plan->files[i], error))
            return false;
    }
    return true;
}

/* ---- what came back -----------------------------------------------------------------------------------------------
 */

static const char *const report_states[] = {
    [BOX_REPORT_OK] = "",
    [BOX_REPORT_ABSENT] = "wrote no results",
    [BOX_REPORT_NOT_FILE] = "left something that is no file in the place of its results",
    [BOX_REPORT_TOO_LARGE] = "wrote results that are too large",
    [BOX_REPORT_UNREADABLE] = "wrote results that cannot be read",
};

/* What a box ended at a limit left behind is not what its autograder meant to say. */
static void read_results(AutograderRun *run, const AutograderPlan *plan, const Check *check, const BoxResult *result)
{
    const gsize max_original = 64 << 10;
    char sentence[512];
    const BoxBytes *bytes = plan->results_path ? &result->reports[0].bytes : &result->out;
    BoxReportState state = plan->results_path ? result->reports[0].state : BOX_REPORT_OK;
    box_status_sentence(&result->status, &check->limits, sentence, sizeof(sentence));
    run->was_limited = result->status.end == BOX_END_LIMIT;
    if (run->was_limited) {
        run->failure = g_strdup(sentence);
        return;
    }
    if (state != BOX_REPORT_OK) {
        run->failure = g_strdup_printf("%s; it %s", report_states[state], sentence);
        return;
    }
    g_autoptr(GError) error = NULL;
    run->results = plan->parse(bytes->data ? bytes->data : "", bytes->length, &error);
    if (!run->results)
        run->failure = g_strdup_printf("gave results that cannot be read: %s", error->message);
    else if (plan->kept_as && bytes->length <= max_original)
        run->original = json_parse(bytes->data, bytes->length, NULL);
    run->kept_as = plan->kept_as;
}

static AutograderRun *make_run(const AutograderPlan *plan, const Check *check, const BoxResult *result)
{
    const gsize max_stdout = 4096;
    char sentence[512];
    AutograderRun *run = g_new0(AutograderRun, 1);
    GString *words = g_string_new(NULL);
    g_string_append_printf(words, "$ %s\n%s\n", plan->shown_as,
                           box_status_sentence(&result->status, &check->limits, sentence, sizeof(sentence)));
    command_append_words(words, "stdout", &result->out);
    command_append_words(words, "stderr", &result->err);
    run->words = g_string_free(words, FALSE);
    run->stdout_end = result->out.length > 0 ? text_last(result->out.data, result->out.length, max_stdout) : NULL;
    run->box = command_figures(&result->status);
    read_results(run, plan, check, result);
    return run;
}

/* ---- the run ------------------------------------------------------------------------------------------------------
 */

/* The box, when all is there that it needs. */
static AutograderRun *run_box(const AutograderPlan *plan, const Check *check, const Image *image, const char *root,
                              const ImageSetup *setup, GraderContext *context, GError **error)
{
    g_auto(Stage) stage = {0};
    if (!stage_open(&stage, context, error) || !fill_stage(&stage, plan, setup, root, error))
        return NULL;
    g_auto(GStrv) env = image ? image_environment(image, plan->env) : g_strdupv((char **)plan->env);
    const char *const argv[] = {"/bin/sh", "-c", plan->script, "sh", NULL};
    const char *const reports[] = {plan->results_path, NULL};
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = argv;
    spec.env = (const char *const *)env;
    spec.root = root;
    spec.folder = "/";
    spec.binds = (const BoxBind *)(const void *)stage.binds->data;
    spec.n_binds = stage.binds->len;
    spec.network = BOX_NETWORK_LOOPBACK;
    spec.profile = plan->profile;
    spec.inner_root = plan->inner_root;
    spec.scratch = plan->scratch;
    spec.report_paths = plan->results_path ? reports : NULL;
    BoxResult result = {0};
    if (!command_run_box(check, context, &spec, &result, error))
        return NULL;
    AutograderRun *run = NULL;
    if (plan->results_path && result.n_reports != 1)
        error_set(error, RUBRIC_ERROR_BUG, "the box gave back no results although they were asked for");
    else
        run = make_run(plan, check, &result);
    box_result_clear(&result);
    return run;
}

static AutograderRun *run_now(const AutograderPlan *plan, const Check *check, GraderContext *context, GError **error)
{
    g_autoptr(Image) image = NULL;
    g_auto(SetupOutcome) setup = {0};
    const char *root = NULL;
    if (!wanted_image_find(plan->image, context->images_folder, &image, &root, error))
        return NULL;
    if (plan->setup && !setup_make(plan->setup, check, image, root, context, &setup, error))
        return NULL;
    AutograderRun *run = NULL;
    if (setup.failed_words) {
        run = g_new0(AutograderRun, 1);
        run->failure = g_strdup("could not be set up: its setup.sh failed");
        run->words = g_steal_pointer(&setup.failed_words);
    } else {
        run = run_box(plan, check, image, root, setup.kept, context, error);
    }
    if (run) {
        run->image_digest = image ? g_strdup(image->digest) : NULL;
        run->setup_key = setup.kept ? g_strdup(setup.kept->key) : NULL;
        run->setup_was_made = setup.was_made;
    }
    return run;
}

char *autograder_key(const Check *check, ...)
{
    const BoxLimits *limits = &check->limits;
    const gint64 numbers[] = {limits->wall_ms,      limits->cpu_ms,      limits->memory_bytes, limits->processes,
                              limits->output_bytes, limits->disk_bytes,  limits->files,        limits->file_bytes,
                              limits->open_files,   limits->stack_bytes, limits->cpus_milli};
    GString *key = g_string_new(NULL);
    va_list texts;
    va_start(texts, check);
    for (const char *text = va_arg(texts, const char *); text; text = va_arg(texts, const char *))
        g_string_append_printf(key, "%s\n", text);
    va_end(texts);
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_string_append_printf(key, "%" G_GINT64_FORMAT "\n", numbers[i]);
    return g_string_free(key, FALSE);
}

const AutograderRun *autograder_run(const AutograderPlan *plan, const char *key, const Check *check,
                                    GraderContext *context, GError **error)
{
    AutograderRun *run = g_datalist_get_data(context->kept, key);
    if (run) {
        run->is_told = true;
        return run;
    }
    run = run_now(plan, check, context, error);
    if (run)
        g_datalist_set_data_full(context->kept, key, run, (GDestroyNotify)autograder_run_free);
    return run;
}
