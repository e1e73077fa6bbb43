/* SPDX-License-Identifier: Apache-2.0 */
/* `leaderboard:` of a rubric: what students compare themselves by, where the platform shows such a thing. */
#include "rubrics/rubric_load.h"
#include "rubrics/verdict.h"

#include <string.h>

static const gsize max_rankings = 20, max_name_bytes = 100;

void ranking_free(Ranking *ranking)
{
    if (!ranking)
        return;
    g_free(ranking->name);
    g_free(ranking->item);
    g_free(ranking->figure);
    g_free(ranking);
}

Ranking *ranking_copy(const Ranking *ranking)
{
    Ranking *copy = g_new0(Ranking, 1);
    *copy = (Ranking){
        .name = g_strdup(ranking->name),
        .item = g_strdup(ranking->item),
        .figure = g_strdup(ranking->figure),
        .is_ascending = ranking->is_ascending,
    };
    return copy;
}

/* ---- from the rubric
 * ----------------------------------------------------------------------------------------------------------- */

/* "tests.passed": names of members of a finding's figures, one in the other. */
static bool figure_is_well_formed(const char *figure)
{
    const gsize max_length = 100;
    gsize length = strlen(figure);
    return length > 0 && length <= max_length && strspn(figure, "abcdefghijklmnopqrstuvwxyz0123456789_.") == length &&
           *figure != '.' && figure[length - 1] != '.' && !strstr(figure, "..");
}

static bool is_named(const Rubric *rubric, const char *name)
{
    for (guint i = 0; i < rubric->leaderboard->len; i++) {
        if (strcmp(((const Ranking *)g_ptr_array_index(rubric->leaderboard, i))->name, name) == 0)
            return true;
    }
    return false;
}

static void check_ranking(const RubricLoad *load, const YamlReader *reader, const Ranking *ranking)
{
    const Item *item = ranking->item ? g_hash_table_lookup(load->by_id, ranking->item) : NULL;
    if (ranking->name && (!*ranking->name || strlen(ranking->name) > max_name_bytes))
        yaml_report(yaml_get(reader->mapping, "name"), load->diagnostics, SEVERITY_ERROR,
                    "name: expected 1 to %" G_GSIZE_FORMAT " bytes", max_name_bytes);
    else if (ranking->name && is_named(load->rubric, ranking->name))
        yaml_report(yaml_get(reader->mapping, "name"), load->diagnostics, SEVERITY_ERROR,
                    "name: the leaderboard has \"%s\" already", ranking->name);
    if (ranking->item && !item)
        yaml_report(yaml_get(reader->mapping, "item"), load->diagnostics, SEVERITY_ERROR,
                    "item: the rubric has no item \"%s\"", ranking->item);
    if (ranking->figure && !figure_is_well_formed(ranking->figure))
        yaml_report(yaml_get(reader->mapping, "figure"), load->diagnostics, SEVERITY_ERROR,
                    "figure: \"%s\" is no figure of a check: expected a name such as tests.passed or box.wall_us",
                    ranking->figure);
    else if (ranking->figure && item && item->checks->len == 0)
        yaml_report(yaml_get(reader->mapping, "figure"), load->diagnostics, SEVERITY_ERROR,
                    "figure: the item \"%s\" has no check that could measure anything", ranking->item);
}

static void read_ranking(const RubricLoad *load, const YamlNode *node)
{
    static const char *const orders[] = {"desc", "asc", NULL};
    YamlReader reader;
    yaml_reader_start(&reader, node, "leaderboard", load->diagnostics);
    Ranking *ranking = g_new0(Ranking, 1);
    ranking->name = g_strdup(yaml_read_text(&reader, "name", YAML_REQUIRED, NULL));
    ranking->item = g_strdup(yaml_read_text(&reader, "item", YAML_REQUIRED, NULL));
    ranking->figure = g_strdup(yaml_read_text(&reader, "figure", YAML_OPTIONAL, NULL));
    ranking->is_ascending = yaml_read_choice(&reader, "order", YAML_OPTIONAL, orders, 0) == 1;
    check_ranking(load, &reader, ranking);
    yaml_reader_end(&reader);
    if (ranking->name && ranking->item)
        g_ptr_array_add(load->rubric->leaderboard, ranking);
    else
        ranking_free(ranking);
}

void rubric_leaderboard_read(RubricLoad *load, YamlReader *reader)
{
    const YamlNode *list = yaml_read_sequence(reader, "leaderboard", YAML_OPTIONAL);
    if (list && yaml_length(list) > max_rankings) {
        yaml_report(list, load->diagnostics, SEVERITY_ERROR,
                    "leaderboard: expected at most %" G_GSIZE_FORMAT " entries", max_rankings);
        return;
    }
    for (gsize i = 0; list && i < yaml_length(list); i++)
        read_ranking(load, yaml_item(list, i));
}

/* ---- in a verdict
 * -------------------------------------------------------------------------------------------------------------- */

cJSON *leaderboard_to_json(const GPtrArray *leaderboard)
{
    cJSON *list = cJSON_CreateArray();
    for (guint i = 0; i < leaderboard->len; i++) {
        const Ranking *ranking = g_ptr_array_index(leaderboard, i);
        cJSON *json = cJSON_CreateObject();
        json_add_string(json, "name", ranking->name);
        json_add_string(json, "item", ranking->item);
        json_add_string(json, "figure", ranking->figure);
        json_add_bool(json, "ascending", ranking->is_ascending);
        cJSON_AddItemToArray(list, json);
    }
    return list;
}

bool leaderboard_from_json(const cJSON *verdict, GPtrArray *leaderboard, GError **error)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(verdict, "leaderboard"), *at;
    cJSON_ArrayForEach(at, list)
    {
        const char *name, *item;
        if (leaderboard->len >= max_rankings)
            return error_set(error, RUBRIC_ERROR_LIMIT, "a leaderboard of more than %" G_GSIZE_FORMAT " entries",
                             max_rankings);
        if (!json_get_string(at, "name", &name, error) || !json_get_string(at, "item", &item, error))
            return false;
        const Ranking ranking = {
            .name = (char *)name,
            .item = (char *)item,
            .figure = (char *)json_string_or(at, "figure", NULL),
            .is_ascending = json_bool_or(at, "ascending", false),
        };
        g_ptr_array_add(leaderboard, ranking_copy(&ranking));
    }
    return true;
}

/* The number that `figure` leads to in what one check measured. */
static bool find_figure(const cJSON *figures, const char *figure, double *ret)
{
    g_auto(GStrv) names = g_strsplit(figure, ".", -1);
    for (gsize i = 0; figures && names[i]; i++)
        figures = cJSON_GetObjectItemCaseSensitive(figures, names[i]);
    if (!figures || !cJSON_IsNumber(figures))
        return false;
    *ret = figures->valuedouble;
    return true;
}

bool ranking_value(const Ranking *ranking, const VerdictItem *item, double *ret)
{
    const double milli = 1000;
    bool is_decided = item->outcome == ITEM_PASS || item->outcome == ITEM_FAIL;
    if (!ranking->figure) {
        *ret = item->outcome == ITEM_PASS ? (double)item->points_milli / milli : 0;
        return is_decided;
    }
    if (item->outcome == ITEM_ERROR)
        return false;
    for (guint i = 0; i < item->findings->len; i++) {
        if (find_figure(((const Finding *)g_ptr_array_index(item->findings, i))->figures, ranking->figure, ret))
            return true;
    }
    return false;
}
