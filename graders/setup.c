/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A box cannot change its programs: they are the host's or an image's, read-only, and belong to nobody in it. So each
 * folder at the root is shown through an overlay whose upper side is ours, on a bounded disk, and has all folders of
 * the lower side already, as the box's own: new files can be made everywhere, and what is there can be replaced, though
 * not written to. What is on the upper side afterwards is the setup. A submission's box sees it over the same lower
 * side by an overlay that cannot be changed.
 *
 * /etc and /var of a box on the host's programs are made by the sandbox, so a first box copies them.
 */
#include "graders/setup.h"

#include "graders/apt_get.h"
#include "graders/command.h"
#include "graders/kit.h"
#include "graders/network.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the disk that all is written to, and of the script: as generous as the platform's own. */
static const gint64 disk_bytes = G_GINT64_CONSTANT(2) << 30, disk_entries = 400000;
static const BoxLimits script_limits = {.wall_ms = 600000,
                                        .cpu_ms = 600000,
                                        .memory_bytes = G_GINT64_CONSTANT(3) << 30,
                                        .processes = 512,
                                        .output_bytes = 8 << 20,
                                        .disk_bytes = 1 << 30,
                                        .files = 200000,
                                        .file_bytes = 1 << 30,
                                        .open_files = 1024,
                                        .cpus_milli = BOX_CPUS_UNBOUND};
/* To be changed with anything here that makes other files of the same script. */
static const char version[] = "setup 1";

void setup_outcome_clear(SetupOutcome *outcome)
{
    image_setup_free(outcome->kept);
    g_free(outcome->failed_words);
}

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

/* One setup is for all submissions. */
static void refuse_placeholders(char *const *hosts, const YamlReader *reader)
{
    for (; hosts && *hosts; hosts++) {
        if (strchr(*hosts, '{'))
            yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR,
                        "hosts: \"%s\": what setup.sh reaches cannot depend on a submission", *hosts);
    }
}

bool setup_read(YamlReader *reader, RubricLoad *load, char ***ret_hosts)
{
    static const char *const names[] = {"run", "skip", NULL};
    *ret_hosts = NULL;
    const YamlNode *node = yaml_read_node(reader, "setup", YAML_OPTIONAL);
    if (!node || yaml_kind(node) != YAML_MAPPING)
        return yaml_read_choice(reader, "setup", YAML_OPTIONAL, names, 0) == 0;
    YamlReader inner;
    yaml_reader_start(&inner, node, "setup", reader->diagnostics);
    *ret_hosts = network_read_hosts(&inner, load);
    refuse_placeholders(*ret_hosts, &inner);
    yaml_reader_end(&inner);
    return true;
}

/* ---- folders at the root ------------------------------------------------------------------------------------------
 */

/* The box has its own, or none. */
static bool is_of_box(const char *name)
{
    static const char *const names[] = {"dev", "proc", "sys", "run", "tmp", "work", NULL};
    return g_strv_contains(names, name);
}

static bool is_real_folder(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* What `name` at the box's root is without a setup: an absolute path; NULL: nothing that can be laid under. */
static char *lower_side(const char *root, const char *name)
{
    g_autofree char *path = g_build_filename(root ? root : "/", name, NULL);
    bool is_shown = root ? !g_str_equal(name, "autograder") : g_str_equal(name, "usr");
    return is_shown && is_real_folder(path) ? g_steal_pointer(&path) : NULL;
}

static GPtrArray *list_folders(const char *path, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) entries = g_dir_open(path, 0, error);
    if (!entries)
        return NULL;
    for (const char *name = g_dir_read_name(entries); name; name = g_dir_read_name(entries)) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        if (!is_of_box(name) && is_real_folder(inner))
            g_ptr_array_add(names, g_strdup(name));
    }
    return g_steal_pointer(&names);
}

/* ---- the upper side -----------------------------------------------------------------------------------------------
 */

static bool give_to_box(int fd, const GraderContext *context)
{
    const mode_t mode = 0755;
    return fchmod(fd, mode) == 0 &&
           (context->box_uid == geteuid() || fchown(fd, context->box_uid, context->box_uid) == 0);
}

static char *make_upper_folder(const char *disk, const char *name, const GraderContext *context, GError **error)
{
    const mode_t mode = 0755;
    g_autofree char *path = g_build_filename(disk, "upper", name, NULL);
    file_autofd int fd = mkdir(path, mode) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0 && give_to_box(fd, context))
        return g_steal_pointer(&path);
    error_set_errno(error, errno, "cannot make \"%s\"", path);
    return NULL;
}

/* All folders of `lower` again. Takes lower_fd over. No link is followed: an image's files come from strangers. */
static bool make_skeleton(int lower_fd, int upper_fd, int depth, const GraderContext *context, GError **error)
{
    const mode_t mode = 0755;
    const int max_depth = 128;
    DIR *entries = fdopendir(lower_fd);
    if (!entries) {
        int kept = errno;
        file_autofd_close(&lower_fd);
        return error_set_errno(error, kept, "cannot list a folder of the image");
    }
    bool is_made = true;
    for (struct dirent *entry = readdir(entries); entry && is_made; entry = readdir(entries)) {
        bool is_self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (is_self || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN) || depth >= max_depth)
            continue;
        int lower = openat(lower_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lower < 0)
            continue; /* no folder after all, or not for us to read */
        file_autofd int upper = mkdirat(upper_fd, entry->d_name, mode) == 0
                                    ? openat(upper_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                                    : -1;
        if (upper < 0 || !give_to_box(upper, context)) {
            is_made = error_set_errno(error, errno, "cannot make the folder \"%s\"", entry->d_name);
            file_autofd_close(&lower);
        } else {
            is_made = make_skeleton(lower, upper, depth + 1, context, error);
        }
    }
    closedir(entries);
    return is_made;
}

/* Takes away what is still as make_skeleton left it: a setup holds only what its script made. Takes lower_fd over. */
static void remove_skeleton(int lower_fd, int upper_fd)
{
    DIR *entries = fdopendir(lower_fd);
    if (!entries) {
        file_autofd_close(&lower_fd);
        return;
    }
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries)) {
        bool is_self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (is_self || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
            continue;
        int lower = openat(lower_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        file_autofd int upper = openat(upper_fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lower >= 0 && upper >= 0)
            remove_skeleton(lower, upper);
        else
            file_autofd_close(&lower);
        unlinkat(upper_fd, entry->d_name, AT_REMOVEDIR); /* fails where anything is in it */
    }
    closedir(entries);
}

/* A folder at the root that the script may change. */
static bool open_folder(Stage *stage, const char *disk, const char *root, const char *name, GError **error)
{
    const GraderContext *context = stage->context;
    g_autofree char *lower = lower_side(root, name), *target = g_strconcat("/", name, NULL);
    g_autofree char *upper = make_upper_folder(disk, name, context, error);
    if (!upper)
        return false;
    if (!lower) {
        stage_show(stage, g_steal_pointer(&upper), target, true);
        return true;
    }
    g_autofree char *work = g_build_filename(disk, "work", name, NULL),
                    *view = g_build_filename(disk, "view", name, NULL);
    int lower_fd = open(lower, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    file_autofd int upper_fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const mode_t mode = 0755;
    if (lower_fd < 0 || upper_fd < 0 || mkdir(work, mode) < 0 || mkdir(view, mode) < 0) {
        int kept = errno;
        file_autofd_close(&lower_fd);
        return error_set_errno(error, kept, "cannot open \"%s\" to change it", lower);
    }
    const char *const lowers[] = {lower, NULL};
    if (!make_skeleton(lower_fd, upper_fd, 0, context, error) ||
        !stage_mount_overlay(stage, lowers, upper, work, view, error))
        return false;
    stage_show(stage, g_steal_pointer(&view), target, true);
    return true;
}

static char *open_disk(Stage *stage, GError **error)
{
    static const char *const folders[] = {"upper", "work", "view"};
    const mode_t mode = 0755;
    g_autofree char *disk = stage_mount_disk(stage, disk_bytes, disk_entries, error);
    for (gsize i = 0; disk && i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(disk, folders[i], NULL);
        if (mkdir(path, mode) == 0)
            continue;
        error_set_errno(error, errno, "cannot make \"%s\"", path);
        return NULL;
    }
    return g_steal_pointer(&disk);
}

/* What the box has at its root, and what such scripts are used to find there. */
static GPtrArray *folders_of(const char *root, GError **error)
{
    static const char *const usual[] = {"autograder", "etc", "home", "opt", "root", "srv", "usr", "var"};
    g_autoptr(GPtrArray) names = root ? list_folders(root, error) : g_ptr_array_new_with_free_func(g_free);
    for (gsize i = 0; names && i < G_N_ELEMENTS(usual); i++) {
        if (!g_ptr_array_find_with_equal_func(names, usual[i], g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(usual[i]));
    }
    return g_steal_pointer(&names);
}

static bool open_folders(Stage *stage, const char *disk, const char *root, GError **error)
{
    g_autoptr(GPtrArray) names = folders_of(root, error);
    for (guint i = 0; names && i < names->len; i++) {
        if (!open_folder(stage, disk, root, g_ptr_array_index(names, i), error))
            return false;
    }
    return names != NULL;
}

/* ---- boxes --------------------------------------------------------------------------------------------------------
 */

static BoxSpec make_spec(const Stage *stage, const char *const *argv, const char *empty)
{
    BoxSpec spec = BOX_SPEC_INIT;
    spec.argv = argv;
    spec.folder = "/";
    spec.workspace = empty; /* nothing of a submission */
    spec.binds = (const BoxBind *)(const void *)stage->binds->data;
    spec.n_binds = stage->binds->len;
    spec.limits = script_limits;
    spec.inner_root = true;
    return spec;
}

/* Fills the upper sides of /etc and /var with the box's own. */
static bool copy_own_folders(const char *disk, BoxProfile profile, const Check *check, GraderContext *context,
                             GError **error)
{
    static const char *const argv[] = {"/bin/sh", "-c",
                                       "for name in etc var; do cp -R /$name/. " STAGE_IN_BOX
                                       "/$name/; chmod -R u+w " STAGE_IN_BOX "/$name; done; true",
                                       "sh", NULL};
    g_auto(Stage) stage = {0};
    if (!stage_open(&stage, context, error))
        return false;
    g_autofree char *empty = stage_make_folder(&stage, "empty", error);
    if (!empty)
        return false;
    stage_show(&stage, g_build_filename(disk, "upper/etc", NULL), STAGE_IN_BOX "/etc", true);
    stage_show(&stage, g_build_filename(disk, "upper/var", NULL), STAGE_IN_BOX "/var", true);
    BoxSpec spec = make_spec(&stage, argv, empty);
    spec.profile = profile;
    BoxResult result = {0};
    bool is_run = command_run_box(check, context, &spec, &result, error);
    box_result_clear(&result);
    return is_run;
}

static const char tail[] = "if [ \"$(head -c 2 source/setup.sh)\" = '#!' ]; then\n"
                           "  sed -i 's/\\r$//' source/setup.sh\n"
                           "fi\n"
                           "set +e\n"
                           "if command -v bash > /dev/null; then bash source/setup.sh; else sh source/setup.sh; fi\n"
                           "status=$?\n"
                           "[ -L /var/tmp ] || { rm -rf /var/tmp && ln -s /tmp /var/tmp; } 2> /dev/null\n"
                           "exit $status\n";

/* What is said of packages of the system; pip may install beside them. Ours go over an image's. */
static char **make_environment(const SetupPlan *plan, const Image *image, const char *root, const CheckNetwork *network)
{
    static const char *const ours[] = {"DEBIAN_FRONTEND=noninteractive", "PIP_BREAK_SYSTEM_PACKAGES=1",
                                       "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_CACHE_DIR=1",
                                       "PIP_ROOT_USER_ACTION=ignore"};
    char **env = image ? image_environment(image, plan->env) : g_strdupv((char **)plan->env);
    for (gsize i = 0; i < G_N_ELEMENTS(ours); i++) {
        g_autofree char *name = g_strndup(ours[i], strcspn(ours[i], "="));
        env = g_environ_setenv(env, name, strchr(ours[i], '=') + 1, TRUE);
    }
    for (char **pair = network->env; pair && *pair; pair++) {
        g_autofree char *name = g_strndup(*pair, strcspn(*pair, "="));
        env = g_environ_setenv(env, name, strchr(*pair, '=') + 1, TRUE);
    }
    const char *path = g_environ_getenv(env, "PATH");
    g_autofree char *own_path = g_strconcat(STAGE_IN_BOX "/bin:", path ? path : "/usr/bin:/bin", NULL);
    env = g_environ_setenv(env, "PATH", own_path, TRUE);
    return root ? env : g_environ_setenv(env, "RUBRIC_PACKAGES", STAGE_IN_BOX "/packages", TRUE);
}

/* What stands in for apt-get, and the list of what is installed that it goes by: an image has its own. */
static bool show_apt_get(Stage *stage, const char *root, GError **error)
{
    static const char packages[] = "/var/lib/dpkg/status";
    if (!root && g_file_test(packages, G_FILE_TEST_IS_REGULAR))
        stage_show(stage, g_strdup(packages), STAGE_IN_BOX "/packages", false);
    return stage_show_text(stage, "apt-get", apt_get_script, STAGE_IN_BOX "/bin/apt-get", error) &&
           stage_show_text(stage, "apt", apt_get_script, STAGE_IN_BOX "/bin/apt", error);
}

/* *ret_failed: the script did not succeed. *ret_words: how it ended, and its last words; caller frees. */
static bool run_script(const SetupPlan *plan, const Check *check, const Image *image, const char *root, Stage *stage,
                       GraderContext *context, bool *ret_failed, char **ret_words, GError **error)
{
    char sentence[512];
    g_autofree char *script = g_strconcat(plan->layout, tail, NULL), *empty = stage_make_folder(stage, "empty", error);
    const char *const argv[] = {"/bin/sh", "-c", script, "sh", NULL};
    CheckNetwork network = {0};
    if (!empty || (plan->hosts && !check_network_open(context, plan->hosts, context->placeholders, &network, error)))
        return false;
    g_auto(GStrv) env = make_environment(plan, image, root, &network);
    BoxSpec spec = make_spec(stage, argv, empty);
    spec.env = (const char *const *)env;
    spec.root = root;
    spec.network = BOX_NETWORK_LOOPBACK;
    spec.shared_network = network.boxes;
    spec.profile = plan->profile;
    BoxResult result = {0};
    g_autofree char *connections = NULL;
    bool is_run = command_run_box(check, context, &spec, &result, error);
    if (plan->hosts)
        check_network_close(&network, &connections);
    if (!is_run)
        return false;
    *ret_failed = result.status.end != BOX_END_EXITED || result.status.exit_code != 0;
    GString *words = g_string_new("$ setup.sh\n");
    g_string_append_printf(words, "%s\n",
                           box_status_sentence(&result.status, &script_limits, sentence, sizeof(sentence)));
    if (*ret_failed && !plan->hosts)
        g_string_append(words, "there was no network; `setup: {hosts: [NAME:PORT]}` in the rubric opens one\n");
    if (connections)
        g_string_append_printf(words, "--- asked of the network ---\n%s", connections);
    command_append_words(words, "stdout", &result.out);
    command_append_words(words, "stderr", &result.err);
    *ret_words = g_string_free(words, FALSE);
    box_result_clear(&result);
    return true;
}

/* ---- making it ----------------------------------------------------------------------------------------------------
 */

static void remove_skeletons(const char *disk, const char *root, const GPtrArray *names)
{
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *lower = lower_side(root, name), *upper = g_build_filename(disk, "upper", name, NULL);
        int lower_fd = lower ? open(lower, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
        file_autofd int upper_fd = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (lower_fd >= 0 && upper_fd >= 0)
            remove_skeleton(lower_fd, upper_fd);
        else
            file_autofd_close(&lower_fd);
        g_rmdir(upper);
    }
}

static bool keep(const char *disk, const char *root, const char *base, const char *key, const char *words,
                 const GraderContext *context, SetupOutcome *outcome, GError **error)
{
    g_autofree char *upper = g_build_filename(disk, "upper", NULL);
    g_autoptr(GPtrArray) names = list_folders(upper, error);
    if (!names)
        return false;
    remove_skeletons(disk, root, names);
    outcome->kept = image_setup_keep(context->images_folder, key, base, upper, words, error);
    outcome->was_made = outcome->kept != NULL;
    return outcome->was_made;
}

static bool make_now(const SetupPlan *plan, const Check *check, const Image *image, const char *root, const char *base,
                     const char *key, GraderContext *context, SetupOutcome *outcome, GError **error)
{
    bool has_failed = false;
    g_autofree char *words = NULL;
    g_auto(Stage) stage = {0};
    g_autofree char *disk = stage_open(&stage, context, error) ? open_disk(&stage, error) : NULL;
    if (!disk || !open_folders(&stage, disk, root, error) || !stage_show_kit(&stage, plan->kit, error) ||
        !show_apt_get(&stage, root, error))
        return false;
    if (!root && !copy_own_folders(disk, plan->profile, check, context, error))
        return false;
    if (!run_script(plan, check, image, root, &stage, context, &has_failed, &words, error))
        return false;
    if (!has_failed)
        return keep(disk, root, base, key, words, context, outcome, error);
    outcome->failed_words = g_steal_pointer(&words);
    return image_setup_keep_failure(context->images_folder, key, outcome->failed_words, error);
}

/* All that decides what the script makes. Caller frees. */
static char *make_key(const SetupPlan *plan, const char *base, const GraderContext *context, GError **error)
{
    g_autofree char *kit = g_build_filename(context->course_folder, plan->kit, NULL);
    g_autofree char *digest = kit_digest(kit, error);
    if (!digest)
        return NULL;
    g_autofree char *hosts = plan->hosts ? g_strjoinv(" ", (char **)plan->hosts) : g_strdup("");
    g_autofree char *text =
        g_strdup_printf("%s\n%s\n%s\n%s\n%s\n", version, base, digest, box_profile_name(plan->profile), hosts);
    return file_sha256_bytes(text, strlen(text));
}

static bool find(const char *key, const GraderContext *context, SetupOutcome *outcome)
{
    outcome->kept = image_setup_find(context->images_folder, key);
    outcome->failed_words = outcome->kept ? NULL : image_setup_failure(context->images_folder, key);
    return outcome->kept || outcome->failed_words;
}

bool setup_make(const SetupPlan *plan, const Check *check, const Image *image, const char *root, GraderContext *context,
                SetupOutcome *ret_outcome, GError **error)
{
    g_autofree char *base = image  ? g_strdup(image->digest)
                            : root ? g_strconcat("folder:", root, NULL)
                                   : g_strdup(context->host_digest);
    if (!context->images_folder)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND,
                         "nobody said where images are, and what setup.sh makes is kept there");
    g_autofree char *key = make_key(plan, base, context, error);
    if (!key)
        return false;
    if (find(key, context, ret_outcome))
        return true;
    file_autofd int lock_fd = image_setup_lock(context->images_folder, key, error);
    if (lock_fd < 0)
        return false;
    if (find(key, context, ret_outcome)) /* made by whom we waited for */
        return true;
    if (make_now(plan, check, image, root, base, key, context, ret_outcome, error))
        return true;
    g_prefix_error(error, "setup.sh of the autograder: ");
    return false;
}

/* ---- showing it ---------------------------------------------------------------------------------------------------
 */

static bool show_folder(const ImageSetup *setup, const char *root, const char *name, Stage *stage, GError **error)
{
    g_autofree char *made = g_build_filename(setup->root, name, NULL), *lower = lower_side(root, name);
    bool is_copied = g_str_equal(name, "root");
    g_autofree char *target = g_strconcat(is_copied ? STAGE_IN_BOX "/" : "/", name, NULL);
    if (!lower) {
        stage_show(stage, g_steal_pointer(&made), target, false);
        return true;
    }
    g_autofree char *view_name = g_strconcat("view-", name, NULL), *view = stage_make_folder(stage, view_name, error);
    const char *const lowers[] = {made, lower, NULL};
    if (!view || !stage_mount_overlay(stage, lowers, NULL, NULL, view, error))
        return false;
    stage_show(stage, g_steal_pointer(&view), target, false);
    return true;
}

bool setup_show(const ImageSetup *setup, const char *root, Stage *stage, GError **error)
{
    g_autoptr(GPtrArray) names = list_folders(setup->root, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (g_str_equal(name, "autograder"))
            stage_show(stage, g_build_filename(setup->root, name, NULL), STAGE_IN_BOX "/made", false);
        else if (!show_folder(setup, root, name, stage, error))
            return false;
    }
    /* The box has a /root of its own, which begins as the image's. */
    g_autofree char *own =
        names && !g_ptr_array_find_with_equal_func(names, "root", g_str_equal, NULL) ? lower_side(root, "root") : NULL;
    if (own)
        stage_show(stage, g_steal_pointer(&own), STAGE_IN_BOX "/root", false);
    return names != NULL;
}
