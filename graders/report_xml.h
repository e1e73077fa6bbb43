/* SPDX-License-Identifier: Apache-2.0 */
/* Expat, tamed: no DOCTYPE (so no entities that grow), at most 32 deep, an element's text cut after 64 KiB. */
#pragma once

#include "graders/report.h"

typedef struct XmlReader XmlReader;
typedef struct {
    /* Each may fail the whole reading by setting *error. `depth` is 1 for the root. */
    bool (*start)(void *data, const char *element, const char *const *attributes, guint depth, GError **error);
    /* `text`: the character data directly in the element that ends. */
    bool (*end)(void *data, const char *element, const char *text, guint depth, GError **error);
} XmlHandlers;

/* *ret_is_complete: the root element was closed; false when the text just stops. Else not well-formed: INVALID with
 * line:column. */
bool xml_read(const char *text, gsize length, const XmlHandlers *handlers, void *data, bool *ret_is_complete,
              GError **error);

/* An attribute's value, NULL when absent. */
const char *xml_attribute(const char *const *attributes, const char *name);
