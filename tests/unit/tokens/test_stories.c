/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Courses as they are written, and what becomes of their students: all .txt of tests/data/token-cases, or the file that
 * $RUBRIC_STORIES names. Columns between "|": case, course (folder below tests/data/courses, or mlip-f22), change of
 * its course.yaml
 * ("old => new", several by " && "), owner, pool, story, expected.
 *
 * Steps of a story, by "; ":
 *   submit LABEL ASSIGNMENT TIME POINTS[+BONUS][/MAX]|nograde|error [=CONTENT]    TIME: +5h, -1h, +3s, or local time
 *   release|hold|lift ASSIGNMENT TIME    extend ASSIGNMENT HOURSh    declare ASSIGNMENT TIME UNITS
 *   confirm|withdraw|waive|select LABEL    route LABEL NAME    override LABEL TOKENS PENALTY    note LABEL WHAT
 *   grant|deduct|gift|convert N [BANK [ASSIGNMENT TIME]]    joined ASSIGNMENT TIME    as OWNER
 *   buy WHAT ASSIGNMENT|- TIME    move PERSON TEAM TEAM TIME
 * Expected, by "; ": "LABEL KIND TOKENS PENALTY CREDIT", "LABEL@MEMBER KIND TOKENS CREDIT" (a member's own share; none:
 * no share), "LABEL/PART ..." (a part's, "rest": what is in none), "left N", "left OWNER[/BANK] N".
 */
#include "tests/unit/tokens/fixture.h"

typedef struct {
    const char *name;
    Course *course;
    GPtrArray *events;
    GHashTable *earned; /* label -> points in thousandths */
    char *account;
    gint64 last_us;
} Story;

/* ---- courses ---------------------------------------------------------------------------------------------------- */

typedef struct {
    Course *course;
    Policy *policy;
} Rules;

static void rules_clear(Rules *rules)
{
    policy_free(rules->policy);
    course_free(rules->course);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rules, rules_clear)

static char *change_text(const char *text, const char *changes, const char *name)
{
    g_autoptr(GString) changed = g_string_new(text);
    g_auto(GStrv) each = g_strsplit(changes, " && ", -1);
    for (guint i = 0; each[i] && *each[i]; i++) {
        g_autofree char *one = g_strcompress(each[i]); /* \n is a line's end */
        g_auto(GStrv) sides = g_strsplit(one, " => ", 2);
        ck_assert_msg(g_strv_length(sides) == 2, "%s: no change: \"%s\"", name, each[i]);
        guint n = g_string_replace(changed, sides[0], sides[1], 0);
        ck_assert_msg(n > 0, "%s: course.yaml has no \"%s\"", name, sides[0]);
    }
    return g_strdup(changed->str);
}

static void read_rules(const char *name, const char *course_name, const char *changes, Rules *rules)
{
    const gsize max_bytes = 1 << 20;
    const char *base = strcmp(course_name, "mlip-f22") == 0 ? SOURCE_FOLDER "/rubrics" : TEST_DATA "/courses";
    g_autofree char *from = g_build_filename(base, course_name, "course.yaml", NULL);
    g_autofree char *folder = g_dir_make_tmp("rubric-story-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "course.yaml", NULL);
    g_autofree char *roster = g_build_filename(folder, "roster.csv", NULL);
    const char *people = "id,name,email,github,sid,section,team,status,aliases\n"
                         "ann,Ann,ann@x.example,,,,team1,student,\nbob,Bob,bob@x.example,,,,team1,student,\n"
                         "cat,Cat,cat@x.example,,,,team2,student,\naud,Aud,aud@x.example,,,,team2,audit,\n";
    g_autofree char *text = NULL;
    ck_assert_good(file_read(from, max_bytes, &text, NULL, error));
    g_autofree char *changed = change_text(text, changes, name);
    ck_assert_good(file_write_atomic(path, changed, strlen(changed), 0600, error));
    ck_assert_good(file_write_atomic(roster, people, strlen(people), 0600, error));
    static const GraderType *const no_graders[] = {NULL};
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    rules->course = course_load(folder, no_graders, diagnostics);
    rules->policy = rules->course ? policy_parse(rules->course, diagnostics) : NULL;
    g_autofree char *problems = diagnostics_format(diagnostics);
    file_remove_tree(folder, NULL);
    ck_assert_msg(rules->policy != NULL, "%s: %s: %s", name, course_name, problems);
}

/* ---- telling ---------------------------------------------------------------------------------------------------- */

static gint64 label_id(const char *label)
{
    return label[0] - 'a' + 1;
}

static gint64 read_time(const Story *story, const char *assignment_id, const char *text)
{
    if (text[0] != '+' && text[0] != '-') {
        gint64 at_us = 0;
        ck_assert_good(clock_parse(text, story->course->zone, &at_us, error));
        return at_us;
    }
    const Assignment *assignment = course_due(story->course, assignment_id);
    ck_assert_msg(assignment != NULL, "%s: no assignment %s", story->name, assignment_id);
    char *unit;
    double amount = g_ascii_strtod(text, &unit);
    gint64 unit_us = *unit == 's' ? CLOCK_SECOND_US : CLOCK_HOUR_US;
    return assignment->deadline_us + (gint64)(amount * (double)unit_us + (amount < 0 ? -0.5 : 0.5));
}

static EventRow *tell_event(Story *story, const char *kind, gint64 at_us, const char *assignment, gint64 id,
                            const char *data)
{
    EventRow *event = events_add(story->events, kind, at_us, assignment, id, data);
    g_free(event->account);
    event->account = g_strdup(story->account);
    return event;
}

static void tell_submit(Story *story, char **words, guint n_words)
{
    gint64 id = label_id(words[1]), at_us = read_time(story, words[2], words[3]);
    g_autofree char *submitted = g_strdup_printf("{\"digest\":\"sha256:%s\"}", n_words > 5 ? words[5] : words[1]);
    tell_event(story, "submitted", at_us, words[2], id, submitted);
    story->last_us = MAX(story->last_us, at_us);
    if (strcmp(words[4], "nograde") == 0)
        return;
    gint64 points = g_ascii_strtoll(words[4], NULL, 10);
    const char *bonus = strchr(words[4], '+'), *max = strchr(words[4], '/');
    gint64 bonus_points = bonus ? g_ascii_strtoll(bonus + 1, NULL, 10) : 0;
    g_autofree char *graded =
        g_strdup_printf("{\"points_milli\":%" G_GINT64_FORMAT ",\"bonus_milli\":%" G_GINT64_FORMAT
                        ",\"max_milli\":%" G_GINT64_FORMAT ",\"n_error\":%d}",
                        points * 1000, bonus_points * 1000, (max ? g_ascii_strtoll(max + 1, NULL, 10) : 100) * 1000,
                        strcmp(words[4], "error") == 0);
    tell_event(story, "graded", at_us + CLOCK_HOUR_US / 2, NULL, id, graded);
    g_hash_table_insert(story->earned, g_strdup(words[1]), GINT_TO_POINTER((int)(points + bonus_points) * 1000));
}

static void tell_change(Story *story, char **words, guint n_words)
{
    bool takes = strcmp(words[0], "grant") != 0;
    const char *kind = strcmp(words[0], "grant") == 0    ? "granted"
                       : strcmp(words[0], "deduct") == 0 ? "deducted"
                       : strcmp(words[0], "gift") == 0   ? "gifted"
                                                         : "converted";
    g_autofree char *data =
        g_strdup_printf("{\"amount_milli\":%d,\"bank\":\"%s\"}", atoi(words[1]) * (takes ? -1000 : 1000),
                        n_words > 2 && strcmp(words[2], "-") != 0 ? words[2] : "");
    tell_event(story, kind, n_words > 4 ? read_time(story, words[3], words[4]) : 0, NULL, 0, data);
}

static void tell_about(Story *story, char **words, guint n_words)
{
    static const char *const kinds[][2] = {{"confirm", "confirmed"}, {"withdraw", "withdrawn"},  {"waive", "waived"},
                                           {"select", "selected"},   {"override", "overridden"}, {"note", "noted"},
                                           {"route", "selected"}};
    g_autofree char *data = g_strdup("{}");
    if (strcmp(words[0], "override") == 0) {
        g_free(data);
        data =
            g_strdup_printf("{\"tokens_milli\":%d,\"penalty_milli\":%d}", atoi(words[2]) * 1000, atoi(words[3]) * 1000);
    } else if (n_words > 2) {
        g_autofree char *rest = g_strjoinv(" ", words + 2);
        g_free(data);
        data = g_strdup_printf("{\"%s\":\"%s\"}", strcmp(words[0], "note") == 0 ? "what" : "route", rest);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strcmp(words[0], kinds[i][0]) == 0) {
            tell_event(story, kinds[i][1], story->last_us + CLOCK_DAY_US, NULL, label_id(words[1]), data);
            return;
        }
    }
    ck_abort_msg("%s: unknown step \"%s\"", story->name, words[0]);
}

static void set_account(Story *story, const char *owner)
{
    g_free(story->account);
    story->account = account_name(course_team(story->course, owner) ? OWNER_TEAM : OWNER_PERSON, owner);
}

static void tell_step(Story *story, char **words)
{
    guint n_words = g_strv_length(words);
    if (strcmp(words[0], "submit") == 0) {
        tell_submit(story, words, n_words);
    } else if (strcmp(words[0], "as") == 0) {
        set_account(story, words[1]);
    } else if (strcmp(words[0], "release") == 0 || strcmp(words[0], "hold") == 0 || strcmp(words[0], "lift") == 0) {
        const char *kind = words[0][0] == 'r' ? "released" : words[0][0] == 'h' ? "held" : "lifted";
        tell_event(story, kind, read_time(story, words[1], words[2]), words[1], 0, "{}");
    } else if (strcmp(words[0], "joined") == 0) {
        tell_event(story, "joined", read_time(story, words[1], words[2]), NULL, 0, "{}");
    } else if (strcmp(words[0], "extend") == 0) {
        g_autofree char *data = g_strdup_printf("{\"by_us\":%" G_GINT64_FORMAT "}", atoi(words[2]) * CLOCK_HOUR_US);
        tell_event(story, "extended", story->last_us, words[1], 0, data);
    } else if (strcmp(words[0], "declare") == 0) {
        g_autofree char *data = g_strdup_printf("{\"units\":%s}", words[3]);
        tell_event(story, "declared", read_time(story, words[1], words[2]), words[1], 0, data);
    } else if (strcmp(words[0], "buy") == 0) {
        g_autofree char *data = g_strdup_printf("{\"what\":\"%s\"}", words[1]);
        bool is_for_all = strcmp(words[2], "-") == 0;
        tell_event(story, "bought", read_time(story, words[2], words[3]), is_for_all ? NULL : words[2], 0, data);
    } else if (strcmp(words[0], "move") == 0) {
        g_autofree char *data =
            g_strdup_printf("{\"person\":\"%s\",\"from\":\"%s\",\"to\":\"%s\"}", words[1], words[2], words[3]);
        tell_event(story, "moved", read_time(story, NULL, words[4]), NULL, 0, data);
    } else if (strstr("grant deduct gift convert", words[0])) {
        tell_change(story, words, n_words);
    } else {
        tell_about(story, words, n_words);
    }
}

static void tell(Story *story, const char *text)
{
    g_auto(GStrv) steps = g_strsplit(text, "; ", -1);
    for (guint i = 0; steps[i] && *steps[i]; i++) {
        g_auto(GStrv) words = g_strsplit(steps[i], " ", -1);
        tell_step(story, words);
    }
}

/* ---- expecting -------------------------------------------------------------------------------------------------- */

/* "15", "0-15p" (points), "0cap80", "0c2" (% of the course grade). */
static char *penalty_text(const Decision *decision)
{
    g_autofree char *percent = points_format(decision->penalty_milli);
    g_autofree char *minus = points_format(decision->minus_milli);
    g_autofree char *cap = points_format(decision->cap_milli);
    g_autofree char *course_part = points_format(decision->course_milli);
    return g_strconcat(percent, decision->minus_milli ? "-" : "", decision->minus_milli ? minus : "",
                       decision->minus_milli ? "p" : "", decision->cap_milli ? "cap" : "",
                       decision->cap_milli ? cap : "", decision->course_milli ? "c" : "",
                       decision->course_milli ? course_part : "", NULL);
}

static char *share_text(const Fold *fold, const char *label)
{
    const Decision *decision = fold_decision(fold, label_id(label));
    for (guint i = 0; decision && decision->shares && i < decision->shares->len; i++) {
        const MemberShare *share = g_ptr_array_index(decision->shares, i);
        g_autofree char *tokens = points_format(share->tokens_milli), *credit = points_format(share->credit_milli);
        if (strcmp(share->person, strchr(label, '@') + 1) == 0)
            return g_strjoin(" ", label, decision_kind_name(share->kind), tokens, credit, NULL);
    }
    return g_strdup_printf("%s none", label);
}

/* "a/comments": of the part; "a/rest": of what is in no part. */
static const Decision *find_part(const Decision *whole, const char *label)
{
    const char *name = strchr(label, '/') + 1;
    for (guint i = 0; whole && whole->parts && i < whole->parts->len; i++) {
        const Decision *part = g_ptr_array_index(whole->parts, i);
        const char *slash = strchr(part->assignment, '/');
        if (strcmp(slash ? slash + 1 : "rest", name) == 0)
            return part;
    }
    return NULL;
}

static char *outcome_text(const Story *story, const Fold *fold, const char *label)
{
    if (strchr(label, '@'))
        return share_text(fold, label);
    const Decision *decision = fold_decision(fold, label_id(label));
    if (strchr(label, '/'))
        decision = find_part(decision, label);
    if (!decision)
        return g_strdup_printf("%s none", label);
    gint64 earned_milli =
        strchr(label, '/') ? decision->points_milli : GPOINTER_TO_INT(g_hash_table_lookup(story->earned, label));
    g_autofree char *tokens = points_format(decision->tokens_milli);
    g_autofree char *penalty = penalty_text(decision);
    g_autofree char *credit = points_format(decision_credit_milli(decision, earned_milli));
    ck_assert(g_utf8_validate(decision->sentence, -1, NULL) && strlen(decision->sentence) > 10);
    return g_strjoin(" ", label, decision_kind_name(decision->kind), tokens, penalty, credit, NULL);
}

static gint64 balance_of(const Story *story, const Fold *fold, const char *owner)
{
    if (!owner)
        return fold->balance_milli;
    g_auto(GStrv) parts = g_strsplit(owner, "/", 2);
    bool is_team = course_team(story->course, parts[0]) != NULL;
    g_autofree char *account = account_name(is_team ? OWNER_TEAM : OWNER_PERSON, owner);
    for (guint i = 0; i < fold->accounts->len; i++) {
        const FoldAccount *each = g_ptr_array_index(fold->accounts, i);
        if (strcmp(each->account, account) == 0)
            return each->balance_milli;
    }
    return -1;
}

static char *got_text(const Story *story, const Fold *fold, const char *expected)
{
    GString *got = g_string_new(NULL);
    g_auto(GStrv) parts = g_strsplit(expected, "; ", -1);
    for (guint i = 0; parts[i]; i++) {
        g_auto(GStrv) words = g_strsplit(parts[i], " ", -1);
        bool is_left = strcmp(words[0], "left") == 0;
        const char *owner = is_left && g_strv_length(words) > 2 ? words[1] : NULL;
        g_autofree char *balance = points_format(is_left ? balance_of(story, fold, owner) : 0);
        g_autofree char *outcome = is_left
                                       ? g_strjoin(" ", "left", owner ? owner : balance, owner ? balance : NULL, NULL)
                                       : outcome_text(story, fold, words[0]);
        g_string_append_printf(got, "%s%s", i > 0 ? "; " : "", outcome);
    }
    return g_string_free(got, FALSE);
}

static void check_order_does_not_matter(const Story *story, const Rules *rules, const char *account, const Fold *fold)
{
    g_autofree char *text = fold_text(fold);
    g_autoptr(GRand) random = g_rand_new_with_seed(2022);
    for (int i = 0; i < 4; i++) {
        events_shuffle(story->events, random);
        g_autoptr(Fold) again = policy_fold(rules->policy, rules->course, account, story->events);
        g_autofree char *other = fold_text(again);
        ck_assert_msg(strcmp(text, other) == 0, "%s: another order of events gives\n%s\ninstead of\n%s", story->name,
                      other, text);
    }
}

/* What has happened, and what would if something were handed in at some moments. */
static void check_sentences(const Story *story, const Rules *rules, const char *account, const Fold *fold)
{
    static const gint64 hours[] = {-50, -1, 1, 30, 80, 400};
    OwnerKind kind = g_str_has_prefix(account, "team:") ? OWNER_TEAM : OWNER_PERSON;
    for (guint i = 0; i < fold->decisions->len; i++) {
        const Decision *decision = g_ptr_array_index(fold->decisions, i);
        check_sentence(decision->sentence);
        for (guint j = 0; decision->shares && j < decision->shares->len; j++)
            check_sentence(((const MemberShare *)g_ptr_array_index(decision->shares, j))->sentence);
    }
    for (guint i = 0; i < rules->course->assignments->len * G_N_ELEMENTS(hours); i++) {
        const Assignment *assignment = g_ptr_array_index(rules->course->assignments, i / G_N_ELEMENTS(hours));
        if (assignment->owner_kind != kind)
            continue;
        g_autoptr(Decision) quote =
            policy_quote(rules->policy, rules->course, account, assignment, story->events,
                         assignment->deadline_us + hours[i % G_N_ELEMENTS(hours)] * CLOCK_HOUR_US);
        check_sentence(quote->sentence);
        g_autofree char *terms = policy_quote_terms(
            rules->policy, assignment, quote, assignment->deadline_us + hours[i % G_N_ELEMENTS(hours)] * CLOCK_HOUR_US);
        if (terms)
            check_sentence(terms);
    }
}

/* Says what is wrong; NULL: nothing. Caller frees. */
static char *run_case(char **cells)
{
    g_auto(Rules) rules = {0};
    read_rules(cells[0], cells[1], cells[2], &rules);
    Story story = {.name = cells[0], .course = rules.course, .events = events_new()};
    story.earned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    set_account(&story, cells[3]);
    g_autofree char *account = g_strdup(story.account);
    if (*cells[4])
        rules.policy->banks[course_team(rules.course, cells[3]) ? OWNER_TEAM : OWNER_PERSON].pool_milli =
            atoi(cells[4]) * 1000;
    tell(&story, cells[5]);
    g_autoptr(Fold) fold = policy_fold(rules.policy, rules.course, account, story.events);
    g_autofree char *got = got_text(&story, fold, cells[6]);
    check_order_does_not_matter(&story, &rules, account, fold);
    check_sentences(&story, &rules, account, fold);
    g_ptr_array_unref(story.events);
    g_hash_table_destroy(story.earned);
    g_free(story.account);
    return strcmp(got, cells[6]) == 0 ? NULL
                                      : g_strdup_printf("%s: got \"%s\", expected \"%s\"", cells[0], got, cells[6]);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static void run_file(const char *path, unsigned *n_cases, unsigned *n_bad)
{
    const gsize max_bytes = 1 << 20;
    g_autofree char *text = NULL;
    ck_assert_good(file_read(path, max_bytes, &text, NULL, error));
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 1; lines[i] && *lines[i]; i++) {
        g_auto(GStrv) cells = g_strsplit(lines[i], "|", -1);
        ck_assert_msg(g_strv_length(cells) == 7, "%s: line %u has not seven cells", path, i + 1);
        g_autofree char *wrong = run_case(cells);
        if (wrong)
            printf("wrong: %s\n", wrong);
        *n_bad += wrong != NULL;
        (*n_cases)++;
    }
}

static void run_all(unsigned *n_cases, unsigned *n_bad)
{
    g_autoptr(GDir) folder = g_dir_open(TEST_DATA "/token-cases", 0, NULL);
    ck_assert_ptr_nonnull(folder);
    for (const char *name = g_dir_read_name(folder); name; name = g_dir_read_name(folder)) {
        g_autofree char *path = g_build_filename(TEST_DATA "/token-cases", name, NULL);
        ck_assert_msg(g_str_has_suffix(name, ".txt"), "%s: what is this", path);
        run_file(path, n_cases, n_bad);
    }
}

START_TEST(every_story_ends_as_it_says)
{
    unsigned n_cases = 0, n_bad = 0;
    const char *given = g_getenv("RUBRIC_STORIES");
    if (given) {
        run_file(given, &n_cases, &n_bad);
    } else {
        run_all(&n_cases, &n_bad);
    }
    printf("%u stories, %u of them wrong\n", n_cases, n_bad);
    fflush(stdout);
    ck_assert_uint_eq(n_bad, 0);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("stories");
    const double timeout_s = 100;
    tcase_set_timeout(tcase, timeout_s);
    tcase_add_test(tcase, every_story_ends_as_it_says);
    return fixture_main(tcase, "token stories");
}
