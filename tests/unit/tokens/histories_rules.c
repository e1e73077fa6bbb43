/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tokens/histories.h"

#include <glib/gstdio.h>

static const char roster[] = "id,name,email,github,sid,section,team,status,aliases\n"
                             "ann,Ann,ann@x.example,,,,team1,student,\nbob,Bob,bob@x.example,,,,team1,student,\n"
                             "cat,Cat,cat@x.example,,,,team2,student,\naud,Aud,aud@x.example,,,,,audit,\n";

void rules_free(Rules *rules)
{
    policy_free(rules->policy);
    course_free(rules->course);
    g_free(rules->name);
    g_free(rules->text);
    g_free(rules);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) problem = NULL;
    ck_assert_msg(g_file_set_contents(path, text, -1, &problem), "%s: %s", path, problem ? problem->message : "");
}

/* Takes both texts over. */
static Rules *rules_of_text(char *name, char *text)
{
    static const GraderType *const no_graders[] = {NULL};
    g_autofree char *folder = g_dir_make_tmp("rubric-histories-XXXXXX", NULL);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    Rules *rules = g_new0(Rules, 1);
    write_file(folder, "course.yaml", text);
    write_file(folder, "roster.csv", roster);
    *rules = (Rules){.name = name, .text = text, .course = course_load(folder, no_graders, diagnostics)};
    rules->policy = rules->course ? policy_parse(rules->course, diagnostics) : NULL;
    g_autofree char *problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    ck_assert_msg(rules->policy != NULL, "%s:\n%s\n%s", name, text, problems);
    return rules;
}

Rules *rules_of_course(const char *folder)
{
    const gsize max_bytes = 1 << 20;
    g_autofree char *path = g_build_filename(SOURCE_FOLDER, folder, "course.yaml", NULL);
    char *text = NULL;
    ck_assert_good(file_read(path, max_bytes, &text, NULL, error));
    return rules_of_text(g_strdup(folder), text);
}

GPtrArray *rules_of_all_courses(void)
{
    g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) courses = g_dir_open(TEST_DATA "/courses", 0, NULL);
    g_ptr_array_add(folders, g_strdup("tests/data/tokens/fall"));
    g_ptr_array_add(folders, g_strdup("rubrics/mlip-f22"));
    for (const char *name = courses ? g_dir_read_name(courses) : NULL; name; name = g_dir_read_name(courses))
        g_ptr_array_add(folders, g_build_filename("tests/data/courses", name, NULL));
    g_ptr_array_sort(folders, text_compare);
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)rules_free);
    for (guint i = 0; i < folders->len; i++)
        g_ptr_array_add(all, rules_of_course(g_ptr_array_index(folders, i)));
    return all;
}

/* ---- composing --------------------------------------------------------------------------------------------------- */

typedef struct {
    GRand *random;
    GString *text;
    bool has_parts, has_groups, hands_out_at_end;
} Composer;

static bool one_in(const Composer *composer, gint32 n)
{
    return g_rand_int_range(composer->random, 0, n) == 0;
}

static const char *one_of(const Composer *composer, const char *const *values)
{
    return values[g_rand_int_range(composer->random, 0, (gint32)g_strv_length((char **)values))];
}

#define ONE_OF(composer, ...) one_of(composer, (const char *const[]){__VA_ARGS__, NULL})

static void add(const Composer *composer, const char *text)
{
    g_string_append(composer->text, text);
}

/* One time in n: one of the texts. */
#define MAYBE(composer, n, ...) add(composer, one_in(composer, n) ? ONE_OF(composer, __VA_ARGS__) : "")

static void add_late(const Composer *composer)
{
    if (one_in(composer, 8)) {
        add(composer, "late: none");
        return;
    }
    add(composer, "late: {price: ");
    add(composer,
        ONE_OF(composer, "1", "1", "1", "2", "0", "0.5", "0.333", "[1, 2, 4]", "[1, 1, 2, 5, 5]", "[0, 0, 3]",
               "[{units: 2, each: 0.5}, {each: 1}]", "[{units: 1, each: 2}, {units: 3, each: 0}, {each: 1}]"));
    if (!composer->hands_out_at_end && one_in(composer, 12))
        add(composer, ", unit: nth");
    else
        MAYBE(composer, 2, ", unit: started_day", ", unit: started_hour", ", unit: once", ", unit: calendar_day",
              ", unit: working_day", ", unit: span, every: 12h", ", unit: span, every: 90min", ", skip_days_off: yes",
              ", unit: started_hour, skip_days_off: yes", ", unit: brackets, brackets: [1h, 1d, 3d]",
              ", unit: slots, slots: [\"2022-09-10 12:00\", \"2022-09-13 12:00\", \"2022-09-15 12:00\"]");
    MAYBE(composer, 3, ", flat: 3", ", flat: none", ", flat: {price: 2, percent: 10}",
          ", flat: {price: 1, needs_first: yes}", ", flat: [{price: 1, up_to: 1}, {price: 2, up_to: 4}]",
          ", flat: {price: 0, percent: 50}", ", flat: [{price: 2}, {price: 1, percent: 20}]");
    MAYBE(composer, 6, ", percent_each: 5", ", percent_each: 50");
    MAYBE(composer, 4, ", grace: 10min", ", grace: 2h", ", grace: 1d, grace_moves: yes",
          ", grace: 15min, grace_moves: yes");
    MAYBE(composer, 4, ", max_units: 0", ", max_units: 1", ", max_units: 2", ", max_units: 3");
    MAYBE(composer, 5, ", hold_after: 0", ", hold_after: 2", ", hold_after: 5");
    MAYBE(composer, 5, ", stop_after: 0", ", stop_after: 2", ", stop_after: 4", ", stop_after: 7");
    MAYBE(composer, 5, ", partial: no");
    MAYBE(composer, 8, ", declare: before_deadline", ", declare: any_time",
          ", declare: before_deadline, declare_by: 24h");
    MAYBE(composer, 10, ", needs_first: yes");
    MAYBE(composer, 8, ", within: 3d", ", within: 36h");
    if (!composer->hands_out_at_end)
        MAYBE(composer, 5, ", max_units_term: 3", ", max_units_term: 1", ", max_assignments: 1",
              ", max_assignments: 2");
    add(composer, "}");
}

static void add_resubmission(const Composer *composer)
{
    if (one_in(composer, 5)) {
        add(composer, "resubmission: none");
        return;
    }
    add(composer, "resubmission: {price: ");
    add(composer, ONE_OF(composer, "1", "1", "3", "0", "0.5", "[1, 3, 6]", "[0, 1]"));
    MAYBE(composer, 2, ", ask: no");
    MAYBE(composer, 8, ", by_result: [{below: 40, price: 2}, {below: 70, price: 1}]",
          ", by_result: [{below: 80, price: 0}]");
    MAYBE(composer, 4, ", after: deadline");
    MAYBE(composer, 4, ", max_times: 1", ", max_times: 2", ", max_times_term: 1", ", max_times_term: 3");
    MAYBE(composer, 4, ", within: 7d", ", within: 36h", ", until: \"2022-09-17 23:59\"");
    MAYBE(composer, 3, ", rule: best", ", rule: gain, share: 50", ", rule: gain, share: 90", ", rule: replace");
    MAYBE(composer, 4, ", cap: 90", ", below: 80", ", above: 30", ", cap: 70, above: 20, below: 60");
    MAYBE(composer, 10, ", needs: reflection");
    MAYBE(composer, 4, ", refund_at: 100", ", refund_at: 80", ", refund_at: 50");
    MAYBE(composer, 8, ", first_on_time: yes");
    MAYBE(composer, 6, ", keeps_penalty: yes");
    MAYBE(composer, 8, ", rounds: [\"2022-09-10 23:59\", \"2022-09-17 23:59\"], max_a_round: 1",
          ", rounds: [\"2022-09-14 12:00\"], max_a_round: 2");
    add(composer, "}");
}

static void add_outcome(const Composer *composer)
{
    if (one_in(composer, 3)) {
        add(composer, ONE_OF(composer, "feedback", "refused", "hold"));
        return;
    }
    add(composer, "{");
    add(composer, ONE_OF(composer, "percent: 15", "percent: 10", "percent: 0.5", "percent: [5, 20, 50]",
                         "percent: [{units: 2, each: 5}, {each: 20}]", "percent: 10, of: maximum",
                         "percent: 1, of: course", "points: 2", "points: 33.333", "points: [1, 2, 4, 8]",
                         "cap: 100, less: 10", "cap: 80, less: [0, 10, 30]", "keep: 90", "keep: 50"));
    MAYBE(composer, 6, ", start: 5", ", start: 10");
    MAYBE(composer, 6, ", at_most: 30", ", at_most: 60");
    MAYBE(composer, 6, ", floor: 40", ", floor: 10");
    MAYBE(composer, 6, ", prorated: yes");
    add(composer, "}");
}

static void add_without_tokens(const Composer *composer)
{
    add(composer, "without_tokens: ");
    bool is_split = one_in(composer, 4);
    add(composer, is_split ? "{person: " : "");
    add_outcome(composer);
    if (!is_split)
        return;
    add(composer, ", team: ");
    add_outcome(composer);
    add(composer, "}");
}

/* Keys of a rule, each before `between`; late, resubmission and without_tokens one time in n, or never. */
static void add_rule(const Composer *composer, gint32 n, const char *between)
{
    static void (*const keys[])(const Composer *) = {add_late, add_resubmission, add_without_tokens};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (n == 0 || !one_in(composer, n))
            continue;
        keys[i](composer);
        add(composer, between);
    }
    const struct {
        gint32 n;
        const char *text;
    } others[] = {
        {6, ONE_OF(composer, "early: {by: 24h, points: 1}", "early: {by: 1d, times: 3, tokens: 0.5}",
                   "early: {tokens: 1, at_least: 90}", "early: {percent: 10}", "early: {by: 12h, times: 2, percent: 5}",
                   "early: {by: 1d, times: 3, percent: [2, 3, 4], skip_days_off: yes}",
                   "early: {by: 12h, times: 2, tokens: [1, 1.5]}")},
        {5, composer->has_groups || composer->hands_out_at_end
                ? ONE_OF(composer, "counts: best", "counts: first", "counts: last")
                : ONE_OF(composer, "counts: best", "counts: first", "counts: last", "counts: gain")},
        {8, ONE_OF(composer, "bank: written", "bank: crew")},
        {8, ONE_OF(composer, "cutoff: \"2022-09-16 12:00\"", "cutoff: \"2022-11-09 12:00\"")},
        {composer->has_groups ? 2 : 0,
         composer->has_parts ? ONE_OF(composer, "group: all_members", "group: any_member", "group: shared",
                                      "group: {enough: any, pays: each}")
                             : ONE_OF(composer, "group: all_members", "group: any_member", "group: shared",
                                      "group: {enough: any, pays: each}", "group: {enough: together, pays: each}",
                                      "group: each_member", "group: each_member")},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i].n == 0 || !one_in(composer, others[i].n))
            continue;
        add(composer, others[i].text);
        add(composer, between);
    }
}

static void add_course(const Composer *composer)
{
    static const char *const lines[][4] = {
        {"  i1: {kind: homework, deadline: ", "2022-09-07 23:59", "2022-09-09 23:59", "2022-09-10 12:00"},
        {"  i2: {kind: homework, deadline: ", "2022-09-12 12:00", "2022-09-08 23:59", "2022-11-05 23:59"},
        {"  i3: {kind: homework, deadline: ", "2022-09-14 23:59", "2022-09-12 12:00", "2022-11-06 00:30"},
        {"  q1: {kind: quiz, deadline: ", "2022-09-09 13:25", "2022-09-14 13:25", "2022-11-07 13:25"},
        {"  m1: {kind: milestone, deadline: ", "2022-09-10 23:59", "2022-09-09 23:59", "2022-11-04 23:59"},
        {"  m2: {kind: milestone, deadline: ", "2022-09-13 23:59", "2022-09-10 23:59", "2022-11-08 12:00"},
    };
    add(composer, "course: composed\ntitle: Composed\ntimezone: America/New_York\nassignments:\n");
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        const char *id = lines[i][0] + 2;
        bool has_parts = composer->has_parts && id[1] == '1' && id[0] != 'q';
        add(composer, lines[i][0]);
        g_string_append_printf(composer->text, "\"%s\"", lines[i][g_rand_int_range(composer->random, 1, 4)]);
        MAYBE(composer, 10, ", extensible: no");
        if (has_parts)
            add(composer, ONE_OF(composer, ", parts: {a: {deadline: \"2022-09-08 23:59\", share: 30}}",
                                 ", parts: {a: {deadline: \"2022-09-08 23:59\", share: 33.333}, b: {deadline: "
                                 "\"2022-09-11 12:00\", share: 66.667}}",
                                 ", parts: {a: {deadline: \"2022-09-06 23:59\", share: 20}, b: {deadline: "
                                 "\"2022-09-13 23:59\", share: 50, extensible: no}}"));
        add(composer, "}\n");
    }
}

static void add_bank(const Composer *composer, const char *head)
{
    add(composer, head);
    add(composer, ONE_OF(composer, "pool: 0", "pool: 1", "pool: 2", "pool: 3", "pool: 7", "pool: 2.5", "pool: 20",
                         "pool: 1, most: 2", "pool: 2.5, most: 3"));
    MAYBE(composer, 6, ", debt: 1", ", debt: 2.5");
    MAYBE(composer, 6, ", expires: \"2022-09-14 00:00\"", ", expires: \"2022-09-11 12:00\"");
    MAYBE(composer, 6, ", gifts: yes");
    MAYBE(composer, 6, ", adds: [{at: \"2022-09-09 00:00\", tokens: 1}]",
          ", adds: [{at: \"2022-09-08 12:00\", tokens: 0.5}, {at: \"2022-09-13 00:00\", tokens: 2}]");
    add(composer, "}\n");
}

static void add_readings(const Composer *composer)
{
    MAYBE(composer, 3, "  day_count: elapsed\n", "  day_count: wall_clock\n");
    MAYBE(composer, 2, "  replace_on_time: charge\n", "  replace_on_time: never\n");
    if (composer->hands_out_at_end)
        add(composer, ONE_OF(composer, "  allocation: best_at_end\n", "  allocation: in_order\n"));
    MAYBE(composer, 3, "  days_off: one\n");
    MAYBE(composer, 3, "  holidays: [\"2022-09-05\", \"2022-09-12\"]\n");
    MAYBE(composer, 6, "  weekend: [fri, sat]\n");
    MAYBE(composer, 4, "  incremental: no\n");
    MAYBE(composer, 5, "  no_benefit: charge\n");
    MAYBE(composer, 5, "  withdrawn: charge\n");
    MAYBE(composer, 4, "  joined_late: {extend: 3d}\n", "  joined_late: {extend: 12h}\n");
    MAYBE(composer, 4, "  purchases: {excuse: {price: 2, max_times: 1, excuses: yes}, tea: {price: 0.5}}\n",
          "  purchases: {excuse: {price: 1, until: \"2022-09-12 00:00\"}, tea: {price: 0, bank: written}}\n");
}

static void add_overrides(const Composer *composer)
{
    static const char *const names[][3] = {
        {"kinds", "homework", "milestone"}, {"assignments", "i2", "m2"}, {"parts", "i1/a", "m1/a"}};
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!one_in(composer, 3) || (strcmp(names[i][0], "parts") == 0 && !composer->has_parts))
            continue;
        g_string_append_printf(composer->text, "  %s: {%s: {", names[i][0],
                               names[i][g_rand_int_range(composer->random, 1, 3)]);
        add_rule(composer, 3, ", ");
        add(composer, "}}\n");
    }
}

static void add_periods(const Composer *composer)
{
    if (!one_in(composer, 5))
        return;
    add(composer, "  periods:\n    - {");
    add(composer, ONE_OF(composer, "from: \"2022-09-10 00:00\", ", "until: \"2022-09-11 00:00\", by: deadline, ",
                         "from: \"2022-09-09 00:00\", until: \"2022-09-13 00:00\", "));
    add_rule(composer, 2, ", ");
    add(composer, "}\n");
}

Rules *rules_random(GRand *random)
{
    const gint32 never = 0;
    Composer composer = {.random = random, .text = g_string_new(NULL)};
    composer.has_parts = one_in(&composer, 3);
    composer.has_groups = one_in(&composer, 3);
    composer.hands_out_at_end = !composer.has_groups && one_in(&composer, 3);
    add_course(&composer);
    add(&composer, "tokens:\n  banks:\n");
    add_bank(&composer, "    person: {");
    add_bank(&composer, "    team: {");
    add_bank(&composer, "    written: {owner: person, ");
    add_bank(&composer, "    crew: {owner: team, ");
    add_readings(&composer);
    add(&composer, "  ");
    add_late(&composer);
    add(&composer, "\n  ");
    add_without_tokens(&composer);
    add(&composer, "\n  ");
    add_resubmission(&composer);
    add(&composer, "\n  ");
    add_rule(&composer, never, "\n  ");
    g_string_truncate(composer.text, composer.text->len - strlen("  "));
    add_periods(&composer);
    add_overrides(&composer);
    return rules_of_text(g_strdup("composed"), g_string_free(composer.text, FALSE));
}
