/* SPDX-License-Identifier: Apache-2.0 */
/* The small tables: what sources remember, which rubric versions were used; and the counts over everything. */
#include "daemon/store/sqlite.h"

#include <string.h>

bool store_cursor_get(Store *store, const char *source, const char *key, char **ret_json, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error, "SELECT json FROM cursor WHERE source = ?1 AND key = ?2",
                                        SQL_TEXT(source), SQL_TEXT(key));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret_json = has_row ? sql_text(rows, 0) : NULL;
    return true;
}

bool store_cursor_set(Store *store, const char *source, const char *key, const char *json, GError **error)
{
    return sql_run(store, error,
                   "INSERT INTO cursor (source, key, json) VALUES (?1, ?2, ?3)"
                   " ON CONFLICT (source, key) DO UPDATE SET json = excluded.json WHERE json <> excluded.json",
                   SQL_TEXT(source), SQL_TEXT(key), SQL_TEXT(json));
}

bool store_rubric_note(Store *store, const char *digest, const char *assignment, const char *path, const char *snapshot,
                       GError **error)
{
    return sql_run(
        store, error,
        "INSERT INTO rubric_version (digest, assignment, path, snapshot, noted_us) VALUES (?1, ?2, ?3, ?4, ?5)"
        " ON CONFLICT (digest) DO NOTHING",
        SQL_TEXT(digest), SQL_TEXT(assignment), SQL_TEXT(path), SQL_TEXT(snapshot), SQL_INT(clock_now_us()));
}

bool store_rubric_find(Store *store, const char *digest, char **ret_path, char **ret_snapshot, GError **error)
{
    g_autoptr(SqlRows) rows =
        sql_query(store, error, "SELECT path, snapshot FROM rubric_version WHERE digest = ?1", SQL_TEXT(digest));
    bool has_row;
    if (!sql_next(store, rows, &has_row, error))
        return false;
    *ret_path = has_row ? sql_text(rows, 0) : NULL;
    *ret_snapshot = has_row ? sql_text(rows, 1) : NULL;
    return true;
}

static bool count_states(Store *store, StoreCounts *counts, GError **error)
{
    g_autoptr(SqlRows) rows = sql_query(store, error, "SELECT state, count(*) FROM submission GROUP BY state");
    for (;;) {
        bool has_row;
        if (!sql_next(store, rows, &has_row, error))
            return false;
        if (!has_row)
            return true;
        g_autofree char *name = sql_text(rows, 0);
        for (SubmissionState state = SUBMISSION_RECEIVED; state <= SUBMISSION_REFUSED; state++) {
            if (strcmp(name, submission_state_name(state)) == 0)
                counts->n_by_state[state] = sql_int(rows, 1);
        }
    }
}

bool store_counts(Store *store, StoreCounts *ret, GError **error)
{
    StoreCounts counts = {0};
    if (!count_states(store, &counts, error) || !store_job_counts(store, &counts.n_queued, &counts.n_claimed, error) ||
        !sql_get_int(store, &counts.n_outbox_waiting, error,
                     "SELECT (SELECT count(*) FROM outbox WHERE state = 'queued') +"
                     " (SELECT count(*) FROM outbox WHERE state = 'claimed')") ||
        !sql_get_int(store, &counts.n_outbox_superseded, error,
                     "SELECT count(*) FROM outbox WHERE state = 'queued' AND is_superseded = 1") ||
        !sql_get_int(store, &counts.n_outbox_given_up, error, "SELECT count(*) FROM outbox WHERE state = 'given_up'") ||
        !sql_get_int(store, &counts.n_flags_open, error, "SELECT count(*) FROM flag WHERE state = 'open'") ||
        !sql_get_int(store, &counts.oldest_queued_us, error, "SELECT min(received_us) FROM job WHERE state = 'queued'"))
        return false;
    *ret = counts;
    return true;
}
