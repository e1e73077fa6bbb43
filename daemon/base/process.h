/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children with a pidfd: started in their own process group with only the fds they are given, told to die with us,
 * waited for by deadline, never by pid number.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    const char *const *argv; /* NULL-terminated; argv[0] is a path, or a name looked up in PATH */
    const char *const *env;  /* NULL-terminated "K=V"; NULL: inherit */
    const char *folder;      /* working directory; NULL: inherit */
    int stdin_fd;            /* -1: /dev/null */
    int stdout_fd;           /* -1: inherit */
    int stderr_fd;           /* -1: inherit */
    int extra_fd;            /* becomes fd 3 in the child; -1: none */
    bool outlives_us;        /* false: SIGKILL when the parent dies */
} ProcessSpec;

/* All fds -1, the rest zero. */
#define PROCESS_SPEC_INIT                                                                                              \
    {                                                                                                                  \
        .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .extra_fd = -1                                               \
    }

typedef struct {
    pid_t pid;
    int pidfd;
} Process;

typedef struct {
    bool exited; /* else: killed by `code` as a signal */
    int code;    /* exit code or signal number */
    gint64 user_us, system_us, max_rss_bytes;
} ProcessEnd;

/* Starts the child: signal mask emptied, SIGPIPE default, own process group, fds over 3 closed. An exec that fails is
 * reported here (NOT_FOUND, DENIED, SYSTEM), not by an exit code. */
bool process_start(const ProcessSpec *spec, Process *ret_process, GError **error);

/* Waits at most `timeout_ms` (-1: for ever). true: it has ended, *ret_end is set (may be NULL), the Process is cleared.
 * false without error set: still running. */
bool process_wait(Process *process, gint64 timeout_ms, ProcessEnd *ret_end, GError **error);

/* Sends `signal` to the whole group of a process that has not been waited for. */
void process_kill(const Process *process, int signal);

/* Starts, feeds nothing, collects stdout and stderr (each at most `max_bytes`, the rest discarded),
 * kills the group at `timeout_ms`. TEMPORARY on timeout. Strings are NUL-terminated, may hold any byte; each ret may be
 * NULL. */
bool process_run(const ProcessSpec *spec, gint64 timeout_ms, gsize max_bytes, GString **ret_stdout,
                 GString **ret_stderr, ProcessEnd *ret_end, GError **error);

/* Path of one of our own programs ("rubric-worker"): beside the running one, else in the libexec or bin folder given at
 * build, else NOT_FOUND. Caller frees. */
char *process_own_program(const char *name, GError **error);
