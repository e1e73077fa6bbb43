/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubric_load.h"

#include <string.h>

bool rubric_id_check(const char *id, const char *what, const YamlNode *node, Diagnostics *diagnostics)
{
    const gsize max_length = 64;
    gsize length = strlen(id);
    bool is_good = length > 0 && length <= max_length && (g_ascii_islower(id[0]) || g_ascii_isdigit(id[0])) &&
                   strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == length;
    if (is_good)
        return true;
    g_autofree char *shown = text_truncate(id, max_length);
    yaml_report(node, diagnostics, SEVERITY_ERROR,
                "%s: \"%s\" cannot be an id: use lower-case letters, digits, \"-\", \"_\" and \".\", at most 64, the "
                "first a letter or digit",
                what, shown);
    return false;
}

/* ---- limits --------------------------------------------------------------------------------------------------------
 */

/* 0 stands for "not given" in BoxLimits, so it cannot be asked for. */
static void refuse_zero(YamlReader *reader, const char *key, gint64 value)
{
    const YamlNode *node = yaml_get(reader->mapping, key);
    if (node && !yaml_is_null(node) && value == 0)
        yaml_report(node, reader->diagnostics, SEVERITY_ERROR, "%s: must be more than 0", key);
}

static gint64 read_limit_ms(YamlReader *reader, const char *key)
{
    const gint64 not_given = -1;
    gint64 span_us = yaml_read_span_us(reader, key, YAML_OPTIONAL, not_given);
    if (span_us == not_given)
        return 0;
    refuse_zero(reader, key, span_us / 1000);
    return span_us / 1000;
}

static gint64 read_limit_bytes(YamlReader *reader, const char *key)
{
    const gint64 not_given = -1;
    gint64 size = yaml_read_bytes(reader, key, YAML_OPTIONAL, not_given);
    if (size == not_given)
        return 0;
    refuse_zero(reader, key, size);
    return size;
}

static gint64 read_limit_count(YamlReader *reader, const char *key)
{
    const gint64 least = 1, most = 1000000;
    return yaml_read_integer(reader, key, YAML_OPTIONAL, 0, least, most);
}

static gint64 read_limit_cpus(YamlReader *reader)
{
    const gint64 not_given = -1, least_milli = 10; /* the kernel's least */
    gint64 cpus_milli = yaml_read_milli(reader, "cpus", YAML_OPTIONAL, not_given);
    if (cpus_milli == not_given)
        return 0;
    if (cpus_milli < least_milli || cpus_milli > BOX_CPUS_UNBOUND)
        yaml_report(yaml_get(reader->mapping, "cpus"), reader->diagnostics, SEVERITY_ERROR,
                    "cpus: expected a number of processors from 0.01 on, such as 0.5");
    return cpus_milli;
}

void rubric_limits_read(YamlReader *reader, BoxLimits *limits)
{
    const YamlNode *node = yaml_read_mapping(reader, "limits", YAML_OPTIONAL);
    if (!node)
        return;
    YamlReader inner;
    yaml_reader_start(&inner, node, "limits", reader->diagnostics);
    *limits = (BoxLimits){
        .wall_ms = read_limit_ms(&inner, "wall"),
        .cpu_ms = read_limit_ms(&inner, "cpu"),
        .memory_bytes = read_limit_bytes(&inner, "memory"),
        .processes = read_limit_count(&inner, "processes"),
        .output_bytes = read_limit_bytes(&inner, "output"),
        .disk_bytes = read_limit_bytes(&inner, "disk"),
        .files = read_limit_count(&inner, "files"),
        .file_bytes = read_limit_bytes(&inner, "file"),
        .open_files = read_limit_count(&inner, "open_files"),
        .stack_bytes = read_limit_bytes(&inner, "stack"),
        .cpus_milli = read_limit_cpus(&inner),
    };
    yaml_reader_end(&inner);
}

/* ---- the file ------------------------------------------------------------------------------------------------------
 */

static gint64 sum_points(const Rubric *rubric)
{
    gint64 sum = 0;
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        sum += item->is_bonus ? 0 : item->points_milli;
    }
    return sum;
}

/* A course did publish items that summed to 25 of 20 once: who writes the total gets it checked. */
static void check_total(const RubricLoad *load, YamlReader *reader)
{
    gint64 sum_milli = load->rubric->max_milli;
    const gint64 not_given = -1;
    gint64 total_milli = yaml_read_milli(reader, "total", YAML_OPTIONAL, not_given);
    if (total_milli == not_given || total_milli == sum_milli || load->sum_is_unknown)
        return;
    g_autofree char *sum = points_format(sum_milli);
    g_autofree char *total = points_format(total_milli);
    yaml_report(yaml_get(reader->mapping, "total"), reader->diagnostics, SEVERITY_ERROR,
                "total: the points of the items sum to %s, but the total says %s", sum, total);
}

/* How much may be handed in. It is unpacked into memory, so not everything can be asked for. */
static void read_submission(RubricLoad *load, YamlReader *reader)
{
    const gint64 mib = 1 << 20, usual_bytes = 256 * mib, usual_files = 20000;
    Rubric *rubric = load->rubric;
    YamlReader own;
    rubric->submission_bytes = usual_bytes;
    rubric->submission_files = usual_files;
    const YamlNode *node = yaml_read_mapping(reader, "submission", YAML_OPTIONAL);
    if (!node)
        return;
    yaml_reader_start(&own, node, "submission", load->diagnostics);
    rubric->submission_bytes = yaml_read_bytes(&own, "size", YAML_OPTIONAL, usual_bytes);
    rubric->submission_files =
        yaml_read_integer(&own, "files", YAML_OPTIONAL, usual_files, 1, rubric_submission_most_files);
    if (rubric->submission_bytes < mib || rubric->submission_bytes > rubric_submission_most_bytes)
        yaml_report(yaml_get(node, "size"), load->diagnostics, SEVERITY_ERROR, "size: expected 1M to 2G");
    yaml_reader_end(&own);
}

static void read_head(RubricLoad *load, YamlReader *reader, GTimeZone *zone)
{
    Rubric *rubric = load->rubric;
    const char *id = yaml_read_text(reader, "rubric", YAML_REQUIRED, NULL);
    if (id)
        rubric_id_check(id, "rubric", yaml_get(reader->mapping, "rubric"), load->diagnostics);
    rubric->id = g_strdup(id);
    rubric->title = g_strdup(yaml_read_text(reader, "title", YAML_OPTIONAL, id));
    rubric->effective_us = yaml_read_time_us(reader, "effective", YAML_OPTIONAL, zone, G_MININT64);
    rubric_limits_read(reader, &load->limits);
    rubric->limits = load->limits;
    BoxLimits defaults = box_limits_default();
    box_limits_fill(&rubric->limits, &defaults);
    load->image = rubric_load_image(load, reader);
    read_submission(load, reader);
}

static void read_rubric(RubricLoad *load, const YamlNode *root, GTimeZone *zone)
{
    YamlReader reader;
    yaml_reader_start(&reader, root, "rubric", load->diagnostics);
    read_head(load, &reader, zone);
    rubric_items_read(load, &reader, "items", false);
    rubric_items_read(load, &reader, "bonus", true);
    rubric_needs_resolve(load);
    rubric_leaderboard_read(load, &reader);
    load->rubric->max_milli = sum_points(load->rubric);
    check_total(load, &reader);
    yaml_reader_end(&reader);
}

static Rubric *rubric_new(const char *path)
{
    Rubric *rubric = g_new0(Rubric, 1);
    rubric->path = g_strdup(path);
    rubric->items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
    rubric->order = g_ptr_array_new();
    rubric->files = g_ptr_array_new_with_free_func(g_free);
    rubric->leaderboard = g_ptr_array_new_with_free_func((GDestroyNotify)ranking_free);
    rubric->hosts = g_ptr_array_new_with_free_func(g_free);
    rubric->images = g_ptr_array_new_with_free_func((GDestroyNotify)rubric_image_free);
    return rubric;
}

void rubric_free(Rubric *rubric)
{
    if (!rubric)
        return;
    g_free(rubric->id);
    g_free(rubric->title);
    g_free(rubric->path);
    g_free(rubric->digest);
    g_ptr_array_unref(rubric->order);
    g_ptr_array_unref(rubric->items);
    g_ptr_array_unref(rubric->files);
    g_ptr_array_unref(rubric->leaderboard);
    g_ptr_array_unref(rubric->hosts);
    g_ptr_array_unref(rubric->images);
    g_free(rubric);
}

const Item *rubric_item(const Rubric *rubric, const char *id)
{
    for (guint i = 0; i < rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(rubric->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    return NULL;
}

Rubric *rubric_load(const char *course_folder, const char *path, const GraderType *const *graders, GTimeZone *zone,
                    Diagnostics *diagnostics)
{
    g_autofree char *full = g_build_filename(course_folder, path, NULL);
    unsigned n_before = diagnostics_count(diagnostics, SEVERITY_ERROR);
    g_autoptr(YamlDocument) document = yaml_load(full, path, diagnostics);
    if (!document)
        return NULL;

    g_autoptr(Rubric) rubric = rubric_new(path);
    g_autoptr(GHashTable) by_id = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GArray) needs = g_array_new(FALSE, FALSE, sizeof(PendingNeed));
    RubricLoad load = {
        .course_folder = course_folder,
        .graders = graders,
        .diagnostics = diagnostics,
        .rubric = rubric,
        .by_id = by_id,
        .needs = needs,
        .files = files,
    };
    read_rubric(&load, yaml_root(document), zone);
    if (diagnostics_count(diagnostics, SEVERITY_ERROR) > n_before)
        return NULL;

    g_autoptr(GError) error = NULL;
    if (!rubric_digest_make(rubric, files, course_folder, &error)) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, path, 0, 0, "%s", error->message);
        return NULL;
    }
    return g_steal_pointer(&rubric);
}
