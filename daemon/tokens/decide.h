/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One submission while it is decided. decide.c asks the questions, decide_pay.c the last of them: what does it cost.
 */
#pragma once

#include "daemon/tokens/policy.h"

typedef struct {
    const Policy *policy;
    const Rule *rule;
    Track *track;
    Entry *entry;
    Facts facts;
    bool opens_cycle;
    DecisionKind kind;
    gint64 tokens_milli, budget_milli, late_budget_milli, room_milli, n_term, n_round;
    LateCounts late; /* of the other assignments */
    GTimeZone *zone;
    gint64 early_milli, earned_tokens_milli; /* what coming early brings */
    gint64 earned_milli;                     /* what it may be worth: all points while a person still judges */
    Penalty penalty;
    gint64 full_id, returned_milli;
    gint64 base_milli; /* of a resubmission that adds to an earlier credit; -1: it replaces it */
    gint64 share_milli;
} Case;

bool conclude(Case *this, DecisionKind kind, Because because);
bool conclude_beside(Case *this, DecisionKind kind, Because because, const Entry *other);
Penalty penalty_of(const Decision *decision);
gint64 credit_of(const Entry *entry);
/* The deadline was over when its owner joined. */
bool joined_late(const Case *this);

/* Concludes the case if there is nothing to pay, if it brings nothing, and then by what it costs. */
bool is_free_of_cost(Case *this);
bool brings_no_benefit(Case *this);
bool pay(Case *this);
