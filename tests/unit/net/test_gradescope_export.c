/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/source.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static ExportMetadata *parse(const char *text)
{
    ExportMetadata *metadata = NULL;
    ck_assert_good((metadata = export_metadata_parse(text, strlen(text), error)) != NULL);
    return metadata;
}

static const ExportEntry *entry(const ExportMetadata *metadata, guint i)
{
    ck_assert_uint_gt(metadata->entries->len, i);
    return g_ptr_array_index(metadata->entries, i);
}

static const ExportSubmitter *submitter(const ExportEntry *of, guint i)
{
    ck_assert_uint_gt(of->submitters->len, i);
    return g_ptr_array_index(of->submitters, i);
}

static gint64 instant(const char *iso)
{
    gint64 us = 0;
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    ck_assert_good(clock_parse(iso, utc, &us, error));
    return us;
}

START_TEST(an_export_as_gradescope_writes_it_is_read)
{
    g_autoptr(ExportMetadata) metadata = parse("---\n"
                                               "submission_123:\n"
                                               "  :submitters:\n"
                                               "  - :name: Alice A\n"
                                               "    :sid: '007'\n"
                                               "    :email: alice@example.edu\n"
                                               "  - :name: Bob B\n"
                                               "    :sid:\n"
                                               "    :email: bob@example.edu\n"
                                               "  :created_at: 2022-09-21 23:58:59.123456789 -04:00\n"
                                               "  :score: 10.0\n"
                                               "  :status: processed\n"
                                               "  :results:\n"
                                               "    tests:\n"
                                               "    - name: t\n"
                                               "      submitters: [no, these are a student's]\n"
                                               "  :history:\n"
                                               "  - :created_at: 2022-09-20 10:00:00 Z\n"
                                               "    :submitters: 3\n"
                                               "submission_124.pdf:\n"
                                               "  :created_at: 2022-09-22 00:00:00 Z\n"
                                               "  :submitters: []\n");
    ck_assert_uint_eq(metadata->entries->len, 2);
    ck_assert_str_eq(entry(metadata, 0)->key, "submission_123");
    ck_assert_int_eq(entry(metadata, 0)->created_us, instant("2022-09-22T03:58:59.123456Z"));
    ck_assert_uint_eq(entry(metadata, 0)->submitters->len, 2);
    ck_assert_str_eq(submitter(entry(metadata, 0), 0)->sid, "007");
    ck_assert_ptr_null(submitter(entry(metadata, 0), 1)->sid);
    ck_assert_str_eq(submitter(entry(metadata, 0), 1)->email, "bob@example.edu");
    ck_assert_str_eq(entry(metadata, 1)->key, "submission_124.pdf");
    ck_assert_int_eq(entry(metadata, 1)->created_us, instant("2022-09-22T00:00:00Z"));
}
END_TEST

START_TEST(ruby_aliases_and_rails_times_are_understood)
{
    g_autoptr(ExportMetadata) metadata = parse("submission_1:\n"
                                               "  :submitters:\n"
                                               "  - :email: &1 a@example.edu\n"
                                               "  :created_at: !ruby/object:ActiveSupport::TimeWithZone\n"
                                               "    utc: 2022-09-21 10:00:00.5 Z\n"
                                               "    zone: {name: Eastern}\n"
                                               "    time: 2022-09-21 06:00:00.5 Z\n"
                                               "submission_2:\n"
                                               "  :submitters:\n"
                                               "  - :email: *1\n"
                                               "  :created_at: yesterday\n");
    ck_assert_int_eq(entry(metadata, 0)->created_us, instant("2022-09-21T10:00:00.5Z"));
    ck_assert_str_eq(submitter(entry(metadata, 1), 0)->email, "a@example.edu");
    ck_assert_int_eq(entry(metadata, 1)->created_us, G_MININT64);
}
END_TEST

START_TEST(odd_shapes_are_skipped_not_fatal)
{
    g_autoptr(ExportMetadata) metadata =
        parse("submission_1: 5\n"
              "submission_2: {':submitters': {':email': x}, ':created_at': [1, {2: 3}]}\n"
              "submission_3: {':submitters': [1, [2], {':email': [3]}], ? [a] : b}\n"
              "submission_4: {':created_at': 9999-12-31 00:00:00 Z}\n"
              "submission_5: {':created_at': 1969-12-31 00:00:00 Z}\n");
    ck_assert_uint_eq(metadata->entries->len, 5);
    ck_assert_ptr_null(submitter(entry(metadata, 2), 0)->email);
    ck_assert_int_eq(entry(metadata, 3)->created_us, G_MININT64);
    ck_assert_int_eq(entry(metadata, 4)->created_us, G_MININT64);
}
END_TEST

START_TEST(a_history_names_earlier_submissions_of_the_same_people)
{
    g_autoptr(ExportMetadata) metadata = parse("submission_9:\n"
                                               "  :history:\n"
                                               "  - :id: 7\n"
                                               "    :created_at: 2022-09-20 10:00:00 Z\n"
                                               "    :score: 1.0\n"
                                               "  - :id: '../8'\n"
                                               "  - :created_at: 2022-09-20 11:00:00 Z\n"
                                               "  - :id: 8\n"
                                               "  :created_at: 2022-09-21 10:00:00 Z\n"
                                               "  :submitters:\n"
                                               "  - {':email': alice@example.edu}\n");
    ck_assert_uint_eq(metadata->entries->len, 3);
    ck_assert(!entry(metadata, 0)->is_earlier);
    ck_assert_str_eq(entry(metadata, 1)->key, "submission_7");
    ck_assert(entry(metadata, 1)->is_earlier);
    ck_assert_int_eq(entry(metadata, 1)->created_us, instant("2022-09-20T10:00:00Z"));
    ck_assert_str_eq(submitter(entry(metadata, 1), 0)->email, "alice@example.edu");
    ck_assert_str_eq(entry(metadata, 2)->key, "submission_8");
    ck_assert_int_eq(entry(metadata, 2)->created_us, G_MININT64);
}
END_TEST

START_TEST(a_file_is_read_as_text_is)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    const int n = 20000;
    for (int i = 0; i < n; i++)
        fprintf(file, "submission_%d:\n  :created_at: 2022-09-20 10:00:00 Z\n  :results: {tests: [{name: t}]}\n", i);
    fflush(file);
    ck_assert_int_eq(lseek(fileno(file), 0, SEEK_SET), 0);
    g_autoptr(ExportMetadata) metadata = NULL;
    ck_assert_good((metadata = export_metadata_read(fileno(file), error)) != NULL);
    ck_assert_uint_eq(metadata->entries->len, (guint)n);
    ck_assert_str_eq(entry(metadata, 19999)->key, "submission_19999");
    fclose(file);
    ck_assert_fails(export_metadata_read(-1, error), RUBRIC_ERROR_SYSTEM);
}
END_TEST

START_TEST(what_is_no_export_is_refused_with_a_place)
{
    static const char *const bad[] = {
        "",
        "- a\n",
        "a: [\n",
        "../evil: {}\n",
        "a/b: {}\n",
        ".hidden: {}\n",
        "\"\": {}\n",
        "a: &x [*x]\nb: {\n",
        "x: \xff\xfe\n",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        ExportMetadata *metadata = export_metadata_parse(bad[i], strlen(bad[i]), &error);
        ck_assert_msg(metadata == NULL, "taken: %s", bad[i]);
        ck_assert_has(error->message, "submission_metadata.yml:");
    }
}
END_TEST

START_TEST(deep_nesting_ends_at_once)
{
    GString *deep = g_string_new("a: ");
    for (int i = 0; i < 100000; i++)
        g_string_append_c(deep, '[');
    ck_assert_fails(export_metadata_parse(deep->str, deep->len, error) != NULL, RUBRIC_ERROR_INVALID);
    g_string_free(deep, TRUE);
}
END_TEST

START_TEST(the_assignment_is_told_by_the_name_of_the_export)
{
    g_autofree char *id = export_assignment_id("assignment_123_export");
    ck_assert_str_eq(id, "123");
    g_autofree char *more = export_assignment_id("assignment_9_export (1)");
    ck_assert_str_eq(more, "9");
    ck_assert_ptr_null(export_assignment_id("assignment__export"));
    ck_assert_ptr_null(export_assignment_id("assignment_x_export"));
    ck_assert_ptr_null(export_assignment_id("homework"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradescope_export");
    TCase *tests = tcase_create("metadata");
    tcase_add_test(tests, an_export_as_gradescope_writes_it_is_read);
    tcase_add_test(tests, ruby_aliases_and_rails_times_are_understood);
    tcase_add_test(tests, odd_shapes_are_skipped_not_fatal);
    tcase_add_test(tests, a_history_names_earlier_submissions_of_the_same_people);
    tcase_add_test(tests, a_file_is_read_as_text_is);
    tcase_add_test(tests, what_is_no_export_is_refused_with_a_place);
    tcase_add_test(tests, deep_nesting_ends_at_once);
    tcase_add_test(tests, the_assignment_is_told_by_the_name_of_the_export);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
