/* SPDX-License-Identifier: Apache-2.0 */
/* What students ask for: written down, listed, granted or denied. Granting does what was asked, in the same
 * transaction. */
#include "daemon/cli/accounts.h"

#include <stdio.h>
#include <string.h>

static const gsize max_shown = 500;

static void print_request(const RequestRow *row, GTimeZone *zone)
{
    g_autofree char *when = clock_format_local(row->asked_us, zone);
    g_autofree char *account = text_escape_terminal(row->account, max_shown);
    g_autofree char *text = text_escape_terminal(row->text, max_shown);
    g_autofree char *reason = text_escape_terminal(row->reason ? row->reason : "", max_shown);
    g_autofree char *answer = row->decided_by ? g_strdup_printf(" (%s: %s)", row->decided_by, reason) : g_strdup("");
    printf("%4" G_GINT64_FORMAT "  %-7s %-12s %s, %s, asked %s: %s%s\n", row->id, row->state, row->kind, account,
           row->assignment, when, text, answer);
}

static int list(const char *config_path, bool all)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    GError *error = NULL;
    if (!cli_daemon_open(&cmd_requests, config_path, &daemon, &status))
        return status;
    g_autoptr(GPtrArray) rows = store_request_list(daemon.store, all, &error);
    for (guint i = 0; rows && i < rows->len; i++)
        print_request(g_ptr_array_index(rows, i), daemon.course->zone);
    if (rows && rows->len == 0)
        puts("nobody waits for an answer");
    cli_daemon_clear(&daemon);
    return rows ? EXIT_DONE : cli_fail_error(&cmd_requests, error);
}

static bool add(AccountChange *change, char **argv, GError **error)
{
    static const char *const kinds[] = {"extension", "resubmission", "late", NULL};
    const Assignment *assignment = cli_find_assignment(change->daemon.course, argv[3], error);
    g_autofree char *account = assignment ? accounts_resolve(change->daemon.course, argv[2], error) : NULL;
    if (!account)
        return false;
    if (!g_strv_contains(kinds, argv[4]))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is none of extension, resubmission, late", argv[4]);
    RequestRow row = {.account = account,
                      .assignment = assignment->id,
                      .kind = argv[4],
                      .text = change->reason,
                      .who = (char *)accounts_who()};
    gint64 id;
    if (!store_request_insert(change->daemon.store, &row, &id, error))
        return false;
    if (!change->is_json)
        printf("request %" G_GINT64_FORMAT "\n", id);
    return true;
}

/* The newest one of the owner that waits for a word. */
static bool confirm_held(AccountChange *change, const RequestRow *row, GError **error)
{
    const char *owner = strchr(row->account, ':') + 1;
    g_autoptr(GPtrArray) all = store_submission_list(change->daemon.store, row->assignment, owner, 0, error);
    for (guint i = 0; all && i < all->len; i++) {
        const Submission *submission = g_ptr_array_index(all, i);
        g_autofree char *text = NULL;
        if (!store_decision_latest(change->daemon.store, submission->id, &text, error))
            return false;
        g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
        g_autoptr(Decision) decision = json ? decision_from_json(json, NULL) : NULL;
        if (decision && decision_is_held(decision))
            return account_note_confirmed(change->daemon.store, submission, accounts_who(), change->reason, error);
    }
    return all && error_set(error, RUBRIC_ERROR_NOT_FOUND,
                            "nothing of \"%s\" for \"%s\" has come in that waits; grant it when the content is there",
                            row->account, row->assignment);
}

static bool do_grant(AccountChange *change, const RequestRow *row, const char *hours, GError **error)
{
    const gint64 max_milli = 366 * 24 * 1000;
    gint64 milli = 0;
    if (!account_change_look(change, row->account, error))
        return false;
    if (strcmp(row->kind, "extension") != 0)
        return confirm_held(change, row, error) && account_change_settle(change, row->account, error);
    if (!hours)
        return error_set(error, RUBRIC_ERROR_INVALID, "say by how many hours: rubric requests grant ID HOURS");
    if (!accounts_read_milli(hours, &milli, error))
        return false;
    if (milli <= 0 || milli > max_milli)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" hours are not more than 0 and at most 366 days", hours);
    return account_note_extended(change->daemon.store, row->account, row->assignment, milli * (CLOCK_HOUR_US / 1000),
                                 accounts_who(), change->reason, error) &&
           account_change_settle(change, row->account, error);
}

static bool answer(AccountChange *change, char **argv, int argc, GError **error)
{
    bool is_granted = strcmp(argv[1], "grant") == 0;
    guint64 id;
    if (!g_ascii_string_to_unsigned(argv[2], 10, 1, G_MAXINT64, &id, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number of a request", argv[2]);
    g_autoptr(RequestRow) row = store_request_get(change->daemon.store, (gint64)id, error);
    return row &&
           store_request_decide(change->daemon.store, row->id, is_granted, accounts_who(), change->reason, error) &&
           (!is_granted || do_grant(change, row, argc > 3 ? argv[3] : NULL, error));
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_requests};
    gboolean all = FALSE;
    GOptionEntry options[] = {{"all", 'a', 0, G_OPTION_ARG_NONE, &all, "decided ones too", NULL},
                              ACCOUNT_CHANGE_OPTIONS(&change),
                              G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_requests, options, &argc, &argv))
        return status;
    if (argc == 1)
        return list(change.config_path, all);
    bool is_add = strcmp(argv[1], "add") == 0 && argc == 5;
    bool is_answer =
        (strcmp(argv[1], "grant") == 0 && (argc == 3 || argc == 4)) || (strcmp(argv[1], "deny") == 0 && argc == 3);
    if (!is_add && !is_answer)
        return cli_fail(&cmd_requests, EXIT_USAGE,
                        "write: rubric requests [--all], requests add OWNER ASSIGNMENT extension|resubmission|late -m "
                        "TEXT, requests grant ID [HOURS] -m REASON, or requests deny ID -m REASON");
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = is_add ? add(&change, argv, &error) : answer(&change, argv, argc, &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_requests = {"requests", "[add|grant|deny ...]", "what students ask for, and the answers", run};
