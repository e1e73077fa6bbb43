/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/log.h"

#include "daemon/base/clock.h"
#include "daemon/base/error.h"
#include "daemon/base/json.h"
#include "daemon/base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Process-wide by nature, like stderr itself; written once by log_setup. */
static struct {
    char process[32];
    int level;
    bool for_journal;
} sink = {.process = "rubric", .level = LOG_INFO};

/* systemd tells the device and inode of the journal's stream; only if stderr is that very stream do `<N>` prefixes
 * mean anything. */
static bool stderr_is_journal(void)
{
    const char *told = g_getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat info;
    if (!told || sscanf(told, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &info) < 0)
        return false;
    return info.st_dev == device && info.st_ino == inode;
}

void log_setup(const char *process_name, int level)
{
    g_strlcpy(sink.process, process_name, sizeof sink.process);
    sink.level = level;
    sink.for_journal = stderr_is_journal();
}

static void append_plain(GString *line, const char *key, const char *value)
{
    g_autofree char *shown = text_escape_terminal(value ? value : "null", 2000);
    bool needs_quotes = !*shown || strpbrk(shown, " \"=");
    g_string_append_printf(line, needs_quotes ? " %s=\"%s\"" : " %s=%s", key, shown);
}

void log_event(int level, const char *event, ...)
{
    if (level > sink.level)
        return;
    GString *line = g_string_new(NULL);
    g_autoptr(cJSON) object = sink.for_journal ? cJSON_CreateObject() : NULL;
    if (object) {
        json_add_string(object, "process", sink.process);
        json_add_string(object, "event", event);
    } else {
        g_autofree char *now = clock_format_utc(clock_now_us());
        g_string_append_printf(line, "%.19sZ %s %s", now, sink.process, event);
    }

    va_list args;
    va_start(args, event);
    for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *)) {
        const char *value = va_arg(args, const char *);
        if (object)
            json_add_string(object, key, value);
        else
            append_plain(line, key, value);
    }
    va_end(args);

    if (object) {
        g_autofree char *text = json_print(object);
        g_string_printf(line, "<%d>%s", level, text);
    }
    g_string_append_c(line, '\n');
    /* One write, so that lines of several processes do not mix. A log that cannot be written has nobody to tell. */
    ssize_t ignored = write(STDERR_FILENO, line->str, line->len);
    (void)ignored;
    g_string_free(line, TRUE);
}

void log_error_free(int level, const char *event, const char *key, const char *value, GError *error)
{
    const char *code =
        error->domain == RUBRIC_ERROR ? rubric_error_name((RubricError)error->code) : g_quark_to_string(error->domain);
    log_event(level, event, key, value, "code", code, "error", error->message, NULL);
    g_error_free(error);
}
