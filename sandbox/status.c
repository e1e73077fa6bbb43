/* SPDX-License-Identifier: Apache-2.0 */
/* Saying a box status: names, one sentence, JSON. */
#include "sandbox/sandbox.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *box_end_name(BoxEnd end)
{
    static const char *const names[] = {"exited", "signaled", "limit", "refused"};
    return (unsigned)end < sizeof names / sizeof *names ? names[end] : "unknown";
}

const char *box_limit_name(BoxLimit limit)
{
    static const char *const names[] = {"none", "wall", "cpu", "memory", "processes", "output", "disk", "file"};
    return (unsigned)limit < sizeof names / sizeof *names ? names[limit] : "unknown";
}

const char *box_mode_name(BoxMode mode)
{
    static const char *const names[] = {"auto", "cold", "slot", "warm"};
    return (unsigned)mode < sizeof names / sizeof *names ? names[mode] : "unknown";
}

const char *box_promise_name(BoxPromise promise)
{
    switch (promise) {
    case BOX_PROMISE_CGROUP_MEMORY:
        return "cgroup-memory";
    case BOX_PROMISE_CGROUP_PROCESSES:
        return "cgroup-processes";
    case BOX_PROMISE_CGROUP_CPU:
        return "cgroup-cpu";
    case BOX_PROMISE_LANDLOCK:
        return "landlock";
    case BOX_PROMISE_OVERLAY:
        return "overlay";
    case BOX_PROMISE_OWN_UID:
        return "own-uid";
    case BOX_PROMISE_CGROUP_SHARE:
        return "cgroup-share";
    }
    return "unknown";
}

uint32_t box_promise_from_name(const char *name)
{
    for (uint32_t bit = 1; bit <= BOX_PROMISE_LAST; bit <<= 1) {
        if (strcmp(name, box_promise_name((BoxPromise)bit)) == 0)
            return bit;
    }
    return 0;
}

/* ---- the sentence
 * ----------------------------------------------------------------------------------------------------- */

/* Text that grows within a buffer, and counts on beyond it. */
typedef struct {
    char *buffer;
    size_t size, length;
} Text;

__attribute__((format(printf, 2, 3))) static void add(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t left = text->length < text->size ? text->size - text->length : 0;
    int n = vsnprintf(left ? text->buffer + text->length : NULL, left, format, args);
    va_end(args);
    text->length += n > 0 ? (size_t)n : 0;
}

static void add_bytes(Text *text, int64_t bytes)
{
    const int64_t kib = 1 << 10, mib = 1 << 20, gib = 1 << 30;
    if (bytes >= gib && bytes % gib == 0)
        add(text, "%lld GB", (long long)(bytes / gib));
    else if (bytes >= mib)
        add(text, "%.*f MB", bytes % mib ? 1 : 0, (double)bytes / (double)mib);
    else if (bytes >= kib)
        add(text, "%.*f kB", bytes % kib ? 1 : 0, (double)bytes / (double)kib);
    else
        add(text, "%lld byte%s", (long long)bytes, bytes == 1 ? "" : "s");
}

static void add_seconds_limit(Text *text, int64_t ms)
{
    const int64_t second = 1000;
    if (ms % second == 0)
        add(text, "%lld second%s", (long long)(ms / second), ms == second ? "" : "s");
    else
        add(text, "%.3g seconds", (double)ms / 1e3);
}

static void add_after(Text *text, const BoxStatus *status)
{
    add(text, " after %.*f s", status->wall_us < 100000 ? 2 : 1, (double)status->wall_us / 1e6);
}

/* What a student should think of when a program dies by this signal. */
static const char *explain_signal(int signal)
{
    static const struct {
        int signal;
        const char *meaning;
    } meanings[] = {
        {4, "an illegal instruction"},
        {6, "abort: an assertion failed, or memory was corrupted"},
        {7, "bus error: bad memory access"},
        {8, "arithmetic error, such as a division by zero"},
        {9, "SIGKILL"},
        {11, "segmentation fault: bad memory access, or recursion without end"},
        {13, "wrote to a pipe that nobody reads"},
        {15, "SIGTERM"},
        {31, "used a system call that is not allowed here"},
    };
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].signal == signal)
            return meanings[i].meaning;
    }
    return NULL;
}

static void add_limit(Text *text, const BoxStatus *status, const BoxLimits *limits)
{
    switch (status->limit) {
    case BOX_LIMIT_WALL:
        add(text, "ran longer than ");
        add_seconds_limit(text, limits->wall_ms);
        return;
    case BOX_LIMIT_CPU:
        add(text, "used more than ");
        add_seconds_limit(text, limits->cpu_ms);
        add(text, " of processor time");
        break;
    case BOX_LIMIT_MEMORY:
        add(text, "used more than ");
        add_bytes(text, limits->memory_bytes);
        add(text, " of memory");
        break;
    case BOX_LIMIT_PROCESSES:
        add(text, "tried to have more than %lld processes or threads at once", (long long)limits->processes);
        break;
    case BOX_LIMIT_OUTPUT:
        add(text, "printed more than ");
        add_bytes(text, limits->output_bytes);
        break;
    case BOX_LIMIT_DISK:
        add(text, "wrote more than ");
        add_bytes(text, limits->disk_bytes);
        add(text, " or made more than %lld files", (long long)limits->files);
        break;
    case BOX_LIMIT_FILE:
        add(text, "wrote a file larger than ");
        add_bytes(text, limits->file_bytes);
        break;
    case BOX_LIMIT_NONE:
        add(text, "was stopped");
        break;
    }
    add_after(text, status);
}

static void add_remarks(Text *text, const BoxStatus *status, const BoxLimits *limits)
{
    if (status->oom_killed) {
        add(text, "; one of its processes was ended for using more than ");
        add_bytes(text, limits->memory_bytes);
        add(text, " of memory");
    }
    if (status->hit_processes)
        add(text, "; it tried to have more than %lld processes or threads at once", (long long)limits->processes);
    if (status->hit_disk) {
        add(text, "; it filled its disk of ");
        add_bytes(text, limits->disk_bytes);
    }
}

char *box_status_sentence(const BoxStatus *status, const BoxLimits *limits, char *buffer, size_t size)
{
    Text text = {buffer, size, 0};
    const char *meaning = explain_signal(status->signal);
    switch (status->end) {
    case BOX_END_EXITED:
        add(&text, "exited with status %d", status->exit_code);
        add_after(&text, status);
        add_remarks(&text, status, limits);
        break;
    case BOX_END_SIGNALED:
        add(&text, "was ended by signal %d", status->signal);
        if (meaning)
            add(&text, " (%s)", meaning);
        add_after(&text, status);
        add_remarks(&text, status, limits);
        break;
    case BOX_END_LIMIT:
        add_limit(&text, status, limits);
        break;
    case BOX_END_REFUSED:
        add(&text, "was not run: %s", status->message);
        break;
    }
    if (size > 0 && text.length == 0)
        buffer[0] = '\0';
    return buffer;
}

/* ---- JSON
 * ------------------------------------------------------------------------------------------------------------- */

static void add_quoted(Text *text, const char *string)
{
    add(text, "\"");
    for (const unsigned char *at = (const unsigned char *)string; *at; at++) {
        if (*at == '"' || *at == '\\')
            add(text, "\\%c", *at);
        else if (*at < 0x20 || *at == 0x7f)
            add(text, "\\u%04x", *at);
        else
            add(text, "%c", *at);
    }
    add(text, "\"");
}

static void add_missing(Text *text, uint32_t missing)
{
    const char *comma = "";
    add(text, "[");
    for (uint32_t bit = 1; bit <= BOX_PROMISE_LAST; bit <<= 1) {
        if (!(missing & bit))
            continue;
        add(text, "%s\"%s\"", comma, box_promise_name((BoxPromise)bit));
        comma = ", ";
    }
    add(text, "]");
}

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

size_t box_status_json(const BoxStatus *status, char *buffer, size_t size)
{
    Text text = {buffer, size, 0};
    add(&text, "{\"end\": \"%s\", \"exit_code\": %d, \"signal\": %d, \"limit\": \"%s\", ", box_end_name(status->end),
        status->exit_code, status->signal, box_limit_name(status->limit));
    add(&text, "\"oom_killed\": %s, \"hit_processes\": %s, \"hit_disk\": %s, ", truth(status->oom_killed),
        truth(status->hit_processes), truth(status->hit_disk));
    const struct {
        const char *key;
        int64_t value;
    } figures[] = {
        {"wall_us", status->wall_us},
        {"user_us", status->user_us},
        {"system_us", status->system_us},
        {"throttled_us", status->throttled_us},
        {"peak_memory_bytes", status->peak_memory_bytes},
        {"peak_processes", status->peak_processes},
        {"stdout_bytes", status->stdout_bytes},
        {"stderr_bytes", status->stderr_bytes},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        add(&text, "\"%s\": %lld, ", figures[i].key, (long long)figures[i].value);
    add(&text, "\"missing\": ");
    add_missing(&text, status->missing);
    add(&text, ", \"message\": ");
    add_quoted(&text, status->message);
    add(&text, "}");
    return text.length + 1;
}
