/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradescope's pages for people, read for what they hold for us: forms' tokens and the JSON that its scripts are given
 * in attributes. There is no contract on them, so each reader either finds the whole of what it looks for or says that
 * the page changed its shape (INVALID); nothing is taken from half a page.
 */
#pragma once

#include "daemon/base/base.h"

/* ---- tags ----------------------------------------------------------------------------------------------------------
 */

/* A walk over the start tags of a page; text, comments, end tags and the insides of scripts and styles are passed over.
 * Any bytes are fine. Borrows the page. */
typedef struct {
    const char *at, *end; /* what is still to be read */
    const char *name;     /* of the tag */
    gsize name_length;
    const char *from, *until; /* its attributes */
} HtmlTags;
void html_tags_start(HtmlTags *tags, const char *page, gsize length);
bool html_tags_next(HtmlTags *tags);
bool html_tag_is(const HtmlTags *tags, const char *name);
/* The value of the tag's attribute, character references resolved; NULL: it has none. Caller frees. */
char *html_attribute(const HtmlTags *tags, const char *name);

/* ---- pages ---------------------------------------------------------------------------------------------------------
 */

/* The hidden authenticity_token of the form that posts to /login. Caller frees, it is a secret. */
char *gradescope_page_login_token(const char *page, gsize length, GError **error);
/* The token that writes must show, of <meta name="csrf-token">. Caller frees, it is a secret. */
char *gradescope_page_csrf(const char *page, gsize length, GError **error);

typedef struct {
    char *id;    /* digits */
    char *title; /* NULL: none */
} GradescopeAssignment;
/* Of /courses/N/assignments. Array of GradescopeAssignment*, owning. */
GPtrArray *gradescope_page_assignments(const char *page, gsize length, GError **error);

typedef struct {
    char *email, *name, *sid; /* name and sid: NULL when absent */
    bool is_student;
} GradescopeMember;
/* Of /courses/N/memberships. Array of GradescopeMember*, owning. */
GPtrArray *gradescope_page_members(const char *page, gsize length, GError **error);

typedef struct {
    char *email;                /* NULL: the page does not tell */
    char *name;                 /* as the page shows it, or NULL */
    gint64 due_us, hard_due_us; /* G_MININT64: not changed, or not told as a time */
} GradescopeExtension;
/* Of /courses/N/assignments/M/extensions. Array of GradescopeExtension*, owning. */
GPtrArray *gradescope_page_extensions(const char *page, gsize length, GError **error);

/* ---- answers that are JSON -----------------------------------------------------------------------------------------
 */

typedef enum { GRADESCOPE_FILE_WAITS, GRADESCOPE_FILE_READY, GRADESCOPE_FILE_FAILED } GradescopeFileState;
/* Number of the file that an export became; -1 and INVALID: it is none. */
gint64 gradescope_answer_file(const char *text, gsize length, GError **error);
/* Of /courses/N/generated_files/M.json. *ret_url, with READY: where it is, a secret; caller frees. */
bool gradescope_answer_file_state(const char *text, gsize length, GradescopeFileState *ret_state, char **ret_url,
                                  GError **error);
