/* SPDX-License-Identifier: Apache-2.0 */
/* `rubric notify`: does a channel of the staff's get what we send, and what would it be told now? */
#include <stdio.h>
#include <string.h>

#include "daemon/cli/cli.h"

static const char arguments[] = "test|show [SINK]";

/* One message by one try: what fails is told to the one who asks. */
static bool send_test(const CliDaemon *daemon, const NoticeConfig *notice, GError **error)
{
    g_autoptr(Slack) slack = slack_new(notice->name, notice->url_file, notice->timeout_ms, error);
    if (!slack)
        return false;
    const gsize max_name_bytes = 60;
    g_autofree char *course = text_escape_slack(daemon->course->id, max_name_bytes);
    g_autofree char *text =
        g_strdup_printf("rubricd, %s: this is a test of \"%s\". What waits for the course's staff will be told here.",
                        course, notice->name);
    gint64 retry_at_us = 0;
    PostOutcome outcome = slack_send(slack, text, 0, &retry_at_us, error);
    if (outcome == POST_RETRY && retry_at_us > clock_now_us() + CLOCK_SECOND_US * 2) {
        g_autofree char *span = clock_format_span(retry_at_us - clock_now_us());
        g_prefix_error(error, "try again in %s: ", span);
    }
    return outcome == POST_DONE;
}

static int test(const CliDaemon *daemon, const NoticeConfig *notice)
{
    GError *error = NULL;
    if (send_test(daemon, notice, &error)) {
        printf("%s: Slack has taken the test message\n", notice->name);
        return EXIT_DONE;
    }
    g_prefix_error(&error, "%s: ", notice->name);
    cli_fail(&cmd_notify, EXIT_PROBLEMS, "%s", error->message);
    g_error_free(error);
    return EXIT_PROBLEMS;
}

static int show(const CliDaemon *daemon, const NoticeConfig *notice)
{
    GError *error = NULL;
    g_auto(Digest) digest = {0};
    if (!digest_make(daemon->store, daemon->config, daemon->course, notice, &digest, &error))
        return cli_fail_error(&cmd_notify, error);
    printf("%s:\n%s\n", notice->name, digest.text ? digest.text : "nothing new since the last digest");
    return EXIT_DONE;
}

static int run_all(const CliDaemon *daemon, const char *wanted, int (*act)(const CliDaemon *, const NoticeConfig *))
{
    int status = EXIT_DONE;
    guint n = 0;
    for (guint i = 0; i < daemon->config->notices->len; i++) {
        const NoticeConfig *notice = g_ptr_array_index(daemon->config->notices, i);
        if (wanted && strcmp(wanted, notice->name) != 0)
            continue;
        n++;
        int one = act(daemon, notice);
        status = MAX(status, one);
    }
    if (n > 0)
        return status;
    return wanted ? cli_fail(&cmd_notify, EXIT_USAGE, "\"%s\" has no sink slack \"%s\"", daemon->config->path, wanted)
                  : cli_fail(&cmd_notify, EXIT_USAGE, "\"%s\" has no sink slack: nobody is told anything",
                             daemon->config->path);
}

static int run(int argc, char **argv)
{
    g_autofree char *config = NULL;
    GOptionEntry entries[] = {
        {"config", 'c', 0, G_OPTION_ARG_FILENAME, &config, "the daemon's configuration", "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    if (!cli_parse(&cmd_notify, entries, &argc, &argv))
        return EXIT_USAGE;
    const int max_arguments = 3;
    bool is_test = argc > 1 && strcmp(argv[1], "test") == 0, is_show = argc > 1 && strcmp(argv[1], "show") == 0;
    if (argc > max_arguments || (!is_test && !is_show))
        return cli_fail(&cmd_notify, EXIT_USAGE, "expected %s", arguments);
    CliDaemon daemon;
    int status;
    if (!cli_daemon_open(&cmd_notify, config, &daemon, &status))
        return status;
    status = run_all(&daemon, argc == max_arguments ? argv[2] : NULL, is_test ? test : show);
    cli_daemon_clear(&daemon);
    return status;
}

const Command cmd_notify = {"notify", arguments,
                            "send a test message to the staff's channels; show what they would be told", run};
