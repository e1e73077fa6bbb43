/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/gradescope.h"

#include <stdio.h>
#include <string.h>

static const Command *const verbs[] = {&gradescope_bridge_verb,  &gradescope_import_verb,  &gradescope_key_verb,
                                       &gradescope_results_verb, &gradescope_session_verb, NULL};

static void print_verbs(FILE *to)
{
    fputs("Usage: rubric gradescope VERB [OPTIONS] ...\n\nVerbs:\n", to);
    for (const Command *const *verb = verbs; *verb; verb++)
        fprintf(to, "  %-8s %-32s %s\n", strchr((*verb)->name, ' ') + 1, (*verb)->arguments, (*verb)->summary);
    fputs("\n`rubric gradescope VERB --help` tells more; docs/guides/gradescope.md tells what can be done.\n", to);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        print_verbs(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_verbs(stdout);
        return EXIT_DONE;
    }
    for (const Command *const *verb = verbs; *verb; verb++) {
        if (strcmp(strchr((*verb)->name, ' ') + 1, argv[1]) == 0)
            return (*verb)->run(argc - 1, argv + 1);
    }
    const gsize max_shown = 60;
    g_autofree char *shown = text_escape_terminal(argv[1], max_shown);
    print_verbs(stderr);
    return cli_fail(&cmd_gradescope, EXIT_USAGE, "there is no verb \"%s\"", shown);
}

const Command cmd_gradescope = {"gradescope", "VERB ...", "submissions of Gradescope in, results out", run};
