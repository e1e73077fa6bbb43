/* SPDX-License-Identifier: Apache-2.0 */
/* rubric-box and its client are killed at random moments; nothing may stay. The seed is printed; RUBRIC_SEED sets it.
 */
#include "tests/unit/sandbox/box_testing.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { ROUNDS = 100, LONGEST_US = 12000 };

/* An argument that nobody else's `sleep` has. */
static char *make_mark(int round)
{
    return g_strdup_printf("31.%d%03d", (int)getpid(), round);
}

/* A box with processes in sessions of their own, which would sleep for long. */
static int run_sleepers(BoxClient *client, const char *mark)
{
    g_autofree char *script =
        g_strdup_printf("sleep %s & setsid sleep %s & setsid setsid sleep %s & sleep %s", mark, mark, mark, mark);
    const char *const argv[] = {"sh", "-c", script, NULL};
    BoxSpec spec = testing_spec(argv);
    spec.limits.wall_ms = 100;
    BoxResult result = {0};
    int r = box_run(client, &spec, -1, &result);
    box_result_clear(&result);
    return r;
}

/* The rubric-box that is the child of `parent`; 0 if there is none (yet). */
static pid_t find_child(pid_t parent)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "re");
    int child = 0;
    if (file && fscanf(file, "%d", &child) != 1)
        child = 0;
    if (file)
        fclose(file);
    return child;
}

static void assert_nothing_left(pid_t owner, const char *mark, const char *what, int round)
{
    g_autofree char *prefix = g_strdup_printf("box-%d-", (int)owner);
    const gint64 deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    bool is_clean = false;
    while (!is_clean && g_get_monotonic_time() < deadline_us) {
        is_clean = testing_count_commands(mark) == 0 && !testing_has_group("/sys/fs/cgroup", prefix, 6);
        if (!is_clean)
            g_usleep(2000);
    }
    ck_assert_msg(is_clean, "%s killed, round %d: %d processes and %s control group left", what, round,
                  testing_count_commands(mark), testing_has_group("/sys/fs/cgroup", prefix, 6) ? "a" : "no");
}

static pid_t start_client(const char *mark)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    BoxClient *client = testing_try_client();
    int r = client ? run_sleepers(client, mark) : -1;
    box_client_free(client);
    _exit(r == 0 ? 0 : 1);
}

START_TEST(a_killed_box_leaves_nothing_and_its_client_lives)
{
    GRand *random = g_rand_new_with_seed((guint32)_i);
    for (int round = 0; round < ROUNDS; round++) {
        g_autofree char *mark = make_mark(round);
        pid_t client = start_client(mark);
        g_usleep((gulong)g_rand_int_range(random, 0, LONGEST_US));
        pid_t box = find_child(client);
        if (box > 0)
            kill(box, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(client, &status, 0), client);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "the client died with its box in round %d", round);
        assert_nothing_left(client, mark, "box", round);
    }
    g_rand_free(random);
}
END_TEST

START_TEST(a_killed_client_leaves_nothing)
{
    GRand *random = g_rand_new_with_seed((guint32)_i);
    for (int round = 0; round < ROUNDS; round++) {
        g_autofree char *mark = make_mark(round);
        pid_t client = start_client(mark);
        g_usleep((gulong)g_rand_int_range(random, 0, LONGEST_US));
        kill(client, SIGKILL);
        ck_assert_int_eq(waitpid(client, NULL, 0), client);
        assert_nothing_left(client, mark, "client", round);
    }
    g_rand_free(random);
}
END_TEST

/* The box's init may take a moment to die, and holds its group as long. */
static void sweep_until_clean(pid_t owner)
{
    g_autofree char *prefix = g_strdup_printf("box-%d-", (int)owner);
    const gint64 deadline_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;
    do {
        BoxClient *next = testing_client();
        box_client_free(next);
    } while (testing_has_group("/sys/fs/cgroup", prefix, 6) && g_get_monotonic_time() < deadline_us);
}

START_TEST(the_next_client_sweeps_after_both_were_killed)
{
    GRand *random = g_rand_new_with_seed((guint32)_i);
    for (int round = 0; round < ROUNDS / 5; round++) {
        g_autofree char *mark = make_mark(round);
        pid_t client = start_client(mark);
        g_usleep((gulong)g_rand_int_range(random, 0, LONGEST_US));
        pid_t box = find_child(client);
        kill(client, SIGSTOP);
        if (box > 0)
            kill(box, SIGKILL);
        kill(client, SIGKILL);
        ck_assert_int_eq(waitpid(client, NULL, 0), client);
        sweep_until_clean(client);
        assert_nothing_left(client, mark, "box and client", round);
    }
    g_rand_free(random);
}
END_TEST

int main(void)
{
    if (!testing_can_box())
        return 0;
    const char *given = g_getenv("RUBRIC_SEED");
    int seed = given ? atoi(given) : (int)(g_get_real_time() / 1000 % 1000000);
    printf("seed %d (RUBRIC_SEED=%d runs it again)\n", seed, seed);
    fflush(stdout);
    TCase *tests = tcase_create("survival");
    tcase_set_timeout(tests, 110);
    tcase_add_loop_test(tests, a_killed_box_leaves_nothing_and_its_client_lives, seed, seed + 1);
    tcase_add_loop_test(tests, a_killed_client_leaves_nothing, seed, seed + 1);
    tcase_add_loop_test(tests, the_next_client_sweeps_after_both_were_killed, seed, seed + 1);
    Suite *suite = suite_create("sandbox/survival");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
