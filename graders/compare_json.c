/* SPDX-License-Identifier: Apache-2.0 */
/* Nesting is bounded by json_parse (64), so recursion is; members are looked up by hash, so that an object of 100,000
 * of them costs no square. */
#include "graders/compare.h"

#include <math.h>
#include <string.h>

typedef struct {
    const CompareRule *rule;
    bool shows_expected;
    GString *path; /* "$.users[3].name" */
} JsonComparison;

static char *compare_values(JsonComparison *comparison, const cJSON *expected, const cJSON *got);

static char *say_value(const cJSON *value)
{
    if (!value)
        return g_strdup("nothing");
    if (cJSON_IsObject(value))
        return g_strdup("an object");
    if (cJSON_IsArray(value))
        return g_strdup_printf("a list of %d", cJSON_GetArraySize(value));
    g_autofree char *printed = json_print(value);
    const gsize max_shown = 160;
    return text_escape_terminal(printed, max_shown);
}

static char *say_difference(JsonComparison *comparison, const cJSON *expected, const cJSON *got)
{
    const gsize max_path = 200;
    if (!comparison->shows_expected)
        return g_strdup("the JSON value is not what is expected");
    g_autofree char *path = text_escape_terminal(comparison->path->str, max_path);
    g_autofree char *wanted = say_value(expected), *shown = say_value(got);
    return g_strdup_printf("at %s: expected %s, got %s", path, wanted, shown);
}

static char *compare_arrays(JsonComparison *comparison, const cJSON *expected, const cJSON *got)
{
    const cJSON *left = expected->child, *right = got->child;
    gsize length = comparison->path->len;
    gsize i = 0;
    for (; left && right; i++, left = left->next, right = right->next) {
        g_string_append_printf(comparison->path, "[%zu]", i);
        char *difference = compare_values(comparison, left, right);
        if (difference)
            return difference;
        g_string_truncate(comparison->path, length);
    }
    if (!left && !right)
        return NULL;
    g_string_append_printf(comparison->path, "[%zu]", i);
    return say_difference(comparison, left, right);
}

static GHashTable *members_of(const cJSON *object)
{
    GHashTable *members = g_hash_table_new(g_str_hash, g_str_equal);
    for (const cJSON *member = object->child; member; member = member->next)
        g_hash_table_insert(members, member->string, (gpointer)member);
    return members;
}

/* Of a name that stands twice the last one counts, on both sides, as most readers do. */
static char *compare_objects(JsonComparison *comparison, const cJSON *expected, const cJSON *got)
{
    g_autoptr(GHashTable) left = members_of(expected), right = members_of(got);
    gsize length = comparison->path->len;
    for (int side = 0; side < 2; side++) {
        const cJSON *object = side == 0 ? expected : got;
        for (const cJSON *member = object->child; member; member = member->next) {
            g_string_append_printf(comparison->path, ".%s", member->string);
            const cJSON *wanted = g_hash_table_lookup(left, member->string);
            const cJSON *have = g_hash_table_lookup(right, member->string);
            bool is_settled = side == 1 && wanted;
            char *difference = is_settled ? NULL : compare_values(comparison, wanted, have);
            if (difference)
                return difference;
            g_string_truncate(comparison->path, length);
        }
    }
    return NULL;
}

static bool is_whole(double value)
{
    return value == floor(value);
}

static bool scalars_match(const CompareRule *rule, const cJSON *expected, const cJSON *got)
{
    if (cJSON_IsNumber(expected)) {
        double left = expected->valuedouble, right = got->valuedouble;
        return compare_numbers(rule, left, right, is_whole(left) && is_whole(right));
    }
    if (!cJSON_IsString(expected) || strcmp(expected->valuestring, got->valuestring) == 0)
        return true;
    if (!rule->ignore_case)
        return false;
    g_autofree char *left = compare_fold(expected->valuestring, strlen(expected->valuestring));
    g_autofree char *right = compare_fold(got->valuestring, strlen(got->valuestring));
    return strcmp(left, right) == 0;
}

static char *compare_values(JsonComparison *comparison, const cJSON *expected, const cJSON *got)
{
    const int kind_mask = 0xff; /* cJSON keeps flags above */
    if (!expected || !got || (expected->type & kind_mask) != (got->type & kind_mask))
        return say_difference(comparison, expected, got);
    if (cJSON_IsArray(expected))
        return compare_arrays(comparison, expected, got);
    if (cJSON_IsObject(expected))
        return compare_objects(comparison, expected, got);
    return scalars_match(comparison->rule, expected, got) ? NULL : say_difference(comparison, expected, got);
}

char *compare_json(const CompareRule *rule, const char *expected, gsize expected_length, const char *got,
                   gsize got_length, bool shows_expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(cJSON) right = json_parse(got, got_length, &error);
    if (!right)
        return g_strdup_printf("the text is not JSON: %s", error->message);
    g_autoptr(cJSON) left = json_parse(expected, expected_length, &error);
    if (!left)
        return g_strdup_printf("the expected text in the rubric is not JSON: %s", error->message);
    g_autoptr(GString) path = g_string_new("$");
    JsonComparison comparison = {rule, shows_expected, path};
    return compare_values(&comparison, left, right);
}
