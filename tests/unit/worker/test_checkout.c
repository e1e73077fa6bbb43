/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/checkout.h"

#include "tests/unit/run_suite.h"
#include "tests/unit/worker/repository.h"

#include <stdlib.h>

static Place checkout_lines(TestRepository *made, const TreeLine *lines, gsize n)
{
    g_autofree char *commit = add_commit_of(made, add_tree_of(made, lines, n));
    UnpackLimits limits = unpack_limits_default();
    Place place = place_new();
    g_autoptr(GError) error = NULL;
    bool done = checkout_commit(made->path, commit, place.fd, &limits, place.findings, &error);
    ck_assert_msg(done, "%s", error ? error->message : "");
    return place;
}

START_TEST(files_folders_links_and_modes_are_written)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine below[] = {{"100644", "main.c", add_blob_text(&made, "int main;")}};
    const TreeLine lines[] = {{"120000", "link", add_blob_text(&made, "src/main.c")},
                              {"100755", "run.sh", add_blob_text(&made, "#!")},
                              {"40000", "src", add_tree_of(&made, below, 1)}};
    g_auto(Place) place = checkout_lines(&made, lines, 3);
    assert_clean(&place);
    assert_file(&place, "src/main.c", "int main;");
    assert_file(&place, "link", "int main;");
    struct stat info;
    fstatat(place.fd, "run.sh", &info, 0);
    ck_assert_int_eq(info.st_mode & 0777, 0755);
}
END_TEST

START_TEST(an_only_folder_is_not_entered)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine below[] = {{"100644", "main.c", add_blob_text(&made, "x")}};
    const TreeLine lines[] = {{"40000", "src", add_tree_of(&made, below, 1)}};
    g_auto(Place) place = checkout_lines(&made, lines, 1);
    assert_file(&place, "src/main.c", "x");
}
END_TEST

static const struct {
    const char *name, *message;
} bad_names[] = {
    {"..", "leads outside"},
    {".", "a name that git does not allow: \".\""},
    {"a/b", "a name that git does not allow: \"a/b\""},
    {"line\nbreak", "a line break or another control character"},
    {"caf\xe9", "is not valid UTF-8"},
    {"a\\b", "holds a backslash"},
};

START_TEST(names_that_git_itself_would_not_make_are_refused)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine lines[] = {{"100644", bad_names[_i].name, add_blob_text(&made, "x")}};
    g_auto(Place) place = checkout_lines(&made, lines, 1);
    assert_finding(&place, FINDING_FAIL, bad_names[_i].message);
}
END_TEST

START_TEST(git_folders_in_a_tree_are_left_out)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine hooks[] = {{"100755", "post-checkout", add_blob_text(&made, "evil")}};
    const TreeLine lines[] = {{"40000", ".GIT", add_tree_of(&made, hooks, 1)},
                              {"100644", "a", add_blob_text(&made, "a")}};
    g_auto(Place) place = checkout_lines(&made, lines, 2);
    assert_finding(&place, FINDING_PASS, "left out the git folder of the repository");
    ck_assert(!place_has(&place, ".GIT"));
    assert_file(&place, "a", "a");
}
END_TEST

START_TEST(links_outside_are_refused)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine lines[] = {{"120000", "x", add_blob_text(&made, "../../etc/passwd")}};
    g_auto(Place) place = checkout_lines(&made, lines, 1);
    assert_finding(&place, FINDING_FAIL, "the repository holds a link \"x\" that points outside of it");
}
END_TEST

START_TEST(the_same_name_twice_is_refused)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    const TreeLine lines[] = {{"100644", "a", add_blob_text(&made, "x")}, {"120000", "a", add_blob_text(&made, "b")}};
    g_auto(Place) place = checkout_lines(&made, lines, 2);
    assert_finding(&place, FINDING_FAIL, "\"a\" both as a file and as a link");
}
END_TEST

START_TEST(submodules_and_lfs_pointers_are_remarked)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    git_oid elsewhere;
    git_oid_fromstr(&elsewhere, "0123456789012345678901234567890123456789");
    const char *pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n";
    const TreeLine lines[] = {{"100644", "model.bin", add_blob_text(&made, pointer)}, {"160000", "vendor", elsewhere}};
    g_auto(Place) place = checkout_lines(&made, lines, 2);
    assert_finding(&place, FINDING_PASS, "submodules are not fetched, so these folders are empty: \"vendor\"");
    assert_finding(&place, FINDING_PASS, "Git LFS pointers, whose content is not fetched: \"model.bin\"");
    ck_assert(place_has(&place, "vendor"));
    assert_file(&place, "model.bin", pointer);
}
END_TEST

START_TEST(an_object_that_is_missing_is_damage)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    git_oid missing;
    git_oid_fromstr(&missing, "0123456789012345678901234567890123456789");
    const char *const modes[] = {"100644", "40000", "120000"};
    const TreeLine lines[] = {{modes[_i], "a", missing}};
    g_auto(Place) place = checkout_lines(&made, lines, 1);
    assert_finding(&place, FINDING_FAIL, "the repository is damaged at \"a\"");
}
END_TEST

START_TEST(an_object_whose_content_is_not_what_its_name_says_is_damage)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    git_oid good = add_blob_text(&made, "good"), bad = add_blob_text(&made, "evil");
    char good_hex[GIT_OID_HEXSZ + 1], bad_hex[GIT_OID_HEXSZ + 1];
    git_oid_tostr(good_hex, sizeof good_hex, &good);
    git_oid_tostr(bad_hex, sizeof bad_hex, &bad);
    g_autofree char *good_path = g_strdup_printf("%s/objects/%.2s/%s", made.path, good_hex, good_hex + 2);
    g_autofree char *bad_path = g_strdup_printf("%s/objects/%.2s/%s", made.path, bad_hex, bad_hex + 2);
    ck_assert_int_eq(rename(bad_path, good_path), 0);
    const TreeLine lines[] = {{"100644", "a", good}};
    g_auto(Place) place = checkout_lines(&made, lines, 1);
    assert_finding(&place, FINDING_FAIL, "the repository is damaged at \"a\"");
    ck_assert(!place_has(&place, "a"));
}
END_TEST

START_TEST(a_tree_that_shares_itself_is_stopped)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    /* 16 levels of 8 names for the same tree: 8^16 files from 17 objects. */
    git_oid tree = add_tree_of(&made, (TreeLine[]){{"100644", "f", add_blob_text(&made, "x")}}, 1);
    for (int level = 0; level < 16; level++) {
        TreeLine lines[8];
        for (int i = 0; i < 8; i++)
            lines[i] = (TreeLine){"40000", &"a\0b\0c\0d\0e\0f\0g\0h"[i * 2], tree};
        tree = add_tree_of(&made, lines, 8);
    }
    g_auto(Place) place = checkout_lines(&made, (TreeLine[]){{"40000", "bomb", tree}}, 1);
    assert_finding(&place, FINDING_FAIL, "more than 20000 files and folders");
}
END_TEST

START_TEST(a_hundred_folders_deep_is_refused)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    git_oid tree = add_tree_of(&made, (TreeLine[]){{"100644", "f", add_blob_text(&made, "x")}}, 1);
    for (int level = 0; level < 100; level++)
        tree = add_tree_of(&made, (TreeLine[]){{"40000", "d", tree}}, 1);
    g_auto(Place) place = checkout_lines(&made, (TreeLine[]){{"40000", "d", tree}}, 1);
    assert_finding(&place, FINDING_FAIL, "lies more than 64 folders deep");
}
END_TEST

START_TEST(an_empty_commit_holds_no_files)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    g_auto(Place) place = checkout_lines(&made, NULL, 0);
    assert_finding(&place, FINDING_FAIL, "the repository holds no files");
}
END_TEST

START_TEST(a_commit_that_is_not_there_is_our_failure)
{
    g_auto(TestRepositoryAuto) made = repository_new();
    g_auto(Place) place = place_new();
    UnpackLimits limits = unpack_limits_default();
    const struct {
        const char *folder, *commit;
        RubricError code;
    } cases[] = {
        {made.path, "0123456789012345678901234567890123456789", RUBRIC_ERROR_NOT_FOUND},
        {made.path, "main", RUBRIC_ERROR_INVALID},
        {place.path, "0123456789012345678901234567890123456789", RUBRIC_ERROR_SYSTEM},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        ck_assert(!checkout_commit(cases[i].folder, cases[i].commit, place.fd, &limits, place.findings, &error));
        ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, (int)cases[i].code), "%s", error->message);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("checkout");
    TCase *tests = tcase_create("checkout");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, files_folders_links_and_modes_are_written);
    tcase_add_test(tests, an_only_folder_is_not_entered);
    tcase_add_loop_test(tests, names_that_git_itself_would_not_make_are_refused, 0, G_N_ELEMENTS(bad_names));
    tcase_add_test(tests, git_folders_in_a_tree_are_left_out);
    tcase_add_test(tests, links_outside_are_refused);
    tcase_add_test(tests, the_same_name_twice_is_refused);
    tcase_add_test(tests, submodules_and_lfs_pointers_are_remarked);
    tcase_add_loop_test(tests, an_object_that_is_missing_is_damage, 0, 3);
    tcase_add_test(tests, an_object_whose_content_is_not_what_its_name_says_is_damage);
    tcase_add_test(tests, a_tree_that_shares_itself_is_stopped);
    tcase_add_test(tests, a_hundred_folders_deep_is_refused);
    tcase_add_test(tests, an_empty_commit_holds_no_files);
    tcase_add_test(tests, a_commit_that_is_not_there_is_our_failure);
    return run_suite(suite);
}
