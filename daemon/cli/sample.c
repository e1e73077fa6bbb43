/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cli/sample.h"

#include "daemon/cli/sample_private.h"

#include <string.h>

static const char expect_file[] = "expect.yaml";
static const guint max_bases = 8;

/* ---- freeing -------------------------------------------------------------------------------------------------------
 */

static void edit_free(gpointer data)
{
    SampleEdit *edit = data;
    g_free(edit->file);
    g_free(edit->from);
    g_free(edit->to);
    g_free(edit);
}

static void layer_free(gpointer data)
{
    SampleLayer *layer = data;
    g_free(layer->folder);
    g_strfreev(layer->removes);
    g_ptr_array_unref(layer->edits);
    g_free(layer);
}

static void commit_free(gpointer data)
{
    SampleCommit *commit = data;
    g_free(commit->by);
    g_free(commit->message);
    g_strfreev(commit->files);
    g_free(commit);
}

void sample_free(Sample *sample)
{
    if (!sample)
        return;
    g_free(sample->assignment);
    g_free(sample->name);
    g_free(sample->owner);
    g_hash_table_unref(sample->items);
    g_hash_table_unref(sample->checks);
    g_clear_pointer(&sample->history, g_ptr_array_unref);
    g_strfreev(sample->tags);
    g_ptr_array_unref(sample->layers);
    g_free(sample);
}

static Sample *sample_new(const char *assignment, const char *name)
{
    Sample *sample = g_new0(Sample, 1);
    sample->assignment = g_strdup(assignment);
    sample->name = g_strdup(name);
    sample->received_us = G_MININT64;
    sample->items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    sample->checks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    sample->layers = g_ptr_array_new_with_free_func(layer_free);
    return sample;
}

/* ---- expect.yaml ---------------------------------------------------------------------------------------------------
 */

/* Whatever is said already comes from a sample nearer to the one asked for. */
static void read_outcomes(GHashTable *outcomes, YamlReader *outer, const char *key, const char *const *names)
{
    const YamlNode *node = yaml_read_mapping(outer, key, YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader reader;
    yaml_reader_start(&reader, node, key, outer->diagnostics);
    for (gsize i = 0; i < yaml_length(node); i++) {
        const char *id = yaml_scalar(yaml_key(node, i));
        int outcome = yaml_read_choice(&reader, id, YAML_REQUIRED, names, 0);
        if (!g_hash_table_contains(outcomes, id))
            g_hash_table_insert(outcomes, g_strdup(id), g_strdup(names[outcome]));
    }
    yaml_reader_end(&reader);
}

static void read_edits(SampleLayer *layer, YamlReader *outer)
{
    const YamlNode *list = yaml_read_sequence(outer, "edit", YAML_OPTIONAL);
    for (gsize i = 0; list && i < yaml_length(list); i++) {
        SampleEdit *edit = g_new0(SampleEdit, 1);
        g_ptr_array_add(layer->edits, edit);
        YamlReader reader;
        yaml_reader_start(&reader, yaml_item(list, i), "edit", outer->diagnostics);
        edit->file = g_strdup(yaml_read_text(&reader, "file", YAML_REQUIRED, ""));
        edit->from = g_strdup(yaml_read_text(&reader, "from", YAML_REQUIRED, ""));
        edit->to = g_strdup(yaml_read_text(&reader, "to", YAML_REQUIRED, ""));
        yaml_reader_end(&reader);
    }
}

static void read_history(Sample *sample, YamlReader *outer, GTimeZone *zone)
{
    const YamlNode *list = yaml_read_sequence(outer, "history", YAML_OPTIONAL);
    g_auto(GStrv) tags = yaml_read_texts(outer, "tags", YAML_OPTIONAL);
    if (!sample->tags)
        sample->tags = g_steal_pointer(&tags);
    if (!list)
        return;
    GPtrArray *history = g_ptr_array_new_with_free_func(commit_free);
    for (gsize i = 0; i < yaml_length(list); i++) {
        SampleCommit *commit = g_new0(SampleCommit, 1);
        g_ptr_array_add(history, commit);
        YamlReader reader;
        yaml_reader_start(&reader, yaml_item(list, i), "commit", outer->diagnostics);
        commit->by = g_strdup(yaml_read_text(&reader, "by", YAML_REQUIRED, ""));
        commit->message = g_strdup(yaml_read_text(&reader, "message", YAML_REQUIRED, ""));
        commit->at_us = yaml_read_time_us(&reader, "at", YAML_REQUIRED, zone, 0);
        commit->files = yaml_read_texts(&reader, "files", YAML_OPTIONAL);
        yaml_reader_end(&reader);
    }
    if (sample->history)
        g_ptr_array_unref(history);
    else
        sample->history = history;
}

static void read_expectation(Sample *sample, SampleLayer *layer, const YamlNode *root, GTimeZone *zone,
                             Diagnostics *diagnostics, char **ret_base)
{
    static const char *const item_outcomes[] = {"pass", "fail", "review", "error", NULL};
    static const char *const check_outcomes[] = {"pass", "fail", "error", "skipped", NULL};
    YamlReader reader;
    yaml_reader_start(&reader, root, "sample", diagnostics);
    *ret_base = g_strdup(yaml_read_text(&reader, "base", YAML_OPTIONAL, NULL));
    const char *owner = yaml_read_text(&reader, "owner", YAML_OPTIONAL, NULL);
    if (!sample->owner)
        sample->owner = g_strdup(owner);
    gint64 received_us = yaml_read_time_us(&reader, "received", YAML_OPTIONAL, zone, G_MININT64);
    if (sample->received_us == G_MININT64)
        sample->received_us = received_us;
    layer->removes = yaml_read_texts(&reader, "remove", YAML_OPTIONAL);
    read_edits(layer, &reader);
    read_history(sample, &reader, zone);
    read_outcomes(sample->items, &reader, "items", item_outcomes);
    read_outcomes(sample->checks, &reader, "checks", check_outcomes);
    yaml_reader_end(&reader);
}

/* One sample of the chain. *ret_base: the next one, or NULL. */
static bool load_layer(Sample *sample, const Course *course, const char *name, Diagnostics *diagnostics,
                       char **ret_base)
{
    g_autofree char *label = g_build_filename("samples", sample->assignment, name, expect_file, NULL);
    g_autofree char *path = g_build_filename(course->folder, label, NULL);
    g_autoptr(YamlDocument) document = yaml_load(path, label, diagnostics);
    if (!document)
        return false;
    SampleLayer *layer = g_new0(SampleLayer, 1);
    layer->folder = g_path_get_dirname(path);
    layer->edits = g_ptr_array_new_with_free_func(edit_free);
    g_ptr_array_insert(sample->layers, 0, layer);
    unsigned n_before = diagnostics_count(diagnostics, SEVERITY_ERROR);
    read_expectation(sample, layer, yaml_root(document), course->zone, diagnostics, ret_base);
    const YamlNode *base = yaml_get(yaml_root(document), "base");
    if (*ret_base && (strchr(*ret_base, '/') || **ret_base == '.'))
        yaml_report(base, diagnostics, SEVERITY_ERROR, "base: expected the name of another sample of \"%s\"",
                    sample->assignment);
    else if (*ret_base && sample->layers->len == max_bases)
        yaml_report(base, diagnostics, SEVERITY_ERROR, "base: more than %u samples stand on one another", max_bases);
    return diagnostics_count(diagnostics, SEVERITY_ERROR) == n_before;
}

Sample *sample_load(const Course *course, const char *assignment, const char *name, Diagnostics *diagnostics)
{
    g_autoptr(Sample) sample = sample_new(assignment, name);
    g_autofree char *next = g_strdup(name);
    while (next) {
        g_autofree char *base = NULL;
        if (!load_layer(sample, course, next, diagnostics, &base))
            return NULL;
        g_free(next);
        next = g_steal_pointer(&base);
    }
    return g_steal_pointer(&sample);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char **sample_list(const Course *course, const char *assignment)
{
    g_autofree char *path = g_build_filename(course->folder, "samples", assignment, NULL);
    GPtrArray *names = g_ptr_array_new();
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    for (const char *name = folder ? g_dir_read_name(folder) : NULL; name; name = g_dir_read_name(folder)) {
        g_autofree char *expect = g_build_filename(path, name, expect_file, NULL);
        if (name[0] != '.' && g_file_test(expect, G_FILE_TEST_IS_REGULAR))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}
