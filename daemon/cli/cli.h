/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `rubric` command: one file a subcommand, one table. Exit codes: 0 done, 1 found problems, 2 wrong usage, 3 our
 * failure.
 */
#pragma once

#include "daemon/images/images.h"
#include "daemon/roles/roles.h"

enum { EXIT_DONE = 0, EXIT_PROBLEMS = 1, EXIT_USAGE = 2, EXIT_OURS = 3 };

typedef struct {
    const char *name;
    const char *arguments;             /* "PATH..." */
    const char *summary;               /* one line */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
} Command;

/* Each in cli/cmd_<name>.c: fills in the whole of one subcommand. */
extern const Command cmd_peers, cmd_adjust, cmd_box, cmd_check, cmd_confirm, cmd_decide, cmd_doctor, cmd_extend,
    cmd_flags, cmd_grade, cmd_gradebook, cmd_gradescope, cmd_grant, cmd_image, cmd_init, cmd_ledger, cmd_notify,
    cmd_policy, cmd_receipt, cmd_regrade, cmd_release, cmd_requests, cmd_review, cmd_status, cmd_test, cmd_tokens,
    cmd_what_if;

/* Parses `entries` with --help made by GOption; on a wrong option prints what and how to get help, and returns false
 * (exit 2). The remaining arguments stay in argv. */
bool cli_parse(const Command *command, GOptionEntry *entries, int *argc, char ***argv);
/* "rubric grade: message" on stderr, terminal-safe; returns `status`. */
int cli_fail(const Command *command, int status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* As cli_fail from an error that is freed: exit 1 for INVALID, NOT_FOUND, DENIED and LIMIT; 3 else. */
int cli_fail_error(const Command *command, GError *error);
/* Prints diagnostics to stderr; returns EXIT_PROBLEMS if any is an error, else EXIT_DONE. */
int cli_print_diagnostics(Diagnostics *diagnostics);
/* May colours go to this stream? (terminal, NO_COLOR unset, TERM not dumb) */
bool cli_use_colour(int fd);
/* The configuration that was named, else the first of the usual places that exists; NULL: there is none. Caller frees.
 */
char *cli_find_config(const char *given);
/* Where images are: $RUBRIC_IMAGES, else below the state folder of the daemon that cli_daemon_open would find, else in
 * the user's own data folder. Caller frees. */
char *cli_images_folder(void);
/* NOT_FOUND, naming what is near. */
const Assignment *cli_find_assignment(const Course *course, const char *id, GError **error);
/* The daemon's store for commands that need it: --config FILE, else $RUBRICD_CONFIG, else ./rubricd.yaml, else
 * /etc/rubricd/rubricd.yaml. */
typedef struct {
    Config *config;
    Course *course;
    Policy *policy;
    Store *store;
} CliDaemon;
bool cli_daemon_open(const Command *command, const char *config_path, CliDaemon *ret, int *ret_status);
void cli_daemon_clear(CliDaemon *daemon);
