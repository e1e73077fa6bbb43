/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/report_xml.h"

#include <expat.h>
#include <string.h>

static const guint max_depth = 32;
static const gsize max_text = 64 << 10;

struct XmlReader {
    XML_Parser parser;
    const XmlHandlers *handlers;
    void *data;
    GPtrArray *texts; /* of GString*: one per open element */
    bool has_root;
    GError *error;
};

static void free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

static void stop(XmlReader *reader)
{
    XML_StopParser(reader->parser, XML_FALSE);
}

static void on_start(void *data, const char *element, const char **attributes)
{
    XmlReader *reader = data;
    if (reader->error)
        return;
    reader->has_root = true;
    g_ptr_array_add(reader->texts, g_string_new(NULL));
    guint depth = reader->texts->len;
    if (depth > max_depth)
        error_set(&reader->error, RUBRIC_ERROR_INVALID, "elements are nested deeper than %u", max_depth);
    else
        reader->handlers->start(reader->data, element, (const char *const *)attributes, depth, &reader->error);
    if (reader->error)
        stop(reader);
}

static void on_end(void *data, const char *element)
{
    XmlReader *reader = data;
    if (reader->error)
        return;
    guint depth = reader->texts->len;
    const GString *text = g_ptr_array_index(reader->texts, depth - 1);
    reader->handlers->end(reader->data, element, text->str, depth, &reader->error);
    g_ptr_array_set_size(reader->texts, (gint)depth - 1);
    if (reader->error)
        stop(reader);
}

static void on_text(void *data, const char *piece, int length)
{
    XmlReader *reader = data;
    if (reader->texts->len == 0)
        return;
    GString *text = g_ptr_array_index(reader->texts, reader->texts->len - 1);
    gsize room = max_text - MIN(text->len, max_text);
    g_string_append_len(text, piece, (gssize)MIN((gsize)length, room));
}

static void on_doctype(void *data, const char *name, const char *system_id, const char *public_id, int has_internal)
{
    (void)name, (void)system_id, (void)public_id, (void)has_internal;
    XmlReader *reader = data;
    if (!reader->error)
        error_set(&reader->error, RUBRIC_ERROR_INVALID, "it has a DOCTYPE, which a test report must not");
    stop(reader);
}

const char *xml_attribute(const char *const *attributes, const char *name)
{
    for (; attributes[0]; attributes += 2) {
        if (strcmp(attributes[0], name) == 0)
            return attributes[1];
    }
    return NULL;
}

/* Expat met the end inside of something: the writer died, and what is there still counts as a part. */
static bool is_cut_short(enum XML_Error code)
{
    return code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN || code == XML_ERROR_PARTIAL_CHAR ||
           code == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

static bool parse_all(XmlReader *reader, const char *text, gsize length, bool *ret_is_complete, GError **error)
{
    bool is_read = XML_Parse(reader->parser, text, (int)length, XML_TRUE) == XML_STATUS_OK;
    guint line = (guint)XML_GetCurrentLineNumber(reader->parser);
    guint column = (guint)XML_GetCurrentColumnNumber(reader->parser) + 1;
    if (reader->error) {
        g_propagate_prefixed_error(error, g_steal_pointer(&reader->error), "line %u:%u: ", line, column);
        return false;
    }
    *ret_is_complete = is_read;
    enum XML_Error code = XML_GetErrorCode(reader->parser);
    if (is_read || (reader->has_root && is_cut_short(code)))
        return true;
    return error_set(error, RUBRIC_ERROR_INVALID, "line %u:%u: not XML: %s", line, column, XML_ErrorString(code));
}

bool xml_read(const char *text, gsize length, const XmlHandlers *handlers, void *data, bool *ret_is_complete,
              GError **error)
{
    XmlReader reader = {.parser = XML_ParserCreate(NULL), .handlers = handlers, .data = data};
    g_assert(reader.parser);
    reader.texts = g_ptr_array_new_with_free_func(free_text);
    XML_SetUserData(reader.parser, &reader);
    XML_SetElementHandler(reader.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader.parser, on_doctype);
    bool is_read = parse_all(&reader, text, length, ret_is_complete, error);
    XML_ParserFree(reader.parser);
    g_ptr_array_unref(reader.texts);
    return is_read;
}
