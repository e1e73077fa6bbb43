/* SPDX-License-Identifier: Apache-2.0 */
/* The schemas that editors use must know exactly the keys that the loaders know. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/tokens/tokens.h"
#include "graders/graders.h"
#include "tests/unit/run_suite.h"

static cJSON *load_schema(const char *name)
{
    g_autofree char *path = g_build_filename(SOURCE_FOLDER, "rubrics/schema", name, NULL);
    g_autofree char *text = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    ck_assert(g_file_get_contents(path, &text, &length, NULL));
    cJSON *schema = json_parse(text, length, &error);
    ck_assert_msg(schema != NULL, "%s: %s", name, error ? error->message : "");
    return schema;
}

/* Follows keys and, for numbers, list places: "$defs/run/anyOf/1/properties". */
static const cJSON *at(const cJSON *schema, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part && schema; part++)
        schema = g_ascii_isdigit(**part) ? cJSON_GetArrayItem(schema, atoi(*part))
                                         : cJSON_GetObjectItemCaseSensitive(schema, *part);
    ck_assert_msg(cJSON_IsObject(schema), "no object at %s", path);
    return schema;
}

/* Loads a course with `text` as its course.yaml, and what daemon/tokens/ reads of it. */
static void load_course(const char *folder, Diagnostics *diagnostics)
{
    g_autoptr(Course) course = course_load(folder, graders_all(), diagnostics);
    g_autoptr(Gradebook) gradebook = NULL;
    if (!course)
        return;
    g_autoptr(Policy) policy = policy_parse(course, diagnostics);
    ck_assert(!policy || !gradebook_parse(course, &gradebook, diagnostics));
}

/* Puts a document with a key that nobody knows, and adds from the message the keys that the loader knows. */
static void add_keys_of_loader(const char *before, const char *what, bool is_course, GHashTable *keys)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-schema-XXXXXX", NULL);
    g_autofree char *rubrics = g_build_filename(folder, "rubrics", NULL);
    ck_assert_int_eq(g_mkdir(rubrics, 0700), 0);
    g_autofree char *path = g_build_filename(folder, is_course ? "course.yaml" : "rubrics/r.yaml", NULL);
    g_auto(GStrv) around = g_strsplit(before, "%s", 2);
    g_autofree char *text = g_strjoinv("QQQQQQQQQQQQ: 1", around);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    if (is_course)
        load_course(folder, diagnostics);
    else
        ck_assert_ptr_null(rubric_load(folder, "rubrics/r.yaml", graders_all(), utc, diagnostics));
    file_remove_tree(folder, NULL);
    const GPtrArray *list = diagnostics_list(diagnostics);
    for (guint i = 0; i < list->len; i++) {
        const char *message = ((const Diagnostic *)g_ptr_array_index(list, i))->message;
        const char *known = strstr(message, "it may have: ");
        if (!strstr(message, "QQQQQQQQQQQQ") || !known)
            continue;
        g_auto(GStrv) names = g_strsplit(known + strlen("it may have: "), ", ", -1);
        for (char **name = names; *name; name++)
            g_hash_table_add(keys, g_strdup(*name));
        return;
    }
    g_autofree char *got = diagnostics_format(diagnostics);
    ck_abort_msg("%s: no unknown key was reported:\n%s", what, got);
}

typedef struct {
    const char *place; /* in the schema */
    const char *text;  /* with %s where an unknown key goes; several, between "|", where keys depend on others */
} Place;

static void compare(const cJSON *schema, const Place *place, bool is_course)
{
    g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) texts = g_strsplit(place->text, "|", -1);
    for (char **text = texts; *text; text++)
        add_keys_of_loader(*text, place->place, is_course, keys);
    const cJSON *properties = at(schema, place->place);
    GHashTableIter each;
    gpointer key;
    g_hash_table_iter_init(&each, keys);
    while (g_hash_table_iter_next(&each, &key, NULL))
        ck_assert_msg(cJSON_HasObjectItem(properties, key), "the schema lacks \"%s\" at %s", (char *)key, place->place);
    for (const cJSON *property = properties->child; property; property = property->next)
        ck_assert_msg(g_hash_table_contains(keys, property->string), "no loader reads \"%s\" of %s", property->string,
                      place->place);
}

#define ITEM "rubric: r\nitems: [{id: a, points: 1, title: T, "

START_TEST(the_rubric_schema_has_the_keys_that_are_read)
{
    static const Place places[] = {
        {"properties", "rubric: r\n%s\nitems: []\n"},
        {"$defs/item/properties", ITEM "%s}]\n"},
        {"properties/leaderboard/items/properties", "rubric: r\nleaderboard: [{%s}]\nitems: []\n"},
        {"properties/submission/properties", "rubric: r\nsubmission: {%s}\nitems: []\n"},
        {"$defs/limits/properties", "rubric: r\nlimits: {%s}\nitems: []\n"},
        {"$defs/run/anyOf/1/properties", ITEM "check: {run: {command: x, %s}}}]\n"},
        {"$defs/service/properties", ITEM "check: {run: {command: x, service: {%s}}}}]\n"},
        {"$defs/service/properties/ready/properties",
         ITEM "check: {run: {command: x, service: {run: y, ready: {%s}}}}}]\n"},
        {"$defs/image/anyOf/1/properties", ITEM "check: {run: {command: x, image: {%s}}}}]\n"},
        {"$defs/network/anyOf/1/properties", ITEM "check: {run: {command: x, network: {%s}}}}]\n"},
        {"$defs/run/anyOf/1/properties/cases/items/properties", ITEM "check: {run: {command: x, cases: [{%s}]}}}]\n"},
        {"$defs/run/anyOf/1/properties/stdout/anyOf/1/properties", ITEM "check: {run: {command: x, stdout: {%s}}}}]\n"},
        {"$defs/run/anyOf/1/properties/writes/anyOf/0/anyOf/1/properties",
         ITEM "check: {run: {command: x, writes: {%s}}}}]\n"},
        {"$defs/files/anyOf/2/properties", ITEM "check: {files: {%s}}}]\n"},
        {"$defs/files/anyOf/2/properties/present/anyOf/0/anyOf/1/properties",
         ITEM "check: {files: {present: {%s}}}}]\n"},
        {"$defs/files/anyOf/2/properties/absent/anyOf/0/anyOf/1/properties", ITEM "check: {files: {absent: {%s}}}}]\n"},
        {"$defs/tests/properties", ITEM "check: {tests: {%s}}}]\n"},
        {"$defs/gradescope/properties", ITEM "check: {gradescope: {%s}}}]\n"},
        {"$defs/gradescope/properties/setup/anyOf/1/properties", ITEM "check: {gradescope: {setup: {%s}}}}]\n"},
        {"$defs/autolab/properties", ITEM "check: {autolab: {%s}}}]\n"},
        {"$defs/git/properties", ITEM "check: {git: {%s}}}]\n"},
        {"$defs/git/properties/commits/anyOf/1/properties", ITEM "check: {git: {commits: {%s}}}}]\n"},
        {"$defs/git/properties/messages/properties", ITEM "check: {git: {messages: {%s}}}}]\n"},
    };
    g_autoptr(cJSON) schema = load_schema("rubric.schema.json");
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        compare(schema, &places[i], false);
}
END_TEST

START_TEST(the_course_schema_has_the_keys_that_are_read)
{
    static const Place places[] = {
        {"properties", "course: c\n%s\n"},
        {"properties/connections/properties", "connections: {%s}\n"},
        {"properties/connections/properties/git/properties", "connections: {git: {%s}}\n"},
        {"properties/assignments/anyOf/0/additionalProperties/properties", "assignments: {a: {%s}}\n"},
        {"properties/assignments/anyOf/1/items/properties", "assignments: [{id: a, %s}]\n"},
        {"properties/assignments/anyOf/0/additionalProperties/properties/submit/properties",
         "assignments: {a: {submit: {%s}}}\n"},
    };
    g_autoptr(cJSON) schema = load_schema("course.schema.json");
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        compare(schema, &places[i], true);
}
END_TEST

#define HEAD   "course: c\ntitle: t\ntimezone: UTC\nassignments: {a: {deadline: \"2022-01-01 10:00\"}}\n"
#define TOKENS HEAD "tokens: {"
#define BOOK   HEAD "gradebook: {"

START_TEST(the_course_schema_has_the_keys_of_the_tokens)
{
    static const Place places[] = {
        {"properties/tokens/anyOf/1/properties", TOKENS "%s}\n"},
        {"$defs/token_rule/properties", TOKENS "kinds: {quiz: {%s}}}\n"},
        {"$defs/token_rule/properties", TOKENS "assignments: {a: {%s}}}\n"},
        {"$defs/period/properties", TOKENS "periods: [{%s}]}\n"},
        {"$defs/bank/properties", TOKENS "banks: {x: {owner: team, %s}}}\n"},
        {"$defs/bank/properties/adds/items/properties", TOKENS "banks: {person: {pool: 1, adds: [{%s}]}}}\n"},
        {"$defs/late/anyOf/1/properties", TOKENS "late: {unit: span, %s}}\n|" TOKENS
                                                 "late: {unit: brackets, %s}}\n|" TOKENS "late: {unit: slots, %s}}\n"},
        {"$defs/late/anyOf/1/properties/price/anyOf/2/items/properties", TOKENS "late: {price: [{%s}]}}\n"},
        {"$defs/late/anyOf/1/properties/flat/anyOf/2/properties", TOKENS "late: {flat: {%s}}}\n"},
        {"$defs/late/anyOf/1/properties/flat/anyOf/3/items/properties", TOKENS "late: {flat: [{%s}]}}\n"},
        {"$defs/resubmission/anyOf/1/properties", TOKENS "resubmission: {%s}}\n"},
        {"$defs/resubmission/anyOf/1/properties/by_result/items/properties",
         TOKENS "resubmission: {by_result: [{%s}]}}\n"},
        {"$defs/uncovered/anyOf/1/properties",
         TOKENS "without_tokens: {percent: 1, %s}}\n|" TOKENS "without_tokens: {points: 1, %s}}\n|" TOKENS
                "without_tokens: {cap: 1, %s}}\n|" TOKENS "without_tokens: {keep: 1, %s}}\n"},
        {"$defs/early/anyOf/1/properties", TOKENS "early: {%s}}\n"},
        {"$defs/group/anyOf/1/properties", TOKENS "group: {%s}}\n"},
        {"properties/tokens/anyOf/1/properties/joined_late/anyOf/1/properties", TOKENS "joined_late: {%s}}\n"},
        {"properties/tokens/anyOf/1/properties/purchases/additionalProperties/properties",
         TOKENS "purchases: {x: {%s}}}\n"},
        {"$defs/parts/additionalProperties/properties",
         "course: c\ntitle: t\ntimezone: UTC\nassignments: {a: {deadline: \"2022-01-01 10:00\", parts: {x: {%s}}}}\n"},
    };
    g_autoptr(cJSON) schema = load_schema("course.schema.json");
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        compare(schema, &places[i], true);
}
END_TEST

START_TEST(the_course_schema_has_the_keys_of_the_gradebook)
{
    static const Place places[] = {
        {"properties/gradebook/anyOf/1/properties", BOOK "%s}\n"},
        {"properties/gradebook/anyOf/1/properties/components/additionalProperties/properties",
         BOOK "components: {c: {%s}}}\n"},
        {"properties/gradebook/anyOf/1/properties/participation/properties", BOOK "participation: {%s}}\n"},
        {"properties/gradebook/anyOf/1/properties/participation/properties/bands/items/properties",
         BOOK "participation: {lectures: 2, bands: [{%s}]}}\n"},
        {"properties/gradebook/anyOf/1/properties/peer_rating/properties", BOOK "peer_rating: {%s}}\n"},
        {"properties/gradebook/anyOf/1/properties/tokens/properties", BOOK "tokens: {%s}}\n"},
        {"properties/gradebook/anyOf/1/properties/variants/additionalProperties/properties",
         BOOK "variants: {v: {%s}}}\n"},
    };
    g_autoptr(cJSON) schema = load_schema("course.schema.json");
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++)
        compare(schema, &places[i], true);
}
END_TEST

START_TEST(the_rubric_schema_knows_every_grader)
{
    g_autoptr(cJSON) schema = load_schema("rubric.schema.json");
    const cJSON *properties = at(schema, "$defs/check/properties");
    for (const GraderType *const *type = graders_all(); *type; type++)
        ck_assert_msg(cJSON_HasObjectItem(properties, (*type)->name), "the schema lacks the grader \"%s\"",
                      (*type)->name);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("schema");
    tcase_add_test(tcase, the_rubric_schema_has_the_keys_that_are_read);
    tcase_add_test(tcase, the_course_schema_has_the_keys_that_are_read);
    tcase_add_test(tcase, the_course_schema_has_the_keys_of_the_tokens);
    tcase_add_test(tcase, the_course_schema_has_the_keys_of_the_gradebook);
    tcase_add_test(tcase, the_rubric_schema_knows_every_grader);
    Suite *suite = suite_create("schemas");
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
