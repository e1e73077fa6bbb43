/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A check run of the App. Its external_id is "<key>#<digest of the annotations>": the key tells which effect it shows,
 * the digest whether its annotations are ours, since GitHub only ever appends to them. A run whose annotations belong
 * to another result is left behind, and a new one of the same name takes its place on GitHub's pages.
 */
#include <string.h>

#include "daemon/net/github_write.h"

static const int max_annotations_a_request = 50; /* GitHub's */
static const guint max_pages = 10;

/* A check run of this submission as GitHub has it. */
typedef struct {
    gint64 id; /* 0: none */
    char *external_id;
    char *status; /* "queued" "in_progress" "completed" */
    int n_annotations;
} Run;

static void run_clear(Run *run)
{
    g_free(run->external_id);
    g_free(run->status);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

gint64 github_run_submission(const char *external_id)
{
    char *end = NULL;
    guint64 id = external_id && g_ascii_isdigit(*external_id) ? g_ascii_strtoull(external_id, &end, 10) : 0;
    return id > 0 && id <= G_MAXINT64 && *end == ':' ? (gint64)id : 0;
}

/* "#1a2b3c4d", "" without annotations. Caller frees. */
static char *annotations_digest(const cJSON *annotations)
{
    const gsize n_shown = 8;
    if (cJSON_GetArraySize(annotations) == 0)
        return g_strdup("");
    g_autofree char *text = json_print(annotations);
    g_autofree char *digest = file_sha256_bytes(text, strlen(text));
    return g_strdup_printf("#%.*s", (int)n_shown, digest);
}

static void note_run(const GithubPost *post, const cJSON *json, Run *run)
{
    const char *external_id = json_string_or(json, "external_id", "");
    gint64 id = json_int64_or(json, "id", 0);
    if (github_run_submission(external_id) != post->submission_id || id <= run->id)
        return;
    run_clear(run);
    const cJSON *output = cJSON_GetObjectItemCaseSensitive(json, "output");
    *run = (Run){
        .id = id,
        .external_id = g_strdup(external_id),
        .status = g_strdup(json_string_or(json, "status", "")),
        .n_annotations = (int)CLAMP(json_int64_or(output, "annotations_count", 0), 0, G_MAXINT32),
    };
}

/* The newest run of this submission. */
static bool find_run(GithubPost *post, const char *name, Run *run, GError **error)
{
    g_autofree char *shown = g_uri_escape_string(name, NULL, false);
    g_autofree char *tail =
        g_strdup_printf("/commits/%s/check-runs?check_name=%s&app_id=%" G_GINT64_FORMAT "&filter=all&per_page=100",
                        post->place->sha, shown, post->app_id);
    bool done = github_post_ask(post, "GET", tail, NULL, error);
    for (guint i = 0; done; i++) {
        const cJSON *each;
        cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(post->answer.json, "check_runs"))
            note_run(post, each, run);
        if (!post->answer.next || i == max_pages)
            return true;
        done = github_post_ask_next(post, error);
    }
    return false;
}

/* Annotations from `start` on, at most one request's. */
static cJSON *annotations_part(const cJSON *annotations, int start)
{
    cJSON *part = cJSON_CreateArray();
    int end = MIN(cJSON_GetArraySize(annotations), start + max_annotations_a_request);
    for (int i = start; i < end; i++)
        cJSON_AddItemToArray(part, cJSON_Duplicate(cJSON_GetArrayItem(annotations, i), true));
    return part;
}

static void add_output(cJSON *body, const GithubPage *page, int start)
{
    cJSON *output = cJSON_CreateObject();
    json_add_string(output, "title", page->title);
    json_add_string(output, "summary", page->summary);
    if (page->text)
        json_add_string(output, "text", page->text);
    if (start < cJSON_GetArraySize(page->annotations))
        json_add(output, "annotations", annotations_part(page->annotations, start));
    json_add(body, "output", output);
}

/* Makes or renews the run with its first annotations that it lacks; *ret_id: caller frees. */
static bool write_run(GithubPost *post, const Run *run, const char *name, const char *external_id, int n_there,
                      char **ret_id, GError **error)
{
    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_add_string(body, "name", name);
    json_add_string(body, "external_id", external_id);
    json_add_string(body, "status", post->page->status);
    if (post->page->conclusion)
        json_add_string(body, "conclusion", post->page->conclusion);
    add_output(body, post->page, n_there);
    g_autofree char *of_old = g_strdup_printf("/check-runs/%" G_GINT64_FORMAT, run->id);
    if (run->id == 0)
        json_add_string(body, "head_sha", post->place->sha);
    if (!github_post_ask(post, run->id > 0 ? "PATCH" : "POST", run->id > 0 ? of_old : "/check-runs", body, error))
        return false;
    *ret_id = github_post_id(post);
    return *ret_id != NULL;
}

/* GitHub appends what each further request brings. */
static bool append_annotations(GithubPost *post, const char *id, int n_there, GError **error)
{
    g_autofree char *tail = g_strconcat("/check-runs/", id, NULL);
    int n_all = cJSON_GetArraySize(post->page->annotations);
    for (int n = n_there; n < n_all; n += max_annotations_a_request) {
        g_autoptr(cJSON) body = cJSON_CreateObject();
        add_output(body, post->page, n);
        if (!github_post_ask(post, "PATCH", tail, body, error))
            return false;
    }
    return true;
}

char *github_write_check_run(GithubPost *post, GError **error)
{
    g_autofree char *name = github_write_title(post);
    g_autofree char *digest = annotations_digest(post->page->annotations);
    g_autofree char *external_id = g_strconcat(post->key, digest, NULL);
    g_auto(Run) run = {0};
    if (!find_run(post, name, &run, error))
        return NULL;
    int n_all = cJSON_GetArraySize(post->page->annotations);
    bool is_there = run.id > 0 && strcmp(run.external_id, external_id) == 0 &&
                    strcmp(run.status, post->page->status) == 0 && run.n_annotations >= n_all;
    bool is_overtaken = post->is_announcement && run.id > 0 && strcmp(run.status, "completed") == 0;
    if (is_there || is_overtaken)
        return g_strdup_printf("check run %" G_GINT64_FORMAT, run.id);

    const char *run_digest = run.id > 0 ? strchr(run.external_id, '#') : NULL;
    bool has_ours = run.n_annotations == 0 || g_strcmp0(run_digest, digest) == 0;
    if (!has_ours) {
        run_clear(&run);
        run = (Run){0};
    }
    int n_there = MIN(run.n_annotations, n_all);
    g_autofree char *id = NULL;
    if (!write_run(post, &run, name, external_id, n_there, &id, error) ||
        !append_annotations(post, id, n_there + max_annotations_a_request, error))
        return NULL;
    return g_strconcat("check run ", id, NULL);
}
