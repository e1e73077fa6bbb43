/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold: events of one account in, decisions and ledger lines out, reading no clock and no store.
 *
 * Two passes over the events sorted by their own time. The first gathers what belongs to a submission whenever it was
 * written (its verdict, its confirmation, the extension of its deadline). The second walks through grants and
 * submissions in order of receipt and decides one after the other. So the outcome depends on what happened when, and
 * never on when we noticed.
 */
#include "daemon/tokens/policy.h"

#include <string.h>

static const gint64 max_extended_us = 3660 * CLOCK_DAY_US;
static const gint64 max_amount_milli = 1000000;

typedef struct {
    const Policy *policy;
    const Course *course;
    const char *only;    /* the one account whose events these are; NULL: there are several */
    GPtrArray *entries;  /* of Entry* */
    GHashTable *by_id;   /* &entry->id -> Entry* */
    GHashTable *tracks;  /* "account\nassignment" -> Track* */
    GHashTable *wallets; /* its account -> Wallet* */
    GHashTable *joined;  /* account -> gint64* */
} Gathered;

/* ---- gathering -------------------------------------------------------------------------------------------------- */

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->digest);
    g_clear_pointer(&entry->notes, g_hash_table_destroy);
    g_free(entry);
}

static void track_free(gpointer data)
{
    Track *track = data;
    g_array_unref(track->releases);
    g_ptr_array_unref(track->seen);
    g_free(track);
}

static void gathered_clear(Gathered *gathered)
{
    g_ptr_array_unref(gathered->entries);
    g_hash_table_destroy(gathered->by_id);
    g_hash_table_destroy(gathered->tracks);
    g_hash_table_destroy(gathered->wallets);
    g_hash_table_destroy(gathered->joined);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Gathered, gathered_clear)

static Track *find_track(Gathered *gathered, const char *account, const char *assignment)
{
    g_autofree char *key = g_strdup_printf("%s\n%s", account, assignment);
    Track *track = g_hash_table_lookup(gathered->tracks, key);
    if (!track) {
        track = g_new0(Track, 1);
        track->releases = g_array_new(FALSE, FALSE, sizeof(gint64));
        track->seen = g_ptr_array_new();
        g_hash_table_insert(gathered->tracks, g_steal_pointer(&key), track);
    }
    return track;
}

static Wallet *find_wallet(Gathered *gathered, const char *account, const Bank *bank)
{
    g_autofree char *name = *bank->name ? g_strdup_printf("%s/%s", account, bank->name) : g_strdup(account);
    Wallet *wallet = g_hash_table_lookup(gathered->wallets, name);
    if (!wallet) {
        wallet = g_new0(Wallet, 1);
        *wallet =
            (Wallet){.account = g_strdup(name), .bank = bank, .changes = g_array_new(FALSE, FALSE, sizeof(Change))};
        g_hash_table_insert(gathered->wallets, wallet->account, wallet);
    }
    return wallet;
}

static OwnerKind account_kind(const char *account)
{
    return g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON;
}

/* Is (at, id) newer than what was kept? */
static bool is_newer(const EventRow *event, gint64 at_us, gint64 event_id)
{
    return event->at_us > at_us || (event->at_us == at_us && event->id > event_id);
}

static const char *account_of(const Gathered *gathered, const EventRow *event)
{
    return gathered->only ? gathered->only : event->account;
}

static void gather_submitted(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    if (g_hash_table_contains(gathered->by_id, &event->submission_id))
        return;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){.id = event->submission_id,
                     .account = account_of(gathered, event),
                     .owner_kind = account_kind(account_of(gathered, event)),
                     .assignment_id = event->assignment,
                     .assignment = course_assignment(gathered->course, event->assignment),
                     .received_us = event->at_us,
                     .is_quote = json_int64_or(data, "quote", 0) == 1,
                     .digest = g_strdup(json_string_or(data, "digest", NULL))};
    g_ptr_array_add(gathered->entries, entry);
    g_hash_table_insert(gathered->by_id, &entry->id, entry);
}

static void gather_graded(Entry *entry, const EventRow *event, const cJSON *data)
{
    if (entry->is_graded && !is_newer(event, entry->graded_at_us, entry->graded_event_id))
        return;
    entry->is_graded = true;
    entry->graded_at_us = event->at_us;
    entry->graded_event_id = event->id;
    entry->points_milli = json_int64_or(data, "points_milli", 0);
    entry->bonus_milli = json_int64_or(data, "bonus_milli", 0);
    entry->max_milli = json_int64_or(data, "max_milli", 0);
    entry->n_error = json_int64_or(data, "n_error", 0);
    entry->n_review = json_int64_or(data, "n_review", 0);
    entry->is_refused = json_bool_or(data, "is_refused", false);
}

static void gather_overridden(Entry *entry, const EventRow *event, const cJSON *data)
{
    if (entry->is_overridden && !is_newer(event, entry->overridden_at_us, entry->overridden_event_id))
        return;
    entry->is_overridden = true;
    entry->overridden_at_us = event->at_us;
    entry->overridden_event_id = event->id;
    entry->override_tokens_milli = CLAMP(json_int64_or(data, "tokens_milli", 0), 0, max_amount_milli);
    entry->override_penalty_milli = json_int64_or(data, "penalty_milli", 0);
}

/* What the owner chose: which submission counts, and how it is paid for. */
static void gather_selected(Entry *entry, const EventRow *event, const cJSON *data)
{
    static const char *const routes[] = {"late days", "flat", "no tokens", NULL};
    if (entry->selected_event_id && !is_newer(event, entry->selected_at_us, entry->selected_event_id))
        return;
    entry->selected_at_us = event->at_us;
    entry->selected_event_id = event->id;
    const char *route = json_string_or(data, "route", "");
    entry->chosen_route = NULL;
    for (const char *const *each = routes; *each; each++) {
        if (strcmp(*each, route) == 0)
            entry->chosen_route = *each;
    }
}

static void gather_noted(Entry *entry, const cJSON *data)
{
    const char *what = json_string_or(data, "what", NULL);
    if (!entry->notes)
        entry->notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (what)
        g_hash_table_add(entry->notes, g_strdup(what));
}

/* What concerns a submission. Its "submitted" may come later in the list: that pass is the first one. */
static void gather_about_submission(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    Entry *entry = g_hash_table_lookup(gathered->by_id, &event->submission_id);
    if (!entry)
        return;
    if (strcmp(event->kind, "graded") == 0)
        gather_graded(entry, event, data);
    else if (strcmp(event->kind, "confirmed") == 0)
        entry->is_confirmed = true;
    else if (strcmp(event->kind, "withdrawn") == 0)
        entry->is_withdrawn = true;
    else if (strcmp(event->kind, "waived") == 0)
        entry->is_waived = true;
    else if (strcmp(event->kind, "overridden") == 0)
        gather_overridden(entry, event, data);
    else if (strcmp(event->kind, "selected") == 0)
        gather_selected(entry, event, data);
    else if (strcmp(event->kind, "noted") == 0)
        gather_noted(entry, data);
}

static const Bank *find_bank(const Policy *policy, const char *name, OwnerKind owner)
{
    for (guint i = 0; i < policy->n_banks; i++) {
        const Bank *bank = &policy->banks[i];
        if (bank->owner == owner && strcmp(bank->name, name) == 0)
            return bank;
    }
    return &policy->banks[owner];
}

/* "granted" gives, "deducted" "gifted" and "converted" take. */
static void gather_change(Gathered *gathered, const EventRow *event, const cJSON *data, const char *line_kind)
{
    OwnerKind owner = account_kind(account_of(gathered, event));
    const Bank *bank = find_bank(gathered->policy, json_string_or(data, "bank", ""), owner);
    gint64 amount_milli = json_int64_or(data, "amount_milli", 0);
    bool takes = strcmp(line_kind, "grant") != 0 && strcmp(line_kind, "gift") != 0;
    if (amount_milli == 0 || ABS(amount_milli) > max_amount_milli || (takes && amount_milli > 0) ||
        (strcmp(line_kind, "grant") == 0 && amount_milli < 0))
        return;
    Change change = {.at_us = event->at_us,
                     .amount_milli = amount_milli,
                     .event_id = event->id,
                     .kind = line_kind,
                     .who = event->who,
                     .why = event->why};
    g_array_append_val(find_wallet(gathered, account_of(gathered, event), bank)->changes, change);
}

static void gather_joined(Gathered *gathered, const EventRow *event)
{
    gint64 *joined = g_hash_table_lookup(gathered->joined, (gpointer)account_of(gathered, event));
    if (!joined) {
        joined = g_new0(gint64, 1);
        g_hash_table_insert(gathered->joined, (gpointer)account_of(gathered, event), joined);
    }
    *joined = MAX(*joined, event->at_us);
}

static void gather_hold(Track *track, const EventRow *event)
{
    if (track->held_event_id && !is_newer(event, track->held_at_us, track->held_event_id))
        return;
    track->held_at_us = event->at_us;
    track->held_event_id = event->id;
    track->is_on_hold = strcmp(event->kind, "held") == 0;
}

static void gather_declared(Track *track, const EventRow *event, const cJSON *data)
{
    if (track->declared_event_id && !is_newer(event, track->declared_at_us, track->declared_event_id))
        return;
    track->declared_at_us = event->at_us;
    track->declared_event_id = event->id;
    track->declared_units = MAX(0, json_int64_or(data, "units", 0));
}

static void gather_about_account(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    static const char *const changes[][2] = {
        {"granted", "grant"}, {"gifted", "gift"}, {"deducted", "deduct"}, {"converted", "convert"}};
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        if (strcmp(event->kind, changes[i][0]) == 0)
            gather_change(gathered, event, data, changes[i][1]);
    }
    if (strcmp(event->kind, "joined") == 0)
        gather_joined(gathered, event);
    if (!event->assignment)
        return;
    Track *track = find_track(gathered, account_of(gathered, event), event->assignment);
    if (strcmp(event->kind, "extended") == 0)
        track->extended_us =
            MIN(max_extended_us, track->extended_us + CLAMP(json_int64_or(data, "by_us", 0), 0, max_extended_us));
    else if (strcmp(event->kind, "released") == 0)
        g_array_append_val(track->releases, event->at_us);
    else if (strcmp(event->kind, "held") == 0 || strcmp(event->kind, "lifted") == 0)
        gather_hold(track, event);
    else if (strcmp(event->kind, "declared") == 0)
        gather_declared(track, event, data);
}

static gint compare_changes(gconstpointer a, gconstpointer b)
{
    const Change *left = a, *right = b;
    if (left->at_us != right->at_us)
        return left->at_us < right->at_us ? -1 : 1;
    /* What is given comes before what is taken in the same instant. */
    if (left->amount_milli != right->amount_milli)
        return left->amount_milli > right->amount_milli ? -1 : 1;
    return left->event_id < right->event_id ? -1 : left->event_id > right->event_id;
}

static gint compare_numbers(gint64 left, gint64 right)
{
    return left < right ? -1 : left > right;
}

/* Order of receipt; ties by deadline, assignment, submission. */
static gint compare_entries(gconstpointer a, gconstpointer b)
{
    const Entry *left = *(Entry *const *)a, *right = *(Entry *const *)b;
    gint order = compare_numbers(left->received_us, right->received_us);
    if (order == 0)
        order = compare_numbers(left->deadline_us, right->deadline_us);
    if (order == 0)
        order = strcmp(left->assignment_id, right->assignment_id);
    return order != 0 ? order : compare_numbers(left->id, right->id);
}

static void set_deadline(const Policy *policy, const Track *track, Entry *entry)
{
    entry->deadline_us = entry->assignment ? entry->assignment->deadline_us + track->extended_us : entry->received_us;
    if (policy->joined_hold >= 0 && entry->joined_us > 0)
        entry->deadline_us = MAX(entry->deadline_us, entry->joined_us + policy->joined_hold);
}

static void finish_entries(Gathered *gathered)
{
    for (guint i = 0; i < gathered->entries->len; i++) {
        Entry *entry = g_ptr_array_index(gathered->entries, i);
        Track *track = find_track(gathered, entry->account, entry->assignment_id);
        const gint64 *joined = g_hash_table_lookup(gathered->joined, entry->account);
        entry->joined_us = joined ? *joined : 0;
        set_deadline(gathered->policy, track, entry);
        const Entry *selected = track->selected;
        if (entry->selected_event_id && (!selected || entry->selected_at_us > selected->selected_at_us ||
                                         (entry->selected_at_us == selected->selected_at_us &&
                                          entry->selected_event_id > selected->selected_event_id)))
            track->selected = entry;
    }
}

static void add_wallets(Gathered *gathered, const GPtrArray *accounts)
{
    for (guint i = 0; i < accounts->len; i++) {
        const char *account = g_ptr_array_index(accounts, i);
        OwnerKind kind = account_kind(account);
        for (guint j = 0; j < gathered->policy->n_banks; j++) {
            const Bank *bank = &gathered->policy->banks[j];
            if (bank->owner != kind)
                continue;
            Wallet *wallet = find_wallet(gathered, account, bank);
            for (guint k = 0; k < bank->n_adds; k++) {
                Change change = {.at_us = bank->adds[k].at_us,
                                 .amount_milli = bank->adds[k].amount_milli,
                                 .event_id = -1,
                                 .kind = "grant",
                                 .why = "the course gives these to everybody"};
                g_array_append_val(wallet->changes, change);
            }
        }
    }
}

static void gather_event(Gathered *gathered, const EventRow *event, bool is_submitted)
{
    g_autoptr(cJSON) data = json_parse(event->data, strlen(event->data), NULL);
    if (is_submitted && event->assignment)
        gather_submitted(gathered, event, data);
    else if (event->submission_id)
        gather_about_submission(gathered, event, data);
    else
        gather_about_account(gathered, event, data);
}

static void gather(Gathered *gathered, const Policy *policy, const Course *course, const GPtrArray *accounts,
                   const GPtrArray *events)
{
    *gathered = (Gathered){
        .policy = policy,
        .course = course,
        .only = accounts->len == 1 ? g_ptr_array_index(accounts, 0) : NULL,
        .entries = g_ptr_array_new_with_free_func(entry_free),
        .by_id = g_hash_table_new(g_int64_hash, g_int64_equal),
        .tracks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, track_free),
        .wallets = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)wallet_free),
        .joined = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free),
    };
    add_wallets(gathered, accounts);
    for (guint pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < events->len; i++) {
            const EventRow *event = g_ptr_array_index(events, i);
            bool is_submitted = strcmp(event->kind, "submitted") == 0;
            if (is_submitted == (pass == 0))
                gather_event(gathered, event, is_submitted);
        }
    }
    finish_entries(gathered);
    g_ptr_array_sort(gathered->entries, compare_entries);
    GHashTableIter each;
    gpointer wallet;
    g_hash_table_iter_init(&each, gathered->wallets);
    while (g_hash_table_iter_next(&each, NULL, &wallet))
        g_array_sort(((Wallet *)wallet)->changes, compare_changes);
}

/* ---- walking ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Gathered *gathered;
    Fold *fold;
    GPtrArray *wallets;   /* of Wallet* (borrowed), by account */
    GHashTable *allotted; /* &entry->id -> gint64*: budgets of an allocation at the end of term, or NULL */
    bool is_dry;          /* allocation: lateness is not paid for yet */
    GHashTable *n_redone; /* account -> resubmissions in the term */
} Walk;

static void add_line(Walk *walk, Wallet *wallet, const char *kind, gint64 amount_milli, const Entry *entry,
                     const char *reason)
{
    LedgerRow *line = g_new0(LedgerRow, 1);
    *line = (LedgerRow){.account = g_strdup(wallet->account),
                        .amount_milli = amount_milli,
                        .kind = g_strdup(kind),
                        .assignment = entry ? g_strdup(entry->assignment_id) : NULL,
                        .submission_id = entry ? entry->id : 0,
                        .reason = g_strdup(reason)};
    g_ptr_array_add(walk->fold->lines, line);
    wallet->balance_milli += amount_milli;
}

static void add_pool(Walk *walk, Wallet *wallet)
{
    g_autofree char *tokens = explain_tokens(wallet->bank->pool_milli);
    g_autofree char *reason = g_strdup_printf("The course gives %s to start with.", tokens);
    if (wallet->bank->pool_milli > 0)
        add_line(walk, wallet, "pool", wallet->bank->pool_milli, NULL, reason);
}

static void add_change(Walk *walk, Wallet *wallet, const Change *change)
{
    static const char *const words[][2] = {
        {"grant", "granted"}, {"gift", "given on"}, {"deduct", "deducted"}, {"convert", "converted"}};
    const char *word = "changed";
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i][0], change->kind) == 0)
            word = strcmp(change->kind, "gift") == 0 && change->amount_milli > 0 ? "received" : words[i][1];
    }
    g_autofree char *tokens = explain_tokens(ABS(change->amount_milli));
    g_autofree char *reason = g_strdup_printf("%s %s by %s: %s", tokens, word, change->who ? change->who : "the course",
                                              change->why ? change->why : "");
    /* Nobody can be left with less than the policy allows, whatever was taken. */
    gint64 least_milli = -MAX(0, wallet->balance_milli + wallet->bank->debt_milli);
    gint64 amount_milli = MAX(change->amount_milli, least_milli);
    if (amount_milli != 0)
        add_line(walk, wallet, change->kind, amount_milli, NULL, reason);
}

static void add_changes(Walk *walk, gint64 until_us)
{
    for (guint i = 0; i < walk->wallets->len; i++) {
        Wallet *wallet = g_ptr_array_index(walk->wallets, i);
        for (; wallet->n_done < wallet->changes->len; wallet->n_done++) {
            const Change *change = &g_array_index(wallet->changes, Change, wallet->n_done);
            if (change->at_us > until_us)
                break;
            add_change(walk, wallet, change);
        }
    }
}

/* Who pays for an entry: its account, or the members of its team. */
static void fill_purse(Walk *walk, const Entry *entry, Purse *purse)
{
    const Policy *policy = walk->gathered->policy;
    static const Rule no_rule = {.bank = {OWNER_PERSON, OWNER_TEAM}};
    const Rule *rule = entry->assignment ? policy_rule(policy, entry->assignment) : &no_rule;
    purse->payers = g_ptr_array_new();
    purse->group = entry->owner_kind == OWNER_TEAM ? rule->group : GROUP_ACCOUNT;
    const Team *team =
        purse->group == GROUP_ACCOUNT ? NULL : course_team(walk->gathered->course, strchr(entry->account, ':') + 1);
    if (!team) {
        purse->group = GROUP_ACCOUNT;
        const Bank *bank = &policy->banks[rule->bank[entry->owner_kind]];
        g_ptr_array_add(purse->payers, find_wallet(walk->gathered, entry->account, bank));
        return;
    }
    for (guint i = 0; i < team->members->len; i++) {
        const Person *person = g_ptr_array_index(team->members, i);
        g_autofree char *account = account_name(OWNER_PERSON, person->id);
        const Bank *bank = &policy->banks[rule->bank[OWNER_PERSON]];
        g_ptr_array_add(purse->payers, find_wallet(walk->gathered, account, bank));
    }
}

static void charge(Walk *walk, const Purse *purse, const Entry *entry, const Decision *decision)
{
    if (decision->tokens_milli <= 0)
        return;
    g_autofree gint64 *given = purse_split(purse, decision->tokens_milli, entry->received_us);
    for (guint i = 0; i < purse->payers->len; i++) {
        if (given[i] > 0)
            add_line(walk, g_ptr_array_index(purse->payers, i), "charge", -given[i], entry, decision->sentence);
    }
}

static gint64 budget_for(const Walk *walk, const Purse *purse, const Entry *entry)
{
    const gint64 *allotted = walk->allotted ? g_hash_table_lookup(walk->allotted, &entry->id) : NULL;
    gint64 budget_milli = purse_budget(purse, entry->received_us);
    if (walk->is_dry)
        return 0;
    return walk->allotted ? MIN(budget_milli, allotted ? *allotted : 0) : budget_milli;
}

static void walk_entry(Walk *walk, Entry *entry)
{
    add_changes(walk, entry->received_us);
    Purse purse;
    fill_purse(walk, entry, &purse);
    Track *track = find_track(walk->gathered, entry->account, entry->assignment_id);
    gint64 n_before = track->n_resubmissions;
    gint64 n_redone = GPOINTER_TO_INT(g_hash_table_lookup(walk->n_redone, entry->account));
    Decision *decision = decide_entry(walk->gathered->policy, walk->gathered->course, track, entry,
                                      purse_balance(&purse), budget_for(walk, &purse, entry), n_redone);
    n_redone += track->n_resubmissions - n_before;
    g_hash_table_insert(walk->n_redone, (gpointer)entry->account, GINT_TO_POINTER((gint)n_redone));
    g_ptr_array_add(walk->fold->decisions, decision);
    charge(walk, &purse, entry, decision);
    g_ptr_array_unref(purse.payers);
}

static gint compare_wallets(gconstpointer a, gconstpointer b)
{
    return strcmp((*(Wallet *const *)a)->account, (*(Wallet *const *)b)->account);
}

static void fold_account_free(gpointer data)
{
    FoldAccount *account = data;
    g_free(account->account);
    g_free(account);
}

static Fold *fold_new(void)
{
    Fold *fold = g_new0(Fold, 1);
    fold->decisions = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free);
    fold->lines = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_row_free);
    fold->accounts = g_ptr_array_new_with_free_func(fold_account_free);
    return fold;
}

static void note_balances(Walk *walk, const char *account)
{
    for (guint i = 0; i < walk->wallets->len; i++) {
        const Wallet *wallet = g_ptr_array_index(walk->wallets, i);
        FoldAccount *noted = g_new0(FoldAccount, 1);
        *noted = (FoldAccount){.account = g_strdup(wallet->account), .balance_milli = wallet->balance_milli};
        g_ptr_array_add(walk->fold->accounts, noted);
        if (strcmp(wallet->account, account) == 0)
            walk->fold->balance_milli = wallet->balance_milli;
    }
}

static Fold *walk_all(Gathered *gathered, const char *account, GHashTable *allotted, bool is_dry)
{
    g_autoptr(GPtrArray) wallets = g_ptr_array_new();
    GHashTableIter each;
    gpointer wallet;
    g_hash_table_iter_init(&each, gathered->wallets);
    while (g_hash_table_iter_next(&each, NULL, &wallet))
        g_ptr_array_add(wallets, wallet);
    g_autoptr(GHashTable) n_redone = g_hash_table_new(g_str_hash, g_str_equal);
    g_ptr_array_sort(wallets, compare_wallets);
    Walk walk = {.gathered = gathered,
                 .fold = fold_new(),
                 .wallets = wallets,
                 .allotted = allotted,
                 .is_dry = is_dry,
                 .n_redone = n_redone};
    for (guint i = 0; i < wallets->len; i++)
        add_pool(&walk, g_ptr_array_index(wallets, i));
    for (guint i = 0; i < gathered->entries->len; i++)
        walk_entry(&walk, g_ptr_array_index(gathered->entries, i));
    add_changes(&walk, G_MAXINT64);
    note_balances(&walk, account);
    return walk.fold;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

char *account_name(OwnerKind kind, const char *owner)
{
    return g_strdup_printf("%s:%s", kind == OWNER_TEAM ? "team" : "person", owner);
}

static gint compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool members_pay(const Policy *policy, const Course *course)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->owner_kind == OWNER_TEAM && policy_rule(policy, assignment)->group != GROUP_ACCOUNT)
            return true;
    }
    return false;
}

GPtrArray *policy_accounts(const Policy *policy, const Course *course, const char *account)
{
    GPtrArray *accounts = g_ptr_array_new_with_free_func(g_free);
    const char *owner = strchr(account, ':') ? strchr(account, ':') + 1 : account;
    const Team *team = NULL;
    if (members_pay(policy, course)) {
        const Person *person = account_kind(account) == OWNER_PERSON ? course_person(course, owner) : NULL;
        const char *team_id = account_kind(account) == OWNER_TEAM ? owner : person ? person->team : NULL;
        team = team_id ? course_team(course, team_id) : NULL;
    }
    for (guint i = 0; team && i < team->members->len; i++)
        g_ptr_array_add(accounts, account_name(OWNER_PERSON, ((Person *)g_ptr_array_index(team->members, i))->id));
    if (team)
        g_ptr_array_add(accounts, account_name(OWNER_TEAM, team->id));
    else
        g_ptr_array_add(accounts, g_strdup(account));
    g_ptr_array_sort(accounts, compare_texts);
    return accounts;
}

/* Tokens are handed out when all is known: first a walk in which nobody pays, then the best use of what there is, then
 * a walk with that. */
static Fold *fold_best_at_end(const Policy *policy, const Course *course, const GPtrArray *accounts,
                              const char *account, const GPtrArray *events)
{
    g_autoptr(GHashTable) allotted = NULL;
    {
        g_auto(Gathered) dry;
        gather(&dry, policy, course, accounts, events);
        g_autoptr(Fold) fold = walk_all(&dry, account, NULL, true);
        allotted = allocate_best(dry.entries, fold->accounts);
    }
    g_auto(Gathered) gathered;
    gather(&gathered, policy, course, accounts, events);
    return walk_all(&gathered, account, allotted, false);
}

Fold *policy_fold(const Policy *policy, const Course *course, const char *account, const GPtrArray *events)
{
    g_autoptr(GPtrArray) accounts = policy_accounts(policy, course, account);
    if (policy->allocation == ALLOCATE_BEST_AT_END)
        return fold_best_at_end(policy, course, accounts, account, events);
    g_auto(Gathered) gathered;
    gather(&gathered, policy, course, accounts, events);
    return walk_all(&gathered, account, NULL, false);
}

void fold_free(Fold *fold)
{
    if (!fold)
        return;
    g_ptr_array_unref(fold->decisions);
    g_ptr_array_unref(fold->lines);
    g_ptr_array_unref(fold->accounts);
    g_free(fold);
}

/* ---- quotes ----------------------------------------------------------------------------------------------------- */

Decision *policy_quote(const Policy *policy, const Course *course, const char *account, const Assignment *assignment,
                       const GPtrArray *events, gint64 at_us)
{
    const gint64 quoted_id = G_MAXINT64; /* received last, among those of the same instant */
    const Rubric *rubric = course_rubric(course, assignment, at_us);
    const gint64 usual_milli = 100000;
    gint64 max_milli = rubric && rubric->max_milli > 0 ? rubric->max_milli : usual_milli;
    g_autofree char *verdict = g_strdup_printf(
        "{\"points_milli\":%" G_GINT64_FORMAT ",\"max_milli\":%" G_GINT64_FORMAT "}", max_milli, max_milli);
    EventRow submitted = {.at_us = at_us,
                          .account = (char *)account,
                          .kind = (char *)"submitted",
                          .assignment = assignment->id,
                          .submission_id = quoted_id,
                          .data = (char *)"{\"quote\":1}"};
    EventRow graded = submitted;
    graded.kind = (char *)"graded";
    graded.data = verdict;
    g_autoptr(GPtrArray) all = g_ptr_array_sized_new(events->len + 2);
    g_ptr_array_extend((GPtrArray *)all, (GPtrArray *)events, NULL, NULL);
    g_ptr_array_add(all, &submitted);
    g_ptr_array_add(all, &graded);

    g_autoptr(Fold) fold = policy_fold(policy, course, account, all);
    for (guint i = 0; i < fold->decisions->len; i++) {
        Decision *decision = g_ptr_array_index(fold->decisions, i);
        if (decision->submission_id != quoted_id)
            continue;
        decision->submission_id = 0;
        return g_ptr_array_steal_index(fold->decisions, i);
    }
    g_assert_not_reached(); /* what is submitted is decided */
}

/* Units never become fewer, so the last instant with as many can be found by halving. */
static gint64 last_with_units(const Policy *policy, const LateRule *late, GTimeZone *zone, gint64 deadline_us,
                              gint64 at_us)
{
    const gint64 far_us = 400 * CLOCK_DAY_US;
    gint64 units = policy_late_units(policy, late, zone, deadline_us, at_us);
    gint64 low = at_us, high = MAX(at_us, deadline_us) + far_us;
    if (policy_late_units(policy, late, zone, deadline_us, high) == units)
        return G_MAXINT64;
    while (high - low > 1) {
        gint64 middle = low + (high - low) / 2;
        if (policy_late_units(policy, late, zone, deadline_us, middle) == units)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static gint64 before(gint64 until_us, gint64 at_us, gint64 so_far_us)
{
    return until_us != G_MAXINT64 && until_us > at_us ? MIN(so_far_us, until_us - 1) : so_far_us;
}

gint64 policy_quote_until(const Policy *policy, const Course *course, const Assignment *assignment,
                          const Decision *quote, gint64 at_us)
{
    const Rule *rule = policy_rule(policy, assignment);
    bool is_redo = strcmp(quote->route, "resubmission") == 0;
    gint64 until_us =
        is_redo ? G_MAXINT64 : last_with_units(policy, &rule->late, course->zone, quote->deadline_us, at_us);
    if (is_redo && at_us <= quote->deadline_us)
        until_us = quote->deadline_us;
    if (!is_redo && rule->uncovered[assignment->owner_kind].is_prorated && quote->penalty_milli > 0)
        until_us = at_us;
    until_us = before(rule->cutoff_us, at_us, until_us);
    until_us = is_redo ? before(rule->resubmission.until_us, at_us, until_us) : until_us;
    for (guint i = 0; i < policy->n_banks; i++)
        until_us = before(policy->banks[i].expires_us, at_us, until_us);
    return until_us;
}
