/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric policy diff NEW`: the term as it was, replayed under another course folder's policy. */
#include "daemon/cli/cli.h"

#include "graders/graders.h"

#include <stdio.h>
#include <string.h>

static const gsize max_shown = 500;

typedef struct {
    Course *course;
    Policy *policy;
} Rules;

static void rules_clear(Rules *rules)
{
    policy_free(rules->policy);
    course_free(rules->course);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rules, rules_clear)

static bool load_rules(const char *folder, Rules *rules, int *ret_status)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    rules->course = course_load(folder, graders_all(), diagnostics);
    rules->policy = rules->course ? policy_parse(rules->course, diagnostics) : NULL;
    if (rules->policy)
        return true;
    cli_print_diagnostics(diagnostics);
    *ret_status = EXIT_PROBLEMS;
    return false;
}

static const Decision *find(const Fold *fold, gint64 id)
{
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        if (decision->submission_id == id)
            return decision;
    }
    return NULL;
}

static bool is_same(const Decision *a, const Decision *b)
{
    const gint64 probe_milli = 100000;
    return a->kind == b->kind && a->tokens_milli == b->tokens_milli && a->course_milli == b->course_milli &&
           decision_credit_milli(a, probe_milli) == decision_credit_milli(b, probe_milli);
}

static void print_change(const char *account, const Decision *before, const Decision *after)
{
    g_autofree char *shown = text_escape_terminal(account, max_shown);
    g_autofree char *old_tokens = points_format(before->tokens_milli), *new_tokens = points_format(after->tokens_milli);
    g_autofree char *old_penalty = points_format(before->penalty_milli);
    g_autofree char *new_penalty = points_format(after->penalty_milli);
    g_autofree char *sentence = text_escape_terminal(after->sentence, max_shown);
    printf("%s, submission %" G_GINT64_FORMAT " of %s: %s, %s tokens, %s %% off -> %s, %s tokens, %s %% off. %s\n",
           shown, before->submission_id, before->assignment, decision_kind_name(before->kind), old_tokens, old_penalty,
           decision_kind_name(after->kind), new_tokens, new_penalty, sentence);
}

static bool compare_account(Store *store, const Rules *old, const Rules *new, const char *account, guint *n_changed,
                            GError **error)
{
    g_autoptr(GPtrArray) old_events = account_events(store, old->policy, old->course, account, error);
    g_autoptr(GPtrArray) new_events =
        old_events ? account_events(store, new->policy, new->course, account, error) : NULL;
    if (!new_events)
        return false;
    g_autoptr(Fold) before = policy_fold(old->policy, old->course, account, old_events);
    g_autoptr(Fold) after = policy_fold(new->policy, new->course, account, new_events);
    g_autoptr(GPtrArray) own = store_event_list(store, account, error);
    for (guint i = 0; own && i < own->len; i++) {
        const EventRow *event = g_ptr_array_index(own, i);
        if (strcmp(event->kind, "submitted") != 0)
            continue;
        const Decision *was = find(before, event->submission_id), *is = find(after, event->submission_id);
        if (!was || !is || is_same(was, is))
            continue;
        print_change(account, was, is);
        (*n_changed)++;
    }
    return own != NULL;
}

static int compare(Store *store, const Rules *old, const Rules *new)
{
    GError *error = NULL;
    guint n_changed = 0;
    g_autoptr(GPtrArray) accounts = store_event_accounts(store, &error);
    for (guint i = 0; accounts && i < accounts->len; i++) {
        if (!compare_account(store, old, new, g_ptr_array_index(accounts, i), &n_changed, &error))
            return cli_fail_error(&cmd_policy, error);
    }
    if (!accounts)
        return cli_fail_error(&cmd_policy, error);
    printf("%u %s of %u %s would be different; nothing was changed\n", n_changed,
           n_changed == 1 ? "decision" : "decisions", accounts->len, accounts->len == 1 ? "account" : "accounts");
    return EXIT_DONE;
}

static int diff(const char *config_path, const char *old_folder, const char *new_folder)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&cmd_policy, config_path, &daemon, &status))
        return status;
    g_auto(Rules) old = {0}, new = {0};
    const char *base = old_folder ? old_folder : daemon.config->course_folder;
    if (load_rules(base, &old, &status) && load_rules(new_folder, &new, &status))
        status = compare(daemon.store, &old, &new);
    cli_daemon_clear(&daemon);
    return status;
}

static int run(int argc, char **argv)
{
    g_autofree char *config_path = NULL;
    GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_policy, entries, &argc, &argv))
        return EXIT_USAGE;
    if ((argc != 3 && argc != 4) || strcmp(argv[1], "diff") != 0)
        return cli_fail(
            &cmd_policy, EXIT_USAGE,
            "name one or two course folders: rubric policy diff [OLD] NEW; OLD is the daemon's when left out");
    return diff(config_path, argc == 4 ? argv[2] : NULL, argv[argc - 1]);
}

const Command cmd_policy = {"policy", "diff [OLD] NEW", "whose outcome another policy would change", run};
