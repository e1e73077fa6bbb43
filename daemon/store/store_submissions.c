/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/sqlite.h"

#include <string.h>

static const char *const state_names[] = {
    [SUBMISSION_RECEIVED] = "received", [SUBMISSION_FETCHED] = "fetched", [SUBMISSION_GRADED] = "graded",
    [SUBMISSION_DECIDED] = "decided",   [SUBMISSION_POSTED] = "posted",   [SUBMISSION_REPLACED] = "replaced",
    [SUBMISSION_REFUSED] = "refused",
};

#define TO(state) (1u << SUBMISSION_##state)
/* The table of legal transitions. A verdict may come again (regrade, review), so graded and decided follow themselves
 * and posted; what was replaced or refused can still be graded when a person asks for it. */
static const unsigned legal_targets[] = {
    [SUBMISSION_RECEIVED] = TO(FETCHED) | TO(REPLACED) | TO(REFUSED),
    [SUBMISSION_FETCHED] = TO(GRADED) | TO(DECIDED) | TO(REPLACED) | TO(REFUSED),
    [SUBMISSION_GRADED] = TO(GRADED) | TO(DECIDED) | TO(POSTED),
    [SUBMISSION_DECIDED] = TO(GRADED) | TO(DECIDED) | TO(POSTED),
    [SUBMISSION_POSTED] = TO(GRADED) | TO(DECIDED) | TO(POSTED),
    [SUBMISSION_REPLACED] = TO(FETCHED),
    [SUBMISSION_REFUSED] = TO(FETCHED),
};

const char *submission_state_name(SubmissionState state)
{
    return (gsize)state < G_N_ELEMENTS(state_names) ? state_names[state] : "unknown";
}

static SubmissionState state_from_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(state_names); i++) {
        if (strcmp(name, state_names[i]) == 0)
            return (SubmissionState)i;
    }
    g_assert_not_reached(); /* the table's CHECK lets in no other */
}

void submission_free(Submission *submission)
{
    if (!submission)
        return;
    g_free(submission->assignment);
    g_free(submission->owner_kind);
    g_free(submission->owner);
    g_free(submission->source);
    g_free(submission->external_id);
    g_free(submission->revision);
    g_free(submission->content_kind);
    g_free(submission->content_path);
    g_free(submission->content_digest);
    g_free(submission->git_refs);
    g_free(submission->location);
    g_free(submission->remark);
    g_free(submission);
}

static bool insert_row(Store *store, const Submission *submission, GError **error)
{
    gint64 now_us = clock_now_us();
    return sql_run(
        store, error,
        "INSERT INTO submission (assignment, owner_kind, owner, source, external_id, revision, received_us, seen_us,"
        " content_kind, content_path, content_digest, git_refs, location, remark, state, fetched_us)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        " ON CONFLICT (source, external_id, revision) DO NOTHING",
        SQL_TEXT(submission->assignment ? submission->assignment : ""),
        SQL_TEXT(submission->owner_kind ? submission->owner_kind : ""),
        SQL_TEXT(submission->owner ? submission->owner : ""), SQL_TEXT(submission->source),
        SQL_TEXT(submission->external_id), SQL_TEXT(submission->revision), SQL_INT(submission->received_us),
        SQL_INT(submission->seen_us ? submission->seen_us : now_us), SQL_TEXT(submission->content_kind),
        SQL_TEXT(submission->content_path), SQL_TEXT(submission->content_digest), SQL_TEXT(submission->git_refs),
        SQL_TEXT(submission->location), SQL_TEXT(submission->remark),
        SQL_TEXT(submission_state_name(submission->state)),
        SQL_INT(submission->state == SUBMISSION_FETCHED ? now_us : 0));
}

static bool insert_or_find(Store *store, const Submission *submission, gint64 *ret_id, bool *ret_is_new, GError **error)
{
    if (!insert_row(store, submission, error))
        return false;
    *ret_is_new = sql_n_changed(store) == 1;
    return sql_get_int(store, ret_id, error,
                       "SELECT id FROM submission WHERE source = ?1 AND external_id = ?2 AND revision = ?3",
                       SQL_TEXT(submission->source), SQL_TEXT(submission->external_id), SQL_TEXT(submission->revision));
}

bool store_submission_insert(Store *store, const Submission *submission, gint64 *ret_id, bool *ret_is_new,
                             GError **error)
{
    g_assert(submission->state == SUBMISSION_RECEIVED || submission->state == SUBMISSION_FETCHED ||
             submission->state == SUBMISSION_REFUSED);
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, insert_or_find(store, submission, ret_id, ret_is_new, error), error);
}

#define SUBMISSION_COLUMNS                                                                                             \
    "id, assignment, owner_kind, owner, source, external_id, revision, received_us, seen_us, content_kind, "           \
    "content_path,"                                                                                                    \
    " content_digest, git_refs, location, remark, state, fetched_us, graded_us, decided_us, posted_us"

static gpointer read_row(SqlRows *rows)
{
    g_autofree char *state = sql_text(rows, 15);
    Submission *submission = g_new0(Submission, 1);
    *submission = (Submission){
        .id = sql_int(rows, 0),
        .assignment = sql_text(rows, 1),
        .owner_kind = sql_text(rows, 2),
        .owner = sql_text(rows, 3),
        .source = sql_text(rows, 4),
        .external_id = sql_text(rows, 5),
        .revision = sql_text(rows, 6),
        .received_us = sql_int(rows, 7),
        .seen_us = sql_int(rows, 8),
        .content_kind = sql_text(rows, 9),
        .content_path = sql_text(rows, 10),
        .content_digest = sql_text(rows, 11),
        .git_refs = sql_text(rows, 12),
        .location = sql_text(rows, 13),
        .remark = sql_text(rows, 14),
        .state = state_from_name(state),
        .fetched_us = sql_int(rows, 16),
        .graded_us = sql_int(rows, 17),
        .decided_us = sql_int(rows, 18),
        .posted_us = sql_int(rows, 19),
    };
    return submission;
}

Submission *store_submission_get(Store *store, gint64 id, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT " SUBMISSION_COLUMNS " FROM submission WHERE id = ?1", SQL_INT(id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return NULL;
    if (!has_row) {
        error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no submission %" G_GINT64_FORMAT, id);
        return NULL;
    }
    return read_row(rows);
}

bool store_submission_find(Store *store, const char *source, const char *external_id, const char *revision,
                           Submission **ret, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error,
                                        "SELECT " SUBMISSION_COLUMNS
                                        " FROM submission WHERE source = ?1 AND external_id = ?2 AND revision = ?3",
                                        SQL_TEXT(source), SQL_TEXT(external_id), SQL_TEXT(revision));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret = has_row ? read_row(rows) : NULL;
    return true;
}

GPtrArray *store_submission_list(Store *store, const char *assignment, const char *owner, guint limit, GError **error)
{
    const SqlValue filters[] = {SQL_TEXT(assignment), SQL_TEXT(owner), SQL_INT(limit ? (gint64)limit : -1)};
    /* Two statements, so that the filtered one has its index. */
    const char *sql = assignment ? "SELECT " SUBMISSION_COLUMNS " FROM submission WHERE assignment = ?1"
                                   " AND (?2 IS NULL OR owner = ?2) ORDER BY received_us DESC, id DESC LIMIT ?3"
                                 : "SELECT " SUBMISSION_COLUMNS " FROM submission WHERE ?1 IS NULL"
                                   " AND (?2 IS NULL OR owner = ?2) ORDER BY received_us DESC, id DESC LIMIT ?3";
    g_autoptr(SqlRows) rows = sql_query_values(store, error, sql, filters, G_N_ELEMENTS(filters));
    return sql_collect(store, rows, read_row, (GDestroyNotify)submission_free, error);
}

GPtrArray *store_submission_list_revision(Store *store, const char *source, const char *prefix, const char *revision,
                                          GError **error)
{
    /* ';' follows ':', so the index bounds the search. */
    g_autoptr(SqlRows) rows =
        sql_query(store, error,
                  "SELECT " SUBMISSION_COLUMNS " FROM submission WHERE source = ?1 AND external_id"
                  " > ?2 || ':' AND external_id < ?2 || ';' AND revision = ?3 ORDER BY id",
                  SQL_TEXT(source), SQL_TEXT(prefix), SQL_TEXT(revision));
    return sql_collect(store, rows, read_row, (GDestroyNotify)submission_free, error);
}

static bool read_state(Store *store, gint64 id, SubmissionState *ret_state, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error, "SELECT state FROM submission WHERE id = ?1", SQL_INT(id));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    if (!has_row)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "there is no submission %" G_GINT64_FORMAT, id);
    g_autofree char *name = sql_text(rows, 0);
    *ret_state = state_from_name(name);
    return true;
}

static bool write_state(Store *store, gint64 id, SubmissionState to, const char *remark, GError **error)
{
    return sql_run(store, error,
                   "UPDATE submission SET state = ?2, remark = coalesce(?3, remark),"
                   " fetched_us = iif(?2 = 'fetched', ?4, fetched_us), graded_us = iif(?2 IN ('graded', 'decided'), "
                   "?4, graded_us),"
                   " decided_us = iif(?2 = 'decided', ?4, decided_us), posted_us = iif(?2 = 'posted', ?4, posted_us)"
                   " WHERE id = ?1",
                   SQL_INT(id), SQL_TEXT(submission_state_name(to)), SQL_TEXT(remark), SQL_INT(clock_now_us()));
}

static bool move_row(Store *store, gint64 id, SubmissionState to, const char *remark, GError **error)
{
    SubmissionState from = SUBMISSION_RECEIVED;
    if (!read_state(store, id, &from, error))
        return false;
    if (!(legal_targets[from] & 1u << to))
        return error_set(error, RUBRIC_ERROR_DENIED, "submission %" G_GINT64_FORMAT " is %s and cannot become %s", id,
                         submission_state_name(from), submission_state_name(to));
    return write_state(store, id, to, remark, error);
}

bool store_submission_move(Store *store, gint64 id, SubmissionState to, const char *remark, GError **error)
{
    bool is_own;
    if (!store_scope_begin(store, &is_own, error))
        return false;
    return store_scope_end(store, is_own, move_row(store, id, to, remark, error), error);
}
