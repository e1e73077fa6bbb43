/* SPDX-License-Identifier: Apache-2.0 */
/* The graders that the registry lists. A new one adds a line here and one in graders.c. */
#pragma once

#include "graders/graders.h"

extern const Grader grader_autolab;
extern const Grader grader_files;
extern const Grader grader_git;
extern const Grader grader_gradescope;
extern const Grader grader_run;
extern const Grader grader_tests;
