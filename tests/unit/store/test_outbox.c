/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

static const gint64 lease_us = 60 * CLOCK_SECOND_US;
static gint64 submission, verdict;

static void setup(void)
{
    fixture_open();
    submission = fixture_submission("m1", "t1", 1, "a");
    ck_assert_good(store_submission_move(store, submission, SUBMISSION_DECIDED, NULL, error));
    verdict = fixture_verdict(submission, "{}");
}

static void insert(gint64 verdict_id, const char *sink, const char *key)
{
    ck_assert_good(store_outbox_insert(store, submission, verdict_id, sink, key, error));
}

static OutboxRow *claim(void)
{
    OutboxRow *row = NULL;
    ck_assert_good(store_outbox_claim(store, "p", lease_us, &row, error));
    return row;
}

static void ck_assert_state(const char *key, const char *state)
{
    g_autoptr(GPtrArray) rows = store_outbox_list(store, 0, NULL);
    for (guint i = 0; i < rows->len; i++) {
        const OutboxRow *row = g_ptr_array_index(rows, i);
        if (strcmp(row->idempotency_key, key) == 0) {
            ck_assert_str_eq(row->state, state);
            return;
        }
    }
    ck_abort_msg("no row \"%s\"", key);
}

START_TEST(an_effect_is_written_once)
{
    insert(verdict, "hook", "k1");
    insert(verdict, "hook", "k1");
    g_autoptr(GPtrArray) rows = store_outbox_list(store, submission, NULL);
    ck_assert_uint_eq(rows->len, 1);
}
END_TEST

START_TEST(the_last_effect_moves_the_submission_to_posted)
{
    insert(verdict, "hook", "k1");
    insert(verdict, "folder", "k2");
    g_autoptr(OutboxRow) first = claim();
    g_autoptr(OutboxRow) second = claim();
    ck_assert_ptr_null(claim());
    ck_assert_good(store_outbox_complete(store, first, "id-1", error));
    ck_assert_int_eq(fixture_state(submission), SUBMISSION_DECIDED);
    ck_assert_good(store_outbox_complete(store, second, NULL, error));
    ck_assert_int_eq(fixture_state(submission), SUBMISSION_POSTED);
    ck_assert_fails(store_outbox_complete(store, second, NULL, error), RUBRIC_ERROR_DENIED);
    g_autoptr(GPtrArray) rows = store_outbox_list(store, submission, NULL);
    ck_assert_str_eq(((OutboxRow *)g_ptr_array_index(rows, 0))->external_id, "id-1");
}
END_TEST

START_TEST(a_poster_whose_lease_ran_out_is_fenced)
{
    insert(verdict, "hook", "k1");
    g_autoptr(OutboxRow) slow = claim();
    clock_set_offset_us(lease_us + 1);
    g_autoptr(OutboxRow) quick = claim();
    ck_assert_str_eq(quick->idempotency_key, slow->idempotency_key);
    ck_assert_fails(store_outbox_complete(store, slow, NULL, error), RUBRIC_ERROR_DENIED);
    ck_assert_fails(store_outbox_retry(store, slow, 0, "x", error), RUBRIC_ERROR_DENIED);
    ck_assert_fails(store_outbox_give_up(store, slow, "x", error), RUBRIC_ERROR_DENIED);
    ck_assert_good(store_outbox_complete(store, quick, NULL, error));
}
END_TEST

START_TEST(a_retry_waits_and_says_when_it_is_due)
{
    gint64 due_us;
    ck_assert_good(store_outbox_next_due(store, &due_us, error));
    ck_assert_int_eq(due_us, G_MAXINT64);
    insert(verdict, "hook", "k1");
    g_autoptr(OutboxRow) row = claim();
    ck_assert_good(store_outbox_next_due(store, &due_us, error));
    ck_assert_int_eq(due_us, row->lease_until_us);
    gint64 again_us = clock_now_us() + lease_us;
    ck_assert_good(store_outbox_retry(store, row, again_us, "status 500", error));
    ck_assert_ptr_null(claim());
    ck_assert_good(store_outbox_next_due(store, &due_us, error));
    ck_assert_int_eq(due_us, again_us);
    clock_set_offset_us(lease_us);
    g_autoptr(OutboxRow) second = claim();
    ck_assert_int_eq(second->tries, 1);
    ck_assert_str_eq(second->last_error, "status 500");
}
END_TEST

START_TEST(giving_up_raises_a_flag_and_ends_the_wait)
{
    insert(verdict, "hook", "k1");
    g_autoptr(OutboxRow) row = claim();
    ck_assert_good(store_outbox_give_up(store, row, "status 400", error));
    ck_assert_int_eq(fixture_state(submission), SUBMISSION_POSTED);
    g_autoptr(GPtrArray) flags = store_flag_list(store, "m1", false, NULL);
    ck_assert_uint_eq(flags->len, 1);
    const FlagRow *flag = g_ptr_array_index(flags, 0);
    ck_assert_str_eq(flag->kind, "post");
    ck_assert_ptr_nonnull(strstr(flag->message, "could not be posted to \"hook\""));
    ck_assert_str_eq(flag->evidence, "status 400");
}
END_TEST

START_TEST(a_newer_verdict_replaces_what_is_queued_and_waits_for_what_runs)
{
    insert(verdict, "hook", "k1");
    insert(verdict, "folder", "k2");
    g_autoptr(OutboxRow) running = claim();
    ck_assert_str_eq(running->idempotency_key, "k1");
    gint64 newer = fixture_verdict(submission, "{}");
    insert(newer, "hook", "k3");
    insert(newer, "folder", "k4");
    ck_assert_state("k2", "replaced");
    g_autoptr(OutboxRow) next = claim();
    ck_assert_str_eq(next->idempotency_key, "k4");
    ck_assert_ptr_null(claim()); /* k3 waits for k1 */
    ck_assert_good(store_outbox_retry(store, running, 0, "again", error));
    ck_assert_state("k1", "replaced");
    g_autoptr(OutboxRow) last = claim();
    ck_assert_str_eq(last->idempotency_key, "k3");
}
END_TEST

START_TEST(the_end_of_an_old_effect_does_not_post_the_new_verdict)
{
    insert(verdict, "hook", "k1");
    g_autoptr(OutboxRow) old = claim();
    gint64 newer = fixture_verdict(submission, "{}");
    insert(newer, "hook", "k2");
    ck_assert_good(store_outbox_complete(store, old, NULL, error));
    ck_assert_int_eq(fixture_state(submission), SUBMISSION_DECIDED);
}
END_TEST

START_TEST(a_restarted_worker_gets_its_own_claims_back_when_what_it_sent_has_arrived)
{
    insert(verdict, "hook", "k1");
    g_autoptr(OutboxRow) lost = claim();
    ck_assert_good(store_claims_release(store, "somebody else", error));
    ck_assert_ptr_null(claim());
    ck_assert_good(store_claims_release(store, "p", error));
    ck_assert_ptr_null(claim());
    clock_set_offset_us(3 * CLOCK_SECOND_US + 1);
    g_autoptr(OutboxRow) again = claim();
    ck_assert_ptr_nonnull(again);
    ck_assert_int_eq(again->attempt, lost->attempt + 1);
}
END_TEST

/* ---- superseded ---- */

static gint64 insert_of(gint64 received_us, const char *key)
{
    gint64 id = fixture_submission("m1", "t1", received_us, key);
    ck_assert_good(store_submission_move(store, id, SUBMISSION_DECIDED, NULL, error));
    gint64 its_verdict = fixture_verdict(id, "{}");
    ck_assert_good(store_outbox_insert(store, id, its_verdict, "hook", key, error));
    return id;
}

static bool is_superseded(const char *key)
{
    g_autoptr(GPtrArray) rows = store_outbox_list(store, 0, NULL);
    for (guint i = 0; i < rows->len; i++) {
        const OutboxRow *row = g_ptr_array_index(rows, i);
        if (strcmp(row->idempotency_key, key) == 0)
            return row->is_superseded;
    }
    ck_abort_msg("no row \"%s\"", key);
}

START_TEST(a_newer_submission_goes_first_and_the_older_is_still_sent)
{
    insert_of(10, "older");
    insert_of(20, "newer");
    insert_of(15, "between"); /* graded last, received before */
    ck_assert(is_superseded("older"));
    ck_assert(is_superseded("between"));
    ck_assert(!is_superseded("newer"));
    StoreCounts counts;
    ck_assert_good(store_counts(store, &counts, error));
    ck_assert_int_eq(counts.n_outbox_superseded, 2);
    const char *const order[] = {"newer", "older", "between"};
    for (gsize i = 0; i < G_N_ELEMENTS(order); i++) {
        g_autoptr(OutboxRow) row = claim();
        ck_assert_str_eq(row->idempotency_key, order[i]);
        ck_assert(row->is_superseded == (i > 0));
        ck_assert_good(store_outbox_complete(store, row, NULL, error));
    }
    ck_assert_good(store_counts(store, &counts, error));
    ck_assert_int_eq(counts.n_outbox_superseded, 0);
}
END_TEST

START_TEST(what_others_handed_in_supersedes_nothing)
{
    insert_of(10, "mine");
    gint64 other = fixture_submission("m1", "t2", 20, "x");
    gint64 elsewhere = fixture_submission("m2", "t1", 20, "y");
    ck_assert_good(store_outbox_insert(store, other, fixture_verdict(other, "{}"), "hook", "other", error));
    ck_assert_good(store_outbox_insert(store, elsewhere, fixture_verdict(elsewhere, "{}"), "hook", "elsewhere", error));
    ck_assert(!is_superseded("mine"));
    ck_assert(!is_superseded("other"));
    ck_assert(!is_superseded("elsewhere"));
}
END_TEST

/* ---- announcements ---- */

static OutboxRow *announce(void)
{
    OutboxRow *row = NULL;
    ck_assert_good(store_outbox_announce(store, "p", lease_us, "checks", 0, &row, error));
    return row;
}

static gint64 enqueue(gint64 received_us, const char *revision)
{
    gint64 id = fixture_submission("m2", "t9", received_us, revision);
    ck_assert_good(store_job_enqueue(store, id, G_MAXINT64, "new", NULL, NULL, error));
    return id;
}

static void ck_assert_announces(const OutboxRow *row, gint64 id, Announcement what)
{
    ck_assert_ptr_nonnull(row);
    ck_assert_int_eq(row->submission_id, id);
    ck_assert_int_eq(row->verdict_id, 0);
    ck_assert_str_eq(announcement_name(outbox_row_announces(row)), announcement_name(what));
}

START_TEST(what_waits_and_what_is_graded_is_announced_once)
{
    ck_assert_ptr_null(announce());
    gint64 id = enqueue(5, "a");
    g_autoptr(OutboxRow) queued = announce();
    ck_assert_announces(queued, id, ANNOUNCE_QUEUED);
    g_autoptr(GradeJob) job = NULL;
    ck_assert_good(store_job_claim(store, "g", lease_us, &job, error));
    ck_assert_ptr_null(announce()); /* the first is still under way */
    ck_assert_good(store_outbox_complete(store, queued, "run 1", error));
    g_autoptr(OutboxRow) running = announce();
    ck_assert_announces(running, id, ANNOUNCE_RUNNING);
    ck_assert_good(store_outbox_complete(store, running, "run 1", error));
    ck_assert_ptr_null(announce());
    ck_assert_int_eq(fixture_state(id), SUBMISSION_FETCHED);
}
END_TEST

START_TEST(a_result_waits_for_an_announcement_under_way)
{
    gint64 id = enqueue(5, "a");
    g_autoptr(OutboxRow) queued = announce();
    ck_assert_good(store_submission_move(store, id, SUBMISSION_DECIDED, NULL, error));
    ck_assert_good(store_outbox_insert(store, id, fixture_verdict(id, "{}"), "checks", "result", error));
    ck_assert_ptr_null(claim());
    ck_assert_good(store_outbox_end(store, queued, clock_now_us() + CLOCK_SECOND_US, "no answer", error));
    ck_assert_ptr_null(claim()); /* it may still arrive */
    clock_set_offset_us(CLOCK_SECOND_US);
    g_autoptr(OutboxRow) again = claim();
    ck_assert_announces(again, id, ANNOUNCE_QUEUED);
    ck_assert_good(store_outbox_end(store, again, 0, "refused", error));
    g_autoptr(OutboxRow) result = claim();
    ck_assert_str_eq(result->idempotency_key, "result");
}
END_TEST

START_TEST(an_announcement_is_held_three_times_at_most)
{
    enqueue(5, "a");
    g_autoptr(OutboxRow) row = announce();
    for (int i = 1; i < 3; i++) {
        ck_assert_good(store_outbox_end(store, row, clock_now_us(), "no answer", error));
        outbox_row_free(row);
        row = claim();
        ck_assert_ptr_nonnull(row);
    }
    ck_assert_good(store_outbox_end(store, row, clock_now_us(), "no answer", error));
    ck_assert_ptr_null(claim());
    ck_assert_state(row->idempotency_key, "replaced");
}
END_TEST

START_TEST(what_is_refused_is_announced_once)
{
    gint64 id = fixture_submission("m2", "t9", clock_now_us(), "refused:a");
    ck_assert_good(store_submission_move(store, id, SUBMISSION_REFUSED, "too large", error));
    g_autoptr(OutboxRow) refused = announce();
    ck_assert_announces(refused, id, ANNOUNCE_REFUSED);
    ck_assert_ptr_null(announce());
    ck_assert_good(store_outbox_complete(store, refused, "run 1", error));
    ck_assert_ptr_null(announce());
    ck_assert_int_eq(fixture_state(id), SUBMISSION_REFUSED);
}
END_TEST

START_TEST(what_was_announced_and_replaced_is_announced_as_over)
{
    gint64 first = enqueue(5, "a");
    g_autoptr(OutboxRow) queued = announce();
    ck_assert_good(store_outbox_complete(store, queued, "run 1", error));
    gint64 second = enqueue(6, "b"); /* takes its place */
    ck_assert_int_eq(fixture_state(first), SUBMISSION_REPLACED);
    g_autoptr(OutboxRow) waits = announce();
    ck_assert_announces(waits, second, ANNOUNCE_QUEUED);
    ck_assert_good(store_outbox_complete(store, waits, NULL, error)); /* the sink has no place for it */
    g_autoptr(OutboxRow) over = announce();
    ck_assert_announces(over, first, ANNOUNCE_OVER);
    ck_assert_good(store_outbox_complete(store, over, "run 1", error));
    enqueue(7, "c");
    g_autoptr(OutboxRow) third = announce();
    ck_assert_int_ne(third->submission_id, second); /* nothing stands there of the second */
    ck_assert_int_eq(outbox_row_announces(third), ANNOUNCE_QUEUED);
}
END_TEST

START_TEST(what_is_quick_is_not_announced)
{
    enqueue(5, "a");
    OutboxRow *row = NULL;
    ck_assert_good(store_outbox_announce(store, "p", lease_us, "checks", CLOCK_HOUR_US, &row, error));
    ck_assert_ptr_null(row);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("outbox");
    tcase_add_checked_fixture(tcase, setup, fixture_close);
    tcase_add_test(tcase, an_effect_is_written_once);
    tcase_add_test(tcase, the_last_effect_moves_the_submission_to_posted);
    tcase_add_test(tcase, a_poster_whose_lease_ran_out_is_fenced);
    tcase_add_test(tcase, a_retry_waits_and_says_when_it_is_due);
    tcase_add_test(tcase, giving_up_raises_a_flag_and_ends_the_wait);
    tcase_add_test(tcase, a_newer_verdict_replaces_what_is_queued_and_waits_for_what_runs);
    tcase_add_test(tcase, the_end_of_an_old_effect_does_not_post_the_new_verdict);
    tcase_add_test(tcase, a_restarted_worker_gets_its_own_claims_back_when_what_it_sent_has_arrived);
    tcase_add_test(tcase, a_newer_submission_goes_first_and_the_older_is_still_sent);
    tcase_add_test(tcase, what_others_handed_in_supersedes_nothing);
    tcase_add_test(tcase, what_waits_and_what_is_graded_is_announced_once);
    tcase_add_test(tcase, a_result_waits_for_an_announcement_under_way);
    tcase_add_test(tcase, an_announcement_is_held_three_times_at_most);
    tcase_add_test(tcase, what_is_refused_is_announced_once);
    tcase_add_test(tcase, what_was_announced_and_replaced_is_announced_as_over);
    tcase_add_test(tcase, what_is_quick_is_not_announced);
    return fixture_main(tcase, "store outbox");
}
