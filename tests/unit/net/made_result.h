/* SPDX-License-Identifier: Apache-2.0 */
/* A verdict of six items of every visibility, with hostile texts, as a Result before its deadline. */
#pragma once

#include "daemon/net/result.h"
#include "tests/unit/net/fixture.h"

static Verdict *verdict;
static Assignment assignment = {.id = (char *)"m1", .title = (char *)"Milestone <1>", .deadline_us = 1000};
static Submission submission = {.id = 7,
                                .assignment = (char *)"m1",
                                .owner_kind = (char *)"team",
                                .owner = (char *)"team_one",
                                .source = (char *)"inbox",
                                .external_id = (char *)"m1/team_one.zip",
                                .revision = (char *)"sha256:`x`\n",
                                .received_us = 500,
                                .content_digest = (char *)"sha256:abc"};
static Decision decision = {.submission_id = 7,
                            .assignment = (char *)"m1",
                            .kind = DECISION_COUNTS,
                            .deadline_us = 1000,
                            .penalty_milli = 15000,
                            .balance_milli = 2500,
                            .route = (char *)"late days",
                            .sentence = (char *)"15 % off, since [no](http://x) token is left.",
                            .ta_line = (char *)"secret line for the TA"};
static Result result;

static inline void free_finding(gpointer data)
{
    finding_free(data);
}

static inline void add_item(const char *id, gint64 points, ItemOutcome outcome, Visible visible, bool is_bonus)
{
    VerdictItem *item = g_new0(VerdictItem, 1);
    item->id = g_strdup(id);
    item->title = g_strdup_printf("Title of %s", id);
    item->passes = g_strdup("It *works*.");
    item->points_milli = points * 1000;
    item->outcome = outcome;
    item->visible = visible;
    item->is_bonus = is_bonus;
    item->reason = g_strdup_printf("reason of %s", id);
    item->findings = g_ptr_array_new_with_free_func(free_finding);
    Finding *finding = finding_new(id, id, "run", FINDING_FAIL, "said <b>no</b> to @everyone");
    finding->evidence = g_strdup("line\n```\n\033[31mred\n=cmd|x");
    finding->suspicion = g_strdup("suspicion for staff");
    g_ptr_array_add(item->findings, finding);
    g_ptr_array_add(verdict->items, item);
}

static inline void free_item(gpointer data)
{
    VerdictItem *item = data;
    g_free(item->id);
    g_free(item->title);
    g_free(item->passes);
    g_free(item->reason);
    g_free(item->decided_by);
    g_ptr_array_unref(item->findings);
    g_free(item);
}

static inline void made_result_setup(void)
{
    verdict = g_new0(Verdict, 1);
    verdict->assignment = g_strdup("m1");
    verdict->rubric_digest = g_strdup("sha256:r");
    verdict->items = g_ptr_array_new_with_free_func(free_item);
    verdict->remarks = g_ptr_array_new_with_free_func(free_finding);
    add_item("shown", 10, ITEM_PASS, VISIBLE_ALWAYS, false);
    add_item("failed", 5, ITEM_FAIL, VISIBLE_ALWAYS, false);
    add_item("later", 20, ITEM_PASS, VISIBLE_AFTER_DEADLINE, false);
    add_item("released", 40, ITEM_REVIEW, VISIBLE_AFTER_RELEASE, false);
    add_item("inner", 80, ITEM_PASS, VISIBLE_STAFF, false);
    add_item("extra", 3, ITEM_PASS, VISIBLE_ALWAYS, true);
    verdict_sum(verdict);
    result = (Result){.submission = &submission,
                      .verdict = verdict,
                      .decision = &decision,
                      .assignment = &assignment,
                      .zone = g_time_zone_new_utc(),
                      .now_us = 600,
                      .verdict_number = 2};
}

static inline void made_result_teardown(void)
{
    g_time_zone_unref(result.zone);
    verdict_free(verdict);
}
