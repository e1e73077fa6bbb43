/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cJSON with types, limits and messages. Numbers are doubles in cJSON: integers are exact up to 2^52 and refused beyond
 * (cJSON prints larger ones with a digit less).
 */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>
#include <stdbool.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(cJSON, cJSON_Delete)

/* Parses one JSON text of exactly `length` bytes (nothing but blanks after it; nesting at most 64; valid UTF-8).
 * INVALID names the byte offset. Caller frees by g_autoptr(cJSON). */
cJSON *json_parse(const char *text, gsize length, GError **error);

/* Compact text with a final newline left off. Caller frees with g_free. */
char *json_print(const cJSON *value);
/* Indented text for files that people open. Caller frees with g_free. */
char *json_print_pretty(const cJSON *value);

/* Getters of an object's member. *ret stays untouched on failure (INVALID: absent or of another type, naming the key).
 * Strings and children stay owned by the object. */
bool json_get_string(const cJSON *object, const char *key, const char **ret, GError **error);
bool json_get_int64(const cJSON *object, const char *key, gint64 *ret, GError **error);
bool json_get_bool(const cJSON *object, const char *key, bool *ret, GError **error);
bool json_get_array(const cJSON *object, const char *key, const cJSON **ret, GError **error);
bool json_get_object(const cJSON *object, const char *key, const cJSON **ret, GError **error);

/* Lenient twins for data that may lack the member: the fallback when absent, null or of another type. */
const char *json_string_or(const cJSON *object, const char *key, const char *fallback);
gint64 json_int64_or(const cJSON *object, const char *key, gint64 fallback);
bool json_bool_or(const cJSON *object, const char *key, bool fallback);

/* Adders. NULL strings are left out; integers must be within 2^52. A string that is not valid UTF-8 is made so with
 * U+FFFD, since what goes in may be student output. */
void json_add_string(cJSON *object, const char *key, const char *value);
void json_add_int64(cJSON *object, const char *key, gint64 value);
void json_add_bool(cJSON *object, const char *key, bool value);
/* Adds `child` (taken over) and returns it. */
cJSON *json_add(cJSON *object, const char *key, cJSON *child);
/* Appends a string to an array, made valid UTF-8 as above. */
void json_append_string(cJSON *array, const char *value);
