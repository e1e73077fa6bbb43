/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/samples.h"

#include <string.h>

static const char *const content_suffixes[] = {".zip",     ".tar",     ".tar.gz", ".tgz",    ".tar.xz",
                                               ".tar.bz2", ".tar.zst", ".7z",     ".bundle", NULL};

void sample_free(Sample *sample)
{
    g_free(sample->name);
    g_free(sample->path);
    expectation_free(sample->expectation);
    worker_free(sample->worker);
    worker_job_free(sample->job);
    verdict_free(sample->verdict);
    local_submission_clear(&sample->submission);
    g_ptr_array_unref(sample->differences);
    g_free(sample);
}

/* ---- finding them
 * ------------------------------------------------------------------------------------------------------ */

/* "passing" of "passing.zip"; NULL: this is no sample. */
static char *sample_name(const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    if (*file == '.')
        return NULL;
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return g_strdup(file);
    for (gsize i = 0; content_suffixes[i]; i++) {
        if (g_str_has_suffix(file, content_suffixes[i]))
            return g_strndup(file, strlen(file) - strlen(content_suffixes[i]));
    }
    return NULL;
}

static gint compare_samples(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Sample *const *)a)->name, (*(const Sample *const *)b)->name);
}

static Sample *new_sample(const Course *course, const Assignment *assignment, const char *folder, const char *file,
                          const char *name, Diagnostics *diagnostics)
{
    Sample *sample = g_new0(Sample, 1);
    sample->assignment = assignment;
    sample->name = g_strdup(name);
    sample->path = file ? g_build_filename(folder, file, NULL) : NULL;
    sample->differences = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *beside = g_strconcat(folder, "/", name, expectation_suffix, NULL);
    sample->has_expectation_file = g_file_test(beside, G_FILE_TEST_EXISTS);
    if (sample->has_expectation_file)
        sample->expectation = expectation_load(course, assignment, name, diagnostics);
    return sample;
}

static bool has_sample(const GPtrArray *samples, const char *name)
{
    for (guint i = 0; i < samples->len; i++) {
        if (strcmp(((const Sample *)g_ptr_array_index(samples, i))->name, name) == 0)
            return true;
    }
    return false;
}

/* An expectation without anything beside it: a sample made from its base, or a mistake in its name. */
static void add_made_sample(const Course *course, const Assignment *assignment, const char *folder, const char *file,
                            GPtrArray *samples, Diagnostics *diagnostics)
{
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(expectation_suffix));
    if (has_sample(samples, name))
        return;
    Sample *sample = new_sample(course, assignment, folder, NULL, name, diagnostics);
    if (!sample->expectation || sample->expectation->recipe->base) {
        g_ptr_array_add(samples, sample);
        return;
    }
    g_autofree char *path = g_build_filename(folder, file, NULL);
    diagnostics_add(
        diagnostics, SEVERITY_ERROR, path, 0, 0,
        "there is no sample \"%s\" beside this: a folder, an archive or a git bundle; and it has no `base:`", name);
    sample_free(sample);
}

GPtrArray *samples_list(const Course *course, const Assignment *assignment, Diagnostics *diagnostics)
{
    GPtrArray *samples = g_ptr_array_new_with_free_func((GDestroyNotify)sample_free);
    g_autofree char *folder = g_build_filename(course->folder, "samples", assignment->id, NULL);
    g_autoptr(GDir) listing = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) expectations = g_ptr_array_new_with_free_func(g_free);
    for (const char *file = listing ? g_dir_read_name(listing) : NULL; file; file = g_dir_read_name(listing)) {
        g_autofree char *name = sample_name(folder, file);
        if (name)
            g_ptr_array_add(samples, new_sample(course, assignment, folder, file, name, diagnostics));
        else if (g_str_has_suffix(file, expectation_suffix))
            g_ptr_array_add(expectations, g_strdup(file));
    }
    for (guint i = 0; i < expectations->len; i++)
        add_made_sample(course, assignment, folder, g_ptr_array_index(expectations, i), samples, diagnostics);
    g_ptr_array_sort(samples, compare_samples);
    return samples;
}

/* ---- running them
 * ------------------------------------------------------------------------------------------------------ */

static void add_difference(Sample *sample, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_difference(Sample *sample, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(sample->differences, g_strdup_vprintf(format, args));
    va_end(args);
}

static bool open_submission(const Course *course, Sample *sample, GError **error)
{
    if (sample->expectation && recipe_is_needed(sample->expectation->recipe))
        return recipe_make(sample->expectation->recipe, course, &sample->submission, error);
    if (sample->path)
        return local_submission_open(sample->path, &sample->submission, error);
    return error_set(error, RUBRIC_ERROR_INVALID, "its expectation has mistakes");
}

static bool begin_sample(const Course *course, Sample *sample, GError **error)
{
    const Expectation *expected = sample->expectation;
    gint64 received_us = expected ? expected->received_us : sample->assignment->deadline_us - CLOCK_HOUR_US;
    const char *owner = grading_find_owner(course, sample->assignment, expected ? expected->owner : NULL, error);
    if (!owner || !open_submission(course, sample, error))
        return false;
    sample->job =
        grading_job(course, sample->assignment, owner, received_us, &sample->submission, &sample->rubric, error);
    if (!sample->job)
        return false;
    sample->worker = worker_start(error);
    return sample->worker && worker_send(sample->worker, sample->job, error);
}

static void compare_refusal(Sample *sample)
{
    const GPtrArray *remarks = sample->verdict->remarks;
    const Finding *refusal = NULL;
    for (guint i = 0; i < remarks->len && !refusal; i++) {
        const Finding *finding = g_ptr_array_index(remarks, i);
        refusal = finding->outcome == FINDING_FAIL ? finding : NULL;
    }
    if (refusal && !sample->expectation->is_refused)
        add_difference(sample, "expected it to be unpacked, but it was refused: %s", refusal->message);
    if (!refusal && sample->expectation->is_refused)
        add_difference(sample, "expected it to be refused, but it was unpacked");
}

static void compare_findings(Sample *sample, const VerdictItem *item)
{
    for (guint i = 0; i < item->findings->len; i++) {
        const Finding *finding = g_ptr_array_index(item->findings, i);
        int wanted = expectation_of_check(sample->expectation, finding->check);
        if (wanted >= 0 && wanted != (int)finding->outcome)
            add_difference(sample, "check %s: expected %s, got %s: %s", finding->check,
                           finding_outcome_name((FindingOutcome)wanted), finding_outcome_name(finding->outcome),
                           finding->message);
    }
}

static void compare(Sample *sample)
{
    compare_refusal(sample);
    for (guint i = 0; i < sample->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(sample->verdict->items, i);
        int wanted = expectation_of_item(sample->expectation, item->id);
        if (wanted >= 0 && wanted != (int)item->outcome)
            add_difference(sample, "%s: expected %s, got %s: %s", item->id, item_outcome_name((ItemOutcome)wanted),
                           item_outcome_name(item->outcome), item->reason);
        compare_findings(sample, item);
    }
}

static void end_sample(Sample *sample)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(WorkerReport) report = worker_receive(sample->worker, GRADING_TIMEOUT_MS, &error);
    if (report) {
        sample->verdict = grading_verdict(sample->job, sample->rubric, &sample->submission, report);
        if (sample->expectation)
            compare(sample);
    } else {
        add_difference(sample, "could not be graded: %s", error->message);
    }
    g_clear_pointer(&sample->worker, worker_free);
    local_submission_clear(&sample->submission);
}

void samples_run(const Course *course, GPtrArray *samples)
{
    guint n_at_once = MAX(g_get_num_processors(), 1);
    /* A window over the list: always the oldest one is waited for, while the others work. */
    for (guint i = 0; i < samples->len + n_at_once; i++) {
        Sample *oldest = i >= n_at_once ? g_ptr_array_index(samples, i - n_at_once) : NULL;
        if (oldest && oldest->worker)
            end_sample(oldest);
        if (i >= samples->len)
            continue;
        Sample *sample = g_ptr_array_index(samples, i);
        g_autoptr(GError) error = NULL;
        if (!begin_sample(course, sample, &error)) {
            add_difference(sample, "could not be graded: %s", error->message);
            worker_free(sample->worker);
            sample->worker = NULL;
        }
    }
}

/* ---- teeth
 * ------------------------------------------------------------------------------------------------------------- */

static bool some_sample_fails(const GPtrArray *samples, const char *item_id, const char *check_name)
{
    for (guint i = 0; i < samples->len; i++) {
        const Sample *sample = g_ptr_array_index(samples, i);
        for (guint j = 0; sample->verdict && j < sample->verdict->items->len; j++) {
            const VerdictItem *item = g_ptr_array_index(sample->verdict->items, j);
            for (guint k = 0; strcmp(item->id, item_id) == 0 && k < item->findings->len; k++) {
                const Finding *finding = g_ptr_array_index(item->findings, k);
                if (finding->outcome == FINDING_FAIL && strcmp(finding->check, check_name) == 0)
                    return true;
            }
        }
    }
    return false;
}

GPtrArray *samples_toothless(const Course *course, const Assignment *assignment, const GPtrArray *samples)
{
    GPtrArray *toothless = g_ptr_array_new_with_free_func(g_free);
    const Rubric *rubric = course_rubric(course, assignment, assignment->deadline_us - CLOCK_HOUR_US);
    for (guint i = 0; rubric && i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        for (guint j = 0; item->judge != JUDGE_TA && j < item->checks->len; j++) {
            const Check *check = g_ptr_array_index(item->checks, j);
            if (!some_sample_fails(samples, item->id, check->name))
                g_ptr_array_add(toothless, g_strdup_printf("%s %s", assignment->id, check->name));
        }
    }
    return toothless;
}
