/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

static gint64 raise_flag(gint64 submission_id, const char *item, const char *kind, const char *message)
{
    FlagRow row = {
        .submission_id = submission_id, .item = (char *)item, .kind = (char *)kind, .message = (char *)message};
    gint64 id;
    ck_assert_good(store_flag_raise(store, &row, &id, error));
    return id;
}

START_TEST(raising_an_open_flag_again_renews_it)
{
    gint64 submission = fixture_submission("m1", "t1", 1, "a");
    gint64 id = raise_flag(submission, "report", "review", "first");
    ck_assert_int_eq(raise_flag(submission, "report", "review", "second"), id);
    ck_assert_int_ne(raise_flag(submission, NULL, "review", "of the whole"), id);
    ck_assert_int_ne(raise_flag(0, NULL, "review", "of no submission"), id);
    g_autoptr(FlagRow) flag = store_flag_get(store, id, NULL);
    ck_assert_str_eq(flag->message, "second");
    ck_assert_str_eq(flag->item, "report");
    ck_assert_str_eq(flag->state, "open");
    ck_assert_ptr_null(flag->decided_by);
}
END_TEST

START_TEST(a_flag_is_decided_once)
{
    gint64 id = raise_flag(fixture_submission("m1", "t1", 1, "a"), NULL, "suspicious", "odd");
    ck_assert_good(store_flag_decide(store, id, "pass", "ta", "looked at it", error));
    ck_assert_fails(store_flag_decide(store, id, "fail", "other", "no", error), RUBRIC_ERROR_DENIED);
    ck_assert_fails(store_flag_decide(store, 99, "fail", "other", "no", error), RUBRIC_ERROR_NOT_FOUND);
    g_autoptr(FlagRow) flag = store_flag_get(store, id, NULL);
    ck_assert_str_eq(flag->state, "pass");
    ck_assert_str_eq(flag->decided_by, "ta");
    ck_assert_str_eq(flag->reason, "looked at it");
    ck_assert_ptr_null(flag->item);
    ck_assert_int_gt(flag->decided_us, 0);
}
END_TEST

START_TEST(a_decided_flag_can_be_raised_anew)
{
    gint64 submission = fixture_submission("m1", "t1", 1, "a");
    gint64 id = raise_flag(submission, "x", "error", "m");
    ck_assert_good(store_flag_decide(store, id, "closed", "ta", "done", error));
    ck_assert_int_ne(raise_flag(submission, "x", "error", "m"), id);
}
END_TEST

START_TEST(closing_and_listing_know_kind_and_assignment)
{
    gint64 one = fixture_submission("m1", "t1", 1, "a");
    gint64 two = fixture_submission("m2", "t1", 1, "b");
    raise_flag(one, "x", "review", "m");
    raise_flag(one, "x", "error", "m");
    raise_flag(two, "x", "review", "m");
    g_autoptr(GPtrArray) open = store_flag_list(store, NULL, false, NULL);
    ck_assert_uint_eq(open->len, 3);
    ck_assert_good(store_flag_close(store, one, "error", "newer verdict", error));
    g_autoptr(GPtrArray) of_m1 = store_flag_list(store, "m1", false, NULL);
    ck_assert_uint_eq(of_m1->len, 1);
    ck_assert_good(store_flag_close(store, one, NULL, "newer verdict", error));
    g_autoptr(GPtrArray) left = store_flag_list(store, "m1", false, NULL);
    ck_assert_uint_eq(left->len, 0);
    g_autoptr(GPtrArray) all = store_flag_list(store, "m1", true, NULL);
    ck_assert_uint_eq(all->len, 2);
}
END_TEST

START_TEST(own_flags_are_closed_by_kind_and_item_and_no_others)
{
    gint64 submission = fixture_submission("m1", "t1", 1, "a");
    gint64 of_submission = raise_flag(submission, "gs", "source", "m");
    gint64 here = raise_flag(0, "gs", "source", "m"), other_item = raise_flag(0, "git", "source", "m");
    gint64 other_kind = raise_flag(0, "gs", "course", "m");
    ck_assert_good(store_flag_close_own(store, "source", "gs", "it works again", error));
    g_autoptr(FlagRow) closed = store_flag_get(store, here, NULL);
    ck_assert_str_eq(closed->state, "closed");
    ck_assert_str_eq(closed->decided_by, "rubricd");
    ck_assert_str_eq(closed->reason, "it works again");
    const gint64 left[] = {of_submission, other_item, other_kind};
    for (gsize i = 0; i < G_N_ELEMENTS(left); i++) {
        g_autoptr(FlagRow) flag = store_flag_get(store, left[i], NULL);
        ck_assert_str_eq(flag->state, "open");
    }
    ck_assert_good(store_flag_close_own(store, "source", NULL, "all of it", error));
    g_autoptr(FlagRow) any = store_flag_get(store, other_item, NULL);
    ck_assert_str_eq(any->state, "closed");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("flags");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, raising_an_open_flag_again_renews_it);
    tcase_add_test(tcase, a_flag_is_decided_once);
    tcase_add_test(tcase, a_decided_flag_can_be_raised_anew);
    tcase_add_test(tcase, closing_and_listing_know_kind_and_assignment);
    tcase_add_test(tcase, own_flags_are_closed_by_kind_and_item_and_no_others);
    return fixture_main(tcase, "store flags");
}
