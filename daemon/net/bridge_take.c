/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body of the bridge becomes a submission, in one transaction with what finds it again: cursor rows of the source
 * "gradescope", keyed "bridge:<external id>" (what an answer needs later) and "request:<assignment>:<key>" (which
 * submission an earlier request was about).
 */
#include "daemon/net/bridge_body.h"
#include "daemon/net/gradescope_identity.h"
#include "daemon/net/source.h"

#include <string.h>

static const gint64 clock_skew_us = 5 * 60 * CLOCK_SECOND_US; /* between Gradescope's clock and ours */

static const SourceClass bridge_class = {.kind = "gradescope"};

void bridge_taken_clear(BridgeTaken *taken)
{
    g_clear_pointer(&taken->number, g_free);
}

/* ---- finding it again
 * -------------------------------------------------------------------------------------------------- */

/* A row that names what a submission of this number is called in the books. */
static Submission *identify(const Assignment *assignment, const char *number)
{
    Submission *submission = g_new0(Submission, 1);
    gradescope_identify(submission, assignment, number);
    return submission;
}

bool bridge_find(Store *store, const Assignment *assignment, const char *number, BridgeTaken *ret, GError **error)
{
    g_autoptr(Submission) named = identify(assignment, number);
    g_autoptr(Submission) known = NULL;
    *ret = (BridgeTaken){0};
    if (!gradescope_find(store, named, &known, error))
        return false;
    if (known)
        *ret = (BridgeTaken){.id = known->id, .number = g_strdup(number)};
    return true;
}

static char *request_cursor(const Assignment *assignment, const char *request_key)
{
    return g_strdup_printf("request:%s:%s", assignment->id, request_key);
}

bool bridge_find_request(Store *store, const Assignment *assignment, const char *request_key, BridgeTaken *ret,
                         GError **error)
{
    g_autofree char *cursor = request_cursor(assignment, request_key);
    g_autofree char *text = NULL;
    *ret = (BridgeTaken){0};
    if (!store_cursor_get(store, "gradescope", cursor, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    const char *number = NULL;
    if (!json)
        return text == NULL;
    return json_get_string(json, "number", &number, error) && bridge_find(store, assignment, number, ret, error);
}

static bool note_request(Store *store, const Assignment *assignment, const BridgeMetadata *metadata,
                         const char *request_key, const Submission *submission, GError **error)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "number", metadata->id);
    json_add_int64(json, "previous_milli", metadata->previous_milli);
    g_autofree char *text = json_print(json);
    g_autofree char *about = g_strconcat("bridge:", submission->external_id, NULL);
    g_autofree char *cursor = request_key ? request_cursor(assignment, request_key) : NULL;
    return store_cursor_set(store, "gradescope", about, text, error) &&
           (!cursor || store_cursor_set(store, "gradescope", cursor, text, error));
}

/* ---- a new one
 * --------------------------------------------------------------------------------------------------------- */

static bool check_assignment(const Assignment *assignment, const BridgeMetadata *metadata, GError **error)
{
    if (!assignment->gradescope_id || !metadata->assignment_id ||
        strcmp(assignment->gradescope_id, metadata->assignment_id) == 0)
        return true;
    return error_set(error, RUBRIC_ERROR_INVALID,
                     "this is a submission of Gradescope's assignment %s, but course.yaml says that \"%s\" is their "
                     "assignment %s: is the autograder of another assignment uploaded there?",
                     metadata->assignment_id, assignment->id, assignment->gradescope_id);
}

static Submission *new_submission(const Assignment *assignment, const BridgeMetadata *metadata, const char *owner,
                                  gint64 now_us)
{
    const Source source = {.class = &bridge_class, .name = (char *)"gradescope"};
    bool is_sane = metadata->created_us != G_MININT64 && metadata->created_us <= now_us + clock_skew_us;
    Submission *submission = source_submission_new(&source, assignment, owner, metadata->id,
                                                   is_sane ? metadata->created_us : now_us, now_us);
    gradescope_identify(submission, assignment, metadata->id);
    submission->content_kind = g_strdup("archive");
    if (metadata->course_id && metadata->assignment_id)
        submission->location = g_strdup_printf("https://www.gradescope.com/courses/%s/assignments/%s/submissions/%s",
                                               metadata->course_id, metadata->assignment_id, metadata->id);
    return submission;
}

/* The receipt decides lateness, so a time that cannot be is a person's to look at. */
static bool flag_time(SourceContext *context, const BridgeMetadata *metadata, const Submission *submission,
                      GError **error)
{
    if (metadata->created_us == G_MININT64)
        return source_flag(context, submission->id, "late",
                           "Gradescope did not say when it was handed in, so it counts as received when it came to us",
                           NULL, error);
    if (metadata->created_us <= submission->seen_us + clock_skew_us)
        return true;
    g_autofree char *told = clock_format_utc(metadata->created_us);
    g_autofree char *message = g_strdup_printf("Gradescope says that it was handed in at %s, which was still to come "
                                               "when it came to us; it counts as received then",
                                               told);
    return source_flag(context, submission->id, "late", message, NULL, error);
}

static bool write_new(SourceContext *context, const BridgeMetadata *metadata, const Ownership *ownership,
                      Submission *submission, bool *ret_is_new, GError **error)
{
    if (!ownership->owner)
        return source_refuse(context, submission, ownership->why, ret_is_new, error) &&
               (!*ret_is_new || flag_time(context, metadata, submission, error));
    gint64 id = 0;
    return source_offer(context, submission, ret_is_new, &id, error) &&
           gradescope_settle(context->store, submission, error) &&
           (!*ret_is_new || flag_time(context, metadata, submission, error)) &&
           (!*ret_is_new || !ownership->why ||
            source_flag(context, id, "owner", ownership->why, submission->location, error));
}

static bool in_transaction(SourceContext *context, const Assignment *assignment, const BridgeMetadata *metadata,
                           const char *request_key, Submission *submission, const Ownership *ownership,
                           bool *ret_is_new, GError **error)
{
    if (!store_begin(context->store, error))
        return false;
    bool done = write_new(context, metadata, ownership, submission, ret_is_new, error) &&
                note_request(context->store, assignment, metadata, request_key, submission, error);
    return store_end(context->store, done, error);
}

/* The archive becomes a blob, whose name the body then no longer owns. */
static bool keep_archive(SourceContext *context, BridgeBody *body, Submission *submission, GError **error)
{
    if (!blob_place(context->state_folder, body->fd, body->path, g_checksum_get_string(body->checksum),
                    &submission->content_path, &submission->content_digest, error))
        return false;
    g_clear_pointer(&body->path, g_free);
    return true;
}

bool bridge_take(SourceContext *context, const Assignment *assignment, BridgeBody *body, const char *request_key,
                 BridgeTaken *ret, GError **error)
{
    g_assert(body->is_safe && body->path);
    g_autoptr(BridgeMetadata) metadata = bridge_metadata_parse(body->head->str, body->head->len, error);
    g_autoptr(Submission) known = NULL;
    if (!metadata || !check_assignment(assignment, metadata, error))
        return false;
    g_auto(Ownership) ownership = source_ownership(context->course, assignment, metadata->submitters);
    g_autoptr(Submission) submission = new_submission(assignment, metadata, ownership.owner, clock_now_us());
    if (!gradescope_find(context->store, submission, &known, error))
        return false;
    bool is_settled = known && (known->state != SUBMISSION_REFUSED || !ownership.owner);
    bool is_new = false;
    if (is_settled)
        submission->id = known->id;
    else if (!keep_archive(context, body, submission, error) ||
             !in_transaction(context, assignment, metadata, request_key, submission, &ownership, &is_new, error))
        return false;
    *ret = (BridgeTaken){.id = submission->id, .number = g_strdup(metadata->id), .is_new = is_new};
    return true;
}

/* ---- answering
 * ---------------------------------------------------------------------------------------------------------- */

static gint64 previous_milli(Store *store, const Assignment *assignment, const char *number)
{
    g_autoptr(Submission) named = identify(assignment, number);
    g_autofree char *about = g_strconcat("bridge:", named->external_id, NULL);
    g_autofree char *text = NULL;
    if (!store_cursor_get(store, "gradescope", about, &text, NULL) || !text)
        return -1;
    g_autoptr(cJSON) json = json_parse(text, strlen(text), NULL);
    return json_int64_or(json, "previous_milli", -1);
}

/* A test that only says something. */
static void add_word(cJSON *tests, const char *name, const char *output, const char *visibility)
{
    cJSON *test = cJSON_CreateObject();
    cJSON_AddItemToArray(tests, test);
    cJSON_AddNumberToObject(test, "score", 0);
    cJSON_AddNumberToObject(test, "max_score", 0);
    json_add_string(test, "name", name);
    json_add_string(test, "output", output);
    json_add_string(test, "output_format", "text");
    json_add_string(test, "visibility", visibility);
}

/* Gradescope adds up what the tests scored, and has no word for "none yet": without an earlier score the sum would be
 * shown as 0. While any test is hidden it shows the student no total at all. */
char *bridge_interim(Store *store, const Assignment *assignment, const BridgeTaken *taken, const char *state,
                     const char *title, const char *message)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    gint64 earlier_milli = taken->number ? previous_milli(store, assignment, taken->number) : -1;
    if (earlier_milli >= 0) {
        g_autofree char *points = points_format(earlier_milli);
        cJSON_AddRawToObject(json, "score", points);
    }
    g_autofree char *output = g_strconcat(
        message, earlier_milli >= 0 ? "\nThe score shown is that of your submission before this one.\n" : "\n", NULL);
    json_add_string(json, "output", output);
    json_add_string(json, "output_format", "text");
    json_add_string(json, "visibility", "visible");
    json_add_string(json, "stdout_visibility", "hidden");
    cJSON *tests = json_add(json, "tests", cJSON_CreateArray());
    add_word(tests, title, message, "visible");
    if (earlier_milli < 0)
        add_word(tests, "No score yet", "This hides the total, which would read as 0, from the student.", "hidden");
    cJSON *extra = json_add(json, "extra_data", cJSON_CreateObject());
    json_add_string(extra, "state", state);
    json_add_bool(extra, "is_final", false);
    if (taken->id > 0)
        json_add_int64(extra, "submission", taken->id);
    return json_print_pretty(json);
}

/* ---- what was shown
 * ----------------------------------------------------------------------------------------------------- */

static char *shown_key(gint64 submission_id)
{
    return g_strdup_printf("shown:%" G_GINT64_FORMAT, submission_id);
}

static char *shown_note(const char *results)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    g_autofree char *digest = file_sha256_bytes(results, strlen(results));
    json_add_string(json, "results_sha256", digest);
    return json_print(json);
}

bool bridge_is_shown(Store *store, gint64 submission_id, const char *results, bool *ret_is, GError **error)
{
    g_autofree char *key = shown_key(submission_id);
    g_autofree char *note = shown_note(results);
    g_autofree char *kept = NULL;
    if (!store_cursor_get(store, "gradescope", key, &kept, error))
        return false;
    *ret_is = g_strcmp0(kept, note) == 0;
    return true;
}

bool bridge_note_shown(Store *store, gint64 submission_id, const char *results, GError **error)
{
    bool is_shown = false;
    if (!bridge_is_shown(store, submission_id, results, &is_shown, error))
        return false;
    if (is_shown)
        return true;
    g_autofree char *key = shown_key(submission_id);
    g_autofree char *note = shown_note(results);
    return store_cursor_set(store, "gradescope", key, note, error);
}
