/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

static Placeholders *some(void)
{
    Placeholders *placeholders = placeholders_new();
    placeholders_set(placeholders, "team.id", "t1");
    placeholders_set(placeholders, "out", "/out");
    placeholders_set(placeholders, "person.name", NULL);
    return placeholders;
}

START_TEST(names_expand_and_doubled_braces_are_braces)
{
    g_autoptr(Placeholders) placeholders = some();
    g_autofree char *text = placeholders_expand(placeholders, "{out}/a{{1}}{team.id}", NULL);
    ck_assert_str_eq(text, "/out/a{1}t1");
    g_autofree char *empty = placeholders_expand(placeholders, "", NULL);
    ck_assert_str_eq(empty, "");
    ck_assert_ptr_null(placeholders_get(placeholders, "person.name"));
}
END_TEST

START_TEST(a_value_is_not_expanded_again)
{
    g_autoptr(Placeholders) placeholders = some();
    placeholders_set(placeholders, "owner.id", "{out}");
    g_autofree char *text = placeholders_expand(placeholders, "{owner.id}", NULL);
    ck_assert_str_eq(text, "{out}");
}
END_TEST

START_TEST(a_placeholder_without_a_value_is_named)
{
    g_autoptr(Placeholders) placeholders = some();
    static const char *const cases[][2] = {
        {"x {team.host} y", "the placeholder {team.host} has no value for this submission"},
        {"x {out", "a single \"{\" in a text with placeholders: write it twice for itself"},
        {"x } y", "a single \"}\" in a text with placeholders: write it twice for itself"},
        {"{a{out}", "a single \"{\" in a text with placeholders: write it twice for itself"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        ck_assert_ptr_null(placeholders_expand(placeholders, cases[i][0], &error));
        ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
        ck_assert_str_eq(error->message, cases[i][1]);
    }
}
END_TEST

START_TEST(names_that_no_submission_has_are_reported_at_load)
{
    g_autoptr(YamlDocument) document = yaml_parse("a", "x", 1, diagnostics);
    const YamlNode *node = yaml_root(document);
    placeholders_check("{out} {team.host} {person.github} {{json}} {submission.received}", node, diagnostics);
    ck_assert_reported("");
    placeholders_check("{team.} {teem.id} {team.a b} {}", node, diagnostics);
    placeholders_check("awk '{print", node, diagnostics);
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), 5);
    ck_assert_reports("unknown placeholder {teem.id}; did you mean \"{team.id}\"?");
    ck_assert_reports("unknown placeholder {}; known: course.id");
    ck_assert_reports("a single \"{\": write {{ and }} for braces");
}
END_TEST

START_TEST(they_travel_as_json)
{
    g_autoptr(Placeholders) placeholders = some();
    g_autoptr(cJSON) json = placeholders_to_json(placeholders);
    g_autofree char *text = json_print(json);
    ck_assert_str_eq(text, "{\"out\":\"/out\",\"team.id\":\"t1\"}");
    g_autoptr(Placeholders) again = placeholders_from_json(json, NULL);
    ck_assert_str_eq(placeholders_get(again, "team.id"), "t1");
    g_autoptr(cJSON) number = json_parse("{\"a\":1}", 7, NULL);
    g_autoptr(cJSON) list = json_parse("[]", 2, NULL);
    ck_assert_ptr_null(placeholders_from_json(number, NULL));
    ck_assert_ptr_null(placeholders_from_json(list, NULL));
}
END_TEST

START_TEST(a_finding_travels_as_json_and_is_cut_to_its_limits)
{
    g_autofree char *long_text = g_strnfill(20000, 'x');
    g_autoptr(Finding) finding = finding_new("builds", "builds/2", "run", FINDING_FAIL, "says \xff %s", long_text);
    ck_assert_uint_le(strlen(finding->message), 1024);
    ck_assert(g_utf8_validate(finding->message, -1, NULL));
    finding->evidence = g_strdup(long_text);
    finding->suspicion = g_strdup("odd");
    finding->figures = json_parse("{\"wall_ms\":5}", 13, NULL);
    g_autoptr(cJSON) json = finding_to_json(finding);
    g_autoptr(Finding) again = finding_from_json(json, NULL);
    ck_assert_str_eq(again->item, "builds");
    ck_assert_str_eq(again->check, "builds/2");
    ck_assert_str_eq(again->grader, "run");
    ck_assert_int_eq(again->outcome, FINDING_FAIL);
    ck_assert_str_eq(again->message, finding->message);
    ck_assert_uint_le(strlen(again->evidence), 16384);
    ck_assert_str_eq(again->suspicion, "odd");
    ck_assert_int_eq(json_int64_or(again->figures, "wall_ms", 0), 5);
}
END_TEST

START_TEST(a_finding_that_is_none_is_refused)
{
    static const char *const texts[] = {
        "{}",
        "{\"item\":\"a\",\"message\":\"m\"}",
        "{\"item\":\"a\",\"message\":\"m\",\"outcome\":\"maybe\"}",
        "{\"item\":1,\"message\":\"m\",\"outcome\":\"pass\"}",
        "{\"item\":\"a\",\"message\":\"m\",\"outcome\":\"pass\",\"figures\":[]}",
        "[]",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(cJSON) json = json_parse(texts[i], strlen(texts[i]), NULL);
        g_autoptr(GError) error = NULL;
        ck_assert_ptr_null(finding_from_json(json, &error));
        ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    }
    static const char minimal[] = "{\"item\":\"a\",\"message\":\"m\",\"outcome\":\"skipped\"}";
    g_autoptr(cJSON) json = json_parse(minimal, strlen(minimal), NULL);
    g_autoptr(Finding) finding = finding_from_json(json, NULL);
    ck_assert_ptr_null(finding->check);
    ck_assert_str_eq(finding_outcome_name(finding->outcome), "skipped");
    finding_free(NULL);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("placeholders");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, names_expand_and_doubled_braces_are_braces);
    tcase_add_test(tcase, a_value_is_not_expanded_again);
    tcase_add_test(tcase, a_placeholder_without_a_value_is_named);
    tcase_add_test(tcase, names_that_no_submission_has_are_reported_at_load);
    tcase_add_test(tcase, they_travel_as_json);
    tcase_add_test(tcase, a_finding_travels_as_json_and_is_cut_to_its_limits);
    tcase_add_test(tcase, a_finding_that_is_none_is_refused);
    return fixture_main(tcase, "placeholders and findings");
}
