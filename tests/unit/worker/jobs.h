/* SPDX-License-Identifier: Apache-2.0 */
/* A course of one rubric, and jobs under it, for tests that run real workers. */
#pragma once

#include "tests/unit/worker/archives.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What this machine may lack: tests run as anybody, anywhere. */
#define ANY_MACHINE                                                                                                    \
    (BOX_PROMISE_CGROUP_MEMORY | BOX_PROMISE_CGROUP_PROCESSES | BOX_PROMISE_CGROUP_CPU | BOX_PROMISE_LANDLOCK |        \
     BOX_PROMISE_OVERLAY | BOX_PROMISE_OWN_UID)

typedef struct {
    char *folder;
} TestCourse;

static inline void write_file(const char *folder, const char *name, const void *data, gsize length)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *parent = g_path_get_dirname(path);
    g_mkdir_with_parents(parent, 0755);
    ck_assert(g_file_set_contents(path, data, (gssize)length, NULL));
}

static inline TestCourse course_with(const char *rubric)
{
    TestCourse course = {.folder = g_dir_make_tmp("rubric-course-XXXXXX", NULL)};
    write_file(course.folder, "rubrics/r.yaml", rubric, strlen(rubric));
    return course;
}

static inline void course_clear(TestCourse *course)
{
    file_remove_tree(course->folder, NULL);
    g_free(course->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TestCourse, course_clear)

static inline WorkerJob *job_in(const TestCourse *course, ContentKind kind, const char *content_path)
{
    WorkerJob *job = worker_job_new();
    job->assignment = g_strdup("a1");
    job->owner = g_strdup("ann");
    job->content_kind = kind;
    job->content_path = g_strdup(content_path);
    job->course_folder = g_strdup(course->folder);
    job->rubric_path = g_strdup("rubrics/r.yaml");
    job->received_us = G_GINT64_CONSTANT(1663800000000000);
    job->accept_missing = ANY_MACHINE;
    return job;
}

/* The archive as a file of the course's folder. Takes the fd. */
static inline WorkerJob *job_of_archive(const TestCourse *course, int archive_fd)
{
    struct stat info;
    fstat(archive_fd, &info);
    g_autofree char *bytes = g_malloc((gsize)info.st_size + 1);
    ck_assert_int_eq(pread(archive_fd, bytes, (gsize)info.st_size, 0), info.st_size);
    g_close(archive_fd, NULL);
    write_file(course->folder, "content", bytes, (gsize)info.st_size);
    g_autofree char *path = g_build_filename(course->folder, "content", NULL);
    return job_in(course, CONTENT_ARCHIVE, path);
}

/* Runs and frees the job. */
static inline WorkerReport *run_job(WorkerJob *job, GError **error)
{
    const gint64 timeout_ms = 60000;
    g_autoptr(WorkerJob) owned = job;
    g_autoptr(GError) start_error = NULL;
    g_autoptr(Worker) worker = worker_start(&start_error);
    ck_assert_msg(worker != NULL, "%s", start_error ? start_error->message : "");
    return worker_run(worker, owned, timeout_ms, error);
}

static inline WorkerReport *run_good_job(WorkerJob *job)
{
    g_autoptr(GError) error = NULL;
    WorkerReport *report = run_job(job, &error);
    ck_assert_msg(report != NULL, "%s", error ? error->message : "");
    return report;
}

/* The outcome of a check; -1: it has no finding. */
static inline int outcome_of(const WorkerReport *report, const char *check)
{
    for (guint i = 0; i < report->findings->len; i++) {
        const Finding *finding = g_ptr_array_index(report->findings, i);
        if (strcmp(finding->check, check) == 0)
            return (int)finding->outcome;
    }
    return -1;
}
