/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a sample's files, layer by layer, and commits them when it has a history. All of this is the course's author's
 * own; what student code in it does, it does in a box.
 */
#include "daemon/cli/sample_private.h"

#include <string.h>
#include <unistd.h>

static const gint64 child_timeout_ms = 60000;
static const gsize max_child_output = 64 * 1024;
static const gsize max_edited_bytes = 1024 * 1024;

/* ---- children ------------------------------------------------------------------------------------------------------
 */

static bool run_child(const char *const *argv, const char *const *env, GString **ret_output, GError **error)
{
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    spec.env = env;
    ProcessEnd end;
    GString *output = NULL, *problems = NULL;
    if (!process_run(&spec, child_timeout_ms, max_child_output, &output, &problems, &end, error))
        return false;
    bool is_done = end.exited && end.code == 0;
    if (!is_done)
        error_set(error, RUBRIC_ERROR_SYSTEM, "%s %s: %s", argv[0], argv[1], g_strstrip(problems->str));
    if (is_done && ret_output)
        *ret_output = g_steal_pointer(&output);
    if (output)
        g_string_free(output, TRUE);
    g_string_free(problems, TRUE);
    return is_done;
}

/* ---- files ---------------------------------------------------------------------------------------------------------
 */

static bool path_stays_inside(const char *path)
{
    if (g_path_is_absolute(path) || !*path)
        return false;
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    return !g_strv_contains((const char *const *)parts, "..");
}

/* The path below `files`, or NULL when nothing is there. */
static char *find_laid_out(const char *files, const char *path, GError **error)
{
    g_autofree char *full = g_build_filename(files, path, NULL);
    GStatBuf status;
    if (path_stays_inside(path) && g_lstat(full, &status) == 0)
        return g_steal_pointer(&full);
    error_set(error, RUBRIC_ERROR_INVALID, "expect.yaml speaks of \"%s\", and the sample has no such file", path);
    return NULL;
}

static bool remove_path(const char *files, const char *path, GError **error)
{
    g_autofree char *full = find_laid_out(files, path, error);
    return full && file_remove_tree(full, error);
}

static bool apply_edit(const char *files, const SampleEdit *edit, GError **error)
{
    g_autofree char *full = find_laid_out(files, edit->file, error);
    g_autofree char *data = NULL;
    if (!full || !file_read(full, max_edited_bytes, &data, NULL, error))
        return false;
    if (!*edit->from || !strstr(data, edit->from))
        return error_set(error, RUBRIC_ERROR_INVALID, "edit: \"%s\" holds no \"%s\"", edit->file, edit->from);
    g_autoptr(GString) text = g_string_new(data);
    g_string_replace(text, edit->from, edit->to, 0);
    return file_write_atomic(full, text->str, text->len, 0644, error);
}

static bool lay_layer(const SampleLayer *layer, const char *files, GError **error)
{
    for (char **path = layer->removes; path && *path; path++) {
        if (!remove_path(files, *path, error))
            return false;
    }
    for (guint i = 0; i < layer->edits->len; i++) {
        if (!apply_edit(files, g_ptr_array_index(layer->edits, i), error))
            return false;
    }
    g_autofree char *from = g_build_filename(layer->folder, ".", NULL);
    g_autofree char *expect = g_build_filename(files, "expect.yaml", NULL);
    if (!run_child((const char *[]){"cp", "-RP", from, files, NULL}, NULL, NULL, error))
        return false;
    unlink(expect);
    return true;
}

/* ---- history -------------------------------------------------------------------------------------------------------
 */

typedef struct {
    char *repository, *git_dir, *work_tree; /* the folder, and the two options of git */
} Repository;

static void repository_clear(Repository *repository)
{
    g_free(repository->repository);
    g_free(repository->git_dir);
    g_free(repository->work_tree);
}

/* What a git child of ours sees: `more`, and nobody's configuration. Caller frees. */
static char **git_environment(const Repository *repository, char **more)
{
    char **env = g_strdupv(more);
    const char *search_path = g_getenv("PATH");
    env = g_environ_setenv(env, "PATH", search_path ? search_path : "/usr/bin:/bin", TRUE);
    env = g_environ_setenv(env, "HOME", repository->repository, TRUE);
    env = g_environ_setenv(env, "GIT_CONFIG_GLOBAL", "/dev/null", TRUE);
    return g_environ_setenv(env, "GIT_CONFIG_NOSYSTEM", "1", TRUE);
}

/* `arguments` is NULL-terminated. */
static bool run_git(const Repository *repository, const char *const *arguments, char **more_env, GString **ret_output,
                    GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, (gpointer) "git");
    g_ptr_array_add(argv, repository->git_dir);
    g_ptr_array_add(argv, repository->work_tree);
    for (const char *const *argument = arguments; *argument; argument++)
        g_ptr_array_add(argv, (gpointer)*argument);
    g_ptr_array_add(argv, NULL);
    g_auto(GStrv) env = git_environment(repository, more_env);
    return run_child((const char *const *)argv->pdata, (const char *const *)env, ret_output, error);
}

static bool init_repository(const Repository *repository, GError **error)
{
    const char *argv[] = {"git", "init", "--quiet", "--bare", "--initial-branch=main", repository->repository, NULL};
    g_auto(GStrv) env = git_environment(repository, NULL);
    return run_child(argv, (const char *const *)env, NULL, error);
}

/* Who commits, as git takes it from its environment. Caller frees. */
static char **author_environment(const Course *course, const SampleCommit *commit, GError **error)
{
    g_auto(GStrv) words = g_strsplit(commit->by, " ", 2);
    const Person *person = words[0] ? course_person(course, words[0]) : NULL;
    const char *email = words[0] && words[1] ? words[1] : person ? person->email : NULL;
    if (!person || !email) {
        error_set(error, RUBRIC_ERROR_INVALID, "history: \"%s\" is nobody of roster.csv who has an e-mail address",
                  commit->by);
        return NULL;
    }
    g_autofree char *date = g_strdup_printf("%" G_GINT64_FORMAT " +0000", commit->at_us / CLOCK_SECOND_US);
    const char *name = person->name ? person->name : person->id;
    char **env = NULL;
    env = g_environ_setenv(env, "GIT_AUTHOR_NAME", name, TRUE);
    env = g_environ_setenv(env, "GIT_AUTHOR_EMAIL", email, TRUE);
    env = g_environ_setenv(env, "GIT_AUTHOR_DATE", date, TRUE);
    env = g_environ_setenv(env, "GIT_COMMITTER_NAME", name, TRUE);
    env = g_environ_setenv(env, "GIT_COMMITTER_EMAIL", email, TRUE);
    env = g_environ_setenv(env, "GIT_COMMITTER_DATE", date, TRUE);
    return env;
}

static bool make_commit(const Repository *repository, const Course *course, const SampleCommit *commit, GError **error)
{
    static char *everything[] = {".", NULL};
    g_auto(GStrv) env = author_environment(course, commit, error);
    if (!env)
        return false;
    g_autoptr(GPtrArray) add = g_ptr_array_new();
    g_ptr_array_add(add, (gpointer) "add");
    g_ptr_array_add(add, (gpointer) "--");
    for (char **path = commit->files ? commit->files : everything; *path; path++)
        g_ptr_array_add(add, *path);
    g_ptr_array_add(add, NULL);
    const char *arguments[] = {"commit",        "--quiet", "--allow-empty", "--allow-empty-message", "--message",
                               commit->message, NULL};
    return run_git(repository, (const char *const *)add->pdata, NULL, NULL, error) &&
           run_git(repository, arguments, env, NULL, error);
}

static bool make_commits(const Repository *repository, const Sample *sample, const Course *course, GError **error)
{
    if (!init_repository(repository, error))
        return false;
    for (guint i = 0; i < sample->history->len; i++) {
        if (!make_commit(repository, course, g_ptr_array_index(sample->history, i), error))
            return false;
    }
    for (char **tag = sample->tags; tag && *tag; tag++) {
        const char *arguments[] = {"tag", "--", *tag, NULL};
        if (!run_git(repository, arguments, NULL, NULL, error))
            return false;
    }
    return true;
}

static char **list_refs(const Sample *sample)
{
    g_autoptr(GStrvBuilder) refs = g_strv_builder_new();
    g_strv_builder_add(refs, "refs/heads/main");
    for (char **tag = sample->tags; tag && *tag; tag++) {
        g_autofree char *ref = g_strconcat("refs/tags/", *tag, NULL);
        g_strv_builder_add(refs, ref);
    }
    return g_strv_builder_end(refs);
}

static bool lay_out_history(const Sample *sample, const Course *course, const char *target, const char *files,
                            WorkerJob *job, GError **error)
{
    const char *rev_parse[] = {"rev-parse", "--verify", "HEAD", NULL};
    Repository repository = {.repository = g_build_filename(target, "repository.git", NULL)};
    repository.git_dir = g_strconcat("--git-dir=", repository.repository, NULL);
    repository.work_tree = g_strconcat("--work-tree=", files, NULL);
    GString *head = NULL;
    bool is_made =
        make_commits(&repository, sample, course, error) && run_git(&repository, rev_parse, NULL, &head, error);
    if (is_made) {
        job->content_kind = CONTENT_GIT;
        job->content_path = g_steal_pointer(&repository.repository);
        job->git_commit = g_strdup(g_strstrip(head->str));
        job->git_refs = list_refs(sample);
    }
    repository_clear(&repository);
    if (head)
        g_string_free(head, TRUE);
    return is_made;
}

bool sample_lay_out(const Sample *sample, const Course *course, const char *target, WorkerJob *job, GError **error)
{
    g_autofree char *files = g_build_filename(target, "files", NULL);
    if (!file_make_folder(files, 0755, error))
        return false;
    for (guint i = 0; i < sample->layers->len; i++) {
        if (!lay_layer(g_ptr_array_index(sample->layers, i), files, error))
            return false;
    }
    if (sample->history)
        return lay_out_history(sample, course, target, files, job, error);
    job->content_kind = CONTENT_FOLDER;
    job->content_path = g_steal_pointer(&files);
    return true;
}
