/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of an assignment that have a deadline of their own: some of its rubric's items, or a share of its points. What
 * no part names is due with the assignment itself.
 */
#include "rubrics/course_load.h"

#include "rubrics/rubric_load.h"

#include <string.h>

enum { MAX_PARTS = 12 };
static const gint64 all_milli = 100000; /* 100 % */

static bool rubric_has_item(const Course *course, const Assignment *whole, const char *id)
{
    for (guint i = 0; i < course->rubrics->len; i++) {
        const Rubric *rubric = g_ptr_array_index(course->rubrics, i);
        if (strcmp(rubric->id, whole->rubric_id) == 0 && rubric_item(rubric, id))
            return true;
    }
    return false;
}

static const char *part_with_item(const Assignment *whole, const char *id)
{
    for (guint i = 0; i < whole->parts->len; i++) {
        const Assignment *part = g_ptr_array_index(whole->parts, i);
        if (part->items && g_strv_contains((const char *const *)part->items, id))
            return part->title;
    }
    return NULL;
}

static void check_items(const Course *course, const Assignment *whole, char **items, const YamlNode *node,
                        Diagnostics *diagnostics)
{
    if (!whole->rubric_id)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "items: \"%s\" has no rubric whose items these could be; give the part a share: of the points",
                    whole->id);
    for (char **item = items; *item && whole->rubric_id; item++) {
        const char *other = part_with_item(whole, *item);
        if (!rubric_has_item(course, whole, *item))
            yaml_report(node, diagnostics, SEVERITY_ERROR, "items: the rubric \"%s\" has no item \"%s\"",
                        whole->rubric_id, *item);
        else if (other)
            yaml_report(node, diagnostics, SEVERITY_ERROR, "items: \"%s\" is in the part \"%s\" too", *item, other);
    }
}

/* Either items or a share, and all parts of one assignment alike. */
static void check_kind(const Assignment *whole, const Assignment *part, const YamlNode *node, Diagnostics *diagnostics)
{
    gint64 sum_milli = part->share_milli;
    bool is_mixed = false;
    for (guint i = 0; i < whole->parts->len; i++) {
        const Assignment *other = g_ptr_array_index(whole->parts, i);
        sum_milli += other->share_milli;
        is_mixed |= (other->items == NULL) != (part->items == NULL);
    }
    bool has_items = part->items && *part->items;
    if (has_items == (part->share_milli > 0))
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "a part has either items: [...] of the rubric, or a share: of the points in percent");
    else if (is_mixed)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "either all parts of an assignment have items:, or all a share:");
    else if (sum_milli > all_milli)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "share: the parts are more than 100 %% together");
}

static void read_part(const Course *course, Assignment *whole, const YamlNode *key, const YamlNode *body,
                      Diagnostics *diagnostics)
{
    YamlReader reader;
    yaml_reader_start(&reader, body, "part", diagnostics);
    if (!reader.mapping) {
        yaml_reader_end(&reader);
        return;
    }
    const char *name = yaml_scalar(key);
    rubric_id_check(name, "part", key, diagnostics);
    Assignment *part = g_new0(Assignment, 1);
    *part = (Assignment){.whole = whole,
                         .id = g_strdup_printf("%s/%s", whole->id, name),
                         .title = g_strdup(yaml_read_text(&reader, "title", YAML_OPTIONAL, name)),
                         .kind = g_strdup(whole->kind),
                         .owner_kind = whole->owner_kind,
                         .rubric_id = g_strdup(whole->rubric_id),
                         .line = yaml_line(key)};
    part->deadline_us = course_read_deadline(&reader, YAML_REQUIRED, course->zone, whole->deadline_us);
    part->is_extensible = yaml_read_bool(&reader, "extensible", whole->is_extensible);
    part->share_milli = yaml_read_milli(&reader, "share", YAML_OPTIONAL, 0);
    part->items = yaml_read_texts(&reader, "items", YAML_OPTIONAL);
    if (course_due(course, part->id))
        yaml_report(key, diagnostics, SEVERITY_ERROR, "the part \"%s\" is there twice", name);
    check_kind(whole, part, body, diagnostics);
    if (part->items)
        check_items(course, whole, part->items, yaml_get(body, "items"), diagnostics);
    g_ptr_array_add(whole->parts, part);
    yaml_reader_end(&reader);
}

void parts_read(const Course *course, Assignment *assignment, YamlReader *outer)
{
    const YamlNode *node = yaml_read_mapping(outer, "parts", YAML_OPTIONAL);
    if (!node)
        return;
    if (yaml_length(node) > MAX_PARTS) {
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR, "parts: at most %d of them", MAX_PARTS);
        return;
    }
    assignment->parts = g_ptr_array_new_with_free_func((GDestroyNotify)assignment_free);
    for (gsize i = 0; i < yaml_length(node); i++)
        read_part(course, assignment, yaml_key(node, i), yaml_value(node, i), outer->diagnostics);
}
