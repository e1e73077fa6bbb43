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
    BoxProfile profile;
    uint32_t calls; /* BoxCalls bits */
} Command;

/* Reads the command under `command_key` and the keys args, env, folder, hidden, keep, exit, error_exit, network,
 * profile and allow of a mapping whose reader the caller ends. Reports every problem. */
void command_read(Command *command, YamlReader *reader, const char *command_key, RubricLoad *load);
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

/* Runs one box to its end. Reports that the submission brought along are removed first, so that what comes back was
 * written by this run; {out} is a fresh folder for this run alone. false: our failure (also BOX_END_REFUSED and
 * error_exit). Clear *ret_result by box_result_clear. */
bool command_run(const Command *command, const CommandInput *input, const Check *check, GraderContext *context,
                 BoxResult *ret_result, GError **error);

/* Runs a box that the caller has specified. false: our failure (also BOX_END_REFUSED, and SIGKILL that no limit
 * explains). Clear *ret_result by box_result_clear. */
bool command_run_box(const Check *check, GraderContext *context, BoxSpec *spec, BoxResult *ret_result, GError **error);

/* Is the folder that the command starts in part of the submission? *ret_problem: a sentence when not, else NULL. */
bool command_check_folder(const Command *command, const GraderContext *context, char **ret_problem, GError **error);

/* The command as its author wrote it, shortened and made safe for one line. Caller frees. */
char *command_name(const Command *command);

/* NULL when it ended by itself with a status that is right, else a sentence: "used more than 512 MB ...". Caller frees.
 */
char *command_problem(const Command *command, const Check *check, const BoxStatus *status);
/* Did it end by exit, whatever the status? */
bool command_ended_normally(const BoxStatus *status);

/* The command, its end, and, if `shows_output`, its last words, for a finding. Caller frees. */
char *command_evidence(const Command *command, const Check *check, const BoxResult *result, bool shows_output);
/* Appends the end of an output under its title; nothing for an empty one. */
void command_append_words(GString *text, const char *title, const BoxBytes *bytes);
/* The box status as JSON object. */
cJSON *command_figures(const BoxStatus *status);
