/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verdict.c (rules, sums) and verdict_json.c (to text and back) share.
 */
#pragma once

#include "rubrics/rubrics.h"

/* Empty, to be filled. */
Verdict *verdict_new(void);
/* Appends an empty item, owned by the verdict. */
VerdictItem *verdict_add_item(Verdict *verdict);
