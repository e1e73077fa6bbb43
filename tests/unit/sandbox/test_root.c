/* SPDX-License-Identifier: Apache-2.0 */
/* A host folder as the box's root: what an image brings is seen, what it must not bring is not. What mounts tell. */
#include "tests/unit/sandbox/box_testing.h"

#include <stdlib.h>

static const char busybox[] = "/bin/busybox";

static void put(const char *root, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(root, name, NULL), *folder = g_path_get_dirname(path);
    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
    ck_assert_int_eq(chmod(path, 0644), 0);
}

/* A small system: one program under its many names. Caller frees and removes. */
static char *make_root(void)
{
    const char *const programs[] = {"sh", "cat", "ls", "touch", "mkdir", "id", "readlink", "mount", "hostname"};
    char *root = g_dir_make_tmp("rubric-root-XXXXXX", NULL);
    g_autofree char *program = NULL;
    gsize length;
    ck_assert(g_file_get_contents(busybox, &program, &length, NULL));
    g_autofree char *bin = g_build_filename(root, "usr", "bin", NULL);
    g_autofree char *target = g_build_filename(bin, "busybox", NULL);
    ck_assert_int_eq(g_mkdir_with_parents(bin, 0755), 0);
    ck_assert(g_file_set_contents(target, program, (gssize)length, NULL));
    ck_assert_int_eq(chmod(target, 0755), 0);
    ck_assert_int_eq(chmod(root, 0755), 0);
    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *link = g_build_filename(bin, programs[i], NULL);
        ck_assert_int_eq(symlink("busybox", link), 0);
    }
    g_autofree char *merged = g_build_filename(root, "bin", NULL);
    ck_assert_int_eq(symlink("usr/bin", merged), 0);
    put(root, "etc/hosts", "10.0.0.1 secret\n");
    put(root, "etc/issue", "of the image\n");
    put(root, "app/data", "data of the image\n");
    put(root, "proc/planted", "planted\n");
    put(root, "run/planted", "planted\n");
    return root;
}

static void remove_root(char *root)
{
    ck_assert(file_remove_tree(root, NULL));
    g_free(root);
}

/* Runs the script in the root, expects its output. */
static void expect_output(const char *root, const char *script, const char *expected)
{
    BoxClient *client = testing_client();
    BoxSpec spec = testing_spec(NULL);
    spec.root = root;
    /* The second one too: a keeper's boxes have the host's programs, and must not be taken. */
    for (int i = 0; i < 2; i++) {
        BoxResult result = testing_shell(client, spec, script);
        ck_assert_msg(strcmp(result.out.data, expected) == 0, "printed '%s' '%s'", result.out.data, result.err.data);
        box_result_clear(&result);
    }
    box_client_free(client);
}

START_TEST(the_folder_is_the_root_and_the_hosts_programs_are_gone)
{
    char *root = make_root();
    expect_output(root, "cat /etc/issue /app/data; readlink /bin; ls /usr; ls /lib /etc/passwd 2>/dev/null",
                  "of the image\ndata of the image\nusr/bin\nbin\n");
    remove_root(root);
}
END_TEST

START_TEST(the_box_has_its_own_folders_and_names)
{
    char *root = make_root();
    expect_output(root,
                  "cat /etc/hosts; hostname; id -u; ls /proc/planted /run/planted /sys 2>/dev/null; ls /dev;"
                  "echo a >/tmp/a && echo b >b && cat /tmp/a /work/b",
                  "127.0.0.1 localhost box\n::1 localhost box\nbox\n1000\n"
                  "fd\nfull\nnull\nrandom\nshm\nstderr\nstdin\nstdout\nurandom\nzero\na\nb\n");
    remove_root(root);
}
END_TEST

START_TEST(nothing_of_the_root_can_be_written)
{
    char *root = make_root();
    expect_output(root,
                  "for f in /new /app/new /usr/bin/new /etc/new; do touch $f 2>/dev/null && echo made $f; done;"
                  "echo x 2>/dev/null >/app/data && echo written; cat /app/data",
                  "data of the image\n");
    remove_root(root);
}
END_TEST

/* Root of the suite makes everything world-readable above; what only root may read stays so. */
START_TEST(files_of_others_are_as_unreadable_as_outside)
{
    char *root = make_root();
    g_autofree char *path = g_build_filename(root, "etc", "shadow", NULL);
    put(root, "etc/shadow", "secret\n");
    ck_assert_int_eq(chmod(path, geteuid() == 0 ? 0600 : 0), 0);
    expect_output(root, "cat /etc/shadow 2>/dev/null || echo refused", "refused\n");
    remove_root(root);
}
END_TEST

START_TEST(links_of_the_root_lead_nowhere_outside)
{
    char *root = make_root();
    g_autofree char *hosts = g_build_filename(root, "etc", "hosts", NULL);
    g_autofree char *var = g_build_filename(root, "var", NULL), *tmp = g_build_filename(root, "tmp", NULL);
    g_autofree char *top = g_build_filename(root, "host", NULL);
    ck_assert_int_eq(unlink(hosts), 0);
    ck_assert_int_eq(symlink("/etc/passwd", hosts), 0);
    ck_assert_int_eq(symlink("/", var), 0);
    ck_assert_int_eq(symlink("/etc", tmp), 0);
    ck_assert_int_eq(symlink("/../../../../etc/passwd", top), 0);
    expect_output(root, "cat /etc/hosts /host 2>/dev/null; echo x >/tmp/x && cat /var/tmp/x; ls /etc",
                  "x\nhosts\nissue\n");
    remove_root(root);
}
END_TEST

START_TEST(odd_entries_are_left_out)
{
    char *root = make_root();
    g_autofree char *pipe = g_build_filename(root, "pipe", NULL);
    ck_assert_int_eq(mkfifo(pipe, 0644), 0);
    put(root, "a file", "with a blank\n");
    expect_output(root, "ls /; cat '/a file'", "a file\napp\nbin\ndev\netc\nproc\nrun\ntmp\nusr\nwork\nwith a blank\n");
    remove_root(root);
}
END_TEST

START_TEST(folders_can_be_shown_beside_it)
{
    BoxClient *client = testing_client();
    char *root = make_root();
    g_autofree char *workspace = testing_workspace(client);
    testing_put(client, workspace, "main.c", "int main;\n");
    const BoxBind bind = {workspace, "/checks", false};
    BoxSpec spec = testing_spec(NULL);
    spec.root = root;
    spec.workspace = workspace;
    spec.binds = &bind;
    spec.n_binds = 1;
    spec.folder = "/app";
    BoxResult result = testing_shell(client, spec, "cat data /work/main.c /checks/main.c");
    ck_assert_str_eq(result.out.data, "data of the image\nint main;\nint main;\n");
    box_result_clear(&result);
    box_client_free(client);
    ck_assert(file_remove_tree(workspace, NULL));
    remove_root(root);
}
END_TEST

/* The list of mounts is read when init has had time to take its own away. */
START_TEST(no_mount_tells_where_the_workspace_lies)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-place-XXXXXX", NULL);
    g_autofree char *name = g_path_get_basename(folder);
    g_autofree char *script = g_strdup_printf("sleep 0.5; grep -c %s /proc/self/mountinfo", name);
    BoxClient *client = testing_client();
    BoxSpec spec = testing_spec(NULL);
    spec.workspace = folder;
    /* The second one only we may enter: where it is not copied, that is no reason to refuse it. */
    const mode_t modes[] = {0755, 0700};
    bool is_copied = false;
    for (gsize i = 0; i < G_N_ELEMENTS(modes) && !is_copied; i++) {
        ck_assert_int_eq(chmod(folder, modes[i]), 0);
        BoxResult result = testing_shell(client, spec, script);
        ck_assert_str_eq(result.out.data, "0\n");
        is_copied = (result.status.missing & BOX_PROMISE_OVERLAY) != 0;
        box_result_clear(&result);
    }
    box_client_free(client);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_root_that_is_not_there_refuses_the_box)
{
    BoxClient *client = testing_client();
    const char *const argv[] = {"true", NULL};
    BoxSpec spec = testing_spec(argv);
    BoxResult result = {0};
    spec.root = "/no/such/image";
    ck_assert_int_eq(box_run(client, &spec, -1, &result), 0);
    ck_assert_int_eq(result.status.end, BOX_END_REFUSED);
    ck_assert_ptr_nonnull(
        strstr(result.status.message, "cannot open the image '/no/such/image': No such file or directory"));
    box_result_clear(&result);
    spec.root = "relative";
    ck_assert_int_eq(box_run(client, &spec, -1, &result), -EINVAL);
    box_client_free(client);
}
END_TEST

int main(void)
{
    if (!testing_can_box())
        return 77;
    if (access(busybox, X_OK) != 0) {
        puts("skipped: there is no /bin/busybox (package busybox-static)");
        return 77;
    }
    Suite *suite = suite_create("root");
    TCase *tcase = tcase_create("root");
    const int timeout_s = 60;
    tcase_set_timeout(tcase, timeout_s);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, the_folder_is_the_root_and_the_hosts_programs_are_gone);
    tcase_add_test(tcase, the_box_has_its_own_folders_and_names);
    tcase_add_test(tcase, nothing_of_the_root_can_be_written);
    tcase_add_test(tcase, files_of_others_are_as_unreadable_as_outside);
    tcase_add_test(tcase, links_of_the_root_lead_nowhere_outside);
    tcase_add_test(tcase, odd_entries_are_left_out);
    tcase_add_test(tcase, folders_can_be_shown_beside_it);
    tcase_add_test(tcase, no_mount_tells_where_the_workspace_lies);
    tcase_add_test(tcase, a_root_that_is_not_there_refuses_the_box);
    return testing_main(suite);
}
