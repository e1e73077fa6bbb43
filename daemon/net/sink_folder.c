/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Result files in a folder: <path>/<assignment>/<owner>/<submission id>/{result.json,results.json,result.md}. Each
 * appears whole or not at all; writing them again changes nothing. Without a path they go beside a submission that came
 * from a folder.
 */
#include "daemon/net/net.h"

#include <string.h>

typedef struct {
    Sink base;
    char *path; /* NULL: beside the submission */
} FolderSink;

/* Ids come from the course's files, but a name that climbs out of the folder is refused whatever wrote it. */
static bool name_is_plain(const char *name)
{
    return name && *name && name[0] != '.' && !strchr(name, '/');
}

static char *result_folder(const FolderSink *sink, const Submission *submission, GError **error)
{
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, submission->id);
    if (!name_is_plain(submission->assignment) || !name_is_plain(submission->owner)) {
        error_set(error, RUBRIC_ERROR_INVALID, "submission %s has no assignment and owner to name a folder by", id);
        return NULL;
    }
    if (sink->path)
        return g_build_filename(sink->path, submission->assignment, submission->owner, id, NULL);
    if (!submission->location || !g_path_is_absolute(submission->location)) {
        error_set(error, RUBRIC_ERROR_INVALID,
                  "submission %s did not come from a folder, so there is no place beside it; give the sink a `path`",
                  id);
        return NULL;
    }
    g_autofree char *beside = g_path_get_dirname(submission->location);
    g_autofree char *name = g_strdup_printf(".%s.result", submission->owner);
    return g_build_filename(beside, name, id, NULL);
}

static bool write_document(const char *folder, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return file_write_atomic(path, text, strlen(text), 0644, error);
}

static PostOutcome folder_post(Sink *base, const Effect *effect, gint64 *ret_retry_at_us, char **ret_external_id,
                               GError **error)
{
    FolderSink *sink = (FolderSink *)base;
    g_autofree char *folder = result_folder(sink, effect->submission, error);
    if (!folder)
        return POST_GIVE_UP;
    bool done = file_make_folder(folder, 0755, error) && write_document(folder, "result.json", effect->json, error) &&
                write_document(folder, "results.json", effect->gradescope, error) &&
                write_document(folder, "result.md", effect->markdown, error);
    if (done) {
        *ret_external_id = g_steal_pointer(&folder);
        return POST_DONE;
    }
    /* A full disk or a missing mount is mended by people, so it is never given up. */
    const gint64 first_wait_us = CLOCK_SECOND_US, longest_wait_us = CLOCK_HOUR_US;
    *ret_retry_at_us = clock_now_us() + backoff_us(effect->tries, first_wait_us, longest_wait_us);
    return POST_RETRY;
}

static void folder_free(Sink *base)
{
    FolderSink *sink = (FolderSink *)base;
    g_free(sink->path);
    g_free(sink);
}

Sink *sink_folder_new(const char *name, const char *path)
{
    static const SinkClass class = {.kind = "folder", .post = folder_post, .free = folder_free};
    FolderSink *sink = g_new0(FolderSink, 1);
    sink->base = (Sink){.class = &class, .name = g_strdup(name)};
    sink->path = g_strdup(path);
    return &sink->base;
}
