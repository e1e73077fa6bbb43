/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the command as a person would, with a configuration of the test's. */
#pragma once

#include "tests/unit/tokens/fixture.h"

static char *config_path;

/* Runs `rubric WORDS... --config ...`; *ret_output is stdout and stderr. Returns the exit status. */
static inline int rubric(char **ret_output, const char *const *words)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *test_bin = g_path_get_dirname(self);
    g_autofree char *program = g_build_filename(test_bin, "..", "bin", "rubric", NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, program);
    for (gsize i = 0; words[i]; i++)
        g_ptr_array_add(argv, (gpointer)words[i]);
    g_ptr_array_add(argv, (gpointer) "--config");
    g_ptr_array_add(argv, config_path);
    g_ptr_array_add(argv, NULL);
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = (const char *const *)argv->pdata;
    const gint64 timeout_ms = 30000;
    const gsize max_bytes = 1 << 20;
    GString *out = NULL, *err = NULL;
    ProcessEnd end = {0};
    ck_assert_good(process_run(&spec, timeout_ms, max_bytes, &out, &err, &end, error));
    *ret_output = g_strconcat(out->str, err->str, NULL);
    g_string_free(out, TRUE);
    g_string_free(err, TRUE);
    ck_assert_msg(end.exited, "signal %d: %s", end.code, *ret_output);
    return end.code;
}

#define ck_assert_rubric(wanted_status, says, ...)                                                                     \
    do {                                                                                                               \
        const char *const run_words[] = {__VA_ARGS__, NULL};                                                           \
        g_autofree char *run_output = NULL;                                                                            \
        int run_status = rubric(&run_output, run_words);                                                               \
        ck_assert_msg(run_status == (wanted_status), "exit %d: %s", run_status, run_output);                           \
        ck_assert_msg(strstr(run_output, says) != NULL, "\"%s\" is not in\n%s", says, run_output);                     \
    } while (0)
