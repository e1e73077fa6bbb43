/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <stdio.h>

static const gsize max_shown = 2000;

typedef struct {
    char *assignment, *owner, *at, *config_path;
    gboolean is_json;
} Options;

typedef struct {
    Decision *decision;
    gint64 at_us, until_us;
    char *terms; /* or NULL */
} Quote;

static void quote_clear(Quote *quote)
{
    decision_free(quote->decision);
    g_free(quote->terms);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Quote, quote_clear)

static bool make_quote(CliDaemon *daemon, const Options *options, Quote *ret, GError **error)
{
    const Assignment *assignment = cli_find_assignment(daemon->course, options->assignment, error);
    g_autofree char *account = assignment ? accounts_resolve(daemon->course, options->owner, error) : NULL;
    if (!account)
        return false;
    ret->at_us = clock_now_us();
    if (options->at && !clock_parse(options->at, daemon->course->zone, &ret->at_us, error))
        return false;
    g_autoptr(GPtrArray) events = account_events(daemon->store, daemon->policy, daemon->course, account, error);
    if (!events)
        return false;
    ret->decision = policy_quote(daemon->policy, daemon->course, account, assignment, events, ret->at_us);
    ret->until_us = policy_quote_until(daemon->policy, daemon->course, assignment, ret->decision, ret->at_us);
    ret->terms = policy_quote_terms(daemon->policy, assignment, ret->decision, ret->at_us);
    return true;
}

/* Each part of an assignment that has some, with its own deadline and price. */
static void print_parts(const Decision *decision, GTimeZone *zone)
{
    for (guint i = 0; decision->parts && i < decision->parts->len; i++) {
        const Decision *part = g_ptr_array_index(decision->parts, i);
        g_autofree char *name = text_escape_terminal(part->assignment, max_shown);
        g_autofree char *deadline = clock_format_local(part->deadline_us, zone);
        g_autofree char *tokens = explain_tokens(part->tokens_milli), *penalty = points_format(part->penalty_milli);
        printf("  %s (deadline %s): %s, %s, %s %% off\n", name, deadline, decision_kind_name(part->kind), tokens,
               penalty);
    }
}

static void print_quote(const Quote *quote, GTimeZone *zone)
{
    const Decision *decision = quote->decision;
    g_autofree char *assignment = text_escape_terminal(decision->assignment, max_shown);
    g_autofree char *when = clock_format_local(quote->at_us, zone);
    g_autofree char *deadline = clock_format_local(decision->deadline_us, zone);
    g_autofree char *tokens = explain_tokens(decision->tokens_milli);
    g_autofree char *penalty = points_format(decision->penalty_milli);
    g_autofree char *balance = explain_tokens(decision->balance_milli);
    printf("%s handed in %s (deadline %s)\n", assignment, when, deadline);
    if (decision->parts)
        printf("  %s, %s in all, %s left\n", decision_kind_name(decision->kind), tokens, balance);
    else
        printf("  %s, %s, %s %% off, %s left\n", decision_kind_name(decision->kind), tokens, penalty, balance);
    print_parts(decision, zone);
    printf("  %s\n", decision->sentence);
    if (quote->terms)
        printf("  %s\n", quote->terms);
    g_autofree char *until = quote->until_us == G_MAXINT64 ? NULL : clock_format_local(quote->until_us, zone);
    if (until)
        printf("  This holds until %s, as long as nothing else is handed in or granted.\n", until);
    for (guint i = 0; i < decision->alternatives->len; i++)
        printf("  instead: %s\n", (const char *)g_ptr_array_index(decision->alternatives, i));
}

static void print_quote_json(const Quote *quote)
{
    g_autoptr(cJSON) json = decision_to_json(quote->decision);
    json_add_int64(json, "at_us", quote->at_us);
    if (quote->until_us != G_MAXINT64)
        json_add_int64(json, "holds_until_us", quote->until_us);
    if (quote->terms)
        json_add_string(json, "terms", quote->terms);
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
    g_auto(Quote) quote = {0};
    if (!make_quote(&daemon, options, &quote, &error))
        status = cli_fail_error(&cmd_what_if, error);
    else if (options->is_json)
        status = (print_quote_json(&quote), EXIT_DONE);
    else
        status = (print_quote(&quote, daemon.course->zone), EXIT_DONE);
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
