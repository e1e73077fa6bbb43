/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/worker.h"

void worker_report_free(WorkerReport *report)
{
    if (!report)
        return;
    g_ptr_array_unref(report->findings);
    g_free(report->image_digest);
    g_free(report->rubric_digest);
    g_free(report);
}

cJSON *worker_report_to_json(const WorkerReport *report)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "image_digest", report->image_digest);
    json_add_string(json, "rubric_digest", report->rubric_digest);
    json_add_int64(json, "unpack_us", report->unpack_us);
    json_add_int64(json, "checks_us", report->checks_us);
    json_add_int64(json, "box_us", report->box_us);
    json_add_int64(json, "n_boxes", report->n_boxes);
    cJSON *findings = json_add(json, "findings", cJSON_CreateArray());
    for (guint i = 0; i < report->findings->len; i++)
        cJSON_AddItemToArray(findings, finding_to_json(g_ptr_array_index(report->findings, i)));
    return g_steal_pointer(&json);
}

WorkerReport *worker_report_from_json(const cJSON *json, GError **error)
{
    g_autoptr(WorkerReport) report = g_new0(WorkerReport, 1);
    report->findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    const cJSON *findings, *entry;
    const char *image, *rubric;
    gint64 n_boxes;
    if (!json_get_string(json, "image_digest", &image, error) ||
        !json_get_string(json, "rubric_digest", &rubric, error) ||
        !json_get_int64(json, "unpack_us", &report->unpack_us, error) ||
        !json_get_int64(json, "checks_us", &report->checks_us, error) ||
        !json_get_int64(json, "box_us", &report->box_us, error) || !json_get_int64(json, "n_boxes", &n_boxes, error) ||
        !json_get_array(json, "findings", &findings, error)) {
        g_prefix_error(error, "reading a worker's report: ");
        return NULL;
    }
    report->image_digest = g_strdup(image);
    report->rubric_digest = g_strdup(rubric);
    report->n_boxes = (guint)CLAMP(n_boxes, 0, G_MAXINT);
    cJSON_ArrayForEach(entry, findings)
    {
        Finding *finding = finding_from_json(entry, error);
        if (!finding)
            return NULL;
        g_ptr_array_add(report->findings, finding);
    }
    return g_steal_pointer(&report);
}
