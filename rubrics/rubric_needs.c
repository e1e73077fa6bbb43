/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph of needs: walked depth first in file order. What is left behind is an order with needs first; an item met
 * again while it is still on the path closes a cycle.
 */
#include "rubrics/rubric_load.h"

#include <string.h>

typedef struct {
    RubricLoad *load;
    GHashTable *done;
    GPtrArray *path; /* of Item*: from where the walk started to where it is */
} Walk;

static void report_unknown_need(const RubricLoad *load, const YamlNode *need)
{
    g_autofree char **ids = (char **)g_hash_table_get_keys_as_array(load->by_id, NULL);
    const gsize max_shown = 60;
    g_autofree char *shown = text_truncate(yaml_scalar(need), max_shown);
    const char *nearest = text_nearest(yaml_scalar(need), (const char *const *)ids);
    if (nearest)
        yaml_report(need, load->diagnostics, SEVERITY_ERROR, "needs: there is no item \"%s\"; did you mean \"%s\"?",
                    shown, nearest);
    else
        yaml_report(need, load->diagnostics, SEVERITY_ERROR, "needs: there is no item \"%s\" in this rubric", shown);
}

static void link_needs(RubricLoad *load)
{
    for (guint i = 0; i < load->needs->len; i++) {
        const PendingNeed *pending = &g_array_index(load->needs, PendingNeed, i);
        Item *needed = g_hash_table_lookup(load->by_id, yaml_scalar(pending->need));
        if (!needed)
            report_unknown_need(load, pending->need);
        else if (g_ptr_array_find(pending->item->needs, needed, NULL))
            yaml_report(pending->need, load->diagnostics, SEVERITY_ERROR, "needs: \"%s\" is listed twice", needed->id);
        else
            g_ptr_array_add(pending->item->needs, needed);
    }
}

/* Where `item` says that it needs `needed`. */
static const YamlNode *need_node(const RubricLoad *load, const Item *item, const Item *needed)
{
    for (guint i = 0; i < load->needs->len; i++) {
        const PendingNeed *pending = &g_array_index(load->needs, PendingNeed, i);
        if (pending->item == item && strcmp(yaml_scalar(pending->need), needed->id) == 0)
            return pending->need;
    }
    g_assert_not_reached();
}

/* The path's end needs path[start]. */
static void report_cycle(const Walk *walk, guint start)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = start; i < walk->path->len; i++) {
        const Item *item = g_ptr_array_index(walk->path, i);
        g_string_append_printf(names, "%s -> ", item->id);
    }
    const Item *first = g_ptr_array_index(walk->path, start);
    const Item *last = g_ptr_array_index(walk->path, walk->path->len - 1);
    g_string_append(names, first->id);
    yaml_report(need_node(walk->load, last, first), walk->load->diagnostics, SEVERITY_ERROR,
                "needs: items need each other in a circle: %s", names->str);
}

/* Recursion is as deep as there are items: bounded by rubric_items_read. */
static void visit(Walk *walk, Item *item)
{
    if (g_hash_table_contains(walk->done, item))
        return;
    g_ptr_array_add(walk->path, item);
    for (guint i = 0; i < item->needs->len; i++) {
        Item *needed = g_ptr_array_index(item->needs, i);
        guint start;
        if (g_ptr_array_find(walk->path, needed, &start))
            report_cycle(walk, start);
        else
            visit(walk, needed);
    }
    g_ptr_array_set_size(walk->path, (gint)walk->path->len - 1);
    g_hash_table_add(walk->done, item);
    g_ptr_array_add(walk->load->rubric->order, item);
}

void rubric_needs_resolve(RubricLoad *load)
{
    link_needs(load);
    g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) path = g_ptr_array_new();
    Walk walk = {.load = load, .done = done, .path = path};
    for (guint i = 0; i < load->rubric->items->len; i++)
        visit(&walk, g_ptr_array_index(load->rubric->items, i));
}
