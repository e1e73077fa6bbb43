/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of `rubric gradescope`, one file each; cmd_gradescope.c has the table. */
#pragma once

#include "daemon/cli/cli.h"

extern const Command gradescope_bridge_verb, gradescope_import_verb, gradescope_key_verb, gradescope_results_verb,
    gradescope_session_verb;

/* Makes a key for one assignment and stores its hash. *ret_key: shown once, then gone; free with secret_free. */
bool gradescope_key_make(Store *store, const Assignment *assignment, const char *note, gint64 max_bytes, gint64 *ret_id,
                         char **ret_key, GError **error);
