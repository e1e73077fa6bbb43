/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <stdio.h>
#include <string.h>

/* ---- whose account ---------------------------------------------------------------------------------------------- */

static const char *nearest_owner(const Course *course, const char *owner)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < course->teams->len; i++)
        g_ptr_array_add(names, ((const Team *)g_ptr_array_index(course->teams, i))->id);
    for (guint i = 0; i < course->people->len; i++)
        g_ptr_array_add(names, ((const Person *)g_ptr_array_index(course->people, i))->id);
    g_ptr_array_add(names, NULL);
    return text_nearest(owner, (const char *const *)names->pdata);
}

char *accounts_resolve(const Course *course, const char *owner, GError **error)
{
    const char *id = strchr(owner, ':') ? strchr(owner, ':') + 1 : owner;
    bool may_be_team = !g_str_has_prefix(owner, "person:"), may_be_person = !g_str_has_prefix(owner, "team:");
    if (may_be_team && course_team(course, id))
        return account_name(OWNER_TEAM, id);
    const Person *person = may_be_person ? course_find_person(course, id) : NULL;
    if (person)
        return account_name(OWNER_PERSON, person->id);
    const char *nearest = nearest_owner(course, id);
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "\"%s\" is neither a team nor a person of course \"%s\"%s%s%s", owner,
              course->id, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return NULL;
}

const Assignment *accounts_due(const Course *course, const char *id, GError **error)
{
    const Assignment *due = course_due(course, id);
    return due ? due : cli_find_assignment(course, id, error);
}

char *accounts_format_amount(gint64 milli)
{
    g_autofree char *amount = points_format(milli);
    return g_strconcat(milli > 0 ? "+" : "", amount, NULL);
}

cJSON *accounts_line_to_json(const LedgerRow *line)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "seq", line->seq);
    json_add_int64(json, "booked_us", line->booked_us);
    json_add_string(json, "account", line->account);
    json_add_int64(json, "amount_milli", line->amount_milli);
    json_add_string(json, "kind", line->kind);
    json_add_string(json, "assignment", line->assignment);
    json_add_int64(json, "submission_id", line->submission_id);
    json_add_int64(json, "corrects_seq", line->corrects_seq);
    json_add_string(json, "reason", line->reason);
    json_add_string(json, "previous_hash", line->previous_hash);
    json_add_string(json, "hash", line->hash);
    return json;
}

bool accounts_read_milli(const char *text, gint64 *ret_milli, GError **error)
{
    return points_parse(text, ret_milli) ||
           error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number like 2 or 0.5", text);
}

const char *accounts_who(void)
{
    return g_get_user_name();
}

/* ---- a change and its effects ----------------------------------------------------------------------------------- */

typedef struct {
    char *account;
    gint64 before_milli, after_milli;
    GPtrArray *changed; /* of Decision* */
} AccountEffect;

static void effect_free(gpointer data)
{
    AccountEffect *effect = data;
    g_free(effect->account);
    g_ptr_array_unref(effect->changed);
    g_free(effect);
}

bool account_change_begin(AccountChange *change, int *ret_status)
{
    if (!change->reason || !*change->reason) {
        *ret_status = cli_fail(change->command, EXIT_USAGE, "say why with -m REASON: it stands in the books");
        return false;
    }
    if (!cli_daemon_open(change->command, change->config_path, &change->daemon, ret_status))
        return false;
    change->effects = g_ptr_array_new_with_free_func(effect_free);
    GError *error = NULL;
    if (store_begin(change->daemon.store, &error))
        return true;
    *ret_status = account_change_end(change, false, error);
    return false;
}

/* Before the first event of an account its pool is not booked yet: the fold knows it all the same. */
static bool read_balance(AccountChange *change, const char *account, gint64 *ret_milli, GError **error)
{
    g_autoptr(GPtrArray) events =
        account_events(change->daemon.store, change->daemon.policy, change->daemon.course, account, error);
    if (!events)
        return false;
    g_autoptr(Fold) fold = policy_fold(change->daemon.policy, change->daemon.course, account, events);
    *ret_milli = fold->balance_milli;
    return true;
}

bool account_change_look(AccountChange *change, const char *account, GError **error)
{
    AccountEffect *effect = g_new0(AccountEffect, 1);
    effect->account = g_strdup(account);
    effect->changed = g_ptr_array_new_with_free_func((GDestroyNotify)decision_free);
    g_ptr_array_add(change->effects, effect);
    return read_balance(change, account, &effect->before_milli, error);
}

static bool add_changed(AccountChange *change, AccountEffect *effect, gint64 submission_id, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_decision_latest(change->daemon.store, submission_id, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    Decision *decision = json ? decision_from_json(json, error) : NULL;
    if (!decision)
        return false;
    g_ptr_array_add(effect->changed, decision);
    return true;
}

bool account_change_settle(AccountChange *change, const char *account, GError **error)
{
    g_assert(change->effects->len > 0);
    AccountEffect *effect = g_ptr_array_index(change->effects, change->effects->len - 1);
    g_autoptr(GArray) changed = NULL;
    if (!account_settle(change->daemon.store, change->daemon.policy, change->daemon.course, account, &changed, error) ||
        !read_balance(change, account, &effect->after_milli, error) ||
        !outcome_flag_held(change->daemon.store, changed, error))
        return false;
    for (guint i = 0; i < changed->len; i++) {
        gint64 id = g_array_index(changed, gint64, i);
        if (!add_changed(change, effect, id, error) ||
            !outcome_repost(change->daemon.store, change->daemon.config, id, error))
            return false;
    }
    return true;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

static void print_effect(const AccountEffect *effect)
{
    const gsize max_shown = 2000;
    g_autofree char *account = text_escape_terminal(effect->account, max_shown);
    g_autofree char *before = points_format(effect->before_milli);
    g_autofree char *after = explain_tokens(effect->after_milli);
    if (effect->before_milli == effect->after_milli)
        printf("%s: %s, as before\n", account, after);
    else
        printf("%s: %s -> %s\n", account, before, after);
    for (guint i = 0; i < effect->changed->len; i++) {
        const Decision *decision = g_ptr_array_index(effect->changed, i);
        g_autofree char *assignment = text_escape_terminal(decision->assignment, max_shown);
        g_autofree char *sentence = text_escape_terminal(decision->sentence, max_shown);
        printf("  submission %" G_GINT64_FORMAT " of %s: %s. %s\n", decision->submission_id, assignment,
               decision_kind_name(decision->kind), sentence);
    }
}

static void print_effects(const AccountChange *change)
{
    for (guint i = 0; i < change->effects->len; i++)
        print_effect(g_ptr_array_index(change->effects, i));
    if (change->is_dry_run)
        puts("dry run: nothing was changed");
}

static void print_effects_json(const AccountChange *change)
{
    g_autoptr(cJSON) root = cJSON_CreateObject();
    json_add_bool(root, "dry_run", change->is_dry_run);
    cJSON *accounts = json_add(root, "accounts", cJSON_CreateArray());
    for (guint i = 0; i < change->effects->len; i++) {
        const AccountEffect *effect = g_ptr_array_index(change->effects, i);
        cJSON *account = cJSON_CreateObject();
        cJSON_AddItemToArray(accounts, account);
        json_add_string(account, "account", effect->account);
        json_add_int64(account, "balance_before_milli", effect->before_milli);
        json_add_int64(account, "balance_milli", effect->after_milli);
        cJSON *decisions = json_add(account, "changed_decisions", cJSON_CreateArray());
        for (guint j = 0; j < effect->changed->len; j++)
            cJSON_AddItemToArray(decisions, decision_to_json(g_ptr_array_index(effect->changed, j)));
    }
    g_autofree char *text = json_print_pretty(root);
    puts(text);
}

int account_change_end(AccountChange *change, bool ok, GError *error)
{
    if (ok && !change->is_dry_run)
        ok = store_commit(change->daemon.store, &error);
    else
        store_rollback(change->daemon.store);
    if (!ok)
        return cli_fail_error(change->command, error);
    if (!change->is_dry_run)
        wake_send(change->daemon.config->state_folder, "post");
    if (change->is_json)
        print_effects_json(change);
    else
        print_effects(change);
    return EXIT_DONE;
}

void account_change_clear(AccountChange *change)
{
    g_clear_pointer(&change->effects, g_ptr_array_unref);
    g_clear_pointer(&change->reason, g_free);
    g_clear_pointer(&change->config_path, g_free);
    cli_daemon_clear(&change->daemon);
}
