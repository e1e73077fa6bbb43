/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of `run`: read in run_parse.c, used in run.c. */
#pragma once

#include "graders/command.h"
#include "graders/compare.h"

typedef struct {
    char *text; /* inline, or NULL */
    char *file; /* of the course folder, or NULL */
} RunInput;

/* One box: what it is given, what it must print. */
typedef struct {
    char *name;           /* NULL: the check has no cases */
    char **args;          /* NULL: the check's */
    RunInput input;       /* both NULL: the check's */
    Expectation expected; /* of stdout; empty: the check's */
} RunCase;

typedef struct {
    char *path;
    Expectation expected; /* empty: it must be there */
} RunWrite;

typedef struct {
    Command command;
    RunInput input;
    Expectation out, err;
    char **out_contains, **out_lacks, **err_contains, **err_lacks;
    GPtrArray *writes;  /* of RunWrite* */
    GPtrArray *cases;   /* of RunCase*; NULL: none given */
    char *cases_folder; /* of the course folder, or NULL */
    bool shows_expected;
} RunParameters;

void *run_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics);
void run_free(void *parameters);
void run_case_free(void *run_case);
