/* SPDX-License-Identifier: Apache-2.0 */
/* What bounds an import, at the very limit and one beyond it; nothing stays of an image that is refused. */
#include "daemon/images/images.h"
#include "tests/unit/run_suite.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

/* ---- an image of one layer ----------------------------------------------------------------------------------------
 */

typedef struct {
    const char *name;
    const void *data;
    gsize length;
} Member;

/* A name that ends in "/" is a folder. */
static void write_member(struct archive *archive, const Member *member)
{
    struct archive_entry *entry = archive_entry_new();
    bool is_folder = g_str_has_suffix(member->name, "/");
    archive_entry_set_pathname(entry, member->name);
    archive_entry_set_filetype(entry, is_folder ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, is_folder ? 0755 : 0644);
    archive_entry_set_size(entry, (la_int64_t)member->length);
    ck_assert_int_eq(archive_write_header(archive, entry), ARCHIVE_OK);
    if (member->length > 0)
        archive_write_data(archive, member->data, member->length);
    archive_entry_free(entry);
}

/* A tar archive in memory, rewound. */
static int make_tar(const Member *members)
{
    int fd = memfd_create("tar", MFD_CLOEXEC);
    struct archive *archive = archive_write_new();
    archive_write_set_format_pax_restricted(archive);
    archive_write_set_bytes_in_last_block(archive, 1);
    ck_assert_int_eq(archive_write_open_fd(archive, fd), ARCHIVE_OK);
    for (const Member *member = members; member->name; member++)
        write_member(archive, member);
    ck_assert_int_eq(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static const char *own_architecture(void)
{
    static struct utsname name;
    uname(&name);
    return g_str_equal(name.machine, "x86_64")    ? "amd64"
           : g_str_equal(name.machine, "aarch64") ? "arm64"
                                                  : name.machine;
}

static int make_image(const Member *entries)
{
    file_autofd int layer_fd = make_tar(entries);
    g_autofree char *layer = NULL;
    gsize length;
    ck_assert(file_read_fd(layer_fd, "layer", 1 << 20, &layer, &length, NULL));
    g_autofree char *digest = file_sha256_bytes(layer, length);
    g_autofree char *config =
        g_strdup_printf("{\"architecture\": \"%s\", \"os\": \"linux\", \"config\": {}, \"rootfs\": {\"type\": "
                        "\"layers\", \"diff_ids\": [\"sha256:%s\"]}}",
                        own_architecture(), digest);
    g_autofree char *hex = file_sha256_bytes(config, strlen(config));
    g_autofree char *config_name = g_strconcat(hex, ".json", NULL);
    g_autofree char *manifest = g_strdup_printf(
        "[{\"Config\": \"%s\", \"RepoTags\": [\"small:1\"], \"Layers\": [\"1/layer.tar\"]}]", config_name);
    return make_tar((Member[]){{"1/layer.tar", layer, length},
                               {config_name, config, strlen(config)},
                               {"manifest.json", manifest, strlen(manifest)},
                               {0}});
}

/* ---- limits -------------------------------------------------------------------------------------------------------
 */

/* Four entries, three folders in each other, 3,000 bytes; the archive has three members. */
static int small_image(void)
{
    static const char data[2000];
    return make_image(
        (Member[]){{"a/", NULL, 0}, {"a/b/", NULL, 0}, {"a/b/file", data, 2000}, {"other", data, 1000}, {0}});
}

static bool is_empty(const char *folder)
{
    g_autoptr(GDir) entries = g_dir_open(folder, 0, NULL);
    return entries && !g_dir_read_name(entries);
}

/* Imports the small image; the error's text, NULL: it is there, and all of it. Caller frees. */
static char *import_with(const ImageLimits *limits)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-images-XXXXXX", NULL);
    file_autofd int fd = small_image();
    g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(Image) image = image_import(folder, fd, NULL, false, limits, remarks, &error);
    ck_assert(image || is_empty(folder));
    if (image) {
        g_autofree char *path = g_build_filename(image->root, "a/b/file", NULL);
        ck_assert(g_file_test(path, G_FILE_TEST_IS_REGULAR));
        ck_assert_int_eq(image->bytes, 3000);
        ck_assert_int_eq(image->n_entries, 4);
    } else {
        bool is_depth = strstr(error->message, "too deep") != NULL;
        ck_assert_msg(g_error_matches(error, RUBRIC_ERROR, is_depth ? RUBRIC_ERROR_INVALID : RUBRIC_ERROR_LIMIT), "%s",
                      error->message);
    }
    ck_assert(file_remove_tree(folder, NULL));
    return image ? NULL : g_strdup(error->message);
}

static const struct {
    gsize offset;
    gint64 enough;
    const char *message; /* with one less */
} bounds[] = {
    {G_STRUCT_OFFSET(ImageLimits, n_entries), 4, "the image has more than 3 entries"},
    {G_STRUCT_OFFSET(ImageLimits, n_parts), 3, "the archive has more than 2 members"},
    {G_STRUCT_OFFSET(ImageLimits, depth), 3, "too deep"},
};

START_TEST(what_is_at_the_limit_is_taken_and_one_more_is_not)
{
    ImageLimits limits = image_limits_default();
    gint64 *bound = (gint64 *)((char *)&limits + bounds[_i].offset);
    *bound = bounds[_i].enough;
    g_autofree char *none = import_with(&limits);
    ck_assert_msg(!none, "%s", none);
    (*bound)--;
    g_autofree char *problem = import_with(&limits);
    ck_assert_msg(problem && strstr(problem, bounds[_i].message), "%s", problem);
}
END_TEST

/* Of the archive, of a layer, of the files: whichever is larger decides, and each is refused by itself. */
START_TEST(too_many_bytes_are_refused_wherever_they_are)
{
    const gint64 lots = 1 << 20;
    gint64 least = 0;
    for (gint64 low = 0, high = lots; low < high;) {
        ImageLimits limits = image_limits_default();
        limits.total_bytes = least = (low + high) / 2;
        g_autofree char *problem = import_with(&limits);
        if (problem) {
            ck_assert_msg(strstr(problem, "larger than is allowed"), "%" G_GINT64_FORMAT ": %s", least, problem);
            low = ++least;
        } else {
            high = least;
        }
    }
    ck_assert_int_ge(least, 3000);
    ck_assert_int_lt(least, 3000 + (16 << 10)); /* what the formats add to it */
}
END_TEST

START_TEST(nothing_fits_into_nothing)
{
    const ImageLimits none = {0};
    g_autofree char *problem = import_with(&none);
    ck_assert(problem);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("import");
    tcase_add_loop_test(tests, what_is_at_the_limit_is_taken_and_one_more_is_not, 0, G_N_ELEMENTS(bounds));
    tcase_add_test(tests, too_many_bytes_are_refused_wherever_they_are);
    tcase_add_test(tests, nothing_fits_into_nothing);
    Suite *suite = suite_create("images/import");
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
