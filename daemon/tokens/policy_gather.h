/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold's first pass: what belongs to a submission, an assignment or an account, whenever it was written.
 */
#pragma once

#include "daemon/tokens/policy.h"

typedef struct {
    const Policy *policy;
    const Course *course;
    const char *only;    /* the one account whose events these are; NULL: there are several */
    GPtrArray *entries;  /* of Entry* */
    GHashTable *by_id;   /* &entry->id -> Entry* */
    GHashTable *tracks;  /* "account\nassignment" -> Track* */
    GHashTable *wallets; /* its account -> Wallet* */
    GHashTable *joined;  /* account -> gint64* */
    GHashTable *moves;   /* members_moves() */
} Gathered;

/* Gathers `events` of `accounts` (their names); entries come out in order of receipt. Clear it. */
void gather(Gathered *gathered, const Policy *policy, const Course *course, const GPtrArray *accounts,
            const GPtrArray *events);
void gathered_clear(Gathered *gathered);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Gathered, gathered_clear)

/* Made when there is none yet. */
Track *gather_find_track(Gathered *gathered, const char *account, const char *assignment);
Wallet *gather_find_wallet(Gathered *gathered, const char *account, const Bank *bank);
/* The one that holds for an account: with its extensions, and with what a late joiner has. */
gint64 gather_deadline(Gathered *gathered, const char *account, const Assignment *due);
OwnerKind gather_account_kind(const char *account);
