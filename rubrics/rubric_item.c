/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubric_load.h"

#include <string.h>

static const guint max_items = 500;
static const gsize max_checks = 100;

static const char *const judge_names[] = {[JUDGE_MACHINE] = "machine", [JUDGE_TA] = "ta", [JUDGE_BOTH] = "both", NULL};
static const char *const visible_names[] = {
    [VISIBLE_ALWAYS] = "always",
    [VISIBLE_AFTER_DEADLINE] = "after_deadline",
    [VISIBLE_AFTER_RELEASE] = "after_release",
    [VISIBLE_STAFF] = "staff",
    NULL,
};

const char *judge_name(Judge judge)
{
    return judge_names[judge];
}

const char *visible_name(Visible visible)
{
    return visible_names[visible];
}

static void check_free(Check *check)
{
    if (check->parameters)
        check->type->free(check->parameters);
    g_free(check->name);
    g_free(check);
}

void item_free(Item *item)
{
    g_free(item->id);
    g_free(item->title);
    g_free(item->passes);
    g_ptr_array_unref(item->needs);
    g_ptr_array_unref(item->checks);
    g_free(item);
}

/* ---- checks --------------------------------------------------------------------------------------------------------
 */

static const GraderType *find_grader(const RubricLoad *load, const char *name)
{
    for (const GraderType *const *type = load->graders; *type; type++) {
        if (strcmp((*type)->name, name) == 0)
            return *type;
    }
    return NULL;
}

/* The graders' names and, for slips in it, "limits". Caller frees the vector, not the names. */
static const char **check_keys(const RubricLoad *load)
{
    GPtrArray *names = g_ptr_array_new();
    for (const GraderType *const *type = load->graders; *type; type++)
        g_ptr_array_add(names, (gpointer)(*type)->name);
    g_ptr_array_add(names, (gpointer) "limits");
    g_ptr_array_add(names, NULL);
    return (const char **)g_ptr_array_free(names, FALSE);
}

static void report_unknown_grader(const RubricLoad *load, const YamlNode *key)
{
    g_autofree const char **names = check_keys(load);
    const gsize max_shown = 60;
    g_autofree char *shown = text_truncate(yaml_scalar(key), max_shown);
    const char *nearest = text_nearest(yaml_scalar(key), names);
    if (nearest) {
        yaml_report(key, load->diagnostics, SEVERITY_ERROR, "there is no grader \"%s\"; did you mean \"%s\"?", shown,
                    nearest);
        return;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)names);
    yaml_report(key, load->diagnostics, SEVERITY_ERROR, "there is no grader \"%s\"; a check may have: %s", shown, all);
}

/* The one key of a check that names a grader. NULL: none that is known; whatever is wrong is reported. */
static const YamlNode *find_grader_key(const RubricLoad *load, const YamlNode *node)
{
    const YamlNode *found = NULL;
    bool has_other = false;
    for (gsize i = 0; i < yaml_length(node); i++) {
        const YamlNode *key = yaml_key(node, i);
        if (strcmp(yaml_scalar(key), "limits") == 0)
            continue;
        if (!find_grader(load, yaml_scalar(key))) {
            report_unknown_grader(load, key);
            has_other = true;
        } else if (found) {
            yaml_report(key, load->diagnostics, SEVERITY_ERROR,
                        "a check has one grader, and this one has \"%s\" already; use `checks:` for several",
                        yaml_scalar(found));
        } else {
            found = key;
        }
    }
    if (!found && !has_other)
        yaml_report(node, load->diagnostics, SEVERITY_ERROR, "the check names no grader, such as `run:`");
    return found;
}

static void add_check(RubricLoad *load, Item *item, const YamlNode *node, const BoxLimits *item_limits, char *name)
{
    g_autofree char *owned_name = name;
    YamlReader reader;
    yaml_reader_start(&reader, node, "check", load->diagnostics);
    const YamlNode *key = reader.mapping ? find_grader_key(load, node) : NULL;
    BoxLimits limits = {0};
    rubric_limits_read(&reader, &limits);
    g_clear_pointer(&reader.known, g_ptr_array_unref); /* find_grader_key has reported all other keys */
    if (!key)
        return;
    const GraderType *type = find_grader(load, yaml_scalar(key));
    g_assert(type); /* or it were not the grader's key */
    box_limits_fill(&limits, item_limits);
    box_limits_fill(&limits, &load->limits);
    box_limits_fill(&limits, &type->limits);
    box_limits_fill(&limits, &load->rubric->limits);
    Check *check = g_new0(Check, 1);
    *check = (Check){
        .name = g_steal_pointer(&owned_name),
        .type = type,
        .parameters = type->parse(yaml_get(node, yaml_scalar(key)), load, load->diagnostics),
        .limits = limits,
        .line = yaml_line(key),
    };
    g_ptr_array_add(item->checks, check);
}

static void read_checks(RubricLoad *load, YamlReader *reader, Item *item)
{
    BoxLimits limits = {0};
    rubric_limits_read(reader, &limits);
    const YamlNode *one = yaml_read_mapping(reader, "check", YAML_OPTIONAL);
    const YamlNode *several = yaml_read_sequence(reader, "checks", YAML_OPTIONAL);
    if (one && several) {
        yaml_report(several, load->diagnostics, SEVERITY_ERROR, "an item has `check:` or `checks:`, not both");
        return;
    }
    if (one)
        add_check(load, item, one, &limits, g_strdup(item->id));
    if (!several)
        return;
    gsize n_checks = yaml_length(several);
    if (n_checks == 0 || n_checks > max_checks) {
        yaml_report(several, load->diagnostics, SEVERITY_ERROR, "checks: expected 1 to %zu checks, got %zu", max_checks,
                    n_checks);
        return;
    }
    for (gsize i = 0; i < n_checks; i++) {
        char *name = n_checks == 1 ? g_strdup(item->id) : g_strdup_printf("%s/%zu", item->id, i + 1);
        add_check(load, item, yaml_item(several, i), &limits, name);
    }
}

/* ---- items ---------------------------------------------------------------------------------------------------------
 */

static void read_id(RubricLoad *load, YamlReader *reader, Item *item)
{
    const char *id = yaml_read_text(reader, "id", YAML_REQUIRED, NULL);
    item->id = g_strdup(id ? id : "");
    if (!id)
        return;
    const YamlNode *node = yaml_get(reader->mapping, "id");
    if (!rubric_id_check(id, "id", node, load->diagnostics))
        return;
    if (strcmp(id, "submission") == 0) {
        yaml_report(node, load->diagnostics, SEVERITY_ERROR,
                    "id: \"submission\" is kept for what unpacking finds; choose another");
        return;
    }
    const Item *first = g_hash_table_lookup(load->by_id, id);
    if (first)
        yaml_report(node, load->diagnostics, SEVERITY_ERROR, "id: \"%s\" is the id of another item too, in line %d", id,
                    first->line);
    else
        g_hash_table_insert(load->by_id, item->id, item);
}

static void read_points(RubricLoad *load, YamlReader *reader, Item *item)
{
    const gint64 not_read = -1;
    gint64 points_milli = yaml_read_milli(reader, "points", YAML_REQUIRED, not_read);
    item->points_milli = MAX(points_milli, 0);
    load->sum_is_unknown |= points_milli == not_read && !item->is_bonus;
}

static void read_judge(RubricLoad *load, YamlReader *reader, Item *item)
{
    bool has_checks = yaml_get(reader->mapping, "check") || yaml_get(reader->mapping, "checks");
    Judge fallback = has_checks ? JUDGE_MACHINE : JUDGE_TA;
    item->judge = (Judge)yaml_read_choice(reader, "judge", YAML_OPTIONAL, judge_names, (int)fallback);
    if (item->judge != JUDGE_TA && !has_checks)
        yaml_report(yaml_get(reader->mapping, "judge"), load->diagnostics, SEVERITY_ERROR,
                    "judge: \"%s\" needs a `check:`, and this item has none", judge_name(item->judge));
}

static void read_needs(RubricLoad *load, YamlReader *reader, Item *item)
{
    g_auto(GStrv) texts = yaml_read_texts(reader, "needs", YAML_OPTIONAL);
    if (!texts)
        return;
    const YamlNode *node = yaml_get(reader->mapping, "needs");
    PendingNeed pending = {.item = item, .need = node};
    if (yaml_kind(node) == YAML_SCALAR)
        g_array_append_val(load->needs, pending);
    for (gsize i = 0; yaml_kind(node) == YAML_SEQUENCE && i < yaml_length(node); i++) {
        pending.need = yaml_item(node, i);
        if (yaml_kind(pending.need) == YAML_SCALAR)
            g_array_append_val(load->needs, pending);
    }
}

/* A block text ends with a line break that nobody wants in a sentence. */
static char *strip(const char *text)
{
    return text ? g_strstrip(g_strdup(text)) : g_strdup("");
}

static void read_item(RubricLoad *load, const YamlNode *node, bool is_bonus)
{
    YamlReader reader;
    yaml_reader_start(&reader, node, is_bonus ? "bonus item" : "item", load->diagnostics);
    if (!reader.mapping) {
        yaml_reader_end(&reader);
        return;
    }
    Item *item = g_new0(Item, 1);
    item->line = yaml_line(node);
    item->is_bonus = is_bonus;
    item->needs = g_ptr_array_new();
    item->checks = g_ptr_array_new_with_free_func((GDestroyNotify)check_free);
    g_ptr_array_add(load->rubric->items, item);

    read_id(load, &reader, item);
    read_points(load, &reader, item);
    item->title = strip(yaml_read_text(&reader, "title", YAML_REQUIRED, NULL));
    item->passes = strip(yaml_read_text(&reader, "passes", YAML_OPTIONAL, item->title));
    read_judge(load, &reader, item);
    item->visible = (Visible)yaml_read_choice(&reader, "visible", YAML_OPTIONAL, visible_names, VISIBLE_ALWAYS);
    read_needs(load, &reader, item);
    read_checks(load, &reader, item);
    yaml_reader_end(&reader);
}

void rubric_items_read(RubricLoad *load, YamlReader *reader, const char *key, bool is_bonus)
{
    const YamlNode *list = yaml_read_sequence(reader, key, is_bonus ? YAML_OPTIONAL : YAML_REQUIRED);
    if (!list)
        return;
    gsize n_items = yaml_length(list);
    if (n_items == 0 || n_items > max_items) {
        yaml_report(list, load->diagnostics, SEVERITY_ERROR, "%s: expected 1 to %u items, got %zu", key, max_items,
                    n_items);
        return;
    }
    for (gsize i = 0; i < n_items; i++)
        read_item(load, yaml_item(list, i), is_bonus);
}
