/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/proxy.h"
#include "daemon/worker/worker.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const int job_fd = 3;

static const char help[] =
    "Usage: rubric-worker [--zygote | --proxy]\n"
    "\n"
    "Grades one submission: reads a job as one frame of JSON from file descriptor 3, unpacks the submission in\n"
    "namespaces of its own, runs the rubric's checks and answers with one frame. rubricd and `rubric grade`\n"
    "start it; nobody calls it by hand.\n"
    "\n"
    "  --zygote   serve no job but fork workers as asked by packets on file descriptor 3\n"
    "  --proxy    serve no job but be the way out of boxes to hosts that their checks name\n"
    "  --help     this text\n"
    "  --version  the version\n";

int main(int argc, char **argv)
{
    if (argc > 1 && g_str_equal(argv[1], "--help")) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 1 && g_str_equal(argv[1], "--version")) {
        puts("rubric-worker " RUBRIC_VERSION);
        return 0;
    }
    const int wrong_usage = 2;
    bool is_zygote = argc == 2 && g_str_equal(argv[1], "--zygote");
    bool is_proxy = argc == 2 && g_str_equal(argv[1], "--proxy");
    if ((argc > 1 && !is_zygote && !is_proxy) || isatty(job_fd) || lseek(job_fd, 0, SEEK_CUR) >= 0) {
        fputs("rubric-worker: there is no job on file descriptor 3; `rubric grade` starts workers as they need it\n",
              stderr);
        return wrong_usage;
    }
    signal(SIGPIPE, SIG_IGN);
    log_setup(is_proxy ? "proxy" : "worker", LOG_INFO);
    if (is_proxy)
        return proxy_serve(job_fd);
    return is_zygote ? worker_zygote_serve(job_fd) : worker_serve(job_fd, false);
}
