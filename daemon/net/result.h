/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the result documents share: who may see what, and sums that do not leak what is hidden.
 */
#pragma once

#include "daemon/net/net.h"

/* The verdict as this reader may see it: points of visible items only, and how much is kept back. */
typedef struct {
    gint64 earned_milli, bonus_milli, review_milli, max_milli;
    gint64 hidden_milli; /* points (bonus not included) of items that are not shown yet */
    unsigned n_items, n_passed, n_failed, n_review, n_error, n_hidden;
    bool shows_credit;   /* nothing is hidden and a decision says what the points become */
    gint64 credit_milli; /* after penalty; meaningful with shows_credit */
} ResultView;
ResultView result_view(const Result *result);

/* The deadline that rules visibility: the decision's (extension included), else the assignment's, else G_MAXINT64. */
gint64 result_deadline_us(const Result *result);

/* "until the deadline, Wed 21 Sep 2022, 23:59 EDT", "until the results are released", "from all but the course staff".
 * Caller frees. */
char *result_hidden_until(const Result *result, Visible visible);

/* "3 items worth 25 points are hidden until ...": a sentence for each reason, joined; NULL when nothing is hidden.
 * Caller frees. */
char *result_hidden_sentence(const Result *result);

/* Word and sentence for what remains to be done: "All items are decided." / "2 items wait for a TA." Caller frees. */
char *result_state_sentence(const Result *result);

/* A span of lateness: "on time", "3 h 20 min late". Caller frees. */
char *result_lateness(const Decision *decision);

/* One or two sentences: what the student can do now. Caller frees. */
char *result_next_sentence(const Result *result);

/* The parts of result_markdown: what everybody reads (who and when, points, table of items, tokens, what to do next),
 * and what was found. The details never make `out` longer than `max_bytes` (at least 1 KiB more than it has): what does
 * not fit is left out item by item, with a note. */
void result_append_summary(GString *out, const Result *result);
void result_append_details(GString *out, const Result *result, gsize max_bytes);
