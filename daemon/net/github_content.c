/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_content.h"

#include "daemon/net/source.h"

#include <string.h>

static const guint max_authors = 100;

void github_content_free(gpointer data)
{
    GithubContent *content = data;
    if (content->authors)
        g_ptr_array_unref(content->authors);
    g_free(content->lack);
    g_free(content);
}

/* ---- what is missing -----------------------------------------------------------------------------------------------
 */

static guint count_lines(const GString *text, const char *line)
{
    g_auto(GStrv) lines = g_strsplit(text ? text->str : "", "\n", -1);
    guint n = 0;
    for (guint i = 0; lines[i]; i++)
        n += line ? strcmp(lines[i], line) == 0 : *lines[i] != '\0';
    return n;
}

static bool read_lack(const GitChild *git, const char *mirror, const char *commit, char **ret_lack, GError **error)
{
    const char *const tree[] = {"ls-tree", "-r", "--full-tree", "--format=%(objectmode)", commit, NULL};
    const char *const attributes[] = {"grep", "-l", "-F", "-e", "filter=lfs", commit, "--", ":(glob)**/.gitattributes",
                                      NULL};
    g_autoptr(GString) modes = NULL;
    g_autoptr(GString) files = NULL;
    int status = 0;
    if (!git_run(git, mirror, tree, &modes, NULL, &status, error) ||
        !git_run(git, mirror, attributes, &files, NULL, &status, error))
        return false;
    guint n_modules = count_lines(modes, "160000");
    bool has_lfs = count_lines(files, NULL) > 0;
    GString *lack = g_string_new(NULL);
    if (n_modules > 0)
        g_string_append_printf(lack,
                               "it has %u submodule%s, which are never fetched: the folder is empty where it is graded",
                               n_modules, n_modules == 1 ? "" : "s");
    if (has_lfs)
        g_string_append_printf(lack,
                               "%sit keeps files in Git LFS, which are never fetched: what is graded is the pointers",
                               lack->len > 0 ? "; " : "");
    *ret_lack = g_string_free(lack, lack->len == 0);
    return true;
}

static bool read_authors(const GitChild *git, const char *mirror, const char *commit, const char *before,
                         GithubContent *content, GError **error)
{
    g_autofree char *not_before = before ? g_strconcat("^", before, NULL) : NULL;
    const char *const arguments[] = {
        "log", "--format=%ae", "--max-count=500", commit, not_before ? not_before : "--", not_before ? "--" : NULL,
        NULL};
    g_autoptr(GString) out = NULL;
    int status = 0;
    if (!git_run(git, mirror, arguments, &out, NULL, &status, error))
        return false;
    content->authors = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *valid = g_utf8_make_valid(out->str, -1);
    g_autofree char *lower = g_utf8_strdown(valid, -1);
    g_auto(GStrv) lines = g_strsplit(lower, "\n", -1);
    for (guint i = 0; lines[i] && content->authors->len < max_authors; i++) {
        if (*lines[i] && !g_ptr_array_find_with_equal_func(content->authors, lines[i], g_str_equal, NULL))
            g_ptr_array_add(content->authors, g_strdup(lines[i]));
    }
    return true;
}

bool github_content_read(const GitChild *git, const char *mirror, const char *commit, const char *before,
                         GithubContent *ret_content, GError **error)
{
    return read_lack(git, mirror, commit, &ret_content->lack, error) &&
           read_authors(git, mirror, commit, before, ret_content, error);
}

/* ---- whose people --------------------------------------------------------------------------------------------------
 */

const Person *github_person_of_login(const Course *course, const char *login)
{
    for (guint i = 0; i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        if (person->github && g_ascii_strcasecmp(person->github, login) == 0)
            return person;
    }
    return NULL;
}

const Person *github_person_of_email(const Course *course, const char *email)
{
    const char hidden[] = "@users.noreply.github.com";
    if (!g_str_has_suffix(email, hidden))
        return course_find_person(course, email);
    g_autofree char *login = g_strndup(email, strlen(email) - strlen(hidden));
    const char *plus = strchr(login, '+');
    return github_person_of_login(course, plus ? plus + 1 : login);
}

/* NULL: one of the owner's, or of the staff. */
static char *doubt_person(const GithubIdentity *identity, const Person *person)
{
    if (person->status == STATUS_STAFF)
        return NULL;
    const char *theirs = source_owner_of(identity->assignment, person);
    if (g_strcmp0(theirs, identity->owner) == 0)
        return NULL;
    return theirs ? g_strdup_printf("%s of \"%s\"", person->id, theirs)
                  : g_strdup_printf("%s, who is in no team", person->id);
}

static void add_doubt(const GithubIdentity *identity, GString *doubts, const char *what, const char *name,
                      const Person *person)
{
    const guint max_shown = 80;
    g_autofree char *whose = person ? doubt_person(identity, person) : g_strdup("whom the roster does not know");
    if (!whose || !g_hash_table_add(identity->strangers, g_strdup(name)))
        return;
    g_autofree char *shown = text_escape_terminal(name, max_shown);
    g_string_append_printf(doubts, "%s%s \"%s\" (%s)", doubts->len > 0 ? "; " : "", what, shown, whose);
}

char *github_identity_doubt(const GithubIdentity *identity)
{
    g_autoptr(GString) doubts = g_string_new(NULL);
    const char *login = identity->login;
    if (login)
        add_doubt(identity, doubts, "pushed by the GitHub login", login,
                  github_person_of_login(identity->course, login));
    for (guint i = 0; identity->authors && i < identity->authors->len; i++) {
        const char *email = g_ptr_array_index(identity->authors, i);
        add_doubt(identity, doubts, "with commits by", email, github_person_of_email(identity->course, email));
    }
    if (doubts->len == 0)
        return NULL;
    return g_strdup_printf(
        "handed in for \"%s\" %s: is that right? It was taken as theirs; roster.csv knows logins and "
        "aliases",
        identity->owner, doubts->str);
}
