/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files that read rubricd.yaml share.
 */
#pragma once

#include "daemon/roles/roles.h"

enum { config_max_tries = 1000 };

/* What one parse carries along. */
typedef struct {
    Config *config;
    const char *folder; /* that relative paths are of */
    Diagnostics *diagnostics;
    GHashTable *names; /* of sources and sinks, each once */
} ConfigParse;

/* NULL for NULL and "". Caller frees. */
char *config_resolve_path(const ConfigParse *parse, const char *path);

/* A credential file: "credential:NAME" is NAME in $CREDENTIALS_DIRECTORY (systemd's LoadCredential=), anything else a
 * path. Reports what is neither. Caller frees; NULL: absent or wrong. */
char *config_read_secret_path(ConfigParse *parse, YamlReader *reader, const char *key);

/* The address of a service: https, or http on this machine, without a slash at its end. Reports others. Caller frees.
 */
char *config_read_base_url(YamlReader *reader, const char *key, const char *fallback);

/* `gradescope:` of the configuration; NULL: absent. */
GradescopeConfig *config_read_gradescope(ConfigParse *parse, YamlReader *outer);
/* `- gradescope: {...}` of the sinks, without its name. */
void config_read_gradescope_sink(ConfigParse *parse, YamlReader *reader, SinkConfig *sink);

/* `- slack: {...}` of the sinks, without its name: a channel for digests. */
void config_read_slack(ConfigParse *parse, YamlReader *reader, const char *name);
void notice_config_free(gpointer data);

/* `github:` of the configuration; NULL: absent or wrong. */
GithubConfig *config_read_github(ConfigParse *parse, YamlReader *outer);

/* `- github: {...}` of the sinks, without its name. */
void config_read_github_sink(ConfigParse *parse, YamlReader *reader, SinkConfig *sink);
