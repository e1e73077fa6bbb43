/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a verdict, in the store's open transaction: the row, what TAs must look at, the event and what it
 * costs, the state, the posts. Reviews and regrades go the same way as gradings, so there is one place where an outcome
 * is made.
 */
#include <string.h>

#include "daemon/roles/role.h"

static const gsize max_evidence_bytes = 16 * 1024;

static char *submission_account(const Submission *submission)
{
    bool is_team = g_strcmp0(submission->owner_kind, owner_kind_name(OWNER_TEAM)) == 0;
    return account_name(is_team ? OWNER_TEAM : OWNER_PERSON, submission->owner);
}

/* ---- flags
 * ---------------------------------------------------------------------------------------------------------------- */

static void flag_free(gpointer data)
{
    flag_row_free(data);
}

static FlagRow *new_flag(gint64 submission_id, const char *item, const char *kind, const char *message)
{
    FlagRow *flag = g_new0(FlagRow, 1);
    flag->submission_id = submission_id;
    flag->item = g_strdup(item);
    flag->kind = g_strdup(kind);
    flag->message = g_strdup(message);
    return flag;
}

static void append_evidence(GString *out, const Finding *finding)
{
    g_string_append_printf(out, "[%s] %s\n", finding_outcome_name(finding->outcome), finding->message);
    if (finding->evidence && *finding->evidence)
        g_string_append_printf(out, "%s\n", finding->evidence);
}

static char *collect_evidence(const GPtrArray *findings)
{
    g_autoptr(GString) out = g_string_new(NULL);
    for (guint i = 0; i < findings->len; i++)
        append_evidence(out, g_ptr_array_index(findings, i));
    return out->len > 0 ? text_truncate(out->str, max_evidence_bytes) : NULL;
}

/* All suspicions about one item (or about the submission) in one flag; NULL: there are none. */
static FlagRow *suspicion_flag(gint64 submission_id, const char *item, const GPtrArray *findings)
{
    g_autoptr(GString) message = g_string_new(NULL);
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (finding->suspicion)
            g_string_append_printf(message, "%s%s", message->len > 0 ? "; " : "", finding->suspicion);
    }
    if (message->len == 0)
        return NULL;
    FlagRow *flag = new_flag(submission_id, item, "suspicious", message->str);
    flag->evidence = collect_evidence(findings);
    return flag;
}

static void add_item_flags(GPtrArray *flags, gint64 submission_id, const VerdictItem *item)
{
    FlagRow *flag = NULL;
    if (item->outcome == ITEM_REVIEW)
        flag = new_flag(submission_id, item->id, "review", item->passes ? item->passes : item->title);
    else if (item->outcome == ITEM_ERROR)
        flag = new_flag(submission_id, item->id, "error", item->reason ? item->reason : "it could not be checked");
    if (flag) {
        flag->evidence = collect_evidence(item->findings);
        g_ptr_array_add(flags, flag);
    }
    FlagRow *suspicion = suspicion_flag(submission_id, item->id, item->findings);
    if (suspicion)
        g_ptr_array_add(flags, suspicion);
}

static GPtrArray *verdict_flags(gint64 submission_id, const Verdict *verdict)
{
    GPtrArray *flags = g_ptr_array_new_with_free_func(flag_free);
    for (guint i = 0; i < verdict->items->len; i++)
        add_item_flags(flags, submission_id, g_ptr_array_index(verdict->items, i));
    FlagRow *suspicion = suspicion_flag(submission_id, NULL, verdict->remarks);
    if (suspicion)
        g_ptr_array_add(flags, suspicion);
    return flags;
}

static bool is_wanted(const GPtrArray *wanted, const FlagRow *flag)
{
    for (guint i = 0; i < wanted->len; i++) {
        const FlagRow *other = g_ptr_array_index(wanted, i);
        if (strcmp(other->kind, flag->kind) == 0 && g_strcmp0(other->item, flag->item) == 0)
            return true;
    }
    return false;
}

/* Flags that an earlier verdict raised and this one does not. Others (history, owner, late, post) stay with a TA. */
static bool close_outdated(Store *store, const Submission *submission, const GPtrArray *wanted, GError **error)
{
    static const char *const of_verdicts[] = {"review", "error", "suspicious", "flaky", NULL};
    g_autoptr(GPtrArray) open = store_flag_list(store, submission->assignment, false, error);
    for (guint i = 0; open && i < open->len; i++) {
        const FlagRow *flag = g_ptr_array_index(open, i);
        if (flag->submission_id != submission->id || !g_strv_contains(of_verdicts, flag->kind) ||
            is_wanted(wanted, flag))
            continue;
        if (!store_flag_decide(store, flag->id, "closed", "rubricd", "a newer verdict no longer asks this", error))
            return false;
    }
    return open != NULL;
}

/* What a TA has said about a suspicion is not asked again by the review's own verdict. */
static bool write_flags(Store *store, const Submission *submission, const Verdict *verdict, bool is_first,
                        bool is_review, GError **error)
{
    g_autoptr(GPtrArray) flags = verdict_flags(submission->id, verdict);
    if (!is_first && !close_outdated(store, submission, flags, error))
        return false;
    for (guint i = 0; i < flags->len; i++) {
        const FlagRow *flag = g_ptr_array_index(flags, i);
        if (is_review && strcmp(flag->kind, "suspicious") == 0)
            continue;
        if (!store_flag_raise(store, flag, NULL, error))
            return false;
    }
    return true;
}

/* ---- posts
 * ----------------------------------------------------------------------------------------------------------------- */

/* `occasion` tells effects of one verdict apart: NULL for the verdict's own. */
static bool queue_posts(Store *store, const Config *config, const VerdictRow *verdict, const char *occasion,
                        GError **error)
{
    for (guint i = 0; i < config->sinks->len; i++) {
        const SinkConfig *sink = g_ptr_array_index(config->sinks, i);
        g_autofree char *key =
            g_strdup_printf("%" G_GINT64_FORMAT ":%" G_GINT64_FORMAT ":%s%s%s", verdict->submission_id, verdict->number,
                            sink->name, occasion ? ":" : "", occasion ? occasion : "");
        if (!store_outbox_insert(store, verdict->submission_id, verdict->id, sink->name, key, error))
            return false;
    }
    return true;
}

bool outcome_repost(Store *store, const Config *config, gint64 submission_id, GError **error)
{
    g_autoptr(VerdictRow) verdict = NULL;
    if (!store_verdict_latest(store, submission_id, &verdict, error))
        return false;
    if (!verdict)
        return true; /* not graded yet: its verdict will be posted with what holds then */
    g_autofree char *occasion = g_strdup_printf("%" G_GINT64_FORMAT, clock_now_us());
    return queue_posts(store, config, verdict, occasion, error);
}

/* ---- the outcome
 * ----------------------------------------------------------------------------------------------------------- */

static bool insert_verdict(Store *store, gint64 submission_id, const Verdict *verdict, const char *origin,
                           VerdictRow **ret, GError **error)
{
    g_autoptr(cJSON) json = verdict_to_json(verdict);
    g_autofree char *text = json_print(json);
    VerdictRow row = {
        .submission_id = submission_id,
        .origin = (char *)origin,
        .rubric_digest = verdict->rubric_digest,
        .made_us = clock_now_us(),
        .points_milli = verdict->points_milli,
        .bonus_milli = verdict->bonus_milli,
        .max_milli = verdict->max_milli,
        .n_review = verdict->n_review,
        .n_error = verdict->n_error,
        .json = text,
    };
    gint64 id = 0;
    if (!store_verdict_insert(store, &row, &id, error))
        return false;
    *ret = store_verdict_get(store, id, error);
    return *ret != NULL;
}

static bool decision_is_made(Store *store, gint64 submission_id, bool *ret_is_made, GError **error)
{
    g_autofree char *text = NULL;
    *ret_is_made = false;
    if (!store_decision_latest(store, submission_id, &text, error))
        return false;
    if (!text)
        return true;
    g_autoptr(cJSON) json = json_parse(text, strlen(text), error);
    g_autoptr(Decision) decision = json ? decision_from_json(json, error) : NULL;
    if (!decision)
        return false;
    *ret_is_made = decision->kind != DECISION_PENDING;
    return true;
}

/* Other submissions of the account that this one made cheaper or dearer. */
static bool repost_changed(Store *store, const Config *config, gint64 own_id, const GArray *changed, GError **error)
{
    for (guint i = 0; i < changed->len; i++) {
        gint64 id = g_array_index(changed, gint64, i);
        if (id != own_id && !outcome_repost(store, config, id, error))
            return false;
    }
    return true;
}

bool outcome_commit(Store *store, const Config *config, const Course *course, const Policy *policy,
                    gint64 submission_id, const Verdict *verdict, const char *origin, GError **error)
{
    g_autoptr(Submission) submission = store_submission_get(store, submission_id, error);
    g_autoptr(VerdictRow) row = NULL;
    g_autoptr(GArray) changed = NULL;
    bool is_decided = false;
    if (!submission || !insert_verdict(store, submission_id, verdict, origin, &row, error))
        return false;
    g_autofree char *account = submission_account(submission);
    bool is_review = strcmp(origin, "review") == 0;
    if (!write_flags(store, submission, verdict, row->number == 1, is_review, error) ||
        !account_note_graded(store, course, submission, verdict, error) ||
        !account_settle(store, policy, course, account, &changed, error) || !outcome_flag_held(store, changed, error) ||
        !decision_is_made(store, submission_id, &is_decided, error))
        return false;
    SubmissionState state = verdict->is_final && is_decided ? SUBMISSION_DECIDED : SUBMISSION_GRADED;
    return store_submission_move(store, submission_id, state, NULL, error) &&
           queue_posts(store, config, row, NULL, error) && repost_changed(store, config, submission_id, changed, error);
}

/* What waits for a person is in the TAs' queue as long as it waits. */
static bool flag_held_one(Store *store, gint64 submission_id, GError **error)
{
    g_autofree char *text = NULL;
    if (!store_decision_latest(store, submission_id, &text, error))
        return false;
    g_autoptr(cJSON) json = text ? json_parse(text, strlen(text), error) : NULL;
    g_autoptr(Decision) decision = json ? decision_from_json(json, error) : NULL;
    if (!decision)
        return text == NULL;
    if (!decision_is_held(decision))
        return store_flag_close(store, submission_id, "late", "it does not wait for a person any more", error);
    FlagRow flag = {.submission_id = submission_id, .kind = (char *)"late", .message = decision->sentence};
    return store_flag_raise(store, &flag, NULL, error);
}

bool outcome_flag_held(Store *store, const GArray *changed, GError **error)
{
    for (guint i = 0; i < changed->len; i++) {
        if (!flag_held_one(store, g_array_index(changed, gint64, i), error))
            return false;
    }
    return true;
}

/* ---- a TA's word
 * ------------------------------------------------------------------------------------------------------------ */

static Verdict *latest_verdict(Store *store, gint64 submission_id, GError **error)
{
    g_autoptr(VerdictRow) row = NULL;
    if (!store_verdict_latest(store, submission_id, &row, error))
        return NULL;
    if (!row) {
        error_set(error, RUBRIC_ERROR_NOT_FOUND, "submission %" G_GINT64_FORMAT " has no verdict yet", submission_id);
        return NULL;
    }
    g_autoptr(cJSON) json = json_parse(row->json, strlen(row->json), error);
    return json ? verdict_from_json(json, error) : NULL;
}

static VerdictItem *find_item(const Verdict *verdict, const char *id)
{
    for (guint i = 0; i < verdict->items->len; i++) {
        VerdictItem *item = g_ptr_array_index(verdict->items, i);
        if (strcmp(item->id, id) == 0)
            return item;
    }
    return NULL;
}

/* Does this word change the item? "pass" on a suspicion means that nothing is wrong with the machine's outcome. */
static bool word_is_about_points(const FlagRow *flag, bool pass)
{
    if (!flag->item || flag->submission_id == 0)
        return false;
    return strcmp(flag->kind, "review") == 0 || strcmp(flag->kind, "error") == 0 ||
           (!pass && (strcmp(flag->kind, "suspicious") == 0 || strcmp(flag->kind, "flaky") == 0));
}

static bool review_item(Store *store, const Config *config, const Course *course, const Policy *policy,
                        const FlagRow *flag, bool pass, const char *who, const char *reason, GError **error)
{
    g_autoptr(Verdict) verdict = latest_verdict(store, flag->submission_id, error);
    if (!verdict)
        return false;
    VerdictItem *item = find_item(verdict, flag->item);
    if (!item)
        return error_set(error, RUBRIC_ERROR_NOT_FOUND, "the newest verdict has no item \"%s\"", flag->item);
    item->outcome = pass ? ITEM_PASS : ITEM_FAIL;
    g_free(item->reason);
    item->reason = g_strdup(reason);
    g_free(item->decided_by);
    item->decided_by = g_strdup(who);
    verdict_sum(verdict);
    return outcome_commit(store, config, course, policy, flag->submission_id, verdict, "review", error);
}

static bool review(Store *store, const Config *config, const Course *course, const Policy *policy, gint64 flag_id,
                   bool pass, const char *who, const char *reason, GError **error)
{
    g_autoptr(FlagRow) flag = store_flag_get(store, flag_id, error);
    return flag && store_flag_decide(store, flag_id, pass ? "pass" : "fail", who, reason, error) &&
           (!word_is_about_points(flag, pass) ||
            review_item(store, config, course, policy, flag, pass, who, reason, error));
}

bool outcome_review(Store *store, const Config *config, const Course *course, const Policy *policy, gint64 flag_id,
                    bool pass, const char *who, const char *reason, GError **error)
{
    return store_begin(store, error) &&
           store_end(store, review(store, config, course, policy, flag_id, pass, who, reason, error), error);
}

/* ---- what becomes visible
 * ---------------------------------------------------------------------------------------------------- */

bool outcome_is_released(Store *store, const Submission *submission, bool *ret_is, GError **error)
{
    g_autofree char *account = submission_account(submission);
    g_autoptr(GPtrArray) events = store_event_list(store, account, error);
    *ret_is = false;
    for (guint i = 0; events && i < events->len; i++) {
        const EventRow *event = g_ptr_array_index(events, i);
        if (strcmp(event->kind, "released") == 0 &&
            (!event->assignment || strcmp(event->assignment, submission->assignment) == 0))
            *ret_is = true;
    }
    return events != NULL;
}

static bool has_items_after_deadline(const Course *course, const Assignment *assignment)
{
    const Rubric *rubric = course_rubric(course, assignment, assignment->deadline_us);
    for (guint i = 0; rubric && i < rubric->items->len; i++) {
        if (((const Item *)g_ptr_array_index(rubric->items, i))->visible == VISIBLE_AFTER_DEADLINE)
            return true;
    }
    return false;
}

static bool repost_assignment(Store *store, const Config *config, const Assignment *assignment, const char *key,
                              GError **error)
{
    g_autoptr(GPtrArray) submissions = store_submission_list(store, assignment->id, NULL, 0, error);
    for (guint i = 0; submissions && i < submissions->len; i++) {
        const Submission *submission = g_ptr_array_index(submissions, i);
        bool was_posted_hidden = submission->graded_us > 0 && submission->graded_us < assignment->deadline_us;
        if (was_posted_hidden && !outcome_repost(store, config, submission->id, error))
            return false;
    }
    return submissions && store_cursor_set(store, "rubricd", key, "{}", error);
}

/* graded_us of a submission that was regraded later is the later time: what is posted then shows everything already. */
bool outcome_repost_due(Store *store, const Config *config, const Course *course, GError **error)
{
    for (guint i = 0; i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->deadline_us > clock_now_us() || !has_items_after_deadline(course, assignment))
            continue;
        g_autofree char *key = g_strconcat("shown:", assignment->id, NULL);
        g_autofree char *done = NULL;
        if (!store_cursor_get(store, "rubricd", key, &done, error))
            return false;
        if (done)
            continue;
        if (!store_begin(store, error) ||
            !store_end(store, repost_assignment(store, config, assignment, key, error), error))
            return false;
    }
    return true;
}
