/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rubricd: the daemon (`rubricd --config FILE`), and each of its roles (`rubricd role NAME --config FILE`), which it
 * starts itself.
 */
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/web/web.h"

enum { STATUS_USAGE = 2, STATUS_PROBLEMS = 1 };

typedef struct {
    char *config_path, *instance;
    gboolean once, print_version;
} Options;

static const char summary[] =
    "Takes submissions from their sources, grades them by the course's rubrics, and posts the results.\n"
    "\"rubricd role intake|grade|post|notice|web\" runs one role alone; the daemon starts its roles itself.\n"
    "SIGTERM stops it at once; nothing is lost, since every step is safe before the next begins.";

static bool parse_options(int *argc, char ***argv, Options *options)
{
    const GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &options->config_path, "the configuration, rubricd.yaml", "FILE"},
        {"once", 0, 0, G_OPTION_ARG_NONE, &options->once, "end when all that is there is graded and posted", NULL},
        {"instance", 0, 0, G_OPTION_ARG_STRING, &options->instance, "tells processes of one role apart (1)", "NAME"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->print_version, "print the version and end", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("[role NAME]");
    g_option_context_set_summary(context, summary);
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (g_option_context_parse(context, argc, argv, &error))
        return true;
    fprintf(stderr, "rubricd: %s; `rubricd --help` tells the options\n", error->message);
    return false;
}

static Config *load_config(const char *path)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(Config) config = config_load(path, diagnostics);
    g_autofree char *text = diagnostics_format(diagnostics);
    fputs(text, stderr);
    g_autoptr(GError) error = NULL;
    if (!config)
        return NULL;
    if (config_start_clock(config, &error))
        return g_steal_pointer(&config);
    fprintf(stderr, "rubricd: %s\n", error->message);
    return NULL;
}

static const char *role_name(int argc, char **argv)
{
    return argc == 3 && strcmp(argv[1], "role") == 0 && g_strv_contains(role_names, argv[2]) ? argv[2] : NULL;
}

static int run(int argc, char **argv, const Options *options)
{
    const char *role = role_name(argc, argv);
    if (argc > 1 && !role) {
        fprintf(stderr, "rubricd: \"%s\" is not understood; `rubricd --help` tells what is\n", argv[argc - 1]);
        return STATUS_USAGE;
    }
    if (!options->config_path) {
        fputs("rubricd: --config FILE is missing; `rubricd --help` tells more\n", stderr);
        return STATUS_USAGE;
    }
    g_autoptr(Config) config = load_config(options->config_path);
    if (!config)
        return STATUS_PROBLEMS;
    malloc_trim(0); /* what parsing took and gave back */
    const char *instance = options->instance ? options->instance : "1";
    if (role && strcmp(role, "web") == 0)
        return web_run(config, instance);
    return role ? role_run(config, role, instance, options->once) : supervisor_run(config, options->once);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are UTF-8, wherever the daemon was started */
    signal(SIGPIPE, SIG_IGN);
    umask(022); /* what must be closed says so itself; boxes reach the files of checks under another user */
    Options options = {0};
    int status = STATUS_USAGE;
    if (parse_options(&argc, &argv, &options)) {
        if (options.print_version)
            puts("rubricd " RUBRIC_VERSION);
        status = options.print_version ? 0 : run(argc, argv, &options);
    }
    g_free(options.config_path);
    g_free(options.instance);
    return status;
}
