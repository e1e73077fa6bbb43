/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that look into a daemon's state: they open its store beside it, which needs no daemon to run. */
#include <string.h>
#include <unistd.h>

#include "daemon/cli/cli.h"
#include "graders/graders.h"

static bool load_course(CliDaemon *daemon, Diagnostics *diagnostics)
{
    daemon->course = course_load(daemon->config->course_folder, graders_all(), diagnostics);
    daemon->policy = daemon->course ? policy_parse(daemon->course, diagnostics) : NULL;
    return daemon->policy != NULL;
}

/* An existing store is opened; one is not made by asking about it. */
static Store *open_store(const Config *config, GError **error)
{
    g_autofree char *path = config_store_path(config);
    if (access(path, F_OK) == 0)
        return store_open(path, error);
    error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no store \"%s\" yet: start `rubricd --config %s` first", path,
              config->path);
    return NULL;
}

bool cli_daemon_open(const Command *command, const char *config_path, CliDaemon *ret, int *ret_status)
{
    g_autofree char *path = cli_find_config(config_path);
    if (!path) {
        *ret_status = cli_fail(command, EXIT_USAGE,
                               "which daemon? give --config FILE or set RUBRICD_CONFIG; neither ./rubricd.yaml nor "
                               "/etc/rubricd/rubricd.yaml is there");
        return false;
    }
    CliDaemon daemon = {0};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    daemon.config = config_load(path, diagnostics);
    bool is_loaded = daemon.config && load_course(&daemon, diagnostics);
    *ret_status = cli_print_diagnostics(diagnostics);
    GError *error = NULL;
    daemon.store = is_loaded ? open_store(daemon.config, &error) : NULL;
    if (daemon.store && config_start_clock(daemon.config, &error)) {
        *ret = daemon;
        return true;
    }
    if (error)
        *ret_status = cli_fail_error(command, error);
    cli_daemon_clear(&daemon);
    return false;
}

void cli_daemon_clear(CliDaemon *daemon)
{
    g_clear_pointer(&daemon->store, store_close);
    g_clear_pointer(&daemon->policy, policy_free);
    g_clear_pointer(&daemon->course, course_free);
    g_clear_pointer(&daemon->config, config_free);
}
