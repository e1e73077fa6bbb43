/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight processes hand in for one team at once, and are killed at any instruction and started again: each submission is
 * there once and costs what the fold says. $RUBRIC_SPENDINGS: how many (default 160).
 */
#include "tests/unit/tokens/fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_PROCESSES = 8, DEFAULT_SPENDINGS = 160 };

static char *folder, *store_path;

static void setup(void)
{
    fixture_course();
    folder = g_dir_make_tmp("rubric-spending-XXXXXX", NULL);
    store_path = g_build_filename(folder, "s.db", NULL);
    policy->banks[OWNER_TEAM].pool_milli = 50000;
    g_autoptr(Store) store = store_open(store_path, NULL);
    ck_assert_ptr_nonnull(store);
}

static void teardown(void)
{
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(store_path);
    fixture_course_free();
}

static bool spend_once(Store *store, int number, GError **error)
{
    static const char *const milestones[] = {"p1", "p2", "p3", "p4"};
    g_autofree char *name = g_strdup_printf("n%d", number);
    const char *assignment = milestones[number % 4];
    Submission row = {.assignment = (char *)assignment,
                      .owner_kind = (char *)"team",
                      .owner = (char *)"blue",
                      .source = (char *)"inbox",
                      .external_id = name,
                      .revision = (char *)"r",
                      .received_us = course_assignment(course, assignment)->deadline_us + (number % 90) * CLOCK_HOUR_US,
                      .content_digest = name,
                      .state = SUBMISSION_FETCHED};
    Verdict points = {.points_milli = 80000, .max_milli = 100000};
    bool is_new;
    return store_submission_insert(store, &row, &row.id, &is_new, error) &&
           account_note_submitted(store, &row, error) &&
           (!is_new || account_note_graded(store, course, &row, &points, error)) &&
           account_settle(store, policy, course, "team:blue", NULL, error);
}

static void spend(int process, int n_all)
{
    g_autoptr(Store) store = store_open(store_path, NULL);
    for (int number = process; store && number < n_all; number += N_PROCESSES) {
        bool ok = store_begin(store, NULL) && spend_once(store, number, NULL) && store_commit(store, NULL);
        if (!ok) {
            store_rollback(store);
            number -= N_PROCESSES; /* somebody else wrote too long: again */
        }
    }
    _exit(store ? 0 : 1);
}

static pid_t start(int process, int n_all)
{
    pid_t pid = fork();
    if (pid == 0)
        spend(process, n_all);
    return pid;
}

/* Kills one at random for each three that could end; whoever was killed starts from its beginning. */
static unsigned run_all(int n_all, GRand *random)
{
    pid_t pids[N_PROCESSES];
    unsigned n_kills = 0, n_running = N_PROCESSES;
    const unsigned max_kills = 30;
    const gulong pause_us = 20000;
    for (int i = 0; i < N_PROCESSES; i++)
        pids[i] = start(i, n_all);
    while (n_running > 0) {
        if (n_kills < max_kills) {
            g_usleep(pause_us);
            int victim = g_rand_int_range(random, 0, N_PROCESSES);
            if (pids[victim] > 0 && kill(pids[victim], SIGKILL) == 0)
                n_kills++;
        }
        int status;
        pid_t ended = waitpid(-1, &status, n_kills < max_kills ? WNOHANG : 0);
        for (int i = 0; ended > 0 && i < N_PROCESSES; i++) {
            if (pids[i] != ended)
                continue;
            bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            pids[i] = is_done ? 0 : start(i, n_all);
            n_running -= is_done;
        }
    }
    return n_kills;
}

START_TEST(eight_processes_and_kills_charge_each_once)
{
    const char *wanted = g_getenv("RUBRIC_SPENDINGS");
    int n_all = wanted ? atoi(wanted) : DEFAULT_SPENDINGS;
    guint32 seed = g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    unsigned n_kills = run_all(n_all, random);
    printf("seed %u: %d submissions by %d processes, %u kills\n", seed, n_all, N_PROCESSES, n_kills);
    fflush(stdout);

    g_autoptr(Store) store = store_open(store_path, NULL);
    g_autoptr(GPtrArray) events = store_event_list(store, "team:blue", NULL);
    g_autoptr(Fold) fold = policy_fold(policy, course, "team:blue", events);
    ck_assert_int_eq(fold->decisions->len, n_all);
    gint64 booked_milli, n_lines;
    ck_assert_good(store_ledger_balance(store, "team:blue", &booked_milli, error));
    ck_assert_int_eq(booked_milli, fold->balance_milli);
    ck_assert_int_ge(booked_milli, 0);
    ck_assert_good(ledger_verify(store, &n_lines, NULL, error));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("spending");
    const double timeout_s = 3600;
    tcase_set_timeout(tcase, timeout_s);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, eight_processes_and_kills_charge_each_once);
    return fixture_main(tcase, "spending at once");
}
