/* SPDX-License-Identifier: Apache-2.0 */
/* The commands about tokens, run as a person would run them, over a store that a daemon could have left. */
#include "tests/unit/cli/fixture.h"

static char *folder;
static char *store_path;

static void write_config(void)
{
    folder = g_dir_make_tmp("rubric-cli-XXXXXX", NULL);
    config_path = g_build_filename(folder, "rubricd.yaml", NULL);
    store_path = g_build_filename(folder, "state", "rubricd.db", NULL);
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    g_autofree char *text = g_strdup_printf("course: %s/tokens/fall\nstate: %s\n"
                                            "sinks:\n  - folder: {name: out}\n",
                                            TEST_DATA, state);
    ck_assert_good(file_make_folder(state, 0700, error));
    ck_assert_good(file_write_atomic(config_path, text, strlen(text), 0600, error));
}

static gint64 hand_in(Store *store, const char *assignment, gint64 late_us, const char *content)
{
    Submission row = {.assignment = (char *)assignment,
                      .owner_kind = (char *)"team",
                      .owner = (char *)"blue",
                      .source = (char *)"inbox",
                      .external_id = (char *)assignment,
                      .revision = (char *)content,
                      .received_us = course_assignment(course, assignment)->deadline_us + late_us,
                      .content_digest = (char *)content,
                      .state = SUBMISSION_FETCHED};
    gint64 id;
    bool is_new;
    ck_assert_good(store_submission_insert(store, &row, &id, &is_new, error));
    row.id = id;
    VerdictRow verdict = {.submission_id = id, .origin = (char *)"grade", .json = (char *)"{}"};
    Verdict points = {.points_milli = 80000, .max_milli = 100000};
    ck_assert_good(store_verdict_insert(store, &verdict, NULL, error));
    ck_assert_good(account_note_submitted(store, &row, error));
    ck_assert_good(account_note_graded(store, course, &row, &points, error));
    return id;
}

/* Submission 1: two days late; 2 on time; 3 late over the on-time one. */
static void setup(void)
{
    fixture_course();
    write_config();
    g_autoptr(Store) store = store_open(store_path, NULL);
    hand_in(store, "p1", 27 * CLOCK_HOUR_US, "a");
    hand_in(store, "p2", -CLOCK_HOUR_US, "b");
    hand_in(store, "p2", CLOCK_HOUR_US, "c");
    ck_assert_good(store_begin(store, error));
    ck_assert_good(account_settle(store, policy, course, "team:blue", NULL, error));
    ck_assert_good(store_commit(store, error));
}

static void teardown(void)
{
    file_remove_tree(folder, NULL);
    g_free(folder);
    g_free(config_path);
    g_free(store_path);
    fixture_course_free();
}

START_TEST(tokens_tells_balance_lines_and_why)
{
    ck_assert_rubric(0, "team:blue: 5 tokens", "tokens", "blue");
    ck_assert_rubric(0, "-2     charge  p1, submission 1: 1 day 3 h late: 2 of your team's 7 tokens, 5 left.", "tokens",
                     "team:blue");
    ck_assert_rubric(0, "submission 3 of p2: held. 1 h late: it would cost 1 token", "tokens", "blue");
    ck_assert_rubric(0, "\"balance_milli\":\t5000", "tokens", "blue", "--json");
    ck_assert_rubric(0, "nothing booked yet", "tokens", "ann@example.edu");
    ck_assert_rubric(1, "\"blu\" is neither a team nor a person of course \"fall\"; did you mean \"blue\"?", "tokens",
                     "blu");
    ck_assert_rubric(2, "name one team or person", "tokens");
}
END_TEST

START_TEST(ledger_lists_and_verifies)
{
    ck_assert_rubric(0, "2 lines, every one follows from the one before it", "ledger", "--verify");
    ck_assert_rubric(0, "\"good\":\ttrue", "ledger", "--verify", "--json");
    ck_assert_rubric(0, "team:blue            -2     charge", "ledger");
    ck_assert_rubric(0, "\"seq\":2,", "ledger", "-o", "blue", "--json");
    ck_assert_rubric(1, "neither a team nor a person", "ledger", "-o", "nobody");
}
END_TEST

START_TEST(grant_shows_the_effect_and_a_dry_run_has_none)
{
    ck_assert_rubric(0, "team:blue: 5 -> 7 tokens", "grant", "blue", "2", "-m", "good questions", "--dry-run");
    ck_assert_rubric(0, "dry run: nothing was changed", "grant", "blue", "2", "-m", "good questions", "-n");
    ck_assert_rubric(0, "team:blue: 5 -> 5.5 tokens", "grant", "blue", "0.5", "-m", "good questions");
    ck_assert_rubric(0, "0.5 tokens granted by ", "tokens", "blue");
    ck_assert_rubric(0, "\"balance_before_milli\":\t5500", "grant", "blue", "1", "-m", "x", "--json");
    ck_assert_rubric(1, "\"many\" is no number of tokens", "grant", "blue", "many", "-m", "x");
    ck_assert_rubric(1, "\"0\" is no number of tokens", "grant", "-m", "x", "blue", "0");
    ck_assert_rubric(2, "say why with -m REASON", "grant", "blue", "1");
    ck_assert_rubric(2, "name an owner and a number", "grant", "-m", "x", "blue");
}
END_TEST

START_TEST(extend_gives_tokens_back)
{
    ck_assert_rubric(0, "team:blue: 5 -> 6 tokens", "extend", "blue", "p1", "24", "-m", "power cut");
    ck_assert_rubric(0, "submission 1 of p1: counts. 2 h 59 min late: 1 of your team's 7 tokens, 6 left.", "extend",
                     "blue", "p1", "--until", "2022-09-22 23:59:01", "-m", "again");
    ck_assert_rubric(1, "is not after the deadline that holds already", "extend", "blue", "p1", "--until", "2022-09-22",
                     "-m", "x");
    ck_assert_rubric(1, "course \"fall\" has no assignment \"p11\"; did you mean \"p1\"?", "extend", "blue", "p11", "1",
                     "-m", "x");
    ck_assert_rubric(1, "\"p1\" is handed in by teams", "extend", "ann", "p1", "1", "-m", "x");
    ck_assert_rubric(1, "\"soon\" is no number of hours", "extend", "blue", "p1", "soon", "-m", "x");
    ck_assert_rubric(2, "name an owner, an assignment", "extend", "blue", "-m", "x");
}
END_TEST

START_TEST(confirm_lets_a_held_one_count)
{
    ck_assert_rubric(0, "submission 3 of p2: counts. 1 h late: 1 of your team's 5 tokens, 4 left.", "confirm", "3",
                     "-m", "asked for it");
    ck_assert_rubric(1, "submission 3 does not wait for anybody (decision: counts)", "confirm", "3", "-m", "x");
    ck_assert_rubric(1, "there is no submission 77", "confirm", "77", "-m", "x");
    ck_assert_rubric(1, "\"three\" is no number of a submission", "confirm", "three", "-m", "x");
    ck_assert_rubric(2, "name a submission by its number", "confirm", "-m", "x");
}
END_TEST

START_TEST(release_makes_what_follows_a_resubmission)
{
    ck_assert_rubric(0, "team:blue: 5 tokens, as before", "release", "p1", "-m", "graded");
    ck_assert_rubric(0, "team:blue: 5 tokens, as before", "release", "p1", "blue", "-m", "again");
    ck_assert_rubric(1, "nobody has handed in \"p3\" yet", "release", "p3", "-m", "x");
    ck_assert_rubric(2, "name an assignment", "release", "-m", "x");
    g_autoptr(Store) store = store_open(store_path, NULL);
    g_autoptr(GPtrArray) posts = store_outbox_list(store, 1, NULL);
    ck_assert_uint_eq(posts->len, 2); /* the first one replaced by the second */
    ck_assert_str_eq(((OutboxRow *)g_ptr_array_index(posts, 0))->state, "replaced");
}
END_TEST

START_TEST(what_if_quotes_without_a_trace)
{
    ck_assert_rubric(0, "1 of your team's 5 tokens, 4 left.", "what-if", "-a", "p3", "-o", "blue", "--at",
                     "2022-12-01 12:00");
    ck_assert_rubric(0, "On time: no token is needed.", "what-if", "-a", "p3", "-o", "blue", "--at",
                     "2022-11-30 12:00");
    ck_assert_rubric(0, "\"tokens_milli\":\t1000", "what-if", "-a", "p3", "-o", "blue", "--at", "2022-12-01 12:00",
                     "--json");
    ck_assert_rubric(1, "\"tomorrow\" is not a time", "what-if", "-a", "p3", "-o", "blue", "--at", "tomorrow");
    ck_assert_rubric(2, "name what and who", "what-if", "-a", "p3");
    ck_assert_rubric(0, "2 lines", "ledger", "--verify");
}
END_TEST

START_TEST(a_persons_word_on_a_submission_changes_the_books)
{
    ck_assert_rubric(0, "dry run: nothing was changed", "decide", "1", "waive", "-n", "-m", "x");
    ck_assert_rubric(0, "team:blue: 5 -> 7 tokens", "decide", "1", "waive", "-m", "the server was down");
    ck_assert_rubric(0, "let this one count as if it were on time", "tokens", "blue");
    ck_assert_rubric(0, "submission 3 of p2: counts. The course's staff decided: 2 tokens", "decide", "3", "override",
                     "2", "0", "-m", "agreed");
    ck_assert_rubric(0, "Withdrawn", "decide", "3", "withdraw", "-m", "they asked");
    ck_assert_rubric(2, "write: rubric decide SUBMISSION override TOKENS PERCENT", "decide", "3", "override", "-m",
                     "x");
    ck_assert_rubric(2, "name a submission and what to do", "decide", "3", "dance", "-m", "x");
    ck_assert_rubric(1, "is no number of a submission", "decide", "x", "waive", "-m", "x");
    ck_assert_rubric(0, "every one follows", "ledger", "--verify");
}
END_TEST

START_TEST(a_persons_word_on_an_account_changes_the_books)
{
    ck_assert_rubric(0, "submission 1 of p1: held.", "adjust", "blue", "hold", "p1", "-m", "to be looked at");
    ck_assert_rubric(0, "late", "flags");
    ck_assert_rubric(0, "submission 1 of p1: counts.", "adjust", "blue", "lift", "p1", "-m", "all is well");
    ck_assert_rubric(0, "5 -> 4 tokens", "adjust", "blue", "deduct", "1", "-m", "x");
    ck_assert_rubric(1, "lets nobody give tokens away", "adjust", "blue", "gift", "1", "ann", "-m", "x");
    ck_assert_rubric(1, "has fewer tokens than that", "adjust", "blue", "deduct", "100", "-m", "x");
    ck_assert_rubric(0, "as before", "adjust", "blue", "declare", "p3", "2", "-m", "x");
    ck_assert_rubric(0, "as before", "adjust", "blue", "joined", "2022-01-01", "-m", "x");
    ck_assert_rubric(2, "name an owner and one of", "adjust", "blue", "sing", "-m", "x");
    ck_assert_rubric(0, "every one follows", "ledger", "--verify");
}
END_TEST

START_TEST(requests_wait_for_an_answer_and_get_one)
{
    ck_assert_rubric(0, "nobody waits", "requests");
    ck_assert_rubric(0, "request 1", "requests", "add", "blue", "p1", "extension", "-m", "two of us were ill");
    ck_assert_rubric(0, "request 2", "requests", "add", "blue", "p2", "late", "-m", "please take it");
    ck_assert_rubric(0, "two of us were ill", "requests");
    ck_assert_rubric(1, "say by how many hours", "requests", "grant", "1", "-m", "x");
    ck_assert_rubric(0, "team:blue: 5 -> 6 tokens", "requests", "grant", "1", "24", "-m", "get well");
    ck_assert_rubric(1, "already decided: granted", "requests", "deny", "1", "-m", "x");
    ck_assert_rubric(0, "submission 3 of p2: counts", "requests", "grant", "2", "-m", "yes");
    ck_assert_rubric(0, "get well)\n", "requests", "--all");
    ck_assert_rubric(1, "there is no request 9", "requests", "deny", "9", "-m", "x");
    ck_assert_rubric(1, "is none of extension", "requests", "add", "blue", "p1", "cake", "-m", "x");
    ck_assert_rubric(2, "write: rubric requests", "requests", "dance", "-m", "x");
}
END_TEST

START_TEST(another_policy_shows_whose_outcome_changes)
{
    ck_assert_rubric(0, "0 decisions of 1 account would be different", "policy", "diff", TEST_DATA "/tokens/fall");
    ck_assert_rubric(2, "name one or two course folders", "policy", "diff");
}
END_TEST

/* Runs a program as a reader of the docs would. */
static int run_openssl(const char *const *argv)
{
    ProcessSpec spec = PROCESS_SPEC_INIT;
    spec.argv = argv;
    const gint64 timeout_ms = 30000;
    const gsize max_bytes = 1 << 16;
    GString *out = NULL, *err = NULL;
    ProcessEnd end = {0};
    ck_assert_good(process_run(&spec, timeout_ms, max_bytes, &out, &err, &end, error));
    g_string_free(out, TRUE);
    g_string_free(err, TRUE);
    return end.code;
}

static int openssl_verify(const char *public_path, const char *path)
{
    g_autofree char *program = g_find_program_in_path("openssl");
    g_autofree char *signature = g_strconcat(path, ".sig", NULL);
    if (!program)
        return 0; /* not on this machine; ledger_verify_file has looked at it */
    const char *const look[] = {program, "pkey", "-pubin", "-in", public_path, "-text", "-noout", NULL};
    const char *const digest[] = {program, "dgst", "-sha256", path, NULL};
    const char *const check[] = {program,  "pkeyutl", "-verify", "-pubin",   "-inkey",  public_path,
                                 "-rawin", "-in",     path,      "-sigfile", signature, NULL};
    ck_assert_int_eq(run_openssl(look), 0);
    ck_assert_int_eq(run_openssl(digest), 0);
    return run_openssl(check);
}

START_TEST(heads_and_receipts_are_signed_and_openssl_agrees)
{
    g_autofree char *key = g_build_filename(folder, "ledger.key", NULL);
    g_autofree char *public_key = g_strconcat(key, ".pub", NULL);
    g_autofree char *heads = g_build_filename(folder, "heads", NULL);
    ck_assert_rubric(0, "keep it secret", "ledger", "--make-key", key);
    ck_assert_rubric(1, "an old key is never overwritten", "ledger", "--make-key", key);
    ck_assert_rubric(2, "--export needs --key", "ledger", "--export", heads);
    ck_assert_rubric(0, "head-", "ledger", "--export", heads, "--key", key);
    ck_assert_rubric(0, "1 exported head is in it", "ledger", "--verify", "--heads", heads, "--public", public_key);
    ck_assert_rubric(0, "because 1 day 3 h late", "receipt", "1");
    ck_assert_rubric(0, "openssl pkeyutl -verify", "receipt", "1", "--key", key, "-o", folder);
    ck_assert_rubric(1, "is no number of a submission", "receipt", "one");

    g_autofree char *receipt = g_build_filename(folder, "receipt-1.txt", NULL);
    g_autofree char *ledger_pub = g_build_filename(folder, "ledger.pub", NULL);
    ck_assert_good(ledger_verify_file(ledger_pub, receipt, error));
    ck_assert_int_eq(openssl_verify(ledger_pub, receipt), 0);
    g_autofree char *text = NULL;
    gsize length;
    ck_assert_good(file_read(receipt, 1 << 16, &text, &length, error));
    text[length / 2] ^= 1;
    ck_assert_good(file_write_atomic(receipt, text, length, 0600, error));
    ck_assert(!ledger_verify_file(ledger_pub, receipt, NULL));

    g_autofree char *false_head = g_build_filename(heads, "head-2030-01-01-99.txt", NULL);
    const char *cut = "rubricd-ledger-head 1\ncourse fall\nlines 99\nhead 00\nexported x\n";
    ck_assert_good(ledger_sign_file(key, false_head, cut, strlen(cut), error));
    ck_assert_rubric(1, "the end of the ledger was cut off", "ledger", "--verify", "--heads", heads);
}
END_TEST

START_TEST(the_gradebook_is_a_table_with_reasons)
{
    ck_assert_rubric(1, "course.yaml has no `gradebook:`", "gradebook");
    ck_assert_rubric(2, "takes no argument", "gradebook", "x");

    g_autofree char *course_folder = g_build_filename(folder, "course", NULL);
    g_autofree char *yaml = g_build_filename(course_folder, "course.yaml", NULL);
    g_autofree char *roster = g_build_filename(course_folder, "roster.csv", NULL);
    g_autofree char *scores = g_build_filename(folder, "scores.csv", NULL);
    g_autofree char *state = g_build_filename(folder, "state", NULL);
    g_autofree char *config =
        g_strdup_printf("course: %s\nstate: %s\nsinks:\n  - folder: {name: out}\n", course_folder, state);
    g_autofree char *text = NULL;
    ck_assert_good(file_read(TEST_DATA "/tokens/fall/course.yaml", 1 << 20, &text, NULL, error));
    g_autofree char *with_book = g_strconcat(text,
                                             "\ngradebook:\n  components:\n"
                                             "    project: {weight: 60, assignments: [p1, p2], max: 200}\n"
                                             "    exam: {weight: 40, scores: [midterm], max: 100}\n"
                                             "  cutoffs: {A: 90, B: 80, D: 60}\n",
                                             NULL);
    const char *people = "id,name,email,github,sid,section,team,status,aliases\n"
                         "eve,=cmd|x,eve@x.example,,77,A,blue,student,\n";
    const char *table = "id,midterm\neve,90\n";
    ck_assert_good(file_make_folder(course_folder, 0700, error));
    ck_assert_good(file_write_atomic(yaml, with_book, strlen(with_book), 0600, error));
    ck_assert_good(file_write_atomic(roster, people, strlen(people), 0600, error));
    ck_assert_good(file_write_atomic(scores, table, strlen(table), 0600, error));
    ck_assert_good(file_write_atomic(config_path, config, strlen(config), 0600, error));
    g_autoptr(Store) store = store_open(store_path, NULL);
    for (gint64 id = 1; id <= 2; id++) {
        VerdictRow verdict = {.submission_id = id,
                              .origin = (char *)"regrade",
                              .points_milli = 80000,
                              .max_milli = 100000,
                              .json = (char *)"{}"};
        ck_assert_good(store_verdict_insert(store, &verdict, NULL, error));
    }
    ck_assert_rubric(0, "project: (p1 80 + p2 80) of 200 points, weight 60: 48", "gradebook", "--scores", scores,
                     "--explain", "eve");
    ck_assert_rubric(0, "total 84: B", "gradebook", "--scores", scores, "--explain", "eve");
    ck_assert_rubric(0, "'=cmd|x,,77,eve,A,48,36,84,B", "gradebook", "--scores", scores, "--csv");
    ck_assert_rubric(0, "\"total_milli\":84000", "gradebook", "--scores", scores, "--json");
    ck_assert_rubric(1, "is no student of this course", "gradebook", "--explain", "nobody");
    g_autoptr(GString) owing = g_string_new(with_book);
    ck_assert_uint_eq(g_string_replace(owing, "  cutoffs: {A", "  tokens: {owed: 0.5}\n  cutoffs: {A", 0), 1);
    ck_assert_uint_eq(g_string_replace(owing, "person: {pool: 7}", "person: {pool: 7, debt: 5}", 0), 1);
    ck_assert_good(file_write_atomic(yaml, owing->str, owing->len, 0600, error));
    cJSON *taken = cJSON_CreateObject();
    json_add_int64(taken, "amount_milli", -10000);
    ck_assert_good(account_note_on(store, "person:eve", "deducted", NULL, 1, taken, "the TAs", "copied", error));
    ck_assert_rubric(0, "3 tokens owed take 1.5 % off the course grade", "gradebook", "--scores", scores, "--explain",
                     "eve");
    ck_assert_rubric(0, "total 82.5: B", "gradebook", "--scores", scores, "--explain", "eve");
    ck_assert_good(file_write_atomic(scores, "id,midterm\neve,many\n", strlen("id,midterm\neve,many\n"), 0600, error));
    ck_assert_rubric(1, "scores.csv:2:5: error: column \"midterm\"", "gradebook", "--scores", scores);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("accounts");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, tokens_tells_balance_lines_and_why);
    tcase_add_test(tcase, ledger_lists_and_verifies);
    tcase_add_test(tcase, grant_shows_the_effect_and_a_dry_run_has_none);
    tcase_add_test(tcase, extend_gives_tokens_back);
    tcase_add_test(tcase, confirm_lets_a_held_one_count);
    tcase_add_test(tcase, release_makes_what_follows_a_resubmission);
    tcase_add_test(tcase, what_if_quotes_without_a_trace);
    tcase_add_test(tcase, a_persons_word_on_a_submission_changes_the_books);
    tcase_add_test(tcase, a_persons_word_on_an_account_changes_the_books);
    tcase_add_test(tcase, requests_wait_for_an_answer_and_get_one);
    tcase_add_test(tcase, another_policy_shows_whose_outcome_changes);
    tcase_add_test(tcase, heads_and_receipts_are_signed_and_openssl_agrees);
    tcase_add_test(tcase, the_gradebook_is_a_table_with_reasons);
    return fixture_main(tcase, "commands about tokens");
}
