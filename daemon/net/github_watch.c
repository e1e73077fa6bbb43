/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which repository is whose: a team's attribute `repo`, or the only one of a GitHub team ("@org/slug", asked for in
 * github_team.c), or the one whose name the pattern of course.yaml gives for an owner. A name is bound to the number of
 * the repository that bore it first, so that a renamed repository stays whose it is, and a new one under the old name
 * takes nobody's place unseen.
 */
#include "daemon/net/source_github.h"

#include <fnmatch.h>
#include <string.h>

const char github_results_ref[] = "refs/heads/" RESULTS_BRANCH;

static void watch_free(gpointer data)
{
    GithubWatch *watch = data;
    g_free(watch->assignment);
    g_free(watch->owner);
    g_free(watch->branch);
    g_free(watch->tag);
    g_free(watch->base);
    g_free(watch->release);
    g_free(watch);
}

/* What we push ourselves is never handed in, whatever an assignment asks for. */
static bool is_of_results(const GithubPush *push)
{
    return strcmp(push->ref, github_results_ref) == 0 || g_strcmp0(push->head, RESULTS_BRANCH) == 0;
}

bool github_watch_wants(const GithubWatch *watch, const GithubPush *push)
{
    if (is_of_results(push))
        return false;
    if (github_pull_of_ref(push->ref) > 0)
        return watch->base && g_strcmp0(watch->base, push->base) == 0;
    return (watch->branch && strcmp(watch->branch, push->ref) == 0) ||
           (watch->tag && fnmatch(watch->tag, push->ref, 0) == 0) ||
           (watch->release && fnmatch(watch->release, push->ref, 0) == 0);
}

/* "https://github.com/org/name.git", "git@github.com:org/name", "org/name", "name" -> lower-case "org/name". */
static char *plain_name(const char *text, const char *organization)
{
    g_autofree char *whole = g_ascii_strdown(text, -1);
    while (g_str_has_suffix(whole, "/"))
        whole[strlen(whole) - 1] = '\0';
    if (g_str_has_suffix(whole, ".git"))
        whole[strlen(whole) - strlen(".git")] = '\0';
    char *name = strrchr(whole, '/');
    if (!name) {
        g_autofree char *lower = g_ascii_strdown(organization, -1);
        return g_strconcat(lower, "/", whole, NULL);
    }
    char *owner = name;
    while (owner > whole && !strchr("/:", owner[-1]))
        owner--;
    return g_strdup(owner);
}

char *github_team_key(const char *organization, const char *slug)
{
    g_autofree char *whole = g_strdup_printf("@%s/%s", organization, slug);
    return g_ascii_strdown(whole, -1);
}

static char *expand(const Course *course, const Assignment *assignment, const char *owner, const char *pattern)
{
    g_autoptr(Placeholders) placeholders = course_placeholders(course, assignment, owner, NULL);
    return placeholders && pattern ? placeholders_expand(placeholders, pattern, NULL) : NULL;
}

static void add_once(GPtrArray *list, char *text)
{
    if (text && !g_ptr_array_find_with_equal_func(list, text, g_str_equal, NULL))
        g_ptr_array_add(list, text);
    else
        g_free(text);
}

/* By what an owner's repository is known; NULL: by nothing. */
static char *owner_repository(GithubWatchTable *table, const Course *course, const Assignment *assignment,
                              const char *owner)
{
    const Team *team = assignment->owner_kind == OWNER_TEAM ? course_team(course, owner) : NULL;
    const char *own = team ? g_hash_table_lookup(team->attributes, "repo") : NULL;
    if (own)
        return plain_name(own, course->github_organization);
    if (team && course->github_team) {
        g_autofree char *given = expand(course, assignment, owner, course->github_team);
        char *slug = given ? g_ascii_strdown(given, -1) : NULL;
        g_autofree char *key = slug ? github_team_key(course->github_organization, slug) : NULL;
        add_once(table->teams, slug);
        return g_steal_pointer(&key);
    }
    g_autofree char *name = expand(course, assignment, owner, course->github_repositories);
    return name ? plain_name(name, course->github_organization) : NULL;
}

static char *prefixed(const char *prefix, const char *name)
{
    return name ? g_strconcat(prefix, name, NULL) : NULL;
}

static void watch_owner(GithubWatchTable *table, const Course *course, const Assignment *assignment, const char *owner)
{
    g_autofree char *name = owner_repository(table, course, assignment, owner);
    if (!name)
        return;
    GithubWatch *watch = g_new0(GithubWatch, 1);
    *watch = (GithubWatch){
        .assignment = g_strdup(assignment->id),
        .owner = g_strdup(owner),
        .branch = prefixed("refs/heads/", assignment->git_branch),
        .tag = prefixed("refs/tags/", assignment->git_tag),
        .base = g_strdup(assignment->git_pull_request),
        .release = prefixed("releases/", assignment->git_release),
    };
    GPtrArray *watches = g_hash_table_lookup(table->by_name, name);
    if (!watches) {
        watches = g_ptr_array_new_with_free_func(watch_free);
        g_hash_table_insert(table->by_name, g_steal_pointer(&name), watches);
    }
    g_ptr_array_add(watches, watch);
}

static void watch_assignment(GithubWatchTable *table, const Course *course, const Assignment *assignment)
{
    add_once(table->interest.branches, prefixed("refs/heads/", assignment->git_branch));
    add_once(table->interest.bases, g_strdup(assignment->git_pull_request));
    table->interest.tags = table->interest.tags || assignment->git_tag;
    table->interest.releases = table->interest.releases || assignment->git_release;
    for (guint i = 0; assignment->owner_kind == OWNER_TEAM && i < course->teams->len; i++)
        watch_owner(table, course, assignment, ((const Team *)g_ptr_array_index(course->teams, i))->id);
    for (guint i = 0; assignment->owner_kind == OWNER_PERSON && i < course->people->len; i++) {
        const Person *person = g_ptr_array_index(course->people, i);
        if (person->status == STATUS_STUDENT || person->status == STATUS_AUDIT)
            watch_owner(table, course, assignment, person->id);
    }
}

GithubWatchTable *github_watch_table_new(const Course *course)
{
    GithubWatchTable *table = g_new0(GithubWatchTable, 1);
    table->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    table->interest.branches = g_ptr_array_new_with_free_func(g_free);
    table->interest.bases = g_ptr_array_new_with_free_func(g_free);
    table->teams = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; course->github_organization && i < course->assignments->len; i++) {
        const Assignment *assignment = g_ptr_array_index(course->assignments, i);
        if (assignment->git_branch || assignment->git_tag || assignment->git_pull_request || assignment->git_release)
            watch_assignment(table, course, assignment);
    }
    if (table->interest.tags) /* a tag is dated by the repository's last push, which must not be ours */
        add_once(table->interest.branches, g_strdup(github_results_ref));
    return table;
}

void github_watch_table_free(GithubWatchTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->by_name);
    g_ptr_array_unref(table->interest.branches);
    g_ptr_array_unref(table->interest.bases);
    g_ptr_array_unref(table->teams);
    g_free(table);
}
