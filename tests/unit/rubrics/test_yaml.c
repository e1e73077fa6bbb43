/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

static YamlDocument *parse(const char *text)
{
    return yaml_parse("a.yaml", text, strlen(text), diagnostics);
}

static void ck_refused(const char *text, const char *message)
{
    g_autoptr(YamlDocument) document = parse(text);
    ck_assert_ptr_null(document);
    ck_assert_reported(message);
    g_clear_pointer(&diagnostics, diagnostics_free);
    diagnostics = diagnostics_new();
}

START_TEST(each_node_knows_its_line_and_column)
{
    g_autoptr(YamlDocument) document = parse("title: \"a b\"\nlist:\n  - one\n  - {deep: [x, yy]}\nempty:\n");
    ck_assert_ptr_nonnull(document);
    const YamlNode *root = yaml_root(document), *list = yaml_get(root, "list");
    ck_assert_uint_eq(yaml_length(root), 3);
    ck_assert_str_eq(yaml_scalar(yaml_key(root, 1)), "list");
    ck_assert_int_eq(yaml_line(yaml_key(root, 1)), 2);
    ck_assert_str_eq(yaml_scalar(yaml_get(root, "title")), "a b");
    ck_assert(yaml_is_quoted(yaml_get(root, "title")));
    const YamlNode *deep = yaml_get(yaml_item(list, 1), "deep");
    ck_assert_int_eq(yaml_kind(deep), YAML_SEQUENCE);
    ck_assert_str_eq(yaml_scalar(yaml_item(deep, 1)), "yy");
    ck_assert_int_eq(yaml_line(yaml_item(deep, 1)), 4);
    ck_assert_int_eq(yaml_column(yaml_item(deep, 1)), 16);
    ck_assert_str_eq(yaml_file(deep), "a.yaml");
    ck_assert(yaml_is_null(yaml_value(root, 2)));
    ck_assert(!yaml_is_quoted(yaml_value(root, 2)));
    ck_assert_ptr_null(yaml_get(list, "deep"));
    ck_assert_ptr_null(yaml_get(root, "absent"));
    ck_assert_uint_eq(yaml_length(yaml_get(root, "title")), 0);
}
END_TEST

START_TEST(columns_count_characters_and_a_byte_order_mark_counts_nothing)
{
    g_autoptr(YamlDocument) document = parse("\xef\xbb\xbfü: [é, x]\n");
    ck_assert_ptr_nonnull(document);
    ck_assert_int_eq(yaml_column(yaml_item(yaml_get(yaml_root(document), "ü"), 1)), 8);
}
END_TEST

START_TEST(json_is_read_as_the_yaml_that_it_is)
{
    g_autoptr(YamlDocument) document = parse("{\"a\": {\"b\": [1, true, null, \"x\\u00e9\"]}}");
    ck_assert_ptr_nonnull(document);
    const YamlNode *list = yaml_get(yaml_get(yaml_root(document), "a"), "b");
    ck_assert(yaml_is_null(yaml_item(list, 2)));
    ck_assert_str_eq(yaml_scalar(yaml_item(list, 3)), "xé");
}
END_TEST

START_TEST(what_yaml_has_and_we_do_not_take_is_named)
{
    ck_refused("a: &x 1\n",
               "a.yaml:1:4: error: anchors (\"&name\") are not allowed; put text that starts with \"&\" in quotes\n");
    ck_refused("a: *x\n",
               "a.yaml:1:4: error: aliases (\"*name\") are not allowed; put text that starts with \"*\" in quotes\n");
    ck_refused("a: !!int 1\n",
               "a.yaml:1:4: error: tags (\"!name\") are not allowed; put text that starts with \"!\" in quotes\n");
    ck_refused("a: !x [1]\n",
               "a.yaml:1:4: error: tags (\"!name\") are not allowed; put text that starts with \"!\" in quotes\n");
    ck_refused("a: &x {}\n",
               "a.yaml:1:4: error: anchors (\"&name\") are not allowed; put text that starts with \"&\" in quotes\n");
    ck_refused("a: 1\n--- \nb: 1\n", "a.yaml:2:1: error: a second document (\"---\") begins here; a file holds one\n");
    ck_refused("[a]: 1\n",
               "a.yaml:1:1: error: a key must be plain text; put text that starts with \"{\" or \"[\" in quotes\n");
    ck_refused("a: \"x\\0y\"\n", "a.yaml:1:4: error: text cannot hold the character U+0000\n");
    ck_refused("# nothing\n", "a.yaml: error: the file is empty\n");
    ck_refused("", "a.yaml: error: the file is empty\n");
}
END_TEST

START_TEST(syntax_errors_say_where_and_hint_at_the_mend)
{
    static const struct {
        const char *text, *place, *hint;
    } cases[] = {
        {"a: b: c\n", "a.yaml:1:5:", "put text that holds \": \" in quotes"},
        {"a:\n\tb: 1\n", "a.yaml:2:1:", "a tab cannot indent here, use blanks"},
        {"a: *.py\n", "a.yaml:1:5:", "put text that starts with \"*\" in quotes"},
        {"a: &.py\n", "a.yaml:1:5:", "put text that starts with \"&\" in quotes"},
        {"a: @x\n", "a.yaml:1:4:", "put text that starts with this character in quotes"},
        {"a: {out}/x\n", "a.yaml:1:9:", "put text that starts with \"{\" in quotes"},
        {"a: {b: [}\n", "a.yaml:1:9:", "not valid YAML"},
        {"a: \"b\n", "a.yaml:2:1:", "unexpected end of stream"},
        {"a: \x01\n", "a.yaml:1:4:", "the character U+0001 is not allowed in YAML"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(YamlDocument) document = parse(cases[i].text);
        ck_assert_ptr_null(document);
        ck_assert_reports(cases[i].place);
        ck_assert_reports(cases[i].hint);
        g_clear_pointer(&diagnostics, diagnostics_free);
        diagnostics = diagnostics_new();
    }
}
END_TEST

START_TEST(bytes_that_are_no_text_are_shown_with_their_place)
{
    ck_refused("a: 1\nbé: \xff\n", "a.yaml:2:5: error: the byte 0xff is not UTF-8 text; save the file as UTF-8\n");
}
END_TEST

START_TEST(a_key_given_twice_is_reported_and_the_first_holds)
{
    g_autoptr(YamlDocument) document = parse("a: 1\nb: 2\na: 3\n");
    ck_assert_reported("a.yaml:3:1: error: the key \"a\" is given twice; the first is in line 1\n");
    ck_assert_ptr_nonnull(document);
    ck_assert_str_eq(yaml_scalar(yaml_get(yaml_root(document), "a")), "1");
}
END_TEST

START_TEST(hostile_nesting_stops_at_64_levels)
{
    g_autofree char *brackets = g_strnfill(100000, '[');
    ck_refused(brackets, "a.yaml:1:65: error: nested more than 64 deep\n");
    g_autoptr(GString) dashes = g_string_new(NULL);
    for (int i = 0; i < 1000; i++)
        g_string_append(dashes, "- ");
    ck_refused(dashes->str, "a.yaml:1:129: error: nested more than 64 deep\n");
    g_autoptr(GString) braces = g_string_new(NULL);
    for (int i = 0; i < 1000; i++)
        g_string_append(braces, "{a: ");
    ck_refused(braces->str, "a.yaml:1:257: error: nested more than 64 deep\n");
}
END_TEST

START_TEST(exactly_64_levels_are_fine)
{
    g_autofree char *open = g_strnfill(64, '['), *close = g_strnfill(64, ']');
    g_autofree char *text = g_strconcat(open, close, NULL);
    g_autoptr(YamlDocument) document = parse(text);
    ck_assert_ptr_nonnull(document);
}
END_TEST

START_TEST(too_many_events_and_too_many_bytes_are_refused)
{
    g_autoptr(GString) many = g_string_new("[");
    for (int i = 0; i < 100000; i++)
        g_string_append(many, "1,");
    g_string_append(many, "1]");
    ck_assert_ptr_null(parse(many->str));
    ck_assert_reports("more than 100,000 YAML events");
    g_autofree char *long_text = g_strnfill(1024 * 1024 + 1, 'a');
    ck_assert_ptr_null(parse(long_text));
    ck_assert_reports("a.yaml: error: is longer than 1 MiB");
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_a_diagnostic)
{
    g_autofree char *path = g_build_filename(fixture_folder, "absent.yaml", NULL);
    ck_assert_ptr_null(yaml_load(path, "absent.yaml", diagnostics));
    ck_assert_reports("absent.yaml: error: cannot open");
    put("b.yaml", "x: 1\n");
    g_autofree char *there = g_build_filename(fixture_folder, "b.yaml", NULL);
    g_autoptr(YamlDocument) document = yaml_load(there, "b.yaml", diagnostics);
    ck_assert_ptr_nonnull(document);
}
END_TEST

START_TEST(diagnostics_are_sorted_counted_and_bounded)
{
    for (int i = 0; i < 1100; i++)
        diagnostics_add(diagnostics, i == 0 ? SEVERITY_WARNING : SEVERITY_ERROR, i % 2 ? "b" : "a", 2000 - i, 1,
                        "m\x1b%d", i);
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), 1099);
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_WARNING), 1);
    const GPtrArray *list = diagnostics_list(diagnostics);
    ck_assert_uint_eq(list->len, 1000);
    const Diagnostic *first = g_ptr_array_index(list, 0);
    ck_assert_str_eq(first->file, "a");
    ck_assert_int_eq(first->line, 2000 - 998);
    ck_assert_reports("a:1002:1: error: m\\x1b998\n");
    ck_assert_reports("a:2000:1: warning: m\\x1b0\n");
    ck_assert_reports("... and 100 more\n");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("yaml");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, each_node_knows_its_line_and_column);
    tcase_add_test(tcase, columns_count_characters_and_a_byte_order_mark_counts_nothing);
    tcase_add_test(tcase, json_is_read_as_the_yaml_that_it_is);
    tcase_add_test(tcase, what_yaml_has_and_we_do_not_take_is_named);
    tcase_add_test(tcase, syntax_errors_say_where_and_hint_at_the_mend);
    tcase_add_test(tcase, bytes_that_are_no_text_are_shown_with_their_place);
    tcase_add_test(tcase, a_key_given_twice_is_reported_and_the_first_holds);
    tcase_add_test(tcase, hostile_nesting_stops_at_64_levels);
    tcase_add_test(tcase, exactly_64_levels_are_fine);
    tcase_add_test(tcase, too_many_events_and_too_many_bytes_are_refused);
    tcase_add_test(tcase, a_file_that_cannot_be_read_is_a_diagnostic);
    tcase_add_test(tcase, diagnostics_are_sorted_counted_and_bounded);
    return fixture_main(tcase, "yaml");
}
