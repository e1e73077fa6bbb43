/* SPDX-License-Identifier: Apache-2.0 */
/* `git`: who committed what and when, how it is described, and what should not be in a history. Dates of commits are
 * the students' to write: they say how a team worked, never whether it was late. */
#include "graders/git.h"

#include "graders/builtin.h"
#include "graders/compare.h"
#include "graders/history.h"
#include "graders/pattern.h"
#include "graders/secrets.h"

#include <string.h>

/* ---- who ----------------------------------------------------------------------------------------------------------
 */

/* "12345+login@users.noreply.github.com" or "login@...": GitHub's address for people who hide theirs. */
static bool is_noreply_of(const char *email, const char *login)
{
    static const char domain[] = "@users.noreply.github.com";
    if (!login || !g_str_has_suffix(email, domain))
        return false;
    const char *plus = strchr(email, '+');
    const char *name = plus ? plus + 1 : email;
    gsize length = strlen(name) - strlen(domain);
    return strlen(login) == length && g_ascii_strncasecmp(name, login, length) == 0;
}

/* The member who owns an address; n_members when nobody does. */
static gsize find_member(const GraderContext *context, const char *email)
{
    for (gsize i = 0; i < context->n_members; i++) {
        const Member *member = &context->members[i];
        if ((member->emails && g_strv_contains(member->emails, email)) || is_noreply_of(email, member->github))
            return i;
    }
    return context->n_members;
}

typedef struct {
    const GitParameters *parameters;
    const GraderContext *context;
    gint64 since_us, until_us;
    gint64 n_commits, n_messages_right;
    bool *has_counted;     /* n_members entries: of the commit at hand */
    gint64 *by_member;     /* n_members entries */
    GHashTable *strangers; /* address of nobody in the roster -> count */
    GError *error;         /* a pattern that was given up */
} CommitCount;

/* "Co-authored-by: Name <address>" counts for that member too: pairs share a keyboard. */
static void count_co_authors(CommitCount *count, const HistoryCommit *commit)
{
    static const char trailer[] = "co-authored-by:";
    const guint max_trailers = 50;
    g_autofree char *lower = g_utf8_strdown(commit->message, -1);
    const char *at = strstr(lower, trailer);
    for (guint i = 0; at && i < max_trailers; i++) {
        const char *line_end = at + strcspn(at, "\n");
        const char *open = memchr(at, '<', (gsize)(line_end - at));
        const char *close = open ? memchr(open, '>', (gsize)(line_end - open)) : NULL;
        g_autofree char *email = close ? g_strndup(open + 1, (gsize)(close - open - 1)) : g_strdup("");
        gsize member = find_member(count->context, email);
        if (member < count->context->n_members && !count->has_counted[member]) {
            count->has_counted[member] = true;
            count->by_member[member]++;
        }
        at = strstr(line_end, trailer);
    }
}

static void count_author(CommitCount *count, const HistoryCommit *commit)
{
    const guint max_strangers = 100;
    memset(count->has_counted, 0, count->context->n_members * sizeof(bool));
    gsize member = find_member(count->context, commit->email);
    if (member < count->context->n_members) {
        count->has_counted[member] = true;
        count->by_member[member]++;
    } else if (g_hash_table_size(count->strangers) < max_strangers ||
               g_hash_table_contains(count->strangers, commit->email)) {
        gpointer n = g_hash_table_lookup(count->strangers, commit->email);
        g_hash_table_replace(count->strangers, g_strdup(commit->email), GINT_TO_POINTER(GPOINTER_TO_INT(n) + 1));
    }
    count_co_authors(count, commit);
}

static bool count_commit(const HistoryCommit *commit, void *data)
{
    CommitCount *count = data;
    if (commit->is_merge && !count->parameters->counts_merges)
        return true;
    if (commit->time_us < count->since_us || commit->time_us > count->until_us)
        return true;
    count->n_commits++;
    count_author(count, commit);
    bool is_right = false;
    if (count->parameters->message &&
        !pattern_found(count->parameters->message, commit->message, strlen(commit->message), &is_right, &count->error))
        return false;
    count->n_messages_right += is_right;
    return true;
}

/* ---- what is wrong ------------------------------------------------------------------------------------------------
 */

/* What was found: sentences, and the tables behind them. */
typedef struct {
    GString *problems;
    GString *evidence;
    cJSON *figures;
} GitFindings;

static void add_problem(GitFindings *findings, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_problem(GitFindings *findings, const char *format, ...)
{
    if (findings->problems->len > 0)
        g_string_append(findings->problems, "; ");
    va_list args;
    va_start(args, format);
    g_string_append_vprintf(findings->problems, format, args);
    va_end(args);
}

static const char *member_name(const Member *member)
{
    return member->name && *member->name ? member->name : member->id;
}

static void judge_members(const CommitCount *count, GitFindings *findings)
{
    gint64 wanted = count->parameters->by_each_member;
    for (gsize i = 0; i < count->context->n_members; i++) {
        const char *name = member_name(&count->context->members[i]);
        g_string_append_printf(findings->evidence, "%s: %" G_GINT64_FORMAT " commits\n", name, count->by_member[i]);
        if (count->by_member[i] < wanted)
            add_problem(findings, "%s has %" G_GINT64_FORMAT " commits, each member needs %" G_GINT64_FORMAT, name,
                        count->by_member[i], wanted);
    }
    GHashTableIter iter;
    gpointer email, n;
    g_hash_table_iter_init(&iter, count->strangers);
    while (g_hash_table_iter_next(&iter, &email, &n)) {
        g_autofree char *shown = text_escape_terminal(email, 100);
        g_string_append_printf(findings->evidence, "%s: %d commits, an address that nobody in the roster has\n", shown,
                               GPOINTER_TO_INT(n));
    }
    if (wanted > 0 && findings->problems->len > 0 && g_hash_table_size(count->strangers) > 0)
        add_problem(findings, "%u addresses belong to nobody in the roster: tell the staff if one of them is yours",
                    g_hash_table_size(count->strangers));
}

static void judge_messages(const CommitCount *count, GitFindings *findings)
{
    const gint64 percent_milli = 100 * 1000;
    gint64 n = count->n_commits, right = count->n_messages_right, share = count->parameters->message_share_milli;
    json_add_int64(findings->figures, "messages_matching", right);
    if (n > 0 && right * percent_milli > share * n)
        return;
    g_autofree char *wanted = points_format(share);
    g_autofree char *got = points_format(n > 0 ? right * percent_milli / n : 0);
    add_problem(findings,
                "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                " commit messages (%s %%) meet the pattern, more than %s %% must",
                right, n, got, wanted);
}

static bool read_time(const char *text, const GraderContext *context, gint64 fallback, gint64 *ret_us, GError **error)
{
    *ret_us = fallback;
    if (!text)
        return true;
    if (g_str_equal(text, "deadline")) {
        *ret_us = context->deadline_us;
        return true;
    }
    return clock_parse(text, context->zone, ret_us, error);
}

/* Of the student's branches only the submitted one is fetched: another one that exists is ours to say, not a fail. */
static bool branch_exists(const GraderContext *context, const char *branch)
{
    g_autofree char *name = g_strconcat("refs/heads/", branch, NULL);
    return context->git_refs && g_strv_contains(context->git_refs, name);
}

/* Counts, then judges. A branch that is not there is the student's. */
static bool judge_commits(History *history, CommitCount *count, GitFindings *findings, GError **error)
{
    const GitParameters *parameters = count->parameters;
    g_autoptr(GError) failure = NULL;
    if (!history_each_commit(history, parameters->branch, count_commit, count, &failure)) {
        bool is_missing = g_error_matches(failure, RUBRIC_ERROR, RUBRIC_ERROR_NOT_FOUND);
        if (!is_missing || branch_exists(count->context, parameters->branch)) {
            g_propagate_prefixed_error(error, g_steal_pointer(&failure), "%s",
                                       is_missing ? "in what was fetched " : "");
            return false;
        }
        add_problem(findings, "%s", failure->message);
        return true;
    }
    if (count->error) {
        g_propagate_error(error, g_steal_pointer(&count->error));
        return false;
    }
    json_add_int64(findings->figures, "commits", count->n_commits);
    if (parameters->has_commits && count->n_commits < parameters->min_commits)
        add_problem(
            findings, "the history has %" G_GINT64_FORMAT " commits%s, at least %" G_GINT64_FORMAT " are needed",
            count->n_commits, parameters->since || parameters->until ? " in the period" : "", parameters->min_commits);
    judge_members(count, findings);
    if (parameters->message)
        judge_messages(count, findings);
    return true;
}

static bool count_and_judge(const GitParameters *parameters, const GraderContext *context, History *history,
                            GitFindings *findings, GError **error)
{
    if (!parameters->has_commits && !parameters->message)
        return true;
    g_autofree gint64 *by_member = g_new0(gint64, context->n_members + 1);
    g_autofree bool *has_counted = g_new0(bool, context->n_members + 1);
    g_autoptr(GHashTable) strangers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    CommitCount count = {.has_counted = has_counted,
                         .parameters = parameters,
                         .context = context,
                         .by_member = by_member,
                         .strangers = strangers};
    return read_time(parameters->since, context, G_MININT64, &count.since_us, error) &&
           read_time(parameters->until, context, G_MAXINT64, &count.until_us, error) &&
           judge_commits(history, &count, findings, error);
}

static bool judge_sizes(const GitParameters *parameters, History *history, GitFindings *findings, GError **error)
{
    g_autofree char *path = NULL;
    gint64 bytes = 0;
    if (parameters->max_file_bytes < 0)
        return true;
    if (!history_largest_file(history, &path, &bytes, error))
        return false;
    json_add_int64(findings->figures, "largest_file_bytes", bytes);
    if (!path || bytes <= parameters->max_file_bytes)
        return true;
    g_autofree char *shown = compare_quote(path, strlen(path));
    add_problem(findings,
                "%s has %" G_GINT64_FORMAT " bytes, at most %" G_GINT64_FORMAT " are allowed in the repository", shown,
                bytes, parameters->max_file_bytes);
    return true;
}

static void judge_refs(char *const *globs, const char *folder, const char *kind, const GraderContext *context,
                       GitFindings *findings)
{
    for (gsize i = 0; globs && globs[i]; i++) {
        g_autofree char *glob = g_strconcat(folder, globs[i], NULL);
        bool is_there = false;
        for (gsize j = 0; context->git_refs && context->git_refs[j] && !is_there; j++)
            is_there = glob_matches(glob, context->git_refs[j], false);
        if (!is_there)
            add_problem(findings, "there is no %s \"%s\"", kind, globs[i]);
    }
}

/* ---- secrets ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    guint n_found;
    char *first; /* a sentence */
    GString *evidence;
} SecretSearch;

static bool look_for_secret(const char *path, const char *commit_hex, const char *data, gsize length, void *user_data)
{
    const guint max_found = 50;
    const int short_hex = 10;
    SecretSearch *search = user_data;
    gsize line;
    const char *what = secrets_find(path, data, length, &line);
    if (!what)
        return true;
    g_autofree char *shown = compare_quote(path, strlen(path));
    g_autofree char *sentence =
        g_strdup_printf("%s line %zu, commit %.*s, looks like %s", shown, line, short_hex, commit_hex, what);
    g_string_append_printf(search->evidence, "%s\n", sentence);
    if (!search->first)
        search->first = g_steal_pointer(&sentence);
    return ++search->n_found < max_found;
}

static bool judge_secrets(const GitParameters *parameters, History *history, GitFindings *findings, GError **error)
{
    if (!parameters->no_secrets)
        return true;
    SecretSearch search = {.evidence = findings->evidence};
    bool is_whole;
    if (!history_each_blob(history, look_for_secret, &search, &is_whole, error)) {
        g_free(search.first);
        return false;
    }
    if (!is_whole)
        g_string_append(findings->evidence,
                        "the history is too large: not every version of every file was searched for secrets\n");
    json_add_int64(findings->figures, "secrets", search.n_found);
    if (search.first) {
        g_autofree char *more =
            search.n_found > 1 ? g_strdup_printf(" (and %u more)", search.n_found - 1) : g_strdup("");
        add_problem(findings,
                    "%s%s: make it invalid where it was issued; deleting the file does not take it out of the history",
                    search.first, more);
    }
    g_free(search.first);
    return true;
}

static bool judge_all(const GitParameters *parameters, const Check *check, GraderContext *context,
                      GitFindings *findings, GError **error)
{
    gint64 deadline_us = clock_monotonic_us() + check->limits.wall_ms * (CLOCK_SECOND_US / 1000);
    g_autoptr(History) history = history_open(context, deadline_us, error);
    if (!history)
        return false;
    judge_refs(parameters->tags, "refs/tags/", "tag", context, findings);
    judge_refs(parameters->branches, "refs/heads/", "branch", context, findings);
    return count_and_judge(parameters, context, history, findings, error) &&
           judge_sizes(parameters, history, findings, error) && judge_secrets(parameters, history, findings, error);
}

static bool git_judge(const Check *check, GraderContext *context, Finding **ret_finding, GError **error)
{
    if (!context->git_folder) {
        *ret_finding = finding_new(NULL, NULL, NULL, FINDING_FAIL,
                                   "this item looks at the git history, and an archive holds none: hand in by git");
        return true;
    }
    g_autoptr(GString) problems = g_string_new(NULL), evidence = g_string_new(NULL);
    g_autoptr(cJSON) figures = cJSON_CreateObject();
    GitFindings findings = {problems, evidence, figures};
    if (!judge_all(check->parameters, check, context, &findings, error))
        return false;
    bool is_right = problems->len == 0;
    *ret_finding = finding_new(NULL, NULL, NULL, is_right ? FINDING_PASS : FINDING_FAIL, "%s",
                               is_right ? "the history is as it should be" : problems->str);
    (*ret_finding)->evidence = evidence->len > 0 ? g_strdup(evidence->str) : NULL;
    (*ret_finding)->figures = g_steal_pointer(&figures);
    return true;
}

const Grader grader_git = {
    .type = {.name = "git",
             .summary = "looks at the history: commits, members, messages, sizes, tags, secrets",
             .parse = git_parse,
             .free = git_free},
    .judge = git_judge,
};
