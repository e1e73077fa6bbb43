/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about tokens share: whose account is meant, and what a change brings about. */
#pragma once

#include "daemon/cli/cli.h"

/* "team:blue" or "person:ann" for an id, login, e-mail or either written out; NOT_FOUND with what is near. Caller
 * frees. */
char *accounts_resolve(const Course *course, const char *owner, GError **error);
/* As cli_find_assignment for what has a deadline: an assignment, or a part of one ("i4/comments"). */
const Assignment *accounts_due(const Course *course, const char *id, GError **error);
/* A ledger line with all that its hash covers. */
cJSON *accounts_line_to_json(const LedgerRow *line);
/* "+7", "-1.5": what a line adds or takes. Caller frees. */
char *accounts_format_amount(gint64 milli);
/* Who is at the keyboard: goes into the books with each change. */
const char *accounts_who(void);

/* "2", "0.5": exact thousandths from 0 to 1000000. */
bool accounts_read_milli(const char *text, gint64 *ret_milli, GError **error);

/* A change of the books: notes events, then settles and posts what changed again, in one transaction that --dry-run
 * takes back. */
typedef struct {
    const Command *command;
    CliDaemon daemon;
    char *config_path, *reason; /* --config, -m */
    gboolean is_dry_run, is_json;
    GPtrArray *effects; /* of AccountEffect */
} AccountChange;

#define ACCOUNT_CHANGE_OPTIONS(change)                                                                                 \
    {"message", 'm', 0, G_OPTION_ARG_STRING, &(change)->reason, "why: it stands in the books (required)", "REASON"},   \
        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &(change)->is_dry_run, "show what would change, change nothing", NULL}, \
        {"json", 0, 0, G_OPTION_ARG_NONE, &(change)->is_json, "print JSON", NULL},                                     \
    {                                                                                                                  \
        "config", 0, 0, G_OPTION_ARG_FILENAME, &(change)->config_path, "the daemon's configuration", "FILE"            \
    }

/* After cli_parse: checks the reason, opens the daemon's store, begins. false: *ret_status is the exit status. */
bool account_change_begin(AccountChange *change, int *ret_status);
/* Notes what was there before; call it before the events of an account are written, and account_change_settle after. */
bool account_change_look(AccountChange *change, const char *account, GError **error);
bool account_change_settle(AccountChange *change, const char *account, GError **error);
/* Commits (or takes back) and prints the effects, or the error, which is freed. Returns the exit status. */
int account_change_end(AccountChange *change, bool ok, GError *error);
void account_change_clear(AccountChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AccountChange, account_change_clear)
