/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* Each node has a place inside of the text, and each getter takes each node. */
static void visit(const YamlNode *node, Diagnostics *diagnostics)
{
    g_assert(yaml_line(node) >= 1 && yaml_column(node) >= 1);
    if (yaml_kind(node) == YAML_SCALAR)
        placeholders_check(yaml_scalar(node), node, diagnostics);
    for (gsize i = 0; yaml_kind(node) == YAML_SEQUENCE && i < yaml_length(node); i++)
        visit(yaml_item(node, i), diagnostics);
    for (gsize i = 0; yaml_kind(node) == YAML_MAPPING && i < yaml_length(node); i++) {
        const YamlNode *key = yaml_key(node, i);
        g_assert(yaml_get(node, yaml_scalar(key)));
        visit(yaml_value(node, i), diagnostics);
    }
}

static void read_all(const YamlNode *node, Diagnostics *diagnostics)
{
    static const char *const names[] = {"one", "two", NULL};
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    YamlReader reader;
    yaml_reader_start(&reader, node, "thing", diagnostics);
    yaml_read_bool(&reader, "bool", false);
    yaml_read_integer(&reader, "integer", YAML_OPTIONAL, 0, -5, 5);
    yaml_read_number(&reader, "number", YAML_OPTIONAL, 0, -5, 5);
    g_assert(yaml_read_milli(&reader, "milli", YAML_OPTIONAL, 0) >= 0);
    g_assert(yaml_read_span_us(&reader, "span", YAML_OPTIONAL, 0) >= 0);
    g_assert(yaml_read_bytes(&reader, "bytes", YAML_OPTIONAL, 0) >= 0);
    yaml_read_time_us(&reader, "time", YAML_OPTIONAL, utc, 0);
    yaml_read_choice(&reader, "choice", YAML_REQUIRED, names, 0);
    g_strfreev(yaml_read_texts(&reader, "texts", YAML_OPTIONAL));
    yaml_reader_end(&reader);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(YamlDocument) document = yaml_parse("a.yaml", (const char *)data, size, diagnostics);
    g_assert(document || diagnostics_count(diagnostics, SEVERITY_ERROR) > 0);
    if (document) {
        visit(yaml_root(document), diagnostics);
        read_all(yaml_root(document), diagnostics);
    }
    g_autofree char *text = diagnostics_format(diagnostics);
    g_assert(g_utf8_validate(text, -1, NULL));
    return 0;
}
