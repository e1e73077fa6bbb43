/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store/fixture.h"

START_TEST(the_same_thing_is_inserted_once)
{
    gint64 id = fixture_submission("m1", "t1", 1000, "rev");
    Submission again = {.assignment = (char *)"m2",
                        .source = (char *)"inbox",
                        .external_id = (char *)"t1",
                        .revision = (char *)"rev",
                        .received_us = 2000};
    gint64 found = 0;
    bool is_new = true;
    ck_assert_good(store_submission_insert(store, &again, &found, &is_new, error));
    ck_assert(!is_new);
    ck_assert_int_eq(found, id);
    g_autoptr(Submission) row = store_submission_get(store, id, NULL);
    ck_assert_str_eq(row->assignment, "m1");
    ck_assert_int_eq(row->received_us, 1000);
}
END_TEST

START_TEST(what_went_in_comes_out)
{
    const char *hostile = "a'); DROP TABLE submission; --\n\x1b[31m\xff";
    Submission in = {.assignment = (char *)"",
                     .owner_kind = (char *)"",
                     .owner = (char *)"",
                     .source = (char *)"git",
                     .external_id = (char *)hostile,
                     .revision = (char *)"r",
                     .received_us = -5,
                     .seen_us = 7,
                     .content_kind = (char *)"git",
                     .content_path = (char *)"mirrors/x",
                     .content_digest = (char *)"git:00",
                     .git_refs = (char *)"refs/tags/a\nrefs/tags/b",
                     .location = (char *)"file:///x",
                     .remark = (char *)"nobody knows whose it is",
                     .state = SUBMISSION_REFUSED};
    gint64 id;
    bool is_new;
    ck_assert_good(store_submission_insert(store, &in, &id, &is_new, error));
    g_autoptr(Submission) out = store_submission_get(store, id, NULL);
    ck_assert_str_eq(out->external_id, hostile);
    ck_assert_str_eq(out->git_refs, in.git_refs);
    ck_assert_str_eq(out->remark, in.remark);
    ck_assert_str_eq(out->owner, "");
    ck_assert_int_eq(out->received_us, -5);
    ck_assert_int_eq(out->seen_us, 7);
    ck_assert_int_eq(out->state, SUBMISSION_REFUSED);
    ck_assert_int_eq(out->fetched_us, 0);
}
END_TEST

START_TEST(the_life_of_a_submission_is_timestamped)
{
    gint64 id = fixture_submission("m1", "t1", 1000, "rev");
    const SubmissionState life[] = {SUBMISSION_GRADED, SUBMISSION_DECIDED, SUBMISSION_POSTED};
    for (gsize i = 0; i < G_N_ELEMENTS(life); i++)
        ck_assert_good(store_submission_move(store, id, life[i], NULL, error));
    g_autoptr(Submission) row = store_submission_get(store, id, NULL);
    ck_assert_int_gt(row->fetched_us, 0);
    ck_assert_int_ge(row->graded_us, row->fetched_us);
    ck_assert_int_ge(row->decided_us, row->graded_us);
    ck_assert_int_ge(row->posted_us, row->decided_us);
}
END_TEST

/* Every pair of states: 1 where the step is legal. Rows and columns in the order of the enum. */
static const char *const legal[] = {
    "0100011", /* received: fetched, replaced, refused */
    "0011011", /* fetched: graded, decided, replaced, refused */
    "0011100", /* graded: graded, decided, posted */
    "0011100", /* decided */
    "0011100", /* posted */
    "0100000", /* replaced: fetched */
    "0100000", /* refused: fetched */
};

/* A way to each state. */
static gint64 bring_to(SubmissionState state)
{
    static int counter;
    g_autofree char *revision = g_strdup_printf("r%d", counter++);
    Submission new_one = {.source = (char *)"s",
                          .external_id = (char *)"x",
                          .revision = revision,
                          .state =
                              state == SUBMISSION_REFUSED || state == SUBMISSION_FETCHED ? state : SUBMISSION_RECEIVED};
    gint64 id;
    bool is_new;
    ck_assert_good(store_submission_insert(store, &new_one, &id, &is_new, error));
    if (state == SUBMISSION_REPLACED) {
        ck_assert_good(store_submission_move(store, id, state, NULL, error));
    } else if (state >= SUBMISSION_GRADED && state <= SUBMISSION_POSTED) {
        ck_assert_good(store_submission_move(store, id, SUBMISSION_FETCHED, NULL, error));
        ck_assert_good(store_submission_move(store, id, SUBMISSION_GRADED, NULL, error));
        ck_assert_good(store_submission_move(store, id, state, NULL, error));
    }
    return id;
}

START_TEST(only_legal_moves_are_made)
{
    for (int from = SUBMISSION_RECEIVED; from <= SUBMISSION_REFUSED; from++) {
        for (int to = SUBMISSION_RECEIVED; to <= SUBMISSION_REFUSED; to++) {
            gint64 id = bring_to((SubmissionState)from);
            g_autoptr(GError) error = NULL;
            bool moved = store_submission_move(store, id, (SubmissionState)to, "moved", &error);
            ck_assert_msg(moved == (legal[from][to] == '1'), "%s to %s", submission_state_name((SubmissionState)from),
                          submission_state_name((SubmissionState)to));
            ck_assert(moved || g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_DENIED));
            ck_assert_int_eq(fixture_state(id), moved ? to : from);
        }
    }
    ck_assert_fails(store_submission_move(store, 12345, SUBMISSION_FETCHED, NULL, error), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_str_eq(submission_state_name((SubmissionState)99), "unknown");
}
END_TEST

START_TEST(lists_are_newest_first_and_filtered)
{
    gint64 a = fixture_submission("m1", "t1", 100, "a");
    gint64 b = fixture_submission("m1", "t2", 300, "b");
    gint64 c = fixture_submission("m2", "t1", 200, "c");
    const struct {
        const char *assignment, *owner;
        guint limit, n;
        gint64 first;
    } cases[] = {{NULL, NULL, 0, 3, b}, {NULL, NULL, 1, 1, b}, {"m1", NULL, 0, 2, b},
                 {"m1", "t1", 0, 1, a}, {NULL, "t1", 0, 2, c}, {"m3", NULL, 0, 0, 0}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) list =
            store_submission_list(store, cases[i].assignment, cases[i].owner, cases[i].limit, NULL);
        ck_assert_uint_eq(list->len, cases[i].n);
        if (list->len > 0)
            ck_assert_int_eq(((Submission *)g_ptr_array_index(list, 0))->id, cases[i].first);
    }
    ck_assert_fails(store_submission_get(store, 99, error), RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("submissions");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, the_same_thing_is_inserted_once);
    tcase_add_test(tcase, what_went_in_comes_out);
    tcase_add_test(tcase, the_life_of_a_submission_is_timestamped);
    tcase_add_test(tcase, only_legal_moves_are_made);
    tcase_add_test(tcase, lists_are_newest_first_and_filtered);
    return fixture_main(tcase, "store submissions");
}
