/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"

static cJSON *parse(const char *text)
{
    return json_parse(text, strlen(text), NULL);
}

START_TEST(a_text_is_one_value_and_nothing_else)
{
    static const char *const good[] = {"{}", " [1, 2] \n", "null", "\"x\"", "-1.5e3"};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(cJSON) value = parse(good[i]);
        ck_assert_msg(value != NULL, "%s", good[i]);
    }
    static const char *const bad[] = {"", "{", "{}x", "[1,]", "{'a':1}", "\"\xff\"", "nul", "[1] [2]", "{\"a\":1,}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_fails(json_parse(bad[i], strlen(bad[i]), error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(the_length_ends_the_text)
{
    g_autoptr(cJSON) value = json_parse("[1]garbage", 3, NULL);
    ck_assert_ptr_nonnull(value);
    ck_assert_fails(json_parse("[1]\0", 4, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(nesting_is_bounded_but_not_inside_of_strings)
{
    g_autofree char *deep = g_strnfill(65, '['), *open = g_strnfill(64, '['), *close = g_strnfill(64, ']');
    ck_assert_fails(json_parse(deep, strlen(deep), error), RUBRIC_ERROR_INVALID);
    g_autofree char *just = g_strconcat(open, close, NULL);
    g_autoptr(cJSON) value = parse(just);
    ck_assert_ptr_nonnull(value);
    g_autofree char *text = g_strdup_printf("\"\\\"%s%s\"", deep, deep);
    g_autoptr(cJSON) string = parse(text);
    ck_assert_ptr_nonnull(string);
}
END_TEST

START_TEST(getters_name_the_key_and_leave_their_result_alone)
{
    g_autoptr(cJSON) object =
        parse("{\"s\":\"x\",\"n\":5,\"f\":1.5,\"big\":4503599627370497,\"b\":true,\"a\":[],\"o\":{},\"z\":null}");
    const char *text = "before";
    gint64 number = 7;
    bool flag = false;
    const cJSON *child = NULL;
    ck_assert_good(json_get_string(object, "s", &text, error));
    ck_assert_str_eq(text, "x");
    ck_assert_fails(json_get_string(object, "n", &text, error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(json_get_string(object, "absent", &text, error), RUBRIC_ERROR_INVALID);
    ck_assert_str_eq(text, "x");
    ck_assert_fails(json_get_int64(object, "f", &number, error), RUBRIC_ERROR_INVALID);
    ck_assert_int_eq(number, 7);
    ck_assert_good(json_get_int64(object, "n", &number, error));
    ck_assert_int_eq(number, 5);
    ck_assert_good(json_get_bool(object, "b", &flag, error));
    ck_assert(flag);
    ck_assert_fails(json_get_bool(object, "n", &flag, error), RUBRIC_ERROR_INVALID);
    ck_assert_good(json_get_array(object, "a", &child, error));
    ck_assert_good(json_get_object(object, "o", &child, error));
    ck_assert_fails(json_get_array(object, "o", &child, error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(json_get_object(object, "z", &child, error), RUBRIC_ERROR_INVALID);
    ck_assert_str_eq(json_string_or(object, "n", "fallback"), "fallback");
    ck_assert_int_eq(json_int64_or(object, "s", -1), -1);
    ck_assert_int_eq(json_int64_or(object, "f", -1), -1);
    ck_assert(json_bool_or(object, "z", true));
}
END_TEST

START_TEST(what_is_added_is_valid_text_whatever_came_in)
{
    g_autoptr(cJSON) object = cJSON_CreateObject();
    json_add_string(object, "s", "a\xff");
    json_add_string(object, "left-out", NULL);
    json_add_int64(object, "n", -4503599627370495);
    json_add_bool(object, "b", true);
    cJSON *list = json_add(object, "l", cJSON_CreateArray());
    json_append_string(list, "\x1b");
    ck_assert_text(json_print(object),
                   "{\"s\":\"a\xef\xbf\xbd\",\"n\":-4503599627370495,\"b\":true,\"l\":[\"\\u001b\"]}");
    g_autofree char *pretty = json_print_pretty(object);
    g_autoptr(cJSON) again = parse(pretty);
    ck_assert(cJSON_Compare(object, again, true));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("json");
    tcase_add_test(tcase, a_text_is_one_value_and_nothing_else);
    tcase_add_test(tcase, the_length_ends_the_text);
    tcase_add_test(tcase, nesting_is_bounded_but_not_inside_of_strings);
    tcase_add_test(tcase, getters_name_the_key_and_leave_their_result_alone);
    tcase_add_test(tcase, what_is_added_is_valid_text_whatever_came_in);
    return fixture_main(tcase, "json");
}
