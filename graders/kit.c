/* SPDX-License-Identifier: Apache-2.0 */
#include "graders/kit.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>

static const gint64 max_bytes = 512 << 20;
static const gint64 max_entries = 50000;

typedef struct archive Archive;
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

/* libarchive gives names in the locale's character set, and nothing when they do not fit. */
typedef struct {
    locale_t own, before;
} Utf8Names;

static Utf8Names utf8_names_enter(void)
{
    Utf8Names names = {.own = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0)};
    if (names.own)
        names.before = uselocale(names.own);
    return names;
}

static void utf8_names_leave(Utf8Names *names)
{
    if (!names->own)
        return;
    uselocale(names->before);
    freelocale(names->own);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Utf8Names, utf8_names_leave)

static Archive *open_archive(const char *path, GError **error)
{
    const gsize block_size = 64 << 10;
    g_autoptr(Archive) archive = archive_read_new();
    bool is_ready = archive_read_support_format_zip(archive) == ARCHIVE_OK &&
                    archive_read_support_format_tar(archive) == ARCHIVE_OK &&
                    archive_read_support_filter_gzip(archive) == ARCHIVE_OK;
    if (is_ready && archive_read_open_filename(archive, path, block_size) == ARCHIVE_OK)
        return g_steal_pointer(&archive);
    error_set(error, RUBRIC_ERROR_INVALID, "it is no zip or tar archive: %s", archive_error_string(archive));
    return NULL;
}

/* The name without "./" before it and "/" behind. NULL: it leads outside. Caller frees. */
static char *clean_name(const char *name)
{
    while (g_str_has_prefix(name, "./"))
        name += 2;
    g_autofree char *clean = g_strdup(g_str_equal(name, ".") ? "" : name);
    gsize length = strlen(clean);
    while (length > 0 && clean[length - 1] == '/')
        clean[--length] = '\0';
    g_auto(GStrv) steps = g_strsplit(clean, "/", -1);
    if (*clean == '/' || g_strv_contains((const char *const *)steps, ".."))
        return NULL;
    return g_steal_pointer(&clean);
}

/* The next entry's clean name; NULL at the end, or with an error. */
static char *next_name(Archive *archive, ArchiveEntry **ret_entry, GError **error)
{
    int status = archive_read_next_header(archive, ret_entry);
    if (status == ARCHIVE_EOF)
        return NULL;
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) {
        error_set(error, RUBRIC_ERROR_INVALID, "it is damaged: %s", archive_error_string(archive));
        return NULL;
    }
    const char *name = archive_entry_pathname(*ret_entry);
    char *clean = name ? clean_name(name) : NULL;
    if (!clean) {
        g_autofree char *shown = name ? text_escape_terminal(name, 200) : g_strdup("?");
        error_set(error, RUBRIC_ERROR_INVALID, "it holds the name \"%s\", which leads outside or is not UTF-8", shown);
    }
    return clean;
}

/* Where else the needed file lies: people zip the folder instead of what is in it. */
static char *describe_missing(const char *needed, const char *elsewhere)
{
    if (!elsewhere)
        return g_strdup_printf("has no %s at its top", needed);
    g_autofree char *shown = text_escape_terminal(elsewhere, 200);
    return g_strdup_printf("has no %s at its top, but \"%s\": pack the files, not the folder that holds them", needed,
                           shown);
}

static char *archive_problem(const char *path, const char *needed)
{
    g_autoptr(GError) error = NULL;
    g_auto(Utf8Names) locale = utf8_names_enter();
    (void)locale;
    g_autoptr(Archive) archive = open_archive(path, &error);
    g_autofree char *elsewhere = NULL;
    for (gint64 n = 0; archive && n < max_entries; n++) {
        ArchiveEntry *entry;
        g_autofree char *name = next_name(archive, &entry, &error);
        if (!name)
            break;
        const char *base = strrchr(name, '/');
        if (g_str_equal(name, needed))
            return NULL;
        if (base && g_str_equal(base + 1, needed) && !elsewhere)
            elsewhere = g_steal_pointer(&name);
    }
    return error ? g_strdup_printf("cannot be used: %s", error->message) : describe_missing(needed, elsewhere);
}

char *kit_problem(const char *path, const char *needed)
{
    if (!g_file_test(path, G_FILE_TEST_IS_DIR))
        return archive_problem(path, needed);
    g_autofree char *file = g_build_filename(path, needed, NULL);
    return g_file_test(file, G_FILE_TEST_IS_REGULAR) ? NULL : describe_missing(needed, NULL);
}

/* ---- digest -------------------------------------------------------------------------------------------------------
 */

static GPtrArray *list_sorted(const char *folder, GError **error)
{
    g_autoptr(GDir) entries = g_dir_open(folder, 0, error);
    if (!entries)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (const char *name = g_dir_read_name(entries); name; name = g_dir_read_name(entries)) {
        if (!g_str_equal(name, "__pycache__") && !g_str_has_suffix(name, ".pyc"))
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, text_compare);
    return names;
}

static bool add_path(GChecksum *sum, const char *path, const char *name, int depth, GError **error);

static bool add_folder(GChecksum *sum, const char *path, int depth, GError **error)
{
    const int max_depth = 32;
    g_autoptr(GPtrArray) names = list_sorted(path, error);
    if (names && depth > max_depth)
        return error_set(error, RUBRIC_ERROR_LIMIT, "\"%s\" is more than %d folders deep", path, max_depth);
    for (guint i = 0; names && i < names->len; i++) {
        g_autofree char *inner = g_build_filename(path, g_ptr_array_index(names, i), NULL);
        if (!add_path(sum, inner, g_ptr_array_index(names, i), depth + 1, error))
            return false;
    }
    return names != NULL;
}

static bool add_path(GChecksum *sum, const char *path, const char *name, int depth, GError **error)
{
    struct stat info;
    file_autofd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot open \"%s\"", path);
    bool is_folder = S_ISDIR(info.st_mode);
    g_autofree char *digest = is_folder ? g_strdup("folder") : file_sha256_fd(fd, error);
    if (!digest)
        return false;
    g_autofree char *line = g_strdup_printf("%d %s %d %s\n", depth, digest, (info.st_mode & S_IXUSR) != 0, name);
    g_checksum_update(sum, (const guchar *)line, -1);
    return !is_folder || add_folder(sum, path, depth, error);
}

char *kit_digest(const char *path, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    return add_path(sum, path, "", 0, error) ? g_strdup(g_checksum_get_string(sum)) : NULL;
}

/* ---- unpacking ----------------------------------------------------------------------------------------------------
 */

static void archive_write_release(Archive **disk)
{
    archive_write_free(*disk);
}

static bool fail_to_write(Archive *disk, const char *name, GError **error)
{
    g_autofree char *shown = text_escape_terminal(name, 200);
    return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" cannot be unpacked: %s", shown, archive_error_string(disk));
}

static bool write_data(Archive *archive, Archive *disk, const char *name, gint64 *left, GError **error)
{
    for (;;) {
        const void *block;
        size_t n;
        la_int64_t offset;
        int status = archive_read_data_block(archive, &block, &n, &offset);
        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK)
            return error_set(error, RUBRIC_ERROR_INVALID, "it is damaged: %s", archive_error_string(archive));
        *left -= (gint64)n;
        if (*left < 0)
            return error_set(error, RUBRIC_ERROR_LIMIT, "it holds more than %" G_GINT64_FORMAT " MiB", max_bytes >> 20);
        if (archive_write_data_block(disk, block, n, offset) < ARCHIVE_OK)
            return fail_to_write(disk, name, error);
    }
}

/* What the owner may, all may: there the owner is root, who reads it all, and the one user of a box is somebody else.
 */
static void widen_mode(ArchiveEntry *entry)
{
    mode_t mode = archive_entry_perm(entry);
    mode_t readable = S_IRUSR | (mode & S_IXUSR);
    if (archive_entry_filetype(entry) == AE_IFDIR)
        readable |= S_IXUSR;
    archive_entry_set_perm(entry, readable | (readable >> 3) | (readable >> 6) | S_IWUSR);
}

/* The disk's writer follows no link on the way and stays below the folder that we put before each name. */
static bool write_entry(Archive *archive, Archive *disk, ArchiveEntry *entry, const char *name, const char *target,
                        gint64 *left, GError **error)
{
    mode_t type = archive_entry_filetype(entry);
    const char *hard_link = archive_entry_hardlink(entry);
    if (*name == '\0' || (!hard_link && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
        return true;
    if (hard_link) {
        g_autofree char *clean = clean_name(hard_link);
        if (!clean)
            return error_set(error, RUBRIC_ERROR_INVALID, "it holds a hard link that leads outside");
        g_autofree char *source = g_build_filename(target, clean, NULL);
        archive_entry_set_hardlink(entry, source);
    }
    g_autofree char *path = g_build_filename(target, name, NULL);
    archive_entry_set_pathname(entry, path);
    widen_mode(entry);
    if (archive_write_header(disk, entry) < ARCHIVE_WARN)
        return fail_to_write(disk, name, error);
    return write_data(archive, disk, name, left, error) &&
           (archive_write_finish_entry(disk) >= ARCHIVE_WARN || fail_to_write(disk, name, error));
}

static bool unpack(Archive *archive, Archive *disk, const char *target, GError **error)
{
    gint64 left = max_bytes;
    for (gint64 n = 0;; n++) {
        g_autoptr(GError) failure = NULL;
        ArchiveEntry *entry;
        g_autofree char *name = next_name(archive, &entry, &failure);
        if (failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        if (!name)
            return archive_write_close(disk) == ARCHIVE_OK || fail_to_write(disk, ".", error);
        if (n >= max_entries)
            return error_set(error, RUBRIC_ERROR_LIMIT, "it holds more than %" G_GINT64_FORMAT " entries", max_entries);
        if (!write_entry(archive, disk, entry, name, target, &left, error))
            return false;
    }
}

bool kit_unpack(const char *path, const char *target, GError **error)
{
    g_auto(Utf8Names) locale = utf8_names_enter();
    (void)locale;
    g_autoptr(Archive) archive = open_archive(path, error);
    if (!archive)
        return false;
    __attribute__((cleanup(archive_write_release))) Archive *disk = archive_write_disk_new();
    archive_write_disk_set_options(disk, ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS);
    return unpack(archive, disk, target, error);
}
