/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source github. A poll, in this order:
 *
 *   1. deliveries of the webhook become pushes to be taken;
 *   2. where GitHub teams tell whose a repository is, they are asked: all with a sweep, those without one in between;
 *   3. discovery: the repositories by newest push, page by page, as far as pushes are newer than the watermark less an
 *      overlap (an App: GraphQL, which tells the refs as well; a token: REST's first page by ETag);
 *   4. now and then a sweep of all, which sees what discovery missed, renames, pull requests and releases;
 *   5. refs of those that were only heard of, a page at a time;
 *   6. what is to be taken is fetched and offered, for as long as a slice: then the next poll looks for news first, so
 *      that a thousand pushes are seen at once however long it takes to fetch them.
 *
 * The watermark is GitHub's clock at the last discovery, or less: its newest push, and later what time has passed
 * since. A push that is listed as much as the overlap after it was made is seen; and pushes that lie back are not asked
 * for again, however many came at once, or whether there is none at all.
 *
 * A crash anywhere costs at most a look: deliveries are finished, pushes noted and submissions written each in one
 * transaction with what the source remembers.
 */
#include "daemon/net/source_github.h"

#include <string.h>
#include <unistd.h>

static const gint64 overlap_us = 120 * CLOCK_SECOND_US;
static const gint64 sweep_every_us = 900 * CLOCK_SECOND_US, sweep_near_us = 120 * CLOCK_SECOND_US;
/* The pages of sweeps are no more than a hundred an hour, but near a deadline. */
static const gint64 page_every_us = 36 * CLOCK_SECOND_US;
static const gint64 usual_slice_us = 2 * CLOCK_SECOND_US;
static const gint64 missed_every_us = 600 * CLOCK_SECOND_US;
static const gint64 near_deadline_us = CLOCK_HOUR_US, after_deadline_us = CLOCK_HOUR_US / 4;
static const guint max_pages = 1000;
static const gint64 keep_deliveries_us = 8 * CLOCK_DAY_US;

bool github_in_transaction(const GithubLook *look, bool (*write)(const GithubLook *look, gpointer data, GError **error),
                           gpointer data, GError **error)
{
    Store *store = look->context->store;
    return store_begin(store, error) && store_end(store, write(look, data, error), error);
}

void github_forget_all(GithubSource *source)
{
    g_hash_table_remove_all(source->repos);
    g_hash_table_remove_all(source->bindings);
    source->is_loaded = source->bindings_are_dirty = false;
    source->watermark_mono_us = 0;
    g_clear_pointer(&source->etag, g_free);
}

bool github_source_fail(GithubSource *source, const GithubAnswer *answer, const char *what, GError **error)
{
    if (answer->outcome == GITHUB_RETRY)
        source->base.interval_us = MAX(source->usual_us, MIN(answer->retry_at_us - clock_now_us(), CLOCK_HOUR_US));
    return error_set(error, answer->outcome == GITHUB_RETRY ? RUBRIC_ERROR_TEMPORARY : RUBRIC_ERROR_DENIED, "%s: %s",
                     what, answer->said ? answer->said : github_outcome_name(answer->outcome));
}

/* ---- discovery -----------------------------------------------------------------------------------------------------
 */

static bool write_page(const GithubLook *look, gpointer data, GError **error)
{
    const GithubListing *page = data;
    for (guint i = 0; i < page->sights->len; i++) {
        if (!github_note_sight(look, g_ptr_array_index(page->sights, i), error))
            return false;
    }
    return github_bindings_save(look, error);
}

static bool note_page(const GithubLook *look, GithubListing *page, GError **error)
{
    if (github_in_transaction(look, write_page, page, error))
        return true;
    github_forget_all(look->source);
    return false;
}

/* How far down discovery looks. Repositories never pushed to come last and are no news. */
static gint64 until_us(const GithubSource *source, bool is_sweep)
{
    return is_sweep ? G_MININT64 : MAX(source->watermark_us - overlap_us, 1);
}

/* Of a discovery that is complete; `mono_us`: when its first page was there, whose newest push is given. */
static void raise_watermark(GithubSource *source, gint64 newest_us, gint64 mono_us)
{
    gint64 passed_us = source->watermark_mono_us > 0 ? mono_us - source->watermark_mono_us : 0;
    source->watermark_us = MAX(source->watermark_us + passed_us, newest_us);
    source->watermark_mono_us = mono_us;
}

static void find_span(const GithubListing *page, gint64 *ret_newest_us, gint64 *ret_oldest_us)
{
    *ret_newest_us = 0;
    *ret_oldest_us = G_MININT64;
    for (guint i = 0; i < page->sights->len; i++) {
        *ret_oldest_us = ((const GithubSight *)g_ptr_array_index(page->sights, i))->pushed_us;
        *ret_newest_us = MAX(*ret_newest_us, *ret_oldest_us);
    }
}

/* *ret_oldest_us: of the page's last repository. */
static bool ask_page(const GithubLook *look, char **after, gint64 *ret_newest_us, gint64 *ret_oldest_us, GError **error)
{
    GithubSource *source = look->source;
    const GithubInterest *interest = &source->table->interest;
    g_autofree char *query = github_listing_query(interest);
    cJSON *variables = cJSON_CreateObject();
    json_add_string(variables, "org", look->context->course->github_organization);
    json_add_string(variables, "after", *after);
    json_add_int64(variables, "n", github_listing_size(interest));
    g_auto(GithubAnswer) answer = {0};
    if (!github_query(source->client, query, variables, 1, &answer, error))
        return false;
    if (answer.outcome != GITHUB_OK)
        return github_source_fail(source, &answer, "the organisation's repositories cannot be listed", error);
    g_auto(GithubListing) page = {0};
    github_listing_read(cJSON_GetObjectItemCaseSensitive(answer.json, "data"), interest, &page);
    g_free(*after);
    *after = g_steal_pointer(&page.next);
    find_span(&page, ret_newest_us, ret_oldest_us);
    return note_page(look, &page, error);
}

/* Pages of newest pushes down to the watermark; `is_sweep`: all of them. *ret_n_pages counts them. */
static bool discover(const GithubLook *look, bool is_sweep, guint *ret_n_pages, GError **error)
{
    GithubSource *source = look->source;
    gint64 last_us = until_us(source, is_sweep), first_us = 0, first_mono_us = 0;
    g_autofree char *after = NULL;
    for (guint i = 0; i < max_pages; i++) {
        gint64 newest_us = 0, oldest_us = 0;
        if (!ask_page(look, &after, &newest_us, &oldest_us, error))
            return false;
        if (i == 0) {
            first_us = newest_us;
            first_mono_us = clock_monotonic_us();
        }
        *ret_n_pages = i + 1;
        if (!after || oldest_us < last_us)
            break;
    }
    raise_watermark(source, first_us, first_mono_us);
    return true;
}

/* A token's way: the list's first page, by ETag free while nothing moves; further pages as far as pushes are new. */
static bool discover_by_rest(const GithubLook *look, bool is_sweep, guint *ret_n_pages, GError **error)
{
    GithubSource *source = look->source;
    gint64 last_us = until_us(source, is_sweep), first_us = 0, first_mono_us = 0;
    g_autofree char *path = g_strdup_printf("/orgs/%s/repos?type=all&sort=pushed&direction=desc&per_page=100",
                                            look->context->course->github_organization);
    for (guint i = 0; path && i < max_pages; i++) {
        const GithubCall call = {.path = path, .etag = i == 0 && !is_sweep ? source->etag : NULL};
        g_auto(GithubAnswer) answer = {0};
        if (!github_call(source->client, &call, &answer, error))
            return false;
        if (answer.outcome == GITHUB_NOT_MODIFIED) {
            raise_watermark(source, 0, clock_monotonic_us());
            return true;
        }
        if (answer.outcome != GITHUB_OK)
            return github_source_fail(source, &answer, "the organisation's repositories cannot be listed", error);
        g_auto(GithubListing) page = {0};
        gint64 newest_us = 0, oldest_us = 0;
        github_listing_read_rest(answer.json, &page);
        find_span(&page, &newest_us, &oldest_us);
        if (!note_page(look, &page, error))
            return false;
        if (i == 0) {
            first_us = newest_us;
            first_mono_us = clock_monotonic_us();
            g_free(source->etag);
            /* Only of a page that goes down to the watermark: what stands below it is unchanged as well then. */
            source->etag = oldest_us < until_us(source, false) ? g_steal_pointer(&answer.etag) : NULL;
        }
        *ret_n_pages = i + 1;
        g_free(path);
        path = oldest_us < last_us ? NULL : g_steal_pointer(&answer.next);
    }
    raise_watermark(source, first_us, first_mono_us);
    return true;
}

static GPtrArray *list_wanting(const GithubSource *source, bool (*wants)(const GithubRepo *repo))
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, source->repos);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const GithubRepo *repo = value;
        if (repo->watches && wants(repo))
            g_ptr_array_add(list, value);
    }
    return list;
}

static bool wants_sight(const GithubRepo *repo)
{
    return repo->wants_sight && repo->node_id;
}

/* The refs of `n` repositories from `first`. One that is not told of any more asks no further. */
static bool ask_refs(const GithubLook *look, const GPtrArray *repos, guint first, guint n, GError **error)
{
    GithubSource *source = look->source;
    g_autofree char *query = github_nodes_query(&source->table->interest);
    cJSON *variables = cJSON_CreateObject();
    cJSON *ids = json_add(variables, "ids", cJSON_CreateArray());
    for (guint i = first; i < first + n; i++) {
        GithubRepo *repo = g_ptr_array_index(repos, i);
        cJSON_AddItemToArray(ids, cJSON_CreateString(repo->node_id));
    }
    g_auto(GithubAnswer) answer = {0};
    if (!github_query(source->client, query, variables, 1, &answer, error))
        return false;
    if (answer.outcome != GITHUB_OK && answer.outcome != GITHUB_NOT_FOUND)
        return github_source_fail(source, &answer, "the refs of repositories cannot be read", error);
    g_auto(GithubListing) page = {0};
    github_listing_read(cJSON_GetObjectItemCaseSensitive(answer.json, "data"), &source->table->interest, &page);
    for (guint i = first; i < first + n; i++)
        ((GithubRepo *)g_ptr_array_index(repos, i))->wants_sight = false;
    return note_page(look, &page, error);
}

static bool look_closer(const GithubLook *look, GError **error)
{
    g_autoptr(GPtrArray) repos = list_wanting(look->source, wants_sight);
    guint size = github_listing_size(&look->source->table->interest);
    for (guint first = 0; first < repos->len; first += size) {
        if (!ask_refs(look, repos, first, MIN(size, repos->len - first), error))
            return false;
    }
    return true;
}

/* ---- taking --------------------------------------------------------------------------------------------------------
 */

static bool has_pushes(const GithubRepo *repo)
{
    return repo->pushes->len > 0;
}

/* It may be called otherwise by now; so its name is asked for with its refs. */
static bool note_failure(const GithubLook *look, GithubRepo *repo, const GError *why, GError **error)
{
    bool is_news = false;
    git_repo_note_failure(&repo->git, look->source->usual_us, &is_news);
    repo->wants_sight = true;
    log_event(LOG_WARNING, "repository_failed", "url", repo->git.public_url, "error", why->message, NULL);
    const GithubWatch *watch = g_ptr_array_index(repo->watches, 0);
    return !is_news || git_repo_flag_failure(look->context, &repo->git, watch->owner, why, error);
}

/* For git from now on; closed by take_some. */
static bool give_credential(GithubLook *look, GError **error)
{
    g_auto(GithubAnswer) answer = {0};
    int fd = -1;
    if (!github_git_credential(look->source->client, &fd, &answer, error))
        return false;
    if (fd < 0)
        return github_source_fail(look->source, &answer, "there is no credential for git", error);
    if (look->git.credential_fd > 0)
        close(look->git.credential_fd);
    look->git.credential_fd = fd;
    look->n_dropped = look->source->client->n_dropped;
    return true;
}

static bool take_one(GithubLook *look, GithubRepo *repo, GError **error)
{
    g_autoptr(GError) problem = NULL;
    bool done = github_take(look, repo, &problem);
    if (!done && problem->code == RUBRIC_ERROR_DENIED && !look->is_renewed) {
        /* Expired or taken back, or replaced in its file: a fresh one, once a look. */
        look->is_renewed = true;
        if (look->source->client->n_dropped == look->n_dropped)
            github_token_drop(look->source->client);
        if (!give_credential(look, error))
            return false;
        g_clear_error(&problem);
        done = github_take(look, repo, &problem);
    }
    if (!done)
        return note_failure(look, repo, problem, error);
    repo->git.n_failures = repo->git.next_try_mono_us = 0;
    return true;
}

static gint64 waits_since_us(const GithubRepo *repo)
{
    gint64 oldest_us = G_MAXINT64;
    for (guint i = 0; i < repo->pushes->len; i++)
        oldest_us = MIN(oldest_us, ((const GithubPush *)g_ptr_array_index(repo->pushes, i))->at_us);
    return oldest_us;
}

static gint by_waiting(gconstpointer a, gconstpointer b)
{
    const GithubRepo *left = *(const GithubRepo *const *)a, *right = *(const GithubRepo *const *)b;
    gint64 left_us = waits_since_us(left), right_us = waits_since_us(right);
    if (left_us != right_us)
        return left_us < right_us ? -1 : 1;
    return (left->id > right->id) - (left->id < right->id);
}

/* Who waits longest comes first, so that one who pushes all the time does not keep others waiting from slice to slice.
 */
static bool take_slice(GithubLook *look, const GPtrArray *repos, GError **error)
{
    gint64 end_us = clock_monotonic_us() + look->source->slice_us;
    for (guint i = 0; i < repos->len && !look->is_cut; i++) {
        GithubRepo *repo = g_ptr_array_index(repos, i);
        if (repo->git.next_try_mono_us > clock_monotonic_us())
            continue;
        if (!take_one(look, repo, error))
            return false;
        look->is_cut = i + 1 < repos->len && clock_monotonic_us() >= end_us;
    }
    return true;
}

static bool take_some(GithubLook *look, GError **error)
{
    g_autoptr(GPtrArray) repos = list_wanting(look->source, has_pushes);
    look->n_waiting = repos->len;
    if (repos->len == 0)
        return true;
    g_ptr_array_sort(repos, by_waiting);
    bool done = give_credential(look, error) && take_slice(look, repos, error);
    if (look->git.credential_fd > 0)
        close(look->git.credential_fd);
    look->git.credential_fd = 0;
    return done;
}

/* ---- when ----------------------------------------------------------------------------------------------------------
 */

/* To the deadline that is nearest, of what GitHub is watched for: as github_budget_pace_us takes it. */
static gint64 to_deadline_us(const GithubLook *look)
{
    gint64 nearest_us = G_MAXINT64;
    const GPtrArray *assignments = look->context->course->assignments;
    for (guint i = 0; i < assignments->len; i++) {
        const Assignment *each = g_ptr_array_index(assignments, i);
        bool is_watched = each->git_branch || each->git_tag || each->git_pull_request || each->git_release;
        bool is_over = each->deadline_us + after_deadline_us < look->look_us;
        if (is_watched && !is_over && each->deadline_us != G_MAXINT64)
            nearest_us = MIN(nearest_us, each->deadline_us - look->look_us);
    }
    return nearest_us;
}

static bool plan(const GithubLook *look, GError **error)
{
    GithubSource *source = look->source;
    g_auto(GithubBudget) budget = {0};
    if (!github_budget_read(look->context->store, &budget, error))
        return false;
    source->base.pace_us = github_budget_pace_us(&budget, source->usual_us, to_deadline_us(look), clock_now_us());
    source->base.interval_us = source->base.pace_us;
    source->next_look_mono_us = clock_monotonic_us() + source->base.interval_us;
    return true;
}

static gint64 sweep_wait_us(const GithubLook *look, guint n_pages)
{
    const GithubInterest *interest = &look->source->table->interest;
    bool is_hidden = interest->releases || interest->bases->len > 0;
    bool is_near = to_deadline_us(look) < near_deadline_us;
    return is_hidden && is_near ? sweep_near_us : MAX(sweep_every_us, n_pages * page_every_us);
}

static bool look_around(const GithubLook *look, GError **error)
{
    GithubSource *source = look->source;
    gint64 mono_us = clock_monotonic_us();
    bool is_sweep = mono_us >= source->next_sweep_mono_us || source->watermark_mono_us == 0;
    guint n_pages = 0;
    if ((is_sweep || source->has_met_nobodys) && !github_teams_look(look, is_sweep, error))
        return false;
    bool done = github_config_is_app(source->config) ? discover(look, is_sweep, &n_pages, error)
                                                     : discover_by_rest(look, is_sweep, &n_pages, error);
    source->has_met_nobodys = source->has_met_nobodys && !is_sweep; /* which meets them all, and asked all teams */
    if (!done || !look_closer(look, error) || (is_sweep && !github_note_missing(look, error)))
        return false;
    source->looked_us = look->look_us;
    if (is_sweep) {
        source->next_sweep_mono_us = mono_us + sweep_wait_us(look, n_pages);
        if (!store_delivery_prune(look->context->store, look->look_us - keep_deliveries_us, error))
            return false;
    }
    return plan(look, error);
}

/* ---- the source ----------------------------------------------------------------------------------------------------
 */

static bool make_ready(const GithubLook *look, GError **error)
{
    GithubSource *source = look->source;
    const Course *course = look->context->course;
    if (!course->github_organization)
        return error_set(error, RUBRIC_ERROR_INVALID,
                         "course.yaml has no connections.github: say which organisation, and how its repositories are "
                         "called");
    if (!source->client)
        source->client = github_client_new(source->config, look->context->store, "intake", error);
    if (!source->client)
        return false;
    github_client_use_organization(source->client, course->github_organization);
    if (source->course != course) {
        github_watch_table_free(source->table);
        source->table = github_watch_table_new(course);
        source->course = course;
        source->watermark_mono_us = 0; /* somebody new may be watched */
        g_clear_pointer(&source->etag, g_free);
        github_repos_rewatch(source);
    }
    return source->is_loaded || github_bindings_load(look, error);
}

static void count_pending(GithubSource *source)
{
    g_autoptr(GPtrArray) waiting = list_wanting(source, has_pushes);
    source->base.n_pending = 0;
    for (guint i = 0; i < waiting->len; i++) {
        const GithubRepo *repo = g_ptr_array_index(waiting, i);
        source->base.n_pending += repo->git.n_failures == 0 || git_repo_is_pending(&repo->git);
    }
}

static bool github_poll(Source *base, SourceContext *context, guint *ret_n_new, GError **error)
{
    GithubSource *source = (GithubSource *)base;
    *ret_n_new = 0;
    GithubLook look = {
        .source = source,
        .context = context,
        .git = {.state_folder = context->state_folder,
                .timeout_ms = context->git_timeout_ms,
                .max_bytes = context->git_max_bytes},
        .look_us = clock_now_us(),
        .n_new = ret_n_new,
    };
    base->interval_us = source->usual_us;
    if (!make_ready(&look, error) || !github_hook_take(&look, error))
        return false;
    gint64 mono_us = clock_monotonic_us();
    if (mono_us >= source->next_look_mono_us && !look_around(&look, error))
        return false;
    if (mono_us >= source->next_missed_mono_us) {
        source->next_missed_mono_us = mono_us + missed_every_us;
        if (!github_hook_fetch_missed(&look, error))
            return false;
    }
    bool done = look_closer(&look, error) && take_some(&look, error);
    count_pending(source);
    /* Woken in between, it looks again when it is due. */
    gint64 to_look_us = MAX(source->next_look_mono_us - clock_monotonic_us(), CLOCK_SECOND_US / 10);
    base->interval_us = done && look.is_cut ? 0 : to_look_us;
    return done;
}

static void github_free(Source *base)
{
    GithubSource *source = (GithubSource *)base;
    github_client_free(source->client);
    g_hash_table_unref(source->repos);
    g_hash_table_unref(source->bindings);
    github_watch_table_free(source->table);
    g_free(source->etag);
    g_free(source);
}

Source *source_github_new(const char *name, const GithubConfig *config, gint64 interval_us)
{
    static const SourceClass class = {.kind = "github", .poll = github_poll, .free = github_free, .is_woken = true};
    GithubSource *source = g_new0(GithubSource, 1);
    source->base = (Source){.class = &class, .name = g_strdup(name), .interval_us = interval_us};
    source->config = config;
    source->usual_us = interval_us;
    source->slice_us = usual_slice_us;
    source->repos = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, github_repo_free);
    source->bindings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return &source->base;
}
