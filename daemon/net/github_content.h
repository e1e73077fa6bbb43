/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person should know of a fetched commit: what of it is missing where it is graded, and whether its people are
 * the owner's. Nothing here is ever guessed or refused: it becomes a flag.
 */
#pragma once

#include "daemon/net/net.h"

typedef struct {
    GPtrArray *authors; /* of char*: e-mails, lower case, each once, of the commits that are new */
    char *lack;         /* a sentence: submodules, files in LFS; or NULL */
} GithubContent;
void github_content_free(gpointer content);
/* `before`: a commit that was looked into already, or NULL. */
bool github_content_read(const GitChild *git, const char *mirror, const char *commit, const char *before,
                         GithubContent *ret_content, GError **error);

typedef struct {
    const Course *course;
    const Assignment *assignment;
    const char *owner, *login; /* login NULL: unknown who */
    const GPtrArray *authors;  /* NULL: none */
    GHashTable *strangers;     /* who was told of before; renewed */
} GithubIdentity;
/* A sentence for a flag, or NULL: everybody is the owner's or of the staff, or was told of before. Caller frees. */
char *github_identity_doubt(const GithubIdentity *identity);
/* Whom a commit's e-mail means: by the roster, or "123+login@users.noreply.github.com". NULL: nobody. Borrowed. */
const Person *github_person_of_email(const Course *course, const char *email);
const Person *github_person_of_login(const Course *course, const char *login);
