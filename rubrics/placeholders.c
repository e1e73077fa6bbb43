/* SPDX-License-Identifier: Apache-2.0 */
#include "rubrics/rubrics.h"

#include <string.h>

static const char *const known_names[] = {
    "course.id",
    "assignment.id",
    "assignment.title",
    "owner.id",
    "person.id",
    "person.name",
    "person.email",
    "person.github",
    "team.id",
    "submission.id",
    "submission.commit",
    "submission.received",
    "out",
    "work",
    "checks",
    NULL,
};

struct Placeholders {
    GHashTable *values; /* char* -> char* */
};

Placeholders *placeholders_new(void)
{
    Placeholders *placeholders = g_new0(Placeholders, 1);
    placeholders->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return placeholders;
}

void placeholders_free(Placeholders *placeholders)
{
    if (!placeholders)
        return;
    g_hash_table_unref(placeholders->values);
    g_free(placeholders);
}

void placeholders_set(Placeholders *placeholders, const char *name, const char *value)
{
    if (value)
        g_hash_table_replace(placeholders->values, g_strdup(name), g_strdup(value));
}

const char *placeholders_get(const Placeholders *placeholders, const char *name)
{
    return g_hash_table_lookup(placeholders->values, name);
}

/* ---- the text's parts ----------------------------------------------------------------------------------------------
 */

typedef enum { PART_LITERAL, PART_NAME, PART_BROKEN } PartKind;
typedef struct {
    PartKind kind;
    const char *start; /* of a literal, or of the name inside the braces, or of the open brace that is broken */
    gsize length;
    const char *next;
} Part;

/* "{" that a name follows is a placeholder; shell and regex texts like "a{2}" or "${x:-y}" must double their braces. */
static Part next_part(const char *text)
{
    bool is_double = (text[0] == '{' || text[0] == '}') && text[1] == text[0];
    if (is_double)
        return (Part){PART_LITERAL, text, 1, text + 2};
    if (text[0] == '}')
        return (Part){PART_BROKEN, text, 1, text + 1};
    if (text[0] == '{') {
        gsize length = strcspn(text + 1, "{}");
        if (text[1 + length] != '}')
            return (Part){PART_BROKEN, text, 1, text + 1};
        return (Part){PART_NAME, text + 1, length, text + 1 + length + 1};
    }
    gsize length = strcspn(text, "{}");
    return (Part){PART_LITERAL, text, length, text + length};
}

char *placeholders_expand(const Placeholders *placeholders, const char *text, GError **error)
{
    const gsize max_shown = 80;
    g_autoptr(GString) out = g_string_new(NULL);
    for (Part part; *text; text = part.next) {
        part = next_part(text);
        if (part.kind == PART_LITERAL) {
            g_string_append_len(out, part.start, (gssize)part.length);
            continue;
        }
        if (part.kind == PART_BROKEN) {
            error_set(error, RUBRIC_ERROR_INVALID,
                      "a single \"%c\" in a text with placeholders: write it twice for itself", *part.start);
            return NULL;
        }
        g_autofree char *name = g_strndup(part.start, part.length);
        const char *value = placeholders_get(placeholders, name);
        if (!value) {
            g_autofree char *shown = text_truncate(name, max_shown);
            error_set(error, RUBRIC_ERROR_INVALID, "the placeholder {%s} has no value for this submission", shown);
            return NULL;
        }
        g_string_append(out, value);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* Teams have attributes of the course's own choice, so any well-formed team.x may exist. */
static bool name_is_possible(const char *name)
{
    if (g_strv_contains(known_names, name))
        return true;
    if (!g_str_has_prefix(name, "team.") || name[strlen("team.")] == '\0')
        return false;
    const char *attribute = name + strlen("team.");
    return strspn(attribute, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(attribute);
}

static void check_name(const char *name, const YamlNode *at, Diagnostics *diagnostics)
{
    if (name_is_possible(name))
        return;
    const gsize max_shown = 80;
    g_autofree char *shown = text_truncate(name, max_shown);
    const char *nearest = text_nearest(name, known_names);
    if (nearest) {
        yaml_report(at, diagnostics, SEVERITY_ERROR, "unknown placeholder {%s}; did you mean \"{%s}\"?", shown,
                    nearest);
        return;
    }
    g_autofree char *all = g_strjoinv(" ", (char **)known_names);
    yaml_report(at, diagnostics, SEVERITY_ERROR,
                "unknown placeholder {%s}; known: %s team.<attribute>; write {{ and }} for braces", shown, all);
}

void placeholders_check(const char *text, const YamlNode *at, Diagnostics *diagnostics)
{
    for (Part part; *text; text = part.next) {
        part = next_part(text);
        if (part.kind == PART_BROKEN) {
            yaml_report(at, diagnostics, SEVERITY_ERROR,
                        "a single \"%c\": write {{ and }} for braces, {name} for a placeholder", *part.start);
            return;
        }
        if (part.kind != PART_NAME)
            continue;
        g_autofree char *name = g_strndup(part.start, part.length);
        check_name(name, at, diagnostics);
    }
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------
 */

static gint compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(a, b);
}

cJSON *placeholders_to_json(const Placeholders *placeholders)
{
    cJSON *json = cJSON_CreateObject();
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(placeholders->values), compare_texts);
    for (const GList *at = names; at; at = at->next)
        json_add_string(json, at->data, placeholders_get(placeholders, at->data));
    return json;
}

Placeholders *placeholders_from_json(const cJSON *json, GError **error)
{
    if (!cJSON_IsObject(json)) {
        error_set(error, RUBRIC_ERROR_INVALID, "placeholders: expected an object");
        return NULL;
    }
    g_autoptr(Placeholders) placeholders = placeholders_new();
    for (const cJSON *at = json->child; at; at = at->next) {
        if (!cJSON_IsString(at)) {
            error_set(error, RUBRIC_ERROR_INVALID, "placeholder \"%s\": expected a string", at->string);
            return NULL;
        }
        placeholders_set(placeholders, at->string, at->valuestring);
    }
    return g_steal_pointer(&placeholders);
}
