/* SPDX-License-Identifier: Apache-2.0 */
/* A broker and a gate between a listening socket, as a box's network has one, and servers on 127.0.0.1. */
#include "fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static Proxy *proxy;
static ProxyGate *gate;
static int gate_fd, server_fd;
static guint16 gate_port, server_port;

static int listen_on(guint16 *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int backlog = 256;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int connect_to(guint16 port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A gate to the server by its address, and to what leads to it by a name. */
static void set_up(void)
{
    gate_fd = listen_on(&gate_port);
    server_fd = listen_on(&server_port);
    g_autofree char *by_address = g_strdup_printf("127.0.0.1:%u", server_port);
    g_autofree char *by_name = g_strdup_printf("localhost:%u", server_port);
    const char *const hosts[] = {by_address, by_name, "no-such-name.invalid:80", NULL};
    g_autoptr(GError) error = NULL;
    proxy = proxy_start(hosts, &error);
    ck_assert_msg(proxy != NULL, "%s", error ? error->message : "");
    gate = proxy_gate_open(proxy_fd(proxy), gate_fd, hosts, &error);
    ck_assert_ptr_nonnull(gate);
}

static char *close_gate(void)
{
    char *log;
    proxy_gate_close(gate, &log);
    gate = NULL;
    return log;
}

static void tear_down(void)
{
    if (gate)
        g_free(close_gate());
    proxy_free(proxy);
    close(gate_fd);
    close(server_fd);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (int)strlen(text));
}

static char *hear_all(int fd)
{
    GString *text = g_string_new(NULL);
    char part[4096];
    for (ssize_t n = read(fd, part, sizeof part); n > 0; n = read(fd, part, sizeof part))
        g_string_append_len(text, part, n);
    return g_string_free(text, FALSE);
}

static void hear(int fd, const char *wanted)
{
    gsize length = strlen(wanted);
    g_autofree char *text = g_malloc0(length + 1);
    ck_assert_int_eq(recv(fd, text, length, MSG_WAITALL), (int)length);
    ck_assert_str_eq(text, wanted);
}

/* What comes back to a request that must not get through. */
static char *ask(const char *request)
{
    file_autofd int fd = connect_to(gate_port);
    say(fd, request);
    char *answer = hear_all(fd);
    struct pollfd server = {server_fd, POLLIN, 0};
    ck_assert_int_eq(poll(&server, 1, 0), 0);
    return answer;
}

static void assert_refused(const char *request, const char *status, const char *words)
{
    g_autofree char *answer = ask(request);
    ck_assert_msg(g_str_has_prefix(answer, status) && strstr(answer, words), "%s -> %s", request, answer);
}

START_TEST(a_named_address_is_let_through_both_ways)
{
    file_autofd int fd = connect_to(gate_port);
    g_autofree char *request = g_strdup_printf("CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\nearly ", server_port);
    say(fd, request);
    file_autofd int server = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);
    hear(fd, "HTTP/1.1 200 OK\r\n\r\n");
    say(fd, "bird");
    hear(server, "early bird");
    say(server, "worm");
    shutdown(server, SHUT_WR);
    g_autofree char *answer = hear_all(fd);
    ck_assert_str_eq(answer, "worm");
    shutdown(fd, SHUT_WR);
    g_autofree char *end = hear_all(server);
    ck_assert_str_eq(end, "");
    g_autofree char *log = close_gate();
    g_autofree char *wanted =
        g_strdup_printf("CONNECT 127.0.0.1:%u: let through to 127.0.0.1; 10 bytes sent, 4 received in ", server_port);
    ck_assert_msg(g_str_has_prefix(log, wanted), "%s", log);
}
END_TEST

START_TEST(a_plain_request_is_handed_on)
{
    file_autofd int fd = connect_to(gate_port);
    g_autofree char *request = g_strdup_printf(
        "GET http://127.0.0.1:%u/page HTTP/1.1\r\nHost: elsewhere\r\nAccept: text/plain\r\n\r\n", server_port);
    say(fd, request);
    file_autofd int server = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);
    g_autofree char *wanted = g_strdup_printf(
        "GET /page HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\nAccept: text/plain\r\n\r\n", server_port);
    hear(server, wanted);
    say(server, "HTTP/1.1 204 No Content\r\n\r\n");
    shutdown(server, SHUT_RDWR);
    g_autofree char *answer = hear_all(fd);
    ck_assert_str_eq(answer, "HTTP/1.1 204 No Content\r\n\r\n");
}
END_TEST

START_TEST(other_hosts_ports_and_addresses_are_refused)
{
    g_autofree char *other_port = g_strdup_printf("CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\n", gate_port);
    g_autofree char *other_address = g_strdup_printf("CONNECT 127.0.0.2:%u HTTP/1.1\r\n\r\n", server_port);
    g_autofree char *mapped = g_strdup_printf("CONNECT [::ffff:127.0.0.1]:%u HTTP/1.1\r\n\r\n", server_port);
    g_autofree char *number = g_strdup_printf("CONNECT 2130706433:%u HTTP/1.1\r\n\r\n", server_port);
    assert_refused(other_port, "HTTP/1.1 403", "not one of the hosts");
    assert_refused(other_address, "HTTP/1.1 403", "not one of the hosts");
    assert_refused(mapped, "HTTP/1.1 403", "not one of the hosts");
    assert_refused(number, "HTTP/1.1 400", "CONNECT needs");
    assert_refused("CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 403", "not one of the hosts");
    assert_refused("GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\n\r\n", "HTTP/1.1 403", "not one of");
    assert_refused("CONNECT example.org:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 403", "not one of the hosts");
    g_autofree char *log = close_gate();
    ck_assert(strstr(log, "CONNECT 169.254.169.254:80: refused: not one of the check's hosts\n"));
    ck_assert(strstr(log, "GET 169.254.169.254:80: refused: not one of the check's hosts\n"));
}
END_TEST

/* As a name whose owner has it lead into our network. */
START_TEST(a_name_that_leads_to_a_private_address_is_refused)
{
    g_autofree char *request = g_strdup_printf("CONNECT localhost:%u HTTP/1.1\r\n\r\n", server_port);
    g_autofree char *answer = ask(request);
    ck_assert_msg(g_str_has_prefix(answer, "HTTP/1.1 502") && strstr(answer, "which is not public"), "%s", answer);
    g_autofree char *log = close_gate();
    ck_assert_msg(strstr(log, "refused: the name leads to ") != NULL, "%s", log);
}
END_TEST

START_TEST(what_cannot_be_reached_says_so)
{
    assert_refused("CONNECT no-such-name.invalid:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 502", "cannot be looked up");
    close(server_fd);
    g_autofree char *request = g_strdup_printf("CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\n", server_port);
    file_autofd int fd = connect_to(gate_port);
    say(fd, request);
    g_autofree char *answer = hear_all(fd);
    ck_assert_msg(strstr(answer, "127.0.0.1 does not answer") != NULL, "%s", answer);
    server_fd = -1;
}
END_TEST

START_TEST(a_head_without_end_is_refused)
{
    file_autofd int fd = connect_to(gate_port);
    g_autofree char *filler = g_strnfill(PROXY_HEAD_BYTES, 'a');
    say(fd, "CONNECT example.org:443 HTTP/1.1\r\nA: ");
    say(fd, filler);
    g_autofree char *answer = hear_all(fd);
    ck_assert_msg(answer[0] == '\0' || strstr(answer, "larger than 8 KiB"), "%s", answer);
    g_autofree char *log = close_gate();
    ck_assert_str_eq(log, "refused: the request's head is larger than 8 KiB\n");
}
END_TEST

/* They hold what a gate serves at once; others wait, and are served when the slow ones are given up. */
START_TEST(slow_clients_hinder_others_for_a_while_only)
{
    const int n_slow = 16;
    int slow[16];
    for (int i = 0; i < n_slow; i++) {
        slow[i] = connect_to(gate_port);
        say(slow[i], "CONNECT");
    }
    assert_refused("CONNECT example.org:443 HTTP/1.1\r\n\r\n", "HTTP/1.1 403", "not one of the hosts");
    for (int i = 0; i < n_slow; i++) {
        g_autofree char *answer = hear_all(slow[i]);
        ck_assert_msg(strstr(answer, "no whole request came within 10 s") != NULL, "%s", answer);
        close(slow[i]);
    }
}
END_TEST

START_TEST(connections_are_counted)
{
    const int n_many = 210;
    for (int i = 0; i < n_many; i++) {
        file_autofd int fd = connect_to(gate_port);
        send(fd, "x\r\n\r\n", 5, MSG_NOSIGNAL);
        g_free(hear_all(fd));
    }
    g_autofree char *log = close_gate();
    g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
    ck_assert_uint_eq(g_strv_length(lines), 202); /* 200, one for the rest, and the end */
    ck_assert(strstr(log, "more than 200 connections"));
}
END_TEST

START_TEST(the_gate_ends_with_the_box)
{
    file_autofd int fd = connect_to(gate_port);
    g_autofree char *request = g_strdup_printf("CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\n", server_port);
    say(fd, request);
    file_autofd int server = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);
    hear(fd, "HTTP/1.1 200 OK\r\n\r\n");
    g_autofree char *log = close_gate();
    ck_assert_msg(strstr(log, "; the box ended\n") != NULL, "%s", log);
    g_autofree char *end = hear_all(server);
    ck_assert_str_eq(end, "");
}
END_TEST

START_TEST(a_gate_opens_no_more_than_its_broker_was_told)
{
    const char *const hosts[] = {"192.0.2.1:80", NULL};
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(proxy_gate_open(proxy_fd(proxy), gate_fd, hosts, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY));
    assert_refused("CONNECT 192.0.2.1:80 HTTP/1.1\r\n\r\n", "HTTP/1.1 403", "not one of the hosts");
}
END_TEST

START_TEST(all_ends_with_the_broker)
{
    file_autofd int fd = connect_to(gate_port);
    g_autofree char *request = g_strdup_printf("CONNECT 127.0.0.1:%u HTTP/1.1\r\n\r\n", server_port);
    say(fd, request);
    file_autofd int server = accept4(server_fd, NULL, NULL, SOCK_CLOEXEC);
    hear(fd, "HTTP/1.1 200 OK\r\n\r\n");
    proxy_free(proxy);
    proxy = NULL;
    g_autofree char *end = hear_all(server);
    ck_assert_str_eq(end, "");
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("proxy");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_named_address_is_let_through_both_ways);
    tcase_add_test(tests, a_plain_request_is_handed_on);
    tcase_add_test(tests, other_hosts_ports_and_addresses_are_refused);
    tcase_add_test(tests, a_name_that_leads_to_a_private_address_is_refused);
    tcase_add_test(tests, what_cannot_be_reached_says_so);
    tcase_add_test(tests, a_head_without_end_is_refused);
    tcase_add_test(tests, slow_clients_hinder_others_for_a_while_only);
    tcase_add_test(tests, connections_are_counted);
    tcase_add_test(tests, the_gate_ends_with_the_box);
    tcase_add_test(tests, a_gate_opens_no_more_than_its_broker_was_told);
    tcase_add_test(tests, all_ends_with_the_broker);
    Suite *suite = suite_create("proxy/proxy");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
