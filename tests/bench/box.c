/* SPDX-License-Identifier: Apache-2.0 */
/* What a box costs: /bin/true by posix_spawn and in a box, in turns, so that both see the same machine. bench-box
 * [PAIRS] */
#include "sandbox/sandbox.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : DEFAULT_PAIRS;
    const char *bin = getenv("RUBRIC_BIN");
    char program[500], workspace[] = "/tmp/bench-box-XXXXXX";
    snprintf(program, sizeof program, "%s/rubric-box", bin ? bin : "build/release/bin");
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
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
