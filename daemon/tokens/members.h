/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of teams: who was in which team when, and what each of them pays where all pay alone.
 */
#pragma once

#include "daemon/tokens/policy_gather.h"

/* person -> GArray*, of where that one came from and went to when. Caller destroys. */
GHashTable *members_moves(const GPtrArray *events);
/* Person* (borrowed), students who were in that team then, by id. Caller unrefs. */
GPtrArray *members_at(const Gathered *gathered, const char *team, gint64 at_us);
/* Fills in decision->shares: one for each who pays. `older_credits`: what the members had before it. */
void members_share(Gathered *gathered, Track *track, const Entry *entry, GHashTable *older_credits, const Purse *purse,
                   Decision *decision);
/* person -> gint64*: what the submission that counts until now brings each of them. Caller destroys. */
GHashTable *members_credits(const Track *track, const Purse *purse);
/* Adds the accounts that a "moved" event ties together: the person's, and those of both teams and their members. */
void members_add_moved(GPtrArray *accounts, const Policy *policy, const Course *course, const EventRow *event);
void member_share_free(gpointer data);
