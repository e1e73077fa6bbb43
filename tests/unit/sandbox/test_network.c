/* SPDX-License-Identifier: Apache-2.0 */
/* Several boxes on one network: what they share, and what they do not. */
#include "box_testing.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { PORT = 8080 };

static BoxClient *client;
static BoxSharedNetwork *network;

static void set_up(void)
{
    client = testing_client();
    ck_assert_int_eq(box_network_open(client, false, &network), 0);
}

static void tear_down(void)
{
    box_network_close(network);
    box_client_free(client);
}

static BoxBeside *start_service(const char *script)
{
    const char *const argv[] = {"python3", "-c", script, NULL};
    BoxSpec spec = testing_spec(argv);
    spec.shared_network = network;
    spec.limits.wall_ms = 60000;
    BoxBeside *beside;
    ck_assert_int_eq(box_beside_start(client, &spec, &beside), 0);
    gint64 deadline_us = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    while (!box_network_listens(network, PORT) && !box_beside_has_ended(beside) && g_get_monotonic_time() < deadline_us)
        g_usleep(5000);
    return beside;
}

static const char echo_service[] = "import socket, os\n"
                                   "open('/work/secret', 'w').write('x'); open('/tmp/secret', 'w').write('x')\n"
                                   "a = socket.socket(socket.AF_UNIX); a.bind('\\0service'); a.listen()\n"
                                   "s = socket.create_server(('127.0.0.1', 8080))\n"
                                   "print('ready', flush=True)\n"
                                   "while True:\n"
                                   "    c, _ = s.accept(); c.sendall(b'heard ' + c.recv(100)); c.close()\n";

static BoxResult ask(const char *script)
{
    const char *const argv[] = {"python3", "-c", script, NULL};
    BoxSpec spec = testing_spec(argv);
    spec.shared_network = network;
    return testing_run(client, &spec);
}

static void assert_says(BoxResult *result, const char *text)
{
    ck_assert_msg(result->status.end == BOX_END_EXITED && result->status.exit_code == 0, "stderr: %s",
                  result->err.data);
    ck_assert_str_eq(result->out.data, text);
    box_result_clear(result);
}

START_TEST(a_client_in_another_box_reaches_the_service)
{
    BoxBeside *service = start_service(echo_service);
    ck_assert(box_network_listens(network, PORT));
    ck_assert(!box_network_listens(network, PORT + 1));
    BoxResult result = ask("import socket\n"
                           "s = socket.create_connection(('127.0.0.1', 8080)); s.sendall(b'hello')\n"
                           "print(s.recv(100).decode())\n");
    assert_says(&result, "heard hello\n");
    ck_assert(!box_beside_has_ended(service));
    ck_assert_int_eq(box_beside_finish(service, &result), -ECANCELED);
    ck_assert_str_eq(result.out.data, "ready\n");
    box_result_clear(&result);
    ck_assert(!box_network_listens(network, PORT));
}
END_TEST

START_TEST(what_a_service_says_and_answers_is_seen_from_outside_while_it_runs)
{
    const char request[] = "hello";
    char said[64] = "", heard[64] = "";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    BoxBeside *service = start_service(echo_service);
    gint64 deadline_us = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;
    while (pread(box_beside_said_fd(service), said, sizeof said - 1, 0) < 6 && g_get_monotonic_time() < deadline_us)
        g_usleep(5000);
    ck_assert_str_eq(said, "ready\n");
    file_autofd int fd = box_network_socket(network);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(send(fd, request, strlen(request), 0), (int)strlen(request));
    ck_assert_int_eq(recv(fd, heard, sizeof heard - 1, MSG_WAITALL), (int)strlen("heard hello"));
    ck_assert_str_eq(heard, "heard hello");
    BoxResult result;
    ck_assert_int_eq(box_beside_finish(service, &result), -ECANCELED);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_client_sees_neither_processes_nor_files_of_the_service)
{
    BoxBeside *service = start_service(echo_service);
    BoxResult result = ask("import os, socket, signal\n"
                           "print(os.listdir('/work'), os.listdir('/tmp'))\n"
                           "print([p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())])\n"
                           "try:\n"
                           "    os.kill(-1, signal.SIGKILL)\n"
                           "except OSError as e:\n"
                           "    print(type(e).__name__)\n");
    assert_says(&result, "[] []\n[]\nProcessLookupError\n");
    ck_assert(!box_beside_has_ended(service));
    box_beside_finish(service, &result);
    box_result_clear(&result);
}
END_TEST

START_TEST(names_of_local_sockets_are_not_shared_where_landlock_can_scope_them)
{
    const long landlock_create_ruleset = 444, version_flag = 1, scoping_version = 6;
    long version = syscall(landlock_create_ruleset, NULL, 0L, version_flag);
    if (version < scoping_version) {
        printf("skipped: Landlock here is of version %ld\n", version);
        return;
    }
    BoxBeside *service = start_service(echo_service);
    BoxResult result = ask("import socket\n"
                           "try:\n"
                           "    socket.socket(socket.AF_UNIX).connect('\\0service'); print('reached')\n"
                           "except OSError as e:\n"
                           "    print(type(e).__name__)\n"
                           "a = socket.socket(socket.AF_UNIX); a.bind('\\0mine'); a.listen()\n"
                           "socket.socket(socket.AF_UNIX).connect('\\0mine'); print('mine')\n");
    assert_says(&result, "PermissionError\nmine\n");
    box_beside_finish(service, &result);
    box_result_clear(&result);
}
END_TEST

START_TEST(neither_box_reaches_the_host_nor_changes_the_network)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    file_autofd int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(door, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(door, 1), 0);
    ck_assert_int_eq(getsockname(door, (struct sockaddr *)&address, &size), 0);
    g_autofree char *script = g_strdup_printf("import socket, fcntl, struct, os\n"
                                              "def fails(f):\n"
                                              "    try:\n"
                                              "        f(); print('done')\n"
                                              "    except OSError:\n"
                                              "        pass\n"
                                              "fails(lambda: socket.create_connection(('127.0.0.1', %d), 5))\n"
                                              "fails(lambda: socket.create_connection(('169.254.169.254', 80), 5))\n"
                                              "down = struct.pack('16sh22x', b'lo', 0)\n"
                                              "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                                              "fails(lambda: fcntl.ioctl(s, 0x8914, down))\n"
                                              "fails(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n"
                                              "fails(lambda: open('/proc/sys/net/ipv4/ip_forward', 'w').write('1'))\n",
                                              ntohs(address.sin_port));
    BoxResult result = ask(script);
    assert_says(&result, "");
    BoxBeside *service = start_service(script);
    ck_assert_int_eq(box_beside_finish(service, &result), 0);
    assert_says(&result, "");
}
END_TEST

START_TEST(a_service_that_ends_by_itself_tells_how)
{
    BoxBeside *service = start_service("print('going'); raise SystemExit(3)");
    ck_assert(box_beside_has_ended(service));
    BoxResult result;
    ck_assert_int_eq(box_beside_finish(service, &result), 0);
    ck_assert_int_eq(result.status.end, BOX_END_EXITED);
    ck_assert_int_eq(result.status.exit_code, 3);
    ck_assert_str_eq(result.out.data, "going\n");
    box_result_clear(&result);
}
END_TEST

START_TEST(two_networks_do_not_meet)
{
    BoxBeside *service = start_service(echo_service);
    BoxSharedNetwork *own = network;
    ck_assert_int_eq(box_network_open(client, false, &network), 0);
    ck_assert(!box_network_listens(network, PORT));
    BoxResult result = ask("import socket\n"
                           "try:\n"
                           "    socket.create_connection(('127.0.0.1', 8080), 5); print('reached')\n"
                           "except OSError as e:\n"
                           "    print(type(e).__name__)\n");
    assert_says(&result, "ConnectionRefusedError\n");
    box_network_close(own);
    box_beside_finish(service, &result);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_listener_of_a_network_is_reached_in_its_boxes)
{
    BoxSharedNetwork *with_listener;
    ck_assert_int_eq(box_network_open(client, true, &with_listener), 0);
    ck_assert_int_eq(box_network_listener(network), -1);
    ck_assert(box_network_listens(with_listener, BOX_PROXY_PORT));
    const char *const argv[] = {"python3", "-c",
                                "import socket\n"
                                "socket.create_connection(('127.0.0.1', 3128)).sendall(b'from inside')\n",
                                NULL};
    BoxSpec spec = testing_spec(argv);
    spec.shared_network = with_listener;
    BoxResult result = testing_run(client, &spec);
    assert_says(&result, "");
    file_autofd int fd = accept4(box_network_listener(with_listener), NULL, NULL, SOCK_CLOEXEC);
    char text[32] = "";
    ck_assert_int_eq(read(fd, text, sizeof text - 1), 11);
    ck_assert_str_eq(text, "from inside");
    box_network_close(with_listener);
}
END_TEST

START_TEST(nothing_is_left_when_it_is_over)
{
    BoxBeside *service = start_service(echo_service);
    BoxResult result;
    box_beside_finish(service, &result);
    box_result_clear(&result);
    ck_assert_int_eq(testing_count_commands(echo_service), 0);
}
END_TEST

int main(void)
{
    if (!testing_can_box())
        return 0;
    if (access("/usr/bin/python3", X_OK) < 0) {
        puts("skipped: no python3");
        return 0;
    }
    TCase *tests = tcase_create("network");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_client_in_another_box_reaches_the_service);
    tcase_add_test(tests, what_a_service_says_and_answers_is_seen_from_outside_while_it_runs);
    tcase_add_test(tests, the_client_sees_neither_processes_nor_files_of_the_service);
    tcase_add_test(tests, names_of_local_sockets_are_not_shared_where_landlock_can_scope_them);
    tcase_add_test(tests, neither_box_reaches_the_host_nor_changes_the_network);
    tcase_add_test(tests, a_service_that_ends_by_itself_tells_how);
    tcase_add_test(tests, two_networks_do_not_meet);
    tcase_add_test(tests, the_listener_of_a_network_is_reached_in_its_boxes);
    tcase_add_test(tests, nothing_is_left_when_it_is_over);
    Suite *suite = suite_create("sandbox/network");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
