/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/archives.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

static void put(const Place *place, const char *path, const char *text, mode_t mode)
{
    int fd = openat(place->fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    g_close(fd, NULL);
}

static int pack(const Place *place)
{
    UnpackLimits limits = unpack_limits_default();
    g_autoptr(GError) error = NULL;
    int fd = memfd_create("packed", MFD_CLOEXEC);
    bool packed = pack_folder(place->fd, fd, &limits, &error);
    ck_assert_msg(packed, "%s", error ? error->message : "");
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void assert_pack_error(const Place *place, const UnpackLimits *limits, int code, const char *part)
{
    g_autoptr(GError) error = NULL;
    file_autofd int fd = memfd_create("packed", MFD_CLOEXEC);
    ck_assert(!pack_folder(place->fd, fd, limits, &error));
    ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, code) && strstr(error->message, part), "%s", error->message);
}

START_TEST(what_is_packed_unpacks_to_the_same)
{
    g_auto(Place) from = place_new();
    mkdirat(from.fd, "src", 0700);
    mkdirat(from.fd, "empty", 0700);
    put(&from, "src/main.c", "int main;", 0600);
    put(&from, "run.sh", "#!", 0700);
    ck_assert_int_eq(symlinkat("src/main.c", from.fd, "link"), 0);
    g_auto(Place) to = unpack(pack(&from));
    assert_clean(&to);
    assert_file(&to, "src/main.c", "int main;");
    assert_file(&to, "link", "int main;");
    ck_assert(place_has(&to, "empty"));
    struct stat info;
    fstatat(to.fd, "run.sh", &info, 0);
    ck_assert_int_eq(info.st_mode & 0777, 0755);
}
END_TEST

START_TEST(an_only_folder_in_a_folder_is_not_entered)
{
    g_auto(Place) from = place_new();
    mkdirat(from.fd, "src", 0700);
    put(&from, "src/main.c", "x", 0600);
    g_auto(Place) to = unpack(pack(&from));
    assert_file(&to, "src/main.c", "x");
}
END_TEST

START_TEST(equal_folders_give_equal_archives)
{
    const char *const names[2][3] = {{"a", "b", "c"}, {"c", "b", "a"}};
    g_autofree char *digests[2] = {NULL};
    for (int i = 0; i < 2; i++) {
        g_auto(Place) from = place_new();
        for (int j = 0; j < 3; j++)
            put(&from, names[i][j], names[i][j], i == 0 ? 0600 : 0664);
        file_autofd int fd = pack(&from);
        digests[i] = file_sha256_fd(fd, NULL);
    }
    ck_assert_str_eq(digests[0], digests[1]);
    g_free(g_steal_pointer(&digests[1]));
}
END_TEST

START_TEST(odd_files_are_packed_and_judged_when_unpacked)
{
    g_auto(Place) from = place_new();
    mkfifoat(from.fd, "pipe", 0600);
    ck_assert_int_eq(symlinkat("/etc/passwd", from.fd, "link"), 0);
    put(&from, "caf\xe9", "x", 0600);
    file_autofd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", from.path);
    ck_assert_int_eq(bind(sock, (struct sockaddr *)&address, sizeof address), 0);
    g_auto(Place) to = unpack(pack(&from));
    assert_finding(&to, FINDING_FAIL, "pipe\", which is a named pipe");
    assert_finding(&to, FINDING_FAIL, "socket\", which is");
    assert_finding(&to, FINDING_FAIL, "a link \"link\" that points outside");
    assert_finding(&to, FINDING_FAIL, "is not valid UTF-8");
}
END_TEST

START_TEST(a_git_folder_is_packed_by_its_name_alone)
{
    g_auto(Place) from = place_new();
    mkdirat(from.fd, ".git", 0700);
    put(&from, ".git/config", "secret", 0600);
    put(&from, "a", "x", 0600);
    int fd = pack(&from);
    struct stat info;
    fstat(fd, &info);
    g_autofree char *bytes = g_malloc0((gsize)info.st_size);
    ck_assert_int_eq(pread(fd, bytes, (gsize)info.st_size, 0), info.st_size);
    ck_assert_ptr_null(memmem(bytes, (gsize)info.st_size, "secret", 6));
    g_auto(Place) to = unpack(fd);
    assert_finding(&to, FINDING_PASS, "left out the git folder");
}
END_TEST

START_TEST(limits_hold)
{
    g_auto(Place) from = place_new();
    mkdirat(from.fd, "a", 0700);
    mkdirat(from.fd, "a/b", 0700);
    put(&from, "f", "12345", 0600);
    put(&from, "g", "12345", 0600);
    UnpackLimits limits = unpack_limits_default();
    limits.n_entries = 3;
    assert_pack_error(&from, &limits, RUBRIC_ERROR_LIMIT, "more than 3 files and folders");
    limits = unpack_limits_default();
    limits.depth = 1;
    assert_pack_error(&from, &limits, RUBRIC_ERROR_LIMIT, "more than 1 folders deep");
    limits = unpack_limits_default();
    limits.total_bytes = 9;
    assert_pack_error(&from, &limits, RUBRIC_ERROR_LIMIT,
                      "more than 9 bytes, the most that may be handed in: \"submission/g\" alone has 5 bytes");
}
END_TEST

START_TEST(a_sparse_giant_is_refused_before_it_is_read)
{
    g_auto(Place) from = place_new();
    put(&from, "huge", "x", 0600);
    g_autofree char *path = g_build_filename(from.path, "huge", NULL);
    ck_assert_int_eq(truncate(path, 1LL << 40), 0);
    UnpackLimits limits = unpack_limits_default();
    assert_pack_error(&from, &limits, RUBRIC_ERROR_LIMIT, "\"submission/huge\"");
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_our_failure)
{
    if (geteuid() == 0) {
        printf("skipped: root may read everything\n");
        return;
    }
    g_auto(Place) from = place_new();
    put(&from, "closed", "x", 0);
    UnpackLimits limits = unpack_limits_default();
    assert_pack_error(&from, &limits, RUBRIC_ERROR_DENIED, "cannot read \"submission/closed\"");
}
END_TEST

START_TEST(an_archive_that_cannot_be_written_is_our_failure)
{
    g_auto(Place) from = place_new();
    put(&from, "a", "x", 0600);
    UnpackLimits limits = unpack_limits_default();
    g_autoptr(GError) error = NULL;
    file_autofd int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    ck_assert(!pack_folder(from.fd, full, &limits, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_SYSTEM));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pack");
    TCase *tests = tcase_create("pack");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, what_is_packed_unpacks_to_the_same);
    tcase_add_test(tests, an_only_folder_in_a_folder_is_not_entered);
    tcase_add_test(tests, equal_folders_give_equal_archives);
    tcase_add_test(tests, odd_files_are_packed_and_judged_when_unpacked);
    tcase_add_test(tests, a_git_folder_is_packed_by_its_name_alone);
    tcase_add_test(tests, limits_hold);
    tcase_add_test(tests, a_sparse_giant_is_refused_before_it_is_read);
    tcase_add_test(tests, a_file_that_may_not_be_read_is_our_failure);
    tcase_add_test(tests, an_archive_that_cannot_be_written_is_our_failure);
    return run_suite(suite);
}
