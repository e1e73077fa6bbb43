/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    char *key, *folder, *config_path;
} Options;

/* Three files: the text, its signature, the public key. */
static bool write_receipt(CliDaemon *daemon, const Options *options, gint64 id, GError **error)
{
    g_autoptr(Submission) submission = store_submission_get(daemon->store, id, error);
    g_autofree char *text = submission ? ledger_receipt(daemon->store, submission, error) : NULL;
    if (!text)
        return false;
    if (!options->key) {
        fputs(text, stdout);
        return true;
    }
    const char *folder = options->folder ? options->folder : ".";
    g_autofree char *name = g_strdup_printf("receipt-%" G_GINT64_FORMAT ".txt", id);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *public_path = g_build_filename(folder, "ledger.pub", NULL);
    const int for_everybody = 0755;
    if (!file_make_folder(folder, for_everybody, error) ||
        !ledger_sign_file(options->key, path, text, strlen(text), error) ||
        !ledger_write_public(options->key, public_path, error))
        return false;
    printf("%s and %s.sig; anybody checks them with:\n"
           "  openssl pkeyutl -verify -pubin -inkey %s -rawin -in %s -sigfile %s.sig\n",
           path, path, public_path, path, path);
    return true;
}

static int show(const Options *options, const char *text)
{
    guint64 id;
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    GError *error = NULL;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, &id, NULL))
        return cli_fail(&cmd_receipt, EXIT_PROBLEMS, "\"%s\" is no number of a submission", text);
    if (!cli_daemon_open(&cmd_receipt, options->config_path, &daemon, &status))
        return status;
    bool ok = write_receipt(&daemon, options, (gint64)id, &error);
    cli_daemon_clear(&daemon);
    return ok ? EXIT_DONE : cli_fail_error(&cmd_receipt, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"key", 'k', 0, G_OPTION_ARG_FILENAME, &options.key, "sign with this private key", "FILE"},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.folder, "folder for the files (default: here)", "FOLDER"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_receipt, entries, &argc, &argv))
        return EXIT_USAGE;
    int status =
        argc == 2 ? show(&options, argv[1])
                  : cli_fail(&cmd_receipt, EXIT_USAGE, "name one submission: rubric receipt SUBMISSION [--key FILE]");
    g_free(options.key);
    g_free(options.folder);
    g_free(options.config_path);
    return status;
}

const Command cmd_receipt = {"receipt", "SUBMISSION [--key FILE]", "what a submission cost and why, signed", run};
