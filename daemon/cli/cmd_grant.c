/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

/* "2", "0.5": exact thousandths. */
static bool read_amount(const char *text, gint64 *ret_milli, GError **error)
{
    const double milli = 1000.0, max_tokens = 1000.0;
    char *end;
    double amount = g_ascii_strtod(text, &end);
    if (end == text || *end != '\0' || !(amount > 0) || amount > max_tokens)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "\"%s\" is no number of tokens; write 1 or 2.5, more than 0 and at most 1000", text);
    *ret_milli = (gint64)(amount * milli + 0.5); /* half up */
    return true;
}

static bool grant(AccountChange *change, const char *owner, const char *amount, GError **error)
{
    gint64 amount_milli = 0;
    g_autofree char *account = accounts_resolve(change->daemon.course, owner, error);
    return account && read_amount(amount, &amount_milli, error) && account_change_look(change, account, error) &&
           account_note_granted(change->daemon.store, account, amount_milli, accounts_who(), change->reason, error) &&
           account_change_settle(change, account, error);
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_grant};
    GOptionEntry options[] = {ACCOUNT_CHANGE_OPTIONS(&change), G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_grant, options, &argc, &argv))
        return status;
    if (argc != 3)
        return cli_fail(&cmd_grant, EXIT_USAGE, "name an owner and a number of tokens: rubric grant OWNER N -m REASON");
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = grant(&change, argv[1], argv[2], &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_grant = {"grant", "OWNER N -m REASON", "give an owner tokens", run};
