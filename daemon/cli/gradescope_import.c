/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"
#include "daemon/cli/gradescope.h"

#include <stdio.h>

typedef struct {
    char *assignment, *config_path;
    gboolean is_json;
} Options;

static void print_count(const Options *options, guint n_new)
{
    if (options->is_json) {
        g_autoptr(cJSON) json = cJSON_CreateObject();
        json_add_int64(json, "new", n_new);
        g_autofree char *text = json_print(json);
        puts(text);
    } else if (n_new == 0) {
        puts("Nothing new: every submission of this export was there already.");
    } else {
        printf("%u new submission%s; `rubric status` shows how %s.\n", n_new, n_new == 1 ? "" : "s",
               n_new == 1 ? "it gets on" : "they get on");
    }
}

static bool import(const Options *options, const CliDaemon *daemon, const char *path, guint *ret_n_new, GError **error)
{
    const Assignment *assignment = NULL;
    if (options->assignment) {
        assignment = cli_find_assignment(daemon->course, options->assignment, error);
        if (!assignment)
            return false;
    }
    SourceContext context = {
        .store = daemon->store, .course = daemon->course, .state_folder = daemon->config->state_folder};
    return gradescope_import(&context, assignment, path, ret_n_new, error);
}

static int work(const Options *options, const char *path)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&gradescope_import_verb, options->config_path, &daemon, &status))
        return status;
    guint n_new = 0;
    GError *error = NULL;
    bool done = import(options, &daemon, path, &n_new, &error);
    if (n_new > 0)
        wake_send(daemon.config->state_folder, "grade");
    if (done)
        print_count(options, n_new);
    cli_daemon_clear(&daemon);
    return done ? EXIT_DONE : cli_fail_error(&gradescope_import_verb, error);
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment,
         "whose export it is (else told by its name and the number in course.yaml)", "ASSIGNMENT"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "print JSON", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (cli_parse(&gradescope_import_verb, entries, &argc, &argv))
        status = argc == 2 ? work(&options, argv[1])
                           : cli_fail(&gradescope_import_verb, EXIT_USAGE, "name one export: a zip or a folder");
    g_free(options.assignment);
    g_free(options.config_path);
    return status;
}

const Command gradescope_import_verb = {"gradescope import", "EXPORT [-a ASSIGNMENT]",
                                        "take every submission of an export", run};
