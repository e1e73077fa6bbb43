/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/role.h"

#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>

bool role_sleep(const Role *role, gint64 until_mono_us)
{
    gint64 wait_us = until_mono_us - clock_monotonic_us();
    struct pollfd waiting = {.fd = role->wake_fd, .events = POLLIN};
    gint64 wait_ms = wait_us > 0 ? MIN((wait_us + 999) / 1000, G_MAXINT) : 0;
    bool is_woken = poll(&waiting, 1, (int)wait_ms) > 0;
    wake_drain(role->wake_fd);
    return is_woken;
}

bool role_refresh_course(Role *role)
{
    if (!course_watch_refresh(&role->watch))
        return false;
    if (role->watch.problems)
        log_event(LOG_ERR, "course_has_errors", "course", role->watch.folder, "kept", "the last good version",
                  "problems", role->watch.problems, NULL);
    else
        log_event(LOG_NOTICE, "course_loaded", "course", role->watch.folder, NULL);
    return true;
}

static bool open_role(Role *role, GError **error)
{
    g_autofree char *path = config_store_path(role->config);
    if (!config_make_state_folder(role->config, error))
        return false;
    role->wake_fd = wake_open(role->config->state_folder, role->role, role->instance, error);
    if (role->wake_fd < 0)
        return false;
    role->store = store_open(path, error);
    /* Whoever held claims under this name was this process's predecessor, and the supervisor has seen it die. */
    return role->store && store_claims_release(role->store, role->worker, error) &&
           course_watch_open(&role->watch, role->config->course_folder, error);
}

static void close_role(Role *role)
{
    course_watch_clear(&role->watch);
    g_clear_pointer(&role->store, store_close);
    if (role->wake_fd >= 0)
        g_close(role->wake_fd, NULL);
    g_free(role->worker);
}

const Config *role_config(const Role *role)
{
    return role->config;
}

Store *role_store(const Role *role)
{
    return role->store;
}

const Course *role_course(const Role *role)
{
    return role->watch.course;
}

int role_wake_fd(const Role *role)
{
    return role->wake_fd;
}

int role_run_with(const Config *config, const char *role_name, const char *instance, bool once, int (*loop)(Role *role))
{
    Role role = {.config = config, .role = role_name, .instance = instance, .wake_fd = -1, .once = once};
    role.worker = g_strdup_printf("%s-%s", role_name, instance);
    prctl(PR_SET_NAME, role.worker);
    log_setup(role.worker, LOG_INFO);
    g_autoptr(GError) error = NULL;
    if (!open_role(&role, &error)) {
        log_event(LOG_ERR, "role_cannot_start", "error", error->message, NULL);
        close_role(&role);
        return 1;
    }
    int status = loop(&role);
    close_role(&role);
    return status;
}

const char *const role_names[] = {"intake", "grade", "post", "notice", "web", NULL};

int role_run(const Config *config, const char *role_name, const char *instance, bool once)
{
    static const struct {
        const char *name;
        int (*loop)(Role *role);
    } loops[] = {{"intake", intake_loop}, {"grade", grade_loop}, {"post", post_loop}, {"notice", notice_loop}};

    for (gsize i = 0; i < G_N_ELEMENTS(loops); i++) {
        if (strcmp(loops[i].name, role_name) == 0)
            return role_run_with(config, role_name, instance, once, loops[i].loop);
    }
    return 1;
}
