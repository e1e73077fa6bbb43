/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <stdio.h>

static const gsize max_shown = 2000;

typedef struct {
    char *assignment, *owner, *at, *config_path;
    gboolean is_json;
} Options;

static Decision *quote(CliDaemon *daemon, const Options *options, gint64 *ret_at_us, gint64 *ret_until_us,
                       GError **error)
{
    const Assignment *assignment = accounts_assignment(daemon->course, options->assignment, error);
    g_autofree char *account = assignment ? accounts_resolve(daemon->course, options->owner, error) : NULL;
    if (!account)
        return NULL;
    *ret_at_us = clock_now_us();
    if (options->at && !clock_parse(options->at, daemon->course->zone, ret_at_us, error))
        return NULL;
    g_autoptr(GPtrArray) events = account_events(daemon->store, daemon->policy, daemon->course, account, error);
    if (!events)
        return NULL;
    Decision *decision = policy_quote(daemon->policy, daemon->course, account, assignment, events, *ret_at_us);
    *ret_until_us = policy_quote_until(daemon->policy, daemon->course, assignment, decision, *ret_at_us);
    return decision;
}

/* Each part of an assignment that has some, with its own deadline and price. */
static void print_parts(const Decision *decision, GTimeZone *zone)
{
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        const Decision *part = g_ptr_array_index(decision->parts, i);
        g_autofree char *name = text_escape_terminal(part->assignment, max_shown);
        g_autofree char *deadline = clock_format_local(part->deadline_us, zone);
        g_autofree char *tokens = points_format(part->tokens_milli), *penalty = points_format(part->penalty_milli);
        printf("  %s (deadline %s): %s, %s tokens, %s %% off\n", name, deadline, decision_kind_name(part->kind), tokens,
               penalty);
    }
}

static void print_quote(const Decision *decision, gint64 at_us, gint64 until_us, GTimeZone *zone)
{
    g_autofree char *assignment = text_escape_terminal(decision->assignment, max_shown);
    g_autofree char *when = clock_format_local(at_us, zone);
    g_autofree char *deadline = clock_format_local(decision->deadline_us, zone);
    g_autofree char *tokens = points_format(decision->tokens_milli);
    g_autofree char *penalty = points_format(decision->penalty_milli);
    g_autofree char *balance = points_format(decision->balance_milli);
    printf("%s handed in %s (deadline %s)\n", assignment, when, deadline);
    if (decision->parts)
        printf("  %s, %s tokens in all, %s tokens left\n", decision_kind_name(decision->kind), tokens, balance);
    else
        printf("  %s, %s tokens, %s %% off, %s tokens left\n", decision_kind_name(decision->kind), tokens, penalty,
               balance);
    print_parts(decision, zone);
    printf("  %s\n", decision->sentence);
    g_autofree char *until = until_us == G_MAXINT64 ? NULL : clock_format_local(until_us, zone);
    if (until)
        printf("  This holds until %s, as long as nothing else is handed in or granted.\n", until);
    for (guint i = 0; i < decision->alternatives->len; i++)
        printf("  instead: %s\n", (const char *)g_ptr_array_index(decision->alternatives, i));
}

static void print_quote_json(const Decision *decision, gint64 at_us, gint64 until_us)
{
    g_autoptr(cJSON) json = decision_to_json(decision);
    json_add_int64(json, "at_us", at_us);
    if (until_us != G_MAXINT64)
        json_add_int64(json, "holds_until_us", until_us);
    g_autofree char *text = json_print_pretty(json);
    puts(text);
}

static int show(const Options *options)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&cmd_what_if, options->config_path, &daemon, &status))
        return status;
    GError *error = NULL;
    gint64 at_us = 0, until_us = G_MAXINT64;
    g_autoptr(Decision) decision = quote(&daemon, options, &at_us, &until_us, &error);
    if (!decision)
        status = cli_fail_error(&cmd_what_if, error);
    else if (options->is_json)
        status = (print_quote_json(decision, at_us, until_us), EXIT_DONE);
    else
        status = (print_quote(decision, at_us, until_us, daemon.course->zone), EXIT_DONE);
    cli_daemon_clear(&daemon);
    return status;
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "what would be handed in", "ASSIGNMENT"},
        {"owner", 'o', 0, G_OPTION_ARG_STRING, &options.owner, "the team or person", "OWNER"},
        {"at", 0, 0, G_OPTION_ARG_STRING, &options.at, "when, in the course's time zone (default: now)", "TIME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "print JSON", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_what_if, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = EXIT_USAGE;
    if (argc != 1 || !options.assignment || !options.owner)
        cli_fail(&cmd_what_if, EXIT_USAGE,
                 "name what and who: rubric what-if -a ASSIGNMENT -o OWNER [--at \"2022-09-23 14:00\"]");
    else
        status = show(&options);
    g_free(options.assignment);
    g_free(options.owner);
    g_free(options.at);
    g_free(options.config_path);
    return status;
}

const Command cmd_what_if = {"what-if", "-a ASSIGNMENT -o OWNER [--at TIME]", "the price of handing in then", run};
