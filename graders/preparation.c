/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a run cannot be forged by what the submission brings along: a report file that lies in the workspace before the
 * run is removed, and {out} is a new folder with a random name for this run alone. Files are copied out by the box's
 * keeper after every process of it is dead (docs/adr/0004-reports-after-death.md).
 */
#include "graders/preparation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char box_workspace[] = "/work";
static const char box_checks[] = "/checks";

void preparation_clear(Preparation *preparation)
{
    /* The worker's tmpfs goes soon anyway. */
    if (preparation->out_folder)
        file_remove_tree(preparation->out_folder, NULL);
    if (preparation->own_folder)
        file_remove_tree(preparation->own_folder, NULL);
    g_free(preparation->out_folder);
    g_free(preparation->own_folder);
    g_free(preparation->workspace);
    file_autofd_close(&preparation->workspace_fd);
    placeholders_free(preparation->placeholders);
    g_strfreev(preparation->argv);
    g_strfreev(preparation->env);
    g_strfreev(preparation->reports);
    g_free(preparation->folder);
    g_free(preparation->hidden);
    g_clear_pointer(&preparation->image, image_free);
    file_autofd_close(&preparation->stdin_fd);
}

/* A new folder. It belongs to whom the parent belongs to, the boxes' user: what others own cannot be written to in a
 * box. NULL: it cannot be made. Caller frees the name. */
static char *make_folder(int parent_fd, const char *kind, GError **error)
{
    const mode_t any_user = 0777;
    struct stat parent;
    g_autofree char *random = g_uuid_string_random();
    g_autofree char *name = g_strdup_printf(".rubric-%s-%s", kind, random);
    if (fstat(parent_fd, &parent) == 0 && mkdirat(parent_fd, name, any_user) == 0 &&
        fchmodat(parent_fd, name, any_user, 0) == 0 &&
        (parent.st_uid == geteuid() || fchownat(parent_fd, name, parent.st_uid, parent.st_gid, 0) == 0))
        return g_steal_pointer(&name);
    error_set_errno(error, errno, "cannot make \"%s\" in the workspace", name);
    return NULL;
}

/* The submission's; with a service a new one, so that nothing of the submission is beside what judges it. */
static bool make_workspace(Preparation *preparation, const Command *command, GError **error)
{
    const GraderContext *context = preparation->context;
    g_autofree char *name = command->service ? make_folder(context->workspace_fd, "client", error) : g_strdup(".");
    if (!name)
        return false;
    preparation->workspace =
        command->service ? g_build_filename(context->workspace, name, NULL) : g_strdup(context->workspace);
    preparation->own_folder = command->service ? g_strdup(preparation->workspace) : NULL;
    preparation->workspace_fd = file_open_beneath(context->workspace_fd, name, O_RDONLY | O_DIRECTORY, 0);
    return preparation->workspace_fd >= 0 || error_set_errno(error, errno, "cannot open the workspace");
}

/* Makes the folder behind {out}. */
static bool make_out(Preparation *preparation, GError **error)
{
    g_autofree char *name = make_folder(preparation->workspace_fd, "out", error);
    if (!name)
        return false;
    preparation->out_folder = g_build_filename(preparation->workspace, name, NULL);
    g_autofree char *path = g_build_filename(box_workspace, name, NULL);
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

const char *wanted_image_name(const RubricImage *wanted)
{
    return !wanted ? "" : wanted->folder ? wanted->folder : wanted->name;
}

bool wanted_image_find(const RubricImage *wanted, const char *images_folder, Image **ret_image, const char **ret_root,
                       GError **error)
{
    *ret_image = NULL;
    *ret_root = wanted ? wanted->folder : NULL;
    if (!wanted)
        return true;
    if (wanted->folder)
        return g_file_test(wanted->folder, G_FILE_TEST_IS_DIR) ||
               error_set(error, RUBRIC_ERROR_NOT_FOUND, "the image's folder \"%s\" is not there", wanted->folder);
    if (!images_folder)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no image \"%s\": nobody said where images are",
                         wanted->name);
    g_autoptr(Image) image = image_find(images_folder, wanted->name, error);
    if (!image)
        return false;
    if (wanted->digest && !g_str_equal(wanted->digest, image->digest))
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "the image \"%s\" is %s, but the rubric wants %s", wanted->name,
                         image->digest, wanted->digest);
    *ret_root = image->root;
    *ret_image = g_steal_pointer(&image);
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

static void add_missing(GStrvBuilder *builder, char *const *env, const char *const *pairs)
{
    for (; pairs && *pairs; pairs++) {
        g_autofree char *name = g_strndup(*pairs, strcspn(*pairs, "="));
        if (!g_environ_getenv((char **)env, name))
            g_strv_builder_add(builder, *pairs);
    }
}

/* The box gives an environment only when it is given none: with variables of its own, the default ones are said here.
 */
static bool make_environment(Preparation *preparation, const Command *command, GError **error)
{
    if ((!command->env || !command->env[0]) && !preparation->network->env && !preparation->image)
        return true;
    g_auto(GStrv) of_image = preparation->image ? image_environment(preparation->image, NULL) : NULL;
    g_autoptr(GStrvBuilder) own = g_strv_builder_new(), all = g_strv_builder_new();
    if (!expand_into(own, (const char *const *)command->env, preparation->placeholders, error))
        return false;
    g_auto(GStrv) env = g_strv_builder_end(own);
    add_missing(all, env, of_image ? (const char *const *)of_image : box_env_default());
    add_missing(all, env, (const char *const *)preparation->network->env);
    g_strv_builder_addv(all, (const char **)env);
    preparation->env = g_strv_builder_end(all);
    return true;
}

/* Removes a report that the submission brought along. What is no file stays, and the box will say so. */
static bool remove_stale(int workspace_fd, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    file_autofd int folder_fd = file_open_beneath(workspace_fd, folder, O_RDONLY | O_DIRECTORY, 0);
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
        if (*path != '/' && !remove_stale(preparation->workspace_fd, path, error))
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

bool preparation_make(const Command *command, const CommandInput *input, GraderContext *context,
                      const CheckNetwork *network, Preparation *ret_preparation, GError **error)
{
    *ret_preparation = (Preparation){.context = context, .network = network, .workspace_fd = -1, .stdin_fd = -1};
    return make_placeholders(ret_preparation, command, error) && make_workspace(ret_preparation, command, error) &&
           wanted_image_find(command->image, context->images_folder, &ret_preparation->image, &ret_preparation->root,
                             error) &&
           make_out(ret_preparation, error) && make_argv(ret_preparation, command, input, error) &&
           make_environment(ret_preparation, command, error) && make_reports(ret_preparation, input, error) &&
           make_stdin(ret_preparation, input, error) && make_folders(ret_preparation, command, error);
}

BoxSpec preparation_spec(const Preparation *preparation, const Command *command, const CommandInput *input)
{
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = (const char *const *)preparation->argv;
    spec.env = (const char *const *)preparation->env;
    spec.folder = preparation->folder;
    spec.workspace = preparation->workspace;
    spec.root = preparation->root;
    spec.workspace_mode = command->keeps_writes ? BOX_WORKSPACE_KEEP : BOX_WORKSPACE_DISCARD;
    spec.binds = preparation->hidden ? &preparation->bind : NULL;
    spec.n_binds = preparation->hidden ? 1 : 0;
    spec.stdin_fd = preparation->stdin_fd;
    spec.network = command->network;
    spec.shared_network = preparation->network->boxes;
    spec.profile = command->profile;
    spec.calls = command->calls;
    spec.report_paths = (const char *const *)preparation->reports;
    spec.report_bytes = input->report_bytes;
    return spec;
}
