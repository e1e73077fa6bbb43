/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/roles/notify.h"
#include "daemon/roles/roles.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static char *folder;

static void setup(void)
{
    folder = g_dir_make_tmp("rubric-wake-XXXXXX", NULL);
}

static void teardown(void)
{
    file_remove_tree(folder, NULL);
    g_free(folder);
}

static bool is_awake(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    return poll(&waiting, 1, 0) == 1;
}

START_TEST(all_instances_of_the_role_wake_and_no_other)
{
    file_autofd int first = -1, second = -1, other = -1;
    ck_assert_good((first = wake_open(folder, "grade", "1", error)) >= 0);
    ck_assert_good((second = wake_open(folder, "grade", "2", error)) >= 0);
    ck_assert_good((other = wake_open(folder, "post", "1", error)) >= 0);
    wake_send(folder, "grade");
    ck_assert(is_awake(first) && is_awake(second) && !is_awake(other));
    wake_drain(first);
    ck_assert(!is_awake(first));
}
END_TEST

START_TEST(a_successor_takes_the_socket_of_a_dead_one)
{
    file_autofd int dead = wake_open(folder, "grade", "1", NULL);
    file_autofd int living = -1;
    ck_assert_good((living = wake_open(folder, "grade", "1", error)) >= 0);
    wake_send(folder, "grade");
    ck_assert(is_awake(living) && !is_awake(dead));
}
END_TEST

START_TEST(many_hints_and_nobody_there_harm_nothing)
{
    wake_send(folder, "grade");
    file_autofd int fd = wake_open(folder, "grade", "1", NULL);
    for (int i = 0; i < 5000; i++)
        wake_send(folder, "grade");
    wake_drain(fd);
    ck_assert(!is_awake(fd));
}
END_TEST

START_TEST(a_long_path_of_the_state_folder_does_not_matter)
{
    GString *path = g_string_new(folder);
    for (int i = 0; i < 5; i++)
        g_string_append(path, "/a-rather-long-name-of-a-folder-such-as-people-have");
    file_autofd int fd = -1;
    ck_assert_good((fd = wake_open(path->str, "grade", "1", error)) >= 0);
    wake_send(path->str, "grade");
    ck_assert(is_awake(fd));
    g_string_free(path, TRUE);
}
END_TEST

START_TEST(systemd_hears_what_is_said_to_it)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder);
    file_autofd int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    notify_send("READY=1");
    char said[64] = "";
    ck_assert_int_eq(recv(fd, said, sizeof said - 1, MSG_DONTWAIT), 7);
    ck_assert_str_eq(said, "READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    notify_send("READY=1");
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
}
END_TEST

START_TEST(the_watchdog_is_fed_twice_as_often_as_needed)
{
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    ck_assert_int_eq(notify_watchdog_us(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    ck_assert_int_eq(notify_watchdog_us(), 15000000);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_int_eq(notify_watchdog_us(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wake");
    TCase *tests = tcase_create("hints");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, all_instances_of_the_role_wake_and_no_other);
    tcase_add_test(tests, a_successor_takes_the_socket_of_a_dead_one);
    tcase_add_test(tests, many_hints_and_nobody_there_harm_nothing);
    tcase_add_test(tests, a_long_path_of_the_state_folder_does_not_matter);
    tcase_add_test(tests, systemd_hears_what_is_said_to_it);
    tcase_add_test(tests, the_watchdog_is_fed_twice_as_often_as_needed);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
