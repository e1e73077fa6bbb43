/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Getters of a mapping: each types one scalar of the text that libyaml left alone. All report at the value that is
 * wrong, in the form `key: expected this, got that`.
 */
#include "rubrics/rubrics.h"

#include <math.h>
#include <string.h>

static const gint64 max_milli = G_GINT64_CONSTANT(1000000) * 1000;
static const gint64 max_span_us = 3660 * CLOCK_DAY_US;
static const gint64 max_size = G_GINT64_CONSTANT(1) << 50;

/* What stands at a node, for messages. Caller frees. */
static char *describe(const YamlNode *node)
{
    const gsize max_shown = 60;
    if (yaml_kind(node) == YAML_SEQUENCE)
        return g_strdup("a list");
    if (yaml_kind(node) == YAML_MAPPING)
        return g_strdup("a mapping");
    g_autofree char *shown = text_truncate(yaml_scalar(node), max_shown);
    return g_strdup_printf("\"%s\"%s", shown, yaml_is_quoted(node) ? " in quotes" : "");
}

static void report_expected(const YamlReader *reader, const char *key, const YamlNode *node, const char *expected)
{
    g_autofree char *got = describe(node);
    yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: expected %s, got %s", key, expected, got);
}

void yaml_reader_start(YamlReader *reader, const YamlNode *node, const char *what, Diagnostics *diagnostics)
{
    *reader = (YamlReader){.diagnostics = diagnostics, .what = what, .known = g_ptr_array_new()};
    if (yaml_kind(node) == YAML_MAPPING) {
        reader->mapping = node;
        return;
    }
    g_autofree char *got = describe(node);
    yaml_report(node, diagnostics, SEVERITY_ERROR, "%s: expected a mapping (\"key: value\" lines), got %s", what, got);
}

static void report_unknown(const YamlReader *reader, const YamlNode *key)
{
    const char *const *known = (const char *const *)reader->known->pdata;
    const char *nearest = text_nearest(yaml_scalar(key), known);
    g_autofree char *shown = describe(key);
    if (nearest) {
        yaml_report(key, reader->diagnostics, SEVERITY_ERROR, "unknown key %s in %s; did you mean \"%s\"?", shown,
                    reader->what, nearest);
        return;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)reader->known->pdata);
    yaml_report(key, reader->diagnostics, SEVERITY_ERROR, "unknown key %s in %s; it may have: %s", shown, reader->what,
                all);
}

void yaml_reader_end(YamlReader *reader)
{
    g_ptr_array_add(reader->known, NULL);
    const char *const *known = (const char *const *)reader->known->pdata;
    for (gsize i = 0; reader->mapping && i < yaml_length(reader->mapping); i++) {
        const YamlNode *key = yaml_key(reader->mapping, i);
        if (!g_strv_contains(known, yaml_scalar(key)))
            report_unknown(reader, key);
    }
    g_clear_pointer(&reader->known, g_ptr_array_unref);
}

const YamlNode *yaml_read_node(YamlReader *reader, const char *key, YamlNeed need)
{
    if (!g_ptr_array_find_with_equal_func(reader->known, key, g_str_equal, NULL))
        g_ptr_array_add(reader->known, (gpointer)key);
    if (!reader->mapping)
        return NULL;
    const YamlNode *node = yaml_get(reader->mapping, key);
    if (node && !yaml_is_null(node))
        return node;
    if (need == YAML_REQUIRED && node)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: has no value", key);
    else if (need == YAML_REQUIRED)
        yaml_report(reader->mapping, reader->diagnostics, SEVERITY_ERROR, "%s lacks the required key \"%s\"",
                    reader->what, key);
    return NULL;
}

static const YamlNode *read_kind(YamlReader *reader, const char *key, YamlNeed need, YamlKind kind,
                                 const char *expected)
{
    const YamlNode *node = yaml_read_node(reader, key, need);
    if (!node || yaml_kind(node) == kind)
        return node;
    report_expected(reader, key, node, expected);
    return NULL;
}

const YamlNode *yaml_read_mapping(YamlReader *reader, const char *key, YamlNeed need)
{
    return read_kind(reader, key, need, YAML_MAPPING, "a mapping (\"key: value\" lines)");
}

const YamlNode *yaml_read_sequence(YamlReader *reader, const char *key, YamlNeed need)
{
    return read_kind(reader, key, need, YAML_SEQUENCE, "a list (\"- \" lines or [a, b])");
}

/* A scalar. A key with nothing behind it was forgotten, not left out: it is an error even where the key is optional. */
static const YamlNode *read_scalar(YamlReader *reader, const char *key, YamlNeed need, const char *expected)
{
    const YamlNode *node = read_kind(reader, key, need, YAML_SCALAR, expected);
    if (node || need == YAML_REQUIRED || !reader->mapping)
        return node;
    const YamlNode *empty = yaml_get(reader->mapping, key);
    if (empty && yaml_kind(empty) == YAML_SCALAR && *yaml_scalar(empty) == '\0' && !yaml_is_quoted(empty))
        yaml_report(empty, reader->diagnostics, SEVERITY_ERROR, "%s: has no value; expected %s", key, expected);
    return NULL;
}

const char *yaml_read_text(YamlReader *reader, const char *key, YamlNeed need, const char *fallback)
{
    const YamlNode *node = read_scalar(reader, key, need, "text");
    return node ? yaml_scalar(node) : fallback;
}

bool yaml_read_bool(YamlReader *reader, const char *key, bool fallback)
{
    static const char *const yes[] = {"true", "yes", "on", "True", "Yes", "On", "TRUE", "YES", "ON", NULL};
    static const char *const no[] = {"false", "no", "off", "False", "No", "Off", "FALSE", "NO", "OFF", NULL};
    const YamlNode *node = read_scalar(reader, key, YAML_OPTIONAL, "true or false");
    if (!node)
        return fallback;
    if (!yaml_is_quoted(node) && g_strv_contains(yes, yaml_scalar(node)))
        return true;
    if (!yaml_is_quoted(node) && g_strv_contains(no, yaml_scalar(node)))
        return false;
    report_expected(reader, key, node, "true or false");
    return fallback;
}

/* Decimal digits without a leading zero (`010` is eight to some and ten to others), a sign allowed. */
static bool parse_integer(const char *text, gint64 *ret)
{
    const char *digits = *text == '-' || *text == '+' ? text + 1 : text;
    if (!g_ascii_isdigit(*digits) || (digits[0] == '0' && digits[1] != '\0'))
        return false;
    return g_ascii_string_to_signed(*text == '+' ? digits : text, 10, G_MININT64, G_MAXINT64, ret, NULL);
}

gint64 yaml_read_integer(YamlReader *reader, const char *key, YamlNeed need, gint64 fallback, gint64 min, gint64 max)
{
    const YamlNode *node = read_scalar(reader, key, need, "a whole number");
    if (!node)
        return fallback;
    gint64 value;
    if (!yaml_is_quoted(node) && parse_integer(yaml_scalar(node), &value) && value >= min && value <= max)
        return value;
    g_autofree char *expected = NULL;
    if (max == G_MAXINT64)
        expected = g_strdup_printf("a whole number of at least %" G_GINT64_FORMAT, min);
    else
        expected = g_strdup_printf("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, min, max);
    report_expected(reader, key, node, min == G_MININT64 && max == G_MAXINT64 ? "a whole number" : expected);
    return fallback;
}

double yaml_read_number(YamlReader *reader, const char *key, YamlNeed need, double fallback, double min, double max)
{
    const YamlNode *node = read_scalar(reader, key, need, "a number");
    if (!node)
        return fallback;
    const char *text = yaml_scalar(node);
    const gsize max_digits = 100;
    bool is_decimal = *text && strlen(text) <= max_digits && strspn(text, "0123456789+-.eE") == strlen(text);
    char *end = NULL;
    double value = is_decimal ? g_ascii_strtod(text, &end) : NAN;
    if (!yaml_is_quoted(node) && is_decimal && *end == '\0' && isfinite(value) && value >= min && value <= max)
        return value;
    g_autofree char *expected = g_strdup_printf("a number from %g to %g", min, max);
    report_expected(reader, key, node,
                    isfinite(min) && isfinite(max) && max - min < G_MAXFLOAT ? expected : "a number");
    return fallback;
}

/* "12", "0.5", "2.125": thousandths, exact. *ret_end is where the number ends. Accepts at most 12 digits before the
 * point. */
static bool parse_milli(const char *text, gint64 *ret_milli, const char **ret_end)
{
    const int max_digits = 12, n_decimals = 3;
    gint64 value = 0;
    const char *at = text;
    for (; g_ascii_isdigit(*at); at++) {
        if (at - text >= max_digits)
            return false;
        value = 10 * value + (*at - '0');
    }
    if (at == text)
        return false;
    int n_read = 0;
    if (*at == '.') {
        for (at++; g_ascii_isdigit(*at) && n_read < n_decimals; at++, n_read++)
            value = 10 * value + (*at - '0');
        if (n_read == 0 || g_ascii_isdigit(*at))
            return false;
    }
    for (; n_read < n_decimals; n_read++)
        value *= 10;
    *ret_milli = value;
    *ret_end = at;
    return true;
}

gint64 yaml_read_milli(YamlReader *reader, const char *key, YamlNeed need, gint64 fallback)
{
    static const char expected[] = "a number from 0 to 1000000 with at most 3 decimals";
    const YamlNode *node = read_scalar(reader, key, need, expected);
    if (!node)
        return fallback;
    gint64 milli;
    const char *end;
    if (!yaml_is_quoted(node) && parse_milli(yaml_scalar(node), &milli, &end) && *end == '\0' && milli <= max_milli)
        return milli;
    report_expected(reader, key, node, expected);
    return fallback;
}

typedef struct {
    const char *name;
    gint64 size;
} Unit;

/* A number and a unit; the table ends with a NULL name. -1: neither. */
static gint64 parse_with_unit(const char *text, const Unit *units, gint64 max)
{
    gint64 milli;
    const char *end;
    if (!parse_milli(text, &milli, &end))
        return -1;
    if (*end == ' ')
        end++;
    for (; units->name; units++) {
        if (strcmp(end, units->name) != 0)
            continue;
        __int128 value = (__int128)milli * units->size;
        return value % 1000 == 0 && value / 1000 <= max ? (gint64)(value / 1000) : -1;
    }
    return -1;
}

gint64 yaml_read_span_us(YamlReader *reader, const char *key, YamlNeed need, gint64 fallback)
{
    static const Unit units[] = {
        {"ms", 1000},         {"s", CLOCK_SECOND_US}, {"min", 60 * CLOCK_SECOND_US},
        {"h", CLOCK_HOUR_US}, {"d", CLOCK_DAY_US},    {NULL, 0},
    };
    static const char expected[] = "a span of time with its unit (ms, s, min, h, d) like 800ms or 60s";
    const YamlNode *node = read_scalar(reader, key, need, expected);
    if (!node)
        return fallback;
    gint64 span_us = parse_with_unit(yaml_scalar(node), units, max_span_us);
    if (span_us >= 0)
        return span_us;
    report_expected(reader, key, node, expected);
    return fallback;
}

gint64 yaml_read_bytes(YamlReader *reader, const char *key, YamlNeed need, gint64 fallback)
{
    static const Unit units[] = {
        {"", 1},          {"K", 1 << 10},   {"M", 1 << 20},   {"G", 1 << 30}, {"T", G_GINT64_CONSTANT(1) << 40},
        {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
    };
    static const char expected[] = "a size like 64K, 512M or 1G (K is 1024 bytes)";
    const YamlNode *node = read_scalar(reader, key, need, expected);
    if (!node)
        return fallback;
    gint64 size = parse_with_unit(yaml_scalar(node), units, max_size);
    if (size >= 0)
        return size;
    report_expected(reader, key, node, expected);
    return fallback;
}

gint64 yaml_read_time_us(YamlReader *reader, const char *key, YamlNeed need, GTimeZone *zone, gint64 fallback)
{
    static const char expected[] = "a time like 2022-09-21 23:59 or 2022-09-21T23:59:00-04:00";
    const YamlNode *node = read_scalar(reader, key, need, expected);
    if (!node)
        return fallback;
    gint64 when_us;
    if (clock_parse(yaml_scalar(node), zone, &when_us, NULL))
        return when_us;
    report_expected(reader, key, node, expected);
    return fallback;
}

char **yaml_read_texts(YamlReader *reader, const char *key, YamlNeed need)
{
    const YamlNode *node = yaml_read_node(reader, key, need);
    if (!node)
        return NULL;
    if (yaml_kind(node) == YAML_MAPPING) {
        report_expected(reader, key, node, "text or a list of texts");
        return NULL;
    }
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    if (yaml_kind(node) == YAML_SCALAR)
        g_strv_builder_add(builder, yaml_scalar(node));
    for (gsize i = 0; i < yaml_length(node); i++) {
        const YamlNode *item = yaml_item(node, i);
        if (yaml_kind(item) == YAML_SCALAR && !yaml_is_null(item))
            g_strv_builder_add(builder, yaml_scalar(item));
        else
            report_expected(reader, key, item, "text in this list");
    }
    return g_strv_builder_end(builder);
}

int yaml_read_choice(YamlReader *reader, const char *key, YamlNeed need, const char *const *names, int fallback)
{
    g_autofree char *all = g_strjoinv(", ", (char **)names);
    g_autofree char *expected = g_strdup_printf("one of %s", all);
    const YamlNode *node = read_scalar(reader, key, need, expected);
    if (!node)
        return fallback;
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], yaml_scalar(node)) == 0)
            return i;
    }
    g_autofree char *got = describe(node);
    const char *nearest = text_nearest(yaml_scalar(node), names);
    if (nearest)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: expected %s, got %s; did you mean \"%s\"?", key,
                    expected, got, nearest);
    else
        report_expected(reader, key, node, expected);
    return fallback;
}
