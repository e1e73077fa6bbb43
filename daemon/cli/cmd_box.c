/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric box`: one command in a box, its streams passed through, its exit status ours. */
#include "daemon/cli/cli.h"
#include "daemon/proxy/proxy.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beyond the common ones: what shells and timeout(1) do. */
enum { EXIT_LIMIT = 124, EXIT_SIGNAL_BASE = 128 };

/* As typed. */
typedef struct {
    char *wall, *cpu, *cpus, *memory, *output, *disk, *file;
    int processes;
    char **binds, **env, **reports, **accepted, **allowed, **hosts;
    char *folder, *workspace, *root, *image, *input, *network, *profile;
    gboolean keep, fixed_addresses, inner_root, json;
} Options;

/* What the spec points at. */
typedef struct {
    BoxSpec spec;
    GArray *binds;    /* of BoxBind */
    GPtrArray *paths; /* in the box */
    GPtrArray *files; /* where they go */
    GPtrArray *env;
    GPtrArray *strings; /* owns what the others point at */
    char *workspace, *root;
    Image *image;
    char **image_env, **proxy_env;
    int stdin_fd;
} Plan;

static void plan_clear(Plan *plan)
{
    g_clear_pointer(&plan->binds, g_array_unref);
    g_clear_pointer(&plan->paths, g_ptr_array_unref);
    g_clear_pointer(&plan->files, g_ptr_array_unref);
    g_clear_pointer(&plan->env, g_ptr_array_unref);
    g_clear_pointer(&plan->strings, g_ptr_array_unref);
    g_clear_pointer(&plan->workspace, free);
    g_clear_pointer(&plan->root, free);
    g_clear_pointer(&plan->image, image_free);
    g_clear_pointer(&plan->image_env, g_strfreev);
    g_clear_pointer(&plan->proxy_env, g_strfreev);
    if (plan->stdin_fd >= 0)
        close(plan->stdin_fd);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

static void options_clear(Options *options)
{
    char **const strings[] = {&options->wall,  &options->cpu,     &options->memory,  &options->output,
                              &options->disk,  &options->file,    &options->folder,  &options->workspace,
                              &options->input, &options->network, &options->profile, &options->root,
                              &options->image, &options->cpus};
    for (gsize i = 0; i < G_N_ELEMENTS(strings); i++)
        g_free(*strings[i]);
    g_strfreev(options->binds);
    g_strfreev(options->env);
    g_strfreev(options->reports);
    g_strfreev(options->accepted);
    g_strfreev(options->allowed);
    g_strfreev(options->hosts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* ---- reading what was typed ------------------------------------------------------------------------------------- */

typedef struct {
    const char *suffix;
    double factor;
} Unit;

static const Unit sizes[] = {{"", 1}, {"B", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {NULL, 0}};
static const Unit shares[] = {{"", 1000}, {NULL, 0}};
static const Unit spans[] = {{"", 1000},     {"ms", 1},      {"s", 1000}, {"m", 60000},
                             {"min", 60000}, {"h", 3600000}, {NULL, 0}};

/* A positive number with one of `units`; nothing typed leaves *value as it is. */
static bool read_quantity(const char *text, const char *option, const Unit *units, int64_t *value, GError **error)
{
    if (!text)
        return true;
    char *end;
    double number = g_ascii_strtod(text, &end);
    for (const Unit *unit = units; end != text && unit->suffix; unit++) {
        double result = number * unit->factor;
        if (strcmp(end, unit->suffix) == 0 && result >= 1 && result < 1e15) {
            *value = (int64_t)result;
            return true;
        }
    }
    g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID, "--%s: \"%s\" is not %s", option, text,
                units == sizes    ? "a size such as 64K, 512M or 1G"
                : units == shares ? "a number of processors such as 0.5 or 2"
                                  : "a time such as 500ms, 10s or 2m");
    return false;
}

static bool read_limits(const Options *options, BoxLimits *limits, GError **error)
{
    const int64_t least_cpus_milli = 10; /* the kernel's least, a millisecond in each tenth of a second */
    if (options->processes < 0) {
        g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID, "--processes: %d is not a number of processes",
                    options->processes);
        return false;
    }
    limits->processes = options->processes;
    return read_quantity(options->wall, "wall", spans, &limits->wall_ms, error) &&
           read_quantity(options->cpu, "cpu", spans, &limits->cpu_ms, error) &&
           read_quantity(options->memory, "memory", sizes, &limits->memory_bytes, error) &&
           read_quantity(options->output, "output", sizes, &limits->output_bytes, error) &&
           read_quantity(options->disk, "disk", sizes, &limits->disk_bytes, error) &&
           read_quantity(options->file, "file", sizes, &limits->file_bytes, error) &&
           read_quantity(options->cpus, "cpus", shares, &limits->cpus_milli, error) &&
           (limits->cpus_milli == 0 || limits->cpus_milli >= least_cpus_milli ||
            error_set(error, RUBRIC_ERROR_INVALID, "--cpus: at least 0.01 of a processor"));
}

/* SRC:DST[:rw] */
static bool read_binds(const Options *options, Plan *plan, GError **error)
{
    for (char **bind = options->binds; bind && *bind; bind++) {
        g_auto(GStrv) parts = g_strsplit(*bind, ":", -1);
        guint n = g_strv_length(parts);
        bool writable = n == 3 && strcmp(parts[2], "rw") == 0;
        if (n < 2 || n > 3 || (n == 3 && !writable) || parts[1][0] != '/') {
            g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID,
                        "--bind: \"%s\" is not SOURCE:/PATH/IN/THE/BOX or SOURCE:/PATH:rw", *bind);
            return false;
        }
        char *source = g_canonicalize_filename(parts[0], NULL), *target = g_strdup(parts[1]);
        g_ptr_array_add(plan->strings, source);
        g_ptr_array_add(plan->strings, target);
        BoxBind made = {source, target, writable};
        g_array_append_val(plan->binds, made);
    }
    plan->spec.binds = (const BoxBind *)(void *)plan->binds->data;
    plan->spec.n_binds = plan->binds->len;
    return true;
}

static bool names_variable(char *const *env, const char *pair)
{
    gsize length = strcspn(pair, "=") + 1;
    for (; env && *env; env++) {
        if (strncmp(*env, pair, length) == 0)
            return true;
    }
    return false;
}

/* The default environment, or the image's, with what tells of a proxy, and --env over it: a name that is given again
 * replaces what was there. */
static bool read_env(const Options *options, Plan *plan, GError **error)
{
    const char *const *defaults = plan->image ? (const char *const *)plan->image_env : box_env_default();
    if (options->hosts)
        plan->proxy_env = proxy_environment(BOX_PROXY_PORT);
    if (!options->env && !plan->image && !plan->proxy_env)
        return true;
    for (gsize i = 0; defaults[i]; i++) {
        if (!names_variable(options->env, defaults[i]) && !names_variable(plan->proxy_env, defaults[i]))
            g_ptr_array_add(plan->env, (gpointer)defaults[i]);
    }
    for (gsize i = 0; plan->proxy_env && plan->proxy_env[i]; i++) {
        if (!names_variable(options->env, plan->proxy_env[i]))
            g_ptr_array_add(plan->env, plan->proxy_env[i]);
    }
    for (char **env = options->env; env && *env; env++) {
        if (!strchr(*env, '=') || **env == '=') {
            g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID, "--env: \"%s\" is not NAME=VALUE", *env);
            return false;
        }
        g_ptr_array_add(plan->env, *env);
    }
    g_ptr_array_add(plan->env, NULL);
    plan->spec.env = (const char *const *)plan->env->pdata;
    return true;
}

static bool read_hosts(const Options *options, GError **error)
{
    for (char **host = options->hosts; host && *host; host++) {
        g_autoptr(GError) problem = NULL;
        ProxyHost *read = proxy_host_parse(*host, &problem);
        if (!read)
            return error_set(error, RUBRIC_ERROR_INVALID, "--host: %s", problem->message);
        proxy_host_free(read);
    }
    return true;
}

/* PATH or PATH:FILE; FILE is the path's last part, here, if it is not given. */
static void read_reports(const Options *options, Plan *plan)
{
    for (char **report = options->reports; report && *report; report++) {
        const char *colon = strchr(*report, ':');
        char *path = colon ? g_strndup(*report, (gsize)(colon - *report)) : g_strdup(*report);
        g_ptr_array_add(plan->strings, path);
        g_ptr_array_add(plan->paths, path);
        char *file = colon ? g_strdup(colon + 1) : g_path_get_basename(path);
        g_ptr_array_add(plan->strings, file);
        g_ptr_array_add(plan->files, file);
    }
    g_ptr_array_add(plan->paths, NULL);
    plan->spec.report_paths = (const char *const *)plan->paths->pdata;
}

static bool read_accepted(const Options *options, Plan *plan, GError **error)
{
    for (char **accepted = options->accepted; accepted && *accepted; accepted++) {
        g_auto(GStrv) names = g_strsplit(*accepted, ",", -1);
        for (char **name = names; *name; name++) {
            uint32_t bit = strcmp(*name, "all") == 0 ? ~0U : box_promise_from_name(*name);
            if (!bit) {
                g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID,
                            "--accept-missing: \"%s\" is not one of cgroup-memory, cgroup-processes, cgroup-cpu, "
                            "cgroup-share, landlock, overlay, own-uid, all",
                            *name);
                return false;
            }
            plan->spec.accept_missing |= bit;
        }
    }
    return true;
}

static bool read_calls(const Options *options, Plan *plan, GError **error)
{
    for (char **allowed = options->allowed; allowed && *allowed; allowed++) {
        g_auto(GStrv) names = g_strsplit(*allowed, ",", -1);
        for (char **name = names; *name; name++) {
            uint32_t bit = box_calls_from_name(*name);
            plan->spec.calls |= bit;
            if (bit)
                continue;
            g_autofree char *all = g_strjoinv(", ", (char **)box_calls_names());
            return error_set(error, RUBRIC_ERROR_INVALID, "--allow: \"%s\" is not one of %s", *name, all);
        }
    }
    return true;
}

/* One of NULL-terminated `choices`, as its index; the first when nothing was typed. */
static bool read_choice(const char *text, const char *option, const char *const *choices, int *ret, GError **error)
{
    *ret = 0;
    for (int i = 0; text && choices[i]; i++) {
        if (strcmp(text, choices[i]) != 0)
            continue;
        *ret = i;
        return true;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)choices);
    return !text || error_set(error, RUBRIC_ERROR_INVALID, "--%s: \"%s\" is not one of %s", option, text, all);
}

static bool read_stdin(const Options *options, Plan *plan, GError **error)
{
    if (!options->input)
        return true;
    plan->stdin_fd = strcmp(options->input, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                                      : open(options->input, O_RDONLY | O_CLOEXEC);
    if (plan->stdin_fd < 0) {
        g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND, "cannot open \"%s\" for --stdin: %s", options->input,
                    g_strerror(errno));
        return false;
    }
    plan->spec.stdin_fd = plan->stdin_fd;
    return true;
}

static bool read_workspace(const Options *options, Plan *plan, GError **error)
{
    if (options->keep && !options->workspace) {
        g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID, "--keep needs --workspace FOLDER");
        return false;
    }
    if (!options->workspace)
        return true;
    plan->workspace = realpath(options->workspace, NULL);
    if (!plan->workspace) {
        g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND, "cannot open the workspace \"%s\": %s",
                    options->workspace, g_strerror(errno));
        return false;
    }
    plan->spec.workspace = plan->workspace;
    plan->spec.workspace_mode = options->keep ? BOX_WORKSPACE_KEEP : BOX_WORKSPACE_DISCARD;
    return true;
}

static bool read_root(const Options *options, Plan *plan, GError **error)
{
    if (options->root && options->image)
        return error_set(error, RUBRIC_ERROR_INVALID, "--root and --image: one of them, please");
    if (options->image) {
        g_autofree char *folder = cli_images_folder();
        plan->image = image_find(folder, options->image, error);
        if (!plan->image)
            return false;
        plan->image_env = image_environment(plan->image, NULL);
        plan->spec.root = plan->image->root;
        if (!plan->spec.folder)
            plan->spec.folder = plan->image->folder;
        return true;
    }
    if (!options->root)
        return true;
    plan->root = realpath(options->root, NULL);
    if (!plan->root || !g_file_test(plan->root, G_FILE_TEST_IS_DIR))
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "--root: \"%s\" is not a folder", options->root);
    plan->spec.root = plan->root;
    return true;
}

static bool make_plan(const Options *options, char **argv, Plan *plan, GError **error)
{
    static const char *const networks[] = {"none", "loopback", NULL};
    int network, profile;
    plan->spec.argv = (const char *const *)argv;
    plan->spec.folder = options->folder;
    plan->spec.fixed_addresses = options->fixed_addresses;
    plan->spec.inner_root = options->inner_root;
    if (!read_limits(options, &plan->spec.limits, error) || !read_binds(options, plan, error) ||
        !read_root(options, plan, error) || !read_hosts(options, error) || !read_env(options, plan, error) ||
        !read_accepted(options, plan, error) || !read_calls(options, plan, error) ||
        !read_stdin(options, plan, error) || !read_workspace(options, plan, error) ||
        !read_choice(options->network, "network", networks, &network, error) ||
        !read_choice(options->profile, "profile", box_profile_names(), &profile, error))
        return false;
    if (options->folder && options->folder[0] != '/') {
        g_set_error(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID, "--folder: \"%s\" is not an absolute path in the box",
                    options->folder);
        return false;
    }
    read_reports(options, plan);
    plan->spec.network = (BoxNetwork)network;
    plan->spec.profile = (BoxProfile)profile;
    BoxLimits defaults = box_limits_default();
    box_limits_fill(&plan->spec.limits, &defaults);
    return true;
}

/* ---- telling what came out -------------------------------------------------------------------------------------- */

static void write_reports(const Plan *plan, const BoxResult *result)
{
    static const char *const reasons[] = {
        [BOX_REPORT_OK] = NULL,
        [BOX_REPORT_ABSENT] = "there is no such file",
        [BOX_REPORT_NOT_FILE] = "it is not a plain file with one name, or a link lies on the way",
        [BOX_REPORT_TOO_LARGE] = "it is too large",
        [BOX_REPORT_UNREADABLE] = "it cannot be read",
    };
    for (gsize i = 0; i < result->n_reports; i++) {
        const BoxReport *report = &result->reports[i];
        const char *path = g_ptr_array_index(plan->paths, i), *file = g_ptr_array_index(plan->files, i);
        g_autoptr(GError) error = NULL;
        const mode_t mode = 0644;
        if (report->state != BOX_REPORT_OK)
            cli_fail(&cmd_box, 0, "report \"%s\" not copied: %s", path, reasons[report->state]);
        else if (!file_write_atomic(file, report->bytes.data, report->bytes.length, mode, &error))
            cli_fail(&cmd_box, 0, "report \"%s\" not written: %s", path, error->message);
    }
}

static int exit_status_of(const BoxStatus *status)
{
    switch (status->end) {
    case BOX_END_EXITED:
        return status->exit_code;
    case BOX_END_SIGNALED:
        return EXIT_SIGNAL_BASE + status->signal;
    case BOX_END_LIMIT:
        return EXIT_LIMIT;
    case BOX_END_REFUSED:
        break;
    }
    return EXIT_OURS;
}

static void print_json(const BoxStatus *status)
{
    gsize size = box_status_json(status, NULL, 0);
    g_autofree char *text = g_malloc(size);
    box_status_json(status, text, size);
    fprintf(stderr, "%s\n", text);
}

static int tell(const Options *options, const Plan *plan, const BoxResult *result)
{
    const BoxStatus *status = &result->status;
    fwrite(result->out.data, 1, result->out.length, stdout);
    fflush(stdout);
    fwrite(result->err.data, 1, result->err.length, stderr);
    if (status->end != BOX_END_REFUSED)
        write_reports(plan, result);
    char sentence[700];
    if (options->json)
        print_json(status);
    else if (status->end != BOX_END_EXITED)
        cli_fail(&cmd_box, 0, "the command %s",
                 box_status_sentence(status, &plan->spec.limits, sentence, sizeof sentence));
    if (status->end == BOX_END_REFUSED && !options->json)
        cli_fail(&cmd_box, 0, "to run without what is missing: --accept-missing NAME,...");
    return exit_status_of(status);
}

/* ---- running it ------------------------------------------------------------------------------------------------- */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BoxClient, box_client_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BoxResult, box_result_clear)

static BoxClient *open_client(GError **error)
{
    g_autofree char *program = process_own_program("rubric-box", error);
    BoxClient *client = NULL;
    int r = program ? box_client_new(program, NULL, &client) : 0;
    if (r < 0)
        error_set_errno(error, -r, "cannot use \"%s\"", program);
    return client;
}

static bool run_spec(BoxClient *client, const BoxSpec *spec, BoxResult *ret_result, GError **error)
{
    const int no_cancel = -1;
    int r = box_run(client, spec, no_cancel, ret_result);
    return r == 0 || error_set_errno(error, -r, "the box failed");
}

/* What --host opens. */
typedef struct {
    BoxSharedNetwork *network;
    Proxy *proxy;
    ProxyGate *gate;
} WayOut;

static bool way_out_open(const BoxClient *client, char **hosts, WayOut *way, GError **error)
{
    const char *const *names = (const char *const *)hosts;
    const bool has_listener = true;
    int r = box_network_open(client, has_listener, &way->network);
    if (r < 0)
        return error_set_errno(error, -r, "cannot make the box's network");
    way->proxy = proxy_start(names, error);
    if (way->proxy)
        way->gate = proxy_gate_open(proxy_fd(way->proxy), box_network_listener(way->network), names, error);
    return way->gate != NULL;
}

/* What was opened of it; tells what was asked for, on stderr. */
static void way_out_close(WayOut *way)
{
    g_autofree char *log = NULL;
    if (way->gate)
        proxy_gate_close(way->gate, &log);
    g_auto(GStrv) lines = g_strsplit(log ? log : "", "\n", -1);
    for (gsize i = 0; lines[i] && *lines[i]; i++)
        cli_fail(&cmd_box, 0, "proxy: %s", lines[i]);
    proxy_free(way->proxy);
    box_network_close(way->network);
}

static bool run_with_way_out(BoxClient *client, const BoxSpec *spec, char **hosts, BoxResult *ret_result,
                             GError **error)
{
    WayOut way = {0};
    bool is_run = way_out_open(client, hosts, &way, error);
    if (is_run) {
        BoxSpec sharing = *spec;
        sharing.shared_network = way.network;
        is_run = run_spec(client, &sharing, ret_result, error);
    }
    way_out_close(&way);
    return is_run;
}

static int run_box(const Options *options, const Plan *plan)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BoxClient) client = open_client(&error);
    g_auto(BoxResult) result = {0};
    bool is_run = client && (options->hosts ? run_with_way_out(client, &plan->spec, options->hosts, &result, &error)
                                            : run_spec(client, &plan->spec, &result, &error));
    return is_run ? tell(options, plan, &result) : cli_fail(&cmd_box, EXIT_OURS, "%s", error->message);
}

static int run(int argc, char **argv)
{
    g_auto(Options) options = {0};
    GOptionEntry entries[] = {
        {"wall", 0, 0, G_OPTION_ARG_STRING, &options.wall, "Time on the clock (60s)", "TIME"},
        {"cpu", 0, 0, G_OPTION_ARG_STRING, &options.cpu, "Processor time of all processes (30s)", "TIME"},
        {"cpus", 0, 0, G_OPTION_ARG_STRING, &options.cpus, "Processors that they get at once (all): 0.5", "NUMBER"},
        {"memory", 0, 0, G_OPTION_ARG_STRING, &options.memory, "Memory of all processes (512M)", "SIZE"},
        {"processes", 0, 0, G_OPTION_ARG_INT, &options.processes, "Processes and threads at once (64)", "N"},
        {"output", 0, 0, G_OPTION_ARG_STRING, &options.output, "Bytes printed, of each stream (1M)", "SIZE"},
        {"disk", 0, 0, G_OPTION_ARG_STRING, &options.disk, "Bytes written in all (256M)", "SIZE"},
        {"file", 0, 0, G_OPTION_ARG_STRING, &options.file, "Bytes of one file (256M)", "SIZE"},
        {"workspace", 'w', 0, G_OPTION_ARG_FILENAME, &options.workspace, "Folder shown at /work; changes are discarded",
         "FOLDER"},
        {"keep", 'k', 0, G_OPTION_ARG_NONE, &options.keep, "Changes are kept in the workspace", NULL},
        {"root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, "Folder that is the box's root (the host's programs)",
         "FOLDER"},
        {"image", 0, 0, G_OPTION_ARG_STRING, &options.image, "Image that is the box's root (see rubric image)", "NAME"},
        {"folder", 0, 0, G_OPTION_ARG_STRING, &options.folder, "Working folder in the box (/work)", "PATH"},
        {"bind", 'b', 0, G_OPTION_ARG_STRING_ARRAY, &options.binds, "Show a file or folder of the host",
         "SRC:DST[:rw]"},
        {"env", 'e', 0, G_OPTION_ARG_STRING_ARRAY, &options.env, "Set a variable", "NAME=VALUE"},
        {"stdin", 'i', 0, G_OPTION_ARG_FILENAME, &options.input, "Standard input; - is our own (nothing)", "FILE"},
        {"report", 'r', 0, G_OPTION_ARG_STRING_ARRAY, &options.reports, "Copy a file out afterwards", "PATH[:FILE]"},
        {"network", 0, 0, G_OPTION_ARG_STRING, &options.network, "none or loopback (none)", "KIND"},
        {"host", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.hosts, "Let it reach this host, by an HTTP proxy",
         "NAME:PORT"},
        {"profile", 0, 0, G_OPTION_ARG_STRING, &options.profile, "System calls: strict, build or service (strict)",
         "NAME"},
        {"allow", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.allowed, "More system calls: debug, sysv-ipc, ...",
         "GROUP,..."},
        {"fixed-addresses", 0, 0, G_OPTION_ARG_NONE, &options.fixed_addresses, "No address randomisation", NULL},
        {"inner-root", 0, 0, G_OPTION_ARG_NONE, &options.inner_root, "Be called uid 0 inside, without any power", NULL},
        {"accept-missing", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options.accepted, "Run without these (see rubric doctor)",
         "NAME,..."},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "The box status as JSON on stderr", NULL},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_box, entries, &argc, &argv))
        return EXIT_USAGE;
    char **command = argv + 1;
    if (*command && strcmp(*command, "--") == 0)
        command++;
    if (!*command)
        return cli_fail(&cmd_box, EXIT_USAGE,
                        "no command to run; for example: rubric box --wall 5s -- python3 -c 'print(1)'");
    g_auto(Plan) plan = {.spec = BOX_SPEC_INIT, .stdin_fd = -1};
    plan.binds = g_array_new(FALSE, TRUE, sizeof(BoxBind));
    plan.paths = g_ptr_array_new();
    plan.files = g_ptr_array_new();
    plan.env = g_ptr_array_new();
    plan.strings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    if (!make_plan(&options, command, &plan, &error))
        return cli_fail(&cmd_box, EXIT_USAGE, "%s", error->message);
    return run_box(&options, &plan);
}

const Command cmd_box = {
    .name = "box",
    .arguments = "-- COMMAND [ARGUMENT...]",
    .summary = "run one command in a box",
    .run = run,
};
