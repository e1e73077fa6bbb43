/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/base/fixture.h"

START_TEST(a_terminal_sees_no_escape_no_bidi_and_no_broken_bytes)
{
    ck_assert_text(text_escape_terminal("a\x1b[31mb\n\t\r\x7f", 100), "a\\x1b[31mb\\n\\t\\r\\x7f");
    ck_assert_text(text_escape_terminal("x\xe2\x80\xaey", 100), "x\\u{202e}y");
    ck_assert_text(text_escape_terminal("\xff é", 100), "\xef\xbf\xbd é");
    ck_assert_text(text_escape_terminal("\xc2\x9b", 100), "\\x9b");
    ck_assert_text(text_escape_terminal("abcdef", 3), "abc…");
    ck_assert_text(text_escape_terminal("ab\n", 3), "ab…");
    ck_assert_text(text_escape_terminal("", 3), "");
}
END_TEST

START_TEST(html_has_no_markup_left)
{
    ck_assert_text(text_escape_html("<a b=\"c\" d='e'>&\x01\n"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;\\x01\n");
    ck_assert_text(text_escape_html("\xff"), "\xef\xbf\xbd");
}
END_TEST

START_TEST(markdown_mentions_nobody_and_starts_nothing)
{
    ck_assert_text(text_escape_markdown("@team #1 *b* [x](y) <i>"),
                   "&#64;&#8203;team &#35;&#8203;1 \\*b\\* \\[x\\]\\(y\\) &lt;i\\>");
    ck_assert_text(text_escape_markdown("https://x.y WWW.x.y a.b:c"), "https:&#8203;//x.y WWW.&#8203;x.y a.b:c");
    ck_assert_text(text_escape_markdown("a\nb|c"), "a b\\|c");
}
END_TEST

START_TEST(a_markdown_block_cannot_be_left)
{
    ck_assert_text(text_markdown_block("a\n```\nb", 100), "````text\na\n```\nb\n````\n");
    ck_assert_text(text_markdown_block("", 100), "```text\n```\n");
    g_autofree char *cut = text_markdown_block("abcdef", 3);
    ck_assert_ptr_nonnull(strstr(cut, "abc\n... (3 more bytes left out)\n```"));
}
END_TEST

START_TEST(no_cell_is_a_formula)
{
    ck_assert_text(text_csv_cell("plain"), "plain");
    ck_assert_text(text_csv_cell(NULL), "");
    ck_assert_text(text_csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    ck_assert_text(text_csv_cell("=1+1"), "\"'=1+1\"");
    ck_assert_text(text_csv_cell("-5"), "\"'-5\"");
    ck_assert_text(text_csv_cell("a\nb"), "\"a\nb\"");
    ck_assert_text(text_csv_cell(""), "");
}
END_TEST

START_TEST(texts_are_cut_between_characters)
{
    ck_assert_text(text_truncate("abc", 3), "abc");
    ck_assert_text(text_truncate("abcdefg", 6), "abc…");
    ck_assert_text(text_truncate("ééééé", 8), "éé…");
    ck_assert_text(text_truncate("abc", 2), "");
    ck_assert_text(text_truncate("a\xff", 10), "a\xef\xbf\xbd");
    ck_assert_text(text_last("abcdef", 6, 3), "…def");
    ck_assert_text(text_last("aéb", 4, 2), "…b");
    ck_assert_text(text_last("abc", 3, 3), "abc");
}
END_TEST

START_TEST(the_nearest_word_is_a_slip_away)
{
    static const char *const words[] = {"points", "title", "passes", NULL};
    ck_assert_str_eq(text_nearest("titel", words), "title");
    ck_assert_str_eq(text_nearest("point", words), "points");
    ck_assert_ptr_null(text_nearest("colour", words));
    ck_assert_ptr_null(text_nearest("", words));
    g_autofree char *endless = g_strnfill(10000, 'x');
    ck_assert_ptr_null(text_nearest(endless, words));
    const char *const long_words[] = {endless, NULL};
    ck_assert_ptr_null(text_nearest("x", long_words));
}
END_TEST

START_TEST(slack_mentions_nobody_and_starts_nothing)
{
    ck_assert_text(text_escape_slack("<!channel> <@U1> a&b", 100), "&lt;!channel&gt; &lt;@\u200bU1&gt; a&amp;b");
    ck_assert_text(text_escape_slack("@here https://x.y\n\x1b", 100), "@\u200bhere https:\u200b//x.y\\n\\x1b");
    ck_assert_text(text_escape_slack("<<<<<<<<", 4), "&lt;…");
    ck_assert_text(text_escape_slack("\xff", 100), "\xef\xbf\xbd");
}
END_TEST

START_TEST(a_number_is_digits_alone)
{
    const gsize few = 3;
    ck_assert(text_is_digits("0", few));
    ck_assert(text_is_digits("007", few));
    ck_assert(!text_is_digits("1234", few));
    ck_assert(text_is_digits("1234", G_MAXSIZE));
    const char *const others[] = {NULL, "", " 1", "1 ", "+1", "-1", "1.", "0x1", "1a", "\v1", "\xd9\xa1"};
    for (gsize i = 0; i < G_N_ELEMENTS(others); i++)
        ck_assert(!text_is_digits(others[i], G_MAXSIZE));
}
END_TEST

START_TEST(a_place_is_a_line_and_a_character_of_it)
{
    static const char text[] = "a\n\xc3\xa9\xc3\xa9x\n";
    static const struct {
        gsize at;
        int line, column;
    } places[] = {{0, 1, 1}, {1, 1, 2}, {2, 2, 1}, {4, 2, 2}, {6, 2, 3}, {8, 3, 1}};
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        int line, column;
        text_place(text, text + places[i].at, &line, &column);
        ck_assert_int_eq(line, places[i].line);
        ck_assert_int_eq(column, places[i].column);
    }
}
END_TEST

START_TEST(every_code_has_a_name_and_errno_chooses_it)
{
    ck_assert_str_eq(rubric_error_name(RUBRIC_ERROR_NOT_FOUND), "not-found");
    ck_assert_str_eq(rubric_error_name((RubricError)99), "unknown");
    ck_assert_fails(error_set_errno(error, 2 /* ENOENT */, "x"), RUBRIC_ERROR_NOT_FOUND);
    ck_assert_fails(error_set_errno(error, 13 /* EACCES */, "x"), RUBRIC_ERROR_DENIED);
    ck_assert_fails(error_set_errno(error, 5 /* EIO */, "x"), RUBRIC_ERROR_SYSTEM);
    ck_assert(!error_set(NULL, RUBRIC_ERROR_BUG, "nobody listens"));
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("text");
    tcase_add_test(tcase, a_terminal_sees_no_escape_no_bidi_and_no_broken_bytes);
    tcase_add_test(tcase, html_has_no_markup_left);
    tcase_add_test(tcase, markdown_mentions_nobody_and_starts_nothing);
    tcase_add_test(tcase, slack_mentions_nobody_and_starts_nothing);
    tcase_add_test(tcase, a_markdown_block_cannot_be_left);
    tcase_add_test(tcase, no_cell_is_a_formula);
    tcase_add_test(tcase, texts_are_cut_between_characters);
    tcase_add_test(tcase, the_nearest_word_is_a_slip_away);
    tcase_add_test(tcase, a_number_is_digits_alone);
    tcase_add_test(tcase, a_place_is_a_line_and_a_character_of_it);
    tcase_add_test(tcase, every_code_has_a_name_and_errno_chooses_it);
    return fixture_main(tcase, "text");
}
