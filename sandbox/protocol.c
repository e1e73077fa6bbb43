/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing --------------------------------------------------------------------------------------------------------
 */

static void write_bytes(BoxWriter *writer, const void *bytes, size_t n)
{
    if (writer->failed || n == 0)
        return;
    if (n > BOX_FRAME_MAX - writer->length) {
        writer->failed = true;
        return;
    }
    if (writer->length + n > writer->capacity) {
        size_t capacity = writer->capacity ? writer->capacity * 2 : 4096;
        while (capacity < writer->length + n)
            capacity *= 2;
        char *data = realloc(writer->data, capacity);
        if (!data) {
            writer->failed = true;
            return;
        }
        writer->data = data;
        writer->capacity = capacity;
    }
    memcpy(writer->data + writer->length, bytes, n);
    writer->length += n;
}

static void write_u32(BoxWriter *writer, uint32_t value)
{
    write_bytes(writer, &value, sizeof value);
}

static void write_i64(BoxWriter *writer, int64_t value)
{
    write_bytes(writer, &value, sizeof value);
}

/* With its NUL, so that the reader can point at it. NULL is written as length 0. */
static void write_string(BoxWriter *writer, const char *string)
{
    size_t size = string ? strlen(string) + 1 : 0;
    if (size > BOX_FRAME_MAX) {
        writer->failed = true;
        return;
    }
    write_u32(writer, (uint32_t)size);
    write_bytes(writer, string, size);
}

static size_t count_strings(const char *const *strings)
{
    size_t n = 0;
    while (strings && strings[n])
        n++;
    return n;
}

static void write_strings(BoxWriter *writer, const char *const *strings, size_t max)
{
    size_t n = count_strings(strings);
    if (n > max) {
        writer->failed = true;
        return;
    }
    write_u32(writer, (uint32_t)n);
    for (const char *const *string = strings; string && *string; string++)
        write_string(writer, *string);
}

void box_writer_clear(BoxWriter *writer)
{
    free(writer->data);
    *writer = (BoxWriter){0};
}

/* ---- reading --------------------------------------------------------------------------------------------------------
 */

typedef struct {
    const char *data;
    size_t left;
    bool failed;
} Reader;

static const char *read_bytes(Reader *reader, size_t n)
{
    if (reader->failed || n > reader->left) {
        reader->failed = true;
        return NULL;
    }
    const char *at = reader->data;
    reader->data += n;
    reader->left -= n;
    return at;
}

static uint32_t read_u32(Reader *reader)
{
    uint32_t value = 0;
    const char *at = read_bytes(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

static int64_t read_i64(Reader *reader)
{
    int64_t value = 0;
    const char *at = read_bytes(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

/* A number of at most `max`. */
static uint32_t read_bounded(Reader *reader, uint32_t max)
{
    uint32_t value = read_u32(reader);
    if (value > max)
        reader->failed = true;
    return reader->failed ? 0 : value;
}

static const char *read_string(Reader *reader)
{
    size_t size = read_u32(reader);
    if (size == 0)
        return NULL;
    const char *at = read_bytes(reader, size);
    if (!at || memchr(at, '\0', size) != at + size - 1) {
        reader->failed = true;
        return NULL;
    }
    return at;
}

static const char *read_needed_string(Reader *reader)
{
    const char *string = read_string(reader);
    if (!string)
        reader->failed = true;
    return string;
}

static const char *read_absolute_path(Reader *reader)
{
    const char *string = read_needed_string(reader);
    if (string && string[0] != '/')
        reader->failed = true;
    return string;
}

/* A NULL-terminated array, or NULL with reader->failed. */
static const char **read_strings(Reader *reader, uint32_t max)
{
    uint32_t n = read_bounded(reader, max);
    const char **strings = reader->failed ? NULL : calloc((size_t)n + 1, sizeof *strings);
    if (!strings) {
        reader->failed = true;
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        strings[i] = read_needed_string(reader);
    return strings;
}

/* ---- the request ----------------------------------------------------------------------------------------------------
 */

enum {
    FLAG_STDIN = 1 << 0,
    FLAG_FIXED_ADDRESSES = 1 << 1,
    FLAG_OWN_UID = 1 << 2,
    FLAG_DEFAULT_ENV = 1 << 3,
    FLAG_INNER_ROOT = 1 << 4,
    FLAG_NETWORK = 1 << 5,
    FLAG_NETWORK_USER = 1 << 6,
    FLAG_ALL = (1 << 7) - 1,
};

enum { N_LIMITS = sizeof(BoxLimits) / sizeof(int64_t) };

static void write_limits(BoxWriter *writer, const BoxLimits *limits)
{
    int64_t values[N_LIMITS];
    memcpy(values, limits, sizeof values);
    for (size_t i = 0; i < N_LIMITS; i++)
        write_i64(writer, values[i]);
}

static void read_limits(Reader *reader, BoxLimits *limits)
{
    int64_t values[N_LIMITS] = {0};
    for (size_t i = 0; i < N_LIMITS; i++) {
        values[i] = read_i64(reader);
        if (values[i] <= 0 || values[i] > INT64_MAX / 4096)
            reader->failed = true;
    }
    memcpy(limits, values, sizeof values);
}

int box_request_encode(const BoxRequest *request, BoxWriter *writer)
{
    const BoxSpec *spec = &request->spec;
    uint32_t flags = (request->has_stdin ? FLAG_STDIN : 0) | (spec->fixed_addresses ? FLAG_FIXED_ADDRESSES : 0) |
                     (request->is_own_uid ? FLAG_OWN_UID : 0) | (spec->env ? 0 : FLAG_DEFAULT_ENV) |
                     (spec->inner_root ? FLAG_INNER_ROOT : 0) | (request->has_network ? FLAG_NETWORK : 0) |
                     (request->has_network_user ? FLAG_NETWORK_USER : 0);
    if (spec->n_binds > BOX_MAX_BINDS)
        return -EINVAL;
    write_u32(writer, flags);
    write_u32(writer, request->uid);
    write_u32(writer, spec->network);
    write_u32(writer, spec->profile);
    write_u32(writer, spec->calls);
    write_u32(writer, spec->workspace_mode);
    write_u32(writer, spec->accept_missing);
    write_i64(writer, spec->report_bytes);
    write_limits(writer, &spec->limits);
    for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        write_u32(writer, (uint32_t)request->cgroups.version[i]);
        write_string(writer, request->cgroups.version[i] ? request->cgroups.folder[i] : NULL);
    }
    write_string(writer, request->cgroup_name);
    write_string(writer, spec->folder);
    write_string(writer, spec->workspace);
    write_string(writer, spec->root);
    write_strings(writer, spec->argv, BOX_MAX_STRINGS);
    write_strings(writer, spec->env, BOX_MAX_STRINGS);
    write_strings(writer, spec->report_paths, BOX_MAX_REPORTS);
    write_strings(writer, spec->scratch, BOX_MAX_SCRATCH);
    write_u32(writer, (uint32_t)spec->n_binds);
    for (size_t i = 0; i < spec->n_binds; i++) {
        write_string(writer, spec->binds[i].source);
        write_string(writer, spec->binds[i].target);
        write_u32(writer, spec->binds[i].writable);
    }
    return writer->failed ? -E2BIG : 0;
}

bool box_scratch_name_is_good(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    static const char *const taken[] = {"bin", "dev",  "etc", "lib", "lib32", "lib64", "libx32", "proc",
                                        "run", "sbin", "sys", "tmp", "usr",   "var",   "work"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (strcmp(name, taken[i]) == 0)
            return false;
    }
    return length > 0 && length <= BOX_MAX_SCRATCH_NAME && strspn(name, letters) == length;
}

static const char **read_scratch(Reader *reader)
{
    const char **names = read_strings(reader, BOX_MAX_SCRATCH);
    for (size_t i = 0; !reader->failed && names[i]; i++)
        reader->failed = !box_scratch_name_is_good(names[i]);
    return names;
}

static void read_cgroups(Reader *reader, BoxRequest *request)
{
    for (size_t i = 0; i < CGROUP_N_CONTROLLERS; i++) {
        request->cgroups.version[i] = (int)read_bounded(reader, 2);
        if (request->cgroups.version[i] == 0) {
            read_string(reader);
            continue;
        }
        const char *folder = read_absolute_path(reader);
        if (!folder || strlen(folder) >= sizeof request->cgroups.folder[i])
            reader->failed = true;
        else
            strcpy(request->cgroups.folder[i], folder);
    }
    const char *name = read_needed_string(reader);
    if (!name || strlen(name) >= sizeof request->cgroup_name || strchr(name, '/') || name[0] == '.' || name[0] == '\0')
        reader->failed = true;
    else
        strcpy(request->cgroup_name, name);
}

static void read_binds(Reader *reader, BoxRequest *request)
{
    uint32_t n = read_bounded(reader, BOX_MAX_BINDS);
    request->binds = calloc((size_t)n + 1, sizeof *request->binds);
    if (!request->binds) {
        reader->failed = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        request->binds[i].source = read_absolute_path(reader);
        request->binds[i].target = read_absolute_path(reader);
        request->binds[i].writable = read_bounded(reader, 1);
    }
    request->spec.n_binds = n;
}

static bool is_absolute_or_null(const char *path)
{
    return !path || path[0] == '/';
}

static void read_request(Reader *reader, BoxRequest *request)
{
    BoxSpec *spec = &request->spec;
    uint32_t flags = read_bounded(reader, FLAG_ALL);
    request->has_stdin = flags & FLAG_STDIN;
    request->is_own_uid = flags & FLAG_OWN_UID;
    request->has_network = flags & FLAG_NETWORK;
    request->has_network_user = flags & FLAG_NETWORK_USER;
    if (request->has_network_user && !request->has_network)
        reader->failed = true;
    spec->fixed_addresses = flags & FLAG_FIXED_ADDRESSES;
    spec->inner_root = flags & FLAG_INNER_ROOT;
    request->uid = read_u32(reader);
    spec->network = (BoxNetwork)read_bounded(reader, BOX_NETWORK_LOOPBACK);
    spec->profile = (BoxProfile)read_bounded(reader, BOX_PROFILE_SERVICE);
    spec->calls = read_bounded(reader, BOX_CALLS_ALL);
    spec->workspace_mode = (BoxWorkspace)read_bounded(reader, BOX_WORKSPACE_KEEP);
    spec->accept_missing = read_u32(reader);
    spec->report_bytes = read_i64(reader);
    read_limits(reader, &spec->limits);
    read_cgroups(reader, request);
    spec->folder = read_string(reader);
    spec->workspace = read_string(reader);
    spec->root = read_string(reader);
    if (!is_absolute_or_null(spec->folder) || !is_absolute_or_null(spec->workspace) || !is_absolute_or_null(spec->root))
        reader->failed = true;
    request->argv = read_strings(reader, BOX_MAX_STRINGS);
    request->env = read_strings(reader, BOX_MAX_STRINGS);
    request->report_paths = read_strings(reader, BOX_MAX_REPORTS);
    request->scratch = read_scratch(reader);
    read_binds(reader, request);
    if (reader->failed || reader->left != 0 || !request->argv[0] || request->uid == (uid_t)-1) {
        reader->failed = true;
        return;
    }
    spec->argv = request->argv;
    spec->env = flags & FLAG_DEFAULT_ENV ? NULL : request->env;
    spec->report_paths = request->report_paths;
    spec->scratch = request->scratch;
    spec->binds = request->binds;
}

int box_request_decode(char *body, size_t length, BoxRequest *ret_request)
{
    BoxRequest request = {.spec = BOX_SPEC_INIT, .body = body, .length = length};
    Reader reader = {.data = body, .left = length};
    read_request(&reader, &request);
    if (reader.failed) {
        box_request_clear(&request);
        return -EBADMSG;
    }
    *ret_request = request;
    return 0;
}

void box_request_clear(BoxRequest *request)
{
    free(request->body);
    free(request->argv);
    free(request->env);
    free(request->report_paths);
    free(request->scratch);
    free(request->binds);
    *request = (BoxRequest){.spec = BOX_SPEC_INIT};
}

/* ---- reports and the status
 * ------------------------------------------------------------------------------------------- */

void box_report_encode(const BoxReportHead *head, BoxWriter *writer)
{
    write_u32(writer, head->index);
    write_u32(writer, head->state);
    write_i64(writer, head->size);
}

int box_report_decode(const char *body, size_t length, BoxReportHead *ret_head)
{
    Reader reader = {.data = body, .left = length};
    BoxReportHead head = {0};
    head.index = read_bounded(&reader, BOX_MAX_REPORTS - 1);
    head.state = (BoxReportState)read_bounded(&reader, BOX_REPORT_UNREADABLE);
    head.size = read_i64(&reader);
    if (reader.failed || reader.left != 0 || head.size < 0)
        return -EBADMSG;
    *ret_head = head;
    return 0;
}

enum {
    STATUS_OOM_KILLED = 1 << 0,
    STATUS_HIT_PROCESSES = 1 << 1,
    STATUS_HIT_DISK = 1 << 2,
    STATUS_FLAGS = (1 << 3) - 1,
};

void box_status_encode(const BoxStatus *status, BoxWriter *writer)
{
    write_u32(writer, status->end);
    write_u32(writer, (uint32_t)status->exit_code);
    write_u32(writer, (uint32_t)status->signal);
    write_u32(writer, status->limit);
    write_u32(writer, (status->oom_killed ? STATUS_OOM_KILLED : 0) |
                          (status->hit_processes ? STATUS_HIT_PROCESSES : 0) |
                          (status->hit_disk ? STATUS_HIT_DISK : 0));
    const int64_t figures[] = {status->wall_us,      status->user_us,           status->system_us,
                               status->throttled_us, status->peak_memory_bytes, status->peak_processes};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        write_i64(writer, figures[i]);
    write_u32(writer, status->missing);
    write_string(writer, status->message);
}

static int64_t read_figure(Reader *reader)
{
    int64_t value = read_i64(reader);
    if (value < 0)
        reader->failed = true;
    return value;
}

int box_status_decode(const char *body, size_t length, BoxStatus *ret_status)
{
    Reader reader = {.data = body, .left = length};
    BoxStatus status = {0};
    status.end = (BoxEnd)read_bounded(&reader, BOX_END_REFUSED);
    status.exit_code = (int)read_bounded(&reader, 255);
    status.signal = (int)read_bounded(&reader, 127);
    status.limit = (BoxLimit)read_bounded(&reader, BOX_LIMIT_FILE);
    uint32_t flags = read_bounded(&reader, STATUS_FLAGS);
    status.oom_killed = flags & STATUS_OOM_KILLED;
    status.hit_processes = flags & STATUS_HIT_PROCESSES;
    status.hit_disk = flags & STATUS_HIT_DISK;
    status.wall_us = read_figure(&reader);
    status.user_us = read_figure(&reader);
    status.system_us = read_figure(&reader);
    status.throttled_us = read_figure(&reader);
    status.peak_memory_bytes = read_figure(&reader);
    status.peak_processes = read_figure(&reader);
    status.missing = read_u32(&reader);
    const char *message = read_needed_string(&reader);
    if (reader.failed || reader.left != 0 || strlen(message) >= sizeof status.message)
        return -EBADMSG;
    strcpy(status.message, message);
    *ret_status = status;
    return 0;
}
