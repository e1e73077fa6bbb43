/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories under the courses of tests/data and under policies that are composed at random, and what must hold
 * in all of them. A seed and a number make a history again, whatever came before it.
 */
#pragma once

#include "tests/unit/tokens/fixture.h"

/* ---- rules: a course and its policy ------------------------------------------------------------------------------ */

typedef struct {
    char *name, *text; /* text: of course.yaml */
    Course *course;
    Policy *policy;
} Rules;
void rules_free(Rules *rules);
/* Of a folder below SOURCE_FOLDER, with the roster of these tests: ann and bob in team1, cat in team2, aud audits. */
Rules *rules_of_course(const char *folder);
/* Composed at random: every key that docs/policy.md has, with values that go together. */
Rules *rules_random(GRand *random);
/* All courses of the tests, and the real one. Rules*, owning. */
GPtrArray *rules_of_all_courses(void);

/* ---- histories --------------------------------------------------------------------------------------------------- */

typedef struct {
    const Rules *rules;
    char *account;       /* the one that is asked about */
    GPtrArray *accounts; /* of char*: all that decide together with it */
    GPtrArray *events;   /* of EventRow* */
    GRand *random;       /* for what a property chooses by itself: starts anew for each */
    guint32 seed;
    gint64 n_submissions;
    Fold *fold; /* of these events, if it was made already; or NULL */
    char *fold_text;
} History;
void history_make(History *history, const Rules *rules, guint32 seed);
void history_clear(History *history);
/* The same, with events of its own. */
void history_copy(History *copy, const History *history);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(History, history_clear)

gint32 history_pick(const History *history, gint32 below);
/* Something due to this account, perhaps a part; NULL: nothing is. */
const Assignment *history_pick_assignment(const History *history, const char *account);
/* From days before a deadline to weeks after it, often at the very end of a unit. */
gint64 history_pick_time(const History *history, const Assignment *due);
EventRow *history_add(History *history, const char *account, const char *kind, gint64 at_us, const char *assignment,
                      gint64 submission_id, const char *data);
void history_add_submitted(History *history, const char *account, const char *assignment, gint64 id, gint64 at_us,
                           const char *digest);
/* points and max in thousandths. */
void history_add_graded(History *history, const char *account, gint64 id, gint64 at_us, gint64 points, gint64 bonus,
                        gint64 max, int n_error);
/* The event "submitted" of a submission, or NULL. */
const EventRow *history_submitted(const History *history, gint64 id);
void history_drop(History *history, guint event);
void history_drop_submission(History *history, gint64 id);
Fold *history_fold(const History *history);
/* Makes history->fold and fold_text. */
void history_remember_fold(History *history);
/* The rules, and what happened, as text. Caller frees. */
char *history_text(const History *history);

/* ---- properties -------------------------------------------------------------------------------------------------- */

/* Says what is wrong; NULL: nothing. Caller frees. The history remembers its fold. */
typedef char *(*Property)(const History *history);

char *property_books_balance(const History *history);
char *property_one_counts(const History *history);
char *property_order_does_not_matter(const History *history);
char *property_mended_error_leaves_no_trace(const History *history);
char *property_identical_costs_nothing(const History *history);
char *property_our_error_costs_nothing(const History *history);
char *property_quote_equals_charge(const History *history);
char *property_quote_holds_until(const History *history);
char *property_held_costs_as_it_says(const History *history);
char *property_lower_result_costs_no_more(const History *history);
char *property_extension_never_hurts(const History *history);
char *property_extension_makes_nothing_later(const History *history);
char *property_replay_equals_live(const History *history);
char *property_sentences_are_whole(const History *history);
