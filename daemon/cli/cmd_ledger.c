/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"

#include <stdio.h>

static const gsize max_shown = 2000;

typedef struct {
    gboolean verify, is_json;
    char *owner, *config_path, *make_key, *export, *key, *heads, *public_key;
} Options;

/* The head beside the count: whoever kept an older head can see that it is still in the chain. */
static int verify(CliDaemon *daemon, const Options *options)
{
    gint64 n_lines;
    g_autofree char *head = NULL;
    GError *error = NULL;
    guint n_heads = 0;
    gint64 lowest_milli = -policy_max_debt(daemon->policy);
    if (!ledger_verify_down_to(daemon->store, lowest_milli, &n_lines, &head, &error) ||
        (options->heads && !ledger_verify_heads(daemon->store, options->heads, options->public_key, &n_heads, &error)))
        return cli_fail_error(&cmd_ledger, error);
    if (!options->is_json) {
        if (options->heads && n_heads == 0)
            puts("no exported head is there to compare it with");
        else if (options->heads)
            printf("%u exported %s in it\n", n_heads, n_heads == 1 ? "head is" : "heads are all");
        printf("%" G_GINT64_FORMAT " %s from the one before it; head %s\n", n_lines,
               n_lines == 1 ? "line, it follows" : "lines, every one follows", head);
        return EXIT_DONE;
    }
    g_autoptr(cJSON) root = cJSON_CreateObject();
    json_add_bool(root, "good", true);
    json_add_int64(root, "lines", n_lines);
    json_add_string(root, "head", head);
    g_autofree char *text = json_print_pretty(root);
    puts(text);
    return EXIT_DONE;
}

static int export_head(CliDaemon *daemon, const Options *options)
{
    GError *error = NULL;
    g_autofree char *path = NULL;
    if (!options->key)
        return cli_fail(&cmd_ledger, EXIT_USAGE,
                        "--export needs --key FILE: make one with rubric ledger --make-key FILE");
    if (!ledger_export_head(daemon->store, daemon->course->id, options->export, options->key, &path, &error))
        return cli_fail_error(&cmd_ledger, error);
    puts(path);
    return EXIT_DONE;
}

static int make_key(const char *path)
{
    GError *error = NULL;
    if (!ledger_make_key(path, &error))
        return cli_fail_error(&cmd_ledger, error);
    printf("%s is the key: keep it secret. %s.pub is for everybody.\n", path, path);
    return EXIT_DONE;
}

static void print_line(const LedgerRow *line)
{
    g_autofree char *when = clock_format_utc(line->booked_us);
    g_autofree char *account = text_escape_terminal(line->account, max_shown);
    g_autofree char *amount = accounts_format_amount(line->amount_milli);
    g_autofree char *reason = text_escape_terminal(line->reason, max_shown);
    printf("%6" G_GINT64_FORMAT "  %.19sZ  %-20s %-6s %-7s %s\n", line->seq, when, account, amount, line->kind, reason);
}

/* JSON is one line a ledger line, so that a long book needs no memory. */
static void print_lines(const GPtrArray *lines, bool is_json)
{
    for (guint i = 0; i < lines->len; i++) {
        const LedgerRow *line = g_ptr_array_index(lines, i);
        if (!is_json) {
            print_line(line);
            continue;
        }
        g_autoptr(cJSON) json = accounts_line_to_json(line);
        g_autofree char *text = json_print(json);
        puts(text);
    }
}

static int list(CliDaemon *daemon, const Options *options)
{
    const guint page = 1000;
    GError *error = NULL;
    g_autofree char *account = options->owner ? accounts_resolve(daemon->course, options->owner, &error) : NULL;
    if (error)
        return cli_fail_error(&cmd_ledger, error);
    for (gint64 after_seq = 0;;) {
        g_autoptr(GPtrArray) lines = store_ledger_list(daemon->store, account, after_seq, page, &error);
        if (!lines)
            return cli_fail_error(&cmd_ledger, error);
        print_lines(lines, options->is_json);
        if (lines->len < page)
            return EXIT_DONE;
        after_seq = ((const LedgerRow *)g_ptr_array_index(lines, page - 1))->seq;
    }
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"verify", 0, 0, G_OPTION_ARG_NONE, &options.verify, "check the whole chain, print its head", NULL},
        {"owner", 'o', 0, G_OPTION_ARG_STRING, &options.owner, "only this team or person", "OWNER"},
        {"make-key", 0, 0, G_OPTION_ARG_FILENAME, &options.make_key, "make a key for signing: FILE and FILE.pub",
         "FILE"},
        {"export", 0, 0, G_OPTION_ARG_FILENAME, &options.export, "write the newest line's hash, signed, to a folder",
         "FOLDER"},
        {"key", 'k', 0, G_OPTION_ARG_FILENAME, &options.key, "sign with this private key", "FILE"},
        {"heads", 0, 0, G_OPTION_ARG_FILENAME, &options.heads, "with --verify: exported heads must be in it", "FOLDER"},
        {"public", 0, 0, G_OPTION_ARG_FILENAME, &options.public_key, "and be signed with this one's key", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "print JSON, a line each", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_ledger, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = EXIT_USAGE;
    CliDaemon daemon = {0};
    if (options.make_key) {
        status = make_key(options.make_key);
    } else if (argc != 1) {
        cli_fail(&cmd_ledger, EXIT_USAGE, "takes no argument; one owner's lines: rubric ledger -o OWNER");
    } else if (cli_daemon_open(&cmd_ledger, options.config_path, &daemon, &status)) {
        status = options.export   ? export_head(&daemon, &options)
                 : options.verify ? verify(&daemon, &options)
                                  : list(&daemon, &options);
        cli_daemon_clear(&daemon);
    }
    g_free(options.owner);
    g_free(options.make_key);
    g_free(options.export);
    g_free(options.key);
    g_free(options.heads);
    g_free(options.public_key);
    g_free(options.config_path);
    return status;
}

const Command cmd_ledger = {"ledger", "[--verify]", "the book of tokens, line by line; --verify checks its chain", run};
