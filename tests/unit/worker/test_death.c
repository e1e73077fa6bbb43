/* SPDX-License-Identifier: Apache-2.0 */
/* Workers killed at random moments leave no process, no mount and no file. (Empty cgroups of the dead are swept by the
 * next client: the sandbox's own tests look at that.) */
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/jobs.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/socket.h>

static const char slow_rubric[] =
    "rubric: r\ntitle: R\nitems:\n"
    "  - {id: a, points: 1, title: T, passes: p, check: {run: {command: \"sleep 1000 & sleep 1000 & sleep 1000\"}}}\n";

typedef struct {
    Process process;
    int fd;
} Victim;

/* As worker_start, but with the process in hand. */
static Victim start_victim(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *program = process_own_program("rubric-worker", &error);
    ck_assert_msg(program != NULL, "%s", error ? error->message : "");
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const char *const argv[] = {program, NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.extra_fd = pair[1];
    Victim victim = {.fd = pair[0]};
    ck_assert(process_start(&spec, &victim.process, &error));
    g_close(pair[1], NULL);
    return victim;
}

static void send_job(const Victim *victim, const WorkerJob *job)
{
    g_autoptr(cJSON) json = worker_job_to_json(job);
    g_autofree char *text = json_print(json);
    frame_send(victim->fd, text, strlen(text), NULL);
}

static char *mounts_now(void)
{
    char *text = NULL;
    ck_assert(g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL));
    return text;
}

static unsigned n_found;

static int count_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    n_found++;
    return 0;
}

/* Entries below a folder; nftw has no argument to count in. */
static unsigned count_below(const char *path)
{
    const int max_open_folders = 8;
    n_found = 0;
    nftw(path, count_entry, max_open_folders, FTW_PHYS);
    return n_found;
}

/* All orphans come to us: waits till there is none left. */
static void assert_no_process_is_left(void)
{
    const gint64 patience_us = 20 * CLOCK_SECOND_US;
    gint64 deadline_us = clock_monotonic_us() + patience_us;
    while (waitpid(-1, NULL, WNOHANG) >= 0) {
        ck_assert_msg(clock_monotonic_us() < deadline_us, "a process outlived its worker");
        g_usleep(1000);
    }
}

START_TEST(a_killed_worker_leaves_nothing)
{
    enum { N_VICTIMS = 60, MAX_DELAY_US = 80000 };
    guint32 seed = g_random_int();
    printf("seed %u\n", seed);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    g_auto(TestCourse) course = course_with(slow_rubric);
    g_autofree char *text = g_strnfill(3 << 20, 'x');
    g_autoptr(WorkerJob) job = job_of_archive(
        &course, make_archive(archive_write_set_format_gnutar, archive_write_add_filter_gzip, NULL,
                              (Entry[]){{.name = "a", .text = text}, {.name = "b/c", .text = "x"}, {0}}));
    job->unpack.ratio = 100000;
    g_autofree char *temporary = g_build_filename(course.folder, "tmp", NULL);
    g_mkdir(temporary, 0777);
    g_setenv("TMPDIR", temporary, TRUE);
    g_autofree char *mounts = mounts_now();
    unsigned n_boot = count_below("/boot");

    for (int i = 0; i < N_VICTIMS; i++) {
        Victim victim = start_victim();
        send_job(&victim, job);
        g_usleep((gulong)g_rand_int_range(random, 0, MAX_DELAY_US));
        kill(victim.process.pid, SIGKILL); /* it alone: its children must notice by themselves */
        process_wait(&victim.process, -1, NULL, NULL);
        g_close(victim.fd, NULL);
    }
    assert_no_process_is_left();
    g_autofree char *mounts_after = mounts_now();
    ck_assert_str_eq(mounts, mounts_after);
    ck_assert_uint_eq(count_below(temporary), 1);
    ck_assert_uint_eq(count_below("/boot"), n_boot);
}
END_TEST

START_TEST(a_worker_whose_client_is_gone_stops)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    g_auto(TestCourse) course = course_with(slow_rubric);
    g_autoptr(WorkerJob) job = job_of_archive(&course, make_zip((Entry[]){{.name = "a", .text = "x"}, {0}}));
    Victim victim = start_victim();
    send_job(&victim, job);
    g_close(victim.fd, NULL);
    const gint64 patience_ms = 20000;
    ck_assert(process_wait(&victim.process, patience_ms, NULL, NULL));
    assert_no_process_is_left();
}
END_TEST

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    Suite *suite = suite_create("death");
    TCase *tests = tcase_create("death");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, a_killed_worker_leaves_nothing);
    tcase_add_test(tests, a_worker_whose_client_is_gone_stops);
    return run_suite(suite);
}
