/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/source.h"

#include "daemon/net/git_child.h"

bool source_poll(Source *source, SourceContext *context, guint *ret_n_new, GError **error)
{
    if (source->class->poll(source, context, ret_n_new, error))
        return true;
    g_prefix_error(error, "source \"%s\": ", source->name);
    return false;
}

void source_free(Source *source)
{
    if (!source)
        return;
    char *name = source->name;
    source->class->free(source);
    g_free(name);
}

bool source_sweep(const char *state_folder, GError **error)
{
    git_mirrors_clean(state_folder);
    return blob_sweep(state_folder, error);
}

gint64 source_received_us(gint64 last_look_us, gint64 seen_us)
{
    return last_look_us > 0 ? MIN(last_look_us, seen_us) : seen_us;
}

const char *source_owner_of(const Assignment *assignment, const Person *person)
{
    return assignment->owner_kind == OWNER_TEAM ? person->team : person->id;
}

Submission *source_submission_new(const Source *source, const Assignment *assignment, const char *owner,
                                  const char *external_id, gint64 received_us, gint64 seen_us)
{
    Submission *submission = g_new0(Submission, 1);
    submission->assignment = g_strdup(assignment ? assignment->id : "");
    submission->owner_kind = g_strdup(owner_kind_name(assignment ? assignment->owner_kind : OWNER_PERSON));
    submission->owner = g_strdup(owner ? owner : "");
    submission->source = g_strdup(source->name);
    submission->external_id = g_strdup(external_id);
    submission->received_us = MIN(received_us, seen_us);
    submission->seen_us = seen_us;
    return submission;
}

bool source_flag(SourceContext *context, gint64 submission_id, const char *kind, const char *message,
                 const char *evidence, GError **error)
{
    FlagRow flag = {
        .submission_id = submission_id,
        .kind = (char *)kind,
        .message = (char *)message,
        .evidence = (char *)evidence,
        .state = (char *)"open",
        .raised_us = clock_now_us(),
    };
    return store_flag_raise(context->store, &flag, NULL, error);
}

bool source_flag_first_look(SourceContext *context, const Assignment *assignment, const Submission *submission,
                            gint64 id, GError **error)
{
    if (submission->seen_us <= assignment->deadline_us)
        return true;
    g_autofree char *deadline = clock_format_local(assignment->deadline_us, context->course->zone);
    g_autofree char *message = g_strdup_printf(
        "it was there already when this place was looked at for the first time, after the deadline (%s), so when it "
        "was truly "
        "received is unknown; it counts as received when it was seen: ask the student, and extend if need be",
        deadline);
    return source_flag(context, id, "late", message, NULL, error);
}

/* Without a rubric there is nothing to grade by: the submission is safe, and somebody is told. */
static bool queue_job(SourceContext *context, const Assignment *assignment, const Submission *submission, gint64 id,
                      GError **error)
{
    if (course_rubric(context->course, assignment, submission->received_us))
        return store_job_enqueue(context->store, id, assignment->deadline_us, "new", NULL, NULL, error);
    g_autofree char *message =
        g_strdup_printf("the assignment \"%s\" had no rubric when this was received: write one, then run `rubric "
                        "regrade -a %s --apply`",
                        assignment->id, assignment->id);
    return source_flag(context, id, "rubric", message, NULL, error);
}

static bool write_rows(SourceContext *context, Submission *submission, const Assignment *assignment, bool *ret_is_new,
                       gint64 *ret_id, GError **error)
{
    if (!store_submission_insert(context->store, submission, ret_id, ret_is_new, error))
        return false;
    submission->id = *ret_id;
    if (!*ret_is_new)
        return true;
    return account_note_submitted(context->store, submission, error) &&
           store_submission_move(context->store, *ret_id, SUBMISSION_FETCHED, NULL, error) &&
           queue_job(context, assignment, submission, *ret_id, error);
}

bool source_offer(SourceContext *context, Submission *submission, bool *ret_is_new, gint64 *ret_id, GError **error)
{
    const Assignment *assignment = course_assignment(context->course, submission->assignment);
    if (!assignment)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no assignment \"%s\"", submission->assignment);
    submission->state = SUBMISSION_RECEIVED;
    bool is_own;
    if (!store_scope_begin(context->store, &is_own, error))
        return false;
    bool done = write_rows(context, submission, assignment, ret_is_new, ret_id, error);
    return store_scope_end(context->store, is_own, done, error);
}

bool source_refuse(SourceContext *context, Submission *submission, const char *why, bool *ret_is_new, GError **error)
{
    gint64 id = 0;
    g_autofree char *revision = g_steal_pointer(&submission->revision);
    /* Another revision than the same content has once it can be graded, so that it is taken then. */
    submission->revision = g_strconcat(SOURCE_REFUSED, revision, NULL);
    submission->state = SUBMISSION_RECEIVED;
    if (!store_submission_insert(context->store, submission, &id, ret_is_new, error))
        return false;
    submission->id = id;
    if (!*ret_is_new)
        return true;
    return store_submission_move(context->store, id, SUBMISSION_REFUSED, why, error) &&
           source_flag(context, id, "owner", why, submission->location, error);
}
