/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/accounts.h"
#include "daemon/cli/gradescope.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

/* 32 random bytes behind a prefix by which a leaked one is recognised. */
static char *make_key(GError **error)
{
    static const char prefix[] = "rbk_";
    guchar bytes[32];
    if (RAND_bytes(bytes, sizeof bytes) != 1) {
        error_set(error, RUBRIC_ERROR_SYSTEM, "the machine gives no random bytes");
        return NULL;
    }
    GString *key = g_string_new(prefix);
    for (gsize i = 0; i < sizeof bytes; i++)
        g_string_append_printf(key, "%02x", bytes[i]);
    return g_string_free(key, FALSE);
}

bool gradescope_key_make(Store *store, const Assignment *assignment, const char *note, gint64 max_bytes, gint64 *ret_id,
                         char **ret_key, GError **error)
{
    char *key = make_key(error);
    if (!key)
        return false;
    g_autofree char *hash = file_sha256_bytes(key, strlen(key));
    const KeyRow row = {
        .assignment = assignment->id, .note = (char *)note, .max_bytes = max_bytes, .made_by = (char *)accounts_who()};
    if (!store_key_insert(store, &row, hash, ret_id, error)) {
        secret_free(key);
        return false;
    }
    *ret_key = key;
    return true;
}

typedef struct {
    char *assignment, *note, *config_path;
    gint64 max_bytes;
    gboolean is_json;
} Options;

static bool add(const Options *options, const CliDaemon *daemon, GError **error)
{
    if (!options->assignment)
        return error_set(error, RUBRIC_ERROR_INVALID, "for which assignment? rubric gradescope key add -a ASSIGNMENT");
    const Assignment *assignment = cli_find_assignment(daemon->course, options->assignment, error);
    gint64 id = 0;
    char *key = NULL;
    if (!assignment ||
        !gradescope_key_make(daemon->store, assignment, options->note, options->max_bytes, &id, &key, error))
        return false;
    if (options->is_json) {
        g_autoptr(cJSON) json = cJSON_CreateObject();
        json_add_int64(json, "id", id);
        json_add_string(json, "assignment", assignment->id);
        json_add_string(json, "key", key);
        g_autofree char *text = json_print(json);
        puts(text);
    } else {
        printf("%s\n", key);
        fprintf(stderr, "Key %" G_GINT64_FORMAT " for %s. It is shown this once; only its hash is kept.\n", id,
                assignment->id);
    }
    secret_free(key);
    return true;
}

static cJSON *key_to_json(const KeyRow *key)
{
    cJSON *json = cJSON_CreateObject();
    json_add_int64(json, "id", key->id);
    json_add_string(json, "assignment", key->assignment);
    json_add_string(json, "note", key->note);
    json_add_int64(json, "max_bytes", key->max_bytes);
    json_add_int64(json, "made_us", key->made_us);
    json_add_string(json, "made_by", key->made_by);
    json_add_int64(json, "used_us", key->used_us);
    json_add_int64(json, "revoked_us", key->revoked_us);
    json_add_string(json, "revoked_by", key->revoked_by);
    return json;
}

static void print_key(const KeyRow *key, GTimeZone *zone)
{
    const gsize max_note = 60;
    g_autofree char *note = key->note ? text_escape_terminal(key->note, max_note) : g_strdup("");
    g_autofree char *made = clock_format_local(key->made_us, zone);
    g_autofree char *used = key->used_us > 0 ? clock_format_local(key->used_us, zone) : g_strdup("never");
    printf("%3" G_GINT64_FORMAT "  %-12s %-8s made %s, last taken from %s  %s\n", key->id, key->assignment,
           key->revoked_us > 0 ? "revoked" : "in force", made, used, note);
}

static bool list(const Options *options, const CliDaemon *daemon, GError **error)
{
    g_autoptr(GPtrArray) keys = store_key_list(daemon->store, options->assignment, error);
    g_autoptr(cJSON) json = cJSON_CreateArray();
    for (guint i = 0; keys && i < keys->len; i++) {
        const KeyRow *key = g_ptr_array_index(keys, i);
        if (options->is_json)
            cJSON_AddItemToArray(json, key_to_json(key));
        else
            print_key(key, daemon->course->zone);
    }
    if (keys && options->is_json) {
        g_autofree char *text = json_print(json);
        puts(text);
    } else if (keys && keys->len == 0) {
        puts("There is no key. `rubric gradescope key add -a ASSIGNMENT` makes one.");
    }
    return keys != NULL;
}

static bool revoke_key(const CliDaemon *daemon, const char *id, GError **error)
{
    guint64 number = 0;
    if (!g_ascii_string_to_unsigned(id, 10, 1, G_MAXINT64, &number, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is no key: `rubric gradescope key list` has the numbers",
                         id);
    if (!store_key_revoke(daemon->store, (gint64)number, accounts_who(), error))
        return false;
    printf("Key %" G_GUINT64_FORMAT " is revoked: whoever has it is refused from now on.\n", number);
    return true;
}

static int work(const Options *options, int argc, char **argv)
{
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&gradescope_key_verb, options->config_path, &daemon, &status))
        return status;
    GError *error = NULL;
    bool done = false;
    if (strcmp(argv[1], "add") == 0 && argc == 2)
        done = add(options, &daemon, &error);
    else if (strcmp(argv[1], "list") == 0 && argc == 2)
        done = list(options, &daemon, &error);
    else if (strcmp(argv[1], "revoke") == 0 && argc == 3)
        done = revoke_key(&daemon, argv[2], &error);
    cli_daemon_clear(&daemon);
    if (done)
        return EXIT_DONE;
    return error ? cli_fail_error(&gradescope_key_verb, error)
                 : cli_fail(&gradescope_key_verb, EXIT_USAGE, "say `add -a ASSIGNMENT`, `list` or `revoke NUMBER`");
}

static int run(int argc, char **argv)
{
    Options options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "what the key is good for", "ASSIGNMENT"},
        {"note", 0, 0, G_OPTION_ARG_STRING, &options.note, "add: what it is for, to tell it from others", "TEXT"},
        {"max-bytes", 0, 0, G_OPTION_ARG_INT64, &options.max_bytes,
         "add: the largest submission that it may hand in, packed (default: what the server takes)", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "print JSON", NULL},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    int status = EXIT_USAGE;
    if (cli_parse(&gradescope_key_verb, entries, &argc, &argv))
        status = argc >= 2
                     ? work(&options, argc, argv)
                     : cli_fail(&gradescope_key_verb, EXIT_USAGE, "say `add -a ASSIGNMENT`, `list` or `revoke NUMBER`");
    g_free(options.assignment);
    g_free(options.note);
    g_free(options.config_path);
    return status;
}

const Command gradescope_key_verb = {"gradescope key", "add -a ASSIGNMENT|list|revoke NUMBER",
                                     "keys by which autograders hand in", run};
