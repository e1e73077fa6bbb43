/* SPDX-License-Identifier: Apache-2.0 */
/* tests/lib/github_standin.py as a child: GitHub on 127.0.0.1 for a C test. */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "daemon/net/github.h"
#include "daemon/net/http.h"
#include "tests/unit/net/fixture.h"

typedef struct {
    Process process;
    int stdin_fd; /* it ends when this does */
    char *folder, *url;
    HttpClient *http;
    GithubConfig config; /* of its App */
} Standin;

static inline void standin_start(Standin *s, const char *folder, bool with_git)
{
    *s = (Standin){.folder = g_build_filename(folder, "github", NULL)};
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    s->stdin_fd = ends[1];
    g_autofree char *port_file = g_build_filename(folder, "port", NULL);
    const char *const argv[] = {"python3",
                                SOURCE_FOLDER "/tests/lib/github_standin.py",
                                "--folder",
                                s->folder,
                                "--port-file",
                                port_file,
                                with_git ? "--git" : NULL,
                                NULL};
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.stdin_fd = ends[0];
    ck_assert_good(process_start(&spec, &s->process, error));
    close(ends[0]);
    const gint64 deadline_us = clock_monotonic_us() + 60 * CLOCK_SECOND_US;
    g_autofree char *port = NULL;
    while (!g_file_get_contents(port_file, &port, NULL, NULL) || !*port) {
        ck_assert_msg(clock_monotonic_us() < deadline_us, "the stand-in did not start");
        g_clear_pointer(&port, g_free);
        g_usleep(10000);
    }
    s->url = g_strdup_printf("http://127.0.0.1:%s", g_strstrip(port));
    ck_assert_good((s->http = http_client_new(20000, error)) != NULL);
    s->config = (GithubConfig){
        .api = s->url, .git = s->url, .app_id = 7, .key_file = g_build_filename(s->folder, "app.pem", NULL)};
}

static inline void standin_stop(Standin *s)
{
    close(s->stdin_fd);
    process_wait(&s->process, -1, NULL, NULL);
    http_client_free(s->http);
    g_free(s->config.key_file);
    g_free(s->url);
    g_free(s->folder);
}

/* One of its admin methods with a JSON object of arguments; the answer is the caller's. */
static inline cJSON *standin_do(Standin *s, const char *method, const char *arguments)
{
    g_autofree char *url = g_strdup_printf("%s/_admin/%s", s->url, method);
    const HttpRequest request = {.method = "POST",
                                 .url = url,
                                 .body = arguments,
                                 .body_length = strlen(arguments),
                                 .max_answer_bytes = 16 * 1024 * 1024};
    g_auto(HttpAnswer) answer = {0};
    ck_assert_good(http_request(s->http, &request, &answer, error));
    ck_assert_msg(answer.status == 200, "%s: %ld %s", method, answer.status, answer.body->str);
    return json_parse(answer.body->str, answer.body->len, NULL);
}

static inline void standin_tell(Standin *s, const char *method, const char *arguments)
{
    cJSON_Delete(standin_do(s, method, arguments));
}
