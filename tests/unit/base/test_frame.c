/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int ends[2];

static void open_pair(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(void)
{
    file_autofd_close(&ends[0]);
    file_autofd_close(&ends[1]);
}

START_TEST(a_frame_arrives_as_it_was_sent_and_ends_with_nul)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    ck_assert_good(frame_send(ends[0], "a\0b", 3, error));
    ck_assert_good(frame_send(ends[0], "", 0, error));
    ck_assert_good(frame_receive(ends[1], 3, 1000, &data, &length, error));
    ck_assert_uint_eq(length, 3);
    ck_assert_mem_eq(data, "a\0b", 4);
    g_autofree char *empty = NULL;
    ck_assert_good(frame_receive(ends[1], 3, 1000, &empty, &length, error));
    ck_assert_uint_eq(length, 0);
    ck_assert_str_eq(empty, "");
}
END_TEST

START_TEST(a_frame_larger_than_the_sockets_buffer_arrives_whole)
{
    const gsize size = 4 * 1024 * 1024;
    g_autofree char *sent = g_strnfill(size, 'x');
    pid_t child = fork();
    if (child == 0)
        _exit(frame_send(ends[0], sent, size, NULL) ? 0 : 1);
    g_autofree char *data = NULL;
    gsize length = 0;
    ck_assert_good(frame_receive(ends[1], size, 10000, &data, &length, error));
    ck_assert_uint_eq(length, size);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_frame_over_the_bound_is_refused_before_it_is_read)
{
    char *data = NULL;
    ck_assert_good(frame_send(ends[0], "1234", 4, error));
    ck_assert_fails(frame_receive(ends[1], 3, 1000, &data, NULL, error), RUBRIC_ERROR_LIMIT);
    static const guint8 endless[] = {0xff, 0xff, 0xff, 0xff};
    close_pair();
    open_pair();
    ck_assert_int_eq(write(ends[0], endless, sizeof endless), sizeof endless);
    ck_assert_fails(frame_receive(ends[1], 1 << 20, 1000, &data, NULL, error), RUBRIC_ERROR_LIMIT);
    ck_assert_ptr_null(data);
}
END_TEST

START_TEST(a_peer_that_goes_away_or_says_nothing_is_temporary)
{
    char *data = NULL;
    ck_assert_fails(frame_receive(ends[1], 10, 20, &data, NULL, error), RUBRIC_ERROR_TEMPORARY);
    static const guint8 half[] = {0, 0, 0, 5, 'x'};
    ck_assert_int_eq(write(ends[0], half, sizeof half), sizeof half);
    ck_assert_fails(frame_receive(ends[1], 10, 20, &data, NULL, error), RUBRIC_ERROR_TEMPORARY);
    file_autofd_close(&ends[0]);
    ends[0] = -1;
    ck_assert_fails(frame_receive(ends[1], 10, -1, &data, NULL, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert_fails(frame_send(ends[1], "x", 1, error), RUBRIC_ERROR_TEMPORARY);
}
END_TEST

START_TEST(an_fd_that_is_none_is_the_systems)
{
    char *data = NULL;
    ck_assert_fails(frame_send(-1, "x", 1, error), RUBRIC_ERROR_SYSTEM);
    close_pair();
    ends[0] = ends[1] = -1;
    ck_assert_fails(frame_receive(9999, 10, 20, &data, NULL, error), RUBRIC_ERROR_SYSTEM);
}
END_TEST

START_TEST(a_descriptor_arrives_between_frames)
{
    char *text = NULL;
    gsize length;
    int pipe_fds[2], received = -1;
    char byte;
    ck_assert_int_eq(pipe(pipe_fds), 0);
    ck_assert(frame_send(ends[0], "before", 6, NULL));
    ck_assert(frame_send_fd(ends[0], pipe_fds[1], NULL));
    ck_assert(frame_send(ends[0], "after", 5, NULL));
    ck_assert(frame_receive(ends[1], 10, 1000, &text, &length, NULL));
    ck_assert_str_eq(text, "before");
    g_free(text);
    ck_assert(frame_receive_fd(ends[1], 1000, &received, NULL));
    ck_assert_int_eq(write(received, "x", 1), 1);
    ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
    ck_assert(frame_receive(ends[1], 10, 1000, &text, &length, NULL));
    ck_assert_str_eq(text, "after");
    g_free(text);
    g_close(received, NULL);
    g_close(pipe_fds[0], NULL);
    g_close(pipe_fds[1], NULL);
}
END_TEST

START_TEST(a_descriptor_that_does_not_come_is_temporary)
{
    int received = -1;
    ck_assert_fails(frame_receive_fd(ends[1], 20, &received, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert_int_eq(write(ends[0], "x", 1), 1);
    ck_assert_fails(frame_receive_fd(ends[1], 1000, &received, error), RUBRIC_ERROR_TEMPORARY);
    file_autofd_close(&ends[0]);
    ends[0] = -1;
    ck_assert_fails(frame_receive_fd(ends[1], -1, &received, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert_fails(frame_send_fd(ends[1], 0, error), RUBRIC_ERROR_TEMPORARY);
    ck_assert_int_eq(received, -1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("frame");
    tcase_add_checked_fixture(tcase, open_pair, close_pair);
    tcase_add_test(tcase, a_frame_arrives_as_it_was_sent_and_ends_with_nul);
    tcase_add_test(tcase, a_frame_larger_than_the_sockets_buffer_arrives_whole);
    tcase_add_test(tcase, a_frame_over_the_bound_is_refused_before_it_is_read);
    tcase_add_test(tcase, a_peer_that_goes_away_or_says_nothing_is_temporary);
    tcase_add_test(tcase, an_fd_that_is_none_is_the_systems);
    tcase_add_test(tcase, a_descriptor_arrives_between_frames);
    tcase_add_test(tcase, a_descriptor_that_does_not_come_is_temporary);
    return fixture_main(tcase, "frame");
}
