/* SPDX-License-Identifier: Apache-2.0 */
/* Several processes over one store file. */
#include "tests/unit/store/fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_JOBS = 200, N_CLAIMERS = 4 };
static const gint64 lease_us = 60 * CLOCK_SECOND_US;

static void queue_jobs(void)
{
    ck_assert_good(store_begin(store, error));
    for (int i = 0; i < N_JOBS; i++) {
        g_autofree char *owner = g_strdup_printf("t%d", i);
        gint64 id = fixture_submission("m1", owner, 1000 + i, owner);
        ck_assert_good(store_job_enqueue(store, id, G_MAXINT64, "new", NULL, NULL, error));
    }
    ck_assert_good(store_commit(store, error));
}

/* In a child: claims until nothing is left; each outcome is a verdict, committed with the job's end. Exit 0: all well.
 */
static void grade_all(void)
{
    g_autoptr(Store) own = store_open(fixture_path, NULL);
    for (;;) {
        g_autoptr(GradeJob) job = NULL;
        if (!own || !store_job_claim(own, "child", lease_us, &job, NULL))
            _exit(1);
        if (!job)
            _exit(0);
        VerdictRow row = {.submission_id = job->submission_id, .origin = (char *)"grade", .json = (char *)"{}"};
        if (!store_begin(own, NULL) || !store_verdict_insert(own, &row, NULL, NULL) ||
            !store_job_complete(own, job, NULL) || !store_commit(own, NULL))
            _exit(2);
    }
}

/* SQLite must not be carried over a fork: the store is closed meanwhile. */
static pid_t start(void (*work)(void))
{
    g_clear_pointer(&store, store_close);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        work();
        _exit(0);
    }
    return pid;
}

static void reopen(void)
{
    ck_assert_good((store = store_open(fixture_path, error)) != NULL);
}

static int wait_for(pid_t pid)
{
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_each_has_one_verdict(void)
{
    for (gint64 id = 1; id <= N_JOBS; id++) {
        g_autoptr(VerdictRow) verdict = NULL;
        ck_assert_good(store_verdict_latest(store, id, &verdict, error));
        ck_assert_ptr_nonnull(verdict);
        ck_assert_int_eq(verdict->number, 1);
    }
}

START_TEST(four_processes_claim_two_hundred_jobs_each_exactly_once)
{
    queue_jobs();
    pid_t children[N_CLAIMERS];
    for (int i = 0; i < N_CLAIMERS; i++)
        children[i] = start(grade_all);
    for (int i = 0; i < N_CLAIMERS; i++)
        ck_assert_int_eq(wait_for(children[i]), 0);
    reopen();
    assert_each_has_one_verdict();
}
END_TEST

/* Claims one job and dies before the outcome; with `in_transaction` in the midst of it. */
static void die_with_a_claim(bool in_transaction)
{
    g_autoptr(Store) own = store_open(fixture_path, NULL);
    g_autoptr(GradeJob) job = NULL;
    if (!own || !store_job_claim(own, "doomed", lease_us, &job, NULL) || !job)
        _exit(1);
    VerdictRow row = {.submission_id = job->submission_id, .origin = (char *)"grade", .json = (char *)"{}"};
    if (in_transaction && (!store_begin(own, NULL) || !store_verdict_insert(own, &row, NULL, NULL)))
        _exit(1);
    raise(SIGKILL);
}

static void die_after_claim(void)
{
    die_with_a_claim(false);
}

static void die_in_transaction(void)
{
    die_with_a_claim(true);
}

START_TEST(what_killed_claimers_held_is_graded_once_when_their_leases_run_out)
{
    queue_jobs();
    for (int i = 0; i < 8; i++)
        ck_assert(WIFSIGNALED(wait_for(start(i % 2 ? die_after_claim : die_in_transaction))));
    ck_assert_int_eq(wait_for(start(grade_all)), 0);
    reopen();
    gint64 queued, claimed;
    ck_assert_good(store_job_counts(store, &queued, &claimed, error));
    ck_assert_int_eq(queued, 0);
    ck_assert_int_eq(claimed, 8);

    clock_set_offset_us(lease_us + 1); /* the child inherits it */
    ck_assert_int_eq(wait_for(start(grade_all)), 0);
    reopen();
    assert_each_has_one_verdict();
}
END_TEST

static int holder_ready[2], holder_go[2], writer_ready[2];

/* Holds the write lock till told to go on. */
static void hold_lock(void)
{
    char byte;
    g_autoptr(Store) own = store_open(fixture_path, NULL);
    if (!own || !store_begin(own, NULL) || write(holder_ready[1], "x", 1) != 1 || read(holder_go[0], &byte, 1) != 1 ||
        !store_cursor_set(own, "s", "k", "first", NULL) || !store_commit(own, NULL))
        _exit(1);
}

static void write_beside(void)
{
    g_autoptr(Store) own = store_open(fixture_path, NULL);
    if (!own || write(writer_ready[1], "x", 1) != 1 || !store_cursor_set(own, "s", "k", "second", NULL))
        _exit(1);
}

START_TEST(a_held_write_lock_is_waited_for)
{
    char byte;
    ck_assert(pipe(holder_ready) == 0 && pipe(holder_go) == 0 && pipe(writer_ready) == 0);
    pid_t holder = start(hold_lock);
    ck_assert_int_eq(read(holder_ready[0], &byte, 1), 1);
    pid_t writer = start(write_beside);
    ck_assert_int_eq(read(writer_ready[0], &byte, 1), 1);
    ck_assert_int_eq(write(holder_go[1], "x", 1), 1);
    ck_assert_int_eq(wait_for(holder), 0);
    ck_assert_int_eq(wait_for(writer), 0);
    reopen();
    g_autofree char *json = NULL;
    ck_assert_good(store_cursor_get(store, "s", "k", &json, error));
    ck_assert_str_eq(json, "second");
}
END_TEST

static void open_new(void)
{
    g_autofree char *path = g_build_filename(fixture_folder, "new.db", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(Store) own = store_open(path, &error);
    if (!own) {
        fprintf(stderr, "%s\n", error->message);
        _exit(1);
    }
}

START_TEST(eight_processes_open_a_new_store_at_once)
{
    pid_t children[8];
    for (gsize i = 0; i < G_N_ELEMENTS(children); i++)
        children[i] = start(open_new);
    for (gsize i = 0; i < G_N_ELEMENTS(children); i++)
        ck_assert_int_eq(wait_for(children[i]), 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("claims");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, four_processes_claim_two_hundred_jobs_each_exactly_once);
    tcase_add_test(tcase, what_killed_claimers_held_is_graded_once_when_their_leases_run_out);
    tcase_add_test(tcase, a_held_write_lock_is_waited_for);
    tcase_add_test(tcase, eight_processes_open_a_new_store_at_once);
    return fixture_main(tcase, "store claims");
}
