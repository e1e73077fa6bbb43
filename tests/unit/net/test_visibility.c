/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Over random rubrics, findings, times and releases: what a student may not see is in no document for students. Each
 * item is marked in every text that it brings; a hidden one's mark must appear nowhere, a visible one's everywhere.
 */
#include "daemon/net/github_page.h"
#include "daemon/net/result.h"

#include "tests/unit/net/gradescope_schema.h"
#include "tests/unit/run_suite.h"

enum { MAX_ITEMS = 8, N_ROUNDS = 400 };
static const gint64 deadline_us = 1000;

typedef struct {
    GRand *random;
    Rubric *rubric;
    GPtrArray *findings;
    Verdict *verdict;
} Round;

static char *mark_of(guint i)
{
    return g_strdup_printf("mark%uq", i);
}

static void append_items(Round *round, guint first, guint n, GString *out)
{
    static const char *const judges[] = {"machine", "ta", "both"};
    for (guint i = first; i < first + n; i++) {
        g_autofree char *mark = mark_of(i);
        g_string_append_printf(out,
                               "  - id: %s\n    points: %d\n    title: Title %s\n    passes: \"It is %s.\"\n"
                               "    visible: %s\n    judge: %s\n    check: {run: \"true\"}\n",
                               mark, g_rand_int_range(round->random, 1, 50), mark, mark,
                               visible_name((Visible)g_rand_int_range(round->random, 0, 4)),
                               judges[g_rand_int_range(round->random, 0, 3)]);
        if (i > 0 && g_rand_boolean(round->random)) {
            g_autofree char *need = mark_of((guint)g_rand_int_range(round->random, 0, (gint32)i));
            g_string_append_printf(out, "    needs: [%s]\n", need);
        }
    }
}

static void make_rubric(Round *round, const char *folder)
{
    guint n = (guint)g_rand_int_range(round->random, 1, MAX_ITEMS + 1);
    guint n_bonus = (guint)g_rand_int_range(round->random, 0, (gint32)n);
    g_autoptr(GString) text = g_string_new("rubric: r\ntitle: R\nitems:\n");
    append_items(round, 0, n - n_bonus, text);
    if (n_bonus > 0)
        g_string_append(text, "bonus:\n");
    append_items(round, n - n_bonus, n_bonus, text);
    g_string_append(text, "leaderboard:\n");
    for (guint i = 0; i < n; i++) {
        g_autofree char *mark = mark_of(i);
        g_string_append_printf(text, "  - {name: Rank %s, item: %s%s}\n", mark, mark,
                               g_rand_boolean(round->random) ? ", figure: n" : "");
    }
    fixture_write(folder, "rubrics/r.yaml", text->str);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    round->rubric = rubric_load(folder, "rubrics/r.yaml", graders_all(), utc, diagnostics);
    g_autofree char *told = diagnostics_format(diagnostics);
    ck_assert_msg(round->rubric != NULL, "%s\n%s", told, text->str);
}

static void make_findings(Round *round)
{
    round->findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    for (guint i = 0; i < round->rubric->items->len; i++) {
        const Item *item = g_ptr_array_index(round->rubric->items, i);
        const Check *check = g_ptr_array_index(item->checks, 0);
        Finding *finding =
            finding_new(item->id, check->name, "run", (FindingOutcome)g_rand_int_range(round->random, 0, 3),
                        "found in report.md:%u: %s", i + 1, item->id);
        finding->figures = cJSON_CreateObject();
        json_add_int64(finding->figures, "n", i);
        finding->evidence = g_strdup_printf("src/a.c:%u: %s", i + 1, item->id);
        finding->suspicion = g_strdup_printf("suspicion of %s", item->id);
        g_ptr_array_add(round->findings, finding);
    }
}

static void check_documents(const Round *round, const Result *result)
{
    g_autofree char *gradescope = schema_gradescope(result_gradescope(result));
    g_autofree char *json = result_json(result);
    g_autofree char *markdown = result_markdown(result);
    g_autofree char *terminal = result_terminal(result, false);
    g_auto(GithubPage) page = {0};
    github_page_make(result, &page);
    g_autofree char *annotations = cJSON_Print(page.annotations);
    const char *const whole[] = {gradescope, json, markdown, terminal};
    const char *const parts[] = {page.title, page.summary, page.text, page.description, annotations};
    for (guint i = 0; i < round->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(round->verdict->items, i);
        bool is_visible = result_item_is_visible(result, item);
        for (gsize k = 0; k < G_N_ELEMENTS(whole); k++)
            ck_assert_msg((strstr(whole[k], item->id) != NULL) == is_visible, "document %zu, %s (%s)\n%s", k, item->id,
                          visible_name(item->visible), whole[k]);
        for (gsize k = 0; k < G_N_ELEMENTS(parts) && !is_visible; k++)
            ck_assert_msg(!parts[k] || !strstr(parts[k], item->id), "page %zu, %s (%s)\n%s", k, item->id,
                          visible_name(item->visible), parts[k]);
    }
    ck_assert_lacks(markdown, "suspicion of");
}

static void check_points(const Round *round, const Result *result)
{
    gint64 seen_milli = 0;
    for (guint i = 0; i < round->verdict->items->len; i++) {
        const VerdictItem *item = g_ptr_array_index(round->verdict->items, i);
        if (result_item_is_visible(result, item) && item->outcome == ITEM_PASS)
            seen_milli += item->points_milli;
    }
    ck_assert_int_eq(result_score_milli(result), seen_milli); /* what is hidden is not in the sum either */
}

START_TEST(what_a_student_may_not_see_is_in_no_document)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-visibility-XXXXXX", NULL);
    const guint32 seed = g_random_int();
    printf("visibility: seed %u\n", seed);
    Round round = {.random = g_rand_new_with_seed(seed)};
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    for (int i = 0; i < N_ROUNDS; i++) {
        make_rubric(&round, folder);
        make_findings(&round);
        round.verdict = verdict_score(round.rubric, round.findings);
        round.verdict->assignment = g_strdup("m1");
        const Assignment assignment = {.id = (char *)"m1", .title = (char *)"M", .deadline_us = deadline_us};
        const Result result = {.verdict = round.verdict,
                               .assignment = &assignment,
                               .zone = utc,
                               .now_us = g_rand_boolean(round.random) ? deadline_us - 1 : deadline_us + 1,
                               .is_released = g_rand_boolean(round.random),
                               .verdict_number = 1};
        check_documents(&round, &result);
        check_points(&round, &result);
        verdict_free(round.verdict);
        g_ptr_array_unref(round.findings);
        rubric_free(round.rubric);
    }
    g_rand_free(round.random);
    file_remove_tree(folder, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("visibility");
    TCase *tests = tcase_create("property");
    tcase_set_timeout(tests, 100);
    tcase_add_test(tests, what_a_student_may_not_see_is_in_no_document);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
