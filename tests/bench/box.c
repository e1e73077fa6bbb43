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

enum { DEFAULT_PAIRS = 300, LARGEST = 100000 };

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
    BoxClient *client;
    if (n < 1 || n > LARGEST || box_client_new(program, NULL, &client) < 0 || !mkdtemp(workspace)) {
        fprintf(stderr, "bench-box: cannot use %s (set RUBRIC_BIN), or not 1 to %d pairs\n", program, LARGEST);
        return EXIT_FAILURE;
    }
    int64_t *spawned = calloc((size_t)n, sizeof *spawned), *boxed = calloc((size_t)n, sizeof *boxed),
            *overlaid = calloc((size_t)n, sizeof *overlaid);
    bool is_good = spawned && boxed && overlaid;
    for (int i = 0; i < n && is_good; i++) {
        spawned[i] = time_spawn();
        boxed[i] = time_box(client, NULL);
        overlaid[i] = time_box(client, workspace);
        is_good = spawned[i] >= 0 && boxed[i] >= 0 && overlaid[i] >= 0;
    }
    if (is_good) {
        int64_t base_us = print_row("posix_spawn", spawned, n, 0);
        print_row("box, cold", boxed, n, base_us);
        print_row("box, cold, overlay workspace", overlaid, n, base_us);
    }
    free(spawned);
    free(boxed);
    free(overlaid);
    rmdir(workspace);
    box_client_free(client);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
