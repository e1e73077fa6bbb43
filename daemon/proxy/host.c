/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const gsize max_name = 253;

void proxy_host_free(ProxyHost *host)
{
    if (!host)
        return;
    g_free(host->name);
    g_free(host);
}

/* As inet_ntop writes it; NULL: not an address. inet_pton takes none of the shorter forms. */
static char *read_address(const char *text, bool is_bracketed)
{
    char shown[INET6_ADDRSTRLEN];
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = is_bracketed ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bytes) != 1)
        return NULL;
    return g_strdup(inet_ntop(family, bytes, shown, sizeof shown));
}

/* Letters, digits, '-', '_' and '.'; not all digits and dots, which some take for an address. */
static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    gsize length = strlen(text);
    const char *last = strrchr(text, '.');
    last = last ? last + 1 : text;
    bool ends_in_number = g_ascii_isdigit(*last) && last[strspn(last, "0123456789abcdefx")] == '\0';
    return length > 0 && length <= max_name && strspn(text, letters) == length && *text != '.' && *text != '-' &&
           !strstr(text, "..") && !ends_in_number;
}

ProxyHost *host_parse(const char *text, guint16 default_port)
{
    bool is_bracketed = *text == '[';
    const char *end = is_bracketed ? strchr(text, ']') : text + strcspn(text, ":");
    if (!end)
        return NULL;
    g_autofree char *inner =
        is_bracketed ? g_strndup(text + 1, (gsize)(end - text) - 1) : g_ascii_strdown(text, end - text);
    const char *rest = end + is_bracketed;
    guint64 port = default_port;
    const unsigned decimal = 10;
    bool has_port = *rest == ':' && g_ascii_string_to_unsigned(rest + 1, decimal, 1, G_MAXUINT16, &port, NULL);
    if (!has_port && (*rest != '\0' || default_port == 0))
        return NULL;
    g_autofree char *address = read_address(inner, is_bracketed);
    gsize length = strlen(inner);
    if (!address && length > 1 && inner[length - 1] == '.')
        inner[length - 1] = '\0';
    if (!address && (is_bracketed || !is_name(inner)))
        return NULL;
    ProxyHost *host = g_new0(ProxyHost, 1);
    *host = (ProxyHost){.name = g_strdup(address ? address : inner), .port = (guint16)port, .is_address = address};
    return host;
}

ProxyHost *proxy_host_parse(const char *text, GError **error)
{
    const gsize max_shown = 100;
    ProxyHost *host = host_parse(text, 0);
    if (host)
        return host;
    g_autofree char *shown = text_truncate(text, max_shown);
    error_set(error, RUBRIC_ERROR_INVALID,
              "\"%s\" is not NAME:PORT (\"api.example.org:443\"), or an address and a port (\"192.0.2.1:80\", "
              "\"[2001:db8::1]:80\")",
              shown);
    return NULL;
}

bool host_equals(const ProxyHost *a, const ProxyHost *b)
{
    return a->port == b->port && a->is_address == b->is_address && g_str_equal(a->name, b->name);
}

char *host_show(const ProxyHost *host)
{
    return g_strdup_printf(strchr(host->name, ':') ? "[%s]:%u" : "%s:%u", host->name, host->port);
}

GPtrArray *hosts_parse(const char *const *texts, GError **error)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)proxy_host_free);
    for (gsize i = 0; texts && texts[i]; i++) {
        ProxyHost *host = proxy_host_parse(texts[i], error);
        if (!host)
            return NULL;
        g_ptr_array_add(hosts, host);
    }
    return g_steal_pointer(&hosts);
}

bool hosts_have(const GPtrArray *hosts, const ProxyHost *host)
{
    for (guint i = 0; i < hosts->len; i++) {
        if (host_equals(g_ptr_array_index(hosts, i), host))
            return true;
    }
    return false;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    guint32 network;
    unsigned bits;
} Block;

/* IANA's registry of special-purpose addresses, multicast and what is reserved. */
static const Block special_blocks[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0586300, 24}, {0xc0a80000, 16},
    {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
};

static bool is_public_4(guint32 address)
{
    const unsigned address_bits = 32;
    for (gsize i = 0; i < G_N_ELEMENTS(special_blocks); i++) {
        unsigned shift = address_bits - special_blocks[i].bits;
        if (address >> shift == special_blocks[i].network >> shift)
            return false;
    }
    return true;
}

/* Global unicast (2000::/3) without what leads into IPv4 by another name (2002::/16, 2001::/23 with Teredo) or is for
 * documentation (2001:db8::/32, 3fff::/20). */
static bool is_public_6(const guint8 *bytes)
{
    guint16 first = (guint16)(bytes[0] << 8 | bytes[1]), second = (guint16)(bytes[2] << 8 | bytes[3]);
    const guint16 unicast = 0x2000, to_ipv4 = 0x2002, special = 0x2001, documentation = 0x0db8, newer = 0x3fff;
    return (first & 0xe000) == unicast && first != to_ipv4 && first != newer &&
           !(first == special && (second < 0x0200 || second == documentation));
}

bool proxy_address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return is_public_4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    return address->sa_family == AF_INET6 &&
           is_public_6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
}

bool proxy_host_is_private(const ProxyHost *host)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (!host->is_address)
        return false;
    if (inet_pton(AF_INET, host->name, &v4.sin_addr) == 1)
        return !proxy_address_is_public((const struct sockaddr *)&v4);
    return inet_pton(AF_INET6, host->name, &v6.sin6_addr) == 1 &&
           !proxy_address_is_public((const struct sockaddr *)&v6);
}
