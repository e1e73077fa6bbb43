/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>

START_TEST(hosts_are_names_or_addresses_with_a_port)
{
    static const struct {
        const char *text, *name;
        int port;
        bool is_address;
    } good[] = {
        {"api.example.org:443", "api.example.org", 443, false},
        {"API.Example.ORG.:80", "api.example.org", 80, false},
        {"localhost:1", "localhost", 1, false},
        {"10.0.0.1:8082", "10.0.0.1", 8082, true},
        {"[2001:DB8::0:1]:65535", "2001:db8::1", 65535, true},
        {"a_b-c:80", "a_b-c", 80, false},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        ProxyHost *host = proxy_host_parse(good[i].text, &error);
        ck_assert_msg(host != NULL, "%s", good[i].text);
        ck_assert_str_eq(host->name, good[i].name);
        ck_assert_int_eq(host->port, good[i].port);
        ck_assert_int_eq(host->is_address, good[i].is_address);
        proxy_host_free(host);
    }
}
END_TEST

START_TEST(anything_else_is_no_host)
{
    static const char *const bad[] = {"",
                                      "example.org",
                                      "example.org:",
                                      ":80",
                                      "example.org:0",
                                      "example.org:65536",
                                      "example.org:80x",
                                      "http://example.org:80",
                                      "user@example.org:80",
                                      "2130706433:80",
                                      "0x7f.1:80",
                                      "127.1:80",
                                      "0177.0.0.1:80",
                                      "::1:80",
                                      "[::1]",
                                      "[::1:80",
                                      "[127.0.0.1]:80",
                                      "[fe80::1%lo]:80",
                                      "-a:80",
                                      ".a:80",
                                      "a..b:80",
                                      "a b:80",
                                      "*.example.org:80",
                                      "ex\xc3\xa4mple.org:80"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        ck_assert_msg(!proxy_host_parse(bad[i], &error), "%s", bad[i]);
        ck_assert_ptr_nonnull(error);
    }
}
END_TEST

static bool is_public(const char *text)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_in four = {.sin_family = AF_INET};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        return proxy_address_is_public((struct sockaddr *)&four);
    ck_assert_int_eq(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
    return proxy_address_is_public((struct sockaddr *)&six);
}

START_TEST(private_and_special_addresses_are_not_public)
{
    static const char *const special[] = {
        "0.0.0.0",
        "0.255.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.1.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.1",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.251",
        "239.1.1.1",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001::1",
        "2001:1ff::1",
        "2001:db8::1",
        "3fff::1",
        "ff02::1",
        "255.255.255.255",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(special); i++)
        ck_assert_msg(!is_public(special[i]), "%s", special[i]);
    static const char *const ordinary[] = {"1.1.1.1",      "9.255.255.255", "11.0.0.0",           "100.63.0.1",
                                           "100.128.0.1",  "172.15.0.1",    "172.32.0.1",         "192.167.1.1",
                                           "198.17.255.1", "223.255.255.1", "2606:4700:4700::64", "2a00:1450::1"};
    for (gsize i = 0; i < G_N_ELEMENTS(ordinary); i++)
        ck_assert_msg(is_public(ordinary[i]), "%s", ordinary[i]);
}
END_TEST

START_TEST(a_private_host_is_one_that_is_named_by_its_address)
{
    static const struct {
        const char *text;
        bool is_private;
    } hosts[] = {{"10.0.0.1:80", true}, {"[::1]:80", true},      {"169.254.169.254:80", true},
                 {"1.1.1.1:53", false}, {"localhost:80", false}, {"[2606:4700:4700::64]:80", false}};
    for (gsize i = 0; i < G_N_ELEMENTS(hosts); i++) {
        ProxyHost *host = proxy_host_parse(hosts[i].text, NULL);
        ck_assert_msg(proxy_host_is_private(host) == hosts[i].is_private, "%s", hosts[i].text);
        proxy_host_free(host);
    }
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("host");
    tcase_add_test(tests, hosts_are_names_or_addresses_with_a_port);
    tcase_add_test(tests, anything_else_is_no_host);
    tcase_add_test(tests, private_and_special_addresses_are_not_public);
    tcase_add_test(tests, a_private_host_is_one_that_is_named_by_its_address);
    Suite *suite = suite_create("proxy/host");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
