/* SPDX-License-Identifier: Apache-2.0 */
/* All of this is the course's author's own; what student code in it does, it does in a box. */
#include "daemon/cli/recipe.h"

#include <string.h>

static const gint64 child_timeout_ms = 60000;
static const gsize max_child_output = 64 * 1024;
static const gsize max_edited_bytes = 1024 * 1024;

static void edit_free(gpointer data)
{
    RecipeEdit *edit = data;
    g_free(edit->file);
    g_free(edit->from);
    g_free(edit->to);
    g_free(edit);
}

static void commit_free(gpointer data)
{
    RecipeCommit *commit = data;
    g_free(commit->by);
    g_free(commit->message);
    g_strfreev(commit->files);
    g_free(commit);
}

void recipe_free(Recipe *recipe)
{
    if (!recipe)
        return;
    recipe_free(recipe->base);
    g_free(recipe->folder);
    g_strfreev(recipe->removes);
    g_ptr_array_unref(recipe->edits);
    g_clear_pointer(&recipe->history, g_ptr_array_unref);
    g_strfreev(recipe->tags);
    g_free(recipe);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static RecipeEdit *read_edit(const YamlNode *node, Diagnostics *diagnostics)
{
    RecipeEdit *edit = g_new0(RecipeEdit, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "edit", diagnostics);
    edit->file = g_strdup(yaml_read_text(&reader, "file", YAML_REQUIRED, ""));
    edit->from = g_strdup(yaml_read_text(&reader, "from", YAML_REQUIRED, ""));
    edit->to = g_strdup(yaml_read_text(&reader, "to", YAML_REQUIRED, ""));
    yaml_reader_end(&reader);
    return edit;
}

static RecipeCommit *read_commit(const YamlNode *node, GTimeZone *zone, Diagnostics *diagnostics)
{
    RecipeCommit *commit = g_new0(RecipeCommit, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "commit", diagnostics);
    commit->by = g_strdup(yaml_read_text(&reader, "by", YAML_REQUIRED, ""));
    commit->message = g_strdup(yaml_read_text(&reader, "message", YAML_REQUIRED, ""));
    commit->at_us = yaml_read_time_us(&reader, "at", YAML_REQUIRED, zone, 0);
    commit->files = yaml_read_texts(&reader, "files", YAML_OPTIONAL);
    yaml_reader_end(&reader);
    return commit;
}

Recipe *recipe_read(YamlReader *reader, const char *folder, GTimeZone *zone)
{
    Recipe *recipe = g_new0(Recipe, 1);
    recipe->folder = g_file_test(folder, G_FILE_TEST_IS_DIR) ? g_strdup(folder) : NULL;
    recipe->edits = g_ptr_array_new_with_free_func(edit_free);
    recipe->removes = yaml_read_texts(reader, "remove", YAML_OPTIONAL);
    recipe->tags = yaml_read_texts(reader, "tags", YAML_OPTIONAL);
    const YamlNode *edits = yaml_read_sequence(reader, "edit", YAML_OPTIONAL);
    for (gsize i = 0; edits && i < yaml_length(edits); i++)
        g_ptr_array_add(recipe->edits, read_edit(yaml_item(edits, i), reader->diagnostics));
    const YamlNode *history = yaml_read_sequence(reader, "history", YAML_OPTIONAL);
    if (history)
        recipe->history = g_ptr_array_new_with_free_func(commit_free);
    for (gsize i = 0; history && i < yaml_length(history); i++)
        g_ptr_array_add(recipe->history, read_commit(yaml_item(history, i), zone, reader->diagnostics));
    return recipe;
}

bool recipe_is_needed(const Recipe *recipe)
{
    return recipe->base || recipe->history || recipe->removes || recipe->edits->len > 0;
}

static const GPtrArray *find_history(const Recipe *recipe)
{
    while (recipe && !recipe->history)
        recipe = recipe->base;
    return recipe ? recipe->history : NULL;
}

static char *const *find_tags(const Recipe *recipe)
{
    static char *const none[] = {NULL};
    while (recipe && !recipe->tags)
        recipe = recipe->base;
    return recipe ? recipe->tags : none;
}

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
    error_set(error, RUBRIC_ERROR_INVALID,
              "the expectation speaks of the file \"%s\", and the sample has none of that name", path);
    return NULL;
}

static bool remove_path(const char *files, const char *path, GError **error)
{
    g_autofree char *full = find_laid_out(files, path, error);
    return full && file_remove_tree(full, error);
}

static bool apply_edit(const char *files, const RecipeEdit *edit, GError **error)
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

/* The base's files, without what is removed, edited, with the own ones on top. */
static bool lay_files(const Recipe *recipe, const char *files, GError **error)
{
    if (recipe->base && !lay_files(recipe->base, files, error))
        return false;
    for (char **path = recipe->removes; path && *path; path++) {
        if (!remove_path(files, *path, error))
            return false;
    }
    for (guint i = 0; i < recipe->edits->len; i++) {
        if (!apply_edit(files, g_ptr_array_index(recipe->edits, i), error))
            return false;
    }
    if (!recipe->folder && !recipe->base)
        return error_set(error, RUBRIC_ERROR_INVALID, "a base must be a folder, so that something can be made from it");
    if (!recipe->folder)
        return true;
    g_autofree char *from = g_build_filename(recipe->folder, ".", NULL);
    return run_child((const char *[]){"cp", "-RP", from, files, NULL}, NULL, NULL, error);
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
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Repository, repository_clear)

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
static char **author_environment(const Course *course, const RecipeCommit *commit, GError **error)
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

static bool make_commit(const Repository *repository, const Course *course, const RecipeCommit *commit, GError **error)
{
    static const char *const everything[] = {".", NULL};
    g_auto(GStrv) env = author_environment(course, commit, error);
    if (!env)
        return false;
    g_autoptr(GPtrArray) add = g_ptr_array_new();
    g_ptr_array_add(add, (gpointer) "add");
    g_ptr_array_add(add, (gpointer) "--");
    for (const char *const *path = commit->files ? (const char *const *)commit->files : everything; *path; path++)
        g_ptr_array_add(add, (gpointer)*path);
    g_ptr_array_add(add, NULL);
    const char *arguments[] = {"commit",        "--quiet", "--allow-empty", "--allow-empty-message", "--message",
                               commit->message, NULL};
    return run_git(repository, (const char *const *)add->pdata, NULL, NULL, error) &&
           run_git(repository, arguments, env, NULL, error);
}

static bool make_history(const Repository *repository, const Recipe *recipe, const Course *course, GError **error)
{
    const GPtrArray *history = find_history(recipe);
    if (!init_repository(repository, error))
        return false;
    for (guint i = 0; i < history->len; i++) {
        if (!make_commit(repository, course, g_ptr_array_index(history, i), error))
            return false;
    }
    for (char *const *tag = find_tags(recipe); *tag; tag++) {
        const char *arguments[] = {"tag", "--", *tag, NULL};
        if (!run_git(repository, arguments, NULL, NULL, error))
            return false;
    }
    return true;
}

static char **list_refs(const Recipe *recipe)
{
    g_autoptr(GStrvBuilder) refs = g_strv_builder_new();
    g_strv_builder_add(refs, "refs/heads/main");
    for (char *const *tag = find_tags(recipe); *tag; tag++) {
        g_autofree char *ref = g_strconcat("refs/tags/", *tag, NULL);
        g_strv_builder_add(refs, ref);
    }
    return g_strv_builder_end(refs);
}

static bool make_repository(const Recipe *recipe, const Course *course, const char *files, LocalSubmission *submission,
                            GError **error)
{
    const char *rev_parse[] = {"rev-parse", "--verify", "HEAD", NULL};
    g_auto(Repository) repository = {.repository = g_build_filename(submission->temporary, "repository.git", NULL)};
    repository.git_dir = g_strconcat("--git-dir=", repository.repository, NULL);
    repository.work_tree = g_strconcat("--work-tree=", files, NULL);
    g_autoptr(GString) head = NULL;
    if (!make_history(&repository, recipe, course, error) || !run_git(&repository, rev_parse, NULL, &head, error))
        return false;
    submission->kind = CONTENT_GIT;
    submission->path = g_steal_pointer(&repository.repository);
    submission->commit = g_strdup(g_strstrip(head->str));
    submission->digest = g_strconcat("git:", submission->commit, NULL);
    submission->refs = list_refs(recipe);
    return true;
}

bool recipe_make(const Recipe *recipe, const Course *course, LocalSubmission *ret, GError **error)
{
    g_auto(LocalSubmission)
        submission = {.kind = CONTENT_FOLDER, .temporary = g_dir_make_tmp("rubric-sample-XXXXXX", error)};
    if (!submission.temporary)
        return false;
    g_autofree char *files = g_build_filename(submission.temporary, "files", NULL);
    if (!file_make_folder(files, 0755, error) || !lay_files(recipe, files, error))
        return false;
    if (!find_history(recipe))
        submission.path = g_steal_pointer(&files);
    else if (!make_repository(recipe, course, files, &submission, error))
        return false;
    *ret = submission;
    submission = (LocalSubmission){0};
    return true;
}
