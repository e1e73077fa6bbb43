/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kit is unpacked beside the workspace, shown to one box read-only, and taken away again. The script copies it and
 * the submission to where the autograder looks for them, on the box's own bounded disk: so an autograder may write
 * wherever it is used to, and nothing of a run is left for the next. What it says is copied out by the box's keeper
 * after every process of it is dead (docs/adr/0004-reports-after-death.md).
 */
#include "graders/autograder.h"

#include "graders/command.h"
#include "graders/kit.h"
#include "graders/preparation.h"

#include "daemon/images/images.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char box_folder[] = "/run/autograder";

void autograder_run_free(AutograderRun *run)
{
    if (!run)
        return;
    autograder_results_free(run->results);
    g_free(run->failure);
    g_free(run->words);
    g_free(run->stdout_end);
    g_free(run->image_digest);
    cJSON_Delete(run->box);
    g_free(run);
}

/* ---- what the box is shown ----------------------------------------------------------------------------------------
 */

typedef struct {
    char *folder;     /* ours, below the scratch folder */
    GPtrArray *paths; /* what the binds borrow */
    GArray *binds;    /* of BoxBind */
} Stage;

static void stage_clear(Stage *stage)
{
    if (stage->folder)
        file_remove_tree(stage->folder, NULL); /* the worker's tmpfs goes soon anyway */
    g_free(stage->folder);
    g_clear_pointer(&stage->paths, g_ptr_array_unref);
    g_clear_pointer(&stage->binds, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

/* Takes `source` over. */
static void stage_show(Stage *stage, char *source, const char *name)
{
    char *target = g_build_filename(box_folder, name, NULL);
    BoxBind bind = {.source = source, .target = target};
    g_ptr_array_add(stage->paths, source);
    g_ptr_array_add(stage->paths, target);
    g_array_append_val(stage->binds, bind);
}

static bool make_folder(const char *path, GError **error)
{
    const mode_t everybody_reads = 0755;
    if (mkdir(path, everybody_reads) == 0)
        return true;
    return error_set_errno(error, errno, "cannot make \"%s\" for an autograder", path);
}

static bool stage_kit(Stage *stage, const char *kit, const GraderContext *context, GError **error)
{
    g_autofree char *source = g_build_filename(context->course_folder, kit, NULL);
    if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
        stage_show(stage, g_steal_pointer(&source), "kit");
        return true;
    }
    g_autofree char *unpacked = g_build_filename(stage->folder, "kit", NULL);
    if (!make_folder(unpacked, error))
        return false;
    if (!kit_unpack(source, unpacked, error)) {
        g_prefix_error(error, "the autograder \"%s\" cannot be used: ", kit);
        return false;
    }
    stage_show(stage, g_steal_pointer(&unpacked), "kit");
    return true;
}

static bool stage_file(Stage *stage, const AutograderFile *file, const GraderContext *context, GError **error)
{
    const mode_t everybody_reads = 0644;
    if (file->path) {
        stage_show(stage, g_build_filename(context->course_folder, file->path, NULL), file->name);
        return true;
    }
    g_autofree char *path = g_build_filename(stage->folder, file->name, NULL);
    if (!file_write_atomic(path, file->text, strlen(file->text), everybody_reads, error))
        return false;
    stage_show(stage, g_steal_pointer(&path), file->name);
    return true;
}

static bool stage_make(Stage *stage, const AutograderPlan *plan, const GraderContext *context, GError **error)
{
    g_autofree char *random = g_uuid_string_random();
    stage->paths = g_ptr_array_new_with_free_func(g_free);
    stage->binds = g_array_new(FALSE, FALSE, sizeof(BoxBind));
    stage->folder = g_strdup_printf("%s/autograder-%s", context->scratch_folder, random);
    if (!make_folder(stage->folder, error) || (plan->kit && !stage_kit(stage, plan->kit, context, error)))
        return false;
    for (gsize i = 0; i < plan->n_files; i++) {
        if (!stage_file(stage, &plan->files[i], context, error))
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

static AutograderRun *run_now(const AutograderPlan *plan, const Check *check, GraderContext *context, GError **error)
{
    g_auto(Stage) stage = {0};
    g_autoptr(Image) image = NULL;
    const char *root = NULL;
    if (!wanted_image_find(plan->image, context->images_folder, &image, &root, error) ||
        !stage_make(&stage, plan, context, error))
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
    if (run && image)
        run->image_digest = g_strdup(image->digest);
    box_result_clear(&result);
    return run;
}

char *autograder_key(const Check *check, ...)
{
    const BoxLimits *limits = &check->limits;
    const gint64 numbers[] = {limits->wall_ms,      limits->cpu_ms,     limits->memory_bytes, limits->processes,
                              limits->output_bytes, limits->disk_bytes, limits->files,        limits->file_bytes,
                              limits->open_files,   limits->stack_bytes};
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
    if (run)
        return run;
    run = run_now(plan, check, context, error);
    if (run)
        g_datalist_set_data_full(context->kept, key, run, (GDestroyNotify)autograder_run_free);
    return run;
}
