/* SPDX-License-Identifier: Apache-2.0 */
/* A person's word on an account. */
#include "daemon/cli/accounts.h"

#include <string.h>

static bool on_assignment(AccountChange *change, const char *account, char **argv, GError **error)
{
    bool is_declared = strcmp(argv[2], "declare") == 0;
    const char *kind = is_declared ? "declared" : strcmp(argv[2], "hold") == 0 ? "held" : "lifted";
    const Assignment *assignment = accounts_due(change->daemon.course, argv[3], error);
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

static bool count_bought(CliDaemon *daemon, const char *account, const char *what, guint *ret_n, GError **error)
{
    g_autoptr(GPtrArray) events = account_events(daemon->store, daemon->policy, daemon->course, account, error);
    if (!events)
        return false;
    g_autoptr(Fold) fold = policy_fold(daemon->policy, daemon->course, account, events);
    *ret_n = 0;
    for (guint i = 0; i < fold->bought->len; i++)
        *ret_n += strcmp(((const FoldBought *)g_ptr_array_index(fold->bought, i))->what, what) == 0;
    return true;
}

static bool move(AccountChange *change, const char *account, char **argv, GError **error)
{
    const Course *course = change->daemon.course;
    gint64 at_us;
    const Person *person = course_find_person(course, argv[1]);
    for (int i = 3; i < 5; i++) {
        if (!course_team(course, argv[i]))
            return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no team \"%s\" in the roster", argv[i]);
    }
    if (!person)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is a team; people move", argv[1]);
    if (strcmp(argv[3], argv[4]) == 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is both the old and the new team", argv[3]);
    return clock_parse(argv[5], course->zone, &at_us, error) && account_change_look(change, account, error) &&
           account_note_moved(change->daemon.store, person->id, argv[3], argv[4], at_us, accounts_who(), change->reason,
                              error) &&
           account_change_settle(change, account, error);
}

/* Is refused when it could not be paid now. */
static bool buy(AccountChange *change, const char *account, char **argv, GError **error)
{
    CliDaemon *daemon = &change->daemon;
    gint64 price_milli;
    bool is_for_all = strcmp(argv[4], "-") == 0;
    const Assignment *assignment = is_for_all ? NULL : cli_find_assignment(daemon->course, argv[4], error);
    if (!is_for_all && !assignment)
        return false;
    if (!policy_purchase_price(daemon->policy, argv[3], &price_milli))
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "course.yaml has no \"%s\" below tokens: purchases:", argv[3]);
    guint n_before;
    if (!count_bought(daemon, account, argv[3], &n_before, error))
        return false;
    cJSON *data = cJSON_CreateObject();
    json_add_string(data, "what", argv[3]);
    guint n_after;
    if (!account_change_look(change, account, error) ||
        !account_note_on(daemon->store, account, "bought", assignment ? assignment->id : NULL, 0, data, accounts_who(),
                         change->reason, error) ||
        !count_bought(daemon, account, argv[3], &n_after, error))
        return false;
    if (n_after == n_before)
        return error_set(error, RUBRIC_ERROR_DENIED,
                         "\"%s\" has too few tokens for that, or bought it as often as is allowed", argv[1]);
    return account_change_settle(change, account, error);
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
    {"move", "move OLD-TEAM NEW-TEAM TIME", 3, move},
    {"buy", "buy WHAT ASSIGNMENT", 2, buy},
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
            "gift N TO, convert N, joined TIME, move OLD-TEAM NEW-TEAM TIME, buy WHAT ASSIGNMENT (or -)");
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
                            "hold, declare, deduct, give, convert, buy, late joiners, moves", run};
