/* SPDX-License-Identifier: Apache-2.0 */
/* A server on 127.0.0.1 in a child, which gives each request the same answer. */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/unit/net/fixture.h"

static int listener = -1;
static pid_t server_pid;

/* Each connection: a request that ends with its JSON, appended to <folder>/requests, then `answer`; NULL: none, the
 * connection ends. */
static inline void serve(const char *folder, const char *answer)
{
    g_autofree char *log = g_build_filename(folder, "requests", NULL);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        GString *request = g_string_new(NULL);
        char block[4096];
        while (!g_str_has_suffix(request->str, "}")) {
            ssize_t n = read(connection, block, sizeof block);
            if (n <= 0)
                break;
            g_string_append_len(request, block, n);
        }
        FILE *file = fopen(log, "a");
        if (!file || fputs(request->str, file) < 0 || fclose(file) != 0)
            _exit(1);
        g_string_free(request, TRUE);
        if (answer && write(connection, answer, strlen(answer)) < 0)
            _exit(1);
        close(connection);
    }
}

/* The URL of `path` on it; caller frees. */
static inline char *answering_start(const char *folder, const char *answer, const char *path)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(listen(listener, 8), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    server_pid = fork();
    if (server_pid == 0)
        serve(folder, answer);
    return g_strdup_printf("http://127.0.0.1:%d%s", ntohs(address.sin_port), path);
}

/* Ends it, if there is one. */
static inline void answering_stop(void)
{
    if (server_pid > 0) {
        kill(server_pid, SIGKILL);
        waitpid(server_pid, NULL, 0);
    }
    if (listener >= 0)
        close(listener);
    server_pid = 0;
    listener = -1;
}

/* All that was asked of it; free *ret_requests. */
static inline void answering_read(const char *folder, char **ret_requests)
{
    g_autofree char *log = g_build_filename(folder, "requests", NULL);
    ck_assert_good(g_file_get_contents(log, ret_requests, NULL, error));
}
