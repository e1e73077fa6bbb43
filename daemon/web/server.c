/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd in this one thread: its epoll fd is polled beside the wake socket. The library bounds the number of
 * connections, the bytes of a head and the time between two bytes; what it does not bound is the time of a whole
 * request, so each connection remembers since when it is in its phase, and a sweep shuts down those that dawdle.
 */
#include "daemon/web/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const unsigned max_connections = 512;
static const unsigned idle_timeout_s = 15;
static const size_t head_memory_bytes = 32 * 1024;
static const gint64 longest_head_us = 20 * CLOCK_SECOND_US, longest_answer_us = 60 * CLOCK_SECOND_US;
static const gint64 longest_wait_us = 10 * 60 * CLOCK_SECOND_US; /* asleep, a large body's way to the disk included */
static const gint64 slowest_bytes_per_second = 16 * 1024;        /* of a body */

typedef struct {
    int fd;
    gint64 end_mono_us; /* when its phase must be over */
} Connection;

static Connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void give_time(struct MHD_Connection *connection, gint64 span_us)
{
    Connection *mine = connection_of(connection);
    if (mine)
        mine->end_mono_us = clock_monotonic_us() + span_us;
}

static void note_connection(void *data, struct MHD_Connection *connection, void **socket_context,
                            enum MHD_ConnectionNotificationCode code)
{
    Web *web = data;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        g_hash_table_remove(web->connections, *socket_context);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    Connection *mine = g_new0(Connection, 1);
    mine->fd = info ? info->connect_fd : -1;
    mine->end_mono_us = clock_monotonic_us() + longest_head_us;
    g_hash_table_add(web->connections, mine);
    *socket_context = mine;
}

void server_sweep(Web *web)
{
    gint64 now_us = clock_monotonic_us();
    GHashTableIter iter;
    gpointer key = NULL;
    g_hash_table_iter_init(&iter, web->connections);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        const Connection *connection = key;
        if (connection->end_mono_us < now_us && connection->fd >= 0)
            shutdown(connection->fd, SHUT_RDWR); /* the library meets the end of it and closes */
    }
}

static enum MHD_Result send_answer(Exchange *exchange)
{
    const Answer *answer = &exchange->answer;
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body ? answer->body->len : 0, answer->body ? answer->body->str : (char *)"", MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->allowed)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allowed);
    if (answer->state)
        MHD_add_response_header(response, "X-Rubricd-State", answer->state);
    if (answer->number)
        MHD_add_response_header(response, "X-Rubricd-Submission", answer->number);
    if (answer->retry_after_s > 0) {
        g_autofree char *seconds = g_strdup_printf("%" G_GINT64_FORMAT, answer->retry_after_s);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    /* Whatever follows a refused head cannot be trusted to be a request. */
    if (answer->status >= 400)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    give_time(exchange->connection, longest_answer_us);
    enum MHD_Result queued = MHD_queue_response(exchange->connection, answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result handle(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **state)
{
    Exchange *exchange = *state;
    if (!exchange) {
        *state = exchange = exchange_new(data, connection, method, url);
        exchange_begin(exchange);
        if (exchange->answer.status && !exchange_reads_on(exchange))
            return send_answer(exchange);
        give_time(connection, longest_head_us + exchange->length / slowest_bytes_per_second * CLOCK_SECOND_US);
        return MHD_YES;
    }
    if (*upload_data_size > 0) {
        exchange_receive(exchange, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return MHD_YES;
    }
    exchange_finish(exchange);
    if (exchange->answer.status)
        return send_answer(exchange);
    give_time(connection, longest_wait_us);
    MHD_suspend_connection(connection);
    g_ptr_array_add(exchange->web->waiting, exchange);
    return MHD_YES;
}

static void note_completed(void *data, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode code)
{
    exchange_free(*state);
    *state = NULL;
    give_time(connection, longest_head_us);
}

/* Paths are compared as they were sent: one spelling, and no byte that hides in an escape. */
static size_t leave_escaped(void *data, struct MHD_Connection *connection, char *text)
{
    return strlen(text);
}

/* ---- start
 * ----------------------------------------------------------------------------------------------------------------- */

/* The port may be 0, for tests: what was bound stands in <state>/run/web.address. */
static bool write_address(const Web *web, int fd, GError **error)
{
    struct sockaddr_in6 bound = {0}; /* has room for either family, and the port in the same place */
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)&bound, &length) < 0)
        return error_set_errno(error, errno, "cannot tell the address");
    in_port_t port = bound.sin6_port;
    bool is_six = bound.sin6_family == AF_INET6;
    g_autofree char *text =
        g_strdup_printf("%s%s%s:%u", is_six ? "[" : "", web->about->address, is_six ? "]" : "", ntohs(port));
    g_autofree char *path = g_build_filename(web->config->state_folder, "run", "web.address", NULL);
    log_event(LOG_NOTICE, "listening", "address", text, NULL);
    return file_write_atomic(path, text, strlen(text), 0600, error);
}

static int open_listener(const Web *web, GError **error)
{
    const WebConfig *about = web->about;
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(about->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(about->port)};
    bool is_four = inet_pton(AF_INET, about->address, &four.sin_addr) == 1;
    bool is_six = !is_four && inet_pton(AF_INET6, about->address, &six.sin6_addr) == 1;
    file_autofd int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1, backlog = 256;
    const struct sockaddr *address = is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if ((!is_four && !is_six) || fd < 0 || bind(fd, address, is_six ? sizeof six : sizeof four) < 0 ||
        listen(fd, backlog) < 0) {
        error_set_errno(error, errno, "cannot listen on %s port %u", about->address, about->port);
        return -1;
    }
    return write_address(web, fd, error) ? file_steal_fd(&fd) : -1;
}

static void allow_files(void)
{
    const rlim_t wanted = 4096;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = MIN(wanted, limit.rlim_max);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

bool server_start(Web *web, GError **error)
{
    allow_files();
    web->connections = g_hash_table_new_full(NULL, NULL, g_free, NULL);
    web->waiting = g_ptr_array_new();
    int fd = open_listener(web, error);
    if (fd < 0)
        return false;
    web->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, handle, web, /* options: */
                         MHD_OPTION_LISTEN_SOCKET, (MHD_socket)fd, MHD_OPTION_CONNECTION_LIMIT, max_connections,
                         MHD_OPTION_CONNECTION_TIMEOUT, idle_timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         head_memory_bytes, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
                         MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_CONNECTION,
                         note_connection, web, MHD_OPTION_NOTIFY_COMPLETED, note_completed, NULL, MHD_OPTION_END);
    if (web->daemon)
        return true;
    close(fd);
    return error_set(error, RUBRIC_ERROR_SYSTEM, "the HTTP server cannot be started");
}

void server_stop(Web *web)
{
    for (guint i = 0; web->daemon && i < web->waiting->len; i++) /* the library does not stop while one sleeps */
        MHD_resume_connection(((const Exchange *)g_ptr_array_index(web->waiting, i))->connection);
    if (web->daemon)
        MHD_stop_daemon(web->daemon);
    web->daemon = NULL;
    g_clear_pointer(&web->waiting, g_ptr_array_unref);
    g_clear_pointer(&web->connections, g_hash_table_unref);
}

void server_tick(Web *web)
{
    for (guint i = web->waiting->len; i > 0; i--) {
        Exchange *exchange = g_ptr_array_index(web->waiting, i - 1);
        exchange_tick(exchange);
        if (!exchange->answer.status)
            continue;
        g_ptr_array_remove_index_fast(web->waiting, i - 1);
        MHD_resume_connection(exchange->connection);
    }
}

bool server_serve(Web *web, gint64 until_mono_us)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    gint64 wait_ms = MAX(until_mono_us - clock_monotonic_us(), 0) / 1000 + 1;
    if (MHD_get_timeout(web->daemon, &library_ms) == MHD_YES)
        wait_ms = MIN(wait_ms, (gint64)MIN(library_ms, G_MAXINT));
    g_autoptr(GArray) polled = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    const struct pollfd own[] = {{.fd = role_wake_fd(web->role), .events = POLLIN},
                                 {.fd = info->epoll_fd, .events = POLLIN}};
    g_array_append_vals(polled, own, G_N_ELEMENTS(own));
    for (guint i = 0; i < web->waiting->len; i++) {
        const struct pollfd fd = {.fd = exchange_fd(g_ptr_array_index(web->waiting, i)), .events = POLLIN};
        if (fd.fd >= 0)
            g_array_append_val(polled, fd);
    }
    struct pollfd *all = (struct pollfd *)(void *)polled->data;
    poll(all, polled->len, (int)wait_ms);
    bool has_news = all[0].revents != 0;
    for (guint i = G_N_ELEMENTS(own); i < polled->len; i++)
        has_news = has_news || all[i].revents != 0;
    wake_drain(role_wake_fd(web->role));
    MHD_run(web->daemon);
    return has_news;
}
