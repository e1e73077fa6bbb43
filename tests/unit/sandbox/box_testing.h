/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of boxes share. */
#pragma once

#include "daemon/base/base.h"
#include "sandbox/sandbox.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* rubric-box of this build. Caller frees. */
static inline char *testing_box_program(void)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(self);
    return g_build_filename(folder, "..", "bin", "rubric-box", NULL);
}

/* What the environment's TEST_BOX_MODE says: CTest runs some tests once for each. */
static inline BoxMode testing_mode(void)
{
    const char *wanted = g_getenv("TEST_BOX_MODE");
    for (BoxMode mode = BOX_MODE_AUTO; wanted && mode <= BOX_MODE_WARM; mode++) {
        if (strcmp(wanted, box_mode_name(mode)) == 0)
            return mode;
    }
    return BOX_MODE_COLD;
}

/* NULL when it cannot be made; outside of tests, where nothing can be asserted. */
static inline BoxClient *testing_try_client(void)
{
    g_autofree char *program = testing_box_program();
    BoxClient *client = NULL;
    if (box_client_new(program, NULL, &client) < 0)
        return NULL;
    box_client_set_mode(client, testing_mode());
    return client;
}

static inline BoxClient *testing_client(void)
{
    BoxClient *client = testing_try_client();
    ck_assert_ptr_nonnull(client);
    return client;
}

/* A spec that runs what it can of its promises on this machine. */
static inline BoxSpec testing_spec(const char *const *argv)
{
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = argv;
    spec.accept_missing = ~0U;
    spec.limits.wall_ms = 10000;
    return spec;
}

/* Runs it; the box must not have been refused. */
static inline BoxResult testing_run(BoxClient *client, const BoxSpec *spec)
{
    BoxResult result = {0};
    const int no_cancel = -1;
    int r = box_run(client, spec, no_cancel, &result);
    ck_assert_msg(r == 0, "box_run: %s", strerror(-r));
    ck_assert_msg(result.status.end != BOX_END_REFUSED, "refused: %s", result.status.message);
    return result;
}

/* `sh -c script` with the spec's other fields. */
static inline BoxResult testing_shell(BoxClient *client, BoxSpec spec, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    spec.argv = argv;
    return testing_run(client, &spec);
}

/* Can boxes be made here? Says why not. */
static inline bool testing_can_box(void)
{
    BoxClient *client = testing_try_client();
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    BoxResult result = {0};
    int r = !client ? -ENOENT : box_run(client, &spec, -1, &result);
    bool can = r == 0 && result.status.end == BOX_END_EXITED;
    if (!can)
        printf("skipped: no box can be made here: %s\n", r < 0 ? strerror(-r) : result.status.message);
    box_result_clear(&result);
    box_client_free(client);
    return can;
}

static inline bool testing_has_groups(const BoxStatus *status)
{
    return !(status->missing & (BOX_PROMISE_CGROUP_MEMORY | BOX_PROMISE_CGROUP_PROCESSES | BOX_PROMISE_CGROUP_CPU));
}

/* Makes a workspace folder that belongs to the boxes of this client. Caller frees the path. */
static inline char *testing_workspace(const BoxClient *client)
{
    char *folder = g_dir_make_tmp("rubric-box-test-XXXXXX", NULL);
    ck_assert_ptr_nonnull(folder);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    if (box_uid(client) != geteuid())
        ck_assert_int_eq(chown(folder, box_uid(client), box_uid(client)), 0);
    return folder;
}

static inline void testing_put(const BoxClient *client, const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    ck_assert_int_eq(chmod(path, 0644), 0);
    if (box_uid(client) != geteuid())
        ck_assert_int_eq(chown(path, box_uid(client), box_uid(client)), 0);
}

/* Processes whose parents' line leads to nobody but a box: those that execute `name`, by /proc. */
static inline int testing_count_commands(const char *argument)
{
    DIR *entries = opendir("/proc");
    int n = 0;
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        char path[300], text[1024];
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        FILE *file = fopen(path, "re");
        size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file)
            fclose(file);
        text[length] = '\0';
        for (size_t i = 0; i < length; i += strlen(text + i) + 1) {
            if (strcmp(text + i, argument) == 0) {
                n++;
                break;
            }
        }
    }
    closedir(entries);
    return n;
}

/* A control group that is left of client `pid`, which was made after `since_us`: numbers of processes come again, and a
 * group may be left in a home that nobody has swept since. NULL: none. Caller frees. */
static inline char *testing_find_group(const char *folder, pid_t pid, gint64 since_us, int depth)
{
    g_autofree char *prefix = g_strdup_printf("box-%d-", (int)pid);
    DIR *entries = depth > 0 ? opendir(folder) : NULL;
    char *found = NULL;
    for (struct dirent *entry = entries ? readdir(entries) : NULL; entry && !found; entry = readdir(entries)) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        g_autofree char *below = g_build_filename(folder, entry->d_name, NULL);
        if (!g_str_has_prefix(entry->d_name, prefix))
            found = testing_find_group(below, pid, since_us, depth - 1);
        else if ((gint64)(g_ascii_strtoull(entry->d_name + strlen(prefix), NULL, 16) / 1000) >= since_us)
            found = g_steal_pointer(&below);
    }
    if (entries)
        closedir(entries);
    return found;
}

static inline int testing_main(Suite *suite)
{
    return run_suite(suite);
}
