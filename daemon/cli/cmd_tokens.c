/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <stdio.h>
#include <string.h>

static const gsize max_shown = 2000;

typedef struct {
    gboolean is_json;
    char *config_path;
} Options;

typedef struct {
    char *account;
    GPtrArray *lines; /* of LedgerRow* */
    Fold *fold;
} Statement;

static void statement_clear(Statement *statement)
{
    g_free(statement->account);
    g_clear_pointer(&statement->lines, g_ptr_array_unref);
    g_clear_pointer(&statement->fold, fold_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Statement, statement_clear)

static bool read_statement(CliDaemon *daemon, const char *owner, Statement *statement, GError **error)
{
    statement->account = accounts_resolve(daemon->course, owner, error);
    if (!statement->account)
        return false;
    g_autoptr(GPtrArray) events =
        account_events(daemon->store, daemon->policy, daemon->course, statement->account, error);
    statement->lines = events ? store_ledger_list(daemon->store, statement->account, 0, 0, error) : NULL;
    if (!statement->lines)
        return false;
    statement->fold = policy_fold(daemon->policy, daemon->course, statement->account, events);
    return true;
}

static void print_line(const LedgerRow *line, GTimeZone *zone)
{
    g_autofree char *when = clock_format_local(line->booked_us, zone);
    g_autofree char *amount = accounts_format_amount(line->amount_milli);
    g_autofree char *reason = text_escape_terminal(line->reason, max_shown);
    g_autofree char *about = line->submission_id
                                 ? g_strdup_printf("%s, submission %" G_GINT64_FORMAT ": ",
                                                   line->assignment ? line->assignment : "?", line->submission_id)
                                 : g_strdup("");
    printf("  %-27s %-6s %-7s %s%s\n", when, amount, line->kind, about, reason);
}

static void print_statement(const Statement *statement, GTimeZone *zone)
{
    g_autofree char *account = text_escape_terminal(statement->account, max_shown);
    g_autofree char *balance = explain_tokens(statement->fold->balance_milli);
    printf("%s: %s\n", account, balance);
    for (guint i = 0; i < statement->lines->len; i++)
        print_line(g_ptr_array_index(statement->lines, i), zone);
    if (statement->lines->len == 0)
        puts("  nothing booked yet");
    for (guint i = 0; i < statement->fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(statement->fold->decisions, i);
        g_autofree char *assignment = text_escape_terminal(decision->assignment, max_shown);
        g_autofree char *sentence = text_escape_terminal(decision->sentence, max_shown);
        printf("%ssubmission %" G_GINT64_FORMAT " of %s: %s. %s\n", i == 0 ? "\n" : "", decision->submission_id,
               assignment, decision_kind_name(decision->kind), sentence);
    }
}

static void print_statement_json(const Statement *statement)
{
    g_autoptr(cJSON) root = cJSON_CreateObject();
    json_add_string(root, "account", statement->account);
    json_add_int64(root, "balance_milli", statement->fold->balance_milli);
    cJSON *lines = json_add(root, "lines", cJSON_CreateArray());
    for (guint i = 0; i < statement->lines->len; i++)
        cJSON_AddItemToArray(lines, accounts_line_to_json(g_ptr_array_index(statement->lines, i)));
    cJSON *decisions = json_add(root, "decisions", cJSON_CreateArray());
    for (guint i = 0; i < statement->fold->decisions->len; i++)
        cJSON_AddItemToArray(decisions, decision_to_json(g_ptr_array_index(statement->fold->decisions, i)));
    g_autofree char *text = json_print_pretty(root);
    puts(text);
}

static int show(const Options *options, const char *owner)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&cmd_tokens, options->config_path, &daemon, &status))
        return status;
    g_auto(Statement) statement = {0};
    GError *error = NULL;
    if (!read_statement(&daemon, owner, &statement, &error))
        status = cli_fail_error(&cmd_tokens, error);
    else if (options->is_json)
        status = (print_statement_json(&statement), EXIT_DONE);
    else
        status = (print_statement(&statement, daemon.course->zone), EXIT_DONE);
    cli_daemon_clear(&daemon);
    return status;
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "print JSON", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_tokens, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = argc == 2 ? show(&options, argv[1])
                           : cli_fail(&cmd_tokens, EXIT_USAGE, "name one team or person: rubric tokens OWNER");
    g_free(options.config_path);
    return status;
}

const Command cmd_tokens = {"tokens", "OWNER", "an owner's balance, and why it is what it is", run};
