/* SPDX-License-Identifier: Apache-2.0 */
/* Archives made for tests, good and hostile, and a place to unpack them. */
#pragma once

#include "daemon/worker/worker.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* One entry: a file with text, or of another kind. Ends with a NULL name. */
typedef struct {
    const char *name;
    const char *text; /* of a file; target of a link */
    unsigned kind;    /* 0: a regular file */
    mode_t mode;      /* 0: 0644 */
    bool is_hard_link;
} Entry;

typedef int (*SetFormat)(struct archive *);

static inline void write_entry(struct archive *archive, const Entry *from)
{
    struct archive_entry *entry = archive_entry_new();
    unsigned kind = from->kind ? from->kind : AE_IFREG;
    archive_entry_set_pathname(entry, from->name);
    archive_entry_set_filetype(entry, kind);
    archive_entry_set_perm(entry, from->mode ? from->mode : 0644);
    gsize length = kind == AE_IFREG && !from->is_hard_link && from->text ? strlen(from->text) : 0;
    archive_entry_set_size(entry, (la_int64_t)length);
    if (kind == AE_IFLNK)
        archive_entry_set_symlink(entry, from->text);
    if (from->is_hard_link)
        archive_entry_set_hardlink(entry, from->text);
    ck_assert_msg(archive_write_header(archive, entry) >= ARCHIVE_WARN, "%s", archive_error_string(archive));
    if (length > 0)
        archive_write_data(archive, from->text, length);
    archive_entry_free(entry);
}

/* An archive in memory, rewound. `options` as archive_write_set_options takes them, or NULL. */
static inline int make_archive(SetFormat format, SetFormat filter, const char *options, const Entry *entries)
{
    int fd = memfd_create("archive", MFD_CLOEXEC);
    struct archive *archive = archive_write_new();
    format(archive);
    if (filter)
        filter(archive);
    if (options)
        ck_assert_int_eq(archive_write_set_options(archive, options), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(archive, 1);
    ck_assert_int_eq(archive_write_open_fd(archive, fd), ARCHIVE_OK);
    for (const Entry *entry = entries; entry->name; entry++)
        write_entry(archive, entry);
    ck_assert_int_eq(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static inline int make_tar(const Entry *entries)
{
    return make_archive(archive_write_set_format_gnutar, NULL, NULL, entries);
}

static inline int make_zip(const Entry *entries)
{
    return make_archive(archive_write_set_format_zip, NULL, NULL, entries);
}

static inline int fd_of_bytes(const void *bytes, gsize length)
{
    int fd = memfd_create("bytes", MFD_CLOEXEC);
    ck_assert_int_eq(write(fd, bytes, length), (ssize_t)length);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* A folder to unpack into, with what came of it. */
typedef struct {
    char *path;
    int fd;
    GPtrArray *findings;
} Place;

static inline Place place_new(void)
{
    Place place = {.path = g_dir_make_tmp("rubric-unpack-XXXXXX", NULL)};
    place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    place.findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    return place;
}

static inline void place_clear(Place *place)
{
    g_close(place->fd, NULL);
    file_remove_tree(place->path, NULL);
    g_free(place->path);
    g_ptr_array_unref(place->findings);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

/* Unpacks with limits (NULL: the usual ones) and closes the archive. */
static inline Place unpack_with(int archive_fd, const UnpackLimits *limits)
{
    UnpackLimits usual = unpack_limits_default();
    Place place = place_new();
    g_autoptr(GError) error = NULL;
    bool unpacked = unpack_archive(archive_fd, "hw.zip", place.fd, limits ? limits : &usual, place.findings, &error);
    ck_assert_msg(unpacked, "%s", error ? error->message : "");
    g_close(archive_fd, NULL);
    return place;
}

static inline Place unpack(int archive_fd)
{
    return unpack_with(archive_fd, NULL);
}

static inline unsigned count_outcome(const GPtrArray *findings, FindingOutcome outcome)
{
    unsigned n = 0;
    for (guint i = 0; i < findings->len; i++)
        n += ((const Finding *)g_ptr_array_index(findings, i))->outcome == outcome;
    return n;
}

static inline const Finding *find_message(const GPtrArray *findings, const char *part)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (strstr(finding->message, part))
            return finding;
    }
    return NULL;
}

static inline char *all_messages(const GPtrArray *findings)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        g_string_append_printf(text, "[%s] %s\n", finding_outcome_name(finding->outcome), finding->message);
    }
    return g_string_free(text, FALSE);
}

/* Asserts a finding with this outcome whose message holds `part`. */
static inline void assert_finding(const Place *place, FindingOutcome outcome, const char *part)
{
    const Finding *finding = find_message(place->findings, part);
    g_autofree char *all = all_messages(place->findings);
    ck_assert_msg(finding, "no finding says \"%s\":\n%s", part, all);
    ck_assert_int_eq(finding->outcome, outcome);
}

static inline void assert_clean(const Place *place)
{
    g_autofree char *all = all_messages(place->findings);
    ck_assert_msg(place->findings->len == 0, "unexpected:\n%s", all);
}

static inline void assert_file(const Place *place, const char *path, const char *text)
{
    g_autofree char *full = g_build_filename(place->path, path, NULL);
    g_autofree char *data = NULL;
    g_autoptr(GError) error = NULL;
    bool has_read = g_file_get_contents(full, &data, NULL, &error);
    ck_assert_msg(has_read, "%s", error ? error->message : "");
    ck_assert_str_eq(data, text);
}

static inline bool place_has(const Place *place, const char *path)
{
    struct stat info;
    return fstatat(place->fd, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
}
