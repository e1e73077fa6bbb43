/* SPDX-License-Identifier: Apache-2.0 */
/* A person's word on an account. */
#include "daemon/cli/accounts.h"

#include <string.h>

static bool on_assignment(AccountChange *change, const char *account, char **argv, GError **error)
{
    bool is_declared = strcmp(argv[2], "declare") == 0;
    const char *kind = is_declared ? "declared" : strcmp(argv[2], "hold") == 0 ? "held" : "lifted";
    const Assignment *assignment = accounts_assignment(change->daemon.course, argv[3], error);
    g_autoptr(cJSON) data = cJSON_CreateObject();
    guint64 units = 0;
    const guint64 max_units = 1000;
    if (!assignment)
        return false;
    if (is_declared && !g_ascii_string_to_unsigned(argv[4], 10, 0, max_units, &units, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number of late units", argv[4]);
    if (is_declared)
        json_add_int64(data, "units", (gint64)units);
    return account_change_look(change, account, error) &&
           account_note_on(change->daemon.store, account, kind, assignment->id, 0, g_steal_pointer(&data),
                           accounts_who(), change->reason, error) &&
           account_change_settle(change, account, error);
}

static bool note_amount(AccountChange *change, const char *account, const char *kind, gint64 amount_milli,
                        GError **error)
{
    cJSON *data = cJSON_CreateObject();
    json_add_int64(data, "amount_milli", amount_milli);
    return account_change_look(change, account, error) &&
           account_note_on(change->daemon.store, account, kind, NULL, 0, data, accounts_who(), change->reason, error) &&
           account_change_settle(change, account, error);
}

static bool take(AccountChange *change, const char *account, char **argv, GError **error)
{
    gint64 amount_milli;
    bool is_gift = strcmp(argv[2], "gift") == 0;
    const char *kind = is_gift ? "gifted" : strcmp(argv[2], "deduct") == 0 ? "deducted" : "converted";
    if (!accounts_read_milli(argv[3], &amount_milli, error))
        return false;
    g_autofree char *to = is_gift ? accounts_resolve(change->daemon.course, argv[4], error) : NULL;
    if (is_gift && !to)
        return false;
    g_autoptr(GPtrArray) events =
        account_events(change->daemon.store, change->daemon.policy, change->daemon.course, account, error);
    if (!events)
        return false;
    if (is_gift &&
        !account_may_give(change->daemon.policy, change->daemon.course, account, events, amount_milli, error))
        return false;
    g_autoptr(Fold) fold = policy_fold(change->daemon.policy, change->daemon.course, account, events);
    if (amount_milli > fold->balance_milli)
        return error_set(error, RUBRIC_ERROR_DENIED, "\"%s\" has fewer tokens than that", account);
    return note_amount(change, account, kind, -amount_milli, error) &&
           (!is_gift || note_amount(change, to, "gifted", amount_milli, error));
}

static bool join(AccountChange *change, const char *account, char **argv, GError **error)
{
    gint64 at_us;
    return clock_parse(argv[3], change->daemon.course->zone, &at_us, error) &&
           account_change_look(change, account, error) &&
           account_note_on(change->daemon.store, account, "joined", NULL, at_us, NULL, accounts_who(), change->reason,
                           error) &&
           account_change_settle(change, account, error);
}

typedef struct {
    const char *name, *usage;
    int n_words;
    bool (*act)(AccountChange *change, const char *account, char **argv, GError **error);
} Word;

static const Word words[] = {
    {"hold", "hold ASSIGNMENT", 1, on_assignment},
    {"lift", "lift ASSIGNMENT", 1, on_assignment},
    {"declare", "declare ASSIGNMENT UNITS", 2, on_assignment},
    {"deduct", "deduct N", 1, take},
    {"gift", "gift N TO", 2, take},
    {"convert", "convert N", 1, take},
    {"joined", "joined TIME", 1, join},
};

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_adjust};
    GOptionEntry options[] = {ACCOUNT_CHANGE_OPTIONS(&change), G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_adjust, options, &argc, &argv))
        return status;
    const Word *word = NULL;
    for (gsize i = 0; argc > 2 && i < G_N_ELEMENTS(words); i++)
        word = strcmp(words[i].name, argv[2]) == 0 ? &words[i] : word;
    if (!word)
        return cli_fail(
            &cmd_adjust, EXIT_USAGE,
            "name an owner and one of: hold ASSIGNMENT, lift ASSIGNMENT, declare ASSIGNMENT UNITS, deduct N, "
            "gift N TO, convert N, joined TIME");
    if (argc != word->n_words + 3)
        return cli_fail(&cmd_adjust, EXIT_USAGE, "write: rubric adjust OWNER %s -m REASON", word->usage);
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    g_autofree char *account = accounts_resolve(change.daemon.course, argv[1], &error);
    bool ok = account && word->act(&change, account, argv, &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_adjust = {"adjust", "OWNER WORD... -m REASON",
                            "hold, lift, declare, deduct, give, convert tokens, late joiners", run};
