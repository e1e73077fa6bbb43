/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A comment on the pull request that was handed in, or an issue of the repository: one a sink and assignment, edited in
 * place, so that people are notified once. Its first line is a mark that GitHub does not show, by which it is found
 * before it is made. Students can write such a line too: only what we ourselves wrote is ever touched.
 *
 * It shows the newest submission that has a result. Whoever finds several of ours keeps the oldest.
 */
#include <string.h>

#include "daemon/net/github_write.h"

static const guint max_pages = 20;

/* What is there of ours. */
typedef struct {
    gint64 id; /* of the comment, or the issue's number; 0: nothing */
    gint64 submission_id;
    char *body;
    GArray *doubles; /* of gint64: comments of ours that came later */
} Found;

static void found_clear(Found *found)
{
    g_free(found->body);
    g_clear_pointer(&found->doubles, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

/* The mark without the submission's number and its end. Caller frees. */
static char *mark_of(const GithubPost *post)
{
    g_autofree char *title = github_write_title(post);
    return g_strdup_printf("<!-- rubricd %s, submission ", title);
}

static char *make_body(const GithubPost *post)
{
    g_autofree char *mark = mark_of(post);
    return g_strdup_printf("%s%" G_GINT64_FORMAT " -->\n%s", mark, post->submission_id, post->page->comment);
}

static void note(const cJSON *json, const char *mark, const char *login, const char *number_key, Found *found)
{
    const char *body = json_string_or(json, "body", "");
    const char *author = json_string_or(cJSON_GetObjectItemCaseSensitive(json, "user"), "login", "");
    gint64 id = json_int64_or(json, number_key, 0);
    if (id <= 0 || !g_str_has_prefix(body, mark) || g_ascii_strcasecmp(author, login) != 0)
        return;
    if (found->id > 0) {
        g_array_append_val(found->doubles, id);
        return;
    }
    found->id = id;
    found->submission_id = g_ascii_strtoll(body + strlen(mark), NULL, 10);
    found->body = g_strdup(body);
}

/* `list`: oldest first. false: GitHub or we failed, or there is more than anybody reads. */
static bool find(GithubPost *post, const char *list, const char *number_key, Found *found, GError **error)
{
    g_autofree char *mark = mark_of(post);
    found->doubles = g_array_new(false, false, sizeof(gint64));
    bool done = github_post_ask(post, "GET", list, NULL, error);
    for (guint i = 0; done && i < max_pages; i++) {
        g_autofree char *login = github_post_login(post, error);
        if (!login)
            return false;
        const cJSON *each;
        cJSON_ArrayForEach(each, post->answer.json)
        {
            if (!cJSON_GetObjectItemCaseSensitive(each, "pull_request")) /* which GitHub lists as issues, too */
                note(each, mark, login, number_key, found);
        }
        if (!post->answer.next)
            return true;
        done = github_post_ask_next(post, error);
    }
    if (done) {
        g_free(post->answer.said);
        post->answer.said = g_strdup("there are more than 2,000: ours is not looked for among them");
        post->answer.outcome = GITHUB_INVALID;
    }
    return false;
}

/* What a crash of GitHub's made twice. Only ours, and only comments: an issue cannot be removed. */
static bool remove_doubles(GithubPost *post, const Found *found, GError **error)
{
    for (guint i = 0; i < found->doubles->len; i++) {
        gint64 id = g_array_index(found->doubles, gint64, i);
        g_autofree char *tail = g_strdup_printf("/issues/comments/%" G_GINT64_FORMAT, id);
        if (!github_post_ask(post, "DELETE", tail, NULL, error))
            return false;
    }
    return true;
}

/* Is what is there a newer submission's, or this very text? */
static bool is_settled(const GithubPost *post, const Found *found, const char *body)
{
    return found->id > 0 && (found->submission_id > post->submission_id || strcmp(found->body, body) == 0);
}

static char *write_on_pull_request(GithubPost *post, GError **error)
{
    g_autofree char *thread = g_strdup_printf("/issues/%" G_GINT64_FORMAT "/comments", post->place->pull_number);
    g_autofree char *list = g_strconcat(thread, "?per_page=100", NULL);
    g_autofree char *text = make_body(post);
    g_auto(Found) found = {0};
    if (!find(post, list, "id", &found, error) || !remove_doubles(post, &found, error))
        return NULL;
    if (!is_settled(post, &found, text)) {
        g_autoptr(cJSON) body = cJSON_CreateObject();
        json_add_string(body, "body", text);
        g_autofree char *old = g_strdup_printf("/issues/comments/%" G_GINT64_FORMAT, found.id);
        if (!github_post_ask(post, found.id > 0 ? "PATCH" : "POST", found.id > 0 ? old : thread, body, error))
            return NULL;
        g_autofree char *id = github_post_id(post);
        return id ? g_strconcat("comment ", id, NULL) : NULL;
    }
    return g_strdup_printf("comment %" G_GINT64_FORMAT, found.id);
}

static char *write_issue(GithubPost *post, GError **error)
{
    g_autofree char *text = make_body(post);
    g_auto(Found) found = {0};
    if (!find(post, "/issues?state=all&sort=created&direction=asc&per_page=100", "number", &found, error))
        return NULL;
    gint64 number = found.id;
    if (!is_settled(post, &found, text)) {
        g_autoptr(cJSON) body = cJSON_CreateObject();
        g_autofree char *name = github_write_title(post);
        g_autofree char *title = g_strdup_printf("Result: %s", name);
        json_add_string(body, "body", text);
        if (number == 0)
            json_add_string(body, "title", title);
        g_autofree char *old = g_strdup_printf("/issues/%" G_GINT64_FORMAT, number);
        if (!github_post_ask(post, number > 0 ? "PATCH" : "POST", number > 0 ? old : "/issues", body, error))
            return NULL;
        g_autofree char *id = github_post_id(post);
        if (!id)
            return NULL;
        number = json_int64_or(post->answer.json, "number", number);
    }
    return g_strdup_printf("issue %" G_GINT64_FORMAT, number);
}

bool github_comment_is_wanted(const GithubPlace *place, const Assignment *assignment)
{
    CommentPlace where = assignment ? assignment->comment : COMMENT_NONE;
    return where == COMMENT_ISSUE || (where == COMMENT_PULL_REQUEST && place->pull_number > 0);
}

char *github_write_comment(GithubPost *post, GError **error)
{
    return post->place->pull_number > 0 ? write_on_pull_request(post, error) : write_issue(post, error);
}
