/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/tokens/members.h"

#include <string.h>

static const gint64 max_extended_us = 3660 * CLOCK_DAY_US;
static const gint64 max_amount_milli = 1000000;

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
    g_hash_table_destroy(track->by_digest);
    g_clear_pointer(&track->paid_by, g_hash_table_destroy);
    g_free(track);
}

void gathered_clear(Gathered *gathered)
{
    g_ptr_array_unref(gathered->entries);
    g_hash_table_destroy(gathered->by_id);
    g_hash_table_destroy(gathered->tracks);
    g_hash_table_destroy(gathered->wallets);
    g_hash_table_destroy(gathered->joined);
    g_hash_table_destroy(gathered->moves);
}

Track *gather_find_track(Gathered *gathered, const char *account, const char *assignment)
{
    g_autofree char *key = g_strdup_printf("%s\n%s", account, assignment);
    Track *track = g_hash_table_lookup(gathered->tracks, key);
    if (!track) {
        track = g_new0(Track, 1);
        track->releases = g_array_new(FALSE, FALSE, sizeof(gint64));
        track->by_digest = g_hash_table_new(g_str_hash, g_str_equal);
        g_hash_table_insert(gathered->tracks, g_steal_pointer(&key), track);
    }
    return track;
}

Wallet *gather_find_wallet(Gathered *gathered, const char *account, const Bank *bank)
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

OwnerKind gather_account_kind(const char *account)
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
    const Assignment *whole = course_assignment(gathered->course, event->assignment);
    guint n_parts = whole && whole->parts ? whole->parts->len : 0;
    Entry *next = NULL;
    for (guint i = n_parts + 1; i > 0; i--) {
        const Assignment *assignment = i == 1 ? whole : g_ptr_array_index(whole->parts, i - 2);
        Entry *entry = g_new0(Entry, 1);
        *entry = (Entry){.id = event->submission_id,
                         .next_part = next,
                         .account = account_of(gathered, event),
                         .owner_kind = gather_account_kind(account_of(gathered, event)),
                         .assignment_id = assignment ? assignment->id : event->assignment,
                         .assignment = assignment,
                         .received_us = event->at_us,
                         .is_quote = json_int64_or(data, "quote", 0) == 1,
                         .digest = g_strdup(json_string_or(data, "digest", NULL))};
        g_ptr_array_add(gathered->entries, entry);
        next = entry;
    }
    g_hash_table_insert(gathered->by_id, &next->id, next);
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
    parts_take_points(entry, data);
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

static void gather_about_entry(Entry *entry, const EventRow *event, const cJSON *data)
{
    if (strcmp(event->kind, "confirmed") == 0)
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

/* What concerns a submission. Its "submitted" may come later in the list: that pass is the first one. */
static void gather_about_submission(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    Entry *first = g_hash_table_lookup(gathered->by_id, &event->submission_id);
    if (first && strcmp(event->kind, "graded") == 0)
        gather_graded(first, event, data);
    for (Entry *entry = first; entry; entry = entry->next_part)
        gather_about_entry(entry, event, data);
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
    OwnerKind owner = gather_account_kind(account_of(gathered, event));
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
    g_array_append_val(gather_find_wallet(gathered, account_of(gathered, event), bank)->changes, change);
}

/* Whether it could be paid is known when its turn comes. */
static void gather_bought(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    const Policy *policy = gathered->policy;
    const char *account = account_of(gathered, event), *what = json_string_or(data, "what", "");
    for (guint i = 0; i < policy->n_purchasables; i++) {
        const Purchasable *buys = &policy->purchasables[i];
        if (strcmp(buys->name, what) != 0)
            continue;
        Change change = {.at_us = event->at_us,
                         .amount_milli = -buys->price_milli,
                         .event_id = event->id,
                         .kind = "buy",
                         .who = event->who,
                         .why = event->why,
                         .buys = buys,
                         .assignment = event->assignment};
        const Bank *bank = &policy->banks[buys->bank[gather_account_kind(account)]];
        g_array_append_val(gather_find_wallet(gathered, account, bank)->changes, change);
    }
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

/* What is said of an assignment holds for all of its parts. */
static void gather_about_track(Gathered *gathered, const EventRow *event, const char *due, const cJSON *data)
{
    Track *track = gather_find_track(gathered, account_of(gathered, event), due);
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
    if (strcmp(event->kind, "bought") == 0)
        gather_bought(gathered, event, data);
    if (!event->assignment)
        return;
    const Assignment *whole = course_assignment(gathered->course, event->assignment);
    gather_about_track(gathered, event, event->assignment, data);
    for (guint i = 0; whole && whole->parts && i < whole->parts->len; i++)
        gather_about_track(gathered, event, ((const Assignment *)g_ptr_array_index(whole->parts, i))->id, data);
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

gint64 entry_due(const Entry *entry)
{
    return entry->assignment ? entry->assignment->deadline_us : entry->deadline_us;
}

static const Assignment *whole_of(const Entry *entry)
{
    return entry->assignment && entry->assignment->whole ? entry->assignment->whole : entry->assignment;
}

static gint compare_wholes(const Entry *left, const Entry *right)
{
    const Assignment *a = whole_of(left), *b = whole_of(right);
    gint order = compare_numbers(a ? a->deadline_us : left->deadline_us, b ? b->deadline_us : right->deadline_us);
    return order != 0 ? order : strcmp(a ? a->id : left->assignment_id, b ? b->id : right->assignment_id);
}

/* Order of receipt; ties by the course's deadline, assignment, submission: an extension does not move work behind what
 * was due after it. Parts of a submission stay together, by their own deadlines. */
static gint compare_entries(gconstpointer a, gconstpointer b)
{
    const Entry *left = *(Entry *const *)a, *right = *(Entry *const *)b;
    gint order = compare_numbers(left->received_us, right->received_us);
    if (order == 0)
        order = compare_wholes(left, right);
    if (order == 0)
        order = compare_numbers(left->id, right->id);
    if (order == 0)
        order = compare_numbers(entry_due(left), entry_due(right));
    return order != 0 ? order : strcmp(left->assignment_id, right->assignment_id);
}

gint64 gather_deadline(Gathered *gathered, const char *account, const Assignment *due)
{
    gint64 deadline_us = due->deadline_us + gather_find_track(gathered, account, due->id)->extended_us;
    const gint64 *joined_us = g_hash_table_lookup(gathered->joined, account);
    if (gathered->policy->joined_hold >= 0 && joined_us)
        deadline_us = MAX(deadline_us, *joined_us + gathered->policy->joined_hold);
    return deadline_us;
}

static void finish_entries(Gathered *gathered)
{
    for (guint i = 0; i < gathered->entries->len; i++) {
        Entry *entry = g_ptr_array_index(gathered->entries, i);
        Track *track = gather_find_track(gathered, entry->account, entry->assignment_id);
        const gint64 *joined = g_hash_table_lookup(gathered->joined, entry->account);
        entry->joined_us = joined ? *joined : 0;
        entry->deadline_us =
            entry->assignment ? gather_deadline(gathered, entry->account, entry->assignment) : entry->received_us;
        const Entry *selected = track->selected;
        entry->track = track;
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
        OwnerKind kind = gather_account_kind(account);
        for (guint j = 0; j < gathered->policy->n_banks; j++) {
            const Bank *bank = &gathered->policy->banks[j];
            if (bank->owner != kind)
                continue;
            Wallet *wallet = gather_find_wallet(gathered, account, bank);
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

static gint compare_instants(gconstpointer a, gconstpointer b)
{
    return compare_numbers(*(const gint64 *)a, *(const gint64 *)b);
}

static void finish_tracks(const Gathered *gathered)
{
    GHashTableIter each;
    gpointer track;
    g_hash_table_iter_init(&each, gathered->tracks);
    while (g_hash_table_iter_next(&each, NULL, &track))
        g_array_sort(((Track *)track)->releases, compare_instants);
}

/* From the last one on: what is still to come is summed up once, not again at each submission. */
static void look_ahead(const Wallet *wallet)
{
    gint64 ahead_milli = 0;
    for (guint i = wallet->changes->len; i > 0; i--) {
        Change *change = &g_array_index(wallet->changes, Change, i - 1);
        /* Where no more than so many can be held, what is given may be lost, and pays for nothing beforehand. */
        gint64 sure_milli =
            wallet->bank->most_milli == G_MAXINT64 ? change->amount_milli : MIN(0, change->amount_milli);
        /* A purchase is made only if it can be paid then. */
        ahead_milli = change->buys ? ahead_milli : MIN(0, ahead_milli + sure_milli);
        change->ahead_milli = ahead_milli;
    }
}

static void finish_wallets(const Gathered *gathered)
{
    GHashTableIter each;
    gpointer wallet;
    g_hash_table_iter_init(&each, gathered->wallets);
    while (g_hash_table_iter_next(&each, NULL, &wallet)) {
        g_array_sort(((Wallet *)wallet)->changes, compare_changes);
        look_ahead(wallet);
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

void gather(Gathered *gathered, const Policy *policy, const Course *course, const GPtrArray *accounts,
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
        .moves = members_moves(events),
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
    parts_drop_rests(gathered->entries);
    finish_entries(gathered);
    g_ptr_array_sort(gathered->entries, compare_entries);
    finish_tracks(gathered);
    finish_wallets(gathered);
}
