/* SPDX-License-Identifier: Apache-2.0 */
/* A small course, a store and a state folder of their own, and short ways to look into them. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/net/net.h"
#include "graders/graders.h"

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

#define ck_assert_has(text, part)   ck_assert_msg(strstr(text, part) != NULL, "\"%s\" is not in:\n%s", part, text)
#define ck_assert_lacks(text, part) ck_assert_msg(strstr(text, part) == NULL, "\"%s\" is in:\n%s", part, text)

typedef struct {
    char *folder, *course_folder, *state, *inbox;
    Course *course;
    Store *store;
    SourceContext context;
} Fixture;

static const char fixture_course[] =
    "course: c\n"
    "title: A course\n"
    "timezone: America/New_York\n"
    "assignments:\n"
    "  hw1: {title: Homework 1, kind: homework, owner: person, deadline: \"2090-01-01 12:00\", submit: {gradescope: "
    "\"77\"}}\n"
    "  old: {title: Long over, kind: homework, owner: person, deadline: \"2020-01-01 12:00\", rubric: hw1}\n"
    "  m1: {title: Milestone 1, kind: milestone, owner: team, deadline: \"2090-02-01 12:00\", rubric: hw1,"
    " submit: {branch: main, tag: \"submit/*\"}}\n"
    "  none: {title: No rubric, kind: homework, owner: person, deadline: \"2090-01-01 12:00\"}\n";

static const char fixture_rubric[] = "rubric: hw1\n"
                                     "title: Homework 1\n"
                                     "items:\n"
                                     "  - id: answer\n"
                                     "    points: 10\n"
                                     "    title: There is an answer\n"
                                     "    passes: The file answer.txt is there.\n"
                                     "    check: {files: {present: answer.txt}}\n";

static const char fixture_roster[] = "id,name,email,team,sid\n"
                                     "alice,Alice A,alice@example.edu,t1,007\n"
                                     "bob,Bob B,bob@example.edu,t1,008\n"
                                     "carol,Carol C,carol@example.edu,t2,009\n";

static inline void fixture_write(const char *folder, const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(folder, path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    ck_assert_good(file_make_folder(parent, 0755, error));
    ck_assert_good(g_file_set_contents(full, text, -1, error));
}

/* Loads the course from what the files say now. */
static inline void fixture_load_course(Fixture *f)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    Course *course = course_load(f->course_folder, graders_all(), diagnostics);
    g_autofree char *text = diagnostics_format(diagnostics);
    ck_assert_msg(course != NULL, "%s", text);
    course_free(f->course);
    f->course = course;
    f->context.course = course;
}

static inline void fixture_open(Fixture *f, const char *course_tail)
{
    *f = (Fixture){0};
    f->folder = g_dir_make_tmp("rubric-net-XXXXXX", NULL);
    ck_assert_ptr_nonnull(f->folder);
    f->course_folder = g_build_filename(f->folder, "course", NULL);
    f->state = g_build_filename(f->folder, "state", NULL);
    f->inbox = g_build_filename(f->folder, "inbox", NULL);
    g_autofree char *text = g_strconcat(fixture_course, course_tail, NULL);
    fixture_write(f->course_folder, "course.yaml", text);
    fixture_write(f->course_folder, "roster.csv", fixture_roster);
    fixture_write(f->course_folder, "rubrics/hw1.yaml", fixture_rubric);
    ck_assert_good(file_make_folder(f->state, 0755, error) && file_make_folder(f->inbox, 0755, error));
    g_autofree char *path = g_build_filename(f->state, "rubricd.db", NULL);
    ck_assert_good((f->store = store_open(path, error)) != NULL);
    f->context = (SourceContext){.store = f->store,
                                 .state_folder = f->state,
                                 .git_timeout_ms = 60000,
                                 .git_max_bytes = 64 * 1024 * 1024,
                                 .rest_us = 1};
    fixture_load_course(f);
}

static inline void fixture_close(Fixture *f)
{
    store_close(f->store);
    course_free(f->course);
    file_remove_tree(f->folder, NULL);
    g_free(f->folder);
    g_free(f->course_folder);
    g_free(f->state);
    g_free(f->inbox);
}

/* All submissions, oldest first. */
static inline GPtrArray *fixture_submissions(const Fixture *f)
{
    GPtrArray *list = NULL;
    ck_assert_good((list = store_submission_list(f->store, NULL, NULL, 0, error)) != NULL);
    for (guint i = 0; i < list->len / 2; i++) {
        gpointer other = list->pdata[list->len - 1 - i];
        list->pdata[list->len - 1 - i] = list->pdata[i];
        list->pdata[i] = other;
    }
    return list;
}

/* How many open flags of a kind there are. */
static inline guint fixture_flags(const Fixture *f, const char *kind)
{
    g_autoptr(GPtrArray) flags = NULL;
    ck_assert_good((flags = store_flag_list(f->store, NULL, false, error)) != NULL);
    guint n = 0;
    for (guint i = 0; i < flags->len; i++)
        n += strcmp(((const FlagRow *)g_ptr_array_index(flags, i))->kind, kind) == 0;
    return n;
}

static inline gint64 fixture_queued(const Fixture *f)
{
    gint64 queued = 0, claimed = 0;
    ck_assert_good(store_job_counts(f->store, &queued, &claimed, error));
    return queued;
}
