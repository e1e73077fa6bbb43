/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tokens/fixture.h"

static char *folder;
static char *path;
static Store *store;

static void setup(void)
{
    fixture_course();
    folder = g_dir_make_tmp("rubric-tokens-XXXXXX", NULL);
    path = g_build_filename(folder, "store.db", NULL);
    ck_assert_good((store = store_open(path, error)) != NULL);
}

static void teardown(void)
{
    store_close(store);
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(path);
    fixture_course_free();
}

/* Notes that `owner` handed in `assignment`, `late_us` after its deadline. */
static Submission *submit(const char *owner_kind, const char *owner, const char *assignment, gint64 late_us,
                          const char *content)
{
    Submission row = {.assignment = (char *)assignment,
                      .owner_kind = (char *)owner_kind,
                      .owner = (char *)owner,
                      .source = (char *)"inbox",
                      .external_id = (char *)owner,
                      .revision = (char *)content,
                      .received_us = course_assignment(course, assignment)->deadline_us + late_us,
                      .content_digest = (char *)content,
                      .state = SUBMISSION_FETCHED};
    gint64 id;
    bool is_new;
    ck_assert_good(store_submission_insert(store, &row, &id, &is_new, error));
    Submission *submission = store_submission_get(store, id, NULL);
    ck_assert_good(account_note_submitted(store, submission, error));
    return submission;
}

static void grade_with(const Submission *submission, gint64 points, unsigned n_error, Finding *refusal)
{
    g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    if (refusal)
        g_ptr_array_add(remarks, refusal);
    Verdict verdict = {.points_milli = points * 1000, .max_milli = 100000, .n_error = n_error, .remarks = remarks};
    ck_assert_good(account_note_graded(store, course, submission, &verdict, error));
}

static void grade(const Submission *submission, gint64 points, unsigned n_error)
{
    grade_with(submission, points, n_error, NULL);
}

static guint settle(const char *account)
{
    g_autoptr(GArray) changed = NULL;
    ck_assert_good(store_begin(store, error));
    ck_assert_good(account_settle(store, policy, course, account, &changed, error));
    ck_assert_good(store_commit(store, error));
    return changed->len;
}

static void ck_assert_balance(const char *account, gint64 tokens)
{
    gint64 milli;
    ck_assert_good(store_ledger_balance(store, account, &milli, error));
    ck_assert_int_eq(milli, tokens * 1000);
    gint64 n_lines;
    ck_assert_good(ledger_verify(store, &n_lines, NULL, error));
}

static guint count_lines(const char *account)
{
    g_autoptr(GPtrArray) lines = store_ledger_list(store, account, 0, 0, NULL);
    return lines->len;
}

static Decision *decision_of(const Submission *submission)
{
    g_autofree char *text = NULL;
    ck_assert_good(store_decision_latest(store, submission->id, &text, error));
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    Decision *decision = NULL;
    ck_assert_good((decision = decision_from_json(json, error)) != NULL);
    return decision;
}

START_TEST(an_account_without_events_books_nothing)
{
    ck_assert_uint_eq(settle("team:blue"), 0);
    ck_assert_uint_eq(count_lines("team:blue"), 0);
}
END_TEST

START_TEST(the_first_event_books_the_pool)
{
    g_autoptr(Submission) submission = submit("team", "blue", "p1", -CLOCK_HOUR_US, "a");
    settle("team:blue");
    g_autoptr(GPtrArray) lines = store_ledger_list(store, "team:blue", 0, 0, NULL);
    ck_assert_uint_eq(lines->len, 1);
    const LedgerRow *line = g_ptr_array_index(lines, 0);
    ck_assert_str_eq(line->kind, "pool");
    ck_assert_str_eq(line->reason, "The course gives 7 tokens to start with.");
    ck_assert_balance("team:blue", 7);
}
END_TEST

START_TEST(settling_twice_books_nothing_new)
{
    g_autoptr(Submission) submission = submit("team", "blue", "p1", 27 * CLOCK_HOUR_US, "a");
    grade(submission, 90, 0);
    ck_assert_uint_eq(settle("team:blue"), 1);
    guint n_lines = count_lines("team:blue");
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(settle("team:blue"), 0);
    ck_assert_uint_eq(count_lines("team:blue"), n_lines);
    ck_assert_balance("team:blue", 5);
    g_autoptr(Decision) decision = decision_of(submission);
    ck_assert_str_eq(decision->sentence, "1 day 3 h late: 2 of your team's 7 tokens, 5 left.");
    ck_assert_str_eq(decision->ta_line,
                     "counts by late days: 1 day 3 h late = 2 started days, 2 tokens (7 -> 5), 0 % off");
}
END_TEST

START_TEST(an_extension_granted_afterwards_is_a_compensating_line)
{
    g_autoptr(Submission) submission = submit("person", "ann", "h1", 30 * CLOCK_HOUR_US, "a");
    grade(submission, 90, 0);
    settle("person:ann");
    ck_assert_balance("person:ann", 5);
    ck_assert_good(account_note_extended(store, "person:ann", "h1", 24 * CLOCK_HOUR_US, "prof", "was ill", error));
    ck_assert_uint_eq(settle("person:ann"), 1);
    ck_assert_balance("person:ann", 6);
    g_autoptr(GPtrArray) lines = store_ledger_list(store, "person:ann", 0, 0, NULL);
    const LedgerRow *charge = g_ptr_array_index(lines, 1), *refund = g_ptr_array_index(lines, 2);
    ck_assert_str_eq(refund->kind, "refund");
    ck_assert_int_eq(refund->amount_milli, 1000);
    ck_assert_int_eq(refund->corrects_seq, charge->seq);
    ck_assert_ptr_nonnull(strstr(refund->reason, "Corrected: 6 h late: 1 of your 7 tokens, 6 left."));
    ck_assert_good(account_note_extended(store, "person:ann", "h1", 24 * CLOCK_HOUR_US, "prof", "still ill", error));
    settle("person:ann");
    ck_assert_balance("person:ann", 7);
}
END_TEST

START_TEST(an_older_submission_that_is_graded_later_takes_its_token_back)
{
    policy->banks[OWNER_PERSON].pool_milli = 1000;
    g_autoptr(Submission) older = submit("person", "ann", "h1", CLOCK_HOUR_US, "a");
    g_autoptr(Submission) newer = submit("person", "ann", "h2", CLOCK_HOUR_US, "b");
    grade(newer, 90, 0);
    settle("person:ann");
    g_autoptr(Decision) before = decision_of(newer);
    ck_assert_int_eq(before->tokens_milli, 1000);
    grade(older, 80, 0);
    ck_assert_uint_eq(settle("person:ann"), 2);
    g_autoptr(Decision) after = decision_of(newer);
    ck_assert_int_eq(after->tokens_milli, 0);
    ck_assert_int_eq(after->penalty_milli, 15000);
    ck_assert_balance("person:ann", 0);
    ck_assert_uint_eq(count_lines("person:ann"), 4); /* pool, charge, refund, charge: never below zero in between */
}
END_TEST

START_TEST(an_error_of_ours_is_never_charged_and_a_later_verdict_is)
{
    g_autoptr(Submission) submission = submit("person", "ann", "h1", CLOCK_HOUR_US, "a");
    grade(submission, 90, 1);
    settle("person:ann");
    ck_assert_balance("person:ann", 7);
    grade(submission, 90, 0);
    settle("person:ann");
    ck_assert_balance("person:ann", 6);
    grade(submission, 90, 2); /* a regrading that failed takes the charge back */
    settle("person:ann");
    ck_assert_balance("person:ann", 7);
}
END_TEST

START_TEST(two_equal_grants_are_both_booked)
{
    for (int i = 0; i < 2; i++) {
        ck_assert_good(account_note_granted(store, "person:ann", 2000, "prof", "a good question", error));
        settle("person:ann");
    }
    ck_assert_balance("person:ann", 11);
    g_autoptr(GPtrArray) lines = store_ledger_list(store, "person:ann", 0, 0, NULL);
    const LedgerRow *second = g_ptr_array_index(lines, 2);
    ck_assert_str_eq(second->kind, "grant");
    ck_assert_int_eq(second->corrects_seq, 0);
    ck_assert_str_eq(second->reason, "2 tokens granted by prof: a good question");
}
END_TEST

START_TEST(a_policy_that_gives_more_corrects_the_pool)
{
    g_autoptr(Submission) submission = submit("person", "ann", "h1", CLOCK_HOUR_US, "a");
    grade(submission, 90, 0);
    settle("person:ann");
    policy->banks[OWNER_PERSON].pool_milli = 8000;
    settle("person:ann");
    ck_assert_balance("person:ann", 7);
    policy->banks[OWNER_PERSON].pool_milli = 0;
    settle("person:ann");
    ck_assert_balance("person:ann", 0);
}
END_TEST

START_TEST(what_could_not_be_unpacked_costs_nothing_and_replaces_nothing)
{
    g_autoptr(Submission) good = submit("person", "ann", "h1", -CLOCK_HOUR_US, "a");
    g_autoptr(Submission) broken = submit("person", "ann", "h1", CLOCK_HOUR_US, "b");
    g_autoptr(Submission) alone = submit("person", "ann", "h2", CLOCK_HOUR_US, "c");
    grade(good, 80, 0);
    grade_with(broken, 0, 0, finding_new("submission", NULL, "unpack", FINDING_FAIL, "the zip is damaged"));
    grade_with(alone, 0, 0, finding_new("submission", NULL, "unpack", FINDING_FAIL, "the zip is damaged"));
    settle("person:ann");
    ck_assert_balance("person:ann", 7);
    g_autoptr(Decision) first = decision_of(good);
    ck_assert_int_eq(first->kind, DECISION_COUNTS);
    g_autoptr(Decision) second = decision_of(broken);
    ck_assert_int_eq(second->kind, DECISION_IGNORED);
    ck_assert_ptr_nonnull(strstr(second->sentence, "hand in again"));
}
END_TEST

START_TEST(a_confirmed_submission_is_charged)
{
    g_autoptr(Submission) free_one = submit("person", "ann", "h1", -CLOCK_HOUR_US, "a");
    g_autoptr(Submission) late = submit("person", "ann", "h1", CLOCK_HOUR_US, "b");
    grade(free_one, 80, 0);
    grade(late, 90, 0);
    settle("person:ann");
    g_autoptr(Decision) held = decision_of(late);
    ck_assert_int_eq(held->kind, DECISION_HELD);
    ck_assert_str_eq(held->sentence,
                     "1 h late: it would cost 1 token (you have 7 tokens). Submission 1 goes on counting, unless you "
                     "tell your TA to take this one instead.");
    ck_assert_good(account_note_confirmed(store, late, "ta", "asked by mail", error));
    ck_assert_good(account_note_confirmed(store, late, "ta", "twice", error));
    ck_assert_uint_eq(settle("person:ann"), 2);
    ck_assert_balance("person:ann", 6);
}
END_TEST

START_TEST(a_resubmission_after_the_release_is_held_then_paid)
{
    g_autoptr(Submission) first = submit("team", "blue", "p1", -CLOCK_HOUR_US, "a");
    grade(first, 70, 0);
    clock_set_offset_us(first->received_us + CLOCK_DAY_US - clock_now_us());
    ck_assert_good(account_note_released(store, "team:blue", "p1", "ta", "graded", error));
    g_autoptr(Submission) second = submit("team", "blue", "p1", 100 * CLOCK_HOUR_US, "b");
    grade(second, 90, 0);
    settle("team:blue");
    ck_assert_balance("team:blue", 7);
    ck_assert_good(account_note_confirmed(store, second, "ta", "wanted", error));
    settle("team:blue");
    ck_assert_balance("team:blue", 4);
}
END_TEST

START_TEST(noting_a_submission_twice_changes_nothing)
{
    g_autoptr(Submission) submission = submit("team", "blue", "p1", CLOCK_HOUR_US, "a");
    ck_assert_good(account_note_submitted(store, submission, error));
    g_autoptr(GPtrArray) events = store_event_list(store, "team:blue", NULL);
    ck_assert_uint_eq(events->len, 1);
}
END_TEST

START_TEST(impossible_grants_and_extensions_are_refused)
{
    const gint64 grants[] = {0, -1000, 1000001}, extensions[] = {0, -5, 367 * CLOCK_DAY_US};
    for (gsize i = 0; i < 3; i++) {
        g_autoptr(GError) error = NULL;
        ck_assert(!account_note_granted(store, "person:ann", grants[i], "prof", "x", &error));
        ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
        g_clear_error(&error);
        ck_assert(!account_note_extended(store, "person:ann", "h1", extensions[i], "prof", "x", &error));
        ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("account");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, an_account_without_events_books_nothing);
    tcase_add_test(tcase, the_first_event_books_the_pool);
    tcase_add_test(tcase, settling_twice_books_nothing_new);
    tcase_add_test(tcase, an_extension_granted_afterwards_is_a_compensating_line);
    tcase_add_test(tcase, an_older_submission_that_is_graded_later_takes_its_token_back);
    tcase_add_test(tcase, an_error_of_ours_is_never_charged_and_a_later_verdict_is);
    tcase_add_test(tcase, two_equal_grants_are_both_booked);
    tcase_add_test(tcase, a_policy_that_gives_more_corrects_the_pool);
    tcase_add_test(tcase, what_could_not_be_unpacked_costs_nothing_and_replaces_nothing);
    tcase_add_test(tcase, a_confirmed_submission_is_charged);
    tcase_add_test(tcase, a_resubmission_after_the_release_is_held_then_paid);
    tcase_add_test(tcase, noting_a_submission_twice_changes_nothing);
    tcase_add_test(tcase, impossible_grants_and_extensions_are_refused);
    return fixture_main(tcase, "token accounts");
}
