/* SPDX-License-Identifier: Apache-2.0 */
/* What a box costs: /bin/true by posix_spawn and in a box, in turns, so that both see the same machine. bench-box
 * [PAIRS [--growth]] */
#include "sandbox/sandbox.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Between boxes, so that one is not timed while the next is being prepared. */
enum { DEFAULT_PAIRS = 300, LARGEST = 100000, PAUSE_US = 3000 };

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

/* Two clients at once. */
static bool print_rate(const char *name, const char *program, BoxMode mode, bool is_box, int n)
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
    printf("%-28s %7.0f runs a second by two clients\n", name, N_CLIENTS * n / seconds);
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

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : DEFAULT_PAIRS;
    const char *bin = getenv("RUBRIC_BIN");
    char program[500], workspace[] = "/tmp/bench-box-XXXXXX";
    snprintf(program, sizeof program, "%s/rubric-box", bin ? bin : "build/release/bin");
    if (argc > 2 && strcmp(argv[2], "--growth") == 0)
        return n >= 5 && print_growth(program, n) ? EXIT_SUCCESS : EXIT_FAILURE;
    const BoxMode modes[] = {BOX_MODE_COLD, BOX_MODE_SLOT, BOX_MODE_WARM};
    BoxClient *clients[] = {new_client(program, modes[0]), new_client(program, modes[1]),
                            new_client(program, modes[2])};
    if (n < 1 || n > LARGEST || !clients[0] || !clients[1] || !clients[2] || !mkdtemp(workspace)) {
        fprintf(stderr, "bench-box: cannot use %s (set RUBRIC_BIN), or not 1 to %d pairs\n", program, LARGEST);
        return EXIT_FAILURE;
    }
    enum { N_ROWS = 7 };
    int64_t *times[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++)
        times[i] = calloc((size_t)n, sizeof *times[i]);
    bool is_good = true;
    for (int i = 0; i < n && is_good; i++) {
        times[0][i] = time_spawn();
        is_good = times[0][i] >= 0;
        for (size_t mode = 0; mode < 3 && is_good; mode++) {
            times[1 + mode][i] = time_box(clients[mode], NULL);
            times[4 + mode][i] = time_box(clients[mode], workspace);
            is_good = times[1 + mode][i] >= 0 && times[4 + mode][i] >= 0;
            usleep(PAUSE_US);
        }
    }
    if (is_good) {
        static const char *const names[] = {"posix_spawn",
                                            "box, cold",
                                            "box, slot",
                                            "box, warm",
                                            "box, cold, overlay workspace",
                                            "box, slot, overlay workspace",
                                            "box, warm, overlay workspace"};
        int64_t base_us = 0;
        for (size_t i = 0; i < N_ROWS; i++) {
            int64_t median_us = print_row(names[i], times[i], n, base_us);
            base_us = i == 0 ? median_us : base_us;
        }
    }
    for (size_t i = 0; i < N_ROWS; i++)
        free(times[i]);
    for (size_t mode = 0; mode < 3; mode++)
        box_client_free(clients[mode]);
    rmdir(workspace);
    is_good = is_good && print_cpu(program, n) && print_rate("posix_spawn", program, BOX_MODE_COLD, false, n) &&
              print_rate("box, cold", program, BOX_MODE_COLD, true, n) &&
              print_rate("box, slot", program, BOX_MODE_SLOT, true, n) &&
              print_rate("box, warm", program, BOX_MODE_WARM, true, n);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
