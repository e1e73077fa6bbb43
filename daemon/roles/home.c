/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/home.h"

#include <string.h>
#include <unistd.h>

typedef struct {
    char *machine; /* "" when it has no id, as in some containers: then the path alone tells */
    char *host;    /* for people */
    char *folder;
} Home;

static void home_clear(Home *home)
{
    g_free(home->machine);
    g_free(home->host);
    g_free(home->folder);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Home, home_clear)

/* The id itself is not for others to know (machine-id(5)): its hash does. */
static char *machine_name(void)
{
    const gsize max_bytes = 256;
    g_autofree char *id = NULL;
    if (!file_read("/etc/machine-id", max_bytes, &id, NULL, NULL) || !*g_strstrip(id))
        return g_strdup("");
    g_autofree char *salted = g_strconcat("rubricd ", id, NULL);
    return file_sha256_bytes(salted, strlen(salted));
}

static void home_here(const Config *config, Home *ret)
{
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    *ret = (Home){machine_name(), g_strdup(host), g_strdup(config->state_folder)};
}

static bool read_home(Store *store, Home *ret, bool *ret_is_known, GError **error)
{
    g_autofree char *text = NULL;
    *ret_is_known = false;
    if (!store_cursor_get(store, "rubricd", "home", &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    if (!json)
        return text == NULL;
    *ret_is_known = true;
    *ret = (Home){g_strdup(json_string_or(json, "machine", "")), g_strdup(json_string_or(json, "host", "")),
                  g_strdup(json_string_or(json, "folder", ""))};
    return true;
}

static bool write_home(Store *store, const Home *home, GError **error)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "machine", home->machine);
    json_add_string(json, "host", home->host);
    json_add_string(json, "folder", home->folder);
    g_autofree char *text = json_print(json);
    return store_cursor_set(store, "rubricd", "home", text, error);
}

static bool is_same(const Home *a, const Home *b)
{
    bool both_have_ids = *a->machine && *b->machine;
    return strcmp(a->folder, b->folder) == 0 && (!both_have_ids || strcmp(a->machine, b->machine) == 0);
}

bool home_enter(Store *store, const Config *config, GError **error)
{
    g_auto(Home) home = {0}, here = {0};
    bool is_known;
    home_here(config, &here);
    if (!read_home(store, &home, &is_known, error))
        return false;
    g_autofree char *moved = g_build_filename(config->state_folder, "moved", NULL);
    bool is_at_home = is_known && is_same(&home, &here);
    if (is_at_home)
        unlink(moved); /* heeded by a start that was killed: a copy must not take it along */
    if (is_at_home)
        return true;
    if (is_known && access(moved, F_OK) != 0)
        return error_set(
            error, RUBRIC_ERROR_DENIED,
            "this state was used as \"%s\" on \"%s\", and here is \"%s\" on \"%s\": a copy beside it would "
            "charge and post everything a second time. If it was moved, and the daemon there is stopped for good, "
            "say so: touch \"%s\"",
            home.folder, home.host, here.folder, here.host, moved);
    if (!write_home(store, &here, error))
        return false;
    unlink(moved);
    if (is_known)
        log_event(LOG_NOTICE, "state_moved", "from", home.folder, "from_host", home.host, "to", here.folder, NULL);
    return true;
}
