/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/worker/names.h"
#include "daemon/worker/reply.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/worker/jobs.h"

#include <stdlib.h>

static WorkerJob *full_job(void)
{
    WorkerJob *job = job_in(&(TestCourse){.folder = (char *)"/course"}, CONTENT_GIT, "/repository.git");
    job->git_commit = g_strdup("0123456789abcdef0123456789abcdef01234567");
    job->git_refs = g_strsplit("refs/heads/main refs/tags/v1", " ", -1);
    job->hosts = g_strsplit("a.example.org:80 b.example.org:443", " ", -1);
    job->deadline_us = job->received_us + 5;
    job->image_digest = g_strdup("host:sha256:00");
    job->public_only = true;
    placeholders_set(job->placeholders, "team.id", "team1");
    WorkerMember *member = g_new0(WorkerMember, 1);
    member->id = g_strdup("ann");
    member->name = g_strdup("Ann \"A\" Ó");
    member->emails = g_strsplit("ann@x.example ann@y.example", " ", -1);
    g_ptr_array_add(job->members, member);
    return job;
}

START_TEST(a_job_survives_the_wire)
{
    g_autoptr(WorkerJob) job = full_job();
    g_autoptr(cJSON) json = worker_job_to_json(job);
    g_autoptr(GError) error = NULL;
    g_autoptr(WorkerJob) read = worker_job_from_json(json, &error);
    ck_assert_msg(read != NULL, "%s", error ? error->message : "");
    ck_assert_str_eq(read->git_commit, job->git_commit);
    ck_assert_str_eq(read->git_refs[1], "refs/tags/v1");
    ck_assert_str_eq(read->hosts[1], "b.example.org:443");
    ck_assert_int_eq(read->deadline_us, job->deadline_us);
    ck_assert_int_eq(read->received_us, job->received_us);
    ck_assert_str_eq(read->image_digest, "host:sha256:00");
    ck_assert(read->public_only);
    ck_assert_uint_eq(read->accept_missing, job->accept_missing);
    ck_assert_int_eq(read->unpack.n_entries, 20000);
    ck_assert_str_eq(placeholders_get(read->placeholders, "team.id"), "team1");
    const WorkerMember *member = g_ptr_array_index(read->members, 0);
    ck_assert_str_eq(member->name, "Ann \"A\" Ó");
    ck_assert_str_eq(member->emails[1], "ann@y.example");
    ck_assert_ptr_null(member->github);
    g_autoptr(cJSON) again = worker_job_to_json(read);
    ck_assert(cJSON_Compare(json, again, true));
}
END_TEST

START_TEST(no_deadline_stays_none)
{
    g_autoptr(WorkerJob) job = full_job();
    job->deadline_us = G_MAXINT64;
    g_autoptr(cJSON) json = worker_job_to_json(job);
    g_autoptr(WorkerJob) read = worker_job_from_json(json, NULL);
    ck_assert_int_eq(read->deadline_us, G_MAXINT64);
}
END_TEST

static const struct {
    const char *key, *json, *message;
} wrong_values[] = {
    {"content_kind", "\"floppy\"", "is not a kind of content"},
    {"content_path", "\"relative\"", "not an absolute path"},
    {"course_folder", "\"relative\"", "not an absolute path"},
    {"git_commit", "\"main\"", "40 hexadecimal digits"},
    {"git_refs", "[1]", "not text"},
    {"git_refs", "1", "git_refs"},
    {"hosts", "[1]", "not text"},
    {"owner", "1", "owner"},
    {"received_us", "\"x\"", "received_us"},
    {"members", "[{}]", "id"},
    {"members", "[{\"id\":\"a\",\"emails\":[1]}]", "not text"},
    {"unpack", "{\"total_bytes\":-1}", "not positive"},
    {"unpack", "{}", "total_bytes"},
    {"placeholders", "[]", "placeholders"},
    {"placeholders", "{\"a\":1}", ""},
};

START_TEST(a_malformed_job_is_invalid)
{
    g_autoptr(WorkerJob) job = full_job();
    g_autoptr(cJSON) json = worker_job_to_json(job);
    cJSON_ReplaceItemInObjectCaseSensitive(json, wrong_values[_i].key, cJSON_Parse(wrong_values[_i].json));
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(worker_job_from_json(json, &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_INVALID));
    ck_assert_msg(strstr(error->message, wrong_values[_i].message), "%s", error->message);
}
END_TEST

START_TEST(errors_survive_the_wire)
{
    for (int code = RUBRIC_ERROR_INVALID; code <= RUBRIC_ERROR_BUG; code++) {
        g_autoptr(GError) sent = g_error_new(RUBRIC_ERROR, code, "what happened");
        g_autofree char *text = reply_of_error(sent);
        g_autoptr(GError) got = NULL;
        ck_assert_ptr_null(reply_parse(text, strlen(text), &got));
        ck_assert(g_error_matches(got, RUBRIC_ERROR, code));
        ck_assert_str_eq(got->message, "what happened");
    }
    g_autoptr(GError) foreign = g_error_new(G_FILE_ERROR, G_FILE_ERROR_IO, "disk");
    g_autofree char *text = reply_of_error(foreign);
    g_autoptr(GError) got = NULL;
    ck_assert_ptr_null(reply_parse(text, strlen(text), &got));
    ck_assert(g_error_matches(got, RUBRIC_ERROR, RUBRIC_ERROR_SYSTEM));
}
END_TEST

static const char *const nonsense[] = {"",
                                       "{}",
                                       "[1]",
                                       "{\"report\":{}}",
                                       "{\"report\":1}",
                                       "not json",
                                       "{\"report\":{\"image_digest\":\"a\",\"rubric_digest\":\"b\",\"unpack_us\":1,"
                                       "\"checks_us\":1,\"box_us\":1,\"n_boxes\":1,\"findings\":[{}]}}"};

START_TEST(nonsense_instead_of_a_report_is_temporary)
{
    g_autoptr(GError) error = NULL;
    ck_assert_ptr_null(reply_parse(nonsense[_i], strlen(nonsense[_i]), &error));
    ck_assert(g_error_matches(error, RUBRIC_ERROR, RUBRIC_ERROR_TEMPORARY));
}
END_TEST

START_TEST(names_are_cleaned)
{
    const struct {
        const char *raw;
        NameJudgement judgement;
        const char *path;
    } cases[] = {
        {"a/b", NAME_FINE, "a/b"},       {"./a//b/", NAME_FINE, "a/b"},
        {"", NAME_ROOT, NULL},           {"./", NAME_ROOT, NULL},
        {"a/.git/x", NAME_GIT, NULL},    {"a/.git. ", NAME_GIT, NULL},
        {"Git~1", NAME_GIT, NULL},       {".gitignore", NAME_FINE, ".gitignore"},
        {"a/._b", NAME_DEBRIS, NULL},    {"#x~", NAME_DEBRIS, NULL},
        {"a:b", NAME_FINE, "a:b"},       {"..a", NAME_FINE, "..a"},
        {".git/..", NAME_REFUSED, NULL}, {"c:/x", NAME_REFUSED, NULL},
        {"\x7f", NAME_REFUSED, NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = NULL, *why = NULL;
        ck_assert_msg(name_judge(cases[i].raw, 64, &path, &why) == cases[i].judgement, "%s", cases[i].raw);
        ck_assert_pstr_eq(path, cases[i].path);
        ck_assert((why != NULL) == (cases[i].judgement == NAME_REFUSED));
    }
}
END_TEST

START_TEST(equal_but_for_case_folds_alike)
{
    g_autofree char *a = name_fold("Größe/\u00c9"), *b = name_fold("GRÖSSE/e\u0301");
    ck_assert_str_eq(a, b);
}
END_TEST

START_TEST(the_image_digest_is_stable)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *first = worker_image_digest(&error), *second = worker_image_digest(&error);
    ck_assert_str_eq(first, second);
    ck_assert_uint_eq(strlen(first), strlen("host:sha256:") + 64);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("job");
    TCase *tests = tcase_create("job");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, a_job_survives_the_wire);
    tcase_add_test(tests, no_deadline_stays_none);
    tcase_add_loop_test(tests, a_malformed_job_is_invalid, 0, G_N_ELEMENTS(wrong_values));
    tcase_add_test(tests, errors_survive_the_wire);
    tcase_add_loop_test(tests, nonsense_instead_of_a_report_is_temporary, 0, G_N_ELEMENTS(nonsense));
    tcase_add_test(tests, names_are_cleaned);
    tcase_add_test(tests, equal_but_for_case_folds_alike);
    tcase_add_test(tests, the_image_digest_is_stable);
    return run_suite(suite);
}
