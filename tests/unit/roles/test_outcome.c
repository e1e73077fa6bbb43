/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/role.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Config *config;
static Policy *policy;

static const char settings[] =
    "course: course\nstate: state\nsinks:\n  - folder: {name: files}\n  - folder: {name: more}\n";
static const char rubric[] =
    "rubric: hw1\n"
    "title: Homework 1\n"
    "items:\n"
    "  - {id: answer, points: 10, title: There is an answer, passes: It is there., check: {files: {present: a}}}\n"
    "  - {id: style, points: 5, title: Style, passes: It reads well., judge: ta}\n"
    "  - {id: late, points: 2, title: Later, passes: It runs., visible: after_deadline, check: {files: {present: "
    "b}}}\n";

static void setup(void)
{
    fixture_open(&f, "");
    fixture_write(f.course_folder, "rubrics/hw1.yaml", rubric);
    fixture_load_course(&f);
    g_autoptr(Diagnostics) diagnostics = diagnostics_new();
    g_autofree char *path = g_build_filename(f.folder, "rubricd.yaml", NULL);
    config = config_parse(path, settings, strlen(settings), diagnostics);
    policy = policy_parse(f.course, diagnostics);
    ck_assert(config && policy);
}

static void teardown(void)
{
    clock_set_offset_us(0);
    policy_free(policy);
    config_free(config);
    fixture_close(&f);
}

static gint64 hand_in(const char *owner)
{
    Submission submission = {.assignment = (char *)"hw1",
                             .owner_kind = (char *)"person",
                             .owner = (char *)owner,
                             .source = (char *)"inbox",
                             .external_id = (char *)owner,
                             .revision = (char *)"1",
                             .content_kind = (char *)"archive",
                             .content_path = (char *)"blobs/x",
                             .content_digest = (char *)"sha256:x",
                             .received_us = clock_now_us(),
                             .seen_us = clock_now_us()};
    bool is_new = false;
    gint64 id = 0;
    ck_assert_good(source_offer(&f.context, &submission, &is_new, &id, error));
    ck_assert(is_new);
    return id;
}

/* A verdict of findings: answer and late as given. */
static Verdict *score(FindingOutcome answer, FindingOutcome late, const char *suspicion)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_ptr_array_add(findings, finding_new("answer", "answer", "files", answer, "about the answer"));
    g_ptr_array_add(findings, finding_new("late", "late", "files", late, "about the later one"));
    ((Finding *)g_ptr_array_index(findings, 0))->suspicion = g_strdup(suspicion);
    const Rubric *in_force = course_rubric(f.course, course_assignment(f.course, "hw1"), 0);
    Verdict *verdict = verdict_score(in_force, findings);
    verdict->assignment = g_strdup("hw1");
    return verdict;
}

static void commit(gint64 id, Verdict *verdict, const char *origin)
{
    ck_assert_good(store_begin(f.store, error));
    ck_assert_good(outcome_commit(f.store, config, f.course, policy, id, verdict, origin, error));
    ck_assert_good(store_commit(f.store, error));
    verdict_free(verdict);
}

static guint posts(gint64 id, const char *state)
{
    g_autoptr(GPtrArray) list = NULL;
    ck_assert_good((list = store_outbox_list(f.store, id, error)) != NULL);
    guint n = 0;
    for (guint i = 0; i < list->len; i++)
        n += strcmp(((const OutboxRow *)g_ptr_array_index(list, i))->state, state) == 0;
    return n;
}

static gint64 flag_of(const char *kind)
{
    g_autoptr(GPtrArray) flags = store_flag_list(f.store, NULL, false, NULL);
    for (guint i = 0; i < flags->len; i++) {
        const FlagRow *flag = g_ptr_array_index(flags, i);
        if (strcmp(flag->kind, kind) == 0)
            return flag->id;
    }
    return 0;
}

static SubmissionState state_of(gint64 id)
{
    g_autoptr(Submission) submission = store_submission_get(f.store, id, NULL);
    return submission->state;
}

static Verdict *latest(gint64 id, gint64 *ret_number)
{
    g_autoptr(VerdictRow) row = NULL;
    ck_assert_good(store_verdict_latest(f.store, id, &row, error));
    g_autoptr(cJSON) json = json_parse(row->json, strlen(row->json), NULL);
    *ret_number = row->number;
    return verdict_from_json(json, NULL);
}

START_TEST(a_verdict_in_review_is_graded_flagged_and_posted_to_every_sink)
{
    gint64 id = hand_in("alice");
    commit(id, score(FINDING_PASS, FINDING_FAIL, NULL), "grade");
    ck_assert_int_eq(state_of(id), SUBMISSION_GRADED);
    ck_assert_uint_eq(fixture_flags(&f, "review"), 1);
    ck_assert_uint_eq(posts(id, "queued"), 2);
    g_autofree char *decision = NULL;
    ck_assert_good(store_decision_latest(f.store, id, &decision, error));
    ck_assert_ptr_nonnull(decision);
}
END_TEST

START_TEST(a_review_makes_a_final_verdict_and_new_posts)
{
    gint64 id = hand_in("alice"), number = 0;
    commit(id, score(FINDING_PASS, FINDING_PASS, NULL), "grade");
    gint64 flag = flag_of("review");
    ck_assert_good(outcome_review(f.store, config, f.course, policy, flag, true, "ta1", "reads well", error));
    g_autoptr(Verdict) verdict = latest(id, &number);
    ck_assert_int_eq(number, 2);
    ck_assert(verdict->is_final);
    ck_assert_int_eq(verdict->points_milli, 17000);
    ck_assert_int_eq(state_of(id), SUBMISSION_DECIDED);
    ck_assert_uint_eq(fixture_flags(&f, "review"), 0);
    ck_assert_uint_eq(posts(id, "queued"), 2);
    ck_assert_uint_eq(posts(id, "replaced"), 2);
    ck_assert_fails(outcome_review(f.store, config, f.course, policy, flag, false, "ta2", "no", error),
                    RUBRIC_ERROR_DENIED);
    ck_assert_fails(outcome_review(f.store, config, f.course, policy, 999, false, "ta2", "no", error),
                    RUBRIC_ERROR_NOT_FOUND);
}
END_TEST

START_TEST(an_error_of_ours_is_flagged_and_never_decided_by_the_machine)
{
    gint64 id = hand_in("alice"), number = 0;
    commit(id, score(FINDING_ERROR, FINDING_PASS, NULL), "grade");
    ck_assert_uint_eq(fixture_flags(&f, "error"), 1);
    ck_assert_int_eq(state_of(id), SUBMISSION_GRADED);
    ck_assert_good(
        outcome_review(f.store, config, f.course, policy, flag_of("error"), false, "ta", "it is wrong", error));
    g_autoptr(Verdict) verdict = latest(id, &number);
    ck_assert_uint_eq(verdict->n_error, 0);
}
END_TEST

START_TEST(a_suspicion_that_is_fine_changes_no_points_and_is_not_asked_again)
{
    gint64 id = hand_in("alice"), number = 0;
    commit(id, score(FINDING_PASS, FINDING_PASS, "looks forged"), "grade");
    ck_assert_good(outcome_review(f.store, config, f.course, policy, flag_of("suspicious"), true, "ta", "fine", error));
    verdict_free(latest(id, &number));
    ck_assert_int_eq(number, 1);
    ck_assert_good(outcome_review(f.store, config, f.course, policy, flag_of("review"), true, "ta", "good", error));
    ck_assert_uint_eq(fixture_flags(&f, "suspicious"), 0);
}
END_TEST

START_TEST(a_suspicion_that_holds_fails_the_item)
{
    gint64 id = hand_in("alice"), number = 0;
    commit(id, score(FINDING_PASS, FINDING_PASS, "looks forged"), "grade");
    ck_assert_good(
        outcome_review(f.store, config, f.course, policy, flag_of("suspicious"), false, "ta", "forged", error));
    g_autoptr(Verdict) verdict = latest(id, &number);
    ck_assert_int_eq(verdict->points_milli, 2000);
}
END_TEST

START_TEST(a_better_regrade_closes_what_the_old_verdict_asked)
{
    gint64 id = hand_in("alice");
    commit(id, score(FINDING_ERROR, FINDING_PASS, "odd"), "grade");
    commit(id, score(FINDING_PASS, FINDING_PASS, NULL), "regrade");
    ck_assert_uint_eq(fixture_flags(&f, "error"), 0);
    ck_assert_uint_eq(fixture_flags(&f, "suspicious"), 0);
    ck_assert_uint_eq(fixture_flags(&f, "review"), 1);
}
END_TEST

START_TEST(what_a_ta_decided_is_not_undone_by_grading_again)
{
    gint64 id = hand_in("alice"), number = 0;
    g_autoptr(Verdict) first = score(FINDING_FAIL, FINDING_PASS, NULL);
    ck_assert_good(outcome_keep_decisions(f.store, id, first, error)); /* there is none yet */
    VerdictItem *judged = g_ptr_array_index(first->items, 0);
    judged->outcome = ITEM_PASS;
    judged->decided_by = g_strdup("ta");
    judged->reason = g_strdup("it is there, under another name");
    verdict_sum(first);
    commit(id, g_steal_pointer(&first), "review");
    Verdict *again = score(FINDING_FAIL, FINDING_FAIL, NULL);
    ck_assert_good(outcome_keep_decisions(f.store, id, again, error));
    commit(id, again, "regrade");
    g_autoptr(Verdict) now = latest(id, &number);
    const VerdictItem *kept = g_ptr_array_index(now->items, 0), *fresh = g_ptr_array_index(now->items, 1);
    ck_assert_int_eq(kept->outcome, ITEM_PASS);
    ck_assert_str_eq(kept->decided_by, "ta");
    ck_assert_ptr_null(fresh->decided_by);
}
END_TEST

START_TEST(a_repost_before_any_verdict_is_nothing)
{
    gint64 id = hand_in("alice");
    ck_assert_good(outcome_repost(f.store, config, id, error));
    ck_assert_uint_eq(posts(id, "queued"), 0);
}
END_TEST

START_TEST(what_becomes_visible_at_the_deadline_is_posted_again_once)
{
    gint64 id = hand_in("alice");
    commit(id, score(FINDING_PASS, FINDING_PASS, NULL), "grade");
    ck_assert_good(outcome_repost_due(f.store, config, f.course, error));
    ck_assert_uint_eq(posts(id, "replaced"), 0);
    clock_set_offset_us(100 * 365 * CLOCK_DAY_US);
    ck_assert_good(outcome_repost_due(f.store, config, f.course, error));
    ck_assert_uint_eq(posts(id, "replaced"), 2);
    ck_assert_uint_eq(posts(id, "queued"), 2);
    ck_assert_good(outcome_repost_due(f.store, config, f.course, error));
    ck_assert_uint_eq(posts(id, "replaced"), 2);
}
END_TEST

START_TEST(a_release_is_known_to_its_owner_alone)
{
    gint64 alice = hand_in("alice"), bob = hand_in("bob");
    bool is_released = true;
    ck_assert_good(account_note_released(f.store, "person:alice", "hw1", "ta", "done", error));
    g_autoptr(Submission) one = store_submission_get(f.store, alice, NULL);
    g_autoptr(Submission) two = store_submission_get(f.store, bob, NULL);
    ck_assert_good(outcome_is_released(f.store, two, &is_released, error));
    ck_assert(!is_released);
    ck_assert_good(outcome_is_released(f.store, one, &is_released, error));
    ck_assert(is_released);
}
END_TEST

START_TEST(the_course_is_loaded_again_when_it_changes_and_kept_when_it_breaks)
{
    CourseWatch watch;
    ck_assert_good(course_watch_open(&watch, f.course_folder, error));
    ck_assert(!course_watch_refresh(&watch));
    watch.looked_mono_us = 0;
    ck_assert(!course_watch_refresh(&watch));

    const Course *before = watch.course;
    fixture_write(f.course_folder, "rubrics/hw1.yaml", "rubric: hw1\nitems: 5\n");
    watch.looked_mono_us = 0;
    ck_assert(course_watch_refresh(&watch));
    ck_assert_ptr_nonnull(watch.problems);
    ck_assert_ptr_eq(watch.course, before);

    fixture_write(f.course_folder, "rubrics/hw1.yaml", rubric);
    watch.looked_mono_us = 0;
    ck_assert(course_watch_refresh(&watch));
    ck_assert_ptr_null(watch.problems);
    course_watch_clear(&watch);
    ck_assert_fails(course_watch_open(&watch, "/nonexistent", error), RUBRIC_ERROR_INVALID);
    course_watch_clear(&watch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("outcome");
    TCase *tests = tcase_create("outcomes");
    tcase_set_timeout(tests, 30);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_verdict_in_review_is_graded_flagged_and_posted_to_every_sink);
    tcase_add_test(tests, a_review_makes_a_final_verdict_and_new_posts);
    tcase_add_test(tests, an_error_of_ours_is_flagged_and_never_decided_by_the_machine);
    tcase_add_test(tests, a_suspicion_that_is_fine_changes_no_points_and_is_not_asked_again);
    tcase_add_test(tests, a_suspicion_that_holds_fails_the_item);
    tcase_add_test(tests, a_better_regrade_closes_what_the_old_verdict_asked);
    tcase_add_test(tests, what_a_ta_decided_is_not_undone_by_grading_again);
    tcase_add_test(tests, a_repost_before_any_verdict_is_nothing);
    tcase_add_test(tests, what_becomes_visible_at_the_deadline_is_posted_again_once);
    tcase_add_test(tests, a_release_is_known_to_its_owner_alone);
    tcase_add_test(tests, the_course_is_loaded_again_when_it_changes_and_kept_when_it_breaks);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
