/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/names.h"
#include "daemon/worker/workspace.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct archive Archive;
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

UnpackLimits unpack_limits_default(void)
{
    return (UnpackLimits){
        .total_bytes = 256 << 20,
        .file_bytes = 256 << 20,
        .n_entries = 20000,
        .depth = 64,
        .ratio = 200,
        .wall_ms = 60000,
    };
}

UnpackLimits unpack_limits_most(void)
{
    UnpackLimits limits = unpack_limits_default();
    limits.total_bytes = limits.file_bytes = rubric_submission_most_bytes;
    limits.n_entries = rubric_submission_most_files;
    return limits;
}

/* libarchive gives names in the locale's character set, and nothing when they do not fit. */
typedef struct {
    locale_t own, before;
} Utf8Locale;

static void utf8_locale_leave(Utf8Locale *locale)
{
    uselocale(locale->before);
    if (locale->own)
        freelocale(locale->own);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Utf8Locale, utf8_locale_leave)

static Utf8Locale utf8_locale_enter(void)
{
    locale_t own = newlocale(LC_CTYPE_MASK, "C.UTF-8", NULL);
    return (Utf8Locale){.own = own, .before = uselocale(own)};
}

/* Only the formats and filters that students use: each further one is a parser for hostile bytes. */
static Archive *new_reader(GError **error)
{
    g_autoptr(Archive) archive = archive_read_new();
    bool is_ready = archive && archive_read_support_format_zip(archive) == ARCHIVE_OK &&
                    archive_read_support_format_tar(archive) == ARCHIVE_OK &&
                    archive_read_support_format_7zip(archive) == ARCHIVE_OK &&
                    archive_read_support_filter_gzip(archive) == ARCHIVE_OK &&
                    archive_read_support_filter_bzip2(archive) == ARCHIVE_OK &&
                    archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
                    archive_read_support_filter_zstd(archive) == ARCHIVE_OK;
    if (is_ready)
        return g_steal_pointer(&archive);
    error_set(error, RUBRIC_ERROR_SYSTEM, "libarchive here lacks a format that submissions come in: %s",
              archive ? archive_error_string(archive) : "out of memory");
    return NULL;
}

static const char *format_name(Archive *archive)
{
    switch (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) {
    case ARCHIVE_FORMAT_ZIP:
        return "zip";
    case ARCHIVE_FORMAT_TAR:
        return "tar";
    case ARCHIVE_FORMAT_7ZIP:
        return "7z";
    default:
        return "archive";
    }
}

/* What libarchive could not read is the student's: it says why, in words of its own that are safe to show. */
static void stop_as_unreadable(Workspace *workspace, Archive *archive)
{
    if (archive_read_has_encrypted_entries(archive) == 1) {
        workspace_stop(workspace, "the %s is encrypted; hand it in without a password", workspace->what);
        return;
    }
    if (archive_errno(archive) == ENOMEM) {
        workspace_stop(workspace,
                       "the %s needs more memory to unpack than we give it; make it anew with usual settings",
                       workspace->what);
        return;
    }
    const char *text = archive_error_string(archive);
    g_autofree char *shown = name_shown(text ? text : "it ends too early");
    workspace_stop(workspace, "the %s is damaged and cannot be read to its end (%s); make it anew and hand it in again",
                   workspace->what, shown);
}

/* Nothing in it, or in what it is compressed with, looks like one of our formats. */
static void stop_as_no_archive(Workspace *workspace, Archive *archive, const char *called)
{
    if (archive_filter_code(archive, 0) != ARCHIVE_FILTER_NONE) {
        stop_as_unreadable(workspace, archive);
        return;
    }
    workspace_stop(workspace,
                   "%s is not an archive of a kind that is read here (zip, tar, tar.gz, tar.xz, tar.bz2, tar.zst, 7z)",
                   called);
}

/* Writes one file's content block by block, holes left holes. False without error: stopped, and said. */
static bool write_content(Workspace *workspace, Archive *archive, const char *path, int fd, GError **error)
{
    gint64 length = 0;
    for (;;) {
        const void *block;
        size_t n;
        la_int64_t offset;
        int status = archive_read_data_block(archive, &block, &n, &offset);
        if (status == ARCHIVE_EOF)
            break;
        if (status != ARCHIVE_OK) { /* a warning here is a wrong checksum */
            stop_as_unreadable(workspace, archive);
            return false;
        }
        gint64 max = workspace->limits->file_bytes;
        if (offset < length || offset > max || (gint64)n > max) {
            workspace_admit_bytes(workspace, path, 0, G_MAXINT64);
            return false;
        }
        gint64 end = offset + (gint64)n;
        if (!workspace_admit_bytes(workspace, path, end - length, end))
            return false;
        if (!file_write_all_at(fd, block, n, offset))
            return error_set_errno(error, errno, "cannot write \"%s\" in the workspace", path);
        length = end;
    }
    return true;
}

/* A file's announced size may be larger than its data: a hole at the end. */
static bool extend_to_size(Workspace *workspace, ArchiveEntry *entry, const char *path, int fd, GError **error)
{
    struct stat info;
    if (!archive_entry_size_is_set(entry) || fstat(fd, &info) < 0)
        return true;
    gint64 size = archive_entry_size(entry);
    if (size <= info.st_size)
        return true;
    if (size > workspace->limits->file_bytes)
        return workspace_admit_bytes(workspace, path, 0, size);
    if (!workspace_admit_bytes(workspace, path, size - info.st_size, size))
        return false;
    return ftruncate(fd, size) == 0 || error_set_errno(error, errno, "cannot extend \"%s\" in the workspace", path);
}

static bool add_file(Workspace *workspace, Archive *archive, ArchiveEntry *entry, const char *raw_name, GError **error)
{
    g_autofree char *path = workspace_admit(workspace, raw_name, ENTRY_FILE);
    if (!path)
        return true;
    if (archive_entry_hardlink(entry))
        return workspace_add_copy(workspace, path, archive_entry_hardlink(entry), error);
    if (archive_entry_size_is_set(entry) && !workspace_admit_bytes(workspace, path, 0, archive_entry_size(entry)))
        return true;
    bool is_executable = archive_entry_perm(entry) & 0111;
    file_autofd int fd = workspace_add_file(workspace, path, is_executable, error);
    if (fd < 0)
        return false;
    g_autoptr(GError) ours = NULL;
    if (write_content(workspace, archive, path, fd, &ours))
        extend_to_size(workspace, entry, path, fd, &ours);
    if (!ours)
        return true;
    g_propagate_error(error, g_steal_pointer(&ours));
    return false;
}

static bool add_link(Workspace *workspace, ArchiveEntry *entry, const char *raw_name)
{
    g_autofree char *path = workspace_admit(workspace, raw_name, ENTRY_LINK);
    const char *target = archive_entry_symlink(entry);
    if (path)
        workspace_add_link(workspace, path, target ? target : "");
    return true;
}

static void refuse_kind(Workspace *workspace, const char *raw_name, unsigned kind)
{
    const char *what = kind == AE_IFCHR || kind == AE_IFBLK ? "a device"
                       : kind == AE_IFIFO                   ? "a named pipe"
                       : kind == AE_IFSOCK                  ? "a socket"
                                                            : "something that is neither file, folder nor link";
    g_autofree char *shown = name_shown(raw_name);
    workspace->n_entries++;
    workspace_refuse(workspace, "the %s holds \"%s\", which is %s", workspace->what, shown, what);
}

static bool add_entry(Workspace *workspace, Archive *archive, ArchiveEntry *entry, GError **error)
{
    if (archive_entry_is_encrypted(entry)) {
        workspace_stop(workspace, "the %s is encrypted; hand it in without a password", workspace->what);
        return true;
    }
    const char *given = archive_entry_pathname(entry);
    g_autofree char *raw_name = g_strdup(given ? given : "");
    if (!given || *given == '\0') {
        workspace->n_entries++;
        workspace_refuse(workspace, "the %s holds an entry whose name cannot be read", workspace->what);
        return true;
    }
    bool is_zip = (archive_format(archive) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
    if (is_zip && !g_utf8_validate(raw_name, -1, NULL)) {
        g_free(raw_name);
        raw_name = name_from_cp437(given);
    }
    unsigned kind = archive_entry_filetype(entry);
    if ((archive_entry_perm(entry) & 07000) != 0 && kind == AE_IFREG)
        workspace_remark(workspace, REMARK_SETUID, raw_name);
    if (kind == AE_IFREG || archive_entry_hardlink(entry))
        return add_file(workspace, archive, entry, raw_name, error);
    if (kind == AE_IFLNK)
        return add_link(workspace, entry, raw_name);
    if (kind != AE_IFDIR) {
        refuse_kind(workspace, raw_name, kind);
        return true;
    }
    g_autofree char *path = workspace_admit(workspace, raw_name, ENTRY_FOLDER);
    return !path || workspace_add_folder(workspace, path, error);
}

static bool add_entries(Workspace *workspace, Archive *archive, GError **error)
{
    while (!workspace->is_stopped) {
        ArchiveEntry *entry;
        int status = archive_read_next_header(archive, &entry);
        workspace_set_what(workspace, format_name(archive));
        if (status == ARCHIVE_EOF)
            break;
        if (status < ARCHIVE_WARN) {
            stop_as_unreadable(workspace, archive);
            break;
        }
        if (!add_entry(workspace, archive, entry, error))
            return false;
    }
    return true;
}

/* A part of a zip that was split over several files: its list of contents is elsewhere, or names other disks. */
static bool is_split_zip(int fd, gint64 size)
{
    static const char end_signature[] = "PK\5\6", split_signature[] = "PK\7\10";
    const gsize end_bytes = 22;
    guint8 bytes[22];
    if (size < (gint64)end_bytes || pread(fd, bytes, end_bytes, 0) != (ssize_t)end_bytes)
        return false;
    if (memcmp(bytes, split_signature, 4) == 0)
        return true;
    if (memcmp(bytes, "PK", 2) != 0 || pread(fd, bytes, end_bytes, size - (gint64)end_bytes) != (ssize_t)end_bytes)
        return false;
    bool names_other_disk = bytes[4] != 0 || bytes[5] != 0;
    return memcmp(bytes, end_signature, 4) == 0 && names_other_disk && !(bytes[4] == 0xff && bytes[5] == 0xff);
}

bool unpack_archive(int content_fd, const char *name, int target_fd, const UnpackLimits *limits, GPtrArray *findings,
                    GError **error)
{
    struct stat info;
    if (fstat(content_fd, &info) < 0)
        return error_set_errno(error, errno, "cannot examine the archive");
    g_auto(Workspace) workspace;
    workspace_init(&workspace, target_fd, limits, findings);
    workspace.packed_bytes = MAX(info.st_size, 1);
    g_autofree char *shown = name ? name_shown(name) : NULL;
    g_autofree char *called = shown ? g_strdup_printf("\"%s\"", shown) : g_strdup("the submission");

    g_auto(Utf8Locale) locale = utf8_locale_enter();
    (void)locale;
    g_autoptr(Archive) archive = new_reader(error);
    if (!archive)
        return false;
    const gsize block_bytes = 65536;
    if (info.st_size == 0)
        workspace_stop(&workspace, "%s is an empty file", called);
    else if (is_split_zip(content_fd, info.st_size))
        workspace_stop(&workspace, "%s is one part of a zip that was split over several files; make one zip of it",
                       called);
    else if (archive_read_open_fd(archive, content_fd, block_bytes) != ARCHIVE_OK)
        stop_as_no_archive(&workspace, archive, called);
    else if (!add_entries(&workspace, archive, error))
        return false;
    return workspace_finish(&workspace, true, error);
}
