/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file on the branch RESULTS_BRANCH of the student's repository, pushed by git: it takes none of the writes that
 * GitHub allows a minute and an hour, so that the results of a burst are there at once. Each verdict has its own,
 * <sink>/<assignment>/<submission>-<verdict>.md; README.md beside them is the newest.
 *
 * In this order: what the repository of this number is called now, the branch's tip, a commit on top of it that is made
 * of objects alone, a push that only goes forward. Killed after the push, the next try makes the same tree and has
 * nothing to push. Students may write to this branch, too: nothing of it is ever checked out or run.
 */
#include <string.h>
#include <unistd.h>

#include "daemon/net/git_child.h"
#include "daemon/net/github_client.h"
#include "daemon/net/github_write.h"
#include "daemon/net/source.h"

static const gint64 max_bytes = 64 * 1024 * 1024, us_per_ms = 1000;
static const char branch_ref[] = "refs/heads/" RESULTS_BRANCH;

/* One try: a bare repository of its own, removed at the end. */
typedef struct {
    GithubPost *post;
    GitChild local, remote; /* without and with the credential */
    char *folder, *mirror, *url;
    int folder_fd;
    char *tip, *tree; /* the branch over there and what it holds; NULL: there is none yet */
} Push;

static void push_clear(Push *push)
{
    if (push->remote.credential_fd > 0)
        close(push->remote.credential_fd);
    if (push->folder_fd >= 0)
        close(push->folder_fd);
    if (push->folder)
        file_remove_tree(push->folder, NULL);
    g_free(push->folder);
    g_free(push->mirror);
    g_free(push->url);
    g_free(push->tip);
    g_free(push->tree);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Push, push_clear)

static void stop(GithubPost *post, GithubOutcome outcome, const char *said)
{
    github_answer_clear(&post->answer);
    post->answer.outcome = outcome; /* RETRY: the sink's own waits, since nobody said when */
    post->answer.said = text_escape_terminal(said, strlen(said));
}

/* ---- git -----------------------------------------------------------------------------------------------------------
 */

/* What git was refused, as the API would have put it. */
static GithubOutcome outcome_of(const GError *problem)
{
    static const struct {
        const char *words;
        GithubOutcome outcome;
    } refusals[] = {
        {"archived", GITHUB_GONE},       {"error: 403", GITHUB_DENIED},          {"error: 404", GITHUB_NOT_FOUND},
        {"not found", GITHUB_NOT_FOUND}, {"[remote rejected]", GITHUB_CONFLICT}, /* a rule of the repository, or a
                                                                                    branch called as ours begins */
    };
    if (problem->code == RUBRIC_ERROR_LIMIT)
        return GITHUB_INVALID;
    if (problem->code == RUBRIC_ERROR_DENIED)
        return GITHUB_DENIED;
    for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (strstr(problem->message, refusals[i].words))
            return refusals[i].outcome;
    }
    return GITHUB_RETRY;
}

/* With the credential, over the network. *ret_is_absent (may be NULL): the branch is not there, which is no failure. */
static bool ask_remote(Push *push, const char *const *arguments, bool *ret_is_absent, GError **error)
{
    GithubPost *post = push->post;
    g_autoptr(GError) problem = NULL;
    push->remote.timeout_ms = MAX((post->end_mono_us - clock_monotonic_us()) / us_per_ms, 1);
    if (git_must(&push->remote, push->mirror, arguments, NULL, &problem))
        return true;
    if (problem->code == RUBRIC_ERROR_SYSTEM) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    if (ret_is_absent && strstr(problem->message, "couldn't find remote ref")) {
        *ret_is_absent = true;
        return true;
    }
    stop(post, outcome_of(problem), problem->message);
    if (problem->code == RUBRIC_ERROR_DENIED) { /* expired or taken back: once more with a fresh one */
        post->is_write_unauthorized = true;
        github_token_drop(post->client);
    }
    return false;
}

/* What git prints, without its line end. */
static char *ask_local(const Push *push, const char *const *arguments, GError **error)
{
    g_autoptr(GString) out = NULL;
    return git_must(&push->local, push->mirror, arguments, &out, error) ? g_strstrip(g_strdup(out->str)) : NULL;
}

/* ---- what is there -------------------------------------------------------------------------------------------------
 */

/* By its number, since somebody else's may bear the old name by now. */
static bool find_repository(Push *push, GError **error)
{
    GithubPost *post = push->post;
    if (!github_post_ask(post, "GET", "", NULL, error))
        return false;
    const char *name = json_string_or(post->answer.json, "full_name", "");
    push->url = g_strdup_printf("%s/%s.git", post->client->config->git, name);
    if (json_bool_or(post->answer.json, "archived", false))
        stop(post, GITHUB_GONE, "the repository is archived: nothing can be written to it");
    else if (!*name || !git_url_check(push->url, NULL))
        stop(post, GITHUB_RETRY, "GitHub's answer names no repository");
    return post->answer.outcome == GITHUB_OK;
}

static bool open_mirror(Push *push, GError **error)
{
    GithubPost *post = push->post;
    g_auto(GithubAnswer) answer = {0};
    int credential_fd = -1;
    if (!github_git_credential(post->client, &credential_fd, &answer, error))
        return false;
    if (credential_fd < 0) {
        stop(post, answer.outcome, answer.said ? answer.said : "there is no credential for git");
        post->answer.retry_at_us = answer.retry_at_us;
        return false;
    }
    push->local = push->remote = (GitChild){
        .state_folder = post->state_folder,
        .timeout_ms = MAX((post->end_mono_us - clock_monotonic_us()) / us_per_ms, 1),
        .max_bytes = max_bytes,
    };
    push->remote.credential_fd = credential_fd;
    push->folder_fd = blob_temporary_folder(post->state_folder, "results", &push->folder, error);
    push->mirror = push->folder ? g_build_filename(push->folder, "mirror", NULL) : NULL;
    return push->folder_fd >= 0 && git_make_mirror(&push->local, push->mirror, error);
}

/* The index of what is there. More than is taken of a branch that students write to is theirs to mend. */
static bool read_tip(const Push *push, GError **error)
{
    const char *const arguments[] = {"read-tree", "--", push->tip, NULL};
    g_autoptr(GError) problem = NULL;
    if (git_must(&push->local, push->mirror, arguments, NULL, &problem))
        return true;
    if (problem->code == RUBRIC_ERROR_LIMIT)
        stop(push->post, GITHUB_INVALID, "the branch " RESULTS_BRANCH " holds more files than are read: delete it");
    else
        g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

static bool fetch_tip(Push *push, GError **error)
{
    g_autofree char *refspec = g_strdup_printf("+%s:refs/rubricd/incoming/0", branch_ref);
    const char *const fetch[] = {"fetch",
                                 "--quiet",
                                 "--depth=1",
                                 "--no-tags",
                                 "--no-recurse-submodules",
                                 "--no-write-fetch-head",
                                 "--no-auto-maintenance",
                                 "--",
                                 push->url,
                                 refspec,
                                 NULL};
    bool is_absent = false;
    if (!ask_remote(push, fetch, &is_absent, error))
        return false;
    if (is_absent)
        return true;
    push->tip = git_incoming_commit(&push->local, push->mirror, 0, error);
    g_autofree char *tree = push->tip ? g_strconcat(push->tip, "^{tree}", NULL) : NULL;
    const char *const find_tree[] = {"rev-parse", "--verify", "--end-of-options", tree, NULL};
    push->tree = tree ? ask_local(push, find_tree, error) : NULL;
    return push->tree && read_tip(push, error);
}

/* Is there a file of a later submission, or of a later verdict on this one? `names`: one a line. */
static bool has_newer(const GithubPost *post, const char *names)
{
    g_auto(GStrv) lines = g_strsplit(names, "\n", -1);
    for (gsize i = 0; lines[i]; i++) {
        const char *name = strrchr(lines[i], '/');
        char *end = NULL;
        gint64 submission = name ? g_ascii_strtoll(name + 1, &end, 10) : 0;
        gint64 verdict = end && *end == '-' ? g_ascii_strtoll(end + 1, &end, 10) : 0;
        if (verdict > 0 && strcmp(end, ".md") == 0 &&
            (submission > post->submission_id || (submission == post->submission_id && verdict > post->verdict_number)))
            return true;
    }
    return false;
}

/* ---- what is to be there -------------------------------------------------------------------------------------------
 */

static bool add_file(const Push *push, const char *blob, const char *folder, const char *name, GError **error)
{
    g_autofree char *entry = g_strdup_printf("100644,%s,%s/%s", blob, folder, name);
    const char *const arguments[] = {"update-index", "--add", "--replace", "--cacheinfo", entry, NULL};
    return git_must(&push->local, push->mirror, arguments, NULL, error);
}

/* The tree with our files in it; caller frees. */
static char *make_tree(const Push *push, GError **error)
{
    const GithubPost *post = push->post;
    g_autofree char *page = g_build_filename(push->folder, "page.md", NULL);
    g_autofree char *title = github_write_title(post);
    g_autofree char *folder = g_strconcat(title, "/", NULL);
    g_autofree char *name =
        g_strdup_printf("%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT ".md", post->submission_id, post->verdict_number);
    if (!file_write_atomic(page, post->page->comment, strlen(post->page->comment), 0600, error))
        return NULL;
    const char *const hash[] = {"hash-object", "-w", "--no-filters", "--", page, NULL};
    const char *const list[] = {"ls-tree", "--name-only", push->tip, folder, NULL};
    const char *const write_tree[] = {"write-tree", NULL};
    g_autofree char *blob = ask_local(push, hash, error);
    g_autofree char *there = blob && push->tip ? ask_local(push, list, error) : g_strdup("");
    if (!blob || !there || !add_file(push, blob, title, name, error) ||
        (!has_newer(post, there) && !add_file(push, blob, title, "README.md", error)))
        return NULL;
    return ask_local(push, write_tree, error);
}

static char *make_commit(const Push *push, const char *tree, GError **error)
{
    const GithubPost *post = push->post;
    g_autofree char *title = github_write_title(post);
    g_autofree char *message =
        g_strdup_printf("%s: %s\n\nSubmission %" G_GINT64_FORMAT ", verdict %" G_GINT64_FORMAT ", of %s.", title,
                        post->page->title, post->submission_id, post->verdict_number, post->place->sha);
    const char *const arguments[] = {"commit-tree", "-m", message, tree, push->tip ? "-p" : NULL, push->tip, NULL};
    return ask_local(push, arguments, error);
}

char *github_write_branch(GithubPost *post, GError **error)
{
    g_auto(Push) push = {.post = post, .folder_fd = -1};
    post->is_write_unauthorized = false;
    if (!find_repository(&push, error) || !open_mirror(&push, error) || !fetch_tip(&push, error))
        return NULL;
    g_autofree char *tree = make_tree(&push, error);
    if (!tree)
        return NULL;
    if (g_strcmp0(tree, push.tree) == 0)
        return g_strconcat("commit ", push.tip, NULL);
    g_autofree char *commit = make_commit(&push, tree, error);
    g_autofree char *refspec = commit ? g_strconcat(commit, ":", branch_ref, NULL) : NULL;
    const char *const arguments[] = {"push", "--quiet", "--", push.url, refspec, NULL};
    return commit && ask_remote(&push, arguments, NULL, error) ? g_strconcat("commit ", commit, NULL) : NULL;
}
