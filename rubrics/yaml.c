/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over libyaml's events builds our own nodes. The guards (depth, events, anchors, aliases, tags) look at each
 * event before a node is made of it, so hostile nesting costs no more than its first 64 levels. The open collections
 * lie on an explicit stack: nothing here recurses. All nodes belong to one flat array of the document.
 */
#include "rubrics/rubrics.h"

#include <string.h>
#include <yaml.h>

static const gsize max_bytes = 1024 * 1024;
static const guint max_depth = 64;
static const guint max_events = 100000;

struct YamlNode {
    YamlKind kind;
    const char *file; /* the document's */
    int line, column;
    bool is_plain;       /* of a scalar: written without quotes or block marks */
    char *text;          /* of a scalar */
    GPtrArray *children; /* of YamlNode*, borrowed; of a mapping: key, value, key, value ... */
};

struct YamlDocument {
    char *file;
    GPtrArray *nodes; /* of YamlNode*, owned */
    YamlNode *root;
};

/* A collection that has begun and not ended. */
typedef struct {
    YamlNode *node;
    GHashTable *keys; /* of a mapping: key text -> YamlNode* of its first use */
} OpenNode;

typedef struct {
    YamlDocument *document;
    Diagnostics *diagnostics;
    GArray *open; /* of OpenNode, innermost last */
    guint n_events;
    bool failed; /* what was found makes the document useless; parsing stops */
} Builder;

static void node_free(gpointer data)
{
    YamlNode *node = data;
    g_free(node->text);
    if (node->children)
        g_ptr_array_unref(node->children);
    g_free(node);
}

void yaml_document_free(YamlDocument *document)
{
    if (!document)
        return;
    g_ptr_array_unref(document->nodes);
    g_free(document->file);
    g_free(document);
}

static void open_node_clear(gpointer data)
{
    OpenNode *open = data;
    g_clear_pointer(&open->keys, g_hash_table_unref);
}

/* ---- errors of libyaml, in words that help -------------------------------------------------------------------------
 */

/* What people mostly did wrong when the character at the problem is this one. */
static const char *hint_for(const char *at)
{
    switch (*at) {
    case '\t':
        return "; a tab cannot indent here, use blanks";
    case '@':
    case '`':
    case '%':
        return "; put text that starts with this character in quotes";
    default:
        return "";
    }
}

static void report_syntax(const yaml_parser_t *parser, const char *file, const char *text, gsize length,
                          Diagnostics *diagnostics)
{
    if (parser->error == YAML_READER_ERROR) {
        gsize offset = MIN(parser->problem_offset, length);
        int line = 1, column = 1;
        for (const char *at = text; at < text + offset; at = g_utf8_next_char(at)) {
            line += *at == '\n';
            column = *at == '\n' ? 1 : column + 1;
        }
        diagnostics_add(diagnostics, SEVERITY_ERROR, file, line, column, "the character U+%04X is not allowed in YAML",
                        (unsigned)parser->problem_value);
        return;
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    static const char quote_brace[] = "; put text that starts with \"{\" in quotes";
    glong n_characters = g_utf8_strlen(text, (gssize)length);
    const char *at = g_utf8_offset_to_pointer(text, MIN((glong)mark->index, n_characters));
    const char *hint = at < text + length ? hint_for(at) : ""; /* the text may end without a NUL */
    if (parser->problem && strstr(parser->problem, "mapping values are not allowed"))
        hint = "; put text that holds \": \" in quotes";
    else if (parser->context && strstr(parser->context, "alias"))
        hint = "; put text that starts with \"*\" in quotes";
    else if (parser->context && strstr(parser->context, "anchor"))
        hint = "; put text that starts with \"&\" in quotes";
    else if ((parser->context && strstr(parser->context, "flow mapping")) || (at > text && at[-1] == '}'))
        hint = quote_brace;
    diagnostics_add(diagnostics, SEVERITY_ERROR, file, (int)mark->line + 1, (int)mark->column + 1,
                    "not valid YAML: %s%s%s%s", parser->context ? parser->context : "", parser->context ? ", " : "",
                    parser->problem ? parser->problem : "out of memory", hint);
}

/* ---- building ------------------------------------------------------------------------------------------------------
 */

static void refuse(Builder *builder, const yaml_mark_t *mark, const char *message)
{
    diagnostics_add(builder->diagnostics, SEVERITY_ERROR, builder->document->file, (int)mark->line + 1,
                    (int)mark->column + 1, "%s", message);
    builder->failed = true;
}

static YamlNode *add_node(Builder *builder, YamlKind kind, const yaml_mark_t *mark)
{
    YamlNode *node = g_new0(YamlNode, 1);
    *node = (YamlNode){
        .kind = kind,
        .file = builder->document->file,
        .line = (int)mark->line + 1,
        .column = (int)mark->column + 1,
    };
    if (kind != YAML_SCALAR)
        node->children = g_ptr_array_new();
    g_ptr_array_add(builder->document->nodes, node);
    return node;
}

/* A key that comes again is an error, but the document stays of use: the first one holds. */
static void check_key(Builder *builder, OpenNode *parent, const YamlNode *key)
{
    if (key->kind != YAML_SCALAR) {
        yaml_report(key, builder->diagnostics, SEVERITY_ERROR,
                    "a key must be plain text; put text that starts with \"{\" or \"[\" in quotes");
        builder->failed = true;
        return;
    }
    const YamlNode *first = g_hash_table_lookup(parent->keys, key->text);
    if (!first) {
        g_hash_table_insert(parent->keys, key->text, (gpointer)key);
        return;
    }
    yaml_report(key, builder->diagnostics, SEVERITY_ERROR, "the key \"%s\" is given twice; the first is in line %d",
                key->text, first->line);
}

/* Hangs a node below the innermost open collection, or makes it the root. */
static void attach(Builder *builder, YamlNode *node)
{
    if (builder->open->len == 0) {
        builder->document->root = node;
        return;
    }
    OpenNode *parent = &g_array_index(builder->open, OpenNode, builder->open->len - 1);
    bool is_key = parent->node->kind == YAML_MAPPING && parent->node->children->len % 2 == 0;
    if (is_key)
        check_key(builder, parent, node);
    g_ptr_array_add(parent->node->children, node);
}

static void open_collection(Builder *builder, const yaml_event_t *event, YamlKind kind)
{
    if (builder->open->len >= max_depth) {
        refuse(builder, &event->start_mark, "nested more than 64 deep");
        return;
    }
    YamlNode *node = add_node(builder, kind, &event->start_mark);
    attach(builder, node);
    OpenNode open = {.node = node};
    if (kind == YAML_MAPPING)
        open.keys = g_hash_table_new(g_str_hash, g_str_equal);
    g_array_append_val(builder->open, open);
}

static void add_scalar(Builder *builder, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    gsize length = event->data.scalar.length;
    if (memchr(value, '\0', length)) { /* "\0" in double quotes */
        refuse(builder, &event->start_mark, "text cannot hold the character U+0000");
        return;
    }
    YamlNode *node = add_node(builder, YAML_SCALAR, &event->start_mark);
    node->text = g_strndup(value, length);
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    attach(builder, node);
}

static const yaml_char_t *event_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

static const yaml_char_t *event_tag(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.tag;
    default:
        return NULL;
    }
}

/* The guards. */
static bool event_is_allowed(Builder *builder, const yaml_event_t *event)
{
    if (++builder->n_events > max_events)
        refuse(builder, &event->start_mark, "more than 100,000 YAML events: split the file");
    else if (event->type == YAML_ALIAS_EVENT)
        refuse(builder, &event->start_mark,
               "aliases (\"*name\") are not allowed; put text that starts with \"*\" in quotes");
    else if (event_anchor(event))
        refuse(builder, &event->start_mark,
               "anchors (\"&name\") are not allowed; put text that starts with \"&\" in quotes");
    else if (event_tag(event))
        refuse(builder, &event->start_mark,
               "tags (\"!name\") are not allowed; put text that starts with \"!\" in quotes");
    else if (event->type == YAML_DOCUMENT_START_EVENT && builder->document->root)
        refuse(builder, &event->start_mark, "a second document (\"---\") begins here; a file holds one");
    return !builder->failed;
}

static void take_event(Builder *builder, const yaml_event_t *event)
{
    if (!event_is_allowed(builder, event))
        return;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        add_scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_collection(builder, event, YAML_SEQUENCE);
        break;
    case YAML_MAPPING_START_EVENT:
        open_collection(builder, event, YAML_MAPPING);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        g_array_set_size(builder->open, builder->open->len - 1);
        break;
    default:
        break;
    }
}

/* Feeds all events to the builder. false: stopped by an error, which was reported. */
static bool build(Builder *builder, const char *text, gsize length)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        g_error("out of memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);

    bool at_end = false;
    while (!at_end && !builder->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            report_syntax(&parser, builder->document->file, text, length, builder->diagnostics);
            builder->failed = true;
            break;
        }
        at_end = event.type == YAML_STREAM_END_EVENT;
        take_event(builder, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return !builder->failed;
}

static bool text_is_readable(const char *file, const char *text, gsize length, Diagnostics *diagnostics)
{
    if (length > max_bytes) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, file, 0, 0, "is longer than 1 MiB");
        return false;
    }
    const char *bad;
    if (g_utf8_validate_len(text, length, &bad))
        return true;
    int line, column;
    text_place(text, bad, &line, &column);
    diagnostics_add(diagnostics, SEVERITY_ERROR, file, line, column,
                    "the byte 0x%02x is not UTF-8 text; save the file as UTF-8", (guchar)*bad);
    return false;
}

YamlDocument *yaml_parse(const char *file, const char *text, gsize length, Diagnostics *diagnostics)
{
    if (!text_is_readable(file, text, length, diagnostics))
        return NULL;
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (length >= strlen(byte_order_mark) && memcmp(text, byte_order_mark, strlen(byte_order_mark)) == 0) {
        text += strlen(byte_order_mark);
        length -= strlen(byte_order_mark);
    }

    g_autoptr(YamlDocument) document = g_new0(YamlDocument, 1);
    document->file = g_strdup(file);
    document->nodes = g_ptr_array_new_with_free_func(node_free);
    Builder builder = {
        .document = document,
        .diagnostics = diagnostics,
        .open = g_array_new(FALSE, FALSE, sizeof(OpenNode)),
    };
    g_array_set_clear_func(builder.open, open_node_clear);
    bool built = build(&builder, text, length);
    g_array_unref(builder.open);
    if (!built)
        return NULL;
    if (!document->root) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, file, 0, 0, "the file is empty");
        return NULL;
    }
    return g_steal_pointer(&document);
}

YamlDocument *yaml_load(const char *path, const char *label, Diagnostics *diagnostics)
{
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    if (!file_read(path, max_bytes, &text, &length, &error)) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, label, 0, 0, "%s", error->message);
        return NULL;
    }
    return yaml_parse(label, text, length, diagnostics);
}

/* ---- looking -------------------------------------------------------------------------------------------------------
 */

const YamlNode *yaml_root(const YamlDocument *document)
{
    return document->root;
}

YamlKind yaml_kind(const YamlNode *node)
{
    return node->kind;
}

const char *yaml_file(const YamlNode *node)
{
    return node->file;
}

int yaml_line(const YamlNode *node)
{
    return node->line;
}

int yaml_column(const YamlNode *node)
{
    return node->column;
}

const char *yaml_scalar(const YamlNode *node)
{
    g_assert(node->kind == YAML_SCALAR);
    return node->text;
}

bool yaml_is_null(const YamlNode *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    return node->kind == YAML_SCALAR && node->is_plain && g_strv_contains(nulls, node->text);
}

bool yaml_is_quoted(const YamlNode *node)
{
    return node->kind == YAML_SCALAR && !node->is_plain;
}

gsize yaml_length(const YamlNode *node)
{
    if (node->kind == YAML_SCALAR)
        return 0;
    return node->kind == YAML_MAPPING ? node->children->len / 2 : node->children->len;
}

const YamlNode *yaml_item(const YamlNode *node, gsize index)
{
    g_assert(node->kind == YAML_SEQUENCE && index < node->children->len);
    return g_ptr_array_index(node->children, index);
}

const YamlNode *yaml_key(const YamlNode *node, gsize index)
{
    g_assert(node->kind == YAML_MAPPING && index < node->children->len / 2);
    return g_ptr_array_index(node->children, 2 * index);
}

const YamlNode *yaml_value(const YamlNode *node, gsize index)
{
    g_assert(node->kind == YAML_MAPPING && index < node->children->len / 2);
    return g_ptr_array_index(node->children, 2 * index + 1);
}

const YamlNode *yaml_get(const YamlNode *mapping, const char *key)
{
    if (mapping->kind != YAML_MAPPING)
        return NULL;
    for (gsize i = 0; i < yaml_length(mapping); i++) {
        if (strcmp(yaml_key(mapping, i)->text, key) == 0)
            return yaml_value(mapping, i);
    }
    return NULL;
}

void yaml_report(const YamlNode *node, Diagnostics *diagnostics, Severity severity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    diagnostics_add(diagnostics, severity, node->file, node->line, node->column, "%s", message);
}
