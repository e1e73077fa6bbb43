/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GitHub tells of repositories. A connection costs a hundredth of a point for each of its parents, so a page is as
 * long as one point allows; a ref by its name costs nothing.
 */
#include "daemon/net/source_github.h"

#include <string.h>

static const guint max_page = 100, n_tags = 50, n_pulls = 20, n_releases = 20;
static const guint n_for_a_point = 99;
static const gsize max_ref_bytes = 255;

void github_push_free(gpointer data)
{
    GithubPush *push = data;
    g_free(push->ref);
    g_free(push->sha);
    g_free(push->login);
    g_free(push->base);
    g_free(push->head);
    g_free(push);
}

void github_sight_free(gpointer data)
{
    GithubSight *sight = data;
    g_free(sight->node_id);
    g_free(sight->full_name);
    g_ptr_array_unref(sight->refs);
    g_free(sight);
}

void github_listing_clear(GithubListing *page)
{
    g_clear_pointer(&page->sights, g_ptr_array_unref);
    g_clear_pointer(&page->next, g_free);
}

bool github_ref_is_plain(const char *ref)
{
    if (!*ref || strlen(ref) > max_ref_bytes || !g_utf8_validate(ref, -1, NULL) || strstr(ref, ".."))
        return false;
    for (const char *at = ref; *at; at++) {
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr("~^:?*[\\", *at))
            return false;
    }
    return true;
}

/* ---- asking --------------------------------------------------------------------------------------------------------
 */

/* Strings of GraphQL are those of JSON. */
static char *quote(const char *text)
{
    g_autoptr(cJSON) json = cJSON_CreateString(text);
    return json_print(json);
}

static void add_fields(GString *query, const GithubInterest *interest)
{
    g_string_append(query, "fragment R on Repository { id databaseId nameWithOwner isArchived isDisabled isFork "
                           "diskUsage pushedAt");
    for (guint i = 0; i < interest->branches->len; i++) {
        g_autofree char *name = quote(g_ptr_array_index(interest->branches, i));
        g_string_append_printf(query, " b%u: ref(qualifiedName: %s) { target { oid } }", i, name);
    }
    if (interest->tags)
        g_string_append_printf(query,
                               " tags: refs(refPrefix: \"refs/tags/\", first: %u, orderBy: {field: TAG_COMMIT_DATE, "
                               "direction: DESC}) { totalCount nodes { name target { oid } } }",
                               n_tags);
    for (guint i = 0; i < interest->bases->len; i++) {
        g_autofree char *name = quote(g_ptr_array_index(interest->bases, i));
        g_string_append_printf(query,
                               " p%u: pullRequests(first: %u, baseRefName: %s, orderBy: {field: UPDATED_AT, direction: "
                               "DESC}) { nodes { number createdAt updatedAt headRefName headRefOid isCrossRepository "
                               "author { login } } }",
                               i, n_pulls, name);
    }
    if (interest->releases)
        g_string_append_printf(query,
                               " releases(first: %u, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { tagName "
                               "isDraft publishedAt author { login } tagCommit { oid } } }",
                               n_releases);
    g_string_append(query, " }");
}

char *github_listing_query(const GithubInterest *interest)
{
    GString *query = g_string_new("query Discover($org: String!, $after: String, $n: Int!) { organization(login: $org) "
                                  "{ repositories(first: $n, after: $after, orderBy: {field: PUSHED_AT, direction: "
                                  "DESC}) { pageInfo { hasNextPage endCursor } nodes { ...R } } } rateLimit { cost "
                                  "remaining } } ");
    add_fields(query, interest);
    return g_string_free(query, FALSE);
}

char *github_nodes_query(const GithubInterest *interest)
{
    GString *query =
        g_string_new("query Look($ids: [ID!]!) { nodes(ids: $ids) { ...R } rateLimit { cost remaining } } ");
    add_fields(query, interest);
    return g_string_free(query, FALSE);
}

guint github_listing_size(const GithubInterest *interest)
{
    guint n_connections = interest->bases->len + interest->tags + interest->releases;
    return n_connections == 0 ? max_page : MAX(n_for_a_point / n_connections, 1);
}

/* ---- reading -------------------------------------------------------------------------------------------------------
 */

static gint64 time_us(const cJSON *json, const char *key)
{
    gint64 at_us = github_time_us(json_string_or(json, key, NULL));
    return at_us > 0 ? at_us + clock_offset_us() : 0;
}

static GithubPush *add_ref(GithubSight *sight, const char *ref, const char *sha, gint64 at_us)
{
    if (!github_ref_is_plain(ref) || !github_sha_is_plain(sha))
        return NULL;
    GithubPush *push = g_new0(GithubPush, 1);
    push->ref = g_strdup(ref);
    push->sha = g_strdup(sha);
    push->at_us = at_us;
    g_ptr_array_add(sight->refs, push);
    return push;
}

static const cJSON *target_of(const cJSON *ref)
{
    return cJSON_GetObjectItemCaseSensitive(ref, "target");
}

static const cJSON *nodes_of(const cJSON *node, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(node, key), "nodes");
}

static char *login_of(const cJSON *node)
{
    return g_strdup(json_string_or(cJSON_GetObjectItemCaseSensitive(node, "author"), "login", NULL));
}

static void read_tags(const cJSON *node, GithubSight *sight)
{
    const cJSON *list = nodes_of(node, "tags");
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        g_autofree char *name = g_strconcat("refs/tags/", json_string_or(each, "name", ""), NULL);
        add_ref(sight, name, json_string_or(target_of(each), "oid", NULL), sight->pushed_us);
    }
    gint64 n = json_int64_or(cJSON_GetObjectItemCaseSensitive(node, "tags"), "totalCount", G_MAXINT64);
    sight->is_whole = sight->is_whole && n <= cJSON_GetArraySize(list);
}

/* The moment of the last push to it is not told here; its last change of any kind is an upper bound. */
static void read_pulls(const cJSON *list, const char *base, GithubSight *sight)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        g_autofree char *name =
            g_strdup_printf("refs/pull/%" G_GINT64_FORMAT "/head", json_int64_or(each, "number", 0));
        GithubPush *push = github_pull_of_ref(name) > 0 ? add_ref(sight, name, json_string_or(each, "headRefOid", NULL),
                                                                  time_us(each, "updatedAt"))
                                                        : NULL;
        if (!push)
            continue;
        push->login = login_of(each);
        push->base = g_strdup(base);
        push->not_before_us = time_us(each, "createdAt");
        if (!json_bool_or(each, "isCrossRepository", true))
            push->head = g_strdup(json_string_or(each, "headRefName", NULL));
    }
}

static void read_releases(const cJSON *list, GithubSight *sight)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        gint64 published_us = time_us(each, "publishedAt");
        if (published_us == 0 || json_bool_or(each, "isDraft", true))
            continue;
        g_autofree char *name = g_strconcat("releases/", json_string_or(each, "tagName", ""), NULL);
        const cJSON *commit = cJSON_GetObjectItemCaseSensitive(each, "tagCommit");
        GithubPush *push = add_ref(sight, name, json_string_or(commit, "oid", NULL), published_us);
        if (!push)
            continue;
        push->login = login_of(each);
        push->is_sure = true;
    }
}

static void read_refs(const cJSON *node, const GithubInterest *interest, GithubSight *sight)
{
    char alias[16];
    sight->has_refs = sight->is_whole = true;
    for (guint i = 0; i < interest->branches->len; i++) {
        g_snprintf(alias, sizeof alias, "b%u", i);
        const cJSON *target = target_of(cJSON_GetObjectItemCaseSensitive(node, alias));
        add_ref(sight, g_ptr_array_index(interest->branches, i), json_string_or(target, "oid", NULL), sight->pushed_us);
    }
    if (interest->tags)
        read_tags(node, sight);
    for (guint i = 0; i < interest->bases->len; i++) {
        g_snprintf(alias, sizeof alias, "p%u", i);
        read_pulls(nodes_of(node, alias), g_ptr_array_index(interest->bases, i), sight);
    }
    if (interest->releases)
        read_releases(nodes_of(node, "releases"), sight);
}

/* "owner/name", as it goes into URLs. */
static bool full_name_is_plain(const char *name)
{
    return name && g_regex_match_simple("^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$", name, 0, 0) &&
           !g_str_has_suffix(name, "/.") && !g_str_has_suffix(name, "/..");
}

/* What the two interfaces call the same things. */
typedef struct {
    const char *id, *node_id, *full_name, *size_kib, *pushed, *archived, *disabled, *fork;
} SightNames;

/* NULL: it lacks what a repository must have. */
static GithubSight *sight_read(const cJSON *json, const SightNames *names)
{
    gint64 id = json_int64_or(json, names->id, 0);
    const char *node_id = json_string_or(json, names->node_id, NULL);
    const char *full_name = json_string_or(json, names->full_name, NULL);
    if (id <= 0 || !node_id || !full_name_is_plain(full_name))
        return NULL;
    GithubSight *sight = g_new0(GithubSight, 1);
    sight->id = id;
    sight->node_id = g_strdup(node_id);
    sight->full_name = g_strdup(full_name);
    sight->size_kib = json_int64_or(json, names->size_kib, 0);
    sight->pushed_us = time_us(json, names->pushed);
    sight->is_archived = json_bool_or(json, names->archived, false);
    sight->is_disabled = json_bool_or(json, names->disabled, false);
    sight->is_fork = json_bool_or(json, names->fork, false);
    sight->refs = g_ptr_array_new_with_free_func(github_push_free);
    return sight;
}

void github_listing_read(const cJSON *data, const GithubInterest *interest, GithubListing *ret_page)
{
    static const SightNames names = {"databaseId", "id",         "nameWithOwner", "diskUsage",
                                     "pushedAt",   "isArchived", "isDisabled",    "isFork"};
    *ret_page = (GithubListing){.sights = g_ptr_array_new_with_free_func(github_sight_free)};
    const cJSON *list =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(data, "organization"), "repositories");
    const cJSON *nodes = cJSON_GetObjectItemCaseSensitive(list ? list : data, "nodes");
    const cJSON *node;
    cJSON_ArrayForEach(node, nodes)
    {
        GithubSight *sight = sight_read(node, &names);
        if (!sight)
            continue;
        read_refs(node, interest, sight);
        g_ptr_array_add(ret_page->sights, sight);
    }
    const cJSON *info = cJSON_GetObjectItemCaseSensitive(list, "pageInfo");
    if (json_bool_or(info, "hasNextPage", false))
        ret_page->next = g_strdup(json_string_or(info, "endCursor", NULL));
}

void github_listing_read_rest(const cJSON *list, GithubListing *ret_page)
{
    static const SightNames names = {"id", "node_id", "full_name", "size", "pushed_at", "archived", "disabled", "fork"};
    *ret_page = (GithubListing){.sights = g_ptr_array_new_with_free_func(github_sight_free)};
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        GithubSight *sight = sight_read(each, &names);
        if (sight)
            g_ptr_array_add(ret_page->sights, sight);
    }
}
