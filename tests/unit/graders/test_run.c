/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/graders/fixture.h"

#include <errno.h>
#include <signal.h>

START_TEST(a_short_form_runs_in_the_shell_and_wants_status_0)
{
    fake_one((FakeBox){.out = "built\n"});
    assert_judged("run: \"make -C src\"", FINDING_PASS, "`make -C src` did what is expected");
    ck_assert_str_eq(fake_argv, "/bin/sh|-c|make -C src|sh");
    ck_assert_int_eq(fake_spec.workspace_mode, BOX_WORKSPACE_DISCARD);
    ck_assert_int_eq(fake_spec.network, BOX_NETWORK_NONE);
    fake_one((FakeBox){.status = {.end = BOX_END_EXITED, .exit_code = 2}});
    assert_judged("run: make", FINDING_FAIL, "status 0 was expected");
    assert_judged("run: [make, all]", FINDING_FAIL, "`make all`");
    ck_assert_str_eq(fake_argv, "make|all");
}
END_TEST

START_TEST(everything_a_box_needs_is_handed_over)
{
    fake_write("course/checks/m1/hidden/t.py", "x");
    fake_write("work/src/a.c", "");
    fake_one((FakeBox){0});
    assert_judged(
        "run:\n  command: ./rate\n  args: [\"--team\", \"{team.id}\", \"{out}\", \"{checks}\"]\n  stdin: \"1 2\\n\"\n"
        "  env: {MODE: \"{team.id}\", TZ: EST}\n  folder: src\n  hidden: checks/m1/hidden\n  keep: true\n"
        "  network: loopback\n  profile: build\n  allow: [debug, async-io]",
        FINDING_PASS, "did what is expected");
    ck_assert(g_str_has_prefix(fake_argv, "/bin/sh|-c|./rate \"$@\"|sh|--team|red|/work/.rubric-out-"));
    ck_assert(g_str_has_suffix(fake_argv, "|/checks"));
    ck_assert_str_eq(fake_stdin, "1 2\n");
    ck_assert_ptr_nonnull(strstr(fake_env, "HOME=/work|"));
    ck_assert(g_str_has_suffix(fake_env, "|MODE=red|TZ=EST"));
    ck_assert_ptr_null(strstr(fake_env, "TZ=UTC"));
    ck_assert_str_eq(fake_folder, "/work/src");
    ck_assert(g_str_has_suffix(fake_bind, "/course/checks/m1/hidden=>/checks"));
    ck_assert_int_eq(fake_spec.workspace_mode, BOX_WORKSPACE_KEEP);
    ck_assert_int_eq(fake_spec.network, BOX_NETWORK_LOOPBACK);
    ck_assert_int_eq(fake_spec.profile, BOX_PROFILE_BUILD);
    ck_assert_uint_eq(fake_spec.calls, BOX_CALLS_DEBUG | BOX_CALLS_ASYNC_IO);
    g_autofree char *work = g_build_filename(fake_root, "work", NULL);
    g_autoptr(GDir) dir = g_dir_open(work, 0, NULL);
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir))
        ck_assert_msg(!g_str_has_prefix(name, ".rubric-out"), "%s was left behind", name);
}
END_TEST

START_TEST(hidden_input_comes_from_a_file_that_the_box_cannot_change)
{
    fake_write("course/checks/in.txt", "hidden input");
    fake_one((FakeBox){0});
    assert_judged("run: {command: cat, stdin_file: checks/in.txt}", FINDING_PASS, "");
    ck_assert_str_eq(fake_stdin, "hidden input");
    ck_assert_ptr_null(strstr(fake_argv, "hidden"));
}
END_TEST

START_TEST(exit_may_be_a_number_a_list_or_any)
{
    fake_one((FakeBox){.status = {.exit_code = 3}});
    assert_judged("run: {command: x, exit: 3}", FINDING_PASS, "");
    assert_judged("run: {command: x, exit: [1, 3]}", FINDING_PASS, "");
    assert_judged("run: {command: x, exit: any}", FINDING_PASS, "");
    assert_judged("run: {command: x, exit: [1, 2]}", FINDING_FAIL, "status 1 or 2 was expected");
    fake_one((FakeBox){.status = {.end = BOX_END_SIGNALED, .signal = 11}});
    assert_judged("run: {command: x, exit: any}", FINDING_FAIL, "`x`: ");
    assert_reported("run: {command: x, exit: 256}", "from 0 to 255");
    assert_reported("run: {command: x, exit: []}", "from 0 to 255");
}
END_TEST

START_TEST(a_course_script_that_cannot_judge_is_our_error)
{
    const char *check = "run: {command: x, hidden: checks, error_exit: 75, stdout: y}";
    fake_one((FakeBox){.status = {.exit_code = 75}, .err = "no movie log\n"});
    assert_judged(check, FINDING_ERROR, "says that it could not judge: no movie log");
    fake_one((FakeBox){.status = {.exit_code = 74}});
    assert_judged(check, FINDING_FAIL, "status 0 was expected");
    fake_one((FakeBox){.status = {.end = BOX_END_SIGNALED, .signal = SIGTERM, .exit_code = 75}});
    assert_judged(check, FINDING_FAIL, "`x`: ");
    assert_reported("run: {command: x, error_exit: 0}", "error_exit");
}
END_TEST

START_TEST(output_is_compared_outside_of_the_box)
{
    fake_write("course/checks/expected.txt", "one\ntwo\n");
    fake_one((FakeBox){.out = "one\n2\n", .err = "warning: x\n"});
    assert_judged("run: {command: x, stdout: {file: checks/expected.txt}}", FINDING_FAIL,
                  "stdout is not as expected: line 2: expected \"two\", got \"2\"");
    assert_judged("run: {command: x, stdout: {file: checks/expected.txt}, show: none}", FINDING_FAIL,
                  "line 2 is not what is expected");
    assert_judged("run: {command: x, stdout: {matches: '^2$'}, stderr: {matches: warning}}", FINDING_PASS, "");
    assert_judged("run: {command: x, stdout: {is: '^3$', mode: regex}}", FINDING_FAIL,
                  "nothing in it matches the pattern \"^3$\"");
    assert_judged("run: {command: x, stdout: {is: '^3$', mode: regex}, show: none}", FINDING_FAIL,
                  "does not match the expected");
    assert_judged("run: {command: x, stdout: \"one\\n2\"}", FINDING_PASS, "");
    assert_judged("run: {command: x, stdout: {is: \"ONE 2.0\", mode: numeric, case: ignore, tolerance: 0.5}}",
                  FINDING_PASS, "");
    assert_judged("run: {command: x, stderr: \"\"}", FINDING_FAIL, "stderr is not as expected");
}
END_TEST

START_TEST(pieces_of_output_are_looked_for)
{
    fake_one((FakeBox){.out = "one\n2\n", .err = "warning: x\n"});
    assert_judged("run: {command: x, stdout_contains: [one, \"2\"], stderr_contains: warning}", FINDING_PASS, "");
    assert_judged("run: {command: x, stdout_contains: three}", FINDING_FAIL, "stdout lacks \"three\"");
    assert_judged("run: {command: x, stdout_contains: three, show: none}", FINDING_FAIL,
                  "stdout lacks an expected text");
    assert_judged("run: {command: x, stdout_lacks: one}", FINDING_FAIL, "stdout holds \"one\", which it must not");
    assert_judged("run: {command: x, stderr_lacks: warning, show: none}", FINDING_FAIL,
                  "stderr holds a text that it must not");
}
END_TEST

START_TEST(evidence_has_the_last_words_unless_they_are_hidden)
{
    fake_one((FakeBox){.status = {.exit_code = 1}, .out = "hello\n", .err = "boom\x1b[2J\xff\n"});
    g_autoptr(Finding) finding = judge("run: ./x");
    ck_assert_ptr_nonnull(strstr(finding->evidence, "$ ./x\n"));
    ck_assert_ptr_nonnull(strstr(finding->evidence, "--- stderr ---\nboom"));
    ck_assert(g_utf8_validate(finding->evidence, -1, NULL));
    ck_assert_str_eq(finding->item, "i");
    ck_assert_str_eq(finding->grader, "run");
    ck_assert_ptr_nonnull(cJSON_GetObjectItem(finding->figures, "box"));
    g_autoptr(Finding) hidden = judge("run: {command: ./x, show: none}");
    ck_assert_ptr_null(strstr(hidden->evidence, "hello"));
}
END_TEST

START_TEST(written_files_come_back_after_death)
{
    fake_write("work/out.txt", "brought along");
    fake_one((FakeBox){.report = "42\n"});
    assert_judged("run: {command: x, writes: [{file: out.txt, is: \"42\"}]}", FINDING_PASS, "");
    ck_assert_str_eq(fake_reports, "out.txt");
    ck_assert_msg(!fake_exists("work/out.txt"), "what the submission brought along must not count as written");
    assert_judged("run: {command: x, writes: out.txt}", FINDING_PASS, "");
    assert_judged("run: {command: x, writes: [{file: out.txt, is: \"43\"}]}", FINDING_FAIL,
                  "the written file \"out.txt\" is not as expected: line 1");
    fake_one((FakeBox){.report_state = BOX_REPORT_ABSENT});
    assert_judged("run: {command: x, writes: [a/b]}", FINDING_FAIL, "the file \"a/b\" was not written");
    fake_one((FakeBox){.report_state = BOX_REPORT_NOT_FILE});
    assert_judged("run: {command: x, writes: [\"{out}/b\"]}", FINDING_FAIL, "is not a file (a link");
    ck_assert(g_str_has_prefix(fake_reports, "/work/.rubric-out-"));
}
END_TEST

START_TEST(a_planted_link_is_not_followed_when_a_stale_file_is_removed)
{
    fake_write("outside/out.txt", "precious");
    g_autofree char *link = g_build_filename(fake_root, "work", "sub", NULL);
    g_autofree char *target = g_build_filename(fake_root, "outside", NULL);
    ck_assert_int_eq(symlink(target, link), 0);
    fake_one((FakeBox){.report = "x"});
    assert_judged("run: {command: x, writes: [sub/out.txt]}", FINDING_PASS, "");
    ck_assert(fake_exists("outside/out.txt"));
}
END_TEST

START_TEST(each_case_is_a_box_and_the_first_failure_is_told)
{
    fake_add((FakeBox){.out = "2"});
    fake_add((FakeBox){.out = "5"});
    fake_add((FakeBox){.out = "9"});
    static const char cases[] =
        "run:\n  command: ./add\n  cases:\n    - {stdin: \"1 1\", stdout: \"2\"}\n"
        "    - {name: twos, stdin: \"2 2\", stdout: \"4\", args: [\"-v\"]}\n    - {stdin: \"3 3\", stdout: \"6\"}";
    assert_judged(cases, FINDING_FAIL,
                  "`./add`: 1 of 3 cases passed; first failure: case \"twos\": stdout is not as expected");
    ck_assert_uint_eq(fake_n_runs, 3);
    ck_assert_str_eq(fake_stdin, "3 3");
    fake_boxes[1].out = "4.0";
    fake_boxes[2].out = "6";
    assert_judged("run:\n  command: ./add\n  stdout: {mode: numeric}\n  cases: [{stdout: \"2\"}, {stdout: "
                  "\"4.0000001\"}, {stdout: \"6\"}]",
                  FINDING_PASS, "in all 3 cases");
}
END_TEST

START_TEST(cases_that_hit_a_limit_are_not_waited_for_again)
{
    fake_one((FakeBox){.status = {.end = BOX_END_LIMIT, .limit = BOX_LIMIT_WALL}});
    assert_judged("run: {command: x, cases: [{stdout: a}, {stdout: b}, {stdout: c}]}", FINDING_FAIL,
                  "0 of 3 cases passed, 2 not run");
    ck_assert_uint_eq(fake_n_runs, 1);
}
END_TEST

START_TEST(a_folder_of_cases_pairs_inputs_and_outputs)
{
    fake_write("course/checks/io/a.in", "1");
    fake_write("course/checks/io/a.out", "one");
    fake_write("course/checks/io/b.out", "two");
    fake_write("course/checks/io/b.args", "-x\ny z\n");
    fake_write("course/checks/io/README", "ignored");
    fake_add((FakeBox){.out = "one\n"});
    fake_add((FakeBox){.out = "TWO\n"});
    assert_judged("run: {command: [./x], cases_folder: checks/io, stdout: {case: ignore}}", FINDING_PASS,
                  "in all 2 cases");
    ck_assert_str_eq(fake_argv, "./x|-x|y z");
    assert_judged("run: {command: [./x], cases_folder: checks/io}", FINDING_FAIL, "case \"b\"");
    fake_write("course/checks/empty/README", "");
    assert_judged("run: {command: x, cases_folder: checks/empty}", FINDING_ERROR, "holds no NAME.out");
}
END_TEST

START_TEST(our_failures_are_errors_and_never_fails)
{
    fake_one((FakeBox){.status = {.end = BOX_END_REFUSED, .message = "no user namespaces"}});
    assert_judged("run: x", FINDING_ERROR, "not your fault: the box could not be made: no user namespaces");
    fake_one((FakeBox){.code = -EMFILE});
    assert_judged("run: x", FINDING_ERROR, "cannot run a box");
    fake_one((FakeBox){.code = -ECANCELED});
    assert_judged("run: x", FINDING_ERROR, "stopped before it ended");
    fake_one((FakeBox){0});
    assert_judged("run: \"x {person.email}\"", FINDING_ERROR, "{person.email} has no value");
    fake_write("course/checks/bad.json", "{");
    assert_judged("run: {command: x, stdout: {file: checks/bad.json, mode: json}}", FINDING_ERROR, "checks/bad.json");
}
END_TEST

START_TEST(a_kill_that_no_limit_explains_is_our_error)
{
    fake_one((FakeBox){.status = {.end = BOX_END_SIGNALED, .signal = SIGKILL}});
    assert_judged("run: make", FINDING_ERROR, "no limit explains it");
    fake_one((FakeBox){.status = {.end = BOX_END_SIGNALED, .signal = SIGSEGV}});
    assert_judged("run: make", FINDING_FAIL, "signal");
    fake_one((FakeBox){.status = {.end = BOX_END_LIMIT, .limit = BOX_LIMIT_MEMORY, .signal = SIGKILL}});
    assert_judged("run: make", FINDING_FAIL, "memory");
}
END_TEST

START_TEST(a_folder_that_the_submission_lacks_is_the_students)
{
    fake_one((FakeBox){0});
    assert_judged("run: {command: x, folder: src}", FINDING_FAIL, "the submission has no folder \"src\"");
    ck_assert_uint_eq(fake_n_runs, 0);
    assert_judged("run: {command: x, folder: /tmp}", FINDING_PASS, "");
}
END_TEST

START_TEST(mistakes_are_reported_where_they_stand)
{
    assert_reported("run: {commando: x}",
                    "r.yaml:9:13: error: unknown key \"commando\" in check \"run\"; did you mean \"command\"?");
    assert_reported("run: {commando: x}", "lacks the required key \"command\"");
    assert_reported("run: []", "a command is a text for the shell");
    assert_reported("run: [[a]]", "a command is a text for the shell");
    assert_reported("run: \"x {team}\"", "unknown placeholder {team}");
    assert_reported("run: {command: x, env: {\"A B\": c}}", "\"A B\" is no name of a variable");
    assert_reported("run: {command: x, env: {A: [c]}}", "expected text as value");
    assert_reported("run: {command: x, network: all}", "network");
    assert_reported(
        "run: {command: x, allow: [debug, sysv-icp]}",
        "r.yaml:9:40: error: allow: there is no group of system calls \"sysv-icp\"; did you mean \"sysv-ipc\"?");
    assert_reported("run: {command: x, allow: everything}", "expected of sysv-ipc, message-queues");
    assert_reported("run: {command: x, stdin: a, stdin_file: checks/.keep}", "not both");
    assert_reported("run: {command: x, stdin_file: /etc/passwd}", "checks/");
    assert_reported("run: {command: x, stdout: {mode: exact}}", "stdout: says nothing to compare with");
    assert_reported("run: {command: x, stderr: {mode: exact}}", "stderr: says nothing to compare with");
    assert_reported("run: {command: x, stdout: {is: a, matches: b}}", "give one of is, file and matches, not 2");
    assert_reported("run: {command: x, stdout: {is: '(', mode: regex}}", "is not a regular expression");
    assert_reported("run: {command: x, stdout: {is: '{', mode: json}}", "is: not JSON");
    assert_reported("run: {command: x, stdout: {is: a, tolerance: 1}}", "has a meaning with mode numeric or json only");
    assert_reported("run: {command: x, stdout: {file: checks/.keep, mode: regex}}", "not from a file");
    assert_reported("run: {command: x, stdout: {is: a, mode: fuzzy}}", "expected one of exact");
    assert_reported("run: {command: x, cases: []}", "expected 1 to 1000 cases");
    assert_reported("run: {command: x, cases: [{stdout: a}], cases_folder: checks}",
                    "give cases or cases_folder, not both");
    assert_reported("run: {command: x, cases_folder: checks, stdout: a}",
                    "with cases_folder the expected texts are its NAME.out");
    assert_reported("run: {command: x, writes: ../x}", "the path \"../x\" holds a segment");
    assert_reported("run: {command: x, writes: [{file: \"{out}/../../x\"}]}", "holds a segment");
    assert_reported("run: {command: x, writes: [{is: a}]}", "lacks the required key \"file\"");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("run");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_short_form_runs_in_the_shell_and_wants_status_0);
    tcase_add_test(tcase, everything_a_box_needs_is_handed_over);
    tcase_add_test(tcase, hidden_input_comes_from_a_file_that_the_box_cannot_change);
    tcase_add_test(tcase, exit_may_be_a_number_a_list_or_any);
    tcase_add_test(tcase, a_course_script_that_cannot_judge_is_our_error);
    tcase_add_test(tcase, output_is_compared_outside_of_the_box);
    tcase_add_test(tcase, pieces_of_output_are_looked_for);
    tcase_add_test(tcase, evidence_has_the_last_words_unless_they_are_hidden);
    tcase_add_test(tcase, written_files_come_back_after_death);
    tcase_add_test(tcase, a_planted_link_is_not_followed_when_a_stale_file_is_removed);
    tcase_add_test(tcase, each_case_is_a_box_and_the_first_failure_is_told);
    tcase_add_test(tcase, cases_that_hit_a_limit_are_not_waited_for_again);
    tcase_add_test(tcase, a_folder_of_cases_pairs_inputs_and_outputs);
    tcase_add_test(tcase, our_failures_are_errors_and_never_fails);
    tcase_add_test(tcase, a_kill_that_no_limit_explains_is_our_error);
    tcase_add_test(tcase, a_folder_that_the_submission_lacks_is_the_students);
    tcase_add_test(tcase, mistakes_are_reported_where_they_stand);
    return fixture_main(tcase, "run");
}
