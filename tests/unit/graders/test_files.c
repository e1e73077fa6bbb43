/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/graders/fixture.h"

#include <sys/stat.h>

START_TEST(what_is_there_is_found_and_what_is_missing_is_named)
{
    fake_write("work/README.md", "# hi\n");
    fake_write("work/src/a.c", "int x;\n");
    assert_judged("files: README.md", FINDING_PASS, "as they should be");
    assert_judged("files: [README.md, \"src/**/*.c\"]", FINDING_PASS, "");
    assert_judged("files: [report.pdf, README.md, \"*.py\"]", FINDING_FAIL,
                  "there is no file \"report.pdf\"; there is no file matching \"*.py\"");
    assert_judged("files: readme.md", FINDING_FAIL,
                  "there is \"README.md\" (upper and lower case and the folder matter)");
    assert_judged("files: a.c", FINDING_FAIL, "there is \"src/a.c\"");
    assert_judged("files: {present: [src/]}", FINDING_PASS, "");
    assert_judged("files: {present: [lib/]}", FINDING_FAIL, "there is no folder");
    assert_judged("files: {present: {glob: [report.md, README.md]}}", FINDING_PASS, "");
}
END_TEST

START_TEST(what_was_found_is_evidence_for_whoever_judges_on)
{
    fake_write("work/report.md", "# Metrics\n| accuracy | 0.8 | 0.5 |\nend\n");
    g_autoptr(Finding) found = judge("files: {present: {glob: report.md, text: 'accuracy.*0'}}");
    ck_assert_str_eq(found->evidence, "\"report.md\", 39 bytes\n    | accuracy | 0.8 | 0.5 |\n");
    for (char name[] = "work/a.py"; name[5] <= 'g'; name[5]++)
        fake_write(name, "");
    g_autoptr(Finding) many = judge("files: {present: {glob: \"*.py\"}}");
    ck_assert(g_str_has_suffix(many->evidence, "\"e.py\", 0 bytes\nand 2 more\n"));
    g_autoptr(Finding) none = judge("files: {present: {glob: \"*.py\", min: 0, lacks: key}}");
    ck_assert_ptr_null(none->evidence);
}
END_TEST

START_TEST(what_must_not_be_there_is_named)
{
    fake_write("work/src/a.o", "");
    fake_write("work/src/b.o", "");
    assert_judged("files: {absent: [\"**/*.o\", node_modules]}", FINDING_FAIL,
                  "\"src/a.o\" and 1 more must not be there");
    assert_judged("files: {absent: \"**/*.pyc\"}", FINDING_PASS, "");
}
END_TEST

START_TEST(counts_and_sizes_are_held_against_bounds)
{
    fake_write("work/a.txt", "12345");
    fake_write("work/b.txt", "1");
    assert_judged("files: {present: {glob: \"*.txt\", min: 2, max: 2}}", FINDING_PASS, "");
    assert_judged("files: {present: {glob: \"*.txt\", min: 3}}", FINDING_FAIL,
                  "2 files match \"*.txt\", at least 3 must");
    assert_judged("files: {present: {glob: \"*.txt\", max: 1}}", FINDING_FAIL, "at most 1 may");
    assert_judged("files: {present: {glob: \"*.txt\", size: {max: 4}}}", FINDING_FAIL,
                  "\"a.txt\" has 5 bytes, it must have at most 4");
    assert_judged("files: {present: {glob: \"*.txt\", size: {min: 2, max: 1K}}}", FINDING_FAIL,
                  "\"b.txt\" has 1 bytes, it must have at least 2");
    assert_judged("files: {present: {glob: \"*.md\", min: 0}}", FINDING_PASS, "");
}
END_TEST

START_TEST(encodings_name_the_line_and_the_byte)
{
    fake_write("work/a.txt", "one\ntw\xc3\xb6\n");
    assert_judged("files: {present: {glob: a.txt, encoding: utf8}}", FINDING_PASS, "");
    assert_judged("files: {present: {glob: a.txt, encoding: ascii}}", FINDING_FAIL,
                  "is not plain ASCII: line 2 holds the byte 0xc3");
    fake_write("work/b.txt", "\xff\n");
    assert_judged("files: {present: {glob: b.txt, encoding: utf8}}", FINDING_FAIL, "line 1 holds the byte 0xff");
}
END_TEST

START_TEST(text_is_looked_for_in_one_and_forbidden_in_all)
{
    fake_write("work/a.py", "import os\n");
    fake_write("work/b.py", "import mlflow\nprint(1)\n");
    assert_judged("files: {present: {glob: \"*.py\", text: '^import mlflow$'}}", FINDING_PASS, "");
    assert_judged("files: {present: {glob: \"*.py\", text: tensorflow}}", FINDING_FAIL,
                  "none of the 2 files holds the text");
    assert_judged("files: {present: {glob: a.py, text: tensorflow}}", FINDING_FAIL,
                  "\"a.py\" lacks the text that it must (pattern: tensorflow)");
    assert_judged("files: {present: {glob: \"*.py\", lacks: 'print\\('}}", FINDING_FAIL,
                  "\"b.py\" holds text that it must not");
}
END_TEST

START_TEST(links_pipes_and_large_files_are_not_read)
{
    g_autofree char *link = g_build_filename(fake_root, "work", "passwd", NULL);
    g_autofree char *pipe = g_build_filename(fake_root, "work", "pipe", NULL);
    ck_assert_int_eq(symlink("/etc/passwd", link), 0);
    ck_assert_int_eq(mkfifo(pipe, 0600), 0);
    assert_judged("files: {present: {glob: passwd, text: root}}", FINDING_FAIL, "there is no file \"passwd\"");
    assert_judged("files: {present: {glob: pipe}}", FINDING_FAIL, "there is no file \"pipe\"");
    assert_judged("files: {absent: passwd}", FINDING_FAIL, "must not be there");
    g_autofree char *big = g_strnfill((1 << 20) + 1, 'a');
    fake_write("work/big.txt", big);
    assert_judged("files: {present: {glob: big.txt, lacks: b}}", FINDING_FAIL,
                  "a file that is searched may have 1 MiB at most");
}
END_TEST

START_TEST(a_tree_that_is_too_deep_is_ours_to_refuse)
{
    g_autoptr(GString) path = g_string_new("work");
    for (int i = 0; i < 70; i++)
        g_string_append(path, "/d");
    g_string_append(path, "/f");
    fake_write(path->str, "");
    assert_judged("files: x", FINDING_ERROR, "deeper than 64");
}
END_TEST

START_TEST(the_history_folder_and_odd_names_are_passed_over)
{
    fake_write("work/.git/config", "");
    fake_write("work/\xff.txt", "");
    assert_judged("files: {absent: [\".git/**\", \"*.txt\"]}", FINDING_PASS, "");
}
END_TEST

START_TEST(mistakes_are_reported)
{
    assert_reported("files: {}", "asks for nothing");
    assert_reported("files: {prezent: a}", "did you mean \"present\"?");
    assert_reported("files: /etc/passwd", "is absolute");
    assert_reported("files: [[a]]", "expected a glob");
    assert_reported("files: {present: {min: 1}}", "lacks the required key \"glob\"");
    assert_reported("files: {present: {glob: a, min: 2, max: 1}}", "min is over max");
    assert_reported("files: {present: {glob: a, size: {min: 2, max: 1}}}", "min is over max");
    assert_reported("files: {present: {glob: a, encoding: latin1}}", "encoding: expected one of");
    assert_reported("files: {absent: {glob: a, text: b}}", "unknown key \"text\" in absent");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("files");
    tcase_add_checked_fixture(tcase, fixture_open, fixture_close);
    tcase_add_test(tcase, what_is_there_is_found_and_what_is_missing_is_named);
    tcase_add_test(tcase, what_was_found_is_evidence_for_whoever_judges_on);
    tcase_add_test(tcase, what_must_not_be_there_is_named);
    tcase_add_test(tcase, counts_and_sizes_are_held_against_bounds);
    tcase_add_test(tcase, encodings_name_the_line_and_the_byte);
    tcase_add_test(tcase, text_is_looked_for_in_one_and_forbidden_in_all);
    tcase_add_test(tcase, links_pipes_and_large_files_are_not_read);
    tcase_add_test(tcase, a_tree_that_is_too_deep_is_ours_to_refuse);
    tcase_add_test(tcase, the_history_folder_and_odd_names_are_passed_over);
    tcase_add_test(tcase, mistakes_are_reported);
    return fixture_main(tcase, "files");
}
