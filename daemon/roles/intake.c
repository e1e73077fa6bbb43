/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at each source in its rhythm. What a look finds is safe and queued when the look returns, so a crash at any
 * moment costs at most a look.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/roles/role.h"

static const gint64 git_timeout_ms = 5 * 60 * 1000;
static const gint64 settle_us =
    CLOCK_SECOND_US + CLOCK_SECOND_US / 20; /* with `once`: as soon as a file can have rested */
static const gint64 longest_sleep_us = 5 * CLOCK_SECOND_US;
static const gint64 note_every_us = CLOCK_SECOND_US;
static const guint max_failures_once = 3;

typedef struct {
    Source *source;
    const SourceConfig *config;
    gint64 next_mono_us, noted_mono_us;
    guint n_looks, n_failures; /* failures in a row */
    guint64 n_taken;
    char *error;
} Watched;

static void watched_free(gpointer data)
{
    Watched *watched = data;
    source_free(watched->source);
    g_free(watched->error);
    g_free(watched);
}

static Source *make_source(const Config *config, const SourceConfig *source)
{
    if (strcmp(source->kind, "github") == 0)
        return source_github_new(source->name, config->github, source->interval_us);
    if (strcmp(source->kind, "gradescope") == 0)
        return source_gradescope_new(source->name, config->gradescope, source->interval_us);
    if (strcmp(source->kind, "git") == 0)
        return source_git_new(source->name, source->interval_us);
    return source_folder_new(source->name, source->path, source->interval_us);
}

static GPtrArray *make_sources(const Config *config)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(watched_free);
    for (guint i = 0; i < config->sources->len; i++) {
        const SourceConfig *source = g_ptr_array_index(config->sources, i);
        Watched *watched = g_new0(Watched, 1);
        watched->source = make_source(config, source);
        watched->config = source;
        g_ptr_array_add(list, watched);
    }
    return list;
}

/* For `rubric status` and digests: how the last look went. */
static void note_look(const Role *role, Watched *watched)
{
    gint64 now_us = clock_monotonic_us();
    if (watched->noted_mono_us > 0 && now_us - watched->noted_mono_us < note_every_us)
        return;
    watched->noted_mono_us = now_us;
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "source", watched->source->name);
    json_add_string(json, "kind", watched->source->class->kind);
    json_add_int64(json, "looked_us", clock_now_us());
    json_add_int64(json, "interval_us", watched->source->interval_us);
    json_add_int64(json, "pace_us", watched->source->pace_us);
    json_add_int64(json, "n_taken", (gint64)watched->n_taken);
    json_add_int64(json, "n_pending", watched->source->n_pending);
    json_add_int64(json, "n_failures", watched->n_failures);
    json_add_string(json, "error", watched->error);
    g_autofree char *name = g_strdup_printf("source-%s", watched->source->name);
    note_write(role->config, name, json);
}

static void look_at(Role *role, SourceContext *context, Watched *watched)
{
    guint n_new = 0;
    g_autoptr(GError) error = NULL;
    watched->n_looks++;
    g_clear_pointer(&watched->error, g_free);
    context->git_max_bytes = watched->config->repository_max_bytes;
    if (source_poll(watched->source, context, &n_new, &error)) {
        watched->n_failures = 0;
    } else {
        watched->n_failures++;
        watched->error = g_strdup(error->message);
        log_event(LOG_ERR, "look_failed", "source", watched->source->name, "error", error->message, NULL);
    }
    watched->n_taken += n_new;
    if (n_new > 0) {
        g_autofree char *count = g_strdup_printf("%u", n_new);
        log_event(LOG_INFO, "submissions_taken", "source", watched->source->name, "count", count, NULL);
        wake_send(role->config->state_folder, "grade");
    }
    bool hurries = role->once && (watched->source->n_pending > 0 || watched->error);
    gint64 wait_us = hurries ? MIN(watched->source->interval_us, settle_us) : watched->source->interval_us;
    watched->next_mono_us = clock_monotonic_us() + wait_us;
    note_look(role, watched);
}

/* A course that has errors is somebody's to mend, though grading goes on with the last good one. */
static bool flag_course(Role *role, GError **error)
{
    if (role->watch.problems) {
        FlagRow flag = {
            .kind = (char *)"course",
            .message =
                (char *)"the course's files have errors; the last good version stays in force until they are mended",
            .evidence = role->watch.problems,
        };
        return store_flag_raise(role->store, &flag, NULL, error);
    }
    return store_flag_close_own(role->store, "course", NULL, "the files were mended", error);
}

static bool source_is_done(const Watched *watched)
{
    if (watched->n_failures > 0)
        return watched->n_failures >= max_failures_once;
    return watched->n_looks > 0 && watched->source->n_pending == 0;
}

static bool all_are_done(const GPtrArray *sources)
{
    for (guint i = 0; i < sources->len; i++) {
        if (!source_is_done(g_ptr_array_index(sources, i)))
            return false;
    }
    return true;
}

static gint64 look_at_due(Role *role, SourceContext *context, const GPtrArray *sources)
{
    gint64 next_mono_us = clock_monotonic_us() + longest_sleep_us;
    for (guint i = 0; i < sources->len; i++) {
        Watched *watched = g_ptr_array_index(sources, i);
        if (watched->next_mono_us <= clock_monotonic_us() && !(role->once && source_is_done(watched)))
            look_at(role, context, watched);
        next_mono_us = MIN(next_mono_us, watched->next_mono_us);
    }
    return next_mono_us;
}

/* One turn: the course's changes, the sources that are due, results that became visible. */
static bool turn(Role *role, const GPtrArray *sources, gint64 *ret_next_mono_us, GError **error)
{
    if (role_refresh_course(role) && !flag_course(role, error))
        return false;
    SourceContext context = {
        .store = role->store,
        .course = role->watch.course,
        .state_folder = role->config->state_folder,
        .git_timeout_ms = git_timeout_ms,
    };
    *ret_next_mono_us = look_at_due(role, &context, sources);
    return outcome_repost_due(role->store, role->config, role->watch.course, error);
}

/* Role web has stored a delivery. */
static void hurry_woken(const GPtrArray *sources)
{
    for (guint i = 0; i < sources->len; i++) {
        Watched *watched = g_ptr_array_index(sources, i);
        if (watched->source->class->is_woken)
            watched->next_mono_us = 0;
    }
}

int intake_loop(Role *role)
{
    if (role->config->github || role->config->gradescope)
        secret_close_process();
    g_autoptr(GPtrArray) sources = make_sources(role->config);
    g_autoptr(GError) error = NULL;
    if (!source_sweep(role->config->state_folder, &error))
        log_event(LOG_WARNING, "sweep_failed", "error", error->message, NULL);
    g_clear_error(&error);
    for (;;) {
        gint64 next_mono_us = 0;
        if (!turn(role, sources, &next_mono_us, &error)) {
            log_event(LOG_ERR, "intake_failed", "error", error->message, NULL);
            return 1;
        }
        if (role->once && all_are_done(sources))
            return 0;
        if (role_sleep(role, next_mono_us))
            hurry_woken(sources);
    }
}
