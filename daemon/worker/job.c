/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/proxy/proxy.h"
#include "daemon/worker/worker.h"

#include <string.h>

static void member_free(WorkerMember *member)
{
    g_free(member->id);
    g_free(member->name);
    g_free(member->github);
    g_strfreev(member->emails);
    g_free(member);
}

WorkerJob *worker_job_new(void)
{
    WorkerJob *job = g_new0(WorkerJob, 1);
    job->members = g_ptr_array_new_with_free_func((GDestroyNotify)member_free);
    job->placeholders = placeholders_new();
    job->deadline_us = G_MAXINT64;
    job->zone_name = g_strdup("UTC");
    job->unpack = unpack_limits_default();
    return job;
}

void worker_job_free(WorkerJob *job)
{
    if (!job)
        return;
    g_free(job->assignment);
    g_free(job->assignment_title);
    cJSON_Delete(job->previous);
    g_free(job->owner);
    g_free(job->content_path);
    g_free(job->git_commit);
    g_strfreev(job->git_refs);
    g_strfreev(job->hosts);
    g_free(job->course_folder);
    g_free(job->rubric_path);
    g_free(job->zone_name);
    g_free(job->image_digest);
    g_free(job->images_folder);
    g_ptr_array_unref(job->members);
    placeholders_free(job->placeholders);
    g_free(job);
}

static const char *const content_kind_names[] = {"archive", "folder", "git", NULL};

static const struct {
    const char *key;
    gsize offset;
} limit_fields[] = {
    {"total_bytes", offsetof(UnpackLimits, total_bytes)},
    {"file_bytes", offsetof(UnpackLimits, file_bytes)},
    {"n_entries", offsetof(UnpackLimits, n_entries)},
    {"depth", offsetof(UnpackLimits, depth)},
    {"ratio", offsetof(UnpackLimits, ratio)},
    {"wall_ms", offsetof(UnpackLimits, wall_ms)},
};

/* ---- job to JSON
 * ------------------------------------------------------------------------------------------------------ */

static void add_strings(cJSON *object, const char *key, char *const *strings)
{
    if (!strings)
        return;
    cJSON *array = json_add(object, key, cJSON_CreateArray());
    for (; *strings; strings++)
        json_append_string(array, *strings);
}

cJSON *worker_job_to_json(const WorkerJob *job)
{
    g_autoptr(cJSON) json = cJSON_CreateObject();
    json_add_string(json, "assignment", job->assignment);
    json_add_string(json, "assignment_title", job->assignment_title);
    if (job->previous)
        json_add(json, "previous", cJSON_Duplicate(job->previous, true));
    json_add_string(json, "owner", job->owner);
    json_add_string(json, "content_kind", content_kind_names[job->content_kind]);
    json_add_string(json, "content_path", job->content_path);
    json_add_string(json, "git_commit", job->git_commit);
    add_strings(json, "git_refs", job->git_refs);
    add_strings(json, "hosts", job->hosts);
    json_add_string(json, "course_folder", job->course_folder);
    json_add_string(json, "rubric_path", job->rubric_path);
    json_add_int64(json, "received_us", job->received_us);
    if (job->deadline_us != G_MAXINT64) /* none, and more than JSON holds exactly */
        json_add_int64(json, "deadline_us", job->deadline_us);
    json_add_string(json, "zone", job->zone_name);
    json_add_bool(json, "public_only", job->public_only);
    json_add_string(json, "image_digest", job->image_digest);
    json_add_string(json, "images_folder", job->images_folder);
    json_add_int64(json, "accept_missing", job->accept_missing);
    json_add(json, "placeholders", placeholders_to_json(job->placeholders));
    cJSON *limits = json_add(json, "unpack", cJSON_CreateObject());
    for (gsize i = 0; i < G_N_ELEMENTS(limit_fields); i++)
        json_add_int64(limits, limit_fields[i].key, G_STRUCT_MEMBER(gint64, &job->unpack, limit_fields[i].offset));
    cJSON *members = json_add(json, "members", cJSON_CreateArray());
    for (guint i = 0; i < job->members->len; i++) {
        const WorkerMember *member = g_ptr_array_index(job->members, i);
        cJSON *entry = cJSON_CreateObject();
        json_add_string(entry, "id", member->id);
        json_add_string(entry, "name", member->name);
        json_add_string(entry, "github", member->github);
        add_strings(entry, "emails", member->emails);
        cJSON_AddItemToArray(members, entry);
    }
    return g_steal_pointer(&json);
}

/* ---- JSON to job
 * ------------------------------------------------------------------------------------------------------ */

static bool take_string(const cJSON *json, const char *key, char **ret, GError **error)
{
    const char *value;
    if (!json_get_string(json, key, &value, error))
        return false;
    g_free(*ret);
    *ret = g_strdup(value);
    return true;
}

static bool take_path(const cJSON *json, const char *key, char **ret, GError **error)
{
    if (!take_string(json, key, ret, error))
        return false;
    return **ret == '/' || error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is \"%s\", not an absolute path", key, *ret);
}

/* Absent: *ret stays NULL. */
static bool take_strings(const cJSON *json, const char *key, char ***ret, GError **error)
{
    if (!cJSON_GetObjectItemCaseSensitive(json, key))
        return true;
    const cJSON *array;
    if (!json_get_array(json, key, &array, error))
        return false;
    g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, array)
    {
        if (!cJSON_IsString(entry))
            return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" holds something that is not text", key);
        g_ptr_array_add(strings, g_strdup(entry->valuestring));
    }
    g_ptr_array_add(strings, NULL);
    *ret = (char **)g_ptr_array_free(g_steal_pointer(&strings), FALSE);
    return true;
}

static bool take_content(const cJSON *json, WorkerJob *job, GError **error)
{
    const char *kind;
    if (!json_get_string(json, "content_kind", &kind, error) ||
        !take_path(json, "content_path", &job->content_path, error))
        return false;
    int index = 0;
    while (content_kind_names[index] && strcmp(content_kind_names[index], kind) != 0)
        index++;
    if (!content_kind_names[index])
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a kind of content", kind);
    job->content_kind = (ContentKind)index;
    if (job->content_kind != CONTENT_GIT)
        return true;
    const gsize commit_length = 40;
    if (!take_string(json, "git_commit", &job->git_commit, error))
        return false;
    if (strlen(job->git_commit) != commit_length || strspn(job->git_commit, "0123456789abcdef") != commit_length)
        return error_set(error, RUBRIC_ERROR_INVALID, "\"%s\" is not a commit's 40 hexadecimal digits",
                         job->git_commit);
    return take_strings(json, "git_refs", &job->git_refs, error);
}

static bool take_members(const cJSON *json, WorkerJob *job, GError **error)
{
    const cJSON *members, *entry;
    if (!json_get_array(json, "members", &members, error))
        return false;
    cJSON_ArrayForEach(entry, members)
    {
        WorkerMember *member = g_new0(WorkerMember, 1);
        g_ptr_array_add(job->members, member);
        member->name = g_strdup(json_string_or(entry, "name", NULL));
        member->github = g_strdup(json_string_or(entry, "github", NULL));
        if (!take_string(entry, "id", &member->id, error) || !take_strings(entry, "emails", &member->emails, error))
            return false;
        if (!member->emails)
            member->emails = g_new0(char *, 1);
    }
    return true;
}

static bool take_limits(const cJSON *json, WorkerJob *job, GError **error)
{
    const cJSON *limits;
    if (!json_get_object(json, "unpack", &limits, error))
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(limit_fields); i++) {
        gint64 value;
        if (!json_get_int64(limits, limit_fields[i].key, &value, error))
            return false;
        if (value <= 0)
            return error_set(error, RUBRIC_ERROR_INVALID, "the limit \"%s\" is not positive", limit_fields[i].key);
        G_STRUCT_MEMBER(gint64, &job->unpack, limit_fields[i].offset) = value;
    }
    return true;
}

WorkerJob *worker_job_from_json(const cJSON *json, GError **error)
{
    g_autoptr(WorkerJob) job = worker_job_new();
    const cJSON *placeholders;
    if (!take_string(json, "assignment", &job->assignment, error) || !take_string(json, "owner", &job->owner, error) ||
        !take_content(json, job, error) || !take_path(json, "course_folder", &job->course_folder, error) ||
        !take_string(json, "rubric_path", &job->rubric_path, error) ||
        !json_get_int64(json, "received_us", &job->received_us, error) ||
        !take_string(json, "zone", &job->zone_name, error) || !take_members(json, job, error) ||
        !take_strings(json, "hosts", &job->hosts, error) || !take_limits(json, job, error) ||
        !json_get_object(json, "placeholders", &placeholders, error)) {
        g_prefix_error(error, "reading a worker's job: ");
        return NULL;
    }
    job->deadline_us = json_int64_or(json, "deadline_us", G_MAXINT64);
    job->assignment_title = g_strdup(json_string_or(json, "assignment_title", NULL));
    job->previous = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(json, "previous"), true);
    job->public_only = json_bool_or(json, "public_only", false);
    job->image_digest = g_strdup(json_string_or(json, "image_digest", NULL));
    job->images_folder = g_strdup(json_string_or(json, "images_folder", NULL));
    job->accept_missing = (guint32)json_int64_or(json, "accept_missing", 0);
    Placeholders *read = placeholders_from_json(placeholders, error);
    if (!read)
        return NULL;
    placeholders_free(job->placeholders);
    job->placeholders = read;
    return g_steal_pointer(&job);
}

/* ---- from the course
 * --------------------------------------------------------------------------------------------------- */

static void add_member(WorkerJob *job, const Person *person)
{
    WorkerMember *member = g_new0(WorkerMember, 1);
    member->id = g_strdup(person->id);
    member->name = g_strdup(person->name);
    member->github = g_strdup(person->github);
    member->emails = person->emails ? g_strdupv(person->emails) : g_new0(char *, 1);
    g_ptr_array_add(job->members, member);
}

/* The rubric's hosts with the owner's values in them. One that lacks a value or is none then is left out: its check
 * says so when it is run. */
static char **find_hosts(const Rubric *rubric, const Placeholders *placeholders)
{
    g_autoptr(GStrvBuilder) hosts = g_strv_builder_new();
    for (guint i = 0; i < rubric->hosts->len; i++) {
        g_autofree char *text = placeholders_expand(placeholders, g_ptr_array_index(rubric->hosts, i), NULL);
        ProxyHost *host = text ? proxy_host_parse(text, NULL) : NULL;
        if (host)
            g_strv_builder_add(hosts, text);
        proxy_host_free(host);
    }
    return g_strv_builder_end(hosts);
}

WorkerJob *worker_job_for(const Course *course, const Assignment *assignment, const char *owner, const Rubric *rubric,
                          GError **error)
{
    g_autoptr(WorkerJob) job = worker_job_new();
    Placeholders *placeholders = course_placeholders(course, assignment, owner, error);
    if (!placeholders)
        return NULL;
    placeholders_free(job->placeholders);
    job->placeholders = placeholders;
    job->assignment = g_strdup(assignment->id);
    job->assignment_title = g_strdup(assignment->title);
    job->owner = g_strdup(owner);
    job->course_folder = g_strdup(course->folder);
    job->rubric_path = g_strdup(rubric->path);
    job->unpack.total_bytes = job->unpack.file_bytes = rubric->submission_bytes;
    job->unpack.n_entries = rubric->submission_files;
    job->hosts = find_hosts(rubric, placeholders);
    job->deadline_us = assignment->deadline_us;
    g_free(job->zone_name);
    job->zone_name = g_strdup(course->zone_name);
    if (assignment->owner_kind == OWNER_TEAM) {
        const Team *team = course_team(course, owner);
        for (guint i = 0; team && i < team->members->len; i++)
            add_member(job, g_ptr_array_index(team->members, i));
    } else if (course_person(course, owner)) {
        add_member(job, course_person(course, owner));
    }
    return g_steal_pointer(&job);
}
