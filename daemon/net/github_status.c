/* SPDX-License-Identifier: Apache-2.0 */
/* A commit status: all that a personal access token may write beside a commit. GitHub never changes one; of those with
 * the same context the newest counts. */
#include <string.h>

#include "daemon/net/github_write.h"

/* The newest status of this context, newest first in GitHub's list; NULL: none on its first page. Borrowed. */
static const cJSON *find_status(const GithubPost *post, const char *context)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, post->answer.json)
    {
        if (g_ascii_strcasecmp(json_string_or(each, "context", ""), context) == 0)
            return each;
    }
    return NULL;
}

static bool status_is_ours(const GithubPost *post, const cJSON *status)
{
    return strcmp(json_string_or(status, "state", ""), post->page->state) == 0 &&
           strcmp(json_string_or(status, "description", ""), post->page->description) == 0;
}

char *github_write_status(GithubPost *post, GError **error)
{
    g_autofree char *context = github_write_title(post);
    g_autofree char *list = g_strdup_printf("/commits/%s/statuses?per_page=100", post->place->sha);
    if (!github_post_ask(post, "GET", list, NULL, error))
        return NULL;
    const cJSON *old = find_status(post, context);
    if (old && status_is_ours(post, old))
        return g_strdup_printf("status %" G_GINT64_FORMAT, json_int64_or(old, "id", 0));

    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_add_string(body, "state", post->page->state);
    json_add_string(body, "description", post->page->description);
    json_add_string(body, "context", context);
    g_autofree char *tail = g_strconcat("/statuses/", post->place->sha, NULL);
    if (!github_post_ask(post, "POST", tail, body, error))
        return NULL;
    g_autofree char *id = github_post_id(post);
    return id ? g_strconcat("status ", id, NULL) : NULL;
}
