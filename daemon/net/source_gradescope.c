/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source gradescope: has exports made by the web session and takes them as the folder source takes one that a
 * person dropped. Experimental. A poll is one step, so that other sources wait for one request at the most:
 *
 *   make an export of the next assignment -> ask till it is ready -> fetch it, take it -> the next one
 *
 * After the last assignment it rests. A file that is not whole, or of a shape that is not known, is not taken at all.
 */
#include <string.h>
#include <unistd.h>

#include "daemon/net/source.h"

static const gint64 step_us = CLOCK_SECOND_US / 10, ask_again_us = 5 * CLOCK_SECOND_US;
static const gint64 longest_making_us = 1800 * CLOCK_SECOND_US;
static const gint64 lag_us = 15 * CLOCK_SECOND_US; /* a file that is ready may lag behind what is said of it */
static const guint max_fetches = 8, max_bad_rounds = 3;
static const gint64 max_export_bytes = G_GINT64_CONSTANT(16) << 30;
static const gint64 after_trouble_us = CLOCK_HOUR_US;
static const gint64 open_after_us = 30 * CLOCK_DAY_US; /* how long after its deadline an assignment is looked at */

typedef struct {
    Source base;
    const GradescopeConfig *config;
    GradescopeSession *session;
    gint64 usual_us;
    guint next;       /* of the course's assignments */
    char *assignment; /* ours, being exported; NULL: none */
    char *number;     /* Gradescope's number of it */
    gint64 file;      /* 0: not made yet */
    gint64 made_mono_us;
    guint n_fetches;
    guint n_failed;     /* of this round's exports */
    guint n_bad_rounds; /* in a row, with a failure each */
    GError *stopped;    /* what people must mend; nothing is asked until then. NULL: nothing */
    gint64 stopped_until_mono_us;
} GradescopeSource;

static void forget_export(GradescopeSource *source)
{
    g_clear_pointer(&source->assignment, g_free);
    g_clear_pointer(&source->number, g_free);
    source->file = 0;
    source->n_fetches = 0;
}

/* ---- the steps
 * -------------------------------------------------------------------------------------------------------- */

static bool is_looked_at(const Assignment *assignment, gint64 now_us)
{
    return assignment->gradescope_id && assignment->deadline_us > now_us - open_after_us;
}

/* Chooses what comes next; false: the round is over. */
static bool choose_next(GradescopeSource *source, const SourceContext *context)
{
    const GPtrArray *assignments = context->course->assignments;
    while (source->next < assignments->len) {
        const Assignment *assignment = g_ptr_array_index(assignments, source->next++);
        if (!is_looked_at(assignment, clock_now_us()))
            continue;
        source->assignment = g_strdup(assignment->id);
        source->number = g_strdup(assignment->gradescope_id);
        return true;
    }
    source->next = 0;
    return false;
}

static bool make_export(GradescopeSource *source, GError **error)
{
    source->made_mono_us = clock_monotonic_us();
    return gradescope_session_export(source->session, source->number, &source->file, error);
}

static bool take_file(GradescopeSource *source, SourceContext *context, int fd, guint *ret_n_new, GError **error)
{
    g_autofree char *name = g_strdup_printf("assignment_%s_export", source->number);
    g_autofree char *location = g_strdup_printf("%s/courses/%s/assignments/%s", source->config->url,
                                                context->course->gradescope_course, source->number);
    const ExportTake take = {
        .source = &source->base,
        .context = context,
        .assignment = course_assignment(context->course, source->assignment),
        .is_asked = true,
        .name = name,
        .location = location,
        .seen_us = clock_now_us(),
    };
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_set_errno(error, errno, "cannot read the export again");
    if (!export_zip_is_one(fd))
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "what Gradescope gave as the export of %s is no export: it has no submission_metadata.yml",
                         source->assignment);
    return lseek(fd, 0, SEEK_SET) == 0 && export_take_zip(&take, fd, ret_n_new, error);
}

/* *ret_is_late: to be tried again. */
static bool fetch_export(GradescopeSource *source, SourceContext *context, const char *url, bool *ret_is_late,
                         guint *ret_n_new, GError **error)
{
    g_autofree char *temporary = NULL;
    file_autofd int fd = blob_temporary(context->state_folder, &temporary, error);
    if (fd < 0)
        return false;
    unlink(temporary);
    g_autoptr(GError) failure = NULL;
    if (gradescope_session_fetch(source->session, url, fd, max_export_bytes, &failure))
        return take_file(source, context, fd, ret_n_new, error);
    *ret_is_late = failure->code == RUBRIC_ERROR_TEMPORARY && ++source->n_fetches < max_fetches;
    if (!*ret_is_late)
        g_propagate_error(error, g_steal_pointer(&failure));
    return *ret_is_late;
}

static bool ask_for_export(GradescopeSource *source, SourceContext *context, guint *ret_n_new, GError **error)
{
    GradescopeFileState state = GRADESCOPE_FILE_WAITS;
    g_autofree char *url = NULL;
    bool is_late = false;
    source->base.interval_us = ask_again_us;
    if (!gradescope_session_export_state(source->session, source->file, &state, &url, error))
        return false;
    if (state == GRADESCOPE_FILE_FAILED)
        return error_set(error, RUBRIC_ERROR_TEMPORARY, "Gradescope failed to make the export of %s",
                         source->assignment);
    if (state == GRADESCOPE_FILE_WAITS)
        return clock_monotonic_us() < source->made_mono_us + longest_making_us ||
               error_set(error, RUBRIC_ERROR_TEMPORARY, "Gradescope has not made the export of %s within half an hour",
                         source->assignment);
    if (!fetch_export(source, context, url, &is_late, ret_n_new, error))
        return false;
    source->base.interval_us = is_late ? lag_us : step_us;
    if (is_late)
        return true;
    forget_export(source);
    return store_flag_close_own(context->store, "source", source->base.name, "an export came again", error);
}

/* ---- the source
 * ------------------------------------------------------------------------------------------------------- */

static bool make_ready(GradescopeSource *source, const SourceContext *context, GError **error)
{
    bool is_new = false;
    bool done = gradescope_session_open(&source->session, source->config, context->state_folder,
                                        context->course->gradescope_course, &is_new, error);
    if (is_new)
        forget_export(source);
    return done;
}

static bool step(GradescopeSource *source, SourceContext *context, guint *ret_n_new, GError **error)
{
    source->base.interval_us = step_us;
    if (source->file > 0)
        return ask_for_export(source, context, ret_n_new, error);
    if (choose_next(source, context))
        return make_export(source, error);
    source->n_bad_rounds = source->n_failed > 0 ? source->n_bad_rounds + 1 : 0;
    source->n_failed = 0;
    source->base.interval_us = source->usual_us;
    return true;
}

/* Whoever has to look at it: the account, or this program. What passes by itself is in `rubric status` and the log. */
static bool flag_trouble(const GradescopeSource *source, SourceContext *context, const GError *trouble, GError **error)
{
    if (trouble->domain != RUBRIC_ERROR || trouble->code == RUBRIC_ERROR_TEMPORARY ||
        trouble->code == RUBRIC_ERROR_SYSTEM)
        return true;
    g_autofree char *message =
        g_strdup_printf("the web session with Gradescope stopped, and is tried again in an hour; "
                        "hand-made exports and the bridge work as ever: %s",
                        trouble->message);
    FlagRow flag = {
        .item = source->base.name,
        .kind = (char *)"source",
        .message = message,
        .state = (char *)"open",
        .raised_us = clock_now_us(),
    };
    return store_flag_raise(context->store, &flag, NULL, error);
}

static bool gradescope_poll(Source *base, SourceContext *context, guint *ret_n_new, GError **error)
{
    GradescopeSource *source = (GradescopeSource *)base;
    g_autoptr(GError) trouble = NULL;
    *ret_n_new = 0;
    if (source->stopped && clock_monotonic_us() < source->stopped_until_mono_us) {
        g_propagate_error(error, g_error_copy(source->stopped));
        return false;
    }
    g_clear_error(&source->stopped);
    bool done = make_ready(source, context, &trouble) && step(source, context, ret_n_new, &trouble);
    if (!done) {
        /* The others may go; what people must mend stops all. */
        bool may_pass = g_error_matches(trouble, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY);
        base->interval_us = may_pass ? step_us : source->usual_us;
        source->n_failed++;
        forget_export(source);
        if (!may_pass) {
            source->next = 0;
            source->stopped = g_error_copy(trouble);
            source->stopped_until_mono_us = clock_monotonic_us() + after_trouble_us;
        }
        if (!flag_trouble(source, context, trouble, error))
            return false;
        g_propagate_error(error, g_steal_pointer(&trouble));
    }
    bool is_within = source->file > 0 || source->next > 0;
    bool is_hopeful = source->n_bad_rounds > 0 && source->n_bad_rounds < max_bad_rounds;
    base->n_pending = done && (is_within || is_hopeful);
    return done;
}

static void gradescope_free(Source *base)
{
    GradescopeSource *source = (GradescopeSource *)base;
    gradescope_session_free(source->session);
    forget_export(source);
    g_clear_error(&source->stopped);
    g_free(source);
}

Source *source_gradescope_new(const char *name, const GradescopeConfig *config, gint64 interval_us)
{
    static const SourceClass class = {.kind = "gradescope", .poll = gradescope_poll, .free = gradescope_free};
    GradescopeSource *source = g_new0(GradescopeSource, 1);
    source->base = (Source){.class = &class, .name = g_strdup(name), .interval_us = interval_us};
    source->config = config;
    source->usual_us = interval_us;
    return &source->base;
}
