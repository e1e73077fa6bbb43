/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's life: confine itself, wait for the job, unpack in a child, run the checks, answer, exit. Straight on,
 * once.
 */
#include "daemon/worker/checks.h"
#include "daemon/worker/content.h"
#include "daemon/worker/image.h"
#include "daemon/worker/reply.h"

#include <string.h>

static WorkerReport *new_report(void)
{
    WorkerReport *report = g_new0(WorkerReport, 1);
    report->findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    return report;
}

static bool has_failed(const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (finding->outcome == FINDING_FAIL)
            return true;
    }
    return false;
}

static Rubric *load_rubric(const WorkerJob *job, GError **error)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(job->zone_name);
    if (!zone) {
        error_set(error, RUBRIC_ERROR_INVALID, "there is no time zone \"%s\"", job->zone_name);
        return NULL;
    }
    Rubric *rubric = rubric_load(job->course_folder, job->rubric_path, graders_all(), zone, diagnostics);
    if (!rubric) {
        g_autofree char *text = diagnostics_format(diagnostics);
        error_set(error, RUBRIC_ERROR_INVALID, "the rubric \"%s\" has mistakes:\n%s", job->rubric_path, text);
    }
    return rubric;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BoxClient, box_client_free)

static BoxClient *new_box_client(GError **error)
{
    g_autofree char *program = process_own_program("rubric-box", error);
    if (!program)
        return NULL;
    BoxClient *client = NULL;
    int status = box_client_new(program, NULL, &client);
    if (status < 0)
        error_set_errno(error, -status, "cannot prepare boxes");
    return client;
}

/* What the job itself tells of the submission, beside what its sender has put in. */
static void set_placeholders(const WorkerJob *job)
{
    g_autoptr(GDateTime) received = g_date_time_new_from_unix_utc(job->received_us / CLOCK_SECOND_US);
    g_autofree char *text = received ? g_date_time_format(received, "%Y-%m-%dT%H:%M:%SZ") : NULL;
    if (text)
        placeholders_set(job->placeholders, "submission.received", text);
    if (job->git_commit)
        placeholders_set(job->placeholders, "submission.commit", job->git_commit);
}

static WorkerReport *do_job(Confinement *confinement, const WorkerJob *job, const Outside *outside, GError **error)
{
    g_autoptr(Rubric) rubric = load_rubric(job, error);
    g_autoptr(BoxClient) boxes = rubric ? new_box_client(error) : NULL;
    if (!boxes || !confine_make_workspace(confinement, job, box_uid(boxes), error))
        return NULL;
    g_autoptr(WorkerReport) report = new_report();
    report->rubric_digest = g_strdup(rubric->digest);
    g_autofree char *of_host = job->image_digest ? g_strdup(job->image_digest) : worker_image_digest(error);
    if (!of_host)
        return NULL;
    report->image_digest = image_digest_with(of_host, rubric, job->images_folder);

    set_placeholders(job);
    gint64 start_us = clock_monotonic_us();
    if (!content_unpack(confinement, job, report->findings, error))
        return NULL;
    gint64 unpacked_us = clock_monotonic_us();
    report->unpack_us = unpacked_us - start_us;
    if (!has_failed(report->findings) && !checks_run(job, rubric, confinement, boxes, outside, report, error))
        return NULL;
    report->checks_us = clock_monotonic_us() - unpacked_us;
    return g_steal_pointer(&report);
}

/* It follows a job that names hosts. */
static bool receive_proxy(int fd, const WorkerJob *job, int *ret_fd, GError **error)
{
    const gint64 timeout_ms = 30000;
    if (!job->hosts || !job->hosts[0] || frame_receive_fd(fd, timeout_ms, ret_fd, error))
        return true;
    g_prefix_error(error, "waiting for the socket of the proxy: ");
    return false;
}

/* The text of the answer; our own failures become one too. */
static char *answer_job(Confinement *confinement, const char *text, gsize length, int fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(WorkerReport) report = NULL;
    g_autoptr(cJSON) json = json_parse(text, length, &error);
    g_autoptr(WorkerJob) job = json ? worker_job_from_json(json, &error) : NULL;
    file_autofd int proxy_fd = -1;
    if (job && receive_proxy(fd, job, &proxy_fd, &error))
        report = do_job(confinement, job, &(Outside){.cancel_fd = fd, .proxy_fd = proxy_fd}, &error);
    return report ? reply_of_report(report) : reply_of_error(error);
}

int worker_serve(int fd, bool is_off_network)
{
    g_autoptr(GError) error = NULL;
    g_auto(Confinement) confinement = {.workspace_fd = -1};
    bool is_confined = confine_enter(is_off_network, &confinement, &error);
    g_autofree char *text = NULL;
    gsize length;
    if (!frame_receive(fd, JOB_MAX_BYTES, -1, &text, &length, NULL))
        return 0; /* whoever started this worker does not need it any more */
    g_autofree char *answer = is_confined ? answer_job(&confinement, text, length, fd) : reply_of_error(error);
    return frame_send(fd, answer, strlen(answer), NULL) ? 0 : 1;
}
