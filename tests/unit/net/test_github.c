/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "daemon/net/github_client.h"
#include "tests/unit/net/standin.h"
#include "tests/unit/run_suite.h"

static Fixture f;
static Standin hub;
static GithubClient *client;

static char *folder;

/* One stand-in for all: making its key takes longer than a test. */
static void start(void)
{
    folder = g_dir_make_tmp("rubric-github-XXXXXX", NULL);
    standin_start(&hub, folder, false);
    standin_tell(&hub, "repository", "{\"name\": \"project-t1\"}");
}

static void stop(void)
{
    standin_stop(&hub);
    file_remove_tree(folder, NULL);
    g_free(folder);
}

static void setup(void)
{
    fixture_open(&f, "");
    standin_tell(&hub, "forget", "{}");
    ck_assert_good((client = github_client_new(&hub.config, f.store, "intake", error)) != NULL);
}

static void teardown(void)
{
    github_client_free(client);
    fixture_close(&f);
}

static GithubAnswer ask(const char *path)
{
    GithubAnswer answer = {0};
    const GithubCall call = {.path = path};
    ck_assert_good(github_call(client, &call, &answer, error));
    return answer;
}

START_TEST(a_jwt_is_signed_by_the_key_and_short_lived)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *memory = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL), 1);
    char *data = NULL;
    long length = BIO_get_mem_data(memory, &data);
    g_autofree char *pem = g_strndup(data, (gsize)length);
    g_autofree char *jwt = NULL;
    ck_assert_good((jwt = github_jwt(7, pem, 1000 * CLOCK_SECOND_US, error)) != NULL);
    g_auto(GStrv) parts = g_strsplit(jwt, ".", -1);
    ck_assert_uint_eq(g_strv_length(parts), 3);
    ck_assert_ptr_null(strpbrk(jwt, "+/="));
    g_autofree char *signed_text = g_strdup_printf("%s.%s", parts[0], parts[1]);
    g_strdelimit(parts[1], "-", '+');
    g_strdelimit(parts[2], "-", '+');
    g_strdelimit(parts[2], "_", '/');
    g_autofree char *third = g_strconcat(parts[2], "==", NULL);
    g_autofree char *second = g_strconcat(parts[1], "==", NULL);
    gsize n = 0;
    g_autofree guchar *signature = g_base64_decode(third, &n);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    ck_assert_int_eq(EVP_DigestVerify(context, signature, n, (const guchar *)signed_text, strlen(signed_text)), 1);
    g_autofree guchar *claims = g_base64_decode(second, &n);
    g_autofree char *text = g_strndup((const char *)claims, n);
    ck_assert_str_eq(text, "{\"iat\":940,\"exp\":1540,\"iss\":\"7\"}");
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(memory);
    ck_assert_fails(github_jwt(7, "no key", 0, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(a_credential_file_is_closed_to_others_and_not_empty)
{
    fixture_write(f.folder, "token", "github_pat_x\r\n");
    g_autofree char *path = g_build_filename(f.folder, "token", NULL);
    ck_assert_int_eq(chmod(path, 0640), 0);
    ck_assert_fails(secret_read(path, NULL, error), RUBRIC_ERROR_DENIED);
    ck_assert_int_eq(chmod(path, 0600), 0);
    g_autoptr(char) secret = NULL;
    ck_assert_good((secret = secret_read(path, NULL, error)) != NULL);
    ck_assert_str_eq(secret, "github_pat_x");
    fixture_write(f.folder, "token", "\n");
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_fails(secret_read(path, NULL, error), RUBRIC_ERROR_INVALID);
}
END_TEST

START_TEST(the_next_page_is_only_taken_from_our_own_host)
{
    const char *const next = "<https://api.github.com/organizations/1/repos?page=2>; rel=\"next\", "
                             "<https://api.github.com/organizations/1/repos?page=9>; rel=\"last\"";
    g_autofree char *path = github_link_next(next, "https://api.github.com");
    ck_assert_str_eq(path, "/organizations/1/repos?page=2");
    ck_assert_ptr_null(github_link_next(next, "https://api.github.co"));
    ck_assert_ptr_null(github_link_next("<https://evil.example/x>; rel=\"next\"", "https://api.github.com"));
    ck_assert_ptr_null(github_link_next("<https://api.github.com/x>; rel=\"last\"", "https://api.github.com"));
    ck_assert_ptr_null(github_link_next("<https://api.github.com/x", "https://api.github.com"));
    ck_assert_ptr_null(github_link_next(NULL, "https://api.github.com"));
}
END_TEST

START_TEST(an_app_mints_a_token_once_and_again_after_a_401)
{
    g_autoptr(cJSON) before = standin_do(&hub, "figures", "{}");
    g_auto(GithubAnswer) first = ask("/orgs/course/repos");
    ck_assert_msg(first.outcome == GITHUB_OK, "%s", first.said);
    ck_assert_int_eq(cJSON_GetArraySize(first.json), 1);
    g_auto(GithubAnswer) second = ask("/orgs/course/repos");
    ck_assert_int_eq(second.outcome, GITHUB_OK);
    standin_tell(&hub, "expire_tokens", "{}");
    g_auto(GithubAnswer) third = ask("/orgs/course/repos");
    ck_assert_msg(third.outcome == GITHUB_OK, "%s", third.said);
    g_autoptr(cJSON) figures = standin_do(&hub, "figures", "{}");
    ck_assert_int_eq(json_int64_or(figures, "minted", 0) - json_int64_or(before, "minted", 0), 2);
}
END_TEST

START_TEST(an_unchanged_answer_is_known_by_its_etag)
{
    g_auto(GithubAnswer) first = ask("/orgs/course/repos");
    ck_assert_ptr_nonnull(first.etag);
    g_auto(GithubAnswer) second = {0};
    const GithubCall call = {.path = "/orgs/course/repos", .etag = first.etag};
    ck_assert_good(github_call(client, &call, &second, error));
    ck_assert_int_eq(second.outcome, GITHUB_NOT_MODIFIED);
}
END_TEST

START_TEST(intake_may_not_write)
{
    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_add_string(body, "state", "success");
    g_auto(GithubAnswer) answer = {0};
    const GithubCall call = {.method = "POST",
                             .path = "/repos/course/project-t1/statuses/0123456789012345678901234567890123456789",
                             .body = body};
    ck_assert_good(github_call(client, &call, &answer, error));
    ck_assert_int_eq(answer.outcome, GITHUB_DENIED);
    ck_assert_has(answer.said, "statuses=write");
}
END_TEST

/* A fault of the stand-in and what it must be taken for. */
static const struct {
    const char *fault;
    GithubOutcome outcome;
} faults[] = {
    {"{\"kind\": 500}", GITHUB_RETRY},
    {"{\"kind\": 502}", GITHUB_RETRY},
    {"{\"kind\": 404}", GITHUB_NOT_FOUND},
    {"{\"kind\": 409}", GITHUB_CONFLICT},
    {"{\"kind\": 410}", GITHUB_GONE},
    {"{\"kind\": 422}", GITHUB_INVALID},
    {"{\"kind\": 429}", GITHUB_RETRY},
    {"{\"kind\": 403}", GITHUB_DENIED},
    /* A kept connection that is reset before a byte came back is tried once more by libcurl: only with reads. */
    {"{\"kind\": \"reset\", \"times\": 9}", GITHUB_RETRY},
    {"{\"kind\": \"truncated\"}", GITHUB_RETRY},
    {"{\"kind\": \"wrong_type\"}", GITHUB_RETRY},
    {"{\"kind\": \"redirect\"}", GITHUB_MOVED},
    {"{\"kind\": \"secondary\"}", GITHUB_RETRY},
    {"{\"kind\": \"primary\"}", GITHUB_RETRY},
};

START_TEST(each_fault_is_told_from_the_others)
{
    g_auto(GithubAnswer) first = ask("/orgs/course/repos");
    ck_assert_int_eq(first.outcome, GITHUB_OK);
    standin_tell(&hub, "fault", faults[_i].fault);
    g_auto(GithubAnswer) answer = ask("/orgs/course/repos");
    ck_assert_msg(answer.outcome == faults[_i].outcome, "%s: %s, %s", faults[_i].fault,
                  github_outcome_name(answer.outcome), answer.said);
    ck_assert_ptr_nonnull(answer.said);
    if (answer.outcome == GITHUB_RETRY)
        ck_assert_int_gt(answer.retry_at_us, clock_now_us());
    g_autoptr(cJSON) figures = standin_do(&hub, "figures", "{}");
    const cJSON *elsewhere;
    cJSON_ArrayForEach(elsewhere, cJSON_GetObjectItemCaseSensitive(figures, "elsewhere"))
        ck_assert(!json_bool_or(elsewhere, "authorization", true));
}
END_TEST

START_TEST(a_secondary_limit_stops_every_role_without_asking_again)
{
    g_auto(GithubAnswer) first = ask("/orgs/course/repos");
    standin_tell(&hub, "fault", "{\"kind\": \"secondary\"}");
    g_auto(GithubAnswer) second = ask("/orgs/course/repos");
    ck_assert_int_eq(second.outcome, GITHUB_RETRY);
    g_autoptr(GithubClient) post = NULL;
    ck_assert_good((post = github_client_new(&hub.config, f.store, "post", error)) != NULL);
    g_auto(GithubAnswer) third = {0};
    const GithubCall call = {.path = "/orgs/course/repos"};
    ck_assert_good(github_call(post, &call, &third, error));
    ck_assert_int_eq(third.outcome, GITHUB_RETRY);
    ck_assert_int_eq(third.status, 0);
    g_auto(GithubBudget) budget = {0};
    ck_assert_good(github_budget_read(f.store, &budget, error));
    ck_assert_ptr_nonnull(budget.blocked_why);
    ck_assert_int_gt(budget.blocked_until_us, clock_now_us());
}
END_TEST

START_TEST(writes_are_counted_and_stop_before_the_minutes_limit)
{
    github_client_free(client);
    ck_assert_good((client = github_client_new(&hub.config, f.store, "post", error)) != NULL);
    guint n_asked = 0;
    for (guint i = 0; i < 90; i++) {
        gint64 retry_at_us = 0;
        const char *why = NULL;
        const GithubCall call = {.method = "POST", .path = "/repos/course/project-t1/check-runs", .is_content = true};
        ck_assert_good(github_budget_admit(client, &call, &retry_at_us, &why, error));
        n_asked += !why;
        if (why)
            ck_assert_int_gt(retry_at_us, clock_now_us());
    }
    ck_assert_uint_eq(n_asked, 76);
}
END_TEST

START_TEST(the_pace_follows_the_deadline_and_what_is_left)
{
    const gint64 second = CLOCK_SECOND_US, usual = 30 * second, now = 1000 * CLOCK_HOUR_US;
    GithubBudget budget = {.graphql_limit = 5000, .graphql_remaining = 4000, .graphql_reset_us = now + CLOCK_HOUR_US};
    ck_assert_int_eq(github_budget_pace_us(&budget, usual, CLOCK_DAY_US, now), usual);
    ck_assert_int_eq(github_budget_pace_us(&budget, usual, CLOCK_HOUR_US / 2, now), usual / 3);
    budget.graphql_remaining = 520; /* ten looks for an hour */
    ck_assert_int_eq(github_budget_pace_us(&budget, usual, CLOCK_HOUR_US / 2, now), CLOCK_HOUR_US / 10);
    budget.graphql_remaining = 0;
    ck_assert_int_eq(github_budget_pace_us(&budget, usual, CLOCK_DAY_US, now), CLOCK_HOUR_US);
}
END_TEST

START_TEST(graphql_with_errors_is_no_success)
{
    g_auto(GithubAnswer) right = {0};
    ck_assert_good(github_query(client, "query { rateLimit { cost remaining } }", NULL, 1, &right, error));
    ck_assert_msg(right.outcome == GITHUB_OK, "%s", right.said);
    g_auto(GithubAnswer) bad = {0};
    ck_assert_good(github_query(client, "query { nothing ", NULL, 1, &bad, error));
    ck_assert_int_ne(bad.outcome, GITHUB_OK);
    ck_assert_ptr_nonnull(bad.said);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("github");
    TCase *tests = tcase_create("client");
    tcase_set_timeout(tests, 100);
    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_jwt_is_signed_by_the_key_and_short_lived);
    tcase_add_test(tests, a_credential_file_is_closed_to_others_and_not_empty);
    tcase_add_test(tests, the_next_page_is_only_taken_from_our_own_host);
    tcase_add_test(tests, an_app_mints_a_token_once_and_again_after_a_401);
    tcase_add_test(tests, an_unchanged_answer_is_known_by_its_etag);
    tcase_add_test(tests, intake_may_not_write);
    tcase_add_loop_test(tests, each_fault_is_told_from_the_others, 0, G_N_ELEMENTS(faults));
    tcase_add_test(tests, a_secondary_limit_stops_every_role_without_asking_again);
    tcase_add_test(tests, writes_are_counted_and_stop_before_the_minutes_limit);
    tcase_add_test(tests, the_pace_follows_the_deadline_and_what_is_left);
    tcase_add_test(tests, graphql_with_errors_is_no_success);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
