/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: what it reads, and what it can no longer do. */
#include "daemon/worker/content.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/jobs.h"
#include "tests/unit/worker/repository.h"

#include <grp.h>
#include <sched.h>
#include <stdlib.h>

static Place read_job(WorkerJob *job, GError **error)
{
    g_autoptr(WorkerJob) owned = job;
    Place place = place_new();
    file_autofd int content = open(job->content_path, O_RDONLY | O_CLOEXEC);
    content_read(owned, content, place.fd, place.findings, error);
    return place;
}

START_TEST(an_archive_is_read)
{
    g_auto(TestCourse) course = course_with("");
    g_autoptr(GError) error = NULL;
    g_auto(Place) place =
        read_job(job_of_archive(&course, make_zip((Entry[]){{.name = "a", .text = "1"}, {0}})), &error);
    g_assert_no_error(error);
    assert_file(&place, "a", "1");
}
END_TEST

START_TEST(a_folder_and_a_commit_are_read)
{
    g_auto(TestCourse) course = course_with("text");
    g_auto(TestRepositoryAuto) made = repository_new();
    g_autoptr(GError) error = NULL;
    g_auto(Place) folder = read_job(job_in(&course, CONTENT_FOLDER, course.folder), &error);
    assert_file(&folder, "rubrics/r.yaml", "text");
    WorkerJob *job = job_in(&course, CONTENT_GIT, made.path);
    job->git_commit =
        add_commit_of(&made, add_tree_of(&made, (TreeLine[]){{"100644", "a.txt", add_blob_text(&made, "a")}}, 1));
    g_auto(Place) commit = read_job(job, &error);
    g_assert_no_error(error);
    assert_file(&commit, "a.txt", "a");
}
END_TEST

START_TEST(a_folder_over_the_limits_is_the_students)
{
    g_auto(TestCourse) course = course_with("0123456789");
    g_autoptr(GError) error = NULL;
    WorkerJob *job = job_in(&course, CONTENT_FOLDER, course.folder);
    job->unpack.total_bytes = 5;
    g_auto(Place) place = read_job(job, &error);
    g_assert_no_error(error);
    assert_finding(&place, FINDING_FAIL, "has 10 bytes");
}
END_TEST

/* Forks, confines, and exits with the answer of `question`. */
static int ask_confined(int (*question)(void), int reads_folder, const Place *place)
{
    pid_t pid = fork();
    if (pid == 0) {
        Confinement confinement = {.is_privileged = geteuid() == 0, .reader_uid = 12345, .workspace_fd = place->fd};
        UnpackLimits limits = unpack_limits_default();
        g_autoptr(GError) error = NULL;
        const gint64 memory_bytes = 256 << 20;
        if (!confine_reader(&confinement, &limits, reads_folder, memory_bytes, &error)) {
            fprintf(stderr, "%s\n", error->message);
            _exit(100);
        }
        _exit(question());
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static int reads_what_everybody_may(void)
{
    int fd = open("/etc/os-release", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

static int is_root(void)
{
    return geteuid() == 0 || getuid() == 0 || setuid(0) == 0;
}

#ifndef __SANITIZE_ADDRESS__ /* no memory limit beside its shadow memory */
static int gets_much_memory(void)
{
    const gsize length = 512 << 20;
    return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}
#endif

static int changes_modes_of_others(void)
{
    return chmod("/etc", 0755) == 0 || chown("/etc", 0, 0) == 0;
}

static int mounts_something(void)
{
    return unshare(CLONE_NEWNS) == 0;
}

static int (*const questions[])(void) = {
    reads_what_everybody_may, is_root,
#ifndef __SANITIZE_ADDRESS__
    gets_much_memory,
#endif
    changes_modes_of_others,  mounts_something,
};

/* Kills the first child but itself that its parent gets. */
static _Noreturn void be_killer(pid_t parent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", parent, parent);
    for (gint64 end_us = clock_monotonic_us() + 20 * CLOCK_SECOND_US; clock_monotonic_us() < end_us;) {
        g_autofree char *children = NULL;
        if (!g_file_get_contents(path, &children, NULL, NULL))
            break;
        g_auto(GStrv) pids = g_strsplit(g_strchomp(children), " ", -1);
        for (guint i = 0; pids[i]; i++) {
            pid_t pid = (pid_t)g_ascii_strtoll(pids[i], NULL, 10);
            if (pid > 0 && pid != getpid() && kill(pid, SIGKILL) == 0)
                _exit(0);
        }
    }
    _exit(1);
}

START_TEST(a_reader_that_is_killed_is_our_failure)
{
    g_auto(TestCourse) course = course_with("");
    enum { N_FILES = 3000 };
    g_autofree Entry *entries = g_new0(Entry, N_FILES + 1);
    for (guint i = 0; i < N_FILES; i++)
        entries[i] = (Entry){.name = g_strdup_printf("f%u", i), .text = "1"};
    g_autoptr(WorkerJob) job = job_of_archive(&course, make_zip(entries));
    for (guint i = 0; i < N_FILES; i++)
        g_free((char *)entries[i].name);
    g_auto(Place) place = place_new();
    g_autoptr(GError) error = NULL;
    Confinement confinement = {.is_privileged = geteuid() == 0, .reader_uid = 12345, .workspace_fd = place.fd};
    pid_t parent = getpid(), killer = fork();
    if (killer == 0)
        be_killer(parent);
    bool done = content_unpack(&confinement, job, place.findings, &error);
    int status = 0;
    ck_assert_int_eq(waitpid(killer, &status, 0), killer);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "nobody was killed");
    ck_assert_msg(!done && place.findings->len == 0, "it was held against the student");
    ck_assert_int_eq(error->code, RUBRIC_ERROR_TEMPORARY);
}
END_TEST

START_TEST(a_confined_reader_can_do_nothing_of_this)
{
    g_auto(Place) place = place_new();
    ck_assert_int_eq(ask_confined(questions[_i], -1, &place), 0);
}
END_TEST

/* The rest runs as somebody who is not root, whoever runs the tests. */
START_TEST(an_ordinary_user_grades_too)
{
    const uid_t somebody = 12345;
    g_auto(TestCourse) course = course_with(
        "rubric: r\ntitle: R\nitems:\n"
        "  - {id: a, points: 1, title: T, passes: p, check: {run: {command: \"cat a && echo more >> a\"}}}\n");
    g_autoptr(WorkerJob) job = job_of_archive(&course, make_zip((Entry[]){{.name = "a", .text = "text"}, {0}}));
    g_chmod(course.folder, 0755);
    if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setresgid(somebody, somebody, somebody) < 0 ||
                           setresuid(somebody, somebody, somebody) < 0))
        ck_abort_msg("cannot become somebody");
    g_autoptr(GError) error = NULL;
    g_autoptr(Worker) worker = worker_start(&error);
    if (!worker) {
        printf("skipped: %s\n", error->message);
        return;
    }
    const gint64 timeout_ms = 60000;
    g_autoptr(WorkerReport) report = worker_run(worker, job, timeout_ms, &error);
    if (!report && strstr(error->message, "user namespace")) {
        printf("skipped: %s\n", error->message);
        return;
    }
    ck_assert_msg(report != NULL, "%s", error ? error->message : "");
    g_autofree char *all = all_messages(report->findings);
    ck_assert_msg(outcome_of(report, "a") == FINDING_PASS, "%s", all);
}
END_TEST

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    Suite *suite = suite_create("content");
    TCase *tests = tcase_create("content");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, an_archive_is_read);
    tcase_add_test(tests, a_folder_and_a_commit_are_read);
    tcase_add_test(tests, a_folder_over_the_limits_is_the_students);
    tcase_add_loop_test(tests, a_confined_reader_can_do_nothing_of_this, 0, G_N_ELEMENTS(questions));
    tcase_add_test(tests, a_reader_that_is_killed_is_our_failure);
    tcase_add_test(tests, an_ordinary_user_grades_too);
    return run_suite(suite);
}
