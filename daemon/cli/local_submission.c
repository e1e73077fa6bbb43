/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/local_submission.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

void local_submission_clear(LocalSubmission *submission)
{
    if (submission->temporary)
        file_remove_tree(submission->temporary, NULL);
    g_clear_pointer(&submission->temporary, g_free);
    g_clear_pointer(&submission->path, g_free);
    g_clear_pointer(&submission->digest, g_free);
    g_clear_pointer(&submission->commit, g_free);
    g_clear_pointer(&submission->refs, g_strfreev);
}

/* The part before an @REVISION; the '@' of "git@host:path" stands before a slash or colon. */
static char *split_revision(const char *what, char **ret_revision)
{
    const char *last = strrchr(what, '@');
    bool is_revision = last && last != what && last[1] && !strchr(last, ':') &&
                       (strchr(what, '/') ? strchr(what, '/') < last : strchr(what, ':') && strchr(what, ':') < last);
    bool after_bundle = last && last - what >= 7 && strncmp(last - 7, ".bundle", 7) == 0;
    if (!is_revision && !after_bundle) {
        *ret_revision = NULL;
        return g_strdup(what);
    }
    *ret_revision = g_strdup(last + 1);
    return g_strndup(what, (gsize)(last - what));
}

bool local_submission_is_git(const char *what)
{
    if (g_file_test(what, G_FILE_TEST_EXISTS))
        return g_str_has_suffix(what, ".bundle");
    g_autofree char *revision = NULL;
    g_autofree char *url = split_revision(what, &revision);
    const char *colon = strchr(url, ':'), *slash = strchr(url, '/');
    return g_str_has_suffix(url, ".bundle") || (colon && (!slash || colon < slash));
}

/* ---- git
 * -------------------------------------------------------------------------------------------------------------- */

/* Runs git, in the folder `repository` below the temporary one if that is wanted. INVALID, with git's last words. */
static bool run_git(const GitChild *git, bool in_repository, const char *const *arguments, char **ret_output,
                    GError **error)
{
    g_autofree char *repository = g_build_filename(git->state_folder, "repository", NULL);
    g_autofree char *words = NULL;
    g_autoptr(GString) out = NULL;
    int status;
    if (!git_run(git, in_repository ? repository : NULL, arguments, &out, &words, &status, error))
        return false;
    if (status != 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "git says: %s", words);
    if (ret_output)
        *ret_output = g_strstrip(g_strndup(out->str, out->len));
    return true;
}

/* The full name or id that `revision` has here; NULL: the branch that HEAD names over there, else the only branch. */
static char *choose_revision(const GitChild *git, const char *url, const char *revision, GError **error)
{
    if (revision)
        return g_strdup(revision);
    g_autofree char *listed = NULL;
    if (!run_git(git, false, (const char *[]){"ls-remote", "--", url, "HEAD", NULL}, &listed, error))
        return NULL;
    const gsize commit_length = 40;
    if (strlen(listed) > commit_length)
        return g_strndup(listed, commit_length);
    g_autofree char *heads = NULL;
    if (!run_git(git, true, (const char *[]){"for-each-ref", "--format=%(refname)", "refs/heads", NULL}, &heads, error))
        return NULL;
    if (*heads && !strchr(heads, '\n'))
        return g_steal_pointer(&heads);
    error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" does not say which branch is meant; add @BRANCH, @TAG or @COMMIT",
              url);
    return NULL;
}

/* An option in disguise, or a revision syntax that reads more than names. */
static bool is_plain_revision(const char *revision)
{
    return *revision != '-' && !strpbrk(revision, " :^~\\?*[{\n");
}

static bool fetch(const GitChild *git, const char *url, const char *revision, LocalSubmission *submission,
                  GError **error)
{
    if (revision && !is_plain_revision(revision))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not the name of a branch, tag or commit", revision);
    g_autofree char *repository = g_build_filename(git->state_folder, "repository", NULL);
    const char *const init[] = {"init", "--quiet", "--bare", "--template=", repository, NULL};
    const char *const get[] = {"fetch",
                               "--quiet",
                               "--no-write-fetch-head",
                               "--",
                               url,
                               "+refs/heads/*:refs/heads/*",
                               "+refs/tags/*:refs/tags/*",
                               NULL};
    if (!run_git(git, false, init, NULL, error) || !run_git(git, true, get, NULL, error)) {
        g_prefix_error(error, "cannot fetch \"%s\": ", url);
        return false;
    }
    g_autofree char *chosen = choose_revision(git, url, revision, error);
    if (!chosen)
        return false;
    g_autofree char *peeled = g_strconcat(chosen, "^{commit}", NULL);
    g_autofree char *refs = NULL;
    const char *const parse[] = {"rev-parse", "--verify", "--quiet", "--end-of-options", peeled, NULL};
    const char *const list[] = {"for-each-ref", "--format=%(refname)", NULL};
    if (!run_git(git, true, parse, &submission->commit, NULL))
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "\"%s\" has no branch, tag or commit \"%s\"", url, chosen);
    if (!run_git(git, true, list, &refs, error))
        return false;
    submission->refs = g_strsplit(refs, "\n", -1);
    submission->digest = g_strconcat("git:", submission->commit, NULL);
    submission->path = g_steal_pointer(&repository);
    return true;
}

static bool open_git(const char *what, LocalSubmission *submission, GError **error)
{
    const gint64 timeout_ms = 300000, max_bytes = G_GINT64_CONSTANT(2) << 30;
    g_autofree char *revision = NULL;
    g_autofree char *named = split_revision(what, &revision);
    bool is_bundle = g_file_test(named, G_FILE_TEST_IS_REGULAR);
    /* git runs in a folder of its own. */
    g_autofree char *url = is_bundle ? g_canonicalize_filename(named, NULL) : g_strdup(named);
    if (!is_bundle && !git_url_check(url, error))
        return false;
    submission->kind = CONTENT_GIT;
    submission->temporary = g_dir_make_tmp("rubric-git-XXXXXX", error);
    const GitChild git = {.state_folder = submission->temporary, .timeout_ms = timeout_ms, .max_bytes = max_bytes};
    return submission->temporary && fetch(&git, url, revision, submission, error);
}

bool local_submission_open(const char *what, LocalSubmission *ret, GError **error)
{
    g_auto(LocalSubmission) submission = {0};
    if (local_submission_is_git(what)) {
        if (!open_git(what, &submission, error))
            return false;
    } else {
        submission.path = g_canonicalize_filename(what, NULL);
        file_autofd int fd = open(submission.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat info;
        if (fd < 0 || fstat(fd, &info) < 0)
            return error_set_errno(error, errno, "cannot open \"%s\"", what);
        if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode))
            return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is neither a folder nor a file", what);
        submission.kind = S_ISDIR(info.st_mode) ? CONTENT_FOLDER : CONTENT_ARCHIVE;
        g_autofree char *hex = submission.kind == CONTENT_ARCHIVE ? file_sha256_fd(fd, error) : NULL;
        if (submission.kind == CONTENT_ARCHIVE && !hex)
            return false;
        submission.digest = hex ? g_strconcat("sha256:", hex, NULL) : NULL;
    }
    *ret = submission;
    submission = (LocalSubmission){0};
    return true;
}

void local_submission_fill(const LocalSubmission *submission, WorkerJob *job)
{
    job->content_kind = submission->kind;
    job->content_path = g_strdup(submission->path);
    job->git_commit = g_strdup(submission->commit);
    job->git_refs = g_strdupv(submission->refs);
}
