/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/data/tokens/cases.csv: a story an account, and what must come of it.
 *
 *   submit LABEL ASSIGNMENT TIME POINTS[+BONUS][/MAX]|nograde|error [=CONTENT]     TIME: +5h, -1h, +3s from the
 * deadline, or local time release ASSIGNMENT TIME    extend ASSIGNMENT HOURSh    grant N [ASSIGNMENT TIME]    confirm
 * LABEL    withdraw LABEL
 *
 * Expected: "LABEL KIND TOKENS PENALTY CREDIT" and "left BALANCE".
 */
#include "tests/unit/tokens/fixture.h"

typedef struct {
    const char *name;
    GPtrArray *events;
    GHashTable *earned; /* label -> points in thousandths */
    gint64 last_us;
} Story;

static gint64 label_id(const char *label)
{
    return label[0] - 'a' + 1;
}

static gint64 read_time(const char *assignment_id, const char *text)
{
    if (text[0] != '+' && text[0] != '-') {
        gint64 at_us = 0;
        ck_assert_good(clock_parse(text, course->zone, &at_us, error));
        return at_us;
    }
    const Assignment *assignment = course_assignment(course, assignment_id);
    char *unit;
    double amount = g_ascii_strtod(text, &unit);
    gint64 base_us = assignment ? assignment->deadline_us : 0;
    return base_us + (gint64)(amount * (double)(*unit == 's' ? CLOCK_SECOND_US : CLOCK_HOUR_US));
}

static void tell_submit(Story *story, char **words, guint n_words)
{
    gint64 id = label_id(words[1]);
    gint64 at_us = read_time(words[2], words[3]);
    const char *content = n_words > 5 ? words[5] : words[1];
    events_add_submitted(story->events, at_us, words[2], id, content);
    story->last_us = MAX(story->last_us, at_us);
    if (strcmp(words[4], "nograde") == 0)
        return;
    gint64 points = g_ascii_strtoll(words[4], NULL, 10);
    const char *bonus = strchr(words[4], '+'), *max = strchr(words[4], '/');
    gint64 bonus_points = bonus ? g_ascii_strtoll(bonus + 1, NULL, 10) : 0;
    events_add_graded(story->events, at_us + CLOCK_HOUR_US / 2, id, points, bonus_points,
                      max ? g_ascii_strtoll(max + 1, NULL, 10) : 100, strcmp(words[4], "error") == 0);
    g_hash_table_insert(story->earned, g_strdup(words[1]), GINT_TO_POINTER((int)(points + bonus_points) * 1000));
}

static void tell_grant(Story *story, char **words, guint n_words)
{
    g_autofree char *data = g_strdup_printf("{\"amount_milli\":%d}", atoi(words[1]) * 1000);
    gint64 at_us = n_words > 3 ? read_time(words[2], words[3]) : 0;
    EventRow *event = events_add(story->events, "granted", at_us, NULL, 0, data);
    event->who = g_strdup("prof");
    event->why = g_strdup("a story");
}

static void tell_step(Story *story, char **words)
{
    guint n_words = g_strv_length(words);
    if (strcmp(words[0], "submit") == 0) {
        tell_submit(story, words, n_words);
    } else if (strcmp(words[0], "release") == 0) {
        events_add(story->events, "released", read_time(words[1], words[2]), words[1], 0, "{}");
    } else if (strcmp(words[0], "extend") == 0) {
        g_autofree char *data = g_strdup_printf("{\"by_us\":%" G_GINT64_FORMAT "}", atoi(words[2]) * CLOCK_HOUR_US);
        events_add(story->events, "extended", story->last_us, words[1], 0, data);
    } else if (strcmp(words[0], "grant") == 0) {
        tell_grant(story, words, n_words);
    } else {
        const char *kind = strcmp(words[0], "confirm") == 0 ? "confirmed" : "withdrawn";
        events_add(story->events, kind, story->last_us + CLOCK_DAY_US, NULL, label_id(words[1]), "{}");
    }
}

static void tell(Story *story, const char *text)
{
    g_auto(GStrv) steps = g_strsplit(text, "; ", -1);
    for (guint i = 0; steps[i]; i++) {
        g_auto(GStrv) words = g_strsplit(steps[i], " ", -1);
        tell_step(story, words);
    }
}

static void check_decision(const Story *story, const Fold *fold, char **words)
{
    const Decision *decision = fold_decision(fold, label_id(words[0]));
    ck_assert_ptr_nonnull(decision);
    gint64 earned_milli = GPOINTER_TO_INT(g_hash_table_lookup(story->earned, words[0]));
    g_autofree char *tokens = points_format(decision->tokens_milli);
    g_autofree char *penalty = points_format(decision->penalty_milli);
    g_autofree char *credit = points_format(decision_credit_milli(decision, earned_milli));
    g_autofree char *got = g_strjoin(" ", words[0], decision_kind_name(decision->kind), tokens, penalty, credit, NULL);
    g_autofree char *wanted = g_strjoinv(" ", words);
    ck_assert_msg(strcmp(got, wanted) == 0, "%s: got \"%s\", expected \"%s\" (%s)", story->name, got, wanted,
                  decision->sentence);
    ck_assert(g_utf8_validate(decision->sentence, -1, NULL) && strlen(decision->sentence) > 10);
}

static void check_expected(const Story *story, const Fold *fold, const char *expected)
{
    g_auto(GStrv) parts = g_strsplit(expected, "; ", -1);
    for (guint i = 0; parts[i]; i++) {
        g_auto(GStrv) words = g_strsplit(parts[i], " ", -1);
        if (strcmp(words[0], "left") == 0)
            ck_assert_msg(fold->balance_milli == atoi(words[1]) * 1000, "%s: %" G_GINT64_FORMAT " left", story->name,
                          fold->balance_milli);
        else
            check_decision(story, fold, words);
    }
}

static void check_order_does_not_matter(const Story *story, const Fold *fold, const char *account)
{
    g_autofree char *text = fold_text(fold);
    g_autoptr(GRand) random = g_rand_new_with_seed(2022);
    for (int i = 0; i < 8; i++) {
        events_shuffle(story->events, random);
        g_autoptr(Fold) again = policy_fold(policy, course, account, story->events);
        g_autofree char *other = fold_text(again);
        ck_assert_msg(strcmp(text, other) == 0, "%s: another order of events gives\n%s\ninstead of\n%s", story->name,
                      other, text);
    }
}

static void check_case(char **cells)
{
    Story story = {.name = cells[0],
                   .events = events_new(),
                   .earned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
    OwnerKind kind = course_team(course, cells[1]) ? OWNER_TEAM : OWNER_PERSON;
    g_autofree char *account = account_name(kind, cells[1]);
    policy->banks[kind].pool_milli = atoi(cells[2]) * 1000;
    tell(&story, cells[3]);
    g_autoptr(Fold) fold = policy_fold(policy, course, account, story.events);
    check_expected(&story, fold, cells[4]);
    check_order_does_not_matter(&story, fold, account);
    g_ptr_array_unref(story.events);
    g_hash_table_destroy(story.earned);
}

START_TEST(every_case_of_the_table_comes_out_as_it_says)
{
    const gsize max_bytes = 1 << 20;
    g_autofree char *text = NULL;
    ck_assert_good(file_read(TEST_DATA "/tokens/cases.csv", max_bytes, &text, NULL, error));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    unsigned n_cases = 0;
    for (guint i = 1; lines[i] && *lines[i]; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], ",", -1);
        ck_assert_msg(g_strv_length(cells) == 5, "line %u has not five cells", i + 1);
        check_case(cells);
        n_cases++;
    }
    printf("%u cases\n", n_cases);
    ck_assert_uint_ge(n_cases, 70);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("cases");
    tcase_add_checked_fixture(tcase, fixture_course, fixture_course_free);
    tcase_add_test(tcase, every_case_of_the_table_comes_out_as_it_says);
    return fixture_main(tcase, "token cases");
}
