/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `gradescope`: an autograder made for Gradescope, unchanged, in a box that looks as Gradescope's container does
 * (https://gradescope-autograders.readthedocs.io, "Autograder Specifications"): uid 0, /autograder as working folder.
 */
#include "graders/autograder.h"
#include "graders/builtin.h"
#include "graders/kit.h"
#include "graders/preparation.h"

#include <string.h>

typedef struct {
    char *zip;                /* of the course folder: archive or folder */
    const RubricImage *image; /* whose programs it has; NULL: the host's */
    AutograderWish wish;
    BoxProfile profile;
    bool has_setup;     /* with a setup.sh that is to be run */
    char **setup_hosts; /* that it may reach; NULL: none */
} GradescopeParameters;

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

static void check_zip(const GradescopeParameters *parameters, YamlReader *reader, RubricLoad *load)
{
    const YamlNode *node = yaml_get(reader->mapping, "zip");
    g_autofree char *path = g_build_filename(rubric_load_folder(load), parameters->zip, NULL);
    rubric_load_uses_file(load, parameters->zip, node, reader->diagnostics);
    g_autofree char *problem = g_file_test(path, G_FILE_TEST_EXISTS) ? kit_problem(path, "run_autograder") : NULL;
    if (problem)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "zip: \"%s\" %s", parameters->zip, problem);
}

/* What is wrong with the zip is said already. */
static bool has_setup(const GradescopeParameters *parameters, const RubricLoad *load)
{
    g_autofree char *path = g_build_filename(rubric_load_folder(load), parameters->zip, NULL);
    g_autofree char *lacks = g_file_test(path, G_FILE_TEST_EXISTS) ? kit_problem(path, "setup.sh") : g_strdup("");
    return !lacks;
}

static void *gradescope_parse(const YamlNode *node, RubricLoad *load, Diagnostics *diagnostics)
{
    GradescopeParameters *parameters = g_new0(GradescopeParameters, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "check \"gradescope\"", diagnostics);
    parameters->zip = g_strdup(yaml_read_text(&reader, "zip", YAML_REQUIRED, NULL));
    if (parameters->zip)
        check_zip(parameters, &reader, load);
    parameters->image = rubric_load_image(load, &reader);
    autograder_wish_read(&parameters->wish, &reader, "tests");
    parameters->profile =
        (BoxProfile)yaml_read_choice(&reader, "profile", YAML_OPTIONAL, box_profile_names(), BOX_PROFILE_BUILD);
    parameters->has_setup =
        setup_read(&reader, load, &parameters->setup_hosts) && parameters->zip && has_setup(parameters, load);
    yaml_reader_end(&reader);
    return parameters;
}

static void gradescope_free(void *data)
{
    GradescopeParameters *parameters = data;
    if (!parameters)
        return;
    g_free(parameters->zip);
    g_strfreev(parameters->setup_hosts);
    autograder_wish_clear(&parameters->wish);
    g_free(parameters);
}

/* ---- submission_metadata.json -------------------------------------------------------------------------------------
 */

/* Their ids are numbers and ours are not: a number that is the same for the same id. */
static void add_id(cJSON *object, const char *key, const char *id)
{
    const gsize n_digits = 8;
    const int hexadecimal = 16;
    g_autofree char *digest = file_sha256_bytes(id, strlen(id));
    const char *hex = strrchr(digest, ':') ? strrchr(digest, ':') + 1 : digest;
    g_autofree char *start = g_strndup(hex, n_digits - 1);
    json_add_int64(object, key, g_ascii_strtoll(start, NULL, hexadecimal));
}

static void add_time(cJSON *object, const char *key, gint64 time_us, GTimeZone *zone)
{
    if (time_us == G_MAXINT64) {
        json_add(object, key, cJSON_CreateNull());
        return;
    }
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(time_us / CLOCK_SECOND_US);
    g_autoptr(GDateTime) local = utc && zone ? g_date_time_to_timezone(utc, zone) : NULL;
    g_autofree char *start = local ? g_date_time_format(local, "%Y-%m-%dT%H:%M:%S") : NULL;
    g_autofree char *offset = local ? g_date_time_format(local, "%:z") : NULL;
    g_autofree char *text = g_strdup_printf("%s.%06d%s", start ? start : "1970-01-01T00:00:00",
                                            (int)(time_us % CLOCK_SECOND_US), offset ? offset : "+00:00");
    json_add_string(object, key, text);
}

static const char *value_of(const GraderContext *context, const char *name)
{
    const char *value = placeholders_get(context->placeholders, name);
    return value ? value : "";
}

/* There, work is released at some time and accepted late until another; here it has been out since ever, and how late
 * is too late is the tokens' business. */
static void add_dates(cJSON *object, const GraderContext *context)
{
    add_time(object, "release_date", 0, context->zone);
    add_time(object, "due_date", context->deadline_us, context->zone);
    json_add(object, "late_due_date", cJSON_CreateNull());
}

static cJSON *make_assignment(const GraderContext *context)
{
    cJSON *assignment = cJSON_CreateObject();
    bool is_group = *value_of(context, "team.id") != '\0';
    add_id(assignment, "id", value_of(context, "assignment.id"));
    add_id(assignment, "course_id", value_of(context, "course.id"));
    json_add_string(assignment, "title",
                    context->assignment_title ? context->assignment_title : value_of(context, "assignment.id"));
    add_dates(assignment, context);
    if (is_group)
        json_add_int64(assignment, "group_size", (gint64)context->n_members);
    else
        json_add(assignment, "group_size", cJSON_CreateNull());
    json_add_bool(assignment, "group_submission", is_group);
    g_autofree char *points = points_format(context->max_milli);
    g_autofree char *total = strchr(points, '.') ? g_strdup(points) : g_strconcat(points, ".0", NULL);
    json_add_string(assignment, "total_points", total);
    return assignment;
}

static cJSON *make_users(const GraderContext *context)
{
    cJSON *users = cJSON_CreateArray();
    for (gsize i = 0; i < context->n_members; i++) {
        const Member *member = &context->members[i];
        cJSON *user = cJSON_CreateObject();
        add_id(user, "id", member->id);
        json_add_string(user, "name", member->name ? member->name : member->id);
        json_add_string(user, "email", member->emails && member->emails[0] ? member->emails[0] : "");
        add_dates(json_add(user, "assignment", cJSON_CreateObject()), context);
        cJSON_AddItemToArray(users, user);
    }
    return users;
}

/* Of this autograder's runs: `results` only of the newest, as there. */
static cJSON *make_previous(const GraderContext *context, const char *zip)
{
    cJSON *list = cJSON_CreateArray();
    const cJSON *entry;
    cJSON_ArrayForEach(entry, context->previous)
    {
        const cJSON *runs = cJSON_GetObjectItemCaseSensitive(entry, "runs");
        const cJSON *run = cJSON_GetObjectItemCaseSensitive(runs, zip);
        bool is_error = !run && json_bool_or(entry, "is_error", false);
        if (!run && !is_error)
            continue; /* graded by another rubric */
        const cJSON *score = cJSON_GetObjectItemCaseSensitive(run, "score");
        const cJSON *results = cJSON_GetObjectItemCaseSensitive(run, "results");
        cJSON *previous = cJSON_CreateObject();
        add_time(previous, "submission_time", json_int64_or(entry, "received_us", 0), context->zone);
        json_add(previous, "score", cJSON_CreateNumber(cJSON_IsNumber(score) ? score->valuedouble : 0));
        json_add_bool(previous, "autograder_error", is_error);
        if (results)
            json_add(previous, "results", cJSON_Duplicate(results, true));
        cJSON_AddItemToArray(list, previous);
    }
    return list;
}

static char *make_metadata(const GraderContext *context, const char *zip)
{
    g_autoptr(cJSON) metadata = cJSON_CreateObject();
    g_autofree char *identity =
        g_strdup_printf("%s %s %s %" G_GINT64_FORMAT, value_of(context, "assignment.id"), value_of(context, "team.id"),
                        value_of(context, "person.id"), context->received_us);
    add_id(metadata, "id", identity);
    add_time(metadata, "created_at", context->received_us, context->zone);
    json_add(metadata, "assignment", make_assignment(context));
    json_add_string(metadata, "submission_method", context->git_commit ? "GitHub" : "upload");
    json_add(metadata, "users", make_users(context));
    json_add(metadata, "previous_submissions", make_previous(context, zip));
    return json_print_pretty(metadata);
}

/* ---- judging ------------------------------------------------------------------------------------------------------
 */

/* As Gradescope's own images are made: line ends of Windows are taken out of a script. `python` is what it is there. */
#define LAYOUT                                                                                                         \
    "set -e\n"                                                                                                         \
    "cd /autograder\n"                                                                                                 \
    "mkdir source\n"                                                                                                   \
    "cp -R /run/autograder/kit/. source/\n"                                                                            \
    "if [ \"$(head -c 2 source/run_autograder)\" = '#!' ]; then\n"                                                     \
    "  sed 's/\\r$//' source/run_autograder > run_autograder\n"                                                        \
    "else\n"                                                                                                           \
    "  cp source/run_autograder run_autograder\n"                                                                      \
    "fi\n"                                                                                                             \
    "chmod 755 run_autograder\n"                                                                                       \
    "if ! command -v python > /dev/null && command -v python3 > /dev/null; then\n"                                     \
    "  mkdir -p /root/.local/bin &&\n"                                                                                 \
    "  ln -s \"$(command -v python3)\" /root/.local/bin/python || true\n"                                              \
    "fi\n"

/* The submission comes last, over what the setup left. */
#define START                                                                                                          \
    "mkdir -p submission results\n"                                                                                    \
    "cp -R /work/. submission/\n"                                                                                      \
    "cp /run/autograder/submission_metadata.json .\n"                                                                  \
    "exec ./run_autograder\n"

static const char layout[] = LAYOUT;
static const char script[] = LAYOUT START;
static const char script_after_setup[] =
    "set -e\n"
    "cd /autograder\n"
    "cp -R /run/autograder/made/. .\n"
    "test ! -d /run/autograder/root || cp -R /run/autograder/root/. /root/\n" START;

static bool gradescope_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    /* An image may have something in /root. */
    static const char *const scratch[] = {"autograder", "root", NULL}, *const of_image[] = {"autograder", NULL};
    /* tar gives uid 0 files away to who packed them, and there is nobody else in a box. */
    static const char *const env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/root/.local/bin",
        "HOME=/root",
        "LANG=C.UTF-8",
        "TZ=UTC",
        "TMPDIR=/tmp",
        "TAR_OPTIONS=--no-same-owner",
        NULL};
    const GradescopeParameters *parameters = check->parameters;
    g_autofree char *metadata = make_metadata(context, parameters->zip);
    const AutograderFile files[] = {{.name = "submission_metadata.json", .text = metadata}};
    const SetupPlan setup = {
        .kit = parameters->zip,
        .layout = layout,
        .hosts = parameters->setup_hosts,
        .env = env,
        .profile = parameters->profile,
    };
    bool has_own_root = parameters->image && !parameters->has_setup;
    const AutograderPlan plan = {
        .kit = parameters->zip,
        .kept_as = parameters->zip,
        .setup = parameters->has_setup ? &setup : NULL,
        .shown_as = "/autograder/run_autograder",
        .script = parameters->has_setup ? script_after_setup : script,
        .results_path = "/autograder/results/results.json",
        .image = parameters->image,
        .scratch = has_own_root ? of_image : scratch,
        .env = env,
        .profile = parameters->profile,
        .files = files,
        .n_files = G_N_ELEMENTS(files),
        .inner_root = true,
        .parse = gradescope_results_parse,
    };
    g_autofree char *hosts = parameters->setup_hosts ? g_strjoinv(" ", parameters->setup_hosts) : g_strdup("");
    g_autofree char *key =
        autograder_key(check, "gradescope", parameters->zip, wanted_image_name(parameters->image),
                       box_profile_name(parameters->profile), parameters->has_setup ? "setup" : "", hosts, NULL);
    const AutograderRun *run = autograder_run(&plan, key, check, context, error);
    if (!run)
        return false;
    *ret_finding = autograder_judge(run, &parameters->wish);
    return true;
}

const Grader grader_gradescope = {
    .type = {.name = "gradescope",
             .summary = "runs an autograder made for Gradescope, unchanged, and reads its results.json",
             .limits = {.wall_ms = 600000,
                        .cpu_ms = 600000,
                        .memory_bytes = 768 << 20,
                        .processes = 256,
                        .output_bytes = 8 << 20,
                        .disk_bytes = 512 << 20,
                        .open_files = 1024},
             .parse = gradescope_parse,
             .free = gradescope_free},
    .judge = gradescope_judge,
};
