/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/run.h"
#include "graders/service.h"
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
    ck_assert_msg(g_str_has_prefix(fake_env, "PATH=/usr/local/bin:/usr/bin:/bin|HOME=/work|"), "%s", fake_env);
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

/* The network itself is tests/integration/check_hosts.py's. */
static int no_network(GraderContext *context, bool has_listener, BoxSharedNetwork **ret)
{
    return has_listener ? -ENOSPC : -EINVAL;
}

START_TEST(hosts_are_declared_and_a_network_that_cannot_be_made_is_our_error)
{
    fake_context.open_network = no_network;
    assert_judged("run: {command: x, network: {hosts: [\"b.example.org:443\", \"{team.id}.example.org:80\"]}}",
                  FINDING_ERROR, "cannot make the network of the check's boxes: No space left");
    ck_assert_uint_eq(fake_rubric->hosts->len, 2);
    ck_assert_str_eq(g_ptr_array_index(fake_rubric->hosts, 0), "b.example.org:443");
    ck_assert_str_eq(g_ptr_array_index(fake_rubric->hosts, 1), "{team.id}.example.org:80");
    ck_assert_uint_eq(fake_n_runs, 0);
}
END_TEST

START_TEST(mistakes_in_hosts_are_reported_where_they_stand)
{
    static const struct {
        const char *hosts, *part;
    } wrong[] = {
        {"[example.org]", "9:43: error: hosts: \"example.org\" is not NAME:PORT (\"api.example.org:443\")"},
        {"[\"a.example.org:80\", \"http://b.example.org/\"]", "9:63: error: hosts: \"http://b.example.org/\" is not"},
        {"[\"{team.hots}:x\"]", "is not NAME:PORT"},
        {"[\"{teem.id}:80\"]", "unknown placeholder {teem.id}"},
        {"[\"localhost:80\"]", "is the grading machine itself"},
        {"[\"10.0.0.1:80\"]", "warning: hosts: \"10.0.0.1:80\" is a private address"},
        {"[]", "expected 1 to 64 of NAME:PORT"},
        {"[[a]]", "expected NAME:PORT as text"},
        {"\"a.example.org:80\"", "hosts: expected a list"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *yaml = g_strdup_printf("run: {command: x, network: {hosts: %s}}", wrong[i].hosts);
        assert_reported(yaml, wrong[i].part);
    }
    assert_reported("run: {command: x, network: {host: [\"a.example.org:80\"]}}", "did you mean \"hosts\"");
}
END_TEST

START_TEST(what_was_asked_of_the_proxy_explains_a_failure)
{
    char *log = (char *)"GET a.example.org:80: 192.0.2.1 does not answer\n"
                        "CONNECT b.example.org:443: refused: not one of the check's hosts\n";
    const Command command = {0};
    const CommandOutcome outcome = {.connections = log}, quiet = {.connections = (char *)""}, closed = {0};
    g_autofree char *explained = command_explain(&command, NULL, &outcome, g_strdup("exited with status 1"));
    g_autofree char *suspicion = command_suspicion(&outcome);
    ck_assert_str_eq(explained,
                     "exited with status 1; it asked for b.example.org:443, which is not one of the hosts that "
                     "this check opens");
    ck_assert_str_eq(suspicion,
                     "a host that the check opens could not be reached: a.example.org:80: 192.0.2.1 does not "
                     "answer");
    ck_assert_ptr_null(command_explain(&command, NULL, &outcome, NULL));
    g_autofree char *same = command_explain(&command, NULL, &quiet, g_strdup("same")),
                    *too = command_explain(&command, NULL, &closed, g_strdup("too"));
    ck_assert_str_eq(same, "same");
    ck_assert_str_eq(too, "too");
    ck_assert_ptr_null(command_suspicion(&quiet));
    ck_assert_ptr_null(command_suspicion(&closed));
}
END_TEST

START_TEST(a_service_is_read_with_what_makes_it_ready)
{
    static const char good[] = "run:\n"
                               "  command: \"true\"\n"
                               "  service:\n"
                               "    run: python3 app.py\n"
                               "    env: {PORT: 8082}\n"
                               "    profile: service\n"
                               "    ready: {http: \"http://127.0.0.1:8082/health\"}\n"
                               "    within: 20s";
    const Check *check = load_check(good, NULL);
    const CommandService *service = ((const RunParameters *)check->parameters)->command.service;
    ck_assert_int_eq(service->kind, READY_HTTP);
    ck_assert_uint_eq(service->port, 8082);
    ck_assert_str_eq(service->path, "/health");
    ck_assert_str_eq(service->command.shell, "python3 app.py");
    ck_assert_int_eq(service->command.profile, BOX_PROFILE_SERVICE);
    BoxLimits limits = service_limits(service, check);
    ck_assert_int_eq(limits.wall_ms, check->limits.wall_ms + 20000);
    check = load_check("run: {command: x, service: {run: y, ready: {line: \"^ready\"}}}", NULL);
    service = ((const RunParameters *)check->parameters)->command.service;
    ck_assert_int_eq(service->kind, READY_LINE);
    ck_assert_int_eq(service->within_us, 10 * CLOCK_SECOND_US);
    check = load_check("run: {command: x, service: {run: y, ready: {http: \"http://localhost\"}}}", NULL);
    service = ((const RunParameters *)check->parameters)->command.service;
    ck_assert_uint_eq(service->port, 80);
    ck_assert_str_eq(service->path, "/");
}
END_TEST

START_TEST(mistakes_in_a_service_are_reported_where_they_stand)
{
    static const struct {
        const char *service, *part;
    } wrong[] = {
        {"{run: y}", "lacks the required key \"ready\""},
        {"{ready: {port: 80}}", "lacks the required key \"run\""},
        {"{run: y, ready: {}}", "expected one of port: NUMBER, http: ADDRESS, line: PATTERN"},
        {"{run: y, ready: {port: 80, line: x}}", "expected one of port: NUMBER"},
        {"{run: y, ready: {port: 70000}}", "port"},
        {"{run: y, ready: {port: 3128}}", "port 3128 is the proxy's"},
        {"{run: y, ready: {http: \"http://example.org/\"}}", "expected an address in the box"},
        {"{run: y, ready: {http: \"http://127.0.0.1:0/\"}}", "expected an address in the box"},
        {"{run: y, ready: {http: \"http://127.0.0.1x\"}}", "expected an address in the box"},
        {"{run: y, ready: {line: \"(\"}}", "is not a regular expression"},
        {"{run: y, ready: {port: 80}, within: 1h}", "at most 10min"},
        {"{run: y, ready: {port: 80}, keep: true}", "unknown key \"keep\" in service"},
        {"{run: y, ready: {port: 80}}, keep: true", "nothing of the submission to keep"},
        {"{run: y, ready: {port: 80}}, folder: src", "the service has a folder of its own"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autofree char *yaml = g_strdup_printf("run: {command: x, service: %s}", wrong[i].service);
        assert_reported(yaml, wrong[i].part);
    }
}
END_TEST

#define SOME_DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* An image as `rubric image import` leaves it. */
static void put_image(const char *name)
{
    g_autofree char *description = g_strdup_printf("images/%s/image.json", name),
                    *root = g_strdup_printf("images/%s/root/.keep", name);
    fake_write(description, "{\"digest\": \"" SOME_DIGEST "\", \"env\": [\"COLOUR=red\", \"PATH=/opt/bin\"]}");
    fake_write(root, "");
}

START_TEST(an_image_gives_the_box_its_root_and_environment)
{
    g_autofree char *images = g_build_filename(fake_root, "images", NULL);
    g_autofree char *root = g_build_filename(images, "python", "root", NULL);
    put_image("python");
    fake_context.images_folder = images;
    fake_one((FakeBox){0});
    assert_judged("run: {command: x, image: python@" SOME_DIGEST ", env: {COLOUR: blue}}", FINDING_PASS, "did what");
    ck_assert_str_eq(fake_spec_root, root);
    ck_assert_msg(has_part(fake_env, "PATH=/opt/bin") && has_part(fake_env, "COLOUR=blue") &&
                      has_part(fake_env, "HOME=/work") && !has_part(fake_env, "red"),
                  "%s", fake_env);
    assert_judged("run: {command: x, image: python}", FINDING_PASS, "did what");
    ck_assert_msg(has_part(fake_env, "COLOUR=red"), "%s", fake_env);
    assert_judged("run: {command: x, image: host}", FINDING_PASS, "did what");
    ck_assert_ptr_null(fake_spec_root);
    g_autofree char *folder = g_strdup_printf("run: {command: x, image: {folder: \"%s\"}}", root);
    assert_judged(folder, FINDING_PASS, "did what");
    ck_assert_str_eq(fake_spec_root, root);
}
END_TEST

START_TEST(an_image_that_is_missing_or_another_one_is_our_error)
{
    g_autofree char *images = g_build_filename(fake_root, "images", NULL);
    put_image("python");
    assert_judged("run: {command: x, image: python}", FINDING_ERROR, "nobody said where images are");
    fake_context.images_folder = images;
    fake_one((FakeBox){0});
    assert_judged("run: {command: x, image: cobol}", FINDING_ERROR, "there is no image \"cobol\"");
    assert_judged("run: {command: x, image: \"python@sha256:"
                  "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
                  FINDING_ERROR, "but the rubric wants sha256:11");
    assert_judged("run: {command: x, image: {folder: /nowhere/at/all}}", FINDING_ERROR, "is not there");
    ck_assert_uint_eq(fake_n_runs, 0);
}
END_TEST

START_TEST(mistakes_in_images_are_reported_where_they_stand)
{
    assert_reported("run: {command: x, image: ../python}",
                    "9:32: error: image: \"../python\" is not the name of an image");
    assert_reported("run: {command: x, image: python@latest}", "is not NAME@sha256: and 64 hexadecimal digits");
    assert_reported("run: {command: x, image: {folder: images/python}}", "is not an absolute path");
    assert_reported("run: {command: x, image: {path: /x}}", "unknown key \"path\" in image");
    assert_reported("run: {command: x, image: [a]}", "image");
    assert_reported("tests: {run: x, format: tap, service: {run: y, ready: {port: 80}, image: A}}", "is not the name");
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
    tcase_add_test(tcase, hosts_are_declared_and_a_network_that_cannot_be_made_is_our_error);
    tcase_add_test(tcase, mistakes_in_hosts_are_reported_where_they_stand);
    tcase_add_test(tcase, what_was_asked_of_the_proxy_explains_a_failure);
    tcase_add_test(tcase, a_service_is_read_with_what_makes_it_ready);
    tcase_add_test(tcase, mistakes_in_a_service_are_reported_where_they_stand);
    tcase_add_test(tcase, an_image_gives_the_box_its_root_and_environment);
    tcase_add_test(tcase, an_image_that_is_missing_or_another_one_is_our_error);
    tcase_add_test(tcase, mistakes_in_images_are_reported_where_they_stand);
    return fixture_main(tcase, "run");
}
