/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

static ProxyRequest parse(const char *head)
{
    ProxyRequest request;
    proxy_request_parse(head, strlen(head), &request);
    return request;
}

START_TEST(connect_names_a_host_and_a_port)
{
    ProxyRequest request = parse("CONNECT api.example.org:443 HTTP/1.1\r\nHost: other.org\r\n\r\n");
    ck_assert_ptr_null(request.problem);
    ck_assert_str_eq(request.method, "CONNECT");
    ck_assert_str_eq(request.host->name, "api.example.org");
    ck_assert_int_eq(request.host->port, 443);
    ck_assert_ptr_null(request.head);
    proxy_request_clear(&request);
}
END_TEST

START_TEST(a_whole_address_is_made_a_request_to_its_host)
{
    ProxyRequest request = parse("GET http://Example.org:8080/a?b=c HTTP/1.1\r\nHost: 169.254.169.254\r\n"
                                 "Proxy-Authorization: x\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n");
    ck_assert_ptr_null(request.problem);
    ck_assert_str_eq(request.host->name, "example.org");
    ck_assert_str_eq(request.head, "GET /a?b=c HTTP/1.1\r\nHost: Example.org:8080\r\nConnection: close\r\n"
                                   "Accept: */*\r\n\r\n");
    proxy_request_clear(&request);
    request = parse("POST http://example.org HTTP/1.0\r\n\r\n");
    ck_assert_int_eq(request.host->port, 80);
    ck_assert(g_str_has_prefix(request.head, "POST / HTTP/1.1\r\n"));
    proxy_request_clear(&request);
}
END_TEST

START_TEST(whatever_is_odd_is_refused)
{
    static const char *const bad[] = {
        "",
        "\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        "GET https://example.org/ HTTP/1.1\r\n\r\n",
        "GET http:///x HTTP/1.1\r\n\r\n",
        "GET http://user:word@example.org/ HTTP/1.1\r\n\r\n",
        "GET http://example.org:80:80/ HTTP/1.1\r\n\r\n",
        "GET http://example.org\\@other/ HTTP/1.1\r\n\r\n",
        "GET http://example.org/ HTTP/2.0\r\n\r\n",
        "GET http://example.org/ HTTP/1.1 x\r\n\r\n",
        "GET  http://example.org/ HTTP/1.1\r\n\r\n",
        "get http://example.org/ HTTP/1.1\r\n\r\n",
        "CONNECT example.org HTTP/1.1\r\n\r\n",
        "CONNECT http://example.org:80 HTTP/1.1\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\n\n",
        "CONNECT example.org:80 HTTP/1.1\r\nA: b\nHost: c\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\nA: \x01\r\n\r\n",
        "CONNECT example.org:80 HTTP/1.1\r\n",
        "CONNECT 2130706433:80 HTTP/1.1\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        ProxyRequest request = parse(bad[i]);
        ck_assert_msg(request.problem != NULL, "%s", bad[i]);
        ck_assert(!request.host && !request.head && !request.method);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("request");
    tcase_add_test(tests, connect_names_a_host_and_a_port);
    tcase_add_test(tests, a_whole_address_is_made_a_request_to_its_host);
    tcase_add_test(tests, whatever_is_odd_is_refused);
    Suite *suite = suite_create("proxy/request");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
