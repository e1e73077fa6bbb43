/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the staff what waits for them: at most one digest a channel in each span of `every`, and none without news. A
 * digest is a row before it is sent and no second one is made while it waits, so that a death anywhere neither loses
 * nor repeats it; only when Slack's answer is lost is it sent again, since nobody can ask Slack whether it has arrived.
 * A channel that refuses is left alone until the next start, and a flag says so.
 */
#include <string.h>

#include "daemon/roles/role.h"

static const gint64 longest_sleep_us = 30 * CLOCK_SECOND_US;
static const gint64 tries_before_flag = 12;

typedef struct {
    const NoticeConfig *config;
    Slack *slack; /* NULL: given up until the next start */
    gint64 span;  /* the last one that was looked at; -1: none */
} Channel;

static void channel_free(gpointer data)
{
    Channel *channel = data;
    slack_free(channel->slack);
    g_free(channel);
}

static bool raise_flag(const Role *role, const Channel *channel, const char *what, const char *why, GError **error)
{
    g_autofree char *message = g_strdup_printf("digests to \"%s\" %s", channel->config->name, what);
    const FlagRow flag = {
        .item = channel->config->name,
        .kind = (char *)"notice",
        .message = message,
        .evidence = (char *)why,
    };
    log_event(LOG_ERR, "notice_failed", "sink", channel->config->name, "what", what, "error", why, NULL);
    return store_flag_raise(role->store, &flag, NULL, error);
}

static bool switch_off(const Role *role, Channel *channel, const char *why, GError **error)
{
    g_clear_pointer(&channel->slack, slack_free);
    return raise_flag(role, channel,
                      "are refused; mend the webhook (`rubric notify test` tries it), then start rubricd again", why,
                      error);
}

/* ---- one channel
 * ------------------------------------------------------------------------------------------------------------ */

/* Makes this span's digest if there is news and none waits. */
static bool look(const Role *role, Channel *channel, GError **error)
{
    gint64 span = clock_now_us() / channel->config->every_us;
    if (span == channel->span)
        return true;
    g_auto(Digest) digest = {0};
    if (!digest_make(role->store, role->config, role->watch.course, channel->config, &digest, error))
        return false;
    channel->span = span;
    if (!digest.text)
        return true;
    const NoticeRow row = {
        .sink = channel->config->name,
        .span = span,
        .text = digest.text,
        .flag_id = digest.flag_id,
        .trouble = digest.trouble,
    };
    bool is_new = false;
    return store_notice_insert(role->store, &row, &is_new, error);
}

static bool send_it(const Role *role, Channel *channel, const NoticeRow *row, GError **error)
{
    g_autoptr(GError) why = NULL;
    gint64 retry_at_us = 0;
    switch (slack_send(channel->slack, row->text, row->tries, &retry_at_us, &why)) {
    case POST_DONE:
        log_event(LOG_INFO, "notice_sent", "sink", channel->config->name, NULL);
        return store_notice_finish(role->store, row->id, false, NULL, error) &&
               store_flag_close_own(role->store, "notice", channel->config->name, "a digest arrived", error);
    case POST_RETRY:
        log_event(LOG_WARNING, "notice_waits", "sink", channel->config->name, "error", why->message, NULL);
        return store_notice_retry(role->store, row->id, retry_at_us, why->message, error) &&
               (row->tries + 1 != tries_before_flag ||
                raise_flag(role, channel, "do not arrive; they are tried again each hour", why->message, error));
    case POST_GIVE_UP:
        break;
    }
    return store_notice_finish(role->store, row->id, true, why->message, error) &&
           switch_off(role, channel, why->message, error);
}

/* *until_us: no later than when this channel wants to be looked at again. */
static bool turn(const Role *role, Channel *channel, gint64 *until_us, GError **error)
{
    if (!channel->slack)
        return true;
    g_autoptr(NoticeRow) row = NULL;
    if (!store_notice_queued(role->store, channel->config->name, &row, error))
        return false;
    if (!row && (!look(role, channel, error) || !store_notice_queued(role->store, channel->config->name, &row, error)))
        return false;
    gint64 next_us = (channel->span + 1) * channel->config->every_us;
    if (row && row->not_before_us <= clock_now_us()) {
        *until_us = 0; /* what comes next is told by the row */
        return send_it(role, channel, row, error);
    }
    *until_us = MIN(*until_us, row ? row->not_before_us : next_us);
    return true;
}

/* ---- the loop
 * --------------------------------------------------------------------------------------------------------------- */

static bool open_channels(const Role *role, GPtrArray *channels, GError **error)
{
    for (guint i = 0; i < role->config->notices->len; i++) {
        Channel *channel = g_new0(Channel, 1);
        g_ptr_array_add(channels, channel);
        channel->config = g_ptr_array_index(role->config->notices, i);
        channel->span = -1;
        g_autoptr(GError) why = NULL;
        channel->slack = slack_new(channel->config->name, channel->config->url_file, channel->config->timeout_ms, &why);
        if (!channel->slack && !switch_off(role, channel, why->message, error))
            return false;
    }
    return true;
}

int notice_loop(Role *role)
{
    secret_close_process();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) channels = g_ptr_array_new_with_free_func(channel_free);
    bool is_good = open_channels(role, channels, &error);
    while (is_good) {
        role_refresh_course(role);
        gint64 until_us = clock_now_us() + longest_sleep_us;
        for (guint i = 0; is_good && i < channels->len; i++)
            is_good = turn(role, g_ptr_array_index(channels, i), &until_us, &error);
        gint64 wait_us = until_us - clock_now_us();
        if (is_good && wait_us > 0)
            role_sleep(role, clock_monotonic_us() + wait_us);
    }
    log_event(LOG_ERR, "notice_failed", "error", error ? error->message : "no reason is known", NULL);
    return 1;
}
