/* SPDX-License-Identifier: Apache-2.0 */
/* Figures against programs whose needs are known, and each limit told from the others. */
#include "tests/unit/sandbox/box_testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static BoxClient *client;

static void set_up(void)
{
    client = testing_client();
}

static void tear_down(void)
{
    box_client_free(client);
}

/* This very program in a box, as one of the known programs below. */
static BoxResult run_known(BoxSpec spec, const char *name, const char *argument)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    const BoxBind bind = {self, "/known", false};
    const char *const argv[] = {"/known", "--known", name, argument, NULL};
    spec.argv = argv;
    spec.binds = &bind;
    spec.n_binds = 1;
    return testing_run(client, &spec);
}

static void assert_limit(const BoxResult *result, BoxLimit limit)
{
    ck_assert_msg(result->status.end == BOX_END_LIMIT && result->status.limit == limit, "%s %s instead of %s",
                  box_end_name(result->status.end), box_limit_name(result->status.limit), box_limit_name(limit));
}

static void assert_between(int64_t value, int64_t low, int64_t high)
{
    ck_assert_msg(value >= low && value <= high, "%lld is not between %lld and %lld", (long long)value, (long long)low,
                  (long long)high);
}

START_TEST(processor_time_is_right)
{
    BoxResult result = run_known(testing_spec(NULL), "burn", "200");
    const int64_t ms = 1000;
    assert_between(result.status.user_us + result.status.system_us, 190 * ms, 300 * ms);
    ck_assert_int_gt(result.status.user_us, result.status.system_us);
    box_result_clear(&result);
}
END_TEST

START_TEST(time_on_the_clock_is_right)
{
    BoxResult result = run_known(testing_spec(NULL), "sleep", "200");
    const int64_t ms = 1000;
    assert_between(result.status.wall_us, 200 * ms, 1200 * ms);
    ck_assert_int_lt(result.status.user_us + result.status.system_us, 150 * ms);
    box_result_clear(&result);
}
END_TEST

START_TEST(peak_memory_is_right)
{
    BoxResult result = run_known(testing_spec(NULL), "memory", "32");
    const int64_t mib = 1 << 20;
    ck_assert_int_eq(result.status.exit_code, 0);
    assert_between(result.status.peak_memory_bytes, 32 * mib, 48 * mib);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_number_of_processes_is_seen)
{
    BoxResult result = run_known(testing_spec(NULL), "processes", "10");
    ck_assert_int_eq(result.status.exit_code, 0);
    assert_between(result.status.peak_processes, 11, 12);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_wall_limit_is_told)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.wall_ms = 150;
    BoxResult result = run_known(spec, "sleep", "100000");
    assert_limit(&result, BOX_LIMIT_WALL);
    assert_between(result.status.wall_us, 150000, 1150000);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_cpu_limit_is_told)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.cpu_ms = 150;
    BoxResult result = run_known(spec, "burn", "100000");
    assert_limit(&result, BOX_LIMIT_CPU);
    assert_between(result.status.user_us + result.status.system_us, 140000, 250000);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_memory_limit_is_told)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.memory_bytes = 48 << 20;
    BoxResult result = run_known(spec, "memory", "400");
    if (testing_has_groups(&result.status)) {
        assert_limit(&result, BOX_LIMIT_MEMORY);
        ck_assert(result.status.oom_killed);
        assert_between(result.status.peak_memory_bytes, 40 << 20, 48 << 20);
    } else {
        puts("skipped in part: no control groups");
        ck_assert_int_ne(result.status.exit_code, 0);
    }
    box_result_clear(&result);
}
END_TEST

START_TEST(the_process_limit_is_told)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.processes = 8;
    BoxResult result = run_known(spec, "processes", "30");
    ck_assert_int_ne(result.status.exit_code, 0);
    if (testing_has_groups(&result.status)) {
        assert_limit(&result, BOX_LIMIT_PROCESSES);
        ck_assert(result.status.hit_processes);
    }
    box_result_clear(&result);
}
END_TEST

START_TEST(a_clean_exit_is_no_limit_even_when_one_was_touched)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.processes = 8;
    BoxResult result = run_known(spec, "processes-anyhow", "30");
    ck_assert_int_eq(result.status.end, BOX_END_EXITED);
    ck_assert_int_eq(result.status.limit, BOX_LIMIT_NONE);
    if (testing_has_groups(&result.status))
        ck_assert(result.status.hit_processes);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_output_limit_is_told_and_the_rest_is_counted)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.output_bytes = 1000;
    BoxResult result = testing_shell(client, spec, "head -c 3000 /dev/zero");
    assert_limit(&result, BOX_LIMIT_OUTPUT);
    ck_assert_uint_eq(result.out.length, 1000);
    ck_assert_int_eq(result.status.stdout_bytes, 3000);
    box_result_clear(&result);
    result = testing_shell(client, spec, "head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2");
    ck_assert_int_eq(result.status.end, BOX_END_EXITED);
    ck_assert_uint_eq(result.err.length, 1000);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_disk_and_file_limits_are_told)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.disk_bytes = 1 << 20;
    BoxResult result = testing_shell(client, spec, "head -c 3000000 /dev/zero > /tmp/x");
    assert_limit(&result, BOX_LIMIT_DISK);
    ck_assert(result.status.hit_disk);
    box_result_clear(&result);
    spec.limits.disk_bytes = 0;
    spec.limits.files = 20;
    result = testing_shell(client, spec, "for i in $(seq 100); do echo > $i || exit 1; done");
    assert_limit(&result, BOX_LIMIT_DISK);
    box_result_clear(&result);
    spec.limits.file_bytes = 1 << 20;
    result = testing_shell(client, spec, "exec head -c 3000000 /dev/zero > x");
    assert_limit(&result, BOX_LIMIT_FILE);
    ck_assert_int_eq(result.status.signal, SIGXFSZ);
    box_result_clear(&result);
}
END_TEST

START_TEST(a_hundred_boxes_leave_no_descriptor_open)
{
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    int before = -1;
    for (int i = 0; i < 100; i++) {
        BoxResult result = testing_run(client, &spec);
        box_result_clear(&result);
        int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
        ck_assert(before < 0 || probe == before);
        before = probe;
        close(probe);
    }
}
END_TEST

/* ---- the known programs
 * ------------------------------------------------------------------------------------------------ */

static int known_processes(long n, bool anyhow)
{
    for (long i = 0; i < n; i++) {
        pid_t pid = fork();
        if (pid < 0)
            return anyhow ? 0 : 1;
        if (pid == 0)
            for (;;)
                pause();
    }
    /* Where there is no control group, processes are counted now and then. */
    g_usleep(300000);
    return 0;
}

static int known_program(const char *name, long n)
{
    if (strcmp(name, "burn") == 0) {
        /* Looks at the clock, which is a system call, seldom. */
        while (clock() < n * (CLOCKS_PER_SEC / 1000)) {
            for (volatile int i = 0; i < 1000000; i++)
                ;
        }
        return 0;
    }
    if (strcmp(name, "sleep") == 0) {
        g_usleep((gulong)n * 1000);
        return 0;
    }
    if (strcmp(name, "memory") == 0) {
        size_t size = (size_t)n << 20;
        char *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (block == MAP_FAILED)
            return 1;
        memset(block, 1, size);
        return 0;
    }
    return known_processes(n, strcmp(name, "processes-anyhow") == 0);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--known") == 0)
        _exit(known_program(argv[2], atol(argv[3]))); /* past the leak checker, which cannot work in a box */
    if (!testing_can_box())
        return 0;
    TCase *tests = tcase_create("figures");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, processor_time_is_right);
    tcase_add_test(tests, time_on_the_clock_is_right);
    tcase_add_test(tests, peak_memory_is_right);
    tcase_add_test(tests, the_number_of_processes_is_seen);
    tcase_add_test(tests, the_wall_limit_is_told);
    tcase_add_test(tests, the_cpu_limit_is_told);
    tcase_add_test(tests, the_memory_limit_is_told);
    tcase_add_test(tests, the_process_limit_is_told);
    tcase_add_test(tests, a_clean_exit_is_no_limit_even_when_one_was_touched);
    tcase_add_test(tests, the_output_limit_is_told_and_the_rest_is_counted);
    tcase_add_test(tests, the_disk_and_file_limits_are_told);
    tcase_add_test(tests, a_hundred_boxes_leave_no_descriptor_open);
    Suite *suite = suite_create("sandbox/figures");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
