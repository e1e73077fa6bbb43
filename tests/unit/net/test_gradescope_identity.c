/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/gradescope_identity.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>

static void check_identity(const Assignment *assignment, const char *key, const char *external_id)
{
    g_autoptr(Submission) submission = g_new0(Submission, 1);
    submission->source = g_strdup("inbox");
    submission->revision = g_strdup("0123abcd");
    gradescope_identify(submission, assignment, key);
    ck_assert_str_eq(submission->source, "gradescope");
    ck_assert_str_eq(submission->external_id, external_id);
    ck_assert_str_eq(submission->revision, "submitted");
}

START_TEST(every_way_of_naming_a_submission_is_the_same_one)
{
    Assignment assignment = {.id = (char *)"m1", .gradescope_id = (char *)"77"};
    check_identity(&assignment, "submission_12", "m1:submission_12");
    check_identity(&assignment, "submission_12.pdf", "m1:submission_12");
    check_identity(&assignment, "12", "m1:submission_12");
    assignment.gradescope_id = NULL;
    check_identity(&assignment, "12", "m1:submission_12");
}
END_TEST

START_TEST(another_name_stands_for_itself)
{
    const Assignment assignment = {.id = (char *)"m1"};
    static const char *const keys[] = {"submission_", "submission_12x",   "late", "submission_-1",        "",
                                       "team.12",     "submission_1_2.c", "1 2",  "123456789012345678901"};
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *external_id = g_strconcat("m1:", keys[i], NULL);
        ck_assert_ptr_null(gradescope_submission_number(keys[i]));
        check_identity(&assignment, keys[i], external_id);
    }
}
END_TEST

START_TEST(an_unknown_assignment_takes_no_ones_place)
{
    check_identity(NULL, "submission_12", "?:submission_12");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("gradescope_identity");
    TCase *tcase = tcase_create("core");
    tcase_add_test(tcase, every_way_of_naming_a_submission_is_the_same_one);
    tcase_add_test(tcase, another_name_stands_for_itself);
    tcase_add_test(tcase, an_unknown_assignment_takes_no_ones_place);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
