/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verdict.c (rules, sums) and verdict_json.c (to text and back) share.
 */
#pragma once

#include "rubrics/rubrics.h"

/* Empty, to be filled. */
Verdict *verdict_new(void);
Ranking *ranking_copy(const Ranking *ranking);
cJSON *leaderboard_to_json(const GPtrArray *leaderboard);
/* `leaderboard` of a verdict's JSON, which may be absent. */
bool leaderboard_from_json(const cJSON *verdict, GPtrArray *leaderboard, GError **error);
/* Appends an empty item, owned by the verdict. */
VerdictItem *verdict_add_item(Verdict *verdict);
