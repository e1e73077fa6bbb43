/* SPDX-License-Identifier: Apache-2.0 */
/* The autograder zip for upload to Gradescope: our scripts, where we are, a key for this assignment. */
#include "daemon/cli/accounts.h"
#include "daemon/cli/gradescope.h"
#include "daemon/cli/template.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char *assignment, *url, *timeout, *key_file, *out, *config_path;
} Options;

static void options_clear(Options *options)
{
    g_free(options->assignment);
    g_free(options->url);
    g_free(options->timeout);
    g_free(options->key_file);
    g_free(options->out);
    g_free(options->config_path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

/* The URL stands in single quotes in a script: nothing that could end them, or a blank. */
static bool check_url(const char *url, GError **error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]%";
    g_autoptr(GUri) parsed = url ? g_uri_parse(url, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *scheme = parsed ? g_uri_get_scheme(parsed) : NULL;
    if (!scheme || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) || !g_uri_get_host(parsed) ||
        !*g_uri_get_host(parsed) || strspn(url, letters) != strlen(url) || g_uri_get_userinfo(parsed))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "--url must be where Gradescope's containers reach `rubricd role web`, like "
                         "https://rubricd.example.edu");
    const char *host = g_uri_get_host(parsed);
    bool is_local = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
    if (strcmp(scheme, "http") == 0 && !is_local)
        fprintf(stderr, "rubric gradescope bridge: warning: without https:// the key and what students hand in can be "
                        "read on the way\n");
    return true;
}

static bool read_timeout(const char *text, gint64 *ret_s, GError **error)
{
    const gint64 default_minutes = 40, min_minutes = 2, max_minutes = 40;
    guint64 minutes = (guint64)default_minutes;
    if (text && !g_ascii_string_to_unsigned(text, 10, (guint64)min_minutes, (guint64)max_minutes, &minutes, NULL))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "--timeout must be the minutes that the assignment's autograder settings give, 2 to 40");
    *ret_s = (gint64)minutes * 60;
    return true;
}

/* ---- the zip
 * ---------------------------------------------------------------------------------------------------------- */

static bool add_file(struct archive *zip, const char *name, const char *data, gsize length, mode_t mode, GError **error)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)length);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, mode);
    archive_entry_set_mtime(entry, clock_now_us() / CLOCK_SECOND_US, 0);
    bool done =
        archive_write_header(zip, entry) == ARCHIVE_OK && archive_write_data(zip, data, length) == (la_ssize_t)length;
    archive_entry_free(entry);
    return done || error_set(error, RUBRIC_ERROR_SYSTEM, "cannot write \"%s\" into the zip: %s", name,
                             archive_error_string(zip));
}

static bool add_all(struct archive *zip, const char *conf, const char *key, GError **error)
{
    const mode_t script = 0755, file = 0644, secret = 0600;
    for (const TemplateFile *each = bridge_files; each->path; each++) {
        if (!add_file(zip, each->path, each->data, each->length, script, error))
            return false;
    }
    g_autofree char *curl = g_strdup_printf("header = \"Authorization: Bearer %s\"\n", key);
    bool done = add_file(zip, "rubricd.conf", conf, strlen(conf), file, error) &&
                add_file(zip, "rubricd.key", curl, strlen(curl), secret, error);
    explicit_bzero(curl, strlen(curl));
    return done;
}

static bool write_zip(const Options *options, const char *conf, const char *key, GError **error)
{
    struct archive *zip = archive_write_new();
    bool is_open = archive_write_set_format_zip(zip) == ARCHIVE_OK &&
                   (options->out ? archive_write_open_filename(zip, options->out)
                                 : archive_write_open_fd(zip, STDOUT_FILENO)) == ARCHIVE_OK;
    bool done = is_open ? add_all(zip, conf, key, error)
                        : error_set(error, RUBRIC_ERROR_SYSTEM, "cannot write the zip: %s", archive_error_string(zip));
    if (done && archive_write_close(zip) != ARCHIVE_OK)
        done = error_set(error, RUBRIC_ERROR_SYSTEM, "cannot write the zip: %s", archive_error_string(zip));
    archive_write_free(zip);
    return done;
}

/* ---- what goes into it
 * ------------------------------------------------------------------------------------------------ */

/* The key of --key-file if it is in force for this assignment, else a new one. */
static char *find_key(const Options *options, const CliDaemon *daemon, const Assignment *assignment, GError **error)
{
    gint64 id = 0;
    char *key = NULL;
    if (!options->key_file) {
        if (gradescope_key_make(daemon->store, assignment, "autograder zip", 0, &id, &key, error))
            fprintf(stderr,
                    "The zip holds key %" G_GINT64_FORMAT ", good for %s alone; `rubric gradescope key revoke "
                    "%" G_GINT64_FORMAT "` ends it.\n",
                    id, assignment->id, id);
        return key;
    }
    key = secret_read(options->key_file, NULL, error);
    g_autofree char *hash = key ? file_sha256_bytes(key, strlen(key)) : NULL;
    g_autoptr(KeyRow) row = NULL;
    if (hash && store_key_find(daemon->store, hash, &row, error) && row && strcmp(row->assignment, assignment->id) == 0)
        return key;
    if (hash && error && !*error)
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" holds no key that is in force for %s", options->key_file,
                  assignment->id);
    secret_free(key);
    return NULL;
}

static bool make(const Options *options, const CliDaemon *daemon, GError **error)
{
    gint64 timeout_s = 0;
    if (!options->assignment)
        return error_set(error, RUBRIC_ERROR_INVALID, "for which assignment? give -a ASSIGNMENT");
    const Assignment *assignment = cli_find_assignment(daemon->course, options->assignment, error);
    if (!assignment || !check_url(options->url, error) || !read_timeout(options->timeout, &timeout_s, error))
        return false;
    char *key = find_key(options, daemon, assignment, error);
    if (!key)
        return false;
    gsize length = strlen(options->url);
    while (length > 0 && options->url[length - 1] == '/')
        length--;
    g_autofree char *conf = g_strdup_printf(
        "# Made by `rubric gradescope bridge -a %s`.\nurl='%.*s/api/v1/gradescope/%s'\ntimeout_s=%" G_GINT64_FORMAT
        "\n",
        assignment->id, (int)length, options->url, assignment->id, timeout_s);
    bool done = write_zip(options, conf, key, error);
    secret_free(key);
    return done;
}

static int run(int argc, char **argv)
{
    g_auto(Options) options = {0};
    GOptionEntry entries[] = {
        {"assignment", 'a', 0, G_OPTION_ARG_STRING, &options.assignment, "our assignment that it hands in for",
         "ASSIGNMENT"},
        {"url", 0, 0, G_OPTION_ARG_STRING, &options.url, "where Gradescope's containers reach us: https://HOST", "URL"},
        {"timeout", 0, 0, G_OPTION_ARG_STRING, &options.timeout,
         "minutes that Gradescope's settings give the autograder (default: 40, the most)", "MINUTES"},
        {"key-file", 0, 0, G_OPTION_ARG_FILENAME, &options.key_file, "a key that was made before (default: a new one)",
         "FILE"},
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &options.out, "where to write the zip (default: stdout)", "FILE"},
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &options.config_path, "the daemon's configuration", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    if (!cli_parse(&gradescope_bridge_verb, entries, &argc, &argv))
        return EXIT_USAGE;
    if (argc != 1 || (!options.out && isatty(STDOUT_FILENO)))
        return cli_fail(&gradescope_bridge_verb, EXIT_USAGE,
                        "say where the zip goes: rubric gradescope bridge -a ASSIGNMENT --url URL > autograder.zip");
    CliDaemon daemon = {0};
    int status = EXIT_OURS;
    if (!cli_daemon_open(&gradescope_bridge_verb, options.config_path, &daemon, &status))
        return status;
    GError *error = NULL;
    bool done = make(&options, &daemon, &error);
    cli_daemon_clear(&daemon);
    return done ? EXIT_DONE : cli_fail_error(&gradescope_bridge_verb, error);
}

const Command gradescope_bridge_verb = {"gradescope bridge", "-a ASSIGNMENT --url URL > autograder.zip",
                                        "an autograder for Gradescope that hands in here", run};
