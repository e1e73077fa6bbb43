/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader is forked, not executed: the worker has one thread and is small. It holds no fd but the content, the
 * workspace and a pipe, over which it sends {"findings": [...]} or {"error": ...} once, then exits. The parent believes
 * nothing else of it.
 */
#include "daemon/worker/content.h"

#include "daemon/worker/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const gint64 reader_memory_bytes = 256 << 20;
static const gint64 git_memory_bytes =
    640 << 20; /* libgit2 holds a file of the repository and what it is made from whole */

/* ---- in the reader
 * ----------------------------------------------------------------------------------------------------- */

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* Everything but standard error and these three. */
static void close_other_fds(int a, int b, int c)
{
    int kept[] = {STDERR_FILENO, a, b, c};
    qsort(kept, G_N_ELEMENTS(kept), sizeof *kept, compare_ints);
    unsigned from = STDERR_FILENO;
    for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
        if ((unsigned)kept[i] > from)
            close_range(from, (unsigned)kept[i] - 1, 0);
        from = (unsigned)kept[i] + 1;
    }
    close_range(from, ~0U, 0);
}

static char *reader_answer(const GPtrArray *findings, const GError *failure)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    cJSON *array = json_add(json, "findings", cJSON_CreateArray());
    for (guint i = 0; i < findings->len; i++)
        cJSON_AddItemToArray(array, finding_to_json(g_ptr_array_index(findings, i)));
    if (failure)
        json_add(json, "error", error_to_json(failure));
    return json_print(json);
}

G_GNUC_NORETURN static void be_reader(const Confinement *confinement, const WorkerJob *job, int content_fd,
                                      int answer_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_other_fds(content_fd, confinement->workspace_fd, answer_fd);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_autoptr(GError) failure = NULL;
    bool reads_folder = job->content_kind != CONTENT_ARCHIVE;
    gint64 memory_bytes = job->content_kind == CONTENT_GIT ? git_memory_bytes : reader_memory_bytes;
    if (confine_reader(confinement, &job->unpack, reads_folder ? content_fd : -1, memory_bytes, &failure))
        content_read(job, content_fd, confinement->workspace_fd, findings, &failure);
    g_autofree char *answer = reader_answer(findings, failure);
    file_write_all(answer_fd, answer, strlen(answer), NULL);
    _exit(0);
}

/* ---- in the worker
 * ----------------------------------------------------------------------------------------------------- */

/* Collects the answer till the reader closes its end. False: too late or too long. */
static bool collect_answer(int fd, gint64 wall_ms, GString *answer)
{
    const gsize max_bytes = 1 << 20;
    gint64 deadline_us = clock_monotonic_us() + wall_ms * 1000;
    for (;;) {
        gint64 left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0 || answer->len > max_bytes)
            return false;
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (poll(&waiting, 1, (int)MIN(left_us / 1000 + 1, G_MAXINT)) <= 0)
            continue;
        char block[8192];
        ssize_t n = read(fd, block, sizeof block);
        if (n == 0)
            return true;
        if (n > 0)
            g_string_append_len(answer, block, n);
        else if (errno != EINTR)
            return false;
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static void add_unreadable(GPtrArray *findings, const char *why)
{
    Finding *finding =
        finding_new("submission", "submission", "unpack", FINDING_FAIL, "the submission could not be read: %s", why);
    finding->suspicion =
        g_strdup_printf("reading the submission failed in an odd way (%s): look whether it was made to do so", why);
    g_ptr_array_add(findings, finding);
}

/* The findings of an answer that a reader gave before it exited well. */
static bool take_answer(const GString *answer, GPtrArray *findings, GError **error)
{
    g_autoptr(GError) odd = NULL;
    g_autoptr(cJSON) json = json_parse(answer->str, answer->len, &odd);
    const cJSON *array, *entry;
    if (!json || !json_get_array(json, "findings", &array, &odd)) {
        add_unreadable(findings, "its reader gave no sensible answer");
        return true;
    }
    const cJSON *failure = cJSON_GetObjectItemCaseSensitive(json, "error");
    if (failure) {
        error_from_json(failure, error);
        return false;
    }
    cJSON_ArrayForEach(entry, array)
    {
        Finding *finding = finding_from_json(entry, NULL);
        if (finding)
            g_ptr_array_add(findings, finding);
        else
            add_unreadable(findings, "its reader gave no sensible answer");
    }
    return true;
}

/* Nothing that a submission holds makes the kernel send SIGKILL: that comes from the machine, and before the answer was
 * whole. */
static bool was_killed_by_others(int status, const GString *answer)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return false;
    g_autoptr(cJSON) whole = json_parse(answer->str, answer->len, NULL);
    return !whole;
}

static int open_content(const WorkerJob *job, GError **error)
{
    int flags = job->content_kind == CONTENT_ARCHIVE ? O_RDONLY : O_RDONLY | O_DIRECTORY;
    int fd = open(job->content_path, flags | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        error_set_errno(error, errno, "cannot open the submission \"%s\"", job->content_path);
    return fd;
}

bool content_unpack(const Confinement *confinement, const WorkerJob *job, GPtrArray *findings, GError **error)
{
    file_autofd int content = open_content(job, error);
    if (content < 0)
        return false;
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "cannot make a pipe");
    file_autofd int answer_read = pair[0];
    file_autofd int answer_write = pair[1];
    pid_t pid = fork();
    if (pid < 0)
        return error_set_errno(error, errno, "cannot start the reader");
    if (pid == 0)
        be_reader(confinement, job, content, answer_write);

    g_close(file_steal_fd(&answer_write), NULL);
    g_autoptr(GString) answer = g_string_new(NULL);
    bool in_time = collect_answer(answer_read, job->unpack.wall_ms, answer);
    kill(pid, SIGKILL); /* whatever it still does: its answer is complete, or will never be */
    int status = wait_for(pid);
    if (!in_time || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
        g_autofree char *span = clock_format_span(job->unpack.wall_ms * 1000);
        g_autofree char *why = g_strdup_printf("the reader was stopped after %s", span);
        add_unreadable(findings, why);
        return true;
    }
    if (was_killed_by_others(status, answer))
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the submission's reader was killed before it had answered");
    if (answer->len == 0) {
        add_unreadable(findings, "the reader crashed, or needed more memory than it is given");
        return true;
    }
    return take_answer(answer, findings, error);
}
