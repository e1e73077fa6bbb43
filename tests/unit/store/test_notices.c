/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

static bool insert(const char *sink, gint64 span)
{
    const NoticeRow row = {.sink = (char *)sink,
                           .span = span,
                           .text = (char *)"3 flags",
                           .flag_id = span * 10,
                           .trouble = (char *)"grading"};
    bool is_new = false;
    ck_assert_good(store_notice_insert(store, &row, &is_new, error));
    return is_new;
}

static NoticeRow *queued(const char *sink)
{
    NoticeRow *row = NULL;
    ck_assert_good(store_notice_queued(store, sink, &row, error));
    return row;
}

static void finish(const char *sink, bool is_given_up)
{
    g_autoptr(NoticeRow) row = queued(sink);
    ck_assert_good(store_notice_finish(store, row->id, is_given_up, is_given_up ? "gone" : NULL, error));
    ck_assert_fails(store_notice_finish(store, row->id, false, NULL, error), RUBRIC_ERROR_DENIED);
}

START_TEST(a_span_has_one_digest_and_a_channel_one_that_waits)
{
    ck_assert(insert("staff", 1));
    ck_assert(!insert("staff", 1));
    ck_assert(!insert("staff", 2)); /* the first waits */
    ck_assert(insert("ops", 1));
    finish("staff", false);
    ck_assert(!insert("staff", 1)); /* the span has had its own */
    ck_assert(insert("staff", 2));
    g_autoptr(NoticeRow) row = queued("staff");
    ck_assert_int_eq(row->span, 2);
    ck_assert_str_eq(row->text, "3 flags");
    ck_assert_str_eq(row->state, "queued");
}
END_TEST

START_TEST(what_is_new_hangs_on_the_last_that_arrived)
{
    NoticeRow *none = NULL;
    ck_assert_good(store_notice_last_done(store, "staff", &none, error));
    ck_assert_ptr_null(none);
    insert("staff", 1);
    finish("staff", false);
    insert("staff", 2);
    finish("staff", true);
    g_autoptr(NoticeRow) last = NULL;
    ck_assert_good(store_notice_last_done(store, "staff", &last, error));
    ck_assert_int_eq(last->flag_id, 10);
    ck_assert_str_eq(last->trouble, "grading");
    ck_assert_ptr_null(queued("staff"));
}
END_TEST

START_TEST(a_retry_keeps_the_text_and_counts)
{
    insert("staff", 1);
    g_autoptr(NoticeRow) row = queued("staff");
    ck_assert_good(store_notice_retry(store, row->id, 77, "asks to wait", error));
    g_autoptr(NoticeRow) again = queued("staff");
    ck_assert_int_eq(again->id, row->id);
    ck_assert_int_eq(again->not_before_us, 77);
    ck_assert_int_eq(again->tries, 1);
    ck_assert_str_eq(again->last_error, "asks to wait");
    finish("staff", false);
    ck_assert_fails(store_notice_retry(store, row->id, 77, "x", error), RUBRIC_ERROR_DENIED);
}
END_TEST

START_TEST(old_ones_are_forgotten_but_not_the_last_that_arrived)
{
    insert("staff", 1);
    finish("staff", false);
    insert("staff", 2);
    finish("staff", false);
    insert("staff", 3);
    finish("staff", true);
    clock_set_offset_us(100 * CLOCK_DAY_US);
    insert("staff", 9);
    clock_set_offset_us(0);
    ck_assert(insert("ops", 1));
    finish("ops", false);
    finish("staff", true);
    g_autoptr(NoticeRow) last = NULL;
    ck_assert_good(store_notice_last_done(store, "staff", &last, error));
    ck_assert_int_eq(last->span, 2);
    ck_assert(insert("staff", 1)); /* no trace of it is left */
}
END_TEST

static void raise_flag(gint64 submission_id, const char *item, const char *kind)
{
    const FlagRow flag = {
        .submission_id = submission_id, .item = (char *)item, .kind = (char *)kind, .message = (char *)"look"};
    ck_assert_good(store_flag_raise(store, &flag, NULL, error));
}

START_TEST(open_flags_are_counted_by_assignment_and_kind)
{
    gint64 first = fixture_submission("m1", "t1", 1, "a"), second = fixture_submission("m2", "t1", 2, "b");
    gint64 newest = -1;
    ck_assert_good(store_flag_newest(store, &newest, error));
    ck_assert_int_eq(newest, 0);
    raise_flag(first, "a", "review");
    raise_flag(first, "b", "review");
    ck_assert_good(store_flag_newest(store, &newest, error));
    raise_flag(second, "a", "error");
    raise_flag(first, "c", "review");
    raise_flag(0, NULL, "course");
    ck_assert_good(store_flag_decide(store, 1, "pass", "ta", "fine", error));
    g_autoptr(GPtrArray) tallies = store_flag_tally(store, newest, NULL);
    ck_assert_uint_eq(tallies->len, 3);
    const FlagTally *m1 = g_ptr_array_index(tallies, 0), *m2 = g_ptr_array_index(tallies, 1),
                    *course = g_ptr_array_index(tallies, 2);
    ck_assert_str_eq(m1->assignment, "m1");
    ck_assert_int_eq(m1->n_open, 2);
    ck_assert_int_eq(m1->n_new, 1);
    ck_assert_str_eq(m2->kind, "error");
    ck_assert_int_eq(m2->n_new, 1);
    ck_assert_ptr_null(course->assignment);
    ck_assert_str_eq(course->kind, "course");
}
END_TEST

START_TEST(what_fails_by_itself_is_counted)
{
    gint64 id = fixture_submission("m1", "t1", 1, "a");
    gint64 verdict = fixture_verdict(id, "{}"), replaced = 0, n = -1;
    ck_assert_good(store_outbox_insert(store, id, verdict, "portal", "k", error));
    for (int i = 0; i < 3; i++) {
        g_autoptr(GPtrArray) none = store_outbox_failing(store, 3, NULL);
        ck_assert_uint_eq(none->len, 0);
        g_autoptr(OutboxRow) row = NULL;
        ck_assert_good(store_outbox_claim(store, "post-1", 1000, &row, error));
        ck_assert_good(store_outbox_retry(store, row, 0, "no answer", error));
    }
    g_autoptr(GPtrArray) sinks = store_outbox_failing(store, 3, NULL);
    ck_assert_uint_eq(sinks->len, 1);
    ck_assert_str_eq(((const PostTally *)g_ptr_array_index(sinks, 0))->sink, "portal");
    ck_assert_int_eq(((const PostTally *)g_ptr_array_index(sinks, 0))->n_waiting, 1);

    ck_assert_good(store_job_enqueue(store, id, G_MAXINT64, "new", NULL, &replaced, error));
    ck_assert_good(store_job_failing(store, &n, error));
    ck_assert_int_eq(n, 0);
    g_autoptr(GradeJob) job = NULL;
    ck_assert_good(store_job_claim(store, "grade-1", 1000, &job, error));
    ck_assert_good(store_job_retry(store, job, 0, "the disk is full", error));
    ck_assert_good(store_job_failing(store, &n, error));
    ck_assert_int_eq(n, 1);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("notices");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_span_has_one_digest_and_a_channel_one_that_waits);
    tcase_add_test(tcase, what_is_new_hangs_on_the_last_that_arrived);
    tcase_add_test(tcase, a_retry_keeps_the_text_and_counts);
    tcase_add_test(tcase, old_ones_are_forgotten_but_not_the_last_that_arrived);
    tcase_add_test(tcase, open_flags_are_counted_by_assignment_and_kind);
    tcase_add_test(tcase, what_fails_by_itself_is_counted);
    return fixture_main(tcase, "notices");
}
