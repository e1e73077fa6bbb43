/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of one account; the seed is printed. */
#include "tests/unit/tokens/fixture.h"

enum { N_HISTORIES = 20000 };

static const char *const homework[] = {"h1", "h2", "h3", "q1", "autumn"};
static const char *const milestones[] = {"p1", "p2", "p3", "p4", "talk"};

typedef struct {
    GRand *random;
    GPtrArray *events;
    const char *account;
    const char *const *assignments;
    gint64 n_submissions;
} History;

static gint32 pick(History *history, gint32 below)
{
    return g_rand_int_range(history->random, 0, below);
}

static const char *pick_assignment(History *history)
{
    return history->assignments[pick(history, 5)];
}

/* From two days before the deadline to eight days after it, sometimes to the second. */
static gint64 pick_time(History *history, const char *assignment)
{
    gint64 deadline_us = course_assignment(course, assignment)->deadline_us;
    return deadline_us + (pick(history, 10 * 24) - 48) * CLOCK_HOUR_US + pick(history, 3) * CLOCK_SECOND_US;
}

static void add_submission(History *history)
{
    const char *assignment = pick_assignment(history);
    gint64 at_us = pick_time(history, assignment);
    gint64 id = ++history->n_submissions;
    const char contents[][2] = {"a", "b", "c", "d", "e", "f"};
    events_add_submitted(history->events, at_us, assignment, id, contents[pick(history, 6)]);
    if (pick(history, 8) > 0)
        events_add_graded(history->events, at_us + id, id, pick(history, 4) * 30, 0, 90, pick(history, 10) == 0);
    if (pick(history, 3) == 0)
        events_add(history->events, "confirmed", at_us + CLOCK_DAY_US, NULL, id, "{}");
    if (pick(history, 15) == 0)
        events_add(history->events, "withdrawn", at_us + CLOCK_DAY_US, NULL, id, "{}");
}

static void add_step(History *history)
{
    const char *assignment = pick_assignment(history);
    gint64 at_us = pick_time(history, assignment);
    switch (pick(history, 8)) {
    case 0:
        events_add(history->events, "released", at_us, assignment, 0, "{}");
        break;
    case 1:
        events_add(history->events, "extended", at_us, assignment, 0, "{\"by_us\":86400000000}");
        break;
    case 2:
        events_add(history->events, "granted", at_us, NULL, 0, "{\"amount_milli\":1000}");
        break;
    default:
        add_submission(history);
    }
}

static void make_history(History *history, GRand *random)
{
    bool is_team = g_rand_boolean(random);
    *history = (History){.random = random,
                         .events = events_new(),
                         .account = is_team ? "team:blue" : "person:ann",
                         .assignments = is_team ? milestones : homework};
    policy->banks[OWNER_PERSON].pool_milli = policy->banks[OWNER_TEAM].pool_milli = pick(history, 9) * 1000;
    for (gint32 i = pick(history, 14); i >= 0; i--)
        add_step(history);
}

static gint64 sum_of_lines(const Fold *fold)
{
    gint64 sum_milli = 0;
    for (guint i = 0; i < fold->lines->len; i++) {
        sum_milli += ((const LedgerRow *)g_ptr_array_index(fold->lines, i))->amount_milli;
        ck_assert_int_ge(sum_milli, 0);
    }
    return sum_milli;
}

static void check_books(const Fold *fold)
{
    ck_assert_int_eq(sum_of_lines(fold), fold->balance_milli);
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        bool may_cost = decision->kind == DECISION_COUNTS || decision->kind == DECISION_IGNORED;
        ck_assert(may_cost || decision->tokens_milli == 0);
        ck_assert_int_ge(decision->tokens_milli, 0);
        ck_assert_int_ge(decision->balance_milli, 0);
        ck_assert(decision->penalty_milli >= 0 && decision->penalty_milli <= 100000);
    }
}

static void check_one_counts(const Fold *fold)
{
    g_autoptr(GHashTable) counting = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        if (decision->kind == DECISION_COUNTS)
            ck_assert_msg(g_hash_table_add(counting, decision->assignment), "two submissions of %s count",
                          decision->assignment);
    }
}

static void check_order(History *history, const Fold *fold)
{
    g_autofree char *text = fold_text(fold);
    events_shuffle(history->events, history->random);
    g_autoptr(Fold) again = policy_fold(policy, course, history->account, history->events);
    g_autofree char *other = fold_text(again);
    ck_assert_msg(strcmp(text, other) == 0, "another order gives\n%s\ninstead of\n%s", other, text);
}

/* After everything that happened so far, a new submission of new content that earns full points costs what was quoted.
 */
static void check_quote(History *history)
{
    const char *assignment = pick_assignment(history);
    gint64 at_us = pick_time(history, assignment);
    g_autoptr(Decision) quote =
        policy_quote(policy, course, history->account, course_assignment(course, assignment), history->events, at_us);
    gint64 id = 1000;
    events_add_submitted(history->events, at_us, assignment, id, "brand new");
    events_add_graded(history->events, at_us + 1, id, 90, 1, 90, 0);
    g_autoptr(Fold) fold = policy_fold(policy, course, history->account, history->events);
    const Decision *charged = fold_decision(fold, id);
    bool is_replaced = charged->kind == DECISION_IGNORED && quote->kind == DECISION_IGNORED;
    ck_assert(is_replaced || charged->kind == quote->kind);
    ck_assert_int_eq(charged->tokens_milli, quote->tokens_milli);
    ck_assert_int_eq(charged->penalty_milli, quote->penalty_milli);
}

START_TEST(random_histories_keep_the_promises)
{
    guint32 seed = g_random_int();
    const char *wanted = g_getenv("RUBRIC_HISTORIES");
    int n_histories = wanted ? atoi(wanted) : N_HISTORIES;
    printf("seed %u, %d histories\n", seed, n_histories);
    fflush(stdout);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (int i = 0; i < n_histories; i++) {
        History history;
        make_history(&history, random);
        g_autoptr(Fold) fold = policy_fold(policy, course, history.account, history.events);
        check_books(fold);
        check_one_counts(fold);
        check_order(&history, fold);
        check_quote(&history);
        g_ptr_array_unref(history.events);
    }
}
END_TEST

/* One submission of one assignment: later is never better, more tokens are never worse, an extension never hurts. */
static gint64 loss_of(gint64 late_us, gint64 pool, gint64 extended_hours)
{
    g_autoptr(GPtrArray) events = events_new();
    const char *assignment = "h2";
    events_add_submitted(events, course_assignment(course, assignment)->deadline_us + late_us, assignment, 1, "a");
    events_add_graded(events, 1, 1, 90, 0, 100, 0);
    g_autofree char *data = g_strdup_printf("{\"by_us\":%" G_GINT64_FORMAT "}", extended_hours * CLOCK_HOUR_US);
    events_add(events, "extended", 1, assignment, 0, data);
    policy->banks[OWNER_PERSON].pool_milli = pool * 1000;
    g_autoptr(Fold) fold = policy_fold(policy, course, "person:ann", events);
    const Decision *decision = fold_decision(fold, 1);
    const gint64 worse_than_any_tokens = 1000;
    return decision->penalty_milli * worse_than_any_tokens + decision->tokens_milli;
}

START_TEST(later_is_never_better_and_more_tokens_are_never_worse)
{
    for (gint64 hours = -2; hours < 250; hours += 3) {
        for (gint64 pool = 0; pool < 9; pool++) {
            gint64 loss = loss_of(hours * CLOCK_HOUR_US, pool, 0);
            ck_assert_int_ge(loss_of((hours + 5) * CLOCK_HOUR_US, pool, 0) / 1000000, loss / 1000000);
            ck_assert_int_le(loss_of(hours * CLOCK_HOUR_US, pool + 1, 0) / 1000000, loss / 1000000);
            ck_assert_int_le(loss_of(hours * CLOCK_HOUR_US, pool, 7), loss);
        }
    }
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("properties");
    tcase_set_timeout(tcase, 7000);
    tcase_add_checked_fixture(tcase, fixture_course, fixture_course_free);
    tcase_add_test(tcase, random_histories_keep_the_promises);
    tcase_add_test(tcase, later_is_never_better_and_more_tokens_are_never_worse);
    return fixture_main(tcase, "token properties");
}
