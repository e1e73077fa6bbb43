/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fold: events of one account in, decisions and ledger lines out, reading no clock and no store.
 *
 * Two passes over the events sorted by their own time. The first (policy_gather.c) gathers what belongs to a submission
 * whenever it was written (its verdict, its confirmation, the extension of its deadline). The second walks through
 * grants and submissions in order of receipt and decides one after the other. So the outcome depends on what happened
 * when, and never on when we noticed.
 */
#include "daemon/tokens/members.h"

#include <string.h>

/* ---- walking ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Gathered *gathered;
    Fold *fold;
    GPtrArray *wallets;   /* of Wallet* (borrowed), by account */
    GHashTable *allotted; /* allocation_key -> gint64*: budgets of an allocation at the end of term, or NULL */
    bool is_dry;          /* allocation: lateness is not paid for yet */
    GHashTable *n_redone; /* account, or "account#round" -> Redone*, in the term, in the round */
    GHashTable *lateness; /* "account#scope" -> LateCounts* */
    gint64 set_aside_for; /* the submission for which wallets have something set aside */
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

/* What is bought beside lateness: only if it can be paid at that moment, and not too often. */
static void add_purchase(Walk *walk, Wallet *wallet, const Change *change)
{
    const Purchasable *buys = change->buys;
    gint64 *n = &wallet->n_bought[buys - walk->gathered->policy->purchasables];
    if (*n >= buys->max_times || change->at_us >= buys->until_us ||
        buys->price_milli > wallet_budget(wallet, change->at_us))
        return;
    (*n)++;
    g_autofree char *tokens = explain_tokens(buys->price_milli);
    g_autofree char *reason = g_strdup_printf(
        "%s paid for %s%s%s%s%s", tokens, buys->name, change->assignment ? " of " : "",
        change->assignment ? change->assignment : "", change->why ? ": " : "", change->why ? change->why : "");
    if (buys->price_milli > 0)
        add_line(walk, wallet, "buy", -buys->price_milli, NULL, reason);
    FoldBought *bought = g_new0(FoldBought, 1);
    *bought = (FoldBought){.account = g_strdup(wallet->account),
                           .what = g_strdup(buys->name),
                           .assignment = g_strdup(change->assignment),
                           .excuses = buys->excuses};
    g_ptr_array_add(walk->fold->bought, bought);
}

static void add_change(Walk *walk, Wallet *wallet, const Change *change)
{
    if (change->buys) {
        add_purchase(walk, wallet, change);
        return;
    }
    static const char *const words[][2] = {
        {"grant", "granted"}, {"gift", "given on"}, {"deduct", "deducted"}, {"convert", "converted"}};
    const char *word = "changed";
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i][0], change->kind) == 0)
            word = strcmp(change->kind, "gift") == 0 && change->amount_milli > 0 ? "received" : words[i][1];
    }
    g_autofree char *tokens = explain_tokens(ABS(change->amount_milli));
    bool may_be_full = change->amount_milli > 0 && wallet->bank->most_milli != G_MAXINT64;
    g_autofree char *most = may_be_full ? explain_tokens(wallet->bank->most_milli) : NULL;
    g_autofree char *bound = may_be_full ? g_strdup_printf(" (%s at most can be held)", most) : g_strdup("");
    g_autofree char *reason =
        g_strdup_printf("%s %s by %s: %s%s", tokens, word, change->who ? change->who : "the course",
                        change->why ? change->why : "", bound);
    /* Nobody can be left with less than the policy allows, whatever was taken. */
    gint64 least_milli = -MAX(0, wallet->balance_milli + wallet->bank->debt_milli);
    gint64 amount_milli = MIN(MAX(change->amount_milli, least_milli), wallet_room(wallet));
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
    const Rule *rule = entry->assignment ? policy_rule_at(policy, entry->assignment, entry->received_us) : &no_rule;
    purse->payers = g_ptr_array_new();
    purse->group = entry->owner_kind == OWNER_TEAM ? rule->group : (GroupRule){.kind = GROUP_ACCOUNT};
    const char *team = strchr(entry->account, ':') ? strchr(entry->account, ':') + 1 : entry->account;
    purse->people = purse->group.kind == GROUP_ACCOUNT ? NULL : members_at(walk->gathered, team, entry->received_us);
    if (!purse->people || purse->people->len == 0) {
        purse->group.kind = GROUP_ACCOUNT;
        const Bank *bank = &policy->banks[rule->bank[entry->owner_kind]];
        g_ptr_array_add(purse->payers, gather_find_wallet(walk->gathered, entry->account, bank));
        return;
    }
    for (guint i = 0; i < purse->people->len; i++) {
        const Person *person = g_ptr_array_index(purse->people, i);
        g_autofree char *account = account_name(OWNER_PERSON, person->id);
        const Bank *bank = &policy->banks[rule->bank[OWNER_PERSON]];
        g_ptr_array_add(purse->payers, gather_find_wallet(walk->gathered, account, bank));
    }
}

static void charge_members(Walk *walk, const Purse *purse, const Entry *entry, const Decision *decision)
{
    for (guint i = 0; i < decision->shares->len; i++) {
        const MemberShare *share = g_ptr_array_index(decision->shares, i);
        if (share->tokens_milli > 0)
            add_line(walk, g_ptr_array_index(purse->payers, i), "charge", -share->tokens_milli, entry, share->sentence);
    }
}

static void charge(Walk *walk, const Purse *purse, const Entry *entry, const Decision *decision)
{
    if (decision->shares) {
        charge_members(walk, purse, entry, decision);
        return;
    }
    if (decision->tokens_milli <= 0)
        return;
    g_autofree gint64 *given = purse_split(purse, decision->tokens_milli, entry->received_us);
    for (guint i = 0; i < purse->payers->len; i++) {
        if (given[i] > 0)
            add_line(walk, g_ptr_array_index(purse->payers, i), "charge", -given[i], entry, decision->sentence);
    }
}

/* Where tokens are handed out at the end, lateness may take what was allotted to it and no more. */
static gint64 late_budget(const Walk *walk, const Entry *entry, gint64 budget_milli)
{
    g_autofree char *key = walk->allotted ? allocation_key(entry) : NULL;
    const gint64 *allotted = walk->allotted ? g_hash_table_lookup(walk->allotted, key) : NULL;
    if (walk->is_dry)
        return 0;
    return walk->allotted ? MIN(budget_milli, allotted ? *allotted : 0) : budget_milli;
}

/* Resubmissions: one that has parts is one. */
typedef struct {
    gint64 n, newest_id;
} Redone;

/* `key` is taken over. */
static Redone *find_redone(Walk *walk, char *key)
{
    Redone *redone = g_hash_table_lookup(walk->n_redone, key);
    if (redone) {
        g_free(key);
        return redone;
    }
    redone = g_new0(Redone, 1);
    g_hash_table_insert(walk->n_redone, key, redone);
    return redone;
}

static gint64 redone_before(const Redone *redone, const Entry *entry)
{
    return redone->n - (redone->newest_id == entry->id ? 1 : 0);
}

static void count_redone(Redone *redone, const Entry *entry)
{
    redone->n += redone->newest_id == entry->id ? 0 : 1;
    redone->newest_id = entry->id;
}

static LateCounts *lateness_of(Walk *walk, const Entry *entry, const Rule *rule)
{
    g_autofree char *key = g_strdup_printf("%s#%u", entry->account, rule ? rule->late.scope : 0);
    LateCounts *counts = g_hash_table_lookup(walk->lateness, key);
    if (!counts) {
        counts = g_new0(LateCounts, 1);
        g_hash_table_insert(walk->lateness, g_steal_pointer(&key), counts);
    }
    return counts;
}

/* After a decision; `number` and `units`: of the assignment before it. */
static void count_lateness(LateCounts *counts, const Track *track, gint64 number, gint64 units)
{
    counts->n_late += number == 0 && track->late_number > 0;
    counts->n_bought += units == 0 && track->bought_units > 0;
    counts->n_units += track->bought_units - units;
}

static void reward(Walk *walk, const Purse *purse, const Entry *entry, const Decision *decision)
{
    for (guint i = 0; i < purse->payers->len; i++) {
        Wallet *wallet = g_ptr_array_index(purse->payers, i);
        gint64 earned_milli = MIN(decision->earned_milli, wallet_room(wallet));
        g_autofree char *tokens = explain_tokens(earned_milli);
        g_autofree char *reason = g_strdup_printf("%s earned with %s.", tokens, entry->assignment_id);
        if (earned_milli > 0)
            add_line(walk, wallet, "earn", earned_milli, entry, reason);
    }
}

/* What the parts of a submission cost is the same whether its result, which a quote cannot know, gives a price back or
 * not: what comes back cannot be spent on the next part. */
static void set_aside(Walk *walk, const Purse *purse, const Entry *entry, gint64 amount_milli)
{
    g_autofree gint64 *given = purse_split(purse, amount_milli, entry->received_us);
    for (guint i = 0; i < purse->payers->len; i++)
        ((Wallet *)g_ptr_array_index(purse->payers, i))->set_aside_milli += given[i];
    walk->set_aside_for = entry->id;
}

static void give_back(Walk *walk, gint64 next_id)
{
    for (guint i = 0; walk->set_aside_for != next_id && i < walk->wallets->len; i++)
        ((Wallet *)g_ptr_array_index(walk->wallets, i))->set_aside_milli = 0;
}

static void walk_entry(Walk *walk, Entry *entry)
{
    give_back(walk, entry->id);
    add_changes(walk, entry->received_us);
    Purse purse = {0};
    fill_purse(walk, entry, &purse);
    const Policy *policy = walk->gathered->policy;
    Track *track = entry->track;
    gint64 n_before = track->n_resubmissions;
    const Rule *rule = entry->assignment ? policy_rule_at(policy, entry->assignment, entry->received_us) : NULL;
    guint round =
        rule ? marks_before(rule->resubmission.rounds_us, rule->resubmission.n_rounds, entry->received_us) : 0;
    Redone *in_term = find_redone(walk, g_strdup(entry->account));
    Redone *in_round = find_redone(walk, g_strdup_printf("%s#%u", entry->account, round));
    LateCounts *lateness = lateness_of(walk, entry, rule), others = *lateness;
    others.n_bought -= track->bought_units > 0;
    others.n_units -= track->bought_units;
    gint64 number = track->late_number, units = track->bought_units;
    gint64 budget_milli = purse_budget(&purse, entry->received_us);
    Means means = {.room_milli = purse_room(&purse),
                   .late = others,
                   .balance_milli = purse_balance(&purse),
                   .budget_milli = budget_milli,
                   .late_budget_milli = late_budget(walk, entry, budget_milli),
                   .set_aside_milli = purse_set_aside(&purse),
                   .n_term = redone_before(in_term, entry),
                   .n_round = redone_before(in_round, entry)};
    g_autoptr(GHashTable) older_credits = members_credits(track, &purse);
    Decision *decision = decide_entry(policy, walk->gathered->course, track, entry, &means);
    if (purse.group.kind == GROUP_EACH_MEMBER)
        members_share(walk->gathered, track, entry, older_credits, &purse, decision);
    count_lateness(lateness, track, number, units);
    if (track->n_resubmissions > n_before) {
        count_redone(in_term, entry);
        count_redone(in_round, entry);
    }
    g_ptr_array_add(walk->fold->decisions, decision);
    if (decision->returned_milli > 0)
        set_aside(walk, &purse, entry, decision->returned_milli);
    else
        charge(walk, &purse, entry, decision);
    reward(walk, &purse, entry, decision);
    entry->payer = g_ptr_array_index(purse.payers, 0);
    if (walk->is_dry)
        entry->left_milli = wallet_left(entry->payer);
    g_ptr_array_unref(purse.payers);
    g_clear_pointer(&purse.people, g_ptr_array_unref);
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

static void fold_bought_free(gpointer data)
{
    FoldBought *bought = data;
    g_free(bought->account);
    g_free(bought->what);
    g_free(bought->assignment);
    g_free(bought);
}

static Fold *fold_new(void)
{
    Fold *fold = g_new0(Fold, 1);
    fold->bought = g_ptr_array_new_with_free_func(fold_bought_free);
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
    g_autoptr(GHashTable) n_redone = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GHashTable) lateness = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_ptr_array_sort(wallets, compare_wallets);
    Walk walk = {.gathered = gathered,
                 .fold = fold_new(),
                 .wallets = wallets,
                 .allotted = allotted,
                 .is_dry = is_dry,
                 .n_redone = n_redone,
                 .lateness = lateness};
    for (guint i = 0; i < wallets->len; i++)
        add_pool(&walk, g_ptr_array_index(wallets, i));
    for (guint i = 0; i < gathered->entries->len; i++)
        walk_entry(&walk, g_ptr_array_index(gathered->entries, i));
    give_back(&walk, 0);
    add_changes(&walk, G_MAXINT64);
    parts_join(walk.fold->decisions, gathered->entries);
    note_balances(&walk, account);
    return walk.fold;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

char *account_name(OwnerKind kind, const char *owner)
{
    return g_strdup_printf("%s:%s", kind == OWNER_TEAM ? "team" : "person", owner);
}

bool policy_members_pay(const Policy *policy, const Course *course)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if ((policy_groups(policy, assignment) & ~(1U << GROUP_ACCOUNT)) != 0)
            return true;
    }
    return false;
}

GPtrArray *policy_accounts(const Policy *policy, const Course *course, const char *account)
{
    GPtrArray *accounts = g_ptr_array_new_with_free_func(g_free);
    const char *owner = strchr(account, ':') ? strchr(account, ':') + 1 : account;
    const Team *team = NULL;
    if (policy_members_pay(policy, course)) {
        const Person *person = gather_account_kind(account) == OWNER_PERSON ? course_person(course, owner) : NULL;
        const char *team_id = gather_account_kind(account) == OWNER_TEAM ? owner : person ? person->team : NULL;
        team = team_id ? course_team(course, team_id) : NULL;
    }
    for (guint i = 0; team && i < team->members->len; i++)
        g_ptr_array_add(accounts, account_name(OWNER_PERSON, ((Person *)g_ptr_array_index(team->members, i))->id));
    if (team)
        g_ptr_array_add(accounts, account_name(OWNER_TEAM, team->id));
    else
        g_ptr_array_add(accounts, g_strdup(account));
    g_ptr_array_sort(accounts, text_compare);
    return accounts;
}

/* Who moved brings their old team's members with them. */
static GPtrArray *accounts_of_events(const Policy *policy, const Course *course, const char *account,
                                     const GPtrArray *events)
{
    GPtrArray *accounts = policy_accounts(policy, course, account);
    bool members_pay = policy_members_pay(policy, course);
    for (guint i = 0; members_pay && i < events->len; i++) {
        const EventRow *event = g_ptr_array_index(events, i);
        if (strcmp(event->kind, "moved") == 0)
            members_add_moved(accounts, policy, course, event);
    }
    g_ptr_array_sort(accounts, text_compare);
    return accounts;
}

/* Tokens are handed out when all is known: first a walk in which nobody pays, then the best use of what there is, then
 * a walk with that. */
static Fold *fold_at_end(const Policy *policy, const Course *course, const GPtrArray *accounts, const char *account,
                         const GPtrArray *events)
{
    g_autoptr(GHashTable) allotted = NULL;
    {
        g_auto(Gathered) dry;
        gather(&dry, policy, course, accounts, events);
        Fold *fold = walk_all(&dry, account, NULL, true); /* has the entries' decisions */
        allotted = allocate_at_end(policy, dry.entries);
        fold_free(fold);
    }
    g_auto(Gathered) gathered;
    gather(&gathered, policy, course, accounts, events);
    return walk_all(&gathered, account, allotted, false);
}

Fold *policy_fold(const Policy *policy, const Course *course, const char *account, const GPtrArray *events)
{
    g_autoptr(GPtrArray) accounts = accounts_of_events(policy, course, account, events);
    if (policy->allocation != ALLOCATE_BY_RECEIPT)
        return fold_at_end(policy, course, accounts, account, events);
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
    g_ptr_array_unref(fold->bought);
    g_free(fold);
}

bool policy_has_own_deadlines(const Policy *policy, const Assignment *assignment)
{
    return (policy_groups(policy, assignment) & (1U << GROUP_EACH_MEMBER)) != 0;
}

gint64 policy_deadline(const Policy *policy, const Course *course, const char *account, const Assignment *due,
                       const GPtrArray *events)
{
    g_autoptr(GPtrArray) accounts = accounts_of_events(policy, course, account, events);
    g_auto(Gathered) gathered;
    gather(&gathered, policy, course, accounts, events);
    const char *owner = strchr(account, ':') ? strchr(account, ':') + 1 : account;
    const char *team = due->owner_kind == OWNER_TEAM && gather_account_kind(account) == OWNER_PERSON
                           ? policy_team_at(course, events, owner, due->deadline_us)
                           : NULL;
    if (!team)
        return gather_deadline(&gathered, account, due);
    g_autofree char *team_account = account_name(OWNER_TEAM, team);
    return gather_deadline(&gathered, team_account, due) + gather_find_track(&gathered, account, due->id)->extended_us;
}
