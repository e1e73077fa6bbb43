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

typedef struct {
    gint64 at_us, amount_milli, event_id;
    const char *who, *why;
} Grant;

typedef struct {
    const Course *course;
    GPtrArray *entries; /* of Entry* */
    GHashTable *by_id;  /* &entry->id -> Entry* */
    GHashTable *tracks; /* assignment id -> Track* */
    GArray *grants;     /* of Grant */
    gint64 first_us;
} Gathered;

/* ---- gathering -------------------------------------------------------------------------------------------------- */

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->digest);
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
    g_array_unref(gathered->grants);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Gathered, gathered_clear)

static Track *find_track(Gathered *gathered, const char *assignment)
{
    Track *track = g_hash_table_lookup(gathered->tracks, assignment);
    if (!track) {
        track = g_new0(Track, 1);
        track->releases = g_array_new(FALSE, FALSE, sizeof(gint64));
        track->seen = g_ptr_array_new();
        g_hash_table_insert(gathered->tracks, (gpointer)assignment, track);
    }
    return track;
}

static void gather_submitted(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    if (g_hash_table_contains(gathered->by_id, &event->submission_id))
        return;
    Entry *entry = g_new0(Entry, 1);
    *entry = (Entry){.id = event->submission_id,
                     .assignment_id = event->assignment,
                     .assignment = course_assignment(gathered->course, event->assignment),
                     .received_us = event->at_us,
                     .digest = g_strdup(json_string_or(data, "digest", NULL))};
    g_ptr_array_add(gathered->entries, entry);
    g_hash_table_insert(gathered->by_id, &entry->id, entry);
}

static void gather_graded(Entry *entry, const EventRow *event, const cJSON *data)
{
    bool is_newer = !entry->is_graded || event->at_us > entry->graded_at_us ||
                    (event->at_us == entry->graded_at_us && event->id > entry->graded_event_id);
    if (!is_newer)
        return;
    entry->is_graded = true;
    entry->graded_at_us = event->at_us;
    entry->graded_event_id = event->id;
    entry->points_milli = json_int64_or(data, "points_milli", 0);
    entry->bonus_milli = json_int64_or(data, "bonus_milli", 0);
    entry->max_milli = json_int64_or(data, "max_milli", 0);
    entry->n_error = json_int64_or(data, "n_error", 0);
    entry->n_review = json_int64_or(data, "n_review", 0);
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
}

static void gather_grant(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    Grant grant = {.at_us = event->at_us,
                   .amount_milli = json_int64_or(data, "amount_milli", 0),
                   .event_id = event->id,
                   .who = event->who,
                   .why = event->why};
    if (grant.amount_milli > 0)
        g_array_append_val(gathered->grants, grant);
}

static void gather_about_account(Gathered *gathered, const EventRow *event, const cJSON *data)
{
    if (strcmp(event->kind, "granted") == 0) {
        gather_grant(gathered, event, data);
        return;
    }
    if (!event->assignment)
        return;
    Track *track = find_track(gathered, event->assignment);
    if (strcmp(event->kind, "extended") == 0)
        track->extended_us =
            MIN(max_extended_us, track->extended_us + CLAMP(json_int64_or(data, "by_us", 0), 0, max_extended_us));
    else if (strcmp(event->kind, "released") == 0)
        g_array_append_val(track->releases, event->at_us);
    else if (strcmp(event->kind, "held") == 0)
        track->is_on_hold = true;
}

static gint compare_grants(gconstpointer a, gconstpointer b)
{
    const Grant *left = a, *right = b;
    if (left->at_us != right->at_us)
        return left->at_us < right->at_us ? -1 : 1;
    if (left->amount_milli != right->amount_milli)
        return left->amount_milli < right->amount_milli ? -1 : 1;
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

static void set_deadlines(Gathered *gathered)
{
    for (guint i = 0; i < gathered->entries->len; i++) {
        Entry *entry = g_ptr_array_index(gathered->entries, i);
        const Track *track = find_track(gathered, entry->assignment_id);
        entry->deadline_us =
            entry->assignment ? entry->assignment->deadline_us + track->extended_us : entry->received_us;
    }
}

static void gather(Gathered *gathered, const Course *course, const GPtrArray *events)
{
    *gathered = (Gathered){.course = course,
                           .entries = g_ptr_array_new_with_free_func(entry_free),
                           .by_id = g_hash_table_new(g_int64_hash, g_int64_equal),
                           .tracks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, track_free),
                           .grants = g_array_new(FALSE, FALSE, sizeof(Grant)),
                           .first_us = G_MAXINT64};
    for (guint pass = 0; pass < 2; pass++) {
        for (guint i = 0; i < events->len; i++) {
            const EventRow *event = g_ptr_array_index(events, i);
            bool is_submitted = strcmp(event->kind, "submitted") == 0;
            if (is_submitted != (pass == 0))
                continue;
            g_autoptr(cJSON) data = json_parse(event->data, strlen(event->data), NULL);
            gathered->first_us = MIN(gathered->first_us, event->at_us);
            if (is_submitted && event->assignment)
                gather_submitted(gathered, event, data);
            else if (event->submission_id)
                gather_about_submission(gathered, event, data);
            else
                gather_about_account(gathered, event, data);
        }
    }
    set_deadlines(gathered);
    g_ptr_array_sort(gathered->entries, compare_entries);
    g_array_sort(gathered->grants, compare_grants);
}

/* ---- walking ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Fold *fold;
    const char *account;
    guint n_granted; /* grants that are in the balance already */
} Walk;

static void add_line(Walk *walk, const char *kind, gint64 amount_milli, const Entry *entry, const char *reason)
{
    LedgerRow *line = g_new0(LedgerRow, 1);
    *line = (LedgerRow){.account = g_strdup(walk->account),
                        .amount_milli = amount_milli,
                        .kind = g_strdup(kind),
                        .assignment = entry ? g_strdup(entry->assignment_id) : NULL,
                        .submission_id = entry ? entry->id : 0,
                        .reason = g_strdup(reason)};
    g_ptr_array_add(walk->fold->lines, line);
    walk->fold->balance_milli += amount_milli;
}

static void add_pool(Walk *walk, gint64 pool_milli)
{
    g_autofree char *tokens = explain_tokens(pool_milli);
    g_autofree char *reason = g_strdup_printf("The course gives %s to start with.", tokens);
    if (pool_milli > 0)
        add_line(walk, "pool", pool_milli, NULL, reason);
}

static void add_grants(Walk *walk, const GArray *grants, gint64 until_us)
{
    for (; walk->n_granted < grants->len; walk->n_granted++) {
        const Grant *grant = &g_array_index(grants, Grant, walk->n_granted);
        if (grant->at_us > until_us)
            return;
        g_autofree char *tokens = explain_tokens(grant->amount_milli);
        g_autofree char *reason = g_strdup_printf("%s granted by %s: %s", tokens,
                                                  grant->who ? grant->who : "the course", grant->why ? grant->why : "");
        add_line(walk, "grant", grant->amount_milli, NULL, reason);
    }
}

static void charge(Walk *walk, const Entry *entry, const Decision *decision)
{
    if (decision->tokens_milli > 0)
        add_line(walk, "charge", -decision->tokens_milli, entry, decision->sentence);
}

static OwnerKind split_account(const char *account, const char **ret_owner)
{
    const char *colon = strchr(account, ':');
    *ret_owner = colon ? colon + 1 : account;
    return g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON;
}

char *account_name(OwnerKind kind, const char *owner)
{
    return g_strdup_printf("%s:%s", kind == OWNER_TEAM ? "team" : "person", owner);
}

Fold *policy_fold(const Policy *policy, const Course *course, const char *account, const GPtrArray *events)
{
    g_auto(Gathered) gathered;
    gather(&gathered, course, events);
    Fold *fold = g_new0(Fold, 1);
    fold->decisions = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free);
    fold->lines = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_row_free);

    const char *owner;
    OwnerKind kind = split_account(account, &owner);
    Walk walk = {.fold = fold, .account = account};
    add_pool(&walk, policy->pool_milli[kind]);
    for (guint i = 0; i < gathered.entries->len; i++) {
        Entry *entry = g_ptr_array_index(gathered.entries, i);
        add_grants(&walk, gathered.grants, entry->received_us);
        Track *track = find_track(&gathered, entry->assignment_id);
        Decision *decision = decide_entry(policy, course, kind, owner, track, entry, fold->balance_milli);
        g_ptr_array_add(fold->decisions, decision);
        charge(&walk, entry, decision);
    }
    add_grants(&walk, gathered.grants, G_MAXINT64);
    return fold;
}

void fold_free(Fold *fold)
{
    if (!fold)
        return;
    g_ptr_array_unref(fold->decisions);
    g_ptr_array_unref(fold->lines);
    g_free(fold);
}

/* ---- quotes ----------------------------------------------------------------------------------------------------- */

Decision *policy_quote(const Policy *policy, const Course *course, const char *account, const Assignment *assignment,
                       const GPtrArray *events, gint64 at_us)
{
    const gint64 quoted_id = G_MAXINT64; /* received last, among those of the same instant */
    EventRow submitted = {.at_us = at_us,
                          .account = (char *)account,
                          .kind = (char *)"submitted",
                          .assignment = assignment->id,
                          .submission_id = quoted_id,
                          .data = (char *)"{}"};
    EventRow graded = submitted;
    graded.kind = (char *)"graded";
    graded.data = (char *)"{\"points_milli\":1000,\"bonus_milli\":4503599627370495,\"max_milli\":1000}";
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
