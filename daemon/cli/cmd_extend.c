/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <string.h>

/* The deadline that holds for the account now, earlier extensions included. */
static bool current_deadline(AccountChange *change, const char *account, const Assignment *assignment, gint64 *ret_us,
                             GError **error)
{
    g_autoptr(GPtrArray) events =
        account_events(change->daemon.store, change->daemon.policy, change->daemon.course, account, error);
    if (!events)
        return false;
    *ret_us = policy_deadline(change->daemon.policy, change->daemon.course, account, assignment, events);
    return true;
}

static bool read_extension(AccountChange *change, const char *account, const Assignment *assignment, const char *hours,
                           const char *until, gint64 *ret_by_us, GError **error)
{
    if (until) {
        gint64 until_us, deadline_us;
        if (!clock_parse(until, change->daemon.course->zone, &until_us, error) ||
            !current_deadline(change, account, assignment, &deadline_us, error))
            return false;
        *ret_by_us = until_us - deadline_us;
        return *ret_by_us > 0 ||
               error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not after the deadline that holds already", until);
    }
    const double max_hours = 366 * 24.0;
    char *end;
    double amount = g_ascii_strtod(hours, &end);
    if (end == hours || *end != '\0' || !(amount > 0) || amount > max_hours)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number of hours; write 24 or 1.5, or --until TIME",
                         hours);
    *ret_by_us = (gint64)(amount * (double)CLOCK_HOUR_US);
    return true;
}

/* Who hands it in gets the extension; a member of a team one of their own only where each of them pays alone. */
static bool may_extend(const AccountChange *change, const char *account, const char *owner,
                       const Assignment *assignment, GError **error)
{
    const Course *course = change->daemon.course;
    bool is_team = g_str_has_prefix(account, "team:");
    const Person *person = is_team ? NULL : course_find_person(course, owner);
    if (is_team == (assignment->owner_kind == OWNER_TEAM) ||
        (person && person->team && policy_has_own_deadlines(change->daemon.policy, assignment)))
        return true;
    if (is_team)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "\"%s\" is handed in by each person: extend it for one of the team's members", assignment->id);
    return error_set(error, RUBRIC_ERROR_INVALID,
                     "\"%s\" is handed in by teams, and this course's members do not pay for it alone, so none of them "
                     "has a deadline of their own: extend it for the team%s%s%s",
                     assignment->id, person && person->team ? " (\"" : "", person && person->team ? person->team : "",
                     person && person->team ? "\")" : "");
}

static bool extend(AccountChange *change, char **argv, const char *until, GError **error)
{
    gint64 by_us = 0;
    const Assignment *assignment = accounts_due(change->daemon.course, argv[2], error);
    g_autofree char *account = assignment ? accounts_resolve(change->daemon.course, argv[1], error) : NULL;
    if (!account)
        return false;
    return may_extend(change, account, argv[1], assignment, error) &&
           read_extension(change, account, assignment, argv[3], until, &by_us, error) &&
           account_change_look(change, account, error) &&
           account_note_extended(change->daemon.store, account, assignment->id, by_us, accounts_who(), change->reason,
                                 error) &&
           account_change_settle(change, account, error);
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_extend};
    g_autofree char *until = NULL;
    GOptionEntry options[] = {
        {"until", 0, 0, G_OPTION_ARG_STRING, &until, "the new deadline, in the course's time zone", "TIME"},
        ACCOUNT_CHANGE_OPTIONS(&change),
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_extend, options, &argc, &argv))
        return status;
    if (argc != (until ? 3 : 4))
        return cli_fail(&cmd_extend, EXIT_USAGE,
                        "name an owner, an assignment and either hours or --until TIME: rubric extend OWNER ASSIGNMENT "
                        "HOURS -m REASON");
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = extend(&change, argv, until, &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_extend = {"extend", "OWNER ASSIGNMENT HOURS|--until TIME -m REASON", "move an owner's deadline", run};
