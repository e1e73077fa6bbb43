/* SPDX-License-Identifier: Apache-2.0 */
/* The same history lived through: events come in any order, and the account is settled after each. */
#include "tests/unit/tokens/histories.h"

#define ID G_GINT64_FORMAT

typedef struct {
    const History *history;
    char *folder;
    Store *store;
} Live;

static void live_open(Live *live, const History *history)
{
    *live = (Live){.history = history, .folder = g_dir_make_tmp("rubric-live-XXXXXX", NULL)};
    g_autofree char *path = g_build_filename(live->folder, "store.db", NULL);
    ck_assert_good((live->store = store_open(path, error)) != NULL);
}

static void live_clear(Live *live)
{
    store_close(live->store);
    file_remove_tree(live->folder, NULL);
    g_free(live->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Live, live_clear)

/* A decision belongs to a row: all numbers up to the newest are taken. */
static void add_rows(const Live *live)
{
    for (gint64 id = 1; id <= live->history->n_submissions; id++) {
        const EventRow *submitted = history_submitted(live->history, id);
        const char *account = submitted ? submitted->account : "person:ann";
        g_autofree char *external = g_strdup_printf("%" ID, id);
        Submission row = {.assignment = submitted ? submitted->assignment : (char *)"none",
                          .owner_kind = (char *)(g_str_has_prefix(account, "team:") ? "team" : "person"),
                          .owner = strchr(account, ':') + 1,
                          .source = (char *)"inbox",
                          .external_id = external,
                          .revision = external,
                          .received_us = submitted ? submitted->at_us : 1,
                          .content_digest = external,
                          .state = SUBMISSION_FETCHED};
        gint64 given;
        bool is_new;
        ck_assert_good(store_submission_insert(live->store, &row, &given, &is_new, error));
        ck_assert_int_eq(given, id);
    }
}

/* No account is ever below what its bank allows, not even between two lines. */
static char *check_chain(const Live *live)
{
    const Rules *rules = live->history->rules;
    GError *problem = NULL;
    gint64 n_lines;
    if (ledger_verify_down_to(live->store, -policy_max_debt(rules->policy), &n_lines, NULL, &problem))
        return NULL;
    char *text = g_strdup_printf("the live ledger: %s", problem->message);
    g_error_free(problem);
    return text;
}

static char *check_balances(const Live *live, const Fold *replay)
{
    for (guint i = 0; i < replay->accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(replay->accounts, i);
        gint64 booked;
        ck_assert_good(store_ledger_balance(live->store, account->account, &booked, error));
        if (booked != account->balance_milli)
            return g_strdup_printf("%s: live %" ID ", replayed %" ID, account->account, booked, account->balance_milli);
    }
    return NULL;
}

static char *check_decisions(const Live *live, const Fold *replay)
{
    for (guint i = 0; i < replay->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(replay->decisions, i);
        g_autoptr(cJSON) json = decision_to_json(decision);
        g_autofree char *text = json_print(json), *stored = NULL;
        ck_assert_good(store_decision_latest(live->store, decision->submission_id, &stored, error));
        if (g_strcmp0(stored, text) != 0)
            return g_strdup_printf("%" ID ": live %s, replayed %s", decision->submission_id, stored, text);
    }
    return NULL;
}

static guint count_lines(const Live *live, const Fold *replay)
{
    guint n = 0;
    for (guint i = 0; i < replay->accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(replay->accounts, i);
        g_autoptr(GPtrArray) lines = store_ledger_list(live->store, account->account, 0, 0, NULL);
        n += lines->len;
    }
    return n;
}

static char *settle(const Live *live)
{
    const Rules *rules = live->history->rules;
    GError *problem = NULL;
    ck_assert_good(store_begin(live->store, error));
    if (!account_settle(live->store, rules->policy, rules->course, live->history->account, NULL, &problem)) {
        char *text = g_strdup_printf("live: %s", problem->message);
        g_error_free(problem);
        return text;
    }
    ck_assert_good(store_commit(live->store, error));
    return NULL;
}

char *property_replay_equals_live(const History *history)
{
    if (history->events->len == 0)
        return NULL; /* an account's book begins with the first event, and so does its pool in it */
    g_auto(Live) live;
    g_auto(History) other;
    char *problem = NULL;
    history_copy(&other, history);
    events_shuffle(other.events, other.random);
    live_open(&live, history);
    add_rows(&live);
    for (guint i = 0; !problem && i < other.events->len; i++) {
        EventRow *event = g_ptr_array_index(other.events, i);
        if (history->accounts->len == 1) { /* as the store knows it: all of one account */
            g_free(event->account);
            event->account = g_strdup(history->account);
        }
        ck_assert_good(store_event_append(live.store, event, NULL, error));
        problem = settle(&live);
    }
    g_autoptr(Fold) replay = history_fold(history);
    guint n_lines = count_lines(&live, replay);
    problem = problem ? problem : settle(&live);
    if (!problem && count_lines(&live, replay) != n_lines)
        problem = g_strdup("settling again books something");
    problem = problem ? problem : check_chain(&live);
    problem = problem ? problem : check_balances(&live, replay);
    return problem ? problem : check_decisions(&live, replay);
}
