/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/rubrics/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define HEAD           "rubric: r\ntitle: R\nitems:\n"
#define ITEM(id, more) "  - {id: " id ", points: 5, title: T" more "}\n"

static const Item *nth(const GPtrArray *items, guint index)
{
    return g_ptr_array_index(items, index);
}

START_TEST(a_rubric_is_read_with_all_that_an_item_has)
{
    g_autoptr(Rubric) rubric =
        load_rubric("rubric: m1\ntitle: \"M1: first\"\neffective: 2022-09-01 00:00\n"
                    "limits: {wall: 90s, memory: 1G, processes: 8}\ntotal: 26.25\nitems:\n"
                    "  - id: builds\n    points: 20\n    title: It builds\n    passes: >\n      Runs make.\n"
                    "    limits: {cpu: 500ms, cpus: 0.5}\n    visible: after_deadline\n"
                    "    check: {run: make, limits: {wall: 5s}}\n"
                    "  - {id: report, points: 6.25, title: A report, needs: [builds]}\n"
                    "bonus:\n  - id: extra\n    points: 3\n    title: More\n    judge: both\n"
                    "    checks: [{run: a}, {files: {present: b}}]\n");
    ck_assert_reported("");
    ck_assert_ptr_nonnull(rubric);
    ck_assert_str_eq(rubric->id, "m1");
    ck_assert_str_eq(rubric->title, "M1: first");
    ck_assert_str_eq(rubric->path, "rubrics/r.yaml");
    ck_assert_int_eq(rubric->effective_us, G_GINT64_CONSTANT(1661990400000000));
    ck_assert_int_eq(rubric->max_milli, 26250);
    ck_assert_uint_eq(rubric->items->len, 3);

    const Item *builds = nth(rubric->items, 0), *report = nth(rubric->items, 1), *extra = nth(rubric->items, 2);
    ck_assert_str_eq(builds->passes, "Runs make.");
    ck_assert_int_eq(builds->judge, JUDGE_MACHINE);
    ck_assert_int_eq(builds->visible, VISIBLE_AFTER_DEADLINE);
    const Check *check = g_ptr_array_index(builds->checks, 0);
    ck_assert_str_eq(check->name, "builds");
    ck_assert_ptr_eq(check->type, &fake_run);
    ck_assert_int_eq(check->limits.wall_ms, 5000);
    ck_assert_int_eq(check->limits.cpu_ms, 500);
    ck_assert_int_eq(check->limits.cpus_milli, 500);
    ck_assert_int_eq(check->limits.memory_bytes, 1 << 30);
    ck_assert_int_eq(check->limits.processes, 8);
    ck_assert_int_eq(check->limits.open_files, box_limits_default().open_files);

    ck_assert_int_eq(report->judge, JUDGE_TA);
    ck_assert_str_eq(report->passes, "A report");
    ck_assert_ptr_eq(nth(report->needs, 0), builds);
    ck_assert(extra->is_bonus);
    ck_assert_int_eq(extra->judge, JUDGE_BOTH);
    ck_assert_str_eq(((const Check *)g_ptr_array_index(extra->checks, 1))->name, "extra/2");
    ck_assert_ptr_eq(rubric_item(rubric, "extra"), extra);
    ck_assert_ptr_null(rubric_item(rubric, "absent"));
    ck_assert_str_eq(judge_name(JUDGE_BOTH), "both");
    ck_assert_str_eq(visible_name(VISIBLE_STAFF), "staff");
}
END_TEST

START_TEST(items_are_ordered_so_that_needs_come_first)
{
    g_autoptr(Rubric) rubric =
        load_rubric(HEAD ITEM("a", ", needs: [c, b]") ITEM("b", "") ITEM("c", ", needs: b") ITEM("d", ""));
    ck_assert_reported("");
    static const char *const order[] = {"b", "c", "a", "d"};
    for (guint i = 0; i < 4; i++)
        ck_assert_str_eq(nth(rubric->order, i)->id, order[i]);
}
END_TEST

START_TEST(each_circle_of_needs_is_named_in_full)
{
    ck_assert_ptr_null(load_rubric(HEAD ITEM("a", ", needs: [b]") ITEM("b", ", needs: [c]") ITEM("c", ", needs: [b]")
                                       ITEM("s", ", needs: [s]")));
    ck_assert_reported("rubrics/r.yaml:6:42: error: needs: items need each other in a circle: b -> c -> b\n"
                       "rubrics/r.yaml:7:42: error: needs: items need each other in a circle: s -> s\n");
}
END_TEST

START_TEST(needs_that_are_no_items_or_come_twice_are_reported)
{
    ck_assert_ptr_null(load_rubric(HEAD ITEM("alpha", ", needs: [alpa, beta, beta, zzz]") ITEM("beta", "")));
    ck_assert_reports("4:46: error: needs: there is no item \"alpa\"; did you mean \"alpha\"?");
    ck_assert_reports("4:58: error: needs: \"beta\" is listed twice");
    ck_assert_reports("4:64: error: needs: there is no item \"zzz\" in this rubric");
}
END_TEST

START_TEST(a_chain_of_as_many_needs_as_there_may_be_items_is_fine)
{
    g_autoptr(GString) text = g_string_new(HEAD);
    for (int i = 0; i < 499; i++)
        g_string_append_printf(text, "  - {id: i%d, points: 1, title: T, needs: i%d}\n", i, i + 1);
    g_string_append(text, ITEM("i499", ""));
    g_autoptr(Rubric) rubric = load_rubric(text->str);
    ck_assert_reported("");
    ck_assert_str_eq(nth(rubric->order, 0)->id, "i499");
    g_string_append(text, ITEM("one-more", ""));
    ck_assert_ptr_null(load_rubric(text->str));
    ck_assert_reports("items: expected 1 to 500 items, got 501");
}
END_TEST

START_TEST(a_total_that_is_not_the_sum_is_refused_with_both_numbers)
{
    ck_assert_ptr_null(load_rubric(
        "rubric: r\ntotal: 20\nitems:\n  - {id: a, points: 12.5, title: T}\n  - {id: b, points: 12.5, title: T}\n"));
    ck_assert_reported("rubrics/r.yaml:2:8: error: total: the points of the items sum to 25, but the total says 20\n");
}
END_TEST

START_TEST(a_leaderboard_names_items_and_what_their_checks_measure)
{
    g_autoptr(Rubric) rubric = load_rubric(
        HEAD ITEM("a", ", check: {run: x}") ITEM("b", "") "leaderboard:\n"
                                                          "  - {name: Time, item: a, figure: box.wall_us, order: asc}\n"
                                                          "  - {name: Points, item: b}\n");
    ck_assert_reported("");
    ck_assert_uint_eq(rubric->leaderboard->len, 2);
    const Ranking *first = g_ptr_array_index(rubric->leaderboard, 0),
                  *second = g_ptr_array_index(rubric->leaderboard, 1);
    ck_assert_str_eq(first->name, "Time");
    ck_assert_str_eq(first->item, "a");
    ck_assert_str_eq(first->figure, "box.wall_us");
    ck_assert(first->is_ascending && !second->is_ascending);
    ck_assert_ptr_null(second->figure);
}
END_TEST

static const struct {
    const char *entry, *message;
} bad_rankings[] = {
    {"{name: N, item: c}", "the rubric has no item \"c\""},
    {"{item: a}", "name"},
    {"{name: N}", "item"},
    {"{name: \"\", item: a}", "1 to 100 bytes"},
    {"{name: N, item: a, figure: ../x}", "is no figure"},
    {"{name: N, item: a, figure: a..b}", "is no figure"},
    {"{name: N, item: b, figure: passed}", "has no check"},
    {"{name: N, item: a, order: up}", "desc"},
    {"{name: N, item: a, value: 3}", "value"},
    {"{name: N, item: a}, {name: N, item: b}", "has \"N\" already"},
};

START_TEST(a_leaderboard_that_cannot_be_is_refused)
{
    g_autofree char *text = g_strconcat(HEAD ITEM("a", ", check: {run: x}") ITEM("b", "") "leaderboard: [",
                                        bad_rankings[_i].entry, "]\n", NULL);
    g_autoptr(Rubric) rubric = load_rubric(text);
    ck_assert_ptr_null(rubric);
    g_autofree char *told = diagnostics_format(diagnostics);
    ck_assert_msg(strstr(told, bad_rankings[_i].message) != NULL, "%s", told);
}
END_TEST

START_TEST(how_much_may_be_handed_in_is_the_rubrics)
{
    static const char *const bad[] = {"{size: 3G}",       "{size: 1K}", "{size: lots}", "{files: 0}",
                                      "{files: 1000000}", "{depth: 3}", "600M"};
    g_autoptr(Rubric) usual = load_rubric(HEAD ITEM("a", ""));
    ck_assert_int_eq(usual->submission_bytes, 256 << 20);
    ck_assert_int_eq(usual->submission_files, 20000);
    g_autoptr(Rubric) large = load_rubric(HEAD ITEM("a", "") "submission: {size: 600M, files: 30000}\n");
    ck_assert_int_eq(large->submission_bytes, 600 << 20);
    ck_assert_int_eq(large->submission_files, 30000);
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf(HEAD ITEM("a", "") "submission: %s\n", bad[i]);
        ck_assert_msg(load_rubric(text) == NULL, "%s", bad[i]);
    }
}
END_TEST

START_TEST(ids_are_lower_case_and_not_too_long)
{
    static const char *const bad[] = {
        "A",          "a b", "-a", "ä", "\"\"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "submission", "a/b"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf(HEAD "  - {id: %s, points: 1, title: T}\n", bad[i]);
        ck_assert_ptr_null(load_rubric(text));
        ck_assert_uint_eq(diagnostics_count(diagnostics, SEVERITY_ERROR), i + 1);
    }
}
END_TEST

START_TEST(checks_that_are_none_are_reported)
{
    ck_assert_ptr_null(load_rubric(HEAD ITEM("a", ", check: {}") ITEM("b", ", check: {limits: {wall: 0s, cpus: 0.001}}")
                                       ITEM("c", ", checks: []") ITEM("d", ", check: {run: x}, checks: [{run: y}]")
                                           ITEM("e", ", check: [run]") ITEM("f", ", checks: [x]")
                                               ITEM("g", ", check: {qqqqqqq: 1}")));
    ck_assert_reports("4:41: error: the check names no grader");
    ck_assert_reports("5:41: error: the check names no grader");
    ck_assert_reports("wall: must be more than 0");
    ck_assert_reports("6:42: error: checks: expected 1 to 100 checks, got 0");
    ck_assert_reports("an item has `check:` or `checks:`, not both");
    ck_assert_reports("8:41: error: check: expected a mapping");
    ck_assert_reports("9:43: error: check: expected a mapping");
    ck_assert_reports("cpus: expected a number of processors from 0.01 on, such as 0.5");
    ck_assert_reports("there is no grader \"qqqqqqq\"; a check may have: files, run, limits");
}
END_TEST

START_TEST(a_rubric_needs_items_and_an_id)
{
    ck_assert_ptr_null(load_rubric("title: x\n"));
    ck_assert_reported("rubrics/r.yaml:1:1: error: rubric lacks the required key \"rubric\"\n"
                       "rubrics/r.yaml:1:1: error: rubric lacks the required key \"items\"\n");
    ck_assert_ptr_null(load_rubric("[]"));
    ck_assert_ptr_null(load_rubric("rubric: r\nitems: []\n"));
    ck_assert_ptr_null(load_rubric("rubric: r\nitems: [x]\n"));
    ck_assert_reports("item: expected a mapping");
}
END_TEST

/* ---- files, digest, snapshot ---------------------------------------------------------------------------------------
 */

#define WITH_HIDDEN(path) HEAD "  - {id: a, points: 1, title: T, check: {run: {command: x, hidden: " path "}}}\n"

START_TEST(the_digest_is_what_the_formats_page_says)
{
    static const char text[] = WITH_HIDDEN("checks/h");
    put("checks/h/b.txt", "b");
    put("checks/h/sub/a.txt", "aa");
    put("checks/h/__pycache__/x.pyc", "debris");
    g_autoptr(Rubric) rubric = load_rubric(text);
    ck_assert_reported("");
    ck_assert_uint_eq(rubric->files->len, 2);
    ck_assert_str_eq(g_ptr_array_index(rubric->files, 0), "checks/h/b.txt");
    ck_assert_str_eq(g_ptr_array_index(rubric->files, 1), "checks/h/sub/a.txt");
    g_autofree char *b = file_sha256_bytes("b", 1), *a = file_sha256_bytes("aa", 2),
                    *r = file_sha256_bytes(text, strlen(text));
    g_autofree char *list =
        g_strdup_printf("rubric-digest 1\nchecks/h/b.txt\n1\n%s\nchecks/h/sub/a.txt\n2\n%s\nrubrics/r.yaml\n%zu\n%s\n",
                        b, a, strlen(text), r);
    g_autofree char *sum = file_sha256_bytes(list, strlen(list));
    g_autofree char *expected = g_strconcat("sha256:", sum, NULL);
    ck_assert_str_eq(rubric->digest, expected);
}
END_TEST

START_TEST(a_changed_file_that_a_check_uses_changes_the_digest)
{
    put("checks/a", "1");
    g_autoptr(Rubric) before = load_rubric(WITH_HIDDEN("checks/a"));
    put("checks/unused", "x");
    g_autoptr(Rubric) same = load_rubric(WITH_HIDDEN("checks/a"));
    put("checks/a", "2");
    g_autoptr(Rubric) after = load_rubric(WITH_HIDDEN("checks/a"));
    ck_assert_str_eq(before->digest, same->digest);
    ck_assert_str_ne(before->digest, after->digest);
}
END_TEST

START_TEST(files_outside_of_checks_and_links_are_refused)
{
    put("checks/real", "x");
    put("secret", "x");
    g_autofree char *link = g_build_filename(fixture_folder, "checks/link", NULL);
    ck_assert_int_eq(symlink("../secret", link), 0);
    g_autofree char *fifo = g_build_filename(fixture_folder, "checks/fifo", NULL);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    static const char *const bad[][2] = {
        {"secret", "files for checks lie below the course folder's checks/"},
        {"/etc/passwd", "files for checks lie below"},
        {"checks/../secret", "files for checks lie below"},
        {"checks//real", "files for checks lie below"},
        {"./checks/real", "files for checks lie below"},
        {"checks/link", "it is, or goes through, a symbolic link"},
        {"checks/absent", "there is no such file in the course folder"},
        {"checks/fifo", "neither a folder nor a regular file"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree char *text = g_strdup_printf(WITH_HIDDEN("%s"), bad[i][0]);
        ck_assert_ptr_null(load_rubric(text));
        ck_assert_reports(bad[i][1]);
        ck_assert_reports("rubrics/r.yaml:4:68: error:");
        g_clear_pointer(&diagnostics, diagnostics_free);
        diagnostics = diagnostics_new();
    }
    g_autoptr(Rubric) whole = load_rubric(WITH_HIDDEN("checks/real/"));
    ck_assert_ptr_nonnull(whole);
}
END_TEST

START_TEST(names_with_line_breaks_and_endless_folders_are_refused)
{
    put("checks/h/a\nb", "x");
    ck_assert_ptr_null(load_rubric(WITH_HIDDEN("checks/h")));
    ck_assert_reports("a file whose name is not one line of UTF-8 text: \"a\\nb\"");
    g_autoptr(GString) deep = g_string_new("checks/d");
    for (int i = 0; i < 40; i++)
        g_string_append(deep, "/d");
    put(deep->str, "x");
    ck_assert_ptr_null(load_rubric(WITH_HIDDEN("checks/d")));
    ck_assert_reports("more than 32 folders deep");
}
END_TEST

START_TEST(a_snapshot_has_the_same_digest_and_is_made_once)
{
    put("checks/h/run.sh", "#!/bin/sh\n");
    g_autofree char *script = g_build_filename(fixture_folder, "checks/h/run.sh", NULL);
    ck_assert_int_eq(chmod(script, 0755), 0);
    g_autoptr(Rubric) rubric = load_rubric(WITH_HIDDEN("checks/h"));
    g_autofree char *target = g_build_filename(fixture_folder, "store", "snap", NULL);
    g_autoptr(GError) error = NULL;
    ck_assert(rubric_snapshot(rubric, fixture_folder, target, &error));
    ck_assert(rubric_snapshot(rubric, fixture_folder, target, &error));
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(Rubric) again = rubric_load(target, "rubrics/r.yaml", fake_graders, utc, diagnostics);
    ck_assert_reported("");
    ck_assert_str_eq(again->digest, rubric->digest);
    g_autofree char *copy = g_build_filename(target, "checks/h/run.sh", NULL);
    ck_assert(g_file_test(copy, G_FILE_TEST_IS_EXECUTABLE));
}
END_TEST

START_TEST(a_snapshot_of_files_that_changed_since_is_refused_and_leaves_nothing)
{
    put("checks/a", "1");
    g_autoptr(Rubric) rubric = load_rubric(WITH_HIDDEN("checks/a"));
    put("checks/a", "2");
    g_autofree char *store = g_build_filename(fixture_folder, "store", NULL);
    g_autofree char *target = g_build_filename(store, "snap", NULL);
    g_autoptr(GError) error = NULL;
    ck_assert(!rubric_snapshot(rubric, fixture_folder, target, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY));
    g_autoptr(GDir) left = g_dir_open(store, 0, NULL);
    ck_assert_ptr_null(g_dir_read_name(left));
    g_clear_error(&error);
    g_autofree char *used = g_build_filename(fixture_folder, "checks/a", NULL);
    unlink(used);
    ck_assert(!rubric_snapshot(rubric, fixture_folder, target, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("rubric");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_rubric_is_read_with_all_that_an_item_has);
    tcase_add_test(tcase, items_are_ordered_so_that_needs_come_first);
    tcase_add_test(tcase, each_circle_of_needs_is_named_in_full);
    tcase_add_test(tcase, needs_that_are_no_items_or_come_twice_are_reported);
    tcase_add_test(tcase, a_chain_of_as_many_needs_as_there_may_be_items_is_fine);
    tcase_add_test(tcase, a_total_that_is_not_the_sum_is_refused_with_both_numbers);
    tcase_add_test(tcase, a_leaderboard_names_items_and_what_their_checks_measure);
    tcase_add_loop_test(tcase, a_leaderboard_that_cannot_be_is_refused, 0, G_N_ELEMENTS(bad_rankings));
    tcase_add_test(tcase, how_much_may_be_handed_in_is_the_rubrics);
    tcase_add_test(tcase, ids_are_lower_case_and_not_too_long);
    tcase_add_test(tcase, checks_that_are_none_are_reported);
    tcase_add_test(tcase, a_rubric_needs_items_and_an_id);
    tcase_add_test(tcase, the_digest_is_what_the_formats_page_says);
    tcase_add_test(tcase, a_changed_file_that_a_check_uses_changes_the_digest);
    tcase_add_test(tcase, files_outside_of_checks_and_links_are_refused);
    tcase_add_test(tcase, names_with_line_breaks_and_endless_folders_are_refused);
    tcase_add_test(tcase, a_snapshot_has_the_same_digest_and_is_made_once);
    tcase_add_test(tcase, a_snapshot_of_files_that_changed_since_is_refused_and_leaves_nothing);
    return fixture_main(tcase, "rubric");
}
