/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubric_load.h"

#include <string.h>

/* The proxy is told of all of them in one message. */
static const gsize max_hosts_bytes = 12 << 10;

void rubric_load_uses_host(RubricLoad *load, const char *host, const YamlNode *node, Diagnostics *diagnostics)
{
    GPtrArray *hosts = load->rubric->hosts;
    gsize n_bytes = 0;
    for (guint i = 0; i < hosts->len; i++) {
        const char *other = g_ptr_array_index(hosts, i);
        if (strcmp(other, host) == 0)
            return;
        n_bytes += strlen(other) + 1;
    }
    if (n_bytes + strlen(host) + 1 > max_hosts_bytes) {
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "the names of all hosts that the rubric opens have over %zu bytes", max_hosts_bytes);
        return;
    }
    g_ptr_array_add(hosts, g_strdup(host));
    g_ptr_array_sort(hosts, text_compare);
}
