/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `service:` of a check: a command of the submission that runs in a box of its own, on one network with the check's
 * command, from before that until after it.
 */
#pragma once

#include "graders/command.h"

typedef enum {
    READY_PORT, /* a process in its box listens there */
    READY_HTTP, /* it answers with status 200 */
    READY_LINE, /* it has printed what the pattern finds */
} ReadyKind;

typedef struct CommandService {
    Command command;
    ReadyKind kind;
    unsigned port;
    char *path;   /* READY_HTTP */
    GRegex *line; /* READY_LINE */
    gint64 within_us;
} CommandService;

/* Reads `service:` of a reader that the caller ends; NULL: there is none. Reports every problem. */
CommandService *service_read(YamlReader *reader, RubricLoad *load);
void service_free(CommandService *service);

/* The check's, with the time for getting ready on top. */
BoxLimits service_limits(const CommandService *service, const Check *check);

typedef enum { SERVICE_READY, SERVICE_ENDED, SERVICE_LATE } ServiceState;
/* Waits until it is ready, has ended, or the time is over. *ret_lacks: what it lacked when it is late, in words; caller
 * frees. */
ServiceState service_wait(const CommandService *service, const BoxSharedNetwork *network, const BoxBeside *box,
                          char **ret_lacks);
