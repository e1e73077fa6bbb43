/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to daemon/tokens/: the policy as data, and the facts from which a decision's numbers and sentences both come.
 */
#pragma once

#include "daemon/tokens/tokens.h"

/* ======== the policy: docs/policy.md says what each means ======================================================== */

typedef enum { UNIT_STARTED_DAY, UNIT_STARTED_HOUR, UNIT_ONCE } LateUnit;
typedef enum { DAYS_FRIENDLIER, DAYS_ELAPSED, DAYS_WALL_CLOCK } DayCount;
typedef enum { REPLACE_ASK, REPLACE_CHARGE, REPLACE_NEVER } ReplaceOnTime;
typedef enum { UNCOVERED_PERCENT, UNCOVERED_FEEDBACK, UNCOVERED_REFUSED, UNCOVERED_HOLD } UncoveredKind;

typedef struct {
    bool is_allowed;
    LateUnit unit;
    gint64 price_milli;
    gint64 flat_milli; /* 0: no flat route */
    gint64 grace_us;
    gint64 max_units;  /* that tokens can buy */
    gint64 hold_after; /* more units than this wait for a person */
    gint64 stop_after; /* more units than this are refused */
} LateRule;

typedef struct {
    bool is_allowed;
    gint64 price_milli;
    gint64 max_times;
    bool asks; /* waits for a person's confirmation */
} ResubmissionRule;

typedef struct {
    UncoveredKind kind;
    gint64 percent_milli; /* a late unit that no token covers */
} UncoveredRule;

typedef struct {
    LateRule late;
    ResubmissionRule resubmission;
    UncoveredRule uncovered[2]; /* by OwnerKind */
} Rule;

struct Policy {
    bool is_empty;        /* the course has no `tokens:` */
    gint64 pool_milli[2]; /* by OwnerKind */
    gint64 cutoff_us;     /* G_MAXINT64: none */
    DayCount day_count;
    ReplaceOnTime replace_on_time;
    Rule rule;
    GHashTable *kinds;       /* kind of assignment -> Rule* */
    GHashTable *assignments; /* id -> Rule* */
};

/* The rule for an assignment: its own, else its kind's, else the course's. */
const Rule *policy_rule(const Policy *policy, const Assignment *assignment);

/* Started units of lateness; 0: on time. */
gint64 policy_late_units(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                         gint64 received_us);

/* ======== facts ================================================================================================== */

/* One submission as its events tell it. */
typedef struct {
    gint64 id;
    const char *assignment_id;
    const Assignment *assignment; /* NULL: the course has no such assignment any more */
    gint64 received_us;
    gint64 deadline_us; /* extensions included */
    char *digest;       /* or NULL */
    bool is_graded;
    gint64 graded_at_us, graded_event_id; /* which of several verdicts is the newest */
    gint64 points_milli, bonus_milli, max_milli, n_error, n_review;
    bool is_confirmed, is_withdrawn;
    Decision *decision; /* made by the fold */
} Entry;

/* Where an owner stands with one assignment while the fold walks through its submissions in order of receipt. A cycle
 * goes from one release of results to the next: what was paid in it counts for every submission in it. */
typedef struct {
    gint64 extended_us;
    GArray *releases; /* of gint64, ascending */
    bool is_on_hold;
    GPtrArray *seen;       /* of Entry* (borrowed), in order of receipt */
    const Entry *standing; /* the newest that was accepted, graded or not; NULL: none */
    Entry *counting;       /* the newest whose decision is COUNTS */
    bool in_resubmission;  /* this cycle was opened by a resubmission */
    bool standing_is_free; /* on time, nothing paid, nothing taken off */
    gint64 paid_milli;     /* in this cycle */
    gint64 n_resubmissions;
} Track;

typedef enum {
    BECAUSE_ON_TIME,
    BECAUSE_LATE,           /* and paid for, or penalised */
    BECAUSE_NOTHING_EARNED, /* late, but there is nothing that a token could save */
    BECAUSE_RESUBMISSION,
    BECAUSE_REPLACED, /* an older one: a newer one counts */
    BECAUSE_IDENTICAL,
    BECAUSE_WITHDRAWN,
    BECAUSE_NO_BENEFIT,     /* what stands cannot become better */
    BECAUSE_ON_TIME_STANDS, /* would cost, and a better or free one stands */
    BECAUSE_ASKS,           /* a resubmission that nobody confirmed */
    BECAUSE_ON_HOLD,        /* a person put the assignment on hold */
    BECAUSE_TOO_LATE,       /* for the machine to decide */
    BECAUSE_STOPPED,        /* beyond the last late unit */
    BECAUSE_CUTOFF,
    BECAUSE_NOT_EXTENSIBLE,
    BECAUSE_NOT_ALLOWED, /* no late work, no resubmission of this kind of assignment */
    BECAUSE_LIMIT,       /* resubmitted too often */
    BECAUSE_NO_TOKENS,
    BECAUSE_NOT_GRADED,
    BECAUSE_OUR_ERROR,
    BECAUSE_AUDIT,
    BECAUSE_NO_POLICY,
    BECAUSE_UNKNOWN_ASSIGNMENT,
} Because;

/* A way to pay. */
typedef struct {
    const char *name; /* "late days" "flat" "resubmission" */
    gint64 tokens_milli, penalty_milli;
    gint64 covered_units;
} Route;

/* All that a decision says, numbers and sentences. */
typedef struct {
    OwnerKind owner_kind;
    Because because;
    bool is_resubmission;
    const Route *route;  /* chosen, or what it would have been; NULL: none */
    GArray *routes;      /* of Route: all that were open, best first */
    gint64 before_milli; /* balance before */
    gint64 needed_milli; /* what was missing: the price of the cheapest way that would count */
    gint64 paid_milli;   /* already paid in this cycle */
    gint64 other_id;     /* the submission that stands, counts, or is identical; 0: none */
    gint64 cutoff_us;
    gint64 deadline_us, received_us, late_us, units;
    LateUnit unit;
    GTimeZone *zone;
} Facts;

/* Fills in sentence, ta_line and alternatives from the facts and the decision's numbers. */
void explain_decision(Decision *decision, const Facts *facts);
/* "1 token", "2.5 tokens". Caller frees. */
char *explain_tokens(gint64 milli);

/* Decides one submission: numbers, kind, sentences. `balance_milli`: of the account before it. Moves the track on. */
Decision *decide_entry(const Policy *policy, const Course *course, OwnerKind owner_kind, const char *owner,
                       Track *track, Entry *entry, gint64 balance_milli);
