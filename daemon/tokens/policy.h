/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to daemon/tokens/: the policy as data, and the facts from which a decision's numbers and sentences both come.
 */
#pragma once

#include "daemon/tokens/tokens.h"

/* ======== the policy: docs/policy.md says what each means ======================================================== */

typedef enum {
    UNIT_STARTED_DAY,
    UNIT_STARTED_HOUR,
    UNIT_ONCE,
    UNIT_CALENDAR_DAY,
    UNIT_WORKING_DAY,
    UNIT_SPAN,    /* any length: `every` */
    UNIT_BRACKET, /* lateness up to each of `brackets` */
    UNIT_SLOT,    /* the next of the listed `slots` */
    UNIT_NTH,     /* which late assignment of the term it is */
} LateUnit;
typedef enum { DAYS_FRIENDLIER, DAYS_ELAPSED, DAYS_WALL_CLOCK } DayCount;
typedef enum { REPLACE_ASK, REPLACE_CHARGE, REPLACE_NEVER } ReplaceOnTime;
typedef enum { UNCOVERED_SCORE, UNCOVERED_FEEDBACK, UNCOVERED_REFUSED, UNCOVERED_HOLD } UncoveredKind;
typedef enum { OF_EARNED, OF_MAXIMUM, OF_POINTS, OF_CAP, OF_COURSE, OF_KEPT } PenaltyBase;
typedef enum { COUNTS_LAST, COUNTS_BEST, COUNTS_FIRST, COUNTS_GAIN } WhichCounts;
typedef enum { REDO_REPLACES, REDO_BEST, REDO_GAIN } RedoRule;
typedef enum { GROUP_ACCOUNT, GROUP_MEMBERS, GROUP_EACH_MEMBER } GroupKind;
typedef enum { ENOUGH_ALL, ENOUGH_ANY, ENOUGH_TOGETHER } Enough;
typedef enum { PAYS_EACH, PAYS_ONE, PAYS_TOGETHER } Pays;
typedef enum { DECLARE_NEVER, DECLARE_BEFORE, DECLARE_ANY_TIME } Declare;
typedef enum { ALLOCATE_BY_RECEIPT, ALLOCATE_BEST_AT_END, ALLOCATE_IN_ORDER } Allocation;

enum {
    MAX_STEPS = 40,
    MAX_BANKS = 16,
    MAX_HOLIDAYS = 200,
    MAX_ADDS = 60,
    MAX_FLATS = 4,
    MAX_BY_RESULT = 8,
    MAX_PERIODS = 12,
    MAX_PURCHASABLES = 20
};

/* What so many units come to: so much each, the totals as a list, or so much each of the first ones, of the next, ...
 */
typedef struct {
    gint64 start_milli, each_milli, at_most_milli;
    guint n_totals; /* 0: start + each * n */
    gint64 totals_milli[MAX_STEPS];
    guint n_steps;
    gint64 step_units[MAX_STEPS], step_each_milli[MAX_STEPS]; /* the last one's units: G_MAXINT64 */
} Scale;
gint64 scale_total(const Scale *scale, gint64 n);

/* One price for any lateness of so many units. */
typedef struct {
    gint64 price_milli;
    gint64 taken_milli; /* percent of what it earns that is taken off all the same */
    gint64 up_to_units;
    bool needs_first; /* only who has handed in something may take it */
} FlatRoute;

typedef struct {
    bool is_allowed;
    LateUnit unit;
    gint64 every_us; /* UNIT_SPAN */
    guint n_marks;
    gint64 marks_us[MAX_STEPS]; /* brackets: spans; slots: instants; ascending */
    Scale price;
    guint n_flats;
    FlatRoute flats[MAX_FLATS];
    bool needs_first;  /* late work is accepted only from who has handed in something in time */
    gint64 each_milli; /* percent of the earned points that a covered unit costs all the same */
    gint64 grace_us;
    bool grace_moves; /* lateness counts from the end of the grace */
    bool skips_days_off;
    gint64 within_us;       /* later than this is refused */
    gint64 max_units;       /* that tokens can buy */
    gint64 max_units_term;  /* for all assignments of this scope together */
    gint64 max_assignments; /* for how many assignments of this scope */
    guint scope;            /* what one `late:` of course.yaml is for */
    gint64 hold_after;      /* more units than this wait for a person */
    gint64 stop_after;      /* more units than this are refused */
    bool is_partial;        /* tokens may cover some of the units */
    Declare declare;
    gint64 declare_by_us; /* so long before the deadline, at the latest */
} LateRule;

/* What on-time work that comes early enough, or is good enough, brings. */
typedef struct {
    bool is_given;
    gint64 by_us; /* before the deadline */
    bool skips_days_off;
    gint64 times;          /* at most: once for each full `by` */
    Scale points;          /* by times: added to the credit */
    Scale percent;         /* of the earned points, added to the credit */
    Scale tokens;          /* earned, once an assignment */
    gint64 at_least_milli; /* percent of all points: only for results that reach it */
    gint64 cap_milli;      /* percent of all points above which it lifts nothing; G_MAXINT64: none */
} EarlyRule;

/* What a resubmission costs who has less than so many percent of all points now. */
typedef struct {
    gint64 below_milli, price_milli;
} PriceBelow;

typedef struct {
    bool is_allowed;
    guint n_by_result;
    PriceBelow by_result[MAX_BY_RESULT]; /* ascending; the first that fits, else `price` */
    Scale price;                         /* of the first, second, ... one in all, when it is a list */
    gint64 max_times, max_times_term;
    bool asks;           /* waits for a person's confirmation */
    bool after_deadline; /* what follows the deadline is a resubmission, if something stands */
    bool keeps_penalty;  /* what was taken off the earlier one is taken off this one too */
    RedoRule rule;
    gint64 share_milli;  /* percent of the points gained */
    gint64 cap_milli;    /* percent of the maximum; G_MAXINT64: none */
    gint64 below_milli;  /* only who has less than this percent of the maximum; G_MAXINT64: everybody */
    gint64 above_milli;  /* only who has at least this percent of the maximum */
    gint64 refund_milli; /* a result of at least this percent of the maximum gives the price back; G_MAXINT64: none */
    bool first_on_time;  /* only who handed in something in time */
    guint n_rounds;      /* ends of rounds; in each of them at most max_a_round resubmissions */
    gint64 rounds_us[MAX_STEPS];
    gint64 max_a_round;
    gint64 within_us; /* of the release */
    gint64 until_us;
    char needs[40]; /* an event "noted" of this name must be there; "": nothing */
} ResubmissionRule;

typedef struct {
    UncoveredKind kind;
    PenaltyBase base;
    Scale scale;        /* percent or points, by late units that no token covers */
    gint64 floor_milli; /* the score never sinks below this percent of the maximum because of lateness */
    bool is_prorated;
} UncoveredRule;

/* Who pays for team work. With GROUP_MEMBERS: of whom must there be enough, and who gives; PAYS_EACH: a price is for
 * each head. */
typedef struct {
    GroupKind kind;
    Enough enough;
    Pays pays;
} GroupRule;

typedef struct Rule Rule;
/* Another rule for what is due, or comes, from one instant to another. */
typedef struct {
    gint64 from_us, until_us;
    bool is_by_deadline; /* of the assignment; else by receipt */
    Rule *rule;
} Period;

struct Rule {
    LateRule late;
    EarlyRule early;
    ResubmissionRule resubmission;
    UncoveredRule uncovered[2]; /* by OwnerKind */
    WhichCounts counts;
    GroupRule group;
    gint64 cutoff_us; /* G_MAXINT64: none */
    guint bank[2];    /* by OwnerKind of the payer */
    guint n_periods;
    Period periods[MAX_PERIODS]; /* their rules belong to Policy.period_rules */
};

typedef struct {
    gint64 at_us, amount_milli;
} Add;

/* One currency of one kind of owner. The two first are the usual ones and have no name. */
typedef struct {
    char name[40];
    OwnerKind owner;
    gint64 pool_milli, debt_milli;
    gint64 most_milli; /* that it can hold; G_MAXINT64: as many as come */
    gint64 expires_us; /* G_MAXINT64: never */
    bool is_giftable;
    guint n_adds;
    Add adds[MAX_ADDS];
} Bank;

/* Something else that tokens buy: an excused assignment, a survey, a question that is waived. */
typedef struct {
    char name[40];
    gint64 price_milli, max_times;
    gint64 until_us;
    bool excuses;  /* the assignment does not count in the gradebook */
    guint bank[2]; /* by OwnerKind of the payer */
} Purchasable;

struct Policy {
    bool is_empty; /* the course has no `tokens:` */
    guint n_banks;
    Bank banks[MAX_BANKS]; /* [OWNER_PERSON] and [OWNER_TEAM] first */
    DayCount day_count;
    ReplaceOnTime replace_on_time;
    Allocation allocation;
    bool is_incremental;      /* what was paid for an assignment counts for the next try */
    bool charges_for_nothing; /* tokens go although they save nothing */
    bool withdrawn_stays_paid;
    gint64 joined_hold;      /* -1: late joiners wait for a person; else their deadline is that long after joining */
    guint weekend;           /* bit by GDate weekday */
    bool days_off_count_one; /* a run of days that are not working days counts as one */
    guint n_holidays;
    guint32 holidays[MAX_HOLIDAYS]; /* Julian days */
    Rule rule;
    GHashTable *kinds;       /* kind of assignment -> Rule* */
    GHashTable *assignments; /* id -> Rule* */
    GPtrArray *period_rules; /* of Rule* */
    guint n_scopes;          /* of LateRule.scope, from 1 on */
    guint n_purchasables;
    Purchasable purchasables[MAX_PURCHASABLES];
};

/* The rule for an assignment or a part: its own, else the whole's, else its kind's, else the course's. */
const Rule *policy_rule(const Policy *policy, const Assignment *assignment);
/* The rule of that one's period, if something due and received then falls into one. */
const Rule *policy_rule_at(const Policy *policy, const Assignment *assignment, gint64 received_us);
/* Who may pay for it or for a part of it, at one time or another: bit by GroupKind. 0: no team works on it. */
guint policy_groups(const Policy *policy, const Assignment *assignment);
/* Reads late, resubmission, without_tokens, counts, group, bank, cutoff of a mapping into a rule. */
void policy_read_rule(YamlReader *reader, Policy *policy, GTimeZone *zone, Rule *rule);

/* Lateness as the rule counts it: without days off, where it leaves them out; 0 or less: on time. */
gint64 policy_late_us(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                      gint64 received_us);
/* How long before the deadline, as the rule counts it. */
gint64 policy_ahead_us(const Policy *policy, const EarlyRule *rule, GTimeZone *zone, gint64 deadline_us,
                       gint64 received_us);
/* Started units of lateness; 0: on time. UNIT_NTH: 1 for whatever is late. */
gint64 policy_late_units(const Policy *policy, const LateRule *rule, GTimeZone *zone, gint64 deadline_us,
                         gint64 received_us);
/* Is a unit as long as any other, so that a part of one can be told? */
bool policy_unit_is_even(const LateRule *rule);
/* How long one unit is, for pro rata; 0: it has no length. */
gint64 policy_unit_us(const LateRule *rule);

/* ======== facts ================================================================================================== */

/* What a submission of so many points would have to pay for. */
typedef struct {
    const Rule *rule;
    OwnerKind owner_kind;
    gint64 units, late_us;
    gint64 paid_milli, budget_milli;
    gint64 earned_milli, max_milli;
    bool has_first, charges_for_nothing;
    gint64 declared_units; /* that tokens may cover */
    gint64 most_units;     /* that they may cover, by what they covered of other assignments */
    const char *chosen;    /* only this way, or NULL */
} Purchase;
/* One submission as its events tell it; of an assignment with parts, one for each of them and one for the rest. */
typedef struct Track Track;
typedef struct Entry Entry;
typedef struct Wallet Wallet;
struct Entry {
    gint64 id;
    Entry *next_part;    /* of the same submission; the first of them is the rest */
    const char *account; /* whose it is */
    OwnerKind owner_kind;
    const char *assignment_id;
    const Assignment *assignment; /* NULL: the course has no such assignment any more */
    gint64 received_us;
    gint64 deadline_us; /* extensions included */
    char *digest;       /* or NULL */
    bool is_graded;
    gint64 graded_at_us, graded_event_id; /* which of several verdicts is the newest */
    gint64 points_milli, bonus_milli, max_milli, n_error, n_review;
    bool is_refused; /* it could not even be unpacked */
    bool is_confirmed, is_withdrawn, is_waived, is_quote;
    gint64 selected_at_us, selected_event_id; /* the owner's choice of what counts; 0: not selected */
    const char *chosen_route;                 /* the owner's choice of a way to pay, or NULL */
    bool is_overridden;
    gint64 overridden_at_us, overridden_event_id, override_tokens_milli, override_penalty_milli;
    gint64 joined_us;  /* when its owner joined the course; 0: from the beginning */
    Purchase purchase; /* what lateness made of it: for an allocation at the end of term */
    bool has_purchase, earned_nothing;
    bool lacks_tokens;   /* there is no way to pay for it */
    GHashTable *notes;   /* names that were noted about it, or NULL */
    Decision *decision;  /* made by the fold */
    const Wallet *payer; /* the first of those that pay for it */
    gint64 left_milli;   /* what that one could spend right after it */
    Track *track;        /* of its account and assignment, once all are gathered */
};

/* The course's own deadline of what it is for, without extensions: what puts it in order. */
gint64 entry_due(const Entry *entry);

/* Where an owner stands with one assignment while the fold walks through its submissions in order of receipt. A cycle
 * goes from one release of results to the next: what was paid in it counts for every submission in it. */
struct Track {
    gint64 extended_us;
    GArray *releases; /* of gint64, ascending once all are gathered */
    bool is_on_hold;
    gint64 held_at_us, held_event_id; /* of the newest word on that */
    gint64 declared_units, declared_at_us, declared_event_id;
    const Entry *selected;
    GHashTable *by_digest; /* char* -> Entry* (both borrowed): the first one of each content */
    bool has_one_on_time;
    bool has_late_try;     /* one was looked at for tokens, whether it got them or not */
    const Entry *standing; /* the newest that was accepted, graded or not; NULL: none */
    Entry *counting;       /* the newest whose decision is COUNTS */
    bool in_resubmission;  /* this cycle was opened by a resubmission */
    bool standing_is_free; /* on time, nothing paid, nothing taken off */
    gint64 paid_milli;     /* in this cycle */
    gint64 opened_us;      /* of this cycle: the release */
    gint64 n_resubmissions;
    bool has_earned;     /* tokens for early or good work */
    gint64 late_number;  /* which late assignment of its scope it is; 0: none */
    gint64 bought_units; /* of lateness that tokens covered, at most at once */
    GHashTable *paid_by; /* member's account -> gint64* in this cycle, where each member pays alone; or NULL */
    gint64 paid_by_cycle_us;
};

typedef enum {
    BECAUSE_ON_TIME,
    BECAUSE_LATE,           /* and paid for, or penalised */
    BECAUSE_NOTHING_EARNED, /* late, but there is nothing that a token could save */
    BECAUSE_RESUBMISSION,
    BECAUSE_REPLACED, /* an older one: a newer one counts */
    BECAUSE_IDENTICAL,
    BECAUSE_WITHDRAWN,
    BECAUSE_REFUSED,        /* it could not even be unpacked */
    BECAUSE_NO_BENEFIT,     /* what stands cannot become better */
    BECAUSE_ON_TIME_STANDS, /* would cost, and a better or free one stands */
    BECAUSE_ASKS,           /* a resubmission that nobody confirmed */
    BECAUSE_ON_HOLD,        /* a person put the assignment on hold */
    BECAUSE_TOO_LATE,       /* for the machine to decide */
    BECAUSE_STOPPED,        /* beyond the last late unit, or too late by the clock */
    BECAUSE_CUTOFF,
    BECAUSE_NOT_EXTENSIBLE,
    BECAUSE_NOT_ALLOWED, /* no late work, no resubmission of this kind of assignment */
    BECAUSE_LIMIT,       /* resubmitted too often */
    BECAUSE_NO_TOKENS,
    BECAUSE_NOT_GRADED,
    BECAUSE_OUR_ERROR,
    BECAUSE_AUDIT,
    BECAUSE_JOINED_LATE, /* the deadline was over when its owner joined */
    BECAUSE_WAIVED,      /* a person let it count for nothing */
    BECAUSE_OVERRIDDEN,  /* a person set the price */
    BECAUSE_NOT_SELECTED,
    BECAUSE_FIRST_COUNTS,
    BECAUSE_BETTER_STANDS,
    BECAUSE_WINDOW,      /* the time for resubmissions is over */
    BECAUSE_NEEDS,       /* a resubmission lacks what the course asks for */
    BECAUSE_GOOD_ENOUGH, /* only lower results may be resubmitted */
    BECAUSE_TOO_LOW,     /* only results of some worth may be resubmitted */
    BECAUSE_NO_FIRST,    /* nothing was handed in in time, which the course asks for */
    BECAUSE_NO_POLICY,
    BECAUSE_UNKNOWN_ASSIGNMENT,
} Because;

/* What is taken off; all zero: nothing. */
typedef struct {
    gint64 percent_milli; /* of the earned points */
    gint64 minus_milli;   /* points */
    gint64 cap_milli;     /* points at most; -1: no cap */
    gint64 floor_milli;   /* points that remain whatever the rest says */
    gint64 course_milli;  /* percent of the course grade */
} Penalty;
#define PENALTY_NONE ((Penalty){.cap_milli = -1})

/* A way to pay. */
typedef struct {
    const char *name; /* "late days" "flat" "resubmission" */
    gint64 tokens_milli;
    Penalty penalty;
    gint64 credit_milli; /* of what was earned */
    gint64 probe_milli;  /* of all points */
    gint64 covered_units;
} Route;
gint64 penalty_credit(const Penalty *penalty, gint64 earned_milli);

/* All that a decision says, numbers and sentences. */
typedef struct {
    const Route *route;     /* chosen, or what it would have been; NULL: none */
    GArray *routes;         /* of Route: all that were open, best first */
    gint64 before_milli;    /* balance before */
    gint64 set_aside_milli; /* of that, what comes back once the whole submission is decided */
    gint64 needed_milli;    /* what was missing: the price of the cheapest way that would count */
    gint64 paid_milli;      /* already paid in this cycle */
    gint64 other_id;        /* the submission that stands, counts, or is identical; 0: none */
    gint64 cutoff_us;
    gint64 deadline_us, received_us, late_us, units;
    GTimeZone *zone;
    gint64 share_milli;
    const char *needs;  /* what a resubmission lacks, or NULL */
    gint64 early_milli; /* points that coming early brings */
    gint64 earned_tokens_milli;
    gint64 refund_milli;      /* percent of the maximum that gives a resubmission's price back; G_MAXINT64: none */
    gint64 reward_from_milli; /* percent of the maximum that coming early asks for */
    Penalty penalty;          /* of the way that was taken */
    OwnerKind owner_kind;
    Because because;
    LateUnit unit;
    RedoRule redo_rule;
    bool is_resubmission;
    bool is_undeclared;   /* tokens had to be declared, and were not */
    bool is_refunded;     /* the price comes back, because the result is good */
    bool buys_lateness;   /* tokens can pay for lateness here at all */
    bool covered_costs;   /* what a token covers costs points all the same */
    bool is_quote;        /* the result is not known: what depends on it is said */
    bool is_reward_share; /* the reward is a share of what is earned */
    bool is_in_days_off;  /* nothing but days off lies between the deadline and it */
    bool adds_gain;       /* what counts stays, and `share` of what it gains is added */
} Facts;

/* Fills in sentence, ta_line and alternatives from the facts and the decision's numbers. */
void explain_decision(Decision *decision, const Facts *facts);

/* What an owner did so far in one scope. */
typedef struct {
    gint64 n_late;   /* assignments that were late, and counted */
    gint64 n_bought; /* for which tokens covered lateness */
    gint64 n_units;  /* of lateness that tokens covered */
} LateCounts;

/* Decides one submission: numbers, kind, sentences. Moves the track on. */
typedef struct {
    gint64 room_milli; /* that may be earned before all who earn have as many as they can hold */
    LateCounts late;
    gint64 balance_milli;
    gint64 budget_milli;      /* of that, what may be spent on a resubmission */
    gint64 late_budget_milli; /* and on lateness: less, where tokens are handed out at the end */
    gint64 set_aside_milli;   /* of the balance: prices that come back once the whole submission is decided */
    gint64 n_term, n_round;   /* resubmissions so far, in the term and in the round */
} Means;
Decision *decide_entry(const Policy *policy, const Course *course, Track *track, Entry *entry, const Means *means);
/* How many of the ascending marks lie before the value. */
guint marks_before(const gint64 *marks_us, guint n, gint64 value_us);

/* ======== parts of an assignment ===================================================================================
 */

/* The items of a verdict, or of a rubric as if all had passed, for the event "graded" of an assignment with parts. */
cJSON *parts_of_verdict(const Verdict *verdict);
cJSON *parts_of_rubric(const Rubric *rubric);
/* Gives each part of a graded submission its points; `first` has the whole's. */
void parts_take_points(Entry *first, const cJSON *data);
/* Drops the rest where the parts are all there is. */
void parts_drop_rests(GPtrArray *entries);
/* Makes one decision of those of one submission's parts. */
void parts_join(GPtrArray *decisions, const GPtrArray *entries);

/* ======== ways to pay ============================================================================================ */

/* Route, best first. *ret_needed: the price of the cheapest way without loss; G_MAXINT64: there is none. */
void routes_for_lateness(const Purchase *purchase, GArray *routes, gint64 *ret_needed_milli);
/* What can be paid towards it, though it is not enough. */
gint64 routes_partial_price(const Purchase *purchase);

/* ======== accounts that pay together ============================================================================= */

typedef struct {
    gint64 at_us, amount_milli, event_id;
    const char *kind; /* of the ledger line: "grant" "gift" "deduct" "convert" */
    const char *who, *why;
    const Purchasable *buys; /* or NULL: only if it can be paid then */
    const char *assignment;
    gint64 ahead_milli; /* the least that this and those after it come to, from this one on; 0: never less */
} Change;

struct Wallet {
    char *account; /* "person:ann", "person:ann/written" */
    const Bank *bank;
    gint64 balance_milli;
    gint64 set_aside_milli; /* of the balance: not to be spent yet */
    GArray *changes;        /* of Change, ascending */
    guint n_done;
    gint64 n_bought[MAX_PURCHASABLES];
};
void wallet_free(Wallet *wallet);
/* What may be spent without leaving a later gift uncovered; and at that moment: nothing once the bank has expired. */
gint64 wallet_left(const Wallet *wallet);
gint64 wallet_budget(const Wallet *wallet, gint64 at_us);
/* What it can still take. */
gint64 wallet_room(const Wallet *wallet);

typedef struct {
    GPtrArray *payers; /* of Wallet* (borrowed) */
    GPtrArray *people; /* of Person* (borrowed): whose they are; NULL: the owner's own */
    GroupRule group;
} Purse;
gint64 purse_balance(const Purse *purse);
gint64 purse_set_aside(const Purse *purse);
gint64 purse_budget(const Purse *purse, gint64 at_us);
gint64 purse_room(const Purse *purse);
/* How much each payer gives for an amount that is in the budget: gint64 a payer. Caller frees. */
gint64 *purse_split(const Purse *purse, gint64 amount_milli, gint64 at_us);

/* Hands out what each account has left after a walk in which lateness was not paid for: allocation_key -> gint64*, what
 * may be spent on it. Caller destroys. */
char *allocation_key(const Entry *entry);
GHashTable *allocate_at_end(const Policy *policy, const GPtrArray *entries);
