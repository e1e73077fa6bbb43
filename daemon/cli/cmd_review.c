/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric review`: a TA's word on a flag. */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

static bool read_flag_id(const char *text, gint64 *ret_id)
{
    char *end = NULL;
    *ret_id = g_ascii_strtoll(text, &end, 10);
    return end != text && !*end && *ret_id > 0;
}

static int tell(const CliDaemon *daemon, gint64 flag_id, bool pass, bool as_json, GError **error)
{
    g_autoptr(FlagRow) flag = store_flag_get(daemon->store, flag_id, error);
    g_autoptr(VerdictRow) verdict = NULL;
    if (!flag || (flag->submission_id && !store_verdict_latest(daemon->store, flag->submission_id, &verdict, error)))
        return EXIT_OURS;
    g_autofree char *points = verdict ? points_format(verdict->points_milli) : NULL;
    g_autofree char *max = verdict ? points_format(verdict->max_milli) : NULL;
    if (as_json) {
        g_autoptr(cJSON) json = cJSON_CreateObject();
        json_add_int64(json, "flag", flag_id);
        json_add_string(json, "state", flag->state);
        json_add_int64(json, "submission", flag->submission_id);
        json_add_int64(json, "verdict", verdict ? verdict->number : 0);
        json_add_int64(json, "points_milli", verdict ? verdict->points_milli : 0);
        json_add_int64(json, "n_review", verdict ? verdict->n_review : 0);
        g_autofree char *text = json_print(json);
        puts(text);
        return EXIT_DONE;
    }
    printf("flag %" G_GINT64_FORMAT ": %s", flag_id, pass ? "pass" : "fail");
    if (verdict)
        printf("; submission %" G_GINT64_FORMAT " has %s of %s points now, %" G_GINT64_FORMAT
               " items still to be judged",
               flag->submission_id, points, max, verdict->n_review);
    puts("");
    return EXIT_DONE;
}

static int decide(CliDaemon *daemon, gint64 flag_id, bool pass, const char *who, const char *reason, bool as_json)
{
    GError *error = NULL;
    if (!outcome_review(daemon->store, daemon->config, daemon->course, daemon->policy, flag_id, pass, who, reason,
                        &error))
        return cli_fail_error(&cmd_review, error);
    wake_send(daemon->config->state_folder, "post");
    int status = tell(daemon, flag_id, pass, as_json, &error);
    return error ? cli_fail_error(&cmd_review, error) : status;
}

static int run(int argc, char **argv)
{
    g_autofree char *config = NULL;
    g_autofree char *reason = NULL;
    g_autofree char *who = NULL;
    gboolean as_json = false;
    GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "the daemon's configuration", "FILE"},
        {"message", 'm', 0, G_OPTION_ARG_STRING, &reason, "why, one sentence; the student reads it", "REASON"},
        {"by", 0, 0, G_OPTION_ARG_STRING, &who, "who decides (your login name)", "NAME"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "print JSON", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!cli_parse(&cmd_review, entries, &argc, &argv))
        return EXIT_USAGE;
    gint64 flag_id = 0;
    if (argc != 3 || !read_flag_id(argv[1], &flag_id) || (strcmp(argv[2], "pass") != 0 && strcmp(argv[2], "fail") != 0))
        return cli_fail(&cmd_review, EXIT_USAGE,
                        "expected the number of a flag, and pass or fail; `rubric flags` lists the flags");
    if (!reason || !*reason)
        return cli_fail(&cmd_review, EXIT_USAGE, "-m REASON is missing: the student reads why");
    if (!who)
        who = g_strdup(g_get_user_name());
    CliDaemon daemon;
    int status;
    if (!cli_daemon_open(&cmd_review, config, &daemon, &status))
        return status;
    status = decide(&daemon, flag_id, strcmp(argv[2], "pass") == 0, who, reason, as_json);
    cli_daemon_clear(&daemon);
    return status;
}

const Command cmd_review = {"review", "FLAG pass|fail -m REASON", "decide a flag; its item passes or fails", run};
