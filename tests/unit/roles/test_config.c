/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/roles/roles.h"

#include "tests/unit/net/fixture.h"
#include "tests/unit/run_suite.h"

static Diagnostics *diagnostics;

static void setup(void)
{
    diagnostics = diagnostics_new();
}

static void teardown(void)
{
    clock_set_offset_us(0);
    diagnostics_free(diagnostics);
}

static Config *parse(const char *text)
{
    return config_parse("/etc/rubricd/rubricd.yaml", text, strlen(text), diagnostics);
}

/* The text must be refused with a message that holds `part`. */
static void refused(const char *text, const char *part)
{
    Config *config = parse(text);
    g_autofree char *messages = diagnostics_format(diagnostics);
    ck_assert_msg(config == NULL, "taken: %s", text);
    ck_assert_has(messages, part);
}

START_TEST(the_whole_of_it_is_read_and_paths_are_of_the_file)
{
    Config *config =
        parse("course: ../course\n"
              "state: /var/lib/rubricd\n"
              "grade_processes: 3\n"
              "lease: 1min\n"
              "job_timeout: 2min\n"
              "max_attempts: 5\n"
              "pretend_now: 2022-09-21T12:00:00-04:00\n"
              "accept_missing: [landlock, own-uid]\n"
              "sources:\n"
              "  - folder: {name: inbox, path: in, every: 500ms}\n"
              "  - git: {name: git}\n"
              "  - git: {name: small, repository_max: 2M}\n"
              "sinks:\n"
              "  - folder: {name: files}\n"
              "  - webhook: {name: hook, url: \"https://h/x\", secret_file: s, max_tries: 2, timeout: 3s}\n");
    g_autofree char *messages = diagnostics_format(diagnostics);
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_str_eq(config->course_folder, "/etc/course");
    ck_assert_str_eq(config->state_folder, "/var/lib/rubricd");
    ck_assert_int_eq(config->n_grade, 3);
    ck_assert_int_eq(config->lease_us, 60 * CLOCK_SECOND_US);
    ck_assert_int_eq(config->max_attempts, 5);
    ck_assert_uint_eq(config->accept_missing, BOX_PROMISE_LANDLOCK | BOX_PROMISE_OWN_UID);
    const SourceConfig *inbox = g_ptr_array_index(config->sources, 0), *git = g_ptr_array_index(config->sources, 1);
    ck_assert_str_eq(inbox->path, "/etc/rubricd/in");
    ck_assert_int_eq(inbox->interval_us, CLOCK_SECOND_US / 2);
    ck_assert_int_eq(git->interval_us, 60 * CLOCK_SECOND_US);
    const SourceConfig *small = g_ptr_array_index(config->sources, 2);
    ck_assert_int_eq(git->repository_max_bytes, G_GINT64_CONSTANT(1) << 30);
    ck_assert_int_eq(small->repository_max_bytes, 2 << 20);
    const SinkConfig *hook = g_ptr_array_index(config->sinks, 1);
    ck_assert_str_eq(hook->secret_file, "/etc/rubricd/s");
    ck_assert_int_eq(hook->max_tries, 2);
    ck_assert_int_eq(hook->timeout_ms, 3000);
    config_free(config);
}
END_TEST

START_TEST(results_on_github_go_the_way_that_the_credential_allows)
{
    g_autoptr(Config) app =
        parse("course: c\nstate: s\ngithub: {app: {id: 7, key_file: k}}\nsinks: [{github: {name: a}}]\n");
    g_autoptr(Config) token =
        parse("course: c\nstate: s\ngithub: {token_file: t}\nsinks: [{github: {name: a, timeout: 5s}}]\n");
    ck_assert(app && token);
    const SinkConfig *by_app = g_ptr_array_index(app->sinks, 0), *by_token = g_ptr_array_index(token->sinks, 0);
    ck_assert_int_eq(by_app->write, GITHUB_WRITE_CHECK_RUN);
    ck_assert_int_eq(by_token->write, GITHUB_WRITE_STATUS);
    ck_assert_int_eq(by_token->timeout_ms, 5000);
    ck_assert_int_eq(by_token->max_tries, 12);
}
END_TEST

START_TEST(slack_is_a_sink_that_gets_no_results)
{
    g_autoptr(Config) config =
        parse("course: c\nstate: s\nsinks:\n  - slack: {name: staff, url_file: u}\n"
              "  - slack: {name: ops, url_file: \"credential:ops\", every: 1h, about: [trouble], timeout: 3s}\n");
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(config->sinks->len, 0);
    const NoticeConfig *staff = g_ptr_array_index(config->notices, 0), *ops = g_ptr_array_index(config->notices, 1);
    ck_assert_str_eq(staff->url_file, "/etc/rubricd/u");
    ck_assert_int_eq(staff->every_us, 900 * CLOCK_SECOND_US);
    ck_assert(staff->about_flags && staff->about_trouble && !ops->about_flags && ops->about_trouble);
    ck_assert_int_eq(ops->every_us, CLOCK_HOUR_US);
    ck_assert_int_eq(ops->timeout_ms, 3000);
}
END_TEST

START_TEST(little_is_needed)
{
    g_autoptr(Config) config = parse("course: c\nstate: s\n");
    ck_assert_ptr_nonnull(config);
    ck_assert_int_ge(config->n_grade, 1);
    ck_assert_int_eq(config->pretend_now_us, CONFIG_REAL_TIME);
}
END_TEST

static const struct {
    const char *text, *message;
} mistakes[] = {
    {"state: s\n", "course"},
    {"course: c\n", "state"},
    {"course: c\nstate: s\nsorces: []\n", "did you mean \"sources\"?"},
    {"course: c\nstate: s\nsources: [{foldr: {name: a, path: b}}]\n", "did you mean \"folder\"?"},
    {"course: c\nstate: s\nsources: [{folder: {path: b}}]\n", "name"},
    {"course: c\nstate: s\nsources: [{folder: {name: a}}]\n", "path"},
    {"course: c\nstate: s\nsources: [folder]\n", "expected a source"},
    {"course: c\nstate: s\nsources: [{git: {name: a, path: b}}]\n", "path"},
    {"course: c\nstate: s\nsources: [{git: {name: a/b}}]\n", "no name"},
    {"course: c\nstate: s\nsources: [{git: {name: A}}]\n", "no name"},
    {"course: c\nstate: s\nsources: [{git: {name: a, every: 1ms}}]\n", "100ms"},
    {"course: c\nstate: s\nsources: [{git: {name: a}}]\nsinks: [{folder: {name: a}}]\n", "taken"},
    {"course: c\nstate: s\nsinks: [{webhook: {name: a, url: \"ftp://x\", secret_file: s}}]\n", "https://"},
    {"course: c\nstate: s\nsinks: [{webhook: {name: a, url: \"http://x\"}}]\n", "secret_file"},
    {"course: c\nstate: s\nsinks: [{github: {name: a}}]\n", "needs the connection"},
    {"course: c\nstate: s\ngithub: {token_file: t}\nsinks: [{github: {name: a, write: check_run}}]\n", "Apps only"},
    {"course: c\nstate: s\ngithub: {token_file: t}\nsinks: [{github: {name: a, write: tweet}}]\n", "check_run"},
    {"course: c\nstate: s\nsinks: [{slack: {name: a}}]\n", "url_file is missing"},
    {"course: c\nstate: s\nsinks: [{slack: {name: a, url: x, url_file: f}}]\n", "url"},
    {"course: c\nstate: s\nsinks: [{slack: {name: a, url_file: f, about: [grades]}}]\n", "no digest is about"},
    {"course: c\nstate: s\nsinks: [{slack: {name: a, url_file: f, about: []}}]\n", "expected flags"},
    {"course: c\nstate: s\nsinks: [{slack: {name: a, url_file: f, every: 10ms}}]\n", "1s"},
    {"course: c\nstate: s\ngithub: {token_file: t}\nsinks: [{github: {name: a, announce_after: 1s}}]\n",
     "only check runs"},
    {"course: c\nstate: s\ngrade_processes: 0\n", "grade_processes"},
    {"course: c\nstate: s\nlease: 10ms\n", "1s"},
    {"course: c\nstate: s\npretend_now: 9999-01-01T00:00:00Z\n", "1970"},
    {"course: c\nstate: s\npretend_now: soon\n", "soon"},
    {"course: c\nstate: s\naccept_missing: [seccomp]\n", "promises no"},
    {"- a\n", ""},
    {"", ""},
};

START_TEST(each_mistake_is_told)
{
    refused(mistakes[_i].text, mistakes[_i].message);
}
END_TEST

START_TEST(a_missing_file_is_told)
{
    ck_assert_ptr_null(config_load("/nonexistent/rubricd.yaml", diagnostics));
    g_autofree char *messages = diagnostics_format(diagnostics);
    ck_assert_has(messages, "/nonexistent/rubricd.yaml");
}
END_TEST

START_TEST(a_pretended_time_goes_on_over_restarts)
{
    g_autofree char *folder = g_dir_make_tmp("rubric-config-XXXXXX", NULL);
    fixture_write(folder, "rubricd.yaml", "course: c\nstate: state\npretend_now: 2022-09-21T12:00:00Z\n");
    g_autofree char *path = g_build_filename(folder, "rubricd.yaml", NULL);
    g_autoptr(Config) first = config_load(path, diagnostics);
    ck_assert_good(config_start_clock(first, error));
    gint64 offset_us = first->clock_offset_us;
    ck_assert_int_lt(ABS(clock_now_us() - first->pretend_now_us), 10 * CLOCK_SECOND_US);
    g_autoptr(Config) second = config_load(path, diagnostics);
    ck_assert_good(config_start_clock(second, error));
    ck_assert_int_eq(second->clock_offset_us, offset_us);

    fixture_write(folder, "rubricd.yaml", "course: c\nstate: state\npretend_now: 2023-09-21T12:00:00Z\n");
    g_autoptr(Config) other = config_load(path, diagnostics);
    ck_assert_good(config_start_clock(other, error));
    ck_assert_int_ne(other->clock_offset_us, offset_us);
    file_remove_tree(folder, NULL);
}
END_TEST

START_TEST(real_time_has_no_offset)
{
    g_autoptr(Config) config = parse("course: c\nstate: /nonexistent/s\n");
    clock_set_offset_us(5);
    ck_assert_good(config_start_clock(config, error));
    ck_assert_int_eq(config->clock_offset_us, 0);
}
END_TEST

static const char minimal[] = "course: c\nstate: s\n";

START_TEST(github_is_one_connection_with_its_credential_in_files)
{
    ck_assert(g_setenv("CREDENTIALS_DIRECTORY", "/run/cred", TRUE));
    g_autofree char *text = g_strconcat(minimal,
                                        "github:\n"
                                        "  api: https://ghe.example.edu/api/v3/\n"
                                        "  app: {id: 12, installation: 34, key_file: \"credential:app-key\"}\n"
                                        "  webhook_secret_file: hook\n",
                                        NULL);
    g_autoptr(Config) config = parse(text);
    g_autofree char *messages = diagnostics_format(diagnostics);
    ck_assert_msg(config != NULL, "%s", messages);
    ck_assert_str_eq(config->github->api, "https://ghe.example.edu/api/v3");
    ck_assert_str_eq(config->github->git, "https://ghe.example.edu");
    ck_assert_int_eq(config->github->app_id, 12);
    ck_assert_int_eq(config->github->installation_id, 34);
    ck_assert_str_eq(config->github->key_file, "/run/cred/app-key");
    ck_assert_str_eq(config->github->webhook_secret_file, "/etc/rubricd/hook");
}
END_TEST

START_TEST(a_github_connection_that_cannot_work_is_refused)
{
    static const struct {
        const char *tail, *part;
    } cases[] = {
        {"github: {}\n", "expected either app"},
        {"github: {token_file: t, app: {id: 1, key_file: k}}\n", "expected either app"},
        {"github: {app: {id: 1}}\n", "key_file is missing"},
        {"github: {token_file: t, api: \"http://hub.example.edu\"}\n", "expected a URL that starts with https://"},
        {"github: {token_file: t, git: \"https://u:p@hub.example.edu\"}\n", "expected a plain URL"},
        {"github: {token_file: \"credential:../x\"}\n", "is no name of a credential"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat(minimal, cases[i].tail, NULL);
        refused(text, cases[i].part);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tests = tcase_create("configuration");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_whole_of_it_is_read_and_paths_are_of_the_file);
    tcase_add_test(tests, github_is_one_connection_with_its_credential_in_files);
    tcase_add_test(tests, a_github_connection_that_cannot_work_is_refused);
    tcase_add_test(tests, results_on_github_go_the_way_that_the_credential_allows);
    tcase_add_test(tests, slack_is_a_sink_that_gets_no_results);
    tcase_add_test(tests, little_is_needed);
    tcase_add_loop_test(tests, each_mistake_is_told, 0, G_N_ELEMENTS(mistakes));
    tcase_add_test(tests, a_missing_file_is_told);
    tcase_add_test(tests, a_pretended_time_goes_on_over_restarts);
    tcase_add_test(tests, real_time_has_no_offset);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
