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
    return fixture_main(tcase, "store outbox");
}
