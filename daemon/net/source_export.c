/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submissions out of a Gradescope export. The receipt time is Gradescope's `created_at`; who handed in is told by
 * e-mail or student number. What cannot be matched is kept as a refused submission with a flag, so that nothing is
 * lost.
 */
#include "daemon/net/gradescope_identity.h"
#include "daemon/net/source.h"
#include "daemon/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const guint batch_size = 100;

/* ---- one submission
 * ---------------------------------------------------------------------------------------------------- */

/* A folder fd with the submission's files: its own folder, or a new one that holds a link-free copy of its only file.
 */
static int open_content(int folder_fd, const char *key, const char *state_folder, char **ret_made, GError **error)
{
    struct stat info;
    if (fstatat(folder_fd, key, &info, AT_SYMLINK_NOFOLLOW) < 0) {
        error_set_errno(error, errno, "the export has no \"%s\"", key);
        return -1;
    }
    if (S_ISDIR(info.st_mode))
        return openat(folder_fd, key, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    file_autofd int file = openat(folder_fd, key, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0 || !S_ISREG(info.st_mode)) {
        error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is neither a file nor a folder", key);
        return -1;
    }
    file_autofd int made_fd = blob_temporary_folder(state_folder, "single", ret_made, error);
    if (made_fd < 0)
        return -1;
    file_autofd int copy = openat(made_fd, key, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (copy < 0) {
        error_set_errno(error, errno, "cannot copy \"%s\"", key);
        return -1;
    }
    return file_copy_fd(file, copy, "a file of the export", error) ? file_steal_fd(&made_fd) : -1;
}

static bool store_content(const ExportTake *take, int folder_fd, const char *key, Submission *submission,
                          GError **error)
{
    g_autofree char *made = NULL;
    g_autofree char *temporary = NULL;
    file_autofd int blob = blob_temporary(take->context->state_folder, &temporary, error);
    if (blob < 0)
        return false;
    file_autofd int content = open_content(folder_fd, key, take->context->state_folder, &made, error);
    UnpackLimits limits = unpack_limits_most();
    bool kept = content >= 0 && pack_folder(content, blob, &limits, error) &&
                blob_keep(take->context->state_folder, blob, temporary, &submission->content_path,
                          &submission->content_digest, error);
    if (!kept)
        unlink(temporary);
    if (made)
        file_remove_tree(made, NULL);
    submission->content_kind = g_strdup("archive");
    return kept;
}

/* Contents that are missing or too large are the export's or the student's fault, not a reason to stop the others. */
static bool error_is_theirs(const GError *error)
{
    return error->domain == RUBRIC_ERROR &&
           (error->code == RUBRIC_ERROR_INVALID || error->code == RUBRIC_ERROR_NOT_FOUND ||
            error->code == RUBRIC_ERROR_LIMIT);
}

static Submission *new_submission(const ExportTake *take, const Assignment *assignment, const char *owner,
                                  const ExportEntry *entry)
{
    gint64 received_us = entry->created_us == G_MININT64 ? take->seen_us : entry->created_us;
    Submission *submission =
        source_submission_new(take->source, assignment, owner, entry->key, received_us, take->seen_us);
    gradescope_identify(submission, assignment, entry->key);
    submission->location = g_build_filename(take->location, entry->key, NULL);
    return submission;
}

/* One entry, ready to be written: contents are safe, so the transaction of a batch is short. */
typedef struct {
    const ExportEntry *entry;
    Submission *submission;
    Ownership ownership;
} Prepared;

static void prepared_free(gpointer data)
{
    Prepared *prepared = data;
    submission_free(prepared->submission);
    ownership_clear(&prepared->ownership);
    g_free(prepared);
}

static Ownership tell_owner(const ExportTake *take, const Assignment *assignment, const ExportEntry *entry)
{
    if (assignment)
        return source_ownership(take->context->course, assignment, entry->submitters);
    return (Ownership){.why = g_strdup_printf("the export \"%s\" is of no assignment that course.yaml names by its "
                                              "Gradescope id: put it into the folder of the assignment, or add the id",
                                              take->name)};
}

/* Whether it is settled, so that its files need not be packed again. One that was refused is tried as often as its
 * owner can be told: its files may be there by now. */
static bool is_settled(const ExportTake *take, const Prepared *prepared, bool *ret_is, GError **error)
{
    g_autoptr(Submission) known = NULL;
    if (!gradescope_find(take->context->store, prepared->submission, &known, error))
        return false;
    *ret_is = known && (known->state != SUBMISSION_REFUSED || !prepared->ownership.owner);
    return true;
}

/* Adds it to the batch with its files in a safe place, unless there is nothing to do. */
static bool prepare_entry(const ExportTake *take, const Assignment *assignment, int folder_fd, const ExportEntry *entry,
                          GPtrArray *batch, GError **error)
{
    Prepared *prepared = g_new0(Prepared, 1);
    g_ptr_array_add(batch, prepared);
    prepared->entry = entry;
    prepared->ownership = tell_owner(take, assignment, entry);
    prepared->submission = new_submission(take, assignment, prepared->ownership.owner, entry);
    bool is_done = false;
    if (!is_settled(take, prepared, &is_done, error))
        return false;
    if (is_done) {
        g_ptr_array_set_size(batch, (int)batch->len - 1);
        return true;
    }
    g_autoptr(GError) content_error = NULL;
    if (store_content(take, folder_fd, entry->key, prepared->submission, &content_error))
        return true;
    if (!error_is_theirs(content_error)) {
        g_propagate_error(error, g_steal_pointer(&content_error));
        return false;
    }
    ownership_clear(&prepared->ownership);
    prepared->ownership = (Ownership){.why = g_strdup(content_error->message)};
    return true;
}

static bool flag_doubts(const ExportTake *take, const Prepared *prepared, GHashTable *notes, GError **error)
{
    gint64 id = prepared->submission->id;
    const char *left_out = notes ? g_hash_table_lookup(notes, prepared->entry->key) : NULL;
    if (prepared->ownership.why && !source_flag(take->context, id, "owner", prepared->ownership.why, NULL, error))
        return false;
    if (left_out && !source_flag(take->context, id, "suspicious", left_out, NULL, error))
        return false;
    return prepared->entry->created_us != G_MININT64 ||
           source_flag(
               take->context, id, "late",
               "the export does not say when it was handed in, so it counts as received when the export was seen", NULL,
               error);
}

static bool write_prepared(const ExportTake *take, const Prepared *prepared, GHashTable *notes, bool *ret_is_new,
                           GError **error)
{
    if (!prepared->ownership.owner)
        return source_refuse(take->context, prepared->submission, prepared->ownership.why, ret_is_new, error);
    gint64 id = 0;
    if (!source_offer(take->context, prepared->submission, ret_is_new, &id, error) ||
        !gradescope_settle(take->context->store, prepared->submission, error))
        return false;
    return !*ret_is_new || flag_doubts(take, prepared, notes, error);
}

/* ---- the whole export
 * -------------------------------------------------------------------------------------------------- */

/* The one that has the Gradescope id in an export's name; NULL: none. */
static const Assignment *named_assignment(const Course *course, const char *name)
{
    g_autofree char *id = name ? export_assignment_id(name) : NULL;
    return id ? course_gradescope_assignment(course, id) : NULL;
}

/* Somebody asked for just this import, so what does not fit is told there and then. `id`: Gradescope's number of the
 * export's assignment as the export says it, or NULL. */
static bool check_asked(const ExportTake *take, const Assignment *named, const char *id, GError **error)
{
    const Assignment *asked = take->assignment, *meant = asked ? asked : named;
    if (!meant)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND,
                         "whose it is cannot be told: name the assignment, or give its number at Gradescope to it as "
                         "`submit: {gradescope: \"%s\"}` in course.yaml",
                         id ? id : "NUMBER");
    if (named && meant != named)
        return error_set(error, RUBRIC_ERROR_INVALID, "it is an export of \"%s\" (%s at Gradescope), not of \"%s\"",
                         named->id, named->gradescope_id, meant->id);
    if (id && meant->gradescope_id && strcmp(id, meant->gradescope_id) != 0)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "it is an export of Gradescope's assignment %s, but course.yaml says that \"%s\" is their "
                         "assignment %s",
                         id, meant->id, meant->gradescope_id);
    return true;
}

/* Of an export in the watched folder, its own name says more than where somebody put it. `top`: the folder in a zip, or
 * NULL. */
static bool tell_assignment(const ExportTake *take, const char *top, const Assignment **ret, GError **error)
{
    const Assignment *named = named_assignment(take->context->course, top);
    if (!named)
        named = named_assignment(take->context->course, take->name);
    g_autofree char *within = top ? export_assignment_id(top) : NULL;
    g_autofree char *outside = export_assignment_id(take->name);
    if (take->is_asked && !check_asked(take, named, within ? within : outside, error))
        return false;
    *ret = named ? named : take->assignment;
    return true;
}

static ExportMetadata *read_metadata(int folder_fd, GError **error)
{
    file_autofd int fd = file_open_beneath(folder_fd, "submission_metadata.yml", O_RDONLY, 0);
    if (fd >= 0)
        return export_metadata_read(fd, error);
    error_set_errno(error, errno, "the export's submission_metadata.yml cannot be opened");
    return NULL;
}

/* By time, so that an import at the end of a term is what the term was: who hands in again replaces what was before. */
static gint compare_times(gconstpointer a, gconstpointer b)
{
    const ExportEntry *left = *(const ExportEntry *const *)a, *right = *(const ExportEntry *const *)b;
    if (left->created_us != right->created_us)
        return left->created_us < right->created_us ? -1 : 1;
    return strcmp(left->key, right->key);
}

/* One transaction a batch, so that an import of hundreds does not sync the disk for each. */
static bool write_batch(const ExportTake *take, const GPtrArray *batch, GHashTable *notes, guint *ret_n_new,
                        GError **error)
{
    Store *store = take->context->store;
    if (!store_begin(store, error))
        return false;
    bool done = true;
    guint n_new = 0;
    for (guint i = 0; done && i < batch->len; i++) {
        bool is_new = false;
        done = write_prepared(take, g_ptr_array_index(batch, i), notes, &is_new, error);
        n_new += is_new;
    }
    if (!store_end(store, done, error))
        return false;
    *ret_n_new += n_new;
    return true;
}

static bool take_batch(const ExportTake *take, const Assignment *assignment, int folder_fd,
                       const ExportMetadata *metadata, GHashTable *notes, guint first, guint *ret_n_new, GError **error)
{
    g_autoptr(GPtrArray) batch = g_ptr_array_new_with_free_func(prepared_free);
    for (guint i = first; i < MIN(first + batch_size, metadata->entries->len); i++) {
        const ExportEntry *entry = g_ptr_array_index(metadata->entries, i);
        struct stat info;
        if (entry->is_earlier && fstatat(folder_fd, entry->key, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* most exports hold the files of the newest submission alone */
        if (!prepare_entry(take, assignment, folder_fd, entry, batch, error))
            return false;
    }
    return write_batch(take, batch, notes, ret_n_new, error);
}

static bool take_all(const ExportTake *take, const Assignment *assignment, int folder_fd, GHashTable *notes,
                     guint *ret_n_new, GError **error)
{
    g_autoptr(ExportMetadata) metadata = read_metadata(folder_fd, error);
    if (!metadata)
        return false;
    g_ptr_array_sort(metadata->entries, compare_times);
    for (guint first = 0; first < metadata->entries->len; first += batch_size) {
        if (!take_batch(take, assignment, folder_fd, metadata, notes, first, ret_n_new, error))
            return false;
    }
    return true;
}

bool export_take_folder(const ExportTake *take, int folder_fd, GHashTable *notes, guint *ret_n_new, GError **error)
{
    const Assignment *assignment = NULL;
    return tell_assignment(take, NULL, &assignment, error) &&
           take_all(take, assignment, folder_fd, notes, ret_n_new, error);
}

bool export_take_zip(const ExportTake *take, int fd, guint *ret_n_new, GError **error)
{
    g_autofree char *unpacked = NULL;
    file_autofd int folder_fd = blob_temporary_folder(take->context->state_folder, "export", &unpacked, error);
    if (folder_fd < 0)
        return false;
    g_autofree char *top = NULL;
    g_autoptr(GHashTable) notes = NULL;
    const Assignment *assignment = NULL;
    bool done = export_zip_unpack(fd, folder_fd, &top, &notes, error) &&
                tell_assignment(take, top, &assignment, error) &&
                take_all(take, assignment, folder_fd, notes, ret_n_new, error);
    file_remove_tree(unpacked, NULL);
    return done;
}

/* A source without a place to look at: it only lends its name to what is imported by hand. */
static const SourceClass import_class = {.kind = "gradescope"};

bool gradescope_import(SourceContext *context, const Assignment *assignment, const char *path, guint *ret_n_new,
                       GError **error)
{
    Source named = {.class = &import_class, .name = (char *)"gradescope"};
    g_autofree char *location = g_canonicalize_filename(path, NULL);
    g_autofree char *name = g_path_get_basename(location);
    ExportTake take = {.source = &named,
                       .context = context,
                       .assignment = assignment,
                       .is_asked = true,
                       .name = name,
                       .location = location,
                       .seen_us = clock_now_us()};
    struct stat info;
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot open \"%s\"", path);
    if (!blob_sweep(context->state_folder, error))
        return false;
    bool taken = S_ISDIR(info.st_mode) ? export_take_folder(&take, fd, NULL, ret_n_new, error)
                                       : export_take_zip(&take, fd, ret_n_new, error);
    if (!taken)
        g_prefix_error(error, "the export \"%s\": ", path);
    return taken;
}
