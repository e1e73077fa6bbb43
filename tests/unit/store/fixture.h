/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, and short ways to fill it. */
#pragma once

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store/store.h"
#include "tests/unit/run_suite.h"

#define ck_assert_good(expression)                                                                                     \
    do {                                                                                                               \
        GError *good_error = NULL;                                                                                     \
        GError **error = &good_error;                                                                                  \
        bool good = (expression);                                                                                      \
        ck_assert_msg(good, "%s", good_error ? good_error->message : "false without an error");                        \
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

static char *fixture_folder;
static char *fixture_path;
static Store *store;

static inline void fixture_open(void)
{
    fixture_folder = g_dir_make_tmp("rubric-store-XXXXXX", NULL);
    ck_assert_ptr_nonnull(fixture_folder);
    fixture_path = g_build_filename(fixture_folder, "store.db", NULL);
    ck_assert_good((store = store_open(fixture_path, error)) != NULL);
}

static inline void fixture_close(void)
{
    store_close(store);
    store = NULL;
    file_remove_tree(fixture_folder, NULL);
    g_clear_pointer(&fixture_folder, g_free);
    g_clear_pointer(&fixture_path, g_free);
}

/* A submission of `owner` to `assignment`, received then; the revision is what makes it new. */
static inline gint64 fixture_submission(const char *assignment, const char *owner, gint64 received_us,
                                        const char *revision)
{
    Submission submission = {.assignment = (char *)assignment,
                             .owner_kind = (char *)"team",
                             .owner = (char *)owner,
                             .source = (char *)"inbox",
                             .external_id = (char *)owner,
                             .revision = (char *)revision,
                             .received_us = received_us,
                             .content_kind = (char *)"archive",
                             .content_path = (char *)"blobs/ab/abcd",
                             .content_digest = (char *)revision,
                             .state = SUBMISSION_FETCHED};
    gint64 id = 0;
    bool is_new = false;
    ck_assert_good(store_submission_insert(store, &submission, &id, &is_new, error));
    ck_assert(is_new);
    return id;
}

static inline gint64 fixture_verdict(gint64 submission_id, const char *json)
{
    VerdictRow row = {.submission_id = submission_id,
                      .origin = (char *)"grade",
                      .rubric_digest = (char *)"sha256:00",
                      .points_milli = 85000,
                      .max_milli = 100000,
                      .json = (char *)json};
    gint64 id = 0;
    ck_assert_good(store_verdict_insert(store, &row, &id, error));
    return id;
}

static inline SubmissionState fixture_state(gint64 id)
{
    g_autoptr(Submission) submission = store_submission_get(store, id, NULL);
    ck_assert_ptr_nonnull(submission);
    return submission->state;
}

static inline int fixture_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
