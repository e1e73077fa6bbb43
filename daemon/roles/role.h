/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loops have in common: the store, the course, the wake socket, a name.
 */
#pragma once

#include "daemon/roles/course_watch.h"
#include "daemon/roles/roles.h"

struct Role {
    const Config *config;
    const char *role, *instance;
    char *worker; /* name of its claims: "grade-1" */
    Store *store;
    CourseWatch watch;
    int wake_fd;
    bool once;
};

/* Sleeps till woken or `until_mono_us`. true: woken. */
bool role_sleep(const Role *role, gint64 until_mono_us);

/* The loops: 0 only when done with `once`; else they return when the store or the machine fails, and the supervisor
 * starts them again. */
int intake_loop(Role *role);
int grade_loop(Role *role);
int post_loop(Role *role);
int notice_loop(Role *role);

/* A note <state>/run/<name>.json for `rubric status` and digests: no record, so it is written without syncing, and
 * losing it is no harm. */
void note_write(const Config *config, const char *name, const cJSON *json);

/* Posts again what became visible because a deadline has passed, once per assignment. */
bool outcome_repost_due(Store *store, const Config *config, const Course *course, GError **error);
