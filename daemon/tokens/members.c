/* SPDX-License-Identifier: Apache-2.0 */
/* Members of teams: who was in which team when, and what each of them pays where all pay alone. */
#include "daemon/tokens/members.h"

#include <string.h>

/* ---- who was where ---------------------------------------------------------------------------------------------- */

typedef struct {
    gint64 at_us, event_id;
    char *from, *to;
} Move;

static void move_clear(gpointer data)
{
    Move *move = data;
    g_free(move->from);
    g_free(move->to);
}

static void moves_free(gpointer data)
{
    g_array_unref(data);
}

static gint compare_moves(gconstpointer a, gconstpointer b)
{
    const Move *left = a, *right = b;
    if (left->at_us != right->at_us)
        return left->at_us < right->at_us ? -1 : 1;
    return left->event_id < right->event_id ? -1 : left->event_id > right->event_id;
}

static void note_move(GHashTable *moves, const EventRow *event)
{
    g_autoptr(cJSON) data = json_parse(event->data, strlen(event->data), NULL);
    const char *person = json_string_or(data, "person", "");
    GArray *own = g_hash_table_lookup(moves, person);
    if (!own) {
        own = g_array_new(FALSE, FALSE, sizeof(Move));
        g_array_set_clear_func(own, move_clear);
        g_hash_table_insert(moves, g_strdup(person), own);
    }
    Move move = {.at_us = event->at_us,
                 .event_id = event->id,
                 .from = g_strdup(json_string_or(data, "from", "")),
                 .to = g_strdup(json_string_or(data, "to", ""))};
    g_array_append_val(own, move);
}

GHashTable *members_moves(const GPtrArray *events)
{
    GHashTable *moves = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, moves_free);
    for (guint i = 0; i < events->len; i++) {
        const EventRow *event = g_ptr_array_index(events, i);
        if (strcmp(event->kind, "moved") == 0)
            note_move(moves, event);
    }
    GHashTableIter each;
    gpointer own;
    g_hash_table_iter_init(&each, moves);
    while (g_hash_table_iter_next(&each, NULL, &own))
        g_array_sort(own, compare_moves);
    return moves;
}

/* Where the newest move up to then went to; before the first one: where that came from. */
static const char *team_at(const Course *course, GHashTable *moves, const char *person, gint64 at_us)
{
    const GArray *own = g_hash_table_lookup(moves, person);
    guint n = 0;
    while (own && n < own->len && g_array_index(own, Move, n).at_us <= at_us)
        n++;
    const Person *now = course_person(course, person);
    const char *id = n > 0 ? g_array_index(own, Move, n - 1).to
                     : own ? g_array_index(own, Move, 0).from
                     : now ? now->team
                           : NULL;
    const Team *team = id ? course_team(course, id) : NULL;
    return team ? team->id : NULL;
}

const char *policy_team_at(const Course *course, const GPtrArray *events, const char *person, gint64 at_us)
{
    g_autoptr(GHashTable) moves = members_moves(events);
    return team_at(course, moves, person, at_us);
}

static gint compare_people(gconstpointer a, gconstpointer b)
{
    const Person *left = *(const Person *const *)a, *right = *(const Person *const *)b;
    return strcmp(left->id, right->id);
}

GPtrArray *members_at(const Gathered *gathered, const char *team_id, gint64 at_us)
{
    const Course *course = gathered->course;
    const Team *team = course_team(course, team_id);
    GPtrArray *people = g_ptr_array_new();
    for (guint i = 0; team && i < team->members->len; i++) {
        Person *person = g_ptr_array_index(team->members, i);
        if (!g_hash_table_contains(gathered->moves, person->id))
            g_ptr_array_add(people, person);
    }
    GHashTableIter each;
    gpointer moved;
    g_hash_table_iter_init(&each, gathered->moves);
    while (g_hash_table_iter_next(&each, &moved, NULL)) {
        const Person *person = course_person(course, moved);
        if (person && person->status == STATUS_STUDENT &&
            g_strcmp0(team_at(course, gathered->moves, moved, at_us), team_id) == 0)
            g_ptr_array_add(people, (gpointer)person);
    }
    g_ptr_array_sort(people, compare_people);
    return people;
}

void members_add_moved(GPtrArray *accounts, const Policy *policy, const Course *course, const EventRow *event)
{
    g_autoptr(cJSON) data = json_parse(event->data, strlen(event->data), NULL);
    const struct {
        OwnerKind kind;
        const char *owner;
    } named[] = {{OWNER_PERSON, json_string_or(data, "person", "")},
                 {OWNER_TEAM, json_string_or(data, "from", "")},
                 {OWNER_TEAM, json_string_or(data, "to", "")}};
    for (gsize i = 0; i < G_N_ELEMENTS(named); i++) {
        g_autofree char *account = account_name(named[i].kind, named[i].owner);
        g_autoptr(GPtrArray) together = policy_accounts(policy, course, account);
        for (guint j = 0; *named[i].owner && j < together->len; j++) {
            if (!g_ptr_array_find_with_equal_func(accounts, g_ptr_array_index(together, j), g_str_equal, NULL))
                g_ptr_array_add(accounts, g_strdup(g_ptr_array_index(together, j)));
        }
    }
}

/* ---- each pays alone -------------------------------------------------------------------------------------------- */

void member_share_free(gpointer data)
{
    MemberShare *share = data;
    g_free(share->person);
    g_free(share->sentence);
    g_free(share);
}

static const MemberShare *find_share(const Decision *decision, const char *person)
{
    for (guint i = 0; decision && decision->shares && i < decision->shares->len; i++) {
        const MemberShare *share = g_ptr_array_index(decision->shares, i);
        if (strcmp(share->person, person) == 0)
            return share;
    }
    return NULL;
}

gint64 decision_credit_for(const Decision *decision, const char *person, gint64 earned_milli)
{
    const MemberShare *share = find_share(decision, person);
    return share ? share->credit_milli : decision_credit_milli(decision, earned_milli);
}

static gint64 *paid_by(Track *track, const char *account)
{
    if (!track->paid_by || track->paid_by_cycle_us != track->opened_us) {
        g_clear_pointer(&track->paid_by, g_hash_table_destroy);
        track->paid_by = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        track->paid_by_cycle_us = track->opened_us;
    }
    gint64 *paid = g_hash_table_lookup(track->paid_by, account);
    if (!paid) {
        paid = g_new0(gint64, 1);
        g_hash_table_insert(track->paid_by, g_strdup(account), paid);
    }
    return paid;
}

/* An extension may be one member's own. */
static gint64 units_of(Gathered *gathered, const Entry *entry, const char *account, gint64 *ret_late_us)
{
    const LateRule *late = &entry->purchase.rule->late;
    const Track *own = gather_find_track(gathered, account, entry->assignment_id);
    gint64 deadline_us = entry->deadline_us + own->extended_us;
    GTimeZone *zone = gathered->course->zone;
    gint64 units = policy_late_units(gathered->policy, late, zone, deadline_us, entry->received_us);
    *ret_late_us = policy_late_us(gathered->policy, late, zone, deadline_us, entry->received_us);
    return late->unit == UNIT_NTH && units > 0 ? entry->purchase.units : units;
}

static void share_lateness(Gathered *gathered, const Entry *entry, const Wallet *wallet, const char *account,
                           MemberShare *share, gint64 paid_milli)
{
    Purchase purchase = entry->purchase;
    g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(Route));
    gint64 needed_milli;
    share->kind = DECISION_COUNTS;
    share->credit_milli = entry->points_milli + entry->bonus_milli;
    purchase.units = units_of(gathered, entry, account, &purchase.late_us);
    share->late_units = purchase.units;
    if (purchase.units == 0)
        return;
    purchase.paid_milli = paid_milli;
    purchase.budget_milli = paid_milli + (entry->earned_nothing && !gathered->policy->charges_for_nothing
                                              ? 0
                                              : wallet_budget(wallet, entry->received_us));
    routes_for_lateness(&purchase, routes, &needed_milli);
    const Route *route = routes->len > 0 ? &g_array_index(routes, Route, 0) : NULL;
    gint64 probe_milli = MAX(1000, MAX(purchase.earned_milli, entry->max_milli));
    if (route && penalty_credit(&route->penalty, probe_milli) > 0) {
        share->tokens_milli = route->tokens_milli;
        share->credit_milli = penalty_credit(&route->penalty, entry->points_milli + entry->bonus_milli);
        return;
    }
    static const DecisionKind kinds[] = {[UNCOVERED_SCORE] = DECISION_FEEDBACK,
                                         [UNCOVERED_FEEDBACK] = DECISION_FEEDBACK,
                                         [UNCOVERED_REFUSED] = DECISION_REFUSED,
                                         [UNCOVERED_HOLD] = DECISION_HELD};
    share->kind = kinds[purchase.rule->uncovered[OWNER_TEAM].kind];
    share->credit_milli = 0;
}

static char *share_sentence(const MemberShare *share, const Decision *decision)
{
    g_autofree char *tokens = explain_tokens(share->tokens_milli);
    g_autofree char *balance = explain_tokens(share->balance_milli);
    g_autofree char *left = points_format(share->balance_milli);
    g_autofree char *number = points_format(share->credit_milli);
    g_autofree char *credit = g_strdup_printf("%s %s", number, share->credit_milli == 1000 ? "point" : "points");
    if (share->kind != DECISION_COUNTS)
        return g_strdup_printf("For you, with %s of your own, this is %s: %s.", balance,
                               share->kind == DECISION_FEEDBACK ? "feedback only"
                               : share->kind == DECISION_HELD   ? "for a person to decide"
                                                                : "not accepted",
                               credit);
    return g_strdup_printf("For you: %s of your own, %s left, %s. For your team: %s", tokens, left, credit,
                           decision->sentence);
}

GHashTable *members_credits(const Track *track, const Purse *purse)
{
    GHashTable *credits = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    const Entry *counting = track->counting;
    for (guint i = 0; counting && purse->people && i < purse->people->len; i++) {
        const Person *person = g_ptr_array_index(purse->people, i);
        gint64 credit_milli =
            decision_credit_for(counting->decision, person->id, counting->points_milli + counting->bonus_milli);
        g_hash_table_insert(credits, person->id, g_memdup2(&credit_milli, sizeof credit_milli));
    }
    return credits;
}

void members_share(Gathered *gathered, Track *track, const Entry *entry, GHashTable *older_credits, const Purse *purse,
                   Decision *decision)
{
    bool is_redo = strcmp(decision->route, "resubmission") == 0;
    bool is_late = entry->has_purchase && (decision->kind == DECISION_COUNTS || decision->kind == DECISION_FEEDBACK ||
                                           decision->kind == DECISION_REFUSED);
    if (!is_redo && !is_late)
        return;
    decision->shares = g_ptr_array_new_with_free_func(member_share_free);
    for (guint i = 0; i < purse->payers->len; i++) {
        const Wallet *wallet = g_ptr_array_index(purse->payers, i);
        const Person *person = g_ptr_array_index(purse->people, i);
        g_autofree char *account = account_name(OWNER_PERSON, person->id);
        gint64 *paid = paid_by(track, account);
        MemberShare *share = g_new0(MemberShare, 1);
        share->person = g_strdup(person->id);
        if (!is_redo) {
            share_lateness(gathered, entry, wallet, account, share, *paid);
        } else if (decision->tokens_milli <= wallet_budget(wallet, entry->received_us)) {
            share->kind = DECISION_COUNTS;
            share->tokens_milli = decision->tokens_milli;
            share->credit_milli = decision_credit_milli(decision, entry->points_milli + entry->bonus_milli);
        } else {
            share->kind = DECISION_REFUSED; /* the earlier result stands */
            const gint64 *older_milli = g_hash_table_lookup(older_credits, person->id);
            share->credit_milli = older_milli ? *older_milli : 0;
        }
        *paid += share->tokens_milli;
        share->balance_milli = wallet->balance_milli - share->tokens_milli;
        share->sentence = share_sentence(share, decision);
        g_ptr_array_add(decision->shares, share);
    }
}
