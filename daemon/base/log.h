/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs log; libraries return errors. A line is an event name and key=value fields on stderr: `<N>`-prefixed JSON
 * when stderr is the journal's, plain text on a terminal or file. Never put a secret in a field.
 */
#pragma once

#include <glib.h>
#include <syslog.h>

/* Names this process in every line ("intake", "grade-1") and chooses the form from the environment. `level` is the
 * least urgent syslog level to print (LOG_INFO: no debug lines). Call once, in main(). */
void log_setup(const char *process_name, int level);

/* log_event(LOG_INFO, "submission_graded", "submission", "12", "points", "85", NULL): pairs of key and text value; a
 * NULL value prints as null. The list ends with a NULL key. */
void log_event(int level, const char *event, ...) G_GNUC_NULL_TERMINATED;

/* Logs `error` under `event` with one more field, and frees it. */
void log_error_free(int level, const char *event, const char *key, const char *value, GError *error);
