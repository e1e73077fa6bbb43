/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"
#include "tests/unit/refuse_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void put(const char *name, const char *text)
{
    g_autofree char *path = path_of(name);
    ck_assert(g_file_set_contents(path, text, -1, NULL));
}

START_TEST(a_file_appears_whole_with_its_mode_and_nothing_beside_it)
{
    g_autofree char *path = path_of("a"), *data = NULL;
    gsize length = 0;
    ck_assert_good(file_write_atomic(path, "one", 3, 0640, error));
    ck_assert_good(file_write_atomic(path, "t\0wo", 4, 0600, error));
    ck_assert_good(file_read(path, 4, &data, &length, error));
    ck_assert_uint_eq(length, 4);
    ck_assert_mem_eq(data, "t\0wo", 5);
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(info.st_mode & 0777, 0600);
    g_autoptr(GDir) dir = g_dir_open(fixture_folder, 0, NULL);
    ck_assert_str_eq(g_dir_read_name(dir), "a");
    ck_assert_ptr_null(g_dir_read_name(dir));
}
END_TEST

START_TEST(a_write_that_fails_leaves_the_old_file_and_no_scrap)
{
    g_autofree char *folder = path_of("is-a-folder/inside"), *target = path_of("is-a-folder"),
                    *nowhere = path_of("no/where");
    ck_assert_good(file_make_folder(folder, 0755, error));
    ck_assert_fails(file_write_atomic(target, "x", 1, 0644, error), RUBRIC_ERROR_SYSTEM);
    ck_assert_fails(file_write_atomic(nowhere, "x", 1, 0644, error), RUBRIC_ERROR_NOT_FOUND);
    g_autoptr(GDir) dir = g_dir_open(fixture_folder, 0, NULL);
    ck_assert_str_eq(g_dir_read_name(dir), "is-a-folder");
    ck_assert_ptr_null(g_dir_read_name(dir));
}
END_TEST

START_TEST(reads_are_bounded_and_of_regular_files_only)
{
    put("a", "12345");
    g_autofree char *a = path_of("a"), *absent = path_of("absent"), *fifo = path_of("fifo"), *data = NULL;
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_fails(file_read(a, 4, &data, NULL, error), RUBRIC_ERROR_LIMIT);
    ck_assert_fails(file_read(absent, 4, &data, NULL, error), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_fails(file_read(fixture_folder, 4, &data, NULL, error), RUBRIC_ERROR_INVALID);
    ck_assert_fails(file_read(fifo, 4, &data, NULL, error), RUBRIC_ERROR_INVALID);
    ck_assert_ptr_null(data);
    ck_assert_good(file_read(a, 5, &data, NULL, error));
    ck_assert_str_eq(data, "12345");
}
END_TEST

START_TEST(a_file_of_the_kernels_is_read_though_it_says_it_is_empty)
{
    g_autofree char *data = NULL;
    gsize length = 0;
    ck_assert_good(file_read("/proc/self/status", 1 << 20, &data, &length, error));
    ck_assert_uint_gt(length, 100);
}
END_TEST

/* As systemd's RestrictSUIDSGID= does. */
static void refuse_openat2(void)
{
    refuse_call(SYS_openat2, ENOSYS);
    ck_assert_int_lt(syscall(SYS_openat2, AT_FDCWD, ".", NULL, 0), 0);
    ck_assert_int_eq(errno, ENOSYS);
}

/* First with openat2, then without it. */
START_TEST(paths_from_outside_never_leave_their_folder)
{
    if (_i == 1)
        refuse_openat2();
    g_autofree char *inner = path_of("in/deep"), *link = path_of("in/link"), *up = path_of("in/up");
    ck_assert_good(file_make_folder(inner, 0755, error));
    put("secret", "s");
    put("in/deep/file", "f");
    ck_assert_int_eq(symlink("../secret", link), 0);
    ck_assert_int_eq(symlink("deep", up), 0);
    g_autofree char *base = path_of("in");
    file_autofd int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    file_autofd int good = file_open_beneath(dir, "deep/file", O_RDONLY, 0);
    ck_assert_int_ge(good, 0);
    ck_assert_int_ne(fcntl(good, F_GETFD) & FD_CLOEXEC, 0);
    static const struct {
        const char *path;
        int error;
    } bad[] = {{"../secret", EXDEV},         {"/etc/passwd", EXDEV},  {"link", ELOOP},          {"up/file", ELOOP},
               {"deep/../../secret", EXDEV}, {"deep/file/", ENOTDIR}, {"deep/file/x", ENOTDIR}, {"", ENOENT}};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        ck_assert_int_lt(file_open_beneath(dir, bad[i].path, O_RDONLY, 0), 0);
        ck_assert_msg(errno == bad[i].error, "%s: %s", bad[i].path, strerror(errno));
    }
    ck_assert_int_lt(file_open_beneath(dir, "link", O_PATH, 0), 0);
    ck_assert_int_eq(errno, ELOOP);
    file_autofd int as_link = file_open_beneath(dir, "link", O_PATH | O_NOFOLLOW, 0);
    ck_assert_int_ge(as_link, 0);
    file_autofd int folder = file_open_beneath(dir, "./deep/", O_RDONLY | O_DIRECTORY, 0);
    ck_assert_int_ge(folder, 0);
    ck_assert_int_lt(file_open_beneath(dir, "absent", O_RDONLY, 0), 0);
    ck_assert_int_eq(errno, ENOENT);
    file_autofd int made = file_open_beneath(dir, "new", O_WRONLY | O_CREAT | O_EXCL, 0600);
    ck_assert_int_ge(made, 0);
}
END_TEST

START_TEST(a_tree_is_removed_and_what_its_links_point_at_stays)
{
    g_autofree char *deep = path_of("tree/a/b/c"), *tree = path_of("tree"), *link = path_of("tree/link"),
                    *kept = path_of("kept");
    ck_assert_good(file_make_folder(deep, 0755, error));
    ck_assert_good(file_make_folder(kept, 0755, error));
    put("kept/file", "x");
    put("tree/a/file", "x");
    ck_assert_int_eq(symlink("../kept", link), 0);
    ck_assert_good(file_remove_tree(tree, error));
    ck_assert_good(file_remove_tree(tree, error));
    ck_assert(!g_file_test(tree, G_FILE_TEST_EXISTS));
    g_autofree char *file = path_of("kept/file");
    ck_assert(g_file_test(file, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(sums_are_sha256_of_bytes_and_of_files)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    ck_assert_text(file_sha256_bytes("abc", 3), abc);
    put("abc", "abc");
    g_autofree char *path = path_of("abc");
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ck_assert_text(file_sha256_fd(fd, NULL), abc);
    file_autofd int folder = open(fixture_folder, O_RDONLY | O_CLOEXEC);
    ck_assert_fails(file_sha256_fd(folder, error), RUBRIC_ERROR_SYSTEM);
}
END_TEST

START_TEST(all_is_written_or_an_error_says_why)
{
    file_autofd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert_fails(file_write_all(full, "x", 1, error), RUBRIC_ERROR_SYSTEM);
    ck_assert_fails(file_sync_folder("/nowhere", error), RUBRIC_ERROR_NOT_FOUND);
    g_autofree char *file = path_of("f"), *below = path_of("f/g");
    put("f", "x");
    ck_assert_fails(file_make_folder(below, 0755, error), RUBRIC_ERROR_SYSTEM);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, a_file_appears_whole_with_its_mode_and_nothing_beside_it);
    tcase_add_test(tcase, a_write_that_fails_leaves_the_old_file_and_no_scrap);
    tcase_add_test(tcase, reads_are_bounded_and_of_regular_files_only);
    tcase_add_test(tcase, a_file_of_the_kernels_is_read_though_it_says_it_is_empty);
    tcase_add_loop_test(tcase, paths_from_outside_never_leave_their_folder, 0, 2);
    tcase_add_test(tcase, a_tree_is_removed_and_what_its_links_point_at_stays);
    tcase_add_test(tcase, sums_are_sha256_of_bytes_and_of_files);
    tcase_add_test(tcase, all_is_written_or_an_error_says_why);
    return fixture_main(tcase, "file");
}
