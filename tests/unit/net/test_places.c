/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/places.h"
#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static GPtrArray *places;

static void setup(void)
{
    places = g_ptr_array_new_with_free_func((GDestroyNotify)place_free);
}

static void teardown(void)
{
    g_ptr_array_unref(places);
}

START_TEST(compilers_and_pythons_name_places)
{
    places_find(
        places,
        "/work/src/a.c:12:5: error: bad\n./b.go:7: oops\n  File \"t/c.py\", line 3, in f\nmain.rs:1:1: warning: w", 9);
    ck_assert_uint_eq(places->len, 4);
    const Place *a = g_ptr_array_index(places, 0), *b = g_ptr_array_index(places, 1), *c = g_ptr_array_index(places, 2),
                *d = g_ptr_array_index(places, 3);
    ck_assert_str_eq(a->path, "src/a.c");
    ck_assert_int_eq(a->line, 12);
    ck_assert_str_eq(a->message, "error: bad");
    ck_assert_str_eq(b->path, "b.go");
    ck_assert_str_eq(c->path, "t/c.py");
    ck_assert_int_eq(c->line, 3);
    ck_assert(d->is_warning && !a->is_warning);
}
END_TEST

START_TEST(what_is_no_file_of_the_workspace_is_no_place)
{
    static const char *const lines[] = {
        "/etc/passwd.x:1: x",
        "../a.c:1: x",
        "a/../b.c:1: x",
        "-f.c:1: x",
        "a.c:0: x",
        "a.c:99999999: x",
        "a.c:x: y",
        "noext:1: x",
        "12:30:01: x",
        "http://a.b:80",
        "a b.c:1: x",
        "File \"/usr/lib/x.py\", line 3",
        "File \"a.py\", line",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        places_find(places, lines[i], 9);
    ck_assert_uint_eq(places->len, 0);
}
END_TEST

START_TEST(each_place_is_named_once_and_there_are_not_too_many)
{
    places_find(places, "a.c:1: x\na.c:1: y\na.c:2: z\na.c:3: z\n", 2);
    ck_assert_uint_eq(places->len, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("places");
    TCase *tests = tcase_create("places");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, compilers_and_pythons_name_places);
    tcase_add_test(tests, what_is_no_file_of_the_workspace_is_no_place);
    tcase_add_test(tests, each_place_is_named_once_and_there_are_not_too_many);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
