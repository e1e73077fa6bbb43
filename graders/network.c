/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/network.h"

#include <string.h>

/* ---- reading ------------------------------------------------------------------------------------------------------
 */

/* The text with a part of a name in the place of each placeholder, a port behind a colon. Caller frees. */
static char *fill_in(const char *text)
{
    GString *filled = g_string_new(NULL);
    for (; *text; text++) {
        const char *end = *text == '{' ? strchr(text, '}') : NULL;
        bool is_port = filled->len > 0 && filled->str[filled->len - 1] == ':';
        if (end)
            g_string_append(filled, is_port ? "1" : "x");
        else
            g_string_append_c(filled, *text);
        text = end ? end : text;
    }
    return g_string_free(filled, FALSE);
}

static bool leads_to_machine(const ProxyHost *host)
{
    return g_str_equal(host->name, "localhost") || g_str_has_suffix(host->name, ".localhost");
}

static void read_host(const YamlNode *node, GStrvBuilder *hosts, RubricLoad *load, Diagnostics *diagnostics)
{
    const gsize max_shown = 100;
    if (yaml_kind(node) != YAML_SCALAR) {
        yaml_report(node, diagnostics, SEVERITY_ERROR, "hosts: expected NAME:PORT as text");
        return;
    }
    const char *text = yaml_scalar(node);
    g_autofree char *filled = fill_in(text), *shown = text_truncate(text, max_shown);
    ProxyHost *host = proxy_host_parse(filled, NULL);
    placeholders_check(text, node, diagnostics);
    if (!host)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "hosts: \"%s\" is not NAME:PORT (\"api.example.org:443\"), or an address and a port "
                    "(\"192.0.2.1:80\", \"[2001:db8::1]:80\")",
                    shown);
    else if (leads_to_machine(host))
        yaml_report(
            node, diagnostics, SEVERITY_ERROR,
            "hosts: \"%s\" is the grading machine itself, and names that lead to private addresses are refused; "
            "for a server in the box write network: loopback",
            shown);
    else if (proxy_host_is_private(host))
        yaml_report(node, diagnostics, SEVERITY_WARNING,
                    "hosts: \"%s\" is a private address: student code will reach it in the grading machine's network",
                    shown);
    if (host) {
        rubric_load_uses_host(load, text, node, diagnostics);
        g_strv_builder_add(hosts, text);
    }
    proxy_host_free(host);
}

char **network_read_hosts(YamlReader *reader, RubricLoad *load)
{
    const gsize max_hosts = 64;
    const YamlNode *list = yaml_read_sequence(reader, "hosts", YAML_REQUIRED);
    if (!list)
        return NULL;
    if (yaml_length(list) == 0 || yaml_length(list) > max_hosts)
        yaml_report(list, reader->diagnostics, SEVERITY_ERROR, "hosts: expected 1 to %zu of NAME:PORT", max_hosts);
    g_autoptr(GStrvBuilder) hosts = g_strv_builder_new();
    for (gsize i = 0; i < yaml_length(list) && i < max_hosts; i++)
        read_host(yaml_item(list, i), hosts, load, reader->diagnostics);
    return g_strv_builder_end(hosts);
}

BoxNetwork network_read(YamlReader *reader, RubricLoad *load, char ***ret_hosts)
{
    static const char *const names[] = {"none", "loopback", NULL};
    *ret_hosts = NULL;
    const YamlNode *node = yaml_read_node(reader, "network", YAML_OPTIONAL);
    if (!node || yaml_kind(node) != YAML_MAPPING)
        return (BoxNetwork)yaml_read_choice(reader, "network", YAML_OPTIONAL, names, BOX_NETWORK_NONE);
    YamlReader inner;
    yaml_reader_start(&inner, node, "network", reader->diagnostics);
    *ret_hosts = network_read_hosts(&inner, load);
    yaml_reader_end(&inner);
    return BOX_NETWORK_LOOPBACK;
}

/* ---- while boxes run ----------------------------------------------------------------------------------------------
 */

/* NULL: a placeholder has no value, or has one that makes no host. */
static char **expand_hosts(char *const *hosts, const Placeholders *placeholders, GError **error)
{
    g_autoptr(GStrvBuilder) expanded = g_strv_builder_new();
    for (; *hosts; hosts++) {
        g_autofree char *text = placeholders_expand(placeholders, *hosts, error);
        ProxyHost *host = text ? proxy_host_parse(text, error) : NULL;
        if (!host) {
            g_prefix_error(error, "the hosts of the check: ");
            return NULL;
        }
        proxy_host_free(host);
        g_strv_builder_add(expanded, text);
    }
    return g_strv_builder_end(expanded);
}

static bool open_gate(const GraderContext *context, char *const *hosts, const Placeholders *placeholders,
                      CheckNetwork *network, GError **error)
{
    if (context->proxy_fd < 0)
        return error_set(error, RUBRIC_ERROR_BUG, "nobody has started the proxy for the hosts of the check");
    g_auto(GStrv) expanded = expand_hosts(hosts, placeholders, error);
    if (!expanded)
        return false;
    network->gate =
        proxy_gate_open(context->proxy_fd, box_network_listener(network->boxes), (const char *const *)expanded, error);
    network->env = proxy_environment(BOX_PROXY_PORT);
    return network->gate != NULL;
}

bool check_network_open(GraderContext *context, char *const *hosts, const Placeholders *placeholders,
                        CheckNetwork *ret_network, GError **error)
{
    CheckNetwork network = {0};
    int code = context->open_network(context, hosts != NULL, &network.boxes);
    if (code < 0)
        return error_set_errno(error, -code, "cannot make the network of the check's boxes");
    if (hosts && !open_gate(context, hosts, placeholders, &network, error)) {
        check_network_close(&network, NULL);
        return false;
    }
    *ret_network = network;
    return true;
}

void check_network_close(CheckNetwork *network, char **ret_connections)
{
    g_autofree char *log = NULL;
    if (network->gate)
        proxy_gate_close(network->gate, &log);
    if (ret_connections)
        *ret_connections = g_steal_pointer(&log);
    box_network_close(network->boxes);
    g_strfreev(network->env);
    *network = (CheckNetwork){0};
}
