/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watched folder. Each look lists it, compares fingerprints with what is known, and takes what has rested for a
 * second and between two looks.
 *
 * Receipt. A thing (or a change of it) that this look sees and the last one did not is received at the last look: the
 * gap counts for the student. What is known lies in memory and, once taken, in a cursor "file:<path>"; the time of the
 * last look in the cursor "look", never later than what a thing that is still pending will get, so that a crash does
 * not make anybody later. It is saved seldom, since an older time only counts for the student too.
 *
 * Crash points. A blob without a row is found again at the next look (same digest, same name). Rows, job, event and
 * cursor of a batch commit together.
 */
#include "daemon/net/folder_scan.h"
#include "daemon/worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const gint64 default_rest_us = CLOCK_SECOND_US;
static const gint64 save_look_every_us = 30 * CLOCK_SECOND_US;
static const gint64 walk_taken_every_us = 10 * CLOCK_SECOND_US;
static const guint batch_size = 100;

typedef struct {
    char *fingerprint;
    gint64 received_us;     /* of this fingerprint */
    gint64 seen_us;         /* when this fingerprint was seen first */
    gint64 looked_us;       /* when it was compared last */
    gint64 changed_mono_us; /* monotonic twin of seen_us */
    gint64 walked_mono_us;  /* when a folder's fingerprint was made last */
    gint64 look;            /* number of the last look that met it */
    bool is_taken, is_refused, is_first_look;
} Known;

typedef struct {
    Source base;
    char *path;
    GHashTable *known; /* char* path -> Known* */
    gint64 n_looks;
    gint64 last_look_us; /* 0: there never was one */
    gint64 saved_look_us, saved_mono_us;
    bool is_loaded;
    const Course *course; /* of the last look, only compared: a new one may know more owners */
} FolderSource;

/* One thing that is ready, with its content safe. */
typedef struct {
    const Candidate *candidate;
    Known *known;
    Submission *submission;
    char *why; /* not NULL: refused, and why */
} Ready;

typedef struct {
    FolderSource *source;
    SourceContext *context;
    int root_fd;
    gint64 look_us, mono_us;
    guint *n_new;
} Look;

static void known_free(gpointer data)
{
    Known *known = data;
    g_free(known->fingerprint);
    g_free(known);
}

static void ready_free(gpointer data)
{
    Ready *ready = data;
    submission_free(ready->submission);
    g_free(ready->why);
    g_free(ready);
}

/* ---- cursors
 * ---------------------------------------------------------------------------------------------------------- */

static cJSON *get_cursor(const Look *look, const char *key, bool *ret_ok, GError **error)
{
    g_autofree char *text = NULL;
    *ret_ok = store_cursor_get(look->context->store, look->source->base.name, key, &text, error);
    return *ret_ok && text ? json_parse(text, strlen(text), NULL) : NULL;
}

static bool load_look(const Look *look, GError **error)
{
    FolderSource *source = look->source;
    bool is_read;
    g_autoptr(cJSON) json = get_cursor(look, "look", &is_read, error);
    if (!is_read)
        return false;
    source->last_look_us = source->saved_look_us = json_int64_or(json, "at_us", 0);
    source->is_loaded = true;
    return true;
}

/* Nothing that is pending may later seem to have come after the saved look. */
static gint64 look_to_save(const Look *look)
{
    gint64 at_us = look->look_us;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, look->source->known);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Known *known = value;
        if (known->is_first_look && !known->is_taken)
            return 0; /* that this was the first look must not be forgotten before it is taken */
        gint64 bound_us = known->is_taken ? known->looked_us : known->received_us;
        at_us = MIN(at_us, bound_us);
    }
    return at_us;
}

static bool save_look(const Look *look, GError **error)
{
    FolderSource *source = look->source;
    gint64 at_us = look_to_save(look);
    source->saved_mono_us = look->mono_us;
    if (at_us <= source->saved_look_us)
        return true;
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_int64(json, "at_us", at_us);
    g_autofree char *text = json_print(json);
    if (!store_cursor_set(look->context->store, source->base.name, "look", text, error))
        return false;
    source->saved_look_us = at_us;
    return true;
}

static char *file_key(const char *path)
{
    return g_strconcat("file:", path, NULL);
}

static bool save_known(const Look *look, const char *path, const Known *known, GError **error)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "fingerprint", known->fingerprint);
    json_add_int64(json, "received_us", known->received_us);
    json_add_int64(json, "seen_us", known->seen_us);
    json_add_bool(json, "refused", known->is_refused);
    g_autofree char *text = json_print(json);
    g_autofree char *key = file_key(path);
    return store_cursor_set(look->context->store, look->source->base.name, key, text, error);
}

/* From this process's memory, else from the cursor of an earlier one; NULL without an error: never seen. */
static bool find_known(const Look *look, const char *path, Known **ret_known, GError **error)
{
    *ret_known = g_hash_table_lookup(look->source->known, path);
    if (*ret_known)
        return true;
    g_autofree char *key = file_key(path);
    bool is_read;
    g_autoptr(cJSON) json = get_cursor(look, key, &is_read, error);
    if (!is_read)
        return false;
    const char *fingerprint = json_string_or(json, "fingerprint", NULL);
    if (!fingerprint)
        return true;
    Known *known = g_new0(Known, 1);
    known->fingerprint = g_strdup(fingerprint);
    known->received_us = json_int64_or(json, "received_us", 0);
    known->seen_us = json_int64_or(json, "seen_us", 0);
    known->looked_us = look->source->last_look_us;
    known->is_refused = json_bool_or(json, "refused", false);
    known->is_taken = true;
    g_hash_table_insert(look->source->known, g_strdup(path), known);
    *ret_known = known;
    return true;
}

/* ---- resting
 * ---------------------------------------------------------------------------------------------------------- */

static void note_change(const Look *look, Known *known, const char *fingerprint, gint64 last_look_us)
{
    g_free(known->fingerprint);
    known->fingerprint = g_strdup(fingerprint);
    known->seen_us = look->look_us;
    known->received_us = source_received_us(last_look_us, look->look_us);
    known->is_first_look = last_look_us == 0;
    known->changed_mono_us = look->mono_us;
    known->is_taken = known->is_refused = false;
}

/* The fingerprint now. Folders that were taken are walked less often. */
static char *fingerprint_now(const Look *look, const Candidate *candidate, Known *known)
{
    if (candidate->fingerprint)
        return g_strdup(candidate->fingerprint);
    if (known && known->is_taken && known->walked_mono_us > 0 &&
        look->mono_us - known->walked_mono_us < walk_taken_every_us)
        return NULL;
    if (known)
        known->walked_mono_us = look->mono_us;
    return folder_fingerprint(look->root_fd, candidate->path, NULL);
}

static const Assignment *find_assignment(const Look *look, const Candidate *candidate)
{
    return candidate->assignment ? course_assignment(look->context->course, candidate->assignment) : NULL;
}

static const char *find_owner(const Look *look, const Assignment *assignment, const Candidate *candidate)
{
    const Course *course = look->context->course;
    if (!assignment || candidate->kind == CANDIDATE_OTHER)
        return NULL;
    const Team *team = assignment->owner_kind == OWNER_TEAM ? course_team(course, candidate->owner) : NULL;
    if (team)
        return team->id;
    const Person *person = course_find_person(course, candidate->owner);
    return person ? source_owner_of(assignment, person) : NULL;
}

/* What was refused is tried again when the course has changed: the roster may have been mended. */
static bool may_be_taken_now(const Look *look, const Candidate *candidate, const Known *known)
{
    if (!known->is_refused || look->source->course == look->context->course)
        return false;
    return candidate->kind == CANDIDATE_EXPORT || candidate->kind == CANDIDATE_ARCHIVE ||
           find_owner(look, find_assignment(look, candidate), candidate) != NULL;
}

/* Notes what is seen; *ret_known set and *ret_is_ready if it is to be taken now. */
static bool compare(const Look *look, const Candidate *candidate, Known **ret_known, bool *ret_is_ready, GError **error)
{
    *ret_is_ready = false;
    Known *known = NULL;
    if (!find_known(look, candidate->path, &known, error))
        return false;
    g_autofree char *fingerprint = fingerprint_now(look, candidate, known);
    if (!known) {
        known = g_new0(Known, 1);
        known->walked_mono_us = look->mono_us;
        g_hash_table_insert(look->source->known, g_strdup(candidate->path), known);
        note_change(look, known, fingerprint ? fingerprint : "", look->source->last_look_us);
    } else if (fingerprint && strcmp(fingerprint, known->fingerprint) != 0) {
        note_change(look, known, fingerprint, known->looked_us);
    } else if (!known->is_taken) {
        gint64 rest_us = look->context->rest_us > 0 ? look->context->rest_us : default_rest_us;
        *ret_is_ready = look->mono_us - known->changed_mono_us >= rest_us;
    } else {
        *ret_is_ready = may_be_taken_now(look, candidate, known);
    }
    known->look = look->source->n_looks;
    if (fingerprint)
        known->looked_us = look->look_us;
    *ret_known = known;
    return true;
}

/* ---- taking
 * ------------------------------------------------------------------------------------------------------------ */

static bool error_is_theirs(const GError *error)
{
    return error->domain == RUBRIC_ERROR &&
           (error->code == RUBRIC_ERROR_INVALID || error->code == RUBRIC_ERROR_NOT_FOUND ||
            error->code == RUBRIC_ERROR_LIMIT || error->code == RUBRIC_ERROR_DENIED);
}

static char *refusal(const Candidate *candidate, const Assignment *assignment)
{
    if (candidate->kind == CANDIDATE_OTHER)
        return g_strdup(
            "it is no archive of a kind that is taken (.zip, .tar, .tar.gz, .tgz, .tar.zst, .7z), nor a folder");
    if (!candidate->assignment)
        return g_strdup("it lies beside the assignments' folders and is no Gradescope export: put it into the folder "
                        "of its assignment");
    if (!assignment)
        return g_strdup_printf("course.yaml has no assignment \"%s\", which is the name of its folder",
                               candidate->assignment);
    return g_strdup_printf(
        "\"%s\" is no %s of this course: rename it, or mend roster.csv; it is graded at the next look then",
        candidate->owner, owner_kind_name(assignment->owner_kind));
}

/* Copies or packs the content into a blob. *ret_at_rest false: it changed meanwhile, so it waits for the next look. */
static bool store_content(const Look *look, const Candidate *candidate, const Known *known, int fd,
                          Submission *submission, bool *ret_at_rest, GError **error)
{
    const char *state_folder = look->context->state_folder;
    g_autofree char *after = NULL;
    if (candidate->kind == CANDIDATE_FOLDER) {
        g_autofree char *temporary = NULL;
        file_autofd int blob = blob_temporary(state_folder, &temporary, error);
        UnpackLimits limits = unpack_limits_most();
        bool kept =
            blob >= 0 && pack_folder(fd, blob, &limits, error) &&
            blob_keep(state_folder, blob, temporary, &submission->content_path, &submission->content_digest, error);
        if (!kept && temporary)
            unlink(temporary);
        if (!kept)
            return false;
        after = folder_fingerprint(look->root_fd, candidate->path, NULL);
    } else {
        if (!source_store_blob(look->context, fd, &submission->content_path, &submission->content_digest, error))
            return false;
        after = file_fingerprint(fd);
    }
    submission->content_kind = g_strdup("archive");
    submission->revision = g_strdup(submission->content_digest);
    *ret_at_rest = g_strcmp0(after, known->fingerprint) == 0;
    return true;
}

static int open_candidate(const Look *look, const Candidate *candidate)
{
    bool is_folder = candidate->kind == CANDIDATE_FOLDER || candidate->kind == CANDIDATE_EXPORT;
    return file_open_beneath(look->root_fd, candidate->path, O_RDONLY | (is_folder ? O_DIRECTORY : 0), 0);
}

/* *ret_ready NULL without an error: it is not to be taken at this look after all. */
static bool prepare(const Look *look, const Candidate *candidate, Known *known, int fd, Ready **ret_ready,
                    GError **error)
{
    *ret_ready = NULL;
    const Assignment *assignment = find_assignment(look, candidate);
    const char *owner = find_owner(look, assignment, candidate);
    g_autoptr(Submission) submission = source_submission_new(&look->source->base, assignment, owner, candidate->path,
                                                             known->received_us, known->seen_us);
    submission->location = g_build_filename(look->source->path, candidate->path, NULL);
    bool is_at_rest = true;
    g_autoptr(GError) content_error = NULL;
    if (!store_content(look, candidate, known, fd, submission, &is_at_rest, &content_error) &&
        !error_is_theirs(content_error)) {
        g_propagate_error(error, g_steal_pointer(&content_error));
        return false;
    }
    if (!content_error && !is_at_rest)
        return true; /* the next look sees the change */
    Ready *ready = g_new0(Ready, 1);
    ready->candidate = candidate;
    ready->known = known;
    if (content_error) {
        submission->revision = g_strdup(known->fingerprint);
        ready->why = g_strdup(content_error->message);
    } else if (!owner) {
        ready->why = refusal(candidate, assignment);
    }
    ready->submission = g_steal_pointer(&submission);
    *ret_ready = ready;
    return true;
}

static bool write_ready(const Look *look, const Ready *ready, bool *ret_is_new, GError **error)
{
    Known *known = ready->known;
    known->is_refused = ready->why != NULL;
    bool written = false;
    if (ready->why) {
        written = source_refuse(look->context, ready->submission, ready->why, ret_is_new, error);
    } else {
        gint64 id = 0;
        written = source_offer(look->context, ready->submission, ret_is_new, &id, error);
        const Assignment *assignment = find_assignment(look, ready->candidate);
        if (written && *ret_is_new && known->is_first_look)
            written = source_flag_first_look(look->context, assignment, ready->submission, id, error);
    }
    return written && save_known(look, ready->candidate->path, known, error);
}

static bool write_batch(const Look *look, GPtrArray *batch, GError **error)
{
    Store *store = look->context->store;
    if (batch->len == 0)
        return true;
    if (!store_begin(store, error))
        return false;
    bool done = true;
    guint n_new = 0;
    for (guint i = 0; done && i < batch->len; i++) {
        bool is_new = false;
        done = write_ready(look, g_ptr_array_index(batch, i), &is_new, error);
        n_new += is_new;
    }
    if (!store_end(store, done, error))
        return false;
    for (guint i = 0; i < batch->len; i++)
        ((Ready *)g_ptr_array_index(batch, i))->known->is_taken = true;
    *look->n_new += n_new;
    g_ptr_array_set_size(batch, 0);
    return true;
}

/* An export is taken as a whole. One that cannot be read is kept as a refused submission, so that a TA hears of it. */
static bool take_export(const Look *look, const Candidate *candidate, Known *known, int fd, GError **error)
{
    ExportTake take = {
        .source = &look->source->base,
        .context = look->context,
        .assignment = find_assignment(look, candidate),
        .seen_us = known->seen_us,
    };
    g_autofree char *name = g_path_get_basename(candidate->path);
    g_autofree char *location = g_build_filename(look->source->path, candidate->path, NULL);
    take.name = name;
    take.location = location;
    g_autoptr(GError) export_error = NULL;
    bool taken = candidate->kind == CANDIDATE_EXPORT ? export_take_folder(&take, fd, NULL, look->n_new, &export_error)
                                                     : export_take_zip(&take, fd, look->n_new, &export_error);
    if (!taken && !error_is_theirs(export_error)) {
        g_propagate_error(error, g_steal_pointer(&export_error));
        return false;
    }
    if (!taken) {
        bool is_new = false;
        g_autoptr(Submission) submission = source_submission_new(&look->source->base, take.assignment, NULL,
                                                                 candidate->path, known->received_us, known->seen_us);
        submission->revision = g_strdup(known->fingerprint);
        submission->location = g_strdup(location);
        if (!source_refuse(look->context, submission, export_error->message, &is_new, error))
            return false;
    }
    known->is_taken = known->is_refused = true; /* a mended roster may match more of it */
    return save_known(look, candidate->path, known, error);
}

static bool is_export(const Look *look, const Candidate *candidate, int fd)
{
    if (candidate->kind == CANDIDATE_EXPORT)
        return true;
    if (candidate->kind != CANDIDATE_ARCHIVE || !g_str_has_suffix(candidate->path, ".zip"))
        return false;
    /* An owner's own zip is theirs, whatever they put into it. */
    return !find_owner(look, find_assignment(look, candidate), candidate) && export_zip_is_one(fd) &&
           lseek(fd, 0, SEEK_SET) == 0;
}

/* We may not read it: somebody has to mend that; it is tried again at every look. */
static bool refuse_unreadable(const Look *look, const Candidate *candidate, const Known *known, GError **error)
{
    bool is_new = false;
    g_autoptr(Submission) submission = source_submission_new(&look->source->base, find_assignment(look, candidate),
                                                             NULL, candidate->path, known->received_us, known->seen_us);
    submission->revision = g_strdup_printf("unreadable:%s", known->fingerprint);
    submission->location = g_build_filename(look->source->path, candidate->path, NULL);
    return source_refuse(look->context, submission,
                         "the daemon may not read it: mend its permissions; it is graded at the next look then",
                         &is_new, error);
}

static bool take(const Look *look, const Candidate *candidate, Known *known, GPtrArray *batch, GError **error)
{
    file_autofd int fd = open_candidate(look, candidate);
    if (fd < 0 && errno == EACCES)
        return refuse_unreadable(look, candidate, known, error);
    if (fd < 0)
        return true; /* gone, or replaced by a link: the next look sees what it is */
    if (is_export(look, candidate, fd))
        return take_export(look, candidate, known, fd, error);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return true;
    Ready *ready = NULL;
    if (!prepare(look, candidate, known, fd, &ready, error))
        return false;
    if (ready)
        g_ptr_array_add(batch, ready);
    return batch->len < batch_size || write_batch(look, batch, error);
}

/* ---- the look
 * ---------------------------------------------------------------------------------------------------------- */

/* What vanished is forgotten; if it comes back, its cursor knows it. */
static void forget_gone(FolderSource *source)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->known);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (((const Known *)value)->look != source->n_looks)
            g_hash_table_iter_remove(&iter);
    }
}

static bool look_at_all(const Look *look, GError **error)
{
    g_autoptr(GPtrArray) candidates = folder_scan(look->root_fd, error);
    if (!candidates)
        return false;
    g_autoptr(GPtrArray) batch = g_ptr_array_new_with_free_func(ready_free);
    look->source->base.n_pending = 0;
    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = g_ptr_array_index(candidates, i);
        Known *known = NULL;
        bool is_ready;
        if (!compare(look, candidate, &known, &is_ready, error))
            return false;
        if (is_ready && !take(look, candidate, known, batch, error))
            return false;
        look->source->base.n_pending += !is_ready && !known->is_taken;
    }
    return write_batch(look, batch, error);
}

static bool folder_poll(Source *base, SourceContext *context, guint *ret_n_new, GError **error)
{
    FolderSource *source = (FolderSource *)base;
    file_autofd int root_fd = open(source->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return error_set_errno(error, errno, "cannot open the watched folder \"%s\"", source->path);
    *ret_n_new = 0;
    Look look = {
        .source = source,
        .context = context,
        .root_fd = root_fd,
        .look_us = clock_now_us(),
        .mono_us = clock_monotonic_us(),
        .n_new = ret_n_new,
    };
    if (!source->is_loaded && !load_look(&look, error))
        return false;
    source->n_looks++;
    if (!look_at_all(&look, error))
        return false;
    forget_gone(source);
    source->course = context->course;
    bool is_due =
        source->saved_mono_us == 0 || look.mono_us - source->saved_mono_us >= save_look_every_us || *ret_n_new > 0;
    if (is_due && !save_look(&look, error))
        return false;
    source->last_look_us = look.look_us;
    return true;
}

static void folder_free(Source *base)
{
    FolderSource *source = (FolderSource *)base;
    g_hash_table_unref(source->known);
    g_free(source->path);
    g_free(source);
}

Source *source_folder_new(const char *name, const char *path, gint64 interval_us)
{
    static const SourceClass class = {.kind = "folder", .poll = folder_poll, .free = folder_free};
    FolderSource *source = g_new0(FolderSource, 1);
    source->base = (Source){.class = &class, .name = g_strdup(name), .interval_us = interval_us};
    source->path = g_strdup(path);
    source->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
    return &source->base;
}
