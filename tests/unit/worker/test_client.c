/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to a worker beside its job: the socket of a proxy, for a job that names hosts and for no other. */
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/jobs.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>

static int server_fd;
static char *host; /* the server's */
static TestCourse course;
static WorkerZygote *zygote; /* whose workers are used; NULL: the client starts them */

static void listen_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(server_fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(server_fd, 1), 0);
    ck_assert_int_eq(getsockname(server_fd, (struct sockaddr *)&address, &size), 0);
    host = g_strdup_printf("127.0.0.1:%u", ntohs(address.sin_port));
}

static void set_up(void)
{
    listen_here();
    g_autofree char *rubric =
        g_strdup_printf("rubric: r\ntitle: R\nitems:\n"
                        "  - {id: there, points: 1, title: It is there, passes: p, check: {files: {present: ask.sh}}}\n"
                        "  - id: asks\n    points: 1\n    title: It asks\n    passes: p\n"
                        "    check: {run: {command: bash ask.sh, network: {hosts: [\"%s\"]}}}\n",
                        host);
    course = course_with(rubric);
    zygote = NULL;
}

static void set_up_zygote(void)
{
    set_up();
    zygote = worker_zygote_start(NULL);
    ck_assert_ptr_nonnull(zygote);
}

static void tear_down(void)
{
    worker_zygote_free(zygote);
    course_clear(&course);
    g_free(host);
    g_close(server_fd, NULL);
}

/* The check asks the proxy for the server. */
static WorkerJob *asking_job(const char *hosts)
{
    g_autofree char *script = g_strdup_printf("exec 3<>/dev/tcp/127.0.0.1/%d\n"
                                              "printf 'CONNECT %s HTTP/1.1\\r\\n\\r\\n' >&3\n"
                                              "read -r answer <&3; [[ $answer == 'HTTP/1.1 200'* ]]\n",
                                              BOX_PROXY_PORT, host);
    WorkerJob *job = job_of_archive(&course, make_zip((Entry[]){{.name = "ask.sh", .text = script}, {0}}));
    job->hosts = hosts ? g_strsplit(hosts, " ", -1) : NULL;
    return job;
}

/* Children of this process; -1: this kernel does not list them. */
static int count_children(void)
{
    g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", (int)getpid());
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return -1;
    g_auto(GStrv) pids = g_strsplit(g_strchomp(text), " ", -1);
    return (int)g_strv_length(pids);
}

/* Sends and frees the job. */
static WorkerReport *report_on(WorkerJob *job, bool has_proxy)
{
    const gint64 timeout_ms = 60000;
    g_autoptr(WorkerJob) owned = job;
    g_autoptr(GError) error = NULL;
    g_autoptr(Worker) worker = zygote ? worker_start_from(zygote, &error) : worker_start(&error);
    ck_assert_ptr_nonnull(worker);
    int n_before = count_children();
    ck_assert_msg(worker_send(worker, owned, &error), "%s", error ? error->message : "");
    if (n_before >= 0)
        ck_assert_int_eq(count_children() - n_before, has_proxy);
    WorkerReport *report = worker_receive(worker, timeout_ms, &error);
    ck_assert_msg(report != NULL, "%s", error ? error->message : "");
    return report;
}

static void assert_asked(bool is_asked)
{
    struct pollfd server = {server_fd, POLLIN, 0};
    ck_assert_int_eq(poll(&server, 1, 0), is_asked);
}

START_TEST(a_job_that_names_hosts_comes_with_the_proxy_to_them)
{
    g_autoptr(WorkerReport) report = report_on(asking_job(host), true);
    ck_assert_int_eq(outcome_of(report, "there"), FINDING_PASS);
    ck_assert_int_eq(outcome_of(report, "asks"), FINDING_PASS);
    assert_asked(true);
}
END_TEST

START_TEST(a_job_without_hosts_comes_with_nothing)
{
    static const char *const none[] = {NULL, ""};
    g_autoptr(WorkerReport) report = report_on(asking_job(none[_i]), false);
    ck_assert_int_eq(outcome_of(report, "there"), FINDING_PASS);
    ck_assert_int_eq(outcome_of(report, "asks"), FINDING_ERROR);
    assert_asked(false);
}
END_TEST

static TCase *make_case(const char *name, void (*begin)(void))
{
    const double seconds = 120;
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, seconds);
    tcase_add_checked_fixture(tcase, begin, tear_down);
    tcase_add_test(tcase, a_job_that_names_hosts_comes_with_the_proxy_to_them);
    tcase_add_loop_test(tcase, a_job_without_hosts_comes_with_nothing, 0, 2);
    return tcase;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    Suite *suite = suite_create("client");
    suite_add_tcase(suite, make_case("own workers", set_up));
    suite_add_tcase(suite, make_case("a zygote's workers", set_up_zygote));
    return run_suite(suite);
}
