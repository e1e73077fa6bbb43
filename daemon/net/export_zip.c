/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gradescope export as a zip: read as a stream by libarchive into a folder of ours. The names below a submission are
 * what students chose, so each step is made by openat without following links, and what is neither a file nor a folder
 * is left out and noted.
 */
#include "daemon/net/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char metadata_name[] = "submission_metadata.yml";
static const gint64 max_total_bytes = G_GINT64_CONSTANT(64) << 30;
static const guint max_names = 2 * 1000 * 1000;
static const guint max_parts = 64;
static const gsize max_name_bytes = 255;

typedef struct archive ArchiveReader;
static void archive_reader_free(ArchiveReader *reader)
{
    archive_read_free(reader);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ArchiveReader, archive_reader_free)

static ArchiveReader *open_zip(int fd, GError **error)
{
    const size_t block_bytes = 256 * 1024;
    g_autoptr(ArchiveReader) reader = archive_read_new();
    archive_read_support_format_zip(reader);
    if (lseek(fd, 0, SEEK_SET) < 0 || archive_read_open_fd(reader, fd, block_bytes) != ARCHIVE_OK) {
        const char *why = archive_error_string(reader);
        error_set(error, RUBRIC_ERROR_INVALID, "it is no zip that can be read: %s", why ? why : "not a file");
        return NULL;
    }
    return g_steal_pointer(&reader);
}

/* The parts of an entry's name; NULL when it is empty, absolute, climbs, is too long or deep, or is no UTF-8. */
static char **split_name(const char *name)
{
    if (!name || !*name || *name == '/' || strchr(name, '\\') || !g_utf8_validate(name, -1, NULL))
        return NULL;
    g_auto(GStrv) parts = g_strsplit(name, "/", -1);
    guint n = g_strv_length(parts);
    if (n > 0 && !*parts[n - 1])
        g_clear_pointer(&parts[--n], g_free); /* a folder's trailing slash */
    if (n == 0 || n > max_parts)
        return NULL;
    for (guint i = 0; i < n; i++) {
        if (!*parts[i] || strcmp(parts[i], ".") == 0 || strcmp(parts[i], "..") == 0 ||
            strlen(parts[i]) > max_name_bytes)
            return NULL;
    }
    return g_steal_pointer(&parts);
}

static bool is_metadata_at(char **parts, guint depth)
{
    return g_strv_length(parts) == depth + 1 && strcmp(parts[depth], metadata_name) == 0;
}

/* How deep the metadata lies (0 or 1), and the name of the top folder then; -1: nowhere. */
static int find_metadata(int fd, char **ret_top)
{
    g_autoptr(ArchiveReader) reader = open_zip(fd, NULL);
    struct archive_entry *entry;
    for (guint i = 0; reader && i < max_names; i++) {
        if (archive_read_next_header(reader, &entry) != ARCHIVE_OK)
            return -1;
        g_auto(GStrv) parts = split_name(archive_entry_pathname_utf8(entry));
        if (parts && is_metadata_at(parts, 0))
            return 0;
        if (parts && is_metadata_at(parts, 1)) {
            *ret_top = g_strdup(parts[0]);
            return 1;
        }
    }
    return -1;
}

bool export_zip_is_one(int fd)
{
    g_autofree char *top = NULL;
    return find_metadata(fd, &top) >= 0;
}

/* Opens, making them as needed, the folders of all parts but the last. Returns a new fd or -1. */
static int open_parents(int target_fd, char **parts)
{
    file_autofd int at = fcntl(target_fd, F_DUPFD_CLOEXEC, 0);
    for (guint i = 0; at >= 0 && parts[i + 1]; i++) {
        if (mkdirat(at, parts[i], 0700) < 0 && errno != EEXIST)
            return -1;
        int next = openat(at, parts[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
    }
    return file_steal_fd(&at);
}

typedef struct {
    ArchiveReader *reader;
    int target_fd;
    gint64 total_bytes;
    GHashTable *notes;
} Unpack;

static void note(Unpack *unpack, char **parts, const char *what)
{
    const gsize max_shown = 200;
    g_autofree char *name = g_strjoinv("/", parts);
    g_autofree char *shown = text_escape_terminal(name, max_shown);
    if (!g_hash_table_contains(unpack->notes, parts[0]))
        g_hash_table_insert(unpack->notes, g_strdup(parts[0]), g_strdup_printf("\"%s\" was left out: %s", shown, what));
}

/* ENOSPC and the like are ours; a name that cannot be made is noted. */
static bool write_file(Unpack *unpack, char **parts, GError **error)
{
    file_autofd int parent = open_parents(unpack->target_fd, parts);
    const char *name = parts[g_strv_length(parts) - 1];
    file_autofd int fd =
        parent < 0 ? -1 : openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        note(unpack, parts, "a file or folder of this name is there already, or it cannot be made");
        return true;
    }
    const void *block;
    size_t length;
    la_int64_t offset;
    for (;;) {
        int status = archive_read_data_block(unpack->reader, &block, &length, &offset);
        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK) {
            note(unpack, parts, "its data are broken");
            return true;
        }
        unpack->total_bytes += (gint64)length;
        if (unpack->total_bytes > max_total_bytes)
            return error_set(error, RUBRIC_ERROR_LIMIT, "the export unpacks to more than 64 GiB");
        if (!file_write_all(fd, block, length, error))
            return false;
    }
}

static bool is_debris(char **parts)
{
    guint n = g_strv_length(parts);
    return strcmp(parts[0], "__MACOSX") == 0 || strcmp(parts[n - 1], ".DS_Store") == 0;
}

static bool unpack_entry(Unpack *unpack, struct archive_entry *entry, guint n_skipped, GError **error)
{
    g_auto(GStrv) parts = split_name(archive_entry_pathname_utf8(entry));
    if (!parts || g_strv_length(parts) <= n_skipped)
        return true; /* beside the export's own folder: nobody's submission */
    char **below = parts + n_skipped;
    if (is_debris(below))
        return true;
    if (archive_entry_filetype(entry) == AE_IFDIR) {
        file_autofd int parent = open_parents(unpack->target_fd, below);
        if (parent >= 0)
            (void)mkdirat(parent, below[g_strv_length(below) - 1], 0700);
        return true;
    }
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry)) {
        note(unpack, below, "it is a link or a special file");
        return true;
    }
    return write_file(unpack, below, error);
}

bool export_zip_unpack(int fd, int target_fd, char **ret_top, GHashTable **ret_notes, GError **error)
{
    g_autofree char *top = NULL;
    int depth = find_metadata(fd, &top);
    if (depth < 0)
        return error_set(error, RUBRIC_ERROR_INVALID, "the zip holds no \"%s\"", metadata_name);
    g_autoptr(ArchiveReader) reader = open_zip(fd, error);
    if (!reader)
        return false;
    g_autoptr(GHashTable) notes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Unpack unpack = {.reader = reader, .target_fd = target_fd, .notes = notes};
    struct archive_entry *entry;
    for (guint i = 0; i < max_names; i++) {
        int status = archive_read_next_header(reader, &entry);
        if (status == ARCHIVE_EOF) {
            *ret_top = g_steal_pointer(&top);
            *ret_notes = g_steal_pointer(&notes);
            return true;
        }
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return error_set(error, RUBRIC_ERROR_INVALID, "the zip is broken: %s", archive_error_string(reader));
        if (!unpack_entry(&unpack, entry, (guint)depth, error))
            return false;
    }
    return error_set(error, RUBRIC_ERROR_LIMIT, "the zip holds more than %u names", max_names);
}
