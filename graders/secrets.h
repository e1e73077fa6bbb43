/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that look like credentials. Linear in the text; never returns the secret itself. */
#pragma once

#include "rubrics/rubrics.h"

/* What the content of a file named `path` holds: "an AWS access key", ..., and the line (from 1). NULL: nothing. Static
 * text. */
const char *secrets_find(const char *path, const char *data, gsize length, gsize *ret_line);
