/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client, its keeper, a monitor, or a box's init is killed at a random moment, or client and monitor at once;
 * nothing may stay: no process at all (we are the subreaper of everything that starts here), no control group, no
 * mount, no file. The seed is printed; RUBRIC_SEED sets it, RUBRIC_ROUNDS the number of moments.
 */
#include "tests/unit/sandbox/box_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ROUNDS = 150, SHORTEST_US = 100, DOUBLINGS = 11, BOXES = 3, PATIENCE_S = 20 };

typedef enum { VICTIM_CLIENT, VICTIM_KEEPER, VICTIM_MONITOR, VICTIM_INIT, VICTIM_BOTH, N_VICTIMS } Victim;

static const char *const victim_names[] = {"client", "keeper", "monitor", "init", "client and monitor"};

static int count_rounds(void)
{
    const char *given = g_getenv("RUBRIC_ROUNDS");
    return given ? atoi(given) : ROUNDS;
}

/* ---- what is killed -----------------------------------------------------------------------------------------------
 */

/* Boxes with processes in sessions of their own, which would sleep for long, and files in the workspace. */
static _Noreturn void be_client(const char *workspace)
{
    const char *const argv[] = {
        "sh", "-c", "echo x > /work/x; sleep 61 & setsid sleep 61 & setsid setsid sleep 61 & sleep 61", NULL};
    BoxClient *client = testing_try_client();
    int r = client ? 0 : -1;
    for (int i = 0; client && i < BOXES; i++) {
        BoxSpec spec = testing_spec(argv);
        spec.workspace = workspace;
        spec.limits.wall_ms = 30;
        BoxResult result = {0};
        r = box_run(client, &spec, -1, &result);
        box_result_clear(&result);
    }
    box_client_free(client);
    _exit(r == 0 ? 0 : 1);
}

typedef struct {
    pid_t pid, parent;
    char name[32];
} Running;

static bool read_process(const char *pid, Running *ret)
{
    g_autofree char *path = g_build_filename("/proc", pid, "stat", NULL);
    g_autofree char *text = NULL;
    int parent;
    if (!g_file_get_contents(path, &text, NULL, NULL) || sscanf(text, "%*d (%31[^)]) %*c %d", ret->name, &parent) != 2)
        return false;
    ret->pid = atoi(pid);
    ret->parent = parent;
    return true;
}

static GArray *list_processes(void)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Running));
    g_autoptr(GDir) entries = g_dir_open("/proc", 0, NULL);
    for (const char *name = g_dir_read_name(entries); name; name = g_dir_read_name(entries)) {
        Running process;
        if (g_ascii_isdigit(name[0]) && read_process(name, &process))
            g_array_append_val(list, process);
    }
    return list;
}

/* A random child of `parent`, whose name tells what it is where `name` is given; 0 if there is none (yet). */
static pid_t find_child(const GArray *list, pid_t parent, const char *name, GRand *random)
{
    pid_t found = 0;
    for (guint i = 0, n = 0; parent > 0 && i < list->len; i++) {
        const Running *process = &g_array_index(list, Running, i);
        if (process->parent == parent && (!name || strcmp(process->name, name) == 0) &&
            g_rand_int_range(random, 0, (gint32)++n) == 0)
            found = process->pid;
    }
    return found;
}

static pid_t find_victim(Victim victim, pid_t client, GRand *random)
{
    g_autoptr(GArray) list = list_processes();
    pid_t keeper = find_child(list, client, "rubric-keeper", random);
    pid_t monitor = find_child(list, keeper ? keeper : client, NULL, random);
    switch (victim) {
    case VICTIM_KEEPER:
        return keeper;
    case VICTIM_MONITOR:
    case VICTIM_BOTH:
        return monitor;
    case VICTIM_INIT:
        return find_child(list, monitor, NULL, random);
    default:
        return client;
    }
}

static void kill_victim(Victim victim, pid_t client, GRand *random)
{
    if (victim == VICTIM_BOTH)
        kill(client, SIGSTOP);
    pid_t pid = find_victim(victim, client, random);
    if (pid > 0)
        kill(pid, SIGKILL);
    if (victim == VICTIM_BOTH)
        kill(client, SIGKILL);
}

/* ---- what may stay: nothing ---------------------------------------------------------------------------------------
 */

static size_t count_mounts(void)
{
    g_autofree char *text = NULL;
    size_t n = 0;
    ck_assert(g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL));
    for (const char *at = text; *at; at++)
        n += *at == '\n';
    return n;
}

/* All that had to be reaped is; whoever is orphaned becomes our child. */
static bool is_childless(void)
{
    pid_t pid;
    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid < 0 && errno == ECHILD;
}

static bool is_empty(const char *folder)
{
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    return entries && !g_dir_read_name(entries);
}

/* What both leave when they die at once, the next client takes away. */
static char *find_group(Victim victim, pid_t client, gint64 since_us)
{
    char *group = testing_find_group("/sys/fs/cgroup", client, since_us, 8);
    if (group && victim == VICTIM_BOTH)
        box_client_free(testing_try_client());
    return group;
}

static void assert_nothing_left(Victim victim, pid_t client, gint64 since_us, const char *workspace, int round)
{
    const gint64 deadline_us = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;
    g_autofree char *left = g_strdup("?");
    while (left && g_get_monotonic_time() < deadline_us) {
        g_free(left);
        left = is_childless() ? find_group(victim, client, since_us) : g_strdup("a process");
        if (left)
            g_usleep(1000);
    }
    ck_assert_msg(!left, "%s killed, round %d: %s is left", victim_names[victim], round, left);
    ck_assert_msg(is_empty(workspace), "%s killed, round %d: a file is left", victim_names[victim], round);
}

/* From 0.1 ms to 0.2 s, each power of two as likely as another. */
static gulong random_moment_us(GRand *random)
{
    gint32 base = SHORTEST_US << g_rand_int_range(random, 0, DOUBLINGS);
    return (gulong)g_rand_int_range(random, base, 2 * base);
}

START_TEST(nothing_stays_whoever_is_killed_whenever)
{
    GRand *random = g_rand_new_with_seed((guint32)_i);
    BoxClient *owner = testing_client();
    g_autofree char *workspace = testing_workspace(owner);
    box_client_free(owner);
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    size_t n_mounts = count_mounts();
    int n_rounds = count_rounds();
    for (int round = 0; round < n_rounds; round++) {
        Victim victim = (Victim)g_rand_int_range(random, 0, N_VICTIMS);
        gint64 since_us = g_get_real_time();
        pid_t client = fork();
        if (client == 0)
            be_client(workspace);
        g_usleep(random_moment_us(random));
        kill_victim(victim, client, random);
        int status;
        ck_assert_int_eq(waitpid(client, &status, 0), client);
        bool is_killed = victim == VICTIM_CLIENT || victim == VICTIM_BOTH;
        ck_assert_msg(is_killed || (WIFEXITED(status) && WEXITSTATUS(status) <= 1),
                      "the client died with its %s in round %d", victim_names[victim], round);
        assert_nothing_left(victim, client, since_us, workspace, round);
    }
    /* Fewer there may be: one whose folder somebody else on this machine removes is gone for all. */
    ck_assert_uint_le(count_mounts(), n_mounts);
    ck_assert_int_eq(rmdir(workspace), 0);
    g_rand_free(random);
}
END_TEST

/* A mount tree of our own that a box's mount could spread to, and that nobody else on the machine changes. */
static void own_mounts(void)
{
    if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0) {
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
    }
}

int main(void)
{
    if (!testing_can_box())
        return 0;
    own_mounts();
    const char *given = g_getenv("RUBRIC_SEED");
    int seed = given ? atoi(given) : (int)(g_get_real_time() / 1000 % 1000000);
    printf("%d moments, seed %d (RUBRIC_SEED=%d runs them again)\n", count_rounds(), seed, seed);
    fflush(stdout);
    TCase *tests = tcase_create("survival");
    tcase_set_timeout(tests, 100 + 2 * count_rounds());
    tcase_add_loop_test(tests, nothing_stays_whoever_is_killed_whenever, seed, seed + 1);
    Suite *suite = suite_create("sandbox/survival");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
