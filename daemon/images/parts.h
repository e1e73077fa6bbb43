/* SPDX-License-Identifier: Apache-2.0 */
/* The file that is imported, as named parts. */
#pragma once

#include "daemon/images/images.h"

#include <archive.h>
#include <locale.h>

typedef struct archive Archive;
typedef struct archive_entry ArchiveEntry;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

/* libarchive gives names in the locale's character set, and nothing when they do not fit. */
typedef struct {
    locale_t own, before;
} NamesLocale;
NamesLocale names_locale_enter(void);
void names_locale_leave(NamesLocale *locale);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NamesLocale, names_locale_leave)

typedef struct {
    int folder_fd;     /* where the parts are files: the layout's own folder, or ours */
    GHashTable *files; /* name -> file name in our folder; NULL: the layout's own folder */
    GHashTable *links; /* name -> name: `docker save` links a layer that comes twice */
} Parts;
void parts_clear(Parts *parts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parts, parts_clear)

/* Opens what `fd` is: a folder in OCI layout, or an archive, whose members are copied into the folder `folder_path`. */
bool parts_open(int fd, const char *folder_path, const ImageLimits *limits, Parts *ret, GError **error);
bool parts_has(const Parts *parts, const char *name);
/* The part's file; -1 and INVALID: there is none. */
int parts_open_file(const Parts *parts, const char *name, GError **error);

/* Copies an entry's data. LIMIT: more than *left, which it takes from. */
bool parts_copy_data(Archive *archive, ArchiveEntry *entry, int fd, const char *name, gint64 *left, GError **error);
