/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tokens/histories.h"

gint32 history_pick(const History *history, gint32 below)
{
    return g_rand_int_range(history->random, 0, below);
}

static OwnerKind kind_of(const char *account)
{
    return g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON;
}

const Assignment *history_pick_assignment(const History *history, const char *account)
{
    const GPtrArray *all = history->rules->course->assignments;
    g_autoptr(GPtrArray) due = g_ptr_array_new();
    for (guint i = 0; i < all->len; i++) {
        Assignment *assignment = g_ptr_array_index(all, i);
        if (assignment->owner_kind == kind_of(account))
            g_ptr_array_add(due, assignment);
    }
    /* The first ones most of the time: what comes close together matters to each other. */
    guint n = history_pick(history, 3) > 0 ? MIN(due->len, 3) : due->len;
    return due->len > 0 ? g_ptr_array_index(due, (guint)history_pick(history, (gint32)n)) : NULL;
}

gint64 history_pick_time(const History *history, const Assignment *due)
{
    static const gint64 units_us[] = {CLOCK_HOUR_US, 12 * CLOCK_HOUR_US, CLOCK_DAY_US, CLOCK_DAY_US};
    gint64 unit_us = units_us[history_pick(history, G_N_ELEMENTS(units_us))];
    gint64 near_us = history_pick(history, 3) - 1; /* the last instant of a unit, the first, the one between */
    gint64 deadline_us = due->deadline_us;
    if (due->parts && history_pick(history, 2) == 0)
        deadline_us =
            ((const Assignment *)g_ptr_array_index(due->parts, (guint)history_pick(history, (gint32)due->parts->len)))
                ->deadline_us;
    gint64 at_us = deadline_us + (history_pick(history, 12) - 3) * unit_us + near_us;
    return history_pick(history, 3) > 0 ? at_us : at_us + history_pick(history, 24 * 60) * 60 * CLOCK_SECOND_US;
}

EventRow *history_add(History *history, const char *account, const char *kind, gint64 at_us, const char *assignment,
                      gint64 submission_id, const char *data)
{
    gint64 newest = 0;
    for (guint i = 0; i < history->events->len; i++)
        newest = MAX(newest, ((const EventRow *)g_ptr_array_index(history->events, i))->id);
    EventRow *event = events_add(history->events, kind, at_us, assignment, submission_id, data);
    event->id = newest + 1;
    g_free(event->account);
    event->account = g_strdup(account);
    event->who = g_strdup("ta");
    event->why = g_strdup("a reason");
    return event;
}

void history_add_submitted(History *history, const char *account, const char *assignment, gint64 id, gint64 at_us,
                           const char *digest)
{
    g_autofree char *data = g_strdup_printf("{\"digest\":\"sha256:%s\"}", digest);
    history_add(history, account, "submitted", at_us, assignment, id, data);
}

static void add_verdict(History *history, const char *account, gint64 id, gint64 at_us, const gint64 numbers[5],
                        bool is_refused)
{
    g_autofree char *data = g_strdup_printf(
        "{\"points_milli\":%" G_GINT64_FORMAT ",\"bonus_milli\":%" G_GINT64_FORMAT ",\"max_milli\":%" G_GINT64_FORMAT
        ",\"n_error\":%" G_GINT64_FORMAT ",\"n_review\":%" G_GINT64_FORMAT ",\"is_refused\":%s}",
        numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], is_refused ? "true" : "false");
    history_add(history, account, "graded", at_us, NULL, id, data);
}

void history_add_graded(History *history, const char *account, gint64 id, gint64 at_us, gint64 points, gint64 bonus,
                        gint64 max, int n_error)
{
    add_verdict(history, account, id, at_us, (const gint64[]){points, bonus, max, n_error, 0}, false);
}

const EventRow *history_submitted(const History *history, gint64 id)
{
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        if (event->submission_id == id && strcmp(event->kind, "submitted") == 0)
            return event;
    }
    return NULL;
}

void history_drop(History *history, guint event)
{
    g_ptr_array_remove_index(history->events, event);
}

void history_drop_submission(History *history, gint64 id)
{
    for (guint i = history->events->len; i > 0; i--) {
        if (((const EventRow *)g_ptr_array_index(history->events, i - 1))->submission_id == id)
            history_drop(history, i - 1);
    }
}

Fold *history_fold(const History *history)
{
    return policy_fold(history->rules->policy, history->rules->course, history->account, history->events);
}

static void forget_fold(History *history)
{
    g_clear_pointer(&history->fold, fold_free);
    g_clear_pointer(&history->fold_text, g_free);
}

void history_remember_fold(History *history)
{
    forget_fold(history);
    history->fold = history_fold(history);
    history->fold_text = fold_text(history->fold);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static const char *pick_account(const History *history)
{
    return g_ptr_array_index(history->accounts, (guint)history_pick(history, (gint32)history->accounts->len));
}

/* Each event but a submission at an instant of its own, so that only receipts can be equal. */
static gint64 own_instant(const History *history, gint64 at_us)
{
    return at_us + 2 + (gint64)history->events->len;
}

/* What people say about a submission, after it. */
static void add_word(History *history, const char *account, gint64 id, gint64 at_us)
{
    static const char *const words[][2] = {
        {"confirmed", "{}"},
        {"confirmed", "{}"},
        {"confirmed", "{}"},
        {"withdrawn", "{}"},
        {"waived", "{}"},
        {"overridden", "{\"tokens_milli\":2000,\"penalty_milli\":25000}"},
        {"overridden", "{\"tokens_milli\":0,\"penalty_milli\":5000}"},
        {"selected", "{}"},
        {"selected", "{\"route\":\"no tokens\"}"},
        {"selected", "{\"route\":\"flat\"}"},
        {"selected", "{\"route\":\"late days\"}"},
        {"noted", "{\"what\":\"reflection\"}"},
        {"noted", "{\"what\":\"reflection\"}"},
    };
    const char *const *word = words[history_pick(history, G_N_ELEMENTS(words))];
    history_add(history, account, word[0], own_instant(history, at_us + CLOCK_HOUR_US), NULL, id, word[1]);
}

static void add_result(History *history, const char *account, gint64 id, gint64 at_us)
{
    static const gint64 maxima[] = {100000, 100000, 100000, 90000, 33000};
    static const gint64 percents[] = {0, 1, 20, 30, 50, 60, 80, 90, 95, 100, 100, 100};
    gint64 max = maxima[history_pick(history, G_N_ELEMENTS(maxima))];
    gint64 points = max * percents[history_pick(history, G_N_ELEMENTS(percents))] / 100;
    bool is_odd = history_pick(history, 6) == 0;
    gint64 numbers[] = {is_odd ? points / 3 : points, history_pick(history, 8) == 0 ? 5000 : 0, max,
                        history_pick(history, 12) == 0, history_pick(history, 12) == 0};
    add_verdict(history, account, id, own_instant(history, at_us), numbers, history_pick(history, 30) == 0);
}

static void add_submission(History *history)
{
    const char *account = pick_account(history);
    const Assignment *due = history_pick_assignment(history, account);
    if (!due)
        return;
    gint64 at_us = history_pick_time(history, due), id = ++history->n_submissions;
    g_autofree char *digest = g_strdup_printf("%c", "abcdefgh"[history_pick(history, 8)]);
    history_add_submitted(history, account, due->id, id, at_us, digest);
    if (history_pick(history, 10) > 0)
        add_result(history, account, id, at_us);
    if (history_pick(history, 10) == 0)
        add_result(history, account, id, at_us + CLOCK_DAY_US);
    if (history_pick(history, 4) == 0)
        history_add(history, account, "released",
                    own_instant(history, at_us + history_pick(history, 48) * CLOCK_HOUR_US), due->id, 0, "{}");
    while (history_pick(history, 3) == 0)
        add_word(history, account, id, at_us);
}

static void add_about_assignment(History *history)
{
    static const char *const kinds[][2] = {
        {"released", "{}"},
        {"released", "{}"},
        {"released", "{}"},
        {"extended", "{\"by_us\":86400000000}"},
        {"extended", "{\"by_us\":7200000000}"},
        {"extended", "{\"by_us\":259200000000}"},
        {"held", "{}"},
        {"lifted", "{}"},
        {"declared", "{\"units\":1}"},
        {"declared", "{\"units\":3}"},
    };
    const char *account = pick_account(history);
    const Assignment *due = history_pick_assignment(history, account);
    if (!due)
        return;
    const char *const *kind = kinds[history_pick(history, G_N_ELEMENTS(kinds))];
    if (due->parts && history_pick(history, 3) == 0)
        due = g_ptr_array_index(due->parts, (guint)history_pick(history, (gint32)due->parts->len));
    gint64 at_us = due->deadline_us + (history_pick(history, 10) - 3) * 12 * CLOCK_HOUR_US;
    history_add(history, account, kind[0], own_instant(history, at_us), due->id, 0, kind[1]);
}

static void add_about_account(History *history)
{
    static const char *const kinds[][2] = {
        {"granted", "{\"amount_milli\":1000}"},
        {"granted", "{\"amount_milli\":2500}"},
        {"granted", "{\"amount_milli\":2000,\"bank\":\"written\"}"},
        {"deducted", "{\"amount_milli\":-1000}"},
        {"deducted", "{\"amount_milli\":-9000}"},
        {"gifted", "{\"amount_milli\":-1000}"},
        {"gifted", "{\"amount_milli\":500}"},
        {"converted", "{\"amount_milli\":-2000}"},
        {"joined", "{}"},
        {"bought", "{\"what\":\"excuse\"}"},
        {"bought", "{\"what\":\"tea\"}"},
    };
    const char *account = pick_account(history);
    const Assignment *due = history_pick_assignment(history, account);
    if (!due)
        return;
    const char *const *kind = kinds[history_pick(history, G_N_ELEMENTS(kinds))];
    bool has_assignment = strcmp(kind[0], "bought") == 0 && history_pick(history, 2) == 0;
    gint64 at_us = due->deadline_us + (history_pick(history, 12) - 4) * 12 * CLOCK_HOUR_US;
    history_add(history, account, kind[0], own_instant(history, at_us), has_assignment ? due->id : NULL, 0, kind[1]);
}

/* Bob goes over to the other team; all three accounts know. */
static void add_move(History *history)
{
    const Assignment *due = history_pick_assignment(history, "team:team1");
    if (history->accounts->len < 3 || !due)
        return;
    gint64 at_us = own_instant(history, history_pick_time(history, due));
    static const char *const accounts[] = {"person:bob", "team:team1", "team:team2"};
    for (gsize i = 0; i < G_N_ELEMENTS(accounts); i++)
        history_add(history, accounts[i], "moved", at_us, NULL, 0,
                    "{\"person\":\"bob\",\"from\":\"team2\",\"to\":\"team1\"}");
}

static void add_step(History *history)
{
    gint32 kind = history_pick(history, 12);
    if (kind < 7)
        add_submission(history);
    else if (kind < 10)
        add_about_assignment(history);
    else if (kind < 11 || history_pick(history, 4) > 0)
        add_about_account(history);
    else
        add_move(history);
}

void history_make(History *history, const Rules *rules, guint32 seed)
{
    static const char *const accounts[] = {"person:ann", "person:ann", "team:team1", "team:team1", "person:aud"};
    *history = (History){.rules = rules, .events = events_new(), .seed = seed, .random = g_rand_new_with_seed(seed)};
    gint32 which = history_pick(history, 20);
    history->account = g_strdup(accounts[which == 0 ? 4 : which % 4]);
    history->accounts = policy_accounts(rules->policy, rules->course, history->account);
    for (gint32 i = history_pick(history, 10) + history_pick(history, 6); i >= 0; i--)
        add_step(history);
}

void history_clear(History *history)
{
    g_ptr_array_unref(history->events);
    g_ptr_array_unref(history->accounts);
    g_free(history->account);
    g_rand_free(history->random);
    forget_fold(history);
}

void history_copy(History *copy, const History *history)
{
    *copy = (History){.rules = history->rules,
                      .account = g_strdup(history->account),
                      .accounts = g_ptr_array_ref(history->accounts),
                      .events = events_new(),
                      .random = g_rand_new_with_seed(history->seed),
                      .seed = history->seed,
                      .n_submissions = history->n_submissions};
    for (guint i = 0; i < history->events->len; i++) {
        const EventRow *event = g_ptr_array_index(history->events, i);
        EventRow *same =
            events_add(copy->events, event->kind, event->at_us, event->assignment, event->submission_id, event->data);
        same->id = event->id;
        g_free(same->account);
        same->account = g_strdup(event->account);
        same->who = g_strdup(event->who);
        same->why = g_strdup(event->why);
    }
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

static gint compare_events(gconstpointer a, gconstpointer b)
{
    const EventRow *left = *(EventRow *const *)a, *right = *(EventRow *const *)b;
    return left->at_us != right->at_us ? (left->at_us < right->at_us ? -1 : 1)
                                       : (left->id < right->id ? -1 : left->id > right->id);
}

static void tell_decision(GString *text, const Decision *decision, const char *indent)
{
    g_string_append_printf(text, "%s%" G_GINT64_FORMAT " %s: %s; %s\n", indent, decision->submission_id,
                           decision->assignment, decision->ta_line, decision->sentence);
    for (guint i = 0; decision->parts && i < decision->parts->len; i++)
        tell_decision(text, g_ptr_array_index(decision->parts, i), "      ");
    for (guint i = 0; decision->shares && i < decision->shares->len; i++) {
        const MemberShare *share = g_ptr_array_index(decision->shares, i);
        g_string_append_printf(text, "      %s: %s\n", share->person, share->sentence);
    }
}

char *history_text(const History *history)
{
    GString *text = g_string_new(NULL);
    g_autoptr(GPtrArray) events = g_ptr_array_copy(history->events, NULL, NULL);
    g_ptr_array_set_free_func(events, NULL);
    g_ptr_array_sort(events, compare_events);
    g_string_append_printf(text, "---- %s\n%s\n---- asked about %s\n", history->rules->name, history->rules->text,
                           history->account);
    for (guint i = 0; i < events->len; i++) {
        const EventRow *event = g_ptr_array_index(events, i);
        g_autofree char *at = clock_format_local(event->at_us, history->rules->course->zone);
        g_string_append_printf(text, "%s (%06" G_GINT64_FORMAT " us) %s %s %s %" G_GINT64_FORMAT " %s\n", at,
                               event->at_us % CLOCK_SECOND_US, event->account, event->kind,
                               event->assignment ? event->assignment : "-", event->submission_id, event->data);
    }
    g_autoptr(Fold) fold = history_fold(history);
    g_string_append(text, "---- which is decided as\n");
    for (guint i = 0; i < fold->decisions->len; i++)
        tell_decision(text, g_ptr_array_index(fold->decisions, i), "  ");
    for (guint i = 0; i < fold->lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(fold->lines, i);
        g_autofree char *amount = points_format(line->amount_milli);
        g_string_append_printf(text, "  %s %s %s\n", line->account, line->kind, amount);
    }
    return g_string_free(text, FALSE);
}
