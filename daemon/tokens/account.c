/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts over the store: the events that are noted, and settling.
 *
 * Settling folds all events of an account, which tells what should be booked in all, and books the difference to what
 * is booked: charges that are missing, refunds of what was charged too much. Doing it again books nothing. What is
 * given comes before what is taken, so that no line ever leaves the account below zero.
 */
#include "daemon/tokens/members.h"

#include <string.h>

/* ---- events ----------------------------------------------------------------------------------------------------- */

static bool note(Store *store, EventRow *event, cJSON *data, const char *unique_key, GError **error)
{
    g_autofree char *text = json_print(data);
    event->data = text;
    return store_event_append(store, event, unique_key, error);
}

static char *account_of(const Submission *submission)
{
    OwnerKind kind = strcmp(submission->owner_kind, "team") == 0 ? OWNER_TEAM : OWNER_PERSON;
    return account_name(kind, submission->owner);
}

/* About one submission, at most once a kind when `is_unique`. */
static bool note_about(Store *store, const Submission *submission, const char *kind, gint64 at_us, const char *who,
                       const char *why, cJSON *data, bool is_unique, GError **error)
{
    g_autofree char *account = account_of(submission);
    g_autofree char *key = is_unique ? g_strdup_printf("%s:%" G_GINT64_FORMAT, kind, submission->id) : NULL;
    EventRow event = {.at_us = at_us,
                      .account = account,
                      .kind = (char *)kind,
                      .assignment = submission->assignment,
                      .submission_id = submission->id,
                      .who = (char *)who,
                      .why = (char *)why};
    return note(store, &event, data, key, error);
}

bool account_note_submitted(Store *store, const Submission *submission, GError **error)
{
    g_autoptr(cJSON) data = cJSON_CreateObject();
    json_add_string(data, "digest", submission->content_digest);
    return note_about(store, submission, "submitted", submission->received_us, NULL, NULL, data, true, error);
}

bool account_note_graded(Store *store, const Course *course, const Submission *submission, const Verdict *verdict,
                         GError **error)
{
    const Assignment *assignment = course_assignment(course, submission->assignment);
    g_autoptr(cJSON) data = cJSON_CreateObject();
    json_add_int64(data, "points_milli", verdict->points_milli);
    json_add_int64(data, "bonus_milli", verdict->bonus_milli);
    json_add_int64(data, "max_milli", verdict->max_milli);
    json_add_int64(data, "n_error", verdict->n_error);
    json_add_int64(data, "n_review", verdict->n_review);
    json_add_bool(data, "is_refused", verdict_refusal(verdict) != NULL);
    if (assignment && assignment->parts)
        json_add(data, "items", parts_of_verdict(verdict));
    return note_about(store, submission, "graded", clock_now_us(), NULL, NULL, data, false, error);
}

bool account_note_confirmed(Store *store, const Submission *submission, const char *who, const char *why,
                            GError **error)
{
    g_autoptr(cJSON) data = cJSON_CreateObject();
    return note_about(store, submission, "confirmed", clock_now_us(), who, why, data, true, error);
}

static bool note_by_person(Store *store, const char *account, const char *kind, const char *assignment, const char *who,
                           const char *why, cJSON *data, GError **error)
{
    EventRow event = {.at_us = clock_now_us(),
                      .account = (char *)account,
                      .kind = (char *)kind,
                      .assignment = (char *)assignment,
                      .who = (char *)who,
                      .why = (char *)why};
    return note(store, &event, data, NULL, error);
}

bool account_note_granted(Store *store, const char *account, gint64 amount_milli, const char *who, const char *why,
                          GError **error)
{
    const gint64 max_milli = 1000000;
    if (amount_milli <= 0 || amount_milli > max_milli)
        return error_set(error, RUBRIC_ERROR_INVALID, "a grant is more than 0 and at most 1000 tokens");
    g_autoptr(cJSON) data = cJSON_CreateObject();
    json_add_int64(data, "amount_milli", amount_milli);
    return note_by_person(store, account, "granted", NULL, who, why, data, error);
}

bool account_note_extended(Store *store, const char *account, const char *assignment, gint64 by_us, const char *who,
                           const char *why, GError **error)
{
    const gint64 max_us = 366 * CLOCK_DAY_US;
    if (by_us <= 0 || by_us > max_us)
        return error_set(error, RUBRIC_ERROR_INVALID, "an extension is longer than nothing and at most 366 days");
    g_autoptr(cJSON) data = cJSON_CreateObject();
    json_add_int64(data, "by_us", by_us);
    return note_by_person(store, account, "extended", assignment, who, why, data, error);
}

bool account_note_released(Store *store, const char *account, const char *assignment, const char *who, const char *why,
                           GError **error)
{
    g_autoptr(cJSON) data = cJSON_CreateObject();
    return note_by_person(store, account, "released", assignment, who, why, data, error);
}

bool account_note_about(Store *store, const Submission *submission, const char *kind, cJSON *data, const char *who,
                        const char *why, GError **error)
{
    g_autoptr(cJSON) owned = data ? data : cJSON_CreateObject();
    return note_about(store, submission, kind, clock_now_us(), who, why, owned, false, error);
}

bool account_note_on(Store *store, const char *account, const char *kind, const char *assignment, gint64 at_us,
                     cJSON *data, const char *who, const char *why, GError **error)
{
    g_autoptr(cJSON) owned = data ? data : cJSON_CreateObject();
    EventRow event = {.at_us = at_us ? at_us : clock_now_us(),
                      .account = (char *)account,
                      .kind = (char *)kind,
                      .assignment = (char *)assignment,
                      .who = (char *)who,
                      .why = (char *)why};
    return note(store, &event, owned, NULL, error);
}

bool account_may_give(const Policy *policy, const Course *course, const char *account, const GPtrArray *events,
                      gint64 amount_milli, GError **error)
{
    const Bank *bank = &policy->banks[g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON];
    g_autoptr(Fold) fold = policy_fold(policy, course, account, events);
    if (!bank->is_giftable)
        return error_set(error, RUBRIC_ERROR_DENIED, "the course's policy lets nobody give tokens away");
    return amount_milli <= fold->balance_milli ||
           error_set(error, RUBRIC_ERROR_DENIED, "\"%s\" has fewer tokens than that", account);
}

/* ---- settling --------------------------------------------------------------------------------------------------- */

/* What is booked of one thing: a submission, a grant, the pool. */
typedef struct {
    gint64 sum_milli;
    gint64 last_seq;
} Booked;

/* Charges and refunds belong to their submission (each part of it), grants and the like to their sentence (two equal
 * ones: by the sum), the pool to its account. */
static char *booking_key(const LedgerRow *line)
{
    if (line->submission_id != 0)
        return g_strdup_printf("%s %s %" G_GINT64_FORMAT " %s", line->account,
                               strcmp(line->kind, "earn") == 0 ? "earn" : "submission", line->submission_id,
                               line->assignment ? line->assignment : "");
    if (strcmp(line->kind, "pool") != 0)
        return g_strdup_printf("%s %s %s", line->account, line->kind, line->reason);
    return g_strdup_printf("%s pool", line->account);
}

static Booked *find_booked(GHashTable *table, const LedgerRow *line)
{
    g_autofree char *key = booking_key(line);
    Booked *booked = g_hash_table_lookup(table, key);
    if (!booked) {
        booked = g_new0(Booked, 1);
        g_hash_table_insert(table, g_steal_pointer(&key), booked);
    }
    return booked;
}

static GHashTable *sum_lines(const GPtrArray *lines)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(lines, i);
        Booked *booked = find_booked(table, line);
        booked->sum_milli += line->amount_milli;
        booked->last_seq = line->seq;
    }
    return table;
}

static bool is_pool(const LedgerRow *line)
{
    return strcmp(line->kind, "pool") == 0;
}

/* The reason of a correction says what it corrects to: the decision's sentence, as the charge itself would. */
static LedgerRow *make_difference(const LedgerRow *wanted, gint64 wanted_milli, const Booked *booked,
                                  const char *reason)
{
    gint64 difference_milli = wanted_milli - booked->sum_milli;
    if (difference_milli == 0)
        return NULL;
    const char *kind = wanted->kind;
    if (wanted->submission_id != 0 && strcmp(wanted->kind, "earn") != 0)
        kind = difference_milli > 0 ? "refund" : "charge";
    /* A second grant in the same words is a grant, not a correction of the first. */
    bool is_correction = booked->last_seq != 0 && (wanted->submission_id != 0 || is_pool(wanted));
    LedgerRow *line = g_new0(LedgerRow, 1);
    *line = (LedgerRow){.booked_us = clock_now_us(),
                        .account = g_strdup(wanted->account),
                        .amount_milli = difference_milli,
                        .kind = g_strdup(kind),
                        .assignment = g_strdup(wanted->assignment),
                        .submission_id = wanted->submission_id,
                        .corrects_seq = is_correction ? booked->last_seq : 0,
                        .reason = is_correction ? g_strdup_printf("Corrected: %s", reason) : g_strdup(reason)};
    return line;
}

/* Sentences of decisions by submission, for corrections to nothing, which have no wanted line. */
static GHashTable *index_sentences(const Fold *fold)
{
    GHashTable *sentences = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (guint i = 0; i < fold->decisions->len; i++) {
        Decision *decision = g_ptr_array_index(fold->decisions, i);
        g_hash_table_insert(sentences, &decision->submission_id, decision->sentence);
    }
    return sentences;
}

static const char *sentence_of(GHashTable *sentences, gint64 submission_id)
{
    const char *sentence = g_hash_table_lookup(sentences, &submission_id);
    return sentence ? sentence : "This submission is no longer known.";
}

static void add_difference(GPtrArray *differences, LedgerRow *line)
{
    if (line)
        g_ptr_array_add(differences, line);
}

/* One line for each thing whose sum is not what it should be: wanted things first, then what is booked and not wanted
 * at all. */
static GPtrArray *find_differences(const Fold *fold, const GPtrArray *lines)
{
    GPtrArray *differences = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_row_free);
    g_autoptr(GHashTable) booked = sum_lines(lines);
    g_autoptr(GHashTable) wanted = sum_lines(fold->lines);
    g_autoptr(GHashTable) sentences = index_sentences(fold);
    g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const GPtrArray *sources[] = {fold->lines, lines};
    for (gsize source = 0; source < G_N_ELEMENTS(sources); source++) {
        for (guint i = 0; i < sources[source]->len; i++) {
            const LedgerRow *line = g_ptr_array_index(sources[source], i);
            if (!g_hash_table_add(done, booking_key(line)))
                continue;
            const char *reason =
                source == 0 || line->submission_id == 0 ? line->reason : sentence_of(sentences, line->submission_id);
            if (source == 1 && is_pool(line))
                reason = "The course's policy gives another number of tokens to start with.";
            add_difference(differences, make_difference(line, find_booked(wanted, line)->sum_milli,
                                                        find_booked(booked, line), reason));
        }
    }
    return differences;
}

static gint compare_gains_first(gconstpointer a, gconstpointer b)
{
    const LedgerRow *left = *(LedgerRow *const *)a, *right = *(LedgerRow *const *)b;
    return (left->amount_milli < 0) - (right->amount_milli < 0);
}

/* All lines of the accounts that settle together. */
static GPtrArray *list_lines(Store *store, const Fold *fold, GError **error)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)ledger_row_free);
    for (guint i = 0; i < fold->accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(fold->accounts, i);
        GPtrArray *lines = store_ledger_list(store, account->account, 0, 0, error);
        if (!lines) {
            g_ptr_array_unref(all);
            return NULL;
        }
        g_ptr_array_extend_and_steal(all, lines);
    }
    return all;
}

static bool book_differences(Store *store, const Fold *fold, GError **error)
{
    g_autoptr(GPtrArray) lines = list_lines(store, fold, error);
    if (!lines)
        return false;
    g_autoptr(GPtrArray) differences = find_differences(fold, lines);
    g_ptr_array_sort(differences, compare_gains_first); /* stable, as GLib promises */
    for (guint i = 0; i < differences->len; i++) {
        if (!ledger_append(store, g_ptr_array_index(differences, i), error))
            return false;
    }
    return true;
}

static bool store_decisions(Store *store, const Fold *fold, GArray *changed, GError **error)
{
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        g_autoptr(cJSON) json = decision_to_json(decision);
        g_autofree char *text = json_print(json);
        bool is_changed = false;
        if (!store_decision_insert(store, decision->submission_id, text, &is_changed, error))
            return false;
        if (is_changed)
            g_array_append_val(changed, decision->submission_id);
    }
    return true;
}

static bool check_sums(Store *store, const Fold *fold, GError **error)
{
    for (guint i = 0; i < fold->accounts->len; i++) {
        const FoldAccount *account = g_ptr_array_index(fold->accounts, i);
        gint64 booked_milli;
        if (!store_ledger_balance(store, account->account, &booked_milli, error))
            return false;
        if (booked_milli != account->balance_milli)
            return error_set(error, RUBRIC_ERROR_BUG,
                             "account \"%s\": the policy gives %" G_GINT64_FORMAT " thousandths, the ledger "
                             "%" G_GINT64_FORMAT,
                             account->account, account->balance_milli, booked_milli);
    }
    return true;
}

GPtrArray *account_events(Store *store, const Policy *policy, const Course *course, const char *account, GError **error)
{
    g_autoptr(GPtrArray) accounts = policy_accounts(policy, course, account);
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)event_row_free);
    bool members_pay = policy_members_pay(policy, course);
    for (guint i = 0; i < accounts->len; i++) {
        g_autoptr(GPtrArray) events = store_event_list(store, g_ptr_array_index(accounts, i), error);
        if (!events)
            return NULL;
        for (guint j = 0; members_pay && j < events->len; j++) {
            const EventRow *event = g_ptr_array_index(events, j);
            if (strcmp(event->kind, "moved") == 0)
                members_add_moved(accounts, policy, course, event);
        }
        g_ptr_array_extend_and_steal(all, g_steal_pointer(&events));
    }
    return g_steal_pointer(&all);
}

bool account_note_moved(Store *store, const char *person, const char *from, const char *to, gint64 at_us,
                        const char *who, const char *why, GError **error)
{
    char *accounts[] = {account_name(OWNER_PERSON, person), account_name(OWNER_TEAM, from),
                        account_name(OWNER_TEAM, to)};
    bool ok = true;
    for (gsize i = 0; i < G_N_ELEMENTS(accounts); i++) {
        cJSON *data = cJSON_CreateObject();
        json_add_string(data, "person", person);
        json_add_string(data, "from", from);
        json_add_string(data, "to", to);
        ok = ok && account_note_on(store, accounts[i], "moved", NULL, at_us, g_steal_pointer(&data), who, why, error);
        cJSON_Delete(data);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(accounts); i++)
        g_free(accounts[i]);
    return ok;
}

bool account_settle(Store *store, const Policy *policy, const Course *course, const char *account, GArray **ret_changed,
                    GError **error)
{
    g_autoptr(GArray) changed = g_array_new(FALSE, FALSE, sizeof(gint64));
    g_autoptr(GPtrArray) events = account_events(store, policy, course, account, error);
    if (!events)
        return false;
    if (events->len > 0) {
        g_autoptr(Fold) fold = policy_fold(policy, course, account, events);
        if (!book_differences(store, fold, error) || !check_sums(store, fold, error) ||
            !store_decisions(store, fold, changed, error)) {
            g_prefix_error(error, "settling \"%s\": ", account);
            return false;
        }
    }
    if (ret_changed)
        *ret_changed = g_steal_pointer(&changed);
    return true;
}
