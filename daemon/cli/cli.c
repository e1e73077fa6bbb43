/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cli_parse(const Command *command, GOptionEntry *entries, int *argc, char ***argv)
{
    g_autofree char *program = g_strdup_printf("rubric %s", command->name);
    g_set_prgname(program);
    g_autoptr(GOptionContext) context = g_option_context_new(command->arguments);
    g_option_context_set_summary(context, command->summary);
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (g_option_context_parse(context, argc, argv, &error))
        return true;
    cli_fail(command, EXIT_USAGE, "%s; `rubric %s --help` tells the options", error->message, command->name);
    return false;
}

int cli_fail(const Command *command, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    const gsize max_shown = 4000;
    g_autofree char *shown = text_escape_terminal(message, max_shown);
    fprintf(stderr, "rubric %s: %s\n", command->name, shown);
    return status;
}

int cli_fail_error(const Command *command, GError *error)
{
    bool is_theirs = error->domain == RUBRIC_ERROR &&
                     (error->code == RUBRIC_ERROR_INVALID || error->code == RUBRIC_ERROR_NOT_FOUND ||
                      error->code == RUBRIC_ERROR_DENIED || error->code == RUBRIC_ERROR_LIMIT);
    int status = cli_fail(command, is_theirs ? EXIT_PROBLEMS : EXIT_OURS, "%s", error->message);
    g_error_free(error);
    return status;
}

int cli_print_diagnostics(Diagnostics *diagnostics)
{
    g_autofree char *text = diagnostics_format(diagnostics);
    fputs(text, stderr);
    return diagnostics_count(diagnostics, SEVERITY_ERROR) > 0 ? EXIT_PROBLEMS : EXIT_DONE;
}

bool cli_use_colour(int fd)
{
    const char *terminal = g_getenv("TERM");
    const char *no_colour = g_getenv("NO_COLOR");
    return isatty(fd) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}
