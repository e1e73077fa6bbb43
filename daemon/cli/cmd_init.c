/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/cli.h"
#include "daemon/cli/template.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What the new course is called; each is freed by answers_clear. */
typedef struct {
    char *id, *title, *timezone;
} Answers;

static void answers_clear(Answers *answers)
{
    g_free(answers->id);
    g_free(answers->title);
    g_free(answers->timezone);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answers, answers_clear)

/* ---- asking ----------------------------------------------------------------------------------------------------- */

/* "Spring 2027 ML" -> "spring-2027-ml": a proposal made of a folder's name. */
static char *propose_id(const char *folder)
{
    g_autofree char *whole = g_canonicalize_filename(folder, NULL);
    g_autofree char *name = g_path_get_basename(whole);
    g_autofree char *lower = g_ascii_strdown(name, -1);
    g_strcanon(lower, "abcdefghijklmnopqrstuvwxyz0123456789-_.", '-');
    const char *start = lower + strspn(lower, "-_.");
    const gsize max_length = 64;
    return *start ? g_strndup(start, max_length) : g_strdup("course");
}

static char *system_zone(void)
{
    g_autoptr(GTimeZone) local = g_time_zone_new_local();
    const char *name = g_time_zone_get_identifier(local);
    g_autoptr(GTimeZone) again = g_time_zone_new_identifier(name);
    return g_strdup(again && name[0] != '/' && name[0] != ':' ? name : "UTC");
}

/* On a terminal asks, with `proposal` for an empty answer; elsewhere takes the proposal. Takes `proposal` over. */
static char *ask(const char *question, char *proposal)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return proposal;
    char line[256];
    fprintf(stderr, "%s [%s]: ", question, proposal);
    if (!fgets(line, sizeof line, stdin))
        return proposal;
    g_strstrip(line);
    if (*line == '\0' || !g_utf8_validate(line, -1, NULL))
        return proposal;
    g_free(proposal);
    return g_strdup(line);
}

static void fill_in(Answers *answers, const char *folder)
{
    if (!answers->id)
        answers->id = ask("Short name of the course", propose_id(folder));
    if (!answers->title)
        answers->title = ask("Title", g_strdup(answers->id));
    if (!answers->timezone)
        answers->timezone = ask("Time zone of its deadlines", system_zone());
}

static const char *find_problem(const Answers *answers)
{
    const gsize max_id = 64;
    bool id_is_good = *answers->id && strlen(answers->id) <= max_id && g_ascii_isalnum(*answers->id) &&
                      strspn(answers->id, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(answers->id);
    if (!id_is_good)
        return "--id must be lower-case letters, digits, \"-\", \"_\" and \".\", at most 64, like \"mlip-s27\"";
    if (!g_utf8_validate(answers->title, -1, NULL) || *answers->title == '\0' || strpbrk(answers->title, "\n\r"))
        return "--title must be one line of text";
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(answers->timezone);
    return zone ? NULL : "--timezone is not known here; write it like \"America/New_York\"";
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

/* In double quotes, for YAML: any text is safe there. */
static char *quote_yaml(const char *text)
{
    g_autoptr(cJSON) json = cJSON_CreateString(text);
    return json_print(json);
}

/* Two weeks from now, late in the evening, is as good a deadline as any. */
static char *propose_deadline(const char *zone_name)
{
    const int weeks = 2;
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(zone_name);
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(clock_now_us() / CLOCK_SECOND_US);
    g_autoptr(GDateTime) now = g_date_time_to_timezone(utc, zone);
    g_autoptr(GDateTime) then = g_date_time_add_weeks(now, weeks);
    return g_date_time_format(then, "%Y-%m-%d 23:59");
}

/* Caller frees. Only files for people have fields to fill in. */
static GString *expand(const TemplateFile *file, const Answers *answers)
{
    GString *text = g_string_new_len(file->data, (gssize)file->length);
    if (strcmp(file->path, "course.yaml") != 0 && strcmp(file->path, "README.md") != 0)
        return text;
    g_autofree char *deadline = propose_deadline(answers->timezone);
    g_autofree char *quoted = quote_yaml(answers->title);
    g_string_replace(text, "@ID@", answers->id, 0);
    g_string_replace(text, "@TIMEZONE@", answers->timezone, 0);
    g_string_replace(text, "@DEADLINE@", deadline, 0);
    g_string_replace(text, "@TITLE@", g_str_has_suffix(file->path, ".yaml") ? quoted : answers->title, 0);
    return text;
}

static bool write_all(const char *folder, const Answers *answers, GError **error)
{
    const mode_t folder_mode = 0755, file_mode = 0644;
    for (const TemplateFile *file = template_files; file->path; file++) {
        g_autofree char *path = g_build_filename(folder, file->path, NULL);
        g_autofree char *parent = g_path_get_dirname(path);
        GString *text = expand(file, answers);
        bool written = file_make_folder(parent, folder_mode, error) &&
                       file_write_atomic(path, text->str, text->len, file_mode, error);
        g_string_free(text, TRUE);
        if (!written)
            return false;
    }
    return true;
}

/* Absent or empty; a .git alone is fine, since people make the repository first. */
static bool folder_is_free(const char *folder, GError **error)
{
    if (!g_file_test(folder, G_FILE_TEST_EXISTS))
        return true;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (!dir)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a folder that can be read", folder);
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        if (strcmp(name, ".git") != 0)
            return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not empty (it holds \"%s\"); name a new folder",
                             folder, name);
    }
    return true;
}

static int make_course(const char *folder, Answers *answers)
{
    g_autoptr(GError) error = NULL;
    if (!folder_is_free(folder, &error))
        return cli_fail_error(&cmd_init, g_steal_pointer(&error));
    fill_in(answers, folder);
    const char *problem = find_problem(answers);
    if (problem)
        return cli_fail(&cmd_init, EXIT_USAGE, "%s", problem);
    if (!write_all(folder, answers, &error))
        return cli_fail_error(&cmd_init, g_steal_pointer(&error));
    g_autofree char *shown = text_escape_terminal(folder, 1000);
    printf("%s: a new course \"%s\" with an example homework, its rubric and samples\n"
           "next: `rubric check %s`, then `rubric test %s`; its README.md tells what each file is for\n",
           shown, answers->id, shown, shown);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    g_auto(Answers) answers = {0};
    GOptionEntry entries[] = {
        {"id", 0, 0, G_OPTION_ARG_STRING, &answers.id, "Short name, used in paths and account names", "ID"},
        {"title", 0, 0, G_OPTION_ARG_STRING, &answers.title, "Title for people", "TEXT"},
        {"timezone", 0, 0, G_OPTION_ARG_STRING, &answers.timezone, "Time zone of the deadlines, like America/New_York",
         "ZONE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_init, entries, &argc, &argv))
        return EXIT_USAGE;
    if (argc != 2)
        return cli_fail(&cmd_init, EXIT_USAGE, "name one folder; `rubric init --help` tells the options");
    return make_course(argv[1], &answers);
}

const Command cmd_init = {
    .name = "init",
    .arguments = "DIR",
    .summary = "Make a new course folder, asking on a terminal for what no option says",
    .run = run,
};
