/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens: the policy (pure: events in, decisions out), the accounts over the store, and the hash-chained ledger.
 *
 * State is a pure fold of an account's events under a policy, ordered by receipt; so the decision for a submission does
 * not depend on when the machine got round to it. account_settle() folds, compares with what is booked, and books the
 * difference as compensating lines: nothing is ever edited. Points and tokens are thousandths in int64; penalties are
 * percent in thousandths.
 */
#pragma once

#include "daemon/store/store.h"
#include "rubrics/rubrics.h"

/* ======== policy ================================================================================================= */

typedef struct Policy Policy;
/* Reads `tokens:` of course.yaml (docs/policy.md). A course without the section gets a policy under which nothing costs
 * anything and late work is flagged. NULL after at least one error. */
Policy *policy_parse(const Course *course, Diagnostics *diagnostics);
void policy_free(Policy *policy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_free)

/* "team:t1", "person:alice": the account that pays for an owner's submission. Caller frees. */
char *account_name(OwnerKind kind, const char *owner);

typedef enum {
    DECISION_COUNTS,   /* credit as computed */
    DECISION_IGNORED,  /* identical to an earlier one, or older than what counts: free, changes nothing */
    DECISION_HELD,     /* waits for a person: it would cost, and a free one stands; or too late for the machine */
    DECISION_FEEDBACK, /* feedback, no credit */
    DECISION_REFUSED,  /* not accepted: after the cut-off, not extensible */
    DECISION_PENDING,  /* the verdict is not there or has errors of ours: nothing is charged */
} DecisionKind;
const char *decision_kind_name(DecisionKind kind); /* "counts" "ignored" "held" "feedback" "refused" "pending" */

/* What team work comes to for one member, where each pays with tokens of their own. */
typedef struct {
    char *person;
    DecisionKind kind;
    gint64 late_units, tokens_milli, balance_milli;
    gint64 credit_milli; /* of what the team earned */
    char *sentence;
} MemberShare;

typedef struct {
    gint64 submission_id;
    char *assignment;
    DecisionKind kind;
    gint64 deadline_us;      /* the one that applied, extension included */
    gint64 late_us;          /* receipt - deadline; <= 0: on time */
    gint64 late_units;       /* started days */
    gint64 tokens_milli;     /* charged for it in all */
    gint64 balance_milli;    /* of the account right after it, in receipt order */
    gint64 penalty_milli;    /* percent of the earned points, thousandths: 15 % = 15000 */
    gint64 minus_milli;      /* points taken off after that */
    gint64 cap_milli;        /* points that it can bring at most; 0: no cap */
    gint64 floor_milli;      /* points that stay, if they were earned */
    gint64 course_milli;     /* percent of the course grade taken off, thousandths */
    gint64 base_milli;       /* a resubmission that adds to or must beat an earlier credit */
    gint64 share_milli;      /* percent of the gain over that, thousandths; 0: it replaces it */
    gint64 early_milli;      /* points added for coming early */
    gint64 earned_milli;     /* tokens earned by it */
    gint64 window_us;        /* the last instant for a resubmission; 0: it is none. Not stored */
    gint64 full_id;          /* of a quote: the submission that only bonus points can beat; 0: none. Not stored */
    bool is_another_try;     /* of a quote: an earlier one was late, and looked at for tokens. Not stored */
    gint64 returned_milli;   /* the price of a resubmission that came back at once. Not stored */
    char *route;             /* "on time" "late days" "flat" "resubmission" "none" */
    char *sentence;          /* one or two plain sentences for the student */
    char *ta_line;           /* one line for the TA */
    GPtrArray *alternatives; /* of char*: other routes that were open, with price and penalty */
    GPtrArray *shares;       /* of MemberShare*, where each member of the team pays alone; NULL: it holds for all */
    gint64 points_milli;     /* of a part: what it earned, bonus included */
    GPtrArray *parts;        /* of Decision*, of an assignment whose parts have deadlines of their own; NULL: it has
                              * none. The numbers above are then their sums, and those of the earliest deadline */
} Decision;
void decision_free(Decision *decision);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Decision, decision_free)
/* Does it, or a part of it, wait for a person? */
bool decision_is_held(const Decision *decision);
/* The same for one member of the team. */
gint64 decision_credit_for(const Decision *decision, const char *person, gint64 earned_milli);
cJSON *decision_to_json(const Decision *decision);
Decision *decision_from_json(const cJSON *json, GError **error);
/* Earned points after the penalty, exact to a thousandth, half up; 0 unless the kind is COUNTS. With parts: the sum of
 * what theirs make of the points that each earned. */
gint64 decision_credit_milli(const Decision *decision, gint64 earned_milli);

/* The fold. `events` of one account in any order (EventRow*); `course` for deadlines. Result: Decision* per submission
 * in receipt order, and the lines that the account should have in all (LedgerRow* without seq and hashes). */
typedef struct {
    GPtrArray *decisions;
    GPtrArray *lines;
    gint64 balance_milli; /* of the account that was asked for */
    GPtrArray *accounts;  /* of FoldAccount*: all that pay together with it, and their typed banks */
    GPtrArray *bought;    /* of FoldBought*: what was bought beside lateness and resubmissions */
} Fold;
typedef struct {
    char *account, *what, *assignment; /* assignment: or NULL */
    bool excuses;                      /* the assignment does not count in the gradebook */
} FoldBought;
typedef struct {
    char *account;
    gint64 balance_milli;
} FoldAccount;
Fold *policy_fold(const Policy *policy, const Course *course, const char *account, const GPtrArray *events);
void fold_free(Fold *fold);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fold, fold_free)

/* Accounts whose events decide together, `account` among them: where members pay for their team, all of them. Array of
 * char*, sorted. */
GPtrArray *policy_accounts(const Policy *policy, const Course *course, const char *account);
/* Does anybody but a team's own account pay for it? */
bool policy_members_pay(const Policy *policy, const Course *course);
/* In which team a person was then: the roster's, but for what "moved" events in `events` tell. May be NULL. */
const char *policy_team_at(const Course *course, const GPtrArray *events, const char *person, gint64 at_us);
/* What `name` is among the things that tokens buy: its price in thousandths. */
bool policy_purchase_price(const Policy *policy, const char *name, gint64 *ret_price_milli);

/* May a member of a team have an extension of their own: does each of them pay alone? */
bool policy_has_own_deadlines(const Policy *policy, const Assignment *assignment);
/* The deadline of an assignment or part that holds for an account now, extensions included. */
gint64 policy_deadline(const Policy *policy, const Course *course, const char *account, const Assignment *due,
                       const GPtrArray *events);

/* "1 token", "2.5 tokens". Caller frees. */
char *explain_tokens(gint64 milli);

/* What submitting now (at `at_us`) would cost: the fold with one more submission of new content. Same code as the
 * charge. */
Decision *policy_quote(const Policy *policy, const Course *course, const char *account, const Assignment *assignment,
                       const GPtrArray *events, gint64 at_us);

/* The last instant until which that quote holds, if nothing else happens on the account: the next unit, the cut-off,
 * the end of a bank. G_MAXINT64: for good. */
gint64 policy_quote_until(const Policy *policy, const Course *course, const Assignment *assignment,
                          const Decision *quote, gint64 at_us);
/* A quote is for a result with all points: what a result that is not known yet may change, in whole sentences; NULL:
 * nothing. Caller frees. */
char *policy_quote_terms(const Policy *policy, const Assignment *assignment, const Decision *quote, gint64 at_us);

/* ======== accounts =============================================================================================== */

/* Inside a transaction: folds the account's events, books the difference as ledger lines, stores changed decisions.
 * Array of gint64 submission ids whose decision changed in *ret_changed (GArray; may be NULL). */
bool account_settle(Store *store, const Policy *policy, const Course *course, const char *account, GArray **ret_changed,
                    GError **error);
/* The events of an account and of all that pay together with it: what policy_fold wants. EventRow*, owning. */
GPtrArray *account_events(Store *store, const Policy *policy, const Course *course, const char *account,
                          GError **error);
/* Events that the roles and commands write, each with its unique key and data; then call account_settle. */
bool account_note_submitted(Store *store, const Submission *submission, GError **error);
bool account_note_graded(Store *store, const Course *course, const Submission *submission, const Verdict *verdict,
                         GError **error);
bool account_note_granted(Store *store, const char *account, gint64 amount_milli, const char *who, const char *why,
                          GError **error);
bool account_note_extended(Store *store, const char *account, const char *assignment, gint64 by_us, const char *who,
                           const char *why, GError **error);
bool account_note_released(Store *store, const char *account, const char *assignment, const char *who, const char *why,
                           GError **error);
bool account_note_confirmed(Store *store, const Submission *submission, const char *who, const char *why,
                            GError **error);

/* ======== gradebook ============================================================================================== */

/* An exact fraction; the denominator is positive. */
typedef struct {
    __int128 numerator, denominator;
} Exact;
int exact_compare(Exact a, Exact b);
gint64 exact_round_milli(Exact value); /* thousandths, half up */

typedef enum { COMPONENT_POINTS, COMPONENT_OUTSIDE, COMPONENT_PARTICIPATION } ComponentKind;
typedef struct {
    char *name;
    ComponentKind kind;
    gint64 weight_milli; /* percent of the course grade */
    gint64 max_milli;    /* points that are 100 % of it */
    char **assignments;  /* COMPONENT_POINTS: their credits are added up */
    char **columns;      /* outside scores that are added to that, by their names in the scores file */
    bool is_capped;      /* bonus points cannot lift it above its weight */
    bool is_equal;       /* each of them is worth the same, whatever its points; `max` is then of each column */
    gint64 n_dropped;    /* so many of the lowest are left out */
    gint64 audit_milli;  /* percent of it that who audits must reach; -1: does not matter */
} Component;
typedef struct {
    char *letter;
    gint64 above_milli;
} Cutoff;
typedef struct {
    gint64 at_least, percent_milli; /* lectures */
} Band;

typedef struct {
    char *name;
    gint64 milli; /* percent */
} PeerLevel;
/* How members' ratings of each other become factors. */
typedef struct {
    bool counts_self;               /* a member's rating of themselves counts */
    gint64 missing_milli;           /* what was not given counts as this; below 0: it is left out */
    gint64 most_milli, least_milli; /* the factor is at most, at least this */
    GArray *levels;                 /* of PeerLevel; NULL or empty: the usual ones, Good to No show */
} PeerRules;
extern const PeerRules peer_rules_usual;

/* `gradebook:` of course.yaml (docs/policy.md). */
typedef struct {
    GPtrArray *components; /* of Component* */
    GPtrArray *cutoffs;    /* of Cutoff*, highest first */
    char *below;           /* what is under all of them: "below D" */
    bool has_audit;        /* who audits may pass: Component.audit_milli */
    bool is_strict;        /* a cut-off must be passed, reaching it is not enough */
    GArray *bands;         /* of Band, highest first */
    gint64 lectures;
    char *lectures_column;                     /* of the scores file: how many were attended */
    bool tokens_to_lectures;                   /* a person's tokens that are left are lectures attended */
    gint64 token_each_milli, token_most_milli; /* percent of the course grade for a token that is left; at most */
    gint64 token_from_milli;                   /* fewer than so many bring nothing */
    gint64 token_owed_milli;                   /* percent of the course grade that a token takes which is owed */
    PeerRules peers;
    char *peer_column;    /* of the scores file: a factor, or NULL */
    char *peer_component; /* the component that it is applied to */
    GPtrArray *variants;  /* of Gradebook*, for people of some sections */
    char **sections;      /* of a variant */
} Gradebook;
/* NULL after at least one error; *ret NULL and true: the course has no gradebook. */
bool gradebook_parse(const Course *course, Gradebook **ret, Diagnostics *diagnostics);
void gradebook_free(Gradebook *gradebook);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Gradebook, gradebook_free)
/* The variant for a section, else the gradebook itself. */
const Gradebook *gradebook_for(const Gradebook *gradebook, const char *section);

/* What a person has: thousandths by assignment id and by column. Absent: 0. */
typedef struct {
    GHashTable *credits;      /* char* -> gint64* */
    GHashTable *scores;       /* char* -> gint64* */
    GHashTable *maxima;       /* char* -> gint64*: all points of an assignment; absent: 100 */
    GHashTable *excused;      /* char*: assignments that do not count for this person; may be NULL */
    Exact peer_factor;        /* of the ratings that were read; denominator 0: none */
    GHashTable *peer_factors; /* char*: assignment -> Exact*: of ratings about one assignment; may be NULL */
    gint64 tokens_milli;      /* left at the end */
    gint64 owed_milli;        /* tokens that are owed at the end, in all banks */
    gint64 course_milli;      /* percent of the course grade that lateness took */
} GradeInput;

typedef struct {
    Exact total;                /* percent */
    const char *letter;         /* "below D" when under all cut-offs; borrowed */
    GPtrArray *lines;           /* of char*: how each number came about */
    gint64 tokens_used_milli;   /* turned into lectures */
    gint64 participation_milli; /* percent */
    GArray *parts;              /* of Exact: what each component brings, in percent of the course grade */
} Grade;
Grade *gradebook_compute(const Gradebook *gradebook, const GradeInput *input);
void grade_free(Grade *grade);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Grade, grade_free)

/* What becomes of who audits: "audit passed", "audit not passed", or "audit" when the course has no rule for that. */
const char *gradebook_audit(const Gradebook *gradebook, const Grade *grade);

/* Peer rating: ratings[rater][rated] in thousandths (-1: not given), n of them. Each one's factor: the mean of what was
 * received over the mean of all such means, between the rules' bounds; 1 where nothing was given or all is zero. */
void peer_factors(const gint64 *ratings, gsize n, const PeerRules *rules, Exact *ret_factors);

/* What a table of ratings makes of one member. */
typedef struct {
    const char *person, *team, *assignment; /* borrowed from the course; assignment NULL: about the whole */
    gint64 sum_milli, n_received;
    Exact factor;
} PeerRating;
/* Reads a CSV table of rater, rated, rating (a level's name or a number up to 100) and perhaps assignment; a first line
 * may name these columns, in any order and with others between. PeerRating* by assignment, team and person, of all
 * teams that were rated. NULL after reporting every mistake. */
GPtrArray *peers_read(const Course *course, const PeerRules *rules, const char *file, const char *text, gsize length,
                      Diagnostics *diagnostics);
/* As forms show it: the factor, rounded to hundredths, as percent above or below 1. */
gint64 peer_percent(const PeerRating *rating);

/* Reads a CSV table of scores from outside into `scores`, person -> GHashTable of column -> gint64*: the first line
 * names columns, one of them id (or SIS Login ID, SIS User ID, as in an export of Canvas); read are those that the
 * gradebook or a variant of it names. Adds their names to `found` (a set of char*). false after reporting. */
bool scores_read(const Course *course, const Gradebook *gradebook, const char *file, const char *text, gsize length,
                 GHashTable *scores, GHashTable *found, Diagnostics *diagnostics);
/* The columns from outside that a gradebook and its variants use: a set of char* (borrowed). Caller destroys. */
GHashTable *scores_wanted(const Gradebook *gradebook);

/* ======== what people decide ===================================================================================== */

/* About one submission: "withdrawn", "waived", "overridden" {tokens_milli, penalty_milli}, "selected" {route}, "noted"
 * {what}. `data` is taken over; NULL: {}. */
bool account_note_about(Store *store, const Submission *submission, const char *kind, cJSON *data, const char *who,
                        const char *why, GError **error);
/* About an account: "held" and "lifted" of an assignment, "declared" {units}, "joined" at a time, "deducted" "gifted"
 * "converted" {amount_milli, bank}. at_us 0: now. `data` is taken over. */
bool account_note_on(Store *store, const char *account, const char *kind, const char *assignment, gint64 at_us,
                     cJSON *data, const char *who, const char *why, GError **error);
/* A person goes from one team to another: team tokens stay with the teams, a person's own go along, and what an old
 * team handed in stays its. */
bool account_note_moved(Store *store, const char *person, const char *from, const char *to, gint64 at_us,
                        const char *who, const char *why, GError **error);
/* May so much be given away? DENIED says why not. */
bool account_may_give(const Policy *policy, const Course *course, const char *account, const GPtrArray *events,
                      gint64 amount_milli, GError **error);

/* ======== ledger ================================================================================================= */

/* 64 zeros: what the first line follows, and the head of an empty ledger. */
extern const char ledger_no_hash[];
/* Appends inside a transaction: gives seq, previous hash and hash. `row`'s seq and hashes are ignored. */
bool ledger_append(Store *store, const LedgerRow *row, GError **error);
/* The canonical bytes that are hashed (docs/formats.md, byte by byte). Caller frees. */
GString *ledger_canonical(const LedgerRow *row);
/* Walks the whole chain: gaps, wrong order, wrong hash, balances against the sums. false with *error (INVALID) naming
 * the first bad seq. *ret_n_lines and *ret_head (64 hex, caller frees) when good. */
bool ledger_verify(Store *store, gint64 *ret_n_lines, char **ret_head, GError **error);
/* As ledger_verify, where accounts may go down to `lowest_milli` (<= 0): the course's policy allows debts. */
bool ledger_verify_down_to(Store *store, gint64 lowest_milli, gint64 *ret_n_lines, char **ret_head, GError **error);

/* ======== signatures: Ed25519, PEM files, checked by `openssl` =================================================== */

/* A new private key at `path` (0600), its public one at `path`.pub. DENIED: there is a file already. */
bool ledger_make_key(const char *path, GError **error);
bool ledger_write_public(const char *key_path, const char *public_path, GError **error);
/* Writes the bytes to `path`, the signature over them to `path`.sig (64 bytes). */
bool ledger_sign_file(const char *key_path, const char *path, const char *bytes, gsize length, GError **error);
bool ledger_verify_file(const char *public_path, const char *path, GError **error);
/* The newest line as a signed file in `folder`: head-DATE-LINES.txt (docs/formats.md); one that is there already is
 * left alone. *ret_path: caller frees. */
bool ledger_export_head(Store *store, const char *course, const char *folder, const char *key_path, char **ret_path,
                        GError **error);
/* Every exported head must be in the ledger as it is now; `public_path` (may be NULL) checks their signatures too.
 * INVALID: the end was cut off, or the whole was rewritten. */
bool ledger_verify_heads(Store *store, const char *folder, const char *public_path, guint *ret_n, GError **error);
/* What a submission cost and why, with its ledger lines: the text of a receipt. Caller frees. */
char *ledger_receipt(Store *store, const Submission *submission, GError **error);
/* Max debt that a policy allows on any account, thousandths. */
gint64 policy_max_debt(const Policy *policy);
