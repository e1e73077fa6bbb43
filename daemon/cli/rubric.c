/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* By name; `rubric` alone prints them. */
static const Command *const commands[] = {
    &cmd_adjust,   &cmd_box,    &cmd_check,     &cmd_confirm,    &cmd_decide,  &cmd_doctor,  &cmd_extend,
    &cmd_flags,    &cmd_grade,  &cmd_gradebook, &cmd_gradescope, &cmd_grant,   &cmd_image,   &cmd_init,
    &cmd_ledger,   &cmd_notify, &cmd_peers,     &cmd_policy,     &cmd_receipt, &cmd_regrade, &cmd_release,
    &cmd_requests, &cmd_review, &cmd_status,    &cmd_test,       &cmd_tokens,  &cmd_what_if, NULL,
};

static void print_help(FILE *to)
{
    fputs("Usage: rubric COMMAND [OPTIONS] ...\n\nCommands:\n", to);
    for (const Command *const *command = commands; *command; command++)
        fprintf(to, "  %-10s %s\n", (*command)->name, (*command)->summary);
    fputs(
        "\n`rubric COMMAND --help` tells more. Exit status: 0 done, 1 found problems, 2 wrong usage, 3 our failure.\n",
        to);
}

static const Command *find_command(const char *name)
{
    for (const Command *const *command = commands; *command; command++) {
        if (strcmp((*command)->name, name) == 0)
            return *command;
    }
    return NULL;
}

static int report_unknown(const char *name)
{
    const char *names[G_N_ELEMENTS(commands)] = {NULL};
    for (gsize i = 0; commands[i]; i++)
        names[i] = commands[i]->name;
    const char *nearest = text_nearest(name, names);
    g_autofree char *shown = text_escape_terminal(name, 100);
    fprintf(stderr, "rubric: there is no command \"%s\"", shown);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?", nearest);
    fputs("\n`rubric --help` lists the commands.\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    log_setup("rubric", LOG_WARNING);
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("rubric " RUBRIC_VERSION);
        return EXIT_DONE;
    }
    const Command *command = find_command(argv[1]);
    return command ? command->run(argc - 1, argv + 1) : report_unknown(argv[1]);
}
