/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

static YamlDocument *document;
static YamlReader reader;

/* Starts a reader over one mapping. */
static void start(const char *text)
{
    document = yaml_parse("a", text, strlen(text), diagnostics);
    ck_assert_ptr_nonnull(document);
    yaml_reader_start(&reader, yaml_root(document), "thing", diagnostics);
}

static void finish(void)
{
    yaml_reader_end(&reader);
    g_clear_pointer(&document, yaml_document_free);
}

START_TEST(unknown_keys_are_reported_with_what_was_meant)
{
    start("titel: x\nzzz: 1\n");
    yaml_read_text(&reader, "title", YAML_OPTIONAL, NULL);
    yaml_read_text(&reader, "id", YAML_OPTIONAL, NULL);
    finish();
    ck_assert_reported("a:1:1: error: unknown key \"titel\" in thing; did you mean \"title\"?\n"
                       "a:2:1: error: unknown key \"zzz\" in thing; it may have: title, id\n");
}
END_TEST

START_TEST(a_key_that_is_read_twice_is_named_once)
{
    start("zzz: 1\n");
    yaml_read_node(&reader, "until", YAML_OPTIONAL);
    yaml_read_text(&reader, "until", YAML_OPTIONAL, NULL);
    finish();
    ck_assert_reported("a:1:1: error: unknown key \"zzz\" in thing; it may have: until\n");
}
END_TEST

START_TEST(a_node_that_is_no_mapping_is_reported_once)
{
    start("[1, 2]");
    ck_assert_ptr_null(reader.mapping);
    ck_assert_str_eq(yaml_read_text(&reader, "title", YAML_REQUIRED, "x"), "x");
    ck_assert_int_eq(yaml_read_integer(&reader, "n", YAML_REQUIRED, 7, 0, 9), 7);
    finish();
    ck_assert_reported("a:1:1: error: thing: expected a mapping (\"key: value\" lines), got a list\n");
}
END_TEST

START_TEST(required_keys_that_are_absent_or_empty_are_reported)
{
    start("a:\nb: null\n");
    yaml_read_text(&reader, "a", YAML_REQUIRED, NULL);
    yaml_read_sequence(&reader, "b", YAML_REQUIRED);
    yaml_read_mapping(&reader, "c", YAML_REQUIRED);
    finish();
    ck_assert_reported("a:1:1: error: thing lacks the required key \"c\"\n"
                       "a:1:3: error: a: has no value\n"
                       "a:2:4: error: b: has no value\n");
}
END_TEST

START_TEST(an_optional_key_may_be_null_but_not_forgotten_halfway)
{
    start("a: null\nb: ~\nc:\nd:\n");
    ck_assert_str_eq(yaml_read_text(&reader, "a", YAML_OPTIONAL, "x"), "x");
    ck_assert_int_eq(yaml_read_integer(&reader, "b", YAML_OPTIONAL, 5, 0, 9), 5);
    ck_assert_str_eq(yaml_read_text(&reader, "c", YAML_OPTIONAL, "x"), "x");
    ck_assert_ptr_null(yaml_read_mapping(&reader, "d", YAML_OPTIONAL));
    finish();
    ck_assert_reported("a:3:3: error: c: has no value; expected text\n");
}
END_TEST

START_TEST(wrong_kinds_say_what_was_expected_and_what_came)
{
    start("a: [1]\nb: {x: 1}\nc: \"text\"\nd: 1\n");
    yaml_read_text(&reader, "a", YAML_OPTIONAL, NULL);
    yaml_read_integer(&reader, "b", YAML_OPTIONAL, 0, 0, 9);
    yaml_read_sequence(&reader, "c", YAML_OPTIONAL);
    yaml_read_mapping(&reader, "d", YAML_OPTIONAL);
    finish();
    ck_assert_reported("a:1:4: error: a: expected text, got a list\n"
                       "a:2:4: error: b: expected a whole number, got a mapping\n"
                       "a:3:4: error: c: expected a list (\"- \" lines or [a, b]), got \"text\" in quotes\n"
                       "a:4:4: error: d: expected a mapping (\"key: value\" lines), got \"1\"\n");
}
END_TEST

START_TEST(booleans_are_the_words_of_yaml_and_never_quoted)
{
    start("a: yes\nb: Off\nc: \"true\"\nd: 1\ne: no\n");
    ck_assert(yaml_read_bool(&reader, "a", false));
    ck_assert(!yaml_read_bool(&reader, "b", true));
    ck_assert(yaml_read_bool(&reader, "c", true));
    ck_assert(!yaml_read_bool(&reader, "d", false));
    ck_assert_str_eq(yaml_read_text(&reader, "e", YAML_OPTIONAL, NULL), "no");
    ck_assert(yaml_read_bool(&reader, "absent", true));
    finish();
    ck_assert_reported("a:3:4: error: c: expected true or false, got \"true\" in quotes\n"
                       "a:4:4: error: d: expected true or false, got \"1\"\n");
}
END_TEST

START_TEST(whole_numbers_have_bounds_and_no_leading_zero)
{
    start("a: 7\nb: 010\nc: 10\nd: 1.0\ne: -3\nf: 99999999999999999999\ng: \"5\"\nh: +4\ni: 0\nj: x\n");
    ck_assert_int_eq(yaml_read_integer(&reader, "a", YAML_OPTIONAL, 1, 0, 9), 7);
    ck_assert_int_eq(yaml_read_integer(&reader, "b", YAML_OPTIONAL, 1, 0, 9), 1);
    ck_assert_int_eq(yaml_read_integer(&reader, "c", YAML_OPTIONAL, 1, 0, 9), 1);
    ck_assert_int_eq(yaml_read_integer(&reader, "d", YAML_OPTIONAL, 1, 1, G_MAXINT64), 1);
    ck_assert_int_eq(yaml_read_integer(&reader, "e", YAML_OPTIONAL, 1, G_MININT64, G_MAXINT64), -3);
    ck_assert_int_eq(yaml_read_integer(&reader, "f", YAML_OPTIONAL, 1, G_MININT64, G_MAXINT64), 1);
    ck_assert_int_eq(yaml_read_integer(&reader, "g", YAML_OPTIONAL, 1, 0, 9), 1);
    ck_assert_int_eq(yaml_read_integer(&reader, "h", YAML_OPTIONAL, 1, 0, 9), 4);
    ck_assert_int_eq(yaml_read_integer(&reader, "i", YAML_OPTIONAL, 1, 0, 9), 0);
    ck_assert_int_eq(yaml_read_integer(&reader, "j", YAML_OPTIONAL, 1, 0, 9), 1);
    finish();
    ck_assert_reported("a:2:4: error: b: expected a whole number from 0 to 9, got \"010\"\n"
                       "a:3:4: error: c: expected a whole number from 0 to 9, got \"10\"\n"
                       "a:4:4: error: d: expected a whole number of at least 1, got \"1.0\"\n"
                       "a:6:4: error: f: expected a whole number, got \"99999999999999999999\"\n"
                       "a:7:4: error: g: expected a whole number from 0 to 9, got \"5\" in quotes\n"
                       "a:10:4: error: j: expected a whole number from 0 to 9, got \"x\"\n");
}
END_TEST

START_TEST(numbers_are_finite_decimals)
{
    start("a: 0.25\nb: nan\nc: inf\nd: 1e400\ne: 0x10\nf: 2.5\ng: -1e3\n");
    ck_assert_double_eq(yaml_read_number(&reader, "a", YAML_OPTIONAL, 1, 0, 1), 0.25);
    ck_assert_double_eq(yaml_read_number(&reader, "b", YAML_OPTIONAL, 9, 0, 1), 9);
    ck_assert_double_eq(yaml_read_number(&reader, "c", YAML_OPTIONAL, 9, 0, 1), 9);
    ck_assert_double_eq(yaml_read_number(&reader, "d", YAML_OPTIONAL, 9, -G_MAXDOUBLE, G_MAXDOUBLE), 9);
    ck_assert_double_eq(yaml_read_number(&reader, "e", YAML_OPTIONAL, 9, 0, 100), 9);
    ck_assert_double_eq(yaml_read_number(&reader, "f", YAML_OPTIONAL, 9, 0, 1), 9);
    ck_assert_double_eq(yaml_read_number(&reader, "g", YAML_OPTIONAL, 9, -G_MAXDOUBLE, G_MAXDOUBLE), -1000);
    finish();
    ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), 5);
    ck_assert_reports("a:4:4: error: d: expected a number, got \"1e400\"");
    ck_assert_reports("a:6:4: error: f: expected a number from 0 to 1, got \"2.5\"");
}
END_TEST

START_TEST(points_are_exact_thousandths)
{
    static const struct {
        const char *text;
        gint64 milli;
    } cases[] = {
        {"0", 0},        {"20", 20000},
        {"0.1", 100},    {"6.25", 6250},
        {"0.333", 333},  {"1000000", 1000000000},
        {"7.000", 7000}, {"1000000.001", -1},
        {"1.2345", -1},  {"-1", -1},
        {"1.", -1},      {".5", -1},
        {"1e3", -1},     {"1,5", -1},
        {"\"5\"", -1},   {"1234567890123", -1},
        {"5 ", 5000},    {"5 points", -1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("p: %s\n", cases[i].text);
        start(text);
        ck_assert_msg(yaml_read_milli(&reader, "p", YAML_REQUIRED, -1) == cases[i].milli, "%s", text);
        finish();
    }
}
END_TEST

START_TEST(spans_need_a_unit)
{
    static const struct {
        const char *text;
        gint64 span_us;
    } cases[] = {
        {"800ms", 800000},     {"60s", 60000000}, {"5min", 300000000}, {"1.5h", 5400000000},
        {"1d", 86400000000},   {"2 s", 2000000},  {"60", -1},          {"5m", -1},
        {"-5s", -1},           {"s", -1},         {"5 seconds", -1},   {"4000d", -1},
        {"999999999999h", -1}, {"0.5ms", 500},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("p: %s\n", cases[i].text);
        start(text);
        ck_assert_msg(yaml_read_span_us(&reader, "p", YAML_REQUIRED, -1) == cases[i].span_us, "%s", text);
        finish();
    }
    ck_assert_reports("expected a span of time with its unit (ms, s, min, h, d) like 800ms or 60s, got \"5m\"");
}
END_TEST

START_TEST(sizes_count_by_1024)
{
    static const struct {
        const char *text;
        gint64 bytes;
    } cases[] = {
        {"100", 100},  {"64K", 65536}, {"512M", 536870912}, {"1G", 1073741824}, {"1.5K", 1536}, {"2 MiB", 2097152},
        {"512MB", -1}, {"-1", -1},     {"0.3", -1},         {"2000T", -1},      {"K", -1},      {"999999999999T", -1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("p: %s\n", cases[i].text);
        start(text);
        ck_assert_msg(yaml_read_bytes(&reader, "p", YAML_REQUIRED, -1) == cases[i].bytes, "%s", text);
        finish();
    }
}
END_TEST

START_TEST(times_are_of_the_courses_zone)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_offset(-4 * 3600);
    start("a: 2022-09-21 23:59\nb: 2022-09-21T23:59:00Z\nc: tomorrow\n");
    gint64 with_zone_us = yaml_read_time_us(&reader, "a", YAML_REQUIRED, zone, 0);
    gint64 utc_us = yaml_read_time_us(&reader, "b", YAML_REQUIRED, zone, 0);
    ck_assert_int_eq(with_zone_us - utc_us, 4 * CLOCK_HOUR_US);
    ck_assert_int_eq(yaml_read_time_us(&reader, "c", YAML_OPTIONAL, zone, 3), 3);
    finish();
    ck_assert_reported(
        "a:3:4: error: c: expected a time like 2022-09-21 23:59 or 2022-09-21T23:59:00-04:00, got \"tomorrow\"\n");
}
END_TEST

START_TEST(texts_are_one_or_a_list)
{
    start("a: one\nb: [x, 'y z']\nc: [x, [y], null]\nd: {x: 1}\n");
    g_auto(GStrv) a = yaml_read_texts(&reader, "a", YAML_REQUIRED);
    g_auto(GStrv) b = yaml_read_texts(&reader, "b", YAML_REQUIRED);
    g_auto(GStrv) c = yaml_read_texts(&reader, "c", YAML_REQUIRED);
    ck_assert_uint_eq(g_strv_length(a), 1);
    ck_assert_str_eq(a[0], "one");
    ck_assert_uint_eq(g_strv_length(b), 2);
    ck_assert_str_eq(b[1], "y z");
    ck_assert_uint_eq(g_strv_length(c), 1);
    ck_assert_ptr_null(yaml_read_texts(&reader, "d", YAML_REQUIRED));
    ck_assert_ptr_null(yaml_read_texts(&reader, "e", YAML_OPTIONAL));
    finish();
    ck_assert_reported("a:3:8: error: c: expected text in this list, got a list\n"
                       "a:3:13: error: c: expected text in this list, got \"null\"\n"
                       "a:4:4: error: d: expected text or a list of texts, got a mapping\n");
}
END_TEST

START_TEST(choices_list_what_there_is)
{
    static const char *const names[] = {"red", "green", NULL};
    start("a: green\nb: gren\nc: 5\n");
    ck_assert_int_eq(yaml_read_choice(&reader, "a", YAML_REQUIRED, names, 0), 1);
    ck_assert_int_eq(yaml_read_choice(&reader, "b", YAML_REQUIRED, names, 0), 0);
    ck_assert_int_eq(yaml_read_choice(&reader, "c", YAML_REQUIRED, names, 1), 1);
    ck_assert_int_eq(yaml_read_choice(&reader, "d", YAML_OPTIONAL, names, 1), 1);
    finish();
    ck_assert_reported("a:2:4: error: b: expected one of red, green, got \"gren\"; did you mean \"green\"?\n"
                       "a:3:4: error: c: expected one of red, green, got \"5\"\n");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("reader");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, unknown_keys_are_reported_with_what_was_meant);
    tcase_add_test(tcase, a_key_that_is_read_twice_is_named_once);
    tcase_add_test(tcase, a_node_that_is_no_mapping_is_reported_once);
    tcase_add_test(tcase, required_keys_that_are_absent_or_empty_are_reported);
    tcase_add_test(tcase, an_optional_key_may_be_null_but_not_forgotten_halfway);
    tcase_add_test(tcase, wrong_kinds_say_what_was_expected_and_what_came);
    tcase_add_test(tcase, booleans_are_the_words_of_yaml_and_never_quoted);
    tcase_add_test(tcase, whole_numbers_have_bounds_and_no_leading_zero);
    tcase_add_test(tcase, numbers_are_finite_decimals);
    tcase_add_test(tcase, points_are_exact_thousandths);
    tcase_add_test(tcase, spans_need_a_unit);
    tcase_add_test(tcase, sizes_count_by_1024);
    tcase_add_test(tcase, times_are_of_the_courses_zone);
    tcase_add_test(tcase, texts_are_one_or_a_list);
    tcase_add_test(tcase, choices_list_what_there_is);
    return fixture_main(tcase, "yaml reader");
}
