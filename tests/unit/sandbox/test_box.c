/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/sandbox/box_testing.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

static BoxClient *client;

static void set_up(void)
{
    client = testing_client();
}

static void tear_down(void)
{
    box_client_free(client);
}

static void assert_output(const BoxResult *result, const char *expected)
{
    ck_assert_str_eq(result->out.data, expected);
    ck_assert_str_eq(result->err.data, "");
}

START_TEST(exit_statuses_and_signals_are_told)
{
    BoxResult result = testing_shell(client, testing_spec(NULL), "exit 7");
    ck_assert_int_eq(result.status.end, BOX_END_EXITED);
    ck_assert_int_eq(result.status.exit_code, 7);
    box_result_clear(&result);
    result = testing_shell(client, testing_spec(NULL), "kill -TERM $$");
    ck_assert_int_eq(result.status.end, BOX_END_SIGNALED);
    ck_assert_int_eq(result.status.signal, 15);
    box_result_clear(&result);
    result = testing_shell(client, testing_spec(NULL), "kill -ABRT $$");
    ck_assert_int_eq(result.status.signal, 6);
    box_result_clear(&result);
}
END_TEST

START_TEST(root_inside_is_nobody_outside)
{
    BoxSpec spec = testing_spec(NULL);
    spec.inner_root = true;
    spec.scratch = (const char *const[]){"autograder", "root", NULL};
    spec.folder = "/autograder";
    BoxResult result = testing_shell(
        client, spec,
        "id -u; id -g; touch /root/x /work/y results && chown root:root results && stat -c %u /root/x; "
        "mknod n b 1 1 2>/dev/null || echo refused; grep -c \"^Cap.*0000000000000000\" /proc/self/status");
    assert_output(&result, "0\n0\n0\nrefused\n5\n");
    box_result_clear(&result);
    /* The next box of the same client is an ordinary one again. */
    result = testing_shell(client, testing_spec(NULL), "id -u; ls -d /autograder 2>/dev/null");
    assert_output(&result, "1000\n");
    box_result_clear(&result);
}
END_TEST

START_TEST(both_streams_come_back_whole)
{
    BoxResult result =
        testing_shell(client, testing_spec(NULL), "printf 'a\\000b'; printf err >&2; printf more >/dev/stdout");
    ck_assert_uint_eq(result.out.length, 7);
    ck_assert_int_eq(memcmp(result.out.data, "a\0bmore", 8), 0);
    ck_assert_str_eq(result.err.data, "err");
    ck_assert_int_eq(result.status.stdout_bytes, 7);
    box_result_clear(&result);
}
END_TEST

START_TEST(the_environment_is_the_one_given)
{
    setenv("SECRET_OF_THE_CALLER", "1", 1);
    BoxResult result = testing_shell(client, testing_spec(NULL), "env | sort | grep -v ^PWD");
    assert_output(&result, "HOME=/work\nLANG=C.UTF-8\nPATH=/usr/local/bin:/usr/bin:/bin\nTMPDIR=/tmp\nTZ=UTC\n");
    box_result_clear(&result);
    BoxSpec spec = testing_spec(NULL);
    spec.env = (const char *const[]){"PATH=/usr/bin:/bin", "A=b c", NULL};
    result = testing_shell(client, spec, "env | sort | grep -v ^PWD");
    assert_output(&result, "A=b c\nPATH=/usr/bin:/bin\n");
    box_result_clear(&result);
}
END_TEST

START_TEST(a_command_that_cannot_run_says_why)
{
    const char *const missing[] = {"no-such-command", NULL};
    BoxSpec spec = testing_spec(missing);
    BoxResult result = testing_run(client, &spec);
    ck_assert_int_eq(result.status.exit_code, 127);
    ck_assert(g_str_has_prefix(result.err.data, "cannot run 'no-such-command': No such file or directory\n"));
    box_result_clear(&result);
    const char *const no_program[] = {"/etc/passwd", NULL};
    spec.argv = no_program;
    result = testing_run(client, &spec);
    ck_assert_int_eq(result.status.exit_code, 126);
    box_result_clear(&result);
    spec.folder = "/work/not/there";
    result = testing_run(client, &spec);
    ck_assert_int_eq(result.status.exit_code, 126);
    ck_assert_ptr_nonnull(strstr(result.err.data, "cannot enter the folder '/work/not/there'"));
    box_result_clear(&result);
}
END_TEST

START_TEST(standard_input_is_given_and_can_be_opened_again)
{
    BoxSpec spec = testing_spec(NULL);
    BoxResult result = testing_shell(client, spec, "cat");
    assert_output(&result, "");
    box_result_clear(&result);

    g_autofree char *path = NULL;
    spec.stdin_fd = g_file_open_tmp("rubric-stdin-XXXXXX", &path, NULL);
    ck_assert_int_eq(write(spec.stdin_fd, "typed\n", 6), 6);
    lseek(spec.stdin_fd, 0, SEEK_SET);
    result = testing_shell(client, spec, "cat; cat /dev/stdin; echo x > /dev/stdin");
    ck_assert_str_eq(result.out.data, "typed\ntyped\n");
    box_result_clear(&result);
    close(spec.stdin_fd);
    unlink(path);

    int pair[2];
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
    ck_assert_int_eq(write(pair[1], "piped", 5), 5);
    close(pair[1]);
    spec.stdin_fd = pair[0];
    result = testing_shell(client, spec, "cat /dev/stdin");
    assert_output(&result, "piped");
    box_result_clear(&result);
    close(pair[0]);
}
END_TEST

START_TEST(a_script_without_an_interpreter_is_run_by_the_shell)
{
    g_autofree char *folder = testing_workspace(client);
    testing_put(client, folder, "script", "echo \"ran $1\"\n");
    g_autofree char *path = g_build_filename(folder, "script", NULL);
    ck_assert_int_eq(chmod(path, 0755), 0);
    const char *const argv[] = {"./script", "well", NULL};
    BoxSpec spec = testing_spec(argv);
    spec.workspace = folder;
    BoxResult result = testing_run(client, &spec);
    assert_output(&result, "ran well\n");
    box_result_clear(&result);
    file_remove_tree(folder, NULL);
}
END_TEST

/* ---- the workspace
 * ----------------------------------------------------------------------------------------------------- */

static const char change_script[] =
    "cat old && echo changed > old && echo new > new && mkdir -p sub/deep && rm gone && ls";

START_TEST(a_discarded_workspace_stays_as_it_was)
{
    g_autofree char *folder = testing_workspace(client);
    testing_put(client, folder, "old", "old\n");
    testing_put(client, folder, "gone", "");
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = folder;
    BoxResult result = testing_shell(client, spec, change_script);
    assert_output(&result, "old\nnew\nold\nsub\n");
    box_result_clear(&result);
    g_autofree char *old = g_build_filename(folder, "old", NULL), *new = g_build_filename(folder, "new", NULL);
    g_autofree char *text = NULL;
    ck_assert(g_file_get_contents(old, &text, NULL, NULL));
    ck_assert_str_eq(text, "old\n");
    ck_assert_int_eq(access(new, F_OK), -1);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(a_kept_workspace_is_changed)
{
    g_autofree char *folder = testing_workspace(client);
    testing_put(client, folder, "old", "old\n");
    testing_put(client, folder, "gone", "");
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = folder;
    spec.workspace_mode = BOX_WORKSPACE_KEEP;
    BoxResult result = testing_shell(client, spec, change_script);
    assert_output(&result, "old\nnew\nold\nsub\n");
    box_result_clear(&result);
    g_autofree char *new = g_build_filename(folder, "new", NULL), *gone = g_build_filename(folder, "gone", NULL);
    struct stat info;
    ck_assert_int_eq(stat(new, &info), 0);
    ck_assert_uint_eq(info.st_uid, box_uid(client));
    ck_assert_int_eq(access(gone, F_OK), -1);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(a_folder_can_be_removed_and_made_again)
{
    g_autofree char *folder = testing_workspace(client);
    g_autofree char *build = g_build_filename(folder, "build", NULL);
    ck_assert_int_eq(mkdir(build, 0755), 0);
    if (box_uid(client) != geteuid())
        ck_assert_int_eq(chown(build, box_uid(client), box_uid(client)), 0);
    testing_put(client, build, "object", "x");
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = folder;
    BoxResult result = testing_shell(client, spec, "rm -r build && mkdir build && ls -A build && mv build other && ls");
    assert_output(&result, "other\n");
    box_result_clear(&result);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(binds_show_what_they_should)
{
    g_autofree char *folder = testing_workspace(client);
    testing_put(client, folder, "data", "data\n");
    g_autofree char *file = g_build_filename(folder, "data", NULL);
    const BoxBind binds[] = {{folder, "/data/in", false}, {folder, "/work/out", true}, {file, "/opt/one/file", false}};
    BoxSpec spec = testing_spec(NULL);
    spec.binds = binds;
    spec.n_binds = G_N_ELEMENTS(binds);
    BoxResult result = testing_shell(
        client, spec,
        "cat /data/in/data /opt/one/file; echo x > /work/out/written; "
        "(echo y > /data/in/bad) 2>/dev/null || echo refused; (echo y > /opt/one/file) 2>/dev/null || echo refused");
    assert_output(&result, "data\ndata\nrefused\nrefused\n");
    box_result_clear(&result);
    g_autofree char *written = g_build_filename(folder, "written", NULL);
    ck_assert_int_eq(access(written, F_OK), 0);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(a_bind_follows_no_link_of_the_student)
{
    g_autofree char *folder = testing_workspace(client);
    g_autofree char *trap = g_build_filename(folder, "checks", NULL);
    ck_assert_int_eq(symlink("/etc", trap), 0);
    const BoxBind bind = {folder, "/work/checks/hidden", false};
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    spec.workspace = folder;
    spec.binds = &bind;
    spec.n_binds = 1;
    BoxResult result = {0};
    ck_assert_int_eq(box_run(client, &spec, -1, &result), 0);
    ck_assert_int_eq(result.status.end, BOX_END_REFUSED);
    ck_assert_ptr_nonnull(strstr(result.status.message, "/work/checks/hidden"));
    box_result_clear(&result);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(what_is_not_there_is_refused_in_words)
{
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    spec.workspace = "/no/such/folder";
    BoxResult result = {0};
    ck_assert_int_eq(box_run(client, &spec, -1, &result), 0);
    ck_assert_int_eq(result.status.end, BOX_END_REFUSED);
    ck_assert_ptr_nonnull(
        strstr(result.status.message, "cannot open the workspace '/no/such/folder': No such file or directory"));
    box_result_clear(&result);
}
END_TEST

/* ---- reports
 * ----------------------------------------------------------------------------------------------------------- */

START_TEST(reports_come_back_in_order_with_their_state)
{
    BoxSpec spec = testing_spec(NULL);
    const char *const paths[] = {"one", "/tmp/two", "none",           "link",  "fifo", "dir",
                                 "big", "secret",   "dir/below/none", "one/x", NULL};
    const BoxReportState states[] = {
        BOX_REPORT_OK,       BOX_REPORT_OK,        BOX_REPORT_ABSENT,     BOX_REPORT_NOT_FILE, BOX_REPORT_NOT_FILE,
        BOX_REPORT_NOT_FILE, BOX_REPORT_TOO_LARGE, BOX_REPORT_UNREADABLE, BOX_REPORT_ABSENT,   BOX_REPORT_NOT_FILE};
    spec.report_paths = paths;
    spec.report_bytes = 10;
    BoxResult result =
        testing_shell(client, spec,
                      "printf 'a\\000b' > one; printf 2 > /tmp/two; ln -s one link; mkfifo fifo; mkdir -p dir/below; "
                      "echo 12345678901 > big; echo x > secret; chmod 0 secret");
    ck_assert_uint_eq(result.n_reports, G_N_ELEMENTS(states));
    for (size_t i = 0; i < result.n_reports; i++)
        ck_assert_msg(result.reports[i].state == states[i], "%s is in state %d", paths[i],
                      (int)result.reports[i].state);
    ck_assert_uint_eq(result.reports[0].bytes.length, 3);
    ck_assert_int_eq(memcmp(result.reports[0].bytes.data, "a\0b", 4), 0);
    ck_assert_str_eq(result.reports[1].bytes.data, "2");
    ck_assert_ptr_null(result.reports[6].bytes.data);
    box_result_clear(&result);
}
END_TEST

START_TEST(reports_come_back_after_a_limit_too)
{
    BoxSpec spec = testing_spec(NULL);
    spec.limits.wall_ms = 1000;
    spec.report_paths = (const char *const[]){"half", NULL};
    BoxResult result = testing_shell(client, spec, "echo half > half; sleep 100");
    ck_assert_int_eq(result.status.limit, BOX_LIMIT_WALL);
    ck_assert_int_eq(result.reports[0].state, BOX_REPORT_OK);
    ck_assert_str_eq(result.reports[0].bytes.data, "half\n");
    box_result_clear(&result);
}
END_TEST

/* ---- the rest
 * ---------------------------------------------------------------------------------------------------------- */

START_TEST(the_loopback_is_there_when_asked_for)
{
    const char script[] =
        "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); "
        "c = socket.create_connection(s.getsockname()); print(\"connected\")' 2>/dev/null || echo none";
    if (access("/usr/bin/python3", X_OK) < 0) {
        puts("skipped: no python3");
        return;
    }
    BoxSpec spec = testing_spec(NULL);
    BoxResult result = testing_shell(client, spec, script);
    assert_output(&result, "none\n");
    box_result_clear(&result);
    spec.network = BOX_NETWORK_LOOPBACK;
    result = testing_shell(client, spec, script);
    assert_output(&result, "connected\n");
    box_result_clear(&result);
}
END_TEST

START_TEST(a_box_is_cancelled_at_once)
{
    int pair[2];
    ck_assert_int_eq(pipe2(pair, O_CLOEXEC), 0);
    close(pair[1]); /* readable: at its end */
    const char *const argv[] = {"sleep", "100.125", NULL};
    BoxSpec spec = testing_spec(argv);
    BoxResult result = {0};
    gint64 start_us = g_get_monotonic_time();
    ck_assert_int_eq(box_run(client, &spec, pair[0], &result), -ECANCELED);
    ck_assert_int_lt(g_get_monotonic_time() - start_us, 5 * G_USEC_PER_SEC);
    ck_assert_int_eq(testing_count_commands("100.125"), 0);
    close(pair[0]);
}
END_TEST

START_TEST(a_malformed_spec_is_the_callers_mistake)
{
    const char *const argv[] = {"true", NULL}, *const none[] = {NULL};
    const BoxBind bind = {"relative", "/x", false};
    BoxSpec bad[6];
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        bad[i] = testing_spec(argv);
    bad[0].argv = none;
    bad[1].folder = "relative";
    bad[2].workspace = "relative";
    bad[3].binds = &bind;
    bad[3].n_binds = 1;
    bad[4].limits.wall_ms = -5;
    bad[5].report_bytes = -1;
    BoxResult result = {0};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        ck_assert_int_eq(box_run(client, &bad[i], -1, &result), -EINVAL);
}
END_TEST

START_TEST(what_is_missing_must_be_allowed)
{
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    BoxResult result = testing_run(client, &spec);
    uint32_t missing = result.status.missing & ~(uint32_t)BOX_PROMISE_OVERLAY;
    box_result_clear(&result);
    spec.accept_missing = 0;
    ck_assert_int_eq(box_run(client, &spec, -1, &result), 0);
    ck_assert_int_eq(result.status.end, missing ? BOX_END_REFUSED : BOX_END_EXITED);
    for (uint32_t bit = 1; bit <= BOX_PROMISE_OWN_UID; bit <<= 1) {
        if (missing & bit)
            ck_assert_ptr_nonnull(strstr(result.status.message, box_promise_name((BoxPromise)bit)));
    }
    box_result_clear(&result);
}
END_TEST

START_TEST(a_program_that_is_not_rubric_box_is_an_error)
{
    BoxClient *other = NULL;
    ck_assert_int_eq(box_client_new("/no/such/program", NULL, &other), -ENOENT);
    ck_assert_int_eq(box_client_new("/bin/true", "a/b", &other), -EINVAL);
    ck_assert_int_eq(box_client_new("/bin/true", NULL, &other), 0);
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    BoxResult result = {0};
    ck_assert_int_lt(box_run(other, &spec, -1, &result), 0);
    box_client_free(other);
}
END_TEST

START_TEST(the_machine_is_examined)
{
    BoxFact facts[32];
    size_t n = box_examine_machine(client, facts, G_N_ELEMENTS(facts));
    ck_assert_uint_gt(n, 8);
    ck_assert_uint_le(n, G_N_ELEMENTS(facts));
    for (size_t i = 0; i < n; i++) {
        ck_assert(facts[i].holds == (facts[i].mend[0] == '\0'));
        ck_assert_msg(facts[i].holds || !facts[i].is_required, "%s: %s", facts[i].name, facts[i].detail);
    }
    ck_assert_uint_eq(box_examine_machine(client, facts, 1), n);
}
END_TEST

/* ---- as rubric-worker does it: inside namespaces, over a tmpfs that nobody else sees
 * ------------------------------------- */

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
    close(fd);
    return n > 0;
}

/* In the child: own namespaces, a tmpfs over /mnt, and a box with its workspace there. */
static int run_nested(bool in_user_namespace)
{
    char uid_map[50], gid_map[50];
    snprintf(uid_map, sizeof uid_map, "0 %u 1", (unsigned)geteuid());
    snprintf(gid_map, sizeof gid_map, "0 %u 1", (unsigned)getegid());
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | (in_user_namespace ? CLONE_NEWUSER : 0)) < 0)
        return 1;
    if (in_user_namespace && (!write_text("/proc/self/setgroups", "deny") ||
                              !write_text("/proc/self/uid_map", uid_map) || !write_text("/proc/self/gid_map", gid_map)))
        return 2;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/mnt", "tmpfs", 0, "size=1m,mode=0755") < 0)
        return 3;
    BoxClient *nested = testing_try_client();
    if (!nested)
        return 4;
    if (!g_file_set_contents("/mnt/file", "hidden\n", -1, NULL) || chmod("/mnt/file", 0644) < 0)
        return 5;
    if (box_uid(nested) != geteuid() && (chown("/mnt", box_uid(nested), box_uid(nested)) < 0 ||
                                         chown("/mnt/file", box_uid(nested), box_uid(nested)) < 0))
        return 6;
    const char *const argv[] = {"sh", "-c", "cat file && echo more >> file && id -u", NULL};
    BoxSpec spec = testing_spec(argv);
    spec.workspace = "/mnt";
    spec.workspace_mode = BOX_WORKSPACE_KEEP;
    BoxResult result = {0};
    int r = box_run(nested, &spec, -1, &result);
    bool is_right = r == 0 && result.status.end == BOX_END_EXITED && strcmp(result.out.data, "hidden\n1000\n") == 0;
    if (!is_right && r == 0)
        fprintf(stderr, "nested: %s %s %s\n", result.status.message, result.out.data, result.err.data);
    box_result_clear(&result);
    box_client_free(nested);
    return is_right ? 0 : 7;
}

START_TEST(a_box_runs_inside_its_callers_namespaces)
{
    bool in_user_namespace = _i == 1;
    if (!in_user_namespace && geteuid() != 0) {
        puts("skipped: only root makes a mount namespace alone");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_nested(in_user_namespace));
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

/* Overlays may lie two upon one another and no more: over the second one a box gets none. */
static bool mount_two_overlays(void)
{
    const char *const folders[] = {"/mnt/low", "/mnt/up1",   "/mnt/work1", "/mnt/one",
                                   "/mnt/up2", "/mnt/work2", "/mnt/two"};
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("none", "/mnt", "tmpfs", 0, "size=4m,mode=0755") < 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
        if (mkdir(folders[i], 0777) < 0)
            return false;
    }
    return mount("none", "/mnt/one", "overlay", 0, "lowerdir=/mnt/low,upperdir=/mnt/up1,workdir=/mnt/work1") == 0 &&
           mount("none", "/mnt/two", "overlay", 0, "lowerdir=/mnt/one,upperdir=/mnt/up2,workdir=/mnt/work2") == 0;
}

enum { COPIED = 0, NO_OVERLAYS = 77 };

static int run_with_copy(void)
{
    if (!mount_two_overlays())
        return NO_OVERLAYS;
    if (mkdir("/mnt/two/sub", 0755) < 0 || !g_file_set_contents("/mnt/two/sub/file", "text\n", -1, NULL) ||
        chmod("/mnt/two/sub/file", 0644) < 0 || symlink("sub/file", "/mnt/two/link") < 0 ||
        mkfifo("/mnt/two/fifo", 0644) < 0)
        return 2;
    BoxClient *copying = testing_try_client();
    if (!copying)
        return 3;
    BoxSpec spec = testing_spec(NULL);
    const char *const argv[] = {"sh", "-c",
                                "cat link; test -e fifo || echo none; rm sub/file; echo new > sub/new; ls sub", NULL};
    spec.argv = argv;
    spec.workspace = "/mnt/two";
    BoxResult result = {0};
    int r = box_run(copying, &spec, -1, &result);
    bool is_right = r == 0 && (result.status.missing & BOX_PROMISE_OVERLAY) &&
                    strcmp(result.out.data, "text\nnone\nnew\n") == 0 && access("/mnt/two/sub/file", F_OK) == 0 &&
                    access("/mnt/two/sub/new", F_OK) < 0;
    if (!is_right && r == 0)
        fprintf(stderr, "copied: %s %s %s\n", result.status.message, result.out.data, result.err.data);
    box_result_clear(&result);
    box_client_free(copying);
    return is_right ? COPIED : 4;
}

START_TEST(a_workspace_is_copied_where_no_overlay_can_be_had)
{
    if (geteuid() != 0) {
        puts("skipped: only root mounts overlays upon one another");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_with_copy());
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NO_OVERLAYS)
        puts("skipped: no two overlays can be mounted upon one another here");
    else
        ck_assert_int_eq(status, COPIED);
}
END_TEST

int main(void)
{
    if (!testing_can_box())
        return 0;
    TCase *tests = tcase_create("box");
    tcase_set_timeout(tests, 60);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, exit_statuses_and_signals_are_told);
    tcase_add_test(tests, root_inside_is_nobody_outside);
    tcase_add_test(tests, both_streams_come_back_whole);
    tcase_add_test(tests, the_environment_is_the_one_given);
    tcase_add_test(tests, a_command_that_cannot_run_says_why);
    tcase_add_test(tests, standard_input_is_given_and_can_be_opened_again);
    tcase_add_test(tests, a_script_without_an_interpreter_is_run_by_the_shell);
    tcase_add_test(tests, a_discarded_workspace_stays_as_it_was);
    tcase_add_test(tests, a_kept_workspace_is_changed);
    tcase_add_test(tests, a_folder_can_be_removed_and_made_again);
    tcase_add_test(tests, binds_show_what_they_should);
    tcase_add_test(tests, a_bind_follows_no_link_of_the_student);
    tcase_add_test(tests, what_is_not_there_is_refused_in_words);
    tcase_add_test(tests, reports_come_back_in_order_with_their_state);
    tcase_add_test(tests, reports_come_back_after_a_limit_too);
    tcase_add_test(tests, the_loopback_is_there_when_asked_for);
    tcase_add_test(tests, a_box_is_cancelled_at_once);
    tcase_add_test(tests, a_malformed_spec_is_the_callers_mistake);
    tcase_add_test(tests, what_is_missing_must_be_allowed);
    tcase_add_test(tests, a_program_that_is_not_rubric_box_is_an_error);
    tcase_add_test(tests, the_machine_is_examined);
    tcase_add_loop_test(tests, a_box_runs_inside_its_callers_namespaces, 0, 2);
    tcase_add_test(tests, a_workspace_is_copied_where_no_overlay_can_be_had);
    Suite *suite = suite_create("sandbox/box");
    suite_add_tcase(suite, tests);
    return testing_main(suite);
}
