/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session with Gradescope's web pages, as a member of the course's staff has it in a browser. Experimental: there is
 * no contract on these pages, so it is off unless configured, asks one thing at a time (all processes of a state
 * folder together) with a pause before its next, and stops loudly where a page is not as known.
 *
 * Errors: TEMPORARY: no answer, busy, 5xx; later it may go. DENIED: the account is refused, or may not do this; the
 * same account file is not tried again. INVALID: a page changed its shape. LIMIT: too large. All of them say what to
 * do.
 */
#pragma once

#include "daemon/net/gradescope_page.h"
#include "daemon/net/http.h"

/* The connection, as the operator wrote it (rubricd.yaml `gradescope:`). */
typedef struct {
    char *url;          /* without a slash at its end: "https://www.gradescope.com" */
    char *account_file; /* two lines: e-mail address, password */
    gint64 pace_us;     /* the least time between two requests; up to half of it more is added by chance */
} GradescopeConfig;
void gradescope_config_free(GradescopeConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GradescopeConfig, gradescope_config_free)

typedef struct GradescopeSession GradescopeSession;
/* Makes *session (NULL at first) one with `course`, Gradescope's number of it: another one if that has changed, in
 * *ret_is_new. Asks nothing yet. Borrows config. INVALID: `course` is NULL, course.yaml does not tell. */
bool gradescope_session_open(GradescopeSession **session, const GradescopeConfig *config, const char *state_folder,
                             const char *course, bool *ret_is_new, GError **error);
void gradescope_session_free(GradescopeSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GradescopeSession, gradescope_session_free)

/* Each logs in when it has to, once more when the session is over, and takes a fresh token when the one it shows is
 * refused. Arrays as gradescope_page.h has them. */
GPtrArray *gradescope_session_assignments(GradescopeSession *session, GError **error);
GPtrArray *gradescope_session_members(GradescopeSession *session, GError **error);
GPtrArray *gradescope_session_extensions(GradescopeSession *session, const char *assignment, GError **error);

/* Has an export of all submissions of an assignment made; *ret_file is its number. */
bool gradescope_session_export(GradescopeSession *session, const char *assignment, gint64 *ret_file, GError **error);
/* *ret_url with READY, a secret; caller frees. */
bool gradescope_session_export_state(GradescopeSession *session, gint64 file, GradescopeFileState *ret_state,
                                     char **ret_url, GError **error);
/* Fetches it into an empty file. TEMPORARY also while it is not there yet. */
bool gradescope_session_fetch(GradescopeSession *session, const char *url, int fd, gint64 max_bytes, GError **error);

/* Has the autograder rerun for one submission. */
bool gradescope_session_rerun(GradescopeSession *session, const char *assignment, const char *submission,
                              GError **error);
