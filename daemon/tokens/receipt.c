/* SPDX-License-Identifier: Apache-2.0 */
/* A receipt: what was handed in when, what was decided, and the ledger lines about it, hashes included. */
#include "daemon/tokens/tokens.h"

#include <string.h>

static bool add_decision(Store *store, const Submission *submission, GString *text, GError **error)
{
    g_autofree char *stored = NULL;
    if (!store_decision_latest(store, submission->id, &stored, error))
        return false;
    g_autoptr(cJSON) json = stored ? json_parse(stored, strlen(stored), error) : NULL;
    g_autoptr(Decision) decision = json ? decision_from_json(json, error) : NULL;
    if (!decision) {
        g_string_append(text, "decision none yet\n");
        return stored == NULL;
    }
    g_autofree char *tokens = points_format(decision->tokens_milli);
    g_autofree char *penalty = points_format(decision->penalty_milli);
    g_string_append_printf(text, "decision %s\ntokens %s\npenalty %s %%\nbecause %s\n",
                           decision_kind_name(decision->kind), tokens, penalty, decision->sentence);
    return true;
}

static bool add_lines(Store *store, const Submission *submission, GString *text, GError **error)
{
    for (gint64 after = 0;;) {
        const guint page = 1000;
        g_autoptr(GPtrArray) lines = store_ledger_list(store, NULL, after, page, error);
        if (!lines)
            return false;
        for (guint i = 0; i < lines->len; i++) {
            const LedgerRow *line = g_ptr_array_index(lines, i);
            after = line->seq;
            if (line->submission_id != submission->id)
                continue;
            g_autofree char *amount = points_format(line->amount_milli);
            g_string_append_printf(text, "line %" G_GINT64_FORMAT " %s %s %s %s\n", line->seq, line->account,
                                   line->kind, amount, line->hash);
        }
        if (lines->len < page)
            return true;
    }
}

char *ledger_receipt(Store *store, const Submission *submission, GError **error)
{
    g_autofree char *received = clock_format_utc(submission->received_us);
    g_autoptr(GString) text = g_string_new("rubricd-receipt 1\n");
    g_string_append_printf(text,
                           "submission %" G_GINT64_FORMAT "\nassignment %s\nowner %s %s\nreceived %s\ncontent %s\n",
                           submission->id, submission->assignment, submission->owner_kind, submission->owner, received,
                           submission->content_digest ? submission->content_digest : "-");
    if (!add_decision(store, submission, text, error) || !add_lines(store, submission, text, error))
        return NULL;
    return g_strdup(text->str);
}
