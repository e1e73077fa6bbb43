/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/service.h"

#include "graders/pattern.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static const gint64 default_within_us = 10 * CLOCK_SECOND_US, max_within_us = 600 * CLOCK_SECOND_US;

/* "http://127.0.0.1:8082/health" */
static void read_url(CommandService *service, YamlReader *reader)
{
    static const char *const starts[] = {"http://127.0.0.1", "http://localhost"};
    const unsigned http_port = 80, decimal = 10;
    const char *url = yaml_read_text(reader, "http", YAML_OPTIONAL, NULL), *rest = NULL;
    for (gsize i = 0; url && i < G_N_ELEMENTS(starts); i++)
        rest = g_str_has_prefix(url, starts[i]) ? url + strlen(starts[i]) : rest;
    gsize port_length = rest && *rest == ':' ? strcspn(rest + 1, "/") : 0;
    g_autofree char *digits = port_length > 0 ? g_strndup(rest + 1, port_length) : NULL;
    guint64 port = http_port;
    const char *path = rest && *rest == ':' ? rest + 1 + port_length : rest;
    bool is_good =
        path && (*path == '/' || *path == '\0') && !strpbrk(path, " \r\n\t") &&
        (*rest != ':' || (digits && g_ascii_string_to_unsigned(digits, decimal, 1, G_MAXUINT16, &port, NULL)));
    service->kind = READY_HTTP;
    if (!is_good && url) {
        yaml_report(yaml_get(reader->mapping, "http"), reader->diagnostics, SEVERITY_ERROR,
                    "http: expected an address in the box, as \"http://127.0.0.1:8082/health\"");
        return;
    }
    service->port = (unsigned)port;
    service->path = g_strdup(path && *path ? path : "/");
}

static void read_ready(CommandService *service, YamlReader *reader)
{
    const YamlNode *node = yaml_read_mapping(reader, "ready", YAML_REQUIRED);
    if (!node)
        return;
    YamlReader inner;
    yaml_reader_start(&inner, node, "ready", reader->diagnostics);
    service->port = (unsigned)yaml_read_integer(&inner, "port", YAML_OPTIONAL, 0, 1, G_MAXUINT16);
    if (yaml_get(node, "http"))
        read_url(service, &inner);
    else
        yaml_read_text(&inner, "http", YAML_OPTIONAL, NULL);
    service->line = pattern_read(&inner, "line");
    if (service->line)
        service->kind = READY_LINE;
    if (yaml_length(node) != 1)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR,
                    "ready: expected one of port: NUMBER, http: ADDRESS, line: PATTERN");
    if (service->port == BOX_PROXY_PORT)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "ready: port %d is the proxy's", BOX_PROXY_PORT);
    yaml_reader_end(&inner);
}

CommandService *service_read(YamlReader *reader, RubricLoad *load)
{
    const YamlNode *node = yaml_read_mapping(reader, "service", YAML_OPTIONAL);
    if (!node)
        return NULL;
    CommandService *service = g_new0(CommandService, 1);
    YamlReader inner;
    yaml_reader_start(&inner, node, "service", reader->diagnostics);
    command_read_program(&service->command, &inner, "run", load);
    read_ready(service, &inner);
    service->within_us = yaml_read_span_us(&inner, "within", YAML_OPTIONAL, default_within_us);
    if (service->within_us < 1000 || service->within_us > max_within_us)
        yaml_report(yaml_get(node, "within"), reader->diagnostics, SEVERITY_ERROR,
                    "within: expected a time of at most 10min");
    yaml_reader_end(&inner);
    return service;
}

void service_free(CommandService *service)
{
    if (!service)
        return;
    command_clear(&service->command);
    g_free(service->path);
    g_clear_pointer(&service->line, g_regex_unref);
    g_free(service);
}

BoxLimits service_limits(const CommandService *service, const Check *check)
{
    BoxLimits limits = check->limits;
    limits.wall_ms += service->within_us / 1000;
    return limits;
}

/* ---- is it ready? -------------------------------------------------------------------------------------------------
 */

static bool is_ready_for(int fd, short events, int timeout_ms)
{
    struct pollfd waiting = {fd, events, 0};
    return poll(&waiting, 1, timeout_ms) > 0;
}

/* The status of its answer, 0: there was none. It is hostile: only the first line's beginning is looked at. */
static int ask_status(const CommandService *service, const BoxSharedNetwork *network)
{
    const int patience_ms = 2000;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((guint16)service->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    file_autofd int fd = box_network_socket(network);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        return 0;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        return 0;
    g_autofree char *request = g_strdup_printf("GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n",
                                               service->path, service->port);
    if (!is_ready_for(fd, POLLOUT, patience_ms) || send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        return 0;
    char answer[sizeof "HTTP/1.1 200"] = "";
    gsize length = 0;
    while (length < sizeof answer - 1 && is_ready_for(fd, POLLIN, patience_ms)) {
        ssize_t n = recv(fd, answer + length, sizeof answer - 1 - length, 0);
        if (n <= 0)
            break;
        length += (gsize)n;
    }
    bool is_http = g_str_has_prefix(answer, "HTTP/1.") && length == sizeof answer - 1 && answer[8] == ' ';
    const unsigned decimal = 10;
    guint64 status;
    return is_http && g_ascii_string_to_unsigned(answer + strlen("HTTP/1.1 "), decimal, 1, 999, &status, NULL)
               ? (int)status
               : 0;
}

static bool has_said(const CommandService *service, const BoxBeside *box)
{
    g_autofree char *text = g_malloc(PATTERN_MAX_TEXT + 1);
    ssize_t n = pread(box_beside_said_fd(box), text, PATTERN_MAX_TEXT, 0);
    bool is_found = false;
    return n > 0 && pattern_found(service->line, text, (gsize)n, &is_found, NULL) && is_found;
}

/* NULL: it is ready. Else what it lacks; caller frees. */
static char *find_lack(const CommandService *service, const BoxSharedNetwork *network, const BoxBeside *box)
{
    const int status_ok = 200;
    if (service->kind == READY_LINE)
        return has_said(service, box) ? NULL
                                      : g_strdup_printf("it printed no line with \"%s\"", pattern_text(service->line));
    if (!box_network_listens(network, service->port))
        return g_strdup_printf("nothing listened on port %u", service->port);
    int status = service->kind == READY_HTTP ? ask_status(service, network) : status_ok;
    if (status == status_ok)
        return NULL;
    return status == 0
               ? g_strdup_printf("http://127.0.0.1:%u%s did not answer", service->port, service->path)
               : g_strdup_printf("http://127.0.0.1:%u%s answered with status %d", service->port, service->path, status);
}

ServiceState service_wait(const CommandService *service, const BoxSharedNetwork *network, const BoxBeside *box,
                          char **ret_lacks)
{
    const gulong pause_us = 10000;
    gint64 deadline_us = clock_monotonic_us() + service->within_us;
    for (;;) {
        g_autofree char *lack = find_lack(service, network, box);
        if (!lack)
            return SERVICE_READY;
        if (box_beside_has_ended(box))
            return SERVICE_ENDED;
        if (clock_monotonic_us() >= deadline_us) {
            *ret_lacks = g_steal_pointer(&lack);
            return SERVICE_LATE;
        }
        g_usleep(pause_us);
    }
}
