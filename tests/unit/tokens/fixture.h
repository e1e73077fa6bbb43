/* SPDX-License-Identifier: Apache-2.0 */
/* The test course, and stories: what happened to an account, told in steps. */
#pragma once

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/tokens/policy.h"
#include "tests/unit/run_suite.h"

#define ck_assert_good(expression)                                                                                     \
    do {                                                                                                               \
        GError *good_error = NULL;                                                                                     \
        GError **error = &good_error;                                                                                  \
        bool good = (expression);                                                                                      \
        ck_assert_msg(good, "%s", good_error ? good_error->message : "false without an error");                        \
    } while (0)

static Course *course;
static Policy *policy;

static inline void fixture_course(void)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    course = course_load(TEST_DATA "/tokens/fall", no_graders, diagnostics);
    policy = course ? policy_parse(course, diagnostics) : NULL;
    g_autofree char *problems = diagnostics_format(diagnostics);
    ck_assert_msg(policy != NULL, "%s", problems);
}

static inline void fixture_course_free(void)
{
    policy_free(policy);
    course_free(course);
}

static inline GPtrArray *events_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
}

/* An event with the next id; `data` is JSON. */
static inline EventRow *events_add(GPtrArray *events, const char *kind, gint64 at_us, const char *assignment,
                                   gint64 submission_id, const char *data)
{
    EventRow *event = g_new0(EventRow, 1);
    *event = (EventRow){.id = events->len + 1,
                        .at_us = at_us,
                        .account = g_strdup("person:ann"),
                        .kind = g_strdup(kind),
                        .assignment = g_strdup(assignment),
                        .submission_id = submission_id,
                        .data = g_strdup(data)};
    g_ptr_array_add(events, event);
    return event;
}

static inline void events_add_graded(GPtrArray *events, gint64 at_us, gint64 submission_id, gint64 points, gint64 bonus,
                                     gint64 max, gint64 n_error)
{
    g_autofree char *data =
        g_strdup_printf("{\"points_milli\":%" G_GINT64_FORMAT ",\"bonus_milli\":%" G_GINT64_FORMAT
                        ",\"max_milli\":%" G_GINT64_FORMAT ",\"n_error\":%" G_GINT64_FORMAT ",\"n_review\":0}",
                        points * 1000, bonus * 1000, max * 1000, n_error);
    events_add(events, "graded", at_us, NULL, submission_id, data);
}

static inline void events_add_submitted(GPtrArray *events, gint64 at_us, const char *assignment, gint64 id,
                                        const char *digest)
{
    g_autofree char *data = g_strdup_printf("{\"digest\":\"sha256:%s\"}", digest);
    events_add(events, "submitted", at_us, assignment, id, data);
}

static inline const Decision *fold_decision(const Fold *fold, gint64 submission_id)
{
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        if (decision->submission_id == submission_id)
            return decision;
    }
    return NULL;
}

/* All numbers and sentences of a fold as one text: two folds are the same if these are. */
static inline char *fold_text(const Fold *fold)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < fold->decisions->len; i++) {
        g_autoptr(cJSON) json = decision_to_json(g_ptr_array_index(fold->decisions, i));
        g_autofree char *line = json_print(json);
        g_string_append_printf(text, "%s\n", line);
    }
    for (guint i = 0; i < fold->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(fold->lines, i);
        g_string_append_printf(text, "%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", line->kind,
                               line->amount_milli, line->submission_id, line->reason);
    }
    g_string_append_printf(text, "%" G_GINT64_FORMAT, fold->balance_milli);
    return g_string_free(text, FALSE);
}

static inline void events_shuffle(GPtrArray *events, GRand *random)
{
    for (guint i = events->len; i > 1; i--) {
        guint j = (guint)g_rand_int_range(random, 0, (gint32)i);
        gpointer kept = events->pdata[i - 1];
        events->pdata[i - 1] = events->pdata[j];
        events->pdata[j] = kept;
    }
}

/* Whole sentences, whatever the numbers in them. */
static inline void check_sentence(const char *sentence)
{
    static const char *const wrong[] = {
        "(^|[^0-9.-])1 (tokens|points|lectures|days|hours|calendar days|working days|periods|steps)\\b",
        "\\b(0|[02-9]|[0-9]+[0-9]|[0-9.]+\\.[0-9]+) (token|point|started day|started hour|calendar day)\\b",
        "\\. [a-z]",
        "^[a-z]",
        "[^.]$",
        "  ",
        " [.,;:]",
        "\\(null\\)",
        "\\.\\.",
        "[,;:]\\.",
        ": *$",
        "left are|left off|\\b1 of your( team's)? 1 token|of your( team's)? -",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++)
        ck_assert_msg(!g_regex_match_simple(wrong[i], sentence, 0, 0), "/%s/ is in \"%s\"", wrong[i], sentence);
}

static inline int fixture_main(TCase *tcase, const char *name)
{
    Suite *suite = suite_create(name);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
