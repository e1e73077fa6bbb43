/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/config_web.h"

#include <string.h>

static const gint64 default_submission_bytes = G_GINT64_CONSTANT(512) * 1024 * 1024;
static const gint64 default_requests = 3000, max_requests = 1000000;

void web_config_free(WebConfig *config)
{
    if (!config)
        return;
    g_free(config->address);
    g_free(config);
}

/* "127.0.0.1:8080" or "[::1]:8080": a number, so that nothing is looked up. */
static bool split_listen(const char *text, WebConfig *config)
{
    const char *colon = strrchr(text, ':');
    guint64 port = 0;
    if (!colon || colon == text || !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT16, &port, NULL))
        return false;
    bool is_bracketed = *text == '[' && colon[-1] == ']';
    g_autofree char *host =
        is_bracketed ? g_strndup(text + 1, (gsize)(colon - text) - 2) : g_strndup(text, (gsize)(colon - text));
    if ((strchr(host, ':') != NULL) != is_bracketed || !g_hostname_is_ip_address(host))
        return false;
    config->address = g_steal_pointer(&host);
    config->port = (guint16)port;
    return true;
}

WebConfig *web_config_read(YamlReader *outer)
{
    const YamlNode *node = yaml_read_mapping(outer, "web", YAML_OPTIONAL);
    if (!node)
        return NULL;
    WebConfig *config = g_new0(WebConfig, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "web", outer->diagnostics);
    const char *listen = yaml_read_text(&reader, "listen", YAML_OPTIONAL, "127.0.0.1:8080");
    if (!split_listen(listen, config))
        yaml_report(yaml_get(reader.mapping, "listen"), reader.diagnostics, SEVERITY_ERROR,
                    "\"%s\" is no address and port: expected \"127.0.0.1:8080\" or \"[::1]:8080\"", listen);
    config->submission_max_bytes = yaml_read_bytes(&reader, "submission_max", YAML_OPTIONAL, default_submission_bytes);
    config->requests_per_minute =
        yaml_read_integer(&reader, "requests_per_minute", YAML_OPTIONAL, default_requests, 1, max_requests);
    yaml_reader_end(&reader);
    return config;
}
