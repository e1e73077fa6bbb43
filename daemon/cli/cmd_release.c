/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <string.h>

/* Accounts that handed in something for the assignment: char* keys. */
static GHashTable *accounts_of(AccountChange *change, const char *assignment, GError **error)
{
    g_autoptr(GPtrArray) submissions = store_submission_list(change->daemon.store, assignment, NULL, 0, error);
    if (!submissions)
        return NULL;
    GHashTable *accounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < submissions->len; i++) {
        const Submission *submission = g_ptr_array_index(submissions, i);
        OwnerKind kind = strcmp(submission->owner_kind, "team") == 0 ? OWNER_TEAM : OWNER_PERSON;
        if (submission->state != SUBMISSION_REFUSED)
            g_hash_table_add(accounts, account_name(kind, submission->owner));
    }
    return accounts;
}

/* A release shows items that were not shown: the results are posted again. */
static bool repost_all(AccountChange *change, const char *account, const char *assignment, GError **error)
{
    const char *owner = strchr(account, ':') + 1;
    g_autoptr(GPtrArray) submissions = store_submission_list(change->daemon.store, assignment, owner, 0, error);
    for (guint i = 0; submissions && i < submissions->len; i++) {
        const Submission *submission = g_ptr_array_index(submissions, i);
        if (!outcome_repost(change->daemon.store, change->daemon.config, submission->id, error))
            return false;
    }
    return submissions != NULL;
}

static bool release_to(AccountChange *change, const char *account, const char *assignment, GError **error)
{
    return account_change_look(change, account, error) &&
           account_note_released(change->daemon.store, account, assignment, accounts_who(), change->reason, error) &&
           account_change_settle(change, account, error) && repost_all(change, account, assignment, error);
}

static bool release_to_all(AccountChange *change, const char *assignment, GError **error)
{
    g_autoptr(GHashTable) accounts = accounts_of(change, assignment, error);
    if (!accounts)
        return false;
    if (g_hash_table_size(accounts) == 0)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "nobody has handed in \"%s\" yet: there is nothing to release",
                         assignment);
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(accounts), (GCompareFunc)strcmp);
    for (const GList *name = names; name; name = name->next) {
        if (!release_to(change, name->data, assignment, error))
            return false;
    }
    return true;
}

static bool release(AccountChange *change, const char *assignment_id, const char *owner, GError **error)
{
    const Assignment *assignment = cli_find_assignment(change->daemon.course, assignment_id, error);
    if (!assignment)
        return false;
    if (!owner)
        return release_to_all(change, assignment->id, error);
    g_autofree char *account = accounts_resolve(change->daemon.course, owner, error);
    return account && release_to(change, account, assignment->id, error);
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_release};
    GOptionEntry options[] = {ACCOUNT_CHANGE_OPTIONS(&change), G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_release, options, &argc, &argv))
        return status;
    if (argc != 2 && argc != 3)
        return cli_fail(&cmd_release, EXIT_USAGE,
                        "name an assignment, and an owner if not all: rubric release ASSIGNMENT [OWNER] -m REASON");
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = release(&change, argv[1], argc == 3 ? argv[2] : NULL, &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_release = {"release", "ASSIGNMENT [OWNER] -m REASON",
                             "say that results are out: what comes after is a resubmission", run};
