/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"

static GTimeZone *new_york(void)
{
    GTimeZone *zone = g_time_zone_new_identifier("America/New_York");
    ck_assert_ptr_nonnull(zone);
    return zone;
}

START_TEST(utc_texts_sort_as_the_instants_do)
{
    ck_assert_text(clock_format_utc(G_GINT64_CONSTANT(1663819140000000)), "2022-09-22T03:59:00.000000Z");
    ck_assert_text(clock_format_utc(0), "1970-01-01T00:00:00.000000Z");
    ck_assert_text(clock_format_utc(-1), "1969-12-31T23:59:59.999999Z");
    ck_assert_text(clock_format_utc(G_MAXINT64), "@9223372036854775807us");
}
END_TEST

START_TEST(local_times_name_their_zone)
{
    g_autoptr(GTimeZone) zone = new_york();
    ck_assert_text(clock_format_local(G_GINT64_CONSTANT(1663819140000000), zone), "Wed 21 Sep 2022, 23:59 EDT");
    ck_assert_text(clock_format_local(G_GINT64_CONSTANT(1670475540000000), zone), "Wed 7 Dec 2022, 23:59 EST");
}
END_TEST

START_TEST(times_are_read_in_the_zone_or_by_their_offset)
{
    static const struct {
        const char *text;
        gint64 us;
    } cases[] = {
        {"2022-09-21 23:59", G_GINT64_CONSTANT(1663819140000000)},
        {"2022-09-21T23:59", G_GINT64_CONSTANT(1663819140000000)},
        {" 2022-09-21 23:59:30 ", G_GINT64_CONSTANT(1663819170000000)},
        {"2022-09-21T23:59:00-04:00", G_GINT64_CONSTANT(1663819140000000)},
        {"2022-09-22 03:59Z", G_GINT64_CONSTANT(1663819140000000)},
        {"2022-09-22T03:59:00.5Z", G_GINT64_CONSTANT(1663819140500000)},
        {"2022-09-21", G_GINT64_CONSTANT(1663732800000000)},
        {"2022-12-07 23:59", G_GINT64_CONSTANT(1670475540000000)},
    };
    g_autoptr(GTimeZone) zone = new_york();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        gint64 us = 0;
        ck_assert_good(clock_parse(cases[i].text, zone, &us, error));
        ck_assert_msg(us == cases[i].us, "%s: %" G_GINT64_FORMAT, cases[i].text, us);
    }
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const texts[] = {"",
                                        "tomorrow",
                                        "2022-13-01 10:00",
                                        "2022-02-30 10:00",
                                        "2022-09-21 24:01",
                                        "21.9.2022",
                                        "2022-09-21 23",
                                        "2022-09-21 23:59x",
                                        "23:59",
                                        "2022-09-21  23:59",
                                        "2022-09-21 23:5"};
    g_autoptr(GTimeZone) zone = new_york();
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        gint64 us = 7;
        ck_assert_fails(clock_parse(texts[i], zone, &us, error), RUBRIC_ERROR_INVALID);
        ck_assert_int_eq(us, 7);
    }
}
END_TEST

START_TEST(spans_have_two_units_at_most)
{
    ck_assert_text(clock_format_span(2 * CLOCK_DAY_US + 3 * CLOCK_HOUR_US + 59 * CLOCK_SECOND_US), "2 days 3 h");
    ck_assert_text(clock_format_span(CLOCK_DAY_US), "1 day");
    ck_assert_text(clock_format_span(45 * 60 * CLOCK_SECOND_US), "45 min");
    ck_assert_text(clock_format_span(20 * CLOCK_SECOND_US), "20 s");
    ck_assert_text(clock_format_span(500), "0 s");
    ck_assert_text(clock_format_span(-CLOCK_HOUR_US), "1 h");
}
END_TEST

START_TEST(the_wall_clock_can_be_shifted_and_the_other_cannot)
{
    gint64 before_us = clock_now_us(), monotonic_us = clock_monotonic_us();
    clock_set_offset_us(10 * CLOCK_DAY_US);
    ck_assert_int_ge(clock_now_us(), before_us + 10 * CLOCK_DAY_US);
    ck_assert_int_lt(clock_monotonic_us(), monotonic_us + CLOCK_DAY_US);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("clock");
    tcase_add_test(tcase, utc_texts_sort_as_the_instants_do);
    tcase_add_test(tcase, local_times_name_their_zone);
    tcase_add_test(tcase, times_are_read_in_the_zone_or_by_their_offset);
    tcase_add_test(tcase, what_is_no_time_is_refused);
    tcase_add_test(tcase, spans_have_two_units_at_most);
    tcase_add_test(tcase, the_wall_clock_can_be_shifted_and_the_other_cannot);
    return fixture_main(tcase, "clock");
}
