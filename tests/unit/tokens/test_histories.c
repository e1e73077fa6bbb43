/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must hold in every history, tried with random ones: the seed is printed.
 *
 *   RUBRIC_HISTORIES=N     how many
 *   RUBRIC_SEED=S          the same ones again
 *   RUBRIC_HISTORY=I       only that one
 *   RUBRIC_BROKEN=N        go on until so many were broken, instead of one
 *
 * A history that breaks a promise is printed as small as it could be made.
 */
#include "tests/unit/tokens/histories.h"

#define ID G_GINT64_FORMAT

/* The usual run is the same each time, so that it tells what a change broke; a run of another length draws its seed. */
enum { N_HISTORIES = 20000, N_OF_SAME_RULES = 8, USUAL_SEED = 21 };

typedef struct {
    const char *name;
    Property property;
    int every; /* how many histories to one that is tried; 1: all */
} Promise;

static const Promise promises[] = {
    {"the books balance, and nobody is below what the policy allows", property_books_balance, 1},
    {"one submission counts", property_one_counts, 1},
    {"the order of processing does not matter", property_order_does_not_matter, 1},
    {"an error that was mended leaves no trace", property_mended_error_leaves_no_trace, 2},
    {"identical content costs nothing", property_identical_costs_nothing, 1},
    {"our error costs nothing", property_our_error_costs_nothing, 1},
    {"a quote is what is charged", property_quote_equals_charge, 1},
    {"a quote holds as long as it says", property_quote_holds_until, 1},
    {"what is held costs what it says", property_held_costs_as_it_says, 1},
    {"a lower result costs no more than the quote", property_lower_result_costs_no_more, 1},
    {"an extension never hurts what it is for", property_extension_never_hurts, 1},
    {"an extension makes nothing later", property_extension_makes_nothing_later, 1},
    {"replay equals live", property_replay_equals_live, 100},
    {"sentences are whole", property_sentences_are_whole, 50},
};

static guint32 number_from(const char *variable, guint32 fallback)
{
    const char *text = g_getenv(variable);
    return text ? (guint32)g_ascii_strtoull(text, NULL, 10) : fallback;
}

/* Spreads neighbours: each history and each policy has a seed of its own. */
static guint32 mix(guint32 seed, guint32 number)
{
    guint64 z = ((guint64)seed << 32 | number) + 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (guint32)(z >> 16);
}

static char *try(const Promise *promise, History *history)
{
    g_rand_set_seed(history->random, history->seed);
    if (!history->fold)
        history_remember_fold(history);
    return promise->property(history);
}

/* Leaves out what is not needed to break the promise. */
static void shrink(const Promise *promise, History *history)
{
    bool was_made_smaller = true;
    while (was_made_smaller) {
        was_made_smaller = false;
        for (guint i = history->events->len; i > 0; i--) {
            g_auto(History) smaller;
            history_copy(&smaller, history);
            const EventRow *event = g_ptr_array_index(smaller.events, i - 1);
            if (strcmp(event->kind, "submitted") == 0)
                history_drop_submission(&smaller, event->submission_id);
            else
                history_drop(&smaller, i - 1);
            g_autofree char *problem = try(promise, &smaller);
            if (!problem)
                continue;
            GPtrArray *kept = history->events;
            history->events = smaller.events;
            smaller.events = kept;
            history_remember_fold(history);
            was_made_smaller = true;
            break;
        }
    }
}

static void report(const Promise *promise, History *history, guint32 seed, guint32 number)
{
    shrink(promise, history);
    g_autofree char *problem = try(promise, history), *text = history_text(history);
    printf("\n==== broken: %s\n%s\n%s\nagain: RUBRIC_SEED=%u RUBRIC_HISTORY=%u\n", promise->name, problem, text, seed,
           number);
    fflush(stdout);
}

/* How often histories come to each kind of decision, and by which way: what never happens is not tried. */
typedef struct {
    guint kinds[DECISION_PENDING + 1];
    GHashTable *routes; /* name -> how often it counts */
} Reach;

static void note_reach(Reach *reach, const Decision *decision)
{
    for (guint i = 0; decision->parts && i < decision->parts->len; i++)
        note_reach(reach, g_ptr_array_index(decision->parts, i));
    reach->kinds[decision->kind]++;
    const char *paid = decision->tokens_milli > 0 ? "paid " : "free ";
    char *name = g_strconcat(paid, decision->route, NULL);
    guint n = GPOINTER_TO_UINT(g_hash_table_lookup(reach->routes, name));
    g_hash_table_replace(reach->routes, name, GUINT_TO_POINTER(n + 1));
}

/* false: a promise was broken, and was reported. */
static bool check_history(const Rules *rules, guint32 seed, guint32 number, Reach *reach)
{
    History history;
    bool is_kept = true;
    history_make(&history, rules, mix(seed, number));
    for (gsize i = 0; is_kept && i < G_N_ELEMENTS(promises); i++) {
        bool is_chosen = number % (guint32)promises[i].every == 0 || g_getenv("RUBRIC_HISTORY");
        g_autofree char *problem = is_chosen ? try(&promises[i], &history) : NULL;
        is_kept = problem == NULL;
        if (!is_kept)
            report(&promises[i], &history, seed, number);
    }
    for (guint i = 0; i < history.fold->decisions->len; i++)
        note_reach(reach, g_ptr_array_index(history.fold->decisions, i));
    history_clear(&history);
    return is_kept;
}

static void print_reach(const Reach *reach)
{
    GHashTableIter each;
    gpointer name, n;
    for (int kind = 0; kind <= DECISION_PENDING; kind++)
        printf("%s %u, ", decision_kind_name((DecisionKind)kind), reach->kinds[kind]);
    g_hash_table_iter_init(&each, reach->routes);
    while (g_hash_table_iter_next(&each, &name, &n))
        printf("%s %u, ", (const char *)name, GPOINTER_TO_UINT(n));
    printf("decisions in all\n");
    fflush(stdout);
}

/* With so many histories each of these happens, whatever the seed. */
static void check_reach(const Reach *reach, guint n_histories)
{
    static const char *const routes[] = {"free on time",      "paid late days",    "free late days", "paid flat",
                                         "paid resubmission", "free resubmission", "free no tokens", "paid parts"};
    const guint enough = 10000, least = 10;
    for (int kind = 0; n_histories >= enough && kind <= DECISION_PENDING; kind++)
        ck_assert_uint_ge(reach->kinds[kind], least);
    for (gsize i = 0; n_histories >= enough && i < G_N_ELEMENTS(routes); i++)
        ck_assert_msg(GPOINTER_TO_UINT(g_hash_table_lookup(reach->routes, routes[i])) >= least, "%s: too rare",
                      routes[i]);
}

/* Some in a row have the same rules: half of the times those of a course's file, half composed ones. */
static Rules *compose(guint32 seed, guint32 block)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(mix(~seed, block));
    return rules_random(random);
}

START_TEST(random_histories_keep_the_promises)
{
    guint32 seed = number_from("RUBRIC_SEED", g_getenv("RUBRIC_HISTORIES") ? g_random_int() : USUAL_SEED),
            n = number_from("RUBRIC_HISTORIES", N_HISTORIES);
    const guint32 n_to_say = 50000;
    guint32 only = number_from("RUBRIC_HISTORY", G_MAXUINT32), n_bad = 0, n_composed = 0;
    g_autoptr(GPtrArray) courses = rules_of_all_courses();
    Rules *composed = NULL;
    Reach reach = {.routes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    printf("seed %u, %u histories, %u courses\n", seed, n, courses->len);
    fflush(stdout);
    for (guint32 i = only == G_MAXUINT32 ? 0 : only; i < n || i == only; i++) {
        guint32 block = i / N_OF_SAME_RULES;
        if (block % 2 == 1 && (i % N_OF_SAME_RULES == 0 || i == only)) {
            g_clear_pointer(&composed, rules_free);
            composed = compose(seed, block);
            n_composed++;
        }
        const Rules *rules = block % 2 == 1 ? composed : g_ptr_array_index(courses, block / 2 % courses->len);
        n_bad += !check_history(rules, seed, i, &reach);
        if ((i + 1) % n_to_say == 0) {
            printf("%u so far\n", i + 1);
            fflush(stdout);
        }
        if (i == only || n_bad == number_from("RUBRIC_BROKEN", 1))
            break;
    }
    g_clear_pointer(&composed, rules_free);
    printf("%u composed policies\n", n_composed);
    print_reach(&reach);
    ck_assert_uint_eq(n_bad, 0);
    check_reach(&reach, only == G_MAXUINT32 ? n : 0);
    g_hash_table_destroy(reach.routes);
}
END_TEST

/* One submission of one assignment: later is never better, more tokens are never worse, an extension never hurts. */
static gint64 loss_of(gint64 late_us, gint64 pool, gint64 extended_hours)
{
    g_autoptr(GPtrArray) events = events_new();
    const char *assignment = "h2";
    events_add_submitted(events, course_assignment(course, assignment)->deadline_us + late_us, assignment, 1, "a");
    events_add_graded(events, 1, 1, 90, 0, 100, 0);
    g_autofree char *data = g_strdup_printf("{\"by_us\":%" ID "}", extended_hours * CLOCK_HOUR_US);
    events_add(events, "extended", 1, assignment, 0, data);
    policy->banks[OWNER_PERSON].pool_milli = pool * 1000;
    g_autoptr(Fold) fold = policy_fold(policy, course, "person:ann", events);
    const Decision *decision = fold_decision(fold, 1);
    const gint64 worse_than_any_tokens = 1000;
    return decision->penalty_milli * worse_than_any_tokens + decision->tokens_milli;
}

START_TEST(later_is_never_better_and_more_tokens_are_never_worse)
{
    fixture_course();
    for (gint64 hours = -2; hours < 250; hours += 3) {
        for (gint64 pool = 0; pool < 9; pool++) {
            gint64 loss = loss_of(hours * CLOCK_HOUR_US, pool, 0);
            ck_assert_int_ge(loss_of((hours + 5) * CLOCK_HOUR_US, pool, 0) / 1000000, loss / 1000000);
            ck_assert_int_le(loss_of(hours * CLOCK_HOUR_US, pool + 1, 0) / 1000000, loss / 1000000);
            ck_assert_int_le(loss_of(hours * CLOCK_HOUR_US, pool, 7), loss);
        }
    }
    fixture_course_free();
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("histories");
    tcase_set_timeout(tcase, 7000);
    tcase_add_test(tcase, random_histories_keep_the_promises);
    tcase_add_test(tcase, later_is_never_better_and_more_tokens_are_never_worse);
    return fixture_main(tcase, "token histories");
}
