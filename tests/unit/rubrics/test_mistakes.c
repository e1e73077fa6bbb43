/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

static char **expected_lines(void)
{
    char *text = NULL;
    ck_assert(g_file_get_contents(TEST_DATA "/rubric-20-mistakes/expected.txt", &text, NULL, NULL));
    g_autofree char *owned = g_strchomp(text);
    return g_strsplit(owned, "\n", -1);
}

START_TEST(each_of_twenty_seeded_mistakes_is_reported_at_its_place)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    ck_assert_ptr_null(
        rubric_load(TEST_DATA "/rubric-20-mistakes", "rubrics/broken.yaml", fake_graders, utc, diagnostics));
    g_auto(GStrv) expected = expected_lines();
    g_autofree char *reported = diagnostics_format(diagnostics);
    g_auto(GStrv) lines = g_strsplit(reported, "\n", -1);
    guint n_lines = g_strv_length(lines) - 1; /* behind the last line break */
    for (guint i = 0; i < MIN(n_lines, g_strv_length(expected)); i++) {
        char *message = strchr(expected[i], ' ');
        *message++ = '\0';
        g_autofree char *wanted = g_strdup_printf("rubrics/broken.yaml:%s: error: %s", expected[i], message);
        ck_assert_msg(g_str_has_prefix(lines[i], wanted), "expected \"%s\", got \"%s\"", wanted, lines[i]);
    }
    ck_assert_msg(n_lines == g_strv_length(expected), "%s", reported);
    ck_assert_uint_ge(n_lines, 20);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("mistakes");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, each_of_twenty_seeded_mistakes_is_reported_at_its_place);
    return fixture_main(tcase, "rubric mistakes");
}
