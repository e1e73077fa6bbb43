/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own, and what a call must have said. */
#pragma once

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/base.h"
#include "tests/unit/run_suite.h"

static char *fixture_folder;

static inline void fixture_open(void)
{
    fixture_folder = g_dir_make_tmp("rubric-base-XXXXXX", NULL);
    ck_assert_ptr_nonnull(fixture_folder);
}

static inline void fixture_close(void)
{
    file_remove_tree(fixture_folder, NULL);
    g_clear_pointer(&fixture_folder, g_free);
}

/* Path below the folder; caller frees. */
static inline char *path_of(const char *name)
{
    return g_build_filename(fixture_folder, name, NULL);
}

#define ck_assert_good(expression)                                                                                     \
    do {                                                                                                               \
        GError *good_error = NULL;                                                                                     \
        GError **error = &good_error;                                                                                  \
        bool good = (expression);                                                                                      \
        ck_assert_msg(good, "%s", good_error ? good_error->message : "false without an error");                        \
        g_clear_error(&good_error);                                                                                    \
    } while (0)

#define ck_assert_fails(expression, wanted_code)                                                                       \
    do {                                                                                                               \
        GError *bad_error = NULL;                                                                                      \
        GError **error = &bad_error;                                                                                   \
        ck_assert(!(expression));                                                                                      \
        ck_assert_ptr_nonnull(bad_error);                                                                              \
        ck_assert_msg(bad_error->code == (int)(wanted_code), "%s: %s",                                                 \
                      rubric_error_name((RubricError)bad_error->code), bad_error->message);                            \
        g_error_free(bad_error);                                                                                       \
    } while (0)

/* Compares and frees. */
#define ck_assert_text(expression, expected)                                                                           \
    do {                                                                                                               \
        g_autofree char *text = (expression);                                                                          \
        ck_assert_str_eq(text, expected);                                                                              \
    } while (0)

static inline int fixture_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
