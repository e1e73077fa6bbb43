/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/github_place.h"

#include "daemon/net/source.h"

#include <string.h>

static const gsize sha_length = 40;

void github_place_clear(GithubPlace *place)
{
    g_free(place->full_name);
    g_free(place->ref);
    g_free(place->sha);
    *place = (GithubPlace){0};
}

gint64 github_pull_of_ref(const char *ref)
{
    const char prefix[] = "refs/pull/", suffix[] = "/head";
    if (!g_str_has_prefix(ref, prefix) || !g_str_has_suffix(ref, suffix))
        return 0;
    const char *digits = ref + strlen(prefix);
    char *end = NULL;
    guint64 number = g_ascii_strtoull(digits, &end, 10);
    bool is_number = g_ascii_isdigit(*digits) && strcmp(end, suffix) == 0 && number > 0 && number <= G_MAXINT32;
    return is_number ? (gint64)number : 0;
}

static bool ref_is_known(const char *ref)
{
    return (g_str_has_prefix(ref, "refs/heads/") && ref[strlen("refs/heads/")]) ||
           (g_str_has_prefix(ref, "refs/tags/") && ref[strlen("refs/tags/")]) ||
           (g_str_has_prefix(ref, "releases/") && ref[strlen("releases/")]) || github_pull_of_ref(ref) > 0;
}

/* "https://github.com/OWNER/NAME#REF" -> "OWNER/NAME"; NULL: it has another form. */
static char *read_full_name(const char *location, const char *ref)
{
    const char *mark = location ? strchr(location, '#') : NULL;
    if (!mark || strcmp(mark + 1, ref) != 0)
        return NULL;
    g_autofree char *url = g_strndup(location, (gsize)(mark - location));
    char *name = strrchr(url, '/');
    if (!name || name == url)
        return NULL;
    const char *owner = name - 1;
    while (owner > url && owner[-1] != '/')
        owner--;
    bool is_whole = owner > url && owner < name && name[1];
    return is_whole ? g_strdup(owner) : NULL;
}

bool github_sha_is_plain(const char *sha)
{
    return sha && strlen(sha) == sha_length && strspn(sha, "0123456789abcdef") == sha_length;
}

bool github_place_parse(const Submission *submission, GithubPlace *ret_place, GError **error)
{
    const char *sha = submission->revision;
    if (sha && g_str_has_prefix(sha, SOURCE_REFUSED))
        sha += strlen(SOURCE_REFUSED);
    g_auto(GStrv) parts = g_strsplit(submission->external_id ? submission->external_id : "", ":", 3);
    guint n = g_strv_length(parts);
    char *end = NULL;
    guint64 id = n >= 2 ? g_ascii_strtoull(parts[0], &end, 10) : 0;
    bool is_id = n >= 2 && g_ascii_isdigit(parts[0][0]) && !*end && id > 0 && id <= G_MAXINT64;
    g_autofree char *full_name = is_id ? read_full_name(submission->location, parts[1]) : NULL;
    if (!full_name || !ref_is_known(parts[1]) || !github_sha_is_plain(sha))
        return error_set(error, RUBRIC_ERROR_INVALID, "submission %" G_GINT64_FORMAT " (\"%s\") is not of GitHub",
                         submission->id, submission->external_id ? submission->external_id : "");
    *ret_place = (GithubPlace){
        .repository_id = (gint64)id,
        .full_name = g_steal_pointer(&full_name),
        .ref = g_strdup(parts[1]),
        .sha = g_strdup(sha),
        .pull_number = github_pull_of_ref(parts[1]),
    };
    return true;
}

char *github_place_external_id(gint64 repository_id, const char *ref, const char *assignment)
{
    return g_strdup_printf("%" G_GINT64_FORMAT ":%s:%s", repository_id, ref, assignment);
}

char *github_place_location(const char *web, const char *full_name, const char *ref)
{
    return g_strdup_printf("%s/%s#%s", web, full_name, ref);
}
