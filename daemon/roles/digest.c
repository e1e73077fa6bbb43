/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the staff is told in a channel. Who reads along there is not ours to know, so a digest counts: it names
 * assignments, kinds of flags, sources, sinks and roles, and neither an item, a student, a score nor the text of a
 * flag.
 */
#include <string.h>

#include "daemon/roles/role.h"

static const gint64 min_tries = 3;
static const guint min_failures = 3, min_ends = 3;
static const gsize max_text_bytes = 3500, max_said_bytes = 200, max_name_bytes = 60;

/* What is in trouble now: `keys` say what, so that it is told once; `lines` say it to people. */
typedef struct {
    GPtrArray *keys, *lines; /* of char* */
} Trouble;

static void trouble_clear(Trouble *trouble)
{
    g_ptr_array_unref(trouble->keys);
    g_ptr_array_unref(trouble->lines);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trouble, trouble_clear)

void digest_clear(Digest *digest)
{
    g_clear_pointer(&digest->text, g_free);
    g_clear_pointer(&digest->trouble, g_free);
}

/* Takes both over. */
static void add_trouble(Trouble *trouble, char *key, char *line)
{
    g_ptr_array_add(trouble->keys, key);
    g_ptr_array_add(trouble->lines, line);
}

/* ---- what is in trouble
 * ------------------------------------------------------------------------------------------------------- */

static void find_failing_sources(const Config *config, Trouble *trouble)
{
    for (guint i = 0; i < config->sources->len; i++) {
        const SourceConfig *source = g_ptr_array_index(config->sources, i);
        g_autofree char *name = g_strdup_printf("source-%s", source->name);
        g_autoptr(cJSON) note = note_read(config, name);
        const char *said = json_string_or(note, "error", NULL);
        if (!said || json_int64_or(note, "n_failures", 0) < min_failures)
            continue;
        g_autofree char *shown = text_escape_slack(said, max_said_bytes);
        add_trouble(trouble, g_strdup_printf("source \"%s\"", source->name),
                    g_strdup_printf("source \"%s\" fails: %s", source->name, shown));
    }
}

static bool find_failing_sinks(Store *store, Trouble *trouble, GError **error)
{
    g_autoptr(GPtrArray) sinks = store_outbox_failing(store, min_tries, error);
    for (guint i = 0; sinks && i < sinks->len; i++) {
        const PostTally *tally = g_ptr_array_index(sinks, i);
        add_trouble(trouble, g_strdup_printf("sink \"%s\"", tally->sink),
                    g_strdup_printf("sink \"%s\": %" G_GINT64_FORMAT " wait after %" G_GINT64_FORMAT " tries or more",
                                    tally->sink, tally->n_waiting, min_tries));
    }
    return sinks != NULL;
}

static bool find_failing_jobs(Store *store, Trouble *trouble, GError **error)
{
    gint64 n = 0;
    if (!store_job_failing(store, &n, error))
        return false;
    if (n > 0)
        add_trouble(trouble, g_strdup("grading"),
                    g_strdup_printf("grading: %" G_GINT64_FORMAT
                                    " submission%s to be tried again after a fault of ours",
                                    n, n == 1 ? " is" : "s are"));
    return true;
}

static void find_dying_roles(const Config *config, gint64 since_us, Trouble *trouble)
{
    for (const char *const *role = role_names; *role; role++) {
        g_autofree char *name = g_strdup_printf("role-%s", *role);
        g_autoptr(cJSON) note = note_read(config, name);
        const cJSON *ends = cJSON_GetObjectItemCaseSensitive(note, "ended_us"), *end;
        guint n_ends = 0;
        cJSON_ArrayForEach(end, ends) n_ends += end->valuedouble >= (double)since_us;
        if (n_ends >= min_ends)
            add_trouble(
                trouble, g_strdup_printf("role %s", *role),
                g_strdup_printf("role %s ended %u times and was started again; the journal says why", *role, n_ends));
    }
}

static bool find_limits(Store *store, const Course *course, Trouble *trouble, GError **error)
{
    const gint64 few_percent = 10, whole = 100;
    gint64 now_us = clock_now_us();
    g_auto(GithubBudget) budget = {0};
    if (!github_budget_read(store, &budget, error))
        return false;
    github_budget_roll(&budget, now_us);
    bool is_low = budget.rest_remaining < budget.rest_limit * few_percent / whole;
    bool is_blocked = budget.blocked_until_us > now_us;
    if (!is_low && !is_blocked)
        return true;
    g_autofree char *until =
        clock_format_local(is_blocked ? budget.blocked_until_us : budget.rest_reset_us, course->zone);
    add_trouble(trouble, g_strdup("GitHub's limit"),
                is_blocked ? g_strdup_printf("GitHub asks to wait until %s", until)
                           : g_strdup_printf("GitHub's limit: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                                             " requests are left until %s",
                                             budget.rest_remaining, budget.rest_limit, until));
    return true;
}

static bool find_trouble(Store *store, const Config *config, const Course *course, gint64 since_us, Trouble *trouble,
                         GError **error)
{
    find_failing_sources(config, trouble);
    find_dying_roles(config, since_us, trouble);
    return find_failing_sinks(store, trouble, error) && find_failing_jobs(store, trouble, error) &&
           find_limits(store, course, trouble, error);
}

/* ---- the text
 * ----------------------------------------------------------------------------------------------------------------- */

static void append_flags(const GPtrArray *tallies, GString *out)
{
    const char *before = NULL;
    for (guint i = 0; i < tallies->len; i++) {
        const FlagTally *tally = g_ptr_array_index(tallies, i);
        bool is_first = i == 0 || g_strcmp0(before, tally->assignment) != 0;
        g_autofree char *place =
            text_escape_slack(tally->assignment ? tally->assignment : "the course", max_name_bytes);
        g_autofree char *kind = text_escape_slack(tally->kind, max_name_bytes);
        before = tally->assignment;
        if (is_first)
            g_string_append_printf(out, "\n%s:", place);
        g_string_append_printf(out, "%s %s %" G_GINT64_FORMAT, is_first ? "" : ",", kind, tally->n_open);
        if (tally->n_new > 0)
            g_string_append_printf(out, " (%" G_GINT64_FORMAT " new)", tally->n_new);
    }
}

/* What was in trouble at the last digest and is no more. */
static void append_mended(const Trouble *trouble, const char *before, GString *out)
{
    g_auto(GStrv) old = g_strsplit(before, "\n", 0);
    guint n = 0;
    for (gsize i = 0; old[i]; i++) {
        if (!*old[i] || g_ptr_array_find_with_equal_func(trouble->keys, old[i], g_str_equal, NULL))
            continue;
        g_autofree char *shown = text_escape_slack(old[i], max_name_bytes);
        g_string_append_printf(out, "%s%s", n++ == 0 ? "\nWell again: " : ", ", shown);
    }
}

static void sum_flags(const GPtrArray *tallies, gint64 *ret_n_open, gint64 *ret_n_new)
{
    for (guint i = 0; i < tallies->len; i++) {
        *ret_n_open += ((const FlagTally *)g_ptr_array_index(tallies, i))->n_open;
        *ret_n_new += ((const FlagTally *)g_ptr_array_index(tallies, i))->n_new;
    }
}

static char *make_text(const Course *course, const GPtrArray *tallies, gint64 n_open, gint64 n_new,
                       const Trouble *trouble, const char *before)
{
    g_autofree char *id = text_escape_slack(course->id, max_name_bytes);
    g_autofree char *when = clock_format_local(clock_now_us(), course->zone);
    g_autoptr(GString) out = g_string_new(NULL);
    g_string_append_printf(out, "rubricd, %s, %s", id, when);
    for (guint i = 0; i < trouble->lines->len; i++)
        g_string_append_printf(out, "\nTrouble: %s", (const char *)g_ptr_array_index(trouble->lines, i));
    append_mended(trouble, before, out);
    if (n_open > 0)
        g_string_append_printf(out, "\n%" G_GINT64_FORMAT " flag%s open, %" G_GINT64_FORMAT " new", n_open,
                               n_open == 1 ? "" : "s", n_new);
    append_flags(tallies, out);
    g_string_append(out,
                    n_open > 0 ? "\n`rubric flags` and `rubric status` say more." : "\n`rubric status` says more.");
    return text_truncate(out->str, max_text_bytes);
}

/* ---- the digest
 * --------------------------------------------------------------------------------------------------------------- */

/* In one transaction, so that no flag falls between the count and the number from which the next one counts. */
static bool make(Store *store, const Config *config, const Course *course, const NoticeConfig *notice, Digest *ret,
                 GError **error)
{
    g_autoptr(NoticeRow) last = NULL;
    if (!store_notice_last_done(store, notice->name, &last, error) || !store_flag_newest(store, &ret->flag_id, error))
        return false;
    g_autoptr(GPtrArray) tallies = notice->about_flags
                                       ? store_flag_tally(store, last ? last->flag_id : 0, error)
                                       : g_ptr_array_new_with_free_func((GDestroyNotify)flag_tally_free);
    g_auto(Trouble)
        trouble = {.keys = g_ptr_array_new_with_free_func(g_free), .lines = g_ptr_array_new_with_free_func(g_free)};
    gint64 since_us = clock_now_us() - notice->every_us;
    if (!tallies || (notice->about_trouble && !find_trouble(store, config, course, since_us, &trouble, error)))
        return false;
    gint64 n_open = 0, n_new = 0;
    sum_flags(tallies, &n_open, &n_new);
    const char *before = last ? last->trouble : "";
    g_ptr_array_add(trouble.keys, NULL);
    ret->trouble = g_strjoinv("\n", (char **)trouble.keys->pdata);
    g_ptr_array_remove_index(trouble.keys, trouble.keys->len - 1);
    if (n_new > 0 || strcmp(ret->trouble, before) != 0)
        ret->text = make_text(course, tallies, n_open, n_new, &trouble, before);
    return true;
}

bool digest_make(Store *store, const Config *config, const Course *course, const NoticeConfig *notice, Digest *ret,
                 GError **error)
{
    if (!store_begin(store, error))
        return false;
    g_auto(Digest) digest = {0};
    if (!store_end(store, make(store, config, course, notice, &digest, error), error))
        return false;
    *ret = digest;
    digest = (Digest){0};
    return true;
}
