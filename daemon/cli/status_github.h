/* SPDX-License-Identifier: Apache-2.0 */
/* GitHub's part of `rubric status`: what is left of its limits, and how that sets the pace. */
#pragma once

#include "daemon/cli/cli.h"

/* Of a budget that was rolled to now and has a credential. */
cJSON *status_github_json(const GithubBudget *budget);
void status_github_print(const GithubBudget *budget, GTimeZone *zone);
/* Below a source's line, unless it goes at its usual pace. */
void status_github_print_pace(gint64 pace_us, gint64 usual_us);
