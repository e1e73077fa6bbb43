/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/course_folder.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* A rubric that loads has a digest, an order of all its items, and can be scored. */
static void use(const Rubric *rubric)
{
    g_assert(g_str_has_prefix(rubric->digest, "sha256:"));
    g_assert(rubric->order->len == rubric->items->len);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        g_assert(rubric_item(rubric, item->id) == item);
        for (guint j = 0; j < item->checks->len; j++) {
            const Check *check = g_ptr_array_index(item->checks, j);
            FindingOutcome outcome = (FindingOutcome)((i + j) % (FINDING_SKIPPED + 1));
            g_ptr_array_add(findings, finding_new(item->id, check->name, check->type->name, outcome, "found"));
        }
    }
    g_autoptr(Verdict) verdict = verdict_score(rubric, findings);
    g_assert(verdict->points_milli + verdict->review_milli <= verdict->max_milli);
    g_assert(verdict->max_milli == rubric->max_milli);
    g_autoptr(cJSON) json = verdict_to_json(verdict);
    g_autoptr(Verdict) again = verdict_from_json(json, NULL);
    g_assert(again && again->points_milli == verdict->points_milli);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    course_folder_make();
    course_folder_put("rubrics/r.yaml", data, size);
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Rubric) rubric = rubric_load(course_folder, "rubrics/r.yaml", graders_all(), utc, diagnostics);
    g_assert((rubric != NULL) == (diagnostics_count(diagnostics, SEVERITY_ERROR) == 0));
    if (rubric)
        use(rubric);
    return 0;
}
