/* SPDX-License-Identifier: Apache-2.0 */
/* Holds a results.json against rubrics/schema/gradescope-results.schema.json, by the words of JSON Schema that it uses;
 * a word that is not known here fails, so that nothing is passed over. */
#pragma once

#include "tests/unit/net/fixture.h"

/* What is wrong, or NULL. Caller frees. */
static char *schema_complain(const cJSON *schema, const cJSON *value, const char *where);

static inline const char *schema_type_of(const cJSON *value)
{
    return cJSON_IsObject(value)   ? "object"
           : cJSON_IsArray(value)  ? "array"
           : cJSON_IsString(value) ? "string"
           : cJSON_IsNumber(value) ? "number"
           : cJSON_IsBool(value)   ? "boolean"
                                   : "null";
}

static inline bool schema_has_text(const cJSON *texts, const char *text)
{
    if (cJSON_IsString(texts))
        return strcmp(texts->valuestring, text) == 0;
    for (const cJSON *one = texts->child; one; one = one->next) {
        if (strcmp(one->valuestring, text) == 0)
            return true;
    }
    return false;
}

static inline char *schema_properties(const cJSON *schema, const cJSON *properties, const cJSON *value,
                                      const char *where)
{
    const cJSON *additional = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");
    for (const cJSON *member = value->child; member; member = member->next) {
        const cJSON *known = cJSON_GetObjectItemCaseSensitive(properties, member->string);
        g_autofree char *place = g_strdup_printf("%s/%s", where, member->string);
        if (!known && cJSON_IsFalse(additional))
            return g_strdup_printf("%s is not allowed", place);
        char *complaint = known ? schema_complain(known, member, place) : NULL;
        if (complaint)
            return complaint;
    }
    return NULL;
}

static inline char *schema_word(const cJSON *schema, const cJSON *word, const cJSON *value, const char *where)
{
    const char *name = word->string;
    if (g_str_has_prefix(name, "$") || strcmp(name, "title") == 0 || strcmp(name, "description") == 0 ||
        strcmp(name, "additionalProperties") == 0)
        return NULL;
    if (strcmp(name, "type") == 0)
        return schema_has_text(word, schema_type_of(value)) ? NULL : g_strdup_printf("%s is of another type", where);
    if (strcmp(name, "enum") == 0)
        return cJSON_IsString(value) && schema_has_text(word, value->valuestring)
                   ? NULL
                   : g_strdup_printf("%s is none of the words allowed", where);
    if (strcmp(name, "properties") == 0)
        return cJSON_IsObject(value) ? schema_properties(schema, word, value, where) : NULL;
    if (strcmp(name, "minItems") == 0)
        return cJSON_GetArraySize(value) >= word->valueint ? NULL : g_strdup_printf("%s is too short", where);
    if (strcmp(name, "required") == 0) {
        for (const cJSON *one = word->child; one; one = one->next) {
            if (!cJSON_HasObjectItem(value, one->valuestring))
                return g_strdup_printf("%s has no \"%s\"", where, one->valuestring);
        }
        return NULL;
    }
    if (strcmp(name, "items") == 0) {
        char *complaint = NULL;
        for (const cJSON *one = cJSON_IsArray(value) ? value->child : NULL; one && !complaint; one = one->next)
            complaint = schema_complain(word, one, where);
        return complaint;
    }
    if (strcmp(name, "anyOf") == 0) {
        for (const cJSON *one = word->child; one; one = one->next) {
            g_autofree char *complaint = schema_complain(one, value, where);
            if (!complaint)
                return NULL;
        }
        return g_strdup_printf("%s is none of what it may be", where);
    }
    return g_strdup_printf("the schema has a word that this test does not know: \"%s\"", name);
}

static inline char *schema_complain(const cJSON *schema, const cJSON *value, const char *where)
{
    char *complaint = NULL;
    for (const cJSON *word = schema->child; word && !complaint; word = word->next)
        complaint = schema_word(schema, word, value, where);
    return complaint;
}

/* The same text, which is as the schema says. */
static inline char *schema_gradescope(char *text)
{
    g_autofree char *written = NULL;
    ck_assert_good(
        g_file_get_contents(SOURCE_FOLDER "/rubrics/schema/gradescope-results.schema.json", &written, NULL, error));
    g_autoptr(cJSON) schema = json_parse(written, strlen(written), NULL);
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    ck_assert_ptr_nonnull(schema);
    ck_assert_msg(json != NULL, "no JSON: %s", text);
    g_autofree char *complaint = schema_complain(schema, json, "results.json");
    ck_assert_msg(!complaint, "%s in\n%s", complaint, text);
    return text;
}
