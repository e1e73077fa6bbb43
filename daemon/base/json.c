/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/base/json.h"

#include "daemon/base/error.h"

#include <math.h>
#include <string.h>

static const unsigned max_nesting = 64;
static const double max_exact = 4503599627370496.0; /* 2^52 */

/* cJSON recurses once a level and allows 1,000 of them; we allow fewer, and look before it leaps. */
static bool nesting_is_allowed(const char *text, gsize length)
{
    unsigned depth = 0;
    bool in_string = false;
    for (gsize i = 0; i < length; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max_nesting)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

cJSON *json_parse(const char *text, gsize length, GError **error)
{
    if (!g_utf8_validate_len(text, length, NULL)) {
        error_set(error, RUBRIC_ERROR_INVALID, "JSON text is not valid UTF-8");
        return NULL;
    }
    if (!nesting_is_allowed(text, length)) {
        error_set(error, RUBRIC_ERROR_INVALID, "JSON text is nested more than %u deep", max_nesting);
        return NULL;
    }
    const char *end = NULL;
    g_autoptr(cJSON) value = cJSON_ParseWithLengthOpts(text, length, &end, false);
    if (!value) {
        error_set(error, RUBRIC_ERROR_INVALID, "JSON text is broken at byte %td", end ? end - text : (ptrdiff_t)0);
        return NULL;
    }
    for (; end < text + length; end++) {
        if (!strchr(" \t\r\n", *end) || *end == '\0') {
            error_set(error, RUBRIC_ERROR_INVALID, "JSON text goes on after its end, at byte %td", end - text);
            return NULL;
        }
    }
    return g_steal_pointer(&value);
}

static bool number_to_int64(const cJSON *number, gint64 *ret)
{
    if (fabs(number->valuedouble) > max_exact || number->valuedouble != floor(number->valuedouble))
        return false;
    *ret = (gint64)number->valuedouble;
    return true;
}

/* cJSON writes an integer beyond 32 bits as 1.662609599e+15; readers expect digits. Works on a copy. */
static void write_integers_out(cJSON *value)
{
    for (cJSON *child = value->child; child; child = child->next)
        write_integers_out(child);
    gint64 integer;
    if (cJSON_IsNumber(value) && number_to_int64(value, &integer) && ABS(integer) > G_MAXINT32) {
        g_autofree char *digits = g_strdup_printf("%" G_GINT64_FORMAT, integer);
        value->type = (value->type & ~0xff) | cJSON_Raw;
        value->valuestring = cJSON_malloc(strlen(digits) + 1);
        strcpy(value->valuestring, digits);
    }
}

static char *print(const cJSON *value, bool is_pretty)
{
    g_autoptr(cJSON) copy = cJSON_Duplicate(value, true);
    write_integers_out(copy);
    char *printed = is_pretty ? cJSON_Print(copy) : cJSON_PrintUnformatted(copy);
    char *taken = g_strdup(printed);
    cJSON_free(printed);
    return taken;
}

char *json_print(const cJSON *value)
{
    return print(value, false);
}

char *json_print_pretty(const cJSON *value)
{
    return print(value, true);
}

static const cJSON *get_member(const cJSON *object, const char *key, const char *expected,
                               cJSON_bool (*is)(const cJSON *), GError **error)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!member)
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is missing, expected %s", key, expected);
    else if (!is(member))
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not %s", key, expected);
    else
        return member;
    return NULL;
}

bool json_get_string(const cJSON *object, const char *key, const char **ret, GError **error)
{
    const cJSON *member = get_member(object, key, "a string", cJSON_IsString, error);
    if (member)
        *ret = member->valuestring;
    return member != NULL;
}

bool json_get_int64(const cJSON *object, const char *key, gint64 *ret, GError **error)
{
    const cJSON *member = get_member(object, key, "an integer", cJSON_IsNumber, error);
    if (!member)
        return false;
    return number_to_int64(member, ret) ||
           error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not an integer within 2^52", key);
}

bool json_get_bool(const cJSON *object, const char *key, bool *ret, GError **error)
{
    const cJSON *member = get_member(object, key, "true or false", cJSON_IsBool, error);
    if (member)
        *ret = cJSON_IsTrue(member);
    return member != NULL;
}

bool json_get_array(const cJSON *object, const char *key, const cJSON **ret, GError **error)
{
    const cJSON *member = get_member(object, key, "a list", cJSON_IsArray, error);
    if (member)
        *ret = member;
    return member != NULL;
}

bool json_get_object(const cJSON *object, const char *key, const cJSON **ret, GError **error)
{
    const cJSON *member = get_member(object, key, "an object", cJSON_IsObject, error);
    if (member)
        *ret = member;
    return member != NULL;
}

const char *json_string_or(const cJSON *object, const char *key, const char *fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsString(member) ? member->valuestring : fallback;
}

gint64 json_int64_or(const cJSON *object, const char *key, gint64 fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    gint64 value = fallback;
    return cJSON_IsNumber(member) && number_to_int64(member, &value) ? value : fallback;
}

bool json_bool_or(const cJSON *object, const char *key, bool fallback)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsBool(member) ? cJSON_IsTrue(member) : fallback;
}

void json_add_string(cJSON *object, const char *key, const char *value)
{
    if (!value)
        return;
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    cJSON_AddStringToObject(object, key, valid);
}

void json_add_int64(cJSON *object, const char *key, gint64 value)
{
    g_assert(fabs((double)value) <= max_exact);
    cJSON_AddNumberToObject(object, key, (double)value);
}

void json_add_bool(cJSON *object, const char *key, bool value)
{
    cJSON_AddBoolToObject(object, key, value);
}

cJSON *json_add(cJSON *object, const char *key, cJSON *child)
{
    cJSON_AddItemToObject(object, key, child);
    return child;
}

void json_append_string(cJSON *array, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value, -1);
    cJSON_AddItemToArray(array, cJSON_CreateString(valid));
}
