/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/expectation.h"

#include <string.h>

const char expectation_suffix[] = ".expect.yaml";

static const int does_not_matter = -1;
static const gint64 not_said_us = G_MININT64;
static const guint max_bases = 8;

void expectation_free(Expectation *expectation)
{
    if (!expectation)
        return;
    g_hash_table_unref(expectation->items);
    g_hash_table_unref(expectation->checks);
    g_free(expectation->owner);
    recipe_free(expectation->recipe);
    g_free(expectation);
}

static int look_up(GHashTable *outcomes, const char *name)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(outcomes, name)) - 1;
}

int expectation_of_item(const Expectation *expectation, const char *id)
{
    int outcome = look_up(expectation->items, id);
    return outcome >= 0 ? outcome : expectation->rest;
}

int expectation_of_check(const Expectation *expectation, const char *name)
{
    return look_up(expectation->checks, name);
}

/* ---- reading one file ----------------------------------------------------------------------------------------------
 */

/* An outcome at a node; -1 and a diagnostic if it is none. */
static int read_outcome(const YamlNode *node, const char *const *names, Diagnostics *diagnostics)
{
    const char *text = yaml_kind(node) == YAML_SCALAR ? yaml_scalar(node) : "";
    for (int i = 0; names[i]; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    g_autofree char *all = g_strjoinv(", ", (char **)names);
    yaml_report(node, diagnostics, SEVERITY_ERROR, "expected one of %s", all);
    return does_not_matter;
}

/* Ids of a rubric's items, or names of its checks; borrowed, NULL-terminated. */
static const char **list_names(const Rubric *rubric, bool of_checks)
{
    GPtrArray *names = g_ptr_array_new();
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        if (!of_checks)
            g_ptr_array_add(names, item->id);
        for (guint j = 0; of_checks && j < item->checks->len; j++)
            g_ptr_array_add(names, ((const Check *)g_ptr_array_index(item->checks, j))->name);
    }
    g_ptr_array_add(names, NULL);
    return (const char **)g_ptr_array_free(names, FALSE);
}

static bool name_is_known(const YamlNode *key, const Rubric *rubric, bool of_checks, Diagnostics *diagnostics)
{
    g_autofree const char **names = list_names(rubric, of_checks);
    if (g_strv_contains(names, yaml_scalar(key)))
        return true;
    const char *nearest = text_nearest(yaml_scalar(key), names);
    yaml_report(key, diagnostics, SEVERITY_ERROR, "the rubric \"%s\" has no %s \"%s\"%s%s%s", rubric->id,
                of_checks ? "check" : "item", yaml_scalar(key), nearest ? "; did you mean \"" : "",
                nearest ? nearest : "", nearest ? "\"?" : "");
    return false;
}

static void read_outcomes(GHashTable *outcomes, const YamlNode *node, const Rubric *rubric, bool of_checks,
                          Diagnostics *diagnostics)
{
    for (gsize i = 0; node && i < yaml_length(node); i++) {
        const YamlNode *key = yaml_key(node, i);
        int outcome =
            read_outcome(yaml_value(node, i), of_checks ? finding_outcome_names : item_outcome_names, diagnostics);
        if (outcome >= 0 && (!rubric || name_is_known(key, rubric, of_checks, diagnostics)))
            g_hash_table_insert(outcomes, g_strdup(yaml_scalar(key)), GINT_TO_POINTER(outcome + 1));
    }
}

static char *folder_of(const Course *course, const Assignment *assignment, const char *name)
{
    return g_build_filename(course->folder, "samples", assignment->id, name, NULL);
}

/* What one file says. *ret_base: its base, borrowed from the document; NULL: none. */
static Expectation *read_expectation(const Course *course, const Assignment *assignment, const char *name,
                                     const YamlNode *root, Diagnostics *diagnostics, const YamlNode **ret_base)
{
    static const char *const submission_outcomes[] = {"pass", "fail", NULL};
    Expectation *expectation = g_new0(Expectation, 1);
    expectation->items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    expectation->checks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    YamlReader reader;
    yaml_reader_start(&reader, root, "expectation", diagnostics);
    *ret_base = yaml_read_text(&reader, "base", YAML_OPTIONAL, NULL) ? yaml_get(root, "base") : NULL;
    const YamlNode *items = yaml_read_mapping(&reader, "items", YAML_OPTIONAL);
    const YamlNode *checks = yaml_read_mapping(&reader, "checks", YAML_OPTIONAL);
    const YamlNode *rest = yaml_read_node(&reader, "rest", YAML_OPTIONAL);
    expectation->rest = rest ? read_outcome(rest, item_outcome_names, diagnostics) : does_not_matter;
    expectation->is_refused = yaml_read_choice(&reader, "submission", YAML_OPTIONAL, submission_outcomes, 0) == 1;
    expectation->received_us = yaml_read_time_us(&reader, "received", YAML_OPTIONAL, course->zone, not_said_us);
    expectation->owner = g_strdup(yaml_read_text(&reader, "owner", YAML_OPTIONAL, NULL));
    g_autofree char *folder = folder_of(course, assignment, name);
    expectation->recipe = recipe_read(&reader, folder, course->zone);
    yaml_reader_end(&reader);
    bool is_dated = expectation->received_us != not_said_us;
    const Rubric *rubric =
        course_rubric(course, assignment, is_dated ? expectation->received_us : assignment->deadline_us);
    read_outcomes(expectation->items, items, rubric, false, diagnostics);
    read_outcomes(expectation->checks, checks, rubric, true, diagnostics);
    return expectation;
}

/* ---- bases ---------------------------------------------------------------------------------------------------------
 */

static void inherit_outcomes(GHashTable *outcomes, GHashTable *of_base)
{
    GHashTableIter iter;
    gpointer name, outcome;
    g_hash_table_iter_init(&iter, of_base);
    while (g_hash_table_iter_next(&iter, &name, &outcome)) {
        if (!g_hash_table_contains(outcomes, name))
            g_hash_table_insert(outcomes, g_strdup(name), outcome);
    }
}

static void inherit(Expectation *expectation, Expectation *base)
{
    if (expectation->rest == does_not_matter)
        inherit_outcomes(expectation->items, base->items);
    inherit_outcomes(expectation->checks, base->checks);
    if (expectation->rest == does_not_matter)
        expectation->rest = base->rest;
    if (expectation->received_us == not_said_us)
        expectation->received_us = base->received_us;
    if (!expectation->owner)
        expectation->owner = g_steal_pointer(&base->owner);
    expectation->recipe->base = g_steal_pointer(&base->recipe);
}

static char *path_of(const Course *course, const Assignment *assignment, const char *name)
{
    g_autofree char *file = g_strconcat(name, expectation_suffix, NULL);
    return folder_of(course, assignment, file);
}

/* The name in `base:` if there can be such a sample; NULL: reported. */
static char *check_base(const Course *course, const Assignment *assignment, const YamlNode *base, guint n_before,
                        Diagnostics *diagnostics)
{
    const char *name = yaml_scalar(base);
    g_autofree char *path = path_of(course, assignment, name);
    if (strchr(name, '/'))
        yaml_report(base, diagnostics, SEVERITY_ERROR, "base: expected the name of another sample");
    else if (n_before == max_bases)
        yaml_report(base, diagnostics, SEVERITY_ERROR, "base: too many samples stand on one another");
    else if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        yaml_report(base, diagnostics, SEVERITY_ERROR, "base: there is no samples/%s/%s%s", assignment->id, name,
                    expectation_suffix);
    else
        return g_strdup(name);
    return NULL;
}

/* Adds one expectation to the chain. *ret_base: whose turn is next; NULL: nobody's. */
static bool load_one(GPtrArray *chain, const Course *course, const Assignment *assignment, const char *name,
                     Diagnostics *diagnostics, char **ret_base)
{
    g_autofree char *label = g_strconcat("samples/", assignment->id, "/", name, expectation_suffix, NULL);
    g_autofree char *path = path_of(course, assignment, name);
    g_autoptr(YamlDocument) document = yaml_load(path, label, diagnostics);
    if (!document)
        return false;
    unsigned n_errors = diagnostics_count(diagnostics, SEVERITY_ERROR);
    const YamlNode *base;
    g_ptr_array_add(chain, read_expectation(course, assignment, name, yaml_root(document), diagnostics, &base));
    *ret_base = base ? check_base(course, assignment, base, chain->len, diagnostics) : NULL;
    return diagnostics_count(diagnostics, SEVERITY_ERROR) == n_errors;
}

/* What the sample and its bases say together. */
static Expectation *load_with_bases(const Course *course, const Assignment *assignment, const char *name,
                                    Diagnostics *diagnostics)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func((GDestroyNotify)expectation_free);
    g_autofree char *next = g_strdup(name);
    while (next) {
        g_autofree char *base = NULL;
        if (!load_one(chain, course, assignment, next, diagnostics, &base))
            return NULL;
        g_free(next);
        next = g_steal_pointer(&base);
    }
    for (guint i = chain->len - 1; i > 0; i--)
        inherit(g_ptr_array_index(chain, i - 1), g_ptr_array_index(chain, i));
    return g_ptr_array_steal_index(chain, 0);
}

Expectation *expectation_load(const Course *course, const Assignment *assignment, const char *name,
                              Diagnostics *diagnostics)
{
    g_autoptr(Expectation) expectation = load_with_bases(course, assignment, name, diagnostics);
    if (!expectation)
        return NULL;
    if (expectation->received_us == not_said_us)
        expectation->received_us = assignment->deadline_us - CLOCK_HOUR_US;
    bool expects_something = g_hash_table_size(expectation->items) + g_hash_table_size(expectation->checks) > 0 ||
                             expectation->rest != does_not_matter || expectation->is_refused;
    if (expects_something)
        return g_steal_pointer(&expectation);
    diagnostics_add(diagnostics, SEVERITY_ERROR, "samples", 0, 0,
                    "\"%s/%s%s\" expects nothing: it needs `items:`, `rest:` or `submission: fail`", assignment->id,
                    name, expectation_suffix);
    return NULL;
}
