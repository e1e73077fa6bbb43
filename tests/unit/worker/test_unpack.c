/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/archives.h"

#include <stdlib.h>

#define FOLDER(path)                                                                                                   \
    {                                                                                                                  \
        .name = path, .kind = AE_IFDIR, .mode = 0755                                                                   \
    }

START_TEST(all_formats_give_the_same_files)
{
    const Entry entries[] = {FOLDER("src/"),
                             {.name = "src/main.c", .text = "int main;"},
                             {.name = "run.sh", .text = "#!", .mode = 0755},
                             {0}};
    const struct {
        SetFormat format, filter;
    } kinds[] = {
        {archive_write_set_format_zip, NULL},
        {archive_write_set_format_ustar, NULL},
        {archive_write_set_format_pax, archive_write_add_filter_gzip},
        {archive_write_set_format_gnutar, archive_write_add_filter_xz},
        {archive_write_set_format_gnutar, archive_write_add_filter_bzip2},
        {archive_write_set_format_gnutar, archive_write_add_filter_zstd},
        {archive_write_set_format_7zip, NULL},
    };
    g_auto(Place) place = unpack(make_archive(kinds[_i].format, kinds[_i].filter, NULL, entries));
    assert_clean(&place);
    assert_file(&place, "src/main.c", "int main;");
    assert_file(&place, "run.sh", "#!");
    struct stat info;
    fstatat(place.fd, "run.sh", &info, 0);
    ck_assert_int_eq(info.st_mode & 07777, 0755);
    fstatat(place.fd, "src/main.c", &info, 0);
    ck_assert_int_eq(info.st_mode & 07777, 0644);
}
END_TEST

START_TEST(an_only_root_folder_is_entered)
{
    g_auto(Place) place = unpack(make_zip((Entry[]){{.name = "team1/a.txt", .text = "a"},
                                                    {.name = "team1/team1/b.txt", .text = "b"},
                                                    {.name = "team1/.entered", .text = "c"},
                                                    {0}}));
    assert_finding(&place, FINDING_PASS, "everything lies in one folder, which was entered: \"team1\"");
    ck_assert_uint_eq(place.findings->len, 1);
    assert_file(&place, "a.txt", "a");
    assert_file(&place, "team1/b.txt", "b");
    assert_file(&place, ".entered", "c");
}
END_TEST

START_TEST(a_file_beside_the_root_folder_keeps_it_where_it_is)
{
    g_auto(Place) place =
        unpack(make_zip((Entry[]){{.name = "team1/a.txt", .text = "a"}, {.name = "README", .text = "r"}, {0}}));
    assert_file(&place, "team1/a.txt", "a");
}
END_TEST

START_TEST(debris_beside_the_root_folder_does_not_count)
{
    g_auto(Place) place = unpack(make_zip((Entry[]){{.name = "team1/a.txt", .text = "a"},
                                                    {.name = "__MACOSX/team1/._a.txt", .text = "x"},
                                                    {.name = ".DS_Store", .text = "x"},
                                                    {.name = "team1/a.txt~", .text = "x"},
                                                    {.name = "team1/.a.txt.swp", .text = "x"},
                                                    {0}}));
    assert_file(&place, "a.txt", "a");
    assert_finding(&place, FINDING_PASS, "left out what the system or an editor added: \"__MACOSX/team1/._a.txt\"");
    ck_assert_uint_eq(place.findings->len, 2);
    ck_assert(!place_has(&place, "a.txt~"));
}
END_TEST

START_TEST(a_git_folder_is_left_out_and_said_so)
{
    g_auto(Place) place = unpack(make_zip((Entry[]){{.name = "a.txt", .text = "a"},
                                                    {.name = ".git/hooks/post-checkout", .text = "evil"},
                                                    {.name = "sub/.GIT/config", .text = "x"},
                                                    {.name = "x/git~1", .text = "x"},
                                                    {0}}));
    assert_finding(&place, FINDING_PASS, "left out the git folder of the zip");
    ck_assert(!place_has(&place, ".git"));
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 0);
}
END_TEST

static const struct {
    const char *name, *message;
} bad_names[] = {
    {"/etc/passwd", "is an absolute path: \"/etc/passwd\""},
    {"../evil", "leads outside by \"..\": \"../evil\""},
    {"a/../../evil", "leads outside"},
    {"C:\\evil", "is an absolute path"},
    {"a\\..\\evil", "holds a backslash"},
    {"line\nbreak", "holds a line break or another control character: \"line\\nbreak\""},
    {"\x1b[31mred", "control character: \"\\x1b[31mred\""},
    {"caf\xe9", "is not valid UTF-8"},
};

START_TEST(bad_names_in_a_tar_are_refused)
{
    g_auto(Place) place =
        unpack(make_tar((Entry[]){{.name = "fine", .text = "f"}, {.name = bad_names[_i].name, .text = "x"}, {0}}));
    assert_finding(&place, FINDING_FAIL, bad_names[_i].message);
    ck_assert_uint_eq(place.findings->len, 1);
    ck_assert(access("/tmp/evil", F_OK) != 0);
}
END_TEST

START_TEST(a_component_over_255_bytes_is_refused)
{
    g_autofree char *name = g_strnfill(256, 'x');
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = name, .text = "x"}, {0}}));
    assert_finding(&place, FINDING_FAIL, "is longer than 255 bytes");
}
END_TEST

START_TEST(a_path_over_4000_bytes_is_refused)
{
    g_autofree char *component = g_strnfill(200, 'x');
    g_autoptr(GString) name = g_string_new(component);
    for (int i = 0; i < 20; i++)
        g_string_append_printf(name, "/%s", component);
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = name->str, .text = "x"}, {0}}));
    assert_finding(&place, FINDING_FAIL, "is longer than 4,000 bytes");
}
END_TEST

START_TEST(a_zip_without_the_utf8_flag_is_read_as_code_page_437)
{
    g_auto(Place) place = unpack(make_archive(archive_write_set_format_zip, NULL, "compression=store",
                                              (Entry[]){{.name = "caf\x82.txt", .text = "x"}, {0}}));
    assert_clean(&place);
    assert_file(&place, "café.txt", "x");
}
END_TEST

START_TEST(utf8_names_are_kept)
{
    g_auto(Place) place =
        unpack(make_zip((Entry[]){{.name = "größe/日本.txt", .text = "x"}, {.name = "b", .text = "y"}, {0}}));
    assert_clean(&place);
    assert_file(&place, "größe/日本.txt", "x");
}
END_TEST

START_TEST(a_hundred_folders_deep_is_refused)
{
    g_autoptr(GString) name = g_string_new("d");
    for (int i = 0; i < 100; i++)
        g_string_append(name, "/d");
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = name->str, .text = "x"}, {0}}));
    assert_finding(&place, FINDING_FAIL, "lies more than 64 folders deep");
}
END_TEST

START_TEST(a_link_inside_is_kept)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){FOLDER("r"),
                                                    {.name = "r/data/a", .text = "a"},
                                                    {.name = "r/src/link", .text = "../data/a", .kind = AE_IFLNK},
                                                    {.name = "r/dangling", .text = "not/there", .kind = AE_IFLNK},
                                                    {0}}));
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 0);
    assert_file(&place, "src/link", "a");
    ck_assert(place_has(&place, "dangling"));
}
END_TEST

static const struct {
    const char *name, *target;
} bad_links[] = {
    {"x", "/etc/passwd"}, {"x", "../../etc"}, {"d/x", "../../etc"}, {"x", ""}, {"x", "bad\xff"}, {"x", "a/../../b"},
};

START_TEST(a_link_that_points_outside_is_refused)
{
    g_auto(Place) place =
        unpack(make_tar((Entry[]){{.name = "fine", .text = "f"},
                                  {.name = bad_links[_i].name, .text = bad_links[_i].target, .kind = AE_IFLNK},
                                  {0}}));
    g_autofree char *message =
        g_strdup_printf("the tar holds a link \"%s\" that points outside of it", bad_links[_i].name);
    assert_finding(&place, FINDING_FAIL, message);
}
END_TEST

START_TEST(a_link_out_of_the_entered_root_is_refused)
{
    g_auto(Place) place = unpack(make_tar(
        (Entry[]){{.name = "team1/fine", .text = "f"}, {.name = "team1/x", .text = "../y", .kind = AE_IFLNK}, {0}}));
    assert_finding(&place, FINDING_FAIL, "a link \"x\" that points outside of it");
}
END_TEST

START_TEST(a_link_that_leads_outside_through_another_is_refused)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){FOLDER("a"),
                                                    {.name = "f", .text = "f"},
                                                    {.name = "a/here", .text = "..", .kind = AE_IFLNK},
                                                    {.name = "x", .text = "a/here/../etc", .kind = AE_IFLNK},
                                                    {0}}));
    assert_finding(&place, FINDING_FAIL, "a link \"x\" that points outside of it");
}
END_TEST

START_TEST(nothing_is_written_through_a_link)
{
    g_autofree char *outside = g_dir_make_tmp("rubric-outside-XXXXXX", NULL);
    g_auto(Place) place = unpack(
        make_tar((Entry[]){{.name = "x", .text = outside, .kind = AE_IFLNK}, {.name = "x/evil", .text = "e"}, {0}}));
    assert_finding(&place, FINDING_FAIL, "both as a link and as a folder");
    g_autofree char *evil = g_build_filename(outside, "evil", NULL);
    ck_assert(access(evil, F_OK) != 0);
    rmdir(outside);
}
END_TEST

START_TEST(a_hard_link_becomes_a_copy)
{
    g_auto(Place) place = unpack(make_tar(
        (Entry[]){{.name = "a", .text = "text", .mode = 0755}, {.name = "b", .text = "a", .is_hard_link = true}, {0}}));
    assert_clean(&place);
    assert_file(&place, "b", "text");
    struct stat a, b;
    fstatat(place.fd, "a", &a, 0);
    fstatat(place.fd, "b", &b, 0);
    ck_assert(a.st_ino != b.st_ino);
    ck_assert_int_eq(b.st_mode & 0777, 0755);
}
END_TEST

static const char *const bad_hard_links[] = {"/etc/passwd", "../../etc/passwd", "later", "link", "b", "."};

START_TEST(a_hard_link_to_anything_else_is_refused)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = "fine", .text = "f"},
                                                    {.name = "link", .text = "fine", .kind = AE_IFLNK},
                                                    {.name = "b", .text = bad_hard_links[_i], .is_hard_link = true},
                                                    {0}}));
    assert_finding(&place, FINDING_FAIL, "a hard link \"b\" to");
}
END_TEST

static const struct {
    unsigned kind;
    const char *what;
} odd_kinds[] = {{AE_IFCHR, "a device"}, {AE_IFBLK, "a device"}, {AE_IFIFO, "a named pipe"}};

START_TEST(devices_and_pipes_are_refused)
{
    g_auto(Place) place =
        unpack(make_tar((Entry[]){{.name = "fine", .text = "f"}, {.name = "odd", .kind = odd_kinds[_i].kind}, {0}}));
    g_autofree char *message = g_strdup_printf("the tar holds \"odd\", which is %s", odd_kinds[_i].what);
    assert_finding(&place, FINDING_FAIL, message);
    ck_assert(!place_has(&place, "odd"));
}
END_TEST

START_TEST(set_user_id_bits_are_dropped_with_a_remark)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = "tool", .text = "x", .mode = 06755}, {0}}));
    assert_finding(&place, FINDING_PASS, "dropped the set-user-id");
    struct stat info;
    fstatat(place.fd, "tool", &info, 0);
    ck_assert_int_eq(info.st_mode & 07777, 0755);
}
END_TEST

START_TEST(a_name_twice_is_refused)
{
    g_auto(Place) place =
        unpack(make_zip((Entry[]){{.name = "a", .text = "good"}, {.name = "./a", .text = "bad"}, {0}}));
    assert_finding(&place, FINDING_FAIL, "the zip holds \"a\" twice");
    assert_file(&place, "a", "good");
}
END_TEST

START_TEST(a_name_as_file_and_folder_is_refused)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){{.name = "a", .text = "x"},
                                                    {.name = "a/b", .text = "x"},
                                                    {.name = "c/d", .text = "x"},
                                                    {.name = "c", .text = "x"},
                                                    {0}}));
    assert_finding(&place, FINDING_FAIL, "\"a\" both as a file and as a folder");
    assert_finding(&place, FINDING_FAIL, "\"c\" both as a folder and as a file");
}
END_TEST

START_TEST(names_that_differ_in_case_are_remarked)
{
    g_auto(Place) place =
        unpack(make_tar((Entry[]){{.name = "Main.py", .text = "x"}, {.name = "main.py", .text = "y"}, {0}}));
    assert_finding(&place, FINDING_PASS, "differ only in upper and lower case");
    assert_file(&place, "Main.py", "x");
    assert_file(&place, "main.py", "y");
}
END_TEST

START_TEST(an_archive_without_files_is_refused)
{
    g_auto(Place) place = unpack(make_tar((Entry[]){{0}}));
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 1);
    g_auto(Place) debris = unpack(make_zip((Entry[]){{.name = ".DS_Store", .text = "x"}, {0}}));
    assert_finding(&debris, FINDING_FAIL, "the zip holds no files");
}
END_TEST

START_TEST(an_empty_file_is_no_archive)
{
    g_auto(Place) place = unpack(fd_of_bytes("", 0));
    assert_finding(&place, FINDING_FAIL, "\"hw.zip\" is an empty file");
}
END_TEST

START_TEST(text_is_no_archive)
{
    g_auto(Place) place = unpack(fd_of_bytes("print('hello')\n", 15));
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 1);
    g_autofree char *all = all_messages(place.findings);
    ck_assert_msg(strstr(all, "zip, tar"), "%s", all);
}
END_TEST

/* ---- limits
 * ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_bomb_is_stopped_by_its_ratio)
{
    const gsize length = 64 << 20;
    g_autofree char *zeros = g_strnfill(length, '0');
    g_auto(Place) place = unpack(make_zip((Entry[]){{.name = "bomb", .text = zeros}, {0}}));
    assert_finding(&place, FINDING_FAIL, "the zip unpacks to more than 200 times its own size");
    struct stat info;
    fstatat(place.fd, "bomb", &info, 0);
    ck_assert_int_lt(info.st_size, 30 << 20);
}
END_TEST

START_TEST(total_bytes_are_bounded)
{
    UnpackLimits limits = unpack_limits_default();
    limits.total_bytes = 10;
    g_auto(Place) place = unpack_with(
        make_tar((Entry[]){{.name = "a", .text = "123456"}, {.name = "b", .text = "123456"}, {0}}), &limits);
    assert_finding(&place, FINDING_FAIL, "the tar unpacks to more than 10 bytes");
}
END_TEST

START_TEST(one_file_is_bounded)
{
    UnpackLimits limits = unpack_limits_default();
    limits.file_bytes = 5;
    g_auto(Place) place = unpack_with(make_zip((Entry[]){{.name = "a", .text = "123456"}, {0}}), &limits);
    assert_finding(&place, FINDING_FAIL, "\"a\" in the zip is larger than 5 bytes");
}
END_TEST

START_TEST(copies_count_too)
{
    UnpackLimits limits = unpack_limits_default();
    limits.total_bytes = 10;
    g_auto(Place) place = unpack_with(
        make_tar((Entry[]){{.name = "a", .text = "123456"}, {.name = "b", .text = "a", .is_hard_link = true}, {0}}),
        &limits);
    assert_finding(&place, FINDING_FAIL, "more than 10 bytes");
}
END_TEST

START_TEST(a_hundred_thousand_entries_are_stopped)
{
    const guint n = 100000;
    g_autofree Entry *entries = g_new0(Entry, n + 1);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < n; i++) {
        g_ptr_array_add(names, g_strdup_printf("f%u", i));
        entries[i] = (Entry){.name = g_ptr_array_index(names, i), .text = ""};
    }
    g_auto(Place) place = unpack(make_tar(entries));
    assert_finding(&place, FINDING_FAIL, "the tar holds more than 20000 files and folders");
    ck_assert_uint_eq(place.findings->len, 1);
}
END_TEST

START_TEST(implied_folders_count_as_entries)
{
    UnpackLimits limits = unpack_limits_default();
    limits.n_entries = 10;
    g_auto(Place) place =
        unpack_with(make_tar((Entry[]){{.name = "a/b/c/d/e/f/g/h/i/j/k/l/m", .text = "x"}, {0}}), &limits);
    assert_finding(&place, FINDING_FAIL, "more than 10 files and folders");
}
END_TEST

START_TEST(a_sparse_file_of_ten_terabytes_is_stopped)
{
    struct archive *archive = archive_write_new();
    int fd = memfd_create("sparse", MFD_CLOEXEC);
    archive_write_set_format_pax(archive);
    archive_write_open_fd(archive, fd);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "huge");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 10LL << 40);
    archive_entry_sparse_add_entry(entry, 0, 512);
    ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(archive);
    lseek(fd, 0, SEEK_SET);
    g_auto(Place) place = unpack(fd);
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 1);
    ck_assert(!place_has(&place, "huge"));
}
END_TEST

START_TEST(twenty_refusals_are_told_and_the_rest_counted)
{
    Entry entries[31] = {{0}};
    char names[30][16];
    for (int i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "../%d", i);
        entries[i] = (Entry){.name = names[i], .text = "x"};
    }
    g_auto(Place) place = unpack(make_tar(entries));
    ck_assert_uint_eq(place.findings->len, 21);
    assert_finding(&place, FINDING_FAIL, "10 more entries of the tar are refused");
}
END_TEST

/* ---- damage
 * ------------------------------------------------------------------------------------------------------------ */

static GByteArray *bytes_of(int fd)
{
    GByteArray *bytes = g_byte_array_new();
    guint8 block[4096];
    for (ssize_t n = read(fd, block, sizeof block); n > 0; n = read(fd, block, sizeof block))
        g_byte_array_append(bytes, block, (guint)n);
    g_close(fd, NULL);
    return bytes;
}

static char *noise(gsize length)
{
    char *text = g_malloc(length + 1);
    guint32 state = 1;
    for (gsize i = 0; i < length; i++) {
        state = state * 1103515245 + 12345;
        text[i] = (char)('a' + (state >> 16) % 26);
    }
    text[length] = '\0';
    return text;
}

static const SetFormat formats[] = {archive_write_set_format_zip, archive_write_set_format_gnutar,
                                    archive_write_set_format_7zip};

START_TEST(a_truncated_archive_is_damaged)
{
    g_autofree char *text = noise(20000);
    SetFormat filter = _i == 1 ? archive_write_add_filter_gzip : NULL;
    g_autoptr(GByteArray) bytes = bytes_of(make_archive(
        formats[_i], filter, NULL, (Entry[]){{.name = "a", .text = text}, {.name = "b", .text = text}, {0}}));
    g_auto(Place) place = unpack(fd_of_bytes(bytes->data, bytes->len * 2 / 3));
    ck_assert_uint_eq(count_outcome(place.findings, FINDING_FAIL), 1);
    assert_finding(&place, FINDING_FAIL, "make it anew and hand it in again");
}
END_TEST

START_TEST(a_wrong_checksum_is_damage)
{
    g_autoptr(GByteArray) bytes = bytes_of(make_archive(archive_write_set_format_zip, NULL, "compression=store",
                                                        (Entry[]){{.name = "a", .text = "the content"}, {0}}));
    guint8 *content = memmem(bytes->data, bytes->len, "the content", 11);
    ck_assert_ptr_nonnull(content);
    *content = 'T';
    g_auto(Place) place = unpack(fd_of_bytes(bytes->data, bytes->len));
    assert_finding(&place, FINDING_FAIL, "the zip is damaged and cannot be read to its end");
}
END_TEST

START_TEST(an_encrypted_zip_is_refused)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);
    struct archive *archive = archive_write_new();
    archive_write_set_format_zip(archive);
    bool can_encrypt =
        archive_write_set_options(archive, _i == 0 ? "encryption=zipcrypt" : "encryption=aes256") == ARCHIVE_OK;
    archive_write_set_passphrase(archive, "secret");
    archive_write_open_fd(archive, fd);
    if (can_encrypt)
        write_entry(archive, &(Entry){.name = "a", .text = "text"});
    archive_write_free(archive);
    lseek(fd, 0, SEEK_SET);
    if (!can_encrypt) {
        printf("skipped: libarchive here cannot encrypt\n");
        g_close(fd, NULL);
        return;
    }
    g_auto(Place) place = unpack(fd);
    assert_finding(&place, FINDING_FAIL, "the zip is encrypted; hand it in without a password");
}
END_TEST

START_TEST(a_part_of_a_split_zip_is_refused)
{
    g_autoptr(GByteArray) bytes = bytes_of(make_zip((Entry[]){{.name = "a", .text = "x"}, {0}}));
    guint8 *end = bytes->data + bytes->len - 22;
    ck_assert_mem_eq(end, "PK\5\6", 4);
    end[4] = 1;
    g_auto(Place) place = unpack(fd_of_bytes(bytes->data, bytes->len));
    assert_finding(&place, FINDING_FAIL, "one part of a zip that was split");
    memcpy(bytes->data, "PK\7\10", 4);
    g_auto(Place) first = unpack(fd_of_bytes(bytes->data, bytes->len));
    assert_finding(&first, FINDING_FAIL, "one part of a zip that was split");
}
END_TEST

START_TEST(flipped_bytes_end_in_findings_or_files_and_nothing_else)
{
    g_autofree char *text = noise(3000);
    const Entry entries[] = {{.name = "r/a", .text = text},
                             {.name = "r/l", .text = "a", .kind = AE_IFLNK},
                             {.name = "r/b/c", .text = "x"},
                             {0}};
    g_autoptr(GByteArray) bytes = bytes_of(make_archive(formats[_i], NULL, NULL, entries));
    guint32 seed = 7;
    printf("seed %u\n", seed);
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    for (int round = 0; round < 300; round++) {
        g_autofree guint8 *copy = g_memdup2(bytes->data, bytes->len);
        for (int i = 0; i < 3; i++)
            copy[g_rand_int_range(random, 0, (gint32)bytes->len)] = (guint8)g_rand_int_range(random, 0, 256);
        g_auto(Place) place = unpack(fd_of_bytes(copy, bytes->len));
        ck_assert_uint_lt(place.findings->len, 40);
    }
}
END_TEST

static void add_looped(TCase *tests, const TTest *test, int n)
{
    tcase_add_loop_test(tests, test, 0, n);
}

int main(void)
{
    Suite *suite = suite_create("unpack");
    TCase *tests = tcase_create("unpack");
    suite_add_tcase(suite, tests);
    tcase_set_timeout(tests, 60);
    add_looped(tests, all_formats_give_the_same_files, 7);
    tcase_add_test(tests, an_only_root_folder_is_entered);
    tcase_add_test(tests, a_file_beside_the_root_folder_keeps_it_where_it_is);
    tcase_add_test(tests, debris_beside_the_root_folder_does_not_count);
    tcase_add_test(tests, a_git_folder_is_left_out_and_said_so);
    add_looped(tests, bad_names_in_a_tar_are_refused, G_N_ELEMENTS(bad_names));
    tcase_add_test(tests, a_component_over_255_bytes_is_refused);
    tcase_add_test(tests, a_path_over_4000_bytes_is_refused);
    tcase_add_test(tests, a_zip_without_the_utf8_flag_is_read_as_code_page_437);
    tcase_add_test(tests, utf8_names_are_kept);
    tcase_add_test(tests, a_hundred_folders_deep_is_refused);
    tcase_add_test(tests, a_link_inside_is_kept);
    add_looped(tests, a_link_that_points_outside_is_refused, G_N_ELEMENTS(bad_links));
    tcase_add_test(tests, a_link_out_of_the_entered_root_is_refused);
    tcase_add_test(tests, a_link_that_leads_outside_through_another_is_refused);
    tcase_add_test(tests, nothing_is_written_through_a_link);
    tcase_add_test(tests, a_hard_link_becomes_a_copy);
    add_looped(tests, a_hard_link_to_anything_else_is_refused, G_N_ELEMENTS(bad_hard_links));
    add_looped(tests, devices_and_pipes_are_refused, G_N_ELEMENTS(odd_kinds));
    tcase_add_test(tests, set_user_id_bits_are_dropped_with_a_remark);
    tcase_add_test(tests, a_name_twice_is_refused);
    tcase_add_test(tests, a_name_as_file_and_folder_is_refused);
    tcase_add_test(tests, names_that_differ_in_case_are_remarked);
    tcase_add_test(tests, an_archive_without_files_is_refused);
    tcase_add_test(tests, an_empty_file_is_no_archive);
    tcase_add_test(tests, text_is_no_archive);
    tcase_add_test(tests, a_bomb_is_stopped_by_its_ratio);
    tcase_add_test(tests, total_bytes_are_bounded);
    tcase_add_test(tests, one_file_is_bounded);
    tcase_add_test(tests, copies_count_too);
    tcase_add_test(tests, a_hundred_thousand_entries_are_stopped);
    tcase_add_test(tests, implied_folders_count_as_entries);
    tcase_add_test(tests, a_sparse_file_of_ten_terabytes_is_stopped);
    tcase_add_test(tests, twenty_refusals_are_told_and_the_rest_counted);
    add_looped(tests, a_truncated_archive_is_damaged, G_N_ELEMENTS(formats));
    tcase_add_test(tests, a_wrong_checksum_is_damage);
    add_looped(tests, an_encrypted_zip_is_refused, 2);
    tcase_add_test(tests, a_part_of_a_split_zip_is_refused);
    add_looped(tests, flipped_bytes_end_in_findings_or_files_and_nothing_else, G_N_ELEMENTS(formats));
    return run_suite(suite);
}
