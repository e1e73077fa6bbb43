/* SPDX-License-Identifier: Apache-2.0 */
/* The texts are put together from halves, so that no scanner takes this file for a leak. */
#include "graders/secrets.h"
#include "tests/unit/graders/fixture.h"

static const char *find(const char *path, const char *text)
{
    gsize line = 0;
    return secrets_find(path, text, strlen(text), &line);
}

START_TEST(issued_credentials_are_known_by_their_shape)
{
    static const char *const texts[] = {
        "key=AKIA"
        "ABCDEFGHIJKLMNOP\n",
        "ghp_"
        "0123456789abcdefghijABCDEFGHIJ012345",
        "glpat-"
        "0123456789abcdefghij",
        "xoxb-"
        "123456789012-abcdefghijkl",
        "https://hooks.slack.com/services/T"
        "0000000/B0000000/abcdefgh",
        "AIza"
        "SyA0123456789abcdefghijABCDEFGHIJ01",
        "GOCSPX-"
        "0123456789abcdefghij01234567",
        "sk_live_"
        "0123456789abcdefghijklmn",
        "-----BEGIN RSA PRIVATE"
        " KEY-----\nMIIEpAIBAAKCAQEA\n",
        "-----BEGIN PRIVATE"
        " KEY-----\\nMIIE",
        "postgres://app:"
        "Xk29dkfK@db.internal/x",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        ck_assert_msg(find("a.py", texts[i]) != NULL, "%s", texts[i]);
}
END_TEST

START_TEST(examples_and_lookalikes_are_left_alone)
{
    static const char *const texts[] = {
        "AKIA"
        "IOSFODNN7EXAMPLE",
        "XAKIA"
        "ABCDEFGHIJKLMNOP",
        "AKIA"
        "ABCDEFGHIJKLMNOPQ",
        "ghp_short",
        "https://user:password@host/",
        "https://user:$TOKEN@host/",
        "https://user:<token>@host/",
        "https://host:8080/x@y",
        "mysql://root:your_password@host",
        "-----BEGIN RSA PRIVATE"
        " KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIE",
        "-----BEGIN ",
        "://",
        "://a:",
        "",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        ck_assert_msg(find("a.py", texts[i]) == NULL, "%s", texts[i]);
}
END_TEST

START_TEST(environment_files_are_read_for_settings)
{
    ck_assert_ptr_nonnull(find(".env", "PORT=8080\nDB_PASSWORD='s3cr3tvalue'\n"));
    ck_assert_ptr_nonnull(find("svc/.env.production", "API_KEY = abcdef\n"));
    ck_assert_ptr_null(find(".env", "PORT=8080\n# API_KEY=abcdef\nTOKEN=\nSECRET=changeme\nKEY=${KEY}"));
    ck_assert_ptr_null(find(".env.example", "API_KEY=abcdef\n"));
    ck_assert_ptr_null(find("settings.py", "API_KEY=abcdef\n"));
}
END_TEST

START_TEST(the_line_is_told)
{
    static const char text[] = "a\nb\nghp_"
                               "0123456789abcdefghijABCDEFGHIJ012345\n";
    gsize line = 0;
    ck_assert_str_eq(secrets_find("x", text, strlen(text), &line), "a GitHub token");
    ck_assert_uint_eq(line, 3);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("secrets");
    tcase_add_test(tcase, issued_credentials_are_known_by_their_shape);
    tcase_add_test(tcase, examples_and_lookalikes_are_left_alone);
    tcase_add_test(tcase, environment_files_are_read_for_settings);
    tcase_add_test(tcase, the_line_is_told);
    return fixture_main(tcase, "secrets");
}
