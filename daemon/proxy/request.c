/* SPDX-License-Identifier: Apache-2.0 */
/* A request's head: HTTP/1, `CONNECT host:port` or a target that is a whole http address (RFC 9112, 3.2). */
#include "daemon/proxy/private.h"

#include <string.h>

static const gsize max_method = 20;
static const guint16 http_port = 80;

void proxy_request_clear(ProxyRequest *request)
{
    g_clear_pointer(&request->method, g_free);
    g_clear_pointer(&request->host, proxy_host_free);
    g_clear_pointer(&request->head, g_free);
}

/* Printable, tabs within; lines end in CR LF and nowhere else, and none continues the one before. */
static bool is_text(const char *head, gsize length)
{
    for (gsize i = 0; i < length; i++) {
        unsigned char c = (unsigned char)head[i];
        bool ends_line = c == '\r' && i + 1 < length && head[i + 1] == '\n';
        if (ends_line && i + 2 < length && (head[i + 2] == ' ' || head[i + 2] == '\t'))
            return false;
        i += ends_line;
        if (!ends_line && c != '\t' && (c < ' ' || c == 0x7f))
            return false;
    }
    return true;
}

/* Of this one hop, or ours to say. */
static bool is_of_hop(const char *line)
{
    static const char *const names[] = {
        "host:", "connection:", "keep-alive:", "proxy-connection:", "proxy-authorization:", "upgrade:"};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

static char *make_head(const char *method, const char *authority, const char *path, char **lines)
{
    GString *head = g_string_new(NULL);
    g_string_append_printf(head, "%s %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", method,
                           *path == '/' ? "" : "/", path, authority);
    for (gsize i = 1; lines[i] && *lines[i]; i++) {
        if (!is_of_hop(lines[i]))
            g_string_append_printf(head, "%s\r\n", lines[i]);
    }
    g_string_append(head, "\r\n");
    return g_string_free(head, FALSE);
}

static const char *read_target(const char *target, char **lines, ProxyRequest *request)
{
    static const char scheme[] = "http://";
    if (g_str_equal(request->method, "CONNECT")) {
        request->host = host_parse(target, 0);
        return request->host ? NULL : "CONNECT needs NAME:PORT";
    }
    if (g_ascii_strncasecmp(target, scheme, strlen(scheme)) != 0)
        return "not a request to a proxy: its target is no http:// address";
    const char *start = target + strlen(scheme), *path = start + strcspn(start, "/?#");
    g_autofree char *authority = g_strndup(start, (gsize)(path - start));
    request->host = host_parse(authority, http_port);
    if (!request->host)
        return "the target's host is malformed";
    request->head = make_head(request->method, authority, path, lines);
    return NULL;
}

static bool is_method(const char *text)
{
    gsize length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
    return length > 0 && length <= max_method && text[length] == '\0';
}

static const char *read_head(const char *text, ProxyRequest *request)
{
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    g_auto(GStrv) words = g_strsplit(lines[0] ? lines[0] : "", " ", -1);
    if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.") || strlen(words[2]) != strlen("HTTP/1.1"))
        return "not an HTTP/1 request";
    if (!is_method(words[0]))
        return "the method is malformed";
    request->method = g_strdup(words[0]);
    return read_target(words[1], lines, request);
}

void proxy_request_parse(const char *head, gsize length, ProxyRequest *ret_request)
{
    static const char end[] = "\r\n\r\n";
    *ret_request = (ProxyRequest){.problem = "not text"};
    bool is_whole = length >= strlen(end) && memcmp(head + length - strlen(end), end, strlen(end)) == 0;
    if (!is_whole || length > PROXY_HEAD_BYTES || !is_text(head, length))
        return;
    g_autofree char *text = g_strndup(head, length);
    ret_request->problem = read_head(text, ret_request);
    if (ret_request->problem)
        proxy_request_clear(ret_request);
}
