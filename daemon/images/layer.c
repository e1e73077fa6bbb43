/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer is a tar archive of what a step changed. A name ".wh.NAME" takes NAME of the layers before away,
 * ".wh..wh..opq" all that they have in its folder (OCI image specification, layer.md); as these may come after the
 * layer's own entries of the same folder, they are done in a pass of their own.
 */
#include "daemon/images/layer.h"
#include "daemon/images/parts.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char whiteout[] = ".wh.";
static const char opaque[] = ".wh..wh..opq";

/* The unpacked bytes, counted and summed as the tar reader takes them. */
typedef struct {
    Archive *raw;
    GChecksum *sum;
    gint64 n_bytes, max_bytes;
} Stream;

static void stream_clear(Stream *stream)
{
    g_clear_pointer(&stream->raw, archive_read_free);
    g_clear_pointer(&stream->sum, g_checksum_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stream, stream_clear)

typedef struct {
    Layers *layers;
    Archive *archive;
    guint number;
} Pass;

static bool refuse(const Pass *pass, const char *name, const char *why, GError **error)
{
    g_autofree char *shown = text_escape_terminal(name, 200);
    return error_set(error, RUBRIC_ERROR_INVALID, "layer %u: \"%s\" %s", pass->number, shown, why);
}

static bool fail(const Pass *pass, const char *name, int error_number, GError **error)
{
    if (error_number == ELOOP || error_number == ENOTDIR || error_number == EXDEV)
        return refuse(pass, name, "would be written through a link or a file", error);
    g_autofree char *shown = text_escape_terminal(name, 200);
    return error_set_errno(error, error_number, "layer %u: cannot unpack \"%s\"", pass->number, shown);
}

/* ---- the stream ------------------------------------------------------------------------------------------------- */

static la_ssize_t read_stream(struct archive *archive, void *data, const void **ret_block)
{
    Stream *stream = data;
    size_t n;
    la_int64_t offset;
    int status = archive_read_data_block(stream->raw, ret_block, &n, &offset);
    if (status == ARCHIVE_EOF)
        return 0;
    if (status != ARCHIVE_OK) {
        archive_set_error(archive, EIO, "%s", archive_error_string(stream->raw));
        return -1;
    }
    stream->n_bytes += (gint64)n;
    if (stream->n_bytes > stream->max_bytes) {
        archive_set_error(archive, EFBIG, "it is too large");
        return -1;
    }
    g_checksum_update(stream->sum, *ret_block, (gssize)n);
    return (la_ssize_t)n;
}

static bool open_stream(Stream *stream, int fd, GError **error)
{
    const gsize block_size = 1 << 16;
    ArchiveEntry *entry;
    stream->raw = archive_read_new();
    stream->sum = g_checksum_new(G_CHECKSUM_SHA256);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_set_errno(error, errno, "cannot read a layer again");
    if (archive_read_support_format_raw(stream->raw) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(stream->raw) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(stream->raw) != ARCHIVE_OK)
        return error_set(error, RUBRIC_ERROR_SYSTEM, "libarchive here cannot read gzip and zstd");
    if (archive_read_open_fd(stream->raw, fd, block_size) != ARCHIVE_OK ||
        archive_read_next_header(stream->raw, &entry) != ARCHIVE_OK)
        return error_set(error, RUBRIC_ERROR_INVALID, "a layer cannot be read");
    return true;
}

/* ---- what it takes away -------------------------------------------------------------------------------------------
 */

static bool take_away(Pass *pass, const char *name, ArchiveEntry *entry, GError **error)
{
    (void)entry;
    Tree *tree = &pass->layers->tree;
    const char *base = strrchr(name, '/');
    base = base ? base + 1 : name;
    if (!g_str_has_prefix(base, whiteout))
        return true;
    if (g_str_equal(base, opaque)) {
        g_autofree char *folder = g_strndup(name, base > name ? (gsize)(base - name) - 1 : 0);
        int r = tree_empty(tree, folder);
        return r == 0 || fail(pass, name, -r, error);
    }
    base += strlen(whiteout);
    if (*base == '\0' || g_str_equal(base, ".") || g_str_equal(base, ".."))
        return refuse(pass, name, "takes nothing away that has a name", error);
    const char *last;
    int folder_fd = tree_open_parent(tree, name, false, &last);
    if (folder_fd < 0)
        return errno == ENOENT || fail(pass, name, errno, error);
    int r = tree_remove(tree, folder_fd, base);
    return r == 0 || fail(pass, name, -r, error);
}

/* ---- what it brings -----------------------------------------------------------------------------------------------
 */

/* All that the image's own root could read, a box may: nobody in it is root, and it is the same image for all. */
static mode_t mode_of(Layers *layers, ArchiveEntry *entry, mode_t least)
{
    const mode_t set_id = 06000, of_owner = 0700;
    mode_t mode = archive_entry_perm(entry);
    layers->n_set_id += (mode & set_id) != 0 && !S_ISDIR(archive_entry_mode(entry));
    mode = (mode & of_owner) | least;
    return mode | ((mode & 0500) >> 3) | ((mode & 0500) >> 6);
}

static bool add_folder(Pass *pass, const char *name, int folder_fd, const char *base, ArchiveEntry *entry,
                       GError **error)
{
    const mode_t least = 0700;
    struct stat info;
    mode_t mode = mode_of(pass->layers, entry, least);
    bool is_there = fstatat(folder_fd, base, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (is_there && !S_ISDIR(info.st_mode)) {
        int r = tree_remove(&pass->layers->tree, folder_fd, base);
        if (r < 0)
            return fail(pass, name, -r, error);
        is_there = false;
    }
    if ((!is_there && mkdirat(folder_fd, base, mode) < 0) || fchmodat(folder_fd, base, mode, 0) < 0)
        return fail(pass, name, errno, error);
    return true;
}

static bool add_file(Pass *pass, const char *name, int folder_fd, const char *base, ArchiveEntry *entry, GError **error)
{
    const mode_t least = 0400, own = 0600;
    file_autofd int fd = openat(folder_fd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, own);
    if (fd < 0)
        return fail(pass, name, errno, error);
    if (!parts_copy_data(pass->archive, entry, fd, name, &pass->layers->left_bytes, error)) {
        g_prefix_error(error, "layer %u: ", pass->number);
        return false;
    }
    const struct timespec times[] = {{0, UTIME_OMIT}, {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)}};
    if (fchmod(fd, mode_of(pass->layers, entry, least)) < 0 || (futimens(fd, times) < 0 && errno != EINVAL))
        return fail(pass, name, errno, error);
    return true;
}

/* The parents of both names are looked up anew: the tree remembers but one. */
static bool add_hard_link(Pass *pass, const char *name, const char *target, GError **error)
{
    const char *problem, *target_base, *base;
    struct stat info;
    g_autofree char *clean = tree_clean_name(target, pass->layers->limits->depth, &problem);
    if (!clean)
        return refuse(pass, name, "is a hard link to a name outside of the image", error);
    int target_fd = tree_open_parent(&pass->layers->tree, clean, false, &target_base);
    file_autofd int kept_fd = target_fd < 0 ? -1 : fcntl(target_fd, F_DUPFD_CLOEXEC, 3);
    if (kept_fd < 0 || fstatat(kept_fd, target_base, &info, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(info.st_mode))
        return refuse(pass, name, "is a hard link to what the image does not have", error);
    int folder_fd = tree_open_parent(&pass->layers->tree, name, true, &base);
    if (folder_fd < 0 || linkat(kept_fd, target_base, folder_fd, base, 0) < 0)
        return fail(pass, name, errno, error);
    return true;
}

static bool add_link(Pass *pass, const char *name, int folder_fd, const char *base, const char *target, GError **error)
{
    if (!target || !*target)
        return refuse(pass, name, "is a link to nothing", error);
    return symlinkat(target, folder_fd, base) == 0 || fail(pass, name, errno, error);
}

static bool bring(Pass *pass, const char *name, ArchiveEntry *entry, GError **error)
{
    const char *base, *hard_link = archive_entry_hardlink(entry);
    mode_t type = archive_entry_filetype(entry);
    if (*name == '\0')
        return true;
    int folder_fd = tree_open_parent(&pass->layers->tree, name, true, &base);
    if (folder_fd < 0)
        return fail(pass, name, errno, error);
    if (g_str_has_prefix(base, whiteout))
        return true;
    if (!hard_link && type == AE_IFDIR)
        return add_folder(pass, name, folder_fd, base, entry, error);
    if (!hard_link && type != AE_IFREG && type != AE_IFLNK) {
        pass->layers->n_special++;
        return true;
    }
    int r = tree_remove(&pass->layers->tree, folder_fd, base);
    if (r < 0)
        return fail(pass, name, -r, error);
    folder_fd = tree_open_parent(&pass->layers->tree, name, true, &base);
    if (hard_link)
        return add_hard_link(pass, name, hard_link, error);
    if (type == AE_IFLNK)
        return add_link(pass, name, folder_fd, base, archive_entry_symlink(entry), error);
    return add_file(pass, name, folder_fd, base, entry, error);
}

/* ---- a pass -------------------------------------------------------------------------------------------------------
 */

static bool set_unreadable(Archive *archive, guint number, GError **error)
{
    if (archive_errno(archive) == EFBIG)
        return error_set(error, RUBRIC_ERROR_LIMIT, "layer %u is larger than is allowed", number);
    g_autofree char *why = text_escape_terminal(archive_error_string(archive), 200);
    return error_set(error, RUBRIC_ERROR_INVALID, "layer %u is damaged: %s", number, why);
}

typedef bool Visit(Pass *pass, const char *name, ArchiveEntry *entry, GError **error);

static bool visit_entry(Pass *pass, ArchiveEntry *entry, Visit *visit, GError **error)
{
    const Layers *layers = pass->layers;
    const char *name = archive_entry_pathname(entry), *problem;
    if (!name)
        return refuse(pass, "?", "has a name that is not UTF-8", error);
    g_autofree char *clean = tree_clean_name(name, layers->limits->depth, &problem);
    return clean ? visit(pass, clean, entry, error) : refuse(pass, name, problem, error);
}

static bool visit_all(Pass *pass, Visit *visit, gint64 *n_entries, GError **error)
{
    for (;;) {
        ArchiveEntry *entry;
        int status = archive_read_next_header(pass->archive, &entry);
        if (status == ARCHIVE_EOF)
            return true;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return set_unreadable(pass->archive, pass->number, error);
        if (++*n_entries > pass->layers->limits->n_entries)
            return error_set(error, RUBRIC_ERROR_LIMIT, "the image has more than %" G_GINT64_FORMAT " entries",
                             pass->layers->limits->n_entries);
        if (!visit_entry(pass, entry, visit, error))
            return false;
    }
}

/* Reads the stream to its end, too: the digest, if it is asked for, is that of all bytes. */
static bool run_pass(Layers *layers, int fd, guint number, Visit *visit, gint64 *n_entries, char **ret_digest,
                     GError **error)
{
    g_auto(NamesLocale) locale = names_locale_enter();
    g_auto(Stream) stream = {.max_bytes = layers->limits->total_bytes};
    g_autoptr(Archive) archive = archive_read_new();
    Pass pass = {layers, archive, number};
    (void)locale;
    if (!open_stream(&stream, fd, error))
        return false;
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(archive) != ARCHIVE_OK ||
        archive_read_open(archive, &stream, NULL, read_stream, NULL) != ARCHIVE_OK)
        return error_set(error, RUBRIC_ERROR_INVALID, "layer %u is not a tar archive", number);
    if (!visit_all(&pass, visit, n_entries, error))
        return false;
    const void *block;
    la_ssize_t n;
    do
        n = read_stream(archive, &stream, &block);
    while (n > 0);
    if (n < 0)
        return set_unreadable(archive, number, error);
    if (ret_digest)
        *ret_digest = g_strconcat("sha256:", g_checksum_get_string(stream.sum), NULL);
    return true;
}

bool layers_add(Layers *layers, int fd, guint number, const char *digest, GError **error)
{
    gint64 n_looked_at = layers->n_entries;
    g_autofree char *found = NULL;
    if (!run_pass(layers, fd, number, take_away, &n_looked_at, &found, error))
        return false;
    if (!g_str_equal(found, digest))
        return error_set(error, RUBRIC_ERROR_INVALID, "layer %u is not what the image says: its digest is %s, not %s",
                         number, found, digest);
    return run_pass(layers, fd, number, bring, &layers->n_entries, NULL, error);
}
