/* SPDX-License-Identifier: Apache-2.0 */
/* What the members' ratings of each other come to. */
#include "daemon/cli/accounts.h"

#include <stdio.h>

/* "team1 ann: mean 97.5 of 4 ratings, times 0.981 (-2 %)". */
static void print_rating(const PeerRating *rating, bool is_json)
{
    gint64 factor_milli = exact_round_milli(rating->factor);
    gint64 mean_milli = rating->n_received > 0 ? rating->sum_milli / rating->n_received : 0;
    g_autofree char *factor = points_format(factor_milli), *mean = points_format(mean_milli);
    if (!is_json && rating->n_received == 0) {
        printf("%-8s %-12s %-20s not rated, times 1\n", rating->assignment ? rating->assignment : "", rating->team,
               rating->person);
        return;
    }
    if (!is_json) {
        printf("%-8s %-12s %-20s mean %s of %" G_GINT64_FORMAT " %s, times %s (%+" G_GINT64_FORMAT " %%)\n",
               rating->assignment ? rating->assignment : "", rating->team, rating->person, mean, rating->n_received,
               rating->n_received == 1 ? "rating" : "ratings", factor, peer_percent(rating));
        return;
    }
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "team", rating->team);
    json_add_string(json, "person", rating->person);
    json_add_string(json, "assignment", rating->assignment);
    json_add_int64(json, "n_received", rating->n_received);
    json_add_int64(json, "mean_milli", mean_milli);
    json_add_int64(json, "factor_milli", factor_milli);
    json_add_int64(json, "percent", peer_percent(rating));
    g_autofree char *text = json_print(json);
    puts(text);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CliDaemon, cli_daemon_clear)

static int show(const char *path, const char *config_path, bool is_json)
{
    const gsize max_bytes = 16 << 20;
    g_auto(CliDaemon) daemon = {0};
    int status = EXIT_OURS;
    GError *error = NULL;
    g_autoptr(Gradebook) book = NULL;
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    if (!cli_daemon_open(&cmd_peers, config_path, &daemon, &status))
        return status;
    if (!gradebook_parse(daemon.course, &book, diagnostics))
        return cli_print_diagnostics(diagnostics);
    if (!file_read(path, max_bytes, &text, &length, &error))
        return cli_fail_error(&cmd_peers, error);
    g_autoptr(GPtrArray) ratings =
        peers_read(daemon.course, book ? &book->peers : &peer_rules_usual, path, text, length, diagnostics);
    if (!ratings)
        return cli_print_diagnostics(diagnostics);
    for (guint i = 0; i < ratings->len; i++)
        print_rating(g_ptr_array_index(ratings, i), is_json);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    gboolean is_json = FALSE;
    char *config_path = NULL;
    GOptionEntry entries[] = {
        {"json", 0, 0, G_OPTION_ARG_NONE, &is_json, "JSON, a line a person", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&cmd_peers, entries, &argc, &argv))
        return EXIT_USAGE;
    int status = argc == 2
                     ? show(argv[1], config_path, is_json)
                     : cli_fail(&cmd_peers, EXIT_USAGE, "name a table of ratings: rater,rated,rating[,assignment]");
    g_free(config_path);
    return status;
}

const Command cmd_peers = {"peers", "RATINGS.csv", "what the members' ratings of each other come to", run};
