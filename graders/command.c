/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a run cannot be forged by what the submission brings along: a report file that lies in the workspace before the
 * run is removed, and {out} is a new folder with a random name for this run alone. Files are copied out by the box's
 * keeper after every process of it is dead (docs/adr/0004-reports-after-death.md).
 */
#include "graders/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char box_workspace[] = "/work";
static const char box_checks[] = "/checks";

/* Everything that a BoxSpec borrows. */
typedef struct {
    GraderContext *context;
    Placeholders *placeholders;
    char *out_name; /* folder in the workspace, or NULL */
    char **argv, **env, **reports;
    char *folder, *hidden;
    BoxBind bind;
    int stdin_fd;
} Preparation;

static void preparation_clear(Preparation *preparation)
{
    if (preparation->out_name) {
        g_autofree char *path = g_build_filename(preparation->context->workspace, preparation->out_name, NULL);
        file_remove_tree(path, NULL); /* the worker's tmpfs goes soon anyway */
    }
    g_free(preparation->out_name);
    placeholders_free(preparation->placeholders);
    g_strfreev(preparation->argv);
    g_strfreev(preparation->env);
    g_strfreev(preparation->reports);
    g_free(preparation->folder);
    g_free(preparation->hidden);
    file_autofd_close(&preparation->stdin_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preparation, preparation_clear)

/* Makes the folder behind {out}. It belongs to whom the workspace belongs to, the boxes' user: what others own cannot
 * be written to in a box. */
static bool make_out(Preparation *preparation, GError **error)
{
    const mode_t any_user = 0777;
    struct stat workspace;
    g_autofree char *random = g_uuid_string_random();
    g_autofree char *name = g_strdup_printf(".rubric-out-%s", random);
    int workspace_fd = preparation->context->workspace_fd;
    if (fstat(workspace_fd, &workspace) != 0 || mkdirat(workspace_fd, name, any_user) != 0 ||
        fchmodat(workspace_fd, name, any_user, 0) != 0 ||
        (workspace.st_uid != geteuid() && fchownat(workspace_fd, name, workspace.st_uid, workspace.st_gid, 0) != 0))
        return error_set_errno(error, errno, "cannot make \"%s\" in the workspace", name);
    preparation->out_name = g_steal_pointer(&name);
    g_autofree char *path = g_build_filename(box_workspace, preparation->out_name, NULL);
    placeholders_set(preparation->placeholders, "out", path);
    return true;
}

static bool make_placeholders(Preparation *preparation, const Command *command, GError **error)
{
    g_autoptr(cJSON) values = placeholders_to_json(preparation->context->placeholders);
    preparation->placeholders = placeholders_from_json(values, error);
    if (!preparation->placeholders)
        return false;
    placeholders_set(preparation->placeholders, "work", box_workspace);
    if (command->hidden)
        placeholders_set(preparation->placeholders, "checks", box_checks);
    return true;
}

/* Appends the expansion of each text. */
static bool expand_into(GStrvBuilder *builder, const char *const *texts, const Placeholders *placeholders,
                        GError **error)
{
    for (gsize i = 0; texts && texts[i]; i++) {
        g_autofree char *text = placeholders_expand(placeholders, texts[i], error);
        if (!text)
            return false;
        g_strv_builder_add(builder, text);
    }
    return true;
}

static bool make_argv(Preparation *preparation, const Command *command, const CommandInput *input, GError **error)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();
    const char *const *args = input->args ? input->args : (const char *const *)command->args;
    if (command->shell) {
        g_autofree char *shell = placeholders_expand(preparation->placeholders, command->shell, error);
        if (!shell)
            return false;
        g_autofree char *with_args = args && args[0] ? g_strconcat(shell, " \"$@\"", NULL) : g_strdup(shell);
        g_strv_builder_add_many(argv, "/bin/sh", "-c", with_args, "sh", NULL);
    } else if (!expand_into(argv, (const char *const *)command->argv, preparation->placeholders, error)) {
        return false;
    }
    if (!expand_into(argv, args, preparation->placeholders, error))
        return false;
    preparation->argv = g_strv_builder_end(argv);
    return true;
}

/* The box gives an environment only when it is given none: with variables of its own, the default ones are said here.
 */
static bool make_environment(Preparation *preparation, const Command *command, GError **error)
{
    static const char *const defaults[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                           "HOME=/work",
                                           "LANG=C.UTF-8",
                                           "TZ=UTC",
                                           "TMPDIR=/tmp",
                                           NULL};
    if (!command->env || !command->env[0])
        return true;
    g_autoptr(GStrvBuilder) own = g_strv_builder_new();
    if (!expand_into(own, (const char *const *)command->env, preparation->placeholders, error))
        return false;
    preparation->env = g_strv_builder_end(own);
    g_autoptr(GStrvBuilder) all = g_strv_builder_new();
    for (gsize i = 0; defaults[i]; i++) {
        g_autofree char *name = g_strndup(defaults[i], strcspn(defaults[i], "="));
        if (!g_environ_getenv(preparation->env, name))
            g_strv_builder_add(all, defaults[i]);
    }
    g_strv_builder_addv(all, (const char **)preparation->env);
    g_strfreev(preparation->env);
    preparation->env = g_strv_builder_end(all);
    return true;
}

/* Removes a report that the submission brought along. What is no file stays, and the box will say so. */
static bool remove_stale(const GraderContext *context, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    file_autofd int folder_fd = file_open_beneath(context->workspace_fd, folder, O_RDONLY | O_DIRECTORY, 0);
    if (folder_fd < 0)
        return true;
    if (unlinkat(folder_fd, name, 0) == 0 || errno == ENOENT || errno == EISDIR || errno == EPERM || errno == ENOTDIR)
        return true;
    return error_set_errno(error, errno, "cannot remove \"%s\" of the submission before the run", path);
}

static bool make_reports(Preparation *preparation, const CommandInput *input, GError **error)
{
    g_autoptr(GStrvBuilder) reports = g_strv_builder_new();
    if (!input->reports)
        return true;
    if (!expand_into(reports, input->reports, preparation->placeholders, error))
        return false;
    preparation->reports = g_strv_builder_end(reports);
    for (gsize i = 0; preparation->reports[i]; i++) {
        const char *path = preparation->reports[i];
        if (g_str_has_prefix(path, box_workspace) && path[strlen(box_workspace)] == '/')
            path += strlen(box_workspace) + 1;
        if (*path != '/' && !remove_stale(preparation->context, path, error))
            return false;
    }
    return true;
}

/* Sealed, so that the box can neither change what it was given nor grow it beyond its limits. */
static bool make_stdin(Preparation *preparation, const CommandInput *input, GError **error)
{
    if (!input->stdin_data)
        return true;
    preparation->stdin_fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (preparation->stdin_fd < 0)
        return error_set_errno(error, errno, "cannot make a memory file for the input");
    if (!file_write_all(preparation->stdin_fd, input->stdin_data, input->stdin_length, error))
        return false;
    if (lseek(preparation->stdin_fd, 0, SEEK_SET) != 0 ||
        fcntl(preparation->stdin_fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        return error_set_errno(error, errno, "cannot seal the input");
    return true;
}

static bool make_folders(Preparation *preparation, const Command *command, GError **error)
{
    if (command->folder) {
        g_autofree char *folder = placeholders_expand(preparation->placeholders, command->folder, error);
        if (!folder)
            return false;
        preparation->folder = *folder == '/' ? g_steal_pointer(&folder) : g_build_filename(box_workspace, folder, NULL);
    }
    if (command->hidden) {
        preparation->hidden = g_build_filename(preparation->context->course_folder, command->hidden, NULL);
        preparation->bind = (BoxBind){.source = preparation->hidden, .target = box_checks};
    }
    return true;
}

static bool prepare(Preparation *preparation, const Command *command, const CommandInput *input, GError **error)
{
    return make_placeholders(preparation, command, error) && make_out(preparation, error) &&
           make_argv(preparation, command, input, error) && make_environment(preparation, command, error) &&
           make_reports(preparation, input, error) && make_stdin(preparation, input, error) &&
           make_folders(preparation, command, error);
}

static bool explain_failure(int code, GError **error)
{
    if (code == -ECANCELED)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "the check was stopped before it ended");
    return error_set_errno(error, -code, "cannot run a box");
}

/* SIGKILL that no limit explains: from the machine (its own memory ran out, an operator), or from the program itself.
 * Nobody can tell which, so it is ours, and a TA's when it comes again and again. */
static bool has_run(const BoxStatus *status, GError **error)
{
    if (status->end == BOX_END_REFUSED)
        return error_set(error, RUBRIC_ERROR_SYSTEM, "the box could not be made: %s", status->message);
    if (status->end == BOX_END_SIGNALED && status->signal == SIGKILL)
        return error_set(error, RUBRIC_ERROR_TEMPORARY,
                         "the check's command was killed, and no limit explains it: by the machine, or by itself");
    return true;
}

bool command_run_box(const Check *check, GraderContext *context, BoxSpec *spec, BoxResult *ret_result, GError **error)
{
    BoxResult result = {0};
    int code = context->run_box(context, check, spec, &result);
    if (code < 0)
        return explain_failure(code, error);
    if (has_run(&result.status, error)) {
        *ret_result = result;
        return true;
    }
    box_result_clear(&result);
    return false;
}

/* A course's own command that lacks something says so by its exit status: that must not cost a student anything. */
static bool could_judge(const Command *command, const BoxResult *result, GError **error)
{
    const gsize max_words = 200;
    if (result->status.end != BOX_END_EXITED || result->status.exit_code != command->error_exit)
        return true;
    const BoxBytes *said = result->err.length > 0 ? &result->err : &result->out;
    g_autofree char *words = text_last(said->data, said->length, max_words);
    return error_set(error, RUBRIC_ERROR_TEMPORARY, "the check's command says that it could not judge: %s",
                     g_strstrip(words));
}

bool command_run(const Command *command, const CommandInput *input, const Check *check, GraderContext *context,
                 BoxResult *ret_result, GError **error)
{
    g_auto(Preparation) preparation = {.context = context, .stdin_fd = -1};
    if (!prepare(&preparation, command, input, error))
        return false;
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = (const char *const *)preparation.argv;
    spec.env = (const char *const *)preparation.env;
    spec.folder = preparation.folder;
    spec.workspace_mode = command->keeps_writes ? BOX_WORKSPACE_KEEP : BOX_WORKSPACE_DISCARD;
    spec.binds = preparation.hidden ? &preparation.bind : NULL;
    spec.n_binds = preparation.hidden ? 1 : 0;
    spec.stdin_fd = preparation.stdin_fd;
    spec.network = command->network;
    spec.profile = command->profile;
    spec.calls = command->calls;
    spec.report_paths = (const char *const *)preparation.reports;
    spec.report_bytes = input->report_bytes;
    BoxResult result = {0};
    if (!command_run_box(check, context, &spec, &result, error))
        return false;
    if (!could_judge(command, &result, error)) {
        box_result_clear(&result);
        return false;
    }
    *ret_result = result;
    return true;
}

bool command_check_folder(const Command *command, const GraderContext *context, char **ret_problem, GError **error)
{
    *ret_problem = NULL;
    if (!command->folder)
        return true;
    g_autofree char *folder = placeholders_expand(context->placeholders, command->folder, error);
    if (!folder)
        return false;
    if (*folder == '/')
        return true;
    file_autofd int fd = file_open_beneath(context->workspace_fd, folder, O_PATH | O_DIRECTORY, 0);
    if (fd < 0)
        *ret_problem = g_strdup_printf("the submission has no folder \"%s\"", folder);
    return true;
}

/* ---- saying it ----------------------------------------------------------------------------------------------------
 */

char *command_name(const Command *command)
{
    const gsize max_shown = 120;
    g_autofree char *joined = command->shell ? g_strdup(command->shell) : g_strjoinv(" ", command->argv);
    g_strdelimit(joined, "\n", ' ');
    return text_escape_terminal(g_strchomp(joined), max_shown);
}

bool command_ended_normally(const BoxStatus *status)
{
    return status->end == BOX_END_EXITED;
}

static char *status_sentence(const Check *check, const BoxStatus *status)
{
    char sentence[512];
    return g_strdup(box_status_sentence(status, &check->limits, sentence, sizeof(sentence)));
}

static char *wanted_exits(const Command *command)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < command->exits->len; i++)
        g_string_append_printf(text, "%s%d", i > 0 ? " or " : "", g_array_index(command->exits, int, i));
    return g_string_free(text, FALSE);
}

char *command_problem(const Command *command, const Check *check, const BoxStatus *status)
{
    if (!command_ended_normally(status))
        return status_sentence(check, status);
    bool is_right = command->any_exit;
    for (guint i = 0; i < command->exits->len; i++)
        is_right |= g_array_index(command->exits, int, i) == status->exit_code;
    if (is_right)
        return NULL;
    g_autofree char *sentence = status_sentence(check, status), *wanted = wanted_exits(command);
    return g_strdup_printf("%s; status %s was expected", sentence, wanted);
}

void command_append_words(GString *text, const char *title, const BoxBytes *bytes)
{
    const gsize max_words = 6000;
    if (bytes->length == 0)
        return;
    g_autofree char *words = text_last(bytes->data, bytes->length, max_words);
    g_string_append_printf(text, "\n--- %s%s ---\n%s%s", bytes->length > max_words ? "end of " : "", title, words,
                           g_str_has_suffix(words, "\n") ? "" : "\n");
}

char *command_evidence(const Command *command, const Check *check, const BoxResult *result, bool shows_output)
{
    g_autofree char *name = command_name(command), *sentence = status_sentence(check, &result->status);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "$ %s\n%s\n", name, sentence);
    if (shows_output) {
        command_append_words(text, "stdout", &result->out);
        command_append_words(text, "stderr", &result->err);
    }
    return g_string_free(text, FALSE);
}

cJSON *command_figures(const BoxStatus *status)
{
    gsize length = box_status_json(status, NULL, 0);
    g_autofree char *text = g_malloc0(length + 1);
    box_status_json(status, text, length + 1);
    cJSON *json = json_parse(text, strlen(text), NULL);
    return json ? json : cJSON_CreateObject();
}
