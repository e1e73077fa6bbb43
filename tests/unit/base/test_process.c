/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static ProcessSpec shell(const char *const *argv)
{
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    return spec;
}

#define SHELL(script) ((const char *const[]){"sh", "-c", script, NULL})

START_TEST(output_and_end_of_a_program_are_collected)
{
    ProcessSpec spec = shell(SHELL("echo out; echo err >&2; cat; exit 3"));
    g_autoptr(GString) out = NULL;
    g_autoptr(GString) err = NULL;
    ProcessEnd end;
    ck_assert_good(process_run(&spec, 10000, 1000, &out, &err, &end, error));
    ck_assert_str_eq(out->str, "out\n");
    ck_assert_str_eq(err->str, "err\n");
    ck_assert(end.exited);
    ck_assert_int_eq(end.code, 3);
    ck_assert_int_gt(end.max_rss_bytes, 0);
}
END_TEST

START_TEST(what_a_program_leaves_behind_is_neither_waited_for_nor_left)
{
    ProcessSpec spec = shell(SHELL("sleep 600 & echo $!"));
    g_autoptr(GString) out = NULL;
    gint64 start_us = clock_monotonic_us();
    ck_assert_good(process_run(&spec, 300000, 100, &out, NULL, NULL, error));
    ck_assert_int_lt(clock_monotonic_us() - start_us, 200 * CLOCK_SECOND_US);
    file_autofd int left_behind = pidfd_open((pid_t)atoi(out->str), 0);
    struct pollfd dead = {.fd = left_behind, .events = POLLIN};
    ck_assert(left_behind < 0 || poll(&dead, 1, 60000) == 1);
}
END_TEST

START_TEST(more_output_than_asked_for_is_read_and_thrown_away)
{
    ProcessSpec spec = shell(SHELL("head -c 1000000 /dev/zero; echo end >&2"));
    g_autoptr(GString) out = NULL;
    ProcessEnd end;
    ck_assert_good(process_run(&spec, 20000, 100, &out, NULL, &end, error));
    ck_assert_uint_eq(out->len, 100);
    ck_assert_int_eq(end.code, 0);
}
END_TEST

START_TEST(a_program_that_is_not_there_is_reported_by_the_start)
{
    ProcessSpec spec = shell((const char *const[]){"/nowhere/program", NULL});
    Process process;
    ck_assert_fails(process_start(&spec, &process, error), RUBRIC_ERROR_NOT_FOUND);
    ProcessSpec folder = shell((const char *const[]){fixture_folder, NULL});
    ck_assert_fails(process_start(&folder, &process, error), RUBRIC_ERROR_DENIED);
    ProcessSpec elsewhere = shell(SHELL("true"));
    elsewhere.folder = "/nowhere";
    ck_assert_fails(process_start(&elsewhere, &process, error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(a_program_that_takes_too_long_is_killed_with_its_children)
{
    g_autofree char *fifo = path_of("alive");
    g_autofree char *script = g_strdup_printf("mkfifo %s; (exec 9<>%s; sleep 1000 9<&9) & sleep 1000", fifo, fifo);
    ProcessSpec spec = shell(SHELL(script));
    ProcessEnd end;
    ck_assert_fails(process_run(&spec, 300, 100, NULL, NULL, &end, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert(!end.exited);
    ck_assert_int_eq(end.code, SIGKILL);
    /* The grandchild held the fifo open for reading; without a reader a non-blocking writer is refused. */
    gint64 until_us = clock_monotonic_us() + 5 * CLOCK_SECOND_US;
    int fd;
    while ((fd = open(fifo, O_WRONLY | O_NONBLOCK)) >= 0 && clock_monotonic_us() < until_us) {
        g_close(fd, NULL);
        poll(NULL, 0, 5);
    }
    ck_assert_int_lt(fd, 0);
}
END_TEST

START_TEST(a_wait_can_give_up_and_a_kill_ends_it)
{
    ProcessSpec spec = shell(SHELL("sleep 1000"));
    Process process;
    ProcessEnd end;
    ck_assert_good(process_start(&spec, &process, error));
    GError *error = NULL;
    ck_assert(!process_wait(&process, 10, &end, &error));
    ck_assert_ptr_null(error);
    process_kill(&process, SIGTERM);
    ck_assert(process_wait(&process, 10000, &end, &error));
    ck_assert(!end.exited);
    ck_assert_int_eq(end.code, SIGTERM);
    ck_assert_int_eq(process.pidfd, -1);
    process_kill(&process, SIGTERM);
}
END_TEST

START_TEST(a_child_gets_the_fds_it_is_given_and_no_others)
{
    g_autofree char *path = path_of("leak");
    ck_assert(g_file_set_contents(path, "given", -1, NULL));
    file_autofd int leaky = open(path, O_RDONLY); /* without CLOEXEC: must not arrive */
    file_autofd int given = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_gt(leaky, 2);
    ProcessSpec spec = shell(SHELL("cat <&3; ls /proc/self/fd | tr '\\n' ' '"));
    spec.extra_fd = given;
    g_autoptr(GString) out = NULL;
    ck_assert_good(process_run(&spec, 10000, 1000, &out, NULL, NULL, error));
    /* ls itself has the listing open as one more. */
    ck_assert_str_eq(out->str, "given0 1 2 3 4 ");
}
END_TEST

START_TEST(environment_and_folder_are_as_asked)
{
    ProcessSpec spec = shell((const char *const[]){"/bin/sh", "-c", "pwd; env | grep -c .; echo $A", NULL});
    spec.folder = "/";
    spec.env = (const char *const[]){"A=b", "PATH=/usr/bin:/bin", NULL};
    g_autoptr(GString) out = NULL;
    ck_assert_good(process_run(&spec, 10000, 1000, &out, NULL, NULL, error));
    ck_assert(g_str_has_prefix(out->str, "/\n"));
    ck_assert(g_str_has_suffix(out->str, "\nb\n"));
}
END_TEST

START_TEST(a_child_dies_with_the_process_that_started_it)
{
    int pipe_fds[2];
    ck_assert_int_eq(pipe(pipe_fds), 0);
    pid_t parent = fork();
    if (parent == 0) {
        ProcessSpec spec = shell(SHELL("exec sleep 1000"));
        spec.stdout_fd = pipe_fds[1];
        Process process;
        _exit(process_start(&spec, &process, NULL) ? 0 : 1);
    }
    close(pipe_fds[1]);
    int status;
    ck_assert_int_eq(waitpid(parent, &status, 0), parent);
    ck_assert_int_eq(status, 0);
    struct pollfd waiting = {.fd = pipe_fds[0], .events = POLLIN};
    ck_assert_int_eq(poll(&waiting, 1, 10000), 1); /* end of file: nobody holds the other end */
    char byte;
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 0);
}
END_TEST

START_TEST(own_programs_are_found_beside_the_tests)
{
    g_autofree char *path = process_own_program("rubric", NULL);
    if (path)
        ck_assert(g_file_test(path, G_FILE_TEST_IS_EXECUTABLE));
    ck_assert_fails(process_own_program("no-such-program", error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

static char *logged(int level, const char *value)
{
    g_autofree char *path = path_of("log");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), saved = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    log_event(level, "submission_graded", "owner", value, "nothing", NULL, NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char *text = NULL;
    ck_assert(file_read_fd(fd, "log", 10000, &text, NULL, NULL));
    close(fd);
    return text;
}

START_TEST(a_log_line_is_one_line_whatever_is_in_it)
{
    log_setup("grade-1", LOG_INFO);
    g_autofree char *line = logged(LOG_INFO, "a\nb c");
    ck_assert_msg(g_str_has_suffix(line, "Z grade-1 submission_graded owner=\"a\\nb c\" nothing=null\n"), "%s", line);
    ck_assert_text(logged(LOG_DEBUG, "x"), "");
}
END_TEST

START_TEST(a_journal_gets_json_with_its_level)
{
    g_autofree char *path = path_of("log");
    ck_assert(g_file_set_contents(path, "", -1, NULL));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), saved = dup(STDERR_FILENO);
    struct stat info;
    ck_assert_int_eq(fstat(fd, &info), 0);
    g_autofree char *stream =
        g_strdup_printf("%llu:%llu", (unsigned long long)info.st_dev, (unsigned long long)info.st_ino);
    g_setenv("JOURNAL_STREAM", stream, TRUE);
    dup2(fd, STDERR_FILENO);
    log_setup("post", LOG_INFO);
    log_error_free(LOG_WARNING, "post_failed", "sink", "webhook",
                   g_error_new(RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY, "busy"));
    dup2(saved, STDERR_FILENO);
    g_autofree char *text = NULL;
    ck_assert(file_read_fd(fd, "log", 10000, &text, NULL, NULL));
    close(fd);
    ck_assert_msg(g_str_has_prefix(text, "<4>{"), "%s", text);
    g_autoptr(cJSON) json = json_parse(text + 3, strlen(text) - 3, NULL);
    ck_assert_str_eq(json_string_or(json, "event", ""), "post_failed");
    ck_assert_str_eq(json_string_or(json, "sink", ""), "webhook");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("process");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, output_and_end_of_a_program_are_collected);
    tcase_add_test(tcase, what_a_program_leaves_behind_is_neither_waited_for_nor_left);
    tcase_add_test(tcase, more_output_than_asked_for_is_read_and_thrown_away);
    tcase_add_test(tcase, a_program_that_is_not_there_is_reported_by_the_start);
    tcase_add_test(tcase, a_program_that_takes_too_long_is_killed_with_its_children);
    tcase_add_test(tcase, a_wait_can_give_up_and_a_kill_ends_it);
    tcase_add_test(tcase, a_child_gets_the_fds_it_is_given_and_no_others);
    tcase_add_test(tcase, environment_and_folder_are_as_asked);
    tcase_add_test(tcase, a_child_dies_with_the_process_that_started_it);
    tcase_add_test(tcase, own_programs_are_found_beside_the_tests);
    tcase_add_test(tcase, a_log_line_is_one_line_whatever_is_in_it);
    tcase_add_test(tcase, a_journal_gets_json_with_its_level);
    return fixture_main(tcase, "process and log");
}
