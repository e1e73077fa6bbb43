/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/exchange.h"

static const gint64 turn_us = CLOCK_SECOND_US / 2;
static const gint64 note_every_us = 60 * CLOCK_SECOND_US;
static const gint64 prune_every_us = CLOCK_HOUR_US;
static const gint64 deliveries_kept_us = 14 * CLOCK_DAY_US;
static const gint64 store_patience_us = CLOCK_SECOND_US; /* all who ask wait meanwhile */

/* Anybody can be refused at any rate: a line a minute tells of all. */
static void note_refusals(Web *web)
{
    gint64 now_us = clock_monotonic_us();
    if (web->n_refused == 0 || now_us < web->next_note_us)
        return;
    g_autofree char *count = g_strdup_printf("%" G_GUINT64_FORMAT, web->n_refused);
    log_event(LOG_WARNING, "requests_refused", "count", count, "last", web->last_refusal, NULL);
    web->n_refused = 0;
    web->next_note_us = now_us + note_every_us;
}

static void prune(Web *web)
{
    gint64 now_us = clock_monotonic_us();
    if (now_us < web->next_prune_us)
        return;
    web->next_prune_us = now_us + prune_every_us;
    GError *error = NULL;
    if (!store_delivery_prune(role_store(web->role), clock_now_us() - deliveries_kept_us, &error))
        log_error_free(LOG_WARNING, "deliveries_not_pruned", NULL, NULL, error);
}

static void serve(Web *web)
{
    for (;;) {
        bool has_news = server_serve(web, clock_monotonic_us() + turn_us);
        if (has_news || clock_monotonic_us() >= web->next_tick_us) {
            web->next_tick_us = clock_monotonic_us() + turn_us;
            server_tick(web);
        }
        server_sweep(web);
        role_refresh_course(web->role);
        note_refusals(web);
        prune(web);
    }
}

static int web_loop(Role *role)
{
    Web web = {.role = role, .config = role_config(role), .about = role_config(role)->web};
    g_autoptr(GError) error = NULL;
    secret_close_process();
    store_set_busy_timeout(role_store(role), store_patience_us);
    if (!web.about)
        error_set(&error, RUBRIC_ERROR_INVALID, "rubricd.yaml has no web:");
    else if (webhook_open(&web, &error) && gradescope_open(&web, &error) && server_start(&web, &error))
        serve(&web);
    log_event(LOG_ERR, "web_failed", "error", error ? error->message : NULL, NULL);
    server_stop(&web);
    g_clear_pointer(&web.limits, rate_limits_free);
    g_clear_pointer(&web.webhook_secret, secret_free);
    g_free(web.last_refusal);
    return 1;
}

int web_run(const Config *config, const char *instance)
{
    return role_run_with(config, "web", instance, false, web_loop);
}
