/* SPDX-License-Identifier: Apache-2.0 */
/* Real workers, from the job to the report. */
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/jobs.h"
#include "tests/unit/worker/repository.h"

#include <stdlib.h>

static const char has_file[] =
    "rubric: r\n"
    "title: R\n"
    "items:\n"
    "  - {id: there, points: 1, title: It is there, passes: p, check: {files: {present: a.txt}}}\n"
    "  - {id: runs, points: 1, title: It runs, passes: p, needs: [there], check: {run: {command: cat a.txt}}}\n"
    "  - {id: last, points: 1, title: The last, passes: p, needs: [runs], visible: staff, check: {files: {present: "
    "a.txt}}}\n";

START_TEST(an_archive_is_unpacked_and_checked)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(WorkerReport) report =
        run_good_job(job_of_archive(&course, make_zip((Entry[]){{.name = "root/a.txt", .text = "a"}, {0}})));
    ck_assert_int_eq(outcome_of(report, "there"), FINDING_PASS);
    ck_assert_int_eq(outcome_of(report, "runs"), FINDING_PASS);
    ck_assert_int_eq(outcome_of(report, "last"), FINDING_PASS);
    ck_assert_uint_eq(report->n_boxes, 1);
    ck_assert(g_str_has_prefix(report->image_digest, "host:sha256:"));
    ck_assert(g_str_has_prefix(report->rubric_digest, "sha256:"));
    ck_assert_int_gt(report->box_us, 0);
    ck_assert_int_gt(report->unpack_us, 0);
    ck_assert_int_ge(report->checks_us, report->box_us);
}
END_TEST

START_TEST(what_needs_a_failed_item_is_skipped_and_says_which)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(WorkerReport) report =
        run_good_job(job_of_archive(&course, make_zip((Entry[]){{.name = "b.txt", .text = "a"}, {0}})));
    ck_assert_int_eq(outcome_of(report, "there"), FINDING_FAIL);
    ck_assert_int_eq(outcome_of(report, "runs"), FINDING_SKIPPED);
    ck_assert_int_eq(outcome_of(report, "last"), FINDING_SKIPPED);
    ck_assert_ptr_nonnull(find_message(report->findings, "because \"It is there\" did not pass"));
    ck_assert_uint_eq(report->n_boxes, 0);
}
END_TEST

START_TEST(a_failed_check_of_an_item_that_a_ta_judges_blocks_nobody)
{
    g_auto(TestCourse) course =
        course_with("rubric: r\ntitle: R\nitems:\n"
                    "  - {id: seen, points: 1, title: T, passes: p, judge: ta, check: {files: {present: nowhere}}}\n"
                    "  - {id: next, points: 1, title: T, passes: p, needs: [seen], check: {files: {present: a}}}\n");
    g_autoptr(WorkerReport) report =
        run_good_job(job_of_archive(&course, make_zip((Entry[]){{.name = "a", .text = "a"}, {0}})));
    ck_assert_int_eq(outcome_of(report, "seen"), FINDING_FAIL);
    ck_assert_int_eq(outcome_of(report, "next"), FINDING_PASS);
}
END_TEST

START_TEST(what_needs_an_item_that_could_not_be_checked_is_skipped)
{
    g_auto(TestCourse) course = course_with(
        "rubric: r\ntitle: R\nitems:\n"
        "  - {id: odd, points: 1, title: Odd, passes: p, check: {run: {command: [cat, \"{submission.id}\"]}}}\n"
        "  - {id: next, points: 1, title: T, passes: p, needs: [odd], check: {files: {present: a}}}\n");
    g_autoptr(WorkerReport) report =
        run_good_job(job_of_archive(&course, make_zip((Entry[]){{.name = "a", .text = "a"}, {0}})));
    ck_assert_int_eq(outcome_of(report, "odd"), FINDING_ERROR);
    ck_assert_int_eq(outcome_of(report, "next"), FINDING_SKIPPED);
    ck_assert_ptr_nonnull(find_message(report->findings, "because \"Odd\" could not be checked"));
}
END_TEST

START_TEST(a_public_run_leaves_out_hidden_items)
{
    g_auto(TestCourse) course = course_with(has_file);
    WorkerJob *job = job_of_archive(&course, make_zip((Entry[]){{.name = "a.txt", .text = "a"}, {0}}));
    job->public_only = true;
    g_autoptr(WorkerReport) report = run_good_job(job);
    ck_assert_int_eq(outcome_of(report, "runs"), FINDING_PASS);
    ck_assert_int_eq(outcome_of(report, "last"), -1);
}
END_TEST

START_TEST(a_hostile_archive_fails_and_nothing_is_checked)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(WorkerReport) report = run_good_job(job_of_archive(
        &course, make_tar((Entry[]){{.name = "a.txt", .text = "a"}, {.name = "../evil", .text = "e"}, {0}})));
    ck_assert_uint_eq(report->findings->len, 1);
    const Finding *finding = g_ptr_array_index(report->findings, 0);
    ck_assert_str_eq(finding->item, "submission");
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
}
END_TEST

START_TEST(a_folder_is_graded)
{
    g_auto(TestCourse) course = course_with(has_file);
    write_file(course.folder, "work/a.txt", "a", 1);
    g_autofree char *path = g_build_filename(course.folder, "work", NULL);
    g_autoptr(WorkerReport) report = run_good_job(job_in(&course, CONTENT_FOLDER, path));
    ck_assert_int_eq(outcome_of(report, "last"), FINDING_PASS);
}
END_TEST

START_TEST(a_folder_that_is_too_large_fails)
{
    g_auto(TestCourse) course = course_with(has_file);
    write_file(course.folder, "work/a.txt", "0123456789", 10);
    g_autofree char *path = g_build_filename(course.folder, "work", NULL);
    WorkerJob *job = job_in(&course, CONTENT_FOLDER, path);
    job->unpack.total_bytes = 5;
    g_autoptr(WorkerReport) report = run_good_job(job);
    ck_assert_uint_eq(count_outcome(report->findings, FINDING_FAIL), 1);
}
END_TEST

START_TEST(a_commit_is_graded)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_auto(TestRepositoryAuto) made = repository_new();
    g_autofree char *commit =
        add_commit_of(&made, add_tree_of(&made, (TreeLine[]){{"100644", "a.txt", add_blob_text(&made, "a")}}, 1));
    WorkerJob *job = job_in(&course, CONTENT_GIT, made.path);
    job->git_commit = g_strdup(commit);
    job->git_refs = g_strsplit("refs/heads/main refs/tags/t", " ", -1);
    g_autoptr(WorkerReport) report = run_good_job(job);
    ck_assert_int_eq(outcome_of(report, "last"), FINDING_PASS);
}
END_TEST

/* ---- our failures
 * ------------------------------------------------------------------------------------------------------ */

START_TEST(a_commit_that_is_not_there_is_an_error)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_auto(TestRepositoryAuto) made = repository_new();
    WorkerJob *job = job_in(&course, CONTENT_GIT, made.path);
    job->git_commit = g_strdup("0123456789012345678901234567890123456789");
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(run_job(job, &error));
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND), "%s", error->message);
}
END_TEST

START_TEST(content_that_is_not_there_is_an_error)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(run_job(job_in(&course, CONTENT_ARCHIVE, "/nowhere/at/all"), &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND));
}
END_TEST

START_TEST(a_rubric_with_mistakes_is_an_invalid_job)
{
    g_auto(TestCourse) course = course_with("rubric: r\nitmes: []\n");
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(run_job(job_in(&course, CONTENT_FOLDER, course.folder), &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    ck_assert_msg(strstr(error->message, "itmes"), "%s", error->message);
}
END_TEST

START_TEST(a_course_below_the_workspaces_mount_point_is_refused)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(run_job(job_in(&course, CONTENT_ARCHIVE, "/boot/content.zip"), &error));
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID) && strstr(error->message, "/boot"), "%s",
                  error->message);
}
END_TEST

START_TEST(an_unknown_time_zone_is_an_invalid_job)
{
    g_auto(TestCourse) course = course_with(has_file);
    WorkerJob *job = job_in(&course, CONTENT_FOLDER, course.folder);
    g_free(job->zone_name);
    job->zone_name = g_strdup("Mars/Olympus");
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(run_job(job, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
}
END_TEST

START_TEST(a_worker_that_is_too_slow_is_given_up)
{
    g_auto(TestCourse) course =
        course_with("rubric: r\ntitle: R\nitems:\n"
                    "  - {id: a, points: 1, title: T, passes: p, check: {run: {command: sleep 50}}}\n");
    g_autoptr(WorkerJob) job = job_of_archive(&course, make_zip((Entry[]){{.name = "a.txt", .text = "a"}, {0}}));
    g_autoptr(GError) error = NULL;
    g_autoptr(Worker) worker = worker_start(&error);
    const gint64 timeout_ms = 300;
    ck_assert_ptr_null(worker_run(worker, job, timeout_ms, &error));
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY), "%s", error->message);
}
END_TEST

START_TEST(a_worker_that_died_is_temporary)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autoptr(WorkerJob) job = job_of_archive(&course, make_zip((Entry[]){{.name = "a.txt", .text = "a"}, {0}}));
    g_autoptr(GError) error = NULL;
    g_autoptr(Worker) worker = worker_start(&error);
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
    g_autofree char *children = NULL;
    if (!g_file_get_contents(path, &children, NULL, NULL)) {
        printf("skipped: this kernel does not list children\n");
        return;
    }
    pid_t pid = (pid_t)g_ascii_strtoll(children, NULL, 10);
    ck_assert_int_gt(pid, 0);
    kill(pid, SIGKILL);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    const gint64 timeout_ms = 10000;
    if (_i == 0) {
        ck_assert(!worker_send(worker, job, &error));
    } else {
        ck_assert_ptr_null(worker_receive(worker, timeout_ms, &error));
        ck_assert_msg(strstr(error->message, "killed by signal 9"), "%s", error->message);
    }
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY), "%s", error->message);
}
END_TEST

START_TEST(an_archive_that_takes_too_long_is_the_students)
{
    g_auto(TestCourse) course = course_with(has_file);
    g_autofree char *much = g_strnfill(40 << 20, 'x');
    WorkerJob *job = job_of_archive(&course, make_archive(archive_write_set_format_gnutar, archive_write_add_filter_xz,
                                                          NULL, (Entry[]){{.name = "a.txt~", .text = much}, {0}}));
    job->unpack.wall_ms = 1;
    g_autoptr(WorkerReport) report = run_good_job(job);
    const Finding *finding =
        find_message(report->findings, "the submission could not be read: the reader was stopped after");
    ck_assert_ptr_nonnull(finding);
    ck_assert_int_eq(finding->outcome, FINDING_FAIL);
    ck_assert_ptr_nonnull(finding->suspicion);
}
END_TEST

START_TEST(a_started_worker_that_gets_no_job_goes_away)
{
    g_autoptr(GError) error = NULL;
    Worker *worker = worker_start(&error);
    ck_assert_ptr_nonnull(worker);
    worker_free(worker);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* ---- memory
 * ------------------------------------------------------------------------------------------------------------ */

static int bomb(void)
{
    g_autofree char *zeros = g_strnfill(100 << 20, '0');
    return make_zip((Entry[]){{.name = "bomb", .text = zeros}, {0}});
}

static int many_entries(void)
{
    const guint n = 100000;
    g_autofree Entry *entries = g_new0(Entry, n + 1);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < n; i++) {
        g_ptr_array_add(names, g_strdup_printf("%0200u", i));
        entries[i] = (Entry){.name = g_ptr_array_index(names, i), .text = ""};
    }
    return make_zip(entries);
}

static int large_file(void)
{
    g_autofree char *text = g_malloc0((200 << 20) + 1);
    GRand *random = g_rand_new_with_seed(1);
    for (gsize i = 0; i < 200 << 20; i += 64)
        text[i] = (char)g_rand_int_range(random, 'a', 'z');
    for (gsize i = 0; i < 200 << 20; i++)
        text[i] = text[i] ? text[i] : 'x';
    g_rand_free(random);
    return make_tar((Entry[]){{.name = "a.txt", .text = text}, {0}});
}

static int large_dictionary(void)
{
    return make_archive(archive_write_set_format_gnutar, archive_write_add_filter_xz, "compression-level=9",
                        (Entry[]){{.name = "a.txt", .text = "a"}, {0}});
}

START_TEST(memory_stays_below_256_mb)
{
    static int (*const makers[])(void) = {bomb, many_entries, large_file, large_dictionary};
    const long limit_kb = 256 << 10;
    g_auto(TestCourse) course = course_with(has_file);
    int fd = makers[_i]();
    g_autoptr(WorkerReport) report = run_good_job(job_of_archive(&course, fd));
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("hostile archive %d: at most %ld KiB resident\n", _i, usage.ru_maxrss);
#ifndef __SANITIZE_ADDRESS__
    ck_assert_int_lt(usage.ru_maxrss, limit_kb);
#else
    (void)limit_kb;
#endif
}
END_TEST

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    Suite *suite = suite_create("worker");
    TCase *tests = tcase_create("worker");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, an_archive_is_unpacked_and_checked);
    tcase_add_test(tests, what_needs_a_failed_item_is_skipped_and_says_which);
    tcase_add_test(tests, a_failed_check_of_an_item_that_a_ta_judges_blocks_nobody);
    tcase_add_test(tests, what_needs_an_item_that_could_not_be_checked_is_skipped);
    tcase_add_test(tests, a_public_run_leaves_out_hidden_items);
    tcase_add_test(tests, a_hostile_archive_fails_and_nothing_is_checked);
    tcase_add_test(tests, a_folder_is_graded);
    tcase_add_test(tests, a_folder_that_is_too_large_fails);
    tcase_add_test(tests, a_commit_is_graded);
    tcase_add_test(tests, a_commit_that_is_not_there_is_an_error);
    tcase_add_test(tests, content_that_is_not_there_is_an_error);
    tcase_add_test(tests, a_rubric_with_mistakes_is_an_invalid_job);
    tcase_add_test(tests, a_course_below_the_workspaces_mount_point_is_refused);
    tcase_add_test(tests, an_unknown_time_zone_is_an_invalid_job);
    tcase_add_test(tests, a_worker_that_is_too_slow_is_given_up);
    tcase_add_loop_test(tests, a_worker_that_died_is_temporary, 0, 2);
    tcase_add_test(tests, an_archive_that_takes_too_long_is_the_students);
    tcase_add_test(tests, a_started_worker_that_gets_no_job_goes_away);
    tcase_add_loop_test(tests, memory_stays_below_256_mb, 0, 4);
    return run_suite(suite);
}
