/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/config_parse.h"
#include "daemon/roles/config_web.h"

#include <string.h>
#include <unistd.h>

static const gsize max_config_bytes = 256 * 1024;
static const gint64 min_interval_us = CLOCK_SECOND_US / 10;
static const gint64 max_grade_processes = 256;

static void source_config_free(gpointer data)
{
    SourceConfig *source = data;
    g_free(source->kind);
    g_free(source->name);
    g_free(source->path);
    g_free(source);
}

static void sink_config_free(gpointer data)
{
    SinkConfig *sink = data;
    g_free(sink->kind);
    g_free(sink->name);
    g_free(sink->path);
    g_free(sink->url);
    g_free(sink->secret_file);
    g_free(sink);
}

void config_free(Config *config)
{
    if (!config)
        return;
    g_free(config->path);
    g_free(config->course_folder);
    g_free(config->state_folder);
    web_config_free(config->web);
    g_ptr_array_unref(config->sources);
    g_ptr_array_unref(config->sinks);
    g_ptr_array_unref(config->notices);
    github_config_free(config->github);
    gradescope_config_free(config->gradescope);
    g_free(config);
}

char *config_resolve_path(const ConfigParse *parse, const char *path)
{
    return path && *path ? g_canonicalize_filename(path, parse->folder) : NULL;
}

/* Names go into the store, file names and logs, so they are plain. */
static char *read_name(ConfigParse *parse, YamlReader *reader)
{
    const gsize max_length = 40;
    const char *name = yaml_read_text(reader, "name", YAML_REQUIRED, NULL);
    if (!name)
        return NULL;
    const YamlNode *at = yaml_get(reader->mapping, "name");
    if (!*name || strlen(name) > max_length || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name))
        yaml_report(at, parse->diagnostics, SEVERITY_ERROR,
                    "\"%s\" is no name for a source or sink: expected at most 40 of a-z, 0-9, _ and -", name);
    else if (!g_hash_table_add(parse->names, g_strdup(name)))
        yaml_report(at, parse->diagnostics, SEVERITY_ERROR, "the name \"%s\" is taken by another source or sink", name);
    return g_strdup(name);
}

static gint64 read_interval_us(ConfigParse *parse, YamlReader *reader, gint64 fallback_us)
{
    gint64 interval_us = yaml_read_span_us(reader, "every", YAML_OPTIONAL, fallback_us);
    if (interval_us >= min_interval_us)
        return interval_us;
    const YamlNode *at = yaml_get(reader->mapping, "every");
    yaml_report(at ? at : reader->mapping, parse->diagnostics, SEVERITY_ERROR,
                "expected at least 100ms between two looks");
    return fallback_us;
}

/* `- kind: {...}`: one mapping of one known key. Returns the index into `kinds`, or -1 after a report. */
static int read_kind(ConfigParse *parse, const YamlNode *node, const char *what, const char *const *kinds,
                     const YamlNode **ret_body)
{
    g_autofree char *choices = g_strjoinv(" or ", (char **)kinds);
    if (yaml_kind(node) != YAML_MAPPING || yaml_length(node) != 1) {
        yaml_report(node, parse->diagnostics, SEVERITY_ERROR, "expected a %s: one of %s, with its settings below", what,
                    choices);
        return -1;
    }
    const char *kind = yaml_scalar(yaml_key(node, 0));
    *ret_body = yaml_value(node, 0);
    for (int i = 0; kinds[i]; i++) {
        if (strcmp(kinds[i], kind) == 0)
            return i;
    }
    const char *nearest = text_nearest(kind, kinds);
    yaml_report(yaml_key(node, 0), parse->diagnostics, SEVERITY_ERROR, "there is no %s \"%s\": expected %s%s%s%s", what,
                kind, choices, nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return -1;
}

static const gint64 repository_max_bytes = G_GINT64_CONSTANT(1) << 30;

static void parse_source(ConfigParse *parse, const YamlNode *node)
{
    static const char *const kinds[] = {"folder", "git", "github", "gradescope", NULL};
    static const gint64 intervals_us[] = {2 * CLOCK_SECOND_US, 60 * CLOCK_SECOND_US, 30 * CLOCK_SECOND_US,
                                          1200 * CLOCK_SECOND_US};
    const YamlNode *body = NULL;
    int kind = read_kind(parse, node, "source", kinds, &body);
    if (kind < 0)
        return;
    SourceConfig *source = g_new0(SourceConfig, 1);
    g_ptr_array_add(parse->config->sources, source);
    source->kind = g_strdup(kinds[kind]);

    YamlReader reader;
    g_autofree char *what = g_strdup_printf("source \"%s\"", source->kind);
    yaml_reader_start(&reader, body, what, parse->diagnostics);
    source->name = read_name(parse, &reader);
    if (kind == 0)
        source->path = config_resolve_path(parse, yaml_read_text(&reader, "path", YAML_REQUIRED, NULL));
    source->interval_us = read_interval_us(parse, &reader, intervals_us[kind]);
    if (strcmp(source->kind, "git") == 0 || strcmp(source->kind, "github") == 0)
        source->repository_max_bytes = yaml_read_bytes(&reader, "repository_max", YAML_OPTIONAL, repository_max_bytes);
    if (strcmp(source->kind, "github") == 0 && !parse->config->github)
        yaml_report(node, parse->diagnostics, SEVERITY_ERROR,
                    "a source github needs `github:` with the App or token to read with");
    if (strcmp(source->kind, "gradescope") == 0 && !parse->config->gradescope)
        yaml_report(node, parse->diagnostics, SEVERITY_ERROR,
                    "a source gradescope needs `gradescope:` with the account of the web session");
    yaml_reader_end(&reader);
}

static void check_url(ConfigParse *parse, YamlReader *reader, const char *url)
{
    if (!url || g_str_has_prefix(url, "https://") || g_str_has_prefix(url, "http://"))
        return;
    yaml_report(yaml_get(reader->mapping, "url"), parse->diagnostics, SEVERITY_ERROR,
                "expected a URL that starts with https:// or http://");
}

static void parse_webhook(ConfigParse *parse, YamlReader *reader, SinkConfig *sink)
{
    const gint64 default_tries = 12, default_timeout_us = 10 * CLOCK_SECOND_US;
    sink->url = g_strdup(yaml_read_text(reader, "url", YAML_REQUIRED, NULL));
    check_url(parse, reader, sink->url);
    sink->secret_file = config_resolve_path(parse, yaml_read_text(reader, "secret_file", YAML_REQUIRED, NULL));
    sink->max_tries = yaml_read_integer(reader, "max_tries", YAML_OPTIONAL, default_tries, 1, config_max_tries);
    sink->timeout_ms = MAX(yaml_read_span_us(reader, "timeout", YAML_OPTIONAL, default_timeout_us) / 1000, 1);
}

static void read_sink(ConfigParse *parse, YamlReader *reader, const char *kind, const char *name)
{
    SinkConfig *sink = g_new0(SinkConfig, 1);
    g_ptr_array_add(parse->config->sinks, sink);
    sink->kind = g_strdup(kind);
    sink->name = g_strdup(name);
    if (strcmp(kind, "folder") == 0)
        sink->path = config_resolve_path(parse, yaml_read_text(reader, "path", YAML_OPTIONAL, NULL));
    else if (strcmp(kind, "webhook") == 0)
        parse_webhook(parse, reader, sink);
    else if (strcmp(kind, "gradescope") == 0)
        config_read_gradescope_sink(parse, reader, sink);
    else
        config_read_github_sink(parse, reader, sink);
}

static void parse_sink(ConfigParse *parse, const YamlNode *node)
{
    static const char *const kinds[] = {"folder", "webhook", "github", "gradescope", "slack", NULL};
    const YamlNode *body = NULL;
    int kind = read_kind(parse, node, "sink", kinds, &body);
    if (kind < 0)
        return;
    YamlReader reader;
    g_autofree char *what = g_strdup_printf("sink \"%s\"", kinds[kind]);
    yaml_reader_start(&reader, body, what, parse->diagnostics);
    g_autofree char *name = read_name(parse, &reader);
    if (strcmp(kinds[kind], "slack") == 0)
        config_read_slack(parse, &reader, name);
    else
        read_sink(parse, &reader, kinds[kind], name);
    yaml_reader_end(&reader);
}

static void parse_list(ConfigParse *parse, const YamlNode *list, void (*parse_one)(ConfigParse *, const YamlNode *))
{
    const gsize max_entries = 100;
    for (gsize i = 0; list && i < MIN(yaml_length(list), max_entries); i++)
        parse_one(parse, yaml_item(list, i));
    if (list && yaml_length(list) > max_entries)
        yaml_report(list, parse->diagnostics, SEVERITY_ERROR, "expected at most 100 entries");
}

static gint64 read_positive_span_us(YamlReader *reader, const char *key, gint64 fallback_us)
{
    gint64 span_us = yaml_read_span_us(reader, key, YAML_OPTIONAL, fallback_us);
    if (span_us >= CLOCK_SECOND_US)
        return span_us;
    yaml_report(yaml_get(reader->mapping, key), reader->diagnostics, SEVERITY_ERROR, "expected at least 1s");
    return fallback_us;
}

/* What a box may lack here: never guessed, only what the operator wrote down. */
static guint32 read_accept_missing(YamlReader *reader)
{
    guint32 accepted = 0;
    g_auto(GStrv) names = yaml_read_texts(reader, "accept_missing", YAML_OPTIONAL);
    for (gsize i = 0; names && names[i]; i++) {
        guint32 promise = box_promise_from_name(names[i]);
        accepted |= promise;
        if (promise == 0)
            yaml_report(yaml_get(reader->mapping, "accept_missing"), reader->diagnostics, SEVERITY_ERROR,
                        "a box promises no \"%s\": expected some of own-uid, cgroup-memory, cgroup-processes, "
                        "cgroup-cpu, cgroup-share, landlock, overlay",
                        names[i]);
    }
    return accepted;
}

/* Instants must stay exact in JSON, so a pretended one lies in this era. */
static gint64 read_pretend_now_us(YamlReader *reader)
{
    const gint64 earliest_us = 0, latest_us = 200 * 365 * CLOCK_DAY_US;
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    gint64 pretend_us = yaml_read_time_us(reader, "pretend_now", YAML_OPTIONAL, utc, CONFIG_REAL_TIME);
    if (pretend_us == CONFIG_REAL_TIME || (pretend_us >= earliest_us && pretend_us <= latest_us))
        return pretend_us;
    yaml_report(yaml_get(reader->mapping, "pretend_now"), reader->diagnostics, SEVERITY_ERROR,
                "expected a time between 1970 and 2169");
    return CONFIG_REAL_TIME;
}

static void parse_root(ConfigParse *parse, const YamlNode *root)
{
    Config *config = parse->config;
    const gint64 default_lease_us = 300 * CLOCK_SECOND_US, default_job_us = 900 * CLOCK_SECOND_US;
    const gint64 default_attempts = 3, max_attempts = 100;
    YamlReader reader;
    yaml_reader_start(&reader, root, "configuration", parse->diagnostics);
    config->course_folder = config_resolve_path(parse, yaml_read_text(&reader, "course", YAML_REQUIRED, NULL));
    config->state_folder = config_resolve_path(parse, yaml_read_text(&reader, "state", YAML_REQUIRED, NULL));
    gint64 n_cpus = CLAMP(sysconf(_SC_NPROCESSORS_ONLN), 1, max_grade_processes);
    config->n_grade = yaml_read_integer(&reader, "grade_processes", YAML_OPTIONAL, n_cpus, 1, max_grade_processes);
    config->lease_us = read_positive_span_us(&reader, "lease", default_lease_us);
    config->job_timeout_us = read_positive_span_us(&reader, "job_timeout", default_job_us);
    config->max_attempts = yaml_read_integer(&reader, "max_attempts", YAML_OPTIONAL, default_attempts, 1, max_attempts);
    config->accept_missing = read_accept_missing(&reader);
    config->pretend_now_us = read_pretend_now_us(&reader);
    config->github = config_read_github(parse, &reader);
    config->gradescope = config_read_gradescope(parse, &reader);
    config->web = web_config_read(&reader);
    parse_list(parse, yaml_read_sequence(&reader, "sources", YAML_OPTIONAL), parse_source);
    parse_list(parse, yaml_read_sequence(&reader, "sinks", YAML_OPTIONAL), parse_sink);
    yaml_reader_end(&reader);
}

static Config *parse_document(const char *path, const char *label, const char *text, gsize length,
                              Diagnostics *diagnostics)
{
    unsigned n_before = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(YamlDocument) document = yaml_parse(label, text, length, diagnostics);
    if (!document)
        return NULL;
    Config *config = g_new0(Config, 1);
    config->path = g_canonicalize_filename(path, NULL);
    config->sources = g_ptr_array_new_with_free_func(source_config_free);
    config->sinks = g_ptr_array_new_with_free_func(sink_config_free);
    config->notices = g_ptr_array_new_with_free_func(notice_config_free);

    g_autofree char *folder = g_path_get_dirname(config->path);
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    ConfigParse parse = {.config = config, .folder = folder, .diagnostics = diagnostics, .names = names};
    parse_root(&parse, yaml_root(document));
    bool is_good = diagnostics_count(diagnostics, SEVERITY_ERROR) == n_before;
    if (!is_good)
        g_clear_pointer(&config, config_free);
    return config;
}

Config *config_parse(const char *label, const char *text, gsize length, Diagnostics *diagnostics)
{
    return parse_document(label, label, text, length, diagnostics);
}

Config *config_load(const char *path, Diagnostics *diagnostics)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) error = NULL;
    if (!file_read(path, max_config_bytes, &text, &length, &error)) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, path, 0, 0, "%s", error->message);
        return NULL;
    }
    return parse_document(path, path, text, length, diagnostics);
}

bool config_make_state_folder(const Config *config, GError **error)
{
    const mode_t closed = 0700;
    return file_make_folder(config->state_folder, closed, error);
}

char *config_store_path(const Config *config)
{
    return g_build_filename(config->state_folder, "rubricd.db", NULL);
}

char *config_images_folder(const Config *config)
{
    return g_build_filename(config->state_folder, "images", NULL);
}

/* The offset that an earlier start chose for the same pretended time. */
static bool read_clock_file(const char *path, gint64 pretend_now_us, gint64 *ret_offset_us)
{
    const gsize max_bytes = 4096;
    g_autofree char *text = NULL;
    gsize length = 0;
    if (!file_read(path, max_bytes, &text, &length, NULL))
        return false;
    g_autoptr(cJSON) json = json_parse(text, length, NULL);
    gint64 pretended_us = 0;
    return json && json_get_int64(json, "pretend_now_us", &pretended_us, NULL) && pretended_us == pretend_now_us &&
           json_get_int64(json, "offset_us", ret_offset_us, NULL);
}

bool config_start_clock(Config *config, GError **error)
{
    config->clock_offset_us = 0;
    clock_set_offset_us(0);
    if (config->pretend_now_us == CONFIG_REAL_TIME)
        return true;
    g_autofree char *path = g_build_filename(config->state_folder, "clock", NULL);
    if (!read_clock_file(path, config->pretend_now_us, &config->clock_offset_us)) {
        config->clock_offset_us = config->pretend_now_us - clock_now_us();
        g_autoptr(cJSON) json = cJSON_CreateObject();
        json_add_int64(json, "pretend_now_us", config->pretend_now_us);
        json_add_int64(json, "offset_us", config->clock_offset_us);
        g_autofree char *text = json_print(json);
        if (!config_make_state_folder(config, error) || !file_write_atomic(path, text, strlen(text), 0600, error))
            return false;
    }
    clock_set_offset_us(config->clock_offset_us);
    return true;
}
