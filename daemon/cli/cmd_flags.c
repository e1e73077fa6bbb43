/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric flags`: what a TA must look at, the evidence beside the sentence to judge. */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

static const gsize max_line_bytes = 400;
static const guint max_evidence_lines = 30;

static void print_line(const char *indent, const char *text)
{
    g_autofree char *shown = text_escape_terminal(text, max_line_bytes);
    printf("%s%s\n", indent, shown);
}

static void print_evidence(const char *evidence)
{
    g_auto(GStrv) lines = g_strsplit(evidence, "\n", (int)max_evidence_lines + 1);
    for (guint i = 0; lines[i] && i < max_evidence_lines; i++) {
        if (*lines[i])
            print_line("      | ", lines[i]);
    }
    if (g_strv_length(lines) > max_evidence_lines)
        puts("      | … (`--json` has all of it)");
}

/* "m2, team1, submission 3"; NULL submission: about the whole course. */
static char *describe_place(const Submission *submission)
{
    if (!submission)
        return g_strdup("the course");
    return g_strdup_printf("%s, %s, submission %" G_GINT64_FORMAT,
                           *submission->assignment ? submission->assignment : "no assignment",
                           *submission->owner ? submission->owner : "unknown owner", submission->id);
}

static void print_flag(const FlagRow *flag, const Submission *submission, bool colour)
{
    g_autofree char *place = describe_place(submission);
    g_autofree char *head =
        g_strdup_printf("%s%s%s  %s", flag->item ? flag->item : "", flag->item ? ": " : "", flag->kind, place);
    g_autofree char *shown = text_escape_terminal(head, max_line_bytes);
    printf("%s%5" G_GINT64_FORMAT "%s %s\n", colour ? "\033[1m" : "", flag->id, colour ? "\033[0m" : "", shown);
    g_autofree char *message =
        strcmp(flag->kind, "review") == 0 ? g_strdup_printf("passes when: %s", flag->message) : g_strdup(flag->message);
    print_line("      ", message);
    if (flag->evidence)
        print_evidence(flag->evidence);
    if (strcmp(flag->state, "open") != 0) {
        g_autofree char *decided =
            g_strdup_printf("%s by %s: %s", flag->state, flag->decided_by ? flag->decided_by : "rubricd",
                            flag->reason ? flag->reason : "");
        print_line("      ", decided);
    }
}

static cJSON *flag_to_json(const FlagRow *flag, const Submission *submission)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "flag", flag->id);
    json_add_string(json, "kind", flag->kind);
    json_add_string(json, "item", flag->item);
    json_add_string(json, "state", flag->state);
    json_add_string(json, "message", flag->message);
    json_add_string(json, "evidence", flag->evidence);
    json_add_string(json, "decided_by", flag->decided_by);
    json_add_string(json, "reason", flag->reason);
    json_add_int64(json, "raised_us", flag->raised_us);
    if (submission) {
        json_add_int64(json, "submission", submission->id);
        json_add_string(json, "assignment", submission->assignment);
        json_add_string(json, "owner", submission->owner);
        json_add_string(json, "location", submission->location);
    }
    return json;
}

static int show(const CliDaemon *daemon, const GPtrArray *flags, bool as_json)
{
    g_autoptr(cJSON) list = cJSON_CreateArray();
    bool colour = cli_use_colour(fileno(stdout));
    for (guint i = 0; i < flags->len; i++) {
        const FlagRow *flag = g_ptr_array_index(flags, i);
        g_autoptr(Submission) submission =
            flag->submission_id ? store_submission_get(daemon->store, flag->submission_id, NULL) : NULL;
        if (as_json)
            cJSON_AddItemToArray(list, flag_to_json(flag, submission));
        else
            print_flag(flag, submission, colour);
    }
    if (as_json) {
        g_autofree char *text = json_print_pretty(list);
        puts(text);
    } else if (flags->len == 0) {
        puts("no flags: nobody is waited for");
    } else {
        printf("%u flags; decide one by `rubric review FLAG pass|fail -m REASON`\n", flags->len);
    }
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    g_autofree char *config = NULL;
    g_autofree char *assignment = NULL;
    gboolean all = false, as_json = false;
    GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "the daemon's configuration", "FILE"},
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &assignment, "only of this assignment", "ID"},
        {"all", 0, 0, G_OPTION_ARG_NONE, &all, "decided ones too", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!cli_parse(&cmd_flags, entries, &argc, &argv))
        return EXIT_USAGE;
    if (argc > 1)
        return cli_fail(&cmd_flags, EXIT_USAGE, "\"%s\" is one argument too many", argv[1]);
    CliDaemon daemon;
    int status;
    if (!cli_daemon_open(&cmd_flags, config, &daemon, &status))
        return status;
    GError *error = NULL;
    g_autoptr(GPtrArray) flags = store_flag_list(daemon.store, assignment, all, &error);
    status = flags ? show(&daemon, flags, as_json) : cli_fail_error(&cmd_flags, error);
    cli_daemon_clear(&daemon);
    return status;
}

const Command cmd_flags = {"flags", "", "what a TA must look at, with the evidence", run};
