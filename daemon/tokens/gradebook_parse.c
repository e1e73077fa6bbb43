/* SPDX-License-Identifier: Apache-2.0 */
/* Reads `gradebook:` of course.yaml. */
#include "daemon/tokens/gradebook.h"

#include <string.h>

static void component_free(gpointer data)
{
    Component *component = data;
    g_free(component->name);
    g_strfreev(component->assignments);
    g_strfreev(component->columns);
    g_free(component);
}

static void cutoff_free(gpointer data)
{
    g_free(((Cutoff *)data)->letter);
    g_free(data);
}

void gradebook_free(Gradebook *gradebook)
{
    if (!gradebook)
        return;
    g_ptr_array_unref(gradebook->components);
    g_ptr_array_unref(gradebook->cutoffs);
    g_ptr_array_unref(gradebook->variants);
    g_array_unref(gradebook->bands);
    g_free(gradebook->lectures_column);
    g_free(gradebook->peer_column);
    g_free(gradebook->peer_component);
    g_free(gradebook->below);
    g_clear_pointer(&gradebook->peers.levels, g_array_unref);
    g_strfreev(gradebook->sections);
    g_free(gradebook);
}

static void peer_level_clear(gpointer data)
{
    g_free(((PeerLevel *)data)->name);
}

static Gradebook *gradebook_new(void)
{
    Gradebook *gradebook = g_new0(Gradebook, 1);
    gradebook->components = g_ptr_array_new_with_free_func(component_free);
    gradebook->cutoffs = g_ptr_array_new_with_free_func(cutoff_free);
    gradebook->variants = g_ptr_array_new_with_free_func((GDestroyNotify)gradebook_free);
    gradebook->bands = g_array_new(FALSE, FALSE, sizeof(Band));
    gradebook->is_strict = true;
    gradebook->peers = peer_rules_usual;
    gradebook->peers.levels = g_array_new(FALSE, FALSE, sizeof(PeerLevel));
    g_array_set_clear_func(gradebook->peers.levels, peer_level_clear);
    return gradebook;
}

/* ---- components ------------------------------------------------------------------------------------------------- */

static void check_assignments(const Course *course, const YamlNode *node, char **ids, Diagnostics *diagnostics)
{
    for (char **id = ids; id && *id; id++) {
        if (!course_assignment(course, *id))
            yaml_report(node, diagnostics, SEVERITY_ERROR, "there is no assignment \"%s\" in this course", *id);
    }
}

static char **assignments_of_kind(const Course *course, const char *kind)
{
    GPtrArray *ids = g_ptr_array_new();
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (strcmp(assignment->kind, kind) == 0)
            g_ptr_array_add(ids, g_strdup(assignment->id));
    }
    g_ptr_array_add(ids, NULL);
    return (char **)g_ptr_array_free(ids, FALSE);
}

static Component *read_component(const Course *course, const YamlNode *key, const YamlNode *node,
                                 Diagnostics *diagnostics)
{
    const gint64 max_dropped = 100, hundred_milli = 100000;
    Component *component = g_new0(Component, 1);
    YamlReader reader;
    yaml_reader_start(&reader, node, "component", diagnostics);
    component->name = g_strdup(yaml_scalar(key));
    component->audit_milli = -1;
    component->weight_milli = yaml_read_milli(&reader, "weight", YAML_REQUIRED, 0);
    component->assignments = yaml_read_texts(&reader, "assignments", YAML_OPTIONAL);
    component->columns = yaml_read_texts(&reader, "scores", YAML_OPTIONAL);
    component->is_capped = yaml_read_bool(&reader, "capped", false);
    component->is_equal = yaml_read_bool(&reader, "equal", false);
    component->n_dropped = yaml_read_integer(&reader, "drop", YAML_OPTIONAL, 0, 0, max_dropped);
    const char *kind = yaml_read_text(&reader, "kind", YAML_OPTIONAL, NULL);
    if (kind && !component->assignments)
        component->assignments = assignments_of_kind(course, kind);
    check_assignments(course, node, component->assignments, diagnostics);
    bool is_participation = yaml_read_bool(&reader, "participation", false);
    component->kind = is_participation         ? COMPONENT_PARTICIPATION
                      : component->assignments ? COMPONENT_POINTS
                                               : COMPONENT_OUTSIDE;
    bool needs_max = !is_participation && (!component->is_equal || component->columns);
    component->max_milli = yaml_read_milli(&reader, "max", needs_max ? YAML_REQUIRED : YAML_OPTIONAL, hundred_milli);
    if (component->n_dropped > 0 && component->columns && !component->is_equal)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "drop: scores from outside can be dropped only where all are worth the same (equal: yes)");
    if (component->max_milli == 0)
        yaml_report(yaml_get(node, "max"), diagnostics, SEVERITY_ERROR, "max: must be more than 0");
    if (!is_participation && !component->assignments && !component->columns)
        yaml_report(node, diagnostics, SEVERITY_ERROR,
                    "a component has assignments, a kind of them, scores from outside, or participation: yes");
    yaml_reader_end(&reader);
    return component;
}

static void read_components(const Course *course, YamlReader *outer, YamlNeed need, Gradebook *gradebook)
{
    const YamlNode *mapping = yaml_read_mapping(outer, "components", need);
    gint64 sum_milli = 0;
    for (gsize i = 0; mapping && i < yaml_length(mapping); i++) {
        Component *component = read_component(course, yaml_key(mapping, i), yaml_value(mapping, i), outer->diagnostics);
        g_ptr_array_add(gradebook->components, component);
        sum_milli += component->weight_milli;
    }
    const gint64 all_milli = 100000;
    if (mapping && sum_milli != all_milli) {
        g_autofree char *sum = points_format(sum_milli);
        yaml_report(mapping, outer->diagnostics, SEVERITY_ERROR, "the weights add up to %s, not to 100", sum);
    }
}

/* ---- cut-offs, bands -------------------------------------------------------------------------------------------- */

static void read_cutoffs(YamlReader *outer, YamlNeed need, Gradebook *gradebook)
{
    const YamlNode *mapping = yaml_read_mapping(outer, "cutoffs", need);
    if (!mapping)
        return;
    g_ptr_array_set_size(gradebook->cutoffs, 0);
    YamlReader reader;
    yaml_reader_start(&reader, mapping, "cutoffs", outer->diagnostics);
    for (gsize i = 0; i < yaml_length(mapping); i++) {
        Cutoff *cutoff = g_new0(Cutoff, 1);
        cutoff->letter = g_strdup(yaml_scalar(yaml_key(mapping, i)));
        cutoff->above_milli = yaml_read_milli(&reader, cutoff->letter, YAML_REQUIRED, 0);
        const Cutoff *higher = i > 0 ? g_ptr_array_index(gradebook->cutoffs, i - 1) : NULL;
        if (higher && higher->above_milli <= cutoff->above_milli)
            yaml_report(yaml_key(mapping, i), outer->diagnostics, SEVERITY_ERROR,
                        "cut-offs go from the highest to the lowest");
        g_ptr_array_add(gradebook->cutoffs, cutoff);
        g_free(gradebook->below);
        gradebook->below = g_strdup_printf("below %s", cutoff->letter);
    }
    yaml_reader_end(&reader);
}

static void read_band(const YamlNode *node, Gradebook *gradebook, Diagnostics *diagnostics)
{
    const gint64 max_lectures = 1000;
    YamlReader reader;
    yaml_reader_start(&reader, node, "band", diagnostics);
    Band band = {.at_least = yaml_read_integer(&reader, "at_least", YAML_REQUIRED, 0, 0, max_lectures),
                 .percent_milli = yaml_read_milli(&reader, "percent", YAML_REQUIRED, 0)};
    yaml_reader_end(&reader);
    guint n = gradebook->bands->len;
    if (n > 0 && g_array_index(gradebook->bands, Band, n - 1).at_least <= band.at_least)
        yaml_report(node, diagnostics, SEVERITY_ERROR, "bands go from the most lectures to the fewest");
    g_array_append_val(gradebook->bands, band);
}

static void read_participation(YamlReader *outer, Gradebook *gradebook)
{
    const gint64 max_lectures = 1000;
    const YamlNode *node = yaml_read_mapping(outer, "participation", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "participation", outer->diagnostics);
    gradebook->lectures = yaml_read_integer(&reader, "lectures", YAML_REQUIRED, 0, 1, max_lectures);
    gradebook->lectures_column = g_strdup(yaml_read_text(&reader, "scores", YAML_OPTIONAL, "lectures"));
    gradebook->tokens_to_lectures = yaml_read_bool(&reader, "tokens", false);
    const YamlNode *bands = yaml_read_sequence(&reader, "bands", YAML_REQUIRED);
    for (gsize i = 0; bands && i < yaml_length(bands); i++)
        read_band(yaml_item(bands, i), gradebook, outer->diagnostics);
    yaml_reader_end(&reader);
}

/* `tokens: {each: 0.25, at_most: 1, from: 2, owed: 0.5}` */
static void read_tokens(YamlReader *outer, Gradebook *gradebook)
{
    const YamlNode *node = yaml_read_mapping(outer, "tokens", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, "tokens", outer->diagnostics);
    gradebook->token_each_milli = yaml_read_milli(&reader, "each", YAML_OPTIONAL, 0);
    gradebook->token_from_milli = yaml_read_milli(&reader, "from", YAML_OPTIONAL, 0);
    gradebook->token_owed_milli = yaml_read_milli(&reader, "owed", YAML_OPTIONAL, 0);
    gradebook->token_most_milli = yaml_read_milli(&reader, "at_most", YAML_OPTIONAL, G_MAXINT64);
    if (!yaml_get(node, "each") && !yaml_get(node, "owed"))
        yaml_report(node, outer->diagnostics, SEVERITY_ERROR,
                    "tokens: expected each (for a token that is left), owed (for one that is owed), or both");
    yaml_reader_end(&reader);
}

/* `levels: {Excellent: 100, Very good: 87.5, ...}` */
static void read_levels(YamlReader *outer, GArray *levels)
{
    const YamlNode *mapping = yaml_read_mapping(outer, "levels", YAML_OPTIONAL);
    const gint64 all_milli = 100000;
    YamlReader reader;
    if (!mapping)
        return;
    yaml_reader_start(&reader, mapping, "levels", outer->diagnostics);
    for (gsize i = 0; i < yaml_length(mapping); i++) {
        const char *name = yaml_scalar(yaml_key(mapping, i));
        PeerLevel level = {.name = g_strdup(name), .milli = yaml_read_milli(&reader, name, YAML_REQUIRED, 0)};
        if (level.milli > all_milli)
            yaml_report(yaml_key(mapping, i), outer->diagnostics, SEVERITY_ERROR, "levels: at most 100");
        g_array_append_val(levels, level);
    }
    yaml_reader_end(&reader);
}

static bool has_component(const Gradebook *gradebook, const char *name)
{
    for (guint i = 0; i < gradebook->components->len; i++) {
        if (g_strcmp0(((const Component *)g_ptr_array_index(gradebook->components, i))->name, name) == 0)
            return true;
    }
    return false;
}

static void read_peer(YamlReader *outer, Gradebook *gradebook)
{
    const YamlNode *node = yaml_read_mapping(outer, "peer_rating", YAML_OPTIONAL);
    if (!node)
        return;
    PeerRules *rules = &gradebook->peers;
    YamlReader reader;
    yaml_reader_start(&reader, node, "peer_rating", outer->diagnostics);
    gradebook->peer_column = g_strdup(yaml_read_text(&reader, "scores", YAML_OPTIONAL, NULL));
    rules->counts_self = yaml_read_bool(&reader, "self", rules->counts_self);
    rules->missing_milli = yaml_read_milli(&reader, "missing", YAML_OPTIONAL, rules->missing_milli);
    rules->most_milli = yaml_read_milli(&reader, "at_most", YAML_OPTIONAL, rules->most_milli);
    rules->least_milli = yaml_read_milli(&reader, "at_least", YAML_OPTIONAL, rules->least_milli);
    read_levels(&reader, rules->levels);
    gradebook->peer_component = g_strdup(yaml_read_text(&reader, "component", YAML_REQUIRED, NULL));
    if (gradebook->peer_component && !has_component(gradebook, gradebook->peer_component))
        yaml_report(yaml_get(node, "component"), outer->diagnostics, SEVERITY_ERROR, "there is no component \"%s\"",
                    gradebook->peer_component);
    yaml_reader_end(&reader);
}

/* `audit: {participation: 90, quizzes: 70}`: of a component, the percent that who audits must reach. */
static void read_audit(YamlReader *outer, Gradebook *gradebook)
{
    const YamlNode *mapping = yaml_read_mapping(outer, "audit", YAML_OPTIONAL);
    YamlReader reader;
    if (!mapping)
        return;
    gradebook->has_audit = true;
    yaml_reader_start(&reader, mapping, "audit", outer->diagnostics);
    for (guint i = 0; i < gradebook->components->len; i++) {
        Component *component = g_ptr_array_index(gradebook->components, i);
        component->audit_milli = yaml_read_milli(&reader, component->name, YAML_OPTIONAL, -1);
    }
    yaml_reader_end(&reader);
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

/* A variant's components are the variant's; what who audits must reach goes by their names. */
static void copy_audit(const Gradebook *base, Gradebook *variant)
{
    variant->has_audit = base->has_audit;
    for (guint i = 0; i < variant->components->len * base->components->len; i++) {
        Component *component = g_ptr_array_index(variant->components, i / base->components->len);
        const Component *model = g_ptr_array_index(base->components, i % base->components->len);
        if (g_strcmp0(component->name, model->name) == 0)
            component->audit_milli = model->audit_milli;
    }
}

static Gradebook *read_variant(const Course *course, const Gradebook *base, const YamlNode *node,
                               Diagnostics *diagnostics)
{
    Gradebook *variant = gradebook_new();
    YamlReader reader;
    yaml_reader_start(&reader, node, "variant", diagnostics);
    variant->sections = yaml_read_texts(&reader, "sections", YAML_REQUIRED);
    if (!variant->sections)
        variant->sections = g_new0(char *, 1);
    read_components(course, &reader, YAML_REQUIRED, variant);
    yaml_reader_end(&reader);
    for (guint i = 0; i < base->cutoffs->len; i++) {
        const Cutoff *cutoff = g_ptr_array_index(base->cutoffs, i);
        Cutoff *copy = g_memdup2(cutoff, sizeof *cutoff);
        copy->letter = g_strdup(cutoff->letter);
        g_ptr_array_add(variant->cutoffs, copy);
    }
    g_array_append_vals(variant->bands, base->bands->data, base->bands->len);
    variant->is_strict = base->is_strict;
    variant->lectures = base->lectures;
    variant->lectures_column = g_strdup(base->lectures_column);
    variant->tokens_to_lectures = base->tokens_to_lectures;
    variant->token_each_milli = base->token_each_milli;
    variant->token_most_milli = base->token_most_milli;
    variant->token_from_milli = base->token_from_milli;
    variant->token_owed_milli = base->token_owed_milli;
    variant->below = g_strdup(base->below);
    g_array_unref(variant->peers.levels);
    variant->peers = base->peers;
    g_array_ref(variant->peers.levels);
    copy_audit(base, variant);
    variant->peer_column = g_strdup(base->peer_column);
    variant->peer_component = g_strdup(base->peer_component);
    return variant;
}

bool gradebook_parse(const Course *course, Gradebook **ret, Diagnostics *diagnostics)
{
    const YamlNode *node = course_section(course, "gradebook");
    *ret = NULL;
    if (!node)
        return true;
    unsigned n_errors = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(Gradebook) gradebook = gradebook_new();
    YamlReader reader;
    yaml_reader_start(&reader, node, "gradebook", diagnostics);
    read_components(course, &reader, YAML_REQUIRED, gradebook);
    read_cutoffs(&reader, YAML_REQUIRED, gradebook);
    gradebook->is_strict = yaml_read_bool(&reader, "strict", true);
    read_participation(&reader, gradebook);
    read_peer(&reader, gradebook);
    read_tokens(&reader, gradebook);
    read_audit(&reader, gradebook);
    const YamlNode *variants = yaml_read_mapping(&reader, "variants", YAML_OPTIONAL);
    for (gsize i = 0; variants && i < yaml_length(variants); i++)
        g_ptr_array_add(gradebook->variants, read_variant(course, gradebook, yaml_value(variants, i), diagnostics));
    yaml_reader_end(&reader);
    if (diagnostics_count(diagnostics, SEVERITY_ERROR) != n_errors)
        return false;
    *ret = g_steal_pointer(&gradebook);
    return true;
}
