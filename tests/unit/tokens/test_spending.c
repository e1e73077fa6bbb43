/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight processes hand in for one team at once, and are killed at random moments and started again: each submission is
 * there once and costs what the fold says. $RUBRIC_SPENDINGS: how many (default 160); $RUBRIC_SEED: of the moments.
 */
#include "tests/unit/tokens/fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_PROCESSES = 8, DEFAULT_SPENDINGS = 160 };

/* Shared by all processes: what each of them knows to be committed, so that a successor need not begin from nothing.
 * One that is killed between its commit and this does its last one again. */
typedef struct {
    atomic_int next[N_PROCESSES];
    atomic_int n_committed;
} Progress;

static char *folder, *store_path;
static Progress *progress;

static void setup(void)
{
    fixture_course();
    folder = g_dir_make_tmp("rubric-spending-XXXXXX", NULL);
    store_path = g_build_filename(folder, "s.db", NULL);
    policy->banks[OWNER_TEAM].pool_milli = 50000;
    g_autoptr(Store) store = store_open(store_path, NULL);
    ck_assert_ptr_nonnull(store);
    progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(progress != MAP_FAILED);
}

static void teardown(void)
{
    munmap(progress, sizeof *progress);
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
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
    g_autoptr(Store) store = store_open(store_path, NULL);
    for (int number = atomic_load(&progress->next[process]); store && number < n_all;) {
        if (!store_begin(store, NULL) || !spend_once(store, number, NULL) || !store_commit(store, NULL)) {
            store_rollback(store); /* somebody else wrote too long: again */
            continue;
        }
        number += N_PROCESSES;
        atomic_store(&progress->next[process], number);
        atomic_fetch_add(&progress->n_committed, 1);
    }
    _exit(store ? 0 : 1);
}

static pid_t start(int process, int n_all)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        spend(process, n_all);
    return pid;
}

/* Starts again whoever was killed. *n_running falls as they come to their ends. */
static void reap(pid_t *pids, int n_all, unsigned *n_running)
{
    int status;
    for (pid_t ended = waitpid(-1, &status, WNOHANG); ended > 0; ended = waitpid(-1, &status, WNOHANG)) {
        int process = 0;
        while (process < N_PROCESSES - 1 && pids[process] != ended)
            process++;
        bool is_done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        pids[process] = is_done ? 0 : start(process, n_all);
        *n_running -= is_done;
    }
}

/* Kills one at random after a random while, again and again until all is done; but never more often than something was
 * committed, so that they come to an end on a machine of any speed. */
static unsigned run_all(int n_all, GRand *random, unsigned *ret_n_kills_by_tenth)
{
    pid_t pids[N_PROCESSES];
    unsigned n_kills = 0, n_running = N_PROCESSES;
    int n_committed_at_kill = 0;
    const gint32 longest_us = 20000;
    for (int i = 0; i < N_PROCESSES; i++) {
        atomic_store(&progress->next[i], i);
        pids[i] = start(i, n_all);
    }
    while (n_running > 0) {
        g_usleep((gulong)g_rand_int_range(random, 0, longest_us));
        int victim = g_rand_int_range(random, 0, N_PROCESSES);
        int n_committed = atomic_load(&progress->n_committed);
        if (pids[victim] > 0 && n_committed > n_committed_at_kill && kill(pids[victim], SIGKILL) == 0) {
            n_kills++;
            n_committed_at_kill = n_committed;
            ret_n_kills_by_tenth[MIN(10 * n_committed / n_all, 9)]++;
        }
        reap(pids, n_all, &n_running);
    }
    return n_kills;
}

/* What the ledger took for each submission is what its decision says. */
static void check_charges(Store *store, const Fold *fold)
{
    g_autoptr(GHashTable) charged = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    g_autoptr(GPtrArray) lines = store_ledger_list(store, "team:blue", 0, 0, NULL);
    for (guint i = 0; i < lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(lines, i);
        gint64 *sum = g_hash_table_lookup(charged, &line->submission_id);
        if (!sum) {
            sum = g_new0(gint64, 1);
            g_hash_table_insert(charged, g_memdup2(&line->submission_id, sizeof line->submission_id), sum);
        }
        *sum -= line->amount_milli;
    }
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        const gint64 *sum = g_hash_table_lookup(charged, &decision->submission_id);
        ck_assert_int_eq(sum ? *sum : 0, decision->tokens_milli);
    }
}

START_TEST(eight_processes_and_kills_charge_each_once)
{
    const char *wanted = g_getenv("RUBRIC_SPENDINGS");
    int n_all = wanted ? atoi(wanted) : DEFAULT_SPENDINGS;
    const char *wanted_seed = g_getenv("RUBRIC_SEED");
    guint32 seed = wanted_seed ? (guint32)g_ascii_strtoull(wanted_seed, NULL, 10) : g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    unsigned by_tenth[10] = {0};
    unsigned n_kills = run_all(n_all, random, by_tenth);
    printf("seed %u: %d submissions by %d processes, %u kills; by tenths of the work:", seed, n_all, N_PROCESSES,
           n_kills);
    for (gsize i = 0; i < G_N_ELEMENTS(by_tenth); i++)
        printf(" %u", by_tenth[i]);
    puts("");
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
    check_charges(store, fold);
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
