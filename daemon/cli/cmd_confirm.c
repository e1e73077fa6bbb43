/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <string.h>

/* Only what waits for a person can be confirmed. */
static bool require_held(AccountChange *change, gint64 id, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_decision_latest(change->daemon.store, id, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    g_autoptr(Decision) decision = json ? decision_from_json(json, NULL) : NULL;
    const char *kind = decision ? decision_kind_name(decision->kind) : "not decided yet";
    return (decision && decision_is_held(decision)) ||
           error_set(error, RUBRIC_ERROR_DENIED,
                     "submission %" G_GINT64_FORMAT " does not wait for anybody (decision: %s); nothing to confirm", id,
                     kind);
}

static bool confirm(AccountChange *change, const char *text, GError **error)
{
    guint64 id;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &id, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number of a submission", text);
    g_autoptr(Submission) submission = store_submission_get(change->daemon.store, (gint64)id, error);
    if (!submission || !require_held(change, submission->id, error))
        return false;
    OwnerKind kind = strcmp(submission->owner_kind, "team") == 0 ? OWNER_TEAM : OWNER_PERSON;
    g_autofree char *account = account_name(kind, submission->owner);
    return account_change_look(change, account, error) &&
           account_note_confirmed(change->daemon.store, submission, accounts_who(), change->reason, error) &&
           account_change_settle(change, account, error);
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_confirm};
    GOptionEntry options[] = {ACCOUNT_CHANGE_OPTIONS(&change), G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_confirm, options, &argc, &argv))
        return status;
    if (argc != 2)
        return cli_fail(&cmd_confirm, EXIT_USAGE,
                        "name a submission by its number: rubric confirm SUBMISSION -m REASON");
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = confirm(&change, argv[1], &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_confirm = {"confirm", "SUBMISSION -m REASON", "let a held submission count, at its price", run};
