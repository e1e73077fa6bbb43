/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of an assignment with deadlines of their own. Inside the fold each part of a submission is an entry like any
 * other, with its own track, and is paid for on its own; here they get their points, and their decisions become one.
 */
#include "daemon/tokens/policy.h"

#include <string.h>

/* ---- points -------------------------------------------------------------------------------------------------------
 */

static void add_item(cJSON *list, const char *id, gint64 points_milli, bool is_bonus, ItemOutcome outcome)
{
    cJSON *json = cJSON_CreateObject();
    json_add_string(json, "id", id);
    json_add_int64(json, "points_milli", points_milli);
    json_add_bool(json, "is_bonus", is_bonus);
    json_add_string(json, "outcome", item_outcome_name(outcome));
    cJSON_AddItemToArray(list, json);
}

cJSON *parts_of_verdict(const Verdict *verdict)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(verdict->items, i);
        add_item(list, item->id, item->points_milli, item->is_bonus, item->outcome);
    }
    return list;
}

cJSON *parts_of_rubric(const Rubric *rubric)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        if (!item->is_bonus)
            add_item(list, item->id, item->points_milli, false, ITEM_PASS);
    }
    return list;
}

static void take_item(Entry *part, Entry *rest, const cJSON *item)
{
    gint64 points_milli = json_int64_or(item, "points_milli", 0);
    bool is_bonus = json_bool_or(item, "is_bonus", false);
    const char *outcome = json_string_or(item, "outcome", "");
    gint64 passed_milli = strcmp(outcome, item_outcome_name(ITEM_PASS)) == 0 ? points_milli : 0;
    gint64 is_error = strcmp(outcome, item_outcome_name(ITEM_ERROR)) == 0;
    gint64 is_review = strcmp(outcome, item_outcome_name(ITEM_REVIEW)) == 0;
    *(is_bonus ? &part->bonus_milli : &part->points_milli) += passed_milli;
    *(is_bonus ? &rest->bonus_milli : &rest->points_milli) -= passed_milli;
    part->max_milli += is_bonus ? 0 : points_milli;
    rest->max_milli -= is_bonus ? 0 : points_milli;
    part->n_error += is_error;
    rest->n_error -= is_error;
    part->n_review += is_review;
    rest->n_review -= is_review;
}

/* Cumulative, so that all parts together are exactly the whole. */
static gint64 share_between(gint64 whole, gint64 from_milli, gint64 to_milli)
{
    const gint64 all_milli = 100000;
    return (gint64)((__int128)whole * to_milli / all_milli - (__int128)whole * from_milli / all_milli);
}

static void take_share(Entry *part, Entry *rest, const Entry *whole, gint64 from_milli)
{
    gint64 to_milli = from_milli + part->assignment->share_milli;
    part->points_milli = share_between(whole->points_milli, from_milli, to_milli);
    part->bonus_milli = share_between(whole->bonus_milli, from_milli, to_milli);
    part->max_milli = share_between(whole->max_milli, from_milli, to_milli);
    part->n_error = whole->n_error; /* which part of the points it concerns is not known */
    part->n_review = whole->n_review;
    rest->points_milli -= part->points_milli;
    rest->bonus_milli -= part->bonus_milli;
    rest->max_milli -= part->max_milli;
}

void parts_take_points(Entry *first, const cJSON *data)
{
    const Entry whole = *first;
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(data, "items"), *item;
    gint64 from_milli = 0;
    for (Entry *part = first->next_part; part; part = part->next_part) {
        const Assignment *due = part->assignment;
        part->is_graded = !due->items || items; /* graded before it had parts: to be graded again */
        part->graded_at_us = whole.graded_at_us;
        part->graded_event_id = whole.graded_event_id;
        part->is_refused = whole.is_refused;
        part->points_milli = part->bonus_milli = part->max_milli = part->n_error = part->n_review = 0;
        if (!due->items)
            take_share(part, first, &whole, from_milli);
        from_milli += due->share_milli;
        cJSON_ArrayForEach(item, items)
        {
            if (due->items && g_strv_contains((const char *const *)due->items, json_string_or(item, "id", "")))
                take_item(part, first, item);
        }
    }
}

void parts_drop_rests(GPtrArray *entries)
{
    guint n_kept = 0;
    for (guint i = 0; i < entries->len; i++) {
        Entry *entry = g_ptr_array_index(entries, i);
        bool is_rest = entry->next_part && !entry->assignment->whole;
        bool is_empty = entry->is_graded && entry->max_milli <= 0 && entry->bonus_milli <= 0 && entry->n_review <= 0 &&
                        entry->n_error <= 0;
        bool has_part = is_rest && entry->next_part->is_graded;
        if (is_rest && is_empty && has_part)
            continue;
        entries->pdata[i] = entries->pdata[n_kept];
        entries->pdata[n_kept++] = entry;
    }
    g_ptr_array_set_size(entries, (gint)n_kept);
}

/* ---- one decision ---------------------------------------------------------------------------------------------------
 */

/* What a submission comes to when its parts differ: the best of it. */
static int rank(DecisionKind kind)
{
    static const int ranks[] = {[DECISION_COUNTS] = 0,   [DECISION_HELD] = 1,    [DECISION_PENDING] = 2,
                                [DECISION_FEEDBACK] = 3, [DECISION_REFUSED] = 4, [DECISION_IGNORED] = 5};
    return ranks[kind];
}

static const char *title_of(const Entry *entry)
{
    return entry->assignment->whole ? entry->assignment->title : "the rest";
}

static char *join_texts(char *so_far, const char *between, const char *title, const char *text)
{
    char *joined = g_strdup_printf("%s%s%s: %s", so_far ? so_far : "", so_far ? between : "", title, text);
    g_free(so_far);
    return joined;
}

static Decision *joined_new(const Entry *entry)
{
    const Decision *first = entry->decision;
    const Assignment *whole = entry->assignment->whole ? entry->assignment->whole : entry->assignment;
    Decision *joined = g_new0(Decision, 1);
    *joined = (Decision){.submission_id = entry->id,
                         .assignment = g_strdup(whole->id),
                         .kind = first->kind,
                         .deadline_us = first->deadline_us,
                         .late_us = first->late_us,
                         .late_units = first->late_units,
                         .penalty_milli = first->penalty_milli,
                         .route = g_strdup(first->route),
                         .alternatives = g_ptr_array_new_with_free_func(g_free),
                         .parts = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free)};
    return joined;
}

/* The part that is latest tells how late it is. `part` is taken over. */
static void join(Decision *joined, const Entry *entry, Decision *part)
{
    part->points_milli = entry->points_milli + entry->bonus_milli;
    joined->kind = rank(part->kind) < rank(joined->kind) ? part->kind : joined->kind;
    if (part->deadline_us < joined->deadline_us) {
        joined->deadline_us = part->deadline_us;
        joined->late_us = part->late_us;
        joined->late_units = part->late_units;
    }
    joined->tokens_milli += part->tokens_milli;
    joined->balance_milli = part->balance_milli;
    joined->course_milli += part->course_milli;
    joined->early_milli += part->early_milli;
    joined->earned_milli += part->earned_milli;
    if (joined->penalty_milli != part->penalty_milli)
        joined->penalty_milli = 0; /* each part has its own */
    if (strcmp(joined->route, part->route) != 0) {
        g_free(joined->route);
        joined->route = g_strdup("parts");
    }
    g_autofree char *title = g_strdup(title_of(entry));
    title[0] = g_ascii_toupper(title[0]);
    joined->sentence = join_texts(joined->sentence, " ", title, part->sentence);
    joined->ta_line = join_texts(joined->ta_line, "; ", title_of(entry), part->ta_line);
    for (guint i = 0; i < part->alternatives->len; i++)
        g_ptr_array_add(joined->alternatives,
                        join_texts(NULL, "", title_of(entry), g_ptr_array_index(part->alternatives, i)));
    g_ptr_array_add(joined->parts, part);
}

void parts_join(GPtrArray *decisions, const GPtrArray *entries)
{
    g_autoptr(GHashTable) joined_by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_assert(decisions->len == entries->len);
    guint n_kept = 0;
    for (guint i = 0; i < entries->len; i++) {
        const Entry *entry = g_ptr_array_index(entries, i);
        bool has_parts = entry->assignment && (entry->assignment->whole || entry->assignment->parts);
        Decision *decision = decisions->pdata[i], *joined = decision;
        decisions->pdata[i] = NULL;
        if (has_parts) {
            joined = g_hash_table_lookup(joined_by_id, &entry->id);
            bool is_first = joined == NULL;
            joined = is_first ? joined_new(entry) : joined;
            join(joined, entry, decision);
            g_hash_table_insert(joined_by_id, &joined->submission_id, joined);
            if (!is_first)
                continue;
        }
        decisions->pdata[n_kept++] = joined;
    }
    g_ptr_array_set_size(decisions, (gint)n_kept);
}
