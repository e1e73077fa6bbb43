/* SPDX-License-Identifier: Apache-2.0 */
/* What autograders of other platforms say, both formats: whatever the bytes, bounded texts and finite numbers, and a
 * finding. */
#include "graders/autograder.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void check_text(const char *text, gsize most)
{
    g_assert(!text || (strlen(text) <= most && g_utf8_validate(text, -1, NULL)));
}

static void check_number(double number)
{
    g_assert(isnan(number) || isfinite(number));
}

/* Takes the results over. */
static void judge(AutograderResults *results, const char *wanted)
{
    char *tests[] = {(char *)wanted, NULL};
    AutograderRun *run = g_new0(AutograderRun, 1);
    run->results = results;
    run->words = g_strdup("$ run\n");
    const AutograderWish wish = {.tests = wanted ? tests : NULL, .percent = 100, .at_least = NAN};
    g_autoptr(Finding) finding = autograder_judge(run, &wish);
    g_assert(finding && finding->message);
    autograder_run_free(run);
}

static void try_format(AutograderParse *parse, const char *text, gsize size)
{
    const guint max_tests = 1000;
    const gsize max_name = 256 + 3, max_output = 8192 + 3; /* and the mark of what was cut */
    g_autoptr(GError) error = NULL;
    AutograderResults *results = parse(text, size, &error);
    g_assert((results == NULL) == (error != NULL));
    if (!results)
        return;
    g_assert(results->tests->len <= max_tests);
    check_number(results->score);
    check_text(results->output, max_output);
    for (guint i = 0; i < results->tests->len; i++) {
        const AutograderTest *test = g_ptr_array_index(results->tests, i);
        check_text(test->name, max_name);
        check_text(test->output, max_output);
        check_number(test->score);
        check_number(test->max_score);
        g_assert(test->number);
    }
    judge(results, size % 2 == 0 ? "a" : NULL);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    try_format(gradescope_results_parse, text, size);
    try_format(autolab_results_parse, text, size);
    return 0;
}
