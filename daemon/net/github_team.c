/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a repository is, told by a team of GitHub: the only repository that the team may write to is its owner's. What
 * it may only read (a handout) does not count. One that it has beside another is never guessed.
 */
#include "daemon/net/source_github.h"

#include <string.h>

static const guint max_teams = 99; /* a connection each, and a hundred of them cost a point */
static const guint max_repositories = 20, max_named = 5;

/* ---- asking and reading --------------------------------------------------------------------------------------------
 */

static char *make_query(const GPtrArray *slugs, guint first, guint n)
{
    GString *query = g_string_new("query Teams($org: String!) { organization(login: $org) {");
    for (guint i = first; i < first + n; i++) {
        g_autoptr(cJSON) slug = cJSON_CreateString(g_ptr_array_index(slugs, i));
        g_autofree char *quoted = json_print(slug); /* strings of GraphQL are those of JSON */
        g_string_append_printf(query, " t%u: team(slug: %s) { ...T }", i - first, quoted);
    }
    /* Called as REST calls them, whose list is read by the same hand. */
    g_string_append_printf(
        query,
        " } rateLimit { cost remaining } } fragment T on Team { repositories(first: %u) { totalCount "
        "edges { permission node { id: databaseId node_id: id full_name: nameWithOwner archived: "
        "isArchived disabled: isDisabled fork: isFork size: diskUsage pushed_at: pushedAt } } } }",
        max_repositories);
    return g_string_free(query, FALSE);
}

void github_team_read(const cJSON *data, guint i, GithubTeam *ret_team)
{
    static const char *const writes[] = {"WRITE", "MAINTAIN", "ADMIN", NULL};
    g_autofree char *alias = g_strdup_printf("t%u", i);
    const cJSON *organization = cJSON_GetObjectItemCaseSensitive(data, "organization");
    const cJSON *repositories =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(organization, alias), "repositories");
    const cJSON *edges = cJSON_GetObjectItemCaseSensitive(repositories, "edges");
    g_autoptr(cJSON) writable = cJSON_CreateArray();
    const cJSON *each;
    cJSON_ArrayForEach(each, edges)
    {
        const cJSON *node = cJSON_GetObjectItemCaseSensitive(each, "node");
        if (node && g_strv_contains(writes, json_string_or(each, "permission", "")))
            cJSON_AddItemToArray(writable, cJSON_Duplicate(node, true));
    }
    github_listing_read_rest(writable, &ret_team->writable);
    ret_team->is_whole = json_int64_or(repositories, "totalCount", 0) <= cJSON_GetArraySize(edges);
}

/* ---- noting --------------------------------------------------------------------------------------------------------
 */

typedef struct {
    GithubTeam *teams;
    guint n;
    GString *without; /* slugs of those that have none, the first few */
    guint n_without;
} Page;

static void page_clear(Page *page)
{
    for (guint i = 0; i < page->n; i++)
        github_listing_clear(&page->teams[i].writable);
    g_free(page->teams);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Page, page_clear)

static bool flag_several(const GithubLook *look, const char *key, const GithubTeam *team, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);
    for (guint i = 0; i < MIN(team->writable.sights->len, max_named); i++) {
        const GithubSight *sight = g_ptr_array_index(team->writable.sights, i);
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", sight->full_name);
    }
    bool is_all = team->is_whole && team->writable.sights->len <= max_named;
    g_autofree char *message =
        g_strdup_printf("the GitHub team %s may write to more than one repository (%s%s): none is "
                        "taken until the team's `repo` in course.yaml says which",
                        key, names->str, is_all ? "" : ", and more");
    return github_flag_key(look, key, "owner", message, error);
}

static void count_without(Page *page, const char *slug)
{
    if (page->n_without++ < max_named)
        g_string_append_printf(page->without, "%s%s", page->without->len > 0 ? ", " : "", slug);
}

static bool note_team(const GithubLook *look, Page *page, const GithubTeam *team, GError **error)
{
    g_autofree char *key = github_team_key(look->context->course->github_organization, team->slug);
    const GPtrArray *sights = team->writable.sights;
    const gint64 *holder = g_hash_table_lookup(look->source->bindings, key);
    const GithubSight *only = sights->len == 1 && team->is_whole ? g_ptr_array_index(sights, 0) : NULL;
    for (guint i = 0; holder && i < sights->len; i++) {
        const GithubSight *sight = g_ptr_array_index(sights, i);
        if (sight->id == *holder)
            return true; /* it stays whose it is, whatever else the team has */
    }
    if (only)
        return github_repo_bind(look, only, key, error) && github_note_sight(look, only, error);
    if (sights->len > 0)
        return flag_several(look, key, team, error);
    if (!holder)
        count_without(page, team->slug);
    return true;
}

static bool write_page(const GithubLook *look, gpointer data, GError **error)
{
    Page *page = data;
    for (guint i = 0; i < page->n; i++) {
        if (!note_team(look, page, &page->teams[i], error))
            return false;
    }
    return github_bindings_save(look, error);
}

/* What this credential may not see looks like a team that is not there, but for its error. */
static const char *refusal_of(const cJSON *json)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(json, "errors"))
    {
        if (strcmp(json_string_or(each, "type", ""), "NOT_FOUND") != 0)
            return json_string_or(each, "message", "GitHub does not say why");
    }
    return NULL;
}

static bool ask(const GithubLook *look, const GPtrArray *slugs, guint first, Page *page, GError **error)
{
    g_autofree char *query = make_query(slugs, first, page->n);
    cJSON *variables = cJSON_CreateObject();
    json_add_string(variables, "org", look->context->course->github_organization);
    g_auto(GithubAnswer) answer = {0};
    if (!github_query(look->source->client, query, variables, 1, &answer, error))
        return false;
    if (answer.outcome != GITHUB_OK)
        return github_source_fail(look->source, &answer, "the repositories of GitHub teams cannot be listed", error);
    const char *refusal = refusal_of(answer.json);
    if (refusal)
        return error_set(error, RUBRIC_ERROR_DENIED,
                         "the repositories of GitHub teams cannot be listed: %s; it takes the organisation permission "
                         "Members, read",
                         refusal);
    for (guint i = 0; i < page->n; i++) {
        page->teams[i].slug = g_ptr_array_index(slugs, first + i);
        github_team_read(cJSON_GetObjectItemCaseSensitive(answer.json, "data"), i, &page->teams[i]);
    }
    if (github_in_transaction(look, write_page, page, error))
        return true;
    github_forget_all(look->source);
    return false;
}

static GPtrArray *list_wanted(const GithubLook *look, bool all)
{
    const GPtrArray *teams = look->source->table->teams;
    GPtrArray *wanted = g_ptr_array_new();
    for (guint i = 0; i < teams->len; i++) {
        char *slug = g_ptr_array_index(teams, i);
        g_autofree char *key = github_team_key(look->context->course->github_organization, slug);
        if (all || !g_hash_table_contains(look->source->bindings, key))
            g_ptr_array_add(wanted, slug);
    }
    return wanted;
}

bool github_teams_look(const GithubLook *look, bool all, GError **error)
{
    GithubSource *source = look->source;
    g_autoptr(GPtrArray) slugs = list_wanted(look, all);
    g_autoptr(GString) without = g_string_new(NULL);
    guint n_without = 0;
    for (guint first = 0; first < slugs->len; first += max_teams) {
        guint n = MIN(max_teams, slugs->len - first);
        g_auto(Page) page = {.teams = g_new0(GithubTeam, n), .n = n, .without = without, .n_without = n_without};
        if (!ask(look, slugs, first, &page, error))
            return false;
        n_without = page.n_without;
    }
    if (n_without > 0 && n_without != source->n_teams_without) {
        g_autofree char *number = g_strdup_printf("%u", n_without);
        log_event(LOG_WARNING, "github_teams_without_repository", "n", number, "first", without->str, NULL);
    }
    source->n_teams_without = n_without;
    return true;
}
