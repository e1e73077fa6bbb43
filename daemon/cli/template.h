/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a new course (template/ and the schemas), built into the program by embed.cmake.
 */
#pragma once

#include <stddef.h>

typedef struct {
    const char *path; /* relative to the course folder; NULL ends the table */
    const char *data;
    size_t length;
} TemplateFile;

extern const TemplateFile template_files[];
/* What Gradescope's container gets, bridge/. */
extern const TemplateFile bridge_files[];
