/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command that a check runs in a box: what `run` and `tests` have in common. Reading it from YAML, making the box,
 * saying what became of it.
 */
#pragma once

#include "graders/graders.h"

typedef struct {
    char *shell;       /* run by /bin/sh -c, or NULL */
    char **argv;       /* else this */
    char **args;       /* appended; may be NULL */
    char **env;        /* "K=V" on top of the box's default environment; may be NULL */
    char *folder;      /* below the workspace, or NULL */
    char *hidden;      /* folder of the course that is mounted read-only at {checks} for this box, or NULL */
    bool keeps_writes; /* what it writes to the workspace stays for later checks */
    bool any_exit;
    GArray *exits;  /* of int: the statuses that are right, unless any_exit */
    int error_exit; /* the status by which the course's own command says that it could not judge; -1: none */
    BoxNetwork network;
    const RubricImage *image; /* whose programs the box has; NULL: the host's */
    char **hosts;             /* that the box may reach by the proxy, as written; NULL: none */
    BoxProfile profile;
    uint32_t calls;                 /* BoxCalls bits */
    struct CommandService *service; /* of the submission, which this command tests from a box of its own; NULL: none */
} Command;

/* Reads the command under `command_key` and the keys args, env, folder, hidden, keep, exit, error_exit, network,
 * image, profile, allow and service of a mapping whose reader the caller ends. Reports every problem. */
void command_read(Command *command, YamlReader *reader, const char *command_key, RubricLoad *load);
/* Of these only the command itself, args, env, folder, image, profile and allow. */
void command_read_program(Command *command, YamlReader *reader, const char *command_key, RubricLoad *load);
/* Makes one of a short form: a node that is a scalar or a list. */
void command_read_short(Command *command, const YamlNode *node, Diagnostics *diagnostics);
void command_clear(Command *command);
/* Reports a path in the box (a file that is to be copied out) that cannot be right: empty, or with a segment `.` or
 * `..`. */
void command_check_path(const char *path, const YamlNode *node, Diagnostics *diagnostics);

typedef struct {
    const char *const *args; /* instead of the command's; NULL: the command's */
    const char *stdin_data;  /* NULL: empty */
    gsize stdin_length;
    const char *const
        *reports;        /* NULL-terminated paths to copy out, relative to the workspace, {out} allowed; NULL: none */
    gint64 report_bytes; /* 0: the box's default */
} CommandInput;

/* What came of a run. */
typedef struct {
    BoxResult box;
    char *connections;        /* what was asked of the proxy, a line each; NULL: the check opens no hosts */
    BoxResult service;        /* of the service, where the command has one */
    bool service_was_stopped; /* by us, when the command had ended; else it had ended by itself */
    char *service_problem;    /* a sentence: it was never ready, and the command was not run; else NULL */
} CommandOutcome;
void command_outcome_clear(CommandOutcome *outcome);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CommandOutcome, command_outcome_clear)

/* Runs one box to its end; with a service two, and the command's then has a workspace of its own, empty, since what
 * runs there judges the submission. Reports that the submission brought along are removed first, so that what comes
 * back was written by this run; {out} is a fresh folder for this run alone. false: our failure (also BOX_END_REFUSED
 * and error_exit). Clear *ret_outcome. */
bool command_run(const Command *command, const CommandInput *input, const Check *check, GraderContext *context,
                 CommandOutcome *ret_outcome, GError **error);

/* Runs a box that the caller has specified. false: our failure (also BOX_END_REFUSED, and SIGKILL that no limit
 * explains). Clear *ret_result by box_result_clear. */
bool command_run_box(const Check *check, GraderContext *context, BoxSpec *spec, BoxResult *ret_result, GError **error);

/* Is the folder that the command (or its service) starts in part of the submission? *ret_problem: a sentence when not,
 * else NULL. */
bool command_check_folder(const Command *command, const GraderContext *context, char **ret_problem, GError **error);

/* The command as its author wrote it, shortened and made safe for one line. Caller frees. */
char *command_name(const Command *command);

/* NULL when it was run and ended by itself with a status that is right, else a sentence: "used more than 512 MB ...".
 * Caller frees.
 */
char *command_problem(const Command *command, const Check *check, const CommandOutcome *outcome);
/* `problem` (taken, may be NULL) with what the outcome knows of its reasons: a host that was asked for and is not
 * named, a service that ended too early. Caller frees; NULL for NULL. */
char *command_explain(const Command *command, const Check *check, const CommandOutcome *outcome, char *problem);
/* For the TA: a named host that could not be reached. NULL: nothing. Caller frees. */
char *command_suspicion(const CommandOutcome *outcome);
/* Was it run, and did it end by exit, whatever the status? */
bool command_ended_normally(const CommandOutcome *outcome);

/* The command, its end, its connections and, if `shows_output`, its last words, for a finding. Caller frees. */
char *command_evidence(const Command *command, const Check *check, const CommandOutcome *outcome, bool shows_output);
/* Appends the end of an output under its title; nothing for an empty one. */
void command_append_words(GString *text, const char *title, const BoxBytes *bytes);
/* The box status as JSON object. */
cJSON *command_figures(const BoxStatus *status);
/* An object with the box status as "box" if it was run, and the service's as "service", with "stopped". */
cJSON *command_outcome_figures(const Command *command, const CommandOutcome *outcome);
