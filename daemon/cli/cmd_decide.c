/* SPDX-License-Identifier: Apache-2.0 */
/* A person's word on one submission. */
#include "daemon/cli/accounts.h"

#include <string.h>

typedef struct {
    const char *name, *event, *usage;
    int n_words;
} Word;

static const Word words[] = {
    {"withdraw", "withdrawn", "withdraw", 0},
    {"waive", "waived", "waive", 0},
    {"override", "overridden", "override TOKENS PERCENT", 2},
    {"select", "selected", "select", 0},
    {"pay", "selected", "pay \"late days\"|flat|\"no tokens\"", 1},
    {"note", "noted", "note WHAT", 1},
};

static const Word *find_word(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    }
    return NULL;
}

static cJSON *make_data(const Word *word, char **argv, GError **error)
{
    g_autoptr(cJSON) data = cJSON_CreateObject();
    gint64 tokens_milli, penalty_milli;
    if (strcmp(word->name, "override") == 0) {
        if (!accounts_read_milli(argv[0], &tokens_milli, error) || !accounts_read_milli(argv[1], &penalty_milli, error))
            return NULL;
        json_add_int64(data, "tokens_milli", tokens_milli);
        json_add_int64(data, "penalty_milli", penalty_milli);
    } else if (word->n_words == 1) {
        json_add_string(data, strcmp(word->name, "note") == 0 ? "what" : "route", argv[0]);
    }
    return g_steal_pointer(&data);
}

static bool decide(AccountChange *change, const Word *word, char **argv, GError **error)
{
    guint64 id;
    if (!g_ascii_string_to_unsigned(argv[1], 10, 1, G_MAXINT64, &id, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no number of a submission", argv[1]);
    g_autoptr(Submission) submission = store_submission_get(change->daemon.store, (gint64)id, error);
    g_autoptr(cJSON) data = submission ? make_data(word, argv + 3, error) : NULL;
    if (!data)
        return false;
    OwnerKind kind = strcmp(submission->owner_kind, "team") == 0 ? OWNER_TEAM : OWNER_PERSON;
    g_autofree char *account = account_name(kind, submission->owner);
    return account_change_look(change, account, error) &&
           account_note_about(change->daemon.store, submission, word->event, g_steal_pointer(&data), accounts_who(),
                              change->reason, error) &&
           account_change_settle(change, account, error);
}

static int run(int argc, char **argv)
{
    g_auto(AccountChange) change = {.command = &cmd_decide};
    GOptionEntry options[] = {ACCOUNT_CHANGE_OPTIONS(&change), G_OPTION_ENTRY_NULL};
    int status = EXIT_USAGE;
    if (!cli_parse(&cmd_decide, options, &argc, &argv))
        return status;
    const Word *word = argc > 2 ? find_word(argv[2]) : NULL;
    if (!word)
        return cli_fail(&cmd_decide, EXIT_USAGE,
                        "name a submission and what to do with it: withdraw, waive, override TOKENS PERCENT, select, "
                        "pay ROUTE or note WHAT");
    if (argc != word->n_words + 3)
        return cli_fail(&cmd_decide, EXIT_USAGE, "write: rubric decide SUBMISSION %s -m REASON", word->usage);
    if (!account_change_begin(&change, &status))
        return status;
    GError *error = NULL;
    bool ok = decide(&change, word, argv, &error);
    return account_change_end(&change, ok, error);
}

const Command cmd_decide = {"decide", "SUBMISSION WORD... -m REASON",
                            "withdraw, waive, override, select, pay another way, note", run};
