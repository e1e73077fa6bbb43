/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The course as the daemon uses it: loaded again when its files change, the last good version kept when they are wrong.
 */
#pragma once

#include "daemon/tokens/tokens.h"

typedef struct {
    char *folder;
    Course *course; /* never NULL after course_watch_open */
    Policy *policy;
    char *fingerprint; /* of the files as they were when they were last read */
    char *problems;    /* diagnostics of the files as they are now; NULL: they are good */
    gint64 looked_mono_us;
} CourseWatch;

/* Loads the course. INVALID with all diagnostics in the message. */
bool course_watch_open(CourseWatch *watch, const char *folder, GError **error);
void course_watch_clear(CourseWatch *watch);

/* Looks at the files, at most once a second. true: something changed, so `course` is a new one, or `problems` are new.
 */
bool course_watch_refresh(CourseWatch *watch);
