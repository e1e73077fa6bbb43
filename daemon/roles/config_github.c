/* SPDX-License-Identifier: Apache-2.0 */
/* `github:` of rubricd.yaml: one connection for sources, sinks and webhooks. */
#include <string.h>

#include "daemon/roles/config_parse.h"

char *config_read_secret_path(ConfigParse *parse, YamlReader *reader, const char *key)
{
    const char prefix[] = "credential:";
    const char *text = yaml_read_text(reader, key, YAML_OPTIONAL, NULL);
    if (!text || !g_str_has_prefix(text, prefix))
        return config_resolve_path(parse, text);
    const char *name = text + strlen(prefix);
    const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
    const YamlNode *at = yaml_get(reader->mapping, key);
    if (!*name || *name == '.' || strchr(name, '/'))
        yaml_report(at, parse->diagnostics, SEVERITY_ERROR, "%s: \"%s\" is no name of a credential", key, name);
    /* Commands beside the daemon have no such folder and need no secret: they get a path that is not there. */
    return g_build_filename(folder ? folder : "/run/credentials/rubricd.service", name, NULL);
}

char *config_read_base_url(YamlReader *reader, const char *key, const char *fallback)
{
    const char *text = yaml_read_text(reader, key, YAML_OPTIONAL, fallback);
    const YamlNode *at = yaml_get(reader->mapping, key);
    bool is_local = g_str_has_prefix(text, "http://127.0.0.1:") || g_str_has_prefix(text, "http://localhost:");
    if (!g_str_has_prefix(text, "https://") && !is_local)
        yaml_report(at, reader->diagnostics, SEVERITY_ERROR, "%s: expected a URL that starts with https://", key);
    else if (strpbrk(text, "\"\\@?# \t\r\n"))
        yaml_report(at, reader->diagnostics, SEVERITY_ERROR,
                    "%s: expected a plain URL: no user, password, query or quotes", key);
    char *url = g_strdup(text);
    while (g_str_has_suffix(url, "/"))
        url[strlen(url) - 1] = '\0';
    return url;
}

static void read_app(ConfigParse *parse, YamlReader *outer, GithubConfig *config)
{
    const gint64 max_id = G_GINT64_CONSTANT(1) << 52;
    const YamlNode *node = yaml_read_mapping(outer, "app", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "app", outer->diagnostics);
    config->app_id = yaml_read_integer(&reader, "id", YAML_REQUIRED, 0, 1, max_id);
    config->installation_id = yaml_read_integer(&reader, "installation", YAML_OPTIONAL, 0, 0, max_id);
    config->key_file = config_read_secret_path(parse, &reader, "key_file");
    if (!config->key_file)
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "app: key_file is missing: the App's private key");
    yaml_reader_end(&reader);
}

/* https://api.github.com goes with https://github.com, https://HOST/api/v3 with https://HOST. */
static char *usual_git(const char *api)
{
    const char enterprise[] = "/api/v3";
    if (g_str_has_suffix(api, enterprise))
        return g_strndup(api, strlen(api) - strlen(enterprise));
    return g_strdup("https://github.com");
}

GithubConfig *config_read_github(ConfigParse *parse, YamlReader *outer)
{
    const YamlNode *node = yaml_read_mapping(outer, "github", YAML_OPTIONAL);
    if (!node)
        return NULL;
    GithubConfig *config = g_new0(GithubConfig, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "github", outer->diagnostics);
    config->api = config_read_base_url(&reader, "api", "https://api.github.com");
    g_autofree char *usual = usual_git(config->api);
    config->git = config_read_base_url(&reader, "git", usual);
    read_app(parse, &reader, config);
    config->token_file = config_read_secret_path(parse, &reader, "token_file");
    config->webhook_secret_file = config_read_secret_path(parse, &reader, "webhook_secret_file");
    if ((config->app_id > 0) == (config->token_file != NULL))
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "github: expected either app (a GitHub App) or token_file (a personal access token)");
    yaml_reader_end(&reader);
    return config;
}

void config_read_github_sink(ConfigParse *parse, YamlReader *reader, SinkConfig *sink)
{
    static const char *const names[] = {"check_run", "status", "comment", "branch", NULL};
    static const GithubWrite writes[] = {GITHUB_WRITE_CHECK_RUN, GITHUB_WRITE_STATUS, GITHUB_WRITE_COMMENT,
                                         GITHUB_WRITE_BRANCH};
    const gint64 default_tries = 12, default_timeout_us = 60 * CLOCK_SECOND_US, us_per_ms = 1000;
    const gint64 default_announce_us = 5 * CLOCK_SECOND_US;
    const GithubConfig *github = parse->config->github;
    bool is_app = github && github_config_is_app(github);
    sink->write = writes[yaml_read_choice(reader, "write", YAML_OPTIONAL, names, is_app ? 0 : 1)];
    sink->max_tries = yaml_read_integer(reader, "max_tries", YAML_OPTIONAL, default_tries, 1, config_max_tries);
    sink->timeout_ms = MAX(yaml_read_span_us(reader, "timeout", YAML_OPTIONAL, default_timeout_us) / us_per_ms, 1);
    sink->announce_after_us = yaml_read_span_us(reader, "announce_after", YAML_OPTIONAL, default_announce_us);
    const YamlNode *announce = reader->mapping ? yaml_get(reader->mapping, "announce_after") : NULL;
    if (announce && sink->write != GITHUB_WRITE_CHECK_RUN)
        yaml_report(announce, parse->diagnostics, SEVERITY_ERROR, "announce_after: only check runs announce anything");
    if (!github)
        yaml_report(reader->mapping, parse->diagnostics, SEVERITY_ERROR,
                    "a sink \"github\" needs the connection: write github: at the top level");
    else if (!is_app && sink->write == GITHUB_WRITE_CHECK_RUN)
        yaml_report(yaml_get(reader->mapping, "write"), parse->diagnostics, SEVERITY_ERROR,
                    "check runs are for GitHub Apps only: expected status with a personal access token");
}
