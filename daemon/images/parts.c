/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/images/parts.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void names_locale_leave(NamesLocale *locale)
{
    uselocale(locale->before);
    if (locale->own)
        freelocale(locale->own);
}

NamesLocale names_locale_enter(void)
{
    locale_t own = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    return (NamesLocale){.own = own, .before = uselocale(own)};
}

void parts_clear(Parts *parts)
{
    file_autofd_close(&parts->folder_fd);
    parts->folder_fd = -1;
    g_clear_pointer(&parts->files, g_hash_table_unref);
    g_clear_pointer(&parts->links, g_hash_table_unref);
}

static bool set_damaged(Archive *archive, const char *what, GError **error)
{
    const char *text = archive_error_string(archive);
    g_autofree char *shown = text_escape_terminal(text ? text : "it ends too early", 200);
    return error_set(error, RUBRIC_ERROR_INVALID, "%s cannot be read to its end: %s", what, shown);
}

static bool set_too_large(const char *name, GError **error)
{
    return error_set(error, RUBRIC_ERROR_LIMIT, "\"%s\" makes the image larger than is allowed", name);
}

bool parts_copy_data(Archive *archive, ArchiveEntry *entry, int fd, const char *name, gint64 *left, GError **error)
{
    gint64 length = 0, size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
    for (;;) {
        const void *block;
        size_t n;
        la_int64_t offset;
        int status = archive_read_data_block(archive, &block, &n, &offset);
        if (status == ARCHIVE_EOF)
            break;
        if (status != ARCHIVE_OK)
            return set_damaged(archive, name, error);
        if (offset < length || offset - length > *left || (gint64)n > *left - (offset - length))
            return set_too_large(name, error);
        *left -= offset - length + (gint64)n;
        length = offset + (gint64)n;
        if (!file_write_all_at(fd, block, n, offset))
            return error_set_errno(error, errno, "cannot write \"%s\"", name);
    }
    /* A hole at the end has no data. */
    if (size > length) {
        if (size - length > *left)
            return set_too_large(name, error);
        *left -= size - length;
        length = size;
    }
    return ftruncate(fd, length) == 0 || error_set_errno(error, errno, "cannot write \"%s\"", name);
}

/* A link's target as a name from the top; links lead to names, never to files. */
static char *resolve_link(const char *name, const char *target)
{
    g_autofree char *folder = g_path_get_dirname(name), *joined = g_build_filename("/", folder, target, NULL);
    g_autofree char *clean = g_canonicalize_filename(joined, "/");
    return g_strdup(clean + 1);
}

static bool copy_member(Parts *parts, Archive *archive, ArchiveEntry *entry, gint64 *left, GError **error)
{
    const mode_t mode = 0600;
    const char *name = archive_entry_pathname(entry);
    if (!name)
        return error_set(error, RUBRIC_ERROR_INVALID, "a member's name cannot be read");
    if (g_str_has_prefix(name, "./"))
        name += 2;
    const char *link = archive_entry_symlink(entry);
    if (link) {
        g_hash_table_insert(parts->links, g_strdup(name), resolve_link(name, link));
        return true;
    }
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
        return true;
    g_autofree char *file = g_strdup_printf("part-%u", g_hash_table_size(parts->files));
    if (g_hash_table_contains(parts->files, name))
        return error_set(error, RUBRIC_ERROR_INVALID, "a member comes twice");
    file_autofd int fd = openat(parts->folder_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return error_set_errno(error, errno, "cannot make \"%s\"", file);
    g_hash_table_insert(parts->files, g_strdup(name), g_steal_pointer(&file));
    return parts_copy_data(archive, entry, fd, "the archive", left, error);
}

static bool copy_members(Parts *parts, Archive *archive, const ImageLimits *limits, GError **error)
{
    gint64 left = limits->total_bytes, n = 0;
    for (;;) {
        ArchiveEntry *entry;
        int status = archive_read_next_header(archive, &entry);
        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK)
            return set_damaged(archive, "the archive", error);
        if (++n > limits->n_parts)
            return error_set(error, RUBRIC_ERROR_LIMIT, "the archive has more than %" G_GINT64_FORMAT " members",
                             limits->n_parts);
        if (!copy_member(parts, archive, entry, &left, error))
            return false;
    }
}

static bool open_archive(int fd, const char *folder_path, const ImageLimits *limits, Parts *parts, GError **error)
{
    const gsize block_size = 1 << 16;
    g_auto(NamesLocale) locale = names_locale_enter();
    g_autoptr(Archive) archive = archive_read_new();
    (void)locale;
    parts->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    parts->links = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    parts->folder_fd = open(folder_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parts->folder_fd < 0)
        return error_set_errno(error, errno, "cannot open \"%s\"", folder_path);
    if (!archive || archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(archive) != ARCHIVE_OK)
        return error_set(error, RUBRIC_ERROR_SYSTEM, "libarchive here cannot read tar with gzip and zstd");
    if (archive_read_open_fd(archive, fd, block_size) != ARCHIVE_OK)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "it is not an archive as `docker save` or `podman save` write it");
    return copy_members(parts, archive, limits, error);
}

bool parts_open(int fd, const char *folder_path, const ImageLimits *limits, Parts *ret, GError **error)
{
    struct stat info;
    g_auto(Parts) parts = {.folder_fd = -1};
    if (fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot look at the image");
    if (S_ISDIR(info.st_mode)) {
        parts.folder_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parts.folder_fd < 0)
            return error_set_errno(error, errno, "cannot open the image's folder");
    } else if (!open_archive(fd, folder_path, limits, &parts, error)) {
        return false;
    }
    *ret = parts;
    parts = (Parts){.folder_fd = -1};
    return true;
}

static const char *file_of(const Parts *parts, const char *name)
{
    if (!parts->files)
        return name;
    const int max_links = 8;
    for (int i = 0; i < max_links && name; i++) {
        const char *file = g_hash_table_lookup(parts->files, name);
        if (file)
            return file;
        name = g_hash_table_lookup(parts->links, name);
    }
    return NULL;
}

bool parts_has(const Parts *parts, const char *name)
{
    const char *file = file_of(parts, name);
    file_autofd int fd = file ? file_open_beneath(parts->folder_fd, file, O_RDONLY, 0) : -1;
    return fd >= 0;
}

int parts_open_file(const Parts *parts, const char *name, GError **error)
{
    struct stat info;
    const char *file = file_of(parts, name);
    file_autofd int fd = file ? file_open_beneath(parts->folder_fd, file, O_RDONLY, 0) : -1;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        return file_steal_fd(&fd);
    g_autofree char *shown = text_escape_terminal(name, 200);
    error_set(error, RUBRIC_ERROR_INVALID, "the image speaks of \"%s\", which is not in it", shown);
    return -1;
}
