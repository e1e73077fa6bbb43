/* SPDX-License-Identifier: Apache-2.0 */
/* What a box costs: /bin/true by posix_spawn, in boxes and by other sandboxes, in turns, so that all see the same
 * machine. bench-box [ROUNDS [--growth]] */
#include "sandbox/sandbox.h"
#include "tests/bench/peers.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between rows, so that none is timed while the last box is being cleared away or the next one prepared. */
enum { DEFAULT_PAIRS = 300, LARGEST = 100000, PAUSE_US = 5000 };

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t time_spawn(void)
{
    char *const argv[] = {(char *)"/bin/true", NULL};
    char *const env[] = {NULL};
    pid_t pid;
    int status;
    int64_t start_us = now_us();
    if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, env) != 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return now_us() - start_us;
}

static int64_t time_box(BoxClient *client, const char *workspace)
{
    const char *const argv[] = {"/bin/true", NULL};
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = argv;
    spec.workspace = workspace;
    spec.accept_missing = ~0U;
    BoxResult result = {0};
    int64_t start_us = now_us();
    int r = box_run(client, &spec, -1, &result);
    int64_t took_us = now_us() - start_us;
    bool is_good = r == 0 && result.status.end == BOX_END_EXITED;
    if (!is_good)
        fprintf(stderr, "bench-box: %s\n", r < 0 ? strerror(-r) : result.status.message);
    box_result_clear(&result);
    return is_good ? took_us : -1;
}

static BoxClient *new_client(const char *program, BoxMode mode)
{
    BoxClient *client = NULL;
    if (box_client_new(program, NULL, &client) == 0)
        box_client_set_mode(client, mode);
    return client;
}

static int64_t print_row(const char *name, int64_t *times, int n, int64_t base_us)
{
    qsort(times, (size_t)n, sizeof *times, compare);
    int64_t median_us = times[n / 2];
    printf("%-28s median %6lld us   p95 %6lld us   ratio %.2f\n", name, (long long)median_us,
           (long long)times[n * 95 / 100], base_us ? (double)median_us / (double)base_us : 1.0);
    return median_us;
}

/* ---- processor time and rates
 * ---------------------------------------------------------------------------------------------- */

static int64_t children_cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/* Machines are noisy and clocks lie then; processor time lies less. */
static bool print_cpu(const char *program, int n)
{
    int64_t before_us = children_cpu_us();
    for (int i = 0; i < n; i++) {
        if (time_spawn() < 0)
            return false;
    }
    double base_us = (double)(children_cpu_us() - before_us) / n;
    printf("%-28s processor time of a run %6.0f us\n", "posix_spawn", base_us);
    for (BoxMode mode = BOX_MODE_COLD; mode <= BOX_MODE_WARM; mode++) {
        BoxClient *client = new_client(program, mode);
        before_us = children_cpu_us();
        for (int i = 0; i < n && client; i++) {
            if (time_box(client, NULL) < 0)
                return false;
        }
        box_client_free(client); /* whoever waited for the monitors is waited for here */
        double cost_us = (double)(children_cpu_us() - before_us) / n;
        printf("box, %-23s processor time of a run %6.0f us   ratio %.2f\n", box_mode_name(mode), cost_us,
               cost_us / base_us);
    }
    return true;
}

static bool run_many(const char *program, BoxMode mode, bool is_box, int n)
{
    BoxClient *client = is_box ? new_client(program, mode) : NULL;
    bool is_good = !is_box || client;
    for (int i = 0; i < n && is_good; i++)
        is_good = (is_box ? time_box(client, NULL) : time_spawn()) >= 0;
    box_client_free(client);
    return is_good;
}

/* Two clients at once; *base: what plain spawns reach. */
static bool print_rate(const char *name, const char *program, BoxMode mode, bool is_box, int n, double *base)
{
    enum { N_CLIENTS = 2 };
    bool is_good = true;
    int64_t start_us = now_us();
    for (int i = 0; i < N_CLIENTS; i++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(run_many(program, mode, is_box, n) ? 0 : 1);
    }
    for (int i = 0; i < N_CLIENTS; i++) {
        int status;
        is_good &= wait(&status) > 0 && status == 0;
    }
    double seconds = (double)(now_us() - start_us) / 1e6;
    double rate = N_CLIENTS * n / seconds;
    if (!is_box)
        *base = rate;
    printf("%-28s %7.0f runs a second by two clients   ratio %.2f\n", name, rate, rate / *base);
    return is_good;
}

/* ---- growth
 * ---------------------------------------------------------------------------------------------------------------- */

static long count_lines(const char *command)
{
    FILE *pipe = popen(command, "re");
    long n = -1;
    if (pipe && fscanf(pipe, "%ld", &n) != 1)
        n = -1;
    if (pipe)
        pclose(pipe);
    return n;
}

static void print_growth_row(int n)
{
    char command[200];
    snprintf(command, sizeof command, "ls /proc/%d/fd | wc -l", (int)getpid());
    printf("after %6d: fds %ld, own kB %ld", n, count_lines(command),
           count_lines("awk '/VmRSS/ {print $2}' /proc/$PPID/status"));
    printf(", keeper's fds %ld, kB %ld",
           count_lines("k=$(cat /proc/$PPID/task/$PPID/children | cut -d' ' -f1); ls /proc/$k/fd 2>/dev/null | wc -l"),
           count_lines(
               "k=$(cat /proc/$PPID/task/$PPID/children | cut -d' ' -f1); awk '/VmRSS/ {print $2}' /proc/$k/status"));
    printf(", mounts %ld, netns %ld, groups %ld, processes %ld\n", count_lines("wc -l < /proc/$PPID/mountinfo"),
           count_lines("awk '/^net_namespace/ {print $2}' /proc/slabinfo 2>/dev/null"),
           count_lines("find /sys/fs/cgroup -type d -name 'box-*' | wc -l"),
           count_lines("ls /proc | grep -c '^[0-9]'"));
    fflush(stdout);
}

static bool print_growth(const char *program, int n)
{
    BoxClient *client = new_client(program, BOX_MODE_WARM);
    const int steps = 5;
    bool is_good = client;
    for (int i = 0; i <= n && is_good; i++) {
        is_good = time_box(client, NULL) >= 0;
        if (i == 100 || (i > 0 && i % (n / steps) == 0))
            print_growth_row(i);
    }
    box_client_free(client);
    return is_good;
}

/* ---- in turns
 * -------------------------------------------------------------------------------------------------------------- */

enum { N_MODES = 3, N_BOX_ROWS = 3 * N_MODES, N_ROWS = 1 + N_BOX_ROWS + N_PEERS };

typedef struct {
    char name[40];
    BoxClient *client; /* of a box */
    const char *workspace;
    bool is_cleaned;      /* until nothing is left of the box */
    int peer;             /* -1: none */
    const char *obstacle; /* why it cannot be measured; NULL: it can */
    int64_t *times;
} Row;

static bool fill_rows(const char *program, const char *workspace, int n, Row *rows)
{
    bool is_good = true;
    for (int i = 0; i < N_ROWS; i++) {
        rows[i] = (Row){.peer = -1, .times = calloc((size_t)n, sizeof *rows[i].times)};
        is_good = is_good && rows[i].times;
    }
    strcpy(rows[0].name, "posix_spawn");
    for (int i = 0; i < N_BOX_ROWS; i++) {
        Row *row = &rows[1 + i];
        BoxMode mode = (BoxMode)(BOX_MODE_COLD + i % N_MODES);
        row->workspace = i / N_MODES == 1 ? workspace : NULL;
        row->is_cleaned = i / N_MODES == 2;
        row->client = i < N_MODES ? new_client(program, mode) : rows[1 + i % N_MODES].client;
        is_good = is_good && row->client;
        snprintf(row->name, sizeof row->name, "box, %s%s", box_mode_name(mode),
                 row->workspace    ? ", overlay"
                 : row->is_cleaned ? ", cleaned"
                                   : "");
    }
    for (int i = 0; i < N_PEERS; i++) {
        Row *row = &rows[1 + N_BOX_ROWS + i];
        row->peer = i;
        row->obstacle = peer_find_obstacle(i);
        snprintf(row->name, sizeof row->name, "%s", peer_name(i));
    }
    return is_good;
}

static int64_t time_row(const Row *row)
{
    if (row->obstacle)
        return 0;
    int64_t start_us = now_us();
    if (row->client && row->is_cleaned) {
        bool is_good = time_box(row->client, NULL) >= 0;
        box_client_settle(row->client);
        return is_good ? now_us() - start_us : -1;
    }
    if (row->client)
        return time_box(row->client, row->workspace);
    return row->peer >= 0 ? peer_time(row->peer) : time_spawn();
}

static bool time_rows(Row *rows, int n)
{
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < N_ROWS; k++) {
            rows[k].times[i] = time_row(&rows[k]);
            if (rows[k].times[i] < 0)
                return false;
            if (rows[k].client)
                box_client_settle(rows[k].client);
            usleep(PAUSE_US);
        }
    }
    return true;
}

static void print_rows(const Row *rows, int n)
{
    int64_t base_us = print_row(rows[0].name, rows[0].times, n, 0);
    for (int i = 1; i < N_ROWS; i++) {
        if (rows[i].obstacle)
            printf("%-28s %s\n", rows[i].name, rows[i].obstacle);
        else
            print_row(rows[i].name, rows[i].times, n, base_us);
    }
}

static bool print_in_turns(const char *program, int n)
{
    Row rows[N_ROWS];
    char workspace[] = "/tmp/bench-box-XXXXXX", bundle[] = "/tmp/bench-peers-XXXXXX";
    if (!mkdtemp(workspace) || !mkdtemp(bundle) || !peers_prepare(bundle))
        return false;
    bool is_good = fill_rows(program, workspace, n, rows) && time_rows(rows, n);
    if (is_good)
        print_rows(rows, n);
    for (int i = 0; i < N_ROWS; i++)
        free(rows[i].times);
    for (int i = 0; i < N_MODES; i++)
        box_client_free(rows[1 + i].client);
    rmdir(workspace);
    peers_clean(bundle);
    return is_good;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : DEFAULT_PAIRS;
    const char *bin = getenv("RUBRIC_BIN");
    char *program = NULL;
    if (asprintf(&program, "%s/rubric-box", bin ? bin : "build/release/bin") < 0)
        return EXIT_FAILURE;
    char *full = realpath(program, NULL); /* the working directory changes */
    free(program);
    if (n < 1 || n > LARGEST || !full) {
        fprintf(stderr, "bench-box: no rubric-box (set RUBRIC_BIN), or not 1 to %d pairs\n", LARGEST);
        free(full);
        return EXIT_FAILURE;
    }
    bool is_good;
    double base = 0;
    if (argc > 2 && strcmp(argv[2], "--growth") == 0)
        is_good = n >= 5 && print_growth(full, n);
    else
        is_good = print_in_turns(full, n) && print_cpu(full, n) &&
                  print_rate("posix_spawn", full, BOX_MODE_COLD, false, n, &base) &&
                  print_rate("box, cold", full, BOX_MODE_COLD, true, n, &base) &&
                  print_rate("box, slot", full, BOX_MODE_SLOT, true, n, &base) &&
                  print_rate("box, warm", full, BOX_MODE_WARM, true, n, &base);
    free(full);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
