/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sources share: blobs, looking times, flags, resolving owners; and the reader of Gradescope exports.
 */
#pragma once

#include "daemon/net/net.h"

/* ---- blobs ----------------------------------------------------------------------------------------------------------
 */

/* A new empty file in <state>/blobs/new/, opened for reading and writing. Returns the fd, *ret_path its absolute path.
 */
int blob_temporary(const char *state_folder, char **ret_path, GError **error);
/* Makes a temporary file, fully written, a blob: synced and named by its digest. The temporary name is gone afterwards.
 */
bool blob_keep(const char *state_folder, int fd, const char *temporary, char **ret_path, char **ret_digest,
               GError **error);
/* The same of one whose SHA-256 is known. */
bool blob_place(const char *state_folder, int fd, const char *temporary, const char *hex, char **ret_path,
                char **ret_digest, GError **error);
/* A new empty folder beside them, opened. Returns the fd, *ret_path its absolute path; the caller removes it. */
int blob_temporary_folder(const char *state_folder, const char *what, char **ret_path, GError **error);
/* Removes what a crash left half-written; what a living process works on stays. */
bool blob_sweep(const char *state_folder, GError **error);

/* ---- looks ----------------------------------------------------------------------------------------------------------
 */

/* When something was received that a look at `seen_us` found: the moment of the last successful look before (so that
 * the gap counts for the student), the time of seeing if there was none. */
gint64 source_received_us(gint64 last_look_us, gint64 seen_us);

/* ---- rows
 * ------------------------------------------------------------------------------------------------------------ */

/* A new Submission of this source; assignment and owner may be NULL when they could not be told. */
Submission *source_submission_new(const Source *source, const Assignment *assignment, const char *owner,
                                  const char *external_id, gint64 received_us, gint64 seen_us);

#define SOURCE_REFUSED "refused:" /* before the revision of what was refused */
/* Stores one that cannot be graded, with a flag of kind "owner" that says why and what to do. Once per revision. */
bool source_refuse(SourceContext *context, Submission *submission, const char *why, bool *ret_is_new, GError **error);

/* Raises a flag on a submission. */
bool source_flag(SourceContext *context, gint64 submission_id, const char *kind, const char *message,
                 const char *evidence, GError **error);

/* At the very first look at a place the true receipt time is unknown: flags kind "late" if that matters. */
bool source_flag_first_look(SourceContext *context, const Assignment *assignment, const Submission *submission,
                            gint64 id, GError **error);

/* ---- Gradescope
 * ---------------------------------------------------------------------------------------------- */

typedef struct {
    char *name, *sid, *email; /* NULL when absent */
} ExportSubmitter;
void export_submitter_free(gpointer submitter); /* a GDestroyNotify */
typedef struct {
    char *owner; /* NULL: could not be told */
    char *why;   /* then: why; else a doubt for a TA, or NULL */
} Ownership;
void ownership_clear(Ownership *ownership);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Ownership, ownership_clear)
/* Whose it is when these (ExportSubmitter*) handed it in: the one person, or the one team that they are all of. */
Ownership source_ownership(const Course *course, const Assignment *assignment, const GPtrArray *submitters);

typedef struct {
    char *key;             /* folder or file name below the export: "submission_123" */
    gint64 created_us;     /* G_MININT64: absent or not readable */
    GPtrArray *submitters; /* of ExportSubmitter* */
    bool is_earlier;       /* of another's history: its files may not be in the export */
} ExportEntry;
typedef struct {
    GPtrArray *entries; /* of ExportEntry*, in file order */
} ExportMetadata;
void export_metadata_free(ExportMetadata *metadata);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportMetadata, export_metadata_free)

/* Reads submission_metadata.yml: a map of key to {:submitters, :created_at, :history, ...} with Ruby symbol keys; all
 * else is skipped unread. What a history names by its id comes as an entry of its own, "submission_<id>". At most
 * 100,000 submissions, 1,000 submitters each, nesting 64, keys that are plain file names. INVALID with line and column.
 */
ExportMetadata *export_metadata_parse(const char *text, gsize length, GError **error);
/* The same from `fd`, as a stream: up to 4 GiB. */
ExportMetadata *export_metadata_read(int fd, GError **error);

/* "assignment_123_export" -> "123"; NULL when the name is no such. Caller frees. */
char *export_assignment_id(const char *name);

/* True if the archive in `fd` holds a submission_metadata.yml at its top or in its only top folder. Reads at most
 * `max_entries` names. */
bool export_zip_is_one(int fd);

/* Unpacks an export zip into the empty folder `target_fd`, flattening its top folder away: submission_metadata.yml and
 * one folder or file a submission. Links, devices and names that climb out are left out, each noted in *ret_notes (key
 * of the submission -> sentence). *ret_top is the top folder's name or NULL. */
bool export_zip_unpack(int fd, int target_fd, char **ret_top, GHashTable **ret_notes, GError **error);

/* ---- the folder source's handling of an export, in source_export.c
 * ------------------------------------------------------ */

typedef struct {
    Source *source;
    SourceContext *context;
    const Assignment *assignment; /* NULL: to be told by the export's name */
    bool is_asked;                /* somebody waits for an answer: what does not fit is INVALID or NOT_FOUND */
    const char *name;             /* of the export's folder or file */
    const char *location;         /* absolute path, for people */
    gint64 seen_us;
} ExportTake;
/* Takes every submission of an export folder (`folder_fd`). `notes` may be NULL. *ret_n_new counts the new ones. */
bool export_take_folder(const ExportTake *take, int folder_fd, GHashTable *notes, guint *ret_n_new, GError **error);
/* The same from a zip. */
bool export_take_zip(const ExportTake *take, int fd, guint *ret_n_new, GError **error);
