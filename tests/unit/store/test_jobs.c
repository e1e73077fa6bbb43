/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

static const gint64 lease_us = 60 * CLOCK_SECOND_US;
static const gint64 t0 = G_GINT64_CONSTANT(1663800000000000); /* 21 Sep 2022 */

static gint64 queue(const char *assignment, const char *owner, gint64 received_us, gint64 deadline_us,
                    const char *revision)
{
    gint64 id = fixture_submission(assignment, owner, received_us, revision);
    ck_assert_good(store_job_enqueue(store, id, deadline_us, "new", NULL, NULL, error));
    return id;
}

/* The submission of the next claim; 0: the queue is empty. */
static gint64 claim(GradeJob **ret_job)
{
    GradeJob *job = NULL;
    ck_assert_good(store_job_claim(store, "w", lease_us, &job, error));
    gint64 id = job ? job->submission_id : 0;
    if (ret_job)
        *ret_job = job;
    else
        grade_job_free(job);
    return id;
}

START_TEST(an_empty_queue_gives_no_job)
{
    ck_assert_int_eq(claim(NULL), 0);
    gint64 queued = -1, claimed = -1;
    ck_assert_good(store_job_counts(store, &queued, &claimed, error));
    ck_assert_int_eq(queued, 0);
    ck_assert_int_eq(claimed, 0);
}
END_TEST

START_TEST(the_assignment_that_is_due_next_comes_first)
{
    gint64 m2 = queue("m2", "t1", t0, t0 + 30 * CLOCK_DAY_US, "a");
    gint64 m1 = queue("m1", "t1", t0 + 5, t0 + CLOCK_DAY_US, "b");
    ck_assert_int_eq(claim(NULL), m1);
    ck_assert_int_eq(claim(NULL), m2);
    ck_assert_int_eq(claim(NULL), 0);
}
END_TEST

START_TEST(within_an_assignment_the_oldest_comes_first)
{
    gint64 deadline_us = t0 + CLOCK_DAY_US;
    gint64 second = queue("m1", "t1", t0 + 2, deadline_us, "a");
    gint64 first = queue("m1", "t2", t0 + 1, deadline_us, "b");
    ck_assert_int_eq(claim(NULL), first);
    ck_assert_int_eq(claim(NULL), second);
}
END_TEST

START_TEST(late_work_waits_behind_work_that_was_on_time)
{
    gint64 late = queue("m1", "t1", t0 + 1, t0, "a");
    gint64 on_time = queue("m2", "t2", t0 + 2, t0 + 30 * CLOCK_DAY_US, "b");
    ck_assert_int_eq(claim(NULL), on_time);
    ck_assert_int_eq(claim(NULL), late);
}
END_TEST

START_TEST(regrading_waits_behind_everything_else)
{
    gint64 old = fixture_submission("m1", "t1", t0, "a");
    ck_assert_good(store_job_enqueue(store, old, t0 + 1, "regrade", "sha256:new", NULL, error));
    gint64 late = queue("m1", "t2", t0 + 9, t0 + 1, "b");
    gint64 on_time = queue("m2", "t2", t0 + 9, t0 + CLOCK_DAY_US, "c");
    ck_assert_int_eq(claim(NULL), on_time);
    ck_assert_int_eq(claim(NULL), late);
    GradeJob *job;
    ck_assert_int_eq(claim(&job), old);
    ck_assert_str_eq(job->why, "regrade");
    ck_assert_str_eq(job->rubric_digest, "sha256:new");
    grade_job_free(job);
}
END_TEST

START_TEST(fifty_late_pushes_of_one_owner_do_not_starve_the_rest)
{
    for (int i = 0; i < 50; i++) {
        g_autofree char *revision = g_strdup_printf("greedy-%d", i);
        queue("m1", "greedy", t0 + i + 1, t0, revision);
    }
    gint64 modest = queue("m1", "modest", t0 + 100, t0, "m");
    claim(NULL); /* greedy's first was there before */
    ck_assert_int_eq(claim(NULL), modest);
}
END_TEST

START_TEST(an_owner_who_was_just_served_waits_behind_one_who_was_not)
{
    queue("m1", "served", t0 + 1, t0, "a");
    claim(NULL);
    gint64 again = queue("m1", "served", t0 + 2, t0, "b");
    gint64 fresh = queue("m1", "fresh", t0 + 3, t0, "c");
    ck_assert_int_eq(claim(NULL), fresh);
    ck_assert_int_eq(claim(NULL), again);
}
END_TEST

START_TEST(a_busy_past_costs_an_owner_one_turn_at_most)
{
    for (int i = 0; i < 20; i++) {
        g_autofree char *revision = g_strdup_printf("past-%d", i);
        queue("m1", "busy", t0 + i + 1, t0, revision);
        claim(NULL);
    }
    gint64 mine = queue("m1", "busy", t0 + 50, t0, "now");
    for (int i = 0; i < 3; i++) {
        g_autofree char *revision = g_strdup_printf("other-%d", i);
        queue("m1", "other", t0 + 60 + i, t0, revision);
    }
    claim(NULL); /* other's first */
    ck_assert_int_eq(claim(NULL), mine);
}
END_TEST

START_TEST(a_newer_on_time_submission_replaces_the_queued_older_one)
{
    gint64 deadline_us = t0 + CLOCK_DAY_US;
    gint64 older = queue("m1", "t1", t0, deadline_us, "a");
    gint64 other = queue("m1", "t2", t0 + 1, deadline_us, "b");
    gint64 newer = fixture_submission("m1", "t1", t0 + 2, "c");
    gint64 replaced = 0;
    ck_assert_good(store_job_enqueue(store, newer, deadline_us, "new", NULL, &replaced, error));
    ck_assert_int_eq(replaced, older);
    g_autoptr(Submission) row = store_submission_get(store, older, NULL);
    ck_assert_int_eq(row->state, SUBMISSION_REPLACED);
    ck_assert_ptr_nonnull(strstr(row->remark, "replaced by submission"));
    /* The turn is kept; within a turn the older receipt is first. */
    ck_assert_int_eq(claim(NULL), other);
    ck_assert_int_eq(claim(NULL), newer);
    ck_assert_int_eq(claim(NULL), 0);
}
END_TEST

START_TEST(nothing_is_replaced_that_is_claimed_late_another_owners_or_another_assignments)
{
    gint64 deadline_us = t0 + CLOCK_DAY_US;
    gint64 claimed = queue("m1", "t1", t0, deadline_us, "a");
    ck_assert_int_eq(claim(NULL), claimed);
    gint64 others = queue("m1", "t2", t0 + 1, deadline_us, "b");
    gint64 elsewhere = queue("m2", "t1", t0 + 1, deadline_us, "c");
    gint64 late = queue("m1", "t1", deadline_us + 1, deadline_us, "d");
    gint64 later = queue("m1", "t1", deadline_us + 2, deadline_us, "e");
    queue("m1", "t1", t0 + 2, deadline_us, "f");
    const gint64 kept[] = {claimed, others, elsewhere, late, later};
    for (gsize i = 0; i < G_N_ELEMENTS(kept); i++)
        ck_assert_int_eq(fixture_state(kept[i]), SUBMISSION_FETCHED);
}
END_TEST

START_TEST(an_older_submission_that_arrives_later_replaces_nothing)
{
    gint64 deadline_us = t0 + CLOCK_DAY_US;
    gint64 newer = queue("m1", "t1", t0 + 10, deadline_us, "a");
    queue("m1", "t1", t0, deadline_us, "b");
    ck_assert_int_eq(fixture_state(newer), SUBMISSION_FETCHED);
}
END_TEST

START_TEST(queueing_twice_keeps_one_job_with_the_newer_wish)
{
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    ck_assert_good(store_job_enqueue(store, id, t0 + 1, "regrade", "sha256:x", NULL, error));
    GradeJob *job;
    ck_assert_int_eq(claim(&job), id);
    ck_assert_str_eq(job->why, "regrade");
    grade_job_free(job);
    ck_assert_int_eq(claim(NULL), 0);
}
END_TEST

START_TEST(a_submission_is_never_graded_twice_at_once)
{
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    GradeJob *first;
    ck_assert_int_eq(claim(&first), id);
    ck_assert_good(store_job_enqueue(store, id, t0 + 1, "regrade", NULL, NULL, error));
    ck_assert_int_eq(claim(NULL), 0);
    ck_assert_good(store_job_complete(store, first, error));
    ck_assert_int_eq(claim(NULL), id);
    grade_job_free(first);
}
END_TEST

START_TEST(a_lease_that_ran_out_is_claimed_again_and_fences_the_first_claimer)
{
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    GradeJob *slow, *quick;
    ck_assert_int_eq(claim(&slow), id);
    ck_assert_int_eq(claim(NULL), 0);
    clock_set_offset_us(lease_us + 1);
    ck_assert_int_eq(claim(&quick), id);
    ck_assert_int_eq(quick->attempt, slow->attempt + 1);
    ck_assert_fails(store_job_renew(store, slow, lease_us, error), RUBRIC_ERROR_DENIED);
    ck_assert_fails(store_job_retry(store, slow, 0, "x", error), RUBRIC_ERROR_DENIED);
    ck_assert_fails(store_job_complete(store, slow, error), RUBRIC_ERROR_DENIED);
    ck_assert_good(store_job_complete(store, quick, error));
    ck_assert_fails(store_job_complete(store, quick, error), RUBRIC_ERROR_DENIED);
    grade_job_free(slow);
    grade_job_free(quick);
}
END_TEST

START_TEST(a_slow_claimer_may_still_finish_while_nobody_took_over)
{
    GradeJob *job;
    queue("m1", "t1", t0, t0 + 1, "a");
    claim(&job);
    clock_set_offset_us(2 * lease_us);
    ck_assert_good(store_job_complete(store, job, error));
    grade_job_free(job);
}
END_TEST

START_TEST(a_renewed_lease_holds)
{
    GradeJob *job;
    queue("m1", "t1", t0, t0 + 1, "a");
    claim(&job);
    ck_assert_good(store_job_renew(store, job, 10 * lease_us, error));
    clock_set_offset_us(2 * lease_us);
    ck_assert_int_eq(claim(NULL), 0);
    gint64 queued, claimed;
    ck_assert_good(store_job_counts(store, &queued, &claimed, error));
    ck_assert_int_eq(claimed, 1);
    grade_job_free(job);
}
END_TEST

START_TEST(a_retried_job_comes_back_when_it_is_due)
{
    GradeJob *job;
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    claim(&job);
    ck_assert_good(store_job_retry(store, job, clock_now_us() + lease_us, "the network is away", error));
    ck_assert_int_eq(claim(NULL), 0);
    clock_set_offset_us(lease_us);
    ck_assert_int_eq(claim(NULL), id);
    grade_job_free(job);
}
END_TEST

START_TEST(a_retry_gives_way_to_a_newer_job_of_the_same_submission)
{
    GradeJob *job;
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    claim(&job);
    ck_assert_good(store_job_enqueue(store, id, t0 + 1, "regrade", NULL, NULL, error));
    ck_assert_good(store_job_retry(store, job, 0, "x", error));
    grade_job_free(job);
    ck_assert_int_eq(claim(&job), id);
    ck_assert_str_eq(job->why, "regrade");
    ck_assert_int_eq(claim(NULL), 0);
    grade_job_free(job);
}
END_TEST

START_TEST(the_position_counts_who_stands_before)
{
    gint64 deadline_us = t0 + CLOCK_DAY_US;
    gint64 first = queue("m1", "t1", t0, deadline_us, "a");
    gint64 second = queue("m1", "t2", t0 + 1, deadline_us, "b");
    gint64 third = queue("m1", "t3", t0 + 2, deadline_us, "c");
    gint64 position;
    ck_assert_good(store_job_position(store, third, &position, error));
    ck_assert_int_eq(position, 2);
    ck_assert_int_eq(claim(NULL), first);
    ck_assert_good(store_job_position(store, second, &position, error));
    ck_assert_int_eq(position, 0);
    ck_assert_good(store_job_position(store, first, &position, error));
    ck_assert_int_eq(position, -1);
}
END_TEST

START_TEST(completing_inside_a_transaction_that_is_rolled_back_leaves_the_job_claimed)
{
    GradeJob *job;
    gint64 id = queue("m1", "t1", t0, t0 + 1, "a");
    claim(&job);
    ck_assert_good(store_begin(store, error));
    ck_assert_good(store_job_complete(store, job, error));
    store_rollback(store);
    clock_set_offset_us(2 * lease_us);
    ck_assert_int_eq(claim(NULL), id);
    grade_job_free(job);
}
END_TEST

START_TEST(an_unknown_submission_cannot_be_queued)
{
    ck_assert_fails(store_job_enqueue(store, 99, t0, "new", NULL, NULL, error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("jobs");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, an_empty_queue_gives_no_job);
    tcase_add_test(tcase, the_assignment_that_is_due_next_comes_first);
    tcase_add_test(tcase, within_an_assignment_the_oldest_comes_first);
    tcase_add_test(tcase, late_work_waits_behind_work_that_was_on_time);
    tcase_add_test(tcase, regrading_waits_behind_everything_else);
    tcase_add_test(tcase, fifty_late_pushes_of_one_owner_do_not_starve_the_rest);
    tcase_add_test(tcase, an_owner_who_was_just_served_waits_behind_one_who_was_not);
    tcase_add_test(tcase, a_busy_past_costs_an_owner_one_turn_at_most);
    tcase_add_test(tcase, a_newer_on_time_submission_replaces_the_queued_older_one);
    tcase_add_test(tcase, nothing_is_replaced_that_is_claimed_late_another_owners_or_another_assignments);
    tcase_add_test(tcase, an_older_submission_that_arrives_later_replaces_nothing);
    tcase_add_test(tcase, queueing_twice_keeps_one_job_with_the_newer_wish);
    tcase_add_test(tcase, a_submission_is_never_graded_twice_at_once);
    tcase_add_test(tcase, a_lease_that_ran_out_is_claimed_again_and_fences_the_first_claimer);
    tcase_add_test(tcase, a_slow_claimer_may_still_finish_while_nobody_took_over);
    tcase_add_test(tcase, a_renewed_lease_holds);
    tcase_add_test(tcase, a_retried_job_comes_back_when_it_is_due);
    tcase_add_test(tcase, a_retry_gives_way_to_a_newer_job_of_the_same_submission);
    tcase_add_test(tcase, the_position_counts_who_stands_before);
    tcase_add_test(tcase, completing_inside_a_transaction_that_is_rolled_back_leaves_the_job_claimed);
    tcase_add_test(tcase, an_unknown_submission_cannot_be_queued);
    return fixture_main(tcase, "store jobs");
}
